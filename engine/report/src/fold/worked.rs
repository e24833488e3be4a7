//! What a verify found, and what an act did: one line a step.

use runbook_core::document::model::Kind;
use runbook_core::run::record::{Outcome, Part, QuestionKind, Record, Settlement, Stream};

use super::step::{Settled, Step};
use super::{answer_word, override_words};
use crate::line::Line;
use crate::moment;
use crate::report::Fact;

/// Longest piece of output in a line, in characters: a line stays a line.
const PRINTED_CHARACTERS_MAX: usize = 120;

/// The line of a verify or an act; none where it did not run.
pub(super) fn worked(step: &Step<'_>) -> Option<Fact> {
    let mut entries = Vec::new();
    let name = step.heading();
    let settled = step.settled();
    if settled.is_none() && !touched(step) {
        return None;
    }
    let line = match settled {
        Some(settled) if settled.settlement == Settlement::Withheld => {
            entries.push(settled.entry.n);
            name.then(withheld(step, &settled, &mut entries))
        }
        settled => {
            let line = name.then(work(step, &mut entries));
            let line = line.then(match settled {
                Some(settled) => doubt(step, &mut entries).then(verdict(step, &settled, &mut entries)),
                None => under_way(step, &mut entries),
            });
            line.then(approval(step, &mut entries))
        }
    };
    if entries.is_empty() {
        entries.extend(step.entries.first().map(|entry| entry.n));
    }
    Some(Fact::new(step.began(), line, entries))
}

/// Whether something happened beside notes and the like.
fn touched(step: &Step<'_>) -> bool {
    step.entries.iter().any(|entry| {
        matches!(
            entry.record,
            Record::StepPlanned { .. }
                | Record::StepIntent { .. }
                | Record::AttemptEnded { .. }
                | Record::ApprovalRequested { .. }
                | Record::DoubtOpened { .. }
                | Record::Question { question: QuestionKind::YesNo | QuestionKind::Instruct, .. }
        )
    })
}

/// The command, or who was asked what.
fn work(step: &Step<'_>, entries: &mut Vec<u64>) -> Line {
    let question = step.last(|record| match record {
        Record::Question { question: QuestionKind::YesNo | QuestionKind::Instruct, request, text, .. } => {
            Some((*request, text))
        }
        _ => None,
    });
    if let Some((asked, (wanted, text))) = question {
        entries.push(asked.n);
        let line = Line::new().say("asked “").say_reason(text).say("”, ");
        let answer = step.last(|record| match record {
            Record::Answer { request, answer, behalf, reason, .. } if *request == wanted => {
                Some((answer, behalf, reason))
            }
            _ => None,
        });
        let Some((entry, (answer, behalf, reason))) = answer else { return line };
        entries.push(entry.n);
        let line = match behalf {
            Some(behalf) => line.say(behalf).say(" (as typed by ").say(&entry.actor.id).say(")"),
            None => line.say(&entry.actor.id),
        };
        let line = line.say(" said ").strong(answer_word(answer));
        let line = match reason {
            Some(reason) => line.say(" (“").say_reason(reason).say("”)"),
            None => line,
        };
        return line.say(", ");
    }
    match step.planned(Part::Main) {
        Some((entry, shown)) => {
            entries.push(entry.n);
            Line::new().code(shown).say(" ")
        }
        None => Line::new(),
    }
}

/// What would happen, or why that cannot be said.
fn withheld(step: &Step<'_>, settled: &Settled<'_>, entries: &mut Vec<u64>) -> Line {
    let to = step.info.map(|info| info.to.as_slice()).unwrap_or_default();
    match (step.planned(Part::Main), settled.reason) {
        (Some((entry, shown)), reason) => {
            entries.push(entry.n);
            let line = Line::new().say("would run ").code(shown);
            reason.map_or(line.clone(), |reason| line.say(": ").say_reason(reason))
        }
        (None, Some(reason)) => Line::new().say_reason(reason),
        (None, None) if !to.is_empty() => Line::new().say("would ask ").codes(to.iter().map(String::as_str)),
        (None, None) if step.kind() == Some(Kind::Verify) => Line::new().say("would look, or ask"),
        (None, None) => Line::new().say("would be done"),
    }
}

