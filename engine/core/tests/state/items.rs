//! `for_each`: the same step once for each item of a list. The world compares a replay with the live state after every
//! event.

use runbook_core::run::event::Input;
use runbook_core::run::record::{
    End, Part, Record, RunOutcome, SettleWord, Settlement, StartFailure, StartFailureKind,
};
use runbook_core::run::request::RequestKind;
use runbook_core::run::state::Standing;

use super::world::{Go, World, try_plan};

const LOOP: &str = "  drain:\n    act: Drain {{ each.host }}\n    run: drain {{ each.host }}\n    \
                    for_each: { host: [web1, web2, web3] }\n";

#[test]
fn each_item_is_done_in_the_order_of_the_list() {
    let world = World::new(LOOP).run();
    assert_eq!(world.order(), ["drain[0]", "drain[1]", "drain[2]"]);
    assert_eq!(world.outcome("drain"), "passed");
    assert_eq!(world.outcome("drain[1]"), "passed");
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
    assert_eq!(world.state.step("drain").unwrap().title, "Drain each host");
    assert_eq!(world.state.step("drain[1]").unwrap().title, "Drain web2");
}

#[test]
fn the_list_is_recorded_once_and_never_made_again() {
    let mut world = World::new(LOOP).goes("drain[1]", &[Go::Hangs]).start();
    let lists = |world: &World| {
        world.records.iter().filter(|(_, record, _)| matches!(record, Record::StepItems { .. })).count()
    };
    assert_eq!(lists(&world), 1);
    world.supervised = true;
    world.resume();
    world.end("drain[1]", End::Exited(0));
    assert_eq!(lists(&world), 1);
    assert_eq!(world.order(), ["drain[0]", "drain[1]", "drain[2]"]);
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
}

#[test]
fn one_at_a_time_unless_width_says_otherwise() {
    let hangs = |text: &str| {
        let mut world = World::new(text);
        for step in ["drain[0]", "drain[1]", "drain[2]", "drain[3]"] {
            world = world.goes(step, &[Go::Hangs]);
        }
        world.start()
    };
    let with = |width: &str| {
        hangs(&format!(
            "  drain: {{ act: D, run: 'drain {{{{ each.host }}}}', for_each: {{ host: [a, b, c, d]{width} }} }}\n"
        ))
    };
    assert_eq!(with("").order(), ["drain[0]"]);
    assert_eq!(with(", width: 2").order(), ["drain[0]", "drain[1]"]);
    assert_eq!(with(", width: 10").order().len(), 4);
    assert_eq!(with(", width: 75%").order().len(), 3, "rounded down");
    assert_eq!(with(", width: 60%").order().len(), 2, "rounded down");
    assert_eq!(with(", width: 1%").order().len(), 1, "at least one");
    let mut two = with(", width: 2");
    two.end("drain[1]", End::Exited(0));
    assert_eq!(two.order(), ["drain[0]", "drain[1]", "drain[2]"], "the next starts when one has ended");
}

#[test]
fn a_loop_takes_one_place_for_all_its_items() {
    let text = "  drain: { verify: D, run: look, needs: [], for_each: { host: [a, b], width: 2 } }\n  \
                other: { verify: O, run: look, needs: [] }\n";
    let world = World::new(text).goes("drain[0]", &[Go::Hangs]).goes("drain[1]", &[Go::Hangs]).start();
    assert_eq!(world.order(), ["drain[0]", "drain[1]"], "parallel is 1");
    let text = format!("parallel: 2\nsteps:\n{text}");
    let world = World::new(&text).goes("drain[0]", &[Go::Hangs]).goes("drain[1]", &[Go::Hangs]).start();
    assert_eq!(world.order(), ["drain[0]", "drain[1]", "other"]);
}

#[test]
fn after_a_failed_item_no_new_one_starts_and_those_that_run_are_let_end() {
    let text = "  drain: { act: D, run: drain, on_fail: [then, failed], for_each: { host: [a, b, c, d], width: 2 } }\n  \
                then: { verify: T, run: look }\n";
    let mut world = World::new(text).goes("drain[0]", &[Go::Exit(1)]).goes("drain[1]", &[Go::Hangs]).start();
    assert_eq!(world.order(), ["drain[0]", "drain[1]"]);
    assert_eq!(world.outcome("drain"), "active");
    assert_eq!(world.outcome("drain[2]"), "blocked by drain[0]");
    world.end("drain[1]", End::Exited(0));
    assert_eq!(world.outcome("drain[1]"), "passed");
    assert_eq!(world.outcome("drain"), "failed");
    let reason = world.state.step("drain").unwrap().reason.unwrap();
    assert_eq!(reason, "1 of 4 items failed; drain[0]: exit code 1");
    assert_eq!(world.outcome("then"), "passed");
}

