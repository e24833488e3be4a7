//! RB0121: a step that follows the one above it, which ends one road of a fork, while another road ended higher up.

use std::collections::BTreeSet;

use super::context::Context;
use super::flow::{Flow, Way};
use super::words::listed;
use crate::diagnostic::{Code, Diagnostic};
use crate::document::model::Kind;
use crate::graph::StepIndex;

/// Loose ends above a step that are looked at.
const LOOSE_MAX: usize = 64;
/// Roads that are followed back from a step.
const ROADS_MAX: usize = 256;

/// A step that follows one road of a fork.
pub(super) struct Found {
    step: StepIndex,
    above: StepIndex,
    /// Where other roads ended, in reading order.
    pub(super) others: Vec<StepIndex>,
}

pub(super) fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    find(context).into_iter().map(|found| report(context, &found)).collect()
}

fn report(context: &Context<'_>, found: &Found) -> Diagnostic {
    let (id, above) = (context.id(found.step), context.id(found.above));
    let title = format!("`{id}` comes after `{above}` only");
    let others: Vec<&str> = found.others.iter().map(|step| context.id(*step)).collect();
    let label = format!("skipped when the run came by {}", listed(&others, 3));
    let all: Vec<&str> = others.iter().copied().chain([above]).collect();
    let help = format!(
        "`needs: [{}]` if it follows {}, `needs: {above}` if it does not",
        all.join(", "),
        if all.len() == 2 { "both" } else { "all of them" }
    );
    let mut diagnostic = Diagnostic::new(Code::AfterOneRoad, context.step(found.step).id.span, title).label(label);
    for other in found.others.iter().take(3) {
        diagnostic = diagnostic.related(context.step(*other).id.span, "another road ends here");
    }
    diagnostic.help(help)
}

/// The steps that follow one road, in reading order.
pub(super) fn find(context: &Context<'_>) -> Vec<Found> {
    let Some(flow) = context.flow() else { return Vec::new() };
    let mut found = Vec::new();
    let mut loose_ends: Vec<StepIndex> = Vec::new();
    for (step, _) in context.steps().filter(|(step, _)| !context.graph.is_finally(*step)) {
        let implied = context.graph.incoming(step).find(|(_, edge)| edge.implied).map(|(from, _)| from);
        if let Some(above) = implied
            && !flow.reach().is_always(above)
        {
            let behind = roads_behind(flow, above);
            let mut others: Vec<StepIndex> = loose_ends
                .iter()
                .rev()
                .take(LOOSE_MAX)
                .copied()
                .filter(|end| *end != above && is_another_road(context, flow, &behind, *end))
                .collect();
            others.sort_unstable();
            if !others.is_empty() {
                found.push(Found { step, above, others });
            }
        }
        if is_loose_end(context, step) {
            loose_ends.push(step);
        }
    }
    found
}

/// Whether a road ends at a step without saying so: it is no decide, hands nothing over, and no step needs it.
pub(super) fn is_loose_end(context: &Context<'_>, step: StepIndex) -> bool {
    let written = context.step(step);
    written.kind.value != Kind::Decide
        && !written.escalation.as_ref().is_some_and(|escalation| escalation.handover)
        && !context.graph.outgoing(step).any(|(_, edge)| edge.need)
}

/// Every road that may have led to a step, and the roads to where those begin.
fn roads_behind(flow: &Flow, step: StepIndex) -> BTreeSet<Way> {
    let mut behind: BTreeSet<Way> = BTreeSet::new();
    let mut open: Vec<StepIndex> = vec![step];
    while let Some(step) = open.pop() {
        for way in flow.reach().ways(step).iter().flat_map(|ways| ways.iter()) {
            if behind.len() < ROADS_MAX
                && behind.insert(*way)
                && let Way::Road(number) = way
                && let Some((from, _)) = flow.reach().road(*number)
            {
                open.push(from);
            }
        }
    }
    behind
}

/// Whether a loose end lies on another road of a fork than the roads given.
fn is_another_road(context: &Context<'_>, flow: &Flow, roads: &BTreeSet<Way>, end: StepIndex) -> bool {
    let behind_end = roads_behind(flow, end);
    roads.iter().any(|way| match way {
        Way::Always => false,
        Way::Fallback => !behind_end.contains(way),
        Way::Road(number) => {
            let Some((fork, road)) = flow.reach().road(*number) else { return false };
            if behind_end.contains(way) {
                return false;
            }
            if road.is_branch() {
                behind_end.iter().any(|other| match other {
                    Way::Road(other) => {
                        flow.reach().road(*other).is_some_and(|(from, other)| from == fork && other.is_branch())
                    }
                    Way::Always | Way::Fallback => false,
                })
            } else {
                // The other road of a failure is that there was none.
                end == fork || context.comes_before(fork, end)
            }
        }
    })
}
