//! The keys of a step.

use super::parts::{
    ACK, APPROVAL, ATTACH, CASE, FIELD, FOR_EACH, HTTP, OUTPUT_FORM, RETRY, STDIN_FORM, UNDO, UNLESS, WRITING,
};
use super::{Form, Group, Key, Mapping, Names};
use crate::document::model::Kind;

const VERIFY: &[Kind] = &[Kind::Verify];
const DECIDE: &[Kind] = &[Kind::Decide];
const ACT: &[Kind] = &[Kind::Act];
const ESCALATE: &[Kind] = &[Kind::Escalate];
const VERIFY_ACT: &[Kind] = &[Kind::Verify, Kind::Act];
const VERIFY_DECIDE: &[Kind] = &[Kind::Verify, Kind::Decide];
const ASKING: &[Kind] = &[Kind::Verify, Kind::Decide, Kind::Act];

const COMMAND: &[&str] = &["run", "script"];
const QUESTION: &[&str] = &["ask", "instruct"];

/// The keys of the ways of working.
pub const WAYS: &[&str] = &["run", "script", "http", "ask", "instruct", "wait", "template", "runbook"];

/// A step.
pub static STEP: Mapping = Mapping::new(
    "step",
    "a step",
    "One step: exactly one of `verify`, `decide`, `act` and `escalate`, whose value is its title.",
    &[],
)
.groups(&[
    Group {
        name: "kinds",
        keys: &[
        Key::new("verify", Form::Template, "Looks and judges, and never changes the world; the value is the title.")
            .of(VERIFY)
            .required()
            .also(&["check", "assert", "test"]),
        Key::new("decide", Form::Template, "Chooses which steps come next; the value is the title.")
            .of(DECIDE)
            .required()
            .also(&["choose", "switch"]),
        Key::new("act", Form::Template, "Changes the world; the value is the title.")
            .of(ACT)
            .required()
            .also(&["action", "do"]),
        Key::new("escalate", Form::Template, "Tells people, and can wait for one of them; the value is the title.")
            .of(ESCALATE)
            .required()
            .also(&["notify", "tell", "page"]),
        ],
    },
    Group {
        name: "ways",
        keys: &[
        Key::new("run", Form::CommandLine, "One command line, no shell; or a list of its words.")
            .of(VERIFY_ACT)
            .also(&["command", "cmd", "exec"]),
        Key::new("script", Form::Text, "Shell text, nothing rendered into it; values come in through `env`.")
            .of(VERIFY_ACT)
            .also(&["bash", "sh"]),
        Key::new("http", Form::Mapping(&HTTP), "A request.").of(VERIFY_ACT).also(&["request", "uri"]),
        Key::new("ask", Form::Template, "A question to a person: yes or no in a verify, `choices` in a decide.")
            .of(VERIFY_DECIDE)
            .also(&["prompt", "question"]),
        Key::new("instruct", Form::Template, "What a person does by hand: done, or could not.")
            .of(ACT)
            .also(&["manual", "instructions"]),
        Key::new("wait", Form::Moment, "Lets a duration pass, or waits until a time.")
            .of(ACT)
            .also(&["sleep", "pause"]),
        Key::new("template", Form::Mapping(&WRITING), "Writes a file from a handlebars file.").of(ACT),
        Key::new("runbook", Form::Runbook, "Runs another runbook; in a verify only one without an act.")
            .of(VERIFY_ACT),
        ],
    },
    Group {
        name: "beside",
        keys: &[
        Key::new("with", Form::Named(Names::Snake, &Form::Any), "The params of the other runbook.")
            .of(VERIFY_ACT)
            .beside(&["runbook"]),
        Key::new("choices", Form::Named(Names::Any, &Form::Target), "The answers, and where each leads.")
            .of(DECIDE)
            .beside(&["ask"])
            .also(&["options", "answers"]),
        Key::new(
            "collect",
            Form::Named(Names::Snake, &Form::Mapping(&FIELD)),
            "Fields that a person fills in, which become outputs.",
        )
        .of(ASKING)
        .beside(QUESTION)
        .also(&["fields"]),
        Key::new("to", Form::OneOrMore(&Form::Text), "Who is asked: people or teams, told through their channels.")
            .of(ASKING)
            .beside(QUESTION),
        Key::new("within", Form::DurationSetting, "How long there is to answer.").of(ASKING).beside(QUESTION),
        Key::new("else", Form::Target, "Where it goes when nobody answered in time.").of(ASKING).beside(&["within"]),
        Key::new("link", Form::Template, "A page to look at.").of(ASKING).beside(QUESTION).also(&["url"]),
        ],
    },
    Group {
        name: "decide",
        keys: &[
        Key::new("cases", Form::List(&Form::Mapping(&CASE)), "Cases in order; the first that is true is taken.")
            .of(DECIDE)
            .also(&["branches", "conditions"]),
        Key::new("otherwise", Form::Target, "Where it goes when no case is true.")
            .of(DECIDE)
            .beside(&["cases"])
            .also(&["default"]),
        ],
    },
    Group {
        name: "escalate",
        keys: &[
        Key::new("to", Form::OneOrMore(&Form::Text), "Who is told: people or teams.").of(ESCALATE).required(),
        Key::new(
            "message",
            Form::Template,
            "What they are told; without it title, runbook, run, what failed, and what to type.",
        )
        .of(ESCALATE)
        .also(&["body", "text"]),
        Key::new("ack", Form::Mapping(&ACK), "Waits until somebody says that they have seen it.").of(ESCALATE),
        Key::new(
            "handover",
            Form::Boolean,
            "From here it is someone else's: nothing else new starts, and the run ends.",
        )
        .of(ESCALATE),
        ],
    },
    Group {
        name: "order",
        keys: &[
        Key::new("needs", Form::Steps, "The steps it comes after; without it the step above, with `[]` none.").also(&[
            "depends_on",
            "after",
            "requires",
        ]),
        Key::new("when", Form::Condition, "When this is false, the step is stepped over.").also(&["if", "only_if"]),
        Key::new("on_fail", Form::Target, "Where it goes when it fails, or a verify could not tell.").also(&[
            "on_error",
            "on_failure",
            "rescue",
            "catch",
        ]),
        Key::new("description", Form::Text, "More for the reader, markdown.").also(&["summary", "comment"]),
        ],
    },
    Group {
        name: "attempt",
        keys: &[
        Key::new(
            "timeout",
            Form::DurationSetting,
            "How long an attempt may take: 1m in a verify, 15m in an act unless said.",
        )
        .of(VERIFY_ACT)
        .beside(&["run", "script", "http", "template", "runbook"]),
        Key::new("grace", Form::DurationSetting, "The time between asking it to end and ending it; 10s unless said.")
            .of(VERIFY_ACT)
            .beside(COMMAND),
        Key::new("retry", Form::Mapping(&RETRY), "Another attempt after one that failed; an act must be `idempotent`.")
            .of(VERIFY_ACT)
            .also(&["retries"]),
        Key::new("expect", Form::Condition, "What must be true of the result, judged after exit 0 or a 2xx.")
            .of(VERIFY_ACT)
            .also(&["until", "passed_when"]),
        Key::new("unclear", Form::Condition, "When this is true, the step could not tell: it is `unknown`.")
            .of(VERIFY)
            .beside(&["run", "script", "http"]),
        Key::new(
            "outputs",
            Form::Named(Names::Snake, &OUTPUT_FORM),
            "Values computed of the result before `expect`, in order; later steps read `steps.<id>.outputs.<name>`.",
        )
        .of(VERIFY_ACT)
        .also(&["output", "register"]),
        Key::new("attach", Form::OneOrMore(&Form::Mapping(&ATTACH)), "Evidence that is kept with the step.")
            .of(VERIFY_ACT)
            .also(&["evidence", "artifacts"]),
        ],
    },
    Group {
        name: "surroundings",
        keys: &[
        Key::new("env", Form::Named(Names::Environment, &Form::WordTemplate), "Environment of the command.")
            .of(VERIFY_ACT)
            .beside(&["run", "script", "attach"])
            .also(&["environment"]),
        Key::new("dir", Form::Template, "The directory; the repository's unless it says otherwise.")
            .of(VERIFY_ACT)
            .beside(&["run", "script", "template", "attach"])
            .also(&["cwd", "workdir", "working_directory", "chdir"]),
        Key::new(
            "stdin",
            STDIN_FORM,
            "Input: text, or `{ step: id }` for the whole output of a step; closed without it.",
        )
        .of(VERIFY_ACT)
        .beside(COMMAND)
        .also(&["input"]),
        Key::new("on", Form::Template, "Where it runs: `local`, a host's name, or `ssh://user@host`.")
            .of(VERIFY_ACT)
            .beside(&["run", "script", "attach"])
            .also(&["host", "hosts"]),
        Key::new("shell", Form::Words, "What reads the script; `sh -eu` unless it says otherwise.")
            .of(VERIFY_ACT)
            .beside(&["script"]),
        Key::new("for_each", Form::Mapping(&FOR_EACH), "The step once for each item of a list.")
            .of(VERIFY_ACT)
            .also(&["foreach", "loop", "with_items", "matrix"]),
        ],
    },
    Group {
        name: "act",
        keys: &[
        Key::new(
            "approve",
            Form::Either(&[Form::OneOf(&["operator"]), Form::Mapping(&APPROVAL)]),
            "Who must allow it: `operator`, or a mapping that says who else.",
        )
        .of(ACT)
        .also(&["approval", "confirm"]),
        Key::new("denied", Form::Target, "Where it goes when the approval is denied.").of(ACT).beside(&["approve"]),
        Key::new("destructive", Form::Boolean, "It cannot be taken back: needs `approve`, asked even under `--yes`.")
            .of(ACT),
        Key::new("unless", Form::Mapping(&UNLESS), "A look at whether it is already so.").of(ACT).also(&["creates"]),
        Key::new(
            "undo",
            Form::Either(&[Form::Step, Form::Mapping(&UNDO)]),
            "What takes it back: a body, or the id of the act that does.",
        )
        .of(ACT)
        .also(&["revert", "rollback"]),
        Key::new("idempotent", Form::Boolean, "Doing it twice is as good as once: it may be tried again.").of(ACT),
        ],
    },
]);
