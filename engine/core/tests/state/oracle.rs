//! What the records of a run must say, worked out from the written rules of *Order* and *The end of a run* and a test's
//! own picture of the runbook: no graph, no state and no function of the engine.

use std::collections::{BTreeMap, BTreeSet};

use runbook_core::run::record::{
    AttemptKey, End, EndCause, Outcome, Part, Phase, QuestionKind, Record, RunOutcome, SettleWord, Settlement,
    SkipReason,
};

use crate::loops::{Loop, item_of};
use crate::shapes::{Kind, Shape, Test, Undo, id};

/// How a failure came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Work,
    /// Nobody answered or acknowledged in time, and it says what then.
    Unanswered,
    /// Nobody approved in time.
    Late,
    Denied,
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Ended {
    Passed,
    Failed(How),
    Unknown,
    SteppedOver,
    Blocked(usize),
    NotReached,
    Otherwise,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    Live,
    Dead,
    Pending,
    Blocks(usize),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Readiness {
    NotYet,
    Ready,
    Blocked(Vec<usize>),
    NotReached,
}

/// A step that changes the world, or one item of it.
type Act = (usize, Option<usize>);

pub(crate) struct Oracle<'a> {
    pub(crate) shape: &'a Shape,
    /// `reach[a][b]`: over needs and roads, b comes after a or is it.
    reach: Vec<Vec<bool>>,
    ended: Vec<Option<Ended>>,
    branch: Vec<Option<(Vec<usize>, bool, bool)>>,
    started: Vec<bool>,
    /// The items of the steps whose list is known.
    pub(crate) loops: BTreeMap<usize, Loop>,
    on_the_road: Vec<bool>,
    roots: BTreeSet<usize>,
    pub(crate) phase: Phase,
    cause: Option<EndCause>,
    pub(crate) cancelled: bool,
    denied: bool,
    handed_over: bool,
    took_failed: bool,
    end_failed: bool,
    intents: BTreeSet<AttemptKey>,
    released: BTreeSet<AttemptKey>,
    running: BTreeSet<AttemptKey>,
    /// Steps, by their paths, with a decision that allows another attempt of an act.
    pub(crate) allowed: BTreeSet<String>,
    pub(crate) undoing: Option<usize>,
    acts: Vec<(u64, Act)>,
    passes: BTreeMap<usize, u64>,
    undone: Vec<(Act, bool)>,
    clock: u64,
    terminal: BTreeMap<usize, u32>,
    /// What the next record that matters must be.
    expected: Option<Expected>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Expected {
    /// The run starts to end with this.
    End(EndCause),
    /// One of these failures ends it.
    EndByOneOf(Vec<usize>),
    /// It does not.
    NoEnd,
}

impl<'a> Oracle<'a> {
    pub(crate) fn new(shape: &'a Shape) -> Self {
        let count = shape.nodes.len();
        let mut reach = vec![vec![false; count]; count];
        #[expect(clippy::needless_range_loop, reason = "it is the second index")]
        for to in 0..count {
            for from in shape.needs(to).into_iter().chain([to]) {
                reach[from][to] = true;
            }
        }
        for (from, node) in shape.nodes.iter().enumerate() {
            for (_, target) in node.roads() {
                for to in &target.steps {
                    reach[from][*to] = true;
                }
            }
        }
        for middle in 0..count {
            for from in 0..count {
                for to in 0..count {
                    reach[from][to] |= reach[from][middle] && reach[middle][to];
                }
            }
        }
        Self {
            shape,
            reach,
            ended: vec![None; count],
            branch: vec![None; count],
            started: vec![false; count],
            loops: BTreeMap::new(),
            on_the_road: vec![false; count],
            roots: BTreeSet::new(),
            phase: Phase::Steps,
            cause: None,
            cancelled: false,
            denied: false,
            handed_over: false,
            took_failed: false,
            end_failed: false,
            intents: BTreeSet::new(),
            released: BTreeSet::new(),
            running: BTreeSet::new(),
            allowed: BTreeSet::new(),
            undoing: None,
            acts: Vec::new(),
            passes: BTreeMap::new(),
            undone: Vec::new(),
            clock: 0,
            terminal: BTreeMap::new(),
            expected: None,
        }
    }

    /// The row of the table for a need.
    fn need(&self, from: usize, to: usize) -> Says {
        let Some(ended) = &self.ended[from] else { return Says::Pending };
        let (root, ended) = match ended {
            Ended::Blocked(root) => (*root, self.ended[*root].as_ref().unwrap()),
            other => (from, other),
        };
        let judges = self.shape.judges(to, from);
        match ended {
            Ended::Passed => match &self.branch[from] {
                Some((steps, done, failed)) if steps.is_empty() && (*done != *failed) => Says::Dead,
                _ => Says::Live,
            },
            Ended::SteppedOver => Says::Live,
            Ended::Failed(How::Work | How::Unanswered) if judges.is_some() => Says::Live,
            Ended::Unknown if judges == Some(true) => Says::Live,
            Ended::Failed(_) | Ended::Unknown => self.forgiven(root, to),
            Ended::NotReached | Ended::Otherwise => Says::Dead,
            Ended::Blocked(_) => unreachable!("a step is blocked by one that failed"),
        }
    }

    /// A need that failed blocks, unless the road that handled it leads to the step too.
    fn forgiven(&self, root: usize, to: usize) -> Says {
        let node = &self.shape.nodes[root];
        let mut handled_by: Vec<usize> = Vec::new();
        for (name, target) in node.roads() {
            let live = match self.ended[root].as_ref().unwrap() {
                Ended::Failed(How::Work) | Ended::Unknown => name == "on_fail",
                Ended::Failed(How::Late | How::Unanswered) => name == "else",
                Ended::Failed(How::Denied) => name == "denied",
                _ => false,
            };
            if live {
                handled_by.extend(&target.steps);
            }
        }
        let mut pending = false;
        let unknown = self.ended[root] == Some(Ended::Unknown);
        for decide in 0..self.shape.nodes.len() {
            let judges = self.shape.judges(decide, root).is_some_and(|takes_unknown| !unknown || takes_unknown);
            if !judges || decide == to {
                continue;
            }
            if self.ended[decide].is_none() {
                pending |= self.reach[decide][to];
            } else if let Some((steps, _, _)) = &self.branch[decide] {
                handled_by.extend(steps);
            }
        }
        if handled_by.iter().any(|step| self.reach[*step][to]) {
            return Says::Dead;
        }
        if pending { Says::Pending } else { Says::Blocks(root) }
    }

    fn road(&self, from: usize, name: &str, branch: Option<&crate::shapes::Target>) -> Says {
        let Some(ended) = &self.ended[from] else { return Says::Pending };
        let live = match name {
            "on_fail" => match ended {
                Ended::Failed(How::Work) => true,
                Ended::Unknown => self.shape.nodes[from].is_verify(),
                _ => false,
            },
            "else" => matches!(ended, Ended::Failed(How::Late | How::Unanswered)),
            "denied" => *ended == Ended::Failed(How::Denied),
            _ => {
                // Which of two equal branches was taken makes no difference to where they lead.
                let taken = self.branch[from].as_ref();
                *ended == Ended::Passed
                    && taken.zip(branch).is_some_and(|((steps, done, failed), branch)| {
                        *steps == branch.steps && *done == branch.done && *failed == branch.failed
                    })
            }
        };
        if live { Says::Live } else { Says::Dead }
    }

    /// Whether a step may start: *Order*, in its own words.
    fn readiness(&self, to: usize) -> Readiness {
        let shape = self.shape;
        let decides: Vec<usize> = (0..shape.nodes.len())
            .filter(|from| {
                shape.nodes[*from].roads().iter().any(|(name, target)| *name == "branch" && target.steps.contains(&to))
            })
            .collect();
        let (mut live, mut forced, mut needs_pending, mut roads_pending) = (false, false, false, false);
        let mut blocked = Vec::new();
        let needs = shape.needs(to);
        for from in &needs {
            let is_way = decides.is_empty() || decides.iter().any(|decide| self.reach[*decide][*from]);
            match self.need(*from, to) {
                Says::Live => live |= is_way,
                Says::Dead => {}
                Says::Pending => needs_pending = true,
                Says::Blocks(by) => blocked.push(by),
            }
        }
        let mut roads = 0;
        for (from, node) in shape.nodes.iter().enumerate() {
            for (name, target) in node.roads() {
                if !target.steps.contains(&to) {
                    continue;
                }
                roads += 1;
                match self.road(from, name, Some(target)) {
                    Says::Live if name == "branch" => live = true,
                    Says::Live => forced = true,
                    Says::Dead => {}
                    Says::Pending | Says::Blocks(_) => roads_pending = true,
                }
            }
        }
        forced |= self.roots.contains(&to);
        if needs_pending || (roads_pending && !forced) {
            Readiness::NotYet
        } else if !blocked.is_empty() {
            Readiness::Blocked(blocked)
        } else if live || forced || (needs.is_empty() && roads == 0 && shape.fallback != Some(to)) {
            Readiness::Ready
        } else {
            Readiness::NotReached
        }
    }

    /// Whether a failure is answered by something in the runbook.
    fn handled(&self, step: usize) -> bool {
        let node = &self.shape.nodes[step];
        let answers = |target: &crate::shapes::Target| {
            (target.done && target.steps.is_empty())
                || target.steps.iter().any(|to| !self.started[*to] && self.ended[*to].is_none())
        };
        match self.ended[step].as_ref().unwrap() {
            Ended::Failed(How::Denied) => false,
            Ended::Failed(How::Late) => node.or_else.as_ref().is_some_and(answers),
            ended => {
                let unanswered = *ended == Ended::Failed(How::Unanswered);
                if unanswered && node.or_else.as_ref().is_some_and(answers) {
                    return true;
                }
                if !unanswered && let Some(target) = &node.on_fail {
                    return answers(target);
                }
                (0..self.shape.nodes.len()).any(|decide| {
                    self.shape
                        .judges(decide, step)
                        .is_some_and(|takes_unknown| *ended != Ended::Unknown || takes_unknown)
                        && !matches!(
                            self.ended[decide],
                            Some(Ended::Blocked(_) | Ended::NotReached | Ended::SteppedOver | Ended::Otherwise)
                        )
                        && !self
                            .shape
                            .needs(decide)
                            .iter()
                            .any(|other| *other != step && matches!(self.need(*other, decide), Says::Blocks(_)))
                })
            }
        }
    }

    fn index(step: &str) -> usize {
        step.strip_prefix('s').unwrap().split('[').next().unwrap().parse().unwrap()
    }

    fn act(step: &str) -> Act {
        (Self::index(step), item_of(step))
    }

    /// A step does its first own thing.
    fn begins(&mut self, step: usize) {
        let shape = self.shape;
        assert!(self.ended[step].is_none(), "s{step} starts after its end");
        if self.started[step] {
            return;
        }
        assert!(!self.cancelled || self.phase > Phase::Ending, "s{step} starts after a cancel");
        match self.phase {
            Phase::Steps => {
                assert!(!shape.finally.contains(&step), "s{step} stands in finally");
                assert_eq!(self.readiness(step), Readiness::Ready, "s{step} starts");
            }
            Phase::Ending => {
                let follows = self.roots.contains(&step)
                    || (0..shape.nodes.len()).any(|from| {
                        self.on_the_road[from]
                            && (shape.nodes[from].roads().iter().any(|(name, target)| {
                                target.steps.contains(&step) && self.road(from, name, Some(target)) == Says::Live
                            }) || (shape.needs(step).contains(&from) && self.need(from, step) == Says::Live))
                    });
                assert!(follows, "s{step} starts although the run is ending");
                assert_eq!(self.readiness(step), Readiness::Ready, "s{step} starts on the road after the end's cause");
                self.on_the_road[step] = true;
            }
            Phase::Rollback => assert_eq!(self.undoing, Some(step), "s{step} starts in rollback"),
            Phase::Finally => {
                let next = shape.finally.iter().find(|step| self.ended[**step].is_none());
                assert_eq!(next, Some(&step), "finally runs in order");
            }
            Phase::Over => panic!("s{step} starts after the end"),
        }
        self.started[step] = true;
    }

    /// The act that is undone next, and the step that does it where that is one.
    fn due(&self) -> Option<(Act, Option<usize>)> {
        let mut acts: Vec<(u64, Act)> = Vec::new();
        for (order, act) in &self.acts {
            // What another step undoes, it undoes as a whole.
            let whole = matches!(self.shape.nodes[act.0].undo, Undo::Step(_));
            let act = if whole { (act.0, None) } else { *act };
            acts.retain(|(_, other)| *other != act);
            acts.push((*order, act));
        }
        acts.retain(|(order, act)| {
            !self.undone.iter().any(|(undone, _)| undone == act)
                && match self.shape.nodes[act.0].undo {
                    Undo::No => false,
                    Undo::Body => true,
                    Undo::Step(by) => self.passes.get(&by).is_none_or(|pass| pass < order),
                }
        });
        let (_, act) = acts.last()?;
        let by = match self.shape.nodes[act.0].undo {
            Undo::Step(by) => Some(by),
            Undo::No | Undo::Body => None,
        };
        Some((*act, by))
    }

    /// Follows a run's records from the first to the last.
    pub(crate) fn follow<'r>(&mut self, records: impl IntoIterator<Item = &'r Record>) {
        for record in records {
            self.clock += 1;
            self.meet_expectation(record);
            self.take(record);
        }
    }

    fn meet_expectation(&mut self, record: &Record) {
        let neutral = matches!(
            record,
            Record::RunResumed { .. }
                | Record::RunSuspended { .. }
                | Record::Recovered { .. }
                | Record::ClockJumped { .. }
                | Record::Note { .. }
                | Record::Refused { .. }
                | Record::Handover { .. }
                | Record::HandoverConfirmed { .. }
                | Record::StepUndone { .. }
        );
        if neutral {
            return;
        }
        let entered = match record {
            Record::PhaseEntered { phase: Phase::Ending, cause } => cause.as_ref(),
            _ => None,
        };
        match self.expected.take() {
            None => {
                let unexpected = entered.is_some_and(|cause| *cause != EndCause::Cancelled);
                assert!(!unexpected, "the run ends without a reason: {entered:?}");
            }
            Some(Expected::End(cause)) => assert_eq!(entered, Some(&cause), "{record:?}"),
            Some(Expected::EndByOneOf(steps)) => {
                let by = steps.iter().any(|step| entered == Some(&EndCause::Failed(id(*step))));
                assert!(by, "one of {steps:?} was left unhandled: {record:?}");
            }
            Some(Expected::NoEnd) => {
                let unexpected = entered.is_some_and(|cause| *cause != EndCause::Cancelled);
                assert!(!unexpected, "a handled failure ends the run: {entered:?}");
            }
        }
    }

    fn take(&mut self, record: &Record) {
        match record {
            Record::StepPlanned { key, .. } => {
                let step = Self::index(&key.step);
                match key.part {
                    Part::Main | Part::Unless => self.begins_or_undoes(step),
                    Part::Doubt => assert!(self.started[step] || self.undoing == Some(step)),
                    Part::Undo => assert_eq!(self.due(), Some((Self::act(&key.step), None)), "undone out of order"),
                }
            }
            Record::StepItems { step, items, .. } => {
                let number = Self::index(step);
                self.begins_or_undoes(number);
                self.list_is_known(number, items.len());
            }
            Record::StepIntent { key, plan, .. } => self.intent(key, plan.is_some()),
            Record::StepReleased { key } => {
                assert!(self.intents.contains(key), "{key:?} is let go without an intent");
                assert!(self.released.insert(key.clone()), "{key:?} is let go twice");
                self.running.insert(key.clone());
            }
            Record::AttemptEnded { key, end, .. } => {
                let step = Self::index(&key.step);
                if matches!(key.part, Part::Main | Part::Unless) {
                    self.begins_or_undoes(step);
                }
                self.running.remove(key);
                if key.part == Part::Main && matches!(end, Some(End::NotStarted(_))) && self.intents.contains(key) {
                    // There is nothing of it to undo.
                    if let Some(last) = self.acts.iter().rposition(|(_, act)| *act == Self::act(&key.step))
                        && self.undoing.is_none()
                    {
                        self.acts.remove(last);
                    }
                }
            }
            Record::RetryScheduled { key, .. } => {
                self.allowed.insert(key.step.clone());
            }
            Record::DoubtSettled { key, word: SettleWord::Again, by, .. } => {
                assert_eq!(by, "person");
                self.allowed.insert(key.step.clone());
            }
            Record::Override { step, word: SettleWord::Again, .. } => {
                self.allowed.insert(step.clone());
            }
            Record::Question { step: Some(path), question, .. } => {
                let step = Self::index(path);
                match question {
                    QuestionKind::YesNo | QuestionKind::Choice(_) | QuestionKind::Instruct => {
                        self.begins_or_undoes(step);
                        if *question == QuestionKind::Instruct && self.undoing.is_none() {
                            self.acts.push((self.clock, Self::act(path)));
                        }
                    }
                    QuestionKind::Proceed | QuestionKind::Overrule | QuestionKind::Doubt | QuestionKind::Rollback => {}
                }
            }
            Record::EscalationSent { step, .. } | Record::EscalationFailed { step, .. } => {
                let step = Self::index(step);
                if self.ended[step].is_none() {
                    self.begins(step);
                }
            }
            Record::Decision { step, branch, .. } => {
                let step = Self::index(step);
                self.begins(step);
                let steps: Vec<usize> =
                    branch.to.iter().filter(|to| *to != "done" && *to != "failed").map(|to| Self::index(to)).collect();
                let (done, failed) = (branch.to.contains(&"done".to_owned()), branch.to.contains(&"failed".to_owned()));
                self.check_branch(step, &steps, done, failed);
                self.branch[step] = Some((steps, done, failed));
            }
            Record::StepSettled { step, outcome, settlement, .. } if item_of(step).is_some() => {
                self.item_settled(step, *outcome, *settlement);
                if *outcome == Outcome::Passed
                    && *settlement == Settlement::ByHand
                    && self.undoing.is_none()
                    && !self.acts.iter().any(|(_, act)| *act == Self::act(step))
                {
                    self.acts.push((self.clock, Self::act(step)));
                }
            }
            Record::StepSkipped { step, why } if item_of(step).is_some() => self.item_skipped(step, why),
            Record::StepSettled { step, outcome, settlement, .. } => {
                self.settled(Self::index(step), *outcome, *settlement);
            }
            Record::StepSkipped { step, why } => self.skipped(Self::index(step), why),
            Record::StepUndone { step, outcome, .. } => {
                let step = Self::act(step);
                if !self.undone.iter().any(|(undone, _)| *undone == step) {
                    assert_eq!(self.due().map(|(act, _)| act), Some(step), "undone out of order");
                    self.undone.push((step, *outcome == Outcome::Passed));
                    self.end_failed |= *outcome != Outcome::Passed;
                }
            }
            Record::PhaseEntered { phase, cause } => self.enter(*phase, cause.as_ref()),
            Record::RunCancelled { .. } => self.cancelled |= self.phase < Phase::Rollback,
            Record::RunSealed { outcome, .. } => self.sealed(*outcome),
            // A new process: what ran, runs no more.
            Record::RunResumed { .. } => self.running.clear(),
            _ => {}
        }
    }

    fn begins_or_undoes(&mut self, step: usize) {
        if self.phase == Phase::Rollback
            && let Some((undone, Some(by))) = self.due()
            && by == step
        {
            if self.undoing.is_none() {
                assert!(self.undone.iter().all(|(_, passed)| *passed), "the first undo that fails stops rollback");
                self.undoing = Some(step);
                self.allowed.insert(id(step));
                let _ = undone;
            }
            return;
        }
        self.begins(step);
    }

    fn check_branch(&self, step: usize, steps: &[usize], done: bool, failed: bool) {
        let node = &self.shape.nodes[step];
        if node.kind != Kind::Decide {
            return;
        }
        let is = |test: &Test| match test {
            Test::Failed(s) => matches!(self.ended[*s], Some(Ended::Failed(_))),
            Test::Passed(s) => self.ended[*s] == Some(Ended::Passed),
            Test::Unknown(s) => self.ended[*s] == Some(Ended::Unknown),
            Test::Known(value) => *value,
        };
        let taken = node.cases.iter().find(|(test, _)| is(test)).map_or(&node.otherwise, |(_, target)| target);
        assert_eq!((steps, done, failed), (taken.steps.as_slice(), taken.done, taken.failed), "the branch of s{step}");
    }

    fn intent(&mut self, key: &AttemptKey, runs: bool) {
        let step = Self::index(&key.step);
        assert!(self.intents.insert(key.clone()), "{key:?} starts twice");
        let is_act = matches!(self.shape.nodes[step].kind, Kind::Act | Kind::Wait);
        if key.part == Part::Main {
            self.begins_or_undoes(step);
            let earlier = self.intents.iter().any(|one| one.step == key.step && one.part == Part::Main && one != key);
            self.item_starts(&key.step);
            // A loop that undoes another is begun as a whole.
            let undoes = self.undoing == Some(step) && item_of(&key.step).is_some();
            if is_act && earlier && !undoes {
                assert!(self.allowed.remove(&key.step), "{key:?}: an act starts again and nobody decided so");
            }
            // Telling that was interrupted is told to its end: people were promised to hear.
            let goes_on = self.shape.nodes[step].kind == Kind::Escalate && earlier;
            if self.phase <= Phase::Ending {
                assert!(!self.cancelled, "{key:?} starts after a cancel");
                assert!(
                    self.phase == Phase::Steps || self.on_the_road[step] || goes_on,
                    "{key:?} starts although the run is ending"
                );
            }
            if is_act && self.undoing.is_none() {
                self.acts.push((self.clock, Self::act(&key.step)));
            }
        }
        if runs {
            self.running.insert(key.clone());
            self.width_holds(&key.step, &self.running);
            // A loop takes one place, however many of its items run.
            let places: BTreeSet<usize> = self.running.iter().map(|key| Self::index(&key.step)).collect();
            assert!(places.len() <= self.shape.parallel, "more runs at once than there are places: {:?}", self.running);
        }
    }

    fn settled(&mut self, step: usize, outcome: Outcome, settlement: Settlement) {
        let node = &self.shape.nodes[step];
        if self.undoing == Some(step) {
            // It was run again to undo another.
            self.undoing = None;
            let due = self.due().unwrap().0;
            self.undone.push((due, outcome == Outcome::Passed));
            self.end_failed |= outcome != Outcome::Passed;
            if outcome == Outcome::Passed {
                self.passes.insert(step, self.clock);
            }
            return;
        }
        *self.terminal.entry(step).or_default() += 1;
        assert!(self.started[step] || settlement == Settlement::Denied, "s{step} settles and never started");
        assert!(outcome != Outcome::Unknown || node.is_verify(), "only a verify stays unknown");
        let ended = match (outcome, settlement) {
            (Outcome::Passed, _) => Ended::Passed,
            (Outcome::Failed, Settlement::Denied) => Ended::Failed(How::Denied),
            (Outcome::Failed, Settlement::Expired) => Ended::Failed(How::Late),
            (Outcome::Failed, Settlement::Unanswered) => Ended::Failed(How::Unanswered),
            (Outcome::Failed, _) => Ended::Failed(How::Work),
            (Outcome::Unknown, _) => Ended::Unknown,
            (Outcome::Skipped, _) => panic!("a skipped step does not settle"),
        };
        self.items_come_to(step, outcome, settlement);
        self.ended[step] = Some(ended.clone());
        if outcome == Outcome::Passed && matches!(node.kind, Kind::Act | Kind::Instruct | Kind::Wait) {
            self.passes.insert(step, self.clock);
            if settlement == Settlement::ByHand && !self.acts.iter().any(|(_, act)| act.0 == step) {
                self.acts.push((self.clock, (step, None)));
            }
        }
        self.denied |= settlement == Settlement::Denied;
        let handover = node.handover && outcome == Outcome::Passed;
        self.handed_over |= handover;
        if self.phase == Phase::Finally {
            self.end_failed |= outcome != Outcome::Passed;
            return;
        }
        for (name, target) in node.roads() {
            let live = name != "branch" && self.road(step, name, None) == Says::Live;
            self.took_failed |= live && target.failed;
        }
        let took = self.branch[step].clone();
        self.took_failed |= took.as_ref().is_some_and(|(_, _, failed)| *failed);
        if self.phase != Phase::Steps {
            return;
        }
        self.expected = Some(if handover {
            Expected::End(EndCause::Handover(id(step)))
        } else if settlement == Settlement::Denied {
            Expected::End(EndCause::Denied(id(step)))
        } else if ended == Ended::Passed {
            match took {
                Some((steps, false, true)) if steps.is_empty() => Expected::End(EndCause::TookFailed(id(step))),
                _ => Expected::NoEnd,
            }
        } else if self.handled(step) {
            Expected::NoEnd
        } else {
            Expected::End(EndCause::Failed(id(step)))
        });
    }

    fn skipped(&mut self, step: usize, why: &SkipReason) {
        *self.terminal.entry(step).or_default() += 1;
        let ended = match why {
            SkipReason::When => {
                assert_eq!(self.shape.nodes[step].when, Some(false));
                self.begins(step);
                self.started[step] = false;
                Ended::SteppedOver
            }
            SkipReason::NotReached => {
                assert_eq!(self.readiness(step), Readiness::NotReached, "s{step} is not reached");
                Ended::NotReached
            }
            SkipReason::Blocked(by) => {
                let by = Self::index(by);
                match self.readiness(step) {
                    Readiness::Blocked(all) => {
                        assert!(all.contains(&by), "s{step} is blocked by {all:?}, not by s{by}");
                    }
                    other => panic!("s{step} is not blocked: {other:?}"),
                }
                self.on_the_road[step] |= self.phase == Phase::Ending && self.on_the_road[by];
                Ended::Blocked(by)
            }
            SkipReason::Cancelled => {
                self.all_items_over(step);
                assert!(self.cancelled || self.phase == Phase::Finally, "s{step}");
                Ended::Otherwise
            }
            SkipReason::Ended => {
                assert_eq!(self.phase, Phase::Ending, "s{step}");
                Ended::Otherwise
            }
        };
        self.ended[step] = Some(ended);
        if self.phase == Phase::Steps && self.shape.nodes[step].is_decide() {
            // What it would have judged is left unhandled, if nothing else answers it.
            let unhandled: Vec<usize> = self
                .shape
                .needs(step)
                .into_iter()
                .filter(|from| self.shape.judges(step, *from).is_some())
                .filter(|from| matches!(self.ended[*from], Some(Ended::Failed(_) | Ended::Unknown)))
                .filter(|from| !self.handled(*from))
                .collect();
            if !unhandled.is_empty() {
                self.expected = Some(Expected::EndByOneOf(unhandled));
            }
        }
    }

    fn enter(&mut self, phase: Phase, cause: Option<&EndCause>) {
        assert!(phase > self.phase, "{phase:?} after {:?}", self.phase);
        match phase {
            Phase::Steps => panic!("a run begins once"),
            Phase::Ending => {
                self.cause = cause.cloned();
                let roots: Vec<usize> = match cause {
                    Some(EndCause::Failed(_) | EndCause::TookFailed(_)) => self.shape.fallback.into_iter().collect(),
                    Some(EndCause::Denied(step)) => match &self.shape.nodes[Self::index(step)].denied {
                        Some(target) if !target.steps.is_empty() => target.steps.clone(),
                        Some(target) if target.done => Vec::new(),
                        _ => self.shape.fallback.into_iter().collect(),
                    },
                    _ => Vec::new(),
                };
                self.roots.extend(roots.into_iter().filter(|root| !self.started[*root]));
            }
            Phase::Rollback | Phase::Finally | Phase::Over => {
                let open: Vec<usize> = (0..self.shape.nodes.len())
                    .filter(|step| self.ended[*step].is_none())
                    .filter(|step| phase == Phase::Over || !self.shape.finally.contains(step))
                    .collect();
                assert!(open.is_empty(), "{phase:?} begins with {open:?} open");
                assert!(self.running.is_empty(), "{phase:?} begins while something runs");
            }
        }
        let failed = self.failed();
        let wanted = failed || self.cancelled || self.denied;
        match phase {
            Phase::Rollback => {
                assert_ne!(self.shape.rollback, "never");
                assert!(self.due().is_some(), "there is something to undo");
                let late = matches!(self.cause, Some(EndCause::Handover(_)));
                assert!(wanted || late, "nothing calls for a rollback");
            }
            Phase::Finally => {
                let stopped = self.undone.iter().any(|(_, passed)| !passed);
                if wanted && self.shape.rollback == "auto" && !stopped {
                    assert_eq!(self.due(), None, "something is left to undo");
                }
            }
            Phase::Steps | Phase::Ending | Phase::Over => {}
        }
        self.phase = phase;
    }

    fn failed(&self) -> bool {
        self.took_failed || matches!(self.cause, Some(EndCause::Failed(_) | EndCause::TookFailed(_)))
    }

    fn sealed(&self, outcome: RunOutcome) {
        assert_eq!(self.phase, Phase::Over);
        for step in 0..self.shape.nodes.len() {
            assert_eq!(self.terminal.get(&step), Some(&1), "s{step} has one terminal record");
        }
        let expected = if self.cancelled || (self.denied && !self.handed_over) {
            RunOutcome::Cancelled
        } else if self.handed_over {
            if self.end_failed { RunOutcome::Failed } else { RunOutcome::Escalated }
        } else if self.failed() || self.end_failed {
            RunOutcome::Failed
        } else {
            RunOutcome::Resolved
        };
        assert_eq!(outcome, expected, "{:?}", self.cause);
    }
}
