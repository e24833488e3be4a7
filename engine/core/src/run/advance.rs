//! What follows by itself from what is known: the loop after each event.

use super::edges::Readiness;
use super::effect::Effect;
use super::record::{
    End, EndCause, Mode, Outcome, Part, Phase, QuestionKind, Record, Settlement, SkipReason, StartFailure,
    StartFailureKind,
};
use super::scope::RunScope;
use super::state::{RunState, Standing};
use super::step_state::{Stage, StepState};
use crate::document::model::{Kind, Work};
use crate::graph::StepIndex;

impl RunState {
    /// Goes on until nothing more follows.
    pub(crate) fn advance(&mut self) {
        if self.letting_go {
            return self.let_go_when_idle();
        }
        while self.go_on_once() {
            if self.sealed.is_some() {
                return;
            }
        }
        self.let_go();
    }

    /// One round over all that may go on, of a run or of a called runbook. Says whether anything changed.
    pub(crate) fn go_on_once(&mut self) -> bool {
        let before = self.effects.len();
        let mut moved = false;
        self.keep_ending();
        let active: Vec<StepIndex> = self.active.iter().copied().collect();
        for step in active {
            moved |= self.go_on(step);
        }
        moved |= self.go_on_undoing_inside();
        moved |= self.look_at_candidates();
        moved |= self.start_ready();
        moved |= self.go_through_end();
        moved || self.effects.len() != before
    }

    /// Settles what can no longer start, and marks what may.
    fn look_at_candidates(&mut self) -> bool {
        if self.phase >= Phase::Rollback {
            return false;
        }
        let mut moved = false;
        while let Some(step) = self.candidates.pop_first() {
            if !self.steps.get(step.get()).is_some_and(StepState::is_waiting) || self.plan.graph().is_finally(step) {
                continue;
            }
            if self.cancelled.is_some() {
                continue;
            }
            match self.readiness(step) {
                Readiness::NotYet => {}
                Readiness::Ready => {
                    if self.phase == Phase::Steps || self.follows_end(step) {
                        moved |= self.ready.insert(step);
                    }
                }
                Readiness::Blocked(by) => {
                    let why = SkipReason::Blocked(self.path(by));
                    self.skip(step, why);
                    moved = true;
                }
                Readiness::NotReached => {
                    self.skip(step, SkipReason::NotReached);
                    moved = true;
                }
            }
        }
        moved
    }

    pub(crate) fn skip(&mut self, step: StepIndex, why: SkipReason) {
        let path = self.path(step);
        self.end_items(step, &why);
        self.emit(Record::StepSkipped { step: path, why });
        self.withdraw_judgement(step);
    }

    /// A decide that will not judge leaves the failures it would have judged unhandled.
    pub(crate) fn withdraw_judgement(&mut self, decide: StepIndex) {
        if self.plan.step(decide).kind.value != Kind::Decide || self.phase != Phase::Steps {
            return;
        }
        let judged: Vec<StepIndex> =
            self.plan.graph().incoming(decide).filter(|(_, edge)| edge.judged).map(|(from, _)| from).collect();
        for from in judged {
            let Some(settled) = self.steps.get(from.get()).and_then(StepState::settled).cloned() else { continue };
            if matches!(settled.outcome, Outcome::Failed | Outcome::Unknown)
                && self.phase == Phase::Steps
                && !self.is_handled(from, settled.outcome, settled.settlement)
            {
                let cause = EndCause::Failed(self.path(from));
                self.enter_ending(cause);
            }
        }
    }

    /// Starts ready steps in file order, as far as there are places.
    fn start_ready(&mut self) -> bool {
        if self.cancelled.is_some() && self.phase <= Phase::Ending {
            return false;
        }
        let mut moved = false;
        let mut after: Option<StepIndex> = None;
        loop {
            let next = match after {
                None => self.ready.iter().next().copied(),
                Some(after) => {
                    self.ready.range((std::ops::Bound::Excluded(after), std::ops::Bound::Unbounded)).next().copied()
                }
            };
            let Some(step) = next else { break };
            after = Some(step);
            if self.phase == Phase::Ending && !self.follows_end(step) {
                self.ready.remove(&step);
                continue;
            }
            if self.phase >= Phase::Rollback && !self.is_due(step) {
                self.ready.remove(&step);
                continue;
            }
            if !self.has_place(step) {
                continue;
            }
            self.ready.remove(&step);
            self.begin(step);
            moved = true;
            if self.phase == Phase::Over || (self.exploring && crate::explore::is_instant(self.plan.step(step))) {
                break;
            }
        }
        moved
    }

