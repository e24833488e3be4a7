//! `runbook`: a step runs another one. The world compares a replay with the live state after every event.

use std::collections::BTreeMap;
use std::time::Duration;

use runbook_core::run::event::Input;
use runbook_core::run::record::{
    AnswerWord, End, EndCause, Mode, Part, Phase, QuestionKind, Record, RunOutcome, SettleWord, Settlement,
};
use runbook_core::run::request::RequestKind;
use runbook_core::run::state::Standing;
use runbook_core::value::Value;

use super::world::{Go, World, plan_with, started};

/// Runs another, then goes on.
const PARENT: &str = "  outage: { act: Deal with it, runbook: restart, with: { host: web1 } }\n  \
                      after: { verify: It is well, run: look }\n";
/// Two acts that can be undone, with a param and an output.
const CHILD: &str = "params:\n  host: { type: string }\n  wait: { type: duration, default: 5m }\nrollback: auto\nsteps:\n  \
                     stop: { act: 'Stop {{ params.host }}', run: 'stop {{ params.host }}', undo: { run: unstop } }\n  \
                     begin: { act: Start, run: start, undo: { run: unstart } }\n\
                     outputs:\n  host: 'params.host + \"!\"'\n";

fn records<'a, T>(world: &'a World, pick: impl Fn(&'a Record) -> Option<T>) -> Vec<T> {
    world.records.iter().filter_map(|(_, record, _)| pick(record)).collect()
}

fn phases(world: &World) -> Vec<(String, Phase, Option<EndCause>)> {
    records(world, |record| match record {
        Record::CallPhase { key, phase, cause } => Some((key.step.clone(), *phase, cause.clone())),
        _ => None,
    })
}

fn ends(world: &World) -> Vec<(String, RunOutcome)> {
    records(world, |record| match record {
        Record::CallEnded { key, outcome, .. } => Some((key.step.clone(), *outcome)),
        _ => None,
    })
}

fn settlement(world: &World, of: &str) -> Settlement {
    let all = records(world, |record| match record {
        Record::StepSettled { step, settlement, .. } if step == of => Some(*settlement),
        _ => None,
    });
    *all.last().unwrap()
}

fn reason(world: &World, step: &str) -> String {
    world.state.step(step).unwrap().reason.unwrap_or_default()
}

#[test]
fn the_steps_of_a_called_runbook_run_in_its_order_and_the_run_goes_on() {
    let world = World::calling(PARENT, &[("restart", CHILD)]).run();
    assert_eq!(world.order(), ["outage/stop", "outage/begin", "after"]);
    assert_eq!(world.outcome("outage"), "passed");
    assert_eq!(world.outcome("outage/stop"), "passed");
    assert_eq!(world.state.step("outage/stop").unwrap().title, "Stop web1");
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
    assert_eq!(ends(&world), [("outage".to_owned(), RunOutcome::Resolved)]);
    assert_eq!(world.plan.step_at("outage/stop").unwrap().id.value.as_str(), "stop");
}

#[test]
fn what_it_is_given_is_recorded_with_its_defaults_before_it_begins() {
    let world = World::calling(PARENT, &[("restart", CHILD)]).run();
    let given = records(&world, |record| match record {
        Record::CallGiven { runbook, params, .. } => Some((runbook.clone(), params.clone())),
        _ => None,
    });
    let params = BTreeMap::from([
        ("host".to_owned(), Value::from("web1")),
        ("wait".to_owned(), Value::Duration(Duration::from_secs(300))),
    ]);
    assert_eq!(given, [("restart".to_owned(), params)]);
    let shown = records(&world, |record| match record {
        Record::StepPlanned { key, shown, .. } if key.step == "outage" => Some(shown.clone()),
        _ => None,
    });
    assert_eq!(shown, ["runbook restart host=web1 wait=5m"]);
}

#[test]
fn its_outputs_are_read_as_the_steps_own() {
    let parent = "  outage: { act: O, runbook: restart, with: { host: web1 }, expect: 'outputs.host == \"web1!\"', \
                  outputs: { long: 'outputs.host + outputs.host' } }\n  \
                  after: { verify: A, run: 'look {{ steps.outage.outputs.host }} {{ steps.outage.outputs.long }}', \
                  expect: 'steps.outage.outputs.long == \"web1!web1!\"' }\n";
    let world = World::calling(parent, &[("restart", CHILD)]).run();
    assert_eq!(world.outcome("after"), "passed");
    let never = parent.replace("outputs.host == \"web1!\"", "outputs.host == \"web2\"");
    let world = World::calling(&never, &[("restart", CHILD)]).run();
    assert_eq!(world.outcome("outage"), "failed");
    assert!(reason(&world, "outage").starts_with("expected outputs.host"), "{}", reason(&world, "outage"));
}

