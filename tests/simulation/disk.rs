//! The disk under a transcript: what was written is there for who reads, and outlives a crash only as far as it was
//! synced.

use jiff::Timestamp;
use runbook_core::run::record::{Actor, AttemptKey, Record};

use crate::world::Dice;

/// An entry.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) actor: Actor,
    pub(crate) record: Record,
    pub(crate) at: Timestamp,
}

#[derive(Debug, Default)]
pub(crate) struct Disk {
    lines: Vec<Line>,
    synced: usize,
    /// The last crash cut a line in two.
    torn: bool,
}

impl Disk {
    pub(crate) fn append(&mut self, line: Line) {
        self.lines.push(line);
    }

    pub(crate) fn sync(&mut self) {
        self.synced = self.lines.len();
    }

    /// What a reader finds.
    pub(crate) fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// What no crash takes away.
    pub(crate) fn durable(&self) -> &[Line] {
        &self.lines[..self.synced]
    }

    /// Whether every line is synced.
    pub(crate) fn is_synced(&self) -> bool {
        self.synced == self.lines.len()
    }

    /// A crash: any beginning may be left that holds all that was synced.
    pub(crate) fn lose(&mut self, dice: &mut Dice) {
        let before = self.lines.len();
        self.lines.truncate(self.synced + dice.below(before - self.synced + 1));
        self.torn = self.lines.len() < before && dice.once_in(2);
    }

    /// Whether the next reader has to move a torn line away, which is then done.
    pub(crate) fn mend(&mut self) -> bool {
        std::mem::take(&mut self.torn)
    }

    /// Where the record of this kind about an attempt stands, if it outlives every crash.
    pub(crate) fn durably(&self, key: &AttemptKey, is: impl Fn(&Record) -> Option<&AttemptKey>) -> Option<usize> {
        self.durable().iter().position(|line| is(&line.record) == Some(key))
    }
}

pub(crate) fn intent(record: &Record) -> Option<&AttemptKey> {
    match record {
        Record::StepIntent { key, plan: Some(_), .. } => Some(key),
        _ => None,
    }
}

pub(crate) fn released(record: &Record) -> Option<&AttemptKey> {
    match record {
        Record::StepReleased { key } => Some(key),
        _ => None,
    }
}

pub(crate) fn granted(record: &Record) -> Option<&AttemptKey> {
    match record {
        Record::ApprovalGranted { key, .. } => Some(key),
        _ => None,
    }
}
