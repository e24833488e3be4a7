//! People: asked, in time or not; what they may overrule; how a run waits for them.

use std::collections::BTreeMap;
use std::time::Duration;

use runbook_core::run::event::Input;
use runbook_core::run::record::{AnswerWord, End, QuestionKind, Record, RunOutcome, SettleWord};
use runbook_core::run::request::RequestKind;
use runbook_core::run::state::Standing;

use crate::world::{Go, World, operator};

fn refused(world: &World) -> &str {
    match world.last_but_suspension() {
        Record::Refused { why, .. } => why,
        other => panic!("it was taken: {other:?}"),
    }
}

fn count(world: &World, is: impl Fn(&Record) -> bool) -> usize {
    world.records.iter().filter(|(_, record, _)| is(record)).count()
}

#[test]
fn nobody_there_the_process_lets_go_and_a_new_one_goes_on() {
    let mut world = World::new("  a: { verify: A, ask: Is it? }\n  b: { act: B, run: b }\n").start();
    assert!(world.suspended);
    assert_eq!(world.state.standing(), Standing::Waiting);
    world.answer("a", AnswerWord::Yes);
    assert_eq!(count(&world, |record| matches!(record, Record::RunResumed { .. })), 1);
    assert_eq!(world.order(), ["b"]);
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
}

#[test]
fn with_a_person_there_it_stays() {
    let mut world = World::attended("  a: { verify: A, ask: Is it? }\n").start();
    assert!(!world.suspended);
    assert_eq!(world.state.standing(), Standing::Waiting);
    world.answer("a", AnswerWord::Yes);
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
}

#[test]
fn with_a_deadline_it_stays_too() {
    let mut world = World::new("  a: { verify: A, ask: Is it?, within: 5m }\n").start();
    assert!(!world.suspended);
    world.pass(Duration::from_secs(299));
    assert_eq!(world.outcome("a"), "active");
    world.pass(Duration::from_secs(1));
    assert_eq!(world.outcome("a"), "failed");
}

#[test]
fn a_question_nobody_answers_in_time() {
    let text =
        "  a: { verify: A, ask: Is it?, within: 5m, else: b }\n  c: { act: C, run: c }\n  b: { act: B, run: b }\n";
    let world = World::new(text).run();
    assert_eq!(world.order(), ["b"]);
    assert_eq!(world.outcome("c"), "blocked by a");
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
    // No else: a failure like any other.
    let text = "  a: { verify: A, ask: Is it?, within: 5m, on_fail: b }\n  b: { act: B, run: b }\n";
    assert_eq!(World::new(text).run().order(), ["b"]);
    // The else of a question is not taken when the answer is no.
    let text = "  a: { verify: A, ask: Is it?, within: 5m, else: b }\n  b: { act: B, run: b }\n";
    let mut world = World::new(text).start();
    world.answer("a", AnswerWord::No);
    assert_eq!(world.order().len(), 0);
    assert_eq!(world.sealed(), Some(RunOutcome::Failed));
}

#[test]
fn an_answer_that_comes_too_late_is_refused() {
    let mut world =
        World::new("  a: { verify: A, ask: Is it?, within: 5m, else: b }\n  b: { verify: B, ask: And? }\n").run();
    let before = world.outcome("a");
    world.answer("a", AnswerWord::Yes);
    assert_eq!(
        refused(&world),
        "a waited until 09:20:00 UTC, when its time was over; the run now waits for an answer of b"
    );
    assert_eq!(world.outcome("a"), before);
}

#[test]
fn a_choice_takes_one_of_its_labels() {
    let text = "  a: { decide: A, ask: Which?, choices: { restart it: b, leave it: done }, within: 1h, else: c }\n  \
        b: { act: B, run: b }\n  c: { act: C, run: c }\n";
    let mut world = World::new(text).start();
    world.answer("a", AnswerWord::Yes);
    assert_eq!(refused(&world), "it takes one of: restart it, leave it");
    world.answer("a", AnswerWord::Choice("burn it".to_owned()));
    assert_eq!(refused(&world), "it takes one of: restart it, leave it");
    world.answer("a", AnswerWord::Choice("restart it".to_owned()));
    assert_eq!(world.order(), ["b"]);
    let mut world = World::new(text).start();
    world.answer("a", AnswerWord::Choice("leave it".to_owned()));
    assert_eq!(world.order().len(), 0);
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
    assert_eq!(World::new(text).run().order(), ["c"]);
}