#[test]
fn one_that_fails_rolls_back_and_runs_its_finally_before_its_step_ends() {
    let child = CHILD.replace("outputs:", "  last: { verify: L, run: look }\nfinally: last\noutputs:");
    let world = World::calling(PARENT, &[("restart", child.as_str())]).goes("outage/begin", &[Go::Exit(1)]).run();
    assert_eq!(world.order(), ["outage/stop", "outage/begin", "outage/begin:undo", "outage/stop:undo", "outage/last"]);
    assert_eq!(world.outcome("outage"), "failed");
    assert_eq!(reason(&world, "outage"), "outage/begin failed: exit code 1");
    assert_eq!(world.outcome("after"), "blocked by outage");
    assert_eq!(world.sealed(), Some(RunOutcome::Failed));
    let entered: Vec<Phase> = phases(&world).into_iter().map(|(_, phase, _)| phase).collect();
    assert_eq!(entered, [Phase::Ending, Phase::Rollback, Phase::Finally, Phase::Over]);
}

#[test]
fn a_failure_of_it_is_answered_by_the_steps_own_road() {
    let parent =
        "  outage: { act: O, runbook: restart, with: { host: web1 }, on_fail: mend }\n  mend: { act: M, run: mend }\n";
    let world = World::calling(parent, &[("restart", CHILD)]).goes("outage/stop", &[Go::Exit(1)]).run();
    assert_eq!(world.order(), ["outage/stop", "outage/stop:undo", "mend"]);
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
}

#[test]
fn its_own_fallback_runs_in_it() {
    let child = "fallback: mend\nsteps:\n  try: { act: T, run: try }\n  mend: { act: M, run: mend }\n";
    let parent = "  outage: { act: O, runbook: restart }\n";
    let world = World::calling(parent, &[("restart", child)]).goes("outage/try", &[Go::Exit(1)]).run();
    assert_eq!(world.order(), ["outage/try", "outage/mend"]);
    assert_eq!(world.outcome("outage"), "failed", "a failure that nothing handled stays one");
    assert_eq!(phases(&world)[0].2, Some(EndCause::Failed("outage/try".to_owned())));
}

#[test]
fn a_verify_is_unknown_where_an_unknown_failed_what_it_runs() {
    let parent = "  look: { verify: L, runbook: looks }\n";
    let beside = [("looks", "  see: { verify: S, run: see }\n")];
    let unknown = World::calling(parent, &beside).goes("look/see", &[Go::Exit(127)]).run();
    assert_eq!(unknown.outcome("look"), "unknown");
    let failed = World::calling(parent, &beside).goes("look/see", &[Go::Exit(1)]).run();
    assert_eq!(failed.outcome("look"), "failed");
    let act = World::calling("  look: { act: L, runbook: looks }\n", &beside).goes("look/see", &[Go::Exit(127)]).run();
    assert_eq!(act.outcome("look"), "failed");
}

#[test]
fn a_verify_is_tried_again_as_a_whole() {
    let parent = "  look: { verify: L, runbook: looks, retry: { every: 10s, attempts: 3 } }\n";
    let beside = [("looks", "  one: { verify: O, run: one }\n  two: { verify: T, run: two }\n")];
    let world = World::calling(parent, &beside).goes("look/two", &[Go::Exit(1), Go::Exit(0)]).run();
    assert_eq!(world.order(), ["look/one", "look/two", "look/one", "look/two"]);
    assert_eq!(world.outcome("look"), "passed");
    assert_eq!(world.state.step("look/one").unwrap().attempts, 2, "no attempt has the number of another");
}

#[test]
fn one_that_hands_over_ends_the_run_so() {
    let child = "  tell: { escalate: T, to: sre, handover: true }\n";
    let parent = "  outage: { act: O, runbook: hands }\n  after: { act: A, run: x }\n";
    let world = World::calling(parent, &[("hands", child)]).run();
    assert_eq!(world.sealed(), Some(RunOutcome::Escalated));
    assert_eq!(world.outcome("outage"), "passed");
    assert_eq!(world.outcome("after"), "the run came to its end before");
    assert_eq!(world.seal().1, ["with sre (told): T"]);
    let to = records(&world, |record| match record {
        Record::Handover { step: Some(step), to } => Some((step.clone(), to.clone())),
        _ => None,
    });
    let sre = vec!["sre".to_owned()];
    assert_eq!(to, [("outage/tell".to_owned(), sre.clone()), ("outage".to_owned(), sre)]);
}

#[test]
fn a_denial_in_it_is_a_denial_of_its_step() {
    let child = "  wipe: { act: W, run: wipe, approve: operator }\n";
    let parent = "fallback: tell\nsteps:\n  outage: { act: O, runbook: wipes, on_fail: other }\n  other: { act: X, run: x }\n  \
                  tell: { escalate: T, to: sre }\n";
    let mut world = World::calling(parent, &[("wipes", child)]).start();
    world.deny("outage/wipe");
    assert_eq!(settlement(&world, "outage"), Settlement::Denied);
    assert_eq!(world.order(), Vec::<String>::new(), "on_fail does not answer a denial");
    assert_eq!(world.ran_escalation("tell"), 1, "the fallback does");
    assert_eq!(world.sealed(), Some(RunOutcome::Cancelled));
    assert_eq!(world.seal().0, "outage was denied");
}

