//! RB0117: a step is named that there is not.

use super::context::{Context, bodies};
use crate::diagnostic::{Code, Diagnostic};
use crate::document::model::{Approve, Stdin, Step, Undo};
use crate::graph::{Road, roads_of};
use crate::id::StepId;
use crate::source::Spanned;

pub(super) fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let mut unknown = Vec::new();
    let mut look = |id: &Spanned<StepId>, label: &str| {
        if context.graph.find(id.value.as_str()).is_some() || context.is_written(id.value.as_str()) {
            return;
        }
        let names = context.document.steps.iter().map(|step| step.id.value.as_str());
        let help = context.suggest(id.value.as_str(), names);
        let title = format!("there is no step `{}`", id.value);
        unknown.push(Diagnostic::new(Code::UnknownStep, id.span, title).label(label).maybe_help(help));
    };
    for step in &context.document.steps {
        of_step(step, &mut look);
    }
    if let Some(fallback) = &context.document.fallback {
        look(fallback, "a failure nothing handles leads here");
    }
    for id in &context.document.finally {
        look(id, "wanted at the end of the run");
    }
    unknown
}

fn of_step(step: &Step, look: &mut dyn FnMut(&Spanned<StepId>, &str)) {
    let id = &step.id.value;
    for need in step.needs.iter().flat_map(|needs| &needs.value) {
        look(need, &format!("`{id}` waits for it"));
    }
    for (road, target) in roads_of(step) {
        let label = match road {
            Road::Case(_) | Road::Otherwise | Road::Choice(_) => format!("a branch of `{id}` leads here"),
            Road::OnFail => format!("a failure of `{id}` leads here"),
            Road::Else => format!("leads here when nobody answers `{id}`"),
            Road::Denied => format!("leads here when `{id}` is denied"),
        };
        for named in &target.steps {
            look(named, &label);
        }
    }
    if let Some(Undo::Step(by)) = &step.undo {
        look(by, &format!("said to undo `{id}`"));
    }
    for body in bodies(step) {
        if let Some(Stdin::Step(source)) = body.surroundings.stdin.as_ref().map(|stdin| &stdin.value) {
            look(source, &format!("`{id}` reads its output"));
        }
    }
    if let Some(Approve::People(approval)) = step.approve.as_ref().map(|approve| &approve.value) {
        for shown in &approval.show {
            look(shown, "approvers are shown its output");
        }
    }
}
