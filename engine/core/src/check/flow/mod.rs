//! What is known when a step starts: which steps have certainly run by then.
//!
//! A step starts when one edge into it is live and none blocks. So what is certain is what holds for every edge that may
//! be the live one; and for each of these, what the other needs add that cannot be dead by then. Needs can be dead where
//! a fork lies between, which is what [`reach`] knows, and where the failure that blocked them was handled by a road
//! that leads here too.

mod reach;

use std::collections::BTreeMap;

use super::bits::{self, BitRows};
use super::context::Context;
use crate::expression::Expression;
use crate::graph::{Edge, Road, StepIndex, roads_of};

pub(super) use reach::{Reach, Way, Ways};

/// Needs whose reach is compared with that of the edge that is live; those that are always reached are not counted.
const COMPARED_NEEDS_MAX: usize = 64;
/// Cases of a decide whose being false is taken into account.
const CASES_MAX: usize = 64;
/// Failures that are looked at, of those that may have kept one need from running.
const BLOCKERS_MAX: usize = 64;

/// What is known of every step when it starts.
#[derive(Debug)]
pub(super) struct Flow {
    /// The steps that have certainly run.
    sure: BitRows,
    reach: Reach,
    /// The steps whose failure is handled, so that the run goes on; by number in the next two.
    handled: Vec<StepIndex>,
    /// Whose failure keeps a step from running.
    blockers: BitRows,
    /// Whose failure leads to a step by the road that handles it.
    forgiven: BitRows,
    /// Steps that come after a road of failure.
    after_failure: Vec<bool>,
    /// The acts that a step undoes.
    undoes: BTreeMap<StepIndex, Vec<StepIndex>>,
}

impl Flow {
    /// `None` when steps wait for each other.
    pub(super) fn of(context: &Context<'_>) -> Option<Self> {
        let order = context.order()?;
        let count = context.document.steps.len();
        let handled: Vec<StepIndex> = context.graph.steps().filter(|step| is_handled(context, *step)).collect();
        let mut flow = Self {
            sure: BitRows::new(count, count),
            reach: Reach::of(context, order),
            blockers: BitRows::new(count, handled.len()),
            forgiven: BitRows::new(count, handled.len()),
            after_failure: vec![false; count],
            undoes: BTreeMap::new(),
            handled,
        };
        for (act, written) in context.steps() {
            if let Some(by) = context.graph.undoing_step(written) {
                flow.undoes.entry(by).or_default().push(act);
            }
        }
        flow.find_blockers(context, order);
        for &step in order {
            let sure = flow.find(context, step);
            flow.sure.set_row(step.get(), &sure);
            flow.mark_failure(context, step);
        }
        Some(flow)
    }

    /// The ways to each step.
    pub(super) fn reach(&self) -> &Reach {
        &self.reach
    }

    /// Whether a step comes after a road of failure, so that there is a failure to tell of.
    pub(super) fn is_after_failure(&self, step: StepIndex) -> bool {
        self.after_failure.get(step.get()).copied().unwrap_or_default()
    }

    /// The steps that have certainly run when a step starts.
    pub(super) fn sure(&self, step: StepIndex) -> &[u64] {
        self.sure.row(step.get())
    }

    /// The same once the step's own `when` is known to be true.
    pub(super) fn sure_after_when(&self, context: &Context<'_>, step: StepIndex) -> Vec<u64> {
        let mut sure = self.sure(step).to_vec();
        if let Some(when) = &context.step(step).when {
            self.add_ran(context, &when.value, true, &mut sure);
        }
        sure
    }

    /// The first handled failure that may have kept a step from running.
    pub(super) fn blocker(&self, step: StepIndex) -> Option<StepIndex> {
        let row = self.blockers.row(step.get());
        bits::common(row, row).first().and_then(|number| self.handled.get(*number)).copied()
    }

    /// What is known when a step runs in a rollback as the undo of others; `None` when it undoes nothing.
    pub(super) fn sure_in_rollback(&self, context: &Context<'_>, step: StepIndex) -> Option<Vec<u64>> {
        let mut sure: Option<Vec<u64>> = None;
        for act in self.undoes.get(&step).into_iter().flatten() {
            let mut known = self.sure_after_when(context, *act);
            bits::insert(&mut known, act.get());
            match &mut sure {
                Some(sure) => bits::keep(sure, &known),
                None => sure = Some(known),
            }
        }
        sure
    }

