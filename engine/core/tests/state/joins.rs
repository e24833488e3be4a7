//! Forks and where they meet again; what a handled failure forgives.

use runbook_core::run::record::{AnswerWord, RunOutcome};

use crate::world::{Go, World};

const FORK: &str = "  look: { verify: L, run: look }\n  \
    which: { decide: W, cases: [{ when: steps.look.failed, then: fix_a }], otherwise: fix_b }\n  \
    fix_a: { act: A, run: fix_a }\n  fix_b: { act: B, run: fix_b }\n  \
    confirm: { verify: C, needs: [fix_a, fix_b], run: confirm }\n";

#[test]
fn both_sides_of_a_fork_meet_again() {
    let world = World::new(FORK).run();
    assert_eq!(world.order(), ["look", "fix_b", "confirm"]);
    assert_eq!(world.outcome("fix_a"), "not reached");
    let world = World::new(FORK).goes("look", &[Go::Exit(1)]).run();
    assert_eq!(world.order(), ["look", "fix_a", "confirm"]);
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved), "the decide answered the failure");
}

#[test]
fn a_side_that_fails_blocks_the_meeting() {
    let world = World::new(FORK).goes("fix_b", &[Go::Exit(1)]).run();
    assert_eq!(world.outcome("confirm"), "blocked by fix_b");
    assert_eq!(world.sealed(), Some(RunOutcome::Failed));
}

#[test]
fn a_join_waits_for_every_need() {
    let text = "parallel: 2\nsteps:\n  a: { verify: A, run: a, needs: [] }\n  b: { verify: B, run: b, needs: [] }\n  \
                c: { verify: C, run: c, needs: [a, b] }\n";
    let mut world = World::new(text).goes("b", &[Go::Hangs]).start();
    assert_eq!(world.outcome("a"), "passed");
    assert_eq!(world.outcome("c"), "waiting");
    world.end("b", runbook_core::run::record::End::Exited(0));
    assert_eq!(world.order(), ["a", "b", "c"]);
}

#[test]
fn decides_nest() {
    let text = "  one: { decide: O, ask: Which?, choices: { left: two, right: [r, done] } }\n  \
        two: { decide: T, ask: Which?, choices: { up: u, down: d } }\n  \
        u: { act: U, run: u }\n  d: { act: D, run: d }\n  r: { act: R, run: r }\n  \
        after: { verify: A, needs: [u, d, r], run: after }\n";
    for (first, second, ran) in [("left", Some("up"), "u"), ("left", Some("down"), "d"), ("right", None, "r")] {
        let mut world = World::new(text).start();
        world.answer("one", AnswerWord::Choice(first.to_owned()));
        if let Some(second) = second {
            world.answer("two", AnswerWord::Choice(second.to_owned()));
        }
        assert_eq!(world.order(), [ran, "after"]);
        assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
    }
}

#[test]
fn a_branch_may_lead_to_several_steps() {
    let text = "  d: { decide: D, cases: [{ when: 1 == 1, then: [x, y] }], otherwise: z }\n  \
        x: { verify: X, run: x }\n  y: { verify: Y, run: y }\n  z: { verify: Z, run: z }\n  \
        e: { verify: E, needs: [x, y, z], run: e }\n";
    let world = World::new(text).run();
    assert_eq!(world.order(), ["x", "y", "e"]);
    assert_eq!(world.outcome("z"), "not reached");
}

/// A need from before the decide is a condition, not a way.
#[test]
fn a_condition_is_no_way() {
    let text = |answer: &str| {
        format!(
            "  prep: {{ verify: P, run: prep }}\n  d: {{ decide: D, cases: [{{ when: 1 == {answer}, then: wipe }}], otherwise: done }}\n  \
             wipe: {{ act: W, needs: prep, run: wipe }}\n"
        )
    };
    let world = World::new(&text("2")).run();
    assert_eq!(world.order(), ["prep"]);
    assert_eq!(world.outcome("wipe"), "not reached");
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
    let world = World::new(&text("1")).run();
    assert_eq!(world.order(), ["prep", "wipe"]);
}

