//! What is said twice, what contradicts what was said, and what comes too late.

use std::collections::BTreeMap;
use std::time::Duration;

use runbook_core::run::event::Input;
use runbook_core::run::record::{Actor, AnswerWord, Record, SettleWord};

use crate::world::{Go, World, operator};

fn other() -> Actor {
    Actor { id: "khouse".to_owned(), uid: 1001, origin: "inbox/1".to_owned(), ..operator() }
}

/// Why the last word was refused, and whether it only repeats.
#[track_caller]
fn refused(world: &World) -> (&str, bool) {
    match world.last_but_suspension() {
        Record::Refused { why, repeats, .. } => (why, *repeats),
        last => panic!("it was taken: {last:?}"),
    }
}

fn approve(step: &str) -> Input {
    Input::Approve { step: Some(step.to_owned()), request: None, reason: None }
}

fn deny(step: &str) -> Input {
    Input::Deny { step: Some(step.to_owned()), request: None, reason: "no".to_owned() }
}

fn answer(step: &str, answer: AnswerWord, fields: &[(&str, &str)]) -> Input {
    let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Input::Answer { step: Some(step.to_owned()), request: None, answer, fields, behalf: None, reason: None }
}

fn settle(step: &str, word: SettleWord) -> Input {
    Input::Settle { step: Some(step.to_owned()), word, reason: Some("I looked".to_owned()), outputs: BTreeMap::new() }
}

/// A runbook whose second step keeps the run going while it hangs.
fn hangs(step: &str) -> World {
    World::attended(&format!("{step}  then: {{ act: Then, run: then }}\n")).goes("then", &[Go::Hangs]).start()
}

#[test]
fn the_same_twice_counts_once_and_anything_else_is_told_who_was_first() {
    let ack = |step: &str| Input::Acknowledge { step: Some(step.to_owned()), behalf: None };
    let meter = "  a: { act: A, instruct: I, collect: { level: { type: integer } } }\n";
    let yes = || answer("a", AnswerWord::Yes, &[]);
    for (step, said, same, another, became) in [
        ("  a: { act: A, run: a, approve: operator }\n", approve("a"), approve("a"), Some(deny("a")), "approved by"),
        ("  a: { verify: A, ask: Q }\n", yes(), yes(), Some(answer("a", AnswerWord::No, &[])), "answered with yes by"),
        (
            meter,
            answer("a", AnswerWord::Yes, &[("level", "7")]),
            answer("a", AnswerWord::Yes, &[("level", "07")]),
            Some(answer("a", AnswerWord::Yes, &[("level", "8")])),
            "answered with yes by",
        ),
        ("  a: { escalate: A, to: sre, ack: {} }\n", ack("a"), ack("a"), None, "acknowledged by"),
    ] {
        let mut world = hangs(step);
        world.say(said);
        assert_eq!(world.outcome("then"), "active");
        let records = world.records.len();
        world.say_as(other(), same);
        let (why, repeats) = refused(&world);
        assert!(repeats && why.starts_with(&format!("a was {became} oncall at 09:15:00 UTC")), "{why}");
        if let Some(another) = another {
            world.say_as(other(), another);
            let (why, repeats) = refused(&world);
            assert!(!repeats, "{why}");
            assert_eq!(why, format!("a was {became} oncall at 09:15:00 UTC; the run now runs then"));
        }
        assert!(world.records.len() <= records + 2, "nothing followed from it");
    }
}

#[test]
fn a_doubt_that_was_settled() {
    let mut world = World::attended("  a: { act: A, run: a }\n  then: { act: Then, run: then }\n")
        .goes("a", &[Go::Signal])
        .goes("then", &[Go::Hangs])
        .start();
    world.say(settle("a", SettleWord::Done));
    world.say(settle("a", SettleWord::Done));
    assert!(refused(&world).1);
    world.say(settle("a", SettleWord::NotDone));
    assert_eq!(refused(&world), ("a was settled as done by oncall at 09:15:00 UTC; the run now runs then", false));
}

#[test]
fn too_late_is_told_with_what_waits_now() {
    let text = "  a: { verify: A, ask: Q, within: 5m, else: b }\n  b: { act: B, run: b, approve: operator }\n";
    let mut world = World::attended(text).start();
    world.pass(Duration::from_mins(5));
    world.say(answer("a", AnswerWord::Yes, &[]));
    let why = "a waited until 09:20:00 UTC, when its time was over; the run now waits for an approval of b";
    assert_eq!(refused(&world), (why, false));
    world.say(approve("nosuch"));
    assert_eq!(refused(&world).0, "nosuch does not wait for that; the run now waits for an approval of b");
}

#[test]
fn by_its_number_a_request_is_known_for_good() {
    let mut world = hangs("  a: { act: A, run: a, approve: operator }\n");
    let number = world.state.requests().next().unwrap().id;
    let deny = || Input::Deny { step: None, request: Some(number), reason: "no".to_owned() };
    world.say(approve("a"));
    world.say(deny());
    assert!(refused(&world).0.starts_with("a was approved by oncall"));
    world.say(Input::Answer {
        step: None,
        request: Some(number),
        answer: AnswerWord::Yes,
        fields: BTreeMap::new(),
        behalf: None,
        reason: None,
    });
    assert_eq!(refused(&world).0, "nothing of that number was asked", "an approval is no answer");
}

#[test]
fn each_of_all_is_heard_once() {
    let text = "  a: { escalate: A, to: [sre, dba], ack: { by: all } }\n";
    let ack = |by: &str| Input::Acknowledge { step: Some("a".to_owned()), behalf: Some(by.to_owned()) };
    let mut world = World::attended(text).start();
    world.say(ack("sre"));
    world.say(ack("sre"));
    assert_eq!(refused(&world), ("sre acknowledged it already; it still waits for dba", true));
    world.say(ack("dba"));
    assert_eq!(world.outcome("a"), "passed");
}
