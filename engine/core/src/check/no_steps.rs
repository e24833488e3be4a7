//! RB0144: a runbook without steps.

use super::context::Context;
use crate::diagnostic::{Code, Diagnostic};

pub(super) fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    if !context.document.steps.is_empty() {
        return Vec::new();
    }
    let name = &context.document.name;
    let title = format!("`{}` has no steps", name.value);
    vec![
        Diagnostic::new(Code::NoSteps, name.span, title)
            .label("nothing to run")
            .help("one act that tells a person what to do is a beginning: `{ act: …, instruct: … }`"),
    ]
}
