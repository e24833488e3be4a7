//! Attempts: how they are judged, when another follows, and what becomes of an act whose end nobody knows.

use std::time::Duration;

use runbook_core::run::record::{End, Part, Record, RunOutcome, SettleWord};

use crate::world::{Go, World};

/// How long after the run's start each attempt of a step was started, in seconds.
fn starts(world: &World, step: &str) -> Vec<i64> {
    let started = crate::world::beginning();
    let of_step = world.records.iter().filter_map(|(_, record, at)| match record {
        Record::StepIntent { key, .. } if key.step == step && key.part == Part::Main => Some(at),
        _ => None,
    });
    of_step.map(|at| at.duration_since(started).as_secs()).collect()
}

#[test]
fn how_a_verify_is_judged() {
    let judged = |rest: &str, way: Go| {
        let world = World::new(&format!("  a: {{ verify: A, run: a{rest} }}\n")).goes("a", &[way]).run();
        world.outcome("a")
    };
    for (rest, way, outcome) in [
        ("", Go::Exit(0), "passed"),
        ("", Go::Exit(1), "failed"),
        ("", Go::Exit(126), "unknown"),
        ("", Go::Exit(127), "unknown"),
        ("", Go::Missing, "unknown"),
        ("", Go::TimeOut, "failed"),
        ("", Go::Signal, "failed"),
        (", expect: 'stdout == \"up\"'", Go::Says(0, "up\n"), "passed"),
        (", expect: 'stdout == \"up\"'", Go::Says(0, "down\n"), "failed"),
        (", expect: 'stdout == \"up\"'", Go::Says(1, "up\n"), "failed"),
        (", expect: exit_code == 3", Go::Exit(3), "passed"),
        (", expect: exit_code == 3", Go::Exit(0), "failed"),
        (", expect: number(stdout) > 1", Go::Says(0, "many"), "unknown"),
        (", outputs: { n: number(stdout) }", Go::Says(0, "many"), "unknown"),
        (", outputs: { n: number(stdout) }", Go::Says(1, "many"), "failed"),
        (", unclear: exit_code > 1", Go::Exit(2), "unknown"),
        (", unclear: exit_code > 1", Go::Exit(1), "failed"),
        (", unclear: exit_code > 1", Go::Exit(0), "passed"),
        (", unclear: number(stdout) > 1", Go::Says(0, "many"), "unknown"),
    ] {
        assert_eq!(judged(rest, way.clone()), outcome, "{rest} {way:?}");
    }
}

#[test]
fn how_an_act_is_judged() {
    let judged = |rest: &str, way: Go| {
        let world = World::new(&format!("  a: {{ act: A, run: a{rest} }}\n")).goes("a", &[way]).run();
        world.outcome("a")
    };
    for (rest, way, outcome) in [
        ("", Go::Exit(0), "passed"),
        ("", Go::Exit(1), "failed"),
        ("", Go::Exit(127), "failed"),
        ("", Go::Missing, "failed"),
        (", expect: 'stdout == \"up\"'", Go::Says(0, "down\n"), "failed"),
        (", expect: number(stdout) > 1", Go::Says(0, "many"), "failed"),
        ("", Go::TimeOut, "active"),
        ("", Go::Signal, "active"),
        ("", Go::Lost, "active"),
        (", idempotent: true", Go::TimeOut, "failed"),
        (", idempotent: true", Go::Lost, "failed"),
    ] {
        assert_eq!(judged(rest, way.clone()), outcome, "{rest} {way:?}");
    }
}

#[test]
fn what_is_known_is_judged_without_a_command() {
    let text = "params: { most: { type: integer, default: 3 } }\nsteps:\n  \
        a: { verify: A, run: a, outputs: { n: number(stdout) } }\n  \
        b: { verify: B, expect: steps.a.outputs.n <= params.most, outputs: { twice: 2 * steps.a.outputs.n } }\n  \
        c: { verify: C, expect: steps.b.outputs.twice == 4 }\n";
    let world = World::new(text).goes("a", &[Go::Says(0, "2")]).run();
    assert_eq!(world.outcome("c"), "passed");
    let world = World::new(text).goes("a", &[Go::Says(0, "4")]).run();
    assert_eq!(world.outcome("b"), "failed");
    assert!(world.seal().1.iter().any(|open| open.contains("steps.a.outputs.n is \"4\"")), "{:?}", world.seal());
}

