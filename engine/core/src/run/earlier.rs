//! What a run takes over of an earlier one that it tries again.
//!
//! A step is taken over when it settled well and everything before it is taken over too, or was passed by in the same
//! way: what is taken over then stands where it stood, and nothing in front of it runs behind its back.

use std::collections::BTreeSet;

use super::edges::Liveness;
use super::record::{Outcome, Settlement, SkipReason, StepPath, TakenOver};
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
        let wanted = |step: &&StepIndex| !again.contains(&self.path(**step));
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
        let begun = self.plan.graph().steps().filter(|step| wanted(&step) && !taken.contains(step)).filter(|step| {
            let from = || self.plan.graph().incoming(*step).map(|(from, _)| from);
            self.is_loop(*step)
                && !self.plan.graph().is_finally(*step)
                && from().all(|from| taken.contains(&from) || passed_by.contains(&from))
        });
        // Of a loop that did not go well, the items that passed.
        let mut items: Vec<(StepPath, TakenOver)> = Vec::new();
        for step in begun {
            let passed = self.items_of(step).filter(|(_, item)| {
                item.only_step().is_some_and(|(only, state)| {
                    item.went_well(only) && state.settled().is_some_and(|settled| settled.outcome == Outcome::Passed)
                })
            });
            items.extend(passed.filter_map(|(_, item)| item.taken_as_item()));
        }
        let by_when =
            |step: &&StepIndex| self.settled_as(**step).and_then(|it| it.skipped.as_ref()) == Some(&SkipReason::When);
        taken.extend(passed_by.iter().filter(by_when));
        let mut all = Vec::new();
        for step in taken {
            let Some(was) = self.taken_over(step) else { continue };
            all.push((self.path(step), was));
            all.extend(self.items_of(step).filter_map(|(_, item)| item.taken_as_item()));
        }
        all.extend(items);
        all
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
        })
    }

    /// Whether nothing is known of a step yet that an earlier run is to tell: a run that was interrupted before it
    /// began still has to take it over.
    #[must_use]
    pub fn is_untouched(&self, path: &str) -> bool {
        if let Some((at, step)) = self.owner(path) {
            return at.steps.get(step.get()).is_some_and(|state| state.is_waiting() && !state.started);
        }
        let Some(key) = self.frame_of(path) else { return false };
        let around = self.steps.get(key.step.get());
        let known = self.earlier_items.get(&key.step);
        let is_known = known.is_some_and(|known| known.iter().any(|(known, _)| known == path));
        !is_known && around.is_some_and(|state| state.listed.is_none())
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
