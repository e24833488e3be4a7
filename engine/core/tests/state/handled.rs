//! What answers a failure, and what follows when nothing does.

use runbook_core::run::record::{EndCause, Phase, Record, RunOutcome};

use crate::world::{Go, World};

fn cause(world: &World) -> Option<&EndCause> {
    world.records.iter().find_map(|(_, record, _)| match record {
        Record::PhaseEntered { phase: Phase::Ending, cause } => cause.as_ref(),
        _ => None,
    })
}

#[test]
fn by_nothing() {
    let text = "  a: { act: A, run: a }\n  b: { act: B, run: b }\n  tell: { escalate: T, to: sre }\nfallback: tell\n";
    let world = World::new(&format!("steps:\n{text}")).goes("a", &[Go::Exit(1)]).run();
    assert_eq!(cause(&world), Some(&EndCause::Failed("a".to_owned())));
    assert_eq!(world.outcome("b"), "blocked by a");
    assert_eq!(world.outcome("tell"), "passed");
    assert_eq!(world.told.len(), 1);
    assert!(world.told[0].2.contains("a): exit code 1"), "what failed is told: {}", world.told[0].2);
    assert_eq!(world.sealed(), Some(RunOutcome::Failed));
}

#[test]
fn a_fallback_that_is_not_needed_is_not_reached() {
    let text = "steps:\n  a: { act: A, run: a }\n  tell: { escalate: T, to: sre }\n  after: { verify: F, needs: [tell], run: after }\nfallback: tell\n";
    let world = World::new(text).run();
    assert_eq!(world.outcome("tell"), "not reached");
    assert_eq!(world.outcome("after"), "not reached");
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
}

#[test]
fn what_follows_the_fallback_runs_too() {
    let text = "steps:\n  a: { act: A, run: a }\n  b: { act: B, run: b }\n  tell: { escalate: T, to: sre }\n  \
        note: { verify: N, needs: [tell], run: note }\nfallback: tell\n";
    let world = World::new(text).goes("a", &[Go::Exit(1)]).run();
    assert_eq!(world.order(), ["a", "note"]);
    assert_eq!(world.outcome("b"), "blocked by a");
}

#[test]
fn the_fallback_of_a_handover_makes_it_escalated() {
    let text = "steps:\n  a: { act: A, run: a }\n  b: { act: B, run: b }\n  tell: { escalate: T, to: sre, handover: true }\nfallback: tell\n";
    let world = World::new(text).goes("a", &[Go::Exit(1)]).run();
    assert_eq!(world.sealed(), Some(RunOutcome::Escalated));
    let mut world = World::new(text).goes("a", &[Go::Exit(1)]);
    world.nobody_reachable = true;
    let world = world.run();
    assert_eq!(world.outcome("tell"), "failed");
    assert_eq!(world.sealed(), Some(RunOutcome::Failed), "nobody was told, so nobody has it");
}

#[test]
fn by_on_fail() {
    let text = "steps:\n  a: { act: A, run: a, on_fail: b }\n  c: { act: C, run: c }\n  b: { act: B, run: b }\n  \
        tell: { escalate: T, to: sre }\nfallback: tell\n";
    let world = World::new(text).goes("a", &[Go::Exit(1)]).run();
    assert_eq!(world.order(), ["a", "b"]);
    assert_eq!(world.outcome("tell"), "not reached");
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
}

#[test]
fn by_on_fail_done_and_failed() {
    let text = |target: &str| {
        format!(
            "steps:\n  a: {{ act: A, run: a, on_fail: {target} }}\n  b: {{ act: B, run: b }}\n  \
             note: {{ verify: N, run: note, needs: [] }}\n  tell: {{ escalate: T, to: sre }}\nfallback: tell\n"
        )
    };
    let run = |target: &str| World::new(&text(target)).goes("a", &[Go::Exit(1)]).run();
    let world = run("done");
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved), "this road ends here");
    assert_eq!((world.outcome("tell").as_str(), world.outcome("note").as_str()), ("not reached", "passed"));
    let world = run("failed");
    assert_eq!(world.outcome("tell"), "passed", "a failure nothing handles");
    assert_eq!(world.sealed(), Some(RunOutcome::Failed));
}

