//! What a run looks like: a line for each thing that happened, and what goes on now.
//!
//! Pure: records, output and the time go in, lines come out. The live screen, the plain lines and the dry run are all
//! made here, so that they say the same.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use runbook_core::document::model::Kind;
use runbook_core::plan::Plan;
use runbook_core::run::record::{
    Actor, AttemptKey, Auth, BranchChoice, EndCause, Mode, Outcome, Output, Part, Phase, QuestionKind, Record,
    SettleWord, Settlement, Stream,
};
use runbook_core::run::request::{Request, RequestKind};

use super::dry;
use super::tail::Tail;
use crate::clock::{countdown, spoken, time};
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
}

/// What a run looks like.
pub struct View {
    zone: TimeZone,
    mode: Mode,
    /// The step the last lines were about.
    current: Option<String>,
    /// Steps that have their own line.
    seen: BTreeMap<String, Begun>,
    running: BTreeMap<AttemptKey, Running>,
    retries: BTreeMap<String, (u32, Timestamp)>,
    waits: BTreeMap<String, Timestamp>,
    outputs: VecDeque<Kept>,
    /// Commands that were planned and not shown yet.
    planned: BTreeMap<String, String>,
    /// How the last attempt of a step failed, until it is told.
    failed: BTreeMap<String, String>,
    /// Outputs that are asked for where a step is overruled.
    overruled: BTreeMap<String, Vec<String>>,
}

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
            current: None,
            seen: BTreeMap::new(),
            running: BTreeMap::new(),
            retries: BTreeMap::new(),
            waits: BTreeMap::new(),
            outputs: VecDeque::new(),
            planned: BTreeMap::new(),
            failed: BTreeMap::new(),
            overruled: BTreeMap::new(),
        }
    }

    /// Takes a record of before: nothing is told of it, but what it says may be shown later.
    pub fn learn(&mut self, record: &Record) {
        match record {
            Record::StepPlanned { key, shown, .. } if key.part == Part::Main => {
                self.planned.insert(key.step.clone(), shown.clone());
            }
            Record::StepIntent { key, .. } => {
                self.planned.remove(&key.step);
            }
            Record::StepOutput { key, stream, output } => self.keep(&key.step, *stream, output),
            Record::Question { step: Some(step), question: QuestionKind::Overrule, collect, .. } => {
                self.overruled.insert(step.clone(), collect.clone());
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
        self.overruled.get(step).cloned().unwrap_or_default()
    }

    fn is_dry(&self) -> bool {
        matches!(self.mode, Mode::Dry { .. })
    }

    /// The lines for a record.
    pub fn record(&mut self, record: &Record, actor: &Actor, at: Timestamp, steps: &dyn Steps) -> Vec<Line> {
        let mut lines = Vec::new();
        self.approvals_and_questions(record, actor, steps, &mut lines);
        self.work(record, at, steps, &mut lines);
        self.results(record, actor, steps, &mut lines);
        self.people(record, actor, at, steps, &mut lines);
        self.run(record, actor, at, steps, &mut lines);
        lines
    }

    /// The step's own line, when it is new; a short one when others have spoken since.
    fn begin(&mut self, step: &str, steps: &dyn Steps, lines: &mut Vec<Line>) {
        if self.current.as_deref() == Some(step) {
            return;
        }
        let number = number(step, steps.plan());
        let is_new = !self.seen.contains_key(step);
        let line = Line::new().and(Style::Faint, &number);
        lines.push(if is_new {
            let line = line.and(Style::Plain, &format!("{:<9}", kind(step, steps.plan()).map_or("step", Kind::key)));
            line.and(Style::Strong, &steps.title(step)).and(Style::Faint, &format!("  ({step})"))
        } else {
            line.and(Style::Faint, &format!("… {step}"))
        });
        self.seen.entry(step.to_owned()).or_insert(Begun { worked: Duration::ZERO, ran: false });
        self.current = Some(step.to_owned());
    }

    fn work(&mut self, record: &Record, at: Timestamp, steps: &dyn Steps, lines: &mut Vec<Line>) {
        match record {
            Record::StepPlanned { key, shown, .. } => {
                self.begin(&key.step, steps, lines);
                if self.is_dry() || key.part == Part::Main {
                    // Told when it starts, when it is asked about, or when it is withheld.
                    self.planned.insert(key.step.clone(), shown.clone());
                    return;
                }
                let what = match key.part {
                    Part::Main => "",
                    Part::Unless => "is it so already?  ",
                    Part::Doubt => "was it done?  ",
                    Part::Undo => "undo  ",
                };
                lines.push(
                    Line::plain(INDENT).and(Style::Plain, what).and(Style::Command, "$ ").and(Style::Command, shown),
                );
            }
            Record::StepIntent { key, until: Some(until), .. } => {
                self.begin(&key.step, steps, lines);
                let left = countdown(at, *until);
                lines.push(Line::plain(&format!("{INDENT}waits {left}, until {}", time(*until, at, &self.zone))));
                self.waits.insert(key.step.clone(), *until);
            }
            Record::StepIntent { key, plan: Some(_), .. } => {
                if let Some(shown) = self.planned.remove(&key.step) {
                    self.begin(&key.step, steps, lines);
                    lines.push(Line::plain(INDENT).and(Style::Command, "$ ").and(Style::Command, &shown));
                }
                self.retries.remove(&key.step);
                self.running.insert(key.clone(), Running { since: at, tail: Tail::default() });
            }
            Record::StepOutput { key, stream, output } => {
                self.keep(&key.step, *stream, output);
            }
            Record::AttemptEnded { key, duration, outcome, reason, survivors, .. } => {
                self.running.remove(key);
                self.waits.remove(&key.step);
                if let Some(begun) = self.seen.get_mut(&key.step) {
                    begun.worked += *duration;
                    begun.ran = true;
                }
                self.attempt_ended(key, *duration, *outcome, reason.as_deref(), steps, lines);
                if key.part == Part::Main && *outcome != Outcome::Passed {
                    let because = reason.as_ref().map_or(String::new(), |reason| format!(": {reason}"));
                    let said = format!("attempt {} {}, {}{because}", key.attempt, outcome.word(), spoken(*duration));
                    self.failed.insert(key.step.clone(), said);
                }
                for survivor in survivors {
                    lines.push(
                        Line::plain(INDENT).and(Style::Bad, &format!("still running, ended by nobody: {survivor}")),
                    );
                }
            }
            Record::RetryScheduled { key, at: then } => {
                self.begin(&key.step, steps, lines);
                let failed = self.failed.remove(&key.step).unwrap_or_default();
                let said = format!("{failed}; attempt {} in {}", key.attempt, countdown(at, *then));
                lines.push(Line::plain(INDENT).and(Style::Faint, &said));
                self.retries.insert(key.step.clone(), (key.attempt, *then));
            }
            _ => {}
        }
    }

    /// An attempt's own end, where the step's does not tell it.
    fn attempt_ended(
        &mut self,
        key: &AttemptKey,
        duration: Duration,
        outcome: Outcome,
        reason: Option<&str>,
        steps: &dyn Steps,
        lines: &mut Vec<Line>,
    ) {
        let took = spoken(duration);
        let because = reason.map_or(String::new(), |reason| format!(": {reason}"));
        let said = match (key.part, outcome) {
            (Part::Unless, Outcome::Failed) => format!("not yet so, {took}"),
            (Part::Unless, Outcome::Unknown) => format!("could not be told, {took}{because}"),
            (Part::Doubt, outcome) => format!("the look afterwards {}, {took}{because}", outcome.word()),
            (Part::Main | Part::Unless | Part::Undo, _) => return,
        };
        self.begin(&key.step, steps, lines);
        lines.push(Line::plain(INDENT).and(Style::Faint, &said));
    }

    fn show_failed_output(&self, step: &str, lines: &mut Vec<Line>) {
        for kept in self.outputs.iter().filter(|kept| kept.step == step) {
            let text = if kept.output.tail.is_empty() { &kept.output.head } else { &kept.output.tail };
            let all: Vec<&str> = text.lines().collect();
            let skip = all.len().saturating_sub(FAILURE_LINES_MAX);
            lines.extend(
                all.into_iter()
                    .skip(skip)
                    .map(|line| Line::plain(INDENT).and(Style::Faint, "│ ").and(Style::Plain, line)),
            );
        }
    }

    fn results(&mut self, record: &Record, actor: &Actor, steps: &dyn Steps, lines: &mut Vec<Line>) {
        match record {
            Record::StepSettled { step, outcome, settlement, reason, outputs, attempts } => {
                self.retries.remove(step);
                self.waits.remove(step);
                self.begin(step, steps, lines);
                if *settlement == Settlement::Withheld {
                    if let Some(index) = steps.plan().graph().find(step) {
                        let shown = self.planned.remove(step);
                        lines.extend(dry::withheld(steps.plan().step(index), shown.as_deref(), reason.as_deref()));
                    }
                    return;
                }
                if self.is_dry()
                    && let Some(shown) = self.planned.remove(step)
                {
                    lines.push(Line::plain(INDENT).and(Style::Command, "$ ").and(Style::Command, &shown));
                }
                // What a decide took has been told, and why.
                if *settlement == Settlement::Ran
                    && *outcome == Outcome::Passed
                    && kind(step, steps.plan()) == Some(Kind::Decide)
                {
                    return;
                }
                if self.failed.remove(step).is_some() {
                    self.show_failed_output(step, lines);
                }
                let (mark, style) = mark(*outcome);
                let mut said = format!("{mark} {}{}", outcome.word(), how(*settlement));
                if let Some(begun) = self.seen.get(step).filter(|begun| begun.ran) {
                    said.push_str("  ");
                    said.push_str(&spoken(begun.worked));
                }
                if *attempts > 1 {
                    said.push_str(&format!(" in {attempts} attempts"));
                }
                let line = Line::plain(INDENT).and(style, &said);
                lines.push(match reason {
                    Some(reason) => line.and(Style::Plain, ": ").and(Style::Plain, reason),
                    None => line,
                });
                if !outputs.is_empty() {
                    let values: Vec<String> = outputs.iter().map(|(name, value)| format!("{name} = {value}")).collect();
                    lines.push(Line::plain(INDENT).and(Style::Faint, &values.join("   ")));
                }
            }
            Record::StepSkipped { step, why } => {
                let number = number(step, steps.plan());
                let kind = kind(step, steps.plan()).map_or("step", Kind::key);
                let word = if self.is_dry() { "would be skipped" } else { "skipped" };
                let said = format!("{kind:<9}{}: {word}, {why}  ({step})", steps.title(step));
                lines.push(Line::new().and(Style::Faint, &number).and(Style::Faint, &said));
                self.current = None;
            }
            Record::StepUndone { step, outcome, reason } => {
                let (mark, style) = mark(*outcome);
                let said = if *outcome == Outcome::Passed {
                    format!("{mark} {step} is undone")
                } else {
                    format!("{mark} {step} could not be undone")
                };
                let line = Line::plain(INDENT).and(style, &said);
                lines.push(match reason {
                    Some(reason) => line.and(Style::Plain, ": ").and(Style::Plain, reason),
                    None => line,
                });
            }
            Record::Decision { step, branch, expression, read, because } => {
                self.begin(step, steps, lines);
                let to = branch.to.join(", ");
                if branch.choice == BranchChoice::Undecided {
                    if let Some(index) = steps.plan().graph().find(step) {
                        lines.extend(dry::undecided(steps.plan().step(index), expression));
                    }
                    return;
                }
                let line = Line::plain(INDENT).and(Style::Good, "→ ").and(Style::Strong, &to);
                lines.push(match because {
                    Some(because) => line.and(Style::Plain, ", because ").and(Style::Plain, because),
                    None => line,
                });
                let values: Vec<String> = read.iter().map(|(name, value)| format!("{name} is {value}")).collect();
                if !values.is_empty() {
                    lines.push(Line::plain(INDENT).and(Style::Faint, &values.join(", ")));
                } else if branch.choice == BranchChoice::Otherwise && !expression.is_empty() {
                    lines.push(Line::plain(INDENT).and(Style::Faint, "no case was true"));
                }
            }
            Record::Override { step, word, reason, .. } => {
                self.begin(step, steps, lines);
                let said = format!("{} overrules: {}", actor.id, settle_words(*word));
                lines.push(
                    Line::plain(INDENT)
                        .and(Style::Look, &said)
                        .and(Style::Plain, ", because ")
                        .and(Style::Plain, reason),
                );
            }
            _ => {}
        }
    }

    fn approvals_and_questions(&mut self, record: &Record, actor: &Actor, steps: &dyn Steps, lines: &mut Vec<Line>) {
        let by = who(actor);
        let (step, style, said) = match record {
            Record::ApprovalGranted { key, reason, .. } => {
                (&key.step, Style::Good, format!("approved by {by}{}", because(reason.as_deref())))
            }
            Record::ApprovalDenied { key, reason, .. } => {
                (&key.step, Style::Bad, format!("denied by {by}, because {reason}"))
            }
            Record::ApprovalExpired { key, .. } => (&key.step, Style::Bad, "nobody approved in time".to_owned()),
            Record::ApprovalVoid { key, why, .. } => {
                (&key.step, Style::Look, format!("the approval is not valid any more: {why}"))
            }
            Record::Question { step: Some(step), question, collect, .. } => {
                self.begin(step, steps, lines);
                if *question == QuestionKind::Overrule {
                    self.overruled.insert(step.clone(), collect.clone());
                    if self.failed.remove(step).is_some() {
                        self.show_failed_output(step, lines);
                    }
                }
                return;
            }
            Record::Answer { step, answer, behalf, reason, .. } => {
                use runbook_core::run::record::AnswerWord;
                let word = match answer {
                    AnswerWord::Yes => "yes",
                    AnswerWord::No => "no",
                    AnswerWord::Choice(label) => label,
                };
                let by = behalf.as_ref().map_or(by.clone(), |behalf| format!("{behalf}, as typed by {by}"));
                let said = format!("answered \"{word}\" by {by}{}", because(reason.as_deref()));
                let Some(step) = step else {
                    lines.push(Line::plain(INDENT).and(Style::Good, &said));
                    return;
                };
                // The values typed are the step's outputs, and told with them.
                (step, Style::Good, said)
            }
            Record::QuestionWithdrawn { step: Some(step), timed_out, .. } => {
                let said = match (*timed_out, actor.auth) {
                    (true, _) => "nobody answered in time".to_owned(),
                    (false, Auth::System) => "the question is withdrawn".to_owned(),
                    (false, Auth::Tty | Auth::Ssh | Auth::Token | Auth::Oidc) => format!("left as it is by {by}"),
                };
                (step, Style::Look, said)
            }
            Record::DoubtOpened { key, why } => {
                (&key.step, Style::Bad, format!("? in doubt: nobody knows how it ended: {why}"))
            }
            Record::DoubtSettled { key, word, by: means, reason } => {
                let by = if means == "person" { by } else { format!("`{means}`") };
                (
                    &key.step,
                    Style::Look,
                    format!("settled by {by}: {}{}", settle_words(*word), because(reason.as_deref())),
                )
            }
            Record::Refused { verb, step, why } => {
                let about = step.as_ref().map_or(String::new(), |step| format!(" of {step}"));
                lines.push(Line::plain(INDENT).and(Style::Look, &format!("{verb}{about} by {by} was refused: {why}")));
                return;
            }
            _ => return,
        };
        self.begin(step, steps, lines);
        lines.push(Line::plain(INDENT).and(style, &said));
    }

    fn people(&mut self, record: &Record, actor: &Actor, at: Timestamp, steps: &dyn Steps, lines: &mut Vec<Line>) {
        match record {
            Record::EscalationSent { step, to, channel, message, .. } => {
                self.begin(step, steps, lines);
                let said = match channel.as_str() {
                    "terminal" => format!("tell {to}, here at the terminal:"),
                    channel => format!("{to} was told by {channel}:"),
                };
                lines.push(Line::plain(INDENT).and(Style::Good, &said));
                lines.extend(
                    message.lines().map(|line| Line::plain(INDENT).and(Style::Faint, "│ ").and(Style::Plain, line)),
                );
            }
            Record::EscalationFailed { step, to, channel, error } => {
                self.begin(step, steps, lines);
                let said = format!("{to} could not be told by {channel}: ");
                lines.push(Line::plain(INDENT).and(Style::Bad, &said).and(Style::Plain, error));
            }
            Record::EscalationWaiting { step, deadline, from, all, .. } => {
                self.begin(step, steps, lines);
                let from = from.join(if *all { " and " } else { " or " });
                let until = deadline.map_or(String::new(), |until| format!(", until {}", time(until, at, &self.zone)));
                lines.push(Line::plain(&format!("{INDENT}waits for {from} to acknowledge{until}")));
            }
            Record::EscalationAcknowledged { step, by } => {
                self.begin(step, steps, lines);
                lines.push(Line::plain(INDENT).and(Style::Good, &format!("acknowledged by {by}")));
            }
            Record::EscalationTimedOut { step } => {
                self.begin(step, steps, lines);
                lines.push(Line::plain(INDENT).and(Style::Look, "nobody acknowledged in time"));
            }
            Record::Attachment { step, name, output, note } => {
                self.begin(step, steps, lines);
                let size = output.as_ref().map_or(String::new(), |output| format!(", {}", bytes(output.bytes)));
                let note = note.as_ref().map_or(String::new(), |note| format!(": {note}"));
                let word = if output.is_some() { "kept" } else { "could not keep" };
                lines.push(Line::plain(INDENT).and(Style::Faint, &format!("{word} {name}{size}{note}")));
            }
            Record::Note { step, text } => {
                let about = step.as_ref().map_or(String::new(), |step| format!(" on {step}"));
                let line = Line::plain(INDENT).and(Style::Look, &format!("note by {}{about}: ", who(actor)));
                lines.push(line.and(Style::Plain, text));
            }
            Record::Handover { to, .. } => {
                let to = if to.is_empty() { "somebody else".to_owned() } else { to.join(", ") };
                lines.push(Line::plain(INDENT).and(Style::Look, &format!("handed over to {to}")));
            }
            _ => {}
        }
    }

    fn run(&mut self, record: &Record, actor: &Actor, at: Timestamp, steps: &dyn Steps, lines: &mut Vec<Line>) {
        let said = match record {
            Record::PhaseEntered { phase: Phase::Ending, cause, .. } => match cause {
                Some(EndCause::Failed(step)) => {
                    format!("Nothing handles the failure of {step}: nothing else new starts.")
                }
                Some(EndCause::TookFailed(step)) => format!("{step} took `failed`: nothing else new starts."),
                Some(EndCause::Denied(step)) => format!("{step} was denied: nothing else new starts."),
                Some(EndCause::Handover(step)) => format!("{step} hands the run over: nothing else new starts."),
                Some(EndCause::Cancelled | EndCause::Complete) | None => return,
            },
            Record::PhaseEntered { phase: Phase::Rollback, .. } => {
                "What was done is undone, the last first.".to_owned()
            }
            Record::PhaseEntered { phase: Phase::Finally, .. } if steps.plan().finally().is_empty() => return,
            Record::PhaseEntered { phase: Phase::Finally, .. } => "Whatever happened, this follows.".to_owned(),
            Record::RunCancelled { reason } => format!(
                "Cancelled by {}: {reason}. Nothing new starts; an act that runs is let end. Once more ends that too.",
                who(actor)
            ),
            Record::RunResumed { host, .. } => {
                format!("Resumed by {} on {host}, {}.", actor.id, time(at, at, &self.zone))
            }
            Record::ClockJumped { by_ms } => {
                let way = if *by_ms < 0 { "back" } else { "forward" };
                format!("The clock was set {way} by {}.", spoken(Duration::from_millis(by_ms.unsigned_abs())))
            }
            Record::Recovered { bytes } => {
                format!("The transcript's last line was torn ({bytes} bytes) and was moved away.")
            }
            _ => return,
        };
        self.current = None;
        lines.push(Line::new().and(Style::Look, &format!("-- {said}")));
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
        let mut lines = Vec::new();
        let share = LIVE_LINES_MAX.div_ceil(self.running.len().max(1));
        let is_alone = self.running.len() == 1 && self.waits.is_empty() && self.retries.is_empty();
        for (key, running) in &self.running {
            let tail: Vec<String> = running.tail.lines().collect();
            let skip = tail.len().saturating_sub(share);
            lines.extend(
                tail.iter().skip(skip).map(|line| Line::plain(INDENT).and(Style::Faint, "│ ").and(Style::Plain, line)),
            );
            let name = if is_alone { String::new() } else { format!("{}: ", key.step) };
            let passed = now.duration_since(running.since).unsigned_abs();
            lines.push(Line::plain(INDENT).and(Style::Look, &format!("{name}runs, {}s", passed.as_secs())));
        }
        for (step, until) in &self.waits {
            lines
                .push(Line::plain(INDENT).and(Style::Look, &format!("{step}: waits, {} left", countdown(now, *until))));
        }
        for (step, (attempt, at)) in &self.retries {
            let said = format!("{step}: attempt {attempt} in {}", countdown(now, *at));
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
                Stream::Stdout => "standard output",
                Stream::Stderr => "standard error",
            };
            let head = format!("{} wrote to {stream}, {}:", kept.step, bytes(kept.output.bytes));
            lines.push(Line::plain(INDENT).and(Style::Strong, &head));
            let text = format!(
                "{}{}",
                kept.output.head,
                if kept.output.tail.is_empty() { String::new() } else { format!("\n…\n{}", kept.output.tail) }
            );
            let all: Vec<&str> = text.lines().collect();
            let skip = all.len().saturating_sub(OUTPUT_LINES_MAX);
            lines.extend(
                all.iter().skip(skip).map(|line| Line::plain(INDENT).and(Style::Faint, "│ ").and(Style::Plain, line)),
            );
            if let (Some(blob), true) = (&kept.output.blob, skip > 0 || !kept.output.tail.is_empty()) {
                lines.push(
                    Line::plain(INDENT).and(Style::Faint, &format!("all of it: blobs/{blob} in the run's folder")),
                );
            }
        }
        lines
    }
}

