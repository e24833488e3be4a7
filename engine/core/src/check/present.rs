//! RB0134 and RB0135: what is read of a step that may have been skipped, or does not come before.

use std::borrow::Cow;

use super::bits;
use super::context::{Context, bodies};
use super::flow::{Flow, Way};
use super::texts::{Form, Moment, Purpose, Text};
use crate::diagnostic::{Code, Diagnostic};
use crate::document::model::{Approve, Stdin, Step};
use crate::expression::Read;
use crate::graph::{Road, StepIndex, roads_of};
use crate::id::StepId;
use crate::source::{Span, Spanned};

/// What a step has only when it ran.
const LEFT_BEHIND: [&str; 8] = ["stdout", "stderr", "exit_code", "duration", "started_at", "branch", "answer", "items"];

pub(super) fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for text in context.texts() {
        for read in text.reads() {
            if let [root, id, rest @ ..] = read.path.as_slice()
                && root == "steps"
                && let Some(of) = context.graph.find(id)
            {
                found.extend(look(context, text, read, of, rest));
            }
        }
    }
    for (index, step) in context.steps() {
        found.extend(inputs(context, index, step));
    }
    found
}

fn look(context: &Context<'_>, text: &Text<'_>, read: &Read, of: StepIndex, rest: &[String]) -> Option<Diagnostic> {
    let place = || context.place_in(text, read.span.clone());
    let id = context.id(of);
    if text.moment == Moment::Outset {
        let title = format!("`{id}` has not run when `{}` is read", text.key);
        let help = "what holds for the whole run reads `params` and `run` only";
        return Some(Diagnostic::new(Code::ReadNotBefore, place(), title).label("before the first step").help(help));
    }
    if let Some(step) = text.step
        && let Some((label, help)) = not_before(context, text.moment, text.key, step, of)
    {
        let title = if step == of {
            format!("`{id}` reads its own result")
        } else {
            format!("`{}` reads `{id}`, which does not come before it", context.id(step))
        };
        let help = match rest {
            [outputs, name, ..] if step == of && outputs == "outputs" && text.result.is_some() => {
                format!("here it is `outputs.{name}`")
            }
            [name, ..] if step == of && text.result.is_some() => format!("here it is `{name}`"),
            _ => help,
        };
        return Some(Diagnostic::new(Code::ReadNotBefore, place(), title).label(label).help(help));
    }
    let left_behind = match rest {
        [outputs, _, ..] if outputs == "outputs" => true,
        [member, ..] => LEFT_BEHIND.contains(&member.as_str()),
        [] => false,
    };
    if !left_behind || read.guarded || text.purpose == Purpose::People {
        return None;
    }
    let why = missing(context, text.moment, text.step, of).or_else(|| untouched(context, of, rest))?;
    let path = read.path.join(".");
    let help = match (text.form, &why.help) {
        (_, Some(help)) => help.clone(),
        (Form::Expression(_), None) => format!("ask with `has({path})`, or write `first({path}, …)`"),
        (Form::Template(_), None) => {
            format!("write `{{{{ default {path} \"none\" }}}}`, or lead here only where it ran")
        }
    };
    let mut diagnostic = Diagnostic::new(Code::OutputMayBeMissing, place(), format!("`{path}` may not exist here"));
    diagnostic = diagnostic.label(why.label).help(help);
    if let Some((span, words)) = why.related {
        diagnostic = diagnostic.related(span, words);
    }
    Some(diagnostic)
}

/// What else a step is given of others: the input of its command, and what its approvers see.
fn inputs(context: &Context<'_>, index: StepIndex, step: &Step) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut look = |id: &Spanned<StepId>, moment: Moment, must_run: bool| {
        let Some(of) = context.graph.find(id.value.as_str()) else { return };
        if let Some((label, help)) = not_before(context, moment, "stdin", index, of) {
            let title = format!("`{}` is given `{}`, which does not come before it", step.id.value, id.value);
            found.push(Diagnostic::new(Code::ReadNotBefore, id.span, title).label(label).help(help));
        } else if must_run && let Some(why) = missing(context, moment, Some(index), of) {
            let title = format!("there may be no output of `{}` to give", id.value);
            let mut diagnostic = Diagnostic::new(Code::OutputMayBeMissing, id.span, title).label(why.label);
            if let Some((span, words)) = why.related {
                diagnostic = diagnostic.related(span, words);
            }
            found.push(diagnostic.help("lead here only where it ran, or give the text as an output with `first(…)`"));
        }
    };
    for (number, body) in bodies(step).enumerate() {
        let in_undo = number > usize::from(step.unless.is_some());
        if let Some(Stdin::Step(id)) = body.surroundings.stdin.as_ref().map(|stdin| &stdin.value) {
            look(id, if in_undo { Moment::Undo } else { Moment::Step }, true);
        }
    }
    if let Some(Approve::People(approval)) = step.approve.as_ref().map(|approve| &approve.value) {
        approval.show.iter().for_each(|id| look(id, Moment::Step, false));
    }
    found
}

