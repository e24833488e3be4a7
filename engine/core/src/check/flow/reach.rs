//! On which roads a step is reached: `which` said so, or `shut_down` failed, or always.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::super::context::Context;
use crate::document::model::{Kind, Target};
use crate::graph::{Road, StepIndex, roads_of};

/// Ways to a step that are told apart: past that it is taken to be reached, so that nothing is reported that is not so.
const WAYS_MAX: usize = 64;
/// Ways followed to answer one question.
const VISITS_MAX: usize = 4_096;

/// One way by which steps are reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::check) enum Way {
    /// The run went on from its start: nothing has to be chosen.
    Always,
    /// Something failed that nothing else handles.
    Fallback,
    /// The road with this number was taken.
    Road(usize),
}

/// A set of ways: one of them was taken. `None`: too many to tell apart.
pub(in crate::check) type Ways = Option<Rc<[Way]>>;

/// The ways to every step.
#[derive(Debug)]
pub(in crate::check) struct Reach {
    ways: Vec<Ways>,
    /// The step and kind of every road, by number.
    roads: Vec<(StepIndex, Road)>,
    /// The number of each step's first road, and one more at the end.
    first: Vec<usize>,
}

impl Reach {
    /// Every step must come after those that lead to it in `order`.
    pub(super) fn of(context: &Context<'_>, order: &[StepIndex]) -> Self {
        let mut roads = Vec::new();
        let mut first = Vec::with_capacity(context.document.steps.len() + 1);
        for (index, step) in context.steps() {
            first.push(roads.len());
            roads.extend(roads_of(step).into_iter().map(|(road, _)| (index, road)));
        }
        first.push(roads.len());
        let nowhere: Rc<[Way]> = Rc::from([]);
        let mut reach = Self { ways: vec![Some(nowhere); context.document.steps.len()], roads, first };
        for &step in order {
            let ways = reach.find(context, step);
            if let Some(slot) = reach.ways.get_mut(step.get()) {
                *slot = ways;
            }
        }
        reach
    }

    /// The ways to a step.
    pub(in crate::check) fn ways(&self, step: StepIndex) -> Ways {
        self.ways.get(step.get()).cloned().flatten()
    }

    /// Whether a step is reached whatever is chosen and whatever fails.
    pub(in crate::check) fn is_always(&self, step: StepIndex) -> bool {
        self.ways(step).is_some_and(|ways| ways.contains(&Way::Always))
    }

    /// The step and kind of a road.
    pub(in crate::check) fn road(&self, number: usize) -> Option<(StepIndex, Road)> {
        self.roads.get(number).copied()
    }

    /// The number of a road.
    pub(super) fn number(&self, from: StepIndex, road: Road) -> Option<usize> {
        let start = *self.first.get(from.get())?;
        let end = *self.first.get(from.get() + 1)?;
        let own = self.roads.get(start..end)?;
        // The cases of a decide come first, and there can be thousands.
        if let Road::Case(number) = road
            && own.get(number).is_some_and(|(_, known)| *known == road)
        {
            return Some(start + number);
        }
        own.iter().rposition(|(_, known)| *known == road).map(|at| start + at)
    }

    /// The ways that lead on when a step was a need and did not stop: of a decide that may end the road, those that go on.
    pub(super) fn after(&self, context: &Context<'_>, from: StepIndex) -> Ways {
        let step = context.step(from);
        if step.escalation.as_ref().is_some_and(|escalation| escalation.handover) {
            return Some(Rc::from([]));
        }
        if step.kind.value != Kind::Decide {
            return self.ways(from);
        }
        let branches: Vec<(Road, &Target)> = roads_of(step).into_iter().filter(|(road, _)| road.is_branch()).collect();
        if branches.iter().all(|(_, target)| !target.steps.is_empty()) {
            return self.ways(from);
        }
        let on = branches.iter().filter(|(_, target)| !target.steps.is_empty());
        let ways: Rc<[Way]> = on.filter_map(|(road, _)| self.number(from, *road).map(Way::Road)).collect();
        Some(ways)
    }

