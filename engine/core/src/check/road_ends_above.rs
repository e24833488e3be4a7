//! RB0149: a road ends at a step, and right below it another branch begins.

use std::collections::BTreeSet;

use super::after_one_road::{self, is_loose_end};
use super::context::Context;
use crate::diagnostic::{Code, Diagnostic};
use crate::document::model::Kind;
use crate::graph::StepIndex;

pub(super) fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let Some(flow) = context.flow() else { return Vec::new() };
    let in_order: Vec<StepIndex> = context.graph.steps().filter(|step| !context.graph.is_finally(*step)).collect();
    // A step further down asks about these already.
    let asked: BTreeSet<StepIndex> = after_one_road::find(context).into_iter().flat_map(|found| found.others).collect();
    let mut found = Vec::new();
    for pair in in_order.windows(2) {
        let &[end, below] = pair else { continue };
        let step = context.step(end);
        let acts = matches!(step.kind.value, Kind::Verify | Kind::Act);
        let begins = context
            .graph
            .incoming(below)
            .find(|(from, edge)| *from != end && edge.roads.iter().any(|road| road.is_branch()))
            .map(|(from, _)| from);
        if !acts || !is_loose_end(context, end) || flow.reach().is_always(end) || asked.contains(&end) {
            continue;
        }
        // A fallback stands at the end of a file whatever comes before it.
        let Some(decide) = begins.filter(|_| context.graph.fallback() != Some(below)) else { continue };
        let (id, below_id) = (context.id(end), context.id(below));
        let title = format!("does `{id}` go on to `{below_id}`?");
        found.push(
            Diagnostic::new(Code::RoadEndsAboveBranch, step.id.span, title)
                .label("its road ends here")
                .related(context.step(below).id.span, format!("begins a branch of `{}`", context.id(decide)))
                .help(format!("then `{below_id}` says `needs: {id}`; else put the branch's steps somewhere else")),
        );
    }
    found
}
