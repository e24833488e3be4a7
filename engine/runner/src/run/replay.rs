//! From a transcript back to the state of its run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use runbook_core::document::team::Team;
use runbook_core::limits::FILE_BYTES_MAX;
use runbook_core::plan::Plan;
use runbook_core::run::record::{AttemptKey, BlobDigest, Mode, Record, RunStarted};
use runbook_core::run::state::{self, RunState};
use runbook_transcript::blob::Blobs;
use runbook_transcript::digest::Digest;
use runbook_transcript::entry::Entry;
use runbook_transcript::run_dir::RunDir;
use runbook_transcript::wire;
use runbook_transcript::writer::{Torn, Writer};

use super::RunError;
use super::leftover::Process;
use crate::channel::incidents::Incidents;
use crate::inbox;

/// Bytes of a blob that a replay reads: an output of which expressions read.
const BLOB_BYTES_MAX: u64 = runbook_core::limits::CAPTURE_BYTES_MAX as u64;

/// A run as its transcript tells it.
pub(super) struct Replayed {
    pub(super) writer: Writer,
    pub(super) torn: Option<Torn>,
    pub(super) state: RunState,
    pub(super) plan: Arc<Plan>,
    pub(super) team: Arc<Team>,
    pub(super) started: RunStarted,
    /// The time of the last entry.
    pub(super) last: Timestamp,
    /// Milliseconds since boot that the last entry tells.
    pub(super) last_boot_ms: u64,
    /// Attempts whose process was started and whose end is not recorded.
    pub(super) open: BTreeMap<AttemptKey, Process>,
    /// The plans of attempts whose end is not recorded.
    pub(super) plans: BTreeMap<AttemptKey, BlobDigest>,
    /// Messages of the inbox that are in the transcript.
    pub(super) taken: BTreeSet<String>,
    /// What was told by a channel that holds it open.
    pub(super) incidents: Incidents,
    /// The boot of the last process that wrote.
    pub(super) boot_id: String,
}

/// Blobs as a replay wants them.
struct Kept(Blobs);

impl state::Blobs for Kept {
    fn get(&self, digest: &BlobDigest) -> Option<Vec<u8>> {
        self.0.get(Digest::parse(digest)?, BLOB_BYTES_MAX).ok()
    }
}

struct Replay {
    run: RunDir,
    blobs: Kept,
    begun: Option<Begun>,
    last: Timestamp,
    last_boot_ms: u64,
    open: BTreeMap<AttemptKey, Process>,
    plans: BTreeMap<AttemptKey, BlobDigest>,
    taken: BTreeSet<String>,
    incidents: Incidents,
    boot_id: String,
    failed: Option<RunError>,
}

struct Begun {
    state: RunState,
    plan: Arc<Plan>,
    team: Arc<Team>,
    started: RunStarted,
}

/// Reads a run's transcript, and opens it to be written on. The caller holds the run's lock.
///
/// # Errors
/// [`RunError`] when it is sealed, was a dry run, is broken, or is of a build that knew more than this one.
pub(super) fn replay(run: &RunDir) -> Result<Replayed, RunError> {
    let mut replay = Replay {
        run: run.clone(),
        blobs: Kept(run.blobs()),
        begun: None,
        last: Timestamp::MIN,
        last_boot_ms: 0,
        open: BTreeMap::new(),
        plans: BTreeMap::new(),
        taken: BTreeSet::new(),
        incidents: Incidents::default(),
        boot_id: String::new(),
        failed: None,
    };
    let (writer, torn) = Writer::open(run, |entry| replay.take(&entry)).map_err(RunError::Open)?;
    if let Some(error) = replay.failed {
        return Err(error);
    }
    let Some(Begun { state, plan, team, started }) = replay.begun else {
        let why = "it has no entry: its process died before anything was done".to_owned();
        return Err(RunError::Replay { path: run.transcript(), n: 0, why });
    };
    let Replay { last, last_boot_ms, open, plans, taken, incidents, boot_id, .. } = replay;
    Ok(Replayed {
        writer,
        torn,
        state,
        plan,
        team,
        started,
        last,
        last_boot_ms,
        open,
        plans,
        taken,
        incidents,
        boot_id,
    })
}

impl Replay {
    fn take(&mut self, entry: &Entry) {
        if self.failed.is_some() {
            return;
        }
        if let Err(error) = self.apply(entry) {
            self.failed = Some(error);
        }
    }

    fn apply(&mut self, entry: &Entry) -> Result<(), RunError> {
        let broken = |why: String| RunError::Replay { path: self.run.transcript(), n: entry.n, why };
        let decoded = wire::decode(&entry.kind, entry.step.as_deref(), entry.attempt, &entry.d);
        let record = decoded.map_err(|error| broken(error.to_string()))?;
        self.last = entry.ts;
        self.last_boot_ms = entry.bt;
        if let Some(message) = inbox::message_of(&entry.actor) {
            self.taken.insert(message.to_owned());
        }
        match (&record, &mut self.begun) {
            (Record::RunStarted(started), None) => {
                if started.mode != Mode::Real {
                    return Err(RunError::DryRun);
                }
                let (plan, team) = self.sources(started).map_err(broken)?;
                let id = self.run.id().as_str();
                let state = RunState::new(Arc::clone(&plan), Arc::clone(&team), id, started, &entry.actor, entry.ts);
                self.boot_id.clone_from(&started.boot_id);
                self.begun = Some(Begun { state, plan, team, started: (**started).clone() });
            }
            (Record::RunStarted(_), Some(_)) => return Err(broken("the run starts twice".to_owned())),
            (_, None) => return Err(broken("the run does not begin with its start".to_owned())),
            (record, Some(begun)) => {
                begun.state.apply(record, &entry.actor, entry.ts, &self.blobs);
                self.incidents.note(record, &entry.actor, &begun.team);
                self.note(record);
            }
        }
        Ok(())
    }

    fn note(&mut self, record: &Record) {
        if let Record::StepIntent { key, plan: Some(plan), .. } = record {
            self.plans.insert(key.clone(), plan.clone());
        } else if let Record::StepSpawned { key, pid, start_time } = record {
            self.open.insert(key.clone(), Process { pid: *pid, start_time: *start_time });
        } else if let Record::AttemptEnded { key, .. } = record {
            self.open.remove(key);
            self.plans.remove(key);
        } else if let Record::RunResumed { boot_id, .. } = record {
            if self.boot_id != *boot_id {
                // Of another boot there is no process left, and its numbers are others' by now.
                self.open.clear();
            }
            self.boot_id.clone_from(boot_id);
        }
    }

    /// The runbook and the team as they were when the run started.
    fn sources(&self, started: &RunStarted) -> Result<(Arc<Plan>, Arc<Team>), String> {
        let read = |digest: &BlobDigest| {
            let digest = Digest::parse(digest).ok_or_else(|| format!("{digest:?} is no digest"))?;
            self.blobs.0.get(digest, FILE_BYTES_MAX as u64 + 1).map_err(|error| error.to_string())
        };
        crate::load::as_it_was(started, &read)
    }
}
