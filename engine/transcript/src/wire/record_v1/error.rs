//! Why an entry is no record.

use std::fmt;

/// Why an entry is no record of this version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireError {
    /// The entry's kind: `step.settled`; `actor` for who made it.
    pub kind: String,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// No record has this kind.
    UnknownKind,
    /// A key that must be there is not.
    Missing(&'static str),
    /// A key holds something else than it should.
    Wrong {
        /// The key; inside a list or an object the outer one.
        key: &'static str,
        /// What is wanted: `a whole number`.
        wanted: &'static str,
    },
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problem {
            Problem::UnknownKind => write!(f, "{:?} is no kind of entry this program knows", self.kind),
            Problem::Missing(key) => write!(f, "{}: \"{key}\" is missing", self.kind),
            Problem::Wrong { key, wanted } => write!(f, "{}: \"{key}\" is not {wanted}", self.kind),
        }
    }
}

impl std::error::Error for WireError {}
