//! Random runbooks, with failures, unknowns, denials, silence, people and crashes, in virtual time: a run always ends or
//! waits for somebody, and every record of it is as the oracle says.
//!
//! A seed that fails is named with its runbook. `RUNBOOK_SEED=n` runs that one alone; `RUNBOOK_SEEDS=n` runs the first n.

use std::panic::{AssertUnwindSafe, catch_unwind};

use runbook_core::run::event::{Event, Input};
use runbook_core::run::record::{AttemptKey, Mode, Part, Phase, Record, RunOutcome, RunStarted};
use runbook_core::run::request::Request;

use crate::answers::{People, said};
use crate::oracle::Oracle;
use crate::shapes::Shape;
use crate::world::{Dice, Go, World, started, try_plan};

/// Runbooks tried in each half of the seeds; a third more are drawn, for those that do not check.
const SEEDS: u64 = if cfg!(debug_assertions) { 1_500 } else { 6_000 };

pub(crate) fn any_way(dice: &mut Dice, key: &AttemptKey) -> Go {
    let looks = matches!(key.part, Part::Unless | Part::Doubt);
    match dice.below(20) {
        0..=11 if !looks => Go::Exit(0),
        0..=5 => Go::Exit(0),
        12..=14 => Go::Exit(1),
        15 => Go::Exit(127),
        16 => Go::TimeOut,
        17 => Go::Signal,
        18 => Go::Lost,
        19 => Go::Missing,
        _ => Go::Exit(1),
    }
}

/// Runs a world to its seal.
pub(crate) fn drive(world: &mut World, people: &mut People, mut crashes: usize) {
    world.take_in(Event::Started);
    for _ in 0..3_000 {
        let mut dice = world.shuffle.clone().unwrap();
        dice.next();
        if world.sealed().is_some() {
            assert!(world.queue.is_empty() || world.state.on_event(Event::Deadline, world.now).is_empty());
            return;
        }
        let quiet = world.queue.is_empty() || world.suspended;
        if quiet || dice.once_in(30) {
            interfere(world, &mut dice, people, &mut crashes, quiet);
        }
        world.shuffle = Some(dice);
        world.take_in_next();
    }
    panic!("it does not come to an end");
}

fn interfere(world: &mut World, dice: &mut Dice, people: &mut People, crashes: &mut usize, quiet: bool) {
    let requests: Vec<Request> = world.state.requests().cloned().collect();
    let deadline = world.state.next_deadline();
    assert!(!quiet || !requests.is_empty() || deadline.is_some() || world.suspended, "nothing can go on");
    if *crashes > 0 && dice.once_in(12) {
        *crashes -= 1;
        // All is on disk, or only some of it.
        let count = if dice.once_in(2) { world.records.len() } else { dice.below(world.records.len() + 1) };
        world.shuffle = Some(dice.clone());
        let handed_in = match dice.below(8) {
            0 => Some(Input::Cancel { reason: "enough".to_owned() }),
            1 => Some(Input::Note { step: None, text: "hm".to_owned() }),
            _ => None,
        };
        return world.crash_after(count, handed_in);
    }
    match dice.below(40) {
        0 => return world.say_now(Input::Cancel { reason: "enough".to_owned() }),
        1 => return world.say_now(Input::Note { step: None, text: "hm".to_owned() }),
        2 => return world.say_now(Input::HandOver { to: None }),
        4 => return world.say_now(Input::LetGo { reason: "SIGTERM".to_owned() }),
        5 => return world.say_now(Input::HandOver { to: Some("oncall".to_owned()) }),
        6 => return world.say_now(Input::Accept),
        7 if !world.suspended => {
            world.note(Record::ClockJumped { by_ms: -3_600_000 });
            return world.take_in(Event::Deadline);
        }
        3 => return world.say_now(Input::Approve { step: Some("s0".to_owned()), request: None, reason: None }),
        _ => {}
    }
    match deadline {
        Some(at) if requests.is_empty() || dice.once_in(3) => {
            if world.suspended {
                return world.resume();
            }
            if quiet {
                world.now = world.now.max(at);
            }
            world.take_in(Event::Deadline);
        }
        _ if !requests.is_empty() => {
            let request = &requests[dice.below(requests.len())];
            let input = said(request, dice, people);
            world.say_now(input);
        }
        _ if world.suspended => world.resume(),
        _ => {}
    }
}

