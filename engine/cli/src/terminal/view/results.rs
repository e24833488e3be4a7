//! How steps came out, and what a decide took.

#![expect(clippy::wildcard_enum_match_arm, reason = "each part of the view takes the records it is about")]

use std::fmt::Write as _;

use jiff::Timestamp;
use runbook_core::document::model::{Kind, Step};
use runbook_core::run::record::{Actor, BranchChoice, Outcome, Record, Settlement};

use super::super::dry;
use super::words::{how, kind, mark, number, settle_words};
use super::{INDENT, Steps, View};
use crate::clock::spoken;
use crate::text::{Line, Style};

/// A step as it is written.
fn written<'s>(steps: &'s dyn Steps, step: &str) -> Option<&'s Step> {
    steps.plan().graph().find(step).map(|index| steps.plan().step(index))
}

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
                        lines.extend(dry::withheld(written, command, reason, &|text| steps.forecast(text)));
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
                let (mark, style) = mark(was.outcome);
                let word = kind(step, steps.plan()).map_or("step", Kind::key);
                let said = format!("{word:<9}{}  ({step})", steps.title(step));
                let line = Line::new().and(Style::Faint, &number(step, steps.plan())).and(Style::Plain, &said);
                lines.push(line);
                let said = format!("{mark} {}, taken over from run {run}", was.outcome.word());
                lines.push(Line::plain(INDENT).and(style, &said));
                if !was.outputs.is_empty() {
                    let values: Vec<String> =
                        was.outputs.iter().map(|(name, value)| format!("{name} = {value}")).collect();
                    lines.push(Line::plain(INDENT).and(Style::Faint, &values.join("   ")));
                }
                self.current = None;
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
