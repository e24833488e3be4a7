//! Walks every reachable outcome of a plan, with the state machine that runs it.
//!
//! Wherever a step would start, each way it can end is tried: a verify can pass, fail or be unknown, an act also be
//! denied where it asks for approval, whatever waits for people can get no answer where it has a time, and a decide takes
//! each branch that what is known does not rule out. Judgements over how steps ended (`steps.x.failed`) are evaluated; what
//! commands print and what params say is not known here, so whatever depends on it can come out either way. Steps that
//! wait side by side are tried in every order, and an act may always wait (for its approval, or for somebody to say how
//! it ended) while others go on.
//!
//! A step that runs another runbook ends as that one can end, which is found out by a walk of its own; where that came
//! to its bound, in any way.
//!
//! Left out: cancels, the run's own timeout, errors in expressions, what people overrule, and rollback, which changes
//! no step's outcome and turns *resolved* or *escalated* into *failed* when it fails.
//!
//! It is a breadth-first walk over states, so each example is a shortest one. Two states are one when they agree on all
//! that can still matter. Their number can grow with two to the power of the steps that go on side by side: it is
//! bounded, and a walk that reached the bound says so.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::document::model::{Approve, Kind, Step, Target, Work};
use crate::document::team::Team;
use crate::expression::Expression;
use crate::graph::{Road, StepIndex, roads_of};
use crate::id::RunbookName;
use crate::plan::Plan;
use crate::run::record::{
    Actor, BranchChoice, Mode, Outcome, Part, Phase, Record, RunOutcome, RunStarted, Settlement, SkipReason,
};
use crate::run::state::RunState;

/// States walked unless a caller says otherwise: a long real procedure has some hundreds.
pub const STATES_MAX: usize = 10_000;

/// States times steps walked at most, whatever a caller says: some seconds of a processor.
const WORK_MAX: usize = 20_000_000;

/// What can become of the steps of a plan, and of its run.
#[derive(Debug, Clone)]
pub struct Exploration {
    /// The steps, in reading order.
    pub steps: Vec<ExploredStep>,
    /// How the run can end, each with one way there.
    pub ends: BTreeMap<RunOutcome, Vec<Choice>>,
    /// States that were walked, at least 1.
    pub states: usize,
    /// Whether that was all of them. Where it was not, what is missing may be reachable all the same.
    pub complete: bool,
}

impl Exploration {
    /// How a step can end, each with one way there; `None` for an id the plan does not have.
    #[must_use]
    pub fn step(&self, id: &str) -> Option<&BTreeMap<Reached, Vec<Choice>>> {
        self.steps.iter().find(|step| step.id == id).map(|step| &step.outcomes)
    }
}

/// What can become of one step.
#[derive(Debug, Clone)]
pub struct ExploredStep {
    /// Its id.
    pub id: String,
    /// How it can end, each with one way there.
    pub outcomes: BTreeMap<Reached, Vec<Choice>>,
}

/// How a step can end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reached {
    /// It passed.
    Passed,
    /// It failed.
    Failed,
    /// A verify could not look, or could not judge.
    Unknown,
    /// An act was denied.
    Denied,
    /// Nobody approved, answered or acknowledged in time.
    Unanswered,
    /// It was skipped by its own `when`.
    SteppedOver,
    /// It was skipped: no road led to it.
    NotReached,
    /// It was skipped: a step it needs did not pass.
    Blocked,
    /// It was skipped: the run came to its end before.
    Ended,
}

/// One thing that happened on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The step it happened to.
    pub step: String,
    /// What happened.
    pub took: Took,
}

/// What happened to a step on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Took {
    /// It passed.
    Passed,
    /// It failed.
    Failed,
    /// A verify was unknown.
    Unknown,
    /// An act was denied.
    Denied,
    /// Nobody approved, answered or acknowledged in time.
    Unanswered,
    /// The runbook that it runs handed the run over.
    HandedOver,
    /// Its `when` was false.
    SteppedOver,
    /// A decide took this branch.
    Branch(BranchChoice),
    /// The run was ending, and what it waited for was withdrawn.
    Withdrawn,
}

