//! What the program says to the shell when it ends.

use runbook_core::run::record::RunOutcome;

/// Every exit code of the program. The numbers are promised in `README.md` and never change their meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum ExitCode {
    /// The run is resolved, or what was asked is so.
    Resolved = 0,
    /// The run failed.
    Failed = 1,
    /// Usage, an invalid file, a bad or missing param, something this build cannot do: nothing was started.
    Usage = 2,
    /// The run was handed over: it is someone else's now.
    Escalated = 3,
    /// The run was cancelled.
    Cancelled = 4,
    /// Nobody knows how a step ended.
    InDoubt = 5,
    /// The transcript cannot be written.
    Unwritable = 6,
    /// Another run, or another process of this run, holds the lock.
    Locked = 7,
    /// `audit verify`: intact, but the run is not sealed.
    Unsealed = 10,
    /// `audit verify`: intact, but nobody signed it.
    Unsigned = 11,
    /// `audit verify`: something that was required is not so.
    RequirementNotMet = 12,
    /// `audit verify`: the transcript is not the one the ledger or an anchor speaks of.
    Mismatch = 13,
    /// `audit verify`: the transcript is broken.
    Broken = 14,
    /// A mistake of ours.
    Ours = 70,
    /// The run waits for a person.
    Waiting = 75,
}

impl ExitCode {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Resolved,
        Self::Failed,
        Self::Usage,
        Self::Escalated,
        Self::Cancelled,
        Self::InDoubt,
        Self::Unwritable,
        Self::Locked,
        Self::Unsealed,
        Self::Unsigned,
        Self::RequirementNotMet,
        Self::Mismatch,
        Self::Broken,
        Self::Ours,
        Self::Waiting,
    ];

    /// The code with a number; a number that no code has is a mistake of ours.
    #[must_use]
    pub fn from_number(number: u8) -> Self {
        Self::ALL.into_iter().find(|code| code.number() == number).unwrap_or(Self::Ours)
    }

    /// The number.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The code for a run that came to its end.
    #[must_use]
    pub fn of(outcome: RunOutcome) -> Self {
        match outcome {
            RunOutcome::Resolved => Self::Resolved,
            RunOutcome::Failed => Self::Failed,
            RunOutcome::Escalated => Self::Escalated,
            RunOutcome::Cancelled => Self::Cancelled,
        }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code.number())
    }
}
