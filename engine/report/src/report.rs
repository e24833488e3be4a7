//! A run as a person wants to read it.

use std::time::Duration;

use jiff::Timestamp;
use runbook_core::document::model::Kind;
use runbook_core::run::record::{Mode, Outcome, RunOutcome, Settlement};
use runbook_core::value::Value;

use crate::line::{Line, Piece};
use crate::moment;

/// A fact: one line, when, and the entries it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// When it began to be so.
    pub at: Timestamp,
    /// The line.
    pub line: Vec<Piece>,
    /// Numbers of entries, ascending, at least one.
    pub entries: Vec<u64>,
    /// How deep it stands below the line of the step it is inside; 0 for what is inside none.
    pub depth: usize,
}

impl Fact {
    /// A fact that rests on these entries.
    ///
    /// # Panics
    /// When there is none, which is our own mistake.
    #[must_use]
    pub fn new(at: Timestamp, line: Line, entries: impl IntoIterator<Item = u64>) -> Self {
        let mut entries: Vec<u64> = entries.into_iter().collect();
        entries.sort_unstable();
        entries.dedup();
        assert!(!entries.is_empty(), "a fact rests on at least one entry");
        Self { at, line: line.pieces(), entries, depth: 0 }
    }

    /// The same, so deep below another.
    #[must_use]
    pub fn below(self, depth: usize) -> Self {
        Self { depth, ..self }
    }

    /// What orders facts: the first entry they rest on.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.entries.first().copied().unwrap_or_default()
    }
}

/// What to type next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next {
    /// The command, as it is typed.
    pub command: String,
    /// What it does, or what else may be typed.
    pub why: Vec<Piece>,
    /// The entries that ask for it.
    pub entries: Vec<u64>,
}

/// Where a run stands, as its entries tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is sealed.
    Over(RunOutcome),
    /// Somebody has to say how an act ended.
    InDoubt,
    /// It waits for people.
    Waiting,
    /// It goes on.
    Running,
    /// Its process is gone.
    Interrupted,
    /// It is not sealed; whether its process lives is not known.
    Unfinished,
}

impl Standing {
    /// In words.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Over(outcome) => outcome.word(),
            Self::InDoubt => "in doubt",
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Interrupted => "interrupted",
            Self::Unfinished => "not finished",
        }
    }
}

/// What became of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct StepReport {
    /// Its id or path.
    pub step: String,
    /// Its kind, where known.
    pub kind: Option<Kind>,
    /// Its title, where known.
    pub title: Option<String>,
    /// The path of the step that it is inside: the loop of an item, the step that runs its runbook.
    pub within: Option<String>,
    /// Of an item, the element it is about.
    pub item: Option<Value>,
    /// The runbook that it runs.
    pub runs: Option<String>,
    /// When its first entry was written.
    pub started: Timestamp,
    /// When it settled or was skipped.
    pub ended: Option<Timestamp>,
    /// How it settled.
    pub outcome: Option<Outcome>,
    /// By what it settled.
    pub settlement: Option<Settlement>,
    /// Why, where it did not pass.
    pub reason: Option<String>,
    /// The command as it ran, or would have.
    pub command: Option<String>,
    /// How many times it was tried.
    pub attempts: u32,
    /// All its entries.
    pub entries: Vec<u64>,
}