#[test]
fn an_approval_of_the_step_comes_before_anything_in_it() {
    let parent = PARENT.replace("with:", "approve: operator, with:");
    let mut world = World::calling(&parent, &[("restart", CHILD)]).start();
    let asked: Vec<(String, String)> = world
        .state
        .requests()
        .filter_map(|request| match &request.kind {
            RequestKind::Approval { key, shown, .. } => Some((key.step.clone(), shown.clone())),
            _ => None,
        })
        .collect();
    assert_eq!(asked, [("outage".to_owned(), "runbook restart host=web1 wait=5m".to_owned())]);
    assert!(world.order().is_empty());
    world.approve("outage");
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
}

#[test]
fn the_undos_of_one_that_passed_join_the_runs() {
    let parent = format!("rollback: auto\nsteps:\n  first: {{ act: F, run: f, undo: {{ run: unf }} }}\n{PARENT}");
    let world = World::calling(&parent, &[("restart", CHILD)]).goes("after", &[Go::Exit(1)]).run();
    let order = world.order();
    assert_eq!(order[4..], ["outage/begin:undo", "outage/stop:undo", "first:undo"], "newest first");
    assert_eq!(world.sealed(), Some(RunOutcome::Failed));
    assert_eq!(world.seal().1, ["after failed: exit code 1"], "nothing is left");
}

#[test]
fn an_undo_of_one_that_passed_may_be_a_step_of_it() {
    let child = "steps:\n  stop: { act: S, run: s, undo: begin }\n  begin: { act: B, run: b, when: 'false' }\n";
    let parent = "rollback: auto\nsteps:\n  outage: { act: O, runbook: stops }\n  after: { verify: A, run: look }\n";
    let world = World::calling(parent, &[("stops", child)]).goes("after", &[Go::Exit(1)]).run();
    assert_eq!(world.order(), ["outage/stop", "after", "outage/begin"]);
    assert_eq!(world.seal().1, ["after failed: exit code 1"]);
    let world = World::calling(parent, &[("stops", child)])
        .goes("after", &[Go::Exit(1)])
        .goes("outage/begin", &[Go::Exit(1)])
        .run();
    assert_eq!(world.seal().1[0], "outage/stop could not be undone");
}

#[test]
fn the_first_undo_in_it_that_fails_stops_the_runs_rollback() {
    let parent = format!("rollback: auto\nsteps:\n  first: {{ act: F, run: f, undo: {{ run: unf }} }}\n{PARENT}");
    let world = World::calling(&parent, &[("restart", CHILD)])
        .goes("after", &[Go::Exit(1)])
        .part_goes("outage/begin", Part::Undo, &[Go::Exit(1)])
        .run();
    assert_eq!(world.order()[4..], ["outage/begin:undo"]);
    let open = &world.seal().1[..3];
    assert_eq!(
        open,
        [
            "outage/begin could not be undone",
            "outage/stop was done and is not undone",
            "first was done and is not undone"
        ]
    );
}

#[test]
fn an_undo_of_the_step_takes_the_place_of_those_in_it() {
    let parent = "rollback: auto\nsteps:\n  outage: { act: O, runbook: restart, with: { host: a }, undo: { runbook: back } }\n  \
                  after: { verify: A, run: look }\n";
    let beside = [("restart", CHILD), ("back", "  turn: { act: T, run: t, undo: { run: u } }\n")];
    let world = World::calling(parent, &beside).goes("after", &[Go::Exit(1)]).run();
    assert_eq!(world.order(), ["outage/stop", "outage/begin", "after", "outage.undo/turn"]);
    assert_eq!(world.seal().1, ["after failed: exit code 1"]);
    assert_eq!(world.plan.step_at("outage.undo/turn").unwrap().id.value.as_str(), "turn");
}

#[test]
fn an_unless_may_be_one_and_a_doubt_looks_again() {
    let parent = "  wipe: { act: W, run: wipe, unless: { runbook: looks } }\n";
    let beside = [("looks", "  see: { verify: S, run: see }\n")];
    let world = World::calling(parent, &beside).run();
    assert_eq!(settlement(&world, "wipe"), Settlement::AlreadySo);
    assert_eq!(world.order(), ["wipe.unless/see"]);
    let world = World::calling(parent, &beside)
        .goes("wipe.unless/see", &[Go::Exit(1), Go::Exit(0)])
        .goes("wipe", &[Go::Signal])
        .run();
    assert_eq!(world.order(), ["wipe.unless/see", "wipe", "wipe.unless/see"]);
    assert_eq!(world.outcome("wipe"), "passed");
    assert_eq!(reason(&world, "wipe"), "done, says its unless");
    let world = World::calling(parent, &beside).goes("wipe.unless/see", &[Go::Exit(127)]).run();
    assert_eq!(world.outcome("wipe"), "failed", "{}", reason(&world, "wipe"));
    assert_eq!(world.ran("wipe"), 0);
}

