//! What is open: waiting, in doubt, promised, not undone, failed.

use runbook_core::document::model::Kind;
use runbook_core::run::record::{
    AttemptKey, EndCause, Outcome, Phase, QuestionKind, Record, RequestId, RunOutcome, StepPath,
};

use super::step::Step;
use super::{Run, question_words};
use crate::entry::Folded;
use crate::line::Line;
use crate::report::{Fact, Standing};

/// Requests to people that nothing has answered or ended, oldest first.
pub(super) fn waiting(entries: &[Folded]) -> Vec<&Folded> {
    let mut open: Vec<(&Folded, usize)> = Vec::new();
    for entry in entries {
        match &entry.record {
            Record::ApprovalRequested { .. } | Record::Question { .. } => open.push((entry, 0)),
            Record::EscalationWaiting { request, .. } => {
                // One is open while people are being told, and once more with its deadline when all of them were.
                open.retain(|(open, _)| request_of(&open.record) != Some(*request));
                open.push((entry, 0));
            }
            Record::ApprovalGranted { request, .. }
            | Record::ApprovalDenied { request, .. }
            | Record::ApprovalExpired { request, .. }
            | Record::ApprovalVoid { request, .. }
            | Record::Answer { request, .. }
            | Record::QuestionWithdrawn { request, .. } => {
                open.retain(|(open, _)| request_of(&open.record) != Some(*request));
            }
            Record::EscalationAcknowledged { step: by, .. } => open.retain_mut(|(open, heard)| match &open.record {
                Record::EscalationWaiting { step, from, all, .. } if step == by => {
                    *heard += 1;
                    *all && *heard < from.len()
                }
                _ => true,
            }),
            Record::EscalationTimedOut { step: of } => {
                open.retain(|(open, _)| !matches!(&open.record, Record::EscalationWaiting { step, .. } if step == of));
            }
            Record::DoubtSettled { key: AttemptKey { step: of, .. }, .. } | Record::Override { step: of, .. } => {
                open.retain(|(open, _)| !asks_to_settle(&open.record, of));
            }
            Record::StepSettled { step: of, .. } | Record::StepSkipped { step: of, .. } => {
                open.retain(|(open, _)| crate::entry::step_of(&open.record) != Some(of));
            }
            Record::RunSealed { .. } => open.clear(),
            _ => {}
        }
    }
    open.into_iter().map(|(entry, _)| entry).collect()
}

fn request_of(record: &Record) -> Option<RequestId> {
    match record {
        Record::ApprovalRequested { request, .. }
        | Record::Question { request, .. }
        | Record::EscalationWaiting { request, .. } => Some(*request),
        _ => None,
    }
}

fn asks_to_settle(record: &Record, of: &StepPath) -> bool {
    matches!(record, Record::Question { step: Some(step), question: QuestionKind::Doubt | QuestionKind::Overrule, .. } if step == of)
}

/// Acts whose end nobody knows, oldest first.
pub(super) fn doubts(entries: &[Folded]) -> Vec<&Folded> {
    let mut open: Vec<&Folded> = Vec::new();
    for entry in entries {
        match &entry.record {
            Record::DoubtOpened { .. } => open.push(entry),
            Record::DoubtSettled { key: AttemptKey { step: of, .. }, .. } | Record::StepSettled { step: of, .. } => {
                open.retain(|open| crate::entry::step_of(&open.record) != Some(of));
            }
            _ => {}
        }
    }
    open
}

/// The lines, the most urgent first; one that says so where nothing is open.
pub(super) fn open(run: &Run<'_>) -> Vec<Fact> {
    let mut facts: Vec<Fact> = run.doubts.iter().filter_map(|entry| in_doubt(run, entry)).collect();
    facts.extend(run.waiting.iter().filter_map(|entry| waits(run, entry)));
    if let Some(seal) = run.seal() {
        let line = |text: &String| Fact::new(seal.entry.ts, Line::new().say_reason(text), [seal.entry.n]);
        facts.extend(run.left(seal.open).map(line));
    }
    facts.extend(unhandled(run).map(|(_, fact)| fact));
    facts.extend(run.steps.iter().flat_map(survivors));
    facts.extend(run.steps.iter().filter_map(with_people));
    if facts.is_empty() {
        facts.extend(nothing(run));
    }
    facts
}

fn in_doubt(run: &Run<'_>, entry: &Folded) -> Option<Fact> {
    let Record::DoubtOpened { key, why } = &entry.record else { return None };
    let line = Line::new().strong("In doubt").say(": ").then(run.name(&key.step));
    let line = match run.step(&key.step).and_then(|step| step.planned(key.part)) {
        Some((_, shown)) => line.say(", ").code(shown),
        None => line,
    };
    Some(Fact::new(entry.ts, line.say(": nobody knows how it ended, ").say_reason(why), [entry.n]))
}

