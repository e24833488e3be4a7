//! Every cell of the table of *Order*: what an edge says when its source has settled so.

use runbook_core::run::record::{AnswerWord, Part, RunOutcome};

use crate::world::{Go, World};

/// How the source settles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Passed,
    AlreadySo,
    Failed,
    Unknown,
    Blocked,
    Doubt,
    Denied,
    Expired,
    ByWhen,
    NotReached,
}

use Source::{AlreadySo, Blocked, ByWhen, Denied, Doubt, Expired, Failed, NotReached, Passed, Unknown};

const SOURCES: [Source; 10] = [Passed, AlreadySo, Failed, Unknown, Blocked, Doubt, Denied, Expired, ByWhen, NotReached];

/// Runs a source `s` that settles so, with `roads` written at it and `below` behind it. Failures elsewhere are answered
/// by nothing; `other` runs beside it and keeps the run from being at its end.
fn run(source: Source, roads: &str, below: &str) -> World {
    let step = match source {
        Passed | Failed => format!("  s: {{ act: S, run: s{roads} }}\n"),
        AlreadySo => format!("  s: {{ act: S, run: s, unless: {{ run: look }}{roads} }}\n"),
        Unknown => format!("  s: {{ verify: S, run: s{roads} }}\n"),
        Blocked => format!(
            "  x: {{ verify: X, run: x, on_fail: [note] }}\n  s: {{ act: S, run: s{roads} }}\n  note: {{ verify: N, run: note }}\n"
        ),
        Doubt => format!("  s: {{ act: S, run: s{roads} }}\n"),
        Denied => format!("  s: {{ act: S, run: s, approve: operator{roads} }}\n"),
        Expired => format!("  s: {{ act: S, run: s, approve: {{ within: 5m{roads} }} }}\n"),
        ByWhen => format!("  s: {{ act: S, run: s, when: false{roads} }}\n"),
        NotReached => format!(
            "  pick: {{ decide: P, cases: [{{ when: 1 == 2, then: s }}], otherwise: z }}\n  s: {{ act: S, run: s{roads} }}\n  z: {{ verify: Z, run: z }}\n"
        ),
    };
    let world = World::new(&format!("{step}{below}"));
    let mut world = match source {
        Failed => world.goes("s", &[Go::Exit(1)]),
        Unknown => world.goes("s", &[Go::Exit(127)]),
        Blocked => world.goes("x", &[Go::Exit(1)]),
        Doubt => world.goes("s", &[Go::Signal]),
        Passed | AlreadySo | Denied | Expired | ByWhen | NotReached => world,
    }
    .start();
    if source == Denied {
        world.deny("s");
    }
    world.let_time_pass();
    world
}

/// The column *its `needs` edges*.
#[test]
fn the_needs_of_a_source() {
    let expected = |source| match source {
        Passed | AlreadySo | ByWhen => "passed",
        Failed | Unknown | Denied | Expired => "blocked by s",
        Blocked => "blocked by x",
        Doubt => "waiting",
        NotReached => "not reached",
    };
    for source in SOURCES {
        let world = run(source, "", "  t: { verify: T, needs: [s], run: t }\n");
        assert_eq!(world.outcome("t"), expected(source), "{source:?}");
        assert_eq!(world.ran("t"), usize::from(expected(source) == "passed"), "{source:?}");
    }
}

/// The column *into a decide that judges it*, where a case reads `.failed`.
#[test]
fn a_decide_that_reads_whether_it_failed() {
    let expected = |source| match source {
        Passed | AlreadySo | ByWhen | Failed => "passed",
        Unknown | Denied | Expired => "blocked by s",
        Blocked => "passed",
        Doubt => "waiting",
        NotReached => "not reached",
    };
    for source in SOURCES {
        let below = "  t: { decide: T, needs: [s], cases: [{ when: steps.s.failed, then: u }], otherwise: v }\n  \
                     u: { verify: U, run: u }\n  v: { verify: V, run: v }\n";
        let world = run(source, "", below);
        assert_eq!(world.outcome("t"), expected(source), "{source:?}");
        let (failed, other) = match source {
            Failed => ("passed", "not reached"),
            Passed | AlreadySo | ByWhen | Blocked => ("not reached", "passed"),
            _ => continue,
        };
        assert_eq!((world.outcome("u").as_str(), world.outcome("v").as_str()), (failed, other), "{source:?}");
    }
}

