//! What was said to requests that wait no more: the same said twice is said once, anything else is told who was first.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::event::Input;
use super::record::{Actor, AnswerWord, Record, RequestId, SettleWord, StepPath};
use super::request::{Request, RequestKind};
use super::state::{Doing, RunState};
use crate::document::model::{Approve, Param};
use crate::id::VariableName;
use crate::params;
use crate::value::Value;

/// What became of a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Said {
    Approved,
    Denied(String),
    Answered(AnswerWord, BTreeMap<String, Value>),
    Acknowledged,
    Settled(SettleWord),
    TimedOut,
    Withdrawn,
}

impl Said {
    /// What a record says to a request, if it does.
    #[expect(clippy::wildcard_enum_match_arm, reason = "most records answer nothing")]
    fn of(record: &Record) -> Option<Self> {
        Some(match record {
            Record::ApprovalGranted { .. } => Self::Approved,
            Record::ApprovalDenied { reason, .. } => Self::Denied(reason.clone()),
            Record::ApprovalExpired { .. }
            | Record::EscalationTimedOut { .. }
            | Record::QuestionWithdrawn { timed_out: true, .. } => Self::TimedOut,
            Record::ApprovalVoid { .. }
            | Record::ClockJumped { .. }
            | Record::QuestionWithdrawn { timed_out: false, .. } => Self::Withdrawn,
            Record::Answer { answer, fields, .. } => Self::Answered(answer.clone(), fields.clone()),
            Record::EscalationAcknowledged { .. } => Self::Acknowledged,
            Record::DoubtSettled { word, .. } | Record::Override { word, .. } => Self::Settled(*word),
            _ => return None,
        })
    }
}

/// A request that waits no more.
#[derive(Debug, Clone)]
pub(crate) struct Closed {
    step: Option<StepPath>,
    verb: &'static str,
    collect: Vec<(VariableName, Param)>,
    by: String,
    at: Timestamp,
    pub(crate) said: Said,
}

/// Why something that was said does not apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Declined {
    pub(crate) why: String,
    /// It was said already, in the same words.
    pub(crate) repeats: bool,
}

impl From<String> for Declined {
    fn from(why: String) -> Self {
        Self { why, repeats: false }
    }
}

impl From<&str> for Declined {
    fn from(why: &str) -> Self {
        why.to_owned().into()
    }
}

impl Closed {
    /// Whether an answer says what was answered; values that are not typed are as they were.
    pub(crate) fn is_answered_so(&self, answer: &AnswerWord, typed: &BTreeMap<String, String>) -> bool {
        let Said::Answered(word, fields) = &self.said else { return false };
        word == answer
            && typed.iter().all(|(name, text)| {
                let field = self.collect.iter().find(|(known, _)| known.as_str() == name);
                let value = field.and_then(|(_, field)| params::read(field, text).ok());
                value.is_some() && value.as_ref() == fields.get(name)
            })
    }

    /// What became of it, as a clause without its subject: `was approved by khouse at 09:15:02 UTC`.
    fn what_became(&self) -> String {
        let at = self.at.to_zoned(TimeZone::UTC).strftime("%H:%M:%S UTC");
        let by = &self.by;
        match &self.said {
            Said::Approved => format!("was approved by {by} at {at}"),
            Said::Denied(reason) => format!("was denied by {by} at {at} ({reason})"),
            Said::Answered(AnswerWord::Yes, _) => format!("was answered with yes by {by} at {at}"),
            Said::Answered(AnswerWord::No, _) => format!("was answered with no by {by} at {at}"),
            Said::Answered(AnswerWord::Choice(label), _) => format!("was answered with {label:?} by {by} at {at}"),
            Said::Acknowledged => format!("was acknowledged by {by} at {at}"),
            Said::Settled(word) => format!("was settled as {} by {by} at {at}", settle_text(*word)),
            Said::TimedOut => format!("waited until {at}, when its time was over"),
            Said::Withdrawn => format!("is no longer wanted since {at}"),
        }
    }
}

/// A word of `settle`, as a person says it.
pub(crate) fn settle_text(word: SettleWord) -> &'static str {
    match word {
        SettleWord::Done => "done",
        SettleWord::NotDone => "not done",
        SettleWord::Again => "to be done again",
        SettleWord::ByHand => "done by hand",
        SettleWord::GoOn => "good enough to go on",
        SettleWord::Fail => "failed",
    }
}

impl RunState {
    /// The requests as they are before a record that may answer one.
    pub(crate) fn before_said(&self, record: &Record) -> Option<(Said, BTreeMap<RequestId, Request>)> {
        Said::of(record).map(|said| (said, self.requests.clone()))
    }

    /// Remembers what became of those that the record has closed.
    pub(crate) fn after_said(&mut self, said: &Said, before: BTreeMap<RequestId, Request>, actor: &Actor) {
        for (id, request) in before {
            if !self.requests.contains_key(&id) {
                let verb = request.verb();
                let Request { step, collect, .. } = request;
                let closed = Closed { step, verb, collect, by: actor.id.clone(), at: self.now, said: said.clone() };
                self.closed.insert(id, closed);
            }
        }
    }