#[test]
fn with_continue_the_others_are_done_all_the_same() {
    let text = "  look: { verify: L, run: look, for_each: { host: [a, b, c], on_item_fail: continue } }\n  \
                which:\n    decide: W\n    cases:\n      - { when: 'steps.look.items.exists(i, i.failed && i.item == \"b\")', then: fix }\n    \
                otherwise: done\n  fix: { act: F, run: fix }\n";
    let world = World::new(text).goes("look[1]", &[Go::Exit(1)]).run();
    assert_eq!(world.order(), ["look[0]", "look[1]", "look[2]", "fix"]);
    assert_eq!(world.outcome("look"), "failed");
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved), "the decide judged it");
}

#[test]
fn a_loop_with_an_unknown_and_no_failed_item_is_unknown() {
    let text = "  look: { verify: L, run: look, for_each: { host: [a, b, c], on_item_fail: continue } }\n";
    let world = World::new(text).goes("look[1]", &[Go::Exit(127)]).run();
    assert_eq!(world.outcome("look"), "unknown");
    let world = World::new(text).goes("look[1]", &[Go::Exit(127)]).goes("look[2]", &[Go::Exit(1)]).run();
    assert_eq!(world.outcome("look"), "failed");
    assert_eq!(world.sealed(), Some(RunOutcome::Failed));
}

#[test]
fn over_no_items_a_verify_fails_and_an_act_passes_and_says_so() {
    let with = |kind: &str| World::new(&format!("  it: {{ {kind}: I, run: x, for_each: {{ host: [] }} }}\n")).run();
    let (verify, act) = (with("verify"), with("act"));
    assert_eq!((verify.outcome("it"), act.outcome("it")), ("failed".to_owned(), "passed".to_owned()));
    for world in [&verify, &act] {
        assert_eq!(world.state.step("it").unwrap().reason.as_deref(), Some("its list has no items"));
        assert!(world.started_attempts.is_empty());
    }
}

#[test]
fn a_list_that_is_none_fails_the_step_before_anything_starts() {
    let text = "  look: { verify: L, run: look, outputs: { it: json.n } }\n  \
                it: { act: I, run: x, for_each: { host: steps.look.outputs.it } }\n";
    let world = World::new(text).goes("look", &[Go::Says(0, "{\"n\": 2}")]).run();
    assert_eq!(world.outcome("it"), "failed");
    assert!(world.state.step("it").unwrap().reason.unwrap().contains("no list"));
    let many: Vec<String> = (0..1_001).map(|n| n.to_string()).collect();
    let text = format!("  it: {{ act: I, run: x, for_each: {{ host: [{}] }} }}\n", many.join(", "));
    let world = World::new(&text).run();
    assert!(world.state.step("it").unwrap().reason.unwrap().contains("1000 are the most"));
    assert!(world.started_attempts.is_empty());
}

#[test]
fn items_and_what_they_gave_are_read_by_later_steps() {
    let text = "  look:\n    verify: L\n    run: look\n    for_each: { host: [a, b] }\n    \
                outputs: { load: 'each.host + stdout' }\n  \
                sum:\n    verify: S\n    expect: 'steps.look.items.map(i, i.outputs.load) == [\"a1\", \"b2\"] && \
                steps.look.items[1].index == 1 && steps.look.items[0].outcome == \"passed\"'\n";
    let world = World::new(text).goes("look[0]", &[Go::Says(0, "1\n")]).goes("look[1]", &[Go::Says(0, "2\n")]).run();
    assert_eq!(world.outcome("sum"), "passed", "{:?}", world.state.step("sum"));
}

