//! What becomes of each step when a run is gone on with.

use std::collections::BTreeMap;

use runbook_core::plan::Plan;
use runbook_core::run::record::{AttemptKey, Outcome, QuestionKind, Record};
use runbook_core::run::request::RequestKind;
use runbook_core::run::state::{Doing, RunState};
use runbook_report::entry::Folded;
use runbook_runner::account::Machine;
use runbook_runner::run::fate::{Outlook, Process};
use runbook_transcript::run_dir::RunDir;

use crate::replay::state_of;
use crate::text::Style;

/// A step, and what becomes of it.
pub(super) struct Ahead {
    /// Its id.
    pub(super) id: String,
    /// In a word.
    pub(super) will: Will,
    /// The rest of it.
    pub(super) why: String,
}

/// What becomes of a step, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Will {
    Done,
    Attaches,
    InDoubt,
    Waits,
    Runs,
    NotReached,
}

impl Will {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Attaches => "attaches",
            Self::InDoubt => "in doubt",
            Self::Waits => "waits",
            Self::Runs => "runs",
            Self::NotReached => "not reached",
        }
    }

    pub(super) fn style(self) -> Style {
        match self {
            Self::Done => Style::Good,
            Self::Attaches | Self::Waits => Style::Look,
            Self::InDoubt => Style::Bad,
            Self::Runs => Style::Strong,
            Self::NotReached => Style::Faint,
        }
    }
}

/// Looks at a run that nobody has, and touches nothing.
pub(super) fn ahead(run: &RunDir, entries: &[Folded], machine: &Machine) -> Vec<Ahead> {
    let Some(state) = state_of(run, entries) else { return Vec::new() };
    let open = open_processes(entries, machine);
    let acts: BTreeMap<String, Outlook> = state
        .open_acts()
        .map(|(key, let_go)| (key.step.clone(), Outlook::of(run, key, let_go, open.get(key).copied())))
        .collect();
    let plan = state.plan();
    let ids = plan.graph().steps().map(|index| plan.step(index).id.value.to_string());
    ids.map(|id| {
        let (will, why) = of(&state, plan, &id, acts.get(&id).copied());
        Ahead { id, will, why }
    })
    .collect()
}

/// The processes of this boot whose attempts did not end.
fn open_processes(entries: &[Folded], machine: &Machine) -> BTreeMap<AttemptKey, Process> {
    let mut open = BTreeMap::new();
    let mut boot = String::new();
    for entry in entries {
        if let Record::StepSpawned { key, pid, start_time } = &entry.record {
            open.insert(key.clone(), Process { pid: *pid, start_time: *start_time });
        } else if let Record::AttemptEnded { key, .. } = &entry.record {
            open.remove(key);
        } else if let Record::RunStarted(started) = &entry.record {
            boot.clone_from(&started.boot_id);
        } else if let Record::RunResumed { boot_id, .. } = &entry.record {
            boot.clone_from(boot_id);
        }
    }
    if boot != machine.boot_id {
        open.clear();
    }
    open
}

fn of(state: &RunState, plan: &Plan, id: &str, act: Option<Outlook>) -> (Will, String) {
    let Some(step) = state.step(id) else { return (Will::NotReached, String::new()) };
    match act {
        Some(Outlook::Starts) => {
            return (Will::Runs, "it was not let go when the engine ended: it did not run".to_owned());
        }
        Some(Outlook::Attaches) => return (Will::Attaches, "it still runs, and is waited for".to_owned()),
        Some(Outlook::Ended) => return (Will::Done, "it ended meanwhile: its end is taken in".to_owned()),
        Some(Outlook::Unknown) => return (Will::InDoubt, in_doubt(plan, id)),
        None => {}
    }
    let requests = || state.requests().filter(|request| request.step.as_deref() == Some(id));
    if requests().any(|request| request.kind == RequestKind::Question(QuestionKind::Doubt)) {
        return (Will::InDoubt, "a person has to say how it ended".to_owned());
    }
    if let Some(request) = requests().next() {
        return (Will::Waits, format!("for a person: {}", request.verb()));
    }
    if let Some(outcome) = step.outcome {
        let why = step.reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        return match outcome {
            Outcome::Skipped => (Will::Done, format!("skipped{why}")),
            Outcome::Passed | Outcome::Failed | Outcome::Unknown => (Will::Done, format!("{}{why}", outcome.word())),
        };
    }
    if !step.active {
        return (Will::NotReached, String::new());
    }
    let doing = state.activities().find(|activity| activity.step == id).map(|activity| activity.doing);
    let why = match doing {
        Some(Doing::Running(_)) => "it was interrupted, and looks again",
        Some(Doing::Pausing { .. }) => "another attempt is due",
        Some(Doing::Waiting { .. }) => "the rest of its time passes",
        Some(Doing::Person(_) | Doing::Other) | None => "it was begun",
    };
    (Will::Runs, why.to_owned())
}

fn in_doubt(plan: &Plan, id: &str) -> String {
    let step = plan.graph().find(id).map(|index| plan.step(index));
    let next = match step {
        Some(step) if step.unless.is_some() => "its unless is looked at",
        Some(step) if step.idempotent => "it is idempotent, so it counts as failed and may be tried again",
        _ => "a person has to say",
    };
    format!("nobody saw how it ended: {next}")
}