    /// Whether a step may take a place now. Steps that only ask or tell need none.
    pub(crate) fn has_place(&self, step: StepIndex) -> bool {
        if let Some(place) = &self.place {
            return place.has_room;
        }
        let body = &self.plan.step(step).body.work;
        if !body.is_attempted() && !matches!(body, Work::Wait(_) | Work::Runbook(_)) {
            return true;
        }
        if self.call.as_ref().is_some_and(|call| !call.has_room) {
            return false;
        }
        let limit = self.plan.document().parallel.max(1) as usize;
        let taken = self
            .active
            .iter()
            .filter(|one| **one != step)
            .filter(|one| !self.exploring || crate::explore::holds_its_place(self.plan.step(**one)))
            .filter(|one| self.takes_place(**one))
            .count();
        taken < limit
    }

    /// Starts a step: `when`, `--step`, then its work.
    pub(crate) fn begin(&mut self, step: StepIndex) {
        let path = self.path(step);
        let plan = std::sync::Arc::clone(&self.plan);
        let follows_end = self.phase == Phase::Ending;
        if let Some(state) = self.steps.get_mut(step.get()) {
            state.in_ending |= follows_end;
        }
        if self.exploring {
            let key = self.key(step, Part::Main);
            self.set_in_flight(step, key);
            if let Some(state) = self.steps.get_mut(step.get()) {
                state.started = true;
            }
            return;
        }
        if let Some(state) = self.steps.get_mut(step.get()) {
            let again = std::mem::take(&mut state.let_go);
            if !again && self.step_by_step && self.mode == Mode::Real && state.undoing.is_none() {
                let request = self.next_request;
                let text = self.title(step);
                self.emit(Record::Question {
                    request,
                    step: Some(path),
                    question: QuestionKind::Proceed,
                    text,
                    collect: Vec::new(),
                    to: Vec::new(),
                    deadline: None,
                });
                return;
            }
        }
        let undoing = self.steps.get(step.get()).is_some_and(|state| state.undoing.is_some());
        if let Some(when) = plan.step(step).when.as_ref().filter(|_| !undoing) {
            let scope = RunScope::new(self, self.now);
            let result = when.value.evaluate_bool(&scope);
            let unknown = scope.unknown_until.borrow().is_some();
            match result {
                Ok(true) => {}
                Ok(false) => {
                    self.skip(step, SkipReason::When);
                    return;
                }
                // A dry run shows the step: whether it runs cannot be known.
                Err(_) if unknown => {}
                Err(error) => {
                    let message = format!("its when could not be evaluated: {error}");
                    let failure = StartFailure { kind: StartFailureKind::Rendering, message: message.clone() };
                    let end = Some(End::NotStarted(failure));
                    self.end_attempt_early(step, Part::Main, Outcome::Failed, message, end);
                    return;
                }
            }
        }
        self.begin_work(step);
    }