#[test]
fn each_item_of_a_list_runs_its_own() {
    let parent =
        "  each: { act: E, runbook: restart, with: { host: '{{ each.host }}' }, for_each: { host: [a, b] } }\n";
    let world = World::calling(parent, &[("restart", CHILD)]).run();
    assert_eq!(world.order(), ["each[0]/stop", "each[0]/begin", "each[1]/stop", "each[1]/begin"]);
    assert_eq!(world.state.step("each[1]/stop").unwrap().title, "Stop b");
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
    let wide = parent.replace("[a, b]", "[a, b], width: 2");
    let world = World::calling(&wide, &[("restart", CHILD)]).goes("each[0]/stop", &[Go::Hangs]).start();
    assert_eq!(world.order(), ["each[0]/stop", "each[1]/stop", "each[1]/begin"]);
    let world = World::calling(parent, &[("restart", CHILD)]).goes("each[0]/begin", &[Go::Exit(1)]).run();
    assert_eq!(world.outcome("each[1]"), "blocked by each[0]");
    assert_eq!(world.order(), ["each[0]/stop", "each[0]/begin", "each[0]/begin:undo", "each[0]/stop:undo"]);
}

#[test]
fn an_item_that_hands_over_starts_no_other() {
    let parent = "  each: { act: E, runbook: hands, for_each: { host: [a, b] } }\n  after: { act: A, run: x }\n";
    let world = World::calling(parent, &[("hands", "  tell: { escalate: T, to: sre, handover: true }\n")]).run();
    assert_eq!(world.outcome("each[1]"), "the run came to its end before");
    assert_eq!(world.sealed(), Some(RunOutcome::Escalated));
}

#[test]
fn the_list_is_as_many_calls_as_one_approval_covers() {
    let parent = "  each: { act: E, runbook: restart, with: { host: '{{ each.host }}' }, approve: operator, for_each: { host: [a, b] } }\n";
    let mut world = World::calling(parent, &[("restart", CHILD)]).start();
    let shown = world.state.requests().find_map(|request| match &request.kind {
        RequestKind::Approval { shown, .. } => Some(shown.clone()),
        _ => None,
    });
    assert_eq!(shown.unwrap(), "2 items: runbook restart host=a wait=5m; runbook restart host=b wait=5m");
    assert!(world.order().is_empty());
    world.approve("each");
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
}

#[test]
fn one_runs_one_that_runs_another() {
    let beside = [
        (
            "mid",
            "params:\n  host: { type: string }\nsteps:\n  low: { act: L, runbook: restart, with: { host: '{{ params.host }}' } }\noutputs:\n  host: steps.low.outputs.host\n",
        ),
        ("restart", CHILD),
    ];
    let parent = "rollback: auto\nsteps:\n  top: { act: T, runbook: mid, with: { host: x } }\n  \
                  after: { verify: A, run: 'look {{ steps.top.outputs.host }}' }\n";
    let world = World::calling(parent, &beside).goes("after", &[Go::Exit(1)]).run();
    assert_eq!(world.order(), ["top/low/stop", "top/low/begin", "after", "top/low/begin:undo", "top/low/stop:undo"]);
    let world = World::calling(parent, &beside).goes("top/low/begin", &[Go::Exit(1)]).run();
    assert_eq!(reason(&world, "top"), "top/low failed: top/low/begin failed: exit code 1");
}

#[test]
fn places_are_the_runs_own_and_it_takes_one() {
    let parent = "parallel: 2\nsteps:\n  a: { act: A, runbook: wide, needs: [] }\n  b: { act: B, run: b, needs: [] }\n  \
                  c: { act: C, run: c, needs: [] }\n";
    let wide = "parallel: 4\nsteps:\n  x: { act: X, run: x, needs: [] }\n  y: { act: Y, run: y, needs: [] }\n  \
                z: { act: Z, run: z, needs: [x, y] }\n";
    let world = World::calling(parent, &[("wide", wide)])
        .goes("a/x", &[Go::Hangs])
        .goes("a/y", &[Go::Hangs])
        .goes("b", &[Go::Hangs])
        .start();
    let mut order = world.order();
    order.sort();
    assert_eq!(order, ["a/x", "a/y", "b"], "two of the run's places, as many in it as it says itself");
    let asks = "  ask: { verify: Q, ask: 'Well?' }\n  then: { act: T, run: t }\n";
    let one = "steps:\n  a: { act: A, runbook: asks, needs: [] }\n  b: { act: B, run: b, needs: [] }\n";
    let mut world = World::calling(one, &[("asks", asks)]).goes("b", &[Go::Hangs]).start();
    assert_eq!(world.order(), ["b"], "while it waits for a person it takes none");
    world.answer("a/ask", AnswerWord::Yes);
    assert_eq!(world.order(), ["b"], "and then it waits for one");
    world.end("b", End::Exited(0));
    assert_eq!(world.order(), ["b", "a/then"]);
}

