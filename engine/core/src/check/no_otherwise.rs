//! RB0125: a decide by data without `otherwise`.

use super::context::Context;
use crate::diagnostic::{Code, Diagnostic};
use crate::document::model::{Kind, Work};

pub(super) fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let lacking = context.document.steps.iter().filter(|step| {
        step.kind.value == Kind::Decide && matches!(step.body.work, Work::None) && step.otherwise.is_none()
    });
    lacking
        .map(|step| {
            let title = format!("`{}` has no answer when no case is true", step.id.value);
            Diagnostic::new(Code::NoOtherwise, step.kind.span, title)
                .label("a decide without `otherwise`")
                .help("add `otherwise:` with a step, or `otherwise: done`")
        })
        .collect()
}