    /// Takes an active step as far as it goes without the world. Says whether anything changed.
    pub(super) fn go_on(&mut self, step: StepIndex) -> bool {
        let Some(state) = self.steps.get(step.get()) else { return false };
        if state.in_flight {
            return false;
        }
        if state.undo.is_active() {
            return self.go_on_undoing(step);
        }
        match state.stage.clone() {
            Stage::Planned(key, plan, shown) => self.after_planning(step, key, plan, shown),
            Stage::Approved(key, plan) => {
                if !self.has_place(step) {
                    return false;
                }
                self.start_attempt(step, key, plan);
                true
            }
            Stage::Asked(key, request) if !self.requests.contains_key(&request) => {
                if state.last.answer.is_some() {
                    self.after_answer(step, key);
                } else {
                    self.end_waiting(step);
                }
                true
            }
            Stage::Telling(key) => {
                self.after_telling(step, key);
                true
            }
            Stage::AwaitingAck(key, request) if !self.requests.contains_key(&request) => {
                if state.acknowledged.is_empty() {
                    self.end_waiting(step);
                } else {
                    self.after_ack(step, key);
                }
                true
            }
            Stage::Ended(verdict) => {
                self.after_attempt(step, verdict);
                true
            }
            Stage::Items(key) => self.go_on_with_items(step, &key),
            Stage::Calling(key) => self.go_on_with_call(step, &key),
            Stage::Running(key) => {
                self.after_interruption(step, key);
                true
            }
            Stage::Attaching(verdict) => {
                self.attach_or_settle(step, verdict);
                true
            }
            // Withdrawn, and what follows from that was not recorded.
            Stage::Approval(request, ..) | Stage::Overruling(request, _) | Stage::Proceeding(request)
                if !self.requests.contains_key(&request) =>
            {
                self.end_waiting(step);
                true
            }
            Stage::Waiting
            | Stage::Planning(_)
            | Stage::Proceeding(_)
            | Stage::Approval(..)
            | Stage::WaitingUntil(..)
            | Stage::Asked(..)
            | Stage::AwaitingAck(..)
            | Stage::Pausing(..)
            | Stage::Overruling(..)
            | Stage::Doubt(..)
            | Stage::Settled(_) => false,
        }
    }

    /// Whether a settled failure is answered by something in the runbook.
    pub(crate) fn is_handled(&self, step: StepIndex, outcome: Outcome, settlement: Settlement) -> bool {
        if let Some(place) = &self.place {
            let [failed, unknown] = place.handles;
            return if outcome == Outcome::Unknown { unknown } else { failed };
        }
        let plan = &self.plan;
        let graph = plan.graph();
        let written = plan.step(step);
        let leads_on = |target: &crate::document::model::Target| {
            let fresh = |id: &str| {
                let to = graph.find(id).and_then(|to| self.steps.get(to.get()));
                to.is_some_and(|state| !state.started && state.settled().is_none())
            };
            let done = target.done && target.steps.is_empty();
            done || target.steps.iter().any(|id| fresh(id.value.as_str())) || (target.done && target.failed)
        };
        let judged = || {
            graph.outgoing(step).any(|(to, edge)| {
                let judges = if outcome == Outcome::Unknown { edge.judges_unknown } else { edge.judged };
                judges
                    && self
                        .steps
                        .get(to.get())
                        .is_some_and(|state| !matches!(state.settled(), Some(settled) if settled.skipped.is_some()))
                    && self.could_start(to, step)
            })
        };
        let late = || {
            crate::graph::roads_of(written)
                .into_iter()
                .any(|(road, target)| road == crate::graph::Road::Else && leads_on(target))
        };
        match settlement {
            Settlement::Denied => false,
            // No decide answers an approval nobody gave; one that judges a question nobody answered does.
            Settlement::Expired => late(),
            Settlement::Unanswered => late() || judged(),
            Settlement::Ran
            | Settlement::AlreadySo
            | Settlement::ByHand
            | Settlement::Overruled
            | Settlement::Settled
            | Settlement::Withheld => {
                if let Some(target) = &written.on_fail {
                    return leads_on(target);
                }
                judged()
            }
        }
    }

    /// Whether a decide is not already blocked by another of its needs.
    fn could_start(&self, decide: StepIndex, but: StepIndex) -> bool {
        !self.plan.graph().incoming(decide).any(|(from, edge)| {
            from != but && edge.need && matches!(self.need(from, decide, edge), super::edges::Liveness::Blocks(_))
        })
    }

    /// Without a person and a deadline nothing goes on: this process lets go.
    fn let_go(&mut self) {
        if self.suspended || self.sealed.is_some() || self.attended {
            return;
        }
        if matches!(self.standing(), Standing::Waiting | Standing::InDoubt) && self.next_deadline().is_none() {
            self.suspend();
        }
    }

    pub(crate) fn suspend(&mut self) {
        let waits_for = self
            .requests()
            .map(|request| match &request.step {
                Some(step) => format!("{}: {}", step, request.verb()),
                None => format!("rollback: {}", request.verb()),
            })
            .collect();
        self.emit(Record::RunSuspended { waits_for });
        self.effects.push(Effect::Sync);
        self.effects.push(Effect::Suspend);
    }
}
