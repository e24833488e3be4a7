//! RB0140 and RB0141: an act that is tried again although that is not safe, or not what was approved.

use super::context::Context;
use crate::diagnostic::{Code, Diagnostic};
use crate::document::model::Kind;

pub(super) fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for step in context.document.steps.iter().filter(|step| step.kind.value == Kind::Act) {
        let Some(retry) = &step.retry else { continue };
        if !step.idempotent {
            let title = format!("`{}` is tried again, and nothing says that this is safe", step.id.value);
            found.push(
                Diagnostic::new(Code::RetryNotIdempotent, retry.span, title)
                    .label("the attempt before may have done half of it")
                    .help("add `idempotent: true` if doing it twice does no harm, else remove `retry`"),
            );
        }
        if let Some(approve) = &step.approve {
            let title = format!("`{}` is approved once and tried several times", step.id.value);
            found.push(
                Diagnostic::new(Code::RetryWithApprove, retry.span, title)
                    .label("a second attempt nobody allowed")
                    .related(approve.span, "given to one attempt")
                    .help("remove one of the two; after a failure the operator can try again, and approves again"),
            );
        }
    }
    found
}
