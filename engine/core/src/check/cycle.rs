//! RB0119: steps that wait for each other.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::context::Context;
use super::words::listed_with;
use crate::diagnostic::{Code, Diagnostic};
use crate::graph::{Edge, StepIndex};
use crate::source::Span;

/// Steps of a circle that are drawn; longer ones are cut in the middle.
const DRAWN_MAX: usize = 12;

pub(super) fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    if context.order().is_some() {
        return Vec::new();
    }
    let all: Vec<StepIndex> = context.graph.steps().collect();
    let mut found = Vec::new();
    // Kosaraju's algorithm, which does not recurse as Tarjan's does.
    for component in petgraph::algo::kosaraju_scc(context.graph.petgraph()) {
        let steps: BTreeSet<StepIndex> =
            component.into_iter().filter_map(|node| all.get(node.index()).copied()).collect();
        let Some(&first) = steps.first() else { continue };
        let waits_for_itself = context.graph.incoming(first).any(|(from, _)| from == first);
        if steps.len() > 1 || waits_for_itself {
            found.push(draw(context, &steps, first));
        }
    }
    found
}

/// The shortest circle through the first step in reading order.
fn draw(context: &Context<'_>, steps: &BTreeSet<StepIndex>, first: StepIndex) -> Diagnostic {
    let circle = shortest(context, steps, first);
    let ids: Vec<&str> = circle.iter().map(|step| context.id(*step)).collect();
    let last = circle.last().copied().unwrap_or(first);
    let edge = context.graph.incoming(first).find(|(from, _)| *from == last).map(|(_, edge)| edge);
    let title = if let [id] = ids.as_slice() {
        format!("`{id}` waits for itself")
    } else {
        format!("steps wait for each other: {} → {}", listed_with(&ids, " → ", DRAWN_MAX), context.id(first))
    };
    let label = if ids.len() == 1 { String::new() } else { format!("waits for `{}`", context.id(last)) };
    let diagnostic = Diagnostic::new(Code::Cycle, place(context, last, first, edge), title).label(label);
    diagnostic.help("to try something again, `retry` it; to go back, let a person start the run again")
}

fn shortest(context: &Context<'_>, steps: &BTreeSet<StepIndex>, first: StepIndex) -> Vec<StepIndex> {
    let mut came_from: BTreeMap<StepIndex, StepIndex> = BTreeMap::new();
    let mut queue = VecDeque::from([first]);
    while let Some(step) = queue.pop_front() {
        let mut next: Vec<StepIndex> = context.graph.outgoing(step).map(|(to, _)| to).collect();
        next.sort_unstable();
        for to in next {
            if to == first {
                let mut circle = vec![step];
                let mut at = step;
                while let Some(&before) = came_from.get(&at) {
                    circle.push(before);
                    at = before;
                }
                circle.reverse();
                return circle;
            }
            if steps.contains(&to) && !came_from.contains_key(&to) {
                came_from.insert(to, step);
                queue.push_back(to);
            }
        }
    }
    vec![first]
}

/// Where the edge into a step is written: its need, or the road that leads to it.
pub(super) fn place(context: &Context<'_>, from: StepIndex, to: StepIndex, edge: Option<&Edge>) -> Span {
    let step = context.step(to);
    let need = step.needs.iter().flat_map(|needs| &needs.value).find(|id| id.value.as_str() == context.id(from));
    if let Some(need) = need {
        return need.span;
    }
    let roads = edge.map(|edge| edge.roads.as_slice()).unwrap_or_default();
    crate::graph::roads_of(context.step(from))
        .into_iter()
        .filter(|(road, _)| roads.contains(road))
        .find_map(|(_, target)| target.steps.iter().find(|id| id.value == step.id.value))
        .map_or(step.id.span, |id| id.span)
}
