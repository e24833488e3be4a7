//! What people say, and what happens when they say nothing in time.

use std::collections::BTreeMap;
use std::time::Duration;

use super::effect::Effect;
use super::event::Input;
use super::judge::Judged;
use super::record::{
    Actor, AnswerWord, AttemptKey, Auth, BlobDigest, BranchChoice, Mode, Outcome, Part, Phase, QuestionKind, Record,
    SettleWord,
};
use super::request::{Request, RequestKind};
use super::said::{Closed, Declined, Said};
use super::scope::{self, RunScope};
use super::state::RunState;
use super::step_state::Stage;
use crate::document::model::{Approve, Asking, Kind, Work};
use crate::graph::StepIndex;
use crate::params;

impl RunState {
    /// Whether an act waits for an approval before it runs.
    pub(crate) fn wants_approval(&self, step: StepIndex) -> bool {
        match self.plan.step(step).approve.as_ref().map(|approve| &approve.value) {
            None => false,
            Some(Approve::Operator) => true,
            Some(Approve::People(approval)) => approval.when.as_ref().is_none_or(|when| {
                let scope = RunScope::new(self, self.now);
                // Whether it is wanted cannot be said: then it is.
                when.value.evaluate_bool(&scope).unwrap_or(true)
            }),
        }
    }

    pub(crate) fn request_approval(&mut self, step: StepIndex, key: AttemptKey, plan: BlobDigest) {
        let document = std::sync::Arc::clone(&self.plan);
        let written = document.step(step);
        let deadline = match written.approve.as_ref().map(|approve| &approve.value) {
            Some(Approve::People(approval)) => self.deadline(approval.within.as_ref()),
            Some(Approve::Operator) | None => None,
        };
        let request = self.next_request;
        self.emit(Record::ApprovalRequested { request, key: key.clone(), plan: plan.clone(), deadline });
        let by_operator = match written.approve.as_ref().map(|approve| &approve.value) {
            Some(Approve::People(approval)) => approval.from.is_empty(),
            Some(Approve::Operator) | None => true,
        };
        if self.yes && by_operator && !written.destructive && !self.is_item() {
            let engine = std::mem::replace(
                &mut self.actor,
                Actor { origin: "option --yes".to_owned(), auth: Auth::Tty, ..self.operator.clone() },
            );
            self.emit(Record::ApprovalGranted { request, key, plan, reason: None });
            self.actor = engine;
        }
    }

    /// Asks a person: a yes or no, a choice, an instruction.
    pub(crate) fn ask(&mut self, step: StepIndex, asking: &Asking, is_question: bool) {
        if self.mode != Mode::Real {
            let is_decide = self.plan.step(step).kind.value == Kind::Decide;
            if is_decide {
                let id = self.path(step);
                return self.leave_open(step, &id);
            }
            return self.settle_withheld(step, None);
        }
        let scope = RunScope::new(self, self.now);
        let text = asking.text.value.render_for_people(&scope, &|path| scope.explain(path));
        let question = match (is_question, asking.choices.is_empty()) {
            (false, _) => QuestionKind::Instruct,
            (true, true) => QuestionKind::YesNo,
            (true, false) => {
                QuestionKind::Choice(asking.choices.iter().map(|(label, _)| label.value.clone()).collect())
            }
        };
        let deadline = self.deadline(asking.within.as_ref());
        let path = self.path(step);
        let to: Vec<String> = asking.to.iter().map(|to| to.value.clone()).collect();
        let ways = self.ways_to_answer(&path, asking, &question);
        self.emit(Record::Question {
            request: self.next_request,
            step: Some(path.clone()),
            question,
            text: text.clone(),
            collect: asking.collect.keys().map(ToString::to_string).collect(),
            to: to.clone(),
            deadline,
        });
        self.effects.push(Effect::Sync);
        if !to.is_empty() {
            let subject = format!("{}: {text}", self.plan.document().title.value);
            let message = format!("{text}\nAnswer with one of these:\n{ways}");
            self.effects.push(Effect::Tell { step: path, to, message, subject });
        }
    }

