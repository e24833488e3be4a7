//! RB0169: an `undo` that names no act.

use super::context::Context;
use crate::diagnostic::{Code, Diagnostic};
use crate::document::model::{Kind, Undo};

pub(super) fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (index, step) in context.steps() {
        let (Some(Undo::Step(id)), Some(by)) = (&step.undo, context.graph.undoing_step(step)) else { continue };
        let named = context.step(by);
        if by == index {
            let title = format!("`{}` is said to undo itself", step.id.value);
            let help = "name the act that takes it back, or write its body here: `undo: { run: … }`";
            found.push(Diagnostic::new(Code::UndoNotAct, id.span, title).label("does it once more").help(help));
        } else if named.kind.value != Kind::Act {
            let what = super::words::with_article(named.kind.value.key());
            let title = format!("`{}` undoes nothing: it is {what}", id.value);
            found.push(
                Diagnostic::new(Code::UndoNotAct, id.span, title)
                    .label("changes nothing")
                    .related(named.kind.span, "would have to be `act`")
                    .help("name an act, or write its body here: `undo: { run: … }`"),
            );
        }
    }
    found
}
