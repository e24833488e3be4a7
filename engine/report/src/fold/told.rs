//! Who was told, when, by which channel, and who answered: one line an escalate.

use runbook_core::run::record::{Outcome, Record, Settlement};

use super::step::Step;
use crate::line::Line;
use crate::report::Fact;

/// The line of an escalate; none where it told nobody and tried nothing.
pub(super) fn told(step: &Step<'_>) -> Option<Fact> {
    let mut entries = Vec::new();
    let settled = step.settled();
    let name = step.heading();
    if let Some(settled) = settled.as_ref().filter(|settled| settled.settlement == Settlement::Withheld) {
        let to = step.info.map(|info| info.to.as_slice()).unwrap_or_default();
        let line = name.say("would tell ");
        let line = if to.is_empty() { line.say("people") } else { line.codes(to.iter().map(String::as_str)) };
        let line = match settled.reason {
            Some(reason) => line.say(": ").say_reason(reason),
            None => line,
        };
        return Some(Fact::new(step.began(), line, [settled.entry.n]));
    }
    let mut line = name;
    let mut message = None;
    for entry in &step.entries {
        let separator = if entries.is_empty() { "" } else { "; " };
        match &entry.record {
            Record::EscalationSent { to, person, channel, message: sent, .. } => {
                line = whom(line.say(separator).say("told "), to, person.as_ref());
                line = line.say(" by ").code(channel).say(" at ").time(entry.ts);
                message = message.or(Some(sent));
            }
            Record::EscalationFailed { to, person, channel, error, .. } => {
                line = whom(line.say(separator).code(channel).say(" could not tell "), to, person.as_ref());
                line = line.say(": ").say_reason(error);
            }
            Record::EscalationWidened { .. } => {
                line =
                    line.say(separator).strong("nobody acknowledged").say(" by ").time(entry.ts).say(", so the rest");
            }
            _ => continue,
        }
        entries.push(entry.n);
    }
    if entries.is_empty() {
        let settled = settled?;
        entries.push(settled.entry.n);
        line = line.strong(settled.outcome.word());
        if let Some(reason) = settled.reason {
            line = line.say(": ").say_reason(reason);
        }
        return Some(Fact::new(step.began(), line, entries));
    }
    line = line.then(acknowledged(step, &mut entries));
    if let Some(settled) = settled.filter(|settled| settled.outcome != Outcome::Passed) {
        entries.push(settled.entry.n);
        line = line.say("; ").strong(settled.outcome.word());
        if let Some(reason) = settled.reason {
            line = line.say(": ").say_reason(reason);
        }
    }
    if let Some(message) = message {
        line = line.say("; the message: “").say(&crate::harmless::excerpt(message)).say("”");
    }
    Some(Fact::new(step.began(), line, entries))
}

fn whom(line: Line, to: &str, person: Option<&String>) -> Line {
    match person {
        Some(person) => line.code(person).say(" of ").code(to),
        None => line.code(to),
    }
}

fn acknowledged(step: &Step<'_>, entries: &mut Vec<u64>) -> Line {
    let mut line = Line::new();
    let heard = step.all(|record| match record {
        Record::EscalationAcknowledged { by, .. } => Some(by),
        _ => None,
    });
    for (entry, by) in &heard {
        entries.push(entry.n);
        line = line.say("; acknowledged by ").strong(by).say(" at ").time(entry.ts);
        if entry.actor.id != *by.as_str() {
            line = line.say(", as typed by ").strong(&entry.actor.id);
        }
    }
    let timed_out = step.last(|record| matches!(record, Record::EscalationTimedOut { .. }).then_some(()));
    let waiting = step.last(|record| match record {
        Record::EscalationWaiting { deadline, .. } => Some(*deadline),
        // Its time begins when the rest was told.
        Record::EscalationWidened { .. } => Some(None),
        _ => None,
    });
    match (timed_out, waiting) {
        (Some((entry, ())), _) => {
            entries.push(entry.n);
            line.say("; ").strong("not acknowledged").say(" in time")
        }
        (None, Some((entry, deadline))) if heard.is_empty() => {
            entries.push(entry.n);
            let line = line.say("; ").strong("not acknowledged").say(" yet");
            match deadline {
                Some(deadline) => line.say(", waited for until ").time(deadline),
                None => line,
            }
        }
        (None, None) if heard.is_empty() => line.say("; no acknowledgement was asked for"),
        (None, _) => line,
    }
}