pub(super) fn verdict(step: &Step<'_>, settled: &Settled<'_>, entries: &mut Vec<u64>) -> Line {
    entries.push(settled.entry.n);
    let because = |line: Line| match settled.reason {
        Some(reason) => line.say(": ").say_reason(reason),
        None => line,
    };
    match settled.settlement {
        Settlement::Ran => {
            let line = Line::new().strong(settled.outcome.word());
            let line = because(line.then(effort(step)));
            if let Some((entry, ())) = step.last(|record| matches!(record, Record::AttemptEnded { .. }).then_some(())) {
                entries.push(entry.n);
            }
            line.then(printed(step, settled.outcome, entries)).then(before(step, settled.outcome, entries))
        }
        Settlement::AlreadySo => {
            let line = Line::new().strong("already so").say(", nothing was done");
            match step.planned(Part::Unless) {
                Some((entry, shown)) => {
                    entries.push(entry.n);
                    line.say("; looked with ").code(shown)
                }
                None => line,
            }
        }
        Settlement::ByHand | Settlement::Overruled => {
            let line = Line::new().strong(settled.outcome.word());
            let said = step.last(|record| match record {
                Record::Override { word, reason, .. } => Some((*word, reason)),
                _ => None,
            });
            match said {
                Some((entry, (word, reason))) => {
                    entries.push(entry.n);
                    let line = line.say(" by override of ").say(&entry.actor.id).say(", ");
                    line.say(override_words(word)).say(": ").say_reason(reason)
                }
                None => because(line.say(" by override")),
            }
        }
        Settlement::Settled => Line::new().strong(settled.outcome.word()),
        Settlement::Expired => because(Line::new().strong("was not run").say(", nobody approved it in time")),
        Settlement::Unanswered => Line::new().strong(settled.outcome.word()).say(", nobody answered in time"),
        // Who and why stand with the approval.
        Settlement::Denied => Line::new().strong("was not run"),
        Settlement::Withheld => Line::new().say("withheld"),
    }
}

/// How an end that was no exit code was made out.
fn doubt(step: &Step<'_>, entries: &mut Vec<u64>) -> Line {
    let settled = step.last(|record| match record {
        Record::DoubtSettled { word, by, reason, .. } => Some((*word, by, reason)),
        _ => None,
    });
    // What may be run again needs no making out: it failed, and its reason says why.
    let Some((entry, (word, by, reason))) = settled.filter(|(_, (_, by, _))| *by != "idempotent") else {
        return Line::new();
    };
    entries.push(entry.n);
    let opened = step.last(|record| match record {
        Record::DoubtOpened { why, .. } => Some(why),
        _ => None,
    });
    let line = Line::new().say("ended in doubt");
    let line = match opened {
        Some((entry, why)) => {
            entries.push(entry.n);
            line.say(" (").say_reason(why).say(")")
        }
        None => line,
    };
    let line = match by.as_str() {
        "unless" => line.say("; looked at again, ").say(override_words(word)),
        "person" => line.say("; ").strong(&entry.actor.id).say(" says: ").say(override_words(word)),
        other => line.say("; ").say(other).say(" says: ").say(override_words(word)),
    };
    let line = match reason {
        Some(reason) => line.say(" (“").say_reason(reason).say("”)"),
        None => line,
    };
    line.say(": ")
}

/// How many tries, and how long, where that says something.
fn effort(step: &Step<'_>) -> Line {
    let ended = step.last(|record| match record {
        Record::AttemptEnded { key, duration, .. } if key.part == Part::Main => Some(*duration),
        _ => None,
    });
    let Some((entry, duration)) = ended else { return Line::new() };
    let attempts = step.attempts();
    if attempts > 1 {
        let began = step.work_began().unwrap_or(entry.ts);
        let took = moment::words(moment::between(began, entry.ts));
        return Line::new().say(&format!(" after {attempts} attempts in {took}"));
    }
    if duration.as_secs() > 0 { Line::new().say(" after ").say(&moment::words(duration)) } else { Line::new() }
}