#[test]
fn a_list_that_an_earlier_step_printed() {
    let text = "  which: { verify: W, run: hosts, outputs: { hosts: 'lines(stdout)' } }\n  \
                drain: { act: 'Drain {{ each.host }}', run: 'drain {{ each.host }}', for_each: { host: steps.which.outputs.hosts } }\n";
    let mut world =
        World::new(text).goes("which", &[Go::Says(0, "web1\nweb2\n")]).goes("drain[1]", &[Go::Hangs]).start();
    assert_eq!(world.state.step("drain[1]").unwrap().title, "Drain web2");
    world.supervised = true;
    world.resume();
    world.end("drain[1]", End::Exited(0));
    assert_eq!(world.outcome("drain"), "passed");
}

#[test]
fn retry_and_expect_are_each_items_own() {
    let text = "  look: { verify: L, run: look, expect: 'stdout == each.host', retry: { every: 5s, attempts: 3 }, \
                for_each: { host: [a, b] } }\n";
    let world = World::new(text)
        .goes("look[0]", &[Go::Says(0, "x"), Go::Says(0, "a")])
        .goes("look[1]", &[Go::Says(0, "b")])
        .run();
    assert_eq!((world.ran("look[0]"), world.ran("look[1]")), (2, 1));
    assert_eq!(world.outcome("look"), "passed");
}

#[test]
fn what_is_already_so_of_an_item_is_left_alone() {
    let text = "  drain: { act: D, run: drain, unless: { run: look }, for_each: { host: [a, b] } }\n";
    let world = World::new(text).part_goes("drain[0]", Part::Unless, &[Go::Exit(1)]).run();
    assert_eq!(world.order(), ["drain[0]:unless", "drain[0]", "drain[1]:unless"]);
    let is_so = |step: &str| {
        world.records.iter().any(|(_, record, _)| {
            matches!(record, Record::StepSettled { step: one, settlement: Settlement::AlreadySo, .. } if one == step)
        })
    };
    assert!(!is_so("drain[0]") && is_so("drain[1]") && !is_so("drain"));
    let world = World::new(text).run();
    assert_eq!(world.order(), ["drain[0]:unless", "drain[1]:unless"]);
    assert!(world.state.step("drain").unwrap().reason.unwrap().contains("already so"));
}

const APPROVED: &str = "  drain: { act: D, run: drain, approve: operator, denied: tell, for_each: { host: [a, b, c], width: 2 } }\n  \
                        tell: { escalate: T, to: sre, handover: true }\n";

#[test]
fn after_its_approval_a_loop_keeps_its_width() {
    let hang = |world: World, step: &str| world.goes(step, &[Go::Hangs]);
    let world = ["drain[0]", "drain[1]", "drain[2]"].into_iter().fold(World::new(APPROVED), hang);
    let mut world = world.start();
    world.approve("drain");
    assert_eq!(world.order(), ["drain[0]", "drain[1]"]);
    world.end("drain[1]", End::Exited(1));
    world.end("drain[0]", End::Exited(0));
    assert_eq!(world.order(), ["drain[0]", "drain[1]"], "what was approved does not start after a failure");
    assert_eq!(world.outcome("drain[2]"), "blocked by drain[1]");
}

#[test]
fn one_approval_covers_all_items_and_comes_before_any_of_them() {
    let mut world = World::new(APPROVED).start();
    assert!(world.started_attempts.is_empty());
    let requests: Vec<_> = world.state.requests().cloned().collect();
    let [request] = requests.as_slice() else { panic!("{requests:?}") };
    assert_eq!(request.step.as_deref(), Some("drain"));
    let RequestKind::Approval { shown, .. } = &request.kind else { panic!("{request:?}") };
    assert_eq!(shown, "3 items: drain[0]; drain[1]; drain[2]");
    world.approve("drain");
    assert_eq!(world.order(), ["drain[0]", "drain[1]", "drain[2]"]);
    assert_eq!(world.outcome("drain"), "passed");
}

#[test]
fn what_was_approved_for_all_items_is_taken_up_by_the_next_process() {
    for count in 1..40 {
        let mut world = World::new(APPROVED).start();
        world.approve("drain");
        if count >= world.records.len() {
            return;
        }
        world.crash_after(count, None);
        if world.state.requests().any(|request| request.verb() == "approve") {
            world.approve("drain");
        }
        while world.state.standing() == Standing::InDoubt {
            world.settle_any(SettleWord::Done);
        }
        let waits: Vec<_> = world.state.requests().collect();
        assert_eq!(world.sealed(), Some(RunOutcome::Resolved), "after {count} records: {waits:?} {:#?}", world.records);
        for item in ["drain[0]", "drain[1]", "drain[2]"] {
            assert!(world.ran(item) <= 1, "{item} after {count} records");
            assert_eq!(world.outcome(item), "passed");
        }
    }
}