#[test]
fn a_when_that_cannot_be_evaluated_fails_the_step_and_is_not_tried_again() {
    let text = "  a: { verify: A, run: a, outputs: { n: stdout } }\n  \
        b: { verify: B, run: b, when: number(steps.a.outputs.n) > 1, retry: { every: 1s, attempts: 5 } }\n";
    let world = World::new(text).goes("a", &[Go::Says(0, "many")]).run();
    assert_eq!(world.outcome("b"), "failed");
    assert_eq!(world.ran("b"), 0);
    let world = World::new(text).goes("a", &[Go::Says(0, "1")]).run();
    assert_eq!(world.outcome("b"), "by its own when");
    let world = World::new(text).goes("a", &[Go::Says(0, "2")]).run();
    assert_eq!(world.ran("b"), 1);
}

#[test]
fn retries_until_it_passes() {
    let text = "  a: { verify: A, run: a, retry: { every: 15s, for: 5m } }\n  b: { verify: B, run: b }\n";
    let world = World::new(text).goes("a", &[Go::Exit(1), Go::Exit(127), Go::Exit(0)]).run();
    assert_eq!(starts(&world, "a"), [0, 15, 30]);
    assert_eq!(world.outcome("a"), "passed");
    assert_eq!(world.ran("b"), 1);
}

#[test]
fn for_is_a_deadline() {
    let text = "  a: { verify: A, run: a, retry: { every: 15s, for: 1m } }\n";
    let world = World::new(text).goes("a", &[Go::Exit(1)]).run();
    assert_eq!(starts(&world, "a"), [0, 15, 30, 45, 60], "no attempt starts after it");
    assert_eq!(world.outcome("a"), "failed");
}

#[test]
fn attempts_are_counted_and_the_last_one_stands() {
    let text = "  a: { verify: A, run: a, retry: { every: 1s, attempts: 3 } }\n";
    let world = World::new(text).goes("a", &[Go::Exit(1), Go::Exit(1), Go::Exit(127)]).run();
    assert_eq!(world.ran("a"), 3);
    assert_eq!(world.outcome("a"), "unknown");
}

#[test]
fn pauses_grow_up_to_a_maximum() {
    let text = "  a: { verify: A, run: a, retry: { every: 10s, backoff: 2, max: 1m, attempts: 6 } }\n";
    let world = World::new(text).goes("a", &[Go::Exit(1)]).run();
    assert_eq!(starts(&world, "a"), [0, 10, 30, 70, 130, 190]);
}

#[test]
fn another_attempt_only_while() {
    let text = "  a: { verify: A, run: a, retry: { every: 1s, attempts: 9, while: 'stdout == \"starting\"' } }\n";
    let world =
        World::new(text).goes("a", &[Go::Says(1, "starting\n"), Go::Says(1, "starting"), Go::Says(1, "dead")]).run();
    assert_eq!(world.ran("a"), 3);
    let text = "  a: { verify: A, run: a, retry: { every: 1s, attempts: 9, while: exit_code == 7 } }\n";
    let world = World::new(text).goes("a", &[Go::Exit(7), Go::Exit(7), Go::Exit(1)]).run();
    assert_eq!(world.ran("a"), 3);
}

#[test]
fn settings_are_rendered() {
    let text = "params: { wait: { type: duration, default: 30s } }\nsteps:\n  \
        a: { verify: A, run: a, retry: { every: 10s, for: \"{{ params.wait }}\" } }\n";
    let world = World::new(text).goes("a", &[Go::Exit(1)]).run();
    assert_eq!(starts(&world, "a"), [0, 10, 20, 30]);
}

#[test]
fn a_default_retry_is_for_verifies_only() {
    let text = "defaults: { retry: { every: 1s, attempts: 2 } }\nsteps:\n  a: { verify: A, run: a, on_fail: done }\n  \
        b: { act: B, run: b, idempotent: true, needs: [] }\n";
    let world = World::new(text).goes("a", &[Go::Exit(1)]).goes("b", &[Go::Exit(1)]).run();
    assert_eq!((world.ran("a"), world.ran("b")), (2, 1));
}

