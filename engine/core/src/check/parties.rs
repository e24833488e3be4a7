//! RB0143 and RB0146: people, teams and hosts that the team file does not have, and a runbook without an owner.

use super::context::{Context, bodies};
use crate::diagnostic::{Code, Diagnostic, suggest};
use crate::document::address::Address;
use crate::document::model::{Approve, Surroundings, Work};
use crate::document::team::Team;
use crate::source::Spanned;

pub(super) fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let mut found = owner(context);
    let everywhere = context.document.steps.iter().flat_map(bodies).map(|body| &body.surroundings);
    for surroundings in std::iter::once(&context.document.defaults.surroundings).chain(everywhere) {
        hosts(context.team, surroundings, &mut found);
    }
    let Some(team) = context.team else { return found };
    for step in &context.document.steps {
        let id = &step.id.value;
        for body in bodies(step) {
            if let Work::Ask(asking) | Work::Instruct(asking) = &body.work {
                parties(team, &asking.to, &format!("`{id}` asks them"), &mut found);
            }
        }
        if let Some(escalation) = &step.escalation {
            parties(team, &escalation.to, &format!("`{id}` tells them"), &mut found);
        }
        if let Some(Approve::People(approval)) = step.approve.as_ref().map(|approve| &approve.value) {
            parties(team, &approval.from, &format!("they approve `{id}`"), &mut found);
        }
    }
    found
}

fn owner(context: &Context<'_>) -> Vec<Diagnostic> {
    let name = &context.document.name;
    let Some(owner) = &context.document.owner else {
        let title = format!("nobody owns `{}`", name.value);
        let help = "add `owner:` with a team";
        return vec![Diagnostic::new(Code::NoOwner, name.span, title).label("no `owner` beside it").help(help)];
    };
    let Some(team) = context.team.filter(|team| !team.teams.contains_key(&owner.value)) else { return Vec::new() };
    let title = format!("the owner `{}` is no team", owner.value);
    let is_person = team.people.contains_key(&owner.value);
    let label = if is_person { "a person, who has nights off" } else { "not in the team file" };
    let near = suggest(&owner.value, team.teams.keys().map(String::as_str));
    let help = near.map(|near| format!("did you mean `{near}`?"));
    vec![Diagnostic::new(Code::NoOwner, owner.span, title).label(label).maybe_help(help)]
}

fn parties(team: &Team, named: &[Spanned<String>], label: &str, found: &mut Vec<Diagnostic>) {
    // Who is a member of a team need not have an entry of their own.
    let members = || team.teams.values().flat_map(|group| &group.members).map(|member| member.value.as_str());
    for party in named {
        let known = || team.teams.keys().chain(team.people.keys()).map(String::as_str).chain(members());
        if !known().any(|name| name == party.value) {
            found.push(unknown("person or team", party, known(), label));
        }
    }
}

fn hosts(team: Option<&Team>, surroundings: &Surroundings, found: &mut Vec<Diagnostic>) {
    let Some(on) = &surroundings.on else { return };
    let Some(host) = on.value.literal_text() else { return };
    let label = "what runs here would find no machine";
    if host.starts_with("ssh:") && Address::parse(&host).is_none() {
        let title = format!("`{host}` is no address of a host");
        let help = "write `ssh://user@host` or `ssh://user@host:port`";
        found.push(Diagnostic::new(Code::UnknownParty, on.span, title).label(label).help(help));
        return;
    }
    let Some(team) = team else { return };
    if host == "local" || host.starts_with("ssh:") || team.hosts.contains_key(&host) {
        return;
    }
    let known = team.hosts.keys().map(String::as_str).chain(["local"]);
    let host = Spanned::new(host, on.span);
    found.push(unknown("host", &host, known, label));
}

fn unknown<'n>(what: &str, name: &Spanned<String>, known: impl Iterator<Item = &'n str>, label: &str) -> Diagnostic {
    let near = suggest(&name.value, known);
    let help = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("add the {what} to the team file"),
    };
    let title = format!("there is no {what} `{}`", name.value);
    Diagnostic::new(Code::UnknownParty, name.span, title).label(label).help(help)
}
