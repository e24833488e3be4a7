//! Seeds: which are run, and how a failing one is named. `RUNBOOK_SEED=n` runs one alone, `RUNBOOK_PROOF=full` all.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::machine::Machine;

const SEEDS: u64 = 10_000;
const SEEDS_FULL: u64 = 1_000_000;

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn seeds() -> std::ops::Range<u64> {
    if let Some(seed) = variable("RUNBOOK_SEED").and_then(|seed| seed.parse::<u64>().ok()) {
        return seed..seed + 1;
    }
    0..if variable("RUNBOOK_PROOF").as_deref() == Some("full") { SEEDS_FULL } else { SEEDS }
}

/// What a number of seeds came to.
#[derive(Debug, Default)]
struct Seen {
    runs: u64,
    engines: u64,
    dispatched: usize,
    left: usize,
}

/// Runs one seed, if its runbook checks.
fn try_seed(seed: u64, tally: &mut Seen) {
    let Some(mut machine) = Machine::of(seed) else { return };
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        machine.run();
        machine.check_end();
    }));
    if let Err(cause) = outcome {
        println!("RUNBOOK_SEED={seed}\n{}", crate::ways::text(&machine.shape, &machine.acts.ways));
        for line in machine.disk.lines() {
            let record = format!("{:?}", line.record).replace(&"3".repeat(64), "…");
            println!("{} {} {record}", line.at, line.actor.origin);
        }
        println!("acts {:#?}", machine.acts);
        resume_unwind(cause);
    }
    let resumed =
        |line: &&crate::disk::Line| matches!(line.record, runbook_core::run::record::Record::RunResumed { .. });
    tally.runs += 1;
    tally.engines += 1 + machine.disk.lines().iter().filter(resumed).count() as u64;
    tally.dispatched += machine.acts.dispatched.len();
    tally.left += machine.acts.file.len();
}

#[test]
fn nothing_is_lost_and_nothing_done_twice_whatever_dies() {
    let seeds = seeds();
    let alone = seeds.end - seeds.start == 1;
    let mut seen = Seen::default();
    for seed in seeds {
        try_seed(seed, &mut seen);
    }
    println!("{seen:?}");
    assert!(alone || seen.runs > SEEDS / 2, "most runbooks do not check: {seen:?}");
}
