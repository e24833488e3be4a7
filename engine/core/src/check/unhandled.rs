//! RB0145: a failure that nothing handles, in a runbook without a `fallback`.

use super::context::Context;
use super::words::listed;
use crate::diagnostic::{Code, Diagnostic};
use crate::document::model::Kind;

pub(super) fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    if context.document.fallback.is_some() {
        return Vec::new();
    }
    // A fallback would answer for all of them, so one warning says it of all.
    let unhandled: Vec<_> = context
        .steps()
        .filter(|(index, step)| {
            matches!(step.kind.value, Kind::Verify | Kind::Act)
                && step.on_fail.is_none()
                && !context.graph.is_finally(*index)
                && !context.graph.outgoing(*index).any(|(_, edge)| edge.judged)
        })
        .map(|(_, step)| step)
        .collect();
    let Some(first) = unhandled.first() else { return Vec::new() };
    let ids: Vec<&str> = unhandled.iter().map(|step| step.id.value.as_str()).collect();
    let title = format!("nothing answers a failure of {}", listed(&ids, 3));
    let diagnostic =
        Diagnostic::new(Code::FailureUnhandled, first.id.span, title).label("the run stops here, and nobody is told");
    vec![diagnostic.help("add `fallback: STEP` with an escalate that tells a person, or `on_fail`")]
}