/// The same column, where a case reads `.unknown`, or a person is asked.
#[test]
fn a_decide_that_can_take_an_unknown() {
    let expected = |source| match source {
        Passed | AlreadySo | ByWhen | Failed | Unknown | Blocked => "reached",
        Denied | Expired => "blocked by s",
        Doubt => "waiting",
        NotReached => "not reached",
    };
    let by_data = "  t: { decide: T, needs: [s], cases: [{ when: steps.s.unknown, then: u }], otherwise: v }\n  \
                   u: { verify: U, run: u }\n  v: { verify: V, run: v }\n";
    let by_person = "  t: { decide: T, needs: [s], ask: Which?, choices: { one: u, two: v } }\n  \
                     u: { verify: U, run: u }\n  v: { verify: V, run: v }\n";
    for source in SOURCES {
        for (below, reached) in [(by_data, "passed"), (by_person, "active")] {
            let world = run(source, "", below);
            let expected = if expected(source) == "reached" { reached } else { expected(source) };
            assert_eq!(world.outcome("t"), expected, "{source:?} {below}");
        }
    }
    let world = run(Unknown, "", by_data);
    assert_eq!(world.order(), ["s", "u"]);
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved), "the decide answered the unknown");
}

/// Reading outputs is no judgement.
#[test]
fn a_decide_that_reads_an_output_only() {
    let world = World::new(
        "  s: { verify: S, run: s, outputs: { o: '1' } }\n  t: { decide: T, cases: [{ when: steps.s.outputs.o == 1, then: u }], otherwise: v }\n  \
         u: { verify: U, run: u }\n  v: { verify: V, run: v }\n",
    )
    .goes("s", &[Go::Exit(1)])
    .run();
    assert_eq!(world.outcome("t"), "blocked by s");
    assert_eq!(world.sealed(), Some(RunOutcome::Failed));
}

/// The column *its roads*, for `on_fail`.
#[test]
fn the_on_fail_of_a_source() {
    let expected = |source| match source {
        Failed | Unknown => "passed",
        Passed | AlreadySo | Blocked | ByWhen | NotReached | Denied | Expired => "not reached",
        Doubt => "waiting",
    };
    for source in SOURCES {
        if source == Expired {
            // Its `on_fail` stands beside `approve`.
            continue;
        }
        let world = run(source, ", on_fail: t", "  t: { verify: T, run: t }\n  w: { verify: W, needs: [t], run: w }\n");
        assert_eq!(world.outcome("t"), expected(source), "{source:?}");
    }
    let mut world =
        World::new("  s: { act: S, run: s, approve: { within: 5m }, on_fail: t }\n  t: { verify: T, run: t }\n")
            .start();
    world.let_time_pass();
    assert_eq!(world.outcome("t"), "not reached", "an approval nobody gave is not answered by on_fail");
    assert_eq!(world.sealed(), Some(RunOutcome::Failed));
}

/// The same column, for `denied` and `else`.
#[test]
fn the_roads_of_an_approval() {
    let text = "  s: { act: S, run: s, approve: { within: 5m, else: e }, denied: d, on_fail: f }\n  \
                d: { verify: D, run: d }\n  e: { verify: E, run: e }\n  f: { verify: F, run: f }\n  \
                t: { verify: T, needs: [s], run: t }\n";
    let outcomes = |world: &World| ["d", "e", "f", "t"].map(|step| world.outcome(step));

    let mut world = World::new(text).start();
    world.deny("s");
    assert_eq!(outcomes(&world), ["passed", "not reached", "not reached", "blocked by s"]);
    assert_eq!(world.sealed(), Some(RunOutcome::Cancelled));

    let world = World::new(text).run();
    assert_eq!(outcomes(&world), ["not reached", "passed", "not reached", "blocked by s"]);
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved), "else handled that nobody approved");

    let mut world = World::new(text).goes("s", &[Go::Exit(1)]).start();
    world.approve("s");
    assert_eq!(outcomes(&world), ["not reached", "not reached", "passed", "blocked by s"]);

    let mut world = World::new(text).start();
    world.approve("s");
    assert_eq!(outcomes(&world), ["not reached", "not reached", "not reached", "passed"]);
}

