//! What a run knows of one step.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::heard::{Acknowledged, Delivery};
use super::record::{AttemptKey, BlobDigest, Branch, End, Outcome, Part, RequestId, Settlement, SkipReason, StepPath};
use crate::value::Value;

/// Where a step is in its life. All of it comes from records, but for [`Stage::Planning`] and [`StepState::in_flight`].
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) enum Stage {
    /// It has not started.
    #[default]
    Waiting,
    /// It starts: the next thing is to find out which part comes first. Recorded as nothing: a replay starts it again.
    Planning(AttemptKey),
    /// `--step`: the operator is asked first.
    Proceeding(RequestId),
    /// What will run is known.
    Planned(AttemptKey, BlobDigest, String),
    /// It could not be planned; the attempt's end follows.
    Approval(RequestId, AttemptKey, BlobDigest),
    /// It may run.
    Approved(AttemptKey, BlobDigest),
    /// Its items go on, each in a state of its own.
    Items(AttemptKey),
    /// The runbook it runs goes on, in a state of its own.
    Calling(AttemptKey),
    /// Started, or about to be.
    Running(AttemptKey),
    /// A `wait` passes.
    WaitingUntil(AttemptKey, Timestamp),
    /// A person is asked.
    Asked(AttemptKey, RequestId),
    /// People are being told.
    Telling(AttemptKey),
    /// An acknowledgement is waited for.
    AwaitingAck(AttemptKey, RequestId),
    /// An attempt is over and judged.
    Ended(Verdict),
    /// Another attempt follows at this instant.
    Pausing(AttemptKey, Timestamp),
    /// Evidence is collected; then the step settles so.
    Attaching(Verdict),
    /// A person is asked about an unhandled failure.
    Overruling(RequestId, Verdict),
    /// Nobody knows how the attempt ended.
    Doubt(AttemptKey, RequestId),
    /// It is over.
    Settled(Settled),
}

/// How far an attempt that changes the world was let.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Gate {
    /// There is none: nothing of the kind goes on.
    #[default]
    None,
    /// It is to start, and did not yet: exactly this plan.
    Shut(BlobDigest),
    /// It was let go.
    Open,
}

impl Stage {
    pub(crate) fn is_active(&self) -> bool {
        !matches!(self, Self::Waiting | Self::Settled(_))
    }

    pub(crate) fn waits_for_people(&self) -> bool {
        matches!(
            self,
            Self::Proceeding(_)
                | Self::Approval(..)
                | Self::Asked(..)
                | Self::AwaitingAck(..)
                | Self::Overruling(..)
                | Self::Doubt(..)
        )
    }
}

/// How an attempt came out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) key: AttemptKey,
    pub(crate) end: Option<End>,
    pub(crate) outcome: Outcome,
    pub(crate) settlement: Settlement,
    pub(crate) reason: Option<String>,
    pub(crate) outputs: BTreeMap<String, Value>,
}

/// How a step settled.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Settled {
    pub(crate) outcome: Outcome,
    pub(crate) settlement: Settlement,
    pub(crate) reason: Option<String>,
    pub(crate) skipped: Option<SkipReason>,
}

/// What the last attempt left, for expressions.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct LastResult {
    pub(crate) exit_code: Option<i32>,
    /// Of a request: the status, 0 where nobody answered, and the headers.
    pub(crate) answered: Option<(u16, BTreeMap<String, String>)>,
    /// Output without its final newlines, where some expression reads it and it was kept whole.
    pub(crate) stdout: Option<String>,
    pub(crate) stderr: Option<String>,
    pub(crate) stdout_blob: Option<BlobDigest>,
    pub(crate) stdout_bytes: u64,
    pub(crate) stderr_bytes: u64,
    pub(crate) excerpt: String,
    pub(crate) duration: Option<Duration>,
    pub(crate) answer: Option<String>,
    pub(crate) fields: BTreeMap<String, Value>,
}

/// What a runbook is given that a step runs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Given {
    pub(crate) key: AttemptKey,
    pub(crate) params: BTreeMap<String, Value>,
    /// In a dry run: what cannot be known, and which step would tell.
    pub(crate) unknown: BTreeMap<String, String>,
}

/// What was done about undoing an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Undone {
    /// Nothing yet.
    #[default]
    No,
    /// It was undone.
    Passed,
    /// It could not be.
    Failed,
}

