//! The world's side of acts: supervisors at their gates, programs that leave something behind, and ends that wait on
//! disk for whoever asks.

use std::collections::{BTreeMap, BTreeSet};

use runbook_core::run::record::{AttemptKey, End, Part, Record, SettleWord};

use crate::disk::{Disk, Line, granted, intent, released};
use crate::shapes::{Approve, Shape, Undo};
use crate::ways::{Way, not_started};
use crate::world::Dice;

/// The pipe between an engine and a supervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gate {
    Shut,
    Open,
    /// It was closed before it was opened: nothing starts, ever.
    Closed,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Program {
    NotStarted,
    /// It will end so; whether it will leave something behind, and whether it has.
    Running {
        end: End,
        leaves: bool,
        left: bool,
    },
    Over(End),
}

/// One supervisor and its program.
#[derive(Debug)]
pub(crate) struct Act {
    pub(crate) key: AttemptKey,
    pub(crate) way: Way,
    pub(crate) boot: u32,
    pub(crate) pid: u32,
    pub(crate) supervised: bool,
    pub(crate) gate: Gate,
    pub(crate) program: Program,
    pub(crate) stop: bool,
}

impl Act {
    /// Whether anything of it can still happen by itself.
    fn goes_on(&self) -> bool {
        match (&self.program, self.gate) {
            (Program::Running { .. }, _) => true,
            (Program::NotStarted, Gate::Shut) => false,
            (Program::NotStarted, Gate::Open | Gate::Closed) | (Program::Over(_), _) => self.supervised,
        }
    }

    pub(crate) fn runs(&self) -> bool {
        matches!(self.program, Program::Running { .. })
    }
}

#[derive(Debug, Default)]
pub(crate) struct Acts {
    pub(crate) all: Vec<Act>,
    /// Attempts whose program was ever started.
    pub(crate) dispatched: Vec<AttemptKey>,
    /// The file that all acts append to.
    pub(crate) file: Vec<AttemptKey>,
    /// How attempts ended, as their supervisors left it on disk.
    pub(crate) exits: BTreeMap<AttemptKey, End>,
    /// Steps whose work was done before the run, by somebody else.
    pub(crate) already: BTreeSet<String>,
    /// How each step works.
    pub(crate) ways: Vec<Way>,
}

impl Acts {
    /// Starts a supervisor, which waits.
    pub(crate) fn supervise(&mut self, key: AttemptKey, boot: u32) -> usize {
        let pid = u32::try_from(self.all.len()).unwrap() + 100;
        let (way, program) = (self.way(&key), Program::NotStarted);
        self.all.push(Act { key, way, boot, pid, supervised: true, gate: Gate::Shut, program, stop: false });
        self.all.len() - 1
    }

    /// How an attempt works.
    pub(crate) fn way(&self, key: &AttemptKey) -> Way {
        self.ways[step_of(&key.step).1].of_part(key.part)
    }

    /// How a file was written while nobody saw it: the file tells.
    pub(crate) fn seen(&self, key: &AttemptKey) -> Option<End> {
        let is_there = || if self.file.contains(key) { End::Wrote } else { not_started("the old file is still there") };
        (self.way(key) == Way::Writing).then(is_there)
    }

    pub(crate) fn that_go_on(&self) -> Vec<usize> {
        (0..self.all.len()).filter(|at| self.all[*at].goes_on()).collect()
    }

    /// Whether what a step's act does is so now.
    pub(crate) fn is_so(&self, step: &str) -> bool {
        let last = self.file.iter().rev().find(|key| key.step == step);
        last.map_or(self.already.contains(step), |key| key.part == Part::Main)
    }

    /// The engine that started them is gone: what waits at a gate never starts.
    pub(crate) fn close_gates(&mut self) {
        for act in self.all.iter_mut().filter(|act| act.gate == Gate::Shut) {
            act.gate = Gate::Closed;
        }
    }

