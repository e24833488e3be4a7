//! A step that runs another runbook: what that is given, its life as a state inside the run's, and what its end makes of
//! the step.
//!
//! The same state machine runs it, over the plan of the other runbook, with phases of its own ([`super::frames`]). What
//! its end as a whole needs beside is in [`super::called_end`].

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;

use super::effect::Effect;
use super::frames::FrameKey;
use super::judge::Judged;
use super::record::{
    AttemptKey, EndCause, Mode, Outcome, Part, Phase, Record, RunOutcome, Settlement, SkipReason, StartFailure,
    StartFailureKind, StepPath,
};
use super::render::Problem;
use super::scope::{self, RunScope};
use super::state::RunState;
use super::step_state::{Given, Stage, StepState, Undone, Verdict};
use crate::document::model::{self, Kind, Work};
use crate::graph::StepIndex;
use crate::params;
use crate::value::Value;

/// What a state knows that is a runbook which a step runs.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, lent or recorded apart")]
#[derive(Clone)]
pub(crate) struct CallPlace {
    /// The attempt that runs it.
    pub(crate) key: AttemptKey,
    /// What the paths of its steps begin with: `outage`; of an `unless` or `undo` `outage.undo`.
    pub(crate) path: StepPath,
    /// When it began.
    pub(crate) began: Timestamp,
    /// The lock it holds.
    pub(crate) lock: Option<String>,
    /// Its time was over.
    pub(crate) out_of_time: bool,
    /// Why it ended as it did, and what is open, once it has.
    pub(crate) ended: Option<(String, Vec<String>)>,
    /// The run has a place for what starts here. Lent.
    pub(crate) has_room: bool,
    /// The run around it rolls back. Lent.
    pub(crate) rolls_back: bool,
    /// It is run to undo another step. Lent.
    pub(crate) undoes: bool,
    /// The run around it was handed over: it is not for this one to undo anything. Lent.
    pub(crate) handed_over: bool,
}

/// The path of what a part of a step runs: `outage`, `outage.undo`.
pub(crate) fn call_path(key: &AttemptKey) -> StepPath {
    match key.part {
        Part::Main => key.step.clone(),
        Part::Unless | Part::Doubt => format!("{}.unless", key.step),
        Part::Undo => format!("{}.undo", key.step),
    }
}

/// A call on one line: the runbook and what it is given, as a person would type it.
fn in_words(runbook: &str, params: &BTreeMap<String, Value>, unknown: &BTreeMap<String, String>) -> String {
    let mut text = format!("runbook {runbook}");
    for (name, value) in params {
        // Text can always be appended to a string.
        let _done = write!(text, " {name}={}", params::written(value));
    }
    for (name, until) in unknown {
        let _done = write!(text, " {name}=<not known before {until} runs>");
    }
    text.chars().fold(String::new(), |mut line, sign| {
        if sign.is_control() {
            line.extend(sign.escape_default());
        } else {
            line.push(sign);
        }
        line
    })
}

impl RunState {
    /// The runbook that a part of a step runs, where it works so.
    pub(crate) fn calls_runbook(&self, step: StepIndex, part: Part) -> Option<&model::Call> {
        match &self.body(step, part)?.work {
            Work::Runbook(call) => Some(call),
            Work::Run(_)
            | Work::Script(_)
            | Work::Http(_)
            | Work::Ask(_)
            | Work::Instruct(_)
            | Work::Wait(_)
            | Work::Template(_)
            | Work::None => None,
        }
    }

    /// The state of the runbook that a step runs as its own work.
    pub(crate) fn called_by(&self, step: StepIndex) -> Option<&Self> {
        self.frames.get(&FrameKey::call(step, Part::Main)).map(|child| &**child)
    }