    fn find(&self, context: &Context<'_>, step: StepIndex) -> Vec<u64> {
        let graph = context.graph;
        if graph.is_finally(step) {
            return self.before_in_finally(context, step);
        }
        // The fallback starts after any failure, perhaps the first step's.
        if graph.fallback() == Some(step) {
            return self.sure.empty();
        }
        let needs: Vec<StepIndex> = graph.incoming(step).filter(|(_, edge)| edge.need).map(|(from, _)| from).collect();
        let (always, others): (Vec<StepIndex>, Vec<StepIndex>) =
            needs.iter().copied().partition(|need| self.reach.is_always(*need));
        let mut base = self.sure.empty();
        if needs.len() > 1 {
            for need in &always {
                bits::add(&mut base, &self.added_by(context, *need, step));
            }
        }
        let mut sure: Option<Vec<u64>> = None;
        let mut take = |ways: &Ways, mut known: Vec<u64>, but: Option<StepIndex>| {
            if !always.is_empty() && self.reach.implies(ways, &Some([Way::Always].into())) {
                bits::add(&mut known, &base);
            }
            for other in others.iter().take(COMPARED_NEEDS_MAX).filter(|other| but != Some(**other)) {
                if self.reach.implies(ways, &self.reach.ways(*other)) {
                    bits::add(&mut known, &self.added_by(context, *other, step));
                }
            }
            match &mut sure {
                Some(sure) => bits::keep(sure, &known),
                None => sure = Some(known),
            }
        };
        for (from, edge) in graph.incoming(step) {
            if edge.need && edge.is_way {
                take(&self.reach.after(context, from), self.known_by_need(context, from, edge), Some(from));
            }
            for road in &edge.roads {
                let ways: Ways = self.reach.number(from, *road).map(|number| [Way::Road(number)].into());
                take(&ways, self.known_by_road(context, from, *road), None);
            }
        }
        sure.unwrap_or_else(|| self.sure.empty())
    }

    /// What is known when a need is what starts a step.
    fn known_by_need(&self, context: &Context<'_>, from: StepIndex, edge: &Edge) -> Vec<u64> {
        let mut known = self.known_of(context, from);
        if edge.judged {
            // A decide goes on where what it judges was itself kept from running by a failure that was handled.
            for blocker in self.blocked_by(self.blockers.row(from.get())) {
                bits::keep(&mut known, &self.known_when_failed(context, blocker));
            }
        }
        known
    }

    /// What another need adds that is not dead: it ran, or a failure handled by a road to this step kept it from running.
    fn added_by(&self, context: &Context<'_>, need: StepIndex, step: StepIndex) -> Vec<u64> {
        let mut known = self.known_of(context, need);
        let common = bits::common(self.blockers.row(need.get()), self.forgiven.row(step.get()));
        for number in common.into_iter().take(BLOCKERS_MAX) {
            if let Some(blocker) = self.handled.get(number) {
                bits::keep(&mut known, &self.known_when_failed(context, *blocker));
            }
        }
        known
    }

    fn blocked_by(&self, blockers: &[u64]) -> impl Iterator<Item = StepIndex> {
        bits::common(blockers, blockers)
            .into_iter()
            .take(BLOCKERS_MAX)
            .filter_map(|number| self.handled.get(number).copied())
    }

    /// What is known once a step was come to and did not stop: it ran, unless it has a `when`.
    fn known_of(&self, context: &Context<'_>, step: StepIndex) -> Vec<u64> {
        let mut known = self.sure(step).to_vec();
        if context.step(step).when.is_none() {
            bits::insert(&mut known, step.get());
        }
        known
    }

    fn known_when_failed(&self, context: &Context<'_>, step: StepIndex) -> Vec<u64> {
        let mut known = self.sure_after_when(context, step);
        let ran = context.step(step).on_fail.is_some() || context.graph.outgoing(step).any(|(_, edge)| edge.judged);
        if ran {
            bits::insert(&mut known, step.get());
        }
        known
    }

