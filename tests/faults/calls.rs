//! SIGKILL at every system call of the engine: not only where it writes, but also where nobody thought of it.

use std::collections::BTreeMap;
use std::fs;

use runbook_tests::programs;

use crate::cases::{full, say, spread, try_all};
use crate::judge;
use crate::operator::{KILLED, Operator, Who};
use crate::process::none_touching;
use crate::reference::{self, NAMES, Reference};
use crate::tracer::Fault;

/// As many calls of one run are tried in CI: about every fifth.
const CALLS: usize = 200;

/// As many more are drawn over all runbooks for the whole proof.
const DRAWN: u64 = 10_000;

#[derive(Debug, Clone, Copy)]
struct Case {
    name: &'static str,
    call: &'static str,
    n: u64,
    who: Who,
}

/// The calls of one run: how often each was made, and the run's name.
type Calls = (&'static str, Vec<(&'static str, u64)>);

#[test]
fn killed_at_whichever_system_call_nothing_is_lost_or_done_twice() {
    programs::ready();
    let names: &[&'static str] = if full() { &NAMES } else { &["judged"] };
    let calls = try_all("calls of undisturbed runs", names, |name| count(name).map(|calls| (*name, calls)));
    let references = try_all("undisturbed runs", names, |name| Reference::run(name));
    let all: Vec<Vec<Case>> = calls.iter().map(cases).collect();
    let chosen = if full() {
        let drawn = (0..DRAWN).map(|number| drawn(number, &all));
        all.iter().take(3).flatten().copied().chain(drawn).collect()
    } else {
        spread(all.concat(), CALLS)
    };
    let counts: Vec<_> = all.iter().map(Vec::len).collect();
    say(&format!("{counts:?} calls of {names:?}"));
    let killed = try_all("SIGKILL at system calls", &chosen, |case| {
        one(case, references.iter().find(|reference| reference.name == case.name).unwrap())
    });
    // A run has a few calls more or less each time.
    let missed = killed.iter().filter(|&&killed| !killed).count();
    assert!(missed * 10 < killed.len(), "{missed} of {} cases killed nothing", killed.len());
}

/// Each call of a run, with who is killed in turn.
fn cases((name, calls): &Calls) -> Vec<Case> {
    let each = calls.iter().flat_map(|&(call, count)| (1..=count).map(move |n| (call, n)));
    each.zip(Who::EACH.into_iter().cycle()).map(|((call, n), who)| Case { name, call, n, who }).collect()
}

/// One of the cases, drawn by chance: chance that is the same each time.
fn drawn(number: u64, all: &[Vec<Case>]) -> Case {
    // SplitMix64: consecutive numbers give unrelated ones.
    let mut chance = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    chance = (chance ^ (chance >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    chance = (chance ^ (chance >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    chance ^= chance >> 31;
    let pick = |count: usize, chance: u64| usize::try_from(chance % count as u64).unwrap();
    let cases = all.get(pick(all.len(), number)).unwrap();
    let who = Who::EACH.into_iter().nth(pick(3, chance >> 40)).unwrap();
    Case { who, ..*cases.get(pick(cases.len(), chance)).unwrap() }
}

/// Which calls the first process of an undisturbed run makes, and how often.
fn count(name: &str) -> Result<Vec<(&'static str, u64)>, String> {
    let desk = reference::desk(name);
    let mut operator = Operator::at(&desk, name).disturbed_by(Fault::Watched, Who::Engine);
    operator.go(&["run", name])?;
    let log = fs::read_to_string(desk.work().join("strace")).map_err(|error| error.to_string())?;
    let mut calls: BTreeMap<String, u64> = BTreeMap::new();
    for line in log.lines() {
        if let Some((call, _)) = line.split_once('(') {
            *calls.entry(call.to_owned()).or_default() += 1;
        }
    }
    // A name is kept for as long as the test runs, so that a case is small.
    Ok(calls.into_iter().map(|(call, count)| (&*call.leak(), count)).collect())
}

/// Tries one case; says whether anything was killed.
fn one(case: &Case, reference: &Reference) -> Result<bool, String> {
    let desk = reference::desk(case.name);
    let mut operator = Operator::at(&desk, case.name).disturbed_by(Fault::KilledAtCall(case.call, case.n), case.who);
    let first = operator.go(&["run", case.name])?;
    let killed = first.code == KILLED;
    operator.carry_on(Ok(first))?;
    none_touching(desk.work().parent().unwrap());
    let mut problems = judge::wrong(&desk, case.name);
    problems.extend(judge::ended_otherwise(&desk, reference));
    if problems.is_empty() { Ok(killed) } else { Err(operator.tell(&problems.join("\n"))) }
}