    /// Says what the other runbook is given, and has a plan made of it.
    pub(crate) fn plan_call(&mut self, step: StepIndex, key: AttemptKey) {
        let given = match self.given(step, &key) {
            Ok(given) => given,
            Err(problem) => {
                let failure = StartFailure { kind: StartFailureKind::Rendering, message: problem.message.clone() };
                let looks = matches!(key.part, Part::Unless | Part::Doubt);
                let outcome = if looks { Outcome::Unknown } else { Outcome::Failed };
                let end = Some(super::record::End::NotStarted(failure));
                return self.end_attempt_early(step, key.part, outcome, problem.message, end);
            }
        };
        let Some(call) = self.calls_runbook(step, key.part) else { return };
        let runbook = call.name.value.to_string();
        let shown = in_words(&runbook, &given.params, &given.unknown);
        let Given { params, unknown, .. } = given;
        self.emit(Record::CallGiven { key: key.clone(), runbook: runbook.clone(), params: params.clone(), unknown });
        self.effects.push(Effect::PlanCall { key: key.clone(), runbook, params, shown });
        if key.part != Part::Main && key.part != Part::Undo {
            // The verdict in doubt stays at hand until the record of the look is made.
            if let Some(state) = self.steps.get_mut(step.get()) {
                state.in_flight = true;
            }
        }
        self.set_in_flight(step, key);
    }

    /// The params of the other runbook: those written, fitted to what it wants, and its own defaults.
    fn given(&self, step: StepIndex, key: &AttemptKey) -> Result<Given, Problem> {
        let problem = |message: String| Problem { message, unknown: None };
        let (Some(call), Some(plan)) = (self.calls_runbook(step, key.part), self.plan.child(step, key.part)) else {
            return Err(problem("it runs no runbook".to_owned()));
        };
        let (mut params, mut unknown) = (BTreeMap::new(), BTreeMap::new());
        for (name, param) in &plan.document().params {
            let value = match (call.with.get(name), &param.default) {
                (Some(written), _) => {
                    let scope = RunScope::new(self, self.now);
                    let rendered = super::items::rendered(&written.value, &scope);
                    if let Some(until) = scope.unknown_until.borrow().clone() {
                        unknown.insert(name.to_string(), until);
                        continue;
                    }
                    let value = rendered.map_err(|why| problem(format!("with {name}: {why}")))?;
                    params::fit(param, &value).map_err(|misfit| problem(format!("with: {name} {}", misfit.why)))?
                }
                (None, Some(default)) => default.clone(),
                (None, None) => return Err(problem(format!("with: {name} is wanted and not given"))),
            };
            // As it will be read back from the transcript.
            params.insert(name.to_string(), Value::from_json(&value.to_json()));
        }
        Ok(Given { key: key.clone(), params, unknown })
    }

    /// It may begin: its lock first, then its own first step.
    pub(crate) fn start_call(&mut self, step: StepIndex, key: AttemptKey) {
        let lock = match self.lock_of_call(step, &key) {
            Ok(lock) => lock,
            Err(message) => {
                let failure = StartFailure { kind: StartFailureKind::Rendering, message };
                return self.not_started(step, &key, failure);
            }
        };
        match lock.filter(|_| self.mode == Mode::Real) {
            Some(name) => {
                if let Some(state) = self.steps.get_mut(step.get()) {
                    state.in_flight = true;
                }
                self.effects.push(Effect::Lock { key, name });
            }
            None => self.begin_call(step, &key, None),
        }
    }

    fn lock_of_call(&self, step: StepIndex, key: &AttemptKey) -> Result<Option<String>, String> {
        let Some(child) = self.new_call(step, key) else { return Ok(None) };
        let Some(lock) = &child.plan.document().lock else { return Ok(None) };
        let scope = RunScope::new(&child, self.now);
        let name = lock.value.render(&scope);
        if scope.unknown_until.borrow().is_some() {
            return Ok(None);
        }
        match name {
            Ok(name) if name.is_empty() => Err("the name of its lock is empty".to_owned()),
            Ok(name) => Ok(Some(name)),
            Err(error) => Err(format!("the name of its lock: {error}")),
        }
    }

    pub(crate) fn on_locked(&mut self, key: &AttemptKey, result: Result<(), String>) {
        let Some(step) = self.find(&key.step) else { return };
        let Some(state) = self.steps.get_mut(step.get()) else { return };
        let expected = matches!(
            state.stage_of(key.part),
            Stage::Planned(at, ..) | Stage::Approved(at, _) if at == key
        );
        if !std::mem::take(&mut state.in_flight) || !expected {
            return;
        }
        if matches!(key.part, Part::Main | Part::Unless) && !self.may_start(step) {
            let why = if self.cancelled.is_some() { SkipReason::Cancelled } else { SkipReason::Ended };
            return self.not_begun(step, why);
        }
        match (result, self.lock_of_call(step, key)) {
            (Ok(()), Ok(lock)) => self.begin_call(step, key, lock),
            (Err(message), _) | (Ok(()), Err(message)) => {
                self.not_started(step, key, StartFailure { kind: StartFailureKind::Other, message });
            }
        }
    }