    fn known_by_road(&self, context: &Context<'_>, from: StepIndex, road: Road) -> Vec<u64> {
        let mut known = self.sure_after_when(context, from);
        match road {
            // Nobody answered, or somebody said no: it did not run.
            Road::Else | Road::Denied => {}
            Road::OnFail | Road::Choice(_) => bits::insert(&mut known, from.get()),
            Road::Case(_) | Road::Otherwise => {
                bits::insert(&mut known, from.get());
                let cases = &context.step(from).cases;
                let before = if let Road::Case(number) = road { number } else { cases.len() };
                for case in cases.iter().take(before.min(CASES_MAX)) {
                    self.add_ran(context, &case.when.value, false, &mut known);
                }
                if let Road::Case(number) = road
                    && let Some(case) = cases.get(number)
                {
                    self.add_ran(context, &case.when.value, true, &mut known);
                }
            }
        }
        known
    }

    /// Adds the steps that have run wherever a condition came out this way.
    fn add_ran(&self, context: &Context<'_>, condition: &Expression, outcome: bool, known: &mut [u64]) {
        for path in condition.existing(outcome) {
            if let [root, id, ..] = path
                && root == "steps"
                && let Some(step) = context.graph.find(id)
            {
                bits::insert(known, step.get());
                bits::add(known, self.sure(step));
            }
        }
    }

    fn before_in_finally(&self, context: &Context<'_>, step: StepIndex) -> Vec<u64> {
        let mut known = self.sure.empty();
        let in_order = context.document.finally.iter().filter_map(|id| context.graph.find(id.value.as_str()));
        for earlier in in_order.take_while(|earlier| *earlier != step) {
            if context.step(earlier).when.is_none() {
                bits::insert(&mut known, earlier.get());
            }
        }
        known
    }

    fn mark_failure(&mut self, context: &Context<'_>, step: StepIndex) {
        let graph = context.graph;
        let is = graph.is_finally(step)
            || graph.fallback() == Some(step)
            || graph
                .incoming(step)
                .any(|(from, edge)| self.is_after_failure(from) || edge.roads.iter().any(|road| !road.is_branch()));
        if let Some(mark) = self.after_failure.get_mut(step.get()) {
            *mark = is;
        }
    }

    fn find_blockers(&mut self, context: &Context<'_>, order: &[StepIndex]) {
        if self.handled.is_empty() {
            return;
        }
        let mut numbers: Vec<Option<usize>> = vec![None; context.document.steps.len()];
        for (number, step) in self.handled.iter().enumerate() {
            if let Some(slot) = numbers.get_mut(step.get()) {
                *slot = Some(number);
            }
        }
        let number = |step: StepIndex| numbers.get(step.get()).copied().flatten();
        for &step in order {
            for (from, edge) in context.graph.incoming(step) {
                self.forgiven.add_row(from.get(), step.get());
                if edge.roads.iter().any(|road| matches!(road, Road::OnFail | Road::Else))
                    && let Some(number) = number(from)
                {
                    self.forgiven.insert(step.get(), number);
                }
                if edge.roads.iter().any(|road| road.is_branch()) {
                    let judged = context.graph.incoming(from).filter(|(_, edge)| edge.judged);
                    for number in judged.filter_map(|(source, _)| number(source)) {
                        self.forgiven.insert(step.get(), number);
                    }
                }
                if edge.need && !edge.judged {
                    self.blockers.add_row(from.get(), step.get());
                    if let Some(number) = number(from) {
                        self.blockers.insert(step.get(), number);
                    }
                }
            }
            self.blockers.remove_row(step.get(), &self.forgiven, step.get());
        }
    }
}

/// Whether the run may go on after a step failed.
fn is_handled(context: &Context<'_>, step: StepIndex) -> bool {
    let by_road = roads_of(context.step(step)).iter().any(|(road, _)| matches!(road, Road::OnFail | Road::Else));
    by_road || context.graph.outgoing(step).any(|(_, edge)| edge.judged)
}
