//! What a dry run says of a step: what it would do, or from when on that can be known.

use runbook_core::document::model::{Kind, Step, Work};

use super::view::INDENT;
use super::written::{Shown, approver, conditions, doing, roads};
use crate::text::{Line, Style};

/// What of a step is told where it is withheld.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// All of it.
    Whole,
    /// Of an item, what it would do: what is the same of all items stands with their step.
    Work,
    /// Of a step that others are inside, what is not told with those.
    Rest,
}

/// A step whose work is withheld. `command` is what it would run, rendered; `reason` says what it has to wait for. What
/// is not rendered yet is `shown` as far as it can be.
#[must_use]
pub fn withheld(step: &Step, told: Told, command: Option<&str>, reason: Option<&str>, shown: Shown<'_>) -> Vec<Line> {
    // A decide that cannot be known yet has told so with its branches.
    if step.kind.value == Kind::Decide && reason.is_some() {
        return Vec::new();
    }
    let would = Line::plain(INDENT).and(Style::Good, "would ");
    // What writes a file is no command.
    let mut lines = match command.filter(|_| !matches!(step.body.work, Work::Template(_))) {
        Some(command) => vec![would.and(Style::Plain, "run  ").and(Style::Command, "$ ").and(Style::Command, command)],
        None => vec![would.then(doing(step, shown))],
    };
    if told == Told::Rest {
        lines.clear();
    }
    lines.extend(reason.map(|reason| Line::plain(INDENT).and(Style::Look, reason)));
    if told == Told::Work {
        return lines;
    }
    if let Some(approver) = approver(step) {
        let asked = format!("{approver} to approve it first");
        lines.push(Line::plain(INDENT).and(Style::Good, "would ask  ").and(Style::Plain, &asked));
    }
    lines.extend(conditions(step, shown).into_iter().map(|line| Line::plain(INDENT).then(line)));
    lines.extend(roads(step, shown).into_iter().map(|line| Line::plain(INDENT).then(line)));
    lines
}

/// A decide whose branch cannot be known: every one of them.
#[must_use]
pub fn undecided(step: &Step, until: &str, shown: Shown<'_>) -> Vec<Line> {
    let mut lines = vec![Line::plain(INDENT).and(Style::Look, until).and(Style::Plain, "; one of these ways:")];
    lines.extend(roads(step, shown).into_iter().map(|line| Line::plain(INDENT).and(Style::Plain, "  ").then(line)));
    lines
}
