//! Who is told, by which channels, and whom the operator calls when no channel works.

use std::collections::BTreeSet;

use runbook_core::document::model::Work;
use runbook_core::document::team::Team;
use runbook_core::plan::Plan;
use runbook_core::source::{Span, Spanned};

/// How somebody named in a runbook is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The person or team, as named in the runbook.
    pub to: String,
    /// Names and telephone numbers, who is on call first.
    pub people: Vec<String>,
    /// What is tried, in order, until one works.
    pub tries: Vec<Try>,
}

/// One way to reach somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Try {
    /// Name of the channel.
    pub channel: String,
    /// Who is addressed: a person's account, or the team.
    pub addressee: String,
    /// The team in whose place a person is told by a channel of their own.
    pub of: Option<String>,
}

impl Try {
    /// The person that is told in the place of the team `to`; `None` where `to` itself is.
    #[must_use]
    pub fn person(&self, to: &str) -> Option<String> {
        self.of.as_deref().filter(|of| *of == to).map(|_| self.addressee.clone())
    }
}

/// Finds the way to a person or a team. Of a team: who is on call, by that person's own channels, then the team's, then
/// the other members' own. A person without channels of their own is told by those of their teams. Names the team file
/// does not know have no way and no people.
#[must_use]
pub fn route(team: &Team, to: &str) -> Route {
    let mut route = Route { to: to.to_owned(), people: team.contacts(to), tries: Vec::new() };
    if let Some(group) = team.teams.get(to) {
        let on_call = group.on_call.as_ref().map(|name| name.value.as_str());
        let own = |name: &str| team.people.get(name).map(|person| person.notify.as_slice()).unwrap_or_default();
        if let Some(name) = on_call {
            route.add(own(name), name, Some(to));
        }
        route.add(&group.notify, to, None);
        for name in group.in_order().filter(|name| Some(*name) != on_call) {
            route.add(own(name), name, Some(to));
        }
        return route;
    }
    if let Some(person) = team.people.get(to) {
        route.add(&person.notify, to, None);
    }
    if route.tries.is_empty() {
        let is_member = |name: &Spanned<String>| name.value == to;
        for group in team.teams.values().filter(|group| group.members.iter().any(is_member)) {
            route.add(&group.notify, to, None);
        }
        if route.people.is_empty() && !route.tries.is_empty() {
            route.people.push(to.to_owned());
        }
    }
    route
}

impl Route {
    fn add(&mut self, channels: &[Spanned<String>], addressee: &str, of: Option<&str>) {
        for channel in channels {
            // The same channel again would bring it to the same place, but a person's own is another's too.
            let is_known =
                |known: &Try| known.channel == channel.value && (known.of.is_none() || known.addressee == addressee);
            if !self.tries.iter().any(is_known) {
                let (channel, addressee) = (channel.value.clone(), addressee.to_owned());
                self.tries.push(Try { channel, addressee, of: of.map(str::to_owned) });
            }
        }
    }

    /// Names and numbers on a line; the name itself where nobody is known behind it.
    #[must_use]
    pub fn whom(&self) -> String {
        if self.people.is_empty() { self.to.clone() } else { self.people.join("; ") }
    }
}

/// Where the secrets stand of the channels by which a runbook may tell people.
#[must_use]
pub fn secrets_in_use(plan: &Plan, team: &Team) -> BTreeSet<Span> {
    let mut named: BTreeSet<&str> = BTreeSet::new();
    for step in &plan.document().steps {
        named.extend(step.escalation.iter().flat_map(|escalation| &escalation.to).map(|to| to.value.as_str()));
        if let Work::Ask(asking) | Work::Instruct(asking) = &step.body.work {
            named.extend(asking.to.iter().map(|to| to.value.as_str()));
        }
    }
    let ways = named.into_iter().flat_map(|name| route(team, name).tries);
    ways.filter_map(|way| Some(team.channels.get(&way.channel)?.secret()?.span)).collect()
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;
    use runbook_core::document::team::{Group, Person};
    use runbook_core::source::Span;

    use super::*;

    fn names(list: &[&str]) -> Vec<Spanned<String>> {
        list.iter().map(|name| Spanned { value: (*name).to_owned(), span: Span::default() }).collect()
    }

    fn person(name: &str, phone: Option<&str>, notify: &[&str]) -> Person {
        Person {
            span: Span::default(),
            name: name.to_owned(),
            team: None,
            phone: phone.map(str::to_owned),
            notify: names(notify),
        }
    }

    fn team() -> Team {
        let group = Group {
            span: Span::default(),
            members: names(&["akim", "bsparrow"]),
            on_call: names(&["bsparrow"]).pop(),
            notify: names(&["slack", "pager"]),
        };
        Team {
            people: IndexMap::from([
                ("akim".to_owned(), person("Ada Kim", None, &["mail"])),
                ("bsparrow".to_owned(), person("Ben Sparrow", Some("+1 555 0101"), &["pager"])),
            ]),
            teams: IndexMap::from([("networking".to_owned(), group)]),
            ..Team::default()
        }
    }

    fn tries(route: &Route) -> Vec<(&str, &str, Option<String>)> {
        route.tries.iter().map(|way| (way.channel.as_str(), way.addressee.as_str(), way.person(&route.to))).collect()
    }

    #[test]
    fn of_a_team_who_is_on_call_is_told_first_and_the_others_when_nothing_else_works() {
        let route = route(&team(), "networking");
        assert_eq!(route.people, ["Ben Sparrow (bsparrow), +1 555 0101", "Ada Kim (akim)"]);
        let person = |name: &str| Some(name.to_owned());
        assert_eq!(
            tries(&route),
            [
                ("pager", "bsparrow", person("bsparrow")),
                ("slack", "networking", None),
                ("pager", "networking", None),
                ("mail", "akim", person("akim")),
            ]
        );
    }

    #[test]
    fn a_person_is_told_by_their_own_channels_else_by_their_teams() {
        assert_eq!(tries(&route(&team(), "akim")), [("mail", "akim", None)]);
        let mut without = team();
        without.people.shift_remove("akim");
        let route_of = |name: &str| route(&without, name);
        assert_eq!(tries(&route_of("akim")), [("slack", "akim", None), ("pager", "akim", None)]);
        assert_eq!(route_of("akim").people, ["akim"]);
        let nobody = route_of("nobody");
        assert!(nobody.tries.is_empty() && nobody.people.is_empty());
    }
}