#[test]
fn what_is_collected_becomes_outputs() {
    let text = "  a: { act: A, instruct: Count them, collect: { n: { type: integer }, who: { type: string, default: me } } }\n  \
        b: { act: B, run: 'b {{ steps.a.outputs.n }}', when: steps.a.outputs.n > 2 && steps.a.outputs.who == 'me' }\n";
    let answer = |fields: &[(&str, &str)]| Input::Answer {
        step: Some("a".to_owned()),
        request: None,
        answer: AnswerWord::Yes,
        fields: fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        behalf: None,
        reason: None,
    };
    let mut world = World::new(text).start();
    world.say(answer(&[]));
    assert_eq!(refused(&world), "it also wants n");
    world.say(answer(&[("n", "many")]));
    assert!(refused(&world).starts_with("n "), "{}", refused(&world));
    world.say(answer(&[("n", "3"), ("x", "1")]));
    assert_eq!(refused(&world), "it asks for no x");
    world.say(answer(&[("n", "3")]));
    assert_eq!(world.order(), ["b"]);
    let mut world = World::new(text).start();
    world.answer("a", AnswerWord::No);
    assert_eq!(world.outcome("a"), "failed", "could not be done needs no values");
}

#[test]
fn an_approval_is_for_exactly_one_start() {
    let mut world = World::new("  a: { act: A, run: a, approve: operator }\n").start();
    assert_eq!(world.ran("a"), 0);
    world.approve("a");
    assert_eq!(world.ran("a"), 1);
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
}

#[test]
fn the_first_decision_closes_the_request() {
    let text = "  a: { act: A, run: a, approve: operator }\n  b: { verify: B, ask: Q }\n";
    let mut world = World::attended(text).start();
    world.approve("a");
    world.deny("a");
    assert_eq!(refused(&world), "a was approved by oncall at 09:15:00 UTC; the run now waits for an answer of b");
    assert_eq!(world.ran("a"), 1);
}

#[test]
fn a_denial_needs_a_reason() {
    let mut world = World::attended("  a: { act: A, run: a, approve: operator }\n").start();
    world.say(Input::Deny { step: None, request: None, reason: " ".to_owned() });
    assert_eq!(refused(&world), "a denial needs a reason");
    assert_eq!(world.outcome("a"), "active");
}

const DENIED: &str = "steps:\n  a: { act: A, run: a, approve: operatorROAD }\n  b: { act: B, run: b }\n  \
    apart: { verify: P, run: apart, needs: [b] }\n  tell: { escalate: T, to: sre }\nTAKEfallback: tell\n";

#[test]
fn denied() {
    let run = |road: &str| {
        let take = if road.contains("take") { "  take: { escalate: K, to: sre, handover: true }\n" } else { "" };
        let mut world = World::attended(&DENIED.replace("ROAD", road).replace("TAKE", take)).start();
        world.deny("a");
        world
    };
    let world = run("");
    assert_eq!((world.outcome("tell").as_str(), world.sealed()), ("passed", Some(RunOutcome::Cancelled)));
    assert_eq!(world.outcome("b"), "blocked by a");
    let world = run(", denied: take");
    assert_eq!((world.ran_escalation("tell"), world.outcome("take").as_str()), (0, "passed"));
    assert_eq!(world.sealed(), Some(RunOutcome::Escalated));
    let world = run(", denied: done");
    assert_eq!(
        (world.outcome("tell").as_str(), world.sealed()),
        ("the run came to its end before", Some(RunOutcome::Cancelled))
    );
    let world = run(", denied: failed");
    assert_eq!((world.outcome("tell").as_str(), world.sealed()), ("passed", Some(RunOutcome::Cancelled)));
    let world = run(", on_fail: b");
    assert_eq!(world.ran("b"), 0, "on_fail never answers a denial");
    assert_eq!(world.sealed(), Some(RunOutcome::Cancelled));
    assert_eq!(world.state.step("a").unwrap().reason.as_deref(), Some("not now"));
}

#[test]
fn a_denial_ends_what_else_waits() {
    let text = "  a: { act: A, run: a, approve: operator, needs: [] }\n  q: { verify: Q, ask: Q, needs: [] }\n  \
        n: { act: N, run: n, needs: [q] }\n";
    let mut world = World::attended(text).start();
    world.deny("a");
    assert_eq!(world.outcome("q"), "the run came to its end before");
    assert_eq!(world.ran("n"), 0);
    assert_eq!(world.sealed(), Some(RunOutcome::Cancelled));
}

