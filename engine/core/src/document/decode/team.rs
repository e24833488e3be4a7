//! A team file.

use indexmap::IndexMap;
use jiff::civil::{Time, Weekday};

use super::commands::words;
use super::fields::{Fields, named};
use super::file::secret;
use super::people::parties;
use super::text::{Least, duration, flag, one_of, text};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::document::address::Address;
use crate::document::model::SecretSource;
use crate::document::shape::{
    CHANNEL, CHANNEL_EMAIL, CHANNEL_PAGERDUTY, CHANNEL_SLACK, CHANNEL_WEBHOOK, GROUP, HOURS, Names, PERSON, POLICY,
    TEAM,
};
use crate::document::team::{Channel, ChannelKind, Group, Hours, Person, Policy, Team};
use crate::document::{Cursor, Shape};
use crate::source::Spanned;

/// A team file. An empty one is a team of nobody.
pub(super) fn team(root: Cursor<'_>, sink: &mut Diagnostics) -> Option<Team> {
    if root.shape() == Shape::Null {
        return Some(Team::default());
    }
    let fields = Fields::read(root, &TEAM, sink)?;
    Some(Team {
        people: all(&fields, "people", "a person", sink, person),
        teams: all(&fields, "teams", "a team", sink, group),
        channels: all(&fields, "channels", "a channel", sink, channel),
        hosts: all(&fields, "hosts", "a host", sink, |_, cursor, sink| host(cursor, sink)),
        hours: all(&fields, "hours", "hours", sink, hours),
        policy: fields.get("policy").and_then(|value| policy(value, sink)).unwrap_or_default(),
    })
}

/// The named entries of a key.
fn all<T>(
    fields: &Fields<'_>,
    key: &str,
    what: &str,
    sink: &mut Diagnostics,
    read: impl Fn(Spanned<&str>, Cursor<'_>, &mut Diagnostics) -> Option<T>,
) -> IndexMap<String, T> {
    let entries = fields.get(key).map(|cursor| named(cursor, Names::Account, what, sink)).unwrap_or_default();
    let mut all = IndexMap::new();
    for (name, value) in entries {
        if let Some(value) = read(name, value, sink) {
            all.insert(name.value.to_owned(), value);
        }
    }
    all
}

fn person(name: Spanned<&str>, cursor: Cursor<'_>, sink: &mut Diagnostics) -> Option<Person> {
    let fields = Fields::read(cursor, &PERSON, sink)?;
    let called = fields.get("name").and_then(|name| text(name, sink));
    Some(Person {
        span: name.span,
        name: called.map_or_else(|| name.value.to_owned(), |called| called.value),
        team: fields.get("team").and_then(|team| text(team, sink)),
        phone: fields.get("phone").and_then(|cursor| phone(cursor, sink)),
        notify: parties(fields.get("notify"), sink),
    })
}

fn group(name: Spanned<&str>, cursor: Cursor<'_>, sink: &mut Diagnostics) -> Option<Group> {
    let fields = Fields::read(cursor, &GROUP, sink)?;
    Some(Group {
        span: name.span,
        // A team that is told through its channel alone has none.
        members: fields
            .get("members")
            .map(|list| list.one_or_items(sink).into_iter().filter_map(|member| text(member, sink)).collect())
            .unwrap_or_default(),
        on_call: fields.get("on_call").and_then(|person| text(person, sink)),
        notify: parties(fields.get("notify"), sink),
    })
}

fn channel(name: Spanned<&str>, cursor: Cursor<'_>, sink: &mut Diagnostics) -> Option<Channel> {
    let fields = Fields::read(cursor, &CHANNEL, sink)?;
    let timeout = fields.get("timeout").and_then(|timeout| duration(timeout, Least::Some, sink));
    let kind = channel_kind(&fields, sink)?;
    Some(Channel { span: name.span, kind, timeout: timeout.map(|timeout| timeout.value) })
}

fn channel_kind(fields: &Fields<'_>, sink: &mut Diagnostics) -> Option<ChannelKind> {
    if let Some(words) = fields.get("command") {
        return self::words(words, sink).map(|words| ChannelKind::Command(words.value));
    }
    if let Some(slack) = fields.get("slack") {
        let fields = Fields::read(slack, &CHANNEL_SLACK, sink)?;
        return Some(ChannelKind::Slack { webhook: source(&fields, "webhook", sink)? });
    }
    if let Some(pagerduty) = fields.get("pagerduty") {
        let fields = Fields::read(pagerduty, &CHANNEL_PAGERDUTY, sink)?;
        let endpoint = fields.get("endpoint").and_then(|endpoint| text(endpoint, sink));
        return Some(ChannelKind::PagerDuty { routing_key: source(&fields, "routing_key", sink)?, endpoint });
    }
    if let Some(email) = fields.get("email") {
        let fields = Fields::read(email, &CHANNEL_EMAIL, sink)?;
        let to = fields.get("to").and_then(|to| text(to, sink));
        let from = fields.get("from").and_then(|from| text(from, sink));
        let smtp = source(&fields, "smtp", sink);
        return Some(ChannelKind::Email { to: to?, from, smtp: smtp? });
    }
    let fields = Fields::read(fields.get("webhook")?, &CHANNEL_WEBHOOK, sink)?;
    let url = fields.get("url").and_then(|url| text(url, sink));
    let secret = source(&fields, "secret", sink);
    Some(ChannelKind::Webhook { url: url?, secret })
}

fn source(fields: &Fields<'_>, key: &str, sink: &mut Diagnostics) -> Option<Spanned<SecretSource>> {
    fields.get(key).and_then(|cursor| secret(cursor, sink))
}

/// A telephone number. Without quotes it is a number, and loses its plus and its first zeros.
fn phone(cursor: Cursor<'_>, sink: &mut Diagnostics) -> Option<String> {
    let written = cursor.as_word(sink)?;
    let is_number = matches!(cursor.shape(), Shape::Integer | Shape::Number);
    if is_number || !written.value.contains(|c: char| c.is_ascii_digit()) {
        let label = if is_number { "read as a number" } else { "there is no digit in it" };
        let help = if is_number {
            format!("put it in quotes: `\"{}\"`", written.value)
        } else {
            "write the number to call, such as `\"+1 555 0100\"`".to_owned()
        };
        let title = format!("`{}` is no telephone number", written.value);
        sink.push(Diagnostic::new(Code::PhoneNotText, written.span, title).label(label).help(help));
        return None;
    }
    Some(written.value.to_owned())
}

fn host(cursor: Cursor<'_>, sink: &mut Diagnostics) -> Option<Spanned<String>> {
    let text = text(cursor, sink)?;
    if Address::parse(&text.value).is_none() {
        let title = format!("`{}` is no address of a host", text.value);
        sink.push(
            Diagnostic::new(Code::WrongType, text.span, title)
                .help("write `ssh://user@host` or `ssh://user@host:port`"),
        );
        return None;
    }
    Some(text)
}

fn hours(name: Spanned<&str>, cursor: Cursor<'_>, sink: &mut Diagnostics) -> Option<Hours> {
    let fields = Fields::read(cursor, &HOURS, sink)?;
    let days = fields.get("days").and_then(|cursor| days(cursor, sink));
    let from = fields.get("from").and_then(|cursor| clock(cursor, sink));
    let to = fields.get("to").and_then(|cursor| clock(cursor, sink));
    let zone = fields.get("zone").and_then(|cursor| zone(cursor, sink));
    Some(Hours { span: name.span, days: days?, from: from?, to: to?, zone: zone? })
}

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

/// `mon-fri`, `sat`, or a list of such.
fn days(cursor: Cursor<'_>, sink: &mut Diagnostics) -> Option<Vec<Weekday>> {
    let position = |text: &str| DAYS.iter().position(|(name, _)| *name == text.trim());
    let mut all: Vec<Weekday> = Vec::new();
    let mut right = true;
    for item in cursor.one_or_items(sink) {
        let text = item.as_text(sink)?;
        for part in text.value.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (Some(first), Some(last)) = (position(first), position(last)) else {
                let title = format!("`{}` is no day", part.trim());
                let help = "write `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`, or `mon-fri`";
                sink.push(Diagnostic::new(Code::BadDuration, text.span, title).help(help));
                right = false;
                continue;
            };
            // `sat-mon` goes over the end of the week.
            let length = (last + DAYS.len() - first) % DAYS.len() + 1;
            for (_, day) in DAYS.iter().cycle().skip(first).take(length) {
                if !all.contains(day) {
                    all.push(*day);
                }
            }
        }
    }
    if all.is_empty() && right {
        cursor.wrong_type("days, such as `mon-fri`", sink);
    }
    (right && !all.is_empty()).then_some(all)
}