#[test]
fn a_bare_verify_is_judged_again_as_time_passes() {
    let text = "  a: { verify: A, run: a }\n  b: { verify: B, expect: run.now - run.started_at >= duration(\"30s\"), retry: { every: 10s, attempts: 9 } }\n";
    let world = World::new(text).run();
    assert_eq!(world.outcome("b"), "passed");
    assert_eq!(world.now.duration_since(crate::world::beginning()).as_secs(), 30);
}

#[test]
fn an_idempotent_act_is_tried_again_whatever_its_end_was() {
    let text = "  a: { act: A, run: a, idempotent: true, retry: { every: 5s, attempts: 4 } }\n";
    let world = World::new(text).goes("a", &[Go::Exit(1), Go::TimeOut, Go::Missing, Go::Exit(0)]).run();
    assert_eq!(world.ran("a"), 3, "the missing program did not start");
    assert_eq!(world.outcome("a"), "passed");
}

#[test]
fn an_unless_that_could_not_look_is_looked_at_again_before_another_attempt() {
    let text = "  a: { act: A, run: a, unless: { run: look }, idempotent: true, retry: { every: 5s, attempts: 3 } }\n";
    let world = World::new(text).part_goes("a", Part::Unless, &[Go::Exit(127), Go::Exit(127), Go::Exit(0)]).run();
    assert_eq!(world.order(), ["a:unless", "a:unless", "a:unless"]);
    assert_eq!(world.outcome("a"), "passed");
    let world = World::new(text).part_goes("a", Part::Unless, &[Go::Exit(127), Go::Exit(1)]).run();
    assert_eq!(world.order(), ["a:unless", "a:unless", "a"]);
}

#[test]
fn evidence_is_collected_once_at_the_end_of_the_last_attempt() {
    let text = "  a: { verify: A, run: a, retry: { every: 1s, attempts: 3 }, attach: { file: /var/log/a } }\n";
    let world = World::new(text).goes("a", &[Go::Exit(1)]).run();
    let attachments = world.records.iter().filter(|(_, record, _)| matches!(record, Record::Attachment { .. })).count();
    assert_eq!(attachments, 1);
    assert_eq!(world.outcome("a"), "failed");
}

#[test]
fn a_wait_waits() {
    let world = World::new("  a: { act: A, wait: 10m }\n  b: { verify: B, run: b }\n").run();
    assert_eq!(starts(&world, "b"), [600]);
}

const DOUBT: &str =
    "  a: { act: A, run: a }\n  b: { verify: B, run: b }\n  apart: { verify: P, run: apart, needs: [] }\n";

#[test]
fn a_doubt_holds_what_depends_on_it_and_nothing_else() {
    for way in [Go::TimeOut, Go::Signal, Go::Lost] {
        let world = World::new(DOUBT).goes("a", &[way]).run();
        assert_eq!(world.order(), ["a", "apart"]);
        assert_eq!(world.outcome("b"), "waiting");
        assert_eq!(world.state.standing(), runbook_core::run::state::Standing::InDoubt);
        assert!(world.suspended, "nobody is there: the process lets go");
        assert!(world.told.iter().any(|(step, _, text)| step == "owner" && text.contains("runbook settle run-1 a")));
    }
}

#[test]
fn a_person_settles_a_doubt() {
    let world = |word| {
        let mut world = World::new(DOUBT).goes("a", &[Go::Lost, Go::Exit(0)]).run();
        world.settle("a", word);
        world
    };
    let done = world(SettleWord::Done);
    assert_eq!((done.outcome("a").as_str(), done.ran("a"), done.ran("b")), ("passed", 1, 1));
    assert_eq!(done.sealed(), Some(RunOutcome::Resolved));
    let not_done = world(SettleWord::NotDone);
    assert_eq!((not_done.outcome("a").as_str(), not_done.ran("a"), not_done.ran("b")), ("failed", 1, 0));
    assert_eq!(not_done.sealed(), Some(RunOutcome::Failed));
    let again = world(SettleWord::Again);
    assert_eq!((again.outcome("a").as_str(), again.ran("a"), again.ran("b")), ("passed", 2, 1));
    assert_eq!(again.sealed(), Some(RunOutcome::Resolved));
}

