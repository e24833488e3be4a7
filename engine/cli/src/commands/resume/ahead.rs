//! What becomes of each step when a run is gone on with.

use std::collections::BTreeMap;

use runbook_core::document::model::Work;
use runbook_core::plan::Plan;
use runbook_core::run::record::{AttemptKey, BlobDigest, Outcome, Part, QuestionKind, Record};
use runbook_core::run::request::RequestKind;
use runbook_core::run::state::{Doing, RunState};
use runbook_core::value::Value;
use runbook_report::entry::{Folded, around, item_number};
use runbook_runner::account::Machine;
use runbook_runner::run::fate::{Outlook, Process};
use runbook_transcript::run_dir::RunDir;

use crate::replay::state_of;
use crate::text::Style;

/// Items of which the same is to be said one after the other, up to which each has its line.
const ALIKE_APART_MAX: usize = 3;
/// Levels of loops and called runbooks that are told apart.
const LEVELS_MAX: usize = 16;

/// A step, and what becomes of it.
#[derive(Debug, Clone)]
pub(super) struct Ahead {
    /// Its path.
    pub(super) id: String,
    /// How it is named: its path, of an item with its element, of several items both ends.
    pub(super) name: String,
    /// How many steps it is inside.
    pub(super) depth: usize,
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
    Asks,
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
            Self::Asks => "asks",
            Self::InDoubt => "in doubt",
            Self::Waits => "waits",
            Self::Runs => "runs",
            Self::NotReached => "not reached",
        }
    }

    pub(super) fn style(self) -> Style {
        match self {
            Self::Done => Style::Good,
            Self::Attaches | Self::Asks | Self::Waits => Style::Look,
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
    let plans = let_go_with(entries);
    let acts = state.open_acts().map(|(key, let_go)| {
        let outlook = Outlook::of(run, key, let_go, open.get(key).copied(), plans.get(key).copied());
        (key.step.clone(), outlook)
    });
    let run = Run { acts: acts.collect(), lists: lists(entries), state };
    run.each()
}

/// A run as it stands, and what was found of its acts.
struct Run<'e> {
    state: RunState,
    acts: BTreeMap<String, Outlook>,
    lists: BTreeMap<&'e str, &'e [Value]>,
}

/// The lists that steps go through.
fn lists(entries: &[Folded]) -> BTreeMap<&str, &[Value]> {
    let mut lists = BTreeMap::new();
    for entry in entries {
        if let Record::StepItems { step, items, .. } = &entry.record {
            lists.insert(step.as_str(), items.as_slice());
        }
    }
    lists
}

