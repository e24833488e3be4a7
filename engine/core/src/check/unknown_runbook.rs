//! RB0171: a runbook is named that does not lie beside this one.

use super::context::{Context, bodies};
use crate::diagnostic::{Code, Diagnostic};
use crate::document::model::Work;

pub(super) fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let Some(known) = &context.facts.runbooks else { return Vec::new() };
    let mut found = Vec::new();
    for step in &context.document.steps {
        for body in bodies(step) {
            let Work::Runbook(call) = &body.work else { continue };
            let name = call.name.value.as_str();
            if known.contains(name) || context.facts.acting.contains(name) {
                continue;
            }
            let help = context.suggest(name, known.iter().map(String::as_str));
            let title = format!("there is no runbook `{name}`");
            let label = format!("`{}` runs it", step.id.value);
            found.push(Diagnostic::new(Code::UnknownRunbook, call.name.span, title).label(label).maybe_help(help));
        }
    }
    found
}