/// What to say when one step does not come before another: where it bites, and what to do.
fn not_before(
    context: &Context<'_>,
    moment: Moment,
    key: &str,
    step: StepIndex,
    of: StepIndex,
) -> Option<(String, String)> {
    context.flow()?;
    let graph = context.graph;
    let id = context.id(of);
    if step == of {
        let ended = moment == Moment::Undo || key == "attach";
        return (!ended).then(|| ("not known before it has ended".to_owned(), "a later step can read it".to_owned()));
    }
    if graph.is_finally(of) {
        let in_order =
            |of: StepIndex| context.document.finally.iter().position(|id| id.value == context.step(of).id.value);
        let earlier = graph.is_finally(step) && in_order(of) < in_order(step);
        let help = "put it above this one in `finally`, or read what ran before";
        return (!earlier).then(|| (format!("`{id}` runs at the end"), help.to_owned()));
    }
    if graph.is_finally(step) || moment == Moment::Undo {
        return None;
    }
    let follows_fallback =
        graph.fallback().is_some_and(|fallback| fallback == step || context.comes_before(fallback, step));
    let before = if follows_fallback { !context.comes_before(step, of) } else { context.comes_before(of, step) };
    if before {
        return None;
    }
    if context.comes_before(step, of) {
        return Some((
            format!("`{id}` comes after it"),
            format!("put `{id}` above it, or read a step that comes before"),
        ));
    }
    let help = format!("say `needs: {id}`, or read a step that comes before");
    Some((format!("`{id}` may run at any time"), help))
}

/// Why something may not be there.
struct Missing {
    label: String,
    related: Option<(Span, String)>,
    help: Option<String>,
}

/// Why a step may not have run when another reads it; `None` when it has.
fn missing(context: &Context<'_>, moment: Moment, step: Option<StepIndex>, of: StepIndex) -> Option<Missing> {
    let flow = context.flow()?;
    let id = context.id(of);
    let Some(step) = step else {
        let certain = flow.reach().is_always(of) && context.step(of).when.is_none() && flow.blocker(of).is_none();
        return (!certain).then(|| why(context, flow, of));
    };
    let sure = match moment {
        Moment::When | Moment::Outset | Moment::End => Cow::Borrowed(flow.sure(step)),
        Moment::Step | Moment::Undo if context.step(step).when.is_none() => Cow::Borrowed(flow.sure(step)),
        Moment::Step | Moment::Undo => Cow::Owned(flow.sure_after_when(context, step)),
    };
    let itself = step == of;
    if !itself && !bits::has(&sure, of.get()) {
        if context.graph.is_finally(step) {
            let label = format!("the run may end before `{id}` starts");
            return Some(Missing { label, related: None, help: None });
        }
        if context.graph.fallback() == Some(step) {
            let label = format!("the failure may come before `{id}` starts");
            return Some(Missing { label, related: None, help: None });
        }
        return Some(why(context, flow, of));
    }
    let in_rollback = if itself { None } else { flow.sure_in_rollback(context, step) };
    if in_rollback.is_some_and(|sure| !bits::has(&sure, of.get())) {
        let label = format!("in a rollback, `{id}` may never have started");
        return Some(Missing { label, related: None, help: None });
    }
    None
}

/// Where a step may be skipped.
fn why(context: &Context<'_>, flow: &Flow, of: StepIndex) -> Missing {
    let step = context.step(of);
    let id = &step.id.value;
    if let Some(when) = &step.when {
        let label = format!("`{id}` may be stepped over");
        return Missing { label, related: Some((when.span, "when this is false".to_owned())), help: None };
    }
    let ways = flow.reach().ways(of);
    for way in ways.iter().flat_map(|ways| ways.iter()) {
        let Way::Road(number) = way else { continue };
        let Some((from, road)) = flow.reach().road(*number) else { continue };
        let Some((_, target)) = roads_of(context.step(from)).into_iter().find(|(known, _)| *known == road) else {
            continue;
        };
        let from = context.id(from);
        let words = match road {
            Road::Case(_) | Road::Otherwise | Road::Choice(_) => format!("only when `{from}` takes this branch"),
            Road::OnFail => format!("only when `{from}` fails"),
            Road::Else => format!("only when nobody answers `{from}`"),
            Road::Denied => format!("only when `{from}` is denied"),
        };
        return Missing {
            label: format!("`{id}` may have been skipped"),
            related: Some((target.span, words)),
            help: None,
        };
    }
    if let Some(blocker) = flow.blocker(of) {
        let label = format!("`{id}` is not started when `{}` fails", context.id(blocker));
        let handled = context.step(blocker).on_fail.as_ref();
        let related = handled.map(|road| (road.span, "and the run goes on from here".to_owned()));
        return Missing { label, related, help: None };
    }
    Missing { label: format!("`{id}` may not have run by then"), related: None, help: None }
}

/// An act that was already so has what its `unless` computed, and nothing else.
fn untouched(context: &Context<'_>, of: StepIndex, rest: &[String]) -> Option<Missing> {
    let unless = context.step(of).unless.as_ref()?;
    let [outputs, name, ..] = rest else { return None };
    if outputs != "outputs" || context.outputs_of_body(&unless.value).any(|(known, _)| known == name) {
        return None;
    }
    let id = context.id(of);
    Some(Missing {
        label: format!("`{id}` does not run when it is already so"),
        related: Some((unless.span, "then only this has outputs".to_owned())),
        help: Some(format!("give the `unless` of `{id}` the output `{name}`, too")),
    })
}
