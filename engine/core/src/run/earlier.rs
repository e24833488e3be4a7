//! What a run takes over of an earlier one that it tries again.
//!
//! A step is taken over when it settled well and everything before it is taken over too, or was passed by in the same
//! way: what is taken over then stands where it stood, and nothing in front of it runs behind its back.

use std::collections::{BTreeMap, BTreeSet};

use super::edges::Liveness;
use super::frames::{FrameKey, Slot};
use super::record::{AttemptKey, Outcome, Part, Phase, RunOutcome, Settlement, SkipReason, StepPath, TakenOver};
use super::state::RunState;
use super::step_state::{Settled, Stage, StepState, Undone};
use crate::document::model::Kind;
use crate::graph::{StepIndex, roads_of};

impl RunState {
    /// What another run of the same plan may take over of this one, which is sealed, in file order. The steps in
    /// `again` and what comes after them are left out.
    #[must_use]
    pub fn to_take_over(&self, again: &BTreeSet<StepPath>) -> Vec<(StepPath, TakenOver)> {
        let steps: Vec<StepIndex> = self.plan.graph().steps().collect();
        // A step is done again where it is named, or one inside it.
        let named = |path: &str| {
            let inside = |other: &StepPath| other.strip_prefix(path).is_some_and(|rest| rest.starts_with(['/', '[']));
            again.contains(path) || again.iter().any(inside)
        };
        let wanted = |step: &&StepIndex| !named(&self.path(**step));
        let mut taken: BTreeSet<StepIndex> =
            steps.iter().filter(wanted).filter(|step| self.went_well(**step)).copied().collect();
        let mut passed_by: BTreeSet<StepIndex> =
            steps.iter().filter(wanted).filter(|step| self.was_passed_by(**step)).copied().collect();
        // What falls takes others with it, until nothing falls any more: at most once a step.
        loop {
            let stands = |step: &StepIndex| {
                self.plan.graph().incoming(*step).all(|(from, _)| taken.contains(&from) || passed_by.contains(&from))
            };
            let left: BTreeSet<StepIndex> =
                taken.iter().filter(|step| stands(step) && self.led_on(**step, &taken)).copied().collect();
            let still_by: BTreeSet<StepIndex> = passed_by.iter().filter(|step| stands(step)).copied().collect();
            if left.len() == taken.len() && still_by.len() == passed_by.len() {
                break;
            }
            (taken, passed_by) = (left, still_by);
        }
        let in_part = |step: &StepIndex| !again.contains(&self.path(*step)) && !taken.contains(step);
        let begun = self.plan.graph().steps().filter(in_part).filter(|step| {
            let from = || self.plan.graph().incoming(*step).map(|(from, _)| from);
            (self.is_loop(*step) || self.called_by(*step).is_some())
                && !self.plan.graph().is_finally(*step)
                && from().all(|from| taken.contains(&from) || passed_by.contains(&from))
        });
        // Of a loop that did not go well, the items that passed; of a runbook that did not, its steps that went well.
        let mut parts: Vec<(StepPath, TakenOver)> = Vec::new();
        for step in begun {
            for (_, item) in self.items_of(step) {
                let Some((only, state)) = item.only_step() else { continue };
                let passed = state.settled().is_some_and(|settled| settled.outcome == Outcome::Passed);
                if passed && item.went_well(only) && !named(&item.only_path()) {
                    parts.extend(item.taken_as_item());
                }
                if !again.contains(&item.only_path()) {
                    parts.extend(item.taken_inside(only, again));
                }
            }
            parts.extend(self.taken_inside(step, again));
        }
        let by_when =
            |step: &&StepIndex| self.settled_as(**step).and_then(|it| it.skipped.as_ref()) == Some(&SkipReason::When);
        taken.extend(passed_by.iter().filter(by_when));
        let mut all = Vec::new();
        for step in taken {
            let Some(was) = self.taken_over(step) else { continue };
            all.push((self.path(step), was));
            for (_, item) in self.items_of(step) {
                all.extend(item.taken_as_item());
                all.extend(item.only_step().into_iter().flat_map(|(only, _)| item.taken_inside(only, again)));
            }
            all.extend(self.taken_inside(step, again));
        }
        all.extend(parts);
        all
    }

