//! The words of the format, one table an enum. A word once written is never given another meaning.

use runbook_core::run::record::{Outcome, Part, Phase, RunOutcome, SettleWord, Settlement, StartFailureKind, Stream};

/// A word and what it means.
pub(super) type Word<T> = (&'static str, T);

pub(super) const PARTS: &[Word<Part>] =
    &[("main", Part::Main), ("unless", Part::Unless), ("doubt", Part::Doubt), ("undo", Part::Undo)];

pub(super) const OUTCOMES: &[Word<Outcome>] = &[
    ("passed", Outcome::Passed),
    ("failed", Outcome::Failed),
    ("skipped", Outcome::Skipped),
    ("unknown", Outcome::Unknown),
];
/// What a reader is told where none of [`OUTCOMES`] stands.
pub(super) const OUTCOME: &str = "passed, failed, skipped or unknown";

pub(super) const RUN_OUTCOMES: &[Word<RunOutcome>] = &[
    ("resolved", RunOutcome::Resolved),
    ("escalated", RunOutcome::Escalated),
    ("failed", RunOutcome::Failed),
    ("cancelled", RunOutcome::Cancelled),
];

pub(super) const SETTLEMENTS: &[Word<Settlement>] = &[
    ("ran", Settlement::Ran),
    ("already_so", Settlement::AlreadySo),
    ("by_hand", Settlement::ByHand),
    ("overruled", Settlement::Overruled),
    ("settled", Settlement::Settled),
    ("expired", Settlement::Expired),
    ("unanswered", Settlement::Unanswered),
    ("denied", Settlement::Denied),
    ("withheld", Settlement::Withheld),
];

pub(super) const START_FAILURES: &[Word<StartFailureKind>] = &[
    ("missing_program", StartFailureKind::MissingProgram),
    ("not_executable", StartFailureKind::NotExecutable),
    ("missing_directory", StartFailureKind::MissingDirectory),
    ("rendering", StartFailureKind::Rendering),
    ("unless_unknown", StartFailureKind::UnlessUnknown),
    ("other", StartFailureKind::Other),
];

pub(super) const STREAMS: &[Word<Stream>] =
    &[("stdout", Stream::Stdout), ("stderr", Stream::Stderr), ("body", Stream::Body)];

pub(super) const SETTLE_WORDS: &[Word<SettleWord>] = &[
    ("done", SettleWord::Done),
    ("not_done", SettleWord::NotDone),
    ("again", SettleWord::Again),
    ("by_hand", SettleWord::ByHand),
    ("go_on", SettleWord::GoOn),
    ("fail", SettleWord::Fail),
];
/// What a reader is told where none of [`SETTLE_WORDS`] stands.
pub(super) const SETTLE_WORD: &str = "done, not_done, again, by_hand, go_on or fail";

pub(super) const PHASES: &[Word<Phase>] = &[
    ("steps", Phase::Steps),
    ("ending", Phase::Ending),
    ("rollback", Phase::Rollback),
    ("finally", Phase::Finally),
    ("over", Phase::Over),
];

/// The word for a value.
pub(super) fn word<T: PartialEq>(table: &[Word<T>], value: &T) -> &'static str {
    let found = table.iter().find(|(_, meaning)| meaning == value);
    assert!(found.is_some(), "every value of an enum of the format has a word in its table");
    found.map_or("", |(word, _)| word)
}

/// What a word means.
pub(super) fn meaning<T: Clone>(table: &[Word<T>], text: &str) -> Option<T> {
    table.iter().find(|(word, _)| *word == text).map(|(_, meaning)| meaning.clone())
}
