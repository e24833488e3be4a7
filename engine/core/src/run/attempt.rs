//! An attempt: from what is to run to how it came out.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::effect::Effect;
use super::event::{Ending, Evidence};
use super::judge::Judged;
use super::record::{
    AttemptKey, BlobDigest, End, Mode, Outcome, Output, Part, Record, Settlement, SkipReason, StartFailure,
    StartFailureKind, Stream,
};
use super::scope::{self, without_final_newlines};
use super::state::RunState;
use super::step_state::{Gate, Stage, Verdict};
use crate::document::model::{Body, Kind, Undo, Wait, Work};
use crate::graph::StepIndex;

impl RunState {
    pub(crate) fn key(&self, step: StepIndex, part: Part) -> AttemptKey {
        let attempt = self.steps.get(step.get()).map_or(1, |state| state.next_attempt(part));
        AttemptKey { step: self.path(step), part, attempt }
    }

    /// What a part of a step does and how it is judged.
    pub(crate) fn body(&self, step: StepIndex, part: Part) -> Option<&Body> {
        let written = self.plan.step(step);
        match part {
            Part::Main => Some(&written.body),
            Part::Unless | Part::Doubt => written.unless.as_ref().map(|body| &*body.value),
            Part::Undo => match &written.undo {
                Some(Undo::Body(body)) => Some(&*body.value),
                Some(Undo::Step(_)) | None => None,
            },
        }
    }

    /// Whether this mode keeps the work of a step from the world.
    pub(crate) fn is_withheld(&self, step: StepIndex, part: Part) -> bool {
        let is_verify = self.plan.step(step).kind.value == Kind::Verify && part == Part::Main;
        let work = self.body(step, part).map(|body| &body.work);
        // What another runbook does is withheld there, step by step.
        let starts_nothing = matches!(work, Some(Work::None | Work::Runbook(_)) | None);
        match self.mode {
            Mode::Real => false,
            Mode::Dry { probe: false } => !starts_nothing,
            Mode::Dry { probe: true } | Mode::Drill => {
                let looks = is_verify && work.is_some_and(Work::is_attempted);
                !(starts_nothing || looks)
            }
        }
    }

    /// Starts the work of a step whose edges, `when` and place allow it.
    pub(crate) fn begin_work(&mut self, step: StepIndex) {
        let plan = std::sync::Arc::clone(&self.plan);
        let written = plan.step(step);
        if written.for_each.is_some() {
            return self.begin_items(step);
        }
        match written.kind.value {
            Kind::Escalate => return self.tell(step),
            Kind::Decide if !matches!(written.body.work, Work::Ask(_)) => return self.decide(step),
            Kind::Decide | Kind::Verify | Kind::Act => {}
        }
        let looked = self.steps.get(step.get()).is_some_and(|state| state.unless_failed);
        if written.unless.is_some() && !looked && self.mode == Mode::Real {
            return self.begin_part(step, Part::Unless);
        }
        self.begin_part(step, Part::Main);
    }

    pub(crate) fn begin_part(&mut self, step: StepIndex, part: Part) {
        let plan = std::sync::Arc::clone(&self.plan);
        let key = self.key(step, part);
        let body = if part == Part::Main { Some(&plan.step(step).body) } else { self.body(step, part) };
        match body.map(|body| body.work.clone()) {
            Some(Work::Run(_) | Work::Script(_) | Work::Http(_) | Work::Template(_)) => self.plan_command(step, key),
            Some(Work::Ask(asking)) => self.ask(step, &asking, true),
            Some(Work::Instruct(asking)) => self.ask(step, &asking, false),
            Some(Work::Wait(wait)) => self.wait(step, key, &wait.value),
            Some(Work::None) => self.judge_bare(step, &key),
            Some(Work::Runbook(_)) => self.plan_call(step, key),
            None => {}
        }
    }

    fn plan_command(&mut self, step: StepIndex, key: AttemptKey) {
        match self.invocation(step, key.part) {
            Ok(invocation) => {
                self.effects.push(Effect::Plan { key: key.clone(), invocation: Box::new(invocation) });
                if key.part != Part::Main && key.part != Part::Undo {
                    // The verdict in doubt stays at hand until the record of the look is made.
                    if let Some(state) = self.steps.get_mut(step.get()) {
                        state.in_flight = true;
                    }
                }
                self.set_in_flight(step, key);
            }
            Err(problem) if problem.unknown.is_some() => {
                self.settle_withheld(step, problem.unknown.map(|until| format!("cannot be known until {until}")));
            }
            Err(problem) => {
                let failure = StartFailure { kind: StartFailureKind::Rendering, message: problem.message.clone() };
                let message = problem.message;
                let looks = matches!(key.part, Part::Unless | Part::Doubt);
                let outcome = if looks { Outcome::Unknown } else { Outcome::Failed };
                self.end_attempt_early(step, key.part, outcome, message, Some(End::NotStarted(failure)));
            }
        }
    }

