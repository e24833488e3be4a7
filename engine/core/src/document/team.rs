//! What a team file says: people, teams, channels, hosts, hours, policy.

use std::time::Duration;

use indexmap::IndexMap;
use jiff::civil::{Time, Weekday};

use super::model::SecretSource;
use crate::source::{Span, Spanned};

/// `team.yaml`, beside the runbooks.
#[derive(Debug, Clone, Default)]
pub struct Team {
    /// `people`: by account name.
    pub people: IndexMap<String, Person>,
    /// `teams`: by name.
    pub teams: IndexMap<String, Group>,
    /// `channels`: by name.
    pub channels: IndexMap<String, Channel>,
    /// `hosts`: name and address, `ssh://user@host`.
    pub hosts: IndexMap<String, Spanned<String>>,
    /// `hours`: by name.
    pub hours: IndexMap<String, Hours>,
    /// `policy`.
    pub policy: Policy,
}

/// A person.
#[derive(Debug, Clone)]
pub struct Person {
    /// Where it stands.
    pub span: Span,
    /// `name`.
    pub name: String,
    /// `team`.
    pub team: Option<Spanned<String>>,
    /// `phone`.
    pub phone: Option<String>,
    /// `notify`: channels, the first that works is used.
    pub notify: Vec<Spanned<String>>,
}

/// A team.
#[derive(Debug, Clone)]
pub struct Group {
    /// Where it stands.
    pub span: Span,
    /// `members`: account names.
    pub members: Vec<Spanned<String>>,
    /// `on_call`: who is told first.
    pub on_call: Option<Spanned<String>>,
    /// `notify`: the team's own channels.
    pub notify: Vec<Spanned<String>>,
}

/// A channel.
#[derive(Debug, Clone)]
pub struct Channel {
    /// Where it stands.
    pub span: Span,
    /// How it tells.
    pub kind: ChannelKind,
    /// `timeout` of one delivery.
    pub timeout: Option<Duration>,
}

/// How a channel tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelKind {
    /// `slack`: an incoming webhook.
    Slack {
        /// `webhook`.
        webhook: Spanned<SecretSource>,
    },
    /// `pagerduty`: Events API v2.
    PagerDuty {
        /// `routing_key`.
        routing_key: Spanned<SecretSource>,
        /// `endpoint`: where events are sent, if not to the service's own address.
        endpoint: Option<Spanned<String>>,
    },
    /// `email`.
    Email {
        /// `to`.
        to: Spanned<String>,
        /// `from`: who it comes from, if not `runbook` on this machine.
        from: Option<Spanned<String>>,
        /// `smtp`: the server's address with account.
        smtp: Spanned<SecretSource>,
    },
    /// `webhook`.
    Webhook {
        /// `url`.
        url: Spanned<String>,
        /// `secret`: signs what is sent.
        secret: Option<Spanned<SecretSource>>,
    },
    /// `command`: words; the message on standard input.
    Command(Vec<String>),
}

impl Team {
    /// Names and telephone numbers behind a person or a team, who is on call first; nobody behind an unknown name.
    #[must_use]
    pub fn contacts(&self, name: &str) -> Vec<String> {
        let Some(group) = self.teams.get(name) else {
            return self.people.get(name).map(|person| person.contact(name)).into_iter().collect();
        };
        let contact = |name: &str| self.people.get(name).map_or_else(|| name.to_owned(), |person| person.contact(name));
        group.in_order().map(contact).collect()
    }
}

impl Group {
    /// Its members, who is on call first.
    pub fn in_order(&self) -> impl Iterator<Item = &str> {
        let on_call = self.on_call.as_ref().map(|name| name.value.as_str());
        let others = self.members.iter().map(|name| name.value.as_str()).filter(move |name| Some(*name) != on_call);
        on_call.into_iter().chain(others)
    }
}

impl Person {
    /// Name, account and number, as an operator needs them to call somebody.
    #[must_use]
    pub fn contact(&self, account: &str) -> String {
        match &self.phone {
            None => format!("{} ({account})", self.name),
            Some(phone) => format!("{} ({account}), {phone}", self.name),
        }
    }
}

impl Channel {
    /// Where its secret comes from, and where that stands; `None` where it has none.
    #[must_use]
    pub fn secret(&self) -> Option<&Spanned<SecretSource>> {
        match &self.kind {
            ChannelKind::Slack { webhook } => Some(webhook),
            ChannelKind::PagerDuty { routing_key, .. } => Some(routing_key),
            ChannelKind::Email { smtp, .. } => Some(smtp),
            ChannelKind::Webhook { secret, .. } => secret.as_ref(),
            ChannelKind::Command(_) => None,
        }
    }
}

impl ChannelKind {
    /// The key that makes a channel of this kind.
    #[must_use]
    pub fn key(&self) -> &'static str {
        match self {
            Self::Slack { .. } => "slack",
            Self::PagerDuty { .. } => "pagerduty",
            Self::Email { .. } => "email",
            Self::Webhook { .. } => "webhook",
            Self::Command(_) => "command",
        }
    }
}

/// Hours of a week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hours {
    /// Where it stands.
    pub span: Span,
    /// `days`.
    pub days: Vec<Weekday>,
    /// `from`, local time, included.
    pub from: Time,
    /// `to`, local time, excluded; earlier than `from`: on the next day.
    pub to: Time,
    /// `zone`, a name of the IANA database.
    pub zone: String,
}

/// `policy`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// `override: ask` or `forbid`: whether an operator may overrule a failure.
    pub overrule: bool,
    /// `approvals: signed`: a typed approval is not enough.
    pub signed_approvals: bool,
    /// `require_clean_git`: a runbook that differs from its commit is not run.
    pub require_clean_git: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self { overrule: true, signed_approvals: false, require_clean_git: false }
    }
}

impl Hours {
    /// Whether an instant lies within these hours, by the zone's clock.
    ///
    /// # Errors
    /// A sentence, when the zone is not known.
    pub fn contain(&self, at: jiff::Timestamp) -> Result<bool, String> {
        let local = at.in_tz(&self.zone).map_err(|_| format!("no time zone is called {:?}", self.zone))?;
        let (day, time) = (local.weekday(), local.time());
        Ok(if self.from <= self.to {
            self.days.contains(&day) && time >= self.from && time < self.to
        } else {
            // Over midnight: the early hours belong to the day before.
            (self.days.contains(&day) && time >= self.from) || (self.days.contains(&day.previous()) && time < self.to)
        })
    }
}
