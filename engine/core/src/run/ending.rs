//! The end of a run: the road after its cause, rollback, `finally`, the seal.

use std::collections::BTreeMap;

use super::effect::Effect;
use super::record::{
    EndCause, Mode, Outcome, Part, Phase, QuestionKind, Record, RequestId, RunOutcome, Settlement, SkipReason, StepPath,
};
use super::request::RequestKind;
use super::state::RunState;
use super::step_state::{Stage, StepState, Undone, Verdict};
use crate::document::model::{Kind, Rollback};
use crate::graph::StepIndex;
use crate::value::Value;

impl RunState {
    /// Nothing else new starts, requests to people are withdrawn, what runs is let end.
    pub(crate) fn enter_ending(&mut self, cause: EndCause) {
        if self.phase != Phase::Steps {
            return;
        }
        self.enter_phase(Phase::Ending, Some(cause));
        self.keep_ending();
    }

    /// Does what an ending run does to steps that wait; again after a resume, where the last process did not.
    pub(crate) fn keep_ending(&mut self) {
        if self.cancelled.is_some() && self.phase == Phase::Steps {
            self.enter_phase(Phase::Ending, Some(EndCause::Cancelled));
        }
        if self.phase == Phase::Ending {
            let cancelled = self.cancelled.is_some();
            self.withdraw_requests(if cancelled { &SkipReason::Cancelled } else { &SkipReason::Ended });
        }
    }

    /// Withdraws what waits for people, and ends pauses and waits. Doubts stay: they have to be settled.
    pub(crate) fn withdraw_requests(&mut self, why: &SkipReason) {
        let active: Vec<StepIndex> = self.active.iter().copied().collect();
        for step in active {
            let path = self.path(step);
            let on_the_road = |state: &&StepState| *why == SkipReason::Cancelled || !state.in_ending;
            let Some(waits) = self.steps.get(step.get()).filter(on_the_road) else { continue };
            match waits.stage.clone() {
                Stage::Approval(request, key, _) => {
                    if self.requests.contains_key(&request) {
                        self.emit(Record::ApprovalVoid { request, key, why: why.to_string() });
                    }
                    self.not_begun(step, why.clone());
                }
                Stage::Proceeding(request) => {
                    self.withdraw(request, path);
                    self.not_begun(step, why.clone());
                }
                Stage::Asked(_, request) | Stage::AwaitingAck(_, request) => {
                    self.withdraw(request, path);
                    self.skip(step, why.clone());
                }
                Stage::Overruling(request, verdict) => {
                    self.withdraw(request, path);
                    self.settle_step(step, verdict);
                }
                Stage::WaitingUntil(..) => self.skip(step, why.clone()),
                // What was planned for its `unless` looked at again goes on: a doubt has to be settled.
                Stage::Planned(key, ..) if key.part == Part::Doubt => {}
                Stage::Planned(..) | Stage::Approved(..) => self.not_begun(step, why.clone()),
                Stage::Pausing(..) => {
                    let planning = self.steps.get(step.get()).is_some_and(|state| state.in_flight);
                    if !planning {
                        self.not_begun(step, why.clone());
                    }
                }
                Stage::Waiting
                | Stage::Planning(_)
                | Stage::Running(_)
                | Stage::Telling(_)
                | Stage::Ended(_)
                | Stage::Attaching(_)
                | Stage::Doubt(..)
                | Stage::Settled(_)
                // Those of its items that were not started are ended with it, where it goes on.
                | Stage::Items(_)
                // What goes on in another runbook is ended there.
                | Stage::Calling(_) => {}
            }
        }
        if self.is_busy_inside() {
            self.withdraw_inside(why);
        }
    }

    fn withdraw(&mut self, request: RequestId, step: StepPath) {
        if self.requests.contains_key(&request) {
            self.emit(Record::QuestionWithdrawn { request, step: Some(step), timed_out: false });
        }
    }

    /// Ends a step that was to start and may not: it is skipped, or where another attempt was to follow, the last one
    /// stands.
    pub(crate) fn not_begun(&mut self, step: StepIndex, why: SkipReason) {
        let kind = self.plan.step(step).kind.value;
        let before = self.steps.get(step.get()).and_then(|state| state.before.clone());
        match before {
            Some(before) if kind == Kind::Act && before.outcome == Outcome::Unknown => {
                self.open_doubt(step, *before, false);
            }
            Some(before) if kind != Kind::Verify || why != SkipReason::Cancelled => self.settle_step(step, *before),
            _ => self.skip(step, why),
        }
    }