#[test]
fn by_on_fail_with_failed_beside() {
    let text = "steps:\n  a: { act: A, run: a, on_fail: [tell, failed] }\n  b: { act: B, run: b, needs: [] }\n  \
        tell: { escalate: T, to: sre }\n  last: { escalate: L, to: boss }\nfallback: last\n";
    let world = World::new(text).goes("a", &[Go::Exit(1)]).run();
    assert_eq!(world.outcome("tell"), "passed");
    assert_eq!(world.outcome("b"), "passed", "the others handle it: the run goes on");
    assert_eq!(world.outcome("last"), "not reached");
    assert_eq!(world.sealed(), Some(RunOutcome::Failed));
}

#[test]
fn an_unknown_by_on_fail_and_by_fallback() {
    let text = "steps:\n  a: { verify: A, run: a, on_fail: b }\n  c: { act: C, run: c }\n  b: { act: B, run: b }\n";
    let world = World::new(text).goes("a", &[Go::Missing]).run();
    assert_eq!(world.order(), ["b"]);
    assert_eq!(world.outcome("a"), "unknown");
    let text = "steps:\n  a: { verify: A, run: a }\n  c: { act: C, run: c }\n  tell: { escalate: T, to: sre }\nfallback: tell\n";
    let world = World::new(text).goes("a", &[Go::Missing]).run();
    assert_eq!(world.outcome("tell"), "passed");
    assert_eq!(world.outcome("c"), "blocked by a");
    assert_eq!(world.sealed(), Some(RunOutcome::Failed));
}

/// A decide that does not read `.unknown` is no answer to one.
#[test]
fn an_unknown_is_not_answered_by_a_decide_that_reads_failed() {
    let text = "  a: { verify: A, run: a }\n  d: { decide: D, cases: [{ when: steps.a.failed, then: x }], otherwise: y }\n  \
        x: { act: X, run: x }\n  y: { act: Y, run: y }\n";
    let world = World::new(text).goes("a", &[Go::Missing]).run();
    assert_eq!(world.outcome("d"), "blocked by a");
    assert_eq!(world.ran("x") + world.ran("y"), 0);
    assert_eq!(world.sealed(), Some(RunOutcome::Failed));
}

/// As long as that decide can still start: one that another need blocks answers nothing.
#[test]
fn a_decide_that_cannot_start_answers_nothing() {
    let text = "steps:\n  a: { verify: A, run: a, needs: [] }\n  b: { verify: B, run: b, needs: [], on_fail: m }\n  m: { act: M, run: m }\n  \
        d: { decide: D, needs: [a, b], cases: [{ when: steps.a.failed, then: x }], otherwise: x }\n  x: { act: X, run: x }\n  \
        tell: { escalate: T, to: sre }\nfallback: tell\n";
    // First a fails, answered by d; then b blocks d, and a is left without an answer.
    let world = World::new(text).goes("a", &[Go::Exit(1)]).goes("b", &[Go::Exit(1)]).run();
    assert_eq!(world.outcome("d"), "blocked by b");
    assert_eq!(cause(&world), Some(&EndCause::Failed("a".to_owned())));
    assert_eq!(world.outcome("tell"), "passed");
    assert_eq!(world.sealed(), Some(RunOutcome::Failed));
    // First b blocks d, then a fails: nothing answers it.
    let other = text
        .replace("verify: A, run: a, needs: []", "verify: A, run: a, needs: [c]")
        .replace("  m: {", "  c: { verify: C, run: c, needs: [] }\n  m: {");
    let world = World::new(&other).goes("a", &[Go::Exit(1)]).goes("b", &[Go::Exit(1)]).run();
    assert_eq!(world.order(), ["b", "c", "a"]);
    assert_eq!(cause(&world), Some(&EndCause::Failed("a".to_owned())));
    assert_eq!(world.sealed(), Some(RunOutcome::Failed));
}

