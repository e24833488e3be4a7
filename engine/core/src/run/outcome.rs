//! What follows an attempt: another one, a doubt, evidence, a person's word, the step's settlement.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::attempt::later;
use super::effect::Effect;
use super::judge::as_stream;
use super::record::{
    AttemptKey, End, EndCause, Mode, Outcome, Part, Phase, QuestionKind, Record, RunOutcome, SettleWord, Settlement,
    SkipReason, StartFailure, StartFailureKind,
};
use super::scope::{self, RunScope};
use super::state::RunState;
use super::step_state::{Stage, StepState, Verdict};
use crate::document::model::{Kind, Retry, Work};
use crate::graph::StepIndex;

impl RunState {
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
            Outcome::Failed if self.stops_before_start(step) => {}
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
        let settled =
            |word| Record::DoubtSettled { key, word, by: "unless".to_owned(), reason: None, outputs: BTreeMap::new() };
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
            let (word, outputs) = (SettleWord::NotDone, BTreeMap::new());
            return self.emit(Record::DoubtSettled { key, word, by, reason: None, outputs });
        }
        let title = self.title(step);
        let undoes = key.part == Part::Undo;
        let text = format!("Was it {}? {title}: {why}", if undoes { "undone" } else { "done" });
        if !self.attended {
            let done = if undoes { "undone" } else { "done" };
            let message = format!(
                "{}: nobody can say whether \"{title}\" was {done} ({why}). Settle it: {}",
                self.plan.document().title.value,
                self.calls.command(&["settle", &self.id, &key.step])
            );
            self.effects.push(Effect::TellOwner { message });
        }
        let request = self.next_request;
        // Nobody saw what it would have given; an undo gives nothing.
        let collect = if undoes { Vec::new() } else { self.outputs_read_later(step) };
        self.emit(Record::Question {
            request,
            step: Some(key.step),
            question: QuestionKind::Doubt,
            text,
            collect,
            to: Vec::new(),
            deadline: None,
        });
    }

    /// On resume: an attempt was running when the engine ended, and nobody saw how it ended.
    pub(crate) fn after_crash(&mut self, step: StepIndex, key: AttemptKey) {
        let is_act = self.changes(step, key.part);
        let why =
            if is_act { "the engine and its supervisor ended while it ran" } else { "the engine ended while it ran" };
        let why = why.to_owned();
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
        let works = written.body.work.is_attempted() || matches!(written.body.work, Work::Runbook(_)) || is_bare;
        let cancelled = self.cancelled.is_some() && self.phase <= Phase::Ending;
        if self.exploring || ends || person || stopped || rendering || cancelled || !works || self.is_loop(step) {
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
                answered: state.last.answered.clone(),
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
        // A loop's evidence is that of its items.
        let ran = matches!(verdict.settlement, Settlement::Ran | Settlement::Settled) && !self.is_loop(step);
        let collected = self.steps.get(step.get()).is_some_and(|state| matches!(state.stage, Stage::Attaching(_)));
        let collects = self.mode == Mode::Real && !self.exploring;
        let wanted = if ran && !collected && collects { self.evidence_wanted(step) } else { Vec::new() };
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
        if let Some(state) = self.find(step).and_then(|index| self.steps.get_mut(index.get())) {
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
        // Whoever sits there was asked about the step in it that failed.
        let asked_inside = self.called_by(step).is_some_and(|child| child.sealed == Some(RunOutcome::Failed));
        if failed
            && !asked_inside
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
        self.end_items(step, &SkipReason::NotReached);
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
        if settlement == Settlement::Withheld || self.is_item() {
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
        let is_recorded = self.steps.get(step.get()).is_some_and(|state| state.handed_over);
        let to = self.handed_on(step).or_else(|| is_recorded.then(Vec::new));
        if let Some(to) = to.filter(|_| self.plan.step(step).escalation.is_none()) {
            if !is_recorded {
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
}
