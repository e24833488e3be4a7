//! RB0143, RB0200 to RB0202 and RB0204 to RB0206: what a team file says of itself that cannot be so.

use std::collections::BTreeSet;

use crate::diagnostic::{Code, Diagnostic, suggest};
use crate::document::model::SecretSource;
use crate::document::team::{ChannelKind, Group, Team};
use crate::source::Spanned;

/// Checks a team file by itself. `missing` says why a secret is not there, as far as that can be seen.
pub(super) fn check(team: &Team, missing: &dyn Fn(&SecretSource) -> Option<String>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    names(team, &mut found);
    for (name, group) in &team.teams {
        on_call(team, name, group, &mut found);
        teams_within(team, name, group, &mut found);
    }
    for (name, person) in &team.people {
        let Some(of) = &person.team else { continue };
        let Some(group) = team.teams.get(&of.value) else { continue };
        if !group.members.iter().any(|member| member.value == *name) {
            let title = format!("`{name}` is no member of `{}`", of.value);
            let help = format!("add `{name}` to its `members`, or leave `team` out here");
            let problem = Diagnostic::new(Code::NotAMember, of.span, title).help(help);
            found.push(
                problem.label("who is told with that team is told without them").related(group.span, "its members"),
            );
        }
    }
    channels(team, missing, &mut found);
    found
}

/// Channels and teams that are named and not there. A member needs no entry of their own: who has none is told through
/// the team's channels.
fn names(team: &Team, found: &mut Vec<Diagnostic>) {
    let channels: Vec<&str> = team.channels.keys().map(String::as_str).collect();
    let teams: Vec<&str> = team.teams.keys().map(String::as_str).collect();
    let notify = team.people.values().flat_map(|person| &person.notify);
    for channel in notify.chain(team.teams.values().flat_map(|group| &group.notify)) {
        unknown(channel, "channel", &channels, found);
    }
    for of in team.people.values().filter_map(|person| person.team.as_ref()) {
        unknown(of, "team", &teams, found);
    }
}

fn unknown(name: &Spanned<String>, what: &str, known: &[&str], found: &mut Vec<Diagnostic>) {
    if !known.contains(&name.value.as_str()) {
        let near = suggest(&name.value, known.iter().copied()).map(|near| format!("did you mean `{near}`?"));
        let title = format!("no {what} is called `{}`", name.value);
        found.push(Diagnostic::new(Code::UnknownParty, name.span, title).maybe_help(near));
    }
}

fn on_call(team: &Team, name: &str, group: &Group, found: &mut Vec<Diagnostic>) {
    let Some(on_call) = &group.on_call else { return };
    let members: Vec<&str> = group.members.iter().map(|member| member.value.as_str()).collect();
    if members.contains(&on_call.value.as_str()) {
        return;
    }
    if !team.people.contains_key(&on_call.value) {
        let known: Vec<&str> = members.into_iter().chain(team.people.keys().map(String::as_str)).collect();
        return unknown(on_call, "person", &known, found);
    }
    let title = format!("`{}` is on call for `{name}` and no member of it", on_call.value);
    let help = format!("add `{}` to its `members`", on_call.value);
    let label = "an acknowledgement by them would not count for the team";
    found.push(Diagnostic::new(Code::OnCallNotMember, on_call.span, title).label(label).help(help));
}

fn teams_within(team: &Team, name: &str, group: &Group, found: &mut Vec<Diagnostic>) {
    for member in &group.members {
        let Some(inner) = team.teams.get(&member.value).filter(|_| !team.people.contains_key(&member.value)) else {
            continue;
        };
        let label = if member.value == name {
            "a team within itself"
        } else if leads_to(team, inner, name) {
            "each is within the other"
        } else {
            "a team"
        };
        let title = format!("`{}` is a team, and cannot be a member of `{name}`", member.value);
        let help = "name its people, or let the runbook tell both teams: `to: [one, other]`";
        found.push(Diagnostic::new(Code::TeamInTeam, member.span, title).label(label).help(help));
    }
}

/// Whether a team's members lead back to a team, however many teams lie between.
fn leads_to(team: &Team, from: &Group, to: &str) -> bool {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut left: Vec<&Group> = vec![from];
    while let Some(group) = left.pop() {
        for member in &group.members {
            if member.value == to {
                return true;
            }
            if seen.insert(&member.value) {
                left.extend(team.teams.get(&member.value));
            }
        }
    }
    false
}

