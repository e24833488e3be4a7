//! How steps came out, and what a decide took.

#![expect(clippy::wildcard_enum_match_arm, reason = "each part of the view takes the records it is about")]

use std::fmt::Write as _;

use jiff::Timestamp;
use runbook_core::document::model::Kind;
use runbook_core::run::record::{Actor, BranchChoice, Outcome, Record, Settlement};
use runbook_report::entry::item_number;

use super::super::dry::{self, Told};
use super::nest::written;
use super::words::{how, kind, mark, settle_words};
use super::{INDENT, Steps, View};
use crate::clock::spoken;
use crate::text::{Line, Style};

impl View {
    #[expect(clippy::too_many_lines, reason = "one arm for each record, each a few lines")]
    pub(super) fn results(
        &mut self,
        record: &Record,
        actor: &Actor,
        at: Timestamp,
        steps: &dyn Steps,
        lines: &mut Vec<Line>,
    ) {
        match record {
            Record::StepSettled { step, outcome, settlement, reason, outputs, attempts } => {
                self.retries.remove(step);
                self.waits.remove(step);
                self.begin(step, steps, lines);
                if *settlement == Settlement::Withheld {
                    if let Some(written) = written(steps, step) {
                        let command = self.planned.remove(step);
                        let (command, reason) = (command.as_deref(), reason.as_deref());
                        let told = self.told_of(step);
                        lines.extend(dry::withheld(written, told, command, reason, &|text| steps.forecast(text)));
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
                if let (Some(count @ 1..), Outcome::Passed, Settlement::Ran) =
                    (self.nest.count(step), outcome, settlement)
                {
                    // Writing to a String cannot fail.
                    let _ =
                        if count == 1 { write!(said, ", its one item") } else { write!(said, ", all {count} items") };
                }
                let tries = self.tries.remove(step).filter(|_| *attempts > 1);
                if let Some(begun) = self.seen.get(step).filter(|begun| begun.ran) {
                    // Of several attempts what counts is how long all that took.
                    let whole = tries.as_ref().and_then(|tries| Some(at.duration_since(tries.since?).unsigned_abs()));
                    said.push_str("  ");
                    said.push_str(&spoken(whole.unwrap_or(begun.worked)));
                }
                if *attempts > 1 {
                    // Writing to a String cannot fail.
                    let _ = write!(said, " in {attempts} attempts");
                }
                let line = Line::plain(INDENT).and(style, &said);
                lines.push(match reason {
                    Some(reason) => line.and(Style::Plain, ": ").and(Style::Plain, reason),
                    None => line,
                });
                if let Some(earlier) = tries.and_then(|tries| tries.earlier(*outcome == Outcome::Passed)) {
                    lines.push(Line::plain(INDENT).and(Style::Faint, &format!("earlier attempts: {earlier}")));
                }
                if !outputs.is_empty() {
                    let values: Vec<String> = outputs.iter().map(|(name, value)| format!("{name} = {value}")).collect();
                    lines.push(Line::plain(INDENT).and(Style::Faint, &values.join("   ")));
                }
            }
            Record::StepItems { step, items, .. } => {
                self.begin(step, steps, lines);
                let values: Vec<String> = items.iter().map(ToString::to_string).collect();
                let said = match items.len() {
                    0 => "its list has no items".to_owned(),
                    1 => format!("1 item: {}", values.join(", ")),
                    count => format!("{count} items: {}", values.join(", ")),
                };
                lines.push(Line::plain(INDENT).and(Style::Faint, &said));
            }
            Record::StepTakenOver { step, run, was, .. } => {
                self.begin(step, steps, lines);
                let (mark, style) = mark(was.outcome);
                let said = format!("{mark} {}, taken over from run {run}", was.outcome.word());
                lines.push(Line::plain(INDENT).and(style, &said));
                if !was.outputs.is_empty() {
                    let values: Vec<String> =
                        was.outputs.iter().map(|(name, value)| format!("{name} = {value}")).collect();
                    lines.push(Line::plain(INDENT).and(Style::Faint, &values.join("   ")));
                }
            }
            Record::StepSkipped { step, why } => {
                let word = if self.is_dry() { "would be skipped" } else { "skipped" };
                self.passed_by(step, &format!(": {word}, {why}"), Style::Faint, steps, lines);
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
            Record::Decision { .. } => self.decided(record, steps, lines),
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

    /// What is told of a step that is withheld, beside what is told of those inside it.
    fn told_of(&self, step: &str) -> Told {
        let inside = format!("{step}/");
        if item_number(step).is_some() {
            Told::Work
        } else if self.nest.count(step).is_some() || self.seen.keys().any(|other| other.starts_with(&inside)) {
            Told::Rest
        } else {
            Told::Whole
        }
    }

    /// What a decide took, and why.
    fn decided(&mut self, record: &Record, steps: &dyn Steps, lines: &mut Vec<Line>) {
        let Record::Decision { step, branch, expression, read, because } = record else { return };
        self.begin(step, steps, lines);
        let to = branch.to.join(", ");
        if branch.choice == BranchChoice::Undecided {
            if let Some(written) = written(steps, step) {
                lines.extend(dry::undecided(written, expression, &|text| steps.forecast(text)));
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
}
