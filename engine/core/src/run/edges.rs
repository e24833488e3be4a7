//! Which steps may start: the table of the language reference, *Order*.

use super::record::{BranchChoice, Outcome, Phase, Settlement, SkipReason};
use super::state::RunState;
use super::step_state::Settled;
use crate::document::model::Kind;
use crate::graph::{Edge, Road, StepIndex};

/// What an edge says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Liveness {
    /// It leads on.
    Live,
    /// It leads nowhere.
    Dead,
    /// Its source has not settled.
    Pending,
    /// Its source, or what blocked it, forbids the target to start.
    Blocks(StepIndex),
}

/// What all edges into a step say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readiness {
    /// Something before it has not settled.
    NotYet,
    /// It may start.
    Ready,
    /// It can no longer start: blocked by this step.
    Blocked(StepIndex),
    /// It can no longer start: nothing led to it.
    NotReached,
}

/// Whether the road that handled a failure leads to a step too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Forgiveness {
    Yes,
    No,
    Undecided,
}

impl RunState {
    pub(crate) fn readiness(&self, to: StepIndex) -> Readiness {
        let graph = self.plan.graph();
        let is_fallback = graph.fallback() == Some(to);
        let (mut needs_pending, mut roads_pending, mut live, mut forced) = (false, false, false, false);
        let mut blocked = None;
        let mut edges = 0;
        for (from, edge) in graph.incoming(to) {
            edges += 1;
            if edge.need {
                match self.need(from, to, edge) {
                    Liveness::Live => live |= edge.is_way,
                    Liveness::Dead => {}
                    Liveness::Pending => needs_pending = true,
                    Liveness::Blocks(by) => blocked = blocked.or(Some(by)),
                }
            }
            for road in &edge.roads {
                match self.road(from, *road) {
                    Liveness::Live if road.is_branch() => live = true,
                    Liveness::Live => forced = true,
                    Liveness::Dead => {}
                    Liveness::Pending | Liveness::Blocks(_) => roads_pending = true,
                }
            }
        }
        forced |= self.ending_roots.contains(&to);
        if needs_pending || (roads_pending && !forced) {
            return Readiness::NotYet;
        }
        if let Some(by) = blocked {
            return Readiness::Blocked(by);
        }
        if live || forced || (edges == 0 && !is_fallback) {
            return Readiness::Ready;
        }
        // A fallback is reached by a failure that may still come; the end of the run settles it.
        if is_fallback && self.phase == Phase::Steps {
            return Readiness::NotYet;
        }
        Readiness::NotReached
    }

    /// The row of the table for a need.
    pub(crate) fn need(&self, from: StepIndex, to: StepIndex, edge: &Edge) -> Liveness {
        let Some(settled) = self.steps.get(from.get()).and_then(|state| state.settled()) else {
            return Liveness::Pending;
        };
        match (settled.outcome, &settled.skipped) {
            (Outcome::Passed, _) => match self.steps.get(from.get()).and_then(|state| state.branch.as_ref()) {
                Some(branch) if branch.to.len() == 1 && branch.to.iter().all(|to| to == "done" || to == "failed") => {
                    Liveness::Dead
                }
                _ => Liveness::Live,
            },
            (Outcome::Failed | Outcome::Unknown, _) => self.failed_need(from, settled, to, edge),
            (Outcome::Skipped, Some(SkipReason::When)) => Liveness::Live,
            (Outcome::Skipped, Some(SkipReason::Blocked(by))) => {
                let by = self.find(by);
                match by.and_then(|by| Some((by, self.steps.get(by.get())?.settled()?))) {
                    Some((by, settled)) => self.failed_need(by, settled, to, edge),
                    None => Liveness::Dead,
                }
            }
            (Outcome::Skipped, _) => Liveness::Dead,
        }
    }

