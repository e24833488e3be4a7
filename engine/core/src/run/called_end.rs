//! How a called runbook is ended from outside: with the run around it, by a cancel, by its time; and whose its acts are
//! to undo.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::frames::{FrameKey, Slot};
use super::record::{AttemptKey, End, EndCause, Outcome, Part, Phase, Record, RunOutcome, SkipReason, StepPath};
use super::state::RunState;
use super::step_state::Undone;
use crate::document::model::Undo;
use crate::graph::StepIndex;

/// A second cancel within this time, in rollback or `finally`, ends the step that runs.
const SECOND_CANCEL: SignedDuration = SignedDuration::from_secs(5);

impl RunState {
    /// Whether the run is somebody else's: nothing is undone in it for that reason alone.
    pub(crate) fn is_handed_over(&self) -> bool {
        self.handed_over || self.call.as_ref().is_some_and(|call| call.handed_over)
    }

    /// Called runbooks that go on here or in an item, which their step starts nothing new in any more.
    fn end_calls_around(&mut self) {
        for key in self.frames.keys().copied().collect::<Vec<FrameKey>>() {
            let on_the_road = self.steps.get(key.step.get()).is_some_and(|state| state.in_ending);
            if self.is_live(key) && !on_the_road && !matches!(key.slot, Slot::Item(_)) {
                self.within(key, |child| child.enter_ending(EndCause::Around));
            }
        }
    }

    /// Nothing new starts around what is called here: not in it either.
    pub(crate) fn withdraw_inside(&mut self, why: &SkipReason) {
        if *why == SkipReason::Ended {
            self.end_calls_around();
        }
        let items: Vec<FrameKey> =
            self.frames.keys().filter(|key| matches!(key.slot, Slot::Item(_))).copied().collect();
        for key in items {
            self.within(key, |item| item.withdraw_requests(why));
        }
    }

    /// A cancel is recorded: it is the whole run's. In rollback and `finally` the first only says what is still to be done.
    pub(super) fn change_cancelled(&mut self, reason: &str, reaches: bool) {
        let now = self.now;
        let is_over = self.phase == Phase::Over;
        let reaches_inside = match self.phase {
            Phase::Rollback | Phase::Finally => {
                self.cancels_again = self.warned_at.is_some_and(|at| now.duration_since(at) <= SECOND_CANCEL);
                self.warned_at = Some(now);
                self.cancels_again
            }
            Phase::Steps | Phase::Ending if reaches => {
                self.cancels_again = self.cancelled.is_some();
                self.cancelled.get_or_insert_with(|| reason.to_owned());
                true
            }
            Phase::Steps | Phase::Ending | Phase::Over => reaches,
        };
        if reaches && !is_over {
            self.cancels += 1;
        }
        self.change_cancelled_inside(reason, reaches_inside);
    }

    fn change_cancelled_inside(&mut self, reason: &str, reaches: bool) {
        for key in self.frames.keys().copied().collect::<Vec<FrameKey>>() {
            let is_child = !matches!(key.slot, Slot::Item(_)) && self.is_live(key);
            self.within(key, |frame| {
                if is_child {
                    frame.change_cancelled(reason, reaches);
                } else {
                    frame.change_cancelled_inside(reason, reaches);
                }
            });
        }
    }

    /// What a recorded cancel does at once: nothing new starts, waits and verifies end, a second one ends the act.
    pub(crate) fn after_cancel(&mut self) {
        let again = self.cancels_again;
        let ends_waiting = again && matches!(self.phase, Phase::Rollback | Phase::Finally);
        self.keep_ending();
        self.stop_running(again);
        if ends_waiting {
            self.end_all_waiting();
        }
        self.after_cancel_inside(again, ends_waiting);
    }

    fn after_cancel_inside(&mut self, again: bool, ends_waiting: bool) {
        for key in self.frames.keys().copied().collect::<Vec<FrameKey>>() {
            let is_child = !matches!(key.slot, Slot::Item(_)) && self.is_live(key);
            self.within(key, |frame| {
                if !is_child {
                    frame.stop_running(again);
                    if ends_waiting {
                        frame.end_all_waiting();
                    }
                    return frame.after_cancel_inside(again, ends_waiting);
                }
                if frame.cancelled.is_some() || frame.phase >= Phase::Rollback {
                    frame.after_cancel();
                }
            });
        }
    }

