//! What the records about people change: requests are opened, answered, withdrawn.

use jiff::Timestamp;

use super::record::{AttemptKey, Part, Phase, RequestId};
use super::request::{Request, RequestKind};
use super::state::RunState;
use super::step_state::Stage;
use crate::document::model::Work;

impl RunState {
    pub(super) fn open(&mut self, request: Request) {
        self.next_request = self.next_request.max(request.id.saturating_add(1));
        self.requests.insert(request.id, request);
    }

    pub(super) fn close(&mut self, request: RequestId) {
        self.requests.remove(&request);
    }

    pub(super) fn close_all_of(&mut self, step: &str) {
        for request in self.requests_of(step) {
            self.close(request);
        }
    }

    pub(crate) fn requests_of(&self, step: &str) -> Vec<RequestId> {
        let of_step = |request: &&Request| request.step.as_deref() == Some(step);
        self.requests.values().filter(of_step).map(|request| request.id).collect()
    }

    /// The clock went back: what was to be approved until some time has to be asked for again.
    pub(super) fn let_approvals_fall(&mut self) {
        let asked: Vec<Request> = self.requests.values().cloned().collect();
        for request in asked {
            let RequestKind::Approval { key, plan, shown, .. } = request.kind else { continue };
            self.close(request.id);
            self.with_step(&key.step, |step| *step.stage_of(key.part) = Stage::Planned(key.clone(), plan, shown));
            self.voided.push((request.id, key));
        }
    }

    pub(super) fn change_asked(
        &mut self,
        request: RequestId,
        step: Option<&String>,
        question: &super::record::QuestionKind,
        text: &str,
        to: &[String],
        deadline: Option<Timestamp>,
    ) {
        use super::record::QuestionKind;
        let now = self.now;
        let index = step.and_then(|step| self.find(step));
        let asking = index.and_then(|index| match &self.plan.step(index).body.work {
            Work::Ask(asking) | Work::Instruct(asking) => Some(asking),
            Work::Run(_)
            | Work::Script(_)
            | Work::Http(_)
            | Work::Wait(_)
            | Work::Template(_)
            | Work::Runbook(_)
            | Work::None => None,
        });
        let collect = match (question, asking) {
            (QuestionKind::YesNo | QuestionKind::Choice(_) | QuestionKind::Instruct, Some(asking)) => {
                asking.collect.iter().map(|(name, field)| (name.clone(), field.clone())).collect()
            }
            _ => Vec::new(),
        };
        let link = asking.and_then(|asking| asking.link.as_ref()).and_then(|link| {
            let scope = super::scope::RunScope::new(self, now);
            link.value.render(&scope).ok()
        });
        if let Some(step) = step {
            let attempt = index.and_then(|index| self.steps.get(index.get())).map_or(1, |s| s.next_attempt(Part::Main));
            let key = AttemptKey { step: step.clone(), part: Part::Main, attempt };
            let works = matches!(question, QuestionKind::YesNo | QuestionKind::Choice(_) | QuestionKind::Instruct);
            if works {
                self.mark_undoing(&key);
                self.order += 1;
            }
            let (ending, order, undoes) = (self.phase == Phase::Ending, self.order, self.undoes_inside());
            self.with_step(step, |state| match question {
                QuestionKind::Proceed => {
                    state.in_ending |= ending;
                    state.stage = Stage::Proceeding(request);
                }
                QuestionKind::Overrule => {
                    if let Stage::Ended(verdict) | Stage::Attaching(verdict) = &state.stage {
                        state.stage = Stage::Overruling(request, verdict.clone());
                    }
                }
                QuestionKind::Doubt => {
                    let of = |stage: &Stage| {
                        if let Stage::Ended(verdict) = stage { Some(verdict.key.clone()) } else { None }
                    };
                    let key = of(&state.undo).or_else(|| of(&state.stage)).unwrap_or_else(|| key.clone());
                    let part = key.part;
                    *state.stage_of(part) = Stage::Doubt(key, request);
                }
                QuestionKind::YesNo | QuestionKind::Choice(_) | QuestionKind::Instruct => {
                    state.started = true;
                    if *question == QuestionKind::Instruct {
                        state.begun(Some(order).filter(|_| !undoes));
                    }
                    state.last.answer = None;
                    state.started_at.get_or_insert(now);
                    state.attempts.insert(Part::Main, key.attempt);
                    state.stage = Stage::Asked(key.clone(), request);
                }
                QuestionKind::Rollback => {}
            });
        }
        self.open(Request {
            id: request,
            step: step.cloned(),
            kind: RequestKind::Question(question.clone()),
            text: text.to_owned(),
            since: now,
            deadline,
            to: to.to_vec(),
            collect,
            link,
        });
    }

    pub(super) fn change_answered(
        &mut self,
        request: RequestId,
        step: Option<&String>,
        answer: &super::record::AnswerWord,
        fields: &std::collections::BTreeMap<String, crate::value::Value>,
    ) {
        use super::record::AnswerWord;
        let asked = self.requests.get(&request).map(|request| request.kind.clone());
        self.close(request);
        let rollback = RequestKind::Question(super::record::QuestionKind::Rollback);
        let Some(step) = step.filter(|_| asked.as_ref() != Some(&rollback)) else {
            self.rollback_wanted = Some(*answer == AnswerWord::Yes);
            return;
        };
        let proceed = asked == Some(RequestKind::Question(super::record::QuestionKind::Proceed));
        self.with_step(step, |state| {
            if proceed {
                state.let_go = true;
                state.stage = Stage::Waiting;
                return;
            }
            state.last.answer = Some(match answer {
                AnswerWord::Yes => "yes".to_owned(),
                AnswerWord::No => "no".to_owned(),
                AnswerWord::Choice(label) => label.clone(),
            });
            state.last.fields.clone_from(fields);
        });
        if proceed && let Some(index) = self.find(step) {
            self.ready.insert(index);
        }
    }
}