    /// In rollback and `finally`: ends what waits for a person or the clock.
    pub(crate) fn end_waiting(&mut self, step: StepIndex) {
        let Some(waits) = self.steps.get(step.get()) else { return };
        let path = self.path(step);
        let (undoes, stage) = (waits.undoing.is_some(), waits.stage.clone());
        if let Stage::Approval(request, key, _) = waits.undo.clone() {
            if self.requests.contains_key(&request) {
                self.emit(Record::ApprovalVoid { request, key, why: "cancelled".to_owned() });
            }
            let reason = Some("cancelled".to_owned());
            return self.emit(Record::StepUndone { step: path, outcome: Outcome::Failed, reason });
        }
        match &stage {
            Stage::Items(_) => return self.end_unbegun_items(step, &SkipReason::Cancelled),
            Stage::Approval(request, key, _) => {
                if self.requests.contains_key(request) {
                    let (request, key) = (*request, key.clone());
                    self.emit(Record::ApprovalVoid { request, key, why: "cancelled".to_owned() });
                }
            }
            Stage::Proceeding(request)
            | Stage::Asked(_, request)
            | Stage::AwaitingAck(_, request)
            | Stage::Overruling(request, _) => self.withdraw(*request, path),
            Stage::WaitingUntil(..) | Stage::Pausing(..) => {}
            Stage::Waiting
            | Stage::Planning(_)
            | Stage::Planned(..)
            | Stage::Approved(..)
            | Stage::Running(_)
            | Stage::Telling(_)
            | Stage::Calling(_)
            | Stage::Ended(_)
            | Stage::Attaching(_)
            | Stage::Doubt(..)
            | Stage::Settled(_) => return,
        }
        if let Stage::Overruling(_, verdict) = stage {
            return self.settle_step(step, verdict);
        }
        if !undoes {
            return self.not_begun(step, SkipReason::Cancelled);
        }
        // An undo that was not carried through has failed: what it undoes is not undone.
        let verdict = Verdict {
            key: self.key(step, Part::Main),
            end: None,
            outcome: Outcome::Failed,
            settlement: Settlement::Ran,
            reason: Some("cancelled".to_owned()),
            outputs: BTreeMap::new(),
        };
        self.settle_step(step, verdict);
    }

    /// Whether a step may begin in this phase.
    pub(crate) fn may_start(&self, step: StepIndex) -> bool {
        if let Some(place) = &self.place {
            return place.may_start;
        }
        match self.phase {
            Phase::Steps => self.cancelled.is_none(),
            Phase::Ending => self.cancelled.is_none() && self.follows_end(step),
            Phase::Rollback | Phase::Finally => self.is_due(step),
            // One that has ended well is undone with the run around it.
            Phase::Over => self.rolls_back_inside(),
        }
    }

    /// In rollback and `finally`: whether it is this step's turn.
    pub(crate) fn is_due(&self, step: StepIndex) -> bool {
        match self.phase {
            Phase::Rollback => {
                self.steps.get(step.get()).is_some_and(|state| state.undoing.is_some())
                    || self.due_undo().is_some_and(|(undone, by)| [Some(undone), by].contains(&Some(self.path(step))))
            }
            Phase::Finally => self.next_finally() == Some(step),
            Phase::Steps | Phase::Ending | Phase::Over => false,
        }
    }

    fn next_finally(&self) -> Option<StepIndex> {
        let unsettled = |step: &&StepIndex| self.steps.get(step.get()).is_some_and(|state| state.settled().is_none());
        self.plan.finally().iter().find(unsettled).copied()
    }

    pub(crate) fn due_undo(&self) -> Option<(StepPath, Option<StepPath>)> {
        if self.rollback_failed { None } else { self.to_undo().into_iter().next() }
    }