    /// A need of a step that failed or is unknown, or was blocked by it.
    fn failed_need(&self, failed: StepIndex, settled: &Settled, to: StepIndex, edge: &Edge) -> Liveness {
        let refused = matches!(settled.settlement, Settlement::Denied | Settlement::Expired);
        let judged = match settled.outcome {
            Outcome::Unknown => edge.judges_unknown,
            Outcome::Failed | Outcome::Passed | Outcome::Skipped => edge.judged,
        };
        if judged && !refused {
            return Liveness::Live;
        }
        match self.forgiveness(failed, settled, to) {
            Forgiveness::Yes => Liveness::Dead,
            Forgiveness::No => Liveness::Blocks(failed),
            Forgiveness::Undecided => Liveness::Pending,
        }
    }

    /// Whether the road that handled the failure of a step leads to `to` too.
    fn forgiveness(&self, failed: StepIndex, settled: &Settled, to: StepIndex) -> Forgiveness {
        let graph = self.plan.graph();
        let mut undecided = false;
        for (target, edge) in graph.outgoing(failed) {
            let followed = edge.roads.iter().any(|road| self.road(failed, *road) == Liveness::Live);
            if followed && graph.leads_to(target, to) {
                return Forgiveness::Yes;
            }
            let judged = if settled.outcome == Outcome::Unknown { edge.judges_unknown } else { edge.judged };
            if !judged || target == to {
                continue;
            }
            let Some(decide) = self.steps.get(target.get()) else { continue };
            if decide.settled().is_none() {
                undecided |= graph.leads_to(target, to);
            } else if let Some(branch) = &decide.branch
                && branch.to.iter().filter_map(|id| graph.find(id)).any(|taken| graph.leads_to(taken, to))
            {
                return Forgiveness::Yes;
            }
        }
        if undecided { Forgiveness::Undecided } else { Forgiveness::No }
    }

    /// The column of the table for roads.
    pub(crate) fn road(&self, from: StepIndex, road: Road) -> Liveness {
        let Some(state) = self.steps.get(from.get()) else { return Liveness::Dead };
        let Some(settled) = state.settled() else { return Liveness::Pending };
        let live = match road {
            Road::Case(_) | Road::Otherwise | Road::Choice(_) => {
                settled.outcome == Outcome::Passed
                    && state.branch.as_ref().is_some_and(|branch| match (branch.choice, road) {
                        (BranchChoice::Undecided, _) | (BranchChoice::Otherwise, Road::Otherwise) => true,
                        (BranchChoice::Case(taken), Road::Case(number))
                        | (BranchChoice::Choice(taken), Road::Choice(number)) => taken == number,
                        _ => false,
                    })
            }
            // A withheld step may end either way: a dry run shows both.
            _ if settled.settlement == Settlement::Withheld => true,
            Road::OnFail => {
                let by_work =
                    !matches!(settled.settlement, Settlement::Denied | Settlement::Expired | Settlement::Unanswered);
                let is_verify = self.plan.step(from).kind.value == Kind::Verify;
                by_work && (settled.outcome == Outcome::Failed || (settled.outcome == Outcome::Unknown && is_verify))
            }
            Road::Else => {
                settled.outcome == Outcome::Failed
                    && matches!(settled.settlement, Settlement::Expired | Settlement::Unanswered)
            }
            Road::Denied => settled.settlement == Settlement::Denied,
        };
        if live { Liveness::Live } else { Liveness::Dead }
    }

    /// Whether a step may start although the run is ending: the road after the end's cause leads to it.
    pub(crate) fn follows_end(&self, to: StepIndex) -> bool {
        self.ending_roots.contains(&to)
            || self.plan.graph().incoming(to).any(|(from, edge)| {
                self.steps.get(from.get()).is_some_and(|state| state.in_ending)
                    && (edge.roads.iter().any(|road| self.road(from, *road) == Liveness::Live)
                        || (edge.need && self.need(from, to, edge) == Liveness::Live))
            })
    }
}
