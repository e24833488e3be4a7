//! RB0124: a step that no way comes to.

use std::collections::BTreeSet;

use super::context::Context;
use crate::diagnostic::{Code, Diagnostic};
use crate::document::model::{Approve, Kind, Step, Work};
use crate::graph::{Edge, Road, StepIndex};

/// Cases that are looked at for one that is always true.
const CASES_MAX: usize = 64;

pub(super) fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let (Some(order), Some(_)) = (context.order(), context.flow()) else { return Vec::new() };
    let undoing: BTreeSet<StepIndex> =
        context.document.steps.iter().filter_map(|step| context.graph.undoing_step(step)).collect();
    let mut reachable = vec![false; context.document.steps.len()];
    let mut found = Vec::new();
    for &step in order {
        let is = |from: StepIndex| reachable.get(from.get()).copied().unwrap_or_default();
        let sources: Vec<(StepIndex, &Edge)> = context.graph.incoming(step).collect();
        let wanted_otherwise = sources.is_empty()
            || context.graph.is_finally(step)
            || context.graph.fallback() == Some(step)
            || undoing.contains(&step);
        let leads_here =
            |(from, edge): &(StepIndex, &Edge)| is(*from) && ways(context, *from, edge).iter().any(Result::is_ok);
        let is_reachable = wanted_otherwise || sources.iter().any(leads_here);
        // What comes after an unreachable step is not reported again.
        if !is_reachable && sources.iter().all(|(from, _)| is(*from)) {
            found.push(report(context, step, &sources));
        }
        if let Some(slot) = reachable.get_mut(step.get()) {
            *slot = is_reachable;
        }
    }
    found
}

fn report(context: &Context<'_>, step: StepIndex, sources: &[(StepIndex, &Edge)]) -> Diagnostic {
    let id = &context.step(step).id;
    let title = format!("`{}` can never start", id.value);
    let mut reasons = sources.iter().filter_map(|(from, edge)| {
        let why = ways(context, *from, edge).into_iter().find_map(Result::err)?;
        Some((super::cycle::place(context, *from, step, Some(edge)), why))
    });
    let mut diagnostic = Diagnostic::new(Code::UnreachableStep, id.span, title);
    // A need that is not written is shown at the step itself.
    diagnostic = match reasons.next() {
        Some((span, why)) if span == id.span => diagnostic.label(why),
        Some((span, why)) => diagnostic.label("no way leads here").related(span, why),
        None => diagnostic.label("no way leads here"),
    };
    for (span, why) in reasons.take(2) {
        diagnostic = diagnostic.related(span, why);
    }
    diagnostic.help("name the step it follows in `needs`, or remove it")
}

/// The ways along an edge: each can be gone, or why not.
fn ways(context: &Context<'_>, from: StepIndex, edge: &Edge) -> Vec<Result<(), String>> {
    let step = context.step(from);
    let need = (edge.need && edge.is_way).then(|| need_goes_on(step));
    need.into_iter().chain(edge.roads.iter().map(|road| road_is_taken(step, *road))).collect()
}

fn need_goes_on(step: &Step) -> Result<(), String> {
    if step.escalation.as_ref().is_some_and(|escalation| escalation.handover) {
        return Err(format!("after `{}` the run is someone else's", step.id.value));
    }
    let branches = crate::graph::roads_of(step);
    let mut branches = branches.iter().filter(|(road, _)| road.is_branch()).peekable();
    if step.kind.value == Kind::Decide && branches.peek().is_some() && branches.all(|(_, to)| to.steps.is_empty()) {
        return Err(format!("every branch of `{}` ends there", step.id.value));
    }
    Ok(())
}

fn road_is_taken(step: &Step, road: Road) -> Result<(), String> {
    let id = &step.id.value;
    let never = |what: &str| Err(format!("{what} of `{id}`, so this is never taken"));
    match road {
        Road::Case(number) => {
            let is = |number: usize, wanted: &str| {
                step.cases.get(number).is_some_and(|case| case.when.value.source().trim() == wanted)
            };
            if is(number, "false") {
                return Err("this case is never true".to_owned());
            }
            if (0..number.min(CASES_MAX)).any(|before| is(before, "true")) {
                return never("an earlier case is always the answer");
            }
            Ok(())
        }
        Road::Otherwise => {
            if step.cases.iter().take(CASES_MAX).any(|case| case.when.value.source().trim() == "true") {
                return never("a case is always the answer");
            }
            Ok(())
        }
        Road::Denied if step.approve.is_none() => never("nobody is asked to approve, which is part"),
        Road::Choice(_) | Road::OnFail | Road::Denied => Ok(()),
        Road::Else => {
            let by_answer = matches!(&step.body.work, Work::Ask(asking) | Work::Instruct(asking)
                if asking.within.is_some() && asking.otherwise.is_some());
            let by_approval = matches!(step.approve.as_ref().map(|approve| &approve.value),
                Some(Approve::People(approval)) if approval.within.is_some() && approval.otherwise.is_some());
            let ack = step.escalation.as_ref().and_then(|escalation| escalation.ack.as_ref());
            let by_ack = ack.is_some_and(|ack| ack.value.within.is_some() && ack.value.otherwise.is_some());
            if by_answer || by_approval || by_ack { Ok(()) } else { never("there is no `within` on the question") }
        }
    }
}
