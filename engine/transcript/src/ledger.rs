//! The store's own chain: a line when a run starts and one when it is sealed, so that a run that vanishes leaves a
//! gap.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rustix::fs::FlockOperation;

use crate::digest::Digest;
use crate::file::{FileError, Sharing, open_or_create_file};
use crate::lock;
use crate::run_id::RunId;
use crate::tail::{move_torn, read_tail};
use crate::wire::entry_v1::whole_milliseconds;
use crate::wire::ledger_v1;

/// How long another process may have the ledger; it appends one line.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of a line of the ledger.
pub const LEDGER_LINE_BYTES_MAX: usize = 64 << 10;

/// A run started; `head` is the digest of its entry 0.
pub const STARTED: &str = "run.started";
/// A run was sealed; `head` is the digest of its last entry.
pub const SEALED: &str = "run.sealed";

/// A run that was sealed was removed; `head` is the digest its seal had.
pub const REMOVED: &str = "run.removed";

/// One line of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerLine {
    /// Its number: 0, 1, 2, …
    pub n: u64,
    /// The digest of the line before, [`Digest::ZERO`] at 0.
    pub prev: Digest,
    /// What it says.
    pub note: LedgerNote,
}

/// What a line of the ledger says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerNote {
    /// When, in whole milliseconds, as the machine claimed.
    pub ts: Timestamp,
    /// [`STARTED`], [`SEALED`], [`REMOVED`], or what a later program wrote.
    pub kind: String,
    /// The run.
    pub run: RunId,
    /// The digest of the transcript's last line then.
    pub head: Digest,
    /// The runbook's name.
    pub runbook: String,
    /// How the run ended, when it was sealed.
    pub outcome: Option<String>,
}

/// What is wrong with the ledger.
#[derive(Debug)]
pub enum LedgerError {
    /// A line is not what it should be.
    Broken {
        /// The ledger.
        path: PathBuf,
        /// The number of the line, counted from 0; nothing when only the end was read.
        n: Option<u64>,
        /// Why, for a person.
        why: String,
    },
    /// Another process has it for too long.
    Busy(PathBuf),
    /// It cannot be read or written.
    File(FileError),
}

impl fmt::Display for LedgerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken { path, n: Some(n), why } => write!(f, "{} is broken at line {n}: {why}", path.display()),
            Self::Broken { path, n: None, why } => write!(f, "the last line of {} is broken: {why}", path.display()),
            Self::Busy(path) => write!(f, "{} is held by another process for more than 5 s", path.display()),
            Self::File(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for LedgerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File(error) => error.source(),
            Self::Broken { .. } | Self::Busy(_) => None,
        }
    }
}

impl From<FileError> for LedgerError {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

/// The ledger of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    path: PathBuf,
    sharing: Sharing,
}

