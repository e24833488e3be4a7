//! An earlier run, looked back at by one that tries it again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use runbook_core::id::RunbookName;
use runbook_core::limits::{CAPTURE_BYTES_MAX, FILE_BYTES_MAX};
use runbook_core::run::record::{
    BlobDigest, Mode, Outcome, Output, Part, Record, RetryOf, RunOutcome, RunStarted, StepPath, Stream,
};
use runbook_core::run::state::{self, RunState, Standing};
use runbook_transcript::blob::{Blobs, Durable};
use runbook_transcript::digest::Digest;
use runbook_transcript::reader::{ReadError, Reader};
use runbook_transcript::run_dir::RunDir;
use runbook_transcript::run_id::RunId;
use runbook_transcript::store::Store;
use runbook_transcript::wire;

use super::{Loaded, RunError};
use crate::load::{Source, Sources, as_it_was};
use crate::recorder::Unwritable;

/// An earlier run, and what is taken over of it.
#[derive(Debug, Clone)]
pub struct Earlier {
    /// The earlier run's folder.
    pub run: RunDir,
    /// Its runbook as it was, and its people.
    pub loaded: Loaded,
    /// Its first record.
    pub started: RunStarted,
    /// How it ended.
    pub outcome: RunOutcome,
    /// The steps taken over, in the order in which they settled.
    pub steps: Vec<(StepPath, Outcome)>,
    /// The steps that will run, or be passed by, in file order.
    pub left: Vec<StepPath>,
    /// The steps of `left` that passed there and run again only because they come after one that does, in file order.
    pub along: Vec<StepPath>,
    /// The records to be made, each with the whole output it names.
    pub(super) records: Vec<(Record, Vec<u8>)>,
}

impl Earlier {
    pub(super) fn named(&self) -> RetryOf {
        RetryOf { run: self.run.id().to_string(), steps: self.steps.iter().map(|(step, _)| step.clone()).collect() }
    }

    /// Keeps what the records name in another run's folder: it stands on its own when the earlier one is gone.
    pub(super) fn keep_blobs(&self, run: &RunDir) -> Result<(), Unwritable> {
        for (record, _) in &self.records {
            let Record::StepOutput { output: Output { blob: Some(blob), .. }, .. } = record else { continue };
            let Some(digest) = Digest::parse(blob) else { continue };
            let unwritable = |path: PathBuf, why: String| Unwritable { path, why };
            let from = self.run.blobs();
            let bytes = from.get(digest, u64::MAX).map_err(|error| {
                unwritable(from.path_of(digest), format!("its output cannot be taken over: {error}"))
            })?;
            run.blobs().put(&bytes, Durable::Yes).map_err(|error| unwritable(error.path.clone(), error.to_string()))?;
        }
        Ok(())
    }
}

/// Why a run is not tried again.
#[derive(Debug)]
pub enum RetryError {
    /// It has not ended.
    NotOver,
    /// It ended in a way that leaves nothing to try again.
    Ended(RunOutcome),
    /// It was a dry run.
    DryRun,
    /// It has no such step.
    NoStep(String),
    /// Its transcript cannot be read.
    Unreadable(String),
}

impl fmt::Display for RetryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOver => f.write_str("it is not over"),
            Self::Ended(outcome) => {
                write!(f, "it is {}: only a failed or cancelled run is tried again", outcome.word())
            }
            Self::DryRun => f.write_str("it was a dry run or a drill, which changed nothing that could be taken over"),
            Self::NoStep(step) => write!(f, "it has no step {step:?}"),
            Self::Unreadable(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for RetryError {}

struct Kept(Blobs);

impl state::Blobs for Kept {
    fn get(&self, digest: &BlobDigest) -> Option<Vec<u8>> {
        self.0.get(Digest::parse(digest)?, CAPTURE_BYTES_MAX as u64).ok()
    }
}

/// What stands in a transcript about one step, for who takes it over.
#[derive(Default)]
struct Told {
    settled: u64,
    printed: BTreeMap<Stream, Record>,
}

/// Looks back at a run that failed or was cancelled, to try it again. The steps of `again`, and what comes after them,
/// are not taken over.
///
/// # Errors
/// [`RetryError`].
pub fn look_back(run: &RunDir, again: &[String]) -> Result<Earlier, RetryError> {
    let unreadable = |why: String| RetryError::Unreadable(why);
    let kept = Kept(run.blobs());
    let mut begun: Option<(RunState, Loaded, RunStarted)> = None;
    let mut told: BTreeMap<StepPath, Told> = BTreeMap::new();
    let entries =
        Reader::open(&run.transcript(), Some(run.id().clone())).map_err(|error| unreadable(error.to_string()))?;
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(ReadError::Torn { .. }) => return Err(RetryError::NotOver),
            Err(error) => return Err(unreadable(error.to_string())),
        };
        let record = wire::record(&entry).map_err(|error| unreadable(format!("entry {}: {error}", entry.n)))?;
        match (record, &mut begun) {
            (Record::RunStarted(started), None) => {
                if started.mode != Mode::Real {
                    return Err(RetryError::DryRun);
                }
                let loaded = loaded(&started, &kept).map_err(unreadable)?;
                let (plan, team) = (Arc::clone(&loaded.plan), Arc::clone(&loaded.team));
                let state = RunState::new(plan, team, run.id().as_str(), &started, &entry.actor, entry.ts);
                begun = Some((state, loaded, *started));
            }
            (record, Some((state, ..))) => {
                state.apply(&record, &entry.actor, entry.ts, &kept);
                note(record, entry.n, &mut told);
            }
            (_, None) => return Err(unreadable("it does not begin with its start".to_owned())),
        }
    }
    let Some((state, loaded, started)) = begun else { return Err(unreadable("it has no entry".to_owned())) };
    let outcome = match state.standing() {
        Standing::Over(outcome @ (RunOutcome::Failed | RunOutcome::Cancelled)) => outcome,
        Standing::Over(outcome) => return Err(RetryError::Ended(outcome)),
        Standing::Running | Standing::Waiting | Standing::InDoubt => return Err(RetryError::NotOver),
    };
    if let Some(unknown) = again.iter().find(|step| state.step(step).is_none()) {
        return Err(RetryError::NoStep(unknown.clone()));
    }
    let again: BTreeSet<StepPath> = again.iter().cloned().collect();
    let mut taken = state.to_take_over(&again);
    taken.sort_by_key(|(step, _)| told.get(step).map_or(0, |told| told.settled));
    let steps: Vec<(StepPath, Outcome)> = taken.iter().map(|(step, was)| (step.clone(), was.outcome)).collect();
    let is_left = |step: &StepPath| !steps.iter().any(|(taken, _)| taken == step);
    let left: Vec<StepPath> = state.plan().document().steps.iter().map(|step| step.id.value.to_string()).collect();
    let left: Vec<StepPath> = left.into_iter().filter(is_left).collect();
    let passed = |step: &StepPath| state.step(step).is_some_and(|view| view.outcome == Some(Outcome::Passed));
    let along = left.iter().filter(|step| passed(step) && !again.contains(*step)).cloned().collect();
    let mut records = Vec::new();
    for (step, was) in taken {
        let Told { settled: n, printed } = told.remove(&step).unwrap_or_default();
        for printed in printed.into_values() {
            let text = text_of(&printed, &kept);
            records.push((printed, text));
        }
        let record = Record::StepTakenOver { step, run: run.id().to_string(), n, was: Box::new(was) };
        records.push((record, Vec::new()));
    }
    Ok(Earlier { run: run.clone(), loaded, started, outcome, steps, left, along, records })
}

