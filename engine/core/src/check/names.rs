//! RB0129, RB0132 and RB0139: names that an expression or a template reads and that do not exist, or are secret there.

use super::context::{Context, bodies};
use super::texts::{Form, Moment, Purpose, Text};
use crate::diagnostic::{Code, Diagnostic};
use crate::document::model::{Body, Kind, Step, Work};
use crate::expression::Read;
use crate::graph::StepIndex;

const ROOTS: [&str; 6] = ["params", "steps", "run", "alert", "each", "secrets"];
const OF_RUN: [&str; 7] = ["id", "runbook", "started_at", "now", "operator", "mode", "failure"];
const OF_FAILURE: [&str; 4] = ["step", "title", "reason", "output"];
const OF_STEP: [&str; 15] = [
    "passed",
    "failed",
    "skipped",
    "unknown",
    "outcome",
    "reason",
    "outputs",
    "stdout",
    "stderr",
    "exit_code",
    "duration",
    "started_at",
    "branch",
    "answer",
    "items",
];
/// Names of a result, whatever the way of working.
const OF_RESULT: [&str; 10] =
    ["stdout", "stderr", "exit_code", "json", "status", "headers", "body", "answer", "fields", "outputs"];

pub(super) fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for text in context.texts() {
        for read in text.reads() {
            if let Some(problem) = look(context, text, read) {
                found.push(problem.place(context, text, read));
            }
        }
    }
    found
}

/// What is wrong with a name.
struct Problem {
    secret: bool,
    title: String,
    label: &'static str,
    help: Option<String>,
}

impl Problem {
    fn place(self, context: &Context<'_>, text: &Text<'_>, read: &Read) -> Diagnostic {
        let code = match text.form {
            _ if self.secret => Code::SecretOutside,
            Form::Expression(_) => Code::UnknownNameInExpression,
            Form::Template(_) => Code::UnknownNameInTemplate,
        };
        let place = context.place_in(text, read.span.clone());
        Diagnostic::new(code, place, self.title).label(self.label).maybe_help(self.help)
    }
}

type Found = Option<Problem>;

#[expect(clippy::unnecessary_wraps, reason = "every look for a name ends with it or with nothing")]
fn unknown(title: impl Into<String>, help: Option<String>) -> Found {
    Some(Problem { secret: false, title: title.into(), label: "nothing has this name", help })
}

#[expect(clippy::unnecessary_wraps, reason = "every look for a name ends with it or with nothing")]
fn not_here(title: impl Into<String>, label: &'static str, help: impl Into<String>) -> Found {
    Some(Problem { secret: false, title: title.into(), label, help: Some(help.into()) })
}

#[expect(clippy::unnecessary_wraps, reason = "every look for a name ends with it or with nothing")]
fn secret(title: String, help: &str) -> Found {
    let label = "kept in the transcript and shown to everyone";
    Some(Problem { secret: true, title, label, help: Some(help.to_owned()) })
}

const SECRET_PLACES: &str = "secrets may stand in `env`, `stdin`, and `headers` and `body` of `http`";

fn look(context: &Context<'_>, text: &Text<'_>, read: &Read) -> Found {
    let path: Vec<&str> = read.path.iter().map(String::as_str).collect();
    match path.as_slice() {
        ["params", name, ..] if !context.document.params.contains_key(*name) => {
            let names = context.document.params.keys().map(crate::id::VariableName::as_str);
            unknown(format!("there is no param `{name}`"), context.suggest(name, names))
        }
        ["steps", id, rest @ ..] => of_step(context, text, id, rest),
        ["steps"] => not_here("`steps` without a step", "all of them at once are no value", "write `steps.ID.…`"),
        ["run", rest @ ..] => of_run(context, text, read, rest),
        ["each", rest @ ..] => of_each(context, text, rest),
        ["secrets", rest @ ..] => of_secrets(context, text, rest),
        [name, rest @ ..] if OF_RESULT.contains(name) => of_result(context, text, name, rest),
        [] | ["params" | "alert", ..] => None,
        [name, ..] => unknown(format!("there is no `{name}`"), meant(context, name)),
    }
}

