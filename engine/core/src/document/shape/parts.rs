//! The keys of the mappings inside a step.

use super::file::{CHOICES, DEFAULT, HELP, MAX, MIN, OF, PATTERN, TYPE, TYPE_RULES};
use super::{Form, Key, Mapping, Names, Rule};

/// `retry`.
pub static RETRY: Mapping = Mapping::new(
    "retry",
    "`retry`",
    "Another attempt after one that failed.",
    &[
        Key::new("every", Form::DurationSetting, "The pause from the end of one attempt to the start of the next.")
            .also(&["delay", "interval"]),
        Key::new("for", Form::DurationSetting, "No attempt starts later than this after the first.")
            .also(&["within", "timeout"]),
        Key::new("attempts", Form::IntegerSetting(1, 10_000), "How many attempts there are in all.")
            .also(&["count", "times", "retries"]),
        Key::new("backoff", Form::Number(1), "The pause is multiplied by it after each attempt."),
        Key::new("max", Form::DurationSetting, "The longest pause.").beside(&["backoff"]),
        Key::new("while", Form::Condition, "Another attempt only while this is true.").also(&["until", "when"]),
    ],
)
.rules(&[Rule::Some(&["for", "attempts"])]);

/// An output that is more than an expression.
pub static OUTPUT: Mapping = Mapping::new(
    "output",
    "an output",
    "A value computed of the result.",
    &[
        Key::new("value", Form::Expression, "The value.").required(),
        Key::new(
            "secret",
            Form::Boolean,
            "Masked everywhere, readable only where secrets are; the standard output it came from is not kept.",
        ),
    ],
);

/// `attach`.
pub static ATTACH: Mapping = Mapping::new(
    "attach",
    "`attach`",
    "Evidence that is kept with the step; what is missing is a note, no failure.",
    &[
        Key::new("file", Form::Template, "A file."),
        Key::new("tail", Form::Integer(1, 10_000), "Only so many of its last lines.").beside(&["file"]),
        Key::new("run", Form::CommandLine, "A command; what it prints is kept.").also(&["command"]),
    ],
)
.rules(&[Rule::One(&["file", "run"])]);

/// `stdin` from another step.
pub static STDIN: Mapping = Mapping::new(
    "stdin",
    "`stdin`",
    "Input from an earlier step.",
    &[Key::new("step", Form::Step, "The step whose whole standard output it is.").required()],
);

/// `for_each`.
pub static FOR_EACH: Mapping = Mapping::new(
    "for_each",
    "`for_each`",
    "The step once an item: `{ host: LIST }`, where the step reads `each.host` and `each.index`.",
    &[
        Key::new(
            "width",
            Form::Either(&[
                Form::Integer(1, 10_000),
                Form::Pattern("^(100|[1-9][0-9]?)%$", "a percentage, such as 25%"),
            ]),
            "How many items run at once, as a number or a percentage of them; 1 unless it says more.",
        ),
        Key::new(
            "on_item_fail",
            Form::OneOf(&["stop", "continue"]),
            "Whether the other items still run after one failed; `stop` unless it says otherwise.",
        ),
    ],
)
.own(Names::Snake, Form::Either(&[Form::Expression, Form::List(&Form::Any)]));

/// A branch with its reason.
pub static BRANCH: Mapping = Mapping::new(
    "branch",
    "a branch",
    "Where a road leads, and why.",
    &[Key::new("then", Form::Ends, "A step, a list of them, `done` or `failed`.").required(), BECAUSE],
);

const BECAUSE: Key =
    Key::new("because", Form::Template, "Why, for the report; `failed` in a decide needs it.").also(&["reason", "why"]);

/// A case of a decide.
pub static CASE: Mapping = Mapping::new(
    "case",
    "a case",
    "One case of a decide; the first whose `when` is true is taken.",
    &[
        Key::new("when", Form::Condition, "The condition.").required().also(&["if"]),
        Key::new("then", Form::Target, "A step, a list of them, `done` or `failed`.").required().also(&["goto"]),
        BECAUSE,
    ],
);

/// The object form of `approve`.
pub static APPROVAL: Mapping = Mapping::new(
    "approval",
    "`approve`",
    "Who must allow the act before it runs. Without `from` the operator is asked.",
    &[
        Key::new("from", Form::OneOrMore(&Form::Text), "Teams and people who may approve.").later(),
        Key::new("count", Form::Integer(1, 20), "How many of them must; 1 unless it says more.").later(),
        Key::new(
            "self",
            Form::Boolean,
            "Whether who started, resumed or took over the run counts; `true` unless said.",
        )
        .later(),
        Key::new("signed", Form::Boolean, "Only a signature counts, nothing typed.").later(),
        Key::new("show", Form::Steps, "Steps whose output the approver sees."),
        Key::new("when", Form::Condition, "Whether an approval is wanted at all.").also(&["if"]),
        Key::new("within", Form::DurationSetting, "How long there is to answer.").also(&["timeout"]),
        Key::new("else", Form::Target, "Where it goes when nobody answered in time.").beside(&["within"]),
    ],
);

/// `ack`.
pub static ACK: Mapping = Mapping::new(
    "ack",
    "`ack`",
    "The escalate waits until somebody says that they have seen it.",
    &[
        Key::new("within", Form::DurationSetting, "How long there is to answer.").also(&["timeout"]),
        Key::new("else", Form::Target, "Where it goes when nobody answered in time.").beside(&["within"]),
        Key::new("by", Form::OneOf(&["any", "all"]), "Whether one answer is enough; `any` unless it says otherwise."),
    ],
);