    /// Marks a step as being planned: not recorded, a replay plans it again.
    pub(crate) fn set_in_flight(&mut self, step: StepIndex, key: AttemptKey) {
        if let Some(state) = self.steps.get_mut(step.get()) {
            state.in_flight = true;
            if matches!(state.stage_of(key.part), Stage::Waiting | Stage::Settled(_)) {
                let was_settled = state.settled().is_some();
                let part = key.part;
                *state.stage_of(part) = Stage::Planning(key);
                if was_settled && state.settled().is_none() {
                    self.unsettled += 1;
                }
            }
            self.active.insert(step);
            self.candidates.remove(&step);
            self.ready.remove(&step);
        }
    }

    pub(crate) fn on_planned(&mut self, key: &AttemptKey, plan: Result<(BlobDigest, String), StartFailure>) {
        let Some(step) = self.find(&key.step) else { return };
        let Some(state) = self.steps.get_mut(step.get()) else { return };
        let is_first = matches!(state.stage_of(key.part), Stage::Planning(planning) if planning == key);
        // Or another attempt, or another part after the one that ended.
        let expected =
            is_first || matches!(state.stage_of(key.part), Stage::Pausing(..) | Stage::Ended(_) | Stage::Items(_));
        if !std::mem::take(&mut state.in_flight) || !expected {
            return;
        }
        if matches!(key.part, Part::Main | Part::Unless) && !self.may_start(step) {
            let why = if self.cancelled.is_some() { SkipReason::Cancelled } else { SkipReason::Ended };
            return self.not_begun(step, why);
        }
        if matches!(key.part, Part::Main | Part::Unless) && self.stops_before_start(step) {
            return;
        }
        match plan {
            Ok((plan, shown)) => self.emit(Record::StepPlanned { key: key.clone(), plan, shown }),
            Err(failure) if self.is_withheld(step, key.part) => {
                self.settle_withheld(step, Some(failure.message));
            }
            Err(failure) => self.not_started(step, key, failure),
        }
    }

    /// What an act would change is recorded before it is planned, so that whoever approves it sees it.
    pub(crate) fn on_previewed(&mut self, key: AttemptKey, change: Evidence) {
        let Some(step) = self.find(&key.step) else { return };
        if self.steps.get(step.get()).is_some_and(|state| state.in_flight) {
            let Evidence { name, output, note } = change;
            self.emit(Record::Attachment { step: key.step, name, output, note });
        }
    }

    /// Nothing is left to do: an act passes untouched, and nobody is asked.
    pub(crate) fn on_already_so(&mut self, key: &AttemptKey) {
        let Some(step) = self.find(&key.step) else { return };
        let Some(state) = self.steps.get_mut(step.get()) else { return };
        if !std::mem::take(&mut state.in_flight) {
            return;
        }
        if key.part == Part::Main && !self.may_start(step) {
            let why = if self.cancelled.is_some() { SkipReason::Cancelled } else { SkipReason::Ended };
            return self.not_begun(step, why);
        }
        let reason = "already so".to_owned();
        if self.is_withheld(step, key.part) {
            return self.settle_withheld(step, Some(reason));
        }
        let (outcome, judged, outputs) = self.judge(step, key.part, scope::Result::default(), true).told();
        if outcome != Outcome::Passed || key.part != Part::Main {
            return self.end_attempt_early(step, key.part, outcome, judged.unwrap_or(reason), Some(End::Wrote));
        }
        let settlement = Settlement::AlreadySo;
        let verdict = Verdict { key: key.clone(), end: None, outcome, settlement, reason: Some(reason), outputs };
        self.settle_step(step, verdict);
    }

    pub(crate) fn not_started(&mut self, step: StepIndex, key: &AttemptKey, failure: StartFailure) {
        let looks = self.plan.step(step).kind.value == Kind::Verify || matches!(key.part, Part::Unless | Part::Doubt);
        let could_not_look = matches!(
            failure.kind,
            StartFailureKind::MissingProgram
                | StartFailureKind::NotExecutable
                | StartFailureKind::MissingDirectory
                | StartFailureKind::Other
        );
        let outcome = if looks && could_not_look { Outcome::Unknown } else { Outcome::Failed };
        let reason = failure.message.clone();
        self.end_attempt_early(step, key.part, outcome, reason, Some(End::NotStarted(failure)));
    }

