//! Acts at the gate: started, recorded, and only then let go. The engine may die before and after.

use runbook_core::run::event::Input;
use runbook_core::run::record::{End, Record, RunOutcome, SettleWord};
use runbook_core::run::state::Standing;

use crate::world::{Go, World};

/// Places in the transcript right behind the records that this is so of.
fn behind(world: &World, wanted: impl Fn(&Record) -> bool) -> usize {
    world.records.iter().position(|(_, record, _)| wanted(record)).unwrap() + 1
}

fn intent_of(step: &str) -> impl Fn(&Record) -> bool {
    move |record| matches!(record, Record::StepIntent { key, .. } if key.step == step)
}

fn spawned(record: &Record) -> bool {
    matches!(record, Record::StepSpawned { .. })
}

fn released(record: &Record) -> bool {
    matches!(record, Record::StepReleased { .. })
}

fn count(world: &World, wanted: impl Fn(&Record) -> bool) -> usize {
    world.records.iter().filter(|(_, record, _)| wanted(record)).count()
}

const ACT: &str = "  a: { act: A, run: a }\n  b: { act: B, run: b }\n";

#[test]
fn it_is_let_go_once_it_is_recorded_that_it_may() {
    let world = World::new(ACT).run();
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
    let kinds = |step: &str| -> Vec<&str> {
        let of = |record: &Record| match record {
            Record::StepIntent { key, .. } if key.step == step => Some("intent"),
            Record::StepSpawned { key, .. } if key.step == step => Some("spawned"),
            Record::StepReleased { key } if key.step == step => Some("released"),
            Record::AttemptEnded { key, .. } if key.step == step => Some("ended"),
            _ => None,
        };
        world.records.iter().filter_map(|(_, record, _)| of(record)).collect()
    };
    assert_eq!(kinds("a"), ["intent", "spawned", "released", "ended"]);
    assert_eq!(kinds("b"), ["intent", "spawned", "released", "ended"]);
}

#[test]
fn a_look_is_not_held_at_a_gate() {
    let world = World::new("  a: { verify: A, run: a }\n  b: { act: B, run: b, unless: { run: u } }\n")
        .part_goes("b", runbook_core::run::record::Part::Unless, &[Go::Exit(1)])
        .run();
    assert_eq!(world.order(), ["a", "b:unless", "b"]);
    assert_eq!(count(&world, released), 1);
}

#[test]
fn what_was_not_let_go_did_not_run_and_starts_as_the_same_attempt() {
    let whole = World::new(ACT).run();
    // Behind `step.spawned` alone, too: the byte is not written before `step.released` is on disk.
    for count_on_disk in [behind(&whole, intent_of("a")), behind(&whole, spawned)] {
        let mut world = World::new(ACT).run();
        world.crash_after(count_on_disk, None);
        assert_eq!(world.sealed(), Some(RunOutcome::Resolved), "{:#?}", world.records);
        assert_eq!(world.order(), ["a", "b"]);
        assert_eq!(count(&world, intent_of("a")), 1);
        assert_eq!(count(&world, |record| matches!(record, Record::DoubtOpened { .. })), 0);
    }
}

#[test]
fn it_starts_under_the_approval_it_has() {
    let text = "  a: { act: A, run: a, approve: operator }\n";
    let approved = || {
        let mut world = World::new(text).run();
        world.approve("a");
        world
    };
    let mut world = approved();
    world.crash_after(behind(&world, intent_of("a")), None);
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
    assert_eq!(count(&world, |record| matches!(record, Record::ApprovalRequested { .. })), 1);
    assert_eq!(world.ran("a"), 1);
}

#[test]
fn after_a_cancel_it_does_not_start() {
    let mut world = World::new(ACT).run();
    let cancel = Input::Cancel { reason: "enough".to_owned() };
    world.crash_after(behind(&world, intent_of("a")), Some(cancel));
    world.settle_down();
    assert_eq!(world.sealed(), Some(RunOutcome::Cancelled), "{:#?}", world.records);
    assert_eq!(world.ran("a"), 0);
    let end = world.records.iter().find_map(|(_, record, _)| match record {
        Record::AttemptEnded { key, end, .. } if key.step == "a" => end.clone(),
        _ => None,
    });
    assert!(matches!(end, Some(End::NotStarted(_))), "{end:?}");
}

#[test]
fn what_was_let_go_and_nobody_saw_is_in_doubt() {
    let mut world = World::new(ACT).run();
    world.crash_after(behind(&world, released), None);
    assert_eq!(world.state.standing(), Standing::InDoubt);
    assert_eq!(world.ran("a"), 1);
    world.settle("a", SettleWord::Done);
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
    assert_eq!(world.order(), ["a", "b"]);
}

#[test]
fn what_was_let_go_and_is_seen_to_ends_as_if_nothing_had_been() {
    for (go, outcome) in [(Go::Exit(0), RunOutcome::Resolved), (Go::Exit(3), RunOutcome::Failed)] {
        let mut world = World::new(ACT).goes("a", &[go]).run();
        world.supervised = true;
        world.crash_after(behind(&world, released), None);
        assert_eq!(world.sealed(), Some(outcome), "{:#?}", world.records);
        assert_eq!((world.ran("a"), count(&world, intent_of("a"))), (1, 1));
    }
}

#[test]
fn a_cancel_reaches_what_is_seen_to_across_a_crash() {
    let mut world = World::new(ACT).goes("a", &[Go::Hangs]).start();
    world.supervised = true;
    let cancel = || Input::Cancel { reason: "enough".to_owned() };
    world.crash_after(world.records.len(), Some(cancel()));
    assert_eq!(world.stopped.len(), 0, "an act that runs is let end");
    world.say(cancel());
    assert_eq!(world.stopped.len(), 1);
    assert_eq!(world.state.standing(), Standing::InDoubt, "how it ended is not known");
}

#[test]
fn an_undo_waits_at_the_gate_like_an_act() {
    let text = "rollback: auto\nsteps:\n  a: { act: A, run: a, undo: { run: back } }\n  b: { act: B, run: b }\n";
    let run = || World::new(text).goes("b", &[Go::Exit(1)]).run();
    let whole = run();
    assert_eq!(whole.order(), ["a", "b", "a:undo"]);
    let undo = |record: &Record| matches!(record, Record::StepIntent { key, .. } if key.part == runbook_core::run::record::Part::Undo);
    let mut world = run();
    world.crash_after(behind(&whole, undo), None);
    assert_eq!(world.order(), ["a", "b", "a:undo"]);
    assert_eq!(world.outcome("a"), "passed");
    assert!(world.sealed().is_some());
}
