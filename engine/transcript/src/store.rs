//! The folder that holds all runs, and how a run is found in it.

use std::fmt;
use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use runbook_core::id::RunbookName;

use crate::file::{FileError, Sharing, create_directory, create_file, open_or_create_file, sync_directory};
use crate::inbox;
use crate::ledger::Ledger;
use crate::run_dir::RunDir;
use crate::run_id::RunId;

/// How many runs an error names before it only counts them.
const NAMED_MAX: usize = 8;

/// Keeps git from taking the store for part of the repository.
const IGNORE: &str = ".gitignore";

/// What is wrong with a store.
#[derive(Debug)]
pub enum StoreError {
    /// There is none.
    Missing(PathBuf),
    /// One is there already.
    Exists(PathBuf),
    /// The folder is there, and is no store.
    NotAStore(PathBuf),
    /// Everybody can write to it, or to this folder of it: nothing in it would prove anything.
    Writable(PathBuf),
    /// A file of it cannot be read or written.
    File(FileError),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(path) => write!(f, "there is no store at {}", path.display()),
            Self::Exists(path) => write!(f, "{} exists already", path.display()),
            Self::NotAStore(path) => write!(f, "{} is not a store: it has no folder `runs`", path.display()),
            Self::Writable(path) => {
                write!(f, "everybody can write to {}: `chmod o-w` it, then ask who did", path.display())
            }
            Self::File(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File(error) => error.source(),
            Self::Missing(_) | Self::Exists(_) | Self::NotAStore(_) | Self::Writable(_) => None,
        }
    }
}

impl From<FileError> for StoreError {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

/// Why no run was found.
#[derive(Debug)]
pub enum FindError {
    /// The store has no run at all.
    Empty,
    /// No run has this id or prefix.
    None {
        /// What was asked for.
        reference: String,
    },
    /// Several runs begin so.
    Several {
        /// What was asked for.
        reference: String,
        /// All of them, oldest first.
        runs: Vec<RunId>,
    },
    /// The store cannot be read.
    File(FileError),
}

impl fmt::Display for FindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("there is no run yet"),
            Self::None { reference } => write!(f, "no run is called {reference:?} or begins so"),
            Self::Several { reference, runs } => {
                write!(f, "{} runs begin with {reference:?}: ", runs.len())?;
                for (index, run) in runs.iter().rev().take(NAMED_MAX).enumerate() {
                    write!(f, "{}{run}", if index == 0 { "" } else { ", " })?;
                }
                if runs.len() > NAMED_MAX { f.write_str(", …") } else { Ok(()) }
            }
            Self::File(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for FindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File(error) => error.source(),
            Self::Empty | Self::None { .. } | Self::Several { .. } => None,
        }
    }
}

/// Gives a folder to a group, with the rights that go with it.
fn give(folder: &Path, gid: u32, sharing: Sharing) -> Result<(), FileError> {
    std::os::unix::fs::chown(folder, None, Some(gid))
        .and_then(|()| fs::set_permissions(folder, Permissions::from_mode(sharing.directory_mode())))
        .map_err(FileError::new("give to the group", folder))
}

/// Whether a folder holds nothing, or no more than a store that was not finished.
fn is_bare(root: &Path) -> bool {
    let begun = |name: &std::ffi::OsStr| name == IGNORE || name == "ledger.jsonl";
    fs::read_dir(root).is_ok_and(|mut items| items.all(|item| item.is_ok_and(|item| begun(&item.file_name()))))
}

/// A store that was looked at and found fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    root: PathBuf,
    sharing: Sharing,
}

