//! What a run looks like: a line for each thing that happened, and what goes on now.
//!
//! Pure: records, output and the time go in, lines come out. The live screen, the plain lines and the dry run are all
//! made here, so that they say the same.

mod asked;
mod nest;
pub mod people;
mod results;
mod tries;
mod words;
mod work;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use runbook_core::plan::Plan;
use runbook_core::run::heard::Heard;
use runbook_core::run::record::{Actor, AttemptKey, Mode, Output, Part, QuestionKind, Record, Stream};
use runbook_core::run::request::Request;
use runbook_core::template::Template;

use self::nest::Nest;
pub use self::nest::{FURTHEST_IN, further_in};
use self::tries::Tries;
pub use self::words::kind;
use self::words::{bytes, printed, verb_words};
use super::tail::Tail;
use crate::clock::countdown;
use crate::text::{Line, Style};

/// What stands before the lines below a step's own.
pub const INDENT: &str = "       ";
/// Lines of output shown of all that runs.
const LIVE_LINES_MAX: usize = 5;
/// Outputs kept to be shown at a prompt.
const OUTPUTS_KEPT: usize = 4;
/// Lines of an output shown at a prompt.
const OUTPUT_LINES_MAX: usize = 20;
/// Lines of a failed step's output shown with its failure.
const FAILURE_LINES_MAX: usize = 5;

/// Where the view finds what is written of a step, and its title as rendered.
pub trait Steps {
    /// The plan.
    fn plan(&self) -> &Plan;
    /// The title of a step, rendered as far as it can be.
    fn title(&self, step: &str) -> String;
    /// A text of the runbook as far as it can be rendered now.
    fn forecast(&self, template: &Template) -> String;
    /// Where everybody stands who was to hear of a step.
    fn heard(&self, step: &str) -> Vec<Heard> {
        let _ = step;
        Vec::new()
    }
}

/// What a run looks like.
pub struct View {
    zone: TimeZone,
    mode: Mode,
    /// What goes on now is drawn anew all the time: what will be over soon needs no line that stays.
    has_live: bool,
    /// The step the last lines were about.
    current: Option<String>,
    /// Steps that have their own line.
    seen: BTreeMap<String, Begun>,
    running: BTreeMap<AttemptKey, Running>,
    retries: BTreeMap<String, (u32, Timestamp)>,
    /// Attempts that failed, of steps that are not over.
    tries: BTreeMap<String, Tries>,
    waits: BTreeMap<String, Timestamp>,
    outputs: VecDeque<Kept>,
    /// Commands that were planned and not shown yet.
    planned: BTreeMap<String, String>,
    /// Commands as they were last shown.
    started: BTreeMap<String, String>,
    /// How often a cancel was asked for.
    cancels: u32,
    /// Steps whose last attempt failed and was not told yet, and whether it failed in a way that is news.
    failed: BTreeMap<String, bool>,
    /// Steps whose question is whether a person did something.
    by_hand: BTreeSet<String>,
    /// Outputs that are asked for where a person stands in for a step.
    outputs_wanted: BTreeMap<String, Vec<String>>,
    nest: Nest,
    /// Which of the lines that are being made stand where they are, while what is below a step is moved in.
    in_place: Vec<usize>,
}

#[derive(Default)]
struct Begun {
    /// How long its attempts took.
    worked: Duration,
    /// Whether any attempt ran.
    ran: bool,
}

struct Running {
    since: Timestamp,
    tail: Tail,
}

/// An output to be shown at a prompt.
struct Kept {
    step: String,
    stream: Stream,
    output: Output,
}

impl View {
    /// The view of a run in a mode; times are told in a zone.
    #[must_use]
    pub fn new(mode: Mode, zone: TimeZone) -> Self {
        Self {
            zone,
            mode,
            has_live: false,
            current: None,
            seen: BTreeMap::new(),
            running: BTreeMap::new(),
            retries: BTreeMap::new(),
            tries: BTreeMap::new(),
            waits: BTreeMap::new(),
            outputs: VecDeque::new(),
            planned: BTreeMap::new(),
            started: BTreeMap::new(),
            cancels: 0,
            failed: BTreeMap::new(),
            by_hand: BTreeSet::new(),
            outputs_wanted: BTreeMap::new(),
            nest: Nest::default(),
            in_place: Vec::new(),
        }
    }

    /// The view for a live screen: what [`Self::live`] tells is not told in lines that stay.
    #[must_use]
    pub fn drawn_live(mut self) -> Self {
        self.has_live = true;
        self
    }

    /// Takes a record of before: nothing is told of it, but what it says may be shown later.
    #[expect(clippy::wildcard_enum_match_arm, reason = "most of what happened before is not shown again")]
    pub fn learn(&mut self, record: &Record) {
        self.nest.take(record);
        match record {
            Record::StepPlanned { key, shown, .. } if key.part == Part::Main => {
                self.planned.insert(key.step.clone(), shown.clone());
            }
            Record::StepIntent { key, .. } => {
                self.planned.remove(&key.step);
            }
            Record::StepOutput { key, stream, output } => self.keep(&key.step, *stream, output),
            Record::Question { step: Some(step), question: QuestionKind::Instruct, .. } => {
                self.by_hand.insert(step.clone());
            }
            Record::Question {
                step: Some(step),
                question: QuestionKind::Overrule | QuestionKind::Doubt,
                collect,
                ..
            } => {
                self.outputs_wanted.insert(step.clone(), collect.clone());
            }
            _ => {}
        }
    }