    /// A question was answered, or nobody did in time.
    pub(crate) fn after_answer(&mut self, step: StepIndex, key: AttemptKey) {
        let plan = std::sync::Arc::clone(&self.plan);
        let written = plan.step(step);
        let Some(state) = self.steps.get(step.get()) else { return };
        let (answer, fields) = (state.last.answer.clone(), state.last.fields.clone());
        let Some(answer) = answer else { return };
        let is_decide = written.kind.value == Kind::Decide;
        if let (true, Work::Ask(asking)) = (is_decide, &written.body.work) {
            let chosen = asking.choices.iter().enumerate().find(|(_, (label, _))| label.value == answer);
            if let Some((number, (_, target))) = chosen {
                let question = asking.text.value.source().to_owned();
                let read = vec![("answer".to_owned(), answer)];
                return self.take(step, BranchChoice::Choice(number), target, question, read);
            }
        }
        let good = answer == "yes";
        let result = scope::Result { answer: Some(&answer), fields, ..scope::Result::default() };
        let (outcome, reason, outputs) = match self.judge(step, Part::Main, result, good) {
            Judged::So { outcome, reason, outputs } => (outcome, reason, outputs),
            Judged::Unknowable(_) => (Outcome::Unknown, None, BTreeMap::new()),
        };
        let no = match written.kind.value {
            Kind::Act => "could not be done by hand",
            Kind::Verify | Kind::Decide | Kind::Escalate => "the answer was no",
        };
        let reason = if good { reason } else { Some(no.to_owned()) };
        let duration = self.since(step);
        self.emit(Record::AttemptEnded { key, end: None, duration, outcome, reason, outputs, survivors: Vec::new() });
    }

    fn since(&self, step: StepIndex) -> Duration {
        let started = self.steps.get(step.get()).and_then(|state| state.started_at).unwrap_or(self.now);
        super::attempt::duration_between(started, self.now)
    }

    /// Acts on every deadline that has passed.
    pub(crate) fn pass_deadlines(&mut self) {
        let now = self.now;
        self.pass_waits();
        let due: Vec<Request> =
            self.requests().filter(|request| request.deadline.is_some_and(|at| at <= now)).cloned().collect();
        for request in due {
            self.expire(request);
        }
        self.pass_calls();
        if self.run_deadline.is_some_and(|at| at <= now) && self.cancelled.is_none() && self.phase <= Phase::Ending {
            self.cancel("the run's timeout passed".to_owned());
        }
    }

    /// Pauses and waits that are over.
    fn pass_waits(&mut self) {
        let now = self.now;
        let active: Vec<StepIndex> = self.active.iter().copied().collect();
        for step in active {
            let Some(state) = self.steps.get(step.get()) else { continue };
            match (state.stage.clone(), state.in_flight) {
                (Stage::Pausing(_, until), false) if until <= now => self.begin_work(step),
                (Stage::WaitingUntil(key, until), _) if until <= now => {
                    let duration = self.since(step);
                    self.emit(Record::AttemptEnded {
                        key,
                        end: None,
                        duration,
                        outcome: Outcome::Passed,
                        reason: None,
                        outputs: BTreeMap::new(),
                        survivors: Vec::new(),
                    });
                }
                _ => {}
            }
        }
        self.in_each(Self::pass_waits);
    }

    fn expire(&mut self, request: Request) {
        match request.kind {
            RequestKind::Approval { key, .. } => {
                self.emit(Record::ApprovalExpired { request: request.id, key });
            }
            RequestKind::Question(_) => {
                self.emit(Record::QuestionWithdrawn { request: request.id, step: request.step, timed_out: true });
            }
            RequestKind::Acknowledge { .. } => {
                if let Some(step) = request.step {
                    self.at(&step.clone(), |at| at.not_acknowledged(step));
                }
            }
        }
    }

    /// Takes what a person said, or records why it does not apply.
    pub(crate) fn on_input(&mut self, input: Input) {
        let verb = input.verb();
        let step = match &input {
            Input::Answer { step, .. }
            | Input::Approve { step, .. }
            | Input::Deny { step, .. }
            | Input::Acknowledge { step, .. }
            | Input::Note { step, .. }
            | Input::Settle { step, .. } => step.clone(),
            Input::HandOver { .. } | Input::Accept | Input::LetGo { .. } | Input::Cancel { .. } => None,
        };
        if let Err(Declined { why, repeats }) = self.take_input(input) {
            self.emit(Record::Refused { verb: verb.to_owned(), step, why, repeats });
        }
    }

