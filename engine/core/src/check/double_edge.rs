//! RB0120: two edges from one step to another, each saying something else about when the second starts.

use super::context::Context;
use super::cycle::place;
use crate::diagnostic::{Code, Diagnostic};
use crate::graph::{Edge, Road, StepIndex, roads_of};
use crate::source::Span;

pub(super) fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (to, _) in context.steps() {
        for (from, edge) in context.graph.incoming(to) {
            let go_on_either_way = edge.need && edge.roads == [Road::OnFail];
            if edge.need && !edge.roads.is_empty() && !go_on_either_way {
                found.push(need_and_road(context, from, to, edge));
            } else if let Some((first, second)) = apart(&edge.roads) {
                found.push(two_roads(context, from, to, first, second));
            }
        }
    }
    found
}

fn need_and_road(context: &Context<'_>, from: StepIndex, to: StepIndex, edge: &Edge) -> Diagnostic {
    let title = format!("`{}` needs `{}`, which also leads to it", context.id(to), context.id(from));
    let mut diagnostic = Diagnostic::new(Code::DoubleEdge, place(context, from, to, None), title)
        .label("this says it starts in any case")
        .help("take it out of `needs`: the road alone starts the step");
    if let Some(road) = edge.roads.first() {
        diagnostic = diagnostic.related(on_road(context, from, to, *road), "this says it starts on this road only");
    }
    diagnostic
}

fn two_roads(context: &Context<'_>, from: StepIndex, to: StepIndex, first: Road, second: Road) -> Diagnostic {
    let title = format!("two roads lead from `{}` to `{}`", context.id(from), context.id(to));
    let span = on_road(context, from, to, second);
    Diagnostic::new(Code::DoubleEdge, span, title)
        .label(format!("one is `{}`", key(second)))
        .related(on_road(context, from, to, first), format!("the other is `{}`", key(first)))
        .help("lead one of them to a step of its own: what happened is not the same")
}

/// Two roads of different kinds; all branches of a decide are one kind.
fn apart(roads: &[Road]) -> Option<(Road, Road)> {
    let first = *roads.first()?;
    let other = roads.iter().find(|road| **road != first && !(road.is_branch() && first.is_branch()))?;
    Some((first, *other))
}

/// Where a road names the step it leads to.
fn on_road(context: &Context<'_>, from: StepIndex, to: StepIndex, road: Road) -> Span {
    let to = context.step(to);
    roads_of(context.step(from))
        .into_iter()
        .find(|(known, _)| *known == road)
        .and_then(|(_, target)| target.steps.iter().find(|id| id.value == to.id.value))
        .map_or(to.id.span, |id| id.span)
}

/// The key a road is written under.
pub(super) fn key(road: Road) -> &'static str {
    match road {
        Road::Case(_) => "then",
        Road::Otherwise => "otherwise",
        Road::Choice(_) => "choices",
        Road::OnFail => "on_fail",
        Road::Else => "else",
        Road::Denied => "denied",
    }
}
