//! Cancel, once and twice, at every point.

use std::time::Duration;

use runbook_core::run::event::Input;
use runbook_core::run::record::{AnswerWord, End, Part, Record, RunOutcome, SettleWord};

use crate::world::{Go, World};

const TEXT: &str = "parallel: 8\nrollback: auto\nsteps:\n  \
    made: { act: D, run: made, needs: [], undo: { run: undo } }\n  \
    point: POINT\n  after: { act: F, run: after, needs: [point] }\n  \
    tell: { escalate: T, to: sre }\n  tidy: { act: Y, run: tidy }\nfallback: tell\nfinally: [tidy]\n";

fn at(point: &str) -> World {
    World::attended(&TEXT.replace("POINT", point)).goes("point", &[Go::Hangs])
}

/// Whatever waits or looks ends at the first cancel, is skipped, and the end comes: undo, `finally`, no fallback.
#[test]
fn once_while_something_waits_or_looks() {
    for (point, stops) in [
        ("{ verify: P, run: point, needs: [made] }", true),
        ("{ verify: P, ask: Q, needs: [made] }", false),
        ("{ decide: P, ask: Q, choices: { one: [after], two: done }, needs: [made] }", false),
        ("{ act: P, instruct: Do it, needs: [made] }", false),
        ("{ act: P, run: point, approve: operator, needs: [made] }", false),
        ("{ act: P, wait: 1h, needs: [made] }", false),
        ("{ escalate: P, to: sre, ack: { within: 1h }, needs: [made] }", false),
    ] {
        let text = if point.contains("choices") {
            TEXT.replace("POINT", point)
                .replace("after: { act: F, run: after, needs: [point] }", "after: { act: F, run: after }")
        } else {
            TEXT.replace("POINT", point)
        };
        let mut world = World::attended(&text).goes("point", &[Go::Hangs]).start();
        assert_eq!(world.outcome("point"), "active", "{point}");
        world.cancel();
        assert_eq!(world.outcome("point"), "cancelled", "{point}");
        assert_eq!(world.stopped.len(), usize::from(stops), "{point}");
        assert_eq!(world.outcome("after"), "cancelled", "{point}");
        assert_eq!(world.outcome("tell"), "cancelled", "no fallback after a cancel: {point}");
        let order = world.order();
        assert_eq!(order[order.len() - 2..], ["made:undo", "tidy"], "{point}");
        assert_eq!(world.sealed(), Some(RunOutcome::Cancelled), "{point}");
    }
}

#[test]
fn once_while_an_act_runs_it_is_let_end() {
    let mut world = at("{ act: P, run: point, needs: [made], undo: { run: back } }").start();
    world.cancel();
    assert!(world.stopped.is_empty());
    assert_eq!(world.outcome("after"), "waiting");
    world.end("point", End::Exited(0));
    assert_eq!(world.outcome("point"), "passed");
    assert_eq!(world.order(), ["made", "point", "point:undo", "made:undo", "tidy"]);
    assert_eq!(world.sealed(), Some(RunOutcome::Cancelled));
}

/// The engine dies when what is to run is planned, and a cancel is what the next one finds.
#[test]
fn before_the_next_engine_goes_on() {
    for point in ["act: A, run: a", "verify: A, run: a", "act: A, run: a, approve: operator"] {
        let mut world = World::attended(&format!("  a: {{ {point} }}\n")).goes("a", &[Go::Hangs]).start();
        if point.contains("approve") {
            world.approve("a");
        }
        let last = world.records.iter().position(|(_, record, _)| matches!(record, Record::StepIntent { .. }));
        world.crash_after(last.unwrap(), Some(Input::Cancel { reason: "enough".to_owned() }));
        world.settle_down();
        assert_eq!((world.outcome("a").as_str(), world.ran("a")), ("cancelled", 0), "{point}");
        assert_eq!(world.sealed(), Some(RunOutcome::Cancelled));
    }
}

#[test]
fn what_was_ready_and_had_no_place_does_not_start() {
    for point in ["{ act: P, wait: 1m, needs: [] }", "{ verify: P, run: point, needs: [] }"] {
        let text = format!("steps:\n  a: {{ act: A, run: a, needs: [] }}\n  point: {point}\n");
        let mut world = World::attended(&text).goes("a", &[Go::Hangs]).start();
        world.cancel();
        world.end("a", End::Exited(0));
        assert_eq!((world.outcome("point").as_str(), world.sealed()), ("cancelled", Some(RunOutcome::Cancelled)));
        assert!(
            !world
                .records
                .iter()
                .any(|(_, record, _)| matches!(record, Record::StepIntent { key, .. } if key.step == "point"))
        );
    }
}

