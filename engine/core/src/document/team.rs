//! What a team file says: people, teams, channels, hosts, hours, policy.

use std::time::Duration;

use indexmap::IndexMap;
use jiff::civil::{Time, Weekday};

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
        webhook: crate::document::model::SecretSource,
    },
    /// `pagerduty`: Events API v2.
    PagerDuty {
        /// `routing_key`.
        routing_key: crate::document::model::SecretSource,
    },
    /// `email`.
    Email {
        /// `to`.
        to: String,
        /// `smtp`: the server's address with account.
        smtp: crate::document::model::SecretSource,
    },
    /// `webhook`.
    Webhook {
        /// `url`.
        url: String,
        /// `secret`: signs what is sent.
        secret: Option<crate::document::model::SecretSource>,
    },
    /// `command`: words; the message on standard input.
    Command(Vec<String>),
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