/// `[3/12] `, or the path of a step that is none of this plan's own.
fn number(step: &str, plan: &Plan) -> String {
    let base = step.split(['/', '[']).next().unwrap_or(step);
    match plan.graph().find(base) {
        Some(index) => {
            let total = plan.len();
            let width = total.to_string().len();
            format!("[{:>width$}/{total}] ", index.get() + 1)
        }
        None => format!("[{step}] "),
    }
}

/// The kind of a step.
#[must_use]
pub fn kind(step: &str, plan: &Plan) -> Option<Kind> {
    let base = step.split(['/', '[']).next().unwrap_or(step);
    plan.graph().find(base).map(|index| plan.step(index).kind.value)
}

fn mark(outcome: Outcome) -> (&'static str, Style) {
    match outcome {
        Outcome::Passed => ("✓", Style::Good),
        Outcome::Failed => ("✗", Style::Bad),
        Outcome::Skipped => ("-", Style::Faint),
        Outcome::Unknown => ("?", Style::Look),
    }
}

fn how(settlement: Settlement) -> &'static str {
    match settlement {
        Settlement::Ran | Settlement::Withheld => "",
        Settlement::AlreadySo => ", it was so already and nothing was done",
        Settlement::ByHand => ", done by hand",
        Settlement::Overruled => ", overruled",
        Settlement::Settled => ", as a person said",
        Settlement::Expired => ", not approved in time",
        Settlement::Unanswered => ", nobody answered in time",
        Settlement::Denied => ", denied",
    }
}

