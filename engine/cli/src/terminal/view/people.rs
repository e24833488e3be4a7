//! Who was told, notes, evidence, and what happens to the run as a whole.

#![expect(clippy::wildcard_enum_match_arm, reason = "each part of the view takes the records it is about")]

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use runbook_core::run::heard::Heard;
use runbook_core::run::record::{Actor, CHANGES, EndCause, Output, Phase, Record};

use super::words::{bytes, printed, who};
use super::{INDENT, Steps, View};
use crate::clock::{spoken, time};
use crate::text::{Line, Style};

impl View {
    pub(super) fn people(
        &mut self,
        record: &Record,
        actor: &Actor,
        at: Timestamp,
        steps: &dyn Steps,
        lines: &mut Vec<Line>,
    ) {
        match record {
            Record::EscalationSent { step, to, person, channel, message, .. } => {
                self.begin(step, steps, lines);
                let to = whom(to, person.as_ref());
                let said = match channel.as_str() {
                    "terminal" => format!("tell {to}, here at the terminal:"),
                    channel => format!("{to} was told by {channel}:"),
                };
                lines.push(Line::plain(INDENT).and(Style::Good, &said));
                lines.extend(message.lines().map(printed));
            }
            Record::EscalationFailed { step, to, person, channel, error } => {
                self.begin(step, steps, lines);
                let to = whom(to, person.as_ref());
                let said = format!("{to} could not be told by {channel}: ");
                lines.push(Line::plain(INDENT).and(Style::Bad, &said).and(Style::Plain, error));
            }
            Record::EscalationWidened { step, to } => {
                self.begin(step, steps, lines);
                let said = format!("nobody acknowledged in time, so the rest is told: {}", to.join(", "));
                lines.push(Line::plain(INDENT).and(Style::Look, &said));
            }
            // They are being told.
            Record::EscalationWaiting { told: false, .. } => {}
            Record::EscalationWaiting { step, deadline, from, all, .. } => {
                self.begin(step, steps, lines);
                let from = from.join(if *all { " and " } else { " or " });
                let until = deadline.map_or(String::new(), |until| format!(", until {}", time(until, at, &self.zone)));
                lines.push(Line::plain(&format!("{INDENT}waits for {from} to acknowledge{until}")));
            }
            Record::EscalationAcknowledged { step, by } => {
                self.begin(step, steps, lines);
                let heard = steps.heard(step).into_iter().find(|heard| heard.name == *by);
                let told = heard.and_then(|heard| heard.told);
                let told = told.map_or(String::new(), |(told, channel)| {
                    format!(", told {} by {channel}", time(told, at, &self.zone))
                });
                lines.push(Line::plain(INDENT).and(Style::Good, &format!("acknowledged by {by}{told}")));
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
                if let (Some(output), true) = (output, name.starts_with(CHANGES)) {
                    changes(output, lines);
                }
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
            Record::HandoverConfirmed { .. } => {
                lines.push(Line::plain(INDENT).and(Style::Look, &format!("{} has taken the run over", who(actor))));
            }
            _ => {}
        }
    }

    pub(super) fn run(
        &mut self,
        record: &Record,
        actor: &Actor,
        at: Timestamp,
        steps: &dyn Steps,
        lines: &mut Vec<Line>,
    ) {
        let said = match record {
            Record::PhaseEntered { phase: Phase::Ending, cause, .. } => match cause {
                Some(EndCause::Failed(step)) => {
                    format!("Nothing handles the failure of {step}: nothing else new starts.")
                }
                Some(EndCause::TookFailed(step)) => format!("{step} took `failed`: nothing else new starts."),
                Some(EndCause::Denied(step)) => format!("{step} was denied: nothing else new starts."),
                Some(EndCause::Handover(step)) => format!("{step} hands the run over: nothing else new starts."),
                Some(EndCause::Cancelled | EndCause::Complete | EndCause::Around) | None => return,
            },
            Record::PhaseEntered { phase: Phase::Rollback, .. } => {
                "What was done is undone, the last first.".to_owned()
            }
            Record::PhaseEntered { phase: Phase::Finally, .. } if steps.plan().finally().is_empty() => return,
            Record::PhaseEntered { phase: Phase::Finally, .. } => "Whatever happened, this follows.".to_owned(),
            Record::RunCancelled { reason } => {
                self.cancels += 1;
                let by = who(actor);
                if self.cancels == 1 {
                    format!(
                        "Cancelled by {by}: {reason}. Nothing new starts; an act that runs is let end. \
                         Cancel again to end that too."
                    )
                } else {
                    format!("Cancelled again by {by}: {reason}. An act that runs is ended.")
                }
            }
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
}

/// How a file would change, as its line-by-line difference shows it.
fn changes(output: &Output, lines: &mut Vec<Line>) {
    let style = |line: &str| match line.bytes().next() {
        Some(b'+') => Style::Good,
        Some(b'-') => Style::Bad,
        Some(b'@') => Style::Look,
        _ => Style::Plain,
    };
    let told = |text: &str, lines: &mut Vec<Line>| {
        lines.extend(text.lines().map(|line| Line::plain(INDENT).and(Style::Plain, "  ").and(style(line), line)));
    };
    told(&output.head, lines);
    if !output.tail.is_empty() {
        let whole =
            output.blob.as_ref().map_or(String::new(), |blob| format!(" all of it: blobs/{blob} in the run's folder"));
        lines.push(Line::plain(INDENT).and(Style::Faint, &format!("  …{whole}")));
        told(&output.tail, lines);
    }
}

/// Who was told: a person of a team, or who was named.
fn whom(to: &str, person: Option<&String>) -> String {
    person.map_or_else(|| to.to_owned(), |person| format!("{person} ({to})"))
}

/// Where somebody stands who was to hear of it: `told 09:20:11 by slack, acknowledged 09:32:05`.
#[must_use]
pub fn where_they_stand(heard: &Heard, now: Timestamp, zone: &TimeZone) -> String {
    let mut words = Vec::new();
    match (&heard.told, &heard.failed) {
        (Some((at, channel)), _) => words.push(format!("told {} by {channel}", time(*at, now, zone))),
        (None, Some(why)) => words.push(format!("not told ({why})")),
        (None, None) => {}
    }
    words.extend(heard.acknowledged.map(|at| format!("acknowledged {}", time(at, now, zone))));
    let of = heard.of.as_ref().map(|of| format!("({of}) ")).unwrap_or_default();
    format!("{of}{}", words.join(", "))
}
