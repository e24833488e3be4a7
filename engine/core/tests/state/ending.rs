//! The end of a run: rollback, `finally`, the seal.

use runbook_core::run::record::{AnswerWord, Part, Phase, Record, RunOutcome, SettleWord};

use crate::world::{Go, World};

const TWO: &str = "steps:\n  a: { act: A, run: a, undo: { run: back_a } }\n  b: { act: B, run: b, undo: { run: back_b } }\n  \
    c: { act: C, run: c }\n  tidy: { act: T, run: tidy }\nfinally: [tidy]\n";

fn two(rollback: &str) -> World {
    World::new(&format!("rollback: {rollback}\n{TWO}")).goes("c", &[Go::Exit(1)])
}

#[test]
fn auto_undoes_the_newest_first_and_then_finally_runs() {
    let world = two("auto").run();
    assert_eq!(world.order(), ["a", "b", "c", "b:undo", "a:undo", "tidy"]);
    assert_eq!(world.sealed(), Some(RunOutcome::Failed));
    assert!(!world.seal().1.iter().any(|open| open.contains("undone")), "{:?}", world.seal());
}

#[test]
fn never_leaves_what_was_done() {
    let world = two("never").run();
    assert_eq!(world.order(), ["a", "b", "c", "tidy"]);
    assert_eq!(world.seal().1[..2], ["b was done and is not undone", "a was done and is not undone"]);
}

#[test]
fn ask_asks_once_and_waits() {
    let mut world = two("ask").run();
    assert!(world.suspended);
    assert_eq!(world.sealed(), None);
    assert_eq!(world.order(), ["a", "b", "c"]);
    world.rollback(true);
    assert_eq!(world.order(), ["a", "b", "c", "b:undo", "a:undo", "tidy"]);
    let mut world = two("ask").run();
    world.rollback(false);
    assert_eq!(world.order(), ["a", "b", "c", "tidy"]);
    assert_eq!(world.sealed(), Some(RunOutcome::Failed));
}

#[test]
fn a_run_that_comes_to_its_end_undoes_nothing() {
    let world = World::new(&format!("rollback: auto\n{TWO}")).run();
    assert_eq!(world.order(), ["a", "b", "c", "tidy"]);
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
}

#[test]
fn the_first_undo_that_fails_stops_it() {
    let world = two("auto").part_goes("b", Part::Undo, &[Go::Exit(1)]).run();
    assert_eq!(world.order(), ["a", "b", "c", "b:undo", "tidy"]);
    assert_eq!(world.seal().1[..2], ["b could not be undone", "a was done and is not undone"]);
    assert_eq!(world.sealed(), Some(RunOutcome::Failed));
}

#[test]
fn a_half_done_act_is_undone_and_one_that_did_not_start_is_not() {
    let world = World::new(&format!("rollback: auto\n{TWO}")).goes("b", &[Go::Exit(1)]).run();
    assert_eq!(world.order(), ["a", "b", "b:undo", "a:undo", "tidy"]);
    let world = World::new(&format!("rollback: auto\n{TWO}")).goes("b", &[Go::Missing]).run();
    assert_eq!(world.order(), ["a", "a:undo", "tidy"]);
    // It was to start, and the system would not start it.
    let mut world = World::new(&format!("rollback: auto\n{TWO}")).goes("b", &[Go::Hangs]).start();
    world.end(
        "b",
        runbook_core::run::record::End::NotStarted(runbook_core::run::record::StartFailure {
            kind: runbook_core::run::record::StartFailureKind::Other,
            message: "no memory".to_owned(),
        }),
    );
    assert_eq!(world.order(), ["a", "b", "a:undo", "tidy"]);
}

