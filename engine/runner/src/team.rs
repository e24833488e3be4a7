//! Who is told, by which channels, and whom the operator calls when no channel works.

use runbook_core::document::team::{Person, Team};
use runbook_core::source::Spanned;

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
}

/// Finds the way to a person or a team: of a team who is on call first, by that person's own channels, then by the
/// team's. Names the team file does not know have no way and no people.
#[must_use]
pub fn route(team: &Team, to: &str) -> Route {
    let mut route = Route { to: to.to_owned(), people: Vec::new(), tries: Vec::new() };
    if let Some(group) = team.teams.get(to) {
        let on_call = group.on_call.as_ref().map(|name| name.value.as_str());
        let others = group.members.iter().map(|name| name.value.as_str()).filter(|name| Some(*name) != on_call);
        for name in on_call.into_iter().chain(others) {
            route.people.push(contact(name, team.people.get(name)));
        }
        if let Some((name, person)) = on_call.and_then(|name| Some((name, team.people.get(name)?))) {
            route.add(&person.notify, name);
        }
        route.add(&group.notify, to);
    } else if let Some(person) = team.people.get(to) {
        route.people.push(contact(to, Some(person)));
        route.add(&person.notify, to);
    }
    route
}

impl Route {
    fn add(&mut self, channels: &[Spanned<String>], addressee: &str) {
        for channel in channels {
            if !self.tries.iter().any(|known| known.channel == channel.value) {
                self.tries.push(Try { channel: channel.value.clone(), addressee: addressee.to_owned() });
            }
        }
    }
}

fn contact(account: &str, person: Option<&Person>) -> String {
    match person {
        None => account.to_owned(),
        Some(Person { name, phone: None, .. }) => format!("{name} ({account})"),
        Some(Person { name, phone: Some(phone), .. }) => format!("{name} ({account}), {phone}"),
    }
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;
    use runbook_core::document::team::Group;
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

    fn tries(route: &Route) -> Vec<(&str, &str)> {
        route.tries.iter().map(|way| (way.channel.as_str(), way.addressee.as_str())).collect()
    }

    #[test]
    fn of_a_team_who_is_on_call_is_told_first() {
        let route = route(&team(), "networking");
        assert_eq!(route.people, ["Ben Sparrow (bsparrow), +1 555 0101", "Ada Kim (akim)"]);
        assert_eq!(tries(&route), [("pager", "bsparrow"), ("slack", "networking")]);
    }

    #[test]
    fn a_person_is_told_by_their_own_channels() {
        assert_eq!(tries(&route(&team(), "akim")), [("mail", "akim")]);
        let nobody = route(&team(), "nobody");
        assert!(nobody.tries.is_empty() && nobody.people.is_empty());
    }
}
