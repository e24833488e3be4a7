//! The keys of a team file.

use super::file::SECRET;
use super::{Form, Key, Mapping, Names, Rule};

const CHANNELS: Form = Form::OneOrMore(&Form::Text);

/// A team file.
pub static TEAM: Mapping = Mapping::new(
    "team",
    "a team file",
    "Who there is, and how they are told.",
    &[
        Key::new("people", Form::Named(Names::Account, &Form::Mapping(&PERSON)), "People, by their account names."),
        Key::new("teams", Form::Named(Names::Account, &Form::Mapping(&GROUP)), "Teams, by name.").also(&["groups"]),
        Key::new("channels", Form::Named(Names::Account, &Form::Mapping(&CHANNEL)), "Ways to tell people, by name."),
        Key::new(
            "hosts",
            Form::Named(
                Names::Account,
                &Form::Pattern(HOST_PATTERN, "an address, such as ssh://ops@planthost1.internal"),
            ),
            "Hosts that `on` can name, and their addresses: `ssh://user@host`.",
        ),
        Key::new("hours", Form::Named(Names::Account, &Form::Mapping(&HOURS)), "Hours that `in_hours` can name."),
        Key::new("policy", Form::Mapping(&POLICY), "What is allowed everywhere."),
    ],
);

/// The form of a host's address.
pub(crate) const HOST_PATTERN: &str = "^ssh://([A-Za-z0-9_.-]+@)?[A-Za-z0-9_.:\\[\\]-]+(:[0-9]+)?$";

/// A person.
pub static PERSON: Mapping = Mapping::new(
    "person",
    "a person",
    "Somebody who can be told.",
    &[
        Key::new("name", Form::Text, "Their name.").required(),
        Key::new("team", Form::Text, "The team they belong to."),
        Key::new("phone", Form::Text, "A number to call when no channel works.").also(&["tel"]),
        Key::new("notify", CHANNELS, "Their channels; the first that works is used.").also(&["channels"]),
    ],
);

/// A team.
pub static GROUP: Mapping = Mapping::new(
    "group",
    "a team",
    "People who are told together.",
    &[
        Key::new("members", Form::OneOrMore(&Form::Text), "Account names of its people.").required().also(&["people"]),
        Key::new("on_call", Form::Text, "Who is told first; the rest when nobody acknowledges.").also(&["oncall"]),
        Key::new("notify", CHANNELS, "The team's own channels.").also(&["channels"]),
    ],
);

/// A channel.
pub static CHANNEL: Mapping = Mapping::new(
    "channel",
    "a channel",
    "One way to tell people: exactly one kind.",
    &[
        Key::new("slack", Form::Mapping(&CHANNEL_SLACK), "A Slack channel."),
        Key::new("pagerduty", Form::Mapping(&CHANNEL_PAGERDUTY), "PagerDuty."),
        Key::new("email", Form::Mapping(&CHANNEL_EMAIL), "Mail."),
        Key::new("webhook", Form::Mapping(&CHANNEL_WEBHOOK), "An address that is posted to."),
        Key::new(
            "command",
            Form::Words,
            "Words of a command: the message on its standard input, `RUNBOOK_TO` and `RUNBOOK_RUN` in its environment.",
        )
        .also(&["run"]),
        Key::new("timeout", Form::Duration, "How long one delivery may take; 30s unless it says otherwise."),
    ],
)
.rules(&[Rule::One(CHANNEL_KINDS)]);

/// The keys of the kinds of channel.
pub(crate) const CHANNEL_KINDS: &[&str] = &["slack", "pagerduty", "email", "webhook", "command"];

/// `slack`.
pub static CHANNEL_SLACK: Mapping = Mapping::new(
    "channel_slack",
    "`slack`",
    "An incoming webhook of Slack.",
    &[Key::new("webhook", Form::Mapping(&SECRET), "Its address, which is a secret.").required()],
);

/// `pagerduty`.
pub static CHANNEL_PAGERDUTY: Mapping = Mapping::new(
    "channel_pagerduty",
    "`pagerduty`",
    "The Events API of PagerDuty.",
    &[
        Key::new("routing_key", Form::Mapping(&SECRET), "The key of the service.").required(),
        Key::new(
            "endpoint",
            Form::Text,
            "Where events are posted, such as `https://events.eu.pagerduty.com/v2/enqueue`.",
        ),
    ],
);

/// `email`.
pub static CHANNEL_EMAIL: Mapping = Mapping::new(
    "channel_email",
    "`email`",
    "Mail through an SMTP server.",
    &[
        Key::new("to", Form::Text, "The address.").required(),
        Key::new(
            "smtp",
            Form::Mapping(&SECRET),
            "The server: `smtps://USER:PASSWORD@HOST`, or `smtp://…?tls=required` for STARTTLS.",
        )
        .required(),
        Key::new("from", Form::Text, "Who it comes from; `runbook` on this machine unless it says otherwise."),
    ],
);

/// `webhook`.
pub static CHANNEL_WEBHOOK: Mapping = Mapping::new(
    "channel_webhook",
    "`webhook`",
    "An address that the message is posted to.",
    &[
        Key::new("url", Form::Text, "The address.").required(),
        Key::new("secret", Form::Mapping(&SECRET), "Signs what is sent: the header `Runbook-Signature`."),
    ],
);

/// Hours of a week.
pub static HOURS: Mapping = Mapping::new(
    "hours",
    "hours",
    "Hours of a week.",
    &[
        Key::new("days", Form::Days, "Days: `mon-fri`, `sat`, or a list.").required(),
        Key::new("from", Form::Clock, "When they begin.").required(),
        Key::new("to", Form::Clock, "When they end; earlier than `from` is on the next day.").required(),
        Key::new("zone", Form::Text, "The time zone, such as `Europe/Madrid`.").required().also(&["tz", "timezone"]),
    ],
);

/// `policy`.
pub static POLICY: Mapping = Mapping::new(
    "policy",
    "`policy`",
    "What is allowed everywhere.",
    &[
        Key::new("override", Form::OneOf(&["ask", "forbid"]), "Whether an operator may overrule a failure."),
        Key::new("approvals", Form::OneOf(&["any", "signed"]), "Whether an approval must be signed."),
        Key::new("require_clean_git", Form::Boolean, "A runbook that differs from its commit is not run."),
    ],
);
