//! RB0122: a failure leads straight to an escalate, and what follows is not said.

use super::context::Context;
use super::double_edge::key;
use crate::diagnostic::{Code, Diagnostic};
use crate::document::model::Kind;
use crate::graph::{Road, roads_of};

pub(super) fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (_, step) in context.steps() {
        for (road, target) in roads_of(step) {
            if !matches!(road, Road::OnFail | Road::Else) || target.done || target.failed || target.steps.is_empty() {
                continue;
            }
            let only_tells = |id: &str| {
                let to = context.graph.find(id).map(|to| context.step(to));
                to.is_some_and(|to| {
                    let hands_over = to.escalation.as_ref().is_some_and(|escalation| escalation.handover);
                    to.kind.value == Kind::Escalate && !hands_over
                })
            };
            if !target.steps.iter().all(|id| only_tells(id.value.as_str())) {
                continue;
            }
            let told = target.steps.iter().map(|id| id.value.as_str()).collect::<Vec<_>>().join(", ");
            let title = format!("`{told}` is told of the failure, and then what?");
            let help = format!(
                "`{0}: [{told}, failed]` if the run has failed then, `{0}: [{told}, done]` if it has not, or \
                 `handover: true` on the escalate if it is theirs from there",
                key(road)
            );
            let label = "telling somebody mends nothing";
            found.push(Diagnostic::new(Code::RoadEndsUnsaid, target.span, title).label(label).help(help));
        }
    }
    found
}
