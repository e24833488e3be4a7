//! The lock a runbook names: only one run may hold it, from its start to its seal, also while it waits for people. That of
//! a runbook which a step runs is taken when it begins, and held as long. One whose process died between two steps holds
//! nothing any more; one that died in the midst of a step does.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use runbook_core::expression::Scope;
use runbook_core::plan::Plan;
use runbook_core::run::record::Record;
use runbook_core::value::Value;
use runbook_transcript::digest::Digest;
use runbook_transcript::file::FileError;
use runbook_transcript::kind::RUN_SEALED;
use runbook_transcript::lock::{Holder, Lock, LockError};
use runbook_transcript::reader::{ReadError, Reader};
use runbook_transcript::run_dir::RunDir;
use runbook_transcript::run_id::RunId;
use runbook_transcript::store::{Store, StoreError};
use runbook_transcript::wire;

use super::RunError;
use super::error::LockedBy;

/// How long the guard is waited for.
const GUARD_PATIENCE: Duration = Duration::from_secs(10);

type Params = BTreeMap<String, (Value, String)>;

/// What the name of a lock may read: params, and the run's id and runbook.
struct Names<'a> {
    params: &'a Params,
    run: &'a RunId,
}

impl Scope for Names<'_> {
    fn read(&self, path: &[String]) -> Result<Option<Value>, String> {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        Ok(match path.as_slice() {
            ["params", name] => self.params.get(*name).map(|(value, _)| value.clone()),
            ["run", "id"] => Some(self.run.as_str().into()),
            ["run", "runbook"] => Some(self.run.runbook().into()),
            _ => None,
        })
    }
}

/// The name of the lock a run takes, if its runbook names one.
///
/// # Errors
/// [`RunError::LockName`].
pub(super) fn name(plan: &Plan, params: &Params, run: &RunId) -> Result<Option<String>, RunError> {
    let Some(lock) = &plan.document().lock else { return Ok(None) };
    let name = lock.value.render(&Names { params, run }).map_err(|error| RunError::LockName(error.to_string()))?;
    if name.is_empty() { Err(RunError::LockName("it is empty".to_owned())) } else { Ok(Some(name)) }
}

fn folder(store: &Store) -> PathBuf {
    store.root().join("locks")
}

/// A name may hold anything, a file's name may not.
fn file(store: &Store, name: &str) -> PathBuf {
    folder(store).join(Digest::of(name.as_bytes()).to_hex())
}

fn failed(error: FileError) -> RunError {
    RunError::Store(StoreError::File(error))
}

/// Takes a lock for a run. One held by a run that was sealed, or is no longer there, is free.
///
/// # Errors
/// [`RunError::Locked`] by another run; [`RunError::Store`] when its file cannot be written.
fn take(store: &Store, name: &str, run: &RunId) -> Result<(), RunError> {
    let folder = folder(store);
    match fs::create_dir(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(failed(FileError::new("create", &folder)(error)));
        }
        _ => {}
    }
    // Looking and taking are one: nobody else does either meanwhile.
    let holder = Holder { pid: std::process::id(), operator: run.as_str().to_owned(), since: Timestamp::now() };
    let guard = take_guard(store, &folder.join("guard"), &holder)?;
    let path = file(store, name);
    let known = fs::read_to_string(&path).unwrap_or_default();
    if let Ok(other) = RunId::new(known.trim())
        && other != *run
        && let Some((by, since, stands)) = holds(store, &other)
    {
        return Err(RunError::Locked { name: name.to_owned(), run: other.as_str().to_owned(), by, since, stands });
    }
    let draft = folder.join(format!(".draft-{}", std::process::id()));
    fs::write(&draft, format!("{run}\n"))
        .and_then(|()| fs::rename(&draft, &path))
        .map_err(FileError::new("write", &path))
        .map_err(failed)?;
    drop(guard);
    Ok(())
}

/// The guard is held for as long as a file is read and written: whoever comes meanwhile waits a moment.
fn take_guard(store: &Store, path: &Path, holder: &Holder) -> Result<Lock, RunError> {
    let mode = store.sharing().file_mode();
    let begin = Instant::now();
    loop {
        match Lock::take(path, holder, mode) {
            Err(LockError::Held { .. }) if begin.elapsed() < GUARD_PATIENCE => {}
            taken => return taken.map_err(RunError::Held),
        }
    }
}

/// Who holds a lock that a run took, since when, and where that run stands; nothing where it is free.
fn holds(store: &Store, id: &RunId) -> Option<(String, Timestamp, LockedBy)> {
    let run = store.run(id);
    let living = run.holder().ok().flatten();
    let Some((first, last)) = run.ends().ok().and_then(|ends| ends.first.zip(ends.last)) else {
        // It has the lock and has written nothing yet.
        let holder = living?;
        let (by, since) = holder.map_or((String::new(), Timestamp::now()), |holder| (holder.operator, holder.since));
        return Some((by, since, LockedBy::Running));
    };
    if last.kind == RUN_SEALED {
        return None;
    }
    let suspended = matches!(wire::record(&last), Ok(Record::RunSuspended { .. }));
    let stands = match (living.is_some(), suspended) {
        (true, _) => LockedBy::Running,
        (false, true) => LockedBy::Waiting,
        (false, false) if is_in_a_step(&run) => LockedBy::Interrupted,
        (false, false) => return None,
    };
    Some((first.actor.id, first.ts, stands))
}

/// Whether something was started whose end is not recorded. A transcript that cannot be read says nothing else.
fn is_in_a_step(run: &RunDir) -> bool {
    let Ok(entries) = Reader::open(&run.transcript(), Some(run.id().clone())) else { return true };
    let mut open = BTreeSet::new();
    for entry in entries {
        match entry.as_ref().map(wire::record) {
            Ok(Ok(Record::StepIntent { key, plan: Some(_), .. })) => {
                open.insert(key);
            }
            Ok(Ok(Record::AttemptEnded { key, .. })) => {
                open.remove(&key);
            }
            Ok(_) | Err(ReadError::Torn { .. }) => {}
            Err(_) => return true,
        }
    }
    !open.is_empty()
}

/// The locks of one run: its runbook's own, and those of the runbooks that it has begun to run. All are held to its seal.
pub(crate) struct Locks {
    store: Store,
    run: RunId,
    names: RefCell<BTreeSet<String>>,
}

impl Locks {
    pub(super) fn new(store: &Store, run: &RunId) -> Self {
        Self { store: store.clone(), run: run.clone(), names: RefCell::default() }
    }

    /// Takes one, also where the run has it already.
    ///
    /// # Errors
    /// As [`take`].
    pub(crate) fn take(&self, name: &str) -> Result<(), RunError> {
        take(&self.store, name, &self.run)?;
        self.names.borrow_mut().insert(name.to_owned());
        Ok(())
    }

    /// Gives all of them back: the run is sealed.
    pub(super) fn give_back(&self) {
        for name in self.names.take() {
            give_back(&self.store, &name, &self.run);
        }
    }
}

/// Gives a lock back: its run is sealed. That it cannot be removed is no harm, a sealed run holds none.
fn give_back(store: &Store, name: &str, run: &RunId) {
    let path = file(store, name);
    if fs::read_to_string(&path).is_ok_and(|known| known.trim() == run.as_str()) {
        let _removed = fs::remove_file(&path);
    }
}