fn waits(run: &Run<'_>, entry: &Folded) -> Option<Fact> {
    let (line, deadline) = match &entry.record {
        Record::ApprovalRequested { key, deadline, .. } => {
            let line = Line::new().strong("Waits for approval").say(": ").then(run.name(&key.step));
            let shown = run.step(&key.step).and_then(|step| step.planned(key.part));
            (shown.map_or(line.clone(), |(_, shown)| line.say(", ").code(shown)), deadline)
        }
        // Its doubt says the same.
        Record::Question { question: QuestionKind::Doubt, step: Some(of), .. }
            if run.doubts.iter().any(|doubt| crate::entry::step_of(&doubt.record) == Some(of)) =>
        {
            return None;
        }
        Record::Question { question, text, to, deadline, step, .. } => {
            let line = Line::new().strong("Waits for an answer");
            let line = if to.is_empty() { line } else { line.say(" of ").codes(to.iter().map(String::as_str)) };
            let line = line.say(": “").say_reason(text).say("” (").say(question_words(question)).say(")");
            (step.as_ref().map_or(line.clone(), |step| line.say(", ").code(step)), deadline)
        }
        Record::EscalationWaiting { step, from, all, deadline, .. } => {
            let line =
                Line::new().strong("Waits for an acknowledgement").say(if *all { " by all of " } else { " by " });
            let line = if from.is_empty() { line.say("somebody") } else { line.codes(from.iter().map(String::as_str)) };
            (line.say(": ").then(run.name(step)), deadline)
        }
        _ => return None,
    };
    let line = match deadline {
        Some(deadline) => line.say(", until ").time(*deadline),
        None => line,
    };
    Some(Fact::new(entry.ts, line, [entry.n]))
}

/// The step whose failure ended the run, and the line for it.
pub(super) fn unhandled<'a>(run: &Run<'a>) -> Option<(&'a str, Fact)> {
    let failed = run.seal().is_none_or(|seal| seal.outcome != RunOutcome::Resolved);
    let (entry, path) = run.entries.iter().rev().find_map(|entry| match &entry.record {
        Record::PhaseEntered {
            phase: Phase::Ending,
            cause: Some(EndCause::Failed(path) | EndCause::TookFailed(path)),
        } => Some((entry, path)),
        _ => None,
    })?;
    let line = Line::new().strong("Failed").say(", and nothing handled it: ").then(run.name(path));
    let mut entries = vec![entry.n];
    let line = match run.step(path).and_then(Step::settled) {
        Some(settled) => {
            entries.push(settled.entry.n);
            settled.reason.map_or(line.clone(), |reason| line.say(": ").say_reason(reason))
        }
        None => line,
    };
    failed.then(|| (path.as_str(), Fact::new(entry.ts, line, entries)))
}

/// Processes of a step that may still run.
fn survivors(step: &Step<'_>) -> Vec<Fact> {
    let found = step.all(|record| match record {
        Record::AttemptEnded { survivors, .. } if !survivors.is_empty() => Some(survivors),
        _ => None,
    });
    let line = |names: &Vec<String>| {
        Line::new().strong("May still run").say(": ").codes(names.iter().map(String::as_str)).say(", started by ")
    };
    found.into_iter().map(|(entry, names)| Fact::new(entry.ts, line(names).then(step.name()), [entry.n])).collect()
}

/// What people were told of, and have to see to.
fn with_people(step: &Step<'_>) -> Option<Fact> {
    if step.kind() != Some(Kind::Escalate) {
        return None;
    }
    let sent = step.last(|record| match record {
        Record::EscalationSent { to, person, .. } => Some(person.as_ref().unwrap_or(to)),
        _ => None,
    });
    let heard = step.last(|record| match record {
        Record::EscalationAcknowledged { by, .. } => Some(by),
        _ => None,
    });
    let timed_out = step.last(|record| matches!(record, Record::EscalationTimedOut { .. }).then_some(()));
    match (sent, heard) {
        (_, Some((entry, by))) => {
            let line = Line::new().say("With ").strong(by).say(", who acknowledged: ").then(step.name());
            Some(Fact::new(entry.ts, line, [entry.n]))
        }
        (Some((entry, to)), None) => {
            let line = Line::new().say("With ").code(to).say(", told");
            let line = if timed_out.is_some() { line.say(" but ").strong("not heard of") } else { line };
            let entries = [Some(entry.n), timed_out.map(|(entry, ())| entry.n)];
            Some(Fact::new(entry.ts, line.say(": ").then(step.name()), entries.into_iter().flatten()))
        }
        (None, None) => {
            let settled = step.settled().filter(|settled| settled.outcome == Outcome::Failed)?;
            let line = Line::new().strong("Nobody was told").say(": ").then(step.name());
            Some(Fact::new(settled.entry.ts, line, [settled.entry.n]))
        }
    }
}

fn nothing(run: &Run<'_>) -> Option<Fact> {
    let last = run.entries.last()?;
    let line = match run.standing() {
        Standing::Over(_) => Line::new().say("Nothing"),
        Standing::Running => Line::new().say("The run goes on; this was its last entry"),
        Standing::InDoubt | Standing::Waiting | Standing::Interrupted | Standing::Unfinished => {
            Line::new().strong("The run has not ended").say("; this was its last entry")
        }
    };
    Some(Fact::new(last.ts, line, [last.n]))
}
