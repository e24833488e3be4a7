//! The step that a record is about.

use super::record::{Record, StepPath};

impl Record {
    /// The step it is about; none where it is about the whole run.
    #[must_use]
    pub fn step(&self) -> Option<&StepPath> {
        match self {
            Self::StepPlanned { key, .. }
            | Self::ApprovalRequested { key, .. }
            | Self::ApprovalGranted { key, .. }
            | Self::ApprovalDenied { key, .. }
            | Self::ApprovalExpired { key, .. }
            | Self::ApprovalVoid { key, .. }
            | Self::StepIntent { key, .. }
            | Self::StepSpawned { key, .. }
            | Self::StepReleased { key }
            | Self::StepOutput { key, .. }
            | Self::AttemptEnded { key, .. }
            | Self::RetryScheduled { key, .. }
            | Self::CallGiven { key, .. }
            | Self::CallStarted { key, .. }
            | Self::CallPhase { key, .. }
            | Self::CallCancelled { key, .. }
            | Self::CallEnded { key, .. }
            | Self::DoubtOpened { key, .. }
            | Self::DoubtSettled { key, .. } => Some(&key.step),
            Self::StepItems { step, .. }
            | Self::StepSettled { step, .. }
            | Self::StepSkipped { step, .. }
            | Self::StepUndone { step, .. }
            | Self::StepTakenOver { step, .. }
            | Self::Decision { step, .. }
            | Self::EscalationSent { step, .. }
            | Self::EscalationFailed { step, .. }
            | Self::EscalationWaiting { step, .. }
            | Self::EscalationWidened { step, .. }
            | Self::EscalationAcknowledged { step, .. }
            | Self::EscalationTimedOut { step }
            | Self::Attachment { step, .. }
            | Self::Override { step, .. } => Some(step),
            Self::Question { step, .. }
            | Self::Answer { step, .. }
            | Self::QuestionWithdrawn { step, .. }
            | Self::Note { step, .. }
            | Self::Handover { step, .. }
            | Self::Refused { step, .. } => step.as_ref(),
            Self::RunStarted(_)
            | Self::HandoverConfirmed { .. }
            | Self::ClockJumped { .. }
            | Self::Recovered { .. }
            | Self::PhaseEntered { .. }
            | Self::RunSuspended { .. }
            | Self::RunResumed { .. }
            | Self::RunCancelled { .. }
            | Self::RunSealed { .. } => None,
        }
    }
}
