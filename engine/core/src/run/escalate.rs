//! Telling people, and waiting for one of them.

use super::effect::Effect;
use super::record::{AttemptKey, Mode, Outcome, Part, Phase, Record, SkipReason};
use super::scope::RunScope;
use super::state::RunState;
use super::step_state::{Stage, StepState};
use crate::document::model::{Escalation, Setting};
use crate::graph::StepIndex;
use crate::source::Spanned;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

impl RunState {
    pub(crate) fn tell(&mut self, step: StepIndex) {
        if self.mode != Mode::Real {
            return self.settle_withheld(step, None);
        }
        let plan = std::sync::Arc::clone(&self.plan);
        let written = plan.step(step);
        let Some(escalation) = &written.escalation else { return };
        let title = self.title(step);
        let message = match &escalation.message {
            Some(message) => {
                let scope = RunScope::new(self, self.now);
                message.value.render_for_people(&scope, &|path| scope.explain(path))
            }
            None => self.standard_message(step, &title, escalation),
        };
        let to = escalation.to.iter().map(|to| to.value.clone()).collect();
        // That people are being told is on disk before anybody is.
        let key = self.key(step, Part::Main);
        self.emit(Record::StepIntent { key, plan: None, until: None });
        if let Some(state) = self.steps.get_mut(step.get()) {
            state.in_flight = true;
        }
        self.effects.push(Effect::Sync);
        let subject = format!("{}: {title}", plan.document().title.value);
        self.effects.push(Effect::Tell { step: self.path(step), to, message, subject });
    }

    /// Title, runbook, run, what failed, and the commands for whoever reads this: to say that it was seen where that is
    /// waited for, to read what happened, to take the run over where somebody else has it.
    fn standard_message(&self, step: StepIndex, title: &str, escalation: &Escalation) -> String {
        let document = self.plan.document();
        let mut message = format!("{title}\n{} ({}), run {}", document.title.value, document.name.value, self.id);
        if let Some(failure) = self.failure() {
            let text = |name: &str| failure.get(name).map(ToString::to_string).unwrap_or_default();
            let _ = write!(message, "\nFailed: {} ({}): {}", text("title"), text("step"), text("reason"));
        }
        if escalation.ack.is_some() {
            let _ = write!(message, "\nSay that you have seen it: runbook ack {} {}", self.id, self.path(step));
        }
        let _ = write!(message, "\nWhat was seen and done: runbook log {}", self.id);
        if escalation.handover {
            message.push_str("\nThis run ends here: it is yours now.");
        } else {
            // A run that somebody has cannot be resumed by another.
            let _ = write!(message, "\nTo take it over, once its operator lets go of it: runbook resume {}", self.id);
        }
        message
    }

    pub(crate) fn on_told(
        &mut self,
        step: String,
        to: String,
        channel: String,
        message: String,
        result: Result<String, String>,
    ) {
        self.emit(match result {
            Ok(answer) => Record::EscalationSent { step, to, channel, message, answer },
            Err(error) => Record::EscalationFailed { step, to, channel, error },
        });
    }

    pub(crate) fn on_told_all(&mut self, step: &str) {
        if let Some(state) = self.plan.graph().find(step).and_then(|index| self.steps.get_mut(index.get()))
            && matches!(state.stage, Stage::Telling(_))
        {
            state.in_flight = false;
            state.told_all = true;
        }
    }

    pub(crate) fn after_telling(&mut self, step: StepIndex, key: AttemptKey) {
        let Some(state) = self.steps.get_mut(step.get()) else { return };
        if !std::mem::take(&mut state.told_all) && state.told == 0 {
            // A resumed run whose telling was interrupted before anything arrived.
            if self.cancelled.is_some() && self.phase <= Phase::Ending {
                // It was cancelled meanwhile: nobody is told of it any more.
                return self.not_begun(step, SkipReason::Cancelled);
            }
            return self.tell(step);
        }
        if state.told == 0 {
            let reason = if state.not_told.is_empty() {
                "nobody could be told: no channel is defined".to_owned()
            } else {
                format!("nobody could be told: {}", state.not_told.join("; "))
            };
            return self.end_attempt_early(step, Part::Main, Outcome::Failed, reason, None);
        }
        let plan = std::sync::Arc::clone(&self.plan);
        let Some(escalation) = &plan.step(step).escalation else { return };
        let Some(ack) = &escalation.ack else { return self.told_is_enough(key) };
        let deadline = self.deadline(ack.value.within.as_ref());
        let from = escalation.to.iter().map(|to| to.value.clone()).collect();
        let record = Record::EscalationWaiting {
            request: self.next_request,
            step: self.path(step),
            deadline,
            from,
            all: ack.value.all,
        };
        self.emit(record);
    }

    pub(crate) fn after_ack(&mut self, _step: StepIndex, key: AttemptKey) {
        self.told_is_enough(key);
    }

    fn told_is_enough(&mut self, key: AttemptKey) {
        let index = self.plan.graph().find(&key.step);
        let by =
            index.and_then(|index| self.steps.get(index.get())).map(|state: &StepState| state.acknowledged.join(", "));
        let reason = by.filter(|by| !by.is_empty()).map(|by| format!("acknowledged by {by}"));
        self.emit(Record::AttemptEnded {
            key,
            end: None,
            duration: Duration::ZERO,
            outcome: Outcome::Passed,
            reason,
            outputs: BTreeMap::new(),
            survivors: Vec::new(),
        });
    }

    /// The instant a written allowance from now ends; none where none is written or it cannot be read.
    pub(crate) fn deadline(&self, within: Option<&Spanned<Setting<Duration>>>) -> Option<Timestamp> {
        let within = self.duration_setting(&within?.value).ok()?;
        Some(super::attempt::later(self.now, within))
    }
}
