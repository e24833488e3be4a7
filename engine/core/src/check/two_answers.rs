//! RB0123: a failure that both an `on_fail` and a decide answer.

use super::context::Context;
use crate::diagnostic::{Code, Diagnostic};

pub(super) fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (index, step) in context.steps() {
        let Some(on_fail) = &step.on_fail else { continue };
        let Some(decide) = context.graph.outgoing(index).find(|(_, edge)| edge.judged).map(|(to, _)| to) else {
            continue;
        };
        let title = format!("a failure of `{}` has two answers", step.id.value);
        let words = format!("`{}` judges how it ended", context.id(decide));
        let help = format!("take `on_fail` away and answer in `{}`, or judge something else there", context.id(decide));
        found.push(
            Diagnostic::new(Code::TwoAnswers, on_fail.span, title)
                .label("one answer")
                .related(context.step(decide).id.span, words)
                .help(help),
        );
    }
    found
}