    pub(super) fn take_input(&mut self, input: Input) -> Result<(), Declined> {
        match input {
            Input::Note { step, text } => {
                self.emit(Record::Note { step, text });
                Ok(())
            }
            Input::Cancel { .. } if self.phase == Phase::Over => {
                Err("it has come to its end, and only the seal is missing".to_owned().into())
            }
            Input::Cancel { reason } => {
                self.cancel(reason);
                Ok(())
            }
            Input::HandOver { to } => self.hand_over(to),
            Input::Accept => self.accept(),
            Input::LetGo { reason } => {
                self.let_go_because(&reason);
                Ok(())
            }
            Input::Approve { step, request, reason } => {
                let is_same = |closed: &Closed| closed.said == Said::Approved;
                let request = self.find_request(step.as_deref(), request, "approve", is_same)?;
                let RequestKind::Approval { key, plan, .. } = request.kind else {
                    return Err("nothing waits for an approval there".into());
                };
                let asks_others = self.owner(&key.step).is_some_and(|(at, step)| at.asks_others(step));
                if self.actor.auth == Auth::Tty && asks_others {
                    return Err(
                        "it asks others for approval: what is typed at a terminal is no proof of who it is".into()
                    );
                }
                self.emit(Record::ApprovalGranted { request: request.id, key, plan, reason });
                Ok(())
            }
            Input::Deny { step, request, reason } => {
                if reason.trim().is_empty() {
                    return Err("a denial needs a reason".into());
                }
                let is_same = |closed: &Closed| matches!(closed.said, Said::Denied(_));
                let request = self.find_request(step.as_deref(), request, "approve", is_same)?;
                let RequestKind::Approval { key, .. } = request.kind else {
                    return Err("nothing waits for an approval there".into());
                };
                self.emit(Record::ApprovalDenied { request: request.id, key, reason });
                Ok(())
            }
            Input::Acknowledge { step, behalf } => {
                let is_same = |closed: &Closed| closed.said == Said::Acknowledged;
                let request = self.find_request(step.as_deref(), None, "ack", is_same)?;
                let RequestKind::Acknowledge { missing, all } = &request.kind else {
                    return Err("nothing waits for an acknowledgement there".into());
                };
                let by = behalf.unwrap_or_else(|| self.actor.id.clone());
                if *all && !self.is_among(&by, missing) {
                    let at = request.step.as_deref().and_then(|step| self.owner(step));
                    let heard = at.and_then(|(at, step)| at.steps.get(step.get())).map(|state| &state.acknowledged);
                    let repeats = heard.is_some_and(|heard| heard.iter().any(|heard| heard.by == by));
                    let missing = missing.join(", ");
                    let why = if repeats {
                        format!("{by} acknowledged it already; it still waits for {missing}")
                    } else {
                        format!("each of {missing} has to acknowledge: say in whose name, with --as")
                    };
                    return Err(Declined { why, repeats });
                }
                let step = request.step.clone().unwrap_or_default();
                self.emit(Record::EscalationAcknowledged { step, by });
                Ok(())
            }
            Input::Answer { step, request, answer, fields, behalf, reason } => {
                let is_same = |closed: &Closed| closed.is_answered_so(&answer, &fields);
                let request = self.find_request(step.as_deref(), request, "answer", is_same)?;
                Ok(self.answer(&request, answer, &fields, behalf, reason)?)
            }
            Input::Settle { step, word, reason, outputs } => {
                // Once more is another attempt, not the same said twice.
                let is_same = |closed: &Closed| closed.said == Said::Settled(word) && word != SettleWord::Again;
                let request = self.find_request(step.as_deref(), None, "settle", is_same)?;
                let path = request.step.clone().unwrap_or_default();
                let settled = self.at(&path, |state| state.settle_by_person(&request, word, reason, &outputs));
                Ok(settled.unwrap_or_else(|| Err(format!("there is no step {path}")))?)
            }
        }
    }

    pub(crate) fn is_among(&self, who: &str, names: &[String]) -> bool {
        names.iter().any(|name| {
            name == who
                || self.team.teams.get(name).is_some_and(|team| team.members.iter().any(|member| member.value == who))
        })
    }

    fn answer(
        &mut self,
        request: &Request,
        answer: AnswerWord,
        typed: &BTreeMap<String, String>,
        behalf: Option<String>,
        reason: Option<String>,
    ) -> Result<(), String> {
        let RequestKind::Question(question) = &request.kind else {
            return Err("it is no question".to_owned());
        };
        match (question, &answer) {
            (QuestionKind::Choice(labels), AnswerWord::Choice(label)) if labels.contains(label) => {}
            (QuestionKind::Choice(labels), _) => {
                return Err(format!("it takes one of: {}", labels.join(", ")));
            }
            (_, AnswerWord::Choice(_)) => return Err("it takes yes or no".to_owned()),
            (_, AnswerWord::Yes | AnswerWord::No) => {}
        }
        let mut fields = BTreeMap::new();
        // A no, or could not, needs no values.
        if answer != AnswerWord::No {
            for (name, field) in &request.collect {
                let value = match (typed.get(name.as_str()), &field.default) {
                    (Some(text), _) => params::read(field, text).map_err(|why| format!("{name} {why}"))?,
                    (None, Some(default)) => default.clone(),
                    (None, None) => return Err(format!("it also wants {name}")),
                };
                fields.insert(name.to_string(), value);
            }
        }
        if let Some(unknown) =
            typed.keys().find(|name| !request.collect.iter().any(|(known, _)| known.as_str() == *name))
        {
            return Err(format!("it asks for no {unknown}"));
        }
        let proceed_no = *question == QuestionKind::Proceed && answer == AnswerWord::No;
        if proceed_no {
            self.nothing_runs()?;
            self.letting_go = true;
            self.suspend();
            return Ok(());
        }
        self.emit(Record::Answer { request: request.id, step: request.step.clone(), answer, fields, behalf, reason });
        Ok(())
    }