/// How a step was settled, in words.
#[must_use]
pub fn settle_words(word: SettleWord) -> &'static str {
    match word {
        SettleWord::Done => "it was done",
        SettleWord::NotDone => "it was not done",
        SettleWord::Again => "once more",
        SettleWord::ByHand => "done by hand",
        SettleWord::GoOn => "go on all the same",
        SettleWord::Fail => "it stays failed",
    }
}

fn verb_words(request: &Request) -> &'static str {
    match request.kind {
        RequestKind::Approval { .. } => "approve",
        RequestKind::Question(QuestionKind::Overrule | QuestionKind::Doubt) => "settle",
        RequestKind::Question(_) => "answer",
        RequestKind::Acknowledge { .. } => "acknowledge",
    }
}

fn who(actor: &Actor) -> String {
    match (actor.auth, actor.origin.as_str()) {
        (Auth::System, _) => "the engine".to_owned(),
        (_, origin) if origin.starts_with("inbox") => format!("{} from another terminal", actor.id),
        (_, "option --yes") => format!("{} with --yes", actor.id),
        _ => actor.id.clone(),
    }
}

fn because(reason: Option<&str>) -> String {
    reason.map_or(String::new(), |reason| format!(", because {reason}"))
}

/// A number of bytes: `812 bytes`, `1.2 KiB`.
#[must_use]
pub fn bytes(count: u64) -> String {
    let mut tenths = count.saturating_mul(10);
    if count < 1024 {
        return format!("{count} bytes");
    }
    for unit in ["KiB", "MiB", "GiB"] {
        tenths /= 1024;
        if tenths < 10_240 || unit == "GiB" {
            return format!("{}.{} {unit}", tenths / 10, tenths % 10);
        }
    }
    format!("{count} bytes")
}
