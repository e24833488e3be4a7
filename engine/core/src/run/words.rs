//! Words of records: what a person is asked and answers, why a step did not run, how one came to its outcome.

use super::record::StepPath;

/// What a person is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuestionKind {
    /// Yes or no, of a verify.
    YesNo,
    /// One of these labels, of a decide.
    Choice(Vec<String>),
    /// Done or could not, of an instruction.
    Instruct,
    /// `--step`: shall this step start?
    Proceed,
    /// An unhandled failure in front of a person: again, by hand or go on, fail.
    Overrule,
    /// An act in doubt: done, not done, again.
    Doubt,
    /// Shall what was done be undone? Yes or no.
    Rollback,
}

/// What a person answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerWord {
    /// Yes; done.
    Yes,
    /// No; could not.
    No,
    /// The choice with this label.
    Choice(String),
}

/// How a person settles a failed step or a doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettleWord {
    /// A doubt: it was done.
    Done,
    /// A doubt: it was not done.
    NotDone,
    /// A new attempt.
    Again,
    /// A failed act: done by the person.
    ByHand,
    /// A failed or unknown verify: overruled.
    GoOn,
    /// It stays failed.
    Fail,
}

/// Why a step did not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SkipReason {
    /// Its own `when` is false.
    When,
    /// No road led to it.
    NotReached,
    /// A step it needs failed, is unknown or was denied.
    Blocked(StepPath),
    /// The run was cancelled.
    Cancelled,
    /// The run came to its end before.
    Ended,
}

/// How a step came to its outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// By its own work.
    Ran,
    /// Its `unless` passed: it was already so.
    AlreadySo,
    /// A person did it by hand, in place of the act.
    ByHand,
    /// A person overruled a verify.
    Overruled,
    /// A person said how an act in doubt ended.
    Settled,
    /// Nobody approved in time.
    Expired,
    /// Nobody answered or acknowledged in time, and the step has an `else`.
    Unanswered,
    /// Somebody denied it.
    Denied,
    /// Not run because of the mode (dry run, drill); its outputs are unknown.
    Withheld,
}

impl std::fmt::Display for SkipReason {
    /// In plain words: `blocked by shut_down`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::When => f.write_str("by its own when"),
            Self::NotReached => f.write_str("not reached"),
            Self::Blocked(by) => write!(f, "blocked by {by}"),
            Self::Cancelled => f.write_str("cancelled"),
            Self::Ended => f.write_str("the run came to its end before"),
        }
    }
}