#[test]
fn on_the_road_after_a_failure_too() {
    let text = "steps:\n  a: { act: A, run: a }\n  m: { verify: M, run: m }\n  n: { act: N, run: n, needs: [m] }\n  \
        w: { act: W, wait: 1m, needs: [m] }\nfallback: m\n";
    let mut world = World::new(text).goes("a", &[Go::Exit(1)]).goes("n", &[Go::Hangs]).start();
    world.cancel();
    world.end("n", End::Exited(0));
    assert_eq!((world.outcome("w").as_str(), world.sealed()), ("cancelled", Some(RunOutcome::Cancelled)));
    assert!(
        !world.records.iter().any(|(_, record, _)| matches!(record, Record::StepIntent { key, .. } if key.step == "w"))
    );
}

#[test]
fn twice_while_an_act_runs_ends_it() {
    let mut world = at("{ act: P, run: point, needs: [made] }").start();
    world.cancel();
    world.cancel();
    assert_eq!(world.stopped.len(), 1);
    assert_eq!(world.outcome("point"), "active", "nobody knows how far it came");
    assert_eq!(world.order().len(), 2, "doubts are settled before rollback");
    world.settle("point", SettleWord::Again);
    assert!(matches!(world.last_but_suspension(), Record::Refused { .. }), "nothing new starts");
    world.settle("point", SettleWord::NotDone);
    assert_eq!(world.outcome("point"), "failed");
    assert_eq!(world.sealed(), Some(RunOutcome::Cancelled));
}

#[test]
fn twice_while_an_idempotent_act_runs_it_is_not_tried_again() {
    let mut world =
        at("{ act: P, run: point, needs: [made], idempotent: true, retry: { every: 1s, attempts: 9 } }").start();
    world.cancel();
    world.cancel();
    assert_eq!(world.outcome("point"), "failed");
    assert_eq!(world.ran("point"), 1);
    assert_eq!(world.sealed(), Some(RunOutcome::Cancelled));
}

#[test]
fn once_between_two_attempts() {
    let text = "{ verify: P, run: point, needs: [made], retry: { every: 1h, attempts: 9 } }";
    let mut world = World::attended(&TEXT.replace("POINT", text)).goes("point", &[Go::Exit(1)]).start();
    world.cancel();
    assert_eq!((world.outcome("point").as_str(), world.ran("point")), ("cancelled", 1));
    let text = "{ act: P, run: point, idempotent: true, needs: [made], retry: { every: 1h, attempts: 9 } }";
    let mut world = World::attended(&TEXT.replace("POINT", text)).goes("point", &[Go::Exit(1)]).start();
    world.cancel();
    assert_eq!((world.outcome("point").as_str(), world.ran("point")), ("failed", 1), "it ran and failed");
    assert_eq!(world.sealed(), Some(RunOutcome::Cancelled));
}

/// The cancel comes between what is to run being planned and its start.
#[test]
fn once_between_plan_and_start() {
    for (point, outcome, ran) in [
        ("{ act: P, run: point, needs: [made] }", "cancelled", 0),
        ("{ verify: P, run: point, needs: [made] }", "cancelled", 0),
        ("{ act: P, run: point, unless: { run: look }, needs: [made] }", "cancelled", 0),
    ] {
        let mut world = World::attended(&TEXT.replace("POINT", point)).part_goes("point", Part::Unless, &[Go::Exit(1)]);
        world.take_in(runbook_core::run::event::Event::Started);
        while world.outcome("point") != "active" {
            assert!(world.take_in_next());
        }
        world.take_in(runbook_core::run::event::Event::Said {
            actor: crate::world::operator(),
            input: runbook_core::run::event::Input::Cancel { reason: "enough".to_owned() },
        });
        world.settle_down();
        assert_eq!((world.outcome("point").as_str(), world.ran("point")), (outcome, ran), "{point}");
        assert_eq!(world.sealed(), Some(RunOutcome::Cancelled));
    }
}

