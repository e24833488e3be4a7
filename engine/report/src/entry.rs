//! What a report is made of.

use std::collections::BTreeSet;

use jiff::Timestamp;
use runbook_core::document::model::{Alert, Kind, MatchOperator, Step, Work};
use runbook_core::run::record::{Actor, Record};
use runbook_core::run::state::RunState;
use runbook_transcript::entry::Entry;
use runbook_transcript::wire::{self, WireError};

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

impl Folded {
    /// Reads an entry of a transcript.
    ///
    /// # Errors
    /// [`WireError`] when its kind is none a record has, or what it says is not what the kind says.
    pub fn of(entry: &Entry) -> Result<Self, WireError> {
        Ok(Self { n: entry.n, ts: entry.ts, actor: entry.actor.clone(), record: wire::record(entry)? })
    }
}

/// What a report needs and no record says.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// The run's id.
    pub run: String,
    /// The steps of the runbook, in reading order, then those inside them that have entries, by their paths. A step that
    /// is not among them is told by its id, as an act.
    pub steps: Vec<StepInfo>,
    /// The alerts the runbook answers, as they are called.
    pub alerts: Vec<String>,
    /// Whether the process of a run that is not sealed lives; `None`: not known.
    pub alive: Option<bool>,
}

/// A step, as its runbook tells it.
#[derive(Debug, Clone)]
pub struct StepInfo {
    /// Its id; inside another its path: `drain[2]`, `outage/restart`.
    pub id: String,
    /// Its kind.
    pub kind: Kind,
    /// Its title, rendered as far as it can be.
    pub title: String,
    /// Who an escalate tells, or a question asks, as written.
    pub to: Vec<String>,
    /// What an element of its list is called, where it goes through one.
    pub each: Option<String>,
    /// The runbook that it runs.
    pub runs: Option<String>,
}

impl About {
    /// What the state of a run knows, be it live or replayed, with the steps inside others that its entries name. Titles
    /// are rendered as far as the state knows.
    #[must_use]
    pub fn of(run: &str, state: &RunState, entries: &[Folded], alive: Option<bool>) -> Self {
        let plan = state.plan();
        let document = plan.document();
        let info = |path: &str, step: &Step| StepInfo {
            id: path.to_owned(),
            kind: step.kind.value,
            title: state.step(path).map_or_else(|| step.title.value.source().to_owned(), |view| view.title),
            to: asked(step),
            each: step.for_each.as_ref().map(|each| each.value.name.value.to_string()),
            runs: if let Work::Runbook(call) = &step.body.work { Some(call.name.value.to_string()) } else { None },
        };
        let inside: BTreeSet<&str> =
            entries.iter().filter_map(|entry| step_of(&entry.record)).filter(|path| around(path).is_some()).collect();
        let inside = inside.into_iter().filter_map(|path| Some(info(path, plan.step_at(path)?)));
        Self {
            run: run.to_owned(),
            steps: document.steps.iter().map(|step| info(step.id.value.as_str(), step)).chain(inside).collect(),
            alerts: document.alerts.iter().map(called).collect(),
            alive,
        }
    }
}

/// Who an escalate tells, or a question asks.
fn asked(step: &Step) -> Vec<String> {
    let to = match (&step.escalation, &step.body.work) {
        (Some(escalation), _) => escalation.to.as_slice(),
        (None, Work::Ask(asking) | Work::Instruct(asking)) => asking.to.as_slice(),
        (
            None,
            Work::Run(_)
            | Work::Script(_)
            | Work::Http(_)
            | Work::Wait(_)
            | Work::Template(_)
            | Work::Runbook(_)
            | Work::None,
        ) => &[],
    };
    to.iter().map(|to| to.value.clone()).collect()
}

/// An alert's name, or its matchers as they are written.
fn called(alert: &Alert) -> String {
    let name =
        alert.matchers.iter().find(|matcher| matcher.label == "alertname" && matcher.operator == MatchOperator::Equal);
    if let Some(name) = name {
        return name.value.clone();
    }
    let matchers = alert.matchers.iter().map(|matcher| {
        let operator = match matcher.operator {
            MatchOperator::Equal => "=",
            MatchOperator::NotEqual => "!=",
            MatchOperator::Regex => "=~",
            MatchOperator::NotRegex => "!~",
        };
        format!("{}{operator}{:?}", matcher.label, matcher.value)
    });
    matchers.collect::<Vec<_>>().join(", ")
}

/// The step a record is about.
#[must_use]
pub fn step_of(record: &Record) -> Option<&str> {
    record.step().map(String::as_str)
}

/// The path of the step that one is inside: the loop of an item (`drain` of `drain[2]`), or what runs the runbook it
/// belongs to (`outage` of `outage/restart`, and of `outage.undo/start`).
#[must_use]
pub fn around(path: &str) -> Option<&str> {
    let outer = match item_number(path) {
        Some(_) => path.rsplit_once('[')?.0,
        None => path.rsplit_once('/')?.0,
    };
    let outer = outer.strip_suffix(".unless").or_else(|| outer.strip_suffix(".undo")).unwrap_or(outer);
    (!outer.is_empty()).then_some(outer)
}

/// The number of an item, from 0, where a path is one's.
#[must_use]
pub fn item_number(path: &str) -> Option<usize> {
    path.strip_suffix(']')?.rsplit_once('[')?.1.parse().ok()
}