    /// Goes from phase to phase when nothing is left to do in one. Says whether anything changed.
    pub(crate) fn go_through_end(&mut self) -> bool {
        if self.is_busy_inside() {
            return false;
        }
        if !self.active.is_empty() || !self.ready.is_empty() || !self.candidates.is_empty() {
            // A cancel keeps candidates from being looked at: they are skipped here.
            let only_candidates = self.active.is_empty() && self.ready.is_empty();
            if !(self.cancelled.is_some() && self.active.is_empty() || only_candidates && self.phase >= Phase::Rollback)
            {
                return false;
            }
            self.candidates.clear();
            self.ready.clear();
        }
        match self.phase {
            Phase::Steps => self.end_of_steps(),
            Phase::Ending => self.end_of_ending(),
            Phase::Rollback => self.go_on_rolling_back(),
            Phase::Finally => self.go_on_with_finally(),
            Phase::Over => {
                self.seal();
                true
            }
        }
    }

    fn waiting_steps(&self) -> Vec<StepIndex> {
        let graph = self.plan.graph();
        let waiting = |step: &StepIndex| {
            !graph.is_finally(*step) && self.steps.get(step.get()).is_some_and(StepState::is_waiting)
        };
        graph.steps().filter(waiting).collect()
    }

    fn end_of_steps(&mut self) -> bool {
        if self.unsettled > 0 {
            let waiting = self.waiting_steps();
            // What is left is the fallback nobody needed, and what follows it.
            let fallback = self.plan.graph().fallback();
            let next = waiting.iter().find(|step| Some(**step) == fallback).or_else(|| waiting.first()).copied();
            if let Some(step) = next {
                if self.mode != Mode::Real && Some(step) == fallback {
                    // A dry run shows it too.
                    self.begin(step);
                    return true;
                }
                self.skip(step, SkipReason::NotReached);
                return true;
            }
        }
        self.after_ending()
    }

    fn end_of_ending(&mut self) -> bool {
        let waiting = self.waiting_steps();
        if waiting.is_empty() {
            return self.after_ending();
        }
        let graph = self.plan.graph();
        let mut follow: std::collections::BTreeSet<StepIndex> = self.ending_roots.clone();
        if self.cancelled.is_none() {
            for root in &self.ending_roots {
                follow.extend(graph.descendants(*root));
            }
        } else {
            follow.clear();
        }
        let (later, now): (Vec<StepIndex>, Vec<StepIndex>) =
            waiting.into_iter().partition(|step| follow.contains(step));
        let skipped = if now.is_empty() { later } else { now };
        for step in skipped {
            // What was skipped before may have opened the way to a step on the road after the end's cause.
            if !self.candidates.is_empty() && follow.contains(&step) {
                return true;
            }
            let why = if self.cancelled.is_some() {
                SkipReason::Cancelled
            } else if let super::edges::Readiness::Blocked(by) = self.readiness(step) {
                SkipReason::Blocked(self.path(by))
            } else {
                SkipReason::Ended
            };
            self.not_begun(step, why);
        }
        true
    }

    /// Doubts are settled by now: rollback, `finally`, the seal.
    fn after_ending(&mut self) -> bool {
        let ended_around = self.cause == Some(EndCause::Around) && !self.is_handed_over();
        let wants_rollback = self.is_failed || self.cancelled.is_some() || self.is_denied || ended_around;
        if wants_rollback && self.mode == Mode::Real && !self.exploring && !self.to_undo().is_empty() {
            let wanted = match self.plan.document().rollback {
                Rollback::Never => Some(false),
                Rollback::Auto => Some(true),
                Rollback::Ask => self.rollback_wanted,
            };
            match wanted {
                Some(true) => {
                    self.enter_phase(Phase::Rollback, None);
                    return true;
                }
                Some(false) => {}
                None => return self.ask_rollback(),
            }
        }
        self.enter_phase(Phase::Finally, None);
        true
    }

    fn ask_rollback(&mut self) -> bool {
        let asked = |request: &super::request::Request| request.kind == RequestKind::Question(QuestionKind::Rollback);
        if self.requests.values().any(asked) {
            return false;
        }
        let title = |path: &str| self.owner(path).map(|(at, step)| at.title(step)).unwrap_or_default();
        let acts: Vec<String> =
            self.to_undo().into_iter().map(|(path, _)| format!("{} ({path})", title(&path))).collect();
        self.emit(Record::Question {
            request: self.next_request,
            step: self.call.as_ref().map(|call| call.path.clone()),
            question: QuestionKind::Rollback,
            text: format!("Undo what was done? Newest first: {}", acts.join("; ")),
            collect: Vec::new(),
            to: Vec::new(),
            deadline: None,
        });
        true
    }