impl Ledger {
    /// Names a ledger; nothing is looked at.
    #[must_use]
    pub fn new(path: PathBuf, sharing: Sharing) -> Self {
        Self { path, sharing }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The digest of its last whole line, [`Digest::ZERO`] when there is none. Another run may add one right after.
    ///
    /// # Errors
    /// [`LedgerError::File`] when it cannot be read.
    pub fn head(&self) -> Result<Digest, LedgerError> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Digest::ZERO),
            Err(error) => return Err(FileError::new("open", &self.path)(error).into()),
        };
        let tail = read_tail(&file).map_err(FileError::new("read", &self.path))?;
        Ok(tail.line.map_or(Digest::ZERO, |line| Digest::of(&line)))
    }

    /// Appends a line under the ledger's own lock. It is on disk when this returns. A torn tail that another
    /// process left is moved to `ledger.torn` first.
    ///
    /// # Errors
    /// [`LedgerError::Busy`] after 5 s, [`LedgerError::Broken`] when the last line is none, [`LedgerError::File`].
    ///
    /// # Panics
    /// When what is to be noted is longer than [`LEDGER_LINE_BYTES_MAX`]: it holds names and digests only.
    pub fn append(&self, note: LedgerNote) -> Result<LedgerLine, LedgerError> {
        let path = &self.path;
        let mut file = open_or_create_file(path, self.sharing.file_mode())?;
        if !lock::try_for(&file, FlockOperation::NonBlockingLockExclusive, PATIENCE)
            .map_err(FileError::new("lock", path))?
        {
            return Err(LedgerError::Busy(path.clone()));
        }
        let tail = read_tail(&file).map_err(FileError::new("read", path))?;
        if tail.torn > 0 {
            move_torn(path, tail.whole, &path.with_extension("torn"), self.sharing.file_mode())?;
        }
        let broken = |why| LedgerError::Broken { path: path.clone(), n: None, why };
        let (n, prev) = match &tail.line {
            None => (0, Digest::ZERO),
            Some(last) => (ledger_v1::decode(last).map_err(broken)?.n + 1, Digest::of(last)),
        };
        let line = LedgerLine { n, prev, note: LedgerNote { ts: whole_milliseconds(note.ts), ..note } };
        let bytes = ledger_v1::encode(&line).map_err(|error| broken(error.to_string()))?;
        assert!(bytes.len() <= LEDGER_LINE_BYTES_MAX, "a line of the ledger holds names and digests only");
        file.write_all(&bytes).and_then(|()| file.sync_data()).map_err(FileError::new("append to", path))?;
        // Closing the file gives the lock back.
        Ok(line)
    }

    /// Reads and checks the whole ledger. A torn tail is passed over: it was never promised.
    ///
    /// # Errors
    /// [`LedgerError::Broken`] at the first line that is not what it should be, [`LedgerError::File`].
    pub fn read(&self) -> Result<Vec<LedgerLine>, LedgerError> {
        let file = File::open(&self.path).map_err(FileError::new("open", &self.path))?;
        let mut source = BufReader::new(file);
        let mut lines = Vec::new();
        let mut prev = Digest::ZERO;
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            (&mut source)
                .take(LEDGER_LINE_BYTES_MAX as u64 + 1)
                .read_until(b'\n', &mut bytes)
                .map_err(FileError::new("read", &self.path))?;
            let n = lines.len() as u64;
            let broken = |why: String| LedgerError::Broken { path: self.path.clone(), n: Some(n), why };
            if bytes.len() > LEDGER_LINE_BYTES_MAX {
                return Err(broken(format!("it is longer than {LEDGER_LINE_BYTES_MAX} bytes")));
            }
            if !bytes.ends_with(b"\n") {
                return Ok(lines);
            }
            let line = ledger_v1::decode(&bytes).map_err(broken)?;
            if line.n != n {
                return Err(broken(format!("it says it is line {}", line.n)));
            }
            if line.prev != prev {
                return Err(broken(format!(
                    "it follows a line with sha256 {}, but the one before it has {prev}",
                    line.prev
                )));
            }
            prev = Digest::of(&bytes);
            lines.push(line);
        }
    }

    /// Compares a transcript with what the ledger says of its run: the digest of its entry 0, and the digest of its
    /// last entry if that is a seal.
    ///
    /// # Errors
    /// As [`Ledger::read`].
    pub fn check(&self, run: &RunId, first: Digest, sealed: Option<Digest>) -> Result<Option<Mismatch>, LedgerError> {
        let (mut start, mut seal) = (None, None);
        for line in self.read()? {
            if line.note.run == *run {
                let slot = match line.note.kind.as_str() {
                    STARTED => &mut start,
                    SEALED => &mut seal,
                    _ => continue,
                };
                if slot.replace(line.note.head).is_some() {
                    return Ok(Some(Mismatch::Twice { kind: line.note.kind }));
                }
            }
        }
        Ok(match (start, seal, sealed) {
            (None, _, _) => Some(Mismatch::NotStarted),
            (Some(ledger), _, _) if ledger != first => Some(Mismatch::OtherStart { ledger, transcript: first }),
            (_, Some(ledger), None) => Some(Mismatch::SealGone { ledger }),
            (_, None, Some(_)) => Some(Mismatch::NotSealed),
            (_, Some(ledger), Some(transcript)) if ledger != transcript => {
                Some(Mismatch::OtherSeal { ledger, transcript })
            }
            (_, _, _) => None,
        })
    }

    /// Names the runs the ledger knows, that are not among these, and of which no line says that they were removed.
    ///
    /// # Errors
    /// As [`Ledger::read`].
    pub fn vanished(&self, present: &[RunId]) -> Result<Vec<RunId>, LedgerError> {
        let present: BTreeSet<_> = present.iter().collect();
        let lines = self.read()?;
        let removed: BTreeSet<_> =
            lines.iter().filter(|line| line.note.kind == REMOVED).map(|line| line.note.run.clone()).collect();
        let known: BTreeSet<_> = lines.into_iter().map(|line| line.note.run).collect();
        Ok(known.into_iter().filter(|run| !present.contains(run) && !removed.contains(run)).collect())
    }

    /// Of the runs in the store those that no line tells of.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn unknown(&self, present: &[RunId]) -> Result<Vec<RunId>, LedgerError> {
        let known: BTreeSet<_> = self.read()?.into_iter().map(|line| line.note.run).collect();
        Ok(present.iter().filter(|run| !known.contains(run)).cloned().collect())
    }
}

/// How a transcript and the ledger contradict each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mismatch {
    /// The ledger has no line for the run's start.
    NotStarted,
    /// The ledger saw another entry 0.
    OtherStart {
        /// The digest in the ledger.
        ledger: Digest,
        /// The digest of entry 0.
        transcript: Digest,
    },
    /// The ledger saw a seal, the transcript has none.
    SealGone {
        /// The digest in the ledger.
        ledger: Digest,
    },
    /// The transcript is sealed, the ledger has no line for it.
    NotSealed,
    /// The ledger saw another seal.
    OtherSeal {
        /// The digest in the ledger.
        ledger: Digest,
        /// The digest of the last entry.
        transcript: Digest,
    },
    /// The ledger says the same of the run twice.
    Twice {
        /// The kind of line that is there twice.
        kind: String,
    },
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStarted => f.write_str("the ledger has no line for the start of this run"),
            Self::OtherStart { ledger, transcript } => {
                write!(f, "the ledger saw entry 0 with sha256 {ledger}, it has {transcript}")
            }
            Self::SealGone { ledger } => {
                write!(f, "the ledger saw this run sealed with sha256 {ledger}, the transcript has no seal")
            }
            Self::NotSealed => f.write_str("the transcript is sealed, the ledger has no line for it"),
            Self::OtherSeal { ledger, transcript } => {
                write!(f, "the ledger saw a seal with sha256 {ledger}, the transcript's has {transcript}")
            }
            Self::Twice { kind } => write!(f, "the ledger has two lines {kind} for this run"),
        }
    }
}
