//! The lock a runbook names: only one run may hold it, from its start to its seal, also while it waits for people.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;

use jiff::Timestamp;
use runbook_core::expression::Scope;
use runbook_core::plan::Plan;
use runbook_core::value::Value;
use runbook_transcript::digest::Digest;
use runbook_transcript::file::FileError;
use runbook_transcript::kind::RUN_SEALED;
use runbook_transcript::lock::{Holder, Lock};
use runbook_transcript::run_id::RunId;
use runbook_transcript::store::{Store, StoreError};

use super::RunError;

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
pub(super) fn take(store: &Store, name: &str, run: &RunId) -> Result<(), RunError> {
    let folder = folder(store);
    match fs::create_dir(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(failed(FileError::new("create", &folder)(error)));
        }
        _ => {}
    }
    // Looking and taking are one: nobody else does either meanwhile.
    let holder = Holder { pid: std::process::id(), operator: run.as_str().to_owned(), since: Timestamp::now() };
    let guard = Lock::take(&folder.join("guard"), &holder, store.sharing().file_mode()).map_err(RunError::Held)?;
    let path = file(store, name);
    let known = fs::read_to_string(&path).unwrap_or_default();
    if let Ok(other) = RunId::new(known.trim())
        && other != *run
        && is_open(store, &other)
    {
        return Err(RunError::Locked { name: name.to_owned(), run: other.as_str().to_owned() });
    }
    let draft = folder.join(format!(".draft-{}", std::process::id()));
    fs::write(&draft, format!("{run}\n"))
        .and_then(|()| fs::rename(&draft, &path))
        .map_err(FileError::new("write", &path))
        .map_err(failed)?;
    drop(guard);
    Ok(())
}

fn is_open(store: &Store, run: &RunId) -> bool {
    let ends = store.run(run).ends();
    ends.is_ok_and(|ends| ends.last.is_some_and(|last| last.kind != RUN_SEALED))
}

/// Gives a lock back: its run is sealed. That it cannot be removed is no harm, a sealed run holds none.
pub(super) fn give_back(store: &Store, name: &str, run: &RunId) {
    let path = file(store, name);
    if fs::read_to_string(&path).is_ok_and(|known| known.trim() == run.as_str()) {
        let _removed = fs::remove_file(&path);
    }
}