#[test]
fn who_says_it_was_done_gives_the_outputs_that_are_read() {
    let text =
        "  a: { act: A, run: a, outputs: { made: stdout } }\n  b: { act: B, run: 'b {{ steps.a.outputs.made }}' }\n";
    let mut world = World::new(text).goes("a", &[Go::Lost]).run();
    let asked = |record: &Record| matches!(record, Record::Question { collect, .. } if collect == &["made"]);
    assert!(world.records.iter().any(|(_, record, _)| asked(record)), "the question says which");
    world.settle("a", SettleWord::Done);
    let refused = matches!(world.last_but_suspension(), Record::Refused { why, .. } if why.contains("--output made=…"));
    assert!(refused, "{:?}", world.last_but_suspension());
    assert_eq!(world.outcome("a"), "active");
    world.say(runbook_core::run::event::Input::Settle {
        step: None,
        word: SettleWord::Done,
        reason: Some("it is there".to_owned()),
        outputs: [("made".to_owned(), "m1".to_owned())].into(),
    });
    assert_eq!((world.outcome("a").as_str(), world.ran("b")), ("passed", 1));
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
}

#[test]
fn what_is_typed_is_of_the_type_that_the_output_would_have() {
    let text = "  a: { act: A, run: a, outputs: { code: exit_code } }\n  b: { act: B, run: b, when: 'first(steps.a.outputs.code, 7) == 0' }\n";
    let settle = |output: Option<(&str, &str)>| {
        let mut world = World::new(text).goes("a", &[Go::Lost]).run();
        world.say(runbook_core::run::event::Input::Settle {
            step: None,
            word: SettleWord::Done,
            reason: Some("it is there".to_owned()),
            outputs: output.into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect(),
        });
        world
    };
    assert_eq!(settle(Some(("code", "0"))).ran("b"), 1);
    // What reads it says what is meant without it.
    let without = settle(None);
    assert_eq!((without.outcome("a").as_str(), without.ran("b")), ("passed", 0));
    for (name, text, why) in [("code", "none", "its output code wants an integer"), ("made", "x", "they read code")] {
        let world = settle(Some((name, text)));
        let refused = matches!(world.last_but_suspension(), Record::Refused { why: said, .. } if said.contains(why));
        assert!(refused, "{:?}", world.last_but_suspension());
    }
}

#[test]
fn a_doubt_is_settled_with_a_reason_and_by_its_own_words() {
    let mut world = World::new(DOUBT).goes("a", &[Go::Lost]).run();
    for word in [SettleWord::GoOn, SettleWord::ByHand, SettleWord::Fail] {
        world.settle("a", word);
        assert!(matches!(world.last_but_suspension(), Record::Refused { .. }), "{word:?}");
    }
    world.say(runbook_core::run::event::Input::Settle {
        step: None,
        word: SettleWord::Done,
        reason: Some("  ".to_owned()),
        outputs: std::collections::BTreeMap::new(),
    });
    assert!(matches!(world.last_but_suspension(), Record::Refused { .. }), "it needs a reason");
    assert_eq!(world.outcome("a"), "active");
}

#[test]
fn not_done_is_a_failure_like_any_other() {
    let text = "  a: { act: A, run: a, on_fail: b }\n  b: { act: B, run: b }\n";
    let mut world = World::new(text).goes("a", &[Go::Lost]).run();
    assert_eq!(world.ran("b"), 0);
    world.settle("a", SettleWord::NotDone);
    assert_eq!(world.ran("b"), 1);
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
}

#[test]
fn again_asks_for_a_new_approval() {
    let text = "  a: { act: A, run: a, approve: operator }\n";
    let mut world = World::new(text).goes("a", &[Go::Lost, Go::Exit(0)]).start();
    world.approve("a");
    world.settle("a", SettleWord::Again);
    assert_eq!(world.ran("a"), 1, "what was approved ran");
    world.approve("a");
    assert_eq!(world.ran("a"), 2);
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
}

