//! What to type next.

use runbook_core::document::model::Kind;
use runbook_core::run::record::{QuestionKind, Record};

use super::Run;
use crate::entry::{Folded, step_of};
use crate::harmless::harmless;
use crate::line::Line;
use crate::report::{Next, Standing};

/// The commands that bring the run on; for a finished one, what checks its transcript.
pub(super) fn next(run: &Run<'_>) -> Vec<Next> {
    let Some(last) = run.entries.last() else { return Vec::new() };
    let id = word(&run.about.run);
    let by_itself = |command: &str, why: &str, entry: &Folded| Next {
        command: format!("runbook {command} {id}"),
        why: Line::new().say(why).pieces(),
        entries: vec![entry.n],
    };
    if let Some(seal) = run.seal() {
        return vec![by_itself("audit verify", "checks that the transcript is whole and as it was sealed", seal.entry)];
    }
    let mut commands: Vec<Next> = Vec::new();
    for entry in run.doubts.iter().chain(&run.waiting) {
        let step = step_of(&entry.record).unwrap_or_default();
        // A doubt and the question about it have one answer.
        if commands.iter().any(|next| next.why.first() == Some(&crate::line::Piece::Code(harmless(step))))
            && !step.is_empty()
        {
            continue;
        }
        if let Some((verb, options, why)) = answer(run, entry) {
            let step_word = if step.is_empty() { String::new() } else { format!(" {}", word(step)) };
            let line = if step.is_empty() { Line::new() } else { Line::new().code(step).say(": ") };
            commands.push(Next {
                command: format!("runbook {verb} {id}{step_word}{options}"),
                why: line.then(why).pieces(),
                entries: vec![entry.n],
            });
        }
    }
    if commands.is_empty() && run.standing() != Standing::Running {
        commands.push(by_itself("resume", "goes on where it stands", last));
    }
    commands
}

/// The verb that answers a request, its options, and what it does.
fn answer(run: &Run<'_>, entry: &Folded) -> Option<(&'static str, &'static str, Line)> {
    let or = |what: &str, others: &[&'static str]| Line::new().say(what).say("; or ").codes(others.iter().copied());
    Some(match &entry.record {
        Record::ApprovalRequested { .. } => ("approve", "", or("lets it run", &["runbook deny"])),
        Record::DoubtOpened { .. } | Record::Question { question: QuestionKind::Doubt, .. } => {
            ("settle", " --done --reason '…'", or("if it was done", &["--not-done", "--again"]))
        }
        Record::Question { question: QuestionKind::Overrule, step, .. } => {
            let kind = step.as_deref().and_then(|step| run.step(step)).and_then(super::step::Step::kind);
            let others: &[&'static str] = match kind {
                Some(Kind::Verify) => &["--go-on", "--fail"],
                Some(Kind::Act) | None => &["--by-hand", "--fail"],
                Some(Kind::Decide | Kind::Escalate) => &["--fail"],
            };
            ("settle", " --again --reason '…'", or("tries it again", others))
        }
        Record::Question { question: QuestionKind::Choice(labels), .. } => {
            let labels = labels.iter().map(String::as_str);
            ("answer", "", Line::new().say("chooses one of ").codes(labels))
        }
        Record::Question { .. } => ("answer", "", Line::new().say("answers yes or no")),
        Record::EscalationWaiting { .. } => ("ack", "", Line::new().say("says that it arrived")),
        _ => return None,
    })
}

/// A word as a shell takes it for itself.
fn word(text: &str) -> String {
    let text = harmless(text);
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    if !text.is_empty() && text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