/// *Skipped by its own `when`: as live as what reached it*: not a way where it was none.
#[test]
fn stepping_over_passes_on_what_reached_it() {
    let world =
        World::new("  a: { verify: A, run: a }\n  b: { act: B, run: b, when: 1 == 2 }\n  c: { verify: C, run: c }\n")
            .run();
    assert_eq!(world.order(), ["a", "c"]);
    assert_eq!(world.outcome("b"), "by its own when");
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
}

/// The last row: a decide that passed.
#[test]
fn a_decide_and_what_needs_it() {
    let text = |taken: &str| {
        format!(
            "  d: {{ decide: D, cases: [{{ when: 1 == 1, then: {taken}, because: so }}], otherwise: u }}\n  \
             u: {{ verify: U, run: u }}\n  t: {{ verify: T, needs: [d], run: t }}\n"
        )
    };
    let world = World::new(&text("u")).run();
    assert_eq!((world.outcome("u").as_str(), world.outcome("t").as_str()), ("passed", "passed"));
    let world = World::new(&text("done")).run();
    assert_eq!((world.outcome("u").as_str(), world.outcome("t").as_str()), ("not reached", "not reached"));
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
    let world = World::new(&text("failed")).run();
    assert_eq!(world.outcome("d"), "passed");
    assert_eq!(world.ran("t") + world.ran("u"), 0);
    assert_eq!(world.sealed(), Some(RunOutcome::Failed));
    let world = World::new(&text("[u, failed]")).run();
    assert_eq!(
        (world.outcome("u").as_str(), world.outcome("t").as_str()),
        ("passed", "passed"),
        "the others handle it"
    );
    assert_eq!(world.sealed(), Some(RunOutcome::Failed), "and the run has failed all the same");
    let world = World::new(&text("[u, done]")).run();
    assert_eq!((world.outcome("u").as_str(), world.outcome("t").as_str()), ("passed", "passed"));
}

/// An act that `unless` found already so leads on like one that ran, and has nothing to undo.
#[test]
fn already_so() {
    let world = World::new(
        "rollback: auto\nsteps:\n  s: { act: S, run: s, unless: { run: look }, undo: { run: back } }\n  t: { verify: T, run: t }\n",
    )
    .goes("t", &[Go::Exit(1)])
    .run();
    assert_eq!(world.order(), ["s:unless", "t"]);
    assert_eq!(world.outcome("s"), "passed");
    let world = World::new(
        "rollback: auto\nsteps:\n  s: { act: S, run: s, unless: { run: look }, undo: { run: back } }\n  t: { verify: T, run: t }\n",
    )
    .part_goes("s", Part::Unless, &[Go::Exit(1)])
    .goes("t", &[Go::Exit(1)])
    .run();
    assert_eq!(world.order(), ["s:unless", "s", "t", "s:undo"]);
}

#[test]
fn an_unless_that_cannot_say_keeps_the_act_from_starting() {
    for (way, starts) in [(Go::Exit(126), false), (Go::Missing, false), (Go::Exit(2), true), (Go::TimeOut, true)] {
        let world = World::new("  s: { act: S, run: s, unless: { run: look } }\n")
            .part_goes("s", Part::Unless, std::slice::from_ref(&way))
            .run();
        assert_eq!(world.ran("s") == 1, starts, "{way:?}");
        assert_eq!(world.outcome("s"), if starts { "passed" } else { "failed" }, "{way:?}");
    }
    let world = World::new("  s: { act: S, run: s, unless: { run: look, unclear: exit_code > 1 } }\n")
        .part_goes("s", Part::Unless, &[Go::Exit(2)])
        .run();
    assert_eq!(world.outcome("s"), "failed");
}

/// A question that is answered is a source like any other.
#[test]
fn a_verify_that_asks() {
    for (answer, outcome, below) in [(AnswerWord::Yes, "passed", "passed"), (AnswerWord::No, "failed", "blocked by s")]
    {
        let mut world = World::new("  s: { verify: S, ask: Is it so? }\n  t: { verify: T, run: t }\n").start();
        world.answer("s", answer);
        assert_eq!((world.outcome("s").as_str(), world.outcome("t").as_str()), (outcome, below));
    }
}