    /// Whether an act asks others than its operator for approval.
    fn asks_others(&self, step: StepIndex) -> bool {
        match self.plan.step(step).approve.as_ref().map(|approve| &approve.value) {
            Some(Approve::People(approval)) => !approval.from.is_empty(),
            Some(Approve::Operator) | None => false,
        }
    }

    fn settle_by_person(
        &mut self,
        request: &Request,
        word: SettleWord,
        reason: Option<String>,
        typed: &BTreeMap<String, String>,
    ) -> Result<(), String> {
        let Some(path) = request.step.clone() else { return Err("it is no step".to_owned()) };
        let Some(step) = self.find(&path) else { return Err(format!("there is no step {path}")) };
        let kind = self.plan.step(step).kind.value;
        let allowed = request.settle_words(kind);
        if word == SettleWord::Again && !self.may_start(step) {
            return Err("the run is ending and nothing new starts: say whether it was done".to_owned());
        }
        if !allowed.contains(&word) {
            return Err("that does not settle it".to_owned());
        }
        let reason = reason.filter(|reason| !reason.trim().is_empty());
        if reason.is_none() && word != SettleWord::Fail {
            return Err("it needs a reason".to_owned());
        }
        if request.kind == RequestKind::Question(QuestionKind::Doubt) {
            let key = match self.steps.get(step.get()).map(|state| (&state.stage, &state.undo)) {
                Some((Stage::Doubt(key, _), _) | (_, Stage::Doubt(key, _))) => key.clone(),
                _ => return Err(format!("{path} is not in doubt")),
            };
            let mut outputs = BTreeMap::new();
            if word == SettleWord::Done && key.part == Part::Main {
                let doubted = self.steps.get(step.get()).and_then(|state| state.doubted.as_ref());
                outputs = self.outputs_typed(step, doubted.map(|verdict| &verdict.outputs), typed)?;
            }
            self.emit(Record::DoubtSettled { key, word, by: "person".to_owned(), reason, outputs });
            return Ok(());
        }
        let verdict = match self.steps.get(step.get()).map(|state| &state.stage) {
            Some(Stage::Overruling(_, verdict)) => verdict.clone(),
            _ => return Err(format!("{path} is not in front of a person")),
        };
        if word == SettleWord::Fail {
            self.emit(Record::QuestionWithdrawn { request: request.id, step: Some(path), timed_out: false });
            self.settle_step(step, verdict);
            return Ok(());
        }
        if self.asks_others(step) {
            return Err("it asks others for approval, so its operator cannot overrule it".to_owned());
        }
        let mut outputs = BTreeMap::new();
        if word != SettleWord::Again {
            outputs = self.outputs_typed(step, Some(&verdict.outputs), typed)?;
        }
        let reason = reason.unwrap_or_default();
        self.emit(Record::Override { step: path, word, reason, outputs });
        Ok(())
    }

    /// A cancel: nothing new starts, waits and verifies end, an act that runs is let end. The second ends the act.
    pub(crate) fn cancel(&mut self, reason: String) {
        if self.phase == Phase::Over {
            return;
        }
        self.emit(Record::RunCancelled { reason });
        self.after_cancel();
    }

    pub(crate) fn stop_running(&mut self, again: bool) {
        let active: Vec<StepIndex> = self.active.iter().copied().collect();
        for step in active {
            let Some(state) = self.steps.get(step.get()) else { continue };
            let ((Stage::Running(key), _) | (_, Stage::Running(key))) = (&state.stage, &state.undo) else { continue };
            let key = key.clone();
            let changes = self.changes(step, key.part);
            // How an act ended has to be found out all the same.
            let looks = !changes && self.phase == Phase::Ending && key.part != Part::Doubt;
            if state.in_flight && (again || looks) {
                self.effects.push(Effect::Stop { key });
            }
        }
    }

    pub(crate) fn end_all_waiting(&mut self) {
        let active: Vec<StepIndex> = self.active.iter().copied().collect();
        for step in active {
            self.end_waiting(step);
        }
    }
}