#[test]
fn an_approval_nobody_gives_in_time() {
    let text = |rest: &str| {
        format!(
            "steps:\n  a: {{ act: A, run: a, approve: {{ within: 5m{rest} }} }}\n  b: {{ act: B, run: b }}\n  \
             e: {{ verify: E, run: e }}\n  tell: {{ escalate: T, to: sre }}\nfallback: tell\n"
        )
    };
    let world = World::new(&text(", else: e")).run();
    assert_eq!(world.order(), ["e"]);
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
    let world = World::new(&text("")).run();
    assert_eq!(world.outcome("tell"), "passed", "expired without else is an unhandled failure");
    assert_eq!(world.sealed(), Some(RunOutcome::Failed));
}

#[test]
fn yes_confirms_what_the_operator_would_but_nothing_destructive() {
    let text =
        "  a: { act: A, run: a, approve: operator }\n  b: { act: B, run: b, approve: operator, destructive: true }\n";
    let mut world = World::yes(text).start();
    assert_eq!(world.order(), ["a"]);
    let granted = world.records.iter().find(|(_, record, _)| matches!(record, Record::ApprovalGranted { .. })).unwrap();
    assert_eq!((granted.0.id.as_str(), granted.0.origin.as_str()), ("oncall", "option --yes"));
    world.approve("b");
    assert_eq!(world.order(), ["a", "b"]);
    let others = "  a: { act: A, run: a, approve: { from: [networking] } }\n";
    let mut world = World::yes(others).start();
    assert_eq!(world.order().len(), 0, "it is others who are asked");
    world.approve("a");
    assert!(refused(&world).contains("asks others"), "{}", refused(&world));
    assert_eq!(world.order().len(), 0);
}

#[test]
fn an_approval_may_be_wanted_only_sometimes() {
    let text = |when: &str| format!("  a: {{ act: A, run: a, approve: {{ when: {when} }} }}\n");
    assert_eq!(World::new(&text("1 == 2")).start().order(), ["a"]);
    assert_eq!(World::new(&text("1 == 1")).start().order().len(), 0);
}

const ACK: &str = "  a: { escalate: A, to: [sre, boss], ack: ACK }\n  b: { act: B, run: b }\n  e: { act: E, run: e }\n";

#[test]
fn an_acknowledgement() {
    let text = ACK.replace("ACK", "{ within: 10m, else: e }");
    let mut world = World::new(&text).start();
    assert_eq!(world.order().len(), 0);
    assert!(!world.suspended, "its deadline is waited for");
    world.acknowledge("a");
    assert_eq!(world.order(), ["b"]);
    assert_eq!(world.state.step("a").unwrap().reason.as_deref(), Some("acknowledged by oncall"));
    let world = World::new(&text).run();
    assert_eq!(world.order(), ["e"]);
    assert_eq!(world.outcome("b"), "blocked by a");
    let world = World::new(&ACK.replace("ACK", "{ within: 10m }")).run();
    assert_eq!(world.outcome("a"), "failed");
    assert_eq!(world.sealed(), Some(RunOutcome::Failed));
}

/// What nobody wrote is said so that it can be followed: no command that would be refused.
#[test]
fn the_standard_message_names_the_commands_that_work() {
    for (keys, wanted, unwanted) in [
        ("", "lets go of it: runbook resume ", "runbook ack"),
        (", ack: {}", "you have seen it: runbook ack ID t", "yours"),
        (", ack: {}, handover: true", "ack ID t\nWith that this run ends here, and it is yours.", "runbook resume"),
        (", handover: true", "This run ends here and is handed over to you.", "runbook resume"),
    ] {
        let world = World::new(&format!("  t: {{ escalate: T, to: sre{keys} }}\n")).start();
        let sent = world.records.iter().find_map(|(_, record, _)| match record {
            Record::EscalationSent { message, .. } => Some(message.as_str()),
            _ => None,
        });
        let sent = sent.unwrap().replace("run-1", "ID");
        assert!(sent.contains(wanted) && !sent.contains(unwanted), "{keys}: {sent}");
        assert!(sent.contains("runbook log ID"), "{sent}");
    }
}

