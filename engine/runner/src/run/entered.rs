//! A seal that its process died before it stood in the ledger.

use std::fs::File;

use jiff::Timestamp;
use runbook_core::run::record::Record;
use runbook_transcript::digest::Digest;
use runbook_transcript::file::FileError;
use runbook_transcript::kind::{RUN_SEALED, RUN_STARTED};
use runbook_transcript::ledger::{LedgerError, LedgerNote, SEALED};
use runbook_transcript::run_dir::RunDir;
use runbook_transcript::store::{Store, StoreError};
use runbook_transcript::tail::read_tail;
use runbook_transcript::wire;

use super::{RunError, holder};
use crate::account::Machine;
use crate::recorder::ledger_unwritable;

/// Enters in the ledger that a run was sealed, where its process died between the two; says whether that was so. A run
/// that is not sealed, or that the ledger never saw begin, is left as it is.
///
/// # Errors
/// [`RunError`] when another process has the run, or its transcript or the ledger cannot be read or written.
pub fn enter_missing_seal(store: &Store, run: &RunDir, machine: &Machine) -> Result<bool, RunError> {
    let _held = run.lock(&holder(machine, Timestamp::now())).map_err(RunError::Held)?;
    let path = run.transcript();
    let tail = File::open(&path)
        .and_then(|file| read_tail(&file))
        .map_err(|error| RunError::Store(StoreError::File(FileError::new("read", &path)(error))))?;
    let ends = run.ends().ok().and_then(|ends| ends.first.zip(ends.last));
    let (Some((first, last)), Some(line)) = (ends, tail.line) else { return Ok(false) };
    let record = wire::decode(&last.kind, last.step.as_deref(), last.attempt, &last.d).ok();
    let (Some(Record::RunSealed { outcome, .. }), RUN_STARTED) = (record, first.kind.as_str()) else {
        return Ok(false);
    };
    let ledger = store.ledger();
    let unwritable = |error: LedgerError| RunError::Unwritable(ledger_unwritable(ledger.path(), &error));
    let lines = ledger.read().map_err(unwritable)?;
    let of_run = || lines.iter().filter(|line| line.note.run == *run.id());
    if of_run().next().is_none() || of_run().any(|line| line.note.kind == RUN_SEALED) {
        return Ok(false);
    }
    let note = LedgerNote {
        ts: Timestamp::now(),
        kind: SEALED.to_owned(),
        run: run.id().clone(),
        head: Digest::of(&line),
        runbook: of_run().next().map(|line| line.note.runbook.clone()).unwrap_or_default(),
        outcome: Some(outcome.word().to_owned()),
    };
    ledger.append(note).map_err(unwritable)?;
    // What its process did not come to either.
    let _kept = run.protect();
    Ok(true)
}