    fn begin_call(&mut self, step: StepIndex, key: &AttemptKey, lock: Option<String>) {
        let deadline = match self.deadline_of_call(step, key) {
            Ok(deadline) => deadline,
            Err(message) => {
                let failure = StartFailure { kind: StartFailureKind::Rendering, message };
                return self.not_started(step, key, failure);
            }
        };
        let changes = self.changes(step, key.part);
        self.emit(Record::CallStarted { key: key.clone(), lock, deadline });
        if changes {
            self.effects.push(Effect::Sync);
        }
        // Its first steps take their places before another step does.
        self.go_on_with_call(step, key);
    }

    /// When its time is over: the step's `timeout`, or the runbook's own, whichever comes first.
    fn deadline_of_call(&self, step: StepIndex, key: &AttemptKey) -> Result<Option<Timestamp>, String> {
        let after = |allowed| super::attempt::later(self.now, allowed);
        let step_timeout = self.body(step, key.part).and_then(|body| body.timeout.as_ref());
        let by_step = step_timeout.map(|timeout| self.duration_setting(&timeout.value)).transpose();
        let by_step = by_step.map_err(|why| format!("timeout: {why}"))?;
        let child = self.new_call(step, key);
        let own = child.as_ref().and_then(|child| Some((child, child.plan.document().timeout.as_ref()?)));
        let own = own.map(|(child, timeout)| child.duration_setting(&timeout.value)).transpose();
        let own = own.map_err(|why| format!("its timeout: {why}"))?;
        Ok(by_step.into_iter().chain(own).min().map(after))
    }

    /// The state of the runbook that an attempt is to run, as it was given.
    fn new_call(&self, step: StepIndex, key: &AttemptKey) -> Option<Self> {
        let given = self.steps.get(step.get())?.given.as_ref().filter(|given| given.key == *key)?;
        Some(self.call_with(step, key, given.params.clone(), given.unknown.clone()))
    }

    pub(crate) fn call_with(
        &self,
        step: StepIndex,
        key: &AttemptKey,
        params: BTreeMap<String, Value>,
        unknown: BTreeMap<String, String>,
    ) -> Self {
        let place = CallPlace {
            key: key.clone(),
            path: call_path(key),
            began: self.now,
            lock: None,
            out_of_time: false,
            ended: None,
            has_room: false,
            rolls_back: false,
            undoes: false,
            handed_over: false,
        };
        let child =
            self.plan.child(step, key.part).map_or_else(|| std::sync::Arc::clone(&self.plan), std::sync::Arc::clone);
        self.inside(child, place, params, unknown)
    }

    /// A called runbook begins.
    pub(super) fn change_call_started(&mut self, key: &AttemptKey, lock: Option<&String>, deadline: Option<Timestamp>) {
        let Some(step) = self.find(&key.step) else { return };
        let Some(mut child) = self.new_call(step, key) else { return };
        child.run_deadline = deadline;
        if let Some(call) = &mut child.call {
            call.lock = lock.cloned();
        }
        let at = FrameKey::call(step, key.part);
        if let Some(before) = self.frames.remove(&at) {
            child.take_after(*before, true);
        }
        self.frames.insert(at, Box::new(child));
        self.order += 1;
        let (order, undoes, now) = (self.order, self.undoes_inside(), self.now);
        self.mark_undoing(key);
        if let Some(place) = &mut self.place {
            place.covered = None;
        }
        let changes = self.changes(step, key.part);
        self.with_attempt(key, |state| {
            state.started = true;
            if key.part == Part::Main {
                state.begun(Some(order).filter(|_| changes && !undoes));
                state.started_at.get_or_insert(now);
            }
            *state.stage_of(key.part) = Stage::Calling(key.clone());
        });
        if key.part == Part::Main {
            self.take_over_called(step, true);
        }
    }

    /// Goes on from an earlier life of the same steps: no attempt has the number of another, and what was done then and
    /// not undone is still to be undone.
    pub(crate) fn take_after(&mut self, before: Self, is_same: bool) {
        for (state, before) in self.steps.iter_mut().zip(&before.steps) {
            state.attempts.clone_from(&before.attempts);
            if is_same && before.undone != Undone::Passed {
                state.start_order = before.start_order;
            }
            if is_same {
                state.pass_order = before.pass_order;
            }
        }
        if self.is_item() && is_same {
            // An item of a loop that is done again, in the same run.
            for (state, before) in self.steps.iter_mut().zip(&before.steps) {
                state.start_order = before.start_order;
                state.undone = before.undone;
            }
        }
        self.frames = before.frames;
    }