/// Walks every outcome of a plan that can be reached, over at most `states_max` states (at least 1 is walked).
#[must_use]
pub fn explore(plan: &Arc<Plan>, states_max: usize) -> Exploration {
    // What is run by others comes before them.
    let mut called: Vec<Arc<Plan>> = plan.called().into_values().collect();
    called.sort_by_key(|plan| plan.depth());
    let (mut ends, mut complete) = (Ends::new(), true);
    for child in called {
        let explored = walk(&child, states_max, ends.clone());
        complete &= explored.complete;
        let all = [RunOutcome::Resolved, RunOutcome::Escalated, RunOutcome::Failed, RunOutcome::Cancelled];
        let reached = if explored.complete { explored.ends.into_keys().collect() } else { BTreeSet::from(all) };
        ends.insert(child.document().name.value.clone(), reached);
    }
    let explored = walk(plan, states_max, ends);
    Exploration { complete: explored.complete && complete, ..explored }
}

fn walk(plan: &Arc<Plan>, states_max: usize, ends: Ends) -> Exploration {
    let states_max = states_max.min(WORK_MAX / plan.len().max(1)).max(1);
    Walk::new(plan, states_max, ends).walk()
}

/// How the runbooks that a plan runs can end, by their names.
type Ends = BTreeMap<RunbookName, BTreeSet<RunOutcome>>;

/// How a state came about: the state before, and what happened then.
struct Way {
    before: usize,
    step: StepIndex,
    took: Took,
}

struct Walk {
    plan: Arc<Plan>,
    states_max: usize,
    called: Ends,
    reads: Vec<Vec<StepIndex>>,
    /// The way of each state after the first.
    ways: Vec<Way>,
    seen: BTreeSet<String>,
    queue: VecDeque<(usize, RunState)>,
    steps: Vec<BTreeMap<Reached, usize>>,
    ends: BTreeMap<RunOutcome, usize>,
    complete: bool,
}

impl Walk {
    fn new(plan: &Arc<Plan>, states_max: usize, called: Ends) -> Self {
        Self {
            plan: Arc::clone(plan),
            states_max,
            called,
            reads: plan.graph().steps().map(|step| steps_read(plan, step)).collect(),
            ways: Vec::new(),
            seen: BTreeSet::new(),
            queue: VecDeque::new(),
            steps: vec![BTreeMap::new(); plan.len()],
            ends: BTreeMap::new(),
            complete: true,
        }
    }

    fn walk(mut self) -> Exploration {
        let mut first = beginning(&self.plan);
        first.go_on_exploring();
        self.arrive(0, first);
        while let Some((number, state)) = self.queue.pop_front() {
            for (step, took) in self.choices(&state) {
                let mut next = state.clone();
                next.choose(step, took);
                next.go_on_exploring();
                // State 0 is the first; the one this way leads to has its number after it.
                self.ways.push(Way { before: number, step, took });
                self.arrive(self.ways.len(), next);
            }
        }
        self.told()
    }

    /// Takes a state in: what is settled in it, whether it is the end of the run, whether it is new.
    fn arrive(&mut self, number: usize, state: RunState) {
        for (outcomes, settled) in self.steps.iter_mut().zip(state.exploring_outcomes()) {
            if let Some(reached) = settled {
                outcomes.entry(reached).or_insert(number);
            }
        }
        if let Some(outcome) = state.sealed {
            self.ends.entry(outcome).or_insert(number);
            return;
        }
        if self.seen.len() >= self.states_max {
            self.complete = false;
            return;
        }
        if self.seen.insert(self.what_matters(&state)) {
            self.queue.push_back((number, state));
        }
    }