    /// A supervisor dies, and its program with it or not.
    pub(crate) fn kill(&mut self, at: usize, program_too: bool) {
        let act = &mut self.all[at];
        act.supervised = false;
        // What runs on another host is nobody's to end here.
        let program_too = (program_too || act.way.is_of_its_supervisor()) && act.way != Way::Elsewhere;
        if program_too && act.runs() {
            act.program = Program::Over(End::Signalled(9));
        }
    }

    /// One thing happens with an act.
    pub(crate) fn go_on(&mut self, at: usize, disk: &Disk, shape: &Shape, dice: &mut Dice) {
        match self.all[at].program.clone() {
            Program::NotStarted if self.all[at].gate == Gate::Closed => self.all[at].supervised = false,
            Program::NotStarted => {
                let key = self.all[at].key.clone();
                if self.all[at].stop {
                    self.all[at].program = Program::Over(End::Stopped);
                    return;
                }
                self.may_start(&key, disk, shape);
                self.dispatched.push(key);
                self.all[at].program = self.all[at].way.goes(dice);
            }
            Program::Running { end, leaves, left } => {
                let act = &mut self.all[at];
                let hears = act.supervised || act.way == Way::Elsewhere;
                if act.stop && hears && dice.once_in(2) {
                    act.program = Program::Over(End::Stopped);
                } else if leaves && !left {
                    self.file.push(act.key.clone());
                    act.program = Program::Running { end, leaves, left: true };
                } else {
                    act.program = Program::Over(end);
                }
            }
            Program::Over(end) => {
                let act = &mut self.all[at];
                assert!(act.supervised, "nobody else leaves an end");
                act.supervised = false;
                self.exits.insert(act.key.clone(), end);
            }
        }
    }

    /// A program starts: it must be on disk that it may, and whose decision it is.
    fn may_start(&self, key: &AttemptKey, disk: &Disk, shape: &Shape) {
        assert!(!self.dispatched.contains(key), "{key:?} is dispatched twice");
        assert!(disk.durably(key, intent).is_some(), "{key:?} starts and its intent is not on disk");
        assert!(disk.durably(key, released).is_some(), "{key:?} starts and that it may is not on disk");
        let (around, number) = step_of(&key.step);
        let node = &shape.nodes[number];
        if node.approve != Approve::No && key.part == Part::Main {
            // An item that is done for the first time since its list was made was approved with all the others. The list
            // is made anew, and approved anew, where the loop is run again to undo another step.
            let lines = disk.durable();
            let lists = |line: &Line| matches!(&line.record, Record::StepItems { step, .. } if step == around);
            let listed = lines.iter().rposition(lists).unwrap_or(0);
            let again = |one: &&AttemptKey| one.step == key.step && one.part == key.part;
            let first = !self.dispatched.iter().filter(again).any(|one| disk.durably(one, released) > Some(listed));
            let of_all = |line: &Line| granted(&line.record).is_some_and(|one| one.step == around);
            let with_all = first && lines[listed..].iter().any(of_all);
            assert!(with_all || disk.durably(key, granted).is_some(), "{key:?} starts and nobody approved it");
        }
        let before = self.dispatched.iter().rev().find(|one| one.step == key.step && one.part == key.part);
        let Some(before) = before else { return };
        let since = disk.durably(before, released).unwrap();
        let undoes = shape.nodes.iter().any(|node| node.undo == Undo::Step(number));
        let decided = disk.durable()[since..].iter().any(|line| match &line.record {
            Record::RetryScheduled { key: next, .. } => next == key && node.idempotent,
            Record::DoubtSettled { key: doubted, word: SettleWord::Again, by, .. } => {
                doubted.step == key.step && by == "person"
            }
            Record::Override { step, word: SettleWord::Again, .. } => *step == key.step,
            Record::PhaseEntered { .. } | Record::StepUndone { .. } => undoes,
            _ => false,
        });
        assert!(decided, "{key:?} does it again after {before:?} and nobody decided so");
    }
}

/// The step around an item, or the step itself, and its number.
pub(crate) fn step_of(path: &str) -> (&str, usize) {
    let around = path.split('[').next().unwrap();
    (around, around[1..].parse().unwrap())
}
