//! RB0151: an act of which nothing can be found out, done again or taken back by the program.

use super::context::Context;
use crate::diagnostic::{Code, Diagnostic};
use crate::document::model::{Kind, Work};

pub(super) fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let bare = context.document.steps.iter().filter(|step| {
        step.kind.value == Kind::Act
            && matches!(step.body.work, Work::Run(_) | Work::Script(_) | Work::Http(_))
            && !step.idempotent
            && step.unless.is_none()
            && step.undo.is_none()
    });
    bare.map(|step| {
        let title = format!("if the end of `{}` is unknown, a person has to find it out", step.id.value);
        Diagnostic::new(Code::ActWithoutWayBack, step.id.span, title)
            .label("cannot be repeated, checked or undone")
            .help("add `idempotent: true`, an `unless` that looks whether it is done, or an `undo`")
    })
    .collect()
}
