//! What was told by a channel that holds it open until it is over: an incident for each step, at `PagerDuty`.
//!
//! One is over when who was told has answered: acknowledged it, or said yes or no. What nobody answered is over when the
//! run is resolved; where it ends otherwise the trouble is still there, and so is the incident.

use std::collections::{BTreeMap, BTreeSet};

use runbook_core::document::team::{ChannelKind, Team};
use runbook_core::run::record::{Actor, Record, RunOutcome, StepPath};
use runbook_core::run::request::RequestKind;
use runbook_core::run::state::RunState;

use super::{Message, Office, by, pagerduty};
use crate::executor::Workplace;
use crate::team::Try;

/// What the note of one that is resolved begins with.
const RESOLVED: &str = "its incident is resolved: ";
/// What the note of one that is over with its run is, before the channel: how that went cannot be recorded any more.
const OVER: &str = "its incident is over, and ";
/// What the note of one that is not begins with.
const STAYS: &str = "its incident may stay open, and somebody has to resolve it there: ";

/// Incidents of a run that are not known to be over.
#[derive(Debug, Clone, Default)]
pub(crate) struct Incidents {
    /// By step, the channels it was told by.
    open: BTreeMap<StepPath, BTreeSet<String>>,
    /// Steps that somebody has answered, all or in part.
    answered: BTreeSet<StepPath>,
    /// Those whose channels are being told that they are over.
    ending: Vec<Incident>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Incident {
    /// The step.
    pub(crate) step: StepPath,
    /// The channel.
    pub(crate) channel: String,
}

impl Incidents {
    /// Takes in what is recorded.
    pub(crate) fn note(&mut self, record: &Record, actor: &Actor, team: &Team) {
        if let Record::EscalationSent { step, channel, .. } = record {
            let kind = team.channels.get(channel).map(|channel| &channel.kind);
            if matches!(kind, Some(ChannelKind::PagerDuty { .. })) {
                self.open.entry(step.clone()).or_default().insert(channel.clone());
            }
        } else if let Record::EscalationAcknowledged { step, .. } | Record::Answer { step: Some(step), .. } = record {
            self.answered.insert(step.clone());
        } else if let Record::Note { step: Some(step), text } = record
            && actor.id == "engine"
        {
            if text.starts_with(RESOLVED) {
                self.open.remove(step);
            }
            if text.starts_with(RESOLVED) || text.starts_with(STAYS) {
                self.ending.retain(|incident| incident.step != *step);
            }
        }
    }

    /// Those that are over by now. They are given once.
    pub(crate) fn over(&mut self, state: &RunState) -> Vec<Incident> {
        let waits = |step: &StepPath| {
            let is = |kind: &RequestKind| matches!(kind, RequestKind::Acknowledge { .. });
            state.requests().any(|request| request.step.as_ref() == Some(step) && is(&request.kind))
        };
        let over: Vec<StepPath> =
            self.open.keys().filter(|step| self.answered.contains(*step) && !waits(step)).cloned().collect();
        let over: Vec<Incident> = over.into_iter().flat_map(|step| self.take(&step)).collect();
        self.ending.extend(over.iter().cloned());
        over
    }

    /// What is to be noted before a run is sealed so, and those that are over because it ends. How it goes with them, and
    /// with those whose channels are being told, cannot be recorded any more.
    pub(crate) fn at_the_end(&mut self, outcome: RunOutcome, state: &RunState) -> (Vec<Record>, Vec<Incident>) {
        let told = std::mem::take(&mut self.ending);
        let mut over = self.over(state);
        if outcome == RunOutcome::Resolved {
            let steps: Vec<StepPath> = self.open.keys().cloned().collect();
            over.extend(steps.into_iter().flat_map(|step| self.take(&step)));
        }
        let note = |incident: &Incident| Record::Note {
            step: Some(incident.step.clone()),
            text: format!("{OVER}{} is told so", incident.channel),
        };
        (told.iter().chain(&over).map(note).collect(), over)
    }

    fn take(&mut self, step: &str) -> Vec<Incident> {
        let channels = self.open.remove(step).unwrap_or_default();
        channels.into_iter().map(|channel| Incident { step: step.to_owned(), channel }).collect()
    }
}

/// Whether a note says of an incident that it may stay open.
pub(crate) fn may_stay_open(note: &str) -> bool {
    note.starts_with(STAYS)
}

/// Tells the channel that it is over; gives what is to be noted of that.
pub(crate) async fn resolve(incident: &Incident, work: &Workplace) -> String {
    let message = Message {
        run: work.run.clone(),
        step: Some(incident.step.clone()),
        runbook: work.about.runbook.clone(),
        is_over: true,
        ..Message::default()
    };
    let office =
        Office { team: &work.team, machine: &work.machine, directory: &work.directory, orphans: Some(&work.orphans) };
    let way = Try { channel: incident.channel.clone(), addressee: String::new(), of: None };
    let keep = |secrets: &crate::secret::Secrets| work.remember(secrets);
    let said = std::cell::RefCell::new(Err(String::new()));
    let _reached = by(&message, &way, office, keep, async |result| drop(said.replace(result))).await;
    let channel = &incident.channel;
    match said.into_inner() {
        Ok(answer) => format!("{RESOLVED}{channel}, {answer}"),
        Err(why) => format!("{STAYS}{channel}, key {}: {why}", pagerduty::dedup_key(&message)),
    }
}
