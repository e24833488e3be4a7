//! A step that is done once for each item of a list: the list, its items one after another or side by side, and what
//! they come to together.
//!
//! The list is made once and recorded. Each item is a state of its own ([`super::frames`]) over the same step without
//! its edges, its `when` and its roads, which stay the loop's. Where the loop asks for approval, the plans of all items
//! are made first; the approval is of all of them together.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::effect::Effect;
use super::frames::{FrameKey, Place};
use super::record::{
    AttemptKey, BlobDigest, End, Mode, Outcome, Part, Record, Settlement, SkipReason, StartFailure, StartFailureKind,
    StepPath, TakenOver,
};
use super::scope::RunScope;
use super::state::RunState;
use super::step_state::{Settled, Stage, StepState, Verdict};
use crate::document::model::{ForEachList, Kind, Tree, Width};
use crate::graph::StepIndex;
use crate::limits::ITEMS_MAX;
use crate::value::Value;

/// Where an item of a loop stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stands {
    /// It has not begun.
    Before,
    /// A person said that it shall be tried again.
    Again,
    /// What it would run is known; the approval of the whole loop comes first.
    Held,
    /// It goes on.
    On,
    /// It goes on, and a person is asked how it shall end: what comes after it waits for that.
    Asked,
    /// It is over.
    Over(Outcome, Settlement),
}

impl RunState {
    /// Makes the list and begins the loop.
    pub(crate) fn begin_items(&mut self, step: StepIndex) {
        let scope = RunScope::new(self, self.now);
        let list = self.list(step, &scope);
        let unknown = scope.unknown_until.borrow().clone();
        drop(scope);
        match list {
            Ok(items) => {
                let approval = !items.is_empty()
                    && self.mode == Mode::Real
                    && (self.plan.step(step).body.work.is_attempted()
                        || self.calls_runbook(step, Part::Main).is_some())
                    && self.wants_approval(step);
                let path = self.path(step);
                // As they will be read back from the transcript.
                let items = items.iter().map(|item| Value::from_json(&item.to_json())).collect();
                self.emit(Record::StepItems { step: path, items, approval });
                // They take their places before another step does.
                while let Some(Stage::Items(key)) = self.steps.get(step.get()).map(|state| state.stage.clone())
                    && self.go_on_with_items(step, &key)
                {}
            }
            Err(_) if unknown.is_some() => {
                let until = unknown.unwrap_or_default();
                self.settle_withheld(step, Some(format!("its items cannot be known until {until}")));
            }
            Err(why) => {
                let message = format!("its list could not be made: {why}");
                let failure = StartFailure { kind: StartFailureKind::Rendering, message: message.clone() };
                self.end_attempt_early(step, Part::Main, Outcome::Failed, message, Some(End::NotStarted(failure)));
            }
        }
    }

    fn list(&self, step: StepIndex, scope: &RunScope<'_>) -> Result<Vec<Value>, String> {
        // A loop that is done again, to undo another step, goes through the same list. Not one whose runbook is run again.
        let is_listed = self.steps.get(step.get()).is_some_and(|state| state.listed.is_some());
        let known: Vec<Value> =
            self.items_of(step).filter_map(|(_, item)| Some(item.place.as_ref()?.value.clone())).collect();
        if is_listed && !known.is_empty() {
            return Ok(known);
        }
        let Some(for_each) = &self.plan.step(step).for_each else { return Ok(Vec::new()) };
        let items = match &for_each.value.over {
            ForEachList::Items(items) => items.iter().map(|item| rendered(item, scope)).collect::<Result<_, _>>()?,
            ForEachList::Expression(list) => {
                let value = list.value.evaluate(scope).map_err(|error| error.to_string())?;
                let Value::List(items) = value else {
                    return Err(format!("{} is {}, and no list", list.value.source(), value.kind()));
                };
                items
            }
        };
        if items.len() > ITEMS_MAX {
            return Err(format!("it has {} items, and {ITEMS_MAX} are the most", items.len()));
        }
        Ok(items)
    }

