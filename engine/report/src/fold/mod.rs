//! From a run's entries to a report.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a fact is picked from the few kinds that tell it; the story names every kind, so none is overlooked"
)]

mod decided;
mod evidence;
mod nest;
mod next;
mod open;
mod started;
mod step;
mod told;
mod worked;

use std::collections::BTreeMap;

use runbook_core::document::model::Kind;
use runbook_core::run::record::{AnswerWord, Outcome, QuestionKind, Record, RunOutcome, SettleWord};

use self::step::Step;
use crate::entry::{About, Folded, StepInfo, step_of};
use crate::harmless::harmless;
use crate::line::Line;
use crate::report::{Fact, Report, Standing};

/// Makes a report of a run's entries: all of them, or as far as they go, in their order.
#[must_use]
pub fn fold(about: &About, entries: &[Folded]) -> Report {
    let run = Run::gather(about, entries);
    let started = run.started();
    let seal = run.seal();
    let (troubleshooting, resolution) = nest::sections(&run);
    let open = open::open(&run);
    Report {
        run: harmless(&about.run),
        runbook: started.map(|(_, run)| harmless(&run.runbook)).unwrap_or_default(),
        title: started.map(|(_, run)| harmless(&run.title)).unwrap_or_default(),
        mode: started.map(|(_, run)| run.mode),
        started: entries.first().map(|entry| entry.ts),
        ended: seal.as_ref().map(|seal| seal.entry.ts),
        last: entries.last().map(|entry| entry.ts),
        last_entry: entries.last().map(|entry| entry.n),
        operators: run.operators(),
        alert: started.and_then(|(_, run)| started::alert_name(run)).or_else(|| started::answers(about)),
        alert_value: started.and_then(|(_, run)| run.alert.clone()),
        params: started.map(|(_, run)| started::params(run)).unwrap_or_default(),
        commit: started.and_then(|(_, run)| run.commit.as_deref().map(harmless)),
        dirty: started.and_then(|(_, run)| run.dirty),
        host: started.map(|(_, run)| harmless(&run.host)).unwrap_or_default(),
        version: started.map(|(_, run)| harmless(&run.version)).unwrap_or_default(),
        source: started.map(|(_, run)| harmless(&run.source)).unwrap_or_default(),
        standing: run.standing(),
        reason: seal.as_ref().map(|seal| harmless(seal.reason)),
        steps: run.steps.iter().map(Step::report).collect(),
        start: started.map(|(entry, start)| started::facts(about, entry, start)).unwrap_or_default(),
        first: run.first(),
        troubleshooting,
        resolution,
        next: next::next(&run),
        open,
        evidence: evidence::evidence(&run),
    }
}

/// The entries of a run, sorted to their steps.
struct Run<'a> {
    about: &'a About,
    entries: &'a [Folded],
    /// In the order of their first entries.
    steps: Vec<Step<'a>>,
    /// Where in `steps` each path is.
    places: BTreeMap<&'a str, usize>,
    waiting: Vec<&'a Folded>,
    doubts: Vec<&'a Folded>,
}

/// The last entry of a finished run.
struct Seal<'a> {
    entry: &'a Folded,
    outcome: RunOutcome,
    reason: &'a str,
    open: &'a [String],
}

impl<'a> Run<'a> {
    fn gather(about: &'a About, entries: &'a [Folded]) -> Self {
        let mut steps: Vec<Step<'a>> = Vec::new();
        let mut places: BTreeMap<&str, usize> = BTreeMap::new();
        let infos: BTreeMap<&str, &StepInfo> = about.steps.iter().map(|info| (info.id.as_str(), info)).collect();
        // An item of a `for_each` (`drain[2]`) that is not known by itself is told by its step.
        let info = |path: &str| {
            infos.get(path).or_else(|| infos.get(path.split_once('[').map_or(path, |(step, _)| step))).copied()
        };
        for entry in entries {
            let Some(path) = step_of(&entry.record) else { continue };
            let place = *places.entry(path).or_insert(steps.len());
            match steps.get_mut(place) {
                Some(step) => step.entries.push(entry),
                None => {
                    steps.push(Step { path, info: info(path), within: None, item: None, entries: vec![entry] });
                }
            }
        }
        for place in 0..steps.len() {
            let within = steps.get(place).and_then(|step| nest::within(step.path, &places));
            let item = steps.get(place).and_then(|step| nest::item(step, &steps, &places));
            if let Some(step) = steps.get_mut(place) {
                (step.within, step.item) = (within, item);
            }
        }
        let waiting = open::waiting(entries);
        Self { about, entries, steps, places, waiting, doubts: open::doubts(entries) }
    }