    /// The command of a step stands at a prompt: it is not shown again when it starts.
    pub fn command_is_shown(&mut self, step: &str) {
        self.planned.remove(step);
    }

    /// The outputs of a step that later steps read, as its question told.
    #[must_use]
    pub fn outputs_wanted(&self, step: &str) -> Vec<String> {
        self.outputs_wanted.get(step).cloned().unwrap_or_default()
    }

    fn is_dry(&self) -> bool {
        self.mode != Mode::Real
    }

    /// The lines for a record.
    pub fn record(&mut self, record: &Record, actor: &Actor, at: Timestamp, steps: &dyn Steps) -> Vec<Line> {
        let mut lines = Vec::new();
        self.nest.take(record);
        self.approvals_and_questions(record, actor, steps, &mut lines);
        self.work(record, at, steps, &mut lines);
        self.results(record, actor, at, steps, &mut lines);
        self.people(record, actor, at, steps, &mut lines);
        self.run(record, actor, at, steps, &mut lines);
        self.moved_in(record.step().map(String::as_str), lines)
    }

    fn keep(&mut self, step: &str, stream: Stream, output: &Output) {
        self.outputs.retain(|kept| kept.step != step || kept.stream != stream);
        if output.bytes > 0 {
            self.outputs.push_back(Kept { step: step.to_owned(), stream, output: output.clone() });
        }
        if self.outputs.len() > OUTPUTS_KEPT {
            self.outputs.pop_front();
        }
    }

    /// Takes what a process wrote.
    pub fn output(&mut self, key: &AttemptKey, bytes: &[u8]) {
        if let Some(running) = self.running.get_mut(key) {
            running.tail.feed(bytes);
        }
    }

    /// What goes on now: the last lines of what runs, how long, and what is waited for.
    #[must_use]
    pub fn live(&self, now: Timestamp, requests: &[Request]) -> Vec<Line> {
        let attempts = self.running.keys().map(|key| key.step.as_str());
        let busy = attempts.chain(self.waits.keys().map(String::as_str)).chain(self.retries.keys().map(String::as_str));
        let mut lines = self.nest.progress(&busy);
        let share = LIVE_LINES_MAX.div_ceil(self.running.len().max(1));
        let is_alone = self.running.len() + self.waits.len() + self.retries.len() == 1;
        let named = |step: &str| match self.nest.name(step) {
            name if is_alone && name == step => String::new(),
            name => format!("{name}: "),
        };
        let after = |step: &str, attempt: u32| {
            let last = self.tries.get(step).and_then(Tries::last);
            last.map_or(String::new(), |last| format!("; attempt {} {last}", attempt.saturating_sub(1)))
        };
        for (key, running) in &self.running {
            let tail: Vec<String> = running.tail.lines().collect();
            let skip = tail.len().saturating_sub(share);
            lines.extend(tail.iter().skip(skip).map(|line| printed(line)));
            let seconds = now.duration_since(running.since).unsigned_abs().as_secs();
            let name = named(&key.step);
            let said = match key.attempt {
                0 | 1 => format!("{name}runs, {seconds}s"),
                attempt => format!("{name}attempt {attempt} runs, {seconds}s{}", after(&key.step, attempt)),
            };
            lines.push(Line::plain(INDENT).and(Style::Look, &said));
        }
        for (step, until) in &self.waits {
            lines.push(
                Line::plain(INDENT).and(Style::Look, &format!("{}waits, {} left", named(step), countdown(now, *until))),
            );
        }
        for (step, (attempt, at)) in &self.retries {
            let said = format!("{}attempt {attempt} in {}{}", named(step), countdown(now, *at), after(step, *attempt));
            lines.push(Line::plain(INDENT).and(Style::Look, &said));
        }
        for request in requests {
            if let Some(deadline) = request.deadline {
                let step = request.step.as_deref().unwrap_or("the run");
                let said = format!("{step}: {} left to {}", countdown(now, deadline), verb_words(request));
                lines.push(Line::plain(INDENT).and(Style::Look, &said));
            }
        }
        lines
    }

    /// The last outputs, for a prompt.
    #[must_use]
    pub fn last_outputs(&self) -> Vec<Line> {
        if self.outputs.is_empty() {
            return vec![Line::plain(INDENT).and(Style::Faint, "nothing has written anything yet")];
        }
        let mut lines = Vec::new();
        for kept in &self.outputs {
            let stream = match kept.stream {
                Stream::Stdout => "wrote to standard output",
                Stream::Stderr => "wrote to standard error",
                Stream::Body => "was answered",
            };
            let head = format!("{} {stream}, {}:", kept.step, bytes(kept.output.bytes));
            lines.push(Line::plain(INDENT).and(Style::Strong, &head));
            let text = format!(
                "{}{}",
                kept.output.head,
                if kept.output.tail.is_empty() { String::new() } else { format!("\n…\n{}", kept.output.tail) }
            );
            let all: Vec<&str> = text.lines().collect();
            let skip = all.len().saturating_sub(OUTPUT_LINES_MAX);
            lines.extend(all.iter().skip(skip).map(|line| printed(line)));
            if let (Some(blob), true) = (&kept.output.blob, skip > 0 || !kept.output.tail.is_empty()) {
                lines.push(
                    Line::plain(INDENT).and(Style::Faint, &format!("all of it: blobs/{blob} in the run's folder")),
                );
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests;
