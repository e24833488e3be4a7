//! What a decide took, and why: one line.

use runbook_core::run::record::{BranchChoice, QuestionKind, Record, Settlement};

use super::step::Step;
use crate::line::Line;
use crate::report::Fact;

/// The line of a decide; none where it did not decide and nobody was asked.
pub(super) fn decided(step: &Step<'_>) -> Option<Fact> {
    let mut entries = Vec::new();
    let decision = step.last(|record| match record {
        Record::Decision { branch, expression, read, because, .. } => Some((branch, expression, read, because)),
        _ => None,
    });
    let line = match decision {
        Some((entry, (branch, expression, read, because))) => {
            entries.push(entry.n);
            let line = step.heading();
            let line = if branch.choice == BranchChoice::Undecided {
                line.say_reason(expression).say(", so each branch is shown: ")
            } else {
                line.then(who_chose(step, &mut entries)).say("took ")
            };
            let line = line.codes(branch.to.iter().map(String::as_str));
            let line = match because {
                Some(because) => line.say(", because ").say_reason(because),
                None => line,
            };
            let line = match branch.choice {
                BranchChoice::Otherwise => line.say("; no case was true"),
                // Where all it reads is one name, that name and its value say it.
                BranchChoice::Case(_) if !expression.is_empty() && read.iter().all(|(name, _)| name != expression) => {
                    line.say("; by ").code_excerpt(expression)
                }
                BranchChoice::Case(_) | BranchChoice::Choice(_) | BranchChoice::Undecided => line,
            };
            read.iter().enumerate().fold(line, |line, (index, (name, value))| {
                let line = line.say(if index == 0 { "; " } else { ", " });
                line.code_excerpt(name).say(" was ").code_excerpt(value)
            })
        }
        None => undecided(step, &mut entries)?,
    };
    Some(Fact::new(step.began(), line, entries))
}

fn who_chose(step: &Step<'_>, entries: &mut Vec<u64>) -> Line {
    let answer = step.last(|record| match record {
        Record::Answer { answer, behalf, reason, .. } => Some((answer, behalf, reason)),
        _ => None,
    });
    let Some((entry, (answer, behalf, reason))) = answer else { return Line::new() };
    entries.push(entry.n);
    let line = match behalf {
        Some(behalf) => Line::new().say(behalf).say(" (as typed by ").say(&entry.actor.id).say(")"),
        None => Line::new().say(&entry.actor.id),
    };
    let line = line.say(" chose “").strong(super::answer_word(answer)).say("”");
    match reason {
        Some(reason) => line.say(" (“").say_reason(reason).say("”), "),
        None => line.say(", "),
    }
}

fn undecided(step: &Step<'_>, entries: &mut Vec<u64>) -> Option<Line> {
    let name = step.heading();
    if let Some(settled) = step.settled() {
        entries.push(settled.entry.n);
        let line = match settled.settlement {
            Settlement::Withheld => name.say("would be decided"),
            _ => name.strong(settled.outcome.word()),
        };
        return Some(match settled.reason {
            Some(reason) => line.say(": ").say_reason(reason),
            None => line,
        });
    }
    let (entry, text) = step.last(|record| match record {
        Record::Question { question: QuestionKind::Choice(_), text, .. } => Some(text),
        _ => None,
    })?;
    entries.push(entry.n);
    Some(name.say("asked “").say_reason(text).say("”, no answer yet"))
}