/// The same, where an attempt was there before: an act that ran did not *not run*.
#[test]
fn once_while_another_attempt_is_planned() {
    let text = "{ act: P, run: point, idempotent: true, needs: [made], retry: { every: 1h, attempts: 9 } }";
    let mut world = World::attended(&TEXT.replace("POINT", text)).goes("point", &[Go::Exit(1)]).start();
    world.now = world.state.next_deadline().unwrap();
    world.take_in(runbook_core::run::event::Event::Deadline);
    world.take_in(runbook_core::run::event::Event::Said {
        actor: crate::world::operator(),
        input: runbook_core::run::event::Input::Cancel { reason: "enough".to_owned() },
    });
    world.settle_down();
    assert_eq!((world.outcome("point").as_str(), world.ran("point")), ("failed", 1));
    assert_eq!(world.sealed(), Some(RunOutcome::Cancelled));
}

#[test]
fn once_while_an_unless_looks() {
    let point = "{ act: P, run: point, unless: { run: look }, needs: [made] }";
    let mut world =
        World::attended(&TEXT.replace("POINT", point)).part_goes("point", Part::Unless, &[Go::Hangs]).start();
    world.cancel();
    assert_eq!(world.stopped.len(), 1);
    assert_eq!((world.outcome("point").as_str(), world.ran("point")), ("cancelled", 0));
}

#[test]
fn a_look_at_how_an_act_ended_goes_on_after_a_cancel() {
    let point = "{ act: P, run: point, unless: { run: look }, needs: [made], undo: { run: back } }";
    let mut world = World::attended(&TEXT.replace("POINT", point))
        .goes("point", &[Go::Lost])
        .part_goes("point", Part::Unless, &[Go::Exit(1)])
        .part_goes("point", Part::Doubt, &[Go::Hangs])
        .start();
    world.cancel();
    assert!(world.stopped.is_empty());
    world.end("point", End::Exited(0));
    assert_eq!(world.outcome("point"), "passed");
    assert!(world.order().contains(&"point:undo".to_owned()));
    assert_eq!(world.sealed(), Some(RunOutcome::Cancelled));
}

#[test]
fn a_look_that_was_ended_settles_no_doubt() {
    let point = "{ act: P, run: point, unless: { run: look }, needs: [made] }";
    let mut world = World::attended(&TEXT.replace("POINT", point))
        .goes("point", &[Go::Lost])
        .part_goes("point", Part::Unless, &[Go::Exit(1)])
        .part_goes("point", Part::Doubt, &[Go::Hangs])
        .start();
    world.cancel();
    world.cancel();
    assert_eq!(world.stopped.len(), 1);
    assert_eq!(world.outcome("point"), "active");
    world.settle("point", SettleWord::Done);
    assert_eq!(world.sealed(), Some(RunOutcome::Cancelled));
}

#[test]
fn once_while_a_doubt_is_open() {
    let mut world = World::attended(&TEXT.replace("POINT", "{ act: P, run: point, needs: [made] }"))
        .goes("point", &[Go::Lost])
        .start();
    world.cancel();
    assert_eq!((world.outcome("point").as_str(), world.sealed()), ("active", None));
    world.settle("point", SettleWord::Done);
    assert_eq!(world.outcome("point"), "passed");
    assert_eq!(world.sealed(), Some(RunOutcome::Cancelled));
}

#[test]
fn once_while_a_person_is_asked_about_a_failure() {
    let mut world = World::attended(&TEXT.replace("POINT", "{ act: P, run: point, needs: [made] }"))
        .goes("point", &[Go::Exit(1)])
        .start();
    assert_eq!(world.state.requests().count(), 1);
    world.cancel();
    assert_eq!(world.outcome("point"), "failed");
    assert_eq!(world.sealed(), Some(RunOutcome::Cancelled));
}

#[test]
fn once_while_the_fallback_runs() {
    let text = "steps:\n  a: { act: A, run: a }\n  mend: { act: M, run: mend }\n  more: { act: N, needs: [mend], run: more }\nfallback: mend\n";
    let mut world = World::new(text).goes("a", &[Go::Exit(1)]).goes("mend", &[Go::Hangs]).start();
    world.cancel();
    world.end("mend", End::Exited(0));
    assert_eq!((world.outcome("mend").as_str(), world.outcome("more").as_str()), ("passed", "cancelled"));
    assert_eq!(world.sealed(), Some(RunOutcome::Cancelled));
}

