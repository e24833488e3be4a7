//! The folder of one run: where each thing stands in it.

use std::fmt;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::blob::Blobs;
use crate::entry::Entry;
use crate::file::{FileError, Sharing};
use crate::lock::{self, Holder, Lock, LockError};
use crate::run_id::RunId;
use crate::tail::{read_first_line, read_tail};
use crate::wire::entry_v1::{self, NotAnEntry};

/// The name of the file of entries.
pub const TRANSCRIPT: &str = "transcript.jsonl";

/// The folder of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDir {
    path: PathBuf,
    id: RunId,
    sharing: Sharing,
}

impl RunDir {
    /// Names the folder of a run; nothing is looked at.
    #[must_use]
    pub fn new(path: PathBuf, id: RunId, sharing: Sharing) -> Self {
        Self { path, id, sharing }
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The run's id.
    #[must_use]
    pub fn id(&self) -> &RunId {
        &self.id
    }

    /// Who shares the store.
    #[must_use]
    pub fn sharing(&self) -> Sharing {
        self.sharing
    }

    /// The file of entries.
    #[must_use]
    pub fn transcript(&self) -> PathBuf {
        self.path.join(TRANSCRIPT)
    }

    /// What was torn off the end of the transcript, if anything ever was.
    #[must_use]
    pub fn torn(&self) -> PathBuf {
        self.path.join("transcript.torn")
    }

    /// Where others hand in what they have to say.
    #[must_use]
    pub fn inbox(&self) -> PathBuf {
        self.path.join("inbox")
    }

    /// Whole outputs, sources and plans, each under its digest.
    #[must_use]
    pub fn blobs(&self) -> Blobs {
        Blobs::new(self.path.join("blobs"), self.sharing)
    }

    /// How acts ended, a file each, left by who watched over it.
    #[must_use]
    pub fn exits(&self) -> PathBuf {
        self.path.join("exits")
    }

    fn lock_file(&self) -> PathBuf {
        self.path.join("lock")
    }

    /// Takes the run for this process.
    ///
    /// # Errors
    /// [`LockError::Held`] when another process has it, with its name; [`LockError::File`].
    pub fn lock(&self, holder: &Holder) -> Result<Lock, LockError> {
        Lock::take(&self.lock_file(), holder, self.sharing.file_mode())
    }

    /// Says who has the run now; `Some(None)` is somebody whose name cannot be read.
    ///
    /// # Errors
    /// [`FileError`] when the lock's file cannot be opened.
    pub fn holder(&self) -> Result<Option<Option<Holder>>, FileError> {
        lock::holder(&self.lock_file())
    }

    /// Reads the first and the last entry, and nothing between: for lists, not for proof.
    ///
    /// # Errors
    /// [`EndsError`] when the transcript cannot be read, or one of the two lines is no entry.
    pub fn ends(&self) -> Result<Ends, EndsError> {
        let path = self.transcript();
        let file = File::open(&path).map_err(FileError::new("open", &path)).map_err(EndsError::File)?;
        let read = FileError::new("read", &path);
        let (first, tail) = read_first_line(&file)
            .and_then(|first| Ok((first, read_tail(&file)?)))
            .map_err(read)
            .map_err(EndsError::File)?;
        let mut again = Vec::new();
        let mut decode = |line: Option<Vec<u8>>| {
            line.map(|line| entry_v1::decode(&line, &mut again))
                .transpose()
                .map_err(|why| EndsError::Line { path: path.clone(), why })
        };
        Ok(Ends { first: decode(first)?, last: decode(tail.line)?, torn: tail.torn > 0 })
    }

    /// Takes the right to write from the transcript, all blobs and exits: the run is over. What cannot be protected, for
    /// instance because another operator of the group owns it, is given back; the seal stands without.
    #[must_use]
    pub fn protect(&self) -> Vec<FileError> {
        let mut failed = Vec::new();
        let mut protect = |path: &Path| {
            if let Err(error) = fs::set_permissions(path, Permissions::from_mode(self.sharing.sealed_mode())) {
                failed.push(FileError::new("protect", path)(error));
            }
        };
        protect(&self.transcript());
        let inside = |folder: &str| fs::read_dir(self.path.join(folder)).into_iter().flatten().flatten();
        for path in inside("blobs").chain(inside("exits")) {
            if path.file_type().is_ok_and(|kind| kind.is_file()) {
                protect(&path.path());
            }
        }
        failed
    }
}

/// How a transcript begins and ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ends {
    /// The first entry; nothing when there is no whole line.
    pub first: Option<Entry>,
    /// The last entry, the first again when there is only one.
    pub last: Option<Entry>,
    /// A line without its end follows.
    pub torn: bool,
}

/// Why the ends of a transcript cannot be told.
#[derive(Debug)]
pub enum EndsError {
    /// The file cannot be read.
    File(FileError),
    /// The first or last line is no entry.
    Line {
        /// The transcript.
        path: PathBuf,
        /// What is wrong with the line.
        why: NotAnEntry,
    },
}

impl fmt::Display for EndsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => error.fmt(f),
            Self::Line { path, why } => write!(f, "the first or last line of {}: {why}", path.display()),
        }
    }
}

impl std::error::Error for EndsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File(error) => error.source(),
            Self::Line { why, .. } => Some(why),
        }
    }
}