    /// Ends an attempt that came to nothing before anything ran.
    pub(crate) fn end_attempt_early(
        &mut self,
        step: StepIndex,
        part: Part,
        outcome: Outcome,
        reason: String,
        end: Option<End>,
    ) {
        let key = match self.steps.get(step.get()).map(|state| &state.stage) {
            Some(
                Stage::Planning(key)
                | Stage::Planned(key, ..)
                | Stage::Approved(key, _)
                | Stage::Asked(key, _)
                | Stage::Running(key)
                | Stage::Calling(key)
                | Stage::WaitingUntil(key, _)
                | Stage::Telling(key)
                | Stage::AwaitingAck(key, _),
            ) if key.part == part => key.clone(),
            _ => self.key(step, part),
        };
        self.emit(Record::AttemptEnded {
            key,
            end,
            duration: Duration::ZERO,
            outcome,
            reason: Some(reason),
            outputs: BTreeMap::new(),
            survivors: Vec::new(),
        });
    }

    pub(crate) fn after_planning(
        &mut self,
        step: StepIndex,
        key: AttemptKey,
        plan: BlobDigest,
        _shown: String,
    ) -> bool {
        if self.is_withheld(step, key.part) {
            self.settle_withheld(step, None);
            return true;
        }
        if matches!(key.part, Part::Main | Part::Unless) && self.stops_before_start(step) {
            return true;
        }
        // The approval of a loop covers its items' plans, and the loop says which of them starts when.
        let place = self.place.as_ref().filter(|_| key.part == Part::Main);
        if place.is_some_and(|place| place.is_held || place.covered.as_ref() == Some(&plan)) {
            return false;
        }
        let asks = self.mode == Mode::Real && (self.is_loop(step) || self.wants_approval(step));
        if asks && matches!(key.part, Part::Main | Part::Undo) {
            self.request_approval(step, key, plan);
            return true;
        }
        self.start_attempt(step, key, plan);
        true
    }

    pub(crate) fn settle_withheld(&mut self, step: StepIndex, reason: Option<String>) {
        let verdict = Verdict {
            key: self.key(step, Part::Main),
            end: None,
            outcome: Outcome::Passed,
            settlement: Settlement::Withheld,
            reason,
            outputs: BTreeMap::new(),
        };
        self.settle_step(step, verdict);
    }

    pub(crate) fn start_attempt(&mut self, step: StepIndex, key: AttemptKey, plan: BlobDigest) {
        if self.calls_runbook(step, key.part).is_some() {
            return self.start_call(step, key);
        }
        let changes = self.changes(step, key.part);
        self.emit(Record::StepIntent { key: key.clone(), plan: Some(plan.clone()), until: None });
        if changes {
            self.effects.push(Effect::Sync);
        }
        if let Some(state) = self.steps.get_mut(step.get()) {
            state.in_flight = true;
        }
        self.effects.push(Effect::Start { key, plan });
    }

    /// Whether a part of a step changes the world, so that it may not be started twice.
    pub(crate) fn changes(&self, step: StepIndex, part: Part) -> bool {
        self.plan.step(step).kind.value == Kind::Act && matches!(part, Part::Main | Part::Undo)
    }

    pub(crate) fn on_spawned(&mut self, key: AttemptKey, pid: u32, start_time: u64) {
        let Some(step) = self.find(&key.step) else { return };
        if !self.changes(step, key.part) {
            return self.emit(Record::StepSpawned { key, pid, start_time });
        }
        // One that was stopped before it was let go is over already.
        let waits = self.steps.get(step.get()).is_some_and(|state| state.in_flight && state.is_at_gate(&key));
        if waits {
            self.emit(Record::StepSpawned { key: key.clone(), pid, start_time });
            self.emit(Record::StepReleased { key: key.clone() });
            self.effects.push(Effect::Sync);
            self.effects.push(Effect::Release { key });
        }
    }

    /// On resume: an attempt had begun when the engine ended, and nobody is left who could tell its end.
    pub(crate) fn after_interruption(&mut self, step: StepIndex, key: AttemptKey) {
        let gate = self.steps.get(step.get()).map(|state| state.gate.clone());
        match gate {
            Some(Gate::Shut(plan)) => self.start_at_last(step, key, plan),
            Some(Gate::Open | Gate::None) | None => self.after_crash(step, key),
        }
    }