    /// Everything that can still have an influence, as text: two states that agree on it have the same future.
    fn what_matters(&self, state: &RunState) -> String {
        let graph = self.plan.graph();
        let open = |step: &StepIndex| state.steps.get(step.get()).is_some_and(|state| state.settled().is_none());
        let mut wanted: Vec<StepIndex> = Vec::new();
        for step in graph.steps() {
            if open(&step) {
                wanted.extend(graph.incoming(step).map(|(from, _)| from));
                wanted.extend(graph.outgoing(step).map(|(to, _)| to));
                wanted.extend(self.reads.get(step.get()).into_iter().flatten());
            }
        }
        let mut matters: BTreeSet<StepIndex> = BTreeSet::new();
        while let Some(step) = wanted.pop() {
            if open(&step) || !matters.insert(step) {
                continue;
            }
            let Some(settled) = state.steps.get(step.get()).and_then(|state| state.settled()) else { continue };
            if let Some(SkipReason::Blocked(by)) = &settled.skipped {
                wanted.extend(graph.find(by));
            }
            if matches!(settled.outcome, Outcome::Failed | Outcome::Unknown) {
                // Which decide answered it, and how, says what it still blocks.
                wanted.extend(graph.outgoing(step).filter(|(_, edge)| edge.judged).map(|(to, _)| to));
            }
        }
        let mut text = format!(
            "{:?} {} {} {} {} {:?} {:?} {:?}",
            state.phase,
            state.is_failed,
            state.is_denied,
            state.handed_over,
            state.finally_failed,
            state.ending_roots,
            state.ready,
            state.active
        );
        for (number, step) in state.steps.iter().enumerate() {
            if step.settled().is_none() {
                let _ = write!(text, "\n{number} open {} {}", step.started, step.in_ending);
            }
        }
        for step in matters {
            if let Some(step_state) = state.steps.get(step.get()) {
                let (settled, branch) = (step_state.settled(), &step_state.branch);
                let settled = settled.map(|settled| (settled.outcome, settled.settlement, &settled.skipped));
                let _ = write!(text, "\n{} {settled:?} {branch:?} {}", step.get(), step_state.in_ending);
            }
        }
        text
    }

    /// What can happen next.
    fn choices(&self, state: &RunState) -> Vec<(StepIndex, Took)> {
        let parked: Vec<StepIndex> = state.active.iter().copied().collect();
        // What needs no world happens at once, and nothing before it.
        let instant = parked.iter().find(|step| is_instant(self.plan.step(**step)));
        let parked = instant.map_or(parked.clone(), |step| vec![*step]);
        let mut choices = Vec::new();
        for step in parked {
            choices.extend(self.ways_of(state, step).into_iter().map(|took| (step, took)));
        }
        choices
    }

    fn ways_of(&self, state: &RunState, step: StepIndex) -> Vec<Took> {
        let written = self.plan.step(step);
        let mut ways = Vec::new();
        let ending = state.phase == Phase::Ending && !state.steps.get(step.get()).is_some_and(|state| state.in_ending);
        if ending {
            // It may not have come as far as its start.
            ways.push(Took::Withdrawn);
        }
        if let Some(when) = &written.when {
            let known = state.known(&when.value);
            if known != Some(true) {
                ways.push(Took::SteppedOver);
            }
            if known == Some(false) {
                return ways;
            }
        }
        if ending {
            // A request is withdrawn at once, and a pause with it; what runs is let end.
            if matches!(written.body.work, Work::Ask(_) | Work::Instruct(_) | Work::Wait(_)) {
                return ways;
            }
        }
        if is_data(written) {
            ways.extend(branches(state, written).into_iter().map(Took::Branch));
            return ways;
        }
        if let (Work::Ask(asking), Kind::Decide) = (&written.body.work, written.kind.value) {
            ways.extend((0..asking.choices.len()).map(|number| Took::Branch(BranchChoice::Choice(number))));
        } else if matches!(written.body.work, Work::Wait(_)) {
            ways.push(Took::Passed);
        } else if let Work::Runbook(call) = &written.body.work {
            // That it cannot begin is a failure, too.
            ways.push(Took::Failed);
            ways.extend(self.called.get(&call.name.value).into_iter().flatten().filter_map(|end| match end {
                RunOutcome::Resolved => Some(Took::Passed),
                RunOutcome::Escalated => Some(Took::HandedOver),
                RunOutcome::Cancelled if !ending && written.approve.is_none() => Some(Took::Denied),
                RunOutcome::Cancelled | RunOutcome::Failed => None,
            }));
        } else {
            ways.extend([Took::Passed, Took::Failed]);
        }
        let looks = !matches!(written.body.work, Work::Ask(_) | Work::Instruct(_) | Work::Wait(_));
        if written.kind.value == Kind::Verify && looks {
            ways.push(Took::Unknown);
        }
        if written.approve.is_some() && !ending {
            ways.push(Took::Denied);
        }
        if has_time(written) && !ending {
            ways.push(Took::Unanswered);
        }
        ways
    }