#[test]
fn in_rollback_and_finally_once_says_what_is_left() {
    let text = "rollback: auto\nsteps:\n  a: { act: A, run: a, undo: { run: back } }\n  b: { act: B, run: b }\n  \
        tidy: { act: T, run: tidy }\n  sweep: { act: S, run: sweep }\nfinally: [tidy, sweep]\n";
    let mut world = World::new(text)
        .goes("b", &[Go::Exit(1)])
        .part_goes("a", Part::Undo, &[Go::Hangs])
        .goes("tidy", &[Go::Hangs])
        .start();
    world.cancel();
    assert!(world.stopped.is_empty());
    world.pass(Duration::from_secs(6));
    world.cancel();
    assert!(world.stopped.is_empty(), "the first was more than five seconds ago");
    world.pass(Duration::from_secs(5));
    world.cancel();
    assert_eq!(world.stopped.len(), 1);
    // How far the undo came nobody knows, until somebody says.
    assert_eq!(world.outcome("tidy"), "waiting");
    world.settle("a", SettleWord::NotDone);
    assert_eq!(world.outcome("tidy"), "active");
    world.cancel();
    world.cancel();
    assert_eq!(world.stopped.len(), 2);
    world.settle("tidy", SettleWord::NotDone);
    assert_eq!(world.order(), ["a", "b", "a:undo", "tidy", "sweep"], "it goes on with the next");
    assert_eq!(world.sealed(), Some(RunOutcome::Failed), "cancelled only when its steps were");
    assert!(world.seal().1.iter().any(|open| open == "a could not be undone"), "{:?}", world.seal());
}

#[test]
fn in_finally_twice_ends_a_question_and_a_pause_too() {
    let text = "steps:\n  a: { act: A, run: a }\n  asks: { verify: Q, ask: Q }\n  \
        tries: { verify: T, run: tries, retry: { every: 1h, attempts: 3 } }\n  waits: { act: W, wait: 1h }\n  \
        sweep: { act: S, run: sweep }\nfinally: [asks, tries, waits, sweep]\n";
    let mut world = World::attended(text).goes("tries", &[Go::Exit(1)]).start();
    for step in ["asks", "tries", "waits"] {
        assert_eq!(world.outcome(step), "active");
        world.cancel();
        assert_eq!(world.outcome(step), "active");
        world.cancel();
        assert_ne!(world.outcome(step), "active", "{step}");
        world.pass(Duration::from_secs(6));
    }
    assert_eq!(world.ran("sweep"), 1);
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved), "the procedure had come to its end before");
}

#[test]
fn a_verify_that_was_ended_in_finally_is_not_tried_again() {
    let text = "steps:\n  a: { act: A, run: a }\n  tries: { verify: T, run: tries, retry: { every: 1s, attempts: 3 } }\nfinally: [tries]\n";
    let mut world = World::attended(text).goes("tries", &[Go::Hangs]).start();
    world.cancel();
    world.cancel();
    assert_eq!(world.ran("tries"), 1);
    world.settle("tries", SettleWord::Fail);
    assert_eq!(world.sealed(), Some(RunOutcome::Failed));
}

#[test]
fn the_timeout_of_a_run_is_a_cancel_with_that_reason() {
    let text = "timeout: 10m\nsteps:\n  a: { verify: A, ask: Q }\n  b: { act: B, run: b }\n";
    let world = World::new(text).run();
    assert_eq!(world.sealed(), Some(RunOutcome::Cancelled));
    assert!(world.seal().0.contains("timeout"), "{:?}", world.seal());
    assert_eq!(world.now.duration_since(crate::world::beginning()).as_secs(), 600);
    let text = "timeout: 10m\nsteps:\n  a: { act: A, run: a }\n  q: { verify: Q, ask: Q }\nfinally: [q]\n";
    let mut world = World::attended(text).run();
    world.pass(Duration::from_secs(3600));
    world.answer("q", AnswerWord::Yes);
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved), "finally is not cut short");
}

#[test]
fn before_the_first_step_and_after_the_last() {
    let mut world = World::attended("  a: { verify: A, ask: Q }\n").start();
    world.cancel();
    assert_eq!(world.sealed(), Some(RunOutcome::Cancelled));
    let records = world.records.len();
    world.cancel();
    assert_eq!(world.records.len(), records, "nothing is appended to a sealed run");
}
