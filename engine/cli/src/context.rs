//! What every command is given: where things are, what time it is, where to write.

use std::path::PathBuf;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use runbook_transcript::run_dir::RunDir;
use runbook_transcript::store::{FindError, Store, StoreError};

use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::output::{ColorChoice, Output};
use crate::place::Place;

/// What every command is given.
pub struct Context {
    /// Where things are.
    pub place: Place,
    /// The directory one stands in.
    pub here: PathBuf,
    /// When the program was called.
    pub now: Timestamp,
    /// The zone in which times are told.
    pub zone: TimeZone,
    /// When colours are used.
    pub colour: ColorChoice,
    /// Where to write.
    pub out: Output,
}

/// How a command ended.
pub type Ending = Result<ExitCode, Failure>;

impl Context {
    /// The store, which must be there.
    ///
    /// # Errors
    /// [`Failure`] when it is not there or not fit, with what to do.
    pub fn store(&self) -> Result<Store, Failure> {
        Store::open(&self.place.store).map_err(|error| store_failure(&error))
    }

    /// The run that is meant: an id, the beginning of one, or `latest`.
    ///
    /// # Errors
    /// [`Failure`] when there is none or several, with what to do.
    pub fn run(&self, reference: &str) -> Result<RunDir, Failure> {
        let store = self.store()?;
        store.find(reference).map_err(|error| find_failure(&error, &store, self))
    }
}

/// What to do about a store.
#[must_use]
pub fn store_failure(error: &StoreError) -> Failure {
    let failure = Failure::usage(error);
    match error {
        StoreError::Missing(_) => {
            failure.help("nothing has been run here yet; --store DIR or RUNBOOK_STORE names another store")
        }
        StoreError::NotAStore(_) | StoreError::Exists(_) => {
            failure.help("name another place with --store DIR or RUNBOOK_STORE")
        }
        StoreError::Writable(_) => failure,
        StoreError::File(_) => Failure::new(ExitCode::Unwritable, error),
    }
}

fn find_failure(error: &FindError, store: &Store, context: &Context) -> Failure {
    let failure = Failure::usage(error);
    match error {
        FindError::Empty => failure,
        FindError::None { reference } => match was_removed(reference, store) {
            Some(gone) => failure.help(gone),
            None => failure.help(format!("`{}` lists them", context.place.command(&["runs"]))),
        },
        FindError::Several { .. } => failure.help("write more of the id, or `latest`"),
        FindError::File(_) => Failure::new(ExitCode::Unwritable, error),
    }
}

/// What the ledger says of a run that `gc` removed.
fn was_removed(reference: &str, store: &Store) -> Option<String> {
    let removed = runbook_transcript::retention::removed(store).ok()?;
    let (run, at, _) = removed.into_iter().find(|(run, ..)| run.as_str().starts_with(reference))?;
    Some(format!("run {run} was removed on {}", at.strftime("%Y-%m-%d")))
}