fn world_of(seed: u64) -> Option<(Shape, World)> {
    let mut dice = Dice(seed);
    let shape = Shape::random(&mut dice);
    let plan = try_plan(&shape.text()).ok()?;
    let attended = dice.once_in(2);
    let begun =
        RunStarted { yes: dice.once_in(3), step_by_step: attended && dice.once_in(5), ..started(Mode::Real, attended) };
    let mut world = World::with(plan, begun);
    world.nobody_reachable = dice.once_in(6);
    world.otherwise = Some(any_way);
    world.shuffle = Some(dice);
    Some((shape, world))
}

fn check(shape: &Shape, world: &World) {
    Oracle::new(shape).follow(world.records.iter().map(|(_, record, _)| record));
}

/// Runs one seed; says whether its runbook checks.
fn try_seed(seed: u64, crashes: usize) -> bool {
    let Some((shape, mut world)) = world_of(seed) else { return false };
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        drive(&mut world, &mut People { patience: 8 }, crashes);
        check(&shape, &world);
    }));
    if let Err(cause) = outcome {
        let records: Vec<String> = world.records.iter().map(|(_, record, _)| short(record)).collect();
        println!("seed {seed}\n{}\n{}", shape.text(), records.join("\n"));
        std::panic::resume_unwind(cause);
    }
    true
}

/// Runs that failed or were cancelled are tried again, also by a process that dies: what was taken over is not done
/// again, and what is taken over a second time is more.
#[test]
fn a_run_that_tries_another_again_does_nothing_twice() {
    let (mut tried, mut taken) = (0, 0);
    for seed in seeds(2_000_000).step_by(4) {
        let Some(earlier) = random_run(seed) else { continue };
        if !matches!(earlier.sealed(), Some(RunOutcome::Failed | RunOutcome::Cancelled)) {
            continue;
        }
        let mut dice = Dice(seed);
        let all: Vec<String> = earlier.plan.document().steps.iter().map(|step| step.id.value.to_string()).collect();
        let left_out = if dice.once_in(2) { vec![all[dice.below(all.len())].as_str()] } else { Vec::new() };
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let mut world = World::again(&earlier, &left_out);
            let over: Vec<String> = over(&world);
            assert!(!over.iter().any(|step| left_out.contains(&step.as_str())), "{over:?}");
            world.otherwise = Some(any_way);
            world.shuffle = Some(dice);
            let begun = world.records.len();
            drive(&mut world, &mut People { patience: 8 }, 0);
            let twice = |record: &Record| match record {
                Record::StepIntent { key, .. } if key.part == Part::Main => over.contains(&key.step),
                Record::StepSettled { step, .. } | Record::StepSkipped { step, .. } => over.contains(step),
                _ => false,
            };
            let rolls_back = |record: &Record| matches!(record, Record::PhaseEntered { phase: Phase::Rollback, .. });
            let before_the_end = world.records[begun..].iter().map(|(_, record, _)| record);
            for record in before_the_end.take_while(|record| !rolls_back(record)) {
                assert!(!twice(record), "{record:?} although it was taken over");
            }
            over.len()
        }));
        match outcome {
            Ok(over) => taken += over,
            Err(cause) => {
                println!("seed {seed}, without {left_out:?}");
                std::panic::resume_unwind(cause);
            }
        }
        tried += 1;
    }
    assert!(tried > 0 && taken > tried / 2, "{tried} runs took over {taken} steps");
}

fn over(world: &World) -> Vec<String> {
    let over =
        |record: &Record| if let Record::StepTakenOver { step, .. } = record { Some(step.clone()) } else { None };
    world.records.iter().filter_map(|(_, record, _)| over(record)).collect()
}

/// A run to its seal, where the seed's runbook checks.
pub(crate) fn random_run(seed: u64) -> Option<World> {
    let (_, mut world) = world_of(seed)?;
    drive(&mut world, &mut People { patience: 8 }, 0);
    Some(world)
}

fn short(record: &Record) -> String {
    let text = format!("{record:?}");
    text.replace(&"3".repeat(64), "…")
}