/// What a name without a root may have meant.
fn meant(context: &Context<'_>, name: &str) -> Option<String> {
    if context.document.params.contains_key(name) {
        return Some(format!("a param is read as `params.{name}`"));
    }
    if context.graph.find(name).is_some() {
        return Some(format!("a step is read as `steps.{name}`"));
    }
    let roots = ROOTS.iter().chain(&OF_RESULT).copied();
    context.suggest(name, roots).or_else(|| Some("text stands in quotes, a param is read as `params.NAME`".to_owned()))
}

fn of_run(context: &Context<'_>, text: &Text<'_>, read: &Read, rest: &[&str]) -> Found {
    match rest {
        [] => not_here("`run` without a member", "no single value", "write `run.id`, `run.started_at`, …"),
        [member, ..] if !OF_RUN.contains(member) => {
            unknown(format!("there is no `run.{member}`"), context.suggest(member, OF_RUN))
        }
        ["failure", member, ..] if !OF_FAILURE.contains(member) => {
            unknown(format!("there is no `run.failure.{member}`"), context.suggest(member, OF_FAILURE))
        }
        ["failure", ..] => {
            let (step, flow) = (text.step?, context.flow()?);
            let there = read.guarded
                || text.purpose == Purpose::People
                || text.moment == Moment::Undo
                || flow.is_after_failure(step);
            if there {
                return None;
            }
            let title = format!("nothing has failed when `{}` starts", context.id(step));
            let help = "`run.failure` exists on the roads of a failure and in `finally`; ask with `has(run.failure)`";
            not_here(title, "no failure to tell of", help)
        }
        _ => None,
    }
}

fn of_each(context: &Context<'_>, text: &Text<'_>, rest: &[&str]) -> Found {
    let element = text.step.and_then(|step| context.step(step).for_each.as_ref()).map(|each| &each.value.name);
    let Some(element) = element.filter(|_| text.each) else {
        let help = "`each.NAME` is the element of the step's own `for_each`";
        return not_here("`each` outside of a `for_each`", "no list is gone through here", help);
    };
    let name = element.value.as_str();
    let member = rest.first().copied().unwrap_or_default();
    if member == name || member == "index" {
        return None;
    }
    unknown(format!("there is no `each.{member}`"), Some(format!("the element is `each.{name}`")))
}

fn of_secrets(context: &Context<'_>, text: &Text<'_>, rest: &[&str]) -> Found {
    let name = rest.first().copied().unwrap_or_default();
    if !text.secrets || matches!(text.form, Form::Expression(_)) {
        return secret(format!("`secrets.{name}` in `{}`", text.key), SECRET_PLACES);
    }
    if rest.len() == 1 && context.document.secrets.contains_key(name) {
        return None;
    }
    let names = context.document.secrets.keys().map(String::as_str);
    let help = context.suggest(name, names).or_else(|| Some("add it to `secrets` at the top of the file".to_owned()));
    unknown(format!("there is no secret `{}`", rest.join(".")), help)
}