    /// The list of a loop is known: each item gets its own state.
    pub(super) fn change_items(&mut self, path: &str, items: &[Value], approval: bool) {
        let Some(step) = self.find(path) else { return };
        let key = self.key(step, Part::Main);
        let now = self.now;
        self.mark_undoing(&key);
        self.with_attempt(&key, |state| {
            state.started = true;
            state.started_at.get_or_insert(now);
            state.listed = Some(items.len());
            state.is_held = approval;
            state.stage = Stage::Items(key.clone());
        });
        self.order += 1;
        let earlier = self.earlier_items.remove(&step).unwrap_or_default();
        let mut earlier = ByItem::of(&self.path(step), earlier);
        let mut old = self.make_items(step, items);
        let mut frames: Vec<FrameKey> = self.items_of(step).map(|(item, _)| FrameKey::item(step, item)).collect();
        for key in frames.drain(..) {
            let Some(frame) = self.frames.get_mut(&key) else { continue };
            let value = frame.place.as_ref().map(|place| place.value.clone());
            if let Some(before) = old.remove(&key) {
                let is_same = before.place.as_ref().map(|place| &place.value) == value.as_ref();
                frame.take_after(*before, is_same);
            }
            for (rest, was) in value.map(|value| earlier.take(&value)).unwrap_or_default() {
                self.within(key, |item| {
                    let path = format!("{}{rest}", item.only_path());
                    item.change_taken(&path, &was);
                });
            }
        }
    }

    /// Gives each item a state of its own; gives those of an earlier life.
    fn make_items(&mut self, step: StepIndex, items: &[Value]) -> BTreeMap<FrameKey, Box<Self>> {
        let path = self.path(step);
        let keys: Vec<FrameKey> = self.items_of(step).map(|(item, _)| FrameKey::item(step, item)).collect();
        let old = keys.into_iter().filter_map(|key| Some((key, self.frames.remove(&key)?))).collect();
        let Some(for_each) = &self.plan.step(step).for_each else { return old };
        let name = for_each.value.name.value.to_string();
        let plan = Arc::new(self.plan.of_item(step));
        let mut outer = self.clone();
        outer.effects.clear();
        let outer = Arc::new(outer);
        for (item, value) in (0..).zip(items) {
            let place = Place {
                path: format!("{path}[{item}]"),
                name: name.clone(),
                value: value.clone(),
                item,
                outer: Arc::clone(&outer),
                covered: None,
                is_held: false,
                has_room: false,
                may_start: false,
                stopped_by: None,
                undoes: false,
                rolls_back: false,
                handles: [false; 2],
            };
            self.frames.insert(FrameKey::item(step, item), Box::new(self.item(Arc::clone(&plan), place)));
        }
        old
    }

    /// All items of a loop that was taken over.
    pub(super) fn change_taken_items(&mut self, path: &str, was: &TakenOver) {
        if let (Some(step), Some(items)) = (self.find(path), &was.items) {
            self.make_items(step, items);
            if let Some(state) = self.steps.get_mut(step.get()) {
                state.listed = Some(items.len());
            }
            // An item settles before its loop, and may have been recorded before it.
            for (path, was) in self.earlier_items.remove(&step).unwrap_or_default() {
                self.change_taken(&path, &was);
            }
        }
    }

    /// An approval of a loop covers exactly the plans it listed.
    pub(super) fn cover_items(&mut self, step: StepIndex) {
        for frame in self.frames.iter_mut().filter(|(key, _)| key.step == step).map(|(_, frame)| frame) {
            let planned = match frame.steps.first().map(|state| &state.stage) {
                Some(Stage::Planned(_, plan, _)) => Some(plan.clone()),
                _ => None,
            };
            if let Some(place) = &mut frame.place {
                place.covered = planned;
            }
        }
    }

    pub(crate) fn only_path(&self) -> StepPath {
        self.place.as_ref().map(|place| place.path.clone()).unwrap_or_default()
    }

    /// The item that failed, after which no other begins.
    pub(crate) fn stopped_by(&self, step: StepIndex) -> Option<StepPath> {
        if self.plan.step(step).for_each.as_ref().is_none_or(|for_each| for_each.value.go_on) {
            return None;
        }
        let bad = |item: &Self| matches!(item.stands(), Stands::Over(Outcome::Failed | Outcome::Unknown, _));
        self.items_of(step).find(|(_, item)| bad(item)).map(|(_, item)| item.only_path())
    }