#[expect(clippy::disallowed_methods, reason = "a person who looks for a failure names its seed so")]
pub(crate) fn seeds(from: u64) -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match (number("RUNBOOK_SEED"), number("RUNBOOK_SEEDS")) {
        (Some(seed), _) => seed..seed + 1,
        (None, count) => from..from + count.unwrap_or(SEEDS),
    }
}

/// Runs that are the same whenever the engine dies: nothing in them is in doubt afterwards.
#[test]
fn a_run_is_the_same_wherever_its_engine_dies() {
    let ask = "a: { verify: A, ask: Q, within: 5m, else: b }\n  b: { verify: B, run: b }\n  c: { verify: C, needs: [a], run: c }\n";
    for (steps, failing) in [
        // An unhandled failure, its fallback and what follows; `finally`.
        (
            "  a: { verify: A, run: a }\n  b: { verify: B, run: b }\n  f: { escalate: F, to: sre }\n  g: { verify: G, needs: [f], run: g }\n  z: { verify: Z, run: z }\nfallback: f\nfinally: [z]\n",
            vec!["a"],
        ),
        // Side by side: what else waits is withdrawn.
        (
            "  a: { verify: A, run: a, needs: [] }\n  q: { verify: Q, ask: Q, needs: [] }\n  e: { escalate: E, to: sre, ack: { within: 1h }, needs: [] }\n  f: { escalate: F, to: sre, handover: true }\nfallback: f\n",
            vec!["a"],
        ),
        // A handover; and one on the road after a failure.
        (
            "  a: { verify: A, run: a }\n  t: { escalate: T, to: sre, handover: true }\n  b: { verify: B, run: b, needs: [a] }\n",
            vec![],
        ),
        // A decide that takes `failed`.
        (
            "  a: { verify: A, run: a }\n  d: { decide: D, cases: [{ when: steps.a.failed, then: failed, because: so }], otherwise: done }\n  f: { verify: F, run: f }\nfallback: f\n",
            vec!["a"],
        ),
        // A decide that is skipped, and the failure it would have judged.
        (
            "  a: { verify: A, run: a, needs: [] }\n  b: { verify: B, run: b, needs: [], on_fail: m }\n  m: { verify: M, run: m }\n  d: { decide: D, needs: [a, b], cases: [{ when: steps.a.failed, then: x }], otherwise: x }\n  x: { verify: X, run: x }\n  f: { escalate: F, to: sre }\nfallback: f\n",
            vec!["a", "b"],
        ),
        // A question nobody answers; retries.
        (ask, vec![]),
        (
            "  a: { verify: A, run: a, retry: { every: 1m, attempts: 3 }, on_fail: b }\n  b: { verify: B, run: b }\n",
            vec!["a"],
        ),
        // The run's own time.
        ("  a: { verify: A, run: a, retry: { every: 1m, attempts: 99 } }\n  b: { verify: B, run: b }\n", vec!["a"]),
    ] {
        let text = format!(
            "timeout: 1h\nsteps:\n{}",
            if steps.starts_with(' ') { steps.to_owned() } else { format!("  {steps}") }
        );
        let run = || {
            let mut world = World::new(&text);
            for step in &failing {
                world = world.goes(step, &[Go::Exit(1)]);
            }
            world.run()
        };
        let outcomes = |world: &World| -> Vec<String> {
            world.plan.document().steps.iter().map(|step| world.outcome(step.id.value.as_str())).collect()
        };
        let whole = run();
        assert!(whole.sealed().is_some(), "{text}");
        for count in 0..whole.records.len() {
            let mut world = run();
            world.crash_after(count, None);
            world.let_time_pass();
            assert_eq!(world.sealed(), whole.sealed(), "after {count} records of\n{text}\n{:#?}", world.records);
            assert_eq!(outcomes(&world), outcomes(&whole), "after {count} records of\n{text}");
        }
    }
}

#[test]
fn every_run_ends_as_the_rules_say() {
    let tried = seeds(0).filter(|seed| try_seed(*seed, 0)).count();
    assert!(tried > 0, "no runbook checks");
}

#[test]
fn a_run_whose_engine_dies_anywhere_ends_as_the_rules_say() {
    let tried = seeds(1_000_000).filter(|seed| try_seed(*seed, 3)).count();
    assert!(tried > 0, "no runbook checks");
}