#[test]
fn an_acknowledgement_of_all() {
    let mut world = World::attended(&ACK.replace("ACK", "{ within: 10m, by: all, else: e }")).start();
    world.acknowledge("a");
    assert!(refused(&world).contains("each of sre, boss"), "{}", refused(&world));
    let acknowledge = |name: &str| Input::Acknowledge { step: None, behalf: Some(name.to_owned()) };
    world.say(acknowledge("boss"));
    assert_eq!(world.outcome("a"), "active");
    world.say(acknowledge("boss"));
    assert_eq!(refused(&world), "boss acknowledged it already; it still waits for sre");
    world.say(acknowledge("sre"));
    assert_eq!(world.order(), ["b"]);
}

#[test]
fn nobody_can_be_told() {
    let mut world = World::new(ACK.replace("ACK", "{ within: 10m, else: e }").as_str());
    world.nobody_reachable = true;
    let world = world.run();
    assert_eq!(world.outcome("a"), "failed");
    assert_eq!(world.order().len(), 0, "nobody was late: nobody was told");
}

/// Telling is started like anything else: what it leads to does not start when the run ends meanwhile.
#[test]
fn people_are_being_told_while_the_run_ends() {
    let text = "parallel: 2\nsteps:\n  a: { act: A, run: a, needs: [] }\n  t: { escalate: T, to: sre, needs: [] }\n  \
        b: { act: B, run: b, needs: [t] }\n  f: { escalate: F, to: boss }\nfallback: f\n";
    let mut world = World::new(text).goes("a", &[Go::Exit(1)]);
    world.take_in(runbook_core::run::event::Event::Started);
    // a is over before anybody was told.
    let told = |event: &runbook_core::run::event::Event| {
        matches!(event, runbook_core::run::event::Event::Told { .. } | runbook_core::run::event::Event::ToldAll { .. })
    };
    let mut later: Vec<_> = world.queue.iter().filter(|event| told(event)).cloned().collect();
    world.queue.retain(|event| !told(event));
    world.settle_down();
    world.queue.extend(later.drain(..));
    world.settle_down();
    assert_eq!((world.outcome("t").as_str(), world.ran("b")), ("passed", 0));
    assert_eq!(world.sealed(), Some(RunOutcome::Failed));
}

/// The engine dies before anybody was told: people are told then.
#[test]
fn telling_is_taken_up_again() {
    let mut world = World::new("  t: { escalate: T, to: sre }\n  b: { act: B, run: b }\n");
    world.take_in(runbook_core::run::event::Event::Started);
    assert_eq!(
        count(&world, |record| matches!(record, Record::StepIntent { .. })),
        1,
        "on disk before anybody is told"
    );
    world.queue.clear();
    world.resume();
    assert_eq!(world.ran_escalation("t"), 2);
    assert_eq!(world.order(), ["b"]);
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
}

#[test]
fn a_handover_is_the_end() {
    let text = "parallel: 2\nsteps:\n  slow: { act: S, run: slow, needs: [] }\n  t: { escalate: T, to: sre, handover: true, needs: [] }\n  \
        b: { act: B, run: b, needs: [slow] }\n  q: { verify: Q, ask: Q, needs: [] }\n";
    let mut world = World::new(text).goes("slow", &[Go::Hangs]).start();
    assert_eq!(world.outcome("t"), "passed");
    assert_eq!(world.sealed(), None, "what runs is let end");
    assert!(world.stopped.is_empty());
    world.end("slow", End::Exited(0));
    assert_eq!(world.ran("b"), 0);
    assert_eq!(world.sealed(), Some(RunOutcome::Escalated));
    assert_eq!(count(&world, |record| matches!(record, Record::Handover { step: Some(_), .. })), 1);
}

fn overruled(text: &str, way: Go) -> World {
    World::attended(text).goes("a", &[way, Go::Exit(0)]).start()
}

