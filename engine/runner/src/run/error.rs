//! Why nothing was started.

use std::fmt;
use std::io;
use std::path::PathBuf;

use jiff::Timestamp;
use runbook_core::params::ParamError;
use runbook_transcript::lock::LockError;
use runbook_transcript::store::StoreError;
use runbook_transcript::writer::OpenError;

use crate::recorder::Unwritable;

/// Where a run stands that holds a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockedBy {
    /// A process goes on with it.
    Running,
    /// It waits, with no process.
    Waiting,
    /// Its process died while a step was running: nobody knows how far that came.
    Interrupted,
}

/// Why nothing was started.
#[derive(Debug)]
pub enum RunError {
    /// Params are missing, unknown or wrong: each is one line of the message.
    Params(Vec<ParamError>),
    /// The runbook needs what this build does not have: each is one line of the message.
    NotInBuild(Vec<String>),
    /// The team's policy wants a runbook as it was committed.
    NotClean {
        /// The runbook's file.
        path: PathBuf,
        /// Whether it stands in a git repository at all.
        in_git: bool,
    },
    /// The name of its lock cannot be made.
    LockName(String),
    /// Another run has the runbook's lock.
    Locked {
        /// The lock's name.
        name: String,
        /// The run that has it.
        run: String,
        /// Who started that run.
        by: String,
        /// When.
        since: Timestamp,
        /// Where that run stands.
        stands: LockedBy,
    },
    /// Another process has the run.
    Held(LockError),
    /// A dry run is no real one.
    DryRun,
    /// The store cannot be used.
    Store(StoreError),
    /// The run is over, or its transcript cannot be read on.
    Open(OpenError),
    /// What stands in the transcript cannot be replayed by this build.
    Replay {
        /// The transcript.
        path: PathBuf,
        /// The entry's number.
        n: u64,
        /// Why.
        why: String,
    },
    /// The transcript cannot be written.
    Unwritable(Unwritable),
    /// The system gives no timer, no signals, no chance.
    System(io::Error),
}

impl RunError {
    /// The exit code that says so.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Params(_)
            | Self::NotInBuild(_)
            | Self::NotClean { .. }
            | Self::LockName(_)
            | Self::DryRun
            | Self::Open(OpenError::Sealed(_)) => 2,
            Self::Locked { .. } | Self::Held(LockError::Held { .. }) => 7,
            Self::Held(LockError::File(_))
            | Self::Store(_)
            | Self::Open(OpenError::Broken { .. } | OpenError::File(_))
            | Self::Replay { .. }
            | Self::Unwritable(_) => 6,
            Self::System(_) => 70,
        }
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Params(errors) => lines(f, errors),
            Self::NotInBuild(sentences) => lines(f, sentences),
            Self::NotClean { path, in_git: true } => {
                write!(f, "{} differs from its commit, and the team's policy wants it committed", path.display())
            }
            Self::NotClean { path, in_git: false } => {
                write!(f, "{} is in no git repository, and the team's policy wants it committed", path.display())
            }
            Self::LockName(why) => write!(f, "the name of the runbook's lock cannot be made: {why}"),
            Self::Locked { name, run, by, since, stands } => {
                let since = since.strftime("%Y-%m-%dT%H:%M:%SZ");
                let stands = match stands {
                    LockedBy::Running => "goes on",
                    LockedBy::Waiting => "waits for people",
                    LockedBy::Interrupted => "was interrupted in the midst of a step",
                };
                write!(f, "the lock {name:?} is held by run {run} of {by} since {since}, which {stands}")
            }
            Self::Held(error) => error.fmt(f),
            Self::DryRun => f.write_str("it was a dry run or a drill, which cannot be gone on with: start a real one"),
            Self::Store(error) => error.fmt(f),
            Self::Open(error) => error.fmt(f),
            Self::Replay { path, n, why } => write!(f, "entry {n} of {} cannot be replayed: {why}", path.display()),
            Self::Unwritable(unwritable) => unwritable.fmt(f),
            Self::System(error) => write!(f, "the system gives what a run needs not: {error}"),
        }
    }
}

fn lines(f: &mut fmt::Formatter<'_>, lines: &[impl fmt::Display]) -> fmt::Result {
    for (number, line) in lines.iter().enumerate() {
        let end = if number == 0 { "" } else { "\n" };
        write!(f, "{end}{line}")?;
    }
    Ok(())
}

impl std::error::Error for RunError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Held(error) => Some(error),
            Self::Store(error) => Some(error),
            Self::Open(error) => Some(error),
            Self::Unwritable(error) => Some(error),
            Self::System(error) => Some(error),
            Self::Params(_)
            | Self::NotInBuild(_)
            | Self::NotClean { .. }
            | Self::LockName(_)
            | Self::Locked { .. }
            | Self::DryRun
            | Self::Replay { .. } => None,
        }
    }
}