    /// Ends called runbooks whose time is over.
    pub(crate) fn pass_calls(&mut self) {
        let now = self.now;
        for key in self.frames.keys().copied().collect::<Vec<FrameKey>>() {
            let is_child = !matches!(key.slot, Slot::Item(_)) && self.is_live(key);
            self.within(key, |frame| {
                frame.pass_calls();
                let is_due = frame.call_deadline().is_some_and(|at| at <= now);
                if let Some(call) = frame.call.as_ref().filter(|_| is_child && is_due) {
                    let key = call.key.clone();
                    frame.emit(Record::CallCancelled { key, reason: "its timeout passed".to_owned() });
                    frame.after_cancel();
                }
            });
        }
    }

    /// When the time of a called runbook is over, while that would end it.
    pub(crate) fn call_deadline(&self) -> Option<jiff::Timestamp> {
        let ends = self.call.is_some() && self.phase <= Phase::Ending && self.cancelled.is_none();
        self.run_deadline.filter(|_| ends)
    }

    /// It ran in place of a look or an undo, and handed the run over: nothing else new starts.
    pub(super) fn conclude_handed_over(&mut self, step: StepIndex, key: &AttemptKey) {
        let child = self.frames.get(&FrameKey::call(step, key.part));
        let to = child.map(|child| child.handed_to()).unwrap_or_default();
        let path = self.path(step);
        if key.part != Part::Undo {
            self.emit(Record::Handover { step: Some(path.clone()), to });
        }
        match key.part {
            Part::Unless => self.not_begun(step, SkipReason::Ended),
            Part::Doubt | Part::Undo | Part::Main => {
                let reason = Some("the run was handed over".to_owned());
                let outcome = if key.part == Part::Doubt { Outcome::Unknown } else { Outcome::Failed };
                self.end_call(step, key, None, outcome, reason, BTreeMap::new());
            }
        }
        if key.part != Part::Undo {
            self.enter_ending(EndCause::Handover(path));
        }
    }

    /// It was denied something, ran out of time, or ended with the run around it.
    pub(super) fn conclude_cancelled(&mut self, step: StepIndex, key: &AttemptKey) {
        let Some(child) = self.frames.get(&FrameKey::call(step, key.part)) else { return };
        let (acted, denied) = (child.has_acted(), child.is_denied && child.cancelled.is_none());
        let out_of_time = child.call.as_ref().is_some_and(|call| call.out_of_time);
        let reason = child.call.as_ref().and_then(|call| call.ended.clone()).map(|(reason, _)| reason);
        if denied {
            let reason = reason.unwrap_or_default();
            if key.part == Part::Main {
                return self.settle_denied(step, key, reason);
            }
            return self.end_call(step, key, None, Outcome::Failed, Some(reason), BTreeMap::new());
        }
        if out_of_time {
            let (end, reason) = (Some(End::TimedOut), Some("ran out of time".to_owned()));
            return self.end_call(step, key, end, Outcome::Failed, reason, BTreeMap::new());
        }
        let ends = self.phase <= Phase::Ending;
        let why = if self.cancelled.is_some() { SkipReason::Cancelled } else { SkipReason::Ended };
        let is_act = self.changes(step, key.part);
        match key.part {
            Part::Unless if ends => self.not_begun(step, why),
            Part::Main if ends && !(is_act && acted) => self.not_begun(step, why),
            Part::Main | Part::Unless | Part::Doubt | Part::Undo => {
                let reason = Some(reason.unwrap_or_else(|| "was ended".to_owned()));
                self.end_call(step, key, Some(End::Stopped), Outcome::Failed, reason, BTreeMap::new());
            }
        }
    }

    /// Acts with something to undo, newest first, those of items and of called runbooks among them: the act, and the step
    /// that undoes it where that is a step.
    pub(crate) fn to_undo(&self) -> Vec<(StepPath, Option<StepPath>)> {
        let mut acts: Vec<(u64, StepPath, Option<StepPath>)> = Vec::new();
        self.gather_to_undo(&mut acts, false);
        acts.sort_unstable_by_key(|(order, ..)| std::cmp::Reverse(*order));
        acts.into_iter().map(|(_, path, by)| (path, by)).collect()
    }

