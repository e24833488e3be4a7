//! RB0165: a verify that runs a runbook which changes the world.

use super::context::Context;
use crate::diagnostic::{Code, Diagnostic};
use crate::document::model::{Kind, Work};

pub(super) fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for step in context.document.steps.iter().filter(|step| step.kind.value == Kind::Verify) {
        let Work::Runbook(call) = &step.body.work else { continue };
        let acts = context.facts.acting.contains(call.name.value.as_str());
        if acts {
            let title = format!("`{}` only looks, and `{}` has an act", step.id.value, call.name.value);
            found.push(
                Diagnostic::new(Code::ActInVerify, call.name.span, title)
                    .label("changes the world")
                    .related(step.kind.span, "may be started by a probe, a drill or a resumed run")
                    .help("make the step an act"),
            );
        }
    }
    found
}