fn channels(team: &Team, missing: &dyn Fn(&SecretSource) -> Option<String>, found: &mut Vec<Diagnostic>) {
    let by_people = team.people.values().flat_map(|person| &person.notify);
    let used: BTreeSet<&str> = by_people
        .chain(team.teams.values().flat_map(|group| &group.notify))
        .map(|channel| channel.value.as_str())
        .collect();
    for (name, channel) in &team.channels {
        if !used.contains(name.as_str()) {
            let title = format!("nobody is told by `{name}`");
            let help = "name it under the `notify` of a person or a team, or leave it out";
            found.push(Diagnostic::new(Code::ChannelUnused, channel.span, title).help(help));
        }
        match &channel.kind {
            ChannelKind::PagerDuty { endpoint: Some(url), .. } | ChannelKind::Webhook { url, .. } => {
                bad(url, url_problem(&url.value), "https://alerts.example.com/runbook", found);
            }
            ChannelKind::Email { to, from, .. } => {
                for address in std::iter::once(to).chain(from) {
                    bad(address, mail_problem(&address.value), "ops@example.com", found);
                }
            }
            ChannelKind::Slack { .. } | ChannelKind::PagerDuty { endpoint: None, .. } | ChannelKind::Command(_) => {}
        }
        if let Some(secret) = channel.secret()
            && let Some(why) = missing(&secret.value)
        {
            let title = format!("`{name}` has no secret here: {why}");
            let label = "until it is there, the next channel is used";
            let help = "set it where the engine is started, and try it with `runbook team --test`";
            found.push(Diagnostic::new(Code::ChannelWithoutSecret, secret.span, title).label(label).help(help));
        }
    }
}

fn bad(text: &Spanned<String>, problem: Option<&str>, example: &str, found: &mut Vec<Diagnostic>) {
    if let Some(problem) = problem {
        let title = format!("`{}` is no address that can be sent to", text.value);
        let help = format!("write it as `{example}`");
        found.push(Diagnostic::new(Code::BadAddress, text.span, title).label(problem).help(help));
    }
}

/// What is wrong with an address of the web.
fn url_problem(url: &str) -> Option<&'static str> {
    let Some(rest) = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")) else {
        return Some("it begins with neither `https://` nor `http://`");
    };
    if url.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Some("there is a blank in it");
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Some("a name or password in it would be read by everybody who reads the file");
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        Some(_) | None => (authority, None),
    };
    let is_host = |host: &str| match host.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']').is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok()),
        None => !host.is_empty() && host.chars().all(|c| c.is_alphanumeric() || "-._".contains(c)),
    };
    if !is_host(host) {
        return Some("there is no host in it");
    }
    let bad_port = port.is_some_and(|port| !port.parse::<u16>().is_ok_and(|port| port > 0));
    bad_port.then_some("its port is none")
}

/// What is wrong with an address of a mailbox.
fn mail_problem(address: &str) -> Option<&'static str> {
    let Some((name, host)) = address.rsplit_once('@') else { return Some("there is no `@` in it") };
    let is_name = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~.-".contains(c);
    if name.is_empty() || !name.chars().all(is_name) || name.starts_with('.') || name.ends_with('.') {
        return Some("what stands before the `@` is no mailbox");
    }
    let is_label = |label: &str| {
        !label.is_empty() && !label.starts_with('-') && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    (!host.split('.').all(is_label)).then_some("what stands behind the `@` is no host")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_what_is_none() {
        for right in [
            "https://x.example/a?b",
            "http://127.0.0.1:8080",
            "https://[::1]:8443/in",
            "https://events.eu.pagerduty.com",
        ] {
            assert_eq!(url_problem(right), None, "{right}");
        }
        for wrong in [
            "x.example",
            "ftp://x",
            "https://",
            "https:///a",
            "https://a b",
            "https://u:p@x",
            "https://x:0",
            "https://x:port/",
        ] {
            assert!(url_problem(wrong).is_some(), "{wrong}");
        }
        for right in ["ops@example.com", "a.b+c@localhost"] {
            assert_eq!(mail_problem(right), None, "{right}");
        }
        for wrong in ["ops", "@x", "a@", "a b@x", "Ops <ops@x>", "a@x..y", "a@x\nBcc: b@y", ".a@x"] {
            assert!(mail_problem(wrong).is_some(), "{wrong}");
        }
    }
}
