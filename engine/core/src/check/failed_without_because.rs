//! RB0126: a decide's branch takes `failed` and does not say why.

use super::context::Context;
use crate::diagnostic::{Code, Diagnostic};
use crate::graph::{Road, roads_of};

pub(super) fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (_, step) in context.steps() {
        for (road, target) in roads_of(step) {
            // For a choice its label says why.
            let by_data = matches!(road, Road::Case(_) | Road::Otherwise);
            if by_data && target.failed && target.because.is_none() {
                let title = format!("`{}` ends the run as failed without a reason", step.id.value);
                let help = if road == Road::Otherwise {
                    "write `otherwise: { then: failed, because: … }`"
                } else {
                    "add `because: …` beside `then`"
                };
                let diagnostic = Diagnostic::new(Code::FailedWithoutBecause, target.span, title);
                found.push(diagnostic.label("the first line of every report will be this reason").help(help));
            }
        }
    }
    found
}
