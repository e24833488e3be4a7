//! Words, marks and numbers of the view.

use runbook_core::document::model::Kind;
use runbook_core::plan::Plan;
use runbook_core::run::record::{Actor, Auth, Outcome, QuestionKind, SettleWord, Settlement};
use runbook_core::run::request::{Request, RequestKind};

use super::super::tail::without_colours;
use super::INDENT;
use crate::text::{Line, Style};

/// A line that a program printed or somebody is told.
pub(super) fn printed(line: &str) -> Line {
    Line::plain(INDENT).and(Style::Faint, "│ ").repeated().and(Style::Plain, &without_colours(line))
}

/// `[3/12] `, or the id of a step that is none of this plan's own.
pub(super) fn number(step: &str, plan: &Plan) -> String {
    match plan.graph().find(step) {
        Some(index) => {
            let total = plan.len();
            let width = total.to_string().len();
            format!("[{:>width$}/{total}] ", index.get() + 1)
        }
        None => format!("[{step}] "),
    }
}

/// The kind of a step, by its path.
#[must_use]
pub fn kind(step: &str, plan: &Plan) -> Option<Kind> {
    plan.step_at(step).map(|written| written.kind.value)
}

pub(super) fn mark(outcome: Outcome) -> (&'static str, Style) {
    match outcome {
        Outcome::Passed => ("✓", Style::Good),
        Outcome::Failed => ("✗", Style::Bad),
        Outcome::Skipped => ("-", Style::Faint),
        Outcome::Unknown => ("?", Style::Look),
    }
}

pub(super) fn how(settlement: Settlement) -> &'static str {
    match settlement {
        Settlement::Ran | Settlement::Withheld => "",
        Settlement::AlreadySo => ", it was so already and nothing was done",
        Settlement::ByHand => ", done by hand",
        Settlement::Overruled => ", overruled",
        Settlement::Settled => ", as a person said",
        Settlement::Expired => ", not approved in time",
        Settlement::Unanswered => ", nobody answered in time",
        Settlement::Denied => ", denied",
    }
}

/// How a step was settled, in words.
#[must_use]
pub(super) fn settle_words(word: SettleWord) -> &'static str {
    match word {
        SettleWord::Done => "it was done",
        SettleWord::NotDone => "it was not done",
        SettleWord::Again => "once more",
        SettleWord::ByHand => "done by hand",
        SettleWord::GoOn => "go on all the same",
        SettleWord::Fail => "it stays failed",
    }
}

pub(super) fn verb_words(request: &Request) -> &'static str {
    match request.kind {
        RequestKind::Approval { .. } => "approve",
        RequestKind::Question(QuestionKind::Overrule | QuestionKind::Doubt) => "settle",
        RequestKind::Question(_) => "answer",
        RequestKind::Acknowledge { .. } => "acknowledge",
    }
}

pub(super) fn who(actor: &Actor) -> String {
    match (actor.auth, actor.origin.as_str()) {
        (Auth::System, _) => "the engine".to_owned(),
        (_, origin) if origin.starts_with("inbox") => format!("{} from another terminal", actor.id),
        (_, "option --yes") => format!("{} with --yes", actor.id),
        _ => actor.id.clone(),
    }
}

pub(super) fn because(reason: Option<&str>) -> String {
    reason.map_or(String::new(), |reason| format!(", because {reason}"))
}

/// A number of bytes: `812 bytes`, `1.2 KiB`.
#[must_use]
pub(super) fn bytes(count: u64) -> String {
    let mut tenths = count.saturating_mul(10);
    if count < 1024 {
        return format!("{count} bytes");
    }
    for unit in ["KiB", "MiB", "GiB"] {
        tenths /= 1024;
        if tenths < 10_240 || unit == "GiB" {
            return format!("{}.{} {unit}", tenths / 10, tenths % 10);
        }
    }
    format!("{count} bytes")
}