#[test]
fn a_failure_in_front_of_a_person() {
    let text = "  a: { act: A, run: a }\n  b: { act: B, run: b }\n";
    let mut world = overruled(text, Go::Exit(1));
    assert!(matches!(world.state.requests().next().unwrap().kind, RequestKind::Question(QuestionKind::Overrule)));
    world.settle("a", SettleWord::GoOn);
    assert_eq!(refused(&world), "that does not settle it");
    world.settle("a", SettleWord::Again);
    assert_eq!(world.order(), ["a", "a", "b"]);
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
    assert_eq!(count(&world, |record| matches!(record, Record::Override { word: SettleWord::Again, .. })), 1);

    let mut world = overruled(text, Go::Exit(1));
    world.settle("a", SettleWord::ByHand);
    assert_eq!(world.order(), ["a", "b"]);
    assert_eq!(world.outcome("a"), "passed");

    let mut world = overruled(text, Go::Exit(1));
    world.settle("a", SettleWord::Fail);
    assert_eq!(world.order(), ["a"]);
    assert_eq!(world.sealed(), Some(RunOutcome::Failed));
    assert_eq!(count(&world, |record| matches!(record, Record::Override { .. })), 0);
}

#[test]
fn a_verify_in_front_of_a_person() {
    let text = "  a: { verify: A, run: a, outputs: { n: number(stdout) } }\n  b: { act: B, run: 'b {{ steps.a.outputs.n }}' }\n";
    for way in [Go::Exit(1), Go::Missing, Go::Says(0, "many")] {
        let mut world = overruled(text, way);
        world.settle("a", SettleWord::ByHand);
        assert_eq!(refused(&world), "that does not settle it");
        world.settle("a", SettleWord::GoOn);
        assert!(refused(&world).contains("later steps read its output n"), "{}", refused(&world));
        let outputs = BTreeMap::from([("n".to_owned(), "3".to_owned())]);
        let reason = Some("I counted".to_owned());
        world.say(Input::Settle { step: None, word: SettleWord::GoOn, reason, outputs });
        assert_eq!(world.ran("b"), 1);
        assert_eq!(world.outcome("a"), "passed");
    }
}

#[test]
fn overruling_needs_a_reason_and_nobody_else_to_ask() {
    let mut world = overruled("  a: { act: A, run: a }\n", Go::Exit(1));
    world.say(Input::Settle { step: None, word: SettleWord::Again, reason: None, outputs: BTreeMap::new() });
    assert_eq!(refused(&world), "it needs a reason");
    world.say(Input::Settle { step: None, word: SettleWord::Fail, reason: None, outputs: BTreeMap::new() });
    assert_eq!(world.sealed(), Some(RunOutcome::Failed), "to let it fail needs none");
}

#[test]
fn what_something_answers_is_asked_of_nobody() {
    let text = "  a: { act: A, run: a, on_fail: b }\n  b: { act: B, run: b }\n";
    let world = overruled(text, Go::Exit(1));
    assert_eq!(world.order(), ["a", "b"]);
}

#[test]
fn again_begins_the_retries_anew() {
    let text = "  a: { verify: A, run: a, retry: { every: 10s, for: 20s } }\n";
    let mut world = World::attended(text).goes("a", &[Go::Exit(1)]).run();
    assert_eq!(world.ran("a"), 3);
    world.settle("a", SettleWord::Again);
    world.let_time_pass();
    assert_eq!(world.ran("a"), 6);
}

#[test]
fn a_failed_attempt_stands_when_again_cannot_start_any_more() {
    let text = "parallel: 1\nsteps:\n  a: { act: A, run: a, needs: [] }\n  b: { act: B, run: b, needs: [] }\n  c: { verify: C, run: c, needs: [a] }\n";
    let mut world = World::attended(text).goes("a", &[Go::Exit(1), Go::Exit(0)]).goes("b", &[Go::Hangs]).start();
    // b took the place while a waited for a person.
    world.settle("a", SettleWord::Again);
    assert_eq!(world.ran("a"), 1);
    world.cancel();
    world.end("b", End::Exited(0));
    assert_eq!(world.ran("a"), 1);
    assert_eq!(world.outcome("a"), "failed", "it ran, and failed");
    assert_eq!(world.sealed(), Some(RunOutcome::Cancelled));
}

#[test]
fn a_doubt_is_open_as_before_when_again_cannot_start_any_more() {
    let text = "parallel: 1\nsteps:\n  a: { act: A, run: a, needs: [] }\n  b: { act: B, run: b, needs: [] }\n";
    let mut world = World::attended(text).goes("a", &[Go::Lost, Go::Exit(0)]).goes("b", &[Go::Hangs]).start();
    world.settle("a", SettleWord::Again);
    assert_eq!(world.ran("a"), 1);
    world.cancel();
    world.end("b", End::Exited(0));
    assert_eq!((world.sealed(), world.outcome("a").as_str()), (None, "active"));
    world.settle("a", SettleWord::Again);
    assert!(refused(&world).contains("nothing new starts"), "{}", refused(&world));
    world.settle("a", SettleWord::Done);
    assert_eq!(world.sealed(), Some(RunOutcome::Cancelled));
    assert_eq!(world.outcome("a"), "passed");
}