#[test]
fn a_loop_that_is_denied_starts_nothing() {
    let mut world = World::new(APPROVED).start();
    world.deny("drain");
    assert!(world.started_attempts.is_empty());
    assert_eq!(world.outcome("drain"), "failed");
    assert_eq!(world.outcome("drain[0]"), "not reached");
    assert_eq!(world.sealed(), Some(RunOutcome::Escalated));
}

#[test]
fn what_is_already_so_needs_no_approval() {
    let text =
        "  drain: { act: D, run: drain, unless: { run: look }, approve: operator, for_each: { host: [a, b] } }\n";
    let mut world = World::new(text).part_goes("drain[1]", Part::Unless, &[Go::Exit(1)]).start();
    let requests: Vec<_> = world.state.requests().cloned().collect();
    let RequestKind::Approval { shown, .. } = &requests[0].kind else { panic!("{requests:?}") };
    assert_eq!(shown, "1 item: drain[1]");
    world.approve("drain");
    assert_eq!(world.ran("drain[0]"), 0);
    assert_eq!(world.ran("drain[1]"), 1);
    let none = World::new(text).run();
    assert_eq!(none.sealed(), Some(RunOutcome::Resolved));
}

#[test]
fn an_item_in_doubt_is_settled_by_its_own_name_and_nothing_after_it_starts_before() {
    let mut world =
        World::new(&format!("{LOOP}  after: {{ verify: A, run: look }}\n")).goes("drain[1]", &[Go::Lost]).start();
    assert_eq!(world.order(), ["drain[0]", "drain[1]"]);
    assert_eq!(world.state.standing(), Standing::InDoubt);
    assert!(world.told[0].2.contains("runbook settle run-1 'drain[1]'"), "{:?}", world.told);
    world.settle("drain[1]", SettleWord::Done);
    assert_eq!(world.order(), ["drain[0]", "drain[1]", "drain[2]", "after"]);
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
}

#[test]
fn an_item_in_doubt_that_is_done_again_asks_for_its_own_approval() {
    let mut world = World::new(APPROVED).goes("drain[1]", &[Go::Lost, Go::Exit(0)]).start();
    world.approve("drain");
    assert_eq!(world.state.standing(), Standing::InDoubt);
    world.settle("drain[1]", SettleWord::Again);
    assert_eq!(world.ran("drain[1]"), 1, "one approval is of one start");
    world.approve("drain[1]");
    assert_eq!(world.ran("drain[1]"), 2);
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
}

#[test]
fn in_front_of_a_person_a_failed_item_is_tried_again_alone() {
    let mut world = World::attended(LOOP).goes("drain[1]", &[Go::Exit(1), Go::Exit(0)]).start();
    assert_eq!(world.order(), ["drain[0]", "drain[1]"], "the next waits for what is said");
    world.settle("drain[1]", SettleWord::Again);
    assert_eq!(world.order(), ["drain[0]", "drain[1]", "drain[1]", "drain[2]"]);
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
    let mut world = World::attended(LOOP).goes("drain[1]", &[Go::Exit(1)]).start();
    world.say(Input::Settle {
        step: Some("drain[1]".to_owned()),
        word: SettleWord::Fail,
        reason: None,
        outputs: std::collections::BTreeMap::new(),
    });
    assert_eq!(world.outcome("drain"), "failed");
    assert_eq!(world.outcome("drain[2]"), "blocked by drain[1]");
    assert_eq!(world.state.requests().count(), 0, "nobody is asked again about the whole");
}

const UNDONE: &str = "rollback: auto\nsteps:\n  drain: { act: 'Drain {{ each.host }}', run: 'drain {{ each.host }}', \
                      undo: { run: 'fill {{ each.host }}' }, for_each: { host: [a, b, c] } }\n  \
                      fails: { act: F, run: fails }\n";