#[test]
fn it_follows_every_end_but_the_good_one() {
    // Denied, handed over or not.
    for (denied, outcome) in [("", RunOutcome::Cancelled), (", denied: give", RunOutcome::Escalated)] {
        let text = format!(
            "rollback: auto\nsteps:\n  a: {{ act: A, run: a, undo: {{ run: back }} }}\n  b: {{ act: B, run: b, approve: operator{denied} }}\n{}",
            if denied.is_empty() { "" } else { "  give: { escalate: G, to: sre, handover: true }\n" }
        );
        let mut world = World::attended(&text).start();
        world.deny("b");
        assert_eq!(world.order(), ["a", "a:undo"], "{denied}");
        assert_eq!(world.sealed(), Some(outcome));
    }
    // `failed` was taken.
    let text = "rollback: auto\nsteps:\n  a: { act: A, run: a, undo: { run: back } }\n  \
        d: { decide: D, cases: [{ when: 1 == 1, then: failed, because: so }], otherwise: done }\n";
    assert_eq!(World::new(text).run().order(), ["a", "a:undo"]);
    // Beside others that handle it, too.
    let text = "rollback: auto\nsteps:\n  a: { act: A, run: a, undo: { run: back }, on_fail: [tell, failed] }\n  tell: { escalate: T, to: sre }\n";
    let world = World::new(text).goes("a", &[Go::Exit(1)]).run();
    assert_eq!(world.order(), ["a", "a:undo"]);
    assert_eq!(world.ran_escalation("tell"), 1);
    // A handover alone undoes nothing: the next one goes on from here.
    let text = "rollback: auto\nsteps:\n  a: { act: A, run: a, undo: { run: back } }\n  t: { escalate: T, to: sre, handover: true }\n";
    let world = World::new(text).run();
    assert_eq!(world.order(), ["a"]);
    assert_eq!(world.sealed(), Some(RunOutcome::Escalated));
    // A failure that was handed over to somebody does.
    let text = "rollback: auto\nsteps:\n  a: { act: A, run: a, undo: { run: back } }\n  b: { act: B, run: b }\n  \
        t: { escalate: T, to: sre, handover: true }\nfallback: t\n";
    let world = World::new(text).goes("b", &[Go::Exit(1)]).run();
    assert_eq!(world.order(), ["a", "b", "a:undo"]);
    assert_eq!(world.sealed(), Some(RunOutcome::Escalated));
}

const BY_STEP: &str = "rollback: auto\nsteps:\n  open: { act: O, run: open, undo: close }\n  work: { act: W, run: work }\n  \
    close: { act: C, run: close, when: 1 == 2 || params.close }\n";

fn by_step(close: bool) -> World {
    World::new(&format!("params: {{ close: {{ type: boolean, default: {close} }} }}\n{BY_STEP}"))
}

#[test]
fn an_act_that_undoes_another_is_a_step_like_any_other() {
    let world = by_step(true).run();
    assert_eq!(world.order(), ["open", "work", "close"]);
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
}

#[test]
fn named_by_its_id_it_runs_whatever_its_own_end_was() {
    for close in [true, false] {
        let world = by_step(close).goes("work", &[Go::Exit(1)]).run();
        assert_eq!(world.order(), ["open", "work", "close"], "its own needs and when are not asked");
        assert_eq!(world.outcome("close"), "passed");
        assert_eq!(world.sealed(), Some(RunOutcome::Failed));
    }
}

#[test]
fn what_passed_since_has_undone_it_already() {
    let text = "rollback: auto\nsteps:\n  open: { act: O, run: open, undo: close }\n  close: { act: C, run: close }\n  \
        late: { act: L, run: late }\n";
    let world = World::new(text).goes("late", &[Go::Exit(1)]).run();
    assert_eq!(world.order(), ["open", "close", "late"]);
    // It ran and failed: it runs again.
    let world = World::new(text).goes("close", &[Go::Exit(1), Go::Exit(0)]).run();
    assert_eq!(world.order(), ["open", "close", "close"]);
    let world = World::new(text).goes("close", &[Go::Exit(1)]).run();
    assert_eq!(world.order(), ["open", "close", "close"]);
    assert_eq!(world.seal().1[0], "open could not be undone");
}

#[test]
fn no_roads_are_followed_from_an_undo() {
    let text = "rollback: auto\nsteps:\n  open: { act: O, run: open, undo: close }\n  late: { act: L, run: late }\n  \
        close: { act: C, run: close, on_fail: [tell, failed] }\n  tell: { escalate: T, to: sre }\n";
    let world = World::new(text).goes("late", &[Go::Exit(1)]).goes("close", &[Go::Exit(1)]).run();
    assert_eq!(world.order(), ["open", "late", "close"]);
    assert_eq!(world.told.len(), 0);
}