#[test]
fn a_cancel_is_the_whole_runs() {
    let child = CHILD.replace("outputs:", "  last: { verify: L, run: look }\nfinally: last\noutputs:");
    let parent = format!("rollback: auto\nsteps:\n  first: {{ act: F, run: f, undo: {{ run: unf }} }}\n{PARENT}");
    let mut world = World::calling(&parent, &[("restart", child.as_str())]).goes("outage/stop", &[Go::Hangs]).start();
    world.cancel();
    assert_eq!(world.stopped, [], "an act is let end");
    world.end("outage/stop", End::Exited(0));
    assert_eq!(world.order(), ["first", "outage/stop", "outage/stop:undo", "outage/last", "first:undo"]);
    assert_eq!(world.outcome("outage/begin"), "cancelled");
    assert_eq!((world.outcome("outage"), world.outcome("after")), ("failed".to_owned(), "cancelled".to_owned()));
    assert_eq!(reason(&world, "outage"), "cancelled: enough");
    assert_eq!(ends(&world), [("outage".to_owned(), RunOutcome::Cancelled)]);
    assert_eq!(world.sealed(), Some(RunOutcome::Cancelled));
}

#[test]
fn a_cancel_ends_a_look_in_it_and_a_second_one_an_act() {
    let parent = "  outage: { act: O, runbook: looks }\n";
    let beside = [("looks", "  see: { verify: S, run: see }\n")];
    let mut world = World::calling(parent, &beside).goes("outage/see", &[Go::Hangs]).start();
    world.cancel();
    assert_eq!(world.outcome("outage/see"), "cancelled");
    assert_eq!(world.outcome("outage"), "cancelled", "nothing was begun in it");
    let mut world = World::calling(PARENT, &[("restart", CHILD)]).goes("outage/stop", &[Go::Hangs]).start();
    world.cancel();
    world.cancel();
    assert_eq!(world.stopped.len(), 1);
    assert_eq!(world.state.standing(), Standing::InDoubt);
    world.settle("outage/stop", SettleWord::NotDone);
    assert_eq!(world.sealed(), Some(RunOutcome::Cancelled));
}

#[test]
fn in_finally_a_second_cancel_ends_the_call_and_goes_on() {
    let parent = "finally: [clean, then]\nsteps:\n  one: { act: O, run: o }\n  clean: { act: C, runbook: cleans }\n  \
                  then: { act: T, run: t }\n";
    let cleans = "  first: { act: F, run: f }\n  second: { act: S, run: s }\n";
    let mut world = World::calling(parent, &[("cleans", cleans)]).goes("clean/first", &[Go::Hangs]).start();
    world.cancel();
    assert_eq!(world.stopped, [], "the first says what is still to be done");
    assert!(phases(&world).is_empty());
    world.cancel();
    assert_eq!(world.stopped.len(), 0, "in it this is the first, which lets an act end");
    world.end("clean/first", End::Exited(0));
    assert_eq!(world.order(), ["one", "clean/first", "then"]);
    assert_eq!(world.outcome("clean"), "failed");
}

#[test]
fn it_runs_in_finally_of_a_cancelled_run() {
    let parent = "finally: clean\nsteps:\n  one: { act: O, run: o }\n  clean: { act: C, runbook: cleans }\n";
    let mut world =
        World::calling(parent, &[("cleans", "  sweep: { act: S, run: s }\n")]).goes("one", &[Go::Hangs]).start();
    world.cancel();
    world.end("one", End::Exited(0));
    assert_eq!(world.order(), ["one", "clean/sweep"]);
    assert_eq!(world.outcome("clean"), "passed");
}

#[test]
fn when_the_run_ends_around_it_nothing_new_starts_in_it() {
    let parent = "parallel: 2\nrollback: auto\nsteps:\n  a: { act: A, runbook: restart, with: { host: h }, needs: [] }\n  \
                  b: { act: B, run: b, needs: [] }\n";
    let mut world =
        World::calling(parent, &[("restart", CHILD)]).goes("a/stop", &[Go::Hangs]).goes("b", &[Go::Exit(1)]).start();
    assert_eq!(phases(&world), [("a".to_owned(), Phase::Ending, Some(EndCause::Around))]);
    world.end("a/stop", End::Exited(0));
    assert_eq!(world.order(), ["b", "a/stop", "a/stop:undo"], "what it did it undoes");
    assert_eq!(world.outcome("a/begin"), "the run came to its end before");
    assert_eq!(world.outcome("a"), "failed");
    assert_eq!(world.seal().0, "b failed and nothing handled it");
}

#[test]
fn a_handover_beside_it_ends_it_and_undoes_nothing() {
    let parent = "parallel: 2\nrollback: auto\nsteps:\n  a: { act: A, runbook: restart, with: { host: h }, needs: [] }\n  \
                  b: { act: B, wait: 1m, needs: [] }\n  c: { escalate: C, to: sre, handover: true }\n";
    let mut world = World::calling(parent, &[("restart", CHILD)]).goes("a/stop", &[Go::Hangs]).start();
    world.pass(Duration::from_secs(60));
    world.end("a/stop", End::Exited(0));
    assert_eq!(world.order(), ["a/stop"], "it is someone else's");
    assert_eq!(world.sealed(), Some(RunOutcome::Escalated));
}