    fn told(self) -> Exploration {
        let way = |mut number: usize| {
            let mut choices = Vec::new();
            while let Some(way) = number.checked_sub(1).and_then(|at| self.ways.get(at)) {
                choices.push(Choice { step: self.plan.step(way.step).id.value.to_string(), took: way.took });
                number = way.before;
            }
            choices.reverse();
            choices
        };
        let steps = self.plan.document().steps.iter().zip(&self.steps);
        let steps = steps.map(|(step, outcomes)| ExploredStep {
            id: step.id.value.to_string(),
            outcomes: outcomes.iter().map(|(reached, number)| (*reached, way(*number))).collect(),
        });
        Exploration {
            steps: steps.collect(),
            ends: self.ends.iter().map(|(outcome, number)| (*outcome, way(*number))).collect(),
            states: self.seen.len().max(1),
            complete: self.complete,
        }
    }
}

/// A decide by data.
fn is_data(step: &Step) -> bool {
    step.kind.value == Kind::Decide && !matches!(step.body.work, Work::Ask(_))
}

/// What ends in the moment it starts.
pub(crate) fn is_instant(step: &Step) -> bool {
    is_data(step) || (step.kind.value == Kind::Verify && matches!(step.body.work, Work::None))
}

/// Whether no other step goes on in its place before it has ended. An act may wait for its approval, or for somebody to
/// say how it ended; whatever asks or tells takes no place.
pub(crate) fn holds_its_place(step: &Step) -> bool {
    step.kind.value == Kind::Verify && step.body.work.is_attempted()
}

/// Whether people have a time to answer in.
fn has_time(step: &Step) -> bool {
    let work = &step.body.work;
    let asking = matches!(work, Work::Ask(asking) | Work::Instruct(asking) if asking.within.is_some());
    let approval = match step.approve.as_ref().map(|approve| &approve.value) {
        Some(Approve::People(approval)) => approval.within.is_some(),
        Some(Approve::Operator) | None => false,
    };
    let ack = step.escalation.as_ref().and_then(|escalation| escalation.ack.as_ref());
    asking || approval || ack.is_some_and(|ack| ack.value.within.is_some())
}

/// The branches a decide by data can take, as far as what is known does not rule them out.
fn branches(state: &RunState, step: &Step) -> Vec<BranchChoice> {
    let mut open = Vec::new();
    for (number, case) in step.cases.iter().enumerate() {
        match state.known(&case.when.value) {
            Some(false) => {}
            Some(true) => {
                open.push(BranchChoice::Case(number));
                return open;
            }
            None => open.push(BranchChoice::Case(number)),
        }
    }
    open.push(BranchChoice::Otherwise);
    open
}

/// The steps whose end a step reads in its `when` and its cases.
fn steps_read(plan: &Plan, step: StepIndex) -> Vec<StepIndex> {
    let written = plan.step(step);
    let expressions = written.when.iter().chain(written.cases.iter().map(|case| &case.when));
    let mut found = BTreeSet::new();
    for read in expressions.flat_map(|expression| expression.value.reads()) {
        if let [root, id, ..] = read.path.as_slice()
            && root == "steps"
        {
            found.extend(plan.graph().find(id));
        }
    }
    found.into_iter().collect()
}

fn beginning(plan: &Arc<Plan>) -> RunState {
    let document = plan.document();
    let started = RunStarted {
        store: String::new(),
        ledger_head: String::new(),
        runbook: document.name.value.to_string(),
        title: document.title.value.clone(),
        path: String::new(),
        source: String::new(),
        called: BTreeMap::new(),
        team: None,
        commit: None,
        dirty: None,
        params: BTreeMap::new(),
        alert: None,
        host: String::new(),
        boot_id: String::new(),
        version: String::new(),
        binary: String::new(),
        mode: Mode::Real,
        attended: false,
        yes: false,
        step_by_step: false,
        directory: String::new(),
        retry_of: None,
    };
    let mut state = RunState::new(
        Arc::clone(plan),
        Arc::new(Team::default()),
        "",
        &started,
        &Actor::engine(0),
        Timestamp::UNIX_EPOCH,
    );
    state.exploring = true;
    state
}

