//! States inside the state of a run: the items of a `for_each`, each a state of its own over one step, and the runbooks
//! that steps run, each over a plan of its own.
//!
//! What is inside says the whole path of its steps (`drain[2]`, `outage/restart`) in every record, effect and request, so
//! nothing is rewritten on its way out; what comes in is handed down by that path. What all of a run has in common (the
//! time, the next request's number, the order of starts, for an item whether the run is ending) is lent before and taken
//! back after each call.

use std::sync::Arc;

use super::record::{BlobDigest, Outcome, Part, Phase, Settlement, StepPath};
use super::state::RunState;
use super::step_state::{Stage, StepState};
use crate::graph::StepIndex;
use crate::value::Value;

/// Where a state stands among those inside another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FrameKey {
    /// The step around it.
    pub(crate) step: StepIndex,
    /// What of that step it is.
    pub(crate) slot: Slot,
}

/// What of a step a state inside is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Slot {
    /// The item with this number, from 0.
    Item(u32),
    /// The runbook that it runs as its own work.
    Main,
    /// The one that its `unless` runs.
    Unless,
    /// The one that its `undo` body runs.
    Undo,
}

impl FrameKey {
    /// An item of a loop.
    pub(crate) fn item(step: StepIndex, number: u32) -> Self {
        Self { step, slot: Slot::Item(number) }
    }

    /// The runbook that a part of a step runs.
    pub(crate) fn call(step: StepIndex, part: Part) -> Self {
        let slot = match part {
            Part::Main => Slot::Main,
            Part::Unless | Part::Doubt => Slot::Unless,
            Part::Undo => Slot::Undo,
        };
        Self { step, slot }
    }
}

/// What a state knows that is an item of a loop around it.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, lent apart")]
#[derive(Clone)]
pub(crate) struct Place {
    /// The path of its one step: `drain[2]`.
    pub(crate) path: StepPath,
    /// The name of the element under `each`.
    pub(crate) name: String,
    /// The element.
    pub(crate) value: Value,
    /// Its number, from 0.
    pub(crate) item: u32,
    /// The run when the loop began: what its expressions see beside `each`.
    pub(crate) outer: Arc<RunState>,
    /// The plan that an approval of the whole loop covers, until it starts.
    pub(crate) covered: Option<BlobDigest>,
    /// The approval of the whole loop is not given yet. Lent.
    pub(crate) is_held: bool,
    /// The loop has a place for what starts. Lent.
    pub(crate) has_room: bool,
    /// The step around may start something. Lent.
    pub(crate) may_start: bool,
    /// The loop is run to undo another step. Lent.
    pub(crate) undoes: bool,
    /// The run around it rolls back. Lent.
    pub(crate) rolls_back: bool,
    /// The item that failed, after which no other begins. Lent.
    pub(crate) stopped_by: Option<StepPath>,
    /// Whether something answers a failure of the step around, and whether it does an unknown. Lent.
    pub(crate) handles: [bool; 2],
}

impl RunState {
    /// The state that a step's path leads to, and its number there.
    pub(crate) fn owner(&self, path: &str) -> Option<(&Self, StepIndex)> {
        let mut state = self;
        loop {
            if let Some(step) = state.find(path) {
                return Some((state, step));
            }
            state = state.frames.get(&state.frame_of(path)?)?;
        }
    }

    /// The number of a step of this very state, by its path.
    pub(crate) fn find(&self, path: &str) -> Option<StepIndex> {
        match &self.place {
            None => self.plan.graph().find(self.own_part(path)?),
            Some(place) if place.path == path => self.plan.graph().steps().next(),
            Some(_) => None,
        }
    }

