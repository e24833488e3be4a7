//! RB0148: a `when` on a decide, or on what a decide leads to.

use super::context::Context;
use crate::diagnostic::{Code, Diagnostic};
use crate::document::model::Kind;

pub(super) fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (index, step) in context.steps() {
        let Some(when) = &step.when else { continue };
        let from = context.graph.incoming(index).find(|(_, edge)| edge.roads.iter().any(|road| road.is_branch()));
        let (title, label) = if step.kind.value == Kind::Decide {
            let title = format!("`{}` decides, and may be stepped over", step.id.value);
            (title, "false: no branch is taken, and what needs the decide goes on".to_owned())
        } else if let Some((decide, _)) = from {
            let title = format!("`{}` is chosen by `{}`, and may be stepped over", step.id.value, context.id(decide));
            (title, "false: the branch goes on without this step".to_owned())
        } else {
            continue;
        };
        let help = "make it a case of the decide, where every answer leads somewhere";
        found.push(Diagnostic::new(Code::WhenAroundDecide, when.span, title).label(label).help(help));
    }
    found
}