impl RunState {
    /// Goes on until every step that could start waits for a choice, or the run is over.
    fn go_on_exploring(&mut self) {
        self.advance();
        self.effects.clear();
    }

    /// An expression's value, where it follows from how steps ended alone.
    fn known(&self, expression: &Expression) -> Option<bool> {
        const KNOWN: [&str; 6] = ["passed", "failed", "skipped", "unknown", "outcome", "branch"];
        let known = expression.reads().iter().all(|read| match read.path.as_slice() {
            [root, _, member] => root == "steps" && KNOWN.contains(&member.as_str()),
            _ => false,
        });
        if !known {
            return None;
        }
        let scope = crate::run::scope::RunScope::new(self, self.now);
        expression.evaluate_bool(&scope).ok()
    }

    /// Lets a step that waits for a choice end so.
    fn choose(&mut self, step: StepIndex, took: Took) {
        let plan = Arc::clone(&self.plan);
        let written = plan.step(step);
        let (id, key) = (self.path(step), self.key(step, Part::Main));
        if let Some(state) = self.steps.get_mut(step.get()) {
            state.in_flight = false;
        }
        let outcome = match took {
            Took::SteppedOver => return self.skip(step, SkipReason::When),
            Took::Withdrawn => return self.skip(step, SkipReason::Ended),
            Took::Branch(choice) => {
                let roads = roads_of(written);
                let wanted = match choice {
                    BranchChoice::Case(number) => Road::Case(number),
                    BranchChoice::Choice(number) => Road::Choice(number),
                    BranchChoice::Otherwise | BranchChoice::Undecided => Road::Otherwise,
                };
                let none = Target { steps: Vec::new(), done: true, failed: false, because: None, span: written.span };
                let target = roads.iter().find(|(road, _)| *road == wanted).map_or(&none, |(_, target)| *target);
                return self.take(step, choice, target, String::new(), Vec::new());
            }
            Took::Denied => {
                return self.emit(Record::ApprovalDenied { request: 0, key, reason: String::new() });
            }
            Took::Unanswered if written.approve.is_some() => {
                return self.emit(Record::ApprovalExpired { request: 0, key });
            }
            Took::Unanswered if written.kind.value == Kind::Escalate => {
                return self.emit(Record::EscalationTimedOut { step: id });
            }
            Took::Unanswered => {
                return self.emit(Record::QuestionWithdrawn { request: 0, step: Some(id), timed_out: true });
            }
            Took::HandedOver => {
                self.emit(Record::Handover { step: Some(id), to: Vec::new() });
                Outcome::Passed
            }
            Took::Passed => Outcome::Passed,
            Took::Failed => Outcome::Failed,
            Took::Unknown => Outcome::Unknown,
        };
        self.emit(Record::AttemptEnded {
            key,
            end: None,
            duration: Duration::ZERO,
            outcome,
            reason: None,
            outputs: BTreeMap::new(),
            survivors: Vec::new(),
        });
    }

    /// How each step ended, in reading order; `None` where it has not.
    fn exploring_outcomes(&self) -> impl Iterator<Item = Option<Reached>> {
        self.steps.iter().map(|state| {
            let settled = state.settled()?;
            Some(match (settled.outcome, settled.settlement, &settled.skipped) {
                (Outcome::Skipped, _, Some(SkipReason::When)) => Reached::SteppedOver,
                (Outcome::Skipped, _, Some(SkipReason::NotReached)) => Reached::NotReached,
                (Outcome::Skipped, _, Some(SkipReason::Blocked(_))) => Reached::Blocked,
                (Outcome::Skipped, ..) => Reached::Ended,
                (_, Settlement::Denied, _) => Reached::Denied,
                (_, Settlement::Expired | Settlement::Unanswered, _) => Reached::Unanswered,
                (Outcome::Passed, ..) => Reached::Passed,
                (Outcome::Failed, ..) => Reached::Failed,
                (Outcome::Unknown, ..) => Reached::Unknown,
            })
        })
    }
}