#[test]
fn step_by_step() {
    let text = "  a: { verify: A, run: a }\n  b: { act: B, run: b }\n";
    let mut world = World::step_by_step(text).start();
    assert_eq!(world.order().len(), 0);
    world.answer("a", AnswerWord::Yes);
    assert_eq!(world.order(), ["a"]);
    world.answer("b", AnswerWord::No);
    assert!(world.suspended, "the run waits");
    assert_eq!(world.sealed(), None);
    world.answer("b", AnswerWord::Yes);
    assert_eq!(world.order(), ["a", "b"]);
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
}

#[test]
fn step_by_step_on_the_road_after_a_failure() {
    let text = "steps:\n  a: { act: A, run: a }\n  mend: { act: M, run: mend }\n  more: { act: N, needs: [mend], run: more }\nfallback: mend\n";
    let mut world = World::step_by_step(text).goes("a", &[Go::Exit(1)]).start();
    world.answer("a", AnswerWord::Yes);
    world.settle("a", SettleWord::Fail);
    // The process may end at the prompt: it is asked all the same.
    world.resume();
    assert_eq!(world.outcome("mend"), "active");
    world.answer("mend", AnswerWord::Yes);
    world.answer("more", AnswerWord::Yes);
    assert_eq!(world.order(), ["a", "mend", "more"]);
    assert_eq!(world.sealed(), Some(RunOutcome::Failed));
}

#[test]
fn the_operator_can_hand_the_run_over_at_a_prompt() {
    let mut world = World::attended("  a: { verify: A, ask: Q }\n").start();
    world.say(Input::HandOver { to: Some("svega".to_owned()) });
    assert!(world.suspended);
    assert_eq!(world.sealed(), None);
    world.answer("a", AnswerWord::Yes);
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved), "the run is not escalated: it went on");
    let mut world = World::attended("  a: { act: A, run: a }\n").goes("a", &[Go::Hangs]).start();
    world.say(Input::HandOver { to: None });
    assert_eq!(refused(&world), "a is running: hand over when it has ended");
    assert!(!world.suspended);
}

#[test]
fn a_verb_without_a_step_finds_the_only_one() {
    let text = "  a: { verify: A, ask: Q, needs: [] }\n  b: { verify: B, ask: Q, needs: [] }\n";
    let answer = || Input::Answer {
        step: None,
        request: None,
        answer: AnswerWord::Yes,
        fields: BTreeMap::new(),
        behalf: None,
        reason: None,
    };
    let mut world = World::attended(text).start();
    world.say(answer());
    assert_eq!(refused(&world), "several steps wait for that: a, b; name one");
    world.answer("a", AnswerWord::Yes);
    world.say(answer());
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
    let mut world = World::attended(text).start();
    world.approve("a");
    assert_eq!(
        refused(&world),
        "a does not wait for that; the run now waits for an answer of a, waits for an answer of b"
    );
}

#[test]
fn notes_are_kept_and_change_nothing() {
    let mut world = World::attended("  a: { verify: A, ask: Q }\n").start();
    world.say(Input::Note { step: None, text: "the fan is loud".to_owned() });
    let (actor, record, _) = world.records.last().unwrap();
    assert_eq!((actor, record), (&operator(), &Record::Note { step: None, text: "the fan is loud".to_owned() }));
    assert_eq!(world.outcome("a"), "active");
}

/// A deadline that passed with no process alive has passed: it is acted on first.
#[test]
fn a_deadline_that_passed_while_nobody_was_there() {
    let text = "  a: { verify: A, ask: Q, within: 5m, else: b }\n  b: { act: B, run: b }\n";
    let mut world = World::new(text).start();
    world.now = world.now.checked_add(jiff::SignedDuration::from_mins(6)).unwrap();
    world.suspended = true;
    world.answer("a", AnswerWord::Yes);
    assert_eq!(world.order(), ["b"]);
    assert_eq!(world.outcome("a"), "failed");
}