    fn started(&self) -> Option<(&'a Folded, &'a runbook_core::run::record::RunStarted)> {
        self.entries.iter().find_map(|entry| match &entry.record {
            Record::RunStarted(run) => Some((entry, &**run)),
            _ => None,
        })
    }

    fn seal(&self) -> Option<Seal<'a>> {
        self.entries.iter().rev().find_map(|entry| match &entry.record {
            Record::RunSealed { outcome, reason, open } => Some(Seal { entry, outcome: *outcome, reason, open }),
            _ => None,
        })
    }

    fn standing(&self) -> Standing {
        if let Some(seal) = self.seal() {
            return Standing::Over(seal.outcome);
        }
        let asks = |entry: &&Folded| !matches!(entry.record, Record::Question { question: QuestionKind::Doubt, .. });
        if !self.doubts.is_empty() && !self.waiting.iter().any(asks) {
            return Standing::InDoubt;
        }
        let suspended = matches!(self.entries.last(), Some(Folded { record: Record::RunSuspended { .. }, .. }));
        if suspended || !self.waiting.is_empty() {
            return Standing::Waiting;
        }
        match self.about.alive {
            Some(true) => Standing::Running,
            Some(false) => Standing::Interrupted,
            None => Standing::Unfinished,
        }
    }

    fn step(&self, path: &str) -> Option<&Step<'a>> {
        self.places.get(path).and_then(|place| self.steps.get(*place))
    }

    /// A step's title and id, or its id.
    fn name(&self, path: &str) -> Line {
        match self.step(path) {
            Some(step) => step.name(),
            None => Line::new().code(path),
        }
    }

    fn operators(&self) -> Vec<String> {
        let mut operators: Vec<String> = Vec::new();
        for entry in self.entries {
            let takes = matches!(entry.record, Record::RunStarted(_) | Record::RunResumed { .. });
            let id = harmless(&entry.actor.id);
            if takes && !operators.contains(&id) {
                operators.push(id);
            }
        }
        operators
    }

    /// What could not be undone, then what an operator overruled.
    fn first(&self) -> Vec<Fact> {
        let mut not_undone = Vec::new();
        let mut overrides = Vec::new();
        for entry in self.entries {
            match &entry.record {
                Record::StepUndone { step, outcome, reason } if *outcome != Outcome::Passed => {
                    let line = Line::new().strong("Not undone").say(": ").then(self.name(step));
                    let line = match reason {
                        Some(reason) => line.say(": ").say_reason(reason),
                        None => line,
                    };
                    not_undone.push((step.as_str(), Fact::new(entry.ts, line, [entry.n])));
                }
                Record::Override { step, word, reason, .. } => {
                    let line = Line::new().strong("Override").say(" by ").strong(&entry.actor.id).say(" of ");
                    let line = line.then(self.name(step)).say(": ").say(override_words(*word));
                    let line = line.say(", because ").say_reason(reason);
                    overrides.push(Fact::new(entry.ts, line, [entry.n]));
                }
                _ => {}
            }
        }
        if let Some(seal) = self.seal().filter(|seal| seal.outcome != RunOutcome::Resolved) {
            let told: Vec<&str> = not_undone.iter().map(|(step, _)| *step).collect();
            let left = self.left(seal.open).filter(|line| !told.iter().any(|step| first_word(line) == *step));
            let line = |text: &String| Line::new().strong("Left").say(": ").say_reason(text);
            overrides.splice(0..0, left.map(|text| Fact::new(seal.entry.ts, line(text), [seal.entry.n])));
        }
        not_undone.into_iter().map(|(_, fact)| fact).chain(overrides).collect()
    }

    /// What the seal says is left, but for what a line of its own tells: people who were told, the failure.
    fn left(&self, open: &'a [String]) -> impl Iterator<Item = &'a String> {
        open.iter().filter(|line| {
            let told = line.starts_with("with ")
                && self.steps.iter().any(|step| {
                    self.escalates(step.path)
                        && step.info.is_some_and(|info| line.ends_with(&format!(": {}", info.title)))
                });
            let failed = open::unhandled(self).is_some_and(|(step, _)| line.starts_with(&format!("{step} failed: ")));
            !told && !failed
        })
    }

    /// A fact that is an entry of its own, whatever its step did.
    fn event(&self, entry: &Folded) -> Option<Fact> {
        let by = &entry.actor.id;
        let line = match &entry.record {
            Record::Note { step, text } => {
                let line = Line::new().say("Note by ").say(by);
                let line = match step {
                    Some(step) => line.say(" on ").code(step),
                    None => line,
                };
                line.say(": “").say_reason(text).say("”")
            }
            // An escalate tells it on its own line; here somebody was asked.
            Record::EscalationSent { step, to, person, channel, .. } if !self.escalates(step) => Line::new()
                .say("Asked ")
                .code(person.as_ref().unwrap_or(to))
                .say(" by ")
                .code(channel)
                .say(" about ")
                .code(step),
            Record::EscalationFailed { step, to, person, channel, error } if !self.escalates(step) => Line::new()
                .code(channel)
                .say(" could not ask ")
                .code(person.as_ref().unwrap_or(to))
                .say(" about ")
                .code(step)
                .say(": ")
                .say_reason(error),
            Record::Attachment { step, name, output: Some(output), .. } => {
                let whole = if output.tail.is_empty() { &output.head } else { &output.tail };
                let last = whole.lines().rev().find(|line| !line.trim().is_empty())?;
                Line::new().code(name).say(" for ").code(step).say(", its last line: ").code_excerpt(last)
            }
            Record::Handover { to, .. } => {
                Line::new().strong("Handed over").say(" to ").codes(to.iter().map(String::as_str))
            }
            Record::HandoverConfirmed { .. } => Line::new().strong("Taken over").say(" by ").say(by),
            Record::RunCancelled { reason } => {
                Line::new().strong("Cancelled").say(" by ").say(by).say(": ").say_reason(reason)
            }
            Record::StepUndone { step, outcome: Outcome::Passed, .. } => self.undone(step),
            Record::Answer { step: None, answer, reason, .. } => {
                let line = Line::new().say("Asked whether what was done is to be undone, ").say(by).say(" said ");
                let line = line.strong(answer_word(answer));
                match reason {
                    Some(reason) => line.say(": ").say_reason(reason),
                    None => line,
                }
            }
            // What was said twice changed nothing.
            Record::Refused { repeats: true, .. } => return None,
            Record::Refused { verb, step, why, .. } => {
                let line = Line::new().say("Refused: ").code(verb).say(" by ").say(by);
                let line = match step {
                    Some(step) => line.say(" for ").code(step),
                    None => line,
                };
                line.say(": ").say_reason(why)
            }
            Record::RunResumed { host, .. } => Line::new().say("Taken up again by ").say(by).say(" on ").code(host),
            _ => return None,
        };
        Some(Fact::new(entry.ts, line, [entry.n]))
    }

    fn escalates(&self, path: &str) -> bool {
        self.step(path).is_some_and(|step| step.kind() == Some(Kind::Escalate))
    }

    fn undone(&self, path: &str) -> Line {
        let line = Line::new().strong("Undone").say(": ").then(self.name(path));
        let command = self.step(path).and_then(|step| step.planned(runbook_core::run::record::Part::Undo));
        match command {
            Some((_, shown)) => line.say(" by ").code(shown),
            None => line,
        }
    }
}

