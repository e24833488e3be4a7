//! What waits for people: approvals, questions, acknowledgements.

use jiff::Timestamp;

use super::record::{AttemptKey, BlobDigest, QuestionKind, RequestId, SettleWord, StepPath};
use crate::document::model::Param;
use crate::id::VariableName;

/// Something that waits for a person.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its number.
    pub id: RequestId,
    /// The step; `None` for the rollback question.
    pub step: Option<StepPath>,
    /// What is wanted.
    pub kind: RequestKind,
    /// What is asked, in words: the rendered title, question or instruction.
    pub text: String,
    /// Since when it waits.
    pub since: Timestamp,
    /// When nobody has answered: its end.
    pub deadline: Option<Timestamp>,
    /// Who is asked besides the operator: names of people and teams.
    pub to: Vec<String>,
    /// Values to be typed, in order.
    pub collect: Vec<(VariableName, Param)>,
    /// A place to look, if the runbook names one.
    pub link: Option<String>,
}

/// What is wanted of a person.
#[derive(Debug, Clone, PartialEq)]
pub enum RequestKind {
    /// Allow exactly this to run.
    Approval {
        /// Which attempt.
        key: AttemptKey,
        /// Digest of what will run.
        plan: BlobDigest,
        /// It on one line.
        shown: String,
        /// `--yes` does not answer it.
        destructive: bool,
    },
    /// A question.
    Question(QuestionKind),
    /// Say that an escalation arrived.
    Acknowledge {
        /// Names told and not yet heard of.
        missing: Vec<String>,
        /// Whether each of them has to.
        all: bool,
    },
}

impl Request {
    /// The words [`super::event::Input::Settle`] may use on it; empty where it is answered otherwise.
    #[must_use]
    pub fn settle_words(&self, kind: crate::document::model::Kind) -> &'static [SettleWord] {
        use crate::document::model::Kind;
        match (&self.kind, kind) {
            (RequestKind::Question(QuestionKind::Doubt), _) => {
                &[SettleWord::Done, SettleWord::NotDone, SettleWord::Again]
            }
            (RequestKind::Question(QuestionKind::Overrule), Kind::Act) => {
                &[SettleWord::Again, SettleWord::ByHand, SettleWord::Fail]
            }
            (RequestKind::Question(QuestionKind::Overrule), Kind::Verify) => {
                &[SettleWord::Again, SettleWord::GoOn, SettleWord::Fail]
            }
            (RequestKind::Question(QuestionKind::Overrule), Kind::Decide | Kind::Escalate) => {
                &[SettleWord::Again, SettleWord::Fail]
            }
            _ => &[],
        }
    }

    /// What is wanted, as a noun: `an approval`, `an answer`.
    #[must_use]
    pub fn wanted(&self) -> &'static str {
        match self.verb() {
            "approve" => "an approval",
            "ack" => "an acknowledgement",
            "settle" => "a word on the end",
            _ => "an answer",
        }
    }

    /// The verb that answers it from another terminal: `approve`, `answer`, `ack`, `settle`.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        match &self.kind {
            RequestKind::Approval { .. } => "approve",
            RequestKind::Question(QuestionKind::Overrule | QuestionKind::Doubt) => "settle",
            RequestKind::Question(_) => "answer",
            RequestKind::Acknowledge { .. } => "ack",
        }
    }
}