#[test]
fn its_time_ends_it_and_fails_the_step() {
    let parent = PARENT.replace("with:", "timeout: 10m, with:");
    let slow = CHILD.replace("steps:\n", "steps:\n  pause: { act: P, wait: 1h }\n");
    let world = World::calling(&parent, &[("restart", slow.as_str())]).run();
    assert_eq!(world.outcome("outage/pause"), "cancelled");
    assert_eq!(
        (world.outcome("outage"), reason(&world, "outage")),
        ("failed".to_owned(), "ran out of time".to_owned())
    );
    assert_eq!(world.sealed(), Some(RunOutcome::Failed), "the run is not cancelled for that");
    let own = format!("timeout: 20m\n{slow}");
    let world = World::calling(PARENT, &[("restart", own.as_str())]).run();
    assert_eq!(reason(&world, "outage"), "ran out of time");
}

#[test]
fn its_lock_is_taken_when_it_begins_and_one_that_is_held_fails_the_step() {
    let child = format!("lock: 'host-{{{{ params.host }}}}'\n{CHILD}");
    let beside = [("restart", child.as_str())];
    let world = World::calling(PARENT, &beside).run();
    assert_eq!(world.locks, ["host-web1"]);
    assert_eq!(world.state.locks(), ["host-web1"], "the run holds it to its end");
    let mut world = World::calling(PARENT, &beside);
    world.locked = vec!["host-web1".to_owned()];
    let world = world.run();
    assert_eq!(
        (world.outcome("outage"), reason(&world, "outage")),
        ("failed".to_owned(), "host-web1 is held by another run".to_owned())
    );
    assert!(world.order().is_empty());
}

#[test]
fn what_is_given_must_fit_when_the_step_begins() {
    let child = "params:\n  count: { type: integer, max: 3 }\nsteps:\n  go: { act: G, run: g }\n";
    let parent = "  ask: { verify: A, run: ask, outputs: { n: 'int(stdout)' } }\n  \
                  go: { act: G, runbook: counts, with: { count: '{{ steps.ask.outputs.n }}' } }\n";
    let world = World::calling(parent, &[("counts", child)]).goes("ask", &[Go::Says(0, "7")]).run();
    assert_eq!(world.outcome("go"), "failed");
    assert_eq!(reason(&world, "go"), "with: count must be at most 3, not 7");
    let world = World::calling(parent, &[("counts", child)]).goes("ask", &[Go::Says(0, "2")]).run();
    assert_eq!(world.order(), ["ask", "go/go"]);
}

#[test]
fn the_engine_may_die_anywhere_in_it() {
    let child = CHILD.replace(
        "outputs:",
        "  ask: { verify: Q, ask: 'Well?' }\n  last: { verify: L, run: look }\nfinally: last\noutputs:",
    );
    let parent = format!("rollback: auto\nsteps:\n  first: {{ act: F, run: f, undo: {{ run: unf }} }}\n{PARENT}");
    let plays = |fails: &str| {
        let mut world = World::calling(&parent, &[("restart", child.as_str())]).goes(fails, &[Go::Exit(1)]).start();
        while world.sealed().is_none() {
            world.answer("outage/ask", AnswerWord::Yes);
            world.let_time_pass();
        }
        world
    };
    for fails in ["nothing", "after", "outage/begin", "outage/last"] {
        let whole = plays(fails);
        for count in 1..whole.records.len() {
            let mut world = World::calling(&parent, &[("restart", child.as_str())]).goes(fails, &[Go::Exit(1)]);
            world.supervised = true;
            world.records.clone_from(&whole.records);
            world.started_attempts.clone_from(&whole.started_attempts);
            world.crash_after(count, None);
            for _ in 0..10 {
                if world.sealed().is_some() {
                    break;
                }
                let waits = world.state.requests().next().cloned();
                match waits {
                    Some(request) if request.verb() == "settle" => world.settle_any(SettleWord::Done),
                    Some(_) => world.answer("outage/ask", AnswerWord::Yes),
                    None => world.let_time_pass(),
                }
            }
            assert!(world.sealed().is_some(), "{fails}, {count} of {}: {:?}", whole.records.len(), world.records);
        }
    }
}

#[test]
fn a_doubt_in_it_is_settled_there() {
    let mut world = World::calling(PARENT, &[("restart", CHILD)]).goes("outage/stop", &[Go::Signal]).start();
    assert_eq!(world.state.standing(), Standing::InDoubt);
    world.settle("outage/stop", SettleWord::Done);
    assert_eq!(world.order(), ["outage/stop", "outage/begin", "after"]);
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
}

#[test]
fn whoever_sits_there_is_asked_about_the_step_in_it_and_not_again_about_the_call() {
    let mut world = World::calling_attended(PARENT, &[("restart", CHILD)])
        .goes("outage/begin", &[Go::Exit(1), Go::Exit(0)])
        .start();
    world.settle("outage/begin", SettleWord::Again);
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
    let mut world = World::calling_attended(PARENT, &[("restart", CHILD)]).goes("outage/begin", &[Go::Exit(1)]).start();
    world.settle("outage/begin", SettleWord::Fail);
    assert_eq!(world.outcome("outage"), "failed");
    assert_eq!(world.sealed(), Some(RunOutcome::Failed));
}

