//! What can be reached, walked with the state machine itself.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use runbook_core::explore::{Choice, Exploration, Reached, STATES_MAX, Took, explore};
use runbook_core::run::record::{BranchChoice, Outcome, Phase, Record, RunOutcome, Settlement, SkipReason};

use crate::property::random_run;
use crate::world::plan;

fn explored(steps: &str) -> Exploration {
    let explored = explore(&plan(steps), STATES_MAX);
    assert!(explored.complete);
    explored
}

fn reached(explored: &Exploration, step: &str) -> Vec<Reached> {
    explored.step(step).unwrap().keys().copied().collect()
}

fn ends(explored: &Exploration) -> Vec<RunOutcome> {
    explored.ends.keys().copied().collect()
}

fn took(step: &str, took: Took) -> Choice {
    Choice { step: step.to_owned(), took }
}

#[test]
fn a_chain() {
    let explored = explored("  a: { verify: A, run: a }\n  b: { act: B, run: b }\n");
    assert_eq!(reached(&explored, "a"), [Reached::Passed, Reached::Failed, Reached::Unknown]);
    assert_eq!(reached(&explored, "b"), [Reached::Passed, Reached::Failed, Reached::Blocked]);
    assert_eq!(ends(&explored), [RunOutcome::Resolved, RunOutcome::Failed]);
    assert_eq!(explored.ends[&RunOutcome::Resolved], [took("a", Took::Passed), took("b", Took::Passed)]);
    assert_eq!(explored.ends[&RunOutcome::Failed], [took("a", Took::Failed)], "a shortest way");
    assert_eq!(explored.step("b").unwrap()[&Reached::Failed], [took("a", Took::Passed), took("b", Took::Failed)]);
}

#[test]
fn a_decide_that_reads_how_a_step_ended_is_no_guess() {
    let explored = explored(
        "  a: { verify: A, run: a }\n  d: { decide: D, cases: [{ when: steps.a.failed, then: x }], otherwise: y }\n  \
         x: { act: X, run: x }\n  y: { act: Y, run: y }\n",
    );
    assert_eq!(reached(&explored, "d"), [Reached::Passed, Reached::Blocked]);
    let to_x = &explored.step("x").unwrap()[&Reached::Passed];
    assert_eq!(to_x[..2], [took("a", Took::Failed), took("d", Took::Branch(BranchChoice::Case(0)))]);
    let to_y = &explored.step("y").unwrap()[&Reached::Passed];
    assert_eq!(to_y[..2], [took("a", Took::Passed), took("d", Took::Branch(BranchChoice::Otherwise))]);
}

#[test]
fn a_decide_that_reads_what_was_printed_can_take_any_branch() {
    let explored = explored(
        "params: { n: { type: integer, default: 1 } }\nsteps:\n  a: { verify: A, run: a, outputs: { o: stdout } }\n  \
         d: { decide: D, cases: [{ when: steps.a.outputs.o == 'x', then: x }, { when: params.n > 3, then: y }], otherwise: done }\n  \
         x: { act: X, run: x }\n  y: { act: Y, run: y, when: params.n > 4 }\n",
    );
    assert!(explored.step("x").unwrap().contains_key(&Reached::Passed));
    assert_eq!(reached(&explored, "y"), [Reached::Passed, Reached::Failed, Reached::SteppedOver, Reached::NotReached]);
    assert_eq!(ends(&explored), [RunOutcome::Resolved, RunOutcome::Failed]);
}

#[test]
fn people_can_deny_and_be_silent() {
    let explored = explored(
        "  a: { act: A, run: a, approve: { within: 5m, else: e }, denied: h }\n  q: { verify: Q, ask: Q, within: 5m, else: e }\n  \
         e: { act: E, run: e }\n  h: { escalate: H, to: sre, handover: true, ack: { within: 5m } }\n",
    );
    assert_eq!(reached(&explored, "a"), [Reached::Passed, Reached::Failed, Reached::Denied, Reached::Unanswered]);
    assert_eq!(reached(&explored, "q"), [Reached::Passed, Reached::Failed, Reached::Unanswered, Reached::Blocked]);
    assert_eq!(
        ends(&explored),
        [RunOutcome::Resolved, RunOutcome::Escalated, RunOutcome::Failed, RunOutcome::Cancelled]
    );
    assert_eq!(explored.ends[&RunOutcome::Escalated], [took("a", Took::Denied), took("h", Took::Passed)]);
}

#[test]
fn what_cannot_be_reached_is_not() {
    let explored = explored(
        "  a: { verify: A, run: a }\n  \
         d: { decide: D, cases: [{ when: steps.a.unknown, then: x }, { when: steps.a.passed, then: y }], otherwise: z }\n  \
         x: { act: X, run: x }\n  y: { act: Y, run: y }\n  z: { act: Z, run: z }\n",
    );
    assert!(explored.step("x").unwrap().contains_key(&Reached::Passed));
    assert!(explored.step("z").unwrap().contains_key(&Reached::Passed), "a failed");
    let explored = self::explored(
        "  a: { verify: A, run: a }\n  b: { verify: B, run: b }\n  \
         d: { decide: D, cases: [{ when: steps.b.passed, then: y }], otherwise: z }\n  \
         y: { act: Y, run: y }\n  z: { act: Z, run: z }\n",
    );
    assert_eq!(reached(&explored, "z"), [Reached::Passed, Reached::Failed, Reached::NotReached, Reached::Ended]);
    assert_eq!(explored.step("nothing").map(std::collections::BTreeMap::len), None);
}

