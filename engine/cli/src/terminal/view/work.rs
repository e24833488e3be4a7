//! What runs, is tried again, and how an attempt ended.

#![expect(clippy::wildcard_enum_match_arm, reason = "each part of the view takes the records it is about")]

use std::time::Duration;

use jiff::Timestamp;
use runbook_core::run::record::{AttemptKey, Outcome, Part, Record};

use super::super::tail::Tail;
use super::tries::Tries;
use super::words::printed;
use super::{FAILURE_LINES_MAX, INDENT, Running, Steps, View};
use crate::clock::{countdown, spoken, time};
use crate::text::{Line, Style};

impl View {
    pub(super) fn work(&mut self, record: &Record, at: Timestamp, steps: &dyn Steps, lines: &mut Vec<Line>) {
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
                let planned = self.planned.remove(&key.step);
                // Another attempt at the same is no news.
                if let Some(shown) = planned.filter(|shown| self.started.get(&key.step) != Some(shown)) {
                    self.begin(&key.step, steps, lines);
                    lines.push(Line::plain(INDENT).and(Style::Command, "$ ").and(Style::Command, &shown));
                    self.started.insert(key.step.clone(), shown);
                }
                self.retries.remove(&key.step);
                self.running.insert(key.clone(), Running { since: at, tail: Tail::default() });
                if key.part == Part::Main && key.attempt <= 1 {
                    self.tries.insert(key.step.clone(), Tries::new(Some(at)));
                }
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
                    let tries = self.tries.entry(key.step.clone()).or_insert_with(|| Tries::new(None));
                    let is_news = tries.failed(&format!("{}{because}", outcome.word()));
                    self.failed.insert(key.step.clone(), is_news);
                }
                for survivor in survivors {
                    lines.push(
                        Line::plain(INDENT).and(Style::Bad, &format!("still running, ended by nobody: {survivor}")),
                    );
                }
            }
            Record::RetryScheduled { key, at: then } => {
                self.retries.insert(key.step.clone(), (key.attempt, *then));
                // The transcript has each of them; where a line stays, only what nobody knows yet has one.
                if self.failed.remove(&key.step).unwrap_or(true) && !self.has_live {
                    self.begin(&key.step, steps, lines);
                    let why = self.tries.get(&key.step).and_then(Tries::last).unwrap_or("failed");
                    let before = key.attempt.saturating_sub(1);
                    let said = format!("attempt {before} {why}; attempt {} in {}", key.attempt, countdown(at, *then));
                    lines.push(Line::plain(INDENT).and(Style::Faint, &said));
                }
            }
            _ => {}
        }
    }

    /// An attempt's own end, where the step's does not tell it.
    pub(super) fn attempt_ended(
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

    pub(super) fn show_failed_output(&self, step: &str, lines: &mut Vec<Line>) {
        for kept in self.outputs.iter().filter(|kept| kept.step == step) {
            let text = if kept.output.tail.is_empty() { &kept.output.head } else { &kept.output.tail };
            let all: Vec<&str> = text.lines().collect();
            let skip = all.len().saturating_sub(FAILURE_LINES_MAX);
            lines.extend(all.into_iter().skip(skip).map(printed));
        }
    }
}