/// What a run knows of one step.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, recorded apart")]
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct StepState {
    pub(crate) stage: Stage,
    /// The life of its `undo` body, apart from its own.
    pub(crate) undo: Stage,
    /// Of the attempt that runs, its own work's or its undo's: only one of them does at a time.
    pub(crate) gate: Gate,
    /// An effect was given out whose event is to come. Not recorded: a replay finds out what became of it.
    pub(crate) in_flight: bool,
    /// It was started in the sense of *Order*: a road that leads here leads to a step started before.
    pub(crate) started: bool,
    /// It runs on the road that follows the end's cause.
    pub(crate) in_ending: bool,
    /// Number of the last attempt of each part.
    pub(crate) attempts: BTreeMap<Part, u32>,
    /// When the first attempt began, since the last *again*.
    pub(crate) started_at: Option<Timestamp>,
    /// Where the last start of an act's own work stands among all starts; the newest is undone first.
    pub(crate) start_order: Option<u64>,
    /// The same before the last start: what that start is worth when nothing came into being.
    pub(crate) start_order_before: Option<u64>,
    /// Where the last pass of its own work stands in the same order.
    pub(crate) pass_order: Option<u64>,
    pub(crate) last: LastResult,
    pub(crate) outputs: BTreeMap<String, Value>,
    pub(crate) branch: Option<Branch>,
    /// The `unless` was looked at and did not hold.
    pub(crate) unless_failed: bool,
    /// What the end of an act in doubt was before its `unless` was looked at again.
    pub(crate) doubted: Option<Box<Verdict>>,
    /// How the last attempt came out, from the record that another follows until that one starts: it stands when the
    /// other may not start any more.
    pub(crate) before: Option<Box<Verdict>>,
    /// Messages about it that arrived, or did not.
    pub(crate) deliveries: Vec<Delivery>,
    /// The rest of the team that is told because nobody acknowledged in time.
    pub(crate) widened: Option<Vec<String>>,
    /// Everybody was tried. Not recorded: what follows is.
    pub(crate) told_all: bool,
    /// Who acknowledged.
    pub(crate) acknowledged: Vec<Acknowledged>,
    /// That it hands the run over is recorded.
    pub(crate) handed_over: bool,
    pub(crate) undone: Undone,
    /// It is run again to undo this step.
    pub(crate) undoing: Option<StepPath>,
    /// What the runbook is given that its next attempt runs.
    pub(crate) given: Option<Box<Given>>,
    /// How many items its list has, once that is known.
    pub(crate) listed: Option<usize>,
    /// One approval of all its items comes before any of them starts.
    pub(crate) is_held: bool,
    /// The operator let it start (`--step`).
    pub(crate) let_go: bool,
}

impl StepState {
    pub(crate) fn settled(&self) -> Option<&Settled> {
        if let Stage::Settled(settled) = &self.stage { Some(settled) } else { None }
    }

    pub(crate) fn is_waiting(&self) -> bool {
        matches!(self.stage, Stage::Waiting)
    }

    pub(crate) fn is_active(&self) -> bool {
        self.stage.is_active() || self.undo.is_active()
    }

    /// Whether this attempt is to start, and was not let go yet.
    pub(crate) fn is_at_gate(&self, key: &AttemptKey) -> bool {
        let stage = if key.part == Part::Undo { &self.undo } else { &self.stage };
        matches!(self.gate, Gate::Shut(_)) && matches!(stage, Stage::Running(running) if running == key)
    }

    /// Whether this attempt was let go and its end is not known yet.
    pub(crate) fn is_let_go(&self, key: &AttemptKey) -> bool {
        let stage = if key.part == Part::Undo { &self.undo } else { &self.stage };
        self.gate == Gate::Open && matches!(stage, Stage::Running(running) if running == key)
    }

    /// Whether it takes one of the places of `parallel`: waiting for people takes none.
    pub(crate) fn takes_place(&self) -> bool {
        (self.stage.is_active() && !self.stage.waits_for_people() && !matches!(self.stage, Stage::Approved(..)))
            || (self.undo.is_active() && !self.undo.waits_for_people())
    }

    pub(crate) fn stage_of(&mut self, part: Part) -> &mut Stage {
        match part {
            Part::Undo => &mut self.undo,
            Part::Main | Part::Unless | Part::Doubt => &mut self.stage,
        }
    }

    /// The last attempt of its own work, or the first to come.
    pub(crate) fn last_attempt(&self) -> u32 {
        self.attempts.get(&Part::Main).copied().unwrap_or(1)
    }

    pub(crate) fn next_attempt(&self, part: Part) -> u32 {
        self.attempts.get(&part).copied().unwrap_or(0).saturating_add(1)
    }

    /// Its own work begins, as the one with this number of all, if it counts. What undoes another is not undone itself.
    pub(crate) fn begun(&mut self, order: Option<u64>) {
        self.before = None;
        if let Some(order) = order.filter(|_| self.undoing.is_none()) {
            self.start_order_before = self.start_order.replace(order);
        }
    }

    /// Forgets what an earlier life of the step left, before it is tried anew.
    pub(crate) fn start_over(&mut self) {
        self.started_at = None;
        self.unless_failed = false;
        self.doubted = None;
        self.deliveries.clear();
        self.widened = None;
        self.acknowledged.clear();
    }
}