    fn go_on_rolling_back(&mut self) -> bool {
        match self.due_undo() {
            None => self.enter_phase(Phase::Finally, None),
            Some((path, None)) => {
                self.at(&path, |at| {
                    if let Some(step) = at.find(&path) {
                        at.begin_part(step, Part::Undo);
                    }
                });
            }
            Some((undone, Some(by))) => {
                self.at(&by, |at| {
                    at.set_undoing(&by, undone);
                    if let Some(step) = at.find(&by) {
                        at.begin_work(step);
                    }
                });
            }
        }
        true
    }

    /// Takes an `undo` body as far as it goes without the world.
    pub(crate) fn go_on_undoing(&mut self, step: StepIndex) -> bool {
        let Some(stage) = self.steps.get(step.get()).map(|state| state.undo.clone()) else { return false };
        match stage {
            Stage::Planned(key, plan, shown) => self.after_planning(step, key, plan, shown),
            Stage::Approved(key, plan) => {
                self.start_attempt(step, key, plan);
                true
            }
            Stage::Running(key) => {
                self.after_interruption(step, key);
                true
            }
            Stage::Calling(key) => self.go_on_with_call(step, &key),
            // Whether it is undone has to be said, before anything else is undone.
            Stage::Ended(verdict) if verdict.outcome == Outcome::Unknown => {
                self.open_doubt(step, verdict, false);
                true
            }
            Stage::Ended(verdict) => {
                let passed = verdict.outcome == Outcome::Passed;
                let outcome = if passed { Outcome::Passed } else { Outcome::Failed };
                let step = self.path(step);
                self.emit(Record::StepUndone { step, outcome, reason: verdict.reason });
                true
            }
            Stage::Waiting
            | Stage::Planning(_)
            | Stage::Proceeding(_)
            | Stage::Approval(..)
            | Stage::Items(_)
            | Stage::WaitingUntil(..)
            | Stage::Asked(..)
            | Stage::Telling(_)
            | Stage::AwaitingAck(..)
            | Stage::Pausing(..)
            | Stage::Attaching(_)
            | Stage::Overruling(..)
            | Stage::Doubt(..)
            | Stage::Settled(_) => false,
        }
    }

    fn go_on_with_finally(&mut self) -> bool {
        if let Some(step) = self.next_finally() {
            self.begin(step);
        } else {
            self.enter_phase(Phase::Over, None);
        }
        true
    }

    fn seal(&mut self) {
        if self.sealed.is_some() {
            return;
        }
        assert!(self.unsettled == 0, "an outcome is claimed only when every step has a terminal record");
        let (outcome, reason) = self.final_outcome();
        let open = self.what_is_open();
        if let Some(call) = &self.call {
            let key = call.key.clone();
            return self.emit(Record::CallEnded { key, outcome, reason, open });
        }
        self.emit(Record::RunSealed { outcome, reason, open });
        self.effects.push(Effect::Sync);
        self.effects.push(Effect::Sealed(outcome));
    }

    fn final_outcome(&self) -> (RunOutcome, String) {
        let failure = self.failure.map(|step| self.path(step)).unwrap_or_default();
        let (outcome, reason) = if let Some(reason) = &self.cancelled {
            (RunOutcome::Cancelled, format!("cancelled: {reason}"))
        } else if self.is_denied && !self.handed_over {
            let is_denied = |state: &&StepState| state.settled().is_some_and(|it| it.settlement == Settlement::Denied);
            let step = self.plan.graph().steps().zip(&self.steps).find(|(_, state)| is_denied(state));
            let step = step.map(|(step, _)| self.path(step)).unwrap_or_default();
            (RunOutcome::Cancelled, format!("{step} was denied"))
        } else if self.handed_over {
            (RunOutcome::Escalated, "handed over".to_owned())
        } else if self.is_failed {
            (RunOutcome::Failed, format!("{failure} failed and nothing handled it"))
        } else if self.cause == Some(EndCause::Around) {
            (RunOutcome::Cancelled, "the run around it came to its end".to_owned())
        } else {
            (RunOutcome::Resolved, "the procedure came to its end".to_owned())
        };
        let end_failed = match (self.rollback_failed, self.finally_failed) {
            (true, _) => Some("rollback failed"),
            (false, true) => Some("a step of finally failed"),
            (false, false) => None,
        };
        match (outcome, end_failed) {
            (RunOutcome::Resolved | RunOutcome::Escalated, Some(why)) => {
                (RunOutcome::Failed, format!("{reason}, but {why}"))
            }
            (outcome, Some(why)) => (outcome, format!("{reason}; {why}")),
            (outcome, None) => (outcome, reason),
        }
    }

