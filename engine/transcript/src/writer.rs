//! The only one that appends to a transcript.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::boot::BootTime;
use crate::canonical::NotCanonical;
use crate::digest::Digest;
use crate::entry::{Draft, Entry, LINE_BYTES_MAX};
use crate::file::{FileError, create_file, sync_directory};
use crate::kind;
use crate::reader::{ReadError, Reader};
use crate::run_dir::RunDir;
use crate::storage::{FileStorage, Storage};
use crate::tail::move_torn;
use crate::wire::entry_v1;

/// Why an entry was not appended, or not put on disk.
#[derive(Debug)]
pub enum AppendError {
    /// The write or the sync failed. The writer is poisoned from now on.
    Failed(FileError),
    /// An earlier write or sync failed: nobody knows what is on disk, so nothing more is written.
    Poisoned {
        /// The transcript.
        path: PathBuf,
        /// What failed first.
        first: String,
    },
    /// The run is sealed: nothing comes after the seal.
    Sealed(PathBuf),
    /// The entry holds what cannot be written; the transcript is as it was.
    Value(NotCanonical),
    /// The entry's line would be longer than [`LINE_BYTES_MAX`]; the transcript is as it was.
    TooLong {
        /// Its kind.
        kind: String,
        /// Its length in bytes.
        bytes: usize,
    },
}

impl fmt::Display for AppendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            Self::Poisoned { path, first } => {
                write!(f, "nothing more is written to {} since this failed: {first}", path.display())
            }
            Self::Sealed(path) => write!(f, "{} is sealed", path.display()),
            Self::Value(error) => write!(f, "an entry cannot be written: {error}"),
            Self::TooLong { kind, bytes } => {
                write!(f, "an entry {kind:?} of {bytes} bytes cannot be written: {LINE_BYTES_MAX} are allowed")
            }
        }
    }
}

impl std::error::Error for AppendError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Failed(error) => error.source(),
            Self::Value(error) => Some(error),
            Self::Poisoned { .. } | Self::Sealed(_) | Self::TooLong { .. } => None,
        }
    }
}

/// Why a transcript cannot be written on.
#[derive(Debug)]
pub enum OpenError {
    /// The run is sealed.
    Sealed(PathBuf),
    /// A line of it is not what it should be: a person must look.
    Broken {
        /// The transcript.
        path: PathBuf,
        /// Where and why.
        error: ReadError,
    },
    /// A file cannot be read or written.
    File(FileError),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sealed(path) => write!(f, "{} is sealed", path.display()),
            Self::Broken { path, error } => write!(f, "{} is {error}", path.display()),
            Self::File(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Broken { error, .. } => Some(error),
            Self::File(error) => error.source(),
            Self::Sealed(_) => None,
        }
    }
}

impl From<FileError> for OpenError {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

/// A line that had no end and was moved aside when a transcript was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Torn {
    /// The number its entry would have had.
    pub n: u64,
    /// How many bytes of it were there.
    pub bytes: u64,
    /// Where they are now.
    pub path: PathBuf,
}

enum State {
    Open,
    Sealed,
    Poisoned(String),
}

/// Appends entries to the transcript of one run.
///
/// Each is one `write`, so the end of this process loses none; only what was synced outlives the machine.
pub struct Writer {
    storage: Box<dyn Storage>,
    run: RunDir,
    state: State,
    count: u64,
    head: Digest,
    by_kind: BTreeMap<String, u64>,
    boot: BootTime,
    /// Length of the file, in bytes: if it differs, somebody else writes to it.
    offset: u64,
    unsynced: bool,
    line: Vec<u8>,
    again: Vec<u8>,
    unprotected: Vec<FileError>,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("run", &self.run).field("count", &self.count).finish_non_exhaustive()
    }
}

impl Writer {
    /// Begins the transcript of a new run. The caller holds the run's lock.
    ///
    /// # Errors
    /// [`FileError`] when the file is there already, or cannot be made.
    pub fn create(run: &RunDir) -> Result<Self, FileError> {
        Self::create_on(run, |storage| Box::new(storage))
    }

