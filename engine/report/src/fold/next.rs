//! What to type next.

use runbook_core::document::model::Kind;
use runbook_core::run::record::{QuestionKind, Record};

use super::Run;
use super::step::Step;
use crate::entry::{Folded, step_of};
use crate::harmless::harmless;
use crate::line::Line;
use crate::report::{Next, Standing};

/// Where a person says why.
const REASON: &str = "--reason '…'";

/// The commands that bring the run on; for a finished one, what checks its transcript.
pub(super) fn next(run: &Run<'_>) -> Vec<Next> {
    let Some(last) = run.entries.last() else { return Vec::new() };
    let id = word(&run.about.run);
    let alone = |verb: &str, why: &str, entry: &Folded| Next {
        command: format!("runbook {verb} {id}"),
        why: Line::new().say(why).pieces(),
        entries: vec![entry.n],
    };
    if let Some(seal) = run.seal() {
        return vec![alone("audit verify", "checks that the transcript is whole and as it was sealed", seal.entry)];
    }
    // A doubt and the question about it have one answer.
    let doubted: Vec<Option<&str>> = run.doubts.iter().map(|entry| step_of(&entry.record)).collect();
    let asked = run.waiting.iter().filter(|entry| {
        let doubt = matches!(entry.record, Record::Question { question: QuestionKind::Doubt, .. });
        !(doubt && doubted.contains(&step_of(&entry.record)))
    });
    let mut commands: Vec<Next> = run.doubts.iter().chain(asked).filter_map(|entry| answer(run, &id, entry)).collect();
    if commands.is_empty() && run.standing() != Standing::Running {
        commands.push(alone("resume", "goes on where it stands", last));
    }
    commands
}

/// The command that answers a request, and what else may be said.
fn answer(run: &Run<'_>, id: &str, entry: &Folded) -> Option<Next> {
    let step = step_of(&entry.record);
    // Each command names the step, so that it means the same whatever else waits.
    let of = step.map(|step| format!(" {}", word(step))).unwrap_or_default();
    let or = |what: &str, others: &[&'static str]| {
        Line::new()
            .say(what)
            .say("; or, in place of ")
            .codes(others.iter().take(1).copied())
            .say(", ")
            .codes(others.iter().skip(1).copied())
    };
    let (command, why) = match &entry.record {
        Record::ApprovalRequested { .. } => {
            let deny = format!("runbook deny {id}{of} {REASON}");
            (format!("runbook approve {id}{of}"), Line::new().say("lets it run; ").code(&deny).say(" does not"))
        }
        Record::DoubtOpened { .. } | Record::Question { question: QuestionKind::Doubt, .. } => {
            // Of a run that was cancelled nothing is done once more.
            let cancelled = run.entries.iter().any(|entry| matches!(entry.record, Record::RunCancelled { .. }));
            let others: &[&'static str] =
                if cancelled { &["--done", "--not-done"] } else { &["--done", "--not-done", "--again"] };
            (format!("runbook settle {id}{of} --done {REASON}"), or("says that it was done", others))
        }
        Record::Question { question: QuestionKind::Overrule, .. } => {
            let kind = step.and_then(|step| run.step(step)).and_then(Step::kind);
            let others: &[&'static str] = match kind {
                Some(Kind::Verify) => &["--again", "--go-on", "--fail"],
                Some(Kind::Act) | None => &["--again", "--by-hand", "--fail"],
                Some(Kind::Decide | Kind::Escalate) => &["--again", "--fail"],
            };
            (format!("runbook settle {id}{of} --again {REASON}"), or("tries it again", others))
        }
        Record::Question { question: QuestionKind::Choice(labels), .. } => {
            let labels = labels.iter().map(String::as_str);
            (format!("runbook answer {id}{of}"), Line::new().say("and one of ").codes(labels).say(": chooses"))
        }
        Record::Question { .. } => (
            format!("runbook answer {id}{of}"),
            Line::new().say("and ").code("yes").say(" or ").code("no").say(": answers"),
        ),
        Record::EscalationWaiting { .. } => (format!("runbook ack {id}{of}"), Line::new().say("says that it arrived")),
        _ => return None,
    };
    Some(Next { command, why: why.pieces(), entries: vec![entry.n] })
}

/// A word as a shell takes it for itself.
fn word(text: &str) -> String {
    let text = harmless(text);
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    if !text.is_empty() && text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