    /// It was never let go, so it did not run: the same attempt starts, under the same approval.
    fn start_at_last(&mut self, step: StepIndex, key: AttemptKey, plan: BlobDigest) {
        if key.part != Part::Undo && !self.may_start(step) {
            let message = "did not start: the engine ended before it was let go, and now nothing new starts".to_owned();
            let failure = StartFailure { kind: StartFailureKind::Other, message: message.clone() };
            return self.end_attempt_early(step, key.part, Outcome::Failed, message, Some(End::NotStarted(failure)));
        }
        self.effects.push(Effect::Sync);
        if let Some(state) = self.steps.get_mut(step.get()) {
            state.in_flight = true;
        }
        self.effects.push(Effect::Start { key, plan });
    }

    fn wait(&mut self, step: StepIndex, key: AttemptKey, wait: &Wait) {
        if self.is_withheld(step, key.part) {
            return self.settle_withheld(step, None);
        }
        match self.wait_until(wait) {
            Ok(until) => self.emit(Record::StepIntent { key, plan: None, until: Some(until) }),
            Err(message) => {
                let failure = StartFailure { kind: StartFailureKind::Rendering, message: message.clone() };
                self.end_attempt_early(step, key.part, Outcome::Failed, message, Some(End::NotStarted(failure)));
            }
        }
    }

    fn judge_bare(&mut self, step: StepIndex, key: &AttemptKey) {
        let started = self.now;
        match self.judge(step, key.part, scope::Result::default(), true) {
            Judged::Unknowable(until) => {
                self.settle_withheld(step, Some(format!("cannot be known until {until}")));
            }
            Judged::So { outcome, reason, outputs } => {
                let duration = duration_between(started, self.now);
                self.emit(Record::AttemptEnded {
                    key: key.clone(),
                    end: None,
                    duration,
                    outcome,
                    reason,
                    outputs,
                    survivors: Vec::new(),
                });
            }
        }
    }

    pub(crate) fn on_ended(&mut self, key: &AttemptKey, ending: Ending) {
        let Some(step) = self.find(&key.step) else { return };
        if let Some(state) = self.steps.get_mut(step.get()) {
            state.in_flight = false;
        }
        let first = if ending.end.answered().is_some() { Stream::Body } else { Stream::Stdout };
        for (stream, output) in [(first, &ending.stdout), (Stream::Stderr, &ending.stderr)] {
            self.record_output(step, key, stream, output, &ending);
        }
        let (outcome, reason, outputs) = self.judge_ending(step, key, &ending);
        self.emit(Record::AttemptEnded {
            key: key.clone(),
            end: Some(ending.end),
            duration: Duration::from_millis(u64::try_from(ending.duration.as_millis()).unwrap_or(u64::MAX)),
            outcome,
            reason,
            outputs,
            survivors: ending.survivors,
        });
    }

    fn record_output(&mut self, step: StepIndex, key: &AttemptKey, stream: Stream, output: &Output, ending: &Ending) {
        // An attempt before this one may have printed what this one did not.
        let before = self.steps.get(step.get()).is_some_and(|state| match stream {
            Stream::Stdout | Stream::Body => state.last.stdout_bytes > 0,
            Stream::Stderr => state.last.stderr_bytes > 0,
        });
        if output.bytes == 0 && !(before && key.part == Part::Main) {
            return;
        }
        self.emit(Record::StepOutput { key: key.clone(), stream, output: output.clone() });
        let text = match stream {
            Stream::Stdout | Stream::Body => &ending.stdout_text,
            Stream::Stderr => &ending.stderr_text,
        };
        if self.output_read.contains(&step)
            && key.part == Part::Main
            && let Some(state) = self.steps.get_mut(step.get())
        {
            let text =
                text.as_deref().filter(|_| output.blob.is_some()).map(|text| without_final_newlines(text).to_owned());
            match stream {
                Stream::Stdout | Stream::Body => state.last.stdout = text,
                Stream::Stderr => state.last.stderr = text,
            }
        }
    }
}

pub(crate) fn duration_between(from: Timestamp, to: Timestamp) -> Duration {
    to.duration_since(from).try_into().unwrap_or(Duration::ZERO)
}

/// An instant later than another; the end of representable time where there is none.
pub(crate) fn later(from: Timestamp, by: Duration) -> Timestamp {
    let at = SignedDuration::try_from(by).ok().and_then(|by| from.checked_add(by).ok()).unwrap_or(Timestamp::MAX);
    whole_millis(at)
}

/// An instant cut to the millisecond, which is what a transcript keeps: a replay must give back the same.
pub(crate) fn whole_millis(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}
