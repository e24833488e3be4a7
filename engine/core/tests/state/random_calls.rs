//! Random runbooks that run random ones, with all that can happen to a run: it always ends or waits for somebody, a replay
//! gives the same state after every event, nothing starts twice, and each called runbook has one beginning and one end.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use runbook_core::run::record::{AttemptKey, Mode, Record, RunStarted};

use crate::answers::People;
use crate::property::{any_way, drive, seeds};
use crate::shapes::Shape;
use crate::world::{Dice, World, started, try_plan_with};

/// What only looks, for `unless` and verifies.
const LOOK: &str = "  a: { verify: A, run: a }\n  b: { verify: B, run: b, retry: { attempts: 2 } }\n";

fn one_of<'a>(dice: &mut Dice, all: &[&'a str]) -> &'a str {
    all[dice.below(all.len())]
}

/// A runbook of a few steps, most of which run one of these.
fn text(dice: &mut Dice, runs: &[&str]) -> String {
    let mut text = format!("rollback: {}\n", one_of(dice, &["auto", "auto", "ask", "never"]));
    if dice.once_in(2) {
        text.push_str("parallel: 3\n");
    }
    if dice.once_in(3) {
        text.push_str("timeout: 3h\n");
    }
    let count = 2 + dice.below(3);
    let ends = (dice.once_in(3), dice.once_in(3));
    text.push_str(if ends.0 { "fallback: back\n" } else { "" });
    text.push_str(if ends.1 { "finally: last\n" } else { "" });
    text.push_str("steps:\n");
    for step in 0..count {
        let runs = one_of(dice, runs);
        let mut keys = match dice.below(8) {
            0 => format!("act: T, run: t{step}, undo: {{ run: u{step} }}"),
            1 => "verify: T, runbook: look, retry: { every: 10s, attempts: 2 }".to_owned(),
            2 => format!("act: T, run: t{step}, unless: {{ runbook: look }}"),
            3 => format!("act: T, run: t{step}, undo: {{ runbook: {runs} }}"),
            4 => format!("act: T, runbook: {runs}, undo: {{ run: u{step} }}"),
            5 => format!(
                "act: T, runbook: {runs}, for_each: {{ x: [1, 2, 3], width: 2{} }}",
                one_of(dice, &["", ", on_item_fail: continue"])
            ),
            6 => format!("act: T, runbook: {runs}, idempotent: true, retry: {{ every: 10s, attempts: 2 }}"),
            _ => format!("act: T, runbook: {runs}"),
        };
        if keys.starts_with("act") && !keys.contains("retry") && dice.once_in(4) {
            keys.push_str(", approve: operator");
        }
        if keys.contains("runbook") && !keys.contains("undo") && !keys.contains("unless") && dice.once_in(4) {
            keys.push_str(", timeout: 10m");
        }
        keys.push_str(one_of(dice, &["", "", ", needs: []", ", on_fail: done"]));
        let _done = writeln!(text, "  t{step}: {{ {keys} }}");
    }
    if ends.0 {
        let _done = writeln!(text, "  back: {{ act: B, runbook: {} }}", one_of(dice, runs));
    }
    if ends.1 {
        let _done = writeln!(text, "  last: {{ act: L, runbook: {} }}", one_of(dice, runs));
    }
    text
}

fn world_of(seed: u64) -> Option<(World, String)> {
    let mut dice = Dice(seed);
    let (low, other) = (Shape::random(&mut dice).text(), Shape::random(&mut dice).text());
    let mid = text(&mut dice, &["low", "other"]);
    let top = text(&mut dice, &["low", "mid", "other"]);
    let beside = [("look", LOOK), ("low", low.as_str()), ("other", other.as_str()), ("mid", mid.as_str())];
    let plan = try_plan_with(&top, &beside).ok()?;
    let attended = dice.once_in(2);
    let begun =
        RunStarted { yes: dice.once_in(3), step_by_step: attended && dice.once_in(5), ..started(Mode::Real, attended) };
    let mut world = World::with(plan, begun);
    world.nobody_reachable = dice.once_in(6);
    world.otherwise = Some(any_way);
    world.shuffle = Some(dice);
    let told: Vec<String> = beside.iter().map(|(name, text)| format!("--- {name}\n{text}")).collect();
    Some((world, format!("{top}\n{}", told.join(""))))
}

/// Each that began has ended once, and nothing of it began when it had; its step settled later.
fn check(world: &World) {
    let mut open: BTreeMap<AttemptKey, bool> = BTreeMap::new();
    for (_, record, _) in &world.records {
        match record {
            Record::CallStarted { key, .. } => {
                assert!(open.insert(key.clone(), true).is_none(), "{key:?} begins twice");
            }
            Record::CallEnded { key, .. } => {
                assert_eq!(open.insert(key.clone(), false), Some(true), "{key:?} ends without a beginning, or twice");
            }
            Record::StepSettled { step, .. } | Record::StepSkipped { step, .. } => {
                let running = open.iter().find(|(key, is_open)| key.step == *step && **is_open);
                assert!(running.is_none(), "{step} settles and {running:?} goes on");
            }
            _ => {}
        }
    }
    let running: Vec<&AttemptKey> = open.iter().filter(|(_, is_open)| **is_open).map(|(key, _)| key).collect();
    assert!(running.is_empty(), "the run is sealed and these go on: {running:?}");
}

fn runs(first: u64, crashes: usize) {
    let (mut tried, mut called) = (0, 0);
    for seed in seeds(first).step_by(3) {
        let Some((mut world, text)) = world_of(seed) else { continue };
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            drive(&mut world, &mut People { patience: 8 }, crashes);
            check(&world);
        }));
        if let Err(cause) = outcome {
            let records: Vec<String> = world.records.iter().map(|(_, record, _)| format!("{record:?}")).collect();
            println!("seed {seed}\n{text}\n{}", records.join("\n"));
            std::panic::resume_unwind(cause);
        }
        tried += 1;
        called += world.records.iter().filter(|(_, record, _)| matches!(record, Record::CallEnded { .. })).count();
    }
    assert!(tried > 0 && called > tried, "{called} calls in {tried} runs");
}

#[test]
fn a_run_that_runs_others_always_ends_and_each_of_them_does() {
    runs(4_000_000, 0);
}

#[test]
fn it_does_although_its_engine_dies_again_and_again() {
    runs(5_000_000, 6);
}
