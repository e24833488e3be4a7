//! An attempt: from what is to run to how it came out.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::effect::Effect;
use super::event::Ending;
use super::record::{
    AttemptKey, BlobDigest, End, EndCause, Mode, Outcome, Output, Part, Phase, QuestionKind, Record, SettleWord,
    Settlement, SkipReason, StartFailure, StartFailureKind, Stream,
};
use super::scope::{self, RunScope, without_final_newlines};
use super::state::RunState;
use super::step_state::{Stage, StepState, Verdict};
use crate::document::model::{Body, Kind, Retry, Undo, Wait, Work};
use crate::graph::StepIndex;
use crate::value::Value;

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
        let starts_nothing = matches!(work, Some(Work::None) | None);
        match self.mode {
            Mode::Real => false,
            Mode::Dry { probe: false } => !starts_nothing,
            Mode::Dry { probe: true } | Mode::Drill => {
                !starts_nothing && !(is_verify && work.is_some_and(Work::is_command))
            }
        }
    }

    /// Starts the work of a step whose edges, `when` and place allow it.
    pub(crate) fn begin_work(&mut self, step: StepIndex) {
        let plan = std::sync::Arc::clone(&self.plan);
        let written = plan.step(step);
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
        let body = match part {
            Part::Main => Some(&plan.step(step).body),
            _ => None,
        };
        let work =
            body.map_or_else(|| self.body(step, part).map(|body| body.work.clone()), |body| Some(body.work.clone()));
        match work {
            Some(Work::Run(_) | Work::Script(_)) => self.plan_command(step, key),
            Some(Work::Ask(asking)) => self.ask(step, &key, &asking, true),
            Some(Work::Instruct(asking)) => self.ask(step, &key, &asking, false),
            Some(Work::Wait(wait)) => self.wait(step, key, &wait.value),
            Some(Work::None) => self.judge_bare(step, &key),
            Some(Work::Http(_) | Work::Template(_) | Work::Runbook(_)) | None => {
                let reason = "this way of working is not in this build".to_owned();
                let failure = StartFailure { kind: StartFailureKind::Other, message: reason.clone() };
                self.end_attempt_early(step, part, Outcome::Failed, reason, Some(End::NotStarted(failure)));
            }
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
    fn set_in_flight(&mut self, step: StepIndex, key: AttemptKey) {
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
        let Some(step) = self.plan.graph().find(&key.step) else { return };
        let Some(state) = self.steps.get_mut(step.get()) else { return };
        let expected = match state.stage_of(key.part) {
            Stage::Planning(planning) => planning == key,
            // Another attempt, or another part after the one that ended.
            Stage::Pausing(..) | Stage::Ended(_) => true,
            _ => false,
        };
        if !std::mem::take(&mut state.in_flight) || !expected {
            return;
        }
        if matches!(key.part, Part::Main | Part::Unless) && !self.may_start(step) {
            let why = if self.cancelled.is_some() { SkipReason::Cancelled } else { SkipReason::Ended };
            return self.not_begun(step, why);
        }
        match plan {
            Ok((plan, shown)) => self.emit(Record::StepPlanned { key: key.clone(), plan, shown }),
            Err(failure) if self.is_withheld(step, key.part) => {
                self.settle_withheld(step, Some(failure.message));
            }
            Err(failure) => self.not_started(step, key, failure),
        }
    }

    fn not_started(&mut self, step: StepIndex, key: &AttemptKey, failure: StartFailure) {
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
        if matches!(key.part, Part::Main | Part::Undo) && self.wants_approval(step) {
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
        let changes = self.plan.step(step).kind.value == Kind::Act && matches!(key.part, Part::Main | Part::Undo);
        self.emit(Record::StepIntent { key: key.clone(), plan: Some(plan.clone()), until: None });
        if changes {
            self.effects.push(Effect::Sync);
        }
        if let Some(state) = self.steps.get_mut(step.get()) {
            state.in_flight = true;
        }
        self.effects.push(Effect::Start { key, plan });
    }

    pub(crate) fn on_spawned(&mut self, key: AttemptKey, pid: u32, start_time: u64) {
        self.emit(Record::StepSpawned { key, pid, start_time });
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
        let Some(step) = self.plan.graph().find(&key.step) else { return };
        if let Some(state) = self.steps.get_mut(step.get()) {
            state.in_flight = false;
        }
        for (stream, output) in [(Stream::Stdout, &ending.stdout), (Stream::Stderr, &ending.stderr)] {
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
            Stream::Stdout => state.last.stdout_bytes > 0,
            Stream::Stderr => state.last.stderr_bytes > 0,
        });
        if output.bytes == 0 && !(before && key.part == Part::Main) {
            return;
        }
        self.emit(Record::StepOutput { key: key.clone(), stream, output: output.clone() });
        let text = match stream {
            Stream::Stdout => &ending.stdout_text,
            Stream::Stderr => &ending.stderr_text,
        };
        if self.output_read.contains(&step)
            && key.part == Part::Main
            && let Some(state) = self.steps.get_mut(step.get())
        {
            let text =
                text.as_deref().filter(|_| output.blob.is_some()).map(|text| without_final_newlines(text).to_owned());
            match stream {
                Stream::Stdout => state.last.stdout = text,
                Stream::Stderr => state.last.stderr = text,
            }
        }
    }

    fn judge_ending(
        &self,
        step: StepIndex,
        key: &AttemptKey,
        ending: &Ending,
    ) -> (Outcome, Option<String>, BTreeMap<String, Value>) {
        let is_act = self.plan.step(step).kind.value == Kind::Act && matches!(key.part, Part::Main | Part::Undo);
        let by = ending.rung.as_ref().map(|rung| format!(" (ended by {rung})")).unwrap_or_default();
        let no_code = |reason: String| {
            let outcome = if is_act { Outcome::Unknown } else { Outcome::Failed };
            (outcome, Some(reason), BTreeMap::new())
        };
        let code = match &ending.end {
            End::Exited(code) => *code,
            End::Signalled(signal) => return no_code(format!("ended by signal {signal}")),
            End::TimedOut => return no_code(format!("ran out of time{by}")),
            End::Stopped => return no_code(format!("was ended{by}")),
            End::Lost(why) => return no_code(why.clone()),
            End::NotStarted(failure) => {
                let looks = !is_act && failure.kind != StartFailureKind::Rendering;
                let outcome = if looks { Outcome::Unknown } else { Outcome::Failed };
                return (outcome, Some(failure.message.clone()), BTreeMap::new());
            }
        };
        if !is_act && (code == 126 || code == 127) {
            let what = if code == 126 { "something could not be executed" } else { "something was not found" };
            return (Outcome::Unknown, Some(format!("could not look: exit code {code}, {what}")), BTreeMap::new());
        }
        let result = scope::Result {
            exit_code: Some(code),
            stdout: as_stream(ending.stdout_text.as_deref(), ending.stdout.bytes),
            stderr: as_stream(ending.stderr_text.as_deref(), ending.stderr.bytes),
            ..scope::Result::default()
        };
        match self.judge(step, key.part, result, code == 0) {
            Judged::So { outcome, reason, outputs } => (outcome, reason, outputs),
            Judged::Unknowable(until) => {
                (Outcome::Unknown, Some(format!("cannot be known until {until}")), BTreeMap::new())
            }
        }
    }

    /// Judges a result by `outputs`, `unclear` and `expect`, in this order.
    pub(crate) fn judge(&self, step: StepIndex, part: Part, result: scope::Result<'_>, good: bool) -> Judged {
        let Some(body) = self.body(step, part) else {
            return Judged::So { outcome: Outcome::Failed, reason: None, outputs: BTreeMap::new() };
        };
        let is_act = self.plan.step(step).kind.value == Kind::Act && matches!(part, Part::Main | Part::Undo);
        let cannot = if is_act { Outcome::Failed } else { Outcome::Unknown };
        let exit_code = result.exit_code;
        let reads_code = body.expect.as_ref().is_some_and(|expect| {
            expect
                .value
                .reads()
                .iter()
                .any(|read| matches!(read.path.first().map(String::as_str), Some("exit_code" | "status")))
        });
        let judged_by_expect = good || reads_code;
        let fields = result.fields.clone();
        let mut scope = RunScope::new(self, self.now).with(result);
        let mut outputs = fields;
        for output in &body.outputs {
            match output.value.value.evaluate(&scope) {
                Ok(value) => {
                    outputs.insert(output.name.value.to_string(), value.clone());
                    if let Some(result) = scope.result.as_mut() {
                        result.outputs.insert(output.name.value.to_string(), value);
                    }
                }
                Err(_) if scope.unknown_until.borrow().is_some() => return unknowable(&scope),
                // What failed may have printed nothing: its outputs are computed as far as they can be.
                Err(_) if !judged_by_expect => {}
                Err(error) => {
                    let reason = Some(format!("output {} could not be computed: {error}", output.name.value));
                    return Judged::So { outcome: cannot, reason, outputs };
                }
            }
        }
        if let Some(unclear) = &body.unclear {
            match unclear.value.evaluate_bool(&scope) {
                Ok(false) => {}
                Ok(true) => {
                    let reason = Some(format!("could not look: {}", unclear.value.source()));
                    return Judged::So { outcome: Outcome::Unknown, reason, outputs };
                }
                Err(_) if scope.unknown_until.borrow().is_some() => return unknowable(&scope),
                Err(error) => {
                    let reason = Some(format!("could not judge: {error}"));
                    return Judged::So { outcome: Outcome::Unknown, reason, outputs };
                }
            }
        }
        if !judged_by_expect {
            let reason = exit_code.map(|code| format!("exit code {code}"));
            return Judged::So { outcome: Outcome::Failed, reason, outputs };
        }
        let Some(expect) = &body.expect else {
            return Judged::So { outcome: Outcome::Passed, reason: None, outputs };
        };
        match expect.value.evaluate_bool(&scope) {
            Ok(true) => Judged::So { outcome: Outcome::Passed, reason: None, outputs },
            Ok(false) => {
                let read = self.values_read(&scope, expect.value.reads());
                let reason = Some(format!("expected {}{}", expect.value.source(), with_values(&read)));
                Judged::So { outcome: Outcome::Failed, reason, outputs }
            }
            Err(_) if scope.unknown_until.borrow().is_some() => unknowable(&scope),
            Err(error) => {
                let reason = Some(format!("could not judge: {error}"));
                Judged::So { outcome: cannot, reason, outputs }
            }
        }
    }

    /// What follows an attempt.
    pub(crate) fn after_attempt(&mut self, step: StepIndex, verdict: Verdict) {
        match verdict.key.part {
            Part::Unless => return self.after_unless(step, verdict),
            Part::Doubt => return self.after_doubt_look(step, &verdict),
            Part::Main | Part::Undo => {}
        }
        let is_act = self.plan.step(step).kind.value == Kind::Act;
        let phase_over = self.cancelled.is_some() && self.phase <= Phase::Ending;
        if !is_act && matches!(verdict.end, Some(End::Stopped)) && phase_over {
            return self.skip(step, SkipReason::Cancelled);
        }
        if !is_act && matches!(verdict.end, Some(End::Lost(_))) && !phase_over {
            // A look that was interrupted is looked again: it changes nothing.
            return self.begin_part(step, Part::Main);
        }
        if is_act && verdict.outcome == Outcome::Unknown {
            return self.doubt(step, verdict);
        }
        if matches!(verdict.outcome, Outcome::Failed | Outcome::Unknown)
            && let Some(at) = self.retry_at(step, &verdict)
        {
            let key = AttemptKey { attempt: verdict.key.attempt.saturating_add(1), ..verdict.key };
            return self.emit(Record::RetryScheduled { key, at });
        }
        self.attach_or_settle(step, verdict);
    }

    fn after_unless(&mut self, step: StepIndex, verdict: Verdict) {
        match verdict.end {
            // It did not look to the end, and says nothing.
            Some(End::Lost(_)) => return self.begin_part(step, Part::Unless),
            Some(End::Stopped) if self.phase <= Phase::Ending => return self.not_begun(step, SkipReason::Cancelled),
            Some(End::Stopped) => {
                let reason = Some("did not start: its unless was ended by a cancel".to_owned());
                return self.settle_step(step, Verdict { outcome: Outcome::Failed, reason, ..verdict });
            }
            _ => {}
        }
        match verdict.outcome {
            Outcome::Passed => {
                let verdict =
                    Verdict { settlement: Settlement::AlreadySo, reason: Some("already so".to_owned()), ..verdict };
                self.settle_step(step, verdict);
            }
            Outcome::Failed => self.begin_part(step, Part::Main),
            Outcome::Unknown | Outcome::Skipped => {
                let message = format!(
                    "did not start: its unless could not say whether it is already so ({})",
                    verdict.reason.as_deref().unwrap_or("no reason given")
                );
                let failure = StartFailure { kind: StartFailureKind::UnlessUnknown, message: message.clone() };
                self.end_attempt_early(step, Part::Main, Outcome::Failed, message, Some(End::NotStarted(failure)));
            }
        }
    }

    /// The end of an act is no exit code: its `unless` says, or it is idempotent, or a person says.
    fn doubt(&mut self, step: StepIndex, verdict: Verdict) {
        let written = self.plan.step(step);
        let (has_unless, idempotent) = (written.unless.is_some(), written.idempotent);
        if has_unless {
            return self.begin_part(step, Part::Doubt);
        }
        self.open_doubt(step, verdict, idempotent);
    }

    fn after_doubt_look(&mut self, step: StepIndex, look: &Verdict) {
        let before = self.steps.get(step.get()).and_then(|state| state.doubted.clone());
        let Some(before) = before.map(|before| *before) else { return };
        let key = before.key.clone();
        let settled = |word| Record::DoubtSettled { key, word, by: "unless".to_owned(), reason: None };
        match (look.outcome, &look.end) {
            (_, Some(End::Lost(_))) => self.begin_part(step, Part::Doubt),
            (Outcome::Passed, _) => self.emit(settled(SettleWord::Done)),
            (Outcome::Failed, end) if *end != Some(End::Stopped) => self.emit(settled(SettleWord::NotDone)),
            _ => {
                let idempotent = self.plan.step(step).idempotent;
                self.open_doubt(step, before, idempotent);
            }
        }
    }

    pub(crate) fn open_doubt(&mut self, step: StepIndex, verdict: Verdict, idempotent: bool) {
        let why = verdict.reason.clone().unwrap_or_else(|| "it left no exit code".to_owned());
        let key = verdict.key;
        self.emit(Record::DoubtOpened { key: key.clone(), why: why.clone() });
        if idempotent {
            let by = "idempotent".to_owned();
            return self.emit(Record::DoubtSettled { key, word: SettleWord::NotDone, by, reason: None });
        }
        let title = self.title(step);
        let text = format!("Was it done? {title}: {why}");
        if !self.attended {
            let message = format!(
                "{}: nobody can say whether \"{title}\" was done ({why}). Settle it: runbook settle {} {}",
                self.plan.document().title.value,
                self.id,
                key.step
            );
            self.effects.push(Effect::TellOwner { message });
        }
        let request = self.next_request;
        self.emit(Record::Question {
            request,
            step: Some(key.step),
            question: QuestionKind::Doubt,
            text,
            collect: Vec::new(),
            to: Vec::new(),
            deadline: None,
        });
    }

    /// On resume: an attempt was running when the engine ended.
    pub(crate) fn after_crash(&mut self, step: StepIndex, key: AttemptKey) {
        let is_act = self.plan.step(step).kind.value == Kind::Act && matches!(key.part, Part::Main | Part::Undo);
        let why = "the engine ended while it ran".to_owned();
        self.emit(Record::AttemptEnded {
            key,
            end: Some(End::Lost(why.clone())),
            duration: Duration::ZERO,
            outcome: if is_act { Outcome::Unknown } else { Outcome::Failed },
            reason: Some(why),
            outputs: BTreeMap::new(),
            survivors: Vec::new(),
        });
    }

    /// When the next attempt starts, if there is one.
    fn retry_at(&self, step: StepIndex, verdict: &Verdict) -> Option<Timestamp> {
        let written = self.plan.step(step);
        let state = self.steps.get(step.get())?;
        let ends = self.phase == Phase::Ending && !state.in_ending;
        let person = verdict.settlement != Settlement::Ran;
        let stopped = verdict.end == Some(End::Stopped);
        let rendering = matches!(&verdict.end, Some(End::NotStarted(f)) if f.kind == StartFailureKind::Rendering);
        let is_bare = written.kind.value == Kind::Verify && matches!(written.body.work, Work::None);
        let works = written.body.work.is_command() || is_bare;
        let cancelled = self.cancelled.is_some() && self.phase <= Phase::Ending;
        if ends || person || stopped || rendering || cancelled || !works {
            return None;
        }
        let defaults = self.plan.document().defaults.retry.as_ref().filter(|_| written.kind.value == Kind::Verify);
        let retry: &Retry = written.retry.as_ref().map(|retry| &retry.value).or(defaults)?;
        let attempt = verdict.key.attempt;
        if let Some(attempts) = &retry.attempts
            && self.integer_setting(&attempts.value).is_none_or(|most| i64::from(attempt) >= most)
        {
            return None;
        }
        if let Some(condition) = &retry.condition {
            let result = scope::Result {
                exit_code: state.last.exit_code,
                stdout: as_stream(state.last.stdout.as_deref(), state.last.stdout_bytes),
                stderr: as_stream(state.last.stderr.as_deref(), state.last.stderr_bytes),
                outputs: verdict.outputs.clone(),
                ..scope::Result::default()
            };
            let scope = RunScope::new(self, self.now).with(result);
            if !condition.value.evaluate_bool(&scope).unwrap_or(false) {
                return None;
            }
        }
        let setting = |setting: &Option<crate::source::Spanned<_>>| {
            setting.as_ref().and_then(|setting| self.duration_setting(&setting.value).ok())
        };
        let mut pause = setting(&retry.every).unwrap_or(Duration::ZERO);
        if let Some(factor) = retry.backoff {
            let power = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
            let longest = setting(&retry.max).unwrap_or(crate::duration::DURATION_MAX).as_secs_f64();
            let seconds = (pause.as_secs_f64() * factor.powi(power)).min(longest);
            pause = Duration::try_from_secs_f64(seconds).unwrap_or(pause);
        }
        if let Some(longest) = setting(&retry.max) {
            pause = pause.min(longest);
        }
        let at = later(self.now, pause);
        if let Some(within) = setting(&retry.within) {
            let deadline = later(state.started_at.unwrap_or(self.now), within);
            if at > deadline {
                return None;
            }
        }
        Some(at)
    }

    /// Collects evidence, once, then settles or asks.
    pub(crate) fn attach_or_settle(&mut self, step: StepIndex, verdict: Verdict) {
        let ran = matches!(verdict.settlement, Settlement::Ran | Settlement::Settled);
        let collected = self.steps.get(step.get()).is_some_and(|state| matches!(state.stage, Stage::Attaching(_)));
        let wanted = if ran && !collected && self.mode == Mode::Real { self.evidence_wanted(step) } else { Vec::new() };
        if wanted.is_empty() {
            return self.conclude(step, verdict);
        }
        if let Some(state) = self.steps.get_mut(step.get()) {
            state.in_flight = true;
            state.stage = Stage::Attaching(verdict);
        }
        let step = self.path(step);
        self.effects.push(Effect::Attach { step, wanted });
    }

    pub(crate) fn on_attached(&mut self, step: &str, evidence: Vec<super::event::Evidence>) {
        if let Some(state) = self.plan.graph().find(step).and_then(|index| self.steps.get_mut(index.get())) {
            state.in_flight = false;
        }
        for one in evidence {
            self.emit(Record::Attachment { step: step.to_owned(), name: one.name, output: one.output, note: one.note });
        }
    }

    /// Settles, or asks the person in front of an unhandled failure.
    fn conclude(&mut self, step: StepIndex, verdict: Verdict) {
        let failed = matches!(verdict.outcome, Outcome::Failed | Outcome::Unknown);
        let askable = !matches!(
            verdict.settlement,
            Settlement::Denied | Settlement::Expired | Settlement::Unanswered | Settlement::Settled
        );
        let ends =
            self.phase == Phase::Ending && !self.steps.get(step.get()).is_some_and(|state: &StepState| state.in_ending);
        let cancelled = self.cancelled.is_some() && self.phase <= Phase::Ending;
        if failed
            && askable
            && self.attended
            && self.mode == Mode::Real
            && self.team.policy.overrule
            && !cancelled
            && !ends
            && !self.is_handled(step, verdict.outcome, verdict.settlement)
        {
            let request = self.next_request;
            let title = self.title(step);
            let text = match &verdict.reason {
                Some(reason) => format!("{title}: {} ({reason})", verdict.outcome.word()),
                None => format!("{title}: {}", verdict.outcome.word()),
            };
            let collect = self.outputs_read_later(step);
            return self.emit(Record::Question {
                request,
                step: Some(self.path(step)),
                question: QuestionKind::Overrule,
                text,
                collect,
                to: Vec::new(),
                deadline: None,
            });
        }
        self.settle_step(step, verdict);
    }

    /// Records how a step settled, and what follows at once.
    pub(crate) fn settle_step(&mut self, step: StepIndex, verdict: Verdict) {
        let path = self.path(step);
        let state = self.steps.get(step.get());
        let undone = state.and_then(|state| state.undoing.clone());
        let attempts = state.and_then(|state| state.attempts.get(&Part::Main).copied()).unwrap_or(0);
        let (outcome, settlement) = (verdict.outcome, verdict.settlement);
        self.emit(Record::StepSettled {
            step: path.clone(),
            outcome,
            settlement,
            reason: verdict.reason.clone(),
            outputs: verdict.outputs,
            attempts,
        });
        if let Some(undone) = undone {
            return self.emit(Record::StepUndone { step: undone, outcome, reason: verdict.reason });
        }
        self.follow_settlement(step, outcome, settlement);
    }

    /// What follows at once from how a step settled.
    pub(crate) fn follow_settlement(&mut self, step: StepIndex, outcome: Outcome, settlement: Settlement) {
        if settlement == Settlement::Withheld {
            return;
        }
        let path = self.path(step);
        let plan = std::sync::Arc::clone(&self.plan);
        if let Some(escalation) = &plan.step(step).escalation
            && escalation.handover
            && outcome == Outcome::Passed
        {
            let to = escalation.to.iter().map(|to| to.value.clone()).collect();
            if self.steps.get(step.get()).is_some_and(|state| !state.handed_over) {
                self.emit(Record::Handover { step: Some(path.clone()), to });
            }
            return self.enter_ending(EndCause::Handover(path));
        }
        if self.phase != Phase::Steps {
            return;
        }
        let took_failed = self.steps.get(step.get()).and_then(|state| state.branch.as_ref()).is_some_and(|branch| {
            branch.choice != super::record::BranchChoice::Undecided
                && branch.to.len() == 1
                && branch.to.iter().all(|to| to == "failed")
        });
        match outcome {
            _ if settlement == Settlement::Denied => self.enter_ending(EndCause::Denied(path)),
            Outcome::Failed | Outcome::Unknown if !self.is_handled(step, outcome, settlement) => {
                self.enter_ending(EndCause::Failed(path));
            }
            Outcome::Passed if took_failed => self.enter_ending(EndCause::TookFailed(path)),
            Outcome::Passed | Outcome::Failed | Outcome::Unknown | Outcome::Skipped => {}
        }
    }

    /// The values an expression read, for a reason or a decision.
    pub(crate) fn values_read(&self, scope: &RunScope<'_>, reads: &[crate::expression::Read]) -> Vec<(String, String)> {
        use crate::expression::Scope;
        let mut values: Vec<(String, String)> = Vec::new();
        for read in reads {
            let name = read.path.join(".");
            if values.iter().any(|(known, _)| *known == name) {
                continue;
            }
            let value = match scope.read(&read.path) {
                Ok(Some(value)) => shorten(&value.to_string()),
                Ok(None) => "(none)".to_owned(),
                Err(why) => format!("({why})"),
            };
            values.push((name, value));
        }
        values
    }
}

/// How a result is judged.
pub(crate) enum Judged {
    /// So.
    So {
        /// The outcome.
        outcome: Outcome,
        /// Why not passed.
        reason: Option<String>,
        /// Outputs as far as they could be computed.
        outputs: BTreeMap<String, Value>,
    },
    /// In a dry run: not before this step runs.
    Unknowable(String),
}

fn unknowable(scope: &RunScope<'_>) -> Judged {
    Judged::Unknowable(scope.unknown_until.borrow().clone().unwrap_or_default())
}

fn as_stream(text: Option<&str>, bytes: u64) -> scope::Stream<'_> {
    match (text, bytes) {
        (Some(text), _) => scope::Stream::Whole(text),
        (None, 0) => scope::Stream::Whole(""),
        (None, bytes) => scope::Stream::Cut(bytes),
    }
}

fn with_values(read: &[(String, String)]) -> String {
    if read.is_empty() {
        return String::new();
    }
    let values: Vec<String> = read.iter().map(|(name, value)| format!("{name} is {value:?}")).collect();
    format!("; {}", values.join(", "))
}

/// Longest value in a reason or a decision, in characters: it stands in a terminal line.
const VALUE_CHARS_MAX: usize = 200;

fn shorten(text: &str) -> String {
    match text.char_indices().nth(VALUE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
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
