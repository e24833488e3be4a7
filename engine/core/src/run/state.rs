//! The state of a run.

use std::sync::Arc;

use jiff::Timestamp;

use super::effect::Effect;
use super::event::Event;
use super::record::{Actor, BlobDigest, Outcome, Phase, Record, RunOutcome, RunStarted};
use super::request::Request;
use crate::document::team::Team;
use crate::plan::Plan;

/// The state of one run of a plan. It changes only by records: [`RunState::on_event`] makes and applies them,
/// [`RunState::apply`] replays them.
pub struct RunState {
    plan: Arc<Plan>,
    team: Arc<Team>,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Something runs or can go on by itself.
    Running,
    /// Nothing goes on before a person or a deadline.
    Waiting,
    /// Nothing goes on before somebody says how an act ended.
    InDoubt,
    /// It is sealed.
    Over(RunOutcome),
}

/// What is known of a step, for those who show it.
#[derive(Debug, Clone)]
pub struct StepView {
    /// How it settled, if it did.
    pub outcome: Option<Outcome>,
    /// Whether it is going on or waiting (a process, a pause before a retry, a person).
    pub active: bool,
    /// One sentence: why it failed, was skipped, what it waits for.
    pub reason: Option<String>,
    /// Tries so far.
    pub attempts: u32,
    /// Its title, rendered as far as it can be.
    pub title: String,
}

/// Where replay finds what records name by digest only.
pub trait Blobs {
    /// The bytes of a blob; `None` where it was erased or never kept.
    fn get(&self, digest: &BlobDigest) -> Option<Vec<u8>>;
}

impl RunState {
    /// The state before the first event. `started` is the run's first record, `id` its run id.
    #[must_use]
    pub fn new(
        plan: Arc<Plan>,
        team: Arc<Team>,
        id: &str,
        started: &RunStarted,
        operator: &Actor,
        at: Timestamp,
    ) -> Self {
        let _ = (id, started, operator, at);
        Self { plan, team }
    }

    /// Takes an event in and says what is to be done, in order. Its records are applied already. `now` never goes
    /// back between calls.
    pub fn on_event(&mut self, event: Event, now: Timestamp) -> Vec<Effect> {
        let _ = (event, now);
        Vec::new()
    }

    /// Applies a record of a transcript: everything after `run.started`, in order.
    pub fn apply(&mut self, record: &Record, actor: &Actor, at: Timestamp, blobs: &dyn Blobs) {
        let _ = (record, actor, at, blobs);
    }

    /// The next instant at which [`Event::Deadline`] is wanted.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        None
    }

    /// What waits for people, oldest first.
    pub fn requests(&self) -> impl Iterator<Item = &Request> {
        [].into_iter()
    }

    /// Where the run stands.
    #[must_use]
    pub fn standing(&self) -> Standing {
        Standing::Running
    }

    /// The phase.
    #[must_use]
    pub fn phase(&self) -> Phase {
        Phase::Steps
    }

    /// What is known of a step.
    #[must_use]
    pub fn step(&self, id: &str) -> Option<StepView> {
        let _ = id;
        None
    }

    /// The plan it runs.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The people it knows.
    #[must_use]
    pub fn team(&self) -> &Team {
        &self.team
    }
}
