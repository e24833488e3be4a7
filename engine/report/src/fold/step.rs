//! A step's entries, and what they say together.

use jiff::Timestamp;
use runbook_core::document::model::Kind;
use runbook_core::run::record::{Outcome, Output, Part, Record, Settlement, SkipReason, Stream};
use runbook_core::value::Value;

use crate::entry::{Folded, StepInfo};
use crate::harmless::harmless;
use crate::line::Line;
use crate::report::StepReport;

pub(super) struct Step<'a> {
    pub(super) path: &'a str,
    pub(super) info: Option<&'a StepInfo>,
    /// The path of the step with entries that it is inside.
    pub(super) within: Option<&'a str>,
    /// Of an item, what its element is called and the element.
    pub(super) item: Option<(&'a str, &'a Value)>,
    /// At least one.
    pub(super) entries: Vec<&'a Folded>,
}

/// How a step settled.
pub(super) struct Settled<'a> {
    pub(super) entry: &'a Folded,
    pub(super) outcome: Outcome,
    pub(super) settlement: Settlement,
    pub(super) reason: Option<&'a str>,
}

impl<'a> Step<'a> {
    /// What the last entry says that has something to say about it.
    pub(super) fn last<T>(&self, pick: impl Fn(&'a Record) -> Option<T>) -> Option<(&'a Folded, T)> {
        self.entries.iter().rev().find_map(|entry| Some((*entry, pick(&entry.record)?)))
    }

    /// What each entry says that has something to say about it.
    pub(super) fn all<T>(&self, pick: impl Fn(&'a Record) -> Option<T>) -> Vec<(&'a Folded, T)> {
        self.entries.iter().filter_map(|entry| Some((*entry, pick(&entry.record)?))).collect()
    }

    /// When its first entry was written.
    pub(super) fn began(&self) -> Timestamp {
        self.entries.first().map_or(Timestamp::UNIX_EPOCH, |entry| entry.ts)
    }

    /// Its kind, as the runbook says or as its entries tell.
    pub(super) fn kind(&self) -> Option<Kind> {
        self.info.map(|info| info.kind).or_else(|| {
            self.entries.iter().find_map(|entry| match entry.record {
                Record::Decision { .. } => Some(Kind::Decide),
                Record::EscalationSent { .. } | Record::EscalationFailed { .. } | Record::EscalationWaiting { .. } => {
                    Some(Kind::Escalate)
                }
                Record::ApprovalRequested { .. } | Record::DoubtOpened { .. } | Record::StepUndone { .. } => {
                    Some(Kind::Act)
                }
                _ => None,
            })
        })
    }

    /// Its title and path, and the element where it is an item.
    pub(super) fn name(&self) -> Line {
        match (self.info, self.element()) {
            (Some(info), None) => Line::new().strong(&info.title).say(" (").code(self.path).say(")"),
            (Some(info), Some(element)) => {
                Line::new().strong(&info.title).say(" (").code(self.path).say(", ").code_excerpt(&element).say(")")
            }
            (None, Some(element)) => Line::new().code(self.path).say(" (").code_excerpt(&element).say(")"),
            (None, None) => Line::new().code(self.path),
        }
    }

    /// What its own line begins with: below its loop an item is told by its element, for the title stands above.
    pub(super) fn heading(&self) -> Line {
        let line = match (self.within, self.element()) {
            (Some(_), Some(element)) => Line::new().code_excerpt(&element).say(" (").code(self.path).say(")"),
            _ => self.name(),
        };
        // Every item of a loop runs the same one.
        match self.info.filter(|_| self.within.is_none() || self.item.is_none()).and_then(|info| info.runs.as_ref()) {
            Some(runs) => line.say(", runs ").code(runs).say(": "),
            None => line.say(": "),
        }
    }

    /// Of an item, its element: `host: web1`.
    pub(super) fn element(&self) -> Option<String> {
        self.item.map(|(name, value)| format!("{name}: {value}"))
    }

    /// The command of a part, as it ran last or would have.
    pub(super) fn planned(&self, wanted: Part) -> Option<(&'a Folded, &'a str)> {
        self.last(|record| match record {
            Record::StepPlanned { key, shown, .. } if key.part == wanted => Some(shown.as_str()),
            _ => None,
        })
    }

    pub(super) fn settled(&self) -> Option<Settled<'a>> {
        let (entry, (outcome, settlement, reason)) = self.last(|record| match record {
            Record::StepSettled { outcome, settlement, reason, .. } => Some((*outcome, *settlement, reason.as_deref())),
            Record::StepTakenOver { was, .. } => Some((was.outcome, was.settlement, was.reason.as_deref())),
            _ => None,
        })?;
        Some(Settled { entry, outcome, settlement, reason })
    }

    pub(super) fn skipped(&self) -> Option<(&'a Folded, &'a SkipReason)> {
        self.last(|record| match record {
            Record::StepSkipped { why, .. } => Some(why),
            _ => None,
        })
    }

    /// How many times its own work was tried.
    pub(super) fn attempts(&self) -> u32 {
        let tried = |record: &Record| match record {
            Record::StepIntent { key, .. } | Record::AttemptEnded { key, .. } if key.part == Part::Main => {
                Some(key.attempt)
            }
            Record::StepSettled { attempts, .. } => Some(*attempts),
            Record::StepTakenOver { was, .. } => Some(was.attempts),
            _ => None,
        };
        self.entries.iter().filter_map(|entry| tried(&entry.record)).max().unwrap_or(0)
    }

    /// When its own work first began.
    pub(super) fn work_began(&self) -> Option<Timestamp> {
        self.entries.iter().find_map(|entry| match &entry.record {
            Record::StepIntent { key, .. } if key.part == Part::Main => Some(entry.ts),
            _ => None,
        })
    }

    /// What its own work wrote last.
    pub(super) fn output(&self, wanted: Stream) -> Option<(&'a Folded, &'a Output)> {
        self.last(|record| match record {
            Record::StepOutput { key, stream, output } if key.part == Part::Main && *stream == wanted => Some(output),
            _ => None,
        })
    }

    pub(super) fn report(&self) -> StepReport {
        let settled = self.settled();
        let skipped = self.skipped();
        let reason = settled.as_ref().and_then(|settled| settled.reason.map(harmless));
        StepReport {
            step: harmless(self.path),
            kind: self.kind(),
            title: self.info.map(|info| harmless(&info.title)),
            within: self.within.map(harmless),
            item: self.item.map(|(_, value)| value.clone()),
            runs: self.info.and_then(|info| info.runs.as_deref()).map(harmless),
            started: self.began(),
            ended: settled.as_ref().map(|settled| settled.entry.ts).or(skipped.map(|(entry, _)| entry.ts)),
            outcome: settled.as_ref().map(|settled| settled.outcome).or(skipped.map(|_| Outcome::Skipped)),
            settlement: settled.as_ref().map(|settled| settled.settlement),
            reason: reason.or_else(|| skipped.map(|(_, why)| harmless(&why.to_string()))),
            command: self.planned(Part::Main).map(|(_, shown)| harmless(shown)),
            attempts: self.attempts(),
            entries: self.entries.iter().map(|entry| entry.n).collect(),
        }
    }
}