    /// As [`Writer::create`], with something between the writer and its file: a test's fault.
    ///
    /// # Errors
    /// As [`Writer::create`].
    pub fn create_on(run: &RunDir, wrap: impl FnOnce(FileStorage) -> Box<dyn Storage>) -> Result<Self, FileError> {
        let file = create_file(&run.transcript(), run.sharing().file_mode())?;
        sync_directory(run.path())?;
        Ok(Self::at_start(run, wrap(FileStorage::new(file))))
    }

    /// Opens the transcript of a run that goes on, and shows each entry it has, in order, checked. A torn last line
    /// is moved aside: the caller's next entry says so. The caller holds the run's lock.
    ///
    /// The first entry appended tells the boot's id in its `d` if the machine may have been started again.
    ///
    /// # Errors
    /// [`OpenError::Sealed`], [`OpenError::Broken`] at any bad line but a torn last one, [`OpenError::File`].
    pub fn open(run: &RunDir, each: impl FnMut(Entry)) -> Result<(Self, Option<Torn>), OpenError> {
        Self::open_on(run, |storage| Box::new(storage), each)
    }

    /// As [`Writer::open`], with something between the writer and its file: a test's fault.
    ///
    /// # Errors
    /// As [`Writer::open`].
    pub fn open_on(
        run: &RunDir,
        wrap: impl FnOnce(FileStorage) -> Box<dyn Storage>,
        mut each: impl FnMut(Entry),
    ) -> Result<(Self, Option<Torn>), OpenError> {
        let path = run.transcript();
        let mut reader = Reader::open(&path, Some(run.id().clone()))?;
        let mut by_kind = BTreeMap::new();
        let mut boot = BootTime::default();
        let mut torn = None;
        for entry in &mut reader {
            match entry {
                Ok(entry) if entry.kind == kind::RUN_SEALED => return Err(OpenError::Sealed(path)),
                Ok(entry) => {
                    count_kind(&mut by_kind, &entry.kind);
                    boot.advance(entry.bt, &entry.d);
                    each(entry);
                }
                Err(ReadError::Torn { n, bytes, .. }) => torn = Some(Torn { n, bytes, path: run.torn() }),
                Err(ReadError::File(error)) => return Err(error.into()),
                Err(error @ ReadError::Broken { .. }) => return Err(OpenError::Broken { path, error }),
            }
        }
        let (count, head, offset) = (reader.entries(), reader.head(), reader.offset());
        if torn.is_some() {
            move_torn(&path, offset, &run.torn(), run.sharing().file_mode())?;
        }
        let file = std::fs::OpenOptions::new().append(true).open(&path).map_err(FileError::new("open", &path))?;
        let writer = Self::at_start(run, wrap(FileStorage::new(file)));
        // What is there was perhaps never synced by the process that wrote it.
        Ok((Self { count, head, offset, by_kind, boot, unsynced: true, ..writer }, torn))
    }

    fn at_start(run: &RunDir, storage: Box<dyn Storage>) -> Self {
        Self {
            storage,
            run: run.clone(),
            state: State::Open,
            count: 0,
            head: Digest::ZERO,
            by_kind: BTreeMap::new(),
            boot: BootTime::default(),
            offset: 0,
            unsynced: false,
            line: Vec::new(),
            again: Vec::new(),
            unprotected: Vec::new(),
        }
    }

    /// How many entries there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The digest of the last line.
    #[must_use]
    pub fn head(&self) -> Digest {
        self.head
    }

    /// How many entries there are of each kind.
    #[must_use]
    pub fn by_kind(&self) -> &BTreeMap<String, u64> {
        &self.by_kind
    }

    /// The run it writes.
    #[must_use]
    pub fn run(&self) -> &RunDir {
        &self.run
    }

