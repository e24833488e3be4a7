//! A run that tries an earlier one again: what it takes over, and what it does not.

use runbook_core::run::record::{Record, RunOutcome};

use crate::world::{Go, World};

fn over(world: &World) -> Vec<&str> {
    let records = world.records.iter().map(|(_, record, _)| record);
    records
        .filter_map(|record| if let Record::StepTakenOver { step, .. } = record { Some(step.as_str()) } else { None })
        .collect()
}

/// Runs the steps, of which some fail, then tries again with all going well.
fn twice(steps: &str, failing: &[&str], again: &[&str]) -> (World, World) {
    let mut world = World::new(steps);
    for step in failing {
        world = world.goes(step, &[Go::Exit(1)]);
    }
    let earlier = world.run();
    let world = World::again(&earlier, again);
    (earlier, world)
}

#[test]
fn what_passed_is_taken_over_and_the_rest_runs() {
    let steps = "  a: { act: A, run: a, outputs: { x: '\"from a\"' } }\n  b: { verify: B, run: 'b {{ steps.a.outputs.x }}' }\n  c: { act: C, run: c }\n  d: { act: D, run: d }\n";
    let (earlier, world) = twice(steps, &["c"], &[]);
    assert_eq!(earlier.sealed(), Some(RunOutcome::Failed));
    assert_eq!(over(&world), ["a", "b"]);
    let world = world.run();
    assert_eq!(world.order(), ["c", "d"]);
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
}

#[test]
fn what_comes_after_a_step_that_is_to_run_again_runs_again_too() {
    let steps = "  a: { act: A, run: a }\n  b: { act: B, run: b }\n  side: { act: S, run: side, needs: [] }\n  c: { act: C, run: c, needs: [b, side] }\n";
    let (_, world) = twice(steps, &["c"], &["a"]);
    assert_eq!(over(&world), ["side"]);
    assert_eq!(world.run().order(), ["a", "b", "c"]);
}

#[test]
fn a_failure_that_was_taken_up_stands_with_what_took_it_up() {
    // As in a failover: that the server was not reachable is why it was shut down.
    let steps = "  reachable: { verify: R, run: reachable }\n  which: { decide: W, cases: [{ when: steps.reachable.failed, then: shut_down }], otherwise: done }\n  shut_down: { act: S, run: shut_down, on_fail: force }\n  force: { act: F, run: force, needs: [] }\n  then: { act: T, run: then, needs: [shut_down, force] }\n";
    let (_, world) = twice(steps, &["reachable", "then"], &[]);
    assert_eq!(over(&world), ["reachable", "which", "shut_down"]);
    let (_, world) = twice(steps, &["reachable", "shut_down", "then"], &[]);
    assert_eq!(over(&world), ["reachable", "which", "shut_down", "force"]);
    assert_eq!(world.run().order(), ["then"]);
    // What nothing took up is tried again, and what stood on it too.
    let (_, world) = twice(steps, &["reachable", "shut_down", "force"], &[]);
    assert_eq!(over(&world), ["reachable", "which"]);
}

#[test]
fn a_road_that_said_failed_is_not_taken_again_unasked() {
    let steps = "  a: { verify: A, run: a }\n  d: { decide: D, cases: [{ when: steps.a.failed, then: failed, because: so }], otherwise: b }\n  b: { act: B, run: b }\n";
    let (earlier, world) = twice(steps, &["a"], &[]);
    assert_eq!(earlier.sealed(), Some(RunOutcome::Failed));
    assert_eq!(over(&world), Vec::<&str>::new());
    assert_eq!(world.run().order(), ["a", "b"]);
    let (_, world) =
        twice("  a: { act: A, run: a, on_fail: [t, failed] }\n  t: { escalate: T, to: sre }\n", &["a"], &[]);
    assert_eq!(over(&world), Vec::<&str>::new());
}

#[test]
fn what_was_undone_runs_again() {
    let steps = "rollback: auto\nsteps:\n  look: { verify: L, run: look }\n  a: { act: A, run: a, undo: { run: back } }\n  b: { act: B, run: b }\n  c: { act: C, run: c }\n";
    let (earlier, world) = twice(steps, &["c"], &[]);
    assert_eq!(earlier.order(), ["look", "a", "b", "c", "a:undo"]);
    assert_eq!(over(&world), ["look"]);
}

#[test]
fn what_was_taken_over_is_undone_with_the_rest() {
    let steps = "rollback: ask\nsteps:\n  a: { act: A, run: a, undo: { run: back } }\n  b: { act: B, run: b, undo: { run: back } }\n  c: { act: C, run: c }\n";
    let mut earlier = World::new(steps).goes("c", &[Go::Exit(1)]).run();
    earlier.rollback(false);
    assert_eq!(earlier.sealed(), Some(RunOutcome::Failed));
    let mut world = World::again(&earlier, &[]).goes("c", &[Go::Exit(1)]).run();
    assert_eq!(over(&world), ["a", "b"]);
    world.rollback(true);
    assert_eq!(world.order(), ["c", "b:undo", "a:undo"]);
}

#[test]
fn what_its_own_when_passed_by_stays_passed_by() {
    let steps = "params: { deep: { type: boolean, default: false } }\nsteps:\n  a: { act: A, run: a }\n  b: { act: B, run: b, when: params.deep }\n  c: { act: C, run: c }\n  d: { act: D, run: d }\n";
    let (_, world) = twice(steps, &["d"], &[]);
    assert_eq!(over(&world), ["a", "b", "c"]);
    let world = world.run();
    assert_eq!((world.order(), world.outcome("b").as_str()), (vec!["d".to_owned()], "by its own when"));
}

#[test]
fn the_end_of_a_run_is_not_taken_over() {
    let steps = "fallback: tell\nfinally: [tidy]\nsteps:\n  a: { act: A, run: a }\n  b: { act: B, run: b }\n  tell: { escalate: T, to: sre }\n  tidy: { act: Y, run: tidy }\n";
    let (earlier, world) = twice(steps, &["b"], &[]);
    assert_eq!(earlier.ran_escalation("tell"), 1);
    assert_eq!(over(&world), ["a"]);
    assert_eq!(world.run().order(), ["b", "tidy"]);
}

#[test]
fn a_run_that_was_cancelled_is_gone_on_with() {
    let mut earlier =
        World::attended("  a: { act: A, run: a }\n  b: { verify: B, ask: Q }\n  c: { act: C, run: c }\n").start();
    earlier.cancel();
    assert_eq!(earlier.sealed(), Some(RunOutcome::Cancelled));
    assert_eq!(over(&World::again(&earlier, &[])), ["a"]);
}