    /// `covered`: what the steps here run is undone as a whole, by the loop around them.
    fn gather_to_undo(&self, acts: &mut Vec<(u64, StepPath, Option<StepPath>)>, covered: bool) {
        for (index, state) in self.plan.graph().steps().zip(&self.steps) {
            // A loop that another step undoes as a whole was started with its items.
            let begun = |item: &Self| item.only_step().and_then(|(_, state)| state.start_order);
            let items = self.items_of(index).filter_map(|(_, item)| begun(item));
            let Some(order) = items.chain(state.start_order).max() else { continue };
            if matches!(state.undone, Undone::Passed | Undone::Failed) {
                continue;
            }
            match &self.plan.step(index).undo {
                None => {}
                Some(Undo::Body(_)) if self.is_loop(index) => {}
                Some(Undo::Body(_)) => acts.push((order, self.path(index), None)),
                Some(Undo::Step(id)) => {
                    let by = self.plan.graph().find(id.value.as_str());
                    let passed = by.and_then(|by| self.steps.get(by.get())).and_then(|by| by.pass_order);
                    if passed.is_none_or(|passed| passed < order) {
                        acts.push((order, self.path(index), by.map(|by| self.path(by))));
                    }
                }
            }
        }
        for (key, frame) in &self.frames {
            let has_own = covered || self.plan.step(key.step).undo.is_some();
            match key.slot {
                Slot::Item(_) => frame.gather_to_undo(acts, has_own),
                // One that did not end well has seen to its own acts; what has an `undo` is undone by that, as a whole.
                Slot::Main if frame.ended_well() && !has_own => frame.gather_to_undo(acts, false),
                Slot::Main | Slot::Unless | Slot::Undo => {}
            }
        }
    }

    /// This state and those inside whose acts are undone in the same rollback.
    pub(super) fn undone_with(&self) -> Vec<&Self> {
        let mut all = vec![self];
        for (key, frame) in &self.frames {
            if matches!(key.slot, Slot::Item(_)) || (key.slot == Slot::Main && frame.ended_well()) {
                all.extend(frame.undone_with());
            }
        }
        all
    }

    pub(super) fn ended_well(&self) -> bool {
        matches!(self.sealed, Some(RunOutcome::Resolved | RunOutcome::Escalated))
    }

    /// What called runbooks left open, one line each.
    pub(super) fn open_inside(&self) -> Vec<String> {
        let mut open = Vec::new();
        for (key, frame) in &self.frames {
            match (key.slot, frame.call.as_ref().and_then(|call| call.ended.as_ref())) {
                (Slot::Item(_), _) => open.extend(frame.open_inside()),
                (_, Some((_, lines))) => open.extend(lines.iter().cloned()),
                (_, None) => {}
            }
        }
        open
    }

    /// In rollback a step that is begun may be the one that undoes what is due, here or in a runbook that has ended well.
    pub(super) fn mark_undoing(&mut self, key: &AttemptKey) {
        if self.phase == Phase::Rollback
            && key.part != Part::Undo
            && !self.is_item()
            && let Some((undone, Some(by))) = self.due_undo()
            && by == key.step
        {
            self.at(&by, |at| at.set_undoing(&by, undone));
        }
    }

    pub(super) fn set_undoing(&mut self, by: &str, undone: StepPath) {
        let Some(state) = self.find(by).and_then(|step| self.steps.get_mut(step.get())) else { return };
        if state.undoing.is_none() {
            state.undoing = Some(undone);
            state.start_over();
        }
    }

    /// The key of a record with which a step of its own may begin.
    #[expect(clippy::wildcard_enum_match_arm, reason = "most records begin nothing")]
    pub(super) fn begins(record: &Record) -> Option<AttemptKey> {
        use super::record::QuestionKind;
        match record {
            Record::StepPlanned { key, .. }
            | Record::StepIntent { key, .. }
            | Record::CallGiven { key, .. }
            | Record::CallStarted { key, .. }
            | Record::AttemptEnded { key, .. } => Some(key.clone()),
            Record::StepItems { step, .. }
            | Record::Question {
                step: Some(step),
                question: QuestionKind::YesNo | QuestionKind::Choice(_) | QuestionKind::Instruct,
                ..
            } => Some(super::change::main_key(step, 1)),
            _ => None,
        }
    }
}