/// A run, as its entries tell it.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The run's id.
    pub run: String,
    /// The runbook's name.
    pub runbook: String,
    /// Its title.
    pub title: String,
    /// What the run is for; `None` where its first entry is missing.
    pub mode: Option<Mode>,
    /// When it started.
    pub started: Option<Timestamp>,
    /// When it was sealed.
    pub ended: Option<Timestamp>,
    /// When its last entry was written.
    pub last: Option<Timestamp>,
    /// Number of its last entry.
    pub last_entry: Option<u64>,
    /// Who started it, and who took it on since.
    pub operators: Vec<String>,
    /// The alert that started it: its name.
    pub alert: Option<String>,
    /// The alert, whole.
    pub alert_value: Option<Value>,
    /// Params: name, value, where it came from.
    pub params: Vec<(String, Value, String)>,
    /// The commit of the repository.
    pub commit: Option<String>,
    /// Whether the runbook's file differed from it.
    pub dirty: Option<bool>,
    /// The host it started on.
    pub host: String,
    /// Version of the engine.
    pub version: String,
    /// Digest of the runbook's source.
    pub source: String,
    /// Where it stands.
    pub standing: Standing,
    /// Why, as the seal says.
    pub reason: Option<String>,
    /// Every step that has an entry, in the order of the first.
    pub steps: Vec<StepReport>,
    /// What it was started with: runbook, params, commit.
    pub start: Vec<Fact>,
    /// What must be read first: what could not be undone, and what an operator overruled.
    pub first: Vec<Fact>,
    /// What was looked at, found and decided.
    pub troubleshooting: Vec<Fact>,
    /// What was changed, and who was told.
    pub resolution: Vec<Fact>,
    /// What is open.
    pub open: Vec<Fact>,
    /// What to type next.
    pub next: Vec<Next>,
    /// What was kept: attachments, outputs, the runbook's source.
    pub evidence: Vec<Fact>,
}

impl Report {
    /// From the start to the seal, or to the last entry.
    #[must_use]
    pub fn duration(&self) -> Option<Duration> {
        Some(moment::between(self.started?, self.ended.or(self.last)?))
    }

    /// What the log is headed with: the alert and the title, or the title alone.
    #[must_use]
    pub fn subject(&self) -> String {
        match &self.alert {
            Some(alert) => format!("{alert}: {}", self.title),
            None => self.title.clone(),
        }
    }

    /// Where it stands, in words. A run that is not real resolves nothing: it has ended.
    #[must_use]
    pub fn standing_word(&self) -> &'static str {
        let ended = self.standing == Standing::Over(RunOutcome::Resolved) && self.banner().is_some();
        if ended { "ended" } else { self.standing.word() }
    }

    /// What must be said of a run that is not real, before all else.
    #[must_use]
    pub fn banner(&self) -> Option<(&'static str, &'static str)> {
        match self.mode {
            None | Some(Mode::Real) => None,
            Some(Mode::Dry { probe: false }) => {
                Some(("DRY RUN", "Nothing was started and nobody was told. This is what would happen."))
            }
            Some(Mode::Dry { probe: true }) => Some((
                "DRY RUN",
                "Only verify steps ran. Nothing was changed and nobody was told. The rest is what would happen.",
            )),
            Some(Mode::Drill) => {
                Some(("DRILL", "Only verify steps ran. Nothing was changed. The rest is what would happen."))
            }
        }
    }

    /// How it went, by whom and how long, on one line.
    #[must_use]
    pub fn summary_line(&self) -> Vec<Piece> {
        let by = if self.operators.is_empty() { "nobody known".to_owned() } else { self.operators.join(", then ") };
        let took = self.duration().map(moment::words).unwrap_or_default();
        let word = match self.banner() {
            Some((mode, _)) => format!("{mode}, {}", self.standing_word()),
            None => capital(self.standing_word()),
        };
        let line = Line::new().strong(&word);
        let line = match self.standing {
            Standing::Over(_) => line.say(" after ").say(&took),
            Standing::InDoubt
            | Standing::Waiting
            | Standing::Running
            | Standing::Interrupted
            | Standing::Unfinished => line.say(", last heard of ").say(&took).say(" after its start"),
        };
        let line = line.say(", by ").say(&by);
        match &self.reason {
            Some(reason) => line.say(": ").say_reason(reason).pieces(),
            None => line.pieces(),
        }
    }
}

fn capital(word: &str) -> String {
    let mut characters = word.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}
