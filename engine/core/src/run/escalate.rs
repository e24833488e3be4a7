//! Telling people, and waiting for one of them.

use super::effect::Effect;
use super::event::Event;
use super::record::{AttemptKey, Mode, Outcome, Part, Phase, QuestionKind, Record, SkipReason, StepPath};
use super::request::RequestKind;
use super::scope::RunScope;
use super::state::RunState;
use super::step_state::Stage;
use crate::document::model::{Asking, Escalation, Setting};
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
        let Some(escalation) = &plan.step(step).escalation else { return };
        // That people are being told is on disk before anybody is.
        let key = self.key(step, Part::Main);
        self.emit(Record::StepIntent { key, plan: None, until: None });
        let path = self.path(step);
        if let Some(ack) = &escalation.ack
            && self.acknowledgement_of(&path).is_none()
        {
            // Who is told first may have seen it before the last one is told.
            self.emit(Record::EscalationWaiting {
                request: self.next_request,
                step: path,
                deadline: None,
                from: names(escalation),
                all: ack.value.all,
                told: false,
            });
        }
        self.send(step, names(escalation));
    }

    /// Has these told of an escalate.
    fn send(&mut self, step: StepIndex, to: Vec<String>) {
        let plan = std::sync::Arc::clone(&self.plan);
        let Some(escalation) = &plan.step(step).escalation else { return };
        let title = self.title(step);
        let message = self.message(step, &title, escalation);
        if let Some(state) = self.steps.get_mut(step.get()) {
            state.in_flight = true;
        }
        self.effects.push(Effect::Sync);
        let subject = format!("{}: {title}", plan.document().title.value);
        self.effects.push(Effect::Tell { step: self.path(step), to, message, subject });
    }

    fn message(&self, step: StepIndex, title: &str, escalation: &Escalation) -> String {
        let path = self.path(step);
        let mut message = match &escalation.message {
            Some(message) => {
                let scope = RunScope::new(self, self.now);
                message.value.render_for_people(&scope, &|path| scope.explain(path))
            }
            None => self.standard_message(title, escalation),
        };
        if let Some(ack) = &escalation.ack {
            let mut words = vec!["ack", &self.id, &path];
            if ack.value.all {
                // Each has to say it for themselves.
                words.extend(["--as", "…"]);
            }
            let _ = write!(message, "\nSay that you have seen it: {}", self.calls.command(&words));
            if escalation.handover {
                message.push_str("\nWith that this run ends here, and it is yours.");
            }
        }
        let widened = self.steps.get(step.get()).is_some_and(|state| state.widened.is_some());
        if widened {
            let told: Vec<String> =
                self.heard(&path).into_iter().filter(|heard| heard.told.is_some()).map(|heard| heard.name).collect();
            return format!("Nobody has acknowledged this yet; {} heard of it before you.\n{message}", told.join(", "));
        }
        message
    }

    /// Title, runbook, run, what failed, and the commands for whoever reads this: to read what happened, to take the
    /// run over where somebody else has it.
    fn standard_message(&self, title: &str, escalation: &Escalation) -> String {
        let document = self.plan.document();
        let mut message = format!("{title}\n{} ({}), run {}", document.title.value, document.name.value, self.id);
        if let Some(failure) = self.failure() {
            let text = |name: &str| failure.get(name).map(ToString::to_string).unwrap_or_default();
            let _ = write!(message, "\nFailed: {} ({}): {}", text("title"), text("step"), text("reason"));
        }
        let _ = write!(message, "\nWhat was seen and done: {}", self.calls.command(&["log", &self.id]));
        match (escalation.handover, &escalation.ack) {
            // That it is theirs is not so before it was acknowledged.
            (true, Some(_)) => {}
            (true, None) => message.push_str("\nThis run ends here and is handed over to you."),
            (false, _) => {
                // A run that somebody has cannot be resumed by another.
                let resume = self.calls.command(&["resume", &self.id]);
                let _ = write!(message, "\nTo take it over, once its operator lets go of it: {resume}");
            }
        }
        message
    }

    /// The commands that answer a question, a line each.
    pub(crate) fn ways_to_answer(&self, step: &str, asking: &Asking, question: &QuestionKind) -> String {
        let fields: Vec<String> = asking.collect.keys().map(|name| format!("{name}=…")).collect();
        let fields: Vec<&str> = fields.iter().flat_map(|field| ["--field", field.as_str()]).collect();
        let answer =
            |word: &str, fields: &[&str]| self.calls.command(&[&["answer", &self.id, step, word], fields].concat());
        let ways = match question {
            QuestionKind::Choice(labels) => labels.iter().map(|label| answer(label, &fields)).collect(),
            QuestionKind::Instruct => vec![answer("done", &fields), answer("could not", &[])],
            QuestionKind::YesNo
            | QuestionKind::Proceed
            | QuestionKind::Overrule
            | QuestionKind::Doubt
            | QuestionKind::Rollback => vec![answer("yes", &fields), answer("no", &[])],
        };
        ways.join("\n")
    }

    pub(crate) fn on_told(&mut self, told: Event) {
        let Event::Told { step, to, person, channel, message, result } = told else { return };
        self.emit(match result {
            Ok(answer) => Record::EscalationSent { step, to, person, channel, message, answer },
            Err(error) => Record::EscalationFailed { step, to, person, channel, error },
        });
    }

    pub(crate) fn on_told_all(&mut self, step: &str) {
        if let Some(state) = self.find(step).and_then(|index| self.steps.get_mut(index.get()))
            && matches!(state.stage, Stage::Telling(_))
        {
            state.in_flight = false;
            state.told_all = true;
        }
    }

    pub(crate) fn after_telling(&mut self, step: StepIndex, key: AttemptKey) {
        let plan = std::sync::Arc::clone(&self.plan);
        let Some(escalation) = &plan.step(step).escalation else { return };
        let path = self.path(step);
        let Some(state) = self.steps.get_mut(step.get()) else { return };
        let told_all = std::mem::take(&mut state.told_all);
        let state = state.clone();
        let request = self.acknowledgement_of(&path).cloned();
        if request.is_none() && !state.acknowledged.is_empty() {
            // They were quicker than the telling.
            return self.told_is_enough(key);
        }
        if !told_all {
            // A resumed run whose telling was interrupted before it reached everybody.
            let names = state.widened.clone().unwrap_or_else(|| names(escalation));
            let left: Vec<String> = names.into_iter().filter(|name| !state.has_told(name)).collect();
            // It was cancelled meanwhile: nobody is told of it any more.
            let cancelled = self.cancelled.is_some() && self.phase <= Phase::Ending;
            if cancelled && !state.is_told() {
                self.withdraw_acknowledgement(&path);
                return self.not_begun(step, SkipReason::Cancelled);
            }
            if !state.is_told() {
                return self.tell(step);
            }
            if !left.is_empty() && !cancelled {
                return self.send(step, left);
            }
        }
        if !state.is_told() {
            self.withdraw_acknowledgement(&path);
            let not_told = state.not_told();
            let mut reason = if not_told.is_empty() {
                "nobody could be told: no channel is defined".to_owned()
            } else {
                format!("nobody could be told: {}", not_told.join("; "))
            };
            let call: Vec<String> = names(escalation).iter().flat_map(|name| self.team.contacts(name)).collect();
            if !call.is_empty() {
                let _ = write!(reason, "; to be called: {}", call.join("; "));
            }
            return self.end_attempt_early(step, Part::Main, Outcome::Failed, reason, None);
        }
        let Some(ack) = &escalation.ack else { return self.told_is_enough(key) };
        if state.widened.as_ref().is_some_and(|rest| !rest.iter().any(|name| state.has_told(name))) {
            // None of the rest can be reached: there is nobody more to wait for.
            return self.emit(Record::EscalationTimedOut { step: path });
        }
        let deadline = self.deadline(ack.value.within.as_ref());
        let from = match request.as_ref().map(|request| &request.kind) {
            Some(RequestKind::Acknowledge { missing, .. }) => missing.clone(),
            _ => names(escalation),
        };
        let record = Record::EscalationWaiting {
            request: request.map_or(self.next_request, |request| request.id),
            step: path,
            deadline,
            from,
            all: ack.value.all,
            told: true,
        };
        self.emit(record);
    }

    fn withdraw_acknowledgement(&mut self, step: &str) {
        if let Some(request) = self.acknowledgement_of(step).map(|request| request.id) {
            self.emit(Record::QuestionWithdrawn { request, step: Some(step.to_owned()), timed_out: false });
        }
    }

    /// The time to acknowledge has passed: the rest of the team is told, once; after that nobody is left.
    pub(crate) fn not_acknowledged(&mut self, step: StepPath) {
        let index = self.find(&step);
        match index.map(|index| (index, self.rest_of(index))) {
            Some((index, rest)) if !rest.is_empty() => {
                self.emit(Record::EscalationWidened { step, to: rest.clone() });
                self.send(index, rest);
            }
            _ => self.emit(Record::EscalationTimedOut { step }),
        }
    }

    pub(crate) fn after_ack(&mut self, _step: StepIndex, key: AttemptKey) {
        self.told_is_enough(key);
    }

    fn told_is_enough(&mut self, key: AttemptKey) {
        let index = self.find(&key.step);
        let state = index.and_then(|index| self.steps.get(index.get()));
        let by: Vec<&str> = state.iter().flat_map(|state| &state.acknowledged).map(|one| one.by.as_str()).collect();
        let reason = (!by.is_empty()).then(|| format!("acknowledged by {}", by.join(", ")));
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

fn names(escalation: &Escalation) -> Vec<String> {
    escalation.to.iter().map(|to| to.value.clone()).collect()
}
