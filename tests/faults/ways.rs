//! As `entries.rs`, for the other ways to work: requests and a file, counted by the server and the kernel, and acts on
//! another host, which goes on whoever is killed here.

use std::fs;

use runbook_tests::programs;

use crate::cases::{full, say, spread, try_all};
use crate::entries::{Case, cases, try_each};
use crate::judge;
use crate::operator::Operator;
use crate::reference::Reference;
use crate::world::{Hosts, WRITES, World};

/// As many cases are tried, in CI and in full.
const CASES: [usize; 2] = [100, usize::MAX];
/// As many where each takes a few connections, and seconds: in full about a third of all.
const CASES_ELSEWHERE: [usize; 2] = [30, 300];

#[test]
fn a_request_and_a_file_are_lost_or_done_twice_by_no_kill() {
    programs::ready();
    tried("requests", CASES, World::of);
}

#[test]
fn what_runs_on_another_host_is_lost_or_done_twice_by_no_kill() {
    programs::ready();
    let hosts = Hosts::default();
    tried("elsewhere", CASES_ELSEWHERE, |name| World::with(name, Some(&hosts)));
}

fn tried(name: &'static str, [in_ci, in_full]: [usize; 2], world: impl Fn(&str) -> World + Sync) {
    let what = format!("SIGKILL at every entry of {name}");
    let references = try_all("undisturbed runs", &[name], |name| Reference::run_in(name, &world(name)));
    let all: Vec<Case> = references.iter().flat_map(cases).collect();
    let count = all.len();
    let chosen = spread(all, if full() { in_full } else { in_ci });
    say(&format!("{what}: {} of {count} cases", chosen.len()));
    try_each(&what, &chosen, &references, world);
}

#[test]
fn an_effect_too_many_or_too_few_is_seen() {
    programs::ready();
    let world = World::of("requests");
    Operator::at(&world, "requests").work_to_the_end().unwrap();
    assert_eq!(judge::wrong(&world, "requests"), [""; 0]);
    let effects = world.read("effects");
    let wrong_with = |text: &str| {
        fs::write(world.work().join("effects"), text).unwrap();
        judge::wrong(&world, "requests").join("\n")
    };
    // Sent twice; written twice; lost.
    let twice = wrong_with(&format!("{effects}drain - -\n"));
    assert!(twice.contains("drain happened 2 times in 1 attempts") && twice.contains("nothing let this go"), "{twice}");
    let twice = wrong_with(&format!("{effects}{WRITES} - -\n"));
    assert!(twice.contains("write happened 2 times in 1 attempts"), "{twice}");
    let lost = wrong_with(&effects.replace("kept - -\n", ""));
    assert!(lost.contains("kept passed, and its effect is not there"), "{lost}");
}