    /// What is left of a path within a runbook that a step runs; all of it elsewhere.
    fn own_part<'a>(&self, path: &'a str) -> Option<&'a str> {
        match &self.call {
            None => Some(path),
            Some(call) => path.strip_prefix(call.path.as_str())?.strip_prefix('/'),
        }
    }

    /// Which of the states inside this one a path leads into: `drain[2]`, `outage/restart`, `outage.undo/start`. With a
    /// slash at its end it is the path of a runbook that a step runs, as a whole.
    pub(crate) fn frame_of(&self, path: &str) -> Option<FrameKey> {
        let (step, rest) = if let Some(place) = &self.place {
            (self.plan.graph().steps().next()?, path.strip_prefix(place.path.as_str())?)
        } else {
            let own = self.own_part(path)?;
            let end = own.find(['[', '.', '/'])?;
            (self.plan.graph().find(own.get(..end)?)?, own.get(end..)?)
        };
        let slot = if let Some((number, _)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Slot::Item(number.parse().ok().filter(|_| self.place.is_none())?)
        } else if rest.starts_with('/') {
            Slot::Main
        } else if rest.starts_with(".unless/") {
            Slot::Unless
        } else if rest.starts_with(".undo/") {
            Slot::Undo
        } else {
            return None;
        };
        Some(FrameKey { step, slot })
    }

    /// The path of a step in records.
    pub(crate) fn path(&self, step: StepIndex) -> StepPath {
        let id = || self.plan.step(step).id.value.as_str();
        match (&self.place, &self.call) {
            (Some(place), _) => place.path.clone(),
            (None, Some(call)) => format!("{}/{}", call.path, id()),
            (None, None) => id().to_owned(),
        }
    }

    /// Does something in the state that a path leads to.
    pub(crate) fn at<R>(&mut self, path: &str, act: impl FnOnce(&mut Self) -> R) -> Option<R> {
        let (mut act, mut result) = (Some(act), None);
        self.at_depth(path, &mut |state| result = act.take().map(|act| act(state)));
        result
    }

    fn at_depth(&mut self, path: &str, act: &mut dyn FnMut(&mut Self)) {
        if self.find(path).is_some() {
            return act(self);
        }
        if let Some(key) = self.frame_of(path) {
            self.within(key, |frame| frame.at_depth(path, act));
        }
    }

    /// Does something in one of the states inside.
    pub(crate) fn within<R>(&mut self, key: FrameKey, act: impl FnOnce(&mut Self) -> R) -> Option<R> {
        let mut frame = self.frames.remove(&key)?;
        self.lend(key, &mut frame);
        let had_failed = frame.rollback_failed;
        let result = act(&mut frame);
        self.next_request = frame.next_request;
        self.order = frame.order;
        // What failed in an earlier life of it, or in a rollback of its own, stops no other.
        if frame.rollback_failed && !had_failed && frame.undoes_for_around() {
            self.rollback_failed = true;
        }
        self.effects.append(&mut frame.effects);
        self.frames.insert(key, frame);
        Some(result)
    }

    /// Does something in each of the states inside, in order.
    pub(crate) fn in_each(&mut self, mut act: impl FnMut(&mut Self)) {
        let keys: Vec<FrameKey> = self.frames.keys().copied().collect();
        for key in keys {
            self.within(key, &mut act);
        }
    }

    /// Gives a state inside what all of the run has in common.
    fn lend(&self, key: FrameKey, frame: &mut Self) {
        let around = self.steps.get(key.step.get());
        frame.now = self.now;
        frame.actor.clone_from(&self.actor);
        frame.operator.clone_from(&self.operator);
        frame.attended = self.attended;
        frame.calls.clone_from(&self.calls);
        frame.letting_go = self.letting_go;
        frame.next_request = self.next_request;
        frame.order = self.order;
        let undoes = around.is_some_and(|state| state.undoing.is_some()) || self.undoes_inside();
        if frame.call.is_some() {
            let has_room = self.has_place(key.step);
            let rolls_back = self.phase == Phase::Rollback || self.rolls_back_inside();
            if let Some(call) = &mut frame.call {
                call.has_room = has_room;
                call.rolls_back = rolls_back;
                call.undoes = undoes || key.slot == Slot::Undo;
                call.handed_over = self.is_handed_over();
            }
            return;
        }
        frame.phase = self.phase;
        frame.cancelled.clone_from(&self.cancelled);
        frame.handed_over = self.is_handed_over();
        let is_in_ending = around.is_some_and(|state| state.in_ending);
        for step in &mut frame.steps {
            step.in_ending = is_in_ending;
        }
        let handles = [Outcome::Failed, Outcome::Unknown].map(|it| self.is_handled(key.step, it, Settlement::Ran));
        let (is_held, may_start) = (around.is_some_and(|state| state.is_held), self.may_start(key.step));
        let (stopped_by, has_room) = (self.stopped_by(key.step), self.has_place(key.step));
        let rolls_back = self.phase == Phase::Rollback || self.rolls_back_inside();
        if let Some(place) = &mut frame.place {
            place.undoes = undoes;
            place.stopped_by = stopped_by;
            place.has_room = has_room;
            place.is_held = is_held;
            place.may_start = may_start;
            place.rolls_back = rolls_back;
            place.handles = handles;
        }
    }

    /// This state and all inside it, in order.
    pub(crate) fn with_frames(&self) -> Vec<&Self> {
        let mut all = vec![self];
        all.extend(self.frames.values().flat_map(|frame| frame.with_frames()));
        all
    }

    /// The states inside that are items of a step, in order.
    pub(crate) fn items_of(&self, step: StepIndex) -> impl DoubleEndedIterator<Item = (u32, &Self)> {
        let (from, to) = (FrameKey::item(step, 0), FrameKey::item(step, u32::MAX));
        self.frames.range(from..=to).filter_map(|(key, frame)| match key.slot {
            Slot::Item(number) => Some((number, &**frame)),
            Slot::Main | Slot::Unless | Slot::Undo => None,
        })
    }

    /// Keys of the states inside that still go on by themselves, and of those that are over or only undone.
    pub(crate) fn is_live(&self, key: FrameKey) -> bool {
        let Some(state) = self.steps.get(key.step.get()) else { return false };
        match key.slot {
            Slot::Item(_) => matches!(state.stage, Stage::Items(_)),
            Slot::Main | Slot::Unless => {
                matches!(&state.stage, Stage::Calling(at) if FrameKey::call(key.step, at.part) == key)
            }
            Slot::Undo => matches!(state.undo, Stage::Calling(_)),
        }
    }

    /// What is known of the one step of an item.
    pub(crate) fn only_step(&self) -> Option<(StepIndex, &StepState)> {
        self.plan.graph().steps().next().zip(self.steps.first())
    }

    /// Whether a step is done once for each item of a list.
    pub(crate) fn is_loop(&self, step: StepIndex) -> bool {
        self.plan.step(step).for_each.is_some()
    }

    /// Whether what is begun here undoes another step, as an item of a loop or in a runbook: it is not undone itself.
    pub(crate) fn undoes_inside(&self) -> bool {
        self.place.as_ref().is_some_and(|place| place.undoes) || self.call.as_ref().is_some_and(|call| call.undoes)
    }

    /// Whether it is inside a run that rolls back: as a runbook that has ended well, its acts are undone with the run's.
    pub(crate) fn rolls_back_inside(&self) -> bool {
        self.call.as_ref().is_some_and(|call| call.rolls_back)
            || self.place.as_ref().is_some_and(|place| place.rolls_back)
    }

    /// Whether what could not be undone here is the rollback of the state around it. One that did not end well had its own,
    /// which stops no other.
    fn undoes_for_around(&self) -> bool {
        self.call.is_none() || (self.ended_well() && self.rolls_back_inside())
    }

    /// Whether it is an item of a loop.
    pub(crate) fn is_item(&self) -> bool {
        self.place.is_some()
    }

    /// A step that expressions name, wherever it stands: an item sees those of the run around it.
    pub(crate) fn seen(&self, id: &str) -> Option<(&Self, StepIndex, &StepState)> {
        let state = self.place.as_ref().map_or(self, |place| &*place.outer);
        let index = state.plan.graph().find(id)?;
        Some((state, index, state.steps.get(index.get())?))
    }

    /// Whether anything inside goes on, or waits for a person.
    pub(crate) fn is_busy_inside(&self) -> bool {
        self.frames.values().any(|frame| frame.is_busy())
    }

    /// Whether anything here or inside goes on, or waits for a person.
    pub(crate) fn is_busy(&self) -> bool {
        !self.active.is_empty() || self.is_busy_inside()
    }

    fn call_takes_place(&self, step: StepIndex, part: Part) -> bool {
        let child = self.frames.get(&FrameKey::call(step, part));
        child.is_some_and(|child| child.active.iter().any(|step| child.takes_place(*step)))
    }

    /// Whether a step takes one of the places of `parallel`: a loop one for all its items, a runbook one for its steps.
    pub(crate) fn takes_place(&self, step: StepIndex) -> bool {
        let Some(state) = self.steps.get(step.get()) else { return false };
        match state.stage {
            Stage::Items(_) => {
                // An item whose turn has not come takes none, or two loops would each wait for the other.
                let goes_on = |item: &&Self| !item.waits_for_its_turn();
                let takes = |item: &Self| item.only_step().is_some_and(|(only, _)| item.takes_place(only));
                state.in_flight || self.items_of(step).map(|(_, item)| item).filter(goes_on).any(takes)
            }
            Stage::Calling(ref key) => self.call_takes_place(step, key.part),
            _ if matches!(state.undo, Stage::Calling(_)) => self.call_takes_place(step, Part::Undo),
            Stage::Waiting
            | Stage::Planning(_)
            | Stage::Proceeding(_)
            | Stage::Planned(..)
            | Stage::Approval(..)
            | Stage::Approved(..)
            | Stage::Running(_)
            | Stage::WaitingUntil(..)
            | Stage::Asked(..)
            | Stage::Telling(_)
            | Stage::AwaitingAck(..)
            | Stage::Ended(_)
            | Stage::Pausing(..)
            | Stage::Attaching(_)
            | Stage::Overruling(..)
            | Stage::Doubt(..)
            | Stage::Settled(_) => state.takes_place(),
        }
    }
}