#[test]
fn what_a_person_did_is_undone_by_a_person() {
    let text = "rollback: auto\nsteps:\n  cable: { act: C, instruct: Pull it, undo: plug }\n  work: { act: W, run: work }\n  \
        plug: { act: P, instruct: Plug it in }\n";
    let mut world = World::attended(text).goes("work", &[Go::Exit(1)]).start();
    world.answer("cable", AnswerWord::Yes);
    world.settle("work", SettleWord::Fail);
    assert_eq!(world.outcome("plug"), "active");
    // The process may end at the prompt.
    world.resume();
    world.answer("plug", AnswerWord::Yes);
    assert_eq!(world.sealed(), Some(RunOutcome::Failed));
    assert!(!world.seal().1.iter().any(|open| open.contains("undone")), "{:?}", world.seal());
    let mut world = World::attended(text).goes("work", &[Go::Exit(1)]).start();
    world.answer("cable", AnswerWord::Yes);
    world.settle("work", SettleWord::Fail);
    world.answer("plug", AnswerWord::No);
    world.settle_any(SettleWord::Fail);
    assert_eq!(world.seal().1[0], "cable could not be undone");
}

#[test]
fn an_act_done_by_hand_is_undone() {
    let text = "rollback: auto\nsteps:\n  a: { act: A, run: a, undo: { run: back } }\n  b: { act: B, run: b }\n";
    let mut world = World::attended(text).goes("a", &[Go::Missing]).goes("b", &[Go::Exit(1)]).start();
    world.settle("a", SettleWord::ByHand);
    world.settle("b", SettleWord::Fail);
    assert_eq!(world.order(), ["b", "a:undo"]);
}

#[test]
fn an_undo_asks_as_its_act_asked() {
    let text = "rollback: auto\nsteps:\n  a: { act: A, run: a, approve: operator, undo: { run: back } }\n  b: { act: B, run: b }\n";
    let mut world = World::new(text).goes("b", &[Go::Exit(1)]).start();
    world.approve("a");
    assert_eq!(world.order(), ["a", "b"]);
    world.approve("a");
    assert_eq!(world.order(), ["a", "b", "a:undo"]);
    let mut world = World::new(text).goes("b", &[Go::Exit(1)]).start();
    world.approve("a");
    world.deny("a");
    assert_eq!(world.order(), ["a", "b"]);
    assert_eq!(world.sealed(), Some(RunOutcome::Failed), "the run was not denied");
    assert_eq!(world.seal().1[0], "a could not be undone");
}

#[test]
fn a_denial_in_rollback_or_finally_does_not_cancel_the_run() {
    let text = "rollback: auto\nsteps:\n  a: { act: A, run: a, undo: b }\n  c: { act: C, run: c }\n  b: { act: B, run: b, approve: operator }\n";
    let mut world = World::new(text).goes("c", &[Go::Exit(1)]).start();
    world.deny("b");
    assert_eq!(world.sealed(), Some(RunOutcome::Failed));
    assert_eq!(world.seal().0, "c failed and nothing handled it; rollback failed");
    let text = "steps:\n  a: { act: A, run: a }\n  b: { act: B, run: b, approve: operator }\nfinally: [b]\n";
    let mut world = World::new(text).start();
    world.deny("b");
    assert_eq!(world.sealed(), Some(RunOutcome::Failed));
}

#[test]
fn an_undo_is_tried_again_in_a_cancelled_run_too() {
    let text = "rollback: auto\nsteps:\n  a: { act: A, run: a, undo: b }\n  q: { verify: Q, ask: Q }\n  \
        b: { act: B, run: b, idempotent: true, retry: { every: 5s, attempts: 3 } }\n";
    let mut world = World::new(text).goes("b", &[Go::Exit(1), Go::Exit(1), Go::Exit(0)]).start();
    world.cancel();
    world.let_time_pass();
    assert_eq!(world.order(), ["a", "b", "b", "b"]);
    assert_eq!(world.sealed(), Some(RunOutcome::Cancelled));
    assert!(!world.seal().1.iter().any(|open| open.contains("undone")), "{:?}", world.seal());
}

#[test]
fn what_undoes_another_is_not_undone_itself() {
    let text = "rollback: auto\nsteps:\n  a: { act: A, run: a, undo: b }\n  c: { act: C, run: c }\n  b: { act: B, run: b, undo: { run: back } }\n";
    let world = World::new(text).goes("c", &[Go::Exit(1)]).run();
    assert_eq!(world.order(), ["a", "c", "b"]);
}