#[test]
fn finally_runs_at_every_end() {
    let explored = explored("steps:\n  a: { act: A, run: a }\n  t: { act: T, run: t }\nfinally: [t]\n");
    assert_eq!(reached(&explored, "t"), [Reached::Passed, Reached::Failed]);
}

#[test]
fn steps_side_by_side_are_tried_in_every_order() {
    let explored = explored(
        "parallel: 2\nsteps:\n  a: { act: A, run: a, needs: [] }\n  q: { verify: Q, ask: Q, needs: [] }\n  \
         b: { act: B, run: b, needs: [a] }\n  c: { act: C, run: c, needs: [q] }\n",
    );
    assert!(reached(&explored, "q").contains(&Reached::Ended), "a failed first");
    assert!(reached(&explored, "b").contains(&Reached::Ended), "q failed first");
    assert!(reached(&explored, "c").contains(&Reached::Ended));
}

#[test]
fn states_that_agree_on_what_matters_are_one() {
    // Each step can end in three ways, and the next one runs whatever it was: 3^40 histories.
    let mut text = String::new();
    for number in 0..40 {
        let _ = writeln!(text, "  s{number}: {{ verify: S, run: s, needs: [], on_fail: done }}");
    }
    let explored = explored(&text);
    assert!(explored.states < 200, "{} states", explored.states);
    assert_eq!(ends(&explored), [RunOutcome::Resolved]);
    assert_eq!(explored.ends[&RunOutcome::Resolved].len(), 40);
}

#[test]
fn it_is_bounded_and_says_so() {
    let mut text = "parallel: 12\nsteps:\n".to_owned();
    for number in 0..12 {
        let _ = writeln!(text, "  s{number}: {{ verify: S, ask: Q, needs: [], on_fail: t{number} }}");
        let _ = writeln!(text, "  t{number}: {{ act: T, run: t }}");
    }
    let explored = explore(&plan(&text), 500);
    assert!(!explored.complete);
    assert_eq!(explored.states, 500);
    assert!(explored.step("s0").unwrap().contains_key(&Reached::Passed));
}

#[test]
fn the_failover_runbook() {
    let explored = explored(include_str!("dns_failover.yaml"));
    assert!(explored.states < 1_000, "{} states", explored.states);
    for step in &explored.steps {
        assert!(step.outcomes.contains_key(&Reached::Passed), "{} can pass", step.id);
    }
    assert_eq!(
        ends(&explored),
        [RunOutcome::Resolved, RunOutcome::Escalated, RunOutcome::Failed, RunOutcome::Cancelled]
    );
    assert_eq!(
        reached(&explored, "shut_down"),
        [Reached::Passed, Reached::Failed, Reached::Denied, Reached::NotReached, Reached::Ended]
    );
    let denied = explored.ends[&RunOutcome::Escalated].last().unwrap();
    assert_eq!(denied, &took("need_a_person", Took::Passed));
}

/// Whatever happens in a run was said to be reachable.
#[test]
fn a_run_goes_nowhere_else() {
    let mut compared = 0;
    for seed in 5_000_000..5_000_400 {
        let Some(world) = random_run(seed).filter(|world| !world.started.attended) else { continue };
        let explored = explore(&Arc::clone(&world.plan), 3_000);
        if !explored.complete {
            continue;
        }
        compared += 1;
        let records: Vec<&Record> = world.records.iter().map(|(_, record, _)| record).collect();
        let cancelled = records.iter().any(|record| matches!(record, Record::RunCancelled { .. }));
        let undo_failed =
            records.iter().any(|record| matches!(record, Record::StepUndone { outcome: Outcome::Failed, .. }));
        if cancelled {
            continue;
        }
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        for record in &records {
            let (step, reached) = match record {
                Record::StepSettled { step, outcome, settlement, .. } => (step, settled(*outcome, *settlement)),
                Record::StepSkipped { step, why } => (step, skipped(why)),
                Record::PhaseEntered { phase: Phase::Rollback, .. } => break,
                _ => continue,
            };
            if step.contains('[') {
                // What becomes of its items, a step comes to.
                continue;
            }
            seen.insert(step);
            let outcomes = explored.step(step).unwrap();
            // Whether a step of an ending run is said not to be reached, or to come too late, is a matter of moments.
            let late = [Reached::NotReached, Reached::Ended];
            let known = outcomes.contains_key(&reached)
                || (late.contains(&reached) && late.iter().any(|other| outcomes.contains_key(other)));
            assert!(known, "seed {seed}: {step} {reached:?} is not in {:?}", outcomes.keys());
        }
        if !undo_failed {
            let outcome = world.sealed().unwrap();
            assert!(
                explored.ends.contains_key(&outcome),
                "seed {seed}: {outcome:?} is not in {:?}",
                explored.ends.keys()
            );
        }
    }
    assert!(compared > 100, "only {compared} runs were compared");
}

fn settled(outcome: Outcome, settlement: Settlement) -> Reached {
    match (outcome, settlement) {
        (_, Settlement::Denied) => Reached::Denied,
        (_, Settlement::Expired | Settlement::Unanswered) => Reached::Unanswered,
        (Outcome::Passed, _) => Reached::Passed,
        (Outcome::Failed, _) => Reached::Failed,
        (Outcome::Unknown, _) => Reached::Unknown,
        (Outcome::Skipped, _) => panic!("a skipped step does not settle"),
    }
}

fn skipped(why: &SkipReason) -> Reached {
    match why {
        SkipReason::When => Reached::SteppedOver,
        SkipReason::NotReached => Reached::NotReached,
        SkipReason::Blocked(_) => Reached::Blocked,
        SkipReason::Cancelled | SkipReason::Ended => Reached::Ended,
    }
}