/// What it wrote: one line of it.
fn printed(step: &Step<'_>, outcome: Outcome, entries: &mut Vec<u64>) -> Line {
    let streams =
        if outcome == Outcome::Passed { [Stream::Stdout, Stream::Stderr] } else { [Stream::Stderr, Stream::Stdout] };
    let streams = streams.into_iter().chain([Stream::Body]);
    for stream in streams {
        let Some((entry, output)) = step.output(stream) else { continue };
        let mut lines = output.head.lines().filter(|line| !line.trim().is_empty());
        let Some(first) = lines.next() else { continue };
        entries.push(entry.n);
        let how = if stream == Stream::Body { "; the answer was " } else { "; it printed " };
        let line = Line::new().say(how).code(&short(first));
        let more = lines.next().is_some() || !output.tail.is_empty();
        return if more { line.say(&format!(" and more, {} bytes", output.bytes)) } else { line };
    }
    Line::new()
}

/// What the tries before the one that passed found, as far as the last of them tells.
fn before(step: &Step<'_>, outcome: Outcome, entries: &mut Vec<u64>) -> Line {
    let failed = step.last(|record| match record {
        Record::AttemptEnded { key, outcome, reason, .. } if key.part == Part::Main && *outcome != Outcome::Passed => {
            Some((key.attempt, reason))
        }
        _ => None,
    });
    let Some((entry, (attempt, reason))) = failed.filter(|_| outcome == Outcome::Passed) else { return Line::new() };
    entries.push(entry.n);
    let line = Line::new().say("; before that it failed");
    let line = match reason {
        Some(reason) => line.say(": ").say_reason(reason),
        None => line,
    };
    let said = step.last(|record| match record {
        Record::StepOutput { key, output, .. } if key.part == Part::Main && key.attempt == attempt => {
            output.head.lines().find(|line| !line.trim().is_empty())
        }
        _ => None,
    });
    match said {
        Some((entry, said)) => {
            entries.push(entry.n);
            line.say(", it printed ").code(&short(said))
        }
        None => line,
    }
}

/// One line of output, cut.
fn short(line: &str) -> String {
    let line = line.trim();
    match line.char_indices().nth(PRINTED_CHARACTERS_MAX) {
        Some((at, _)) => format!("{}…", line.get(..at).unwrap_or(line)),
        None => line.to_owned(),
    }
}

pub(super) fn under_way(step: &Step<'_>, entries: &mut Vec<u64>) -> Line {
    let doubt = step.last(|record| match record {
        Record::DoubtOpened { why, .. } => Some(why),
        _ => None,
    });
    if let Some((entry, why)) = doubt {
        entries.push(entry.n);
        return Line::new().strong("in doubt").say(", nobody knows how it ended: ").say_reason(why);
    }
    let state = step.last(|record| match record {
        Record::ApprovalRequested { .. } => Some("waits for approval"),
        Record::RetryScheduled { .. } => Some("failed so far, is tried again"),
        Record::StepIntent { until: Some(_), .. } => Some("waits"),
        Record::StepIntent { .. } => Some("was started and has not ended"),
        Record::AttemptEnded { .. } => Some("ended and is not settled"),
        Record::ApprovalGranted { .. } | Record::StepPlanned { .. } => Some("is not started yet"),
        Record::Question { .. } => Some("waits for an answer"),
        _ => None,
    });
    match state {
        Some((entry, state)) => {
            entries.push(entry.n);
            Line::new().strong(state)
        }
        None => Line::new().strong("is not settled"),
    }
}

/// Who allowed it, or did not.
pub(super) fn approval(step: &Step<'_>, entries: &mut Vec<u64>) -> Line {
    let decided = step.last(|record| match record {
        Record::ApprovalGranted { reason, .. } => Some(("approved by ", reason.as_ref())),
        Record::ApprovalDenied { reason, .. } => Some(("denied by ", Some(reason))),
        _ => None,
    });
    let Some((entry, (word, reason))) = decided else { return Line::new() };
    entries.push(entry.n);
    let line = Line::new().say("; ").say(word).strong(&entry.actor.id);
    let line = if entry.actor.origin.starts_with("option") { line.say(" with ").code("--yes") } else { line };
    let line = line.say(" at ").time(entry.ts);
    match reason {
        Some(reason) => line.say(" (“").say_reason(reason).say("”)"),
        None => line,
    }
}