#[test]
fn an_unless_settles_a_doubt() {
    let text = "  a: { act: A, run: a, unless: { run: look } }\n  b: { verify: B, run: b }\n";
    let run = |look: &[Go]| {
        World::new(text)
            .goes("a", &[Go::TimeOut])
            .part_goes("a", Part::Unless, &[Go::Exit(1)])
            .part_goes("a", Part::Doubt, look)
            .run()
    };
    let world = run(&[Go::Exit(0)]);
    assert_eq!(world.order(), ["a:unless", "a", "a:doubt", "b"]);
    assert_eq!(world.outcome("a"), "passed");
    let world = run(&[Go::Exit(1)]);
    assert_eq!((world.outcome("a").as_str(), world.ran("b")), ("failed", 0));
    let mut world = run(&[Go::Exit(127)]);
    assert_eq!(world.outcome("a"), "active", "it could not look: a person says");
    world.settle("a", SettleWord::Done);
    assert_eq!(world.ran("b"), 1);
}

#[test]
fn an_unless_that_could_not_look_leaves_it_to_idempotent() {
    let text = "  a: { act: A, run: a, unless: { run: look }, idempotent: true, retry: { every: 1s, attempts: 2 } }\n";
    let world = World::new(text)
        .goes("a", &[Go::TimeOut, Go::Exit(0)])
        .part_goes("a", Part::Unless, &[Go::Exit(1)])
        .part_goes("a", Part::Doubt, &[Go::Exit(127)])
        .run();
    assert_eq!(world.order(), ["a:unless", "a", "a:doubt", "a"]);
    assert_eq!(world.outcome("a"), "passed");
}

/// The engine dies while something runs.
#[test]
fn what_ran_when_the_engine_died() {
    let mut world = World::new("  a: { verify: A, run: a }\n").goes("a", &[Go::Hangs, Go::Exit(0)]).start();
    world.resume();
    assert_eq!((world.ran("a"), world.outcome("a").as_str()), (2, "passed"), "a look is looked again");

    let mut world = World::new("  a: { act: A, run: a }\n").goes("a", &[Go::Hangs]).start();
    world.resume();
    assert_eq!((world.ran("a"), world.outcome("a").as_str()), (1, "active"), "an act is in doubt");
    world.settle("a", SettleWord::Done);
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));

    let text = "  a: { act: A, run: a, unless: { run: look } }\n";
    let mut world = World::new(text).part_goes("a", Part::Unless, &[Go::Hangs, Go::Exit(0)]).start();
    world.resume();
    assert_eq!(world.order(), ["a:unless", "a:unless"], "an unless that was interrupted says nothing");
    assert_eq!(world.outcome("a"), "passed");

    let mut world = World::new(text)
        .goes("a", &[Go::Lost])
        .part_goes("a", Part::Unless, &[Go::Exit(1)])
        .part_goes("a", Part::Doubt, &[Go::Hangs, Go::Exit(0)])
        .start();
    world.resume();
    assert_eq!(world.order(), ["a:unless", "a", "a:doubt", "a:doubt"]);
    assert_eq!(world.outcome("a"), "passed");
}

/// A plan that is made again because its answer was late is not started twice.
#[test]
fn a_pause_that_is_over_plans_once() {
    let text = "parallel: 2\nsteps:\n  a: { act: A, run: a, idempotent: true, retry: { every: 5s, attempts: 3 } }\n";
    let mut world = World::new(text).goes("a", &[Go::Exit(1)]).start();
    world.now = world.state.next_deadline().unwrap();
    world.take_in(runbook_core::run::event::Event::Deadline);
    assert_eq!(world.state.next_deadline(), None, "nothing is waited for while it is planned");
    world.take_in(runbook_core::run::event::Event::Deadline);
    world.settle_down();
    assert_eq!(world.ran("a"), 2);
    world.let_time_pass();
    assert_eq!(world.ran("a"), 3);
}

#[test]
fn an_end_is_taken_once() {
    let mut world = World::new("  a: { act: A, run: a }\n  b: { act: B, run: b }\n").goes("a", &[Go::Hangs]).start();
    world.pass(Duration::from_secs(3600));
    assert_eq!(world.ran("a"), 1);
    world.end("a", End::Exited(0));
    assert_eq!(world.order(), ["a", "b"]);
}
