//! RB0114: an approval of an act that runs no command, where there is nothing to show an approver.

use super::context::Context;
use crate::diagnostic::{Code, Diagnostic};
use crate::document::model::Work;

pub(super) fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for step in &context.document.steps {
        let Some(approve) = &step.approve else { continue };
        let help = match step.body.work {
            Work::Instruct(_) => {
                "whoever does it by hand decides: remove `approve`, or put a decide that asks above it"
            }
            Work::Wait(_) => "remove `approve`; the act that follows the wait can be approved",
            Work::None | Work::Ask(_) => "remove `approve`",
            Work::Run(_) | Work::Script(_) | Work::Http(_) | Work::Template(_) | Work::Runbook(_) => continue,
        };
        let what = step.body.work.key().map_or_else(|| "nothing".to_owned(), |key| format!("`{key}`"));
        let title = format!("`approve` beside {what}");
        let label = "an approval is given to what will run, and nothing runs";
        found.push(Diagnostic::new(Code::KeyOfAnotherKind, approve.span, title).label(label).help(help));
    }
    found
}