    /// Takes a called runbook as far as it goes without the world. Says whether anything changed.
    pub(crate) fn go_on_with_call(&mut self, step: StepIndex, key: &AttemptKey) -> bool {
        let at = FrameKey::call(step, key.part);
        let moved = self.within(at, Self::go_on_as_called).unwrap_or_default();
        if self.frames.get(&at).is_some_and(|child| child.sealed.is_some()) {
            self.conclude_call(step, key);
            return true;
        }
        moved
    }

    fn go_on_as_called(&mut self) -> bool {
        let mut moved = false;
        while self.sealed.is_none() && self.go_on_once() {
            moved = true;
        }
        moved
    }

    /// What the end of a called runbook makes of the step that ran it.
    fn conclude_call(&mut self, step: StepIndex, key: &AttemptKey) {
        let Some(child) = self.frames.get(&FrameKey::call(step, key.part)) else { return };
        let looks = !self.changes(step, key.part);
        match child.sealed {
            Some(RunOutcome::Escalated) if key.part != Part::Main => self.conclude_handed_over(step, key),
            Some(RunOutcome::Resolved | RunOutcome::Escalated) => self.conclude_well(step, key),
            Some(RunOutcome::Failed) => {
                let outcome = if looks && child.failed_by_unknown() { Outcome::Unknown } else { Outcome::Failed };
                let (reason, outputs) = (child.why_failed(), child.given_outputs().unwrap_or_else(|(known, _)| known));
                self.end_call(step, key, None, outcome, Some(reason), outputs);
            }
            Some(RunOutcome::Cancelled) => self.conclude_cancelled(step, key),
            None => {}
        }
    }

    /// It came to its end: what it gives is judged.
    fn conclude_well(&mut self, step: StepIndex, key: &AttemptKey) {
        let Some(child) = self.frames.get(&FrameKey::call(step, key.part)) else { return };
        if self.mode != Mode::Real && child.withholds() {
            return self.settle_withheld(step, None);
        }
        if child.sealed == Some(RunOutcome::Escalated) {
            let outputs = child.given_outputs().unwrap_or_else(|(known, _)| known);
            let reason = format!("handed over to {}", child.handed_to().join(", "));
            return self.end_call(step, key, None, Outcome::Passed, Some(reason), outputs);
        }
        let outputs = match child.given_outputs() {
            Ok(outputs) => outputs,
            Err((_, Problem { unknown: Some(until), .. })) => {
                return self.settle_withheld(step, Some(format!("cannot be known until {until}")));
            }
            Err((outputs, Problem { message, .. })) => {
                let outcome = if self.changes(step, key.part) { Outcome::Failed } else { Outcome::Unknown };
                return self.end_call(step, key, None, outcome, Some(message), outputs);
            }
        };
        let result = scope::Result { outputs: outputs.clone(), ..scope::Result::default() };
        match self.judge(step, key.part, result, true) {
            Judged::So { outcome, reason, outputs: own } => {
                let outputs = outputs.into_iter().chain(own).collect();
                self.end_call(step, key, None, outcome, reason, outputs);
            }
            Judged::Unknowable(until) => {
                self.settle_withheld(step, Some(format!("cannot be known until {until}")));
            }
        }
    }

    pub(super) fn end_call(
        &mut self,
        step: StepIndex,
        key: &AttemptKey,
        end: Option<super::record::End>,
        outcome: Outcome,
        reason: Option<String>,
        outputs: BTreeMap<String, Value>,
    ) {
        let child = self.frames.get(&FrameKey::call(step, key.part));
        let began = child.and_then(|child| child.call.as_ref()).map_or(self.now, |call| call.began);
        let duration = super::attempt::duration_between(began, self.now);
        let key = key.clone();
        self.emit(Record::AttemptEnded { key, end, duration, outcome, reason, outputs, survivors: Vec::new() });
    }