/// A need that itself comes after the decide is one: the branch came by `clean`.
#[test]
fn a_need_after_the_decide_is_a_way() {
    let text = |answer: &str| {
        format!(
            "  d: {{ decide: D, cases: [{{ when: 1 == {answer}, then: clean }}], otherwise: restore }}\n  \
             clean: {{ act: C, run: clean }}\n  restore: {{ act: R, needs: clean, run: restore }}\n"
        )
    };
    assert_eq!(World::new(&text("1")).run().order(), ["clean", "restore"]);
    assert_eq!(World::new(&text("2")).run().order(), ["restore"]);
}

/// A need that failed blocks, also when that was handled, and what it blocks blocks in turn.
#[test]
fn a_handled_failure_blocks_all_the_same() {
    let text = "  a: { act: A, run: a, on_fail: [mend] }\n  b: { verify: B, needs: [a], run: b }\n  \
        c: { verify: C, needs: [b], run: c }\n  mend: { act: M, run: mend }\n  \
        apart: { verify: P, needs: [], run: apart }\n";
    let world = World::new(text).goes("a", &[Go::Exit(1)]).run();
    assert_eq!(world.outcome("b"), "blocked by a");
    assert_eq!(world.outcome("c"), "blocked by a");
    assert_eq!(world.outcome("mend"), "passed");
    assert_eq!(world.outcome("apart"), "passed");
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
}

/// *The tool is there, or was installed.*
const TOOL: &str = "  tool_there: { verify: T, run: tool_there, on_fail: install }\n  \
    install: { act: I, run: install }\n  use_it: { act: U, needs: [tool_there, install], run: use_it }\n";

#[test]
fn the_road_that_handled_a_failure_forgives_it() {
    assert_eq!(World::new(TOOL).run().order(), ["tool_there", "use_it"]);
    for way in [Go::Exit(1), Go::Exit(127)] {
        let world = World::new(TOOL).goes("tool_there", &[way]).run();
        assert_eq!(world.order(), ["tool_there", "install", "use_it"]);
        assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
    }
    let world = World::new(TOOL).goes("tool_there", &[Go::Exit(1)]).goes("install", &[Go::Exit(1)]).run();
    assert_eq!(world.order(), ["tool_there", "install"]);
    assert_eq!(world.outcome("use_it"), "blocked by install");
    assert_eq!(world.sealed(), Some(RunOutcome::Failed));
}

#[test]
fn it_forgives_through_a_step_between_too() {
    let text = "  there: { verify: T, run: there, on_fail: install }\n  install: { act: I, run: install }\n  \
        configure: { act: C, needs: [install], run: configure }\n  \
        use_it: { act: U, needs: [there, configure], run: use_it }\n";
    let world = World::new(text).goes("there", &[Go::Exit(1)]).run();
    assert_eq!(world.order(), ["there", "install", "configure", "use_it"]);
    let world = World::new(text).run();
    assert_eq!(world.order(), ["there", "use_it"]);
    assert_eq!(world.outcome("configure"), "not reached");
}

/// What was blocked by a forgiven failure is forgiven as well.
#[test]
fn it_forgives_what_was_blocked() {
    let text = "  a: { act: A, run: a, on_fail: other }\n  b: { act: B, needs: [a], run: b }\n  other: { act: O, run: other }\n  \
        end: { verify: E, needs: [b, other], run: end }\n";
    let world = World::new(text).goes("a", &[Go::Exit(1)]).run();
    assert_eq!(world.order(), ["a", "other", "end"]);
    assert_eq!(world.outcome("b"), "blocked by a");
    assert_eq!(world.order().len(), 3);
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
}

/// The branch of a decide that answered a failure forgives it, where it leads to the step.
#[test]
fn a_decide_forgives_by_the_branch_it_took() {
    let text = "  s: { verify: S, run: s }\n  \
        d: { decide: D, cases: [{ when: steps.s.failed, then: mend }], otherwise: [go, done] }\n  \
        mend: { act: M, run: mend }\n  go: { verify: G, run: go }\n  \
        end: { verify: E, needs: [s, mend], run: end }\n  far: { verify: F, needs: [s, go], run: far }\n";
    let world = World::new(text).goes("s", &[Go::Exit(1)]).run();
    assert_eq!(world.outcome("end"), "passed");
    assert_eq!(world.outcome("far"), "blocked by s");
    assert_eq!(world.order(), ["s", "mend", "end"]);
    let world = World::new(text).run();
    assert_eq!((world.outcome("end").as_str(), world.outcome("far").as_str()), ("passed", "passed"));
}

