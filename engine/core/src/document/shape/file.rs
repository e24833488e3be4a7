//! The keys of a runbook file, and of what stands there outside the steps.

use super::parts::{OUTPUT_FORM, RETRY};
use super::step::STEP;
use super::{Form, Key, Mapping, Names, Rule};

/// A runbook file.
pub static FILE: Mapping = Mapping::new(
    "runbook",
    "a runbook",
    "A procedure: what it is, what it is given, its steps.",
    &[
        Key::new("version", Form::Integer(1, 1), "The version of the language: 1.").required(),
        Key::new("runbook", Form::Runbook, "Its name, kebab-case; the file is called `<name>.yaml`.")
            .required()
            .also(&["name", "id"]),
        Key::new("title", Form::Text, "What it is about, one line for a person.").required(),
        Key::new("summary", Form::Text, "What somebody who has never seen the system must know, markdown.")
            .also(&["description"]),
        Key::new("owner", Form::Pattern(Names::Account.pattern(), "the name of a team"), "The team it belongs to.")
            .also(&["team"]),
        Key::new("severity", Form::OneOf(&["critical", "high", "medium", "low"]), "How urgent it is; orders lists.")
            .also(&["priority"]),
        Key::new(
            "alerts",
            Form::OneOrMore(&Form::Either(&[Form::Text, Form::Mapping(&MATCHERS)])),
            "What starts it: names of alerts, or matchers over their labels.",
        )
        .also(&["triggers"]),
        Key::new("review", Form::Mapping(&REVIEW), "When somebody looks at it again.").also(&["reviewed"]),
        Key::new(
            "params",
            Form::Named(Names::Snake, &Form::Mapping(&PARAM)),
            "What a run is given. One without `default` must be given.",
        )
        .also(&["parameters", "inputs", "variables", "vars"]),
        Key::new(
            "secrets",
            Form::Named(Names::Environment, &Form::Mapping(&SECRET)),
            "Secrets and where they come from; `{{ secrets.NAME }}` may stand in `env`, `stdin`, and the headers and body of `http`.",
        ),
        Key::new("defaults", Form::Mapping(&DEFAULTS), "What holds for every step that does not say otherwise."),
        Key::new("parallel", Form::Integer(1, 64), "How many steps may run at once; 1 unless it says more.")
            .also(&["concurrency", "max_parallel"]),
        Key::new("lock", Form::Template, "A name that only one run may hold at a time.").also(&["mutex"]),
        Key::new("timeout", Form::DurationSetting, "How long the whole run may take; past it the run is cancelled."),
        Key::new("steps", Form::Named(Names::Snake, &Form::Mapping(&STEP)), "The steps, in reading order.")
            .required()
            .also(&["tasks", "jobs"]),
        Key::new("fallback", Form::Step, "The step that starts when a step fails and nothing handles it.")
            .also(&["on_fail", "on_failure"]),
        Key::new(
            "rollback",
            Form::OneOf(&["ask", "auto", "never"]),
            "Whether what was done is undone after a failure; `ask` unless it says otherwise.",
        ),
        Key::new("finally", Form::Steps, "Steps that run at the end in this order, whatever happened.")
            .also(&["always", "cleanup"]),
        Key::new("outputs", Form::Named(Names::Snake, &OUTPUT_FORM), "What a runbook that runs this one can read."),
    ],
);

/// `review`.
pub static REVIEW: Mapping = Mapping::new(
    "review",
    "`review`",
    "When somebody looks at the runbook again.",
    &[
        Key::new("by", Form::Date, "The day by which it is read again; past it `check` and `run` warn."),
        Key::new("drill_every", Form::Duration, "How often it is tried; when the last drill is older, `check` warns."),
    ],
);