/// The plans that attempts were started with.
fn let_go_with(entries: &[Folded]) -> BTreeMap<&AttemptKey, &BlobDigest> {
    let mut plans = BTreeMap::new();
    for entry in entries {
        if let Record::StepIntent { key, plan: Some(plan), .. } = &entry.record {
            plans.insert(key, plan);
        }
    }
    plans
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

impl Run<'_> {
    /// All steps; of a loop or a called runbook that is going on also what is inside.
    fn each(&self) -> Vec<Ahead> {
        let plan = self.state.plan();
        let ids: Vec<String> = plan.graph().steps().map(|index| plan.step(index).id.value.to_string()).collect();
        let mut all = Vec::new();
        let mut open: Vec<(String, usize)> = ids.into_iter().rev().map(|id| (id, 0)).collect();
        while let Some((path, depth)) = open.pop() {
            let (will, why) = self.of(&path);
            let inside = if depth < LEVELS_MAX { self.inside(&path) } else { Vec::new() };
            open.extend(inside.into_iter().rev().map(|path| (path, depth + 1)));
            all.push(Ahead { name: self.name(&path), id: path, depth, will, why });
        }
        all
    }

    /// What is inside a step that is going on: its items, or the steps of the runbook that it runs.
    fn inside(&self, path: &str) -> Vec<String> {
        let is_going_on = self.state.step(path).is_some_and(|step| step.outcome.is_none() && step.active);
        let Some((plan, index)) = self.state.plan().place_at(path).filter(|_| is_going_on) else { return Vec::new() };
        if let Some(list) = self.lists.get(path) {
            return (0..list.len()).map(|number| format!("{path}[{number}]")).collect();
        }
        let Work::Runbook(_) = &plan.step(index).body.work else { return Vec::new() };
        let child = plan.child(index, Part::Main);
        let steps = child.into_iter().flat_map(|child| &child.document().steps);
        steps.map(|step| format!("{path}/{}", step.id.value)).collect()
    }

    /// A path, and the element of an item.
    fn name(&self, path: &str) -> String {
        let list = around(path).and_then(|list| self.lists.get(list));
        match list.and_then(|list| list.get(item_number(path)?)) {
            Some(element) => format!("{path} {element}"),
            None => path.to_owned(),
        }
    }

    fn of(&self, path: &str) -> (Will, String) {
        let state = &self.state;
        let Some(step) = state.step(path) else { return (Will::NotReached, String::new()) };
        match self.acts.get(path) {
            Some(Outlook::Starts) => {
                return (Will::Runs, "it was not let go when the engine ended: it did not run".to_owned());
            }
            Some(Outlook::Attaches) => return (Will::Attaches, "it still runs, and is waited for".to_owned()),
            Some(Outlook::Ended) => return (Will::Done, "it ended meanwhile: its end is taken in".to_owned()),
            Some(Outlook::Elsewhere(host)) => {
                let else_what = unseen(state.plan(), path);
                let why = format!("{host} is asked how it ended; only where that cannot be told, {else_what}");
                return (Will::Asks, why);
            }
            Some(Outlook::Written) => {
                return (Will::Done, "its file is as it was to be: it was written".to_owned());
            }
            Some(Outlook::NotWritten) => {
                return (Will::Done, "it was not written: the old file is still there, so it has failed".to_owned());
            }
            Some(Outlook::Unknown) => {
                return (Will::InDoubt, format!("nobody saw how it ended: {}", unseen(state.plan(), path)));
            }
            None => {}
        }
        let requests = || state.requests().filter(|request| request.step.as_deref() == Some(path));
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
                Outcome::Passed | Outcome::Failed | Outcome::Unknown => {
                    (Will::Done, format!("{}{why}", outcome.word()))
                }
            };
        }
        if !step.active {
            return (Will::NotReached, String::new());
        }
        if let Some(list) = self.lists.get(path) {
            let is_over =
                |number: &usize| state.step(&format!("{path}[{number}]")).is_some_and(|item| item.outcome.is_some());
            let over = (0..list.len()).filter(is_over).count();
            return (Will::Runs, format!("{over} of its {} items are over", list.len()));
        }
        let doing = state.activities().find(|activity| activity.step == path).map(|activity| activity.doing);
        let why = match doing {
            Some(Doing::Running(_)) => "it was interrupted, and looks again",
            Some(Doing::Pausing { .. }) => "another attempt is due",
            Some(Doing::Waiting { .. }) => "the rest of its time passes",
            Some(Doing::Person(_) | Doing::Other) | None => "it was begun",
        };
        (Will::Runs, why.to_owned())
    }
}

/// Items one after the other of which the same is to be said share a line, where they are many.
pub(super) fn together(all: &[Ahead]) -> Vec<Ahead> {
    let mut told: Vec<Ahead> = Vec::new();
    let alike = |a: &Ahead, b: &Ahead| {
        let list = |ahead: &Ahead| item_number(&ahead.id).and(around(&ahead.id)).map(str::to_owned);
        list(a).is_some() && list(a) == list(b) && a.will == b.will && a.why == b.why
    };
    for group in all.chunk_by(alike) {
        match group {
            [first, .., last] if group.len() > ALIKE_APART_MAX => {
                let name = format!("{} … {}", first.id, last.id);
                let why = if first.why.is_empty() { String::new() } else { format!(" {}", first.why) };
                told.push(Ahead { name, why: format!("{} items{why}", group.len()), ..first.clone() });
            }
            _ => told.extend_from_slice(group),
        }
    }
    told
}

/// What becomes of an act whose end nobody saw.
fn unseen(plan: &Plan, path: &str) -> &'static str {
    match plan.step_at(path) {
        Some(step) if step.unless.is_some() => "its unless is looked at",
        Some(step) if step.idempotent => "it is idempotent, so it counts as failed and may be tried again",
        _ => "a person has to say",
    }
}