    /// The `outputs` of a runbook as its steps left them; those that could be computed, and why one could not.
    fn given_outputs(&self) -> Result<BTreeMap<String, Value>, (BTreeMap<String, Value>, Problem)> {
        let scope = RunScope::new(self, self.now);
        let (mut known, mut problem) = (BTreeMap::new(), None);
        for output in &self.plan.document().outputs {
            match output.value.value.evaluate(&scope) {
                // As it will be read back from the transcript.
                Ok(value) => {
                    known.insert(output.name.value.to_string(), Value::from_json(&value.to_json()));
                }
                Err(error) => {
                    let runbook = &self.plan.document().name.value;
                    let message = format!("output {} of {runbook} could not be computed: {error}", output.name.value);
                    let unknown = scope.unknown_until.borrow().clone();
                    problem.get_or_insert(Problem { message, unknown });
                }
            }
        }
        match problem {
            None => Ok(known),
            Some(problem) => Err((known, problem)),
        }
    }

    /// Whether a dry run or a drill kept any of its work from the world.
    fn withholds(&self) -> bool {
        let withheld = |state: &StepState| state.settled().is_some_and(|it| it.settlement == Settlement::Withheld);
        self.steps.iter().any(withheld) || self.frames.values().any(|frame| frame.withholds())
    }

    fn failed_by_unknown(&self) -> bool {
        let failure = self.failure.and_then(|step| self.steps.get(step.get())).and_then(StepState::settled);
        failure.is_some_and(|settled| settled.outcome == Outcome::Unknown)
    }

    /// Why it failed, with what its own step says.
    fn why_failed(&self) -> String {
        let ended = self.call.as_ref().and_then(|call| call.ended.as_ref()).map(|(reason, _)| reason.clone());
        let failure = self.failure.and_then(|step| Some((step, self.steps.get(step.get())?.settled()?)));
        match failure {
            Some((step, settled)) if matches!(settled.outcome, Outcome::Failed | Outcome::Unknown) => {
                let what = if settled.outcome == Outcome::Unknown { "is unknown" } else { "failed" };
                let reason = settled.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
                format!("{} {what}{reason}", self.path(step))
            }
            _ => ended.unwrap_or_default(),
        }
    }

    /// Whether something was started here that changes the world.
    pub(super) fn has_acted(&self) -> bool {
        let acts = |(index, state): (StepIndex, &StepState)| {
            self.plan.step(index).kind.value == Kind::Act && state.start_order.is_some()
        };
        self.plan.graph().steps().zip(&self.steps).any(acts) || self.frames.values().any(|frame| frame.has_acted())
    }

    /// Where a step hands the run over because the runbook it runs, itself or for an item, has: to whom.
    pub(crate) fn handed_on(&self, step: StepIndex) -> Option<Vec<String>> {
        let items = self.items_of(step).filter_map(|(_, item)| item.called_by(item.only_step()?.0));
        let child = self.called_by(step).into_iter().chain(items);
        let mut over = child.filter(|child| child.sealed == Some(RunOutcome::Escalated));
        over.next().map(Self::handed_to)
    }

    /// To whom a runbook that is over was handed, by an escalate of its own or of one that it ran.
    pub(super) fn handed_to(&self) -> Vec<String> {
        let Some(EndCause::Handover(path)) = &self.cause else { return Vec::new() };
        let Some(step) = self.find(path) else { return Vec::new() };
        match &self.plan.step(step).escalation {
            Some(escalation) => escalation.to.iter().map(|to| to.value.clone()).collect(),
            None => self.handed_on(step).unwrap_or_default(),
        }
    }

    /// The locks of called runbooks that have begun: the run holds them to its end.
    #[must_use]
    pub fn locks(&self) -> Vec<String> {
        let all = self.with_frames();
        all.into_iter().filter_map(|at| at.call.as_ref().and_then(|call| call.lock.clone())).collect()
    }

    /// A step whose runbook was denied something: denied as a whole.
    pub(super) fn settle_denied(&mut self, step: StepIndex, key: &AttemptKey, reason: String) {
        let verdict = Verdict {
            key: key.clone(),
            end: None,
            outcome: Outcome::Failed,
            settlement: Settlement::Denied,
            reason: Some(reason),
            outputs: BTreeMap::new(),
        };
        self.settle_step(step, verdict);
    }

    /// Enters a phase, of the run or of a called runbook.
    pub(crate) fn enter_phase(&mut self, phase: Phase, cause: Option<EndCause>) {
        let record = match &self.call {
            None => Record::PhaseEntered { phase, cause },
            Some(call) => Record::CallPhase { key: call.key.clone(), phase, cause },
        };
        self.emit(record);
    }
}
