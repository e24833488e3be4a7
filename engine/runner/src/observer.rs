//! Who watches a run: the operator's terminal, a test. It is told what happens as it happens.

use jiff::Timestamp;
use runbook_core::run::record::{AttemptKey, Record, Stream};
use runbook_core::run::state::RunState;
use runbook_transcript::entry::Entry;

/// Watches a run. Every method returns at once: the run stands still meanwhile. Nothing it is given was made harmless
/// for a terminal; that is the business of who shows it.
pub trait Observer {
    /// An entry was appended to the transcript.
    fn recorded(&self, entry: &Entry, record: &Record) {
        let _ = (entry, record);
    }

    /// A program printed something: raw bytes, at most 64 KiB at once, cut anywhere, secrets masked.
    fn output(&self, key: &AttemptKey, stream: Stream, bytes: &[u8]) {
        let _ = (key, stream, bytes);
    }

    /// The state may have changed; everything that followed from the last event is done. Also called once before the
    /// first event is waited for.
    fn changed(&self, state: &RunState, now: Timestamp) {
        let _ = (state, now);
    }

    /// Somebody should be told, and it is the operator who has to do it.
    fn told_terminal(&self, notice: &Notice) {
        let _ = notice;
    }

    /// Something happened that could not be recorded, as the transcript cannot be written: one line.
    fn unrecorded(&self, line: &str) {
        let _ = line;
    }
}

/// A message that the operator is to pass on, as no channel of the engine does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Who should hear it, as named in the runbook.
    pub to: String,
    /// Names and telephone numbers of the people behind it, on-call first.
    pub people: Vec<String>,
    /// One line for a subject.
    pub subject: String,
    /// The message.
    pub message: String,
}

/// Watches nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nobody;

impl Observer for Nobody {}