#[test]
fn items_are_undone_one_by_one_newest_first() {
    let world = World::new(UNDONE).goes("fails", &[Go::Exit(1)]).run();
    assert_eq!(
        world.order(),
        ["drain[0]", "drain[1]", "drain[2]", "fails", "drain[2]:undo", "drain[1]:undo", "drain[0]:undo"]
    );
    assert_eq!(world.sealed(), Some(RunOutcome::Failed));
    // Only what was started is undone, a half-done item too.
    let world = World::new(UNDONE).goes("drain[1]", &[Go::Exit(1)]).run();
    assert_eq!(world.order(), ["drain[0]", "drain[1]", "drain[1]:undo", "drain[0]:undo"]);
    let world =
        World::new(UNDONE).goes("fails", &[Go::Exit(1)]).part_goes("drain[1]", Part::Undo, &[Go::Exit(1)]).run();
    assert_eq!(world.order()[4..], ["drain[2]:undo", "drain[1]:undo"], "the first that fails stops it");
    let (_, open) = world.seal();
    assert_eq!(open[..2], ["drain[1] could not be undone", "drain[0] was done and is not undone"]);
}

#[test]
fn the_undoing_of_items_goes_on_in_the_next_process() {
    let whole = World::new(UNDONE).goes("fails", &[Go::Exit(1)]).run().records.len();
    for count in 1..whole {
        let mut world = World::new(UNDONE).goes("fails", &[Go::Exit(1)]).run();
        world.supervised = true;
        world.crash_after(count, None);
        world.let_time_pass();
        while world.state.standing() == Standing::InDoubt {
            world.settle_any(SettleWord::Done);
        }
        assert_eq!(world.sealed(), Some(RunOutcome::Failed), "after {count} records");
        for item in ["drain[0]", "drain[1]", "drain[2]"] {
            assert_eq!(world.ran(item), 1, "{item} after {count} records");
            let undone = world.order().iter().filter(|one| **one == format!("{item}:undo")).count();
            assert_eq!(undone, 1, "{item} after {count} records");
        }
    }
}

#[test]
fn a_step_that_undoes_a_whole_loop_runs_once() {
    let text = "rollback: auto\nsteps:\n  drain: { act: D, run: drain, undo: fill, for_each: { host: [a, b] } }\n  \
                fails: { act: F, run: fails, needs: drain }\n  \
                fill: { act: F, run: fill, needs: fails }\n";
    let world = World::new(text).goes("fails", &[Go::Exit(1)]).run();
    assert_eq!(world.order(), ["drain[0]", "drain[1]", "fails", "fill"]);
    assert_eq!(world.sealed(), Some(RunOutcome::Failed));
}

#[test]
fn a_cancel_starts_no_other_item_and_lets_an_act_end() {
    let mut world = World::new(LOOP).goes("drain[0]", &[Go::Hangs]).start();
    world.cancel();
    assert!(world.stopped.is_empty(), "an act is let end");
    world.end("drain[0]", End::Exited(0));
    assert_eq!(world.order(), ["drain[0]"]);
    assert_eq!(world.outcome("drain[0]"), "passed");
    assert_eq!(world.outcome("drain[1]"), "cancelled");
    assert_eq!(world.outcome("drain"), "failed", "it was not done to the end");
    assert_eq!(world.sealed(), Some(RunOutcome::Cancelled));
    let mut world = World::new(&LOOP.replace("act:", "verify:")).goes("drain[0]", &[Go::Hangs]).start();
    world.cancel();
    assert_eq!(world.stopped.len(), 1, "a look is ended");
    assert_eq!(world.outcome("drain"), "cancelled");
    let mut world = World::new(LOOP).goes("drain[0]", &[Go::Hangs]).start();
    world.cancel();
    world.cancel();
    assert_eq!(world.stopped.len(), 1, "a second one ends the act by the ladder");
    assert_eq!(world.state.standing(), Standing::InDoubt);
}

#[test]
fn a_failure_beside_it_starts_no_other_item() {
    let text = "parallel: 2\nsteps:\n  drain: { act: D, run: drain, needs: [], for_each: { host: [a, b] } }\n  \
                other: { act: O, run: o, needs: [] }\n";
    let mut world = World::new(text).goes("drain[0]", &[Go::Hangs]).goes("other", &[Go::Exit(1)]).start();
    world.end("drain[0]", End::Exited(0));
    assert_eq!(world.order(), ["drain[0]", "other"]);
    assert_eq!(world.outcome("drain[1]"), "the run came to its end before");
    assert_eq!(world.sealed(), Some(RunOutcome::Failed));
}

