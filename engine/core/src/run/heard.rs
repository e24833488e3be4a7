//! Who was told of an escalate, by which channel, who acknowledged, and who of a team is still left to be told.

use std::sync::Arc;

use jiff::Timestamp;

use super::change::main_key;
use super::record::{Record, RequestId};
use super::request::{Request, RequestKind};
use super::state::RunState;
use super::step_state::{Stage, StepState};
use crate::document::team::Team;
use crate::graph::StepIndex;

/// A message that arrived, or did not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// The person or team, as named by who asked for it.
    pub(crate) to: String,
    /// Who of the team, where it went by a channel of their own.
    pub(crate) person: Option<String>,
    pub(crate) channel: String,
    pub(crate) at: Timestamp,
    /// Why it did not arrive.
    pub(crate) error: Option<String>,
}

/// Somebody who has seen it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Acknowledged {
    pub(crate) by: String,
    pub(crate) at: Timestamp,
}

/// Where somebody stands who was to hear of an escalate or a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// The person or team.
    pub name: String,
    /// The team in whose place they were told.
    pub of: Option<String>,
    /// When a message first arrived, and by which channel.
    pub told: Option<(Timestamp, String)>,
    /// Why the last one did not arrive, where none did.
    pub failed: Option<String>,
    /// When they acknowledged it.
    pub acknowledged: Option<Timestamp>,
}

impl StepState {
    /// Whether a message about it arrived.
    pub(crate) fn is_told(&self) -> bool {
        self.deliveries.iter().any(|delivery| delivery.error.is_none())
    }

    /// Whether a message to this person or team arrived.
    pub(crate) fn has_told(&self, name: &str) -> bool {
        self.deliveries.iter().any(|delivery| delivery.to == name && delivery.error.is_none())
    }

    /// Why messages did not arrive, each reason once.
    pub(crate) fn not_told(&self) -> Vec<String> {
        let mut reasons: Vec<String> = Vec::new();
        for Delivery { to, person, channel, error, .. } in &self.deliveries {
            let Some(error) = error else { continue };
            let reason = format!("{} by {channel}: {error}", person.as_ref().unwrap_or(to));
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
        reasons
    }
}

fn is_member(team: &Team, of: &str, who: &str) -> bool {
    team.teams.get(of).is_some_and(|group| group.members.iter().any(|member| member.value == who))
}

impl RunState {
    /// Where everybody stands who was to hear of a step, in the order they were told.
    #[must_use]
    pub fn heard(&self, step: &str) -> Vec<Heard> {
        let at = self.owner(step);
        let Some(state) = at.and_then(|(at, index)| at.steps.get(index.get())) else { return Vec::new() };
        let mut all: Vec<Heard> = Vec::new();
        let place = |all: &mut Vec<Heard>, name: &str, of: Option<&str>| {
            all.iter().position(|heard| heard.name == name).unwrap_or_else(|| {
                let (name, of) = (name.to_owned(), of.map(str::to_owned));
                all.push(Heard { name, of, told: None, failed: None, acknowledged: None });
                all.len() - 1
            })
        };
        for Delivery { to, person, channel, at, error } in &state.deliveries {
            let at_place = match person {
                Some(person) => place(&mut all, person, Some(to)),
                None => place(&mut all, to, None),
            };
            let Some(heard) = all.get_mut(at_place) else { continue };
            match error {
                None => {
                    heard.told.get_or_insert_with(|| (*at, channel.clone()));
                }
                Some(error) => heard.failed = Some(format!("{channel}: {error}")),
            }
        }
        for Acknowledged { by, at } in &state.acknowledged {
            let of = state.deliveries.iter().map(|told| told.to.as_str()).find(|to| is_member(&self.team, to, by));
            let at_place = place(&mut all, by, of);
            if let Some(heard) = all.get_mut(at_place) {
                heard.acknowledged = Some(*at);
            }
        }
        for heard in &mut all {
            heard.failed = heard.failed.take().filter(|_| heard.told.is_none());
        }
        all
    }

    /// The request for an acknowledgement of a step, while it is open.
    pub(crate) fn acknowledgement_of(&self, step: &str) -> Option<&Request> {
        let mut open = self.requests.values();
        open.find(|request| {
            request.step.as_deref() == Some(step) && matches!(request.kind, RequestKind::Acknowledge { .. })
        })
    }

    /// Who of the teams that nobody has answered for was told by no message yet: the rest, after who is on call. Where a
    /// team's own channel has brought it to all of them, only those with channels of their own.
    pub(crate) fn rest_of(&self, step: StepIndex) -> Vec<String> {
        let (Some(state), Some(request)) = (self.steps.get(step.get()), self.acknowledgement_of(&self.path(step)))
        else {
            return Vec::new();
        };
        let RequestKind::Acknowledge { missing, .. } = &request.kind else { return Vec::new() };
        if state.widened.is_some() {
            return Vec::new();
        }
        let mut rest: Vec<String> = Vec::new();
        for name in missing {
            let Some(group) = self.team.teams.get(name) else { continue };
            let arrived = |delivery: &&Delivery| delivery.error.is_none();
            let to_all = state.deliveries.iter().filter(arrived).any(|told| told.to == *name && told.person.is_none());
            for member in group.members.iter().map(|member| &member.value) {
                let is_told = state
                    .deliveries
                    .iter()
                    .filter(arrived)
                    .any(|told| told.person.as_ref() == Some(member) || told.to == *member);
                let own = self.team.people.get(member).is_some_and(|person| !person.notify.is_empty());
                if !is_told && (own || !to_all) && !rest.contains(member) {
                    rest.push(member.clone());
                }
            }
        }
        rest
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "it is called for these records alone")]
    pub(super) fn change_telling(&mut self, record: &Record) {
        let at = self.now;
        let (step, delivery) = match record {
            Record::EscalationSent { step, to, person, channel, .. } => {
                let (to, person, channel) = (to.clone(), person.clone(), channel.clone());
                (step, Delivery { to, person, channel, at, error: None })
            }
            Record::EscalationFailed { step, to, person, channel, error } => {
                let (to, person, channel) = (to.clone(), person.clone(), channel.clone());
                (step, Delivery { to, person, channel, at, error: Some(error.clone()) })
            }
            Record::EscalationWidened { step, to } => {
                let request = self.acknowledgement_of(step).map(|request| request.id);
                if let Some(request) = request.and_then(|request| self.requests.get_mut(&request)) {
                    // It counts again from when the rest is told.
                    request.deadline = None;
                }
                return self.with_step(step, |state| {
                    state.widened = Some(to.clone());
                    state.stage = Stage::Telling(main_key(step, state.last_attempt()));
                });
            }
            _ => return,
        };
        self.with_step(step, |state| state.deliveries.push(delivery));
    }

    pub(super) fn change_acknowledged(&mut self, step: &str, by: &str) {
        let team = Arc::clone(&self.team);
        let mut closed: Option<RequestId> = None;
        for request in self.requests.values_mut().filter(|request| request.step.as_deref() == Some(step)) {
            if let RequestKind::Acknowledge { missing, all } = &mut request.kind {
                missing.retain(|name| name != by && !is_member(&team, name, by));
                if !*all || missing.is_empty() {
                    closed = Some(request.id);
                }
            }
        }
        if let Some(request) = closed {
            self.requests.remove(&request);
        }
    }
}
