//! Appends what the state machine records, and stops everything when that fails.

use std::fmt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use jiff::Timestamp;
use runbook_core::run::record::{Actor, Record, RunOutcome};
use runbook_transcript::entry::Draft;
use runbook_transcript::ledger::{Ledger, LedgerError, LedgerNote, SEALED, STARTED};
use runbook_transcript::wire;
use runbook_transcript::writer::{AppendError, Writer};

use crate::clock::Stamp;
use crate::executor::Workplace;

/// The transcript cannot be written: nothing more is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unwritable {
    /// The file.
    pub path: PathBuf,
    /// What went wrong.
    pub why: String,
}

impl fmt::Display for Unwritable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the transcript {} cannot be written, so nothing more is started: {}", self.path.display(), self.why)
    }
}

impl std::error::Error for Unwritable {}

/// Writes the transcript of a run, its blobs before it.
#[derive(Debug)]
pub struct Recorder {
    writer: Writer,
    ledger: Ledger,
    runbook: String,
}

impl Recorder {
    /// Records with this writer.
    #[must_use]
    pub fn new(writer: Writer, ledger: Ledger, runbook: String) -> Self {
        Self { writer, ledger, runbook }
    }

    fn path(&self) -> PathBuf {
        self.writer.run().transcript()
    }

    fn unwritable(&self, error: &AppendError) -> Unwritable {
        Unwritable { path: self.path(), why: error.to_string() }
    }

    /// Appends a record, and shows its entry to who watches. A seal is on disk when this returns, and so is all before.
    ///
    /// # Errors
    /// [`Unwritable`]; nothing is appended ever after.
    pub fn append(
        &mut self,
        actor: &Actor,
        record: &Record,
        stamp: Stamp,
        work: &Rc<Workplace>,
    ) -> Result<(), Unwritable> {
        if matches!(record, Record::RunSealed { .. }) {
            self.sync(work)?;
        }
        let encoded = wire::encode(record);
        let draft = Draft {
            ts: stamp.at,
            bt: stamp.boot_ms,
            actor: actor.clone(),
            kind: encoded.kind.to_owned(),
            step: encoded.step,
            attempt: encoded.attempt,
            d: encoded.d,
        };
        let entry = self.writer.append(draft).map_err(|error| self.unwritable(&error))?;
        work.observer.recorded(&entry, record);
        Ok(())
    }

    /// Returns when everything recorded is on disk: first the blobs that entries name, then the entries.
    ///
    /// # Errors
    /// [`Unwritable`], with the file that could not be synced.
    pub fn sync(&mut self, work: &Rc<Workplace>) -> Result<(), Unwritable> {
        work.keeper.sync().map_err(|error| Unwritable { path: error.path.clone(), why: error.to_string() })?;
        self.writer.sync().map_err(|error| self.unwritable(&error))
    }

    /// Leaves the line of the run's start in the ledger.
    ///
    /// # Errors
    /// [`Unwritable`], with the ledger's file.
    pub fn enter_start(&self, stamp: Stamp) -> Result<(), Unwritable> {
        self.enter(STARTED, None, stamp.at)
    }

    /// Leaves that line where the process that began the run died before it did, with the time of now.
    ///
    /// # Errors
    /// [`Unwritable`], with the ledger's file.
    pub fn enter_missing_start(&self) -> Result<(), Unwritable> {
        // Nothing else is recorded before it is entered.
        if self.writer.count() > 1 {
            return Ok(());
        }
        let lines = self.ledger.read().map_err(|error| ledger_unwritable(self.ledger.path(), &error))?;
        if lines.iter().any(|line| line.note.run == *self.writer.run().id()) {
            return Ok(());
        }
        self.enter(STARTED, None, Timestamp::now())
    }

    /// Leaves the line of the run's seal in the ledger.
    ///
    /// # Errors
    /// [`Unwritable`], with the ledger's file.
    pub fn enter_seal(&self, outcome: RunOutcome, stamp: Stamp) -> Result<(), Unwritable> {
        self.enter(SEALED, Some(outcome.word().to_owned()), stamp.at)
    }

    fn enter(&self, kind: &str, outcome: Option<String>, at: Timestamp) -> Result<(), Unwritable> {
        let note = LedgerNote {
            ts: at,
            kind: kind.to_owned(),
            run: self.writer.run().id().clone(),
            head: self.writer.head(),
            runbook: self.runbook.clone(),
            outcome,
        };
        let entered = self.ledger.append(note).map(|_| ());
        entered.map_err(|error| ledger_unwritable(self.ledger.path(), &error))
    }
}

/// A ledger that cannot be written is a transcript that cannot be: the run would leave no trace when it vanished.
pub(crate) fn ledger_unwritable(path: &Path, error: &LedgerError) -> Unwritable {
    Unwritable { path: path.to_owned(), why: error.to_string() }
}
