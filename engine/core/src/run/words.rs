//! What a person is asked, and the words a person answers with, as they are recorded.

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