    /// What may be taken over of the runbook that a step ran, with what that was given.
    fn taken_inside(&self, step: StepIndex, again: &BTreeSet<StepPath>) -> Vec<(StepPath, TakenOver)> {
        let Some(child) = self.called_by(step) else { return Vec::new() };
        let item = self.place.as_ref().map(|place| place.value.clone());
        let inside = child.to_take_over(again).into_iter();
        let with_what = |(path, was): (StepPath, TakenOver)| {
            let around = was.around.clone().or_else(|| Some(child.params.clone()));
            let item = was.item.clone().or_else(|| item.clone());
            (path, TakenOver { item, around, ..was })
        };
        inside.map(with_what).collect()
    }

    /// What is known of an item, with the element it is about.
    fn taken_as_item(&self) -> Option<(StepPath, TakenOver)> {
        let (only, _) = self.only_step()?;
        let item = self.place.as_ref().map(|place| place.value.clone());
        Some((self.only_path(), TakenOver { item, ..self.taken_over(only)? }))
    }

    fn settled_as(&self, step: StepIndex) -> Option<&Settled> {
        self.steps.get(step.get()).and_then(StepState::settled)
    }

    /// Whether it settled in a way that can be built on: it passed, or it failed and something in the runbook took
    /// that up. What the end of the run started or undid is not.
    fn went_well(&self, step: StepIndex) -> bool {
        let (Some(state), Some(settled)) = (self.steps.get(step.get()), self.settled_as(step)) else { return false };
        let took_failed = state.branch.as_ref().is_some_and(|branch| branch.to.iter().any(|to| to == "failed"));
        if state.in_ending
            || self.plan.graph().is_finally(step)
            || state.undone != Undone::No
            || took_failed
            || matches!(settled.settlement, Settlement::Withheld | Settlement::Denied | Settlement::Expired)
            || self.handed_on(step).is_some()
        {
            return false;
        }
        let is_act = self.plan.step(step).kind.value == Kind::Act;
        match settled.outcome {
            Outcome::Passed | Outcome::Failed => true,
            Outcome::Unknown => !is_act,
            Outcome::Skipped => false,
        }
    }

    fn was_passed_by(&self, step: StepIndex) -> bool {
        let skipped = self.settled_as(step).and_then(|settled| settled.skipped.as_ref());
        matches!(skipped, Some(SkipReason::When | SkipReason::NotReached)) && !self.plan.graph().is_finally(step)
    }

    /// One that failed stands only where what took it up is taken over too: a road that was followed, or a decide that
    /// judged it; and no road of it said that the run has failed.
    fn led_on(&self, step: StepIndex, taken: &BTreeSet<StepIndex>) -> bool {
        let Some(settled) = self.settled_as(step) else { return false };
        if settled.outcome == Outcome::Passed {
            return true;
        }
        let followed = |road| self.road(step, road) == Liveness::Live;
        if roads_of(self.plan.step(step)).into_iter().any(|(road, target)| target.failed && followed(road)) {
            return false;
        }
        let unknown = settled.outcome == Outcome::Unknown;
        self.plan.graph().outgoing(step).any(|(to, edge)| {
            let judged = if unknown { edge.judges_unknown } else { edge.judged };
            taken.contains(&to) && (judged || edge.roads.iter().any(|road| followed(*road)))
        })
    }

    fn taken_over(&self, step: StepIndex) -> Option<TakenOver> {
        let state = self.steps.get(step.get())?;
        let settled = state.settled()?;
        Some(TakenOver {
            outcome: settled.outcome,
            settlement: settled.settlement,
            reason: settled.reason.clone(),
            outputs: state.outputs.clone(),
            attempts: state.attempts.get(&super::record::Part::Main).copied().unwrap_or(0),
            acted: state.start_order.is_some(),
            started_at: state.started_at,
            duration: state.last.duration,
            exit_code: state.last.exit_code,
            answer: state.last.answer.clone(),
            fields: state.last.fields.clone(),
            branch: state.branch.clone(),
            items: state.listed.map(|_| {
                let values = self.items_of(step).filter_map(|(_, item)| item.place.as_ref());
                values.map(|place| place.value.clone()).collect()
            }),
            item: None,
            given: self.called_by(step).map(|child| child.params.clone()),
            around: None,
        })
    }