fn note(record: Record, n: u64, told: &mut BTreeMap<StepPath, Told>) {
    if let Record::StepSettled { step, .. } | Record::StepSkipped { step, .. } | Record::StepTakenOver { step, .. } =
        record
    {
        told.entry(step).or_default().settled = n;
    } else if let Record::StepOutput { key, stream, .. } = &record
        && key.part == Part::Main
    {
        let (step, stream) = (key.step.clone(), *stream);
        told.entry(step).or_default().printed.insert(stream, record);
    }
}

fn text_of(record: &Record, kept: &Kept) -> Vec<u8> {
    let Record::StepOutput { output: Output { blob: Some(blob), .. }, .. } = record else { return Vec::new() };
    state::Blobs::get(kept, blob).unwrap_or_default()
}

/// The runbook and the team as they were.
fn loaded(started: &RunStarted, kept: &Kept) -> Result<Loaded, String> {
    let read = |digest: &BlobDigest| {
        let digest = Digest::parse(digest).ok_or_else(|| format!("{digest:?} is no digest"))?;
        kept.0.get(digest, FILE_BYTES_MAX as u64 + 1).map_err(|error| error.to_string())
    };
    let (plan, team) = as_it_was(started, &read)?;
    let source = read(&started.source)?;
    let path = PathBuf::from(&started.path);
    let beside = |file: &str, digest| Ok::<_, String>(Source { path: path.with_file_name(file), bytes: read(digest)? });
    let team_source = started.team.as_ref().map(|digest| beside("team.yaml", digest)).transpose()?;
    let mut called = Sources::new();
    for (name, digest) in &started.called {
        let name = RunbookName::new(name).map_err(|error| error.to_string())?;
        let source = beside(&format!("{name}.yaml"), digest)?;
        called.insert(name, source);
    }
    let directory = PathBuf::from(&started.directory);
    Ok(Loaded { plan, team, runbook: Source { path, bytes: source }, called, team_source, directory })
}

/// What a run was to take over when its process died before it began.
///
/// # Errors
/// [`RunError::Replay`] when the earlier run is not there any more, or cannot be read.
pub(super) fn left_over(
    store: &Store,
    run: &RunDir,
    started: &RunStarted,
    state: &RunState,
) -> Result<Vec<(Record, Vec<u8>)>, RunError> {
    let Some(retry) = &started.retry_of else { return Ok(Vec::new()) };
    let missing: BTreeSet<StepPath> = retry.steps.iter().filter(|step| state.is_untouched(step)).cloned().collect();
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    let failed = |why: String| RunError::Replay {
        path: run.transcript(),
        n: 0,
        why: format!("what it takes over of run {} is not all recorded, and cannot be looked up: {why}", retry.run),
    };
    let id = RunId::new(&retry.run).map_err(|error| failed(error.to_string()))?;
    let left_out: Vec<String> = state
        .plan()
        .document()
        .steps
        .iter()
        .map(|step| step.id.value.to_string())
        .filter(|step| {
            // Of a loop some items can be taken over without the rest, of a called runbook some steps.
            let is_part = |rest: &str| rest.is_empty() || rest.starts_with(['[', '/']);
            !retry.steps.iter().any(|taken| taken.strip_prefix(step.as_str()).is_some_and(is_part))
        })
        .collect();
    let mut earlier = look_back(&store.run(&id), &left_out).map_err(|error| failed(error.to_string()))?;
    earlier.records.retain(|(record, _)| {
        if let Record::StepTakenOver { step, .. } = record {
            missing.contains(step)
        } else if let Record::StepOutput { key, .. } = record {
            missing.contains(&key.step)
        } else {
            false
        }
    });
    earlier.keep_blobs(run).map_err(RunError::Unwritable)?;
    Ok(earlier.records)
}
