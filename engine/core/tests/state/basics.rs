//! Steps that follow one another, and the first rules.

use runbook_core::run::record::RunOutcome;

use crate::world::{Go, World};

#[test]
fn steps_follow_one_another_as_written() {
    let world = World::new("  a: { verify: A, run: a }\n  b: { act: B, run: b }\n  c: { verify: C, run: c }\n").run();
    assert_eq!(world.order(), ["a", "b", "c"]);
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
}

#[test]
fn a_failure_nothing_handles_ends_the_run() {
    let world = World::new("  a: { verify: A, run: a }\n  b: { act: B, run: b }\n").goes("a", &[Go::Exit(1)]).run();
    assert_eq!(world.order(), ["a"]);
    assert_eq!(world.outcome("b"), "blocked by a");
    assert_eq!(world.sealed(), Some(RunOutcome::Failed));
}