impl Store {
    /// Opens a store.
    ///
    /// # Errors
    /// [`StoreError`] when it is not there, is none, can be written to by everybody, or cannot be read.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let mode = match fs::metadata(root) {
            Ok(metadata) => metadata.mode(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(StoreError::Missing(root.to_owned()));
            }
            Err(error) => return Err(FileError::new("open", root)(error).into()),
        };
        let runs = root.join("runs");
        let runs_mode = match fs::metadata(&runs) {
            Ok(metadata) if metadata.is_dir() => metadata.mode(),
            Ok(_) => return Err(StoreError::NotAStore(root.to_owned())),
            Err(error) if [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory].contains(&error.kind()) => {
                return Err(StoreError::NotAStore(root.to_owned()));
            }
            Err(error) => return Err(FileError::new("open", &runs)(error).into()),
        };
        for (path, mode) in [(root, mode), (&runs, runs_mode)] {
            if mode & 0o002 != 0 {
                return Err(StoreError::Writable(path.to_owned()));
            }
        }
        let sharing = if mode & 0o020 == 0 { Sharing::Private } else { Sharing::Group };
        Ok(Self { root: root.to_owned(), sharing })
    }

    /// Makes a store for one account, of an empty folder or where nothing is. Its parent must be there.
    ///
    /// # Errors
    /// [`StoreError::Exists`], or [`StoreError::File`] when it cannot be made.
    pub fn init(root: &Path) -> Result<Self, StoreError> {
        Self::make(root, Sharing::Private, None)
    }

    /// Makes a store that a group shares, as [`Store::init`] does.
    ///
    /// # Errors
    /// As [`Store::init`]; giving a file to a group one is not in is refused by the system.
    pub fn init_for_group(root: &Path, gid: u32) -> Result<Self, StoreError> {
        Self::make(root, Sharing::Group, Some(gid))
    }

    /// Opens the store, and makes it first if nothing is there, or a folder with nothing in it.
    ///
    /// # Errors
    /// As [`Store::open`] and [`Store::init`].
    pub fn open_or_init(root: &Path) -> Result<Self, StoreError> {
        match Self::open(root) {
            Err(StoreError::Missing(_)) => match Self::init(root) {
                // Another process was quicker.
                Err(StoreError::Exists(_)) => Self::open(root),
                made => made,
            },
            Err(StoreError::NotAStore(_)) if is_bare(root) => {
                Self::furnish(root)?;
                Self::open(root)
            }
            opened => opened,
        }
    }

    /// It is made under another name and renamed, so that no half of a store is ever seen.
    fn make(root: &Path, sharing: Sharing, gid: Option<u32>) -> Result<Self, StoreError> {
        if root.symlink_metadata().is_ok() {
            if !is_bare(root) {
                return Err(StoreError::Exists(root.to_owned()));
            }
            if let Some(gid) = gid {
                give(root, gid, sharing)?;
            }
            Self::furnish(root)?;
            return Self::open(root);
        }
        let name = root.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let draft = root.with_file_name(format!("{name}.new-{}", std::process::id()));
        let store = Self { root: draft.clone(), sharing };
        let occupied = [io::ErrorKind::DirectoryNotEmpty, io::ErrorKind::AlreadyExists, io::ErrorKind::NotADirectory];
        let made = store.fill(gid).and_then(|()| match fs::rename(&draft, root) {
            Err(error) if occupied.contains(&error.kind()) => Err(StoreError::Exists(root.to_owned())),
            Err(error) => Err(FileError::new("create", root)(error).into()),
            Ok(()) => Ok(()),
        });
        if let Err(error) = made {
            let _ = fs::remove_dir_all(&draft);
            return Err(error);
        }
        let parent = root.parent().filter(|parent| !parent.as_os_str().is_empty());
        sync_directory(parent.unwrap_or(Path::new(".")))?;
        Self::open(root)
    }

    /// Makes a store of a folder that is there: whose it is and who may read it was somebody's decision. Its folder
    /// `runs` comes last, for that makes it one, and another process that does the same does no harm.
    fn furnish(root: &Path) -> Result<(), StoreError> {
        let mode = fs::metadata(root).map_err(FileError::new("open", root))?.mode();
        if mode & 0o002 != 0 {
            return Err(StoreError::Writable(root.to_owned()));
        }
        let store =
            Self { root: root.to_owned(), sharing: if mode & 0o020 == 0 { Sharing::Private } else { Sharing::Group } };
        let ignore = root.join(IGNORE);
        fs::write(&ignore, "*\n").map_err(FileError::new("write", &ignore))?;
        open_or_create_file(&store.ledger_file(), store.sharing.file_mode())?;
        match create_directory(&store.runs(), store.sharing.directory_mode()) {
            Err(error) if error.source.kind() != io::ErrorKind::AlreadyExists => return Err(error.into()),
            Ok(()) | Err(_) => {}
        }
        Ok(sync_directory(root)?)
    }

    fn fill(&self, gid: Option<u32>) -> Result<(), StoreError> {
        let directory_mode = self.sharing.directory_mode();
        create_directory(&self.root, directory_mode)?;
        if let Some(gid) = gid {
            give(&self.root, gid, self.sharing)?;
        }
        create_directory(&self.runs(), directory_mode)?;
        let ignore = self.root.join(IGNORE);
        create_file(&ignore, self.sharing.file_mode())?.write_all(b"*\n").map_err(FileError::new("write", &ignore))?;
        create_file(&self.ledger_file(), self.sharing.file_mode())?;
        sync_directory(&self.root)?;
        Ok(())
    }

    /// The folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Who shares it.
    #[must_use]
    pub fn sharing(&self) -> Sharing {
        self.sharing
    }

    fn runs(&self) -> PathBuf {
        self.root.join("runs")
    }

    fn ledger_file(&self) -> PathBuf {
        self.root.join("ledger.jsonl")
    }

    /// The line a run leaves when it starts and when it is sealed.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        Ledger::new(self.ledger_file(), self.sharing)
    }

    /// The folder of a run, whether it is there or not.
    #[must_use]
    pub fn run(&self, id: &RunId) -> RunDir {
        RunDir::new(self.runs().join(id.as_str()), id.clone(), self.sharing)
    }

    /// Makes the folder of a new run. The four bytes come from the system's source of chance.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when a run has this id already: take other bytes. [`StoreError::File`].
    pub fn create_run(&self, name: &RunbookName, now: Timestamp, random: [u8; 4]) -> Result<RunDir, StoreError> {
        let run = self.run(&RunId::compose(name, now, random));
        let mode = self.sharing.directory_mode();
        create_directory(run.path(), mode).map_err(|error| {
            if error.source.kind() == io::ErrorKind::AlreadyExists {
                StoreError::Exists(error.path)
            } else {
                error.into()
            }
        })?;
        create_directory(run.blobs().path(), mode)?;
        create_directory(&run.exits(), mode)?;
        create_directory(&run.inbox(), mode)?;
        create_directory(&inbox::refused_directory(&run.inbox()), mode)?;
        sync_directory(&run.inbox())?;
        sync_directory(run.path())?;
        sync_directory(&self.runs())?;
        Ok(run)
    }

    /// Lists the runs, oldest first; those of one minute by name. Nothing in them is read.
    ///
    /// # Errors
    /// [`FileError`] when the folder of runs cannot be read.
    pub fn list_runs(&self) -> Result<Vec<RunId>, FileError> {
        let path = self.runs();
        let mut runs = Vec::new();
        for item in fs::read_dir(&path).map_err(FileError::new("read", &path))? {
            let item = item.map_err(FileError::new("read", &path))?;
            // What has another name was put there by somebody else.
            if let Some(id) = item.file_name().to_str().and_then(|name| RunId::new(name).ok()) {
                runs.push(id);
            }
        }
        runs.sort_unstable();
        Ok(runs)
    }

    /// Finds a run by its id, the beginning of it that no other has, or `latest`.
    ///
    /// # Errors
    /// [`FindError`] when none or several fit, or the store cannot be read.
    pub fn find(&self, reference: &str) -> Result<RunDir, FindError> {
        let mut runs = self.list_runs().map_err(FindError::File)?;
        if reference == "latest" {
            return self.latest(&runs).map(|id| self.run(&id)).ok_or(FindError::Empty);
        }
        if let Ok(id) = RunId::new(reference)
            && runs.binary_search(&id).is_ok()
        {
            return Ok(self.run(&id));
        }
        runs.retain(|id| !reference.is_empty() && id.as_str().starts_with(reference));
        match runs.as_slice() {
            [] => Err(FindError::None { reference: reference.to_owned() }),
            [id] => Ok(self.run(id)),
            _ => Err(FindError::Several { reference: reference.to_owned(), runs }),
        }
    }

    /// The run that started last. An id only tells the minute; within it the first entry's time decides.
    fn latest(&self, runs: &[RunId]) -> Option<RunId> {
        let minute = runs.last()?.minute();
        runs.iter()
            .rev()
            .take_while(|id| id.minute() == minute)
            .max_by_key(|id| {
                let started = self.run(id).ends().ok().and_then(|ends| ends.first).map(|entry| entry.ts);
                (started, (*id).clone())
            })
            .cloned()
    }
}
