//! A run read back from its files, to be told about: its entries, and what its steps are called.

use runbook_core::limits::{CAPTURE_BYTES_MAX, FILE_BYTES_MAX};
use runbook_core::run::record::{BlobDigest, Record, RunStarted};
use runbook_core::run::state::{self, RunState};
use runbook_report::entry::{About, Folded};
use runbook_runner::load::as_it_was;
use runbook_transcript::blob::Blobs;
use runbook_transcript::digest::Digest;
use runbook_transcript::reader::{ReadError, Reader};
use runbook_transcript::run_dir::RunDir;

use crate::exit_code::ExitCode;
use crate::failure::Failure;

/// A run as its files tell it.
pub struct Replayed {
    /// Its entries; those of kinds this build does not know are left out.
    pub entries: Vec<Folded>,
    /// What reports need besides.
    pub about: About,
    /// Its last line is not whole.
    pub is_torn: bool,
}

pub(crate) struct Kept(pub(crate) Blobs);

impl state::Blobs for Kept {
    fn get(&self, digest: &BlobDigest) -> Option<Vec<u8>> {
        self.0.get(Digest::parse(digest)?, CAPTURE_BYTES_MAX as u64).ok()
    }
}

/// Reads a run.
///
/// # Errors
/// [`Failure`] when its transcript cannot be read, or is broken: then nothing is told of it.
pub fn replay(run: &RunDir) -> Result<Replayed, Failure> {
    let (entries, is_torn) = entries_of(run)?;
    let alive = run.holder().ok().map(|holder| holder.is_some());
    let about = about(run, &entries, alive);
    Ok(Replayed { entries, about, is_torn })
}

/// A run that is just taken up has its torn last line moved away: whoever reads it in that moment sees the beginning of
/// the one line and the end of another. What is broken stays so, and is read twice.
fn entries_of(run: &RunDir) -> Result<(Vec<Folded>, bool), Failure> {
    read_entries(run).or_else(|_| read_entries(run))
}

fn read_entries(run: &RunDir) -> Result<(Vec<Folded>, bool), Failure> {
    let mut entries = Vec::new();
    let mut is_torn = false;
    let reader = Reader::open(&run.transcript(), Some(run.id().clone()))
        .map_err(|error| Failure::new(ExitCode::Unwritable, error))?;
    for entry in reader {
        match entry {
            // A later version may write kinds that this one does not know; the others still tell what happened.
            Ok(entry) => entries.extend(Folded::of(&entry).ok()),
            Err(ReadError::Torn { .. }) => is_torn = true,
            Err(error) => {
                return Err(Failure::new(
                    ExitCode::Broken,
                    format!("the transcript of {} is broken: {error}", run.id()),
                )
                .help(format!("`runbook audit verify {}` says from where on", run.id())));
            }
        }
    }
    Ok((entries, is_torn))
}

/// The state of a run, as its transcript tells it so far.
///
/// # Errors
/// [`Failure`] when its transcript or the runbook kept in it cannot be read.
pub fn state_now(run: &RunDir) -> Result<RunState, Failure> {
    let (entries, _) = entries_of(run)?;
    let unknown = || Failure::new(ExitCode::Broken, format!("run {} cannot be read back", run.id()));
    state_of(run, &entries).ok_or_else(unknown)
}

/// What the steps are called, from the runbook as it was. Where that cannot be had, ids have to do.
fn about(run: &RunDir, entries: &[Folded], alive: Option<bool>) -> About {
    match state_of(run, entries) {
        Some(state) => About::of(run.id().as_str(), &state, entries, alive),
        None => About { run: run.id().to_string(), alive, ..About::default() },
    }
}

/// Where a run stands after these entries; nothing where its runbook cannot be had any more.
#[must_use]
pub fn state_of(run: &RunDir, entries: &[Folded]) -> Option<RunState> {
    let (first, rest) = entries.split_first()?;
    let Record::RunStarted(started) = &first.record else { return None };
    let blobs = Kept(run.blobs());
    let mut state = begun(run, started, first, &blobs)?;
    for entry in rest {
        state.apply(&entry.record, &entry.actor, entry.ts, &blobs);
    }
    Some(state)
}

pub(crate) fn begun(run: &RunDir, started: &RunStarted, first: &Folded, blobs: &Kept) -> Option<RunState> {
    let read = |digest: &BlobDigest| {
        let digest = Digest::parse(digest).ok_or_else(|| format!("{digest:?} is no digest"))?;
        blobs.0.get(digest, FILE_BYTES_MAX as u64 + 1).map_err(|error| error.to_string())
    };
    let (plan, team) = as_it_was(started, &read).ok()?;
    Some(RunState::new(plan, team, run.id().as_str(), started, &first.actor, first.ts))
}