    /// Whether nothing is known of a step yet that an earlier run is to tell: a run that was interrupted before it
    /// began still has to take it over.
    #[must_use]
    pub fn is_untouched(&self, path: &str) -> bool {
        let mut at = self;
        loop {
            if let Some(step) = at.find(path) {
                // A called runbook that has begun has taken over what it does.
                let has_begun = at.call.is_some() && at.sealed.is_none();
                let state = at.steps.get(step.get());
                return !has_begun && state.is_some_and(|state| state.is_waiting() && !state.started);
            }
            let Some(key) = at.frame_of(path) else { return false };
            if let Some(frame) = at.frames.get(&key) {
                at = frame;
                continue;
            }
            let known = match key.slot {
                Slot::Item(_) => at.earlier_items.get(&key.step),
                Slot::Main | Slot::Unless | Slot::Undo => at.earlier_calls.get(&key),
            };
            let is_known = known.is_some_and(|known| known.iter().any(|(known, _)| known == path));
            return !is_known && at.steps.get(key.step.get()).is_some_and(|state| state.listed.is_none());
        }
    }

    /// A step of an earlier run is taken over: at once, or when what it is a part of begins.
    pub(super) fn change_taken(&mut self, path: &str, was: &TakenOver) {
        if let Some(key) = self.frame_of(path) {
            if self.frames.contains_key(&key) {
                self.within(key, |frame| frame.change_taken(path, was));
                return;
            }
            let entry = (path.to_owned(), was.clone());
            match key.slot {
                Slot::Item(_) => self.earlier_items.entry(key.step).or_default().push(entry),
                Slot::Main | Slot::Unless | Slot::Undo => self.earlier_calls.entry(key).or_default().push(entry),
            }
            return;
        }
        self.change_taken_items(path, was);
        self.change_taken_over(path, was);
        self.change_taken_call(path, was);
    }

    /// A step that was taken over ran another runbook, which had come to its end.
    fn change_taken_call(&mut self, path: &str, was: &TakenOver) {
        let (Some(step), Some(params)) = (self.find(path), &was.given) else { return };
        if was.outcome != Outcome::Passed || self.plan.child(step, Part::Main).is_none() {
            return;
        }
        let key = AttemptKey { step: path.to_owned(), part: Part::Main, attempt: was.attempts };
        let mut child = self.call_with(step, &key, params.clone(), BTreeMap::new());
        child.phase = Phase::Over;
        child.sealed = Some(RunOutcome::Resolved);
        self.frames.insert(FrameKey::call(step, Part::Main), Box::new(child));
        self.take_over_called(step, false);
    }

    /// The runbook that a step runs is there: what an earlier run did of it stands, if it was given the same.
    pub(super) fn take_over_called(&mut self, step: StepIndex, begins: bool) {
        let at = FrameKey::call(step, Part::Main);
        let earlier = self.earlier_calls.remove(&at).unwrap_or_default();
        self.within(at, |child| {
            for (path, was) in earlier {
                let differs = begins && child.find(&path).is_some() && was.around.as_ref() != Some(&child.params);
                if !differs {
                    child.change_taken(&path, &was);
                }
            }
        });
    }

    pub(crate) fn change_taken_over(&mut self, id: &str, was: &TakenOver) {
        let Some(index) = self.find(id) else { return };
        let is_act = self.plan.step(index).kind.value == Kind::Act;
        self.order += 1;
        let order = self.order;
        if matches!(was.outcome, Outcome::Failed | Outcome::Unknown) {
            self.last_failure = Some(index);
        }
        self.with_step(id, |state| {
            state.started = was.outcome != Outcome::Skipped;
            state.start_order = was.acted.then_some(order);
            state.pass_order = (is_act && was.outcome == Outcome::Passed).then_some(order);
            state.started_at = was.started_at;
            state.outputs.clone_from(&was.outputs);
            state.branch.clone_from(&was.branch);
            state.attempts.insert(super::record::Part::Main, was.attempts);
            state.last.exit_code = was.exit_code;
            state.last.duration = was.duration;
            state.last.answer.clone_from(&was.answer);
            state.last.fields.clone_from(&was.fields);
            state.stage = Stage::Settled(Settled {
                outcome: was.outcome,
                settlement: was.settlement,
                reason: was.reason.clone(),
                skipped: (was.outcome == Outcome::Skipped).then_some(SkipReason::When),
            });
        });
        self.look_behind(id);
    }
}