#[test]
fn its_rollback_is_asked_for_in_its_name() {
    let child = CHILD.replace("rollback: auto\n", "");
    let mut world = World::calling(PARENT, &[("restart", child.as_str())]).goes("outage/begin", &[Go::Exit(1)]).start();
    let asked = records(&world, |record| match record {
        Record::Question { step, question: QuestionKind::Rollback, text, .. } => Some((step.clone(), text.clone())),
        _ => None,
    });
    let text = "Undo what was done? Newest first: Start (outage/begin); Stop web1 (outage/stop)".to_owned();
    assert_eq!(asked, [(Some("outage".to_owned()), text)]);
    world.answer("outage", AnswerWord::Yes);
    assert_eq!(world.order()[2..], ["outage/begin:undo", "outage/stop:undo"]);
    let mut world = World::calling(PARENT, &[("restart", child.as_str())]).goes("outage/begin", &[Go::Exit(1)]).start();
    world.rollback(false);
    assert_eq!(world.sealed(), Some(RunOutcome::Failed));
    assert_eq!(
        world.seal().1,
        [
            "outage failed: outage/begin failed: exit code 1",
            "outage/begin was done and is not undone",
            "outage/stop was done and is not undone",
            "outage/begin failed: exit code 1",
        ]
    );
}

#[test]
fn an_acknowledgement_in_it_is_waited_for_and_widened_in_its_place() {
    let child = "  tell: { escalate: T, to: sre, ack: { within: 5m, else: other } }\n  other: { act: O, run: o }\n";
    let parent = "  outage: { act: O, runbook: tells }\n";
    let mut world = World::calling(parent, &[("tells", child)]).start();
    world.acknowledge("outage/tell");
    assert_eq!(world.outcome("outage"), "passed");
    let world = World::calling(parent, &[("tells", child)]).run();
    assert_eq!(world.order(), ["outage/other"]);
}

#[test]
fn a_dry_run_goes_into_it_and_knows_what_it_cannot_know() {
    let child = "params:\n  host: { type: string }\nsteps:\n  look: { verify: L, run: 'look {{ params.host }}' }\n  \
                 go: { act: G, run: go, approve: operator }\noutputs:\n  x: steps.look.stdout\n";
    let parent = "  ask: { verify: A, run: ask }\n  outage: { act: O, runbook: goes, with: { host: '{{ steps.ask.stdout }}' }, approve: operator, on_fail: mend }\n  \
                  mend: { act: M, run: 'mend' }\n  after: { act: F, run: 'f {{ steps.outage.outputs.x }}', needs: outage }\n";
    let plan = plan_with(parent, &[("goes", child)]);
    let world = World::with(plan, started(Mode::Dry { probe: false }, false)).run();
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
    for step in ["outage", "outage/look", "outage/go", "mend", "after"] {
        assert_eq!(
            (world.outcome(step), settlement(&world, step)),
            ("passed".to_owned(), Settlement::Withheld),
            "{step}"
        );
    }
    assert_eq!(reason(&world, "outage/look"), "cannot be known until ask");
    assert_eq!(reason(&world, "after"), "cannot be known until outage");
    assert!(world.order().is_empty());
}

#[test]
fn a_drill_looks_in_it_and_withholds_the_rest() {
    let child = "steps:\n  look: { verify: L, run: look }\n  go: { act: G, run: go }\n";
    let parent = "  outage: { act: O, runbook: goes }\n  sees: { verify: S, runbook: looks }\n";
    let beside =
        [("goes", child), ("looks", "steps:\n  see: { verify: V, run: see }\noutputs:\n  text: steps.see.stdout\n")];
    let world = World::with(plan_with(parent, &beside), started(Mode::Drill, false)).run();
    assert_eq!(world.order(), ["outage/look", "sees/see"]);
    assert_eq!(settlement(&world, "outage"), Settlement::Withheld);
    assert_eq!(settlement(&world, "sees"), Settlement::Ran);
    let world =
        World::with(plan_with(parent, &beside), started(Mode::Drill, false)).goes("outage/look", &[Go::Exit(1)]).run();
    assert_eq!(world.outcome("outage"), "failed");
}

#[test]
fn a_run_that_tries_again_takes_over_the_steps_of_one_that_failed() {
    let first = World::calling(PARENT, &[("restart", &CHILD.replace("rollback: auto", "rollback: never"))])
        .goes("outage/begin", &[Go::Exit(1)])
        .run();
    let again = World::again(&first, &[]).run();
    assert_eq!(again.order(), ["outage/begin", "after"]);
    assert_eq!(again.outcome("outage/stop"), "passed");
    assert_eq!(again.sealed(), Some(RunOutcome::Resolved));
    let again = World::again(&first, &["outage/stop"]).run();
    assert_eq!(again.order(), ["outage/stop", "outage/begin", "after"]);
}