/// A param.
pub static PARAM: Mapping = Mapping::new(
    "param",
    "a param",
    "One value that a run is given.",
    &[
        TYPE,
        DEFAULT,
        HELP,
        PATTERN,
        MIN,
        MAX,
        CHOICES,
        OF,
        Key::new(
            "from",
            Form::Pattern(
                "^alert(\\.[A-Za-z_][A-Za-z0-9_]*)+$",
                "a path into the alert, such as alert.labels.instance",
            ),
            "Where the alert that started the run holds the value: `alert.labels.instance`.",
        ),
    ],
)
.rules(TYPE_RULES);

pub(super) const TYPE_RULES: &[Rule] =
    &[Rule::With("type", "choice", "choices"), Rule::With("type", "list", "of"), Rule::With("of", "choice", "choices")];

/// The types of params.
pub(crate) const PARAM_TYPES: &[&str] =
    &["string", "integer", "number", "boolean", "duration", "timestamp", "choice", "list"];

/// The types of a list's elements.
pub(crate) const ELEMENT_TYPES: &[&str] =
    &["string", "integer", "number", "boolean", "duration", "timestamp", "choice"];

pub(super) const TYPE: Key = Key::new("type", Form::OneOf(PARAM_TYPES), "What sort of value it is.").required();
pub(super) const DEFAULT: Key =
    Key::new("default", Form::Either(&[Form::Word, Form::List(&Form::Word)]), "The value when none is given.");
pub(super) const HELP: Key =
    Key::new("help", Form::Text, "What to give, one line for a person.").also(&["description", "title"]);
pub(super) const PATTERN: Key = Key::new("pattern", Form::Text, "A regular expression the whole value must match.");
pub(super) const MIN: Key = Key::new("min", Form::Word, "The least value, of the type.").also(&["minimum"]);
pub(super) const MAX: Key = Key::new("max", Form::Word, "The greatest value, of the type.").also(&["maximum"]);
pub(super) const CHOICES: Key =
    Key::new("choices", Form::List(&Form::Word), "The values of a `choice`.").also(&["options", "enum", "values"]);
pub(super) const OF: Key =
    Key::new("of", Form::OneOf(ELEMENT_TYPES), "What sort of elements a `list` has.").also(&["items"]);

/// A secret's source.
pub static SECRET: Mapping = Mapping::new(
    "secret",
    "a secret",
    "Where a secret comes from: exactly one source.",
    &[
        Key::new(
            "env",
            Form::Pattern(Names::Environment.pattern(), "the name of an environment variable"),
            "A variable of the engine's own environment.",
        ),
        Key::new("file", Form::Text, "A file; its whole content without a final newline."),
        Key::new("command", Form::Words, "Words of a command; what it prints without a final newline.").also(&["run"]),
    ],
)
.rules(&[Rule::One(&["env", "file", "command"])]);

/// `defaults`.
pub static DEFAULTS: Mapping = Mapping::new(
    "defaults",
    "`defaults`",
    "What holds for every step that does not say otherwise.",
    &[
        Key::new("timeout", Form::DurationSetting, "How long one attempt may take."),
        Key::new("grace", Form::DurationSetting, "The time between asking a process to end and ending it."),
        Key::new("dir", Form::Template, "The directory commands run in.").also(&["cwd", "workdir"]),
        Key::new(
            "env",
            Form::Named(Names::Environment, &Form::OrNothing(&Form::WordTemplate)),
            "Environment of every command; a name without a value is passed on from the engine's own environment.",
        ),
        Key::new("on", Form::Template, "Where commands run: `local`, a host's name, or `ssh://user@host`."),
        Key::new("shell", Form::Words, "What reads a `script`; `sh -eu` unless it says otherwise."),
        Key::new("retry", Form::Mapping(&RETRY), "How verify steps are tried again; no other kind is."),
    ],
);

/// Matchers over an alert's labels.
pub static MATCHERS: Mapping = Mapping::new(
    "matchers",
    "an alert's matchers",
    "Labels and what they must be: a value alone must be equal; `!=`, `=~` and `!~` may stand before it.",
    &[],
)
.own(Names::Label, Form::Word);