    /// What is left for somebody to do, one line each, the worst first.
    fn what_is_open(&self) -> Vec<String> {
        let mut open = Vec::new();
        if self.is_failed || self.cancelled.is_some() || self.is_denied {
            for at in self.undone_with() {
                for (step, state) in at.plan.graph().steps().zip(&at.steps) {
                    if state.undone == Undone::Failed {
                        open.push(format!("{} could not be undone", at.path(step)));
                    }
                }
            }
            for (path, _) in self.to_undo() {
                open.push(format!("{path} was done and is not undone"));
            }
        }
        for (step, state) in self.plan.graph().steps().zip(&self.steps) {
            let failed = state.settled().filter(|settled| settled.outcome == Outcome::Failed);
            if let Some(settled) = failed
                && Some(step) == self.failure
            {
                let reason = settled.reason.as_deref().unwrap_or("no reason given");
                open.push(format!("{} failed: {reason}", self.path(step)));
            }
            if self.plan.step(step).kind.value == Kind::Escalate && state.is_told() && self.mode == Mode::Real {
                let to = self.plan.step(step).escalation.as_ref();
                let to: Vec<&str> =
                    to.map(|escalation| escalation.to.iter().map(|to| to.value.as_str()).collect()).unwrap_or_default();
                let heard = if state.acknowledged.is_empty() { "told" } else { "acknowledged" };
                open.push(format!("with {} ({heard}): {}", to.join(", "), self.title(step)));
            }
        }
        open.extend(self.open_inside());
        open
    }

    /// What failed, for `run.failure` and messages.
    pub(crate) fn failure(&self) -> Option<BTreeMap<String, Value>> {
        if let Some(place) = &self.place {
            return place.outer.failure();
        }
        let index = self.failure.or(self.last_failure)?;
        let state = self.steps.get(index.get())?;
        let settled = state.settled();
        let reason = settled.and_then(|settled| settled.reason.clone());
        // Who is told of it has only this sentence.
        let reason = reason.unwrap_or_else(|| match settled.map(|settled| (settled.outcome, settled.settlement)) {
            Some((Outcome::Passed, _)) => "it took `failed`".to_owned(),
            Some((_, Settlement::Settled)) => "a person said that it was not done".to_owned(),
            Some((outcome, _)) => format!("it ended as {}, and no more is known", outcome.word()),
            None => "it has not ended".to_owned(),
        });
        Some(BTreeMap::from([
            ("step".to_owned(), Value::Text(self.path(index))),
            ("title".to_owned(), Value::Text(self.title_of_failure(index))),
            ("reason".to_owned(), Value::Text(reason)),
            ("output".to_owned(), Value::Text(self.excerpt(index, state))),
        ]))
    }

    /// The title as it is shown; one that itself tells of a failure stands as written, or it would tell of itself.
    fn title_of_failure(&self, index: StepIndex) -> String {
        let title = &self.plan.step(index).title.value;
        let reads_failure = title.reads().iter().any(|read| match read.path.as_slice() {
            [root] => root == "run",
            [root, member, ..] => root == "run" && member == "failure",
            [] => false,
        });
        if reads_failure { title.source().to_owned() } else { self.title(index) }
    }

    /// The end of what a step printed; of one that runs another runbook, of what failed there.
    fn excerpt(&self, step: StepIndex, state: &StepState) -> String {
        let inside = self.called_by(step).and_then(|child| Some((child, child.failure?)));
        match inside {
            Some((child, failure)) => {
                child.steps.get(failure.get()).map(|state| child.excerpt(failure, state)).unwrap_or_default()
            }
            None => state.last.excerpt.clone(),
        }
    }
}