/// Nothing else new starts, what runs is let end.
#[test]
fn what_runs_is_let_end() {
    let text = "parallel: 2\nsteps:\n  a: { act: A, run: a, needs: [] }\n  b: { act: B, run: b, needs: [] }\n  c: { act: C, run: c, needs: [b] }\n";
    let mut world = World::new(text).goes("a", &[Go::Exit(1)]).goes("b", &[Go::Hangs]).start();
    assert_eq!(world.sealed(), None);
    assert_eq!(world.stopped.len(), 0);
    world.end("b", runbook_core::run::record::End::Exited(0));
    assert_eq!(world.outcome("b"), "passed");
    assert_eq!(world.outcome("c"), "the run came to its end before");
    assert_eq!(world.sealed(), Some(RunOutcome::Failed));
}

/// Requests to people are withdrawn, pauses before another attempt end; the last attempt stands as it was.
#[test]
fn requests_and_pauses_end_with_the_run() {
    let text = "parallel: 4\nsteps:\n  slow: { act: S, run: slow, needs: [] }\n  asks: { verify: Q, ask: Q, needs: [] }\n  \
        wants: { act: W, run: wants, needs: [], approve: operator }\n  \
        tries: { verify: T, run: tries, needs: [], retry: { every: 1m, attempts: 9 } }\n  \
        waits: { act: Z, wait: 1h, needs: [] }\n  tells: { escalate: E, to: sre, ack: { within: 1h }, needs: [] }\n";
    let mut world = World::new(text).goes("slow", &[Go::Hangs]).goes("tries", &[Go::Exit(127)]).start();
    assert_eq!(world.state.requests().count(), 3);
    world.end("slow", runbook_core::run::record::End::Exited(1));
    assert_eq!(world.state.requests().count(), 0);
    for step in ["asks", "wants", "waits", "tells"] {
        assert_eq!(world.outcome(step), "the run came to its end before", "{step}");
    }
    assert_eq!(world.outcome("tries"), "unknown", "its last attempt could not look");
    assert_eq!(world.ran("tries"), 1);
    assert_eq!(world.sealed(), Some(RunOutcome::Failed));
}

#[test]
fn a_decide_that_takes_failed_ends_the_run() {
    let text = "steps:\n  d: { decide: D, cases: [{ when: 1 == 1, then: failed, because: it is so }], otherwise: x }\n  \
        x: { act: X, run: x }\n  tell: { escalate: T, to: sre }\nfallback: tell\n";
    let world = World::new(text).run();
    assert_eq!(cause(&world), Some(&EndCause::TookFailed("d".to_owned())));
    assert_eq!(world.outcome("tell"), "passed");
    assert_eq!(world.sealed(), Some(RunOutcome::Failed));
}

#[test]
fn a_decide_that_cannot_be_evaluated_fails() {
    let text = "steps:\n  v: { verify: V, run: v, outputs: { n: 'stdout' } }\n  \
        d: { decide: D, cases: [{ when: number(steps.v.outputs.n) > 1, then: x }], otherwise: y }\n  \
        x: { act: X, run: x }\n  y: { act: Y, run: y }\n  tell: { escalate: T, to: sre }\nfallback: tell\n";
    let world = World::new(text).goes("v", &[Go::Says(0, "many\n")]).run();
    assert_eq!(world.outcome("d"), "failed");
    assert_eq!(world.outcome("tell"), "passed");
    let world = World::new(text).goes("v", &[Go::Says(0, "2\n")]).run();
    assert_eq!(world.order(), ["v", "x"]);
    let world = World::new(text).goes("v", &[Go::Says(0, "1\n")]).run();
    assert_eq!(world.order(), ["v", "y"]);
}

/// A failure in a run that is handed over while it goes on is not answered any more.
#[test]
fn a_failure_after_the_handover_is_left_unhandled() {
    let text = "parallel: 2\nrollback: auto\nsteps:\n  a: { act: A, run: a, needs: [], on_fail: b, undo: { run: back } }\n  \
        tell: { escalate: T, to: sre, handover: true, needs: [] }\n  b: { act: B, run: b }\n";
    let mut world = World::new(text).goes("a", &[Go::Hangs]).start();
    world.end("a", runbook_core::run::record::End::Exited(1));
    assert_eq!(world.outcome("b"), "the run came to its end before");
    assert_eq!(world.order(), ["a", "a:undo"]);
    assert_eq!(world.sealed(), Some(RunOutcome::Escalated));
}