/// A field that a person fills in.
pub static FIELD: Mapping = Mapping::new(
    "field",
    "a field of `collect`",
    "One value that a person is asked for; it becomes an output.",
    &[
        TYPE,
        DEFAULT,
        HELP,
        PATTERN,
        MIN,
        MAX,
        CHOICES,
        OF,
        Key::new("secret", Form::Boolean, "Typed unseen, masked everywhere, readable only where secrets are."),
    ],
)
.rules(TYPE_RULES);

/// `http`.
pub static HTTP: Mapping = Mapping::new(
    "http",
    "`http`",
    "A request; the result has `status`, `headers`, `body` and `json`.",
    &[
        Key::new(
            "method",
            Form::OneOf(&["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
            "The method; `GET` unless it says otherwise.",
        ),
        Key::new("url", Form::Template, "The address.").required(),
        Key::new("headers", Form::Named(Names::Any, &Form::WordTemplate), "The headers; secrets may stand here."),
        Key::new("body", Form::Any, "Text, or a mapping that is sent as JSON; secrets may stand here.").also(&["json"]),
        Key::new("redirects", Form::Boolean, "Whether redirects are followed; `false` unless it says otherwise."),
    ],
);

/// `template`.
pub static WRITING: Mapping = Mapping::new(
    "template",
    "`template`",
    "A file that is written from a handlebars file; an equal one is left untouched.",
    &[
        Key::new("source", Form::Template, "The handlebars file.").required().also(&["src", "from"]),
        Key::new("to", Form::Template, "The file to write.").required().also(&["dest", "path"]),
        Key::new("mode", Form::Pattern("^(0o)?[0-7]{3,4}$", "an octal mode in quotes, such as \"0644\""), "Its mode."),
    ],
);

const RUN: Key = Key::new("run", Form::CommandLine, "One command line, no shell.").also(&["command", "cmd", "exec"]);
const SCRIPT: Key = Key::new("script", Form::Text, "Shell text; values come in through `env`.").also(&["bash"]);
const REQUEST: Key = Key::new("http", Form::Mapping(&HTTP), "A request.");
const CALL: Key = Key::new("runbook", Form::Runbook, "Another runbook.");
const WITH: Key = Key::new("with", Form::Named(Names::Snake, &Form::Any), "Its params.").beside(&["runbook"]);
const TIMEOUT: Key = Key::new("timeout", Form::DurationSetting, "How long an attempt may take.");
const GRACE: Key = Key::new("grace", Form::DurationSetting, "The time between asking it to end and ending it.")
    .beside(&["run", "script"]);
const EXPECT: Key = Key::new("expect", Form::Condition, "What must be true of the result.");
/// An expression, or `{ value, secret }`.
pub(super) static OUTPUT_FORM: Form = Form::Either(&[Form::Expression, Form::Mapping(&OUTPUT)]);
/// Text, or `{ step }`.
pub(super) const STDIN_FORM: Form = Form::Either(STDIN_FORMS);
static STDIN_FORMS: &[Form] = &[Form::Template, Form::Mapping(&STDIN)];

const OUTPUTS: Key = Key::new("outputs", Form::Named(Names::Snake, &OUTPUT_FORM), "Values computed of the result.");
const ENV: Key =
    Key::new("env", Form::Named(Names::Environment, &Form::WordTemplate), "Environment.").beside(&["run", "script"]);
const STDIN_KEY: Key = Key::new("stdin", STDIN_FORM, "Input.").beside(&["run", "script"]);
const ON: Key = Key::new("on", Form::Template, "Where it runs.").beside(&["run", "script"]);
const SHELL: Key = Key::new("shell", Form::Words, "What reads the script.").beside(&["script"]);

/// `unless`.
pub static UNLESS: Mapping = Mapping::new(
    "unless",
    "`unless`",
    "Looks whether the act is needed: passed, it is already so and the act passes untouched; failed, the act runs; unknown, it fails before it starts.",
    &[
        RUN,
        SCRIPT,
        REQUEST,
        CALL,
        WITH,
        TIMEOUT.beside(&["run", "script", "http", "runbook"]),
        GRACE,
        EXPECT,
        Key::new("unclear", Form::Condition, "When this is true, nobody could tell.")
            .beside(&["run", "script", "http"]),
        OUTPUTS,
        ENV,
        Key::new("dir", Form::Template, "The directory.").beside(&["run", "script"]).also(&["cwd", "workdir"]),
        STDIN_KEY,
        ON,
        SHELL,
    ],
);

/// `undo` written as a body.
pub static UNDO: Mapping = Mapping::new(
    "undo",
    "`undo`",
    "What takes the act back in a rollback. It must bear an act that was done by half.",
    &[
        RUN,
        SCRIPT,
        REQUEST,
        Key::new("template", Form::Mapping(&WRITING), "A file to write."),
        CALL,
        WITH,
        TIMEOUT,
        GRACE,
        EXPECT,
        OUTPUTS,
        ENV,
        Key::new("dir", Form::Template, "The directory.")
            .beside(&["run", "script", "template"])
            .also(&["cwd", "workdir"]),
        STDIN_KEY,
        ON,
        SHELL,
    ],
)
.rules(&[Rule::One(&["run", "script", "http", "template", "runbook"])]);