    /// Whether an item that has not done any work of its own may not begin it any more, and is ended.
    pub(crate) fn stops_before_start(&mut self, step: StepIndex) -> bool {
        let by = self.place.as_ref().and_then(|place| place.stopped_by.clone());
        // Attempts are numbered through: an item that undoes something may have had some in its own time.
        let fresh = self.steps.get(step.get());
        let fresh = fresh.is_some_and(|state| state.before.is_none() && state.started_at.is_none());
        match by.filter(|_| fresh) {
            Some(by) => {
                self.not_begun(step, SkipReason::Blocked(by));
                true
            }
            None => false,
        }
    }

    fn stands(&self) -> Stands {
        let Some((step, state)) = self.only_step() else { return Stands::Before };
        match &state.stage {
            Stage::Settled(settled) => Stands::Over(settled.outcome, settled.settlement),
            Stage::Waiting if self.ready.contains(&step) => Stands::Again,
            Stage::Waiting => Stands::Before,
            Stage::Planned(key, plan, _) if key.part == Part::Main => {
                let place = self.place.as_ref();
                let held = place.is_some_and(|place| place.is_held || place.covered.as_ref() == Some(plan));
                if held { Stands::Held } else { Stands::On }
            }
            Stage::Overruling(..) | Stage::Doubt(..) => Stands::Asked,
            Stage::Planning(_)
            | Stage::Proceeding(_)
            | Stage::Planned(..)
            | Stage::Approval(..)
            | Stage::Approved(..)
            | Stage::Items(_)
            | Stage::Calling(_)
            | Stage::Running(_)
            | Stage::WaitingUntil(..)
            | Stage::Asked(..)
            | Stage::Telling(_)
            | Stage::AwaitingAck(..)
            | Stage::Ended(_)
            | Stage::Pausing(..)
            | Stage::Attaching(_) => Stands::On,
        }
    }

    /// Whether it is an item whose plan is made, and that its loop has not started yet.
    pub(crate) fn waits_for_its_turn(&self) -> bool {
        self.is_item() && self.stands() == Stands::Held
    }

    /// Takes a loop as far as it goes without the world. Says whether anything changed.
    pub(crate) fn go_on_with_items(&mut self, step: StepIndex, key: &AttemptKey) -> bool {
        let moved = self.go_on_inside(step);
        let is_held = self.steps.get(step.get()).is_some_and(|state| state.is_held);
        let stands: Vec<(u32, Stands)> = self.items_of(step).map(|(number, item)| (number, item.stands())).collect();
        let is_over = |stands: &Stands| matches!(stands, Stands::Over(..));
        if stands.iter().all(|(_, stands)| is_over(stands)) {
            self.conclude_items(step);
            return true;
        }
        let for_each = self.plan.step(step).for_each.as_ref();
        let (go_on, width) = for_each.map_or((false, 1), |it| (it.value.go_on, width(&it.value.width, stands.len())));
        let stopped_by = self.stopped_by(step);
        let handed_over = self.handed_on(step).is_some();
        let why = match (self.may_start(step) && !handed_over, self.cancelled.is_some()) {
            (false, true) => Some(SkipReason::Cancelled),
            (false, false) => Some(SkipReason::Ended),
            (true, _) => stopped_by.clone().map(SkipReason::Blocked),
        };
        if let Some(why) = why {
            let by_item = matches!(why, SkipReason::Blocked(_));
            let left = |stands: Stands| match stands {
                Stands::Before | Stands::Held => true,
                // Who said that it shall be tried again knows what failed.
                Stands::Again => !by_item,
                Stands::On | Stands::Asked | Stands::Over(..) => false,
            };
            let left: Vec<u32> = stands.iter().filter(|(_, it)| left(*it)).map(|(number, _)| *number).collect();
            for item in &left {
                self.within(FrameKey::item(step, *item), |frame| frame.end_before_start(why.clone()));
            }
            if !left.is_empty() {
                return true;
            }
        }
        let asked = !go_on && stands.iter().any(|(_, stands)| *stands == Stands::Asked);
        let on = stands.iter().filter(|(_, stands)| matches!(stands, Stands::On | Stands::Asked)).count();
        let may_begin = |stands: Stands| match stands {
            Stands::Again => !handed_over,
            Stands::Before => !asked && stopped_by.is_none() && !handed_over,
            Stands::Held => !is_held && !asked && stopped_by.is_none() && !handed_over,
            Stands::On | Stands::Asked | Stands::Over(..) => false,
        };
        let next = stands.iter().find(|(_, stands)| may_begin(*stands));
        if let Some((item, stands)) = next.filter(|_| on < width && self.may_start(step) && self.has_place(step)) {
            self.within(FrameKey::item(step, *item), |frame| frame.begin_item(*stands));
            return true;
        }
        let all_planned = is_held && stands.iter().all(|(_, it)| is_over(it) || *it == Stands::Held);
        if all_planned {
            self.plan_items(step, key.clone());
            return true;
        }
        moved
    }

