//! What to run, with every bound of it.

use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use runbook_core::limits;

/// Time between TERM and KILL where the step says nothing.
pub const GRACE_DEFAULT: Duration = Duration::from_secs(10);
/// Time for a pipe to close once nobody is left in the group. What was written is read long before; past this somebody
/// outside the group holds the pipe and may do so for ever.
pub const DRAIN_DEFAULT: Duration = Duration::from_secs(2);

/// One child process: program, words, surroundings and bounds.
#[derive(Clone, Debug)]
pub struct Spec {
    /// The program's absolute path, as [`resolve`](super::resolve()) found it.
    pub program: PathBuf,
    /// What the program is told it is called, its word 0; its path when `None`. Many programs begin their messages so.
    pub called: Option<OsString>,
    /// The words after the program.
    pub words: Vec<OsString>,
    /// The whole environment. Nothing is inherited; of two values for a name the last holds.
    pub environment: Vec<(OsString, OsString)>,
    /// The absolute directory it starts in.
    pub directory: PathBuf,
    /// What it reads.
    pub stdin: Stdin,
    /// Time until it is ended by the ladder; for ever when `None`.
    pub timeout: Option<Duration>,
    /// Time between TERM and KILL.
    pub grace: Duration,
    /// Time for its pipes to close after its group is gone.
    pub drain: Duration,
    /// Bounds of what is kept of each stream.
    pub capture: CaptureLimits,
    /// Where the whole of each stream goes; memory only when `None`.
    pub spill: Option<SpillPaths>,
}

impl Spec {
    /// Makes a spec with no words, an empty environment, closed stdin, no timeout and the default bounds.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>, directory: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            called: None,
            words: Vec::new(),
            environment: Vec::new(),
            directory: directory.into(),
            stdin: Stdin::Closed,
            timeout: None,
            grace: GRACE_DEFAULT,
            drain: DRAIN_DEFAULT,
            capture: CaptureLimits::default(),
            spill: None,
        }
    }
}

/// What a child reads.
#[derive(Clone, Debug, Default)]
pub enum Stdin {
    /// Nothing: `/dev/null`.
    #[default]
    Closed,
    /// These bytes, then the end. A child that does not read them is no error.
    Bytes(Vec<u8>),
    /// A regular file.
    File(PathBuf),
    /// What comes through this, to its end: the other end is with who starts it.
    Pipe(Arc<OwnedFd>),
}

/// How much of each stream is kept, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaptureLimits {
    /// Bytes from the beginning kept in memory, per stream.
    pub memory: usize,
    /// Bytes of head and of tail kept in memory whatever the length, per stream and end.
    pub excerpt: usize,
    /// Bytes from the beginning written to the spill file, per stream.
    pub file: u64,
}

impl Default for CaptureLimits {
    fn default() -> Self {
        Self { memory: limits::CAPTURE_BYTES_MAX, excerpt: limits::EXCERPT_BYTES_MAX, file: limits::BLOB_BYTES_MAX }
    }
}

/// Files for the whole of stdout and stderr. Each is created, with mode 0600, at the first byte of its stream, so a
/// silent child leaves none; it must not exist before.
#[derive(Clone, Debug)]
pub struct SpillPaths {
    /// Where stdout goes.
    pub stdout: PathBuf,
    /// Where stderr goes.
    pub stderr: PathBuf,
    /// Whether each file's data is forced to disk before the wait ends. Blocks the thread for as long as that takes.
    pub sync: bool,
}