/// A name of the step's own result.
fn of_result(context: &Context<'_>, text: &Text<'_>, name: &str, rest: &[&str]) -> Found {
    let Some((body, computed)) = text.result else {
        let help = match (text.step, context.document.params.contains_key(name)) {
            (_, true) => format!("a param is read as `params.{name}`"),
            _ if name == "outputs" => "what another step computed is `steps.ID.outputs.NAME`".to_owned(),
            _ => format!("what another step gave is `steps.ID.{name}`"),
        };
        return not_here(format!("`{name}` is not known in `{}`", text.key), "no result is judged here", help);
    };
    match name {
        "outputs" => of_outputs(context, text, body, computed, rest),
        "fields" => of_fields(context, text, body, rest),
        _ if variables(&body.work).contains(&name) => None,
        _ => {
            let names = variables(&body.work);
            let what = body.work.key().map_or_else(|| "a step that runs nothing".to_owned(), |key| format!("`{key}`"));
            let help = if matches!(body.work, Work::Runbook(_)) {
                "what the other runbook gives is `outputs.NAME`".to_owned()
            } else if names.is_empty() {
                "read what another step found: `steps.ID.outputs.NAME`".to_owned()
            } else {
                format!("it has `{}`", names.join("`, `"))
            };
            not_here(format!("{what} has no `{name}`"), "not part of this result", help)
        }
    }
}

fn variables(work: &Work) -> &'static [&'static str] {
    match work {
        Work::Run(_) | Work::Script(_) => &["stdout", "stderr", "exit_code", "json"],
        Work::Http(_) => &["status", "headers", "body", "json"],
        Work::Ask(_) | Work::Instruct(_) => &["answer", "fields"],
        Work::Wait(_) | Work::Template(_) | Work::Runbook(_) | Work::None => &[],
    }
}

fn of_outputs(context: &Context<'_>, text: &Text<'_>, body: &Body, computed: usize, rest: &[&str]) -> Found {
    let name = *rest.first()?;
    let of_callee = context.callee(body).map(|plan| plan.document().outputs.as_slice()).unwrap_or_default();
    let before = body.outputs.iter().take(computed).chain(of_callee);
    let Some(output) = before.into_iter().find(|output| output.name.value.as_str() == name) else {
        if body.outputs.iter().any(|output| output.name.value.as_str() == name) {
            let title = format!("the output `{name}` is computed later");
            return not_here(title, "outputs are computed in order", "put it above this one");
        }
        return no_output(context, body, name);
    };
    if output.secret && text.key == "outputs" && !text.hidden {
        let help = "an output made of a secret is one: `{ value: …, secret: true }`";
        return secret(format!("`outputs.{name}` is secret, and this output is not"), help);
    }
    None
}

/// An output that nothing computes; nothing where what another runbook gives is not known.
fn no_output(context: &Context<'_>, body: &Body, name: &str) -> Found {
    let Work::Runbook(call) = &body.work else {
        let names = body.outputs.iter().map(|output| output.name.value.as_str());
        return unknown(format!("there is no output `{name}`"), context.suggest(name, names));
    };
    context.callee(body)?;
    let names: Vec<&str> = context.outputs_of_body(body).map(|(name, _)| name).collect();
    let help = context.suggest(name, names.iter().copied()).unwrap_or_else(|| {
        let (callee, given) = (&call.name.value, super::words::listed(&names, 8));
        if names.is_empty() {
            format!("add it to the `outputs` of `{callee}`")
        } else {
            format!("its outputs are {given}; more go into the `outputs` of `{callee}`")
        }
    });
    unknown(format!("`{}` gives no output `{name}`", call.name.value), Some(help))
}

fn of_fields(context: &Context<'_>, text: &Text<'_>, body: &Body, rest: &[&str]) -> Found {
    let (Work::Ask(asking) | Work::Instruct(asking)) = &body.work else {
        return not_here(
            "`fields` of nobody asked",
            "not part of this result",
            "a person fills in what `collect` asks",
        );
    };
    let name = *rest.first()?;
    let Some(field) = asking.collect.get(name) else {
        let names = asking.collect.keys().map(crate::id::VariableName::as_str);
        return unknown(format!("there is no field `{name}`"), context.suggest(name, names));
    };
    if field.secret && text.key == "outputs" && !text.hidden {
        let help = "an output made of a secret is one: `{ value: …, secret: true }`";
        return secret(format!("`fields.{name}` is secret, and this output is not"), help);
    }
    None
}