    /// Starts an item: its work, or what was made before the approval of the whole loop.
    fn begin_item(&mut self, stands: Stands) {
        let Some((step, state)) = self.only_step() else { return };
        let now_at = state.stage.clone();
        self.ready.remove(&step);
        match now_at {
            Stage::Planned(key, plan, _) if stands == Stands::Held => {
                let covered = self.place.as_ref().is_some_and(|place| place.covered.as_ref() == Some(&plan));
                if covered {
                    self.start_attempt(step, key, plan);
                } else {
                    self.request_approval(step, key, plan);
                }
            }
            Stage::Waiting
            | Stage::Planning(_)
            | Stage::Proceeding(_)
            | Stage::Planned(..)
            | Stage::Approval(..)
            | Stage::Approved(..)
            | Stage::Items(_)
            | Stage::Calling(_)
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
            | Stage::Settled(_) => self.begin_work(step),
        }
    }

    /// Takes what goes on in the items of a step as far as it goes.
    fn go_on_inside(&mut self, step: StepIndex) -> bool {
        // One that waits for its turn has nothing to go on with.
        let active = self.items_of(step).filter(|(_, item)| item.is_busy() && item.stands() != Stands::Held);
        let keys: Vec<FrameKey> = active.map(|(item, _)| FrameKey::item(step, item)).collect();
        let mut moved = false;
        for key in keys {
            moved |= self.within(key, Self::go_on_as_item).unwrap_or_default();
        }
        moved
    }

    /// Takes what goes on in items of steps that are over, and in runbooks that are (their undoing), as far as it goes.
    pub(crate) fn go_on_undoing_inside(&mut self) -> bool {
        let busy = self.frames.iter().filter(|(key, frame)| frame.is_busy() && !self.is_live(**key));
        let keys: Vec<FrameKey> = busy.map(|(key, _)| *key).collect();
        let mut moved = false;
        for key in keys {
            moved |= self.within(key, Self::go_on_as_item).unwrap_or_default();
        }
        moved
    }

    fn go_on_as_item(&mut self) -> bool {
        let mut moved = false;
        for step in self.active.iter().copied().collect::<Vec<StepIndex>>() {
            while self.active.contains(&step) && self.go_on(step) {
                moved = true;
            }
        }
        moved | self.go_on_undoing_inside()
    }

    /// Ends an item that was not started and shall not be.
    fn end_before_start(&mut self, why: SkipReason) {
        let Some((step, _)) = self.only_step() else { return };
        self.ready.remove(&step);
        self.not_begun(step, why);
    }

    /// Ends those items that were not started.
    pub(crate) fn end_unbegun_items(&mut self, step: StepIndex, why: &SkipReason) {
        let is_left = |item: &Self| matches!(item.stands(), Stands::Before | Stands::Again | Stands::Held);
        let keys: Vec<FrameKey> =
            self.items_of(step).filter(|(_, item)| is_left(item)).map(|(item, _)| FrameKey::item(step, item)).collect();
        for key in keys {
            self.within(key, |frame| frame.end_before_start(why.clone()));
        }
    }

    /// Ends what is left of a loop that comes to its end otherwise than by its items.
    pub(crate) fn end_items(&mut self, step: StepIndex, why: &SkipReason) {
        let open = self.items_of(step).filter(|(_, item)| !matches!(item.stands(), Stands::Over(..)));
        let keys: Vec<FrameKey> = open.map(|(item, _)| FrameKey::item(step, item)).collect();
        for key in keys {
            self.within(key, |frame| {
                if let Some((only, _)) = frame.only_step() {
                    frame.skip(only, why.clone());
                }
            });
        }
    }