/// `on_fail: b` with `b` needing it: go on either way.
#[test]
fn going_on_either_way() {
    let text = "  a: { act: A, run: a, on_fail: b }\n  b: { verify: B, needs: [a], run: b }\n";
    for way in [Go::Exit(0), Go::Exit(1)] {
        let world = World::new(text).goes("a", &[way]).run();
        assert_eq!(world.order(), ["a", "b"]);
        assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
    }
}

/// A road of failure starts its target at the first that is live, without waiting for its other roads, once a run.
#[test]
fn a_road_of_failure_waits_for_no_other() {
    let text = "parallel: 3\nsteps:\n  a: { act: A, run: a, needs: [], on_fail: help }\n  \
        b: { act: B, run: b, needs: [], on_fail: help }\n  help: { verify: H, run: help }\n";
    let mut world = World::new(text).goes("a", &[Go::Exit(1)]).goes("b", &[Go::Hangs]).start();
    assert_eq!(world.ran("help"), 1, "b still runs");
    world.end("b", runbook_core::run::record::End::Exited(1));
    assert_eq!(world.ran("help"), 1, "once a run");
    assert_eq!(world.outcome("b"), "failed");
    assert_eq!(
        world.sealed(),
        Some(RunOutcome::Failed),
        "a failure whose road leads only to a started step is unhandled"
    );
}

#[test]
fn a_road_of_failure_still_waits_for_needs() {
    let text = "parallel: 3\nsteps:\n  slow: { verify: S, run: slow, needs: [] }\n  a: { act: A, run: a, needs: [], on_fail: help }\n  \
        help: { verify: H, run: help, needs: [slow] }\n";
    let mut world = World::new(text).goes("a", &[Go::Exit(1)]).goes("slow", &[Go::Hangs]).start();
    assert_eq!(world.ran("help"), 0);
    world.end("slow", runbook_core::run::record::End::Exited(0));
    assert_eq!(world.ran("help"), 1);
}

#[test]
fn a_step_waits_for_every_decide_that_leads_to_it() {
    let text = "parallel: 2\nsteps:\n  one: { decide: O, needs: [], cases: [{ when: 1 == 1, then: x }], otherwise: done }\n  \
        slow: { verify: S, needs: [], run: slow }\n  \
        two: { decide: T, needs: [slow], cases: [{ when: 1 == 1, then: x }], otherwise: done }\n  x: { verify: X, run: x }\n";
    let mut world = World::new(text).goes("slow", &[Go::Hangs]).start();
    assert_eq!(world.ran("x"), 0, "the other decide is pending");
    world.end("slow", runbook_core::run::record::End::Exited(0));
    assert_eq!(world.ran("x"), 1);
}

#[test]
fn places_are_given_in_file_order() {
    let text = "parallel: 2\nsteps:\n  a: { verify: A, run: a, needs: [] }\n  b: { verify: B, run: b, needs: [] }\n  \
        asks: { verify: Q, ask: Q, needs: [] }\n  c: { verify: C, run: c, needs: [] }\n  d: { verify: D, run: d, needs: [] }\n";
    let hang = [Go::Hangs];
    let mut world = World::new(text).goes("a", &hang).goes("b", &hang).goes("c", &hang).goes("d", &hang).start();
    assert_eq!(world.order(), ["a", "b"]);
    assert_eq!(world.outcome("asks"), "active", "a step that waits for people takes no place");
    world.end("b", runbook_core::run::record::End::Exited(0));
    assert_eq!(world.order(), ["a", "b", "c"]);
    world.end("a", runbook_core::run::record::End::Exited(0));
    assert_eq!(world.order(), ["a", "b", "c", "d"]);
}

#[test]
fn an_act_that_waits_for_approval_takes_no_place_until_it_starts() {
    let text = "  a: { act: A, run: a, needs: [], approve: operator }\n  b: { verify: B, run: b, needs: [] }\n";
    let mut world = World::new(text).goes("b", &[Go::Hangs]).start();
    assert_eq!(world.order(), ["b"]);
    world.approve("a");
    assert_eq!(world.order(), ["b"], "the place is b's");
    world.end("b", runbook_core::run::record::End::Exited(0));
    assert_eq!(world.order(), ["b", "a"]);
}
