//! Which runs may go, and how they go: only what is sealed and intact, and never without a line in the ledger.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::digest::Digest;
use crate::file::{FileError, sync_directory};
use crate::kind::RUN_SEALED;
use crate::ledger::{LedgerError, LedgerNote, REMOVED};
use crate::run_dir::RunDir;
use crate::run_id::RunId;
use crate::store::Store;
use crate::verify::{Verdict, verify};

/// What stands before the id in the name of a folder that is being removed.
const GOING: &str = ".removed-";

/// A run that is sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedRun {
    /// The run.
    pub run: RunDir,
    /// When it was sealed.
    pub sealed: Timestamp,
    /// Bytes of all its files.
    pub bytes: u64,
}

/// What may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retention {
    /// What was sealed longer ago than this goes.
    pub older_than: Option<Duration>,
    /// Then the oldest go until the others take no more than this many bytes.
    pub keep_bytes: Option<u64>,
}

/// Why a run was not removed.
#[derive(Debug)]
pub enum RemoveError {
    /// It is not what it should be: it is evidence of that.
    NotIntact(String),
    /// The ledger cannot be written.
    Ledger(LedgerError),
    /// It cannot be read or removed.
    File(FileError),
}

impl fmt::Display for RemoveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotIntact(why) => write!(f, "it is {why}"),
            Self::Ledger(error) => error.fmt(f),
            Self::File(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RemoveError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Ledger(error) => Some(error),
            Self::File(error) => Some(error),
            Self::NotIntact(_) => None,
        }
    }
}

impl From<FileError> for RemoveError {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

/// The sealed runs of a store, in the order in which they were sealed.
///
/// # Errors
/// [`FileError`] when the folder of runs cannot be read.
pub fn sealed_runs(store: &Store) -> Result<Vec<SealedRun>, FileError> {
    let mut found = Vec::new();
    for id in store.list_runs()? {
        let run = store.run(&id);
        // One that a process has, or whose ends cannot be told, is not for us.
        let Ok(ends) = run.ends() else { continue };
        let held = run.holder()?.is_some();
        if let Some(last) = ends.last.filter(|last| last.kind == RUN_SEALED && !ends.torn && !held) {
            let bytes = bytes_of(run.path())?;
            found.push(SealedRun { run, sealed: last.ts, bytes });
        }
    }
    found.sort_by(|one, other| (one.sealed, one.run.id()).cmp(&(other.sealed, other.run.id())));
    Ok(found)
}

fn bytes_of(folder: &Path) -> Result<u64, FileError> {
    let mut bytes = 0_u64;
    let mut left = vec![folder.to_owned()];
    while let Some(folder) = left.pop() {
        for item in fs::read_dir(&folder).map_err(FileError::new("read", &folder))? {
            let item = item.map_err(FileError::new("read", &folder))?;
            let data = item.metadata().map_err(FileError::new("read", &item.path()))?;
            if data.is_dir() {
                left.push(item.path());
            } else {
                bytes = bytes.saturating_add(data.len());
            }
        }
    }
    Ok(bytes)
}

/// Those of the sealed runs, oldest first, that may go by now.
#[must_use]
pub fn to_remove(runs: &[SealedRun], retention: Retention, now: Timestamp) -> Vec<SealedRun> {
    let too_old = |run: &SealedRun| {
        let limit = retention.older_than.and_then(|limit| SignedDuration::try_from(limit).ok());
        limit.is_some_and(|limit| now.duration_since(run.sealed) > limit)
    };
    let (mut go, stay): (Vec<SealedRun>, Vec<SealedRun>) = runs.iter().cloned().partition(too_old);
    if let Some(most) = retention.keep_bytes {
        let mut kept: u64 = stay.iter().map(|run| run.bytes).sum();
        for run in stay {
            if kept <= most {
                break;
            }
            kept = kept.saturating_sub(run.bytes);
            go.push(run);
        }
        go.sort_by(|one, other| (one.sealed, one.run.id()).cmp(&(other.sealed, other.run.id())));
    }
    go
}

/// Removes a run: first the ledger says so, then it goes. It must be intact: what is not is evidence.
///
/// # Errors
/// [`RemoveError`]; the run is still there, unless only the last of its files could not be removed.
pub fn remove(store: &Store, sealed: &SealedRun, now: Timestamp) -> Result<(), RemoveError> {
    let (run, ledger) = (&sealed.run, store.ledger());
    let found = verify(run, Some(&ledger))?;
    if found.verdict != Verdict::Sealed {
        return Err(RemoveError::NotIntact(found.verdict.to_string()));
    }
    let lines = ledger.read().map_err(RemoveError::Ledger)?;
    let of_run = || lines.iter().filter(|line| line.note.run == *run.id());
    // A removal that was interrupted is not said twice.
    if !of_run().any(|line| line.note.kind == REMOVED) {
        let outcome = of_run().rev().find_map(|line| line.note.outcome.clone());
        let note = LedgerNote {
            ts: now,
            kind: REMOVED.to_owned(),
            run: run.id().clone(),
            head: found.head,
            runbook: run.id().runbook().to_owned(),
            outcome,
        };
        ledger.append(note).map_err(RemoveError::Ledger)?;
    }
    let runs = run.path().parent().unwrap_or(run.path());
    let going = runs.join(format!("{GOING}{}", run.id()));
    fs::rename(run.path(), &going).map_err(FileError::new("remove", run.path()))?;
    sync_directory(runs)?;
    remove_folder(&going)?;
    Ok(())
}

fn remove_folder(folder: &Path) -> Result<(), FileError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(FileError::new("remove", folder)(error)),
        _ => Ok(()),
    }
}

/// Removes what a process that died left of runs that were being removed.
///
/// # Errors
/// [`FileError`] when that cannot be read or removed.
pub fn finish_removals(store: &Store) -> Result<(), FileError> {
    let runs = store.root().join("runs");
    for item in fs::read_dir(&runs).map_err(FileError::new("read", &runs))? {
        let item = item.map_err(FileError::new("read", &runs))?;
        if item.file_name().as_encoded_bytes().starts_with(GOING.as_bytes()) {
            remove_folder(&item.path())?;
        }
    }
    Ok(())
}

/// The runs that the ledger says were removed, with the digest of their seals.
///
/// # Errors
/// As [`crate::ledger::Ledger::read`].
pub fn removed(store: &Store) -> Result<Vec<(RunId, Timestamp, Digest)>, LedgerError> {
    let lines = store.ledger().read()?;
    let mut seen = BTreeSet::new();
    let of = lines.into_iter().filter(|line| line.note.kind == REMOVED).map(|line| line.note);
    Ok(of.filter(|note| seen.insert(note.run.clone())).map(|note| (note.run, note.ts, note.head)).collect())
}