    /// Whether the seal stands.
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        matches!(self.state, State::Sealed)
    }

    /// What could not be made read-only when the run was sealed.
    #[must_use]
    pub fn unprotected(&self) -> &[FileError] {
        &self.unprotected
    }

    /// Appends an entry. It is on disk only after [`Writer::sync`].
    ///
    /// A draft stamped earlier in this boot than the entry before gets that entry's `bt`: stamps are taken where
    /// things happen, entries are written in one order. A draft of kind `run.sealed` gets its count and its numbers
    /// by kind, is synced, and everything is made read-only.
    ///
    /// # Errors
    /// [`AppendError`]. After `Failed`, every later call gives `Poisoned`; after `Value` and `TooLong` the
    /// transcript is as it was.
    ///
    /// # Panics
    /// When a line does not read back as the entry it was made of: this program's mistake, found before the disk.
    pub fn append(&mut self, draft: Draft) -> Result<Entry, AppendError> {
        self.check_open()?;
        let mut entry = Entry {
            run: self.run.id().clone(),
            n: self.count,
            prev: self.head,
            ts: entry_v1::whole_milliseconds(draft.ts),
            bt: draft.bt.max(self.boot.floor_for(&draft.d)),
            actor: draft.actor,
            kind: draft.kind,
            step: draft.step,
            attempt: draft.attempt,
            d: draft.d,
        };
        let seals = entry.kind == kind::RUN_SEALED;
        if seals {
            self.fill_seal(&mut entry.d);
        }
        self.line.clear();
        entry_v1::encode(&entry, &mut self.line).map_err(AppendError::Value)?;
        if self.line.len() > LINE_BYTES_MAX {
            return Err(AppendError::TooLong { kind: entry.kind, bytes: self.line.len() });
        }
        let read_back = entry_v1::decode(&self.line, &mut self.again);
        assert!(read_back.as_ref() == Ok(&entry), "an entry must read back as it was written: {read_back:?}");
        self.write_line()?;
        self.count += 1;
        self.head = Digest::of(&self.line);
        self.boot.advance(entry.bt, &entry.d);
        count_kind(&mut self.by_kind, &entry.kind);
        if seals {
            self.sync()?;
            self.state = State::Sealed;
            self.unprotected = self.run.protect();
        }
        Ok(entry)
    }

    /// Appends an entry, and returns when it and all before it are on disk.
    ///
    /// # Errors
    /// As [`Writer::append`].
    pub fn append_synced(&mut self, draft: Draft) -> Result<Entry, AppendError> {
        let entry = self.append(draft)?;
        self.sync()?;
        Ok(entry)
    }

    /// Returns when all entries are on disk; at once if they are.
    ///
    /// # Errors
    /// [`AppendError::Failed`], and from then on [`AppendError::Poisoned`].
    pub fn sync(&mut self) -> Result<(), AppendError> {
        if let State::Poisoned(first) = &self.state {
            return Err(AppendError::Poisoned { path: self.run.transcript(), first: first.clone() });
        }
        if self.unsynced {
            let synced = self.storage.sync();
            self.guard("sync", synced)?;
            self.unsynced = false;
        }
        Ok(())
    }

    fn check_open(&self) -> Result<(), AppendError> {
        match &self.state {
            State::Open => Ok(()),
            State::Sealed => Err(AppendError::Sealed(self.run.transcript())),
            State::Poisoned(first) => Err(AppendError::Poisoned { path: self.run.transcript(), first: first.clone() }),
        }
    }

    fn write_line(&mut self) -> Result<(), AppendError> {
        let size = self.storage.size();
        let expected = self.offset;
        let size = size.and_then(|size| {
            if size == expected {
                Ok(())
            } else {
                Err(io::Error::other(format!("it has {size} bytes instead of {expected}: somebody else writes to it")))
            }
        });
        self.guard("append to", size)?;
        self.unsynced = true;
        let written = self.storage.write_all(&self.line);
        self.guard("append to", written)?;
        self.offset += self.line.len() as u64;
        Ok(())
    }

    /// Poisons the writer at a failure.
    fn guard(&mut self, doing: &'static str, result: io::Result<()>) -> Result<(), AppendError> {
        result.map_err(|error| {
            let error = FileError::new(doing, &self.run.transcript())(error);
            self.state = State::Poisoned(error.to_string());
            AppendError::Failed(error)
        })
    }

    fn fill_seal(&self, d: &mut Map<String, Value>) {
        let by_kind: Map<_, _> = self.by_kind.iter().map(|(kind, count)| (kind.clone(), Value::from(*count))).collect();
        d.insert(kind::COUNT.to_owned(), Value::from(self.count));
        d.insert(kind::BY_KIND.to_owned(), Value::Object(by_kind));
    }
}

/// Counts one more entry of a kind.
pub(crate) fn count_kind(by_kind: &mut BTreeMap<String, u64>, kind: &str) {
    match by_kind.get_mut(kind) {
        Some(count) => *count += 1,
        None => {
            by_kind.insert(kind.to_owned(), 1);
        }
    }
}