#[test]
fn finally_runs_in_order_each_whatever_the_one_before_did() {
    let text = "steps:\n  a: { act: A, run: a }\n  x: { act: X, run: x }\n  y: { act: Y, run: y, when: run.failure.step == 'a' }\n  \
        z: { verify: Z, run: z }\nfinally: [z, x, y]\n";
    let world = World::new(text).goes("a", &[Go::Exit(1)]).goes("z", &[Go::Exit(1)]).goes("x", &[Go::Exit(1)]).run();
    assert_eq!(world.order(), ["a", "z", "x", "y"]);
    assert_eq!(world.sealed(), Some(RunOutcome::Failed));
}

#[test]
fn a_finally_that_fails_makes_a_good_run_failed() {
    let text = "steps:\n  a: { act: A, run: a }\n  x: { act: X, run: x }\nfinally: [x]\n";
    for way in [Go::Exit(1), Go::Missing] {
        let world = World::new(text).goes("x", &[way]).run();
        assert_eq!(world.sealed(), Some(RunOutcome::Failed));
    }
    let text = "steps:\n  a: { act: A, run: a }\n  t: { escalate: T, to: sre, handover: true }\n  x: { act: X, run: x }\nfinally: [x]\n";
    assert_eq!(World::new(text).goes("x", &[Go::Exit(1)]).run().sealed(), Some(RunOutcome::Failed));
    let mut world = World::attended("steps:\n  q: { verify: Q, ask: Q }\n  x: { act: X, run: x }\nfinally: [x]\n")
        .goes("x", &[Go::Exit(1)])
        .start();
    world.cancel();
    world.settle_any(SettleWord::Fail);
    assert_eq!(world.sealed(), Some(RunOutcome::Cancelled), "cancelled stays cancelled");
}

#[test]
fn a_finally_step_starts_nowhere_else() {
    let text = "steps:\n  x: { act: X, run: x }\n  a: { act: A, run: a }\n  b: { act: B, run: b }\nfinally: [x]\n";
    let world = World::new(text).run();
    assert_eq!(world.order(), ["a", "b", "x"]);
}

#[test]
fn doubts_are_settled_before_rollback() {
    let mut world = World::new(&format!("rollback: auto\n{TWO}")).goes("b", &[Go::Lost]).run();
    assert_eq!(world.order(), ["a", "b"]);
    world.settle("b", SettleWord::NotDone);
    assert_eq!(world.order(), ["a", "b", "b:undo", "a:undo", "tidy"]);
}

#[test]
fn an_act_that_undoes_another_is_in_doubt_as_ever() {
    let mut world = by_step(true).goes("work", &[Go::Exit(1)]).goes("close", &[Go::Lost]).run();
    assert_eq!(world.sealed(), None);
    world.settle("close", SettleWord::Done);
    assert!(!world.seal().1.iter().any(|open| open.contains("undone")), "{:?}", world.seal());
}

#[test]
fn the_phases_come_in_order_and_the_seal_is_last() {
    let world = two("auto").run();
    let phases: Vec<Phase> = world
        .records
        .iter()
        .filter_map(|(_, record, _)| match record {
            Record::PhaseEntered { phase, .. } => Some(*phase),
            _ => None,
        })
        .collect();
    assert_eq!(phases, [Phase::Ending, Phase::Rollback, Phase::Finally, Phase::Over]);
    assert!(matches!(world.records.last().unwrap().1, Record::RunSealed { .. }));
}

#[test]
fn an_undo_whose_end_nobody_saw_is_settled_before_anything_else() {
    let lost = || two("auto").part_goes("b", Part::Undo, &[Go::Lost, Go::Exit(0)]).run();
    let mut world = lost();
    assert!(world.suspended);
    assert_eq!(world.order(), ["a", "b", "c", "b:undo"]);
    world.settle_any(SettleWord::Done);
    assert_eq!(world.order(), ["a", "b", "c", "b:undo", "a:undo", "tidy"]);
    assert!(!world.seal().1.iter().any(|open| open.contains("undone")), "{:?}", world.seal());

    let mut world = lost();
    world.settle_any(SettleWord::NotDone);
    assert_eq!(world.order(), ["a", "b", "c", "b:undo", "tidy"]);
    assert_eq!(world.seal().1[..2], ["b could not be undone", "a was done and is not undone"]);

    let mut world = lost();
    world.settle_any(SettleWord::Again);
    assert_eq!(world.order(), ["a", "b", "c", "b:undo", "b:undo", "a:undo", "tidy"]);
}
