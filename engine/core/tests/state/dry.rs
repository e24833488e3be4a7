//! A dry run: what would run, both sides of each fork, and what cannot be known.

use runbook_core::run::effect::{Command, Effect};
use runbook_core::run::record::{BranchChoice, Mode, Outcome, Record, RunOutcome, Settlement};

use crate::world::{Go, World, plan, started};

fn settled(world: &World, step: &str) -> Option<(Outcome, Settlement, Option<String>)> {
    world.records.iter().find_map(|(_, record, _)| match record {
        Record::StepSettled { step: id, outcome, settlement, reason, .. } if id == step => {
            Some((*outcome, *settlement, reason.clone()))
        }
        _ => None,
    })
}

fn withheld(world: &World, step: &str) -> bool {
    settled(world, step)
        .is_some_and(|(outcome, settlement, _)| (outcome, settlement) == (Outcome::Passed, Settlement::Withheld))
}

const ALL: &str = "params: { n: { type: integer, default: 2 } }\nsteps:\n  \
    look: { verify: L, run: look, outputs: { o: stdout } }\n  \
    asks: { verify: Q, ask: Q, to: sre }\n  \
    which: { decide: W, cases: [{ when: steps.look.failed, then: [fix] }, { when: steps.look.outputs.o == 'x', then: other }], otherwise: done }\n  \
    fix: { act: F, run: 'fix {{ steps.look.outputs.o }}', approve: operator, denied: no_way, unless: { run: so }, on_fail: force }\n  \
    other: { act: O, run: other }\n  force: { act: R, wait: 1h }\n  \
    tell_first: { verify: G, run: g, needs: [fix, other, force] }\n  \
    person: { decide: P, ask: Which?, choices: { one: tell, two: done }, needs: [tell_first] }\n  \
    tell: { escalate: T, to: sre, ack: { within: 5m } }\n  \
    known: { decide: K, needs: [], cases: [{ when: params.n > 1, then: yes_it_is }], otherwise: no_it_is_not }\n  \
    yes_it_is: { act: Y, run: yes }\n  no_it_is_not: { act: N, run: no }\n  \
    stepped: { act: S, run: stepped, when: params.n > 5, needs: [] }\n  \
    no_way: { verify: V, run: no_way }\n  help: { escalate: H, to: sre, handover: true }\n  tidy: { act: T, run: tidy }\n\
    fallback: help\nfinally: [tidy]\n";

#[test]
fn nothing_starts_nobody_is_told_and_every_step_is_shown() {
    let world = World::dry(ALL).run();
    assert_eq!(world.order().len(), 0);
    assert_eq!(world.told.len(), 0);
    assert_eq!(world.state.requests().count(), 0);
    for step in
        ["look", "asks", "which", "fix", "other", "force", "person", "tell", "no_way", "help", "yes_it_is", "tidy"]
    {
        assert!(withheld(&world, step), "{step}: {:?} {}", settled(&world, step), world.outcome(step));
    }
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
    assert!(!world.records.iter().any(|(_, record, _)| matches!(
        record,
        Record::StepIntent { .. } | Record::Question { .. } | Record::ApprovalRequested { .. }
    )));
}

#[test]
fn a_fork_that_is_known_is_decided_and_a_when_that_is_known_steps_over() {
    let world = World::dry(ALL).run();
    assert_eq!(world.outcome("no_it_is_not"), "not reached");
    assert_eq!(world.outcome("stepped"), "by its own when");
    let branch = |step: &str| {
        world.records.iter().find_map(|(_, record, _)| match record {
            Record::Decision { step: id, branch, expression, .. } if id == step => {
                Some((branch.clone(), expression.clone()))
            }
            _ => None,
        })
    };
    assert_eq!(branch("known").unwrap().0.choice, BranchChoice::Case(0));
    let (open, why) = branch("which").unwrap();
    assert_eq!(open.choice, BranchChoice::Undecided);
    assert_eq!(open.to, ["fix", "other", "done"], "both sides");
    assert_eq!(why, "cannot be known until look");
    assert_eq!(branch("person").unwrap().1, "cannot be known until person");
}

#[test]
fn a_command_that_reads_what_is_not_known_says_until_when() {
    let world = World::dry(ALL).run();
    assert_eq!(settled(&world, "fix").unwrap().2.as_deref(), Some("cannot be known until look"));
    assert!(world.records.iter().any(|(_, record, _)| matches!(record, Record::StepPlanned { key, shown, .. } if key.step == "other" && shown == "other")));
}

#[test]
fn a_step_without_a_command_is_computed_where_it_can_be() {
    let text = "params: { n: { type: integer, default: 2 } }\nsteps:\n  a: { verify: A, expect: params.n == 2, outputs: { twice: 2 * params.n } }\n  \
        b: { verify: B, run: b, outputs: { o: stdout } }\n  c: { verify: C, expect: steps.b.outputs.o == '1' }\n  \
        d: { verify: D, expect: steps.a.outputs.twice == 4 }\n";
    let world = World::dry(text).run();
    assert_eq!(settled(&world, "a").unwrap().1, Settlement::Ran);
    assert_eq!(settled(&world, "c").unwrap().2.as_deref(), Some("cannot be known until b"));
    assert_eq!(settled(&world, "d").unwrap(), (Outcome::Passed, Settlement::Ran, None));
}

#[test]
fn a_missing_program_shows_in_a_dry_run() {
    let world = World::dry("  a: { act: A, run: a }\n  b: { act: B, run: b }\n").goes("a", &[Go::Missing]).run();
    assert!(settled(&world, "a").unwrap().2.unwrap().contains("no program"), "{:?}", settled(&world, "a"));
    assert!(withheld(&world, "b"));
}

#[test]
fn with_probe_verifies_run_and_the_rest_does_not() {
    let text = "  a: { verify: A, run: a, outputs: { o: stdout } }\n  d: { decide: D, cases: [{ when: steps.a.outputs.o == 'x', then: b }], otherwise: c }\n  \
        b: { act: B, run: b }\n  c: { act: C, run: c }\n";
    let world =
        World::with(plan(text), started(Mode::Dry { probe: true }, false)).goes("a", &[Go::Says(0, "x\n")]).run();
    assert_eq!(world.order(), ["a"]);
    assert!(withheld(&world, "b"));
    assert_eq!(world.outcome("c"), "not reached");
}

/// What is to be planned in a dry run is what would run.
#[test]
fn what_is_planned_is_what_would_run() {
    let text = "params: { n: { type: integer, default: 2 } }\nsteps:\n  a: { act: A, run: 'a {{ params.n }}', env: { X: 'v{{ params.n }}' }, timeout: 5s }\n";
    let mut world = World::dry(text);
    let effects = world.state.on_event(runbook_core::run::event::Event::Started, world.now);
    let invocation = effects.iter().find_map(|effect| match effect {
        Effect::Plan { invocation, .. } => Some(invocation),
        _ => None,
    });
    let invocation = invocation.unwrap();
    assert_eq!(invocation.command, Command::Words(vec!["a".to_owned(), "2".to_owned()]));
    assert_eq!(invocation.timeout, std::time::Duration::from_secs(5));
    assert!(invocation.changes);
}