fn looks(kind: Option<Kind>) -> bool {
    matches!(kind, Some(Kind::Verify | Kind::Decide))
}

fn first_word(line: &str) -> &str {
    line.split(' ').next().unwrap_or_default()
}

/// What an override comes to.
pub(crate) fn override_words(word: SettleWord) -> &'static str {
    match word {
        SettleWord::Done => "it was done",
        SettleWord::NotDone => "it was not done",
        SettleWord::Again => "tried again",
        SettleWord::ByHand => "done by hand instead",
        SettleWord::GoOn => "gone on all the same",
        SettleWord::Fail => "left as failed",
    }
}

/// What a person answered, in a word.
pub(crate) fn answer_word(answer: &AnswerWord) -> &str {
    match answer {
        AnswerWord::Yes => "yes",
        AnswerWord::No => "no",
        AnswerWord::Choice(label) => label,
    }
}

/// What a question is about, for a person who did not see it.
pub(crate) fn question_words(question: &QuestionKind) -> &'static str {
    match question {
        QuestionKind::YesNo => "yes or no",
        QuestionKind::Choice(_) => "a choice",
        QuestionKind::Instruct => "done or could not",
        QuestionKind::Proceed => "whether to start it",
        QuestionKind::Overrule => "again, by hand or go on, or fail",
        QuestionKind::Doubt => "done, not done or again",
        QuestionKind::Rollback => "whether to undo what was done",
    }
}
