//! A process that is told to end, a run that is handed over, a clock that goes back: what is recorded is enough to go on.

use runbook_core::run::event::Input;
use runbook_core::run::record::{Actor, AnswerWord, End, Record, RunOutcome};
use runbook_core::run::state::Standing;

use crate::world::{Go, World, operator};

fn count(world: &World, is: impl Fn(&Record) -> bool) -> usize {
    world.records.iter().filter(|(_, record, _)| is(record)).count()
}

fn as_(id: &str) -> Actor {
    Actor { id: id.to_owned(), uid: 1001, ..operator() }
}

fn let_go() -> Input {
    Input::LetGo { reason: "SIGTERM".to_owned() }
}

fn hand_over(to: &str) -> Input {
    Input::HandOver { to: Some(to.to_owned()) }
}

#[test]
fn what_runs_is_let_end_and_nothing_new_starts_in_this_process() {
    let mut world =
        World::attended("  a: { act: A, run: a }\n  b: { act: B, run: b }\n").goes("a", &[Go::Hangs]).start();
    world.say(let_go());
    assert!(!world.suspended, "the act is let end");
    world.end("a", End::Exited(0));
    assert!(world.suspended);
    assert_eq!(world.order(), ["a"]);
    assert_eq!(world.state.standing(), Standing::Waiting);
    world.resume();
    assert_eq!(world.order(), ["a", "b"]);
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
}

#[test]
fn at_a_prompt_it_lets_go_at_once_and_says_so_once() {
    let mut world = World::attended("  a: { verify: A, ask: Q }\n").start();
    world.say(let_go());
    assert!(world.suspended);
    assert_eq!(count(&world, |record| matches!(record, Record::Note { .. })), 1);
    world.answer("a", AnswerWord::Yes);
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
}

#[test]
fn a_failure_at_the_last_moment_is_followed_by_the_next_process() {
    let text = "  a: { act: A, run: a, on_fail: mend }\n  b: { act: B, run: b }\n  mend: { act: M, run: mend }\n";
    let mut world = World::attended(text).goes("a", &[Go::Hangs]).start();
    world.say(let_go());
    world.end("a", End::Exited(1));
    assert!(world.suspended);
    world.resume();
    assert_eq!(world.order(), ["a", "mend"]);
}

#[test]
fn a_handover_is_confirmed_by_whom_it_names() {
    let mut world = World::attended("  a: { verify: A, ask: Q }\n").start();
    world.say(hand_over("khouse"));
    assert!(world.suspended);
    let pending = world.state.pending_handover().unwrap();
    assert_eq!((pending.by.as_str(), pending.to.as_str()), ("oncall", "khouse"));
    world.say_as(as_("svega"), Input::Accept);
    assert!(
        matches!(world.last_but_suspension(), Record::Refused { why, .. } if why == "it was handed to khouse, and svega is not")
    );
    world.say_as(as_("khouse"), Input::Accept);
    assert_eq!(world.state.pending_handover(), None);
    assert_eq!(world.state.operator().id, "khouse");
    world.say_as(as_("khouse"), Input::Accept);
    assert!(matches!(world.last_but_suspension(), Record::Refused { repeats: true, .. }));
    assert_eq!(count(&world, |record| matches!(record, Record::HandoverConfirmed { .. })), 1);
}

#[test]
fn resuming_it_confirms_it_too() {
    let mut world = World::attended("  a: { verify: A, ask: Q }\n").start();
    // The next process is the operator's own.
    world.say(hand_over("oncall"));
    world.resume();
    assert_eq!(world.state.pending_handover(), None);
    assert_eq!(count(&world, |record| matches!(record, Record::HandoverConfirmed { .. })), 1);
    // Somebody else's word is no confirmation.
    world.say(hand_over("khouse"));
    world.say_as(as_("svega"), Input::Note { step: None, text: "hm".to_owned() });
    assert!(world.state.pending_handover().is_some());
    world.say(hand_over("khouse"));
    assert!(matches!(world.last_but_suspension(), Record::Refused { repeats: true, .. }));
}

#[test]
fn a_clock_that_goes_back_voids_what_waits_for_approval() {
    let text = "  a: { act: A, run: a, approve: operator }\n  b: { act: B, run: b, undo: { run: c } }\n";
    let mut world = World::attended(text).start();
    let first = world.state.requests().next().unwrap().id;
    world.note(Record::ClockJumped { by_ms: 60_000 });
    world.event(runbook_core::run::event::Event::Deadline);
    assert_eq!(world.state.requests().next().unwrap().id, first, "ahead is no harm");
    world.note(Record::ClockJumped { by_ms: -3_600_000 });
    world.event(runbook_core::run::event::Event::Deadline);
    let void = |record: &Record| matches!(record, Record::ApprovalVoid { request, .. } if *request == first);
    assert_eq!(count(&world, void), 1);
    let again = world.state.requests().next().unwrap().id;
    assert!(again > first);
    // What was said to the old one does not count for the new one.
    world.say(Input::Approve { step: None, request: Some(first), reason: None });
    assert_eq!(world.ran("a"), 0);
    world.say(Input::Approve { step: None, request: Some(again), reason: None });
    assert_eq!((world.ran("a"), world.sealed()), (1, Some(RunOutcome::Resolved)));
}

#[test]
fn that_it_went_back_is_acted_on_also_when_the_engine_died_right_after() {
    let mut world = World::attended("  a: { act: A, run: a, approve: operator }\n").start();
    let first = world.state.requests().next().unwrap().id;
    world.note(Record::ClockJumped { by_ms: -3_600_000 });
    world.crash_after(world.records.len(), None);
    let void = |record: &Record| matches!(record, Record::ApprovalVoid { request, .. } if *request == first);
    assert_eq!(count(&world, void), 1);
    assert!(world.state.requests().next().unwrap().id > first);
}