#[test]
fn a_loop_in_finally_runs_to_its_end() {
    let text = "steps:\n  fails: { act: F, run: f }\n  tidy: { act: T, run: t, for_each: { host: [a, b] } }\nfinally: [tidy]\n";
    let world = World::new(text).goes("fails", &[Go::Exit(1)]).run();
    assert_eq!(world.order(), ["fails", "tidy[0]", "tidy[1]"]);
    assert_eq!(world.outcome("tidy"), "passed");
}

#[test]
fn people_are_asked_about_each_item() {
    let text = "  ask: { verify: 'Is {{ each.host }} well?', ask: 'Is {{ each.host }} well?', within: 5m, else: [fix], \
                for_each: { host: [a, b], width: 2 } }\n  fix: { act: F, run: fix }\n";
    let mut world = World::new(text).start();
    let asked: Vec<_> =
        world.state.requests().map(|request| (request.step.clone().unwrap(), request.text.clone())).collect();
    assert_eq!(asked, [("ask[0]".to_owned(), "Is a well?".to_owned()), ("ask[1]".to_owned(), "Is b well?".to_owned())]);
    world.answer("ask[1]", runbook_core::run::record::AnswerWord::Yes);
    assert_eq!(world.outcome("ask[1]"), "passed");
    world.let_time_pass();
    assert_eq!(world.outcome("ask"), "failed");
    assert_eq!(world.outcome("fix"), "passed", "nobody answered in time: its else follows");
}

#[test]
fn a_clock_that_goes_back_voids_the_approval_of_a_loop() {
    let mut world = World::new(APPROVED).start();
    let first = world.state.requests().next().unwrap().id;
    world.note(Record::ClockJumped { by_ms: -60_000 });
    world.event(runbook_core::run::event::Event::Deadline);
    let again: Vec<_> = world.state.requests().collect();
    assert_eq!(again.len(), 1);
    assert_ne!(again[0].id, first);
    world.approve("drain");
    assert_eq!(world.outcome("drain"), "passed");
}