/// `09:00`.
fn clock(cursor: Cursor<'_>, sink: &mut Diagnostics) -> Option<Time> {
    let text = cursor.as_text(sink)?;
    let read = || {
        let (hour, minute) = text.value.split_once(':')?;
        let digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(hour) || !digits(minute) {
            return None;
        }
        Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
    };
    let time = read();
    if time.is_none() {
        let title = format!("`{}` is no time of day", text.value);
        sink.push(Diagnostic::new(Code::BadDuration, text.span, title).help("write it as `\"09:00\"`"));
    }
    time
}

fn zone(cursor: Cursor<'_>, sink: &mut Diagnostics) -> Option<String> {
    let text = text(cursor, sink)?;
    if jiff::tz::TimeZone::get(&text.value).is_err() {
        let title = format!("no time zone is called `{}`", text.value);
        let help = "write its name in the IANA database, such as `Europe/Madrid` or `UTC`";
        sink.push(Diagnostic::new(Code::BadDuration, text.span, title).help(help));
        return None;
    }
    Some(text.value)
}

fn policy(cursor: Cursor<'_>, sink: &mut Diagnostics) -> Option<Policy> {
    let fields = Fields::read(cursor, &POLICY, sink)?;
    let overrule = fields.get("override").and_then(|word| one_of(word, &[("ask", true), ("forbid", false)], sink));
    let signed = fields.get("approvals").and_then(|word| one_of(word, &[("any", false), ("signed", true)], sink));
    Some(Policy {
        overrule: overrule.is_none_or(|word| word.value),
        signed_approvals: signed.is_some_and(|word| word.value),
        require_clean_git: flag(fields.get("require_clean_git"), sink),
    })
}