    /// The request a verb is about: by number, by step, or the only one. One that was answered before is told of, with
    /// whether the same was said.
    pub(crate) fn find_request(
        &self,
        step: Option<&str>,
        id: Option<RequestId>,
        verb: &str,
        is_same: impl Fn(&Closed) -> bool,
    ) -> Result<Request, Declined> {
        let declined = |closed: &Closed| self.declined(closed, is_same(closed));
        if let Some(id) = id {
            let request = self.requests().find(|request| request.id == id && request.verb() == verb);
            let closed = self.all_closed().find(|(known, closed)| *known == id && closed.verb == verb);
            let closed = closed.map(|(_, closed)| closed);
            return match (request, closed) {
                (Some(request), _) => Ok(request.clone()),
                (None, Some(closed)) => Err(declined(closed)),
                (None, None) => Err("nothing of that number was asked".into()),
            };
        }
        let matching: Vec<&Request> = self
            .requests()
            .filter(|request| request.verb() == verb)
            .filter(|request| step.is_none() || request.step.as_deref() == step)
            .collect();
        let last = || {
            let fits = |closed: &&Closed| closed.verb == verb && (step.is_none() || closed.step.as_deref() == step);
            self.all_closed().map(|(_, closed)| closed).filter(fits).last()
        };
        match (matching.as_slice(), step) {
            ([request], _) => Ok((*request).clone()),
            ([], step) => Err(match (last(), step) {
                (Some(closed), _) => declined(closed),
                (None, Some(step)) => format!("{step} does not wait for that; {}", self.doing_now()).into(),
                (None, None) => format!("nothing waits for that; {}", self.doing_now()).into(),
            }),
            (several, _) => {
                let names: Vec<&str> =
                    several.iter().map(|request| request.step.as_deref().unwrap_or("rollback")).collect();
                Err(format!("several steps wait for that: {}; name one", names.join(", ")).into())
            }
        }
    }

    /// What became of requests that wait no more, oldest first.
    fn all_closed(&self) -> impl Iterator<Item = (RequestId, &Closed)> {
        let all = self.with_frames().into_iter().flat_map(|state| &state.closed);
        let mut all: Vec<(RequestId, &Closed)> = all.map(|(id, closed)| (*id, closed)).collect();
        all.sort_unstable_by_key(|(id, _)| *id);
        all.into_iter()
    }

    /// Why something said now would not be taken, and whether it only repeats what was said; nothing where it would be.
    #[must_use]
    pub fn would_decline(&self, actor: &Actor, input: Input) -> Option<(String, bool)> {
        let mut copy = self.clone();
        copy.actor = actor.clone();
        copy.take_input(input).err().map(|Declined { why, repeats }| (why, repeats))
    }

    /// Whether something that waits no more was asked of a step, or of any, that this verb would have answered.
    #[must_use]
    pub fn was_asked(&self, step: Option<&str>, verb: &str) -> bool {
        let fits = |closed: &Closed| closed.verb == verb && (step.is_none() || closed.step.as_deref() == step);
        self.all_closed().any(|(_, closed)| fits(closed))
    }

    /// Who a request waits for: those that are asked, else who has the run.
    #[must_use]
    pub fn awaited(&self, request: &Request) -> Vec<String> {
        if !request.to.is_empty() {
            return request.to.clone();
        }
        let at = request.step.as_deref().and_then(|step| self.owner(step));
        let approve = at.and_then(|(at, step)| at.plan.step(step).approve.as_ref()).map(|approve| &approve.value);
        match (&request.kind, approve) {
            (RequestKind::Approval { .. }, Some(Approve::People(approval))) if !approval.from.is_empty() => {
                approval.from.iter().map(|from| from.value.clone()).collect()
            }
            _ => vec![self.operator.id.clone()],
        }
    }

    fn declined(&self, closed: &Closed, repeats: bool) -> Declined {
        let what = closed.what_became();
        let step = closed.step.as_deref().unwrap_or("rollback");
        let why = if repeats {
            format!("{step} {what}: this says the same, and counts once")
        } else {
            format!("{step} {what}; {}", self.doing_now())
        };
        Declined { why, repeats }
    }

    /// What the run does now, as a clause.
    pub(crate) fn doing_now(&self) -> String {
        if let Some(outcome) = self.sealed {
            return format!("the run is {}", outcome.word());
        }
        let mut parts = Vec::new();
        for activity in self.activities() {
            match activity.doing {
                Doing::Running(_) => parts.push(format!("runs {}", activity.step)),
                Doing::Pausing { .. } => parts.push(format!("tries {} again soon", activity.step)),
                Doing::Waiting { .. } => parts.push(format!("lets the time of {} pass", activity.step)),
                Doing::Person(_) | Doing::Other => {}
            }
        }
        parts.extend(self.requests().map(|request| {
            format!("waits for {} of {}", request.wanted(), request.step.as_deref().unwrap_or("the rollback"))
        }));
        if parts.is_empty() { "the run goes on".to_owned() } else { format!("the run now {}", parts.join(", ")) }
    }
}
