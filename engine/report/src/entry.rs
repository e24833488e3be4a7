//! What a report is made of.

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
    /// The steps of the runbook, in reading order. A step that is not among them is told by its id, as an act.
    pub steps: Vec<StepInfo>,
    /// The alerts the runbook answers, as they are called.
    pub alerts: Vec<String>,
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
    /// What the state of a run knows, be it live or replayed. Titles are rendered as far as the state knows.
    #[must_use]
    pub fn of(run: &str, state: &RunState, alive: Option<bool>) -> Self {
        let document = state.plan().document();
        let info = |step: &Step| {
            let id = step.id.value.as_str();
            StepInfo {
                id: id.to_owned(),
                kind: step.kind.value,
                title: state.step(id).map(|view| view.title).unwrap_or_default(),
                to: asked(step),
            }
        };
        Self {
            run: run.to_owned(),
            steps: document.steps.iter().map(info).collect(),
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