#[test]
fn a_dry_run_shows_each_item_where_the_list_is_known() {
    let world = World::dry(LOOP).run();
    let planned: Vec<_> = world
        .records
        .iter()
        .filter_map(|(_, record, _)| match record {
            Record::StepPlanned { key, .. } => Some(key.step.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(planned, ["drain[0]", "drain[1]", "drain[2]"]);
    assert!(world.started_attempts.is_empty());
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
    let text = "  which: { verify: W, run: hosts, outputs: { hosts: 'lines(stdout)' } }\n  \
                drain: { act: D, run: 'drain {{ each.host }}', for_each: { host: steps.which.outputs.hosts } }\n";
    let world = World::dry(text).run();
    let reason = world.state.step("drain").unwrap().reason.unwrap();
    assert_eq!(reason, "its items cannot be known until which");
}

#[test]
fn a_run_that_tries_again_does_not_repeat_items_that_passed() {
    let first = World::new(LOOP).goes("drain[1]", &[Go::Exit(1)]).run();
    assert_eq!(first.sealed(), Some(RunOutcome::Failed));
    let again = World::again(&first, &[]).run();
    assert_eq!(again.order(), ["drain[1]", "drain[2]"]);
    assert_eq!(again.sealed(), Some(RunOutcome::Resolved));
    let whole = World::again(&first, &["drain"]).run();
    assert_eq!(whole.order(), ["drain[0]", "drain[1]", "drain[2]"]);
}

#[test]
fn a_loop_that_passed_is_taken_over_with_its_items() {
    let text = "rollback: auto\nsteps:\n  drain: { act: D, run: 'drain {{ each.host }}', \
                undo: { run: 'fill {{ each.host }}' }, for_each: { host: [a, b] }, outputs: { at: each.host } }\n  \
                fails: { act: F, run: fails }\n  sum: { verify: S, expect: 'steps.drain.items[1].outputs.at == \"b\"' }\n";
    let first = World::new(text).goes("fails", &[Go::Exit(1)]).part_goes("drain[1]", Part::Undo, &[Go::Exit(1)]).run();
    assert_eq!(first.outcome("drain"), "passed");
    let never = text.replace("rollback: auto", "rollback: never");
    let first = World::new(&never).goes("fails", &[Go::Exit(1)]).run();
    let again = World::again(&first, &[]).run();
    assert_eq!(again.order(), ["fails"]);
    assert_eq!(again.outcome("sum"), "passed");
}

#[test]
fn each_is_only_known_to_a_loop() {
    assert!(try_plan("  a: { verify: A, run: 'look {{ each.host }}' }\n").is_err());
}

#[test]
fn a_loop_that_ran_and_is_run_again_to_undo_another_still_undoes_what_it_did_first() {
    let text = "rollback: auto\nsteps:\n  fill: { act: F, run: fill, undo: { run: empty }, for_each: { host: [a, b] } }\n  \
                drain: { act: D, run: drain, undo: fill }\n  fails: { act: X, run: fails }\n";
    let world = World::new(text).goes("fails", &[Go::Exit(1)]).run();
    assert_eq!(
        world.order(),
        ["fill[0]", "fill[1]", "drain", "fails", "fill[0]", "fill[1]", "fill[1]:undo", "fill[0]:undo"]
    );
    let lists = world.records.iter().filter(|(_, record, _)| matches!(record, Record::StepItems { .. })).count();
    assert_eq!(lists, 2);
    assert_eq!(world.sealed(), Some(RunOutcome::Failed));
}

#[test]
fn one_approval_covers_a_loop_of_requests_too() {
    let text = "  tell: { act: T, http: { method: POST, url: 'http://{{ each.host }}/drain' }, approve: operator, \
                for_each: { host: [a, b] } }\n";
    let world = World::new(text).start();
    let asked: Vec<_> = world.state.requests().map(|request| request.step.clone()).collect();
    assert_eq!(asked, [Some("tell".to_owned())]);
}

#[test]
fn a_word_about_an_item_does_not_hide_a_failure_that_nothing_followed() {
    let text = "  drain: { act: D, run: 'drain {{ each.host }}', for_each: { host: [web1] } }\n  look: { verify: L, run: look }\n";
    let mut world = World::new(text).goes("look", &[Go::Exit(1)]).run();
    assert_eq!(world.sealed(), Some(RunOutcome::Failed));
    let settled = |record: &Record| matches!(record, Record::StepSettled { step, .. } if step == "look");
    let count = world.records.iter().position(|(_, record, _)| settled(record)).unwrap() + 1;
    world.records.truncate(count);
    let (actor, _, at) = world.records.last().unwrap().clone();
    let note =
        Record::Note { step: Some("drain[0]".to_owned()), text: "its supervisor outlived the engine".to_owned() };
    world.records.push((actor, note, at));
    world.crash_after(count + 1, None);
    assert_eq!(world.sealed(), Some(RunOutcome::Failed));
}

#[test]
fn an_item_that_could_not_start_as_an_undo_is_itself_still_undone() {
    let text = "rollback: auto\nsteps:\n  sweep: { act: S, run: 'sweep {{ each.one }}', undo: { run: back }, for_each: { one: [a] } }\n  \
                make: { act: M, run: make, undo: sweep }\n  look: { verify: L, run: look }\n";
    let mut world =
        World::attended(text).goes("sweep[0]", &[Go::Exit(0), Go::Hangs]).goes("look", &[Go::Exit(1)]).start();
    world.settle("look", SettleWord::Fail);
    let message = "no program".to_owned();
    let failure = StartFailure { kind: StartFailureKind::MissingProgram, message };
    world.end("sweep[0]", End::NotStarted(failure));
    world.settle("sweep[0]", SettleWord::ByHand);
    let undone = |record: &Record| matches!(record, Record::StepUndone { step, .. } if step == "sweep[0]");
    assert!(world.records.iter().any(|(_, record, _)| undone(record)), "{:?}", world.order());
}

#[test]
fn two_loops_that_were_approved_do_not_wait_for_each_other() {
    let text = "  one: { act: O, run: o, needs: [], approve: operator, for_each: { host: [a, b] } }\n  \
                two: { act: T, run: t, needs: [], approve: operator, for_each: { host: [a, b] } }\n";
    let mut world = World::new(text).goes("one[0]", &[Go::Hangs]).start();
    world.approve("one");
    world.approve("two");
    world.end("one[0]", End::Exited(0));
    assert_eq!(world.order(), ["one[0]", "one[1]", "two[0]", "two[1]"]);
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
}
