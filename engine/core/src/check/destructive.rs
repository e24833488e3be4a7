//! RB0142: a destructive act that nobody approves.

use super::context::Context;
use crate::diagnostic::{Code, Diagnostic};

pub(super) fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let unapproved = context.document.steps.iter().filter(|step| step.destructive && step.approve.is_none());
    unapproved
        .map(|step| {
            let title = format!("`{}` is destructive and nobody is asked", step.id.value);
            Diagnostic::new(Code::DestructiveUnapproved, step.id.span, title)
                .label("starts by itself")
                .help("add `approve: operator`, or `approve: { from: [TEAM] }`")
        })
        .collect()
}
