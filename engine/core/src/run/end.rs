//! How an attempt ended, as the world tells it.

use std::collections::BTreeMap;

/// How one attempt ended, as the world tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// An exit code, 0 to 255.
    Exited(i32),
    /// A signal nobody here sent.
    Signalled(i32),
    /// It ran out of time and was ended.
    TimedOut,
    /// It was ended because the run was cancelled.
    Stopped,
    /// It provably did not start.
    NotStarted(StartFailure),
    /// A server answered.
    Answered {
        /// The status, 100 to 999.
        status: u16,
        /// The headers, their names in lower case; what has one name is joined by a comma.
        headers: BTreeMap<String, String>,
    },
    /// No server answered, or not to the end. An act may have been done nevertheless.
    NoAnswer(String),
    /// A file was written, whole.
    Wrote,
    /// The engine, the machine or the connection died meanwhile.
    Lost(String),
}

impl End {
    /// What a server answered, as expressions see it: no answer has the status 0.
    pub(crate) fn answered(&self) -> Option<(u16, BTreeMap<String, String>)> {
        match self {
            Self::Answered { status, headers } => Some((*status, headers.clone())),
            Self::NoAnswer(_) => Some((0, BTreeMap::new())),
            Self::Exited(_)
            | Self::Signalled(_)
            | Self::TimedOut
            | Self::Stopped
            | Self::NotStarted(_)
            | Self::Wrote
            | Self::Lost(_) => None,
        }
    }
}

/// Why something did not start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartFailure {
    /// What stood in the way.
    pub kind: StartFailureKind,
    /// A sentence with the program or path, and the PATH searched.
    pub message: String,
}

/// What stood in the way of a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartFailureKind {
    /// The program is in no directory of PATH.
    MissingProgram,
    /// The program may not be executed.
    NotExecutable,
    /// The directory is not there.
    MissingDirectory,
    /// A template or a setting could not be rendered.
    Rendering,
    /// Its `unless` could not be judged.
    UnlessUnknown,
    /// Anything else, such as no memory.
    Other,
}