    /// All plans that a loop's approval is asked for are made: they are listed.
    fn plan_items(&mut self, step: StepIndex, key: AttemptKey) {
        let planned = |(_, item): (u32, &Self)| match item.only_step().map(|(_, state)| state.stage.clone()) {
            Some(Stage::Planned(_, plan, shown)) => Some(((item.only_path(), plan), shown)),
            _ => None,
        };
        let (items, shown): (Vec<(StepPath, BlobDigest)>, Vec<String>) =
            self.items_of(step).filter_map(planned).unzip();
        let count = if items.len() == 1 { "1 item".to_owned() } else { format!("{} items", items.len()) };
        let shown = format!("{count}: {}", shown.join("; "));
        if let Some(state) = self.steps.get_mut(step.get()) {
            state.in_flight = true;
        }
        self.effects.push(Effect::PlanItems { key, items, shown });
    }

    /// What the items come to together.
    fn conclude_items(&mut self, step: StepIndex) {
        let kind = self.plan.step(step).kind.value;
        let ended: Vec<(StepPath, Settled)> = self
            .items_of(step)
            .filter_map(|(_, item)| Some((item.only_path(), item.only_step()?.1.settled()?.clone())))
            .collect();
        let all = ended.len();
        if all == 0 {
            return self.conclude_nothing(step, kind);
        }
        let count = |outcome: Outcome| ended.iter().filter(|(_, it)| it.outcome == outcome).count();
        let first = |outcome: Outcome| {
            let found = ended.iter().find(|(_, it)| it.outcome == outcome);
            found.map(|(path, it)| match (&it.skipped, &it.reason) {
                (Some(why), _) => format!("{path}: {why}"),
                (None, Some(reason)) => format!("{path}: {reason}"),
                (None, None) => path.clone(),
            })
        };
        let by = |settlement: Settlement| ended.iter().any(|(_, it)| it.settlement == settlement);
        let worst = [Settlement::Denied, Settlement::Expired, Settlement::Unanswered].into_iter().find(|it| by(*it));
        let (failed, unknown, skipped) = (count(Outcome::Failed), count(Outcome::Unknown), count(Outcome::Skipped));
        let told = |number: usize, what: &str, outcome| {
            Some(format!("{number} of {all} items {what}; {}", first(outcome).unwrap_or_default()))
        };
        let (outcome, reason) = if failed > 0 {
            (Outcome::Failed, told(failed, "failed", Outcome::Failed))
        } else if unknown > 0 {
            (Outcome::Unknown, told(unknown, "could not be judged", Outcome::Unknown))
        } else if let Some(to) = self.handed_on(step) {
            (Outcome::Passed, Some(format!("handed over to {}", to.join(", "))))
        } else if skipped > 0 {
            if kind != Kind::Act || skipped == all {
                let why = ended.iter().find_map(|(_, it)| it.skipped.clone()).unwrap_or(SkipReason::Ended);
                return self.skip(step, why);
            }
            (Outcome::Failed, told(skipped, "were not done", Outcome::Skipped))
        } else {
            (Outcome::Passed, None)
        };
        let all_so = |settlement: Settlement| ended.iter().all(|(_, it)| it.settlement == settlement);
        let settlement = match (outcome, worst) {
            (Outcome::Failed, Some(worst)) => worst,
            (Outcome::Passed, _) if by(Settlement::Withheld) => Settlement::Withheld,
            (Outcome::Passed, _) if all_so(Settlement::AlreadySo) => Settlement::AlreadySo,
            _ => Settlement::Ran,
        };
        let reason = reason.or_else(|| (settlement == Settlement::AlreadySo).then(|| "already so".to_owned()));
        let key = self.key(step, Part::Main);
        self.settle_step(step, Verdict { key, end: None, outcome, settlement, reason, outputs: BTreeMap::new() });
    }

