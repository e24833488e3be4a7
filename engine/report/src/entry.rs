//! What a report is made of.

use jiff::Timestamp;
use runbook_core::document::model::Kind;
use runbook_core::run::record::{Actor, Record};

/// One entry of a transcript, read.
#[derive(Debug, Clone, PartialEq)]
pub struct Folded {
    /// Its number in the transcript, from 0.
    pub n: u64,
    /// When, as the machine claimed.
    pub ts: Timestamp,
    /// Who made it happen.
    pub actor: Actor,
    /// What it says.
    pub record: Record,
}

/// What a report needs and no record says.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// The run's id.
    pub run: String,
    /// The steps of the runbook, in reading order. A step that is not among them is told by its id, as an act.
    pub steps: Vec<StepInfo>,
    /// Whether the process of a run that is not sealed lives; `None`: not known.
    pub alive: Option<bool>,
}

/// A step, as its runbook tells it.
#[derive(Debug, Clone)]
pub struct StepInfo {
    /// Its id.
    pub id: String,
    /// Its kind.
    pub kind: Kind,
    /// Its title, rendered as far as it can be.
    pub title: String,
    /// Who an escalate tells, or a question asks, as written.
    pub to: Vec<String>,
}

impl About {
    /// The step of a path; an item of a `for_each` (`drain[2]`) is its step.
    #[must_use]
    pub fn step(&self, path: &str) -> Option<&StepInfo> {
        let find = |id: &str| self.steps.iter().find(|step| step.id == id);
        find(path).or_else(|| find(path.split_once('[')?.0))
    }
}

/// The step a record is about.
#[must_use]
pub fn step_of(record: &Record) -> Option<&str> {
    match record {
        Record::StepPlanned { key, .. }
        | Record::ApprovalRequested { key, .. }
        | Record::ApprovalGranted { key, .. }
        | Record::ApprovalDenied { key, .. }
        | Record::ApprovalExpired { key, .. }
        | Record::ApprovalVoid { key, .. }
        | Record::StepIntent { key, .. }
        | Record::StepSpawned { key, .. }
        | Record::StepReleased { key }
        | Record::StepOutput { key, .. }
        | Record::AttemptEnded { key, .. }
        | Record::RetryScheduled { key, .. }
        | Record::DoubtOpened { key, .. }
        | Record::DoubtSettled { key, .. } => Some(&key.step),
        Record::StepSettled { step, .. }
        | Record::StepSkipped { step, .. }
        | Record::StepUndone { step, .. }
        | Record::Decision { step, .. }
        | Record::EscalationSent { step, .. }
        | Record::EscalationFailed { step, .. }
        | Record::EscalationWaiting { step, .. }
        | Record::EscalationAcknowledged { step, .. }
        | Record::EscalationTimedOut { step }
        | Record::Attachment { step, .. }
        | Record::Override { step, .. } => Some(step),
        Record::Question { step, .. }
        | Record::Answer { step, .. }
        | Record::QuestionWithdrawn { step, .. }
        | Record::Note { step, .. }
        | Record::Handover { step, .. }
        | Record::Refused { step, .. } => step.as_deref(),
        Record::RunStarted(_)
        | Record::ClockJumped { .. }
        | Record::Recovered { .. }
        | Record::PhaseEntered { .. }
        | Record::RunSuspended { .. }
        | Record::RunResumed { .. }
        | Record::RunCancelled { .. }
        | Record::RunSealed { .. } => None,
    }
}