    fn find(&self, context: &Context<'_>, step: StepIndex) -> Ways {
        let graph = context.graph;
        let is_fallback = graph.fallback() == Some(step);
        let mut incoming = graph.incoming(step).peekable();
        if incoming.peek().is_none() && !is_fallback {
            return Some(Rc::from([Way::Always]));
        }
        let mut only: Ways = None;
        let mut edges = 0;
        let mut ways: BTreeSet<Way> = BTreeSet::new();
        if is_fallback {
            ways.insert(Way::Fallback);
        }
        for (from, edge) in incoming {
            edges += 1;
            if edge.need && edge.is_way {
                let after = self.after(context, from)?;
                ways.extend(after.iter().copied());
                only = Some(after);
            }
            ways.extend(edge.roads.iter().filter_map(|road| self.number(from, *road).map(Way::Road)));
            if ways.len() > WAYS_MAX {
                return None;
            }
        }
        // Most steps have one need, and share its ways.
        if let Some(only) = only
            && edges == 1
            && only.len() == ways.len()
        {
            return Some(only);
        }
        self.join(context, &mut ways)?;
        Some(ways.into_iter().collect())
    }

    /// Replaces ways by what they come to together: all branches of a decide are the way to it.
    fn join(&self, context: &Context<'_>, ways: &mut BTreeSet<Way>) -> Option<()> {
        if ways.contains(&Way::Always) {
            ways.retain(|way| *way == Way::Always);
        }
        'again: loop {
            if ways.len() < 2 && !ways.iter().any(|way| matches!(way, Way::Road(_))) {
                return Some(());
            }
            let mut decides: Vec<StepIndex> = Vec::new();
            for way in ways.iter() {
                if let Some((from, _)) = self.road_of(*way).filter(|(_, road)| road.is_branch())
                    && decides.last() != Some(&from)
                {
                    decides.push(from);
                }
            }
            for decide in decides {
                if self.count(decide) <= ways.len()
                    && let Some(all) = self.all_roads(context, decide)
                    && all.iter().all(|way| ways.contains(way))
                {
                    for way in all {
                        ways.remove(&way);
                    }
                    ways.extend(self.ways(decide)?.iter().copied());
                    continue 'again;
                }
            }
            for way in ways.clone() {
                let Some((from, road)) = self.road_of(way) else { continue };
                if road == Road::Denied {
                    continue;
                }
                let rest: Rc<[Way]> = ways.iter().copied().filter(|other| *other != way).collect();
                if !rest.is_empty() && self.implies(&self.ways(from), &Some(rest)) {
                    ways.remove(&way);
                    continue 'again;
                }
            }
            return (ways.len() <= WAYS_MAX).then_some(());
        }
    }

    fn road_of(&self, way: Way) -> Option<(StepIndex, Road)> {
        match way {
            Way::Road(number) => self.road(number),
            Way::Always | Way::Fallback => None,
        }
    }

    /// How many roads begin at a step.
    fn count(&self, step: StepIndex) -> usize {
        let start = self.first.get(step.get()).copied().unwrap_or_default();
        self.first.get(step.get() + 1).map_or(0, |end| end - start)
    }

    /// Every road by which a decide goes on, those of its failure too; `None` when one of its branches ends.
    fn all_roads(&self, context: &Context<'_>, decide: StepIndex) -> Option<Vec<Way>> {
        let mut all = Vec::new();
        for (road, target) in roads_of(context.step(decide)) {
            if target.steps.is_empty() {
                return None;
            }
            all.push(Way::Road(self.number(decide, road)?));
        }
        Some(all)
    }

    /// Whether one of `wanted` was taken wherever one of `taken` was.
    pub(super) fn implies(&self, taken: &Ways, wanted: &Ways) -> bool {
        let (Some(taken), Some(wanted)) = (taken, wanted) else { return true };
        let mut open: Vec<Way> = taken.to_vec();
        let mut seen: BTreeSet<Way> = open.iter().copied().collect();
        while let Some(way) = open.pop() {
            if wanted.contains(&way) {
                continue;
            }
            // After an unhandled failure or a denial nothing else new starts, so nothing else is sure to be reached.
            let Some((from, _)) = self.road_of(way).filter(|(_, road)| *road != Road::Denied) else { return false };
            let Some(before) = self.ways(from) else { return true };
            open.extend(before.iter().copied().filter(|way| seen.insert(*way)));
            if seen.len() > VISITS_MAX {
                return true;
            }
        }
        true
    }
}