#[test]
fn what_another_run_did_in_it_does_not_stand_for_other_params() {
    let parent = "params:\n  host: { type: string, default: web1 }\nsteps:\n  outage: { act: O, runbook: restart, with: { host: '{{ params.host }}' } }\n";
    let first = World::calling(parent, &[("restart", &CHILD.replace("rollback: auto", "rollback: never"))])
        .goes("outage/begin", &[Go::Exit(1)])
        .run();
    let taken = first.state.to_take_over(&std::collections::BTreeSet::new());
    let mut other = World::with(std::sync::Arc::clone(&first.plan), started(Mode::Real, false));
    for (step, mut was) in taken {
        was.around = was.around.map(|_| BTreeMap::from([("host".to_owned(), Value::from("web2"))]));
        other.note(Record::StepTakenOver { step, run: "run-0".to_owned(), n: 1, was: Box::new(was) });
    }
    assert_eq!(other.run().order(), ["outage/stop", "outage/begin"]);
}

#[test]
fn the_undos_of_one_that_was_taken_over_join_the_runs() {
    let parent = format!("rollback: never\nsteps:\n{PARENT}");
    let first = World::calling(&parent, &[("restart", CHILD)]).goes("after", &[Go::Exit(1)]).run();
    let plan = plan_with(&parent.replace("never", "auto"), &[("restart", CHILD)]);
    let mut again = World::with(plan, started(Mode::Real, false)).goes("after", &[Go::Exit(1)]);
    for (step, was) in first.state.to_take_over(&std::collections::BTreeSet::new()) {
        again.note(Record::StepTakenOver { step, run: "run-0".to_owned(), n: 1, was: Box::new(was) });
    }
    assert_eq!(again.run().order(), ["after", "outage/begin:undo", "outage/stop:undo"]);
}

#[test]
fn items_that_ran_one_are_taken_over_with_what_they_did() {
    let parent = "rollback: never\nsteps:\n  each: { act: E, runbook: restart, with: { host: '{{ each.host }}' }, for_each: { host: [a, b, c] } }\n";
    let child = CHILD.replace("rollback: auto", "rollback: never");
    let first = World::calling(parent, &[("restart", &child)]).goes("each[1]/begin", &[Go::Exit(1)]).run();
    let again = World::again(&first, &[]).run();
    assert_eq!(again.order(), ["each[1]/begin", "each[2]/stop", "each[2]/begin"]);
    // The list may be in another order: what was done is found by its element.
    let plan = plan_with(&parent.replace("[a, b, c]", "[c, b, a]"), &[("restart", &child)]);
    let mut turned = World::with(plan, started(Mode::Real, false));
    for (step, was) in first.state.to_take_over(&std::collections::BTreeSet::new()) {
        turned.note(Record::StepTakenOver { step, run: "run-0".to_owned(), n: 1, was: Box::new(was) });
    }
    assert_eq!(turned.run().order(), ["each[0]/stop", "each[0]/begin", "each[1]/begin"]);
}

#[test]
fn every_end_of_it_is_walked() {
    use runbook_core::explore::{Reached, STATES_MAX, explore};
    let hands = "steps:\n  try: { verify: T, run: t, on_fail: tell }\n  wipe: { act: W, run: w, approve: operator }\n  \
                 tell: { escalate: E, to: sre, handover: true }\n";
    let parent = "  outage: { act: O, runbook: hands, on_fail: mend }\n  mend: { act: M, run: m }\n  last: { verify: L, run: l, needs: outage }\n";
    let explored = explore(&plan_with(parent, &[("hands", hands)]), STATES_MAX);
    assert!(explored.complete);
    let ends: Vec<RunOutcome> = explored.ends.keys().copied().collect();
    assert_eq!(ends, [RunOutcome::Resolved, RunOutcome::Escalated, RunOutcome::Failed, RunOutcome::Cancelled]);
    let reached = |step: &str| explored.step(step).unwrap().keys().copied().collect::<Vec<Reached>>();
    assert_eq!(reached("outage"), [Reached::Passed, Reached::Failed, Reached::Denied]);
    assert!(reached("mend").contains(&Reached::Passed));
    let looks = explore(
        &plan_with("  look: { verify: L, runbook: looks }\n", &[("looks", "  see: { verify: S, run: s }\n")]),
        STATES_MAX,
    );
    let ends: Vec<RunOutcome> = looks.ends.keys().copied().collect();
    assert_eq!(ends, [RunOutcome::Resolved, RunOutcome::Failed], "nobody is told and nothing is asked there");
}

#[test]
fn a_process_that_lets_go_in_the_midst_of_it_goes_on_there() {
    let child = "  one: { act: O, run: o }\n  two: { act: T, run: t }\n";
    let mut world = World::calling("  outage: { act: O, runbook: both }\n", &[("both", child)])
        .goes("outage/one", &[Go::Hangs])
        .start();
    world.say(Input::LetGo { reason: "signal".to_owned() });
    world.end("outage/one", End::Exited(0));
    assert!(world.suspended);
    assert_eq!(world.order(), ["outage/one"]);
    world.resume();
    assert_eq!(world.order(), ["outage/one", "outage/two"]);
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
}