    /// Over no items a verify has failed, and an act has nothing to do.
    fn conclude_nothing(&mut self, step: StepIndex, kind: Kind) {
        let reason = "its list has no items".to_owned();
        if kind == Kind::Act {
            let key = self.key(step, Part::Main);
            let (outcome, settlement) = (Outcome::Passed, Settlement::Ran);
            let verdict =
                Verdict { key, end: None, outcome, settlement, reason: Some(reason), outputs: BTreeMap::new() };
            return self.settle_step(step, verdict);
        }
        self.end_attempt_early(step, Part::Main, Outcome::Failed, reason, None);
    }

    /// The items of a loop, as expressions see them; none before the list is known.
    pub(crate) fn items_value(&self, step: StepIndex, state: &StepState) -> Option<Value> {
        state.listed?;
        let one = |(number, item): (u32, &Self)| {
            let (_, state) = item.only_step()?;
            let settled = state.settled();
            let mut members = BTreeMap::from([
                ("index".to_owned(), Value::Integer(i64::from(number))),
                ("outputs".to_owned(), Value::Map(state.outputs.clone())),
            ]);
            members.extend(item.place.as_ref().map(|place| ("item".to_owned(), place.value.clone())));
            if let Some(settled) = settled {
                let is = |outcome: Outcome| Value::Bool(settled.outcome == outcome);
                members.insert("outcome".to_owned(), Value::from(settled.outcome.word()));
                members.insert("passed".to_owned(), is(Outcome::Passed));
                members.insert("failed".to_owned(), is(Outcome::Failed));
                members.insert("skipped".to_owned(), is(Outcome::Skipped));
                members.insert("unknown".to_owned(), is(Outcome::Unknown));
                let reason = settled.skipped.as_ref().map(ToString::to_string).or_else(|| settled.reason.clone());
                members.extend(reason.map(|reason| ("reason".to_owned(), Value::Text(reason))));
            }
            let code = state.last.exit_code.map(|code| Value::Integer(i64::from(code)));
            members.extend(code.map(|code| ("exit_code".to_owned(), code)));
            Some(Value::Map(members))
        };
        Some(Value::List(self.items_of(step).filter_map(one).collect()))
    }
}

/// What is taken over of the items of a loop, in the order they were told: by the item's old path.
struct ByItem(Vec<(StepPath, Vec<(StepPath, TakenOver)>)>);

impl ByItem {
    /// `base` is the path of the loop.
    fn of(base: &str, earlier: Vec<(StepPath, TakenOver)>) -> Self {
        let mut all: Vec<(StepPath, Vec<(StepPath, TakenOver)>)> = Vec::new();
        for (path, was) in earlier {
            let end =
                path.get(base.len()..).and_then(|own| own.find(']')).map_or(path.len(), |end| base.len() + end + 1);
            let (item, rest) = path.split_at(end);
            match all.iter_mut().find(|(known, _)| known == item) {
                Some((_, entries)) => entries.push((rest.to_owned(), was)),
                None => all.push((item.to_owned(), vec![(rest.to_owned(), was)])),
            }
        }
        Self(all)
    }

    /// What is known of the first item that is left with this element: what follows its path, and what it was.
    fn take(&mut self, value: &Value) -> Vec<(StepPath, TakenOver)> {
        let at = self.0.iter().position(|(_, all)| all.iter().any(|(_, was)| was.item.as_ref() == Some(value)));
        at.map(|at| self.0.remove(at).1).unwrap_or_default()
    }
}

/// How many items may go on at once.
fn width(width: &Width, items: usize) -> usize {
    match width {
        Width::Count(count) => *count as usize,
        Width::Percent(percent) => (items * *percent as usize / 100).max(1),
    }
}

/// The value of a literal list's item.
pub(crate) fn rendered(tree: &Tree, scope: &RunScope<'_>) -> Result<Value, String> {
    Ok(match tree {
        Tree::Scalar(value) => value.clone(),
        Tree::Text(text) => text.render_value(scope).map_err(|error| error.to_string())?,
        Tree::List(items) => Value::List(items.iter().map(|item| rendered(item, scope)).collect::<Result<_, _>>()?),
        Tree::Map(members) => {
            let members = members.iter().map(|(name, value)| Ok((name.clone(), rendered(value, scope)?)));
            Value::Map(members.collect::<Result<_, String>>()?)
        }
    })
}