fn of_step(context: &Context<'_>, text: &Text<'_>, id: &str, rest: &[&str]) -> Found {
    let Some(index) = context.graph.find(id) else {
        if context.is_written(id) {
            return None;
        }
        let names = context.document.steps.iter().map(|step| step.id.value.as_str());
        return unknown(format!("there is no step `{id}`"), context.suggest(id, names));
    };
    let step = context.step(index);
    let may_be_secret = text.secrets || text.hidden;
    let hides = has_secrets(context, step);
    if let (Some(each), ["stdout" | "stderr" | "exit_code" | "outputs", ..]) = (&step.for_each, rest) {
        let read = rest.join(".");
        let title = format!("`{id}` has no `{read}` of its own: it goes through a list");
        let help = format!("each {} has its own: `steps.{id}.items.map(x, x.{read})`", each.value.name.value);
        return not_here(title, "one for each of its items", help);
    }
    match rest {
        [] | ["outputs"] if hides && !may_be_secret => {
            secret(format!("`{id}` has secret outputs, and all are read"), "read the one output that is wanted")
        }
        ["outputs", name, ..] => of_step_output(context, index, name, may_be_secret),
        ["stdout" | "stderr", ..] if hides => {
            let help = "its secret outputs can be read where secrets may stand";
            secret(format!("what `{id}` prints is not kept: it holds a secret"), help)
        }
        [member, ..] if !OF_STEP.contains(member) => {
            let is_output = context.outputs_of(step).any(|(name, _)| name == *member);
            let help = if is_output {
                Some(format!("an output is read as `steps.{id}.outputs.{member}`"))
            } else {
                context.suggest(member, OF_STEP)
            };
            unknown(format!("a step has no `{member}`"), help)
        }
        [member, ..] => lacks(step, member)
            .and_then(|(why, help)| not_here(format!("`{id}` has no `{member}`: {why}"), "never there", help)),
        [] => None,
    }
}

/// Why a step of this kind never has such a member, and what has.
fn lacks(step: &Step, member: &str) -> Option<(&'static str, &'static str)> {
    let asks = matches!(step.body.work, Work::Ask(_) | Work::Instruct(_));
    match member {
        "stdout" | "stderr" | "exit_code" if !step.body.work.is_command() => {
            Some(("it runs no command", "read its `outputs`, or how it ended"))
        }
        "branch" if step.kind.value != Kind::Decide => Some(("it decides nothing", "only a decide takes a branch")),
        "answer" if !asks => Some(("it asks nobody", "only a step with `ask` or `instruct` has an answer")),
        "items" if step.for_each.is_none() => {
            Some(("it goes through no list", "only a step with `for_each` has items"))
        }
        _ => None,
    }
}

fn of_step_output(context: &Context<'_>, index: StepIndex, name: &str, may_be_secret: bool) -> Found {
    let step = context.step(index);
    let id = &step.id.value;
    let mut named = context.outputs_of(step).filter(|(known, _)| *known == name).peekable();
    if named.peek().is_none() {
        if let Some(body) = bodies(step).find(|body| matches!(body.work, Work::Runbook(_))) {
            return no_output(context, body, name);
        }
        let help = context.suggest(name, context.outputs_of(step).map(|(name, _)| name)).or_else(|| {
            let all: Vec<&str> = context.outputs_of(step).map(|(name, _)| name).collect();
            if all.is_empty() {
                Some(format!("add it to `{id}`: `outputs: {{ {name}: … }}`"))
            } else {
                Some(format!("its outputs are {}", super::words::listed(&all, 8)))
            }
        });
        return unknown(format!("`{id}` has no output `{name}`"), help);
    }
    if named.any(|(_, is_secret)| is_secret) && !may_be_secret {
        return secret(format!("the output `{name}` of `{id}` is secret"), SECRET_PLACES);
    }
    None
}

fn has_secrets(context: &Context<'_>, step: &Step) -> bool {
    context.outputs_of(step).any(|(_, is_secret)| is_secret)
}
