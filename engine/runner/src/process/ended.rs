//! How a child ended, and what is left of it.

use std::time::Duration;

use super::capture::Captured;
use super::procfs::Process;
use super::terminate::Reason;

/// One of a child's two outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Everything known about a child that ended.
#[derive(Debug)]
pub struct Ended {
    /// Why it ended.
    pub end: End,
    /// What it printed to stdout.
    pub stdout: Captured,
    /// What it printed to stderr.
    pub stderr: Captured,
    /// Time from its start until it ended; reading its pipes afterwards is not counted.
    pub duration: Duration,
    /// The highest rung of the ladder that was needed until nothing was left.
    pub rung: Rung,
    /// What was still in its group a moment after it ended by itself; all of these were ended.
    pub left_behind: Vec<Process>,
    /// Who held a pipe, or could not be killed, when we stopped waiting: they may still run. Processes of other users
    /// cannot be looked into, so this may be empty although the rung is [`Rung::Drained`].
    pub holders: Vec<Process>,
}

/// Why a child ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself, with this exit code, 0 to 255.
    Exited(i32),
    /// By a signal nobody here sent, with its number.
    Signalled(i32),
    /// Its timeout passed and it was ended, whatever exit code it then gave.
    TimedOut,
    /// Somebody asked through [`Terminate`](super::Terminate) and it was ended, whatever exit code it then gave.
    Terminated(Reason),
    /// It is gone and its exit code with it: something else in this process waited for it, or SIGCHLD was ignored when
    /// this process was started.
    Lost,
}

/// How far the ladder was climbed until nothing was left of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rung {
    /// Not at all: everything in the group ended by itself.
    Exited,
    /// TERM was enough.
    Term,
    /// KILL was needed.
    Kill,
    /// A pipe was still held, or a process still there, at the deadline after that.
    Drained,
}
