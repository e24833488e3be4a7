//! Examples that wait for a person: by the verbs, from wherever that person is, and at a terminal.

use std::fs;
use std::sync::atomic::AtomicBool;

use plant_shop::person::{Person, Rule};
use serde_json::json;

use runbook_tests::desk::Desk;
use runbook_tests::run::{code, paste};
use runbook_tests::until::SOON;

/// The examples that are run here.
pub(crate) const NAMES: &[&str] =
    &["approve", "ask-a-person", "choices", "instruct-by-hand", "collect-fields", "escalate-with-ack"];

/// Runs an example at a terminal where each prompt that has a text in its line is answered by keys.
#[track_caller]
fn at_a_terminal(desk: &Desk, words: &[&str], answers: &[(&str, &str)]) -> (i32, String) {
    let mut person = Person::sit_down(desk.command_at_terminal(words), None).unwrap();
    let rules: Vec<Rule> = answers.iter().map(|(sees, keys)| Rule::new(sees, keys)).collect();
    let ended = person.attend(&rules, SOON, &AtomicBool::new(false));
    let page = person.page();
    assert!(ended.is_ok(), "{}\n{page}", ended.unwrap_err());
    (code(ended.unwrap()), page)
}

#[test]
fn an_act_waits_until_it_is_approved_with_the_command_that_was_printed() {
    let desk = Desk::with("examples");
    let waiting = desk.run("approve", &["dir=$DIR"]).ended(75);
    assert!(!desk.work().join("closed").exists());
    assert_eq!(desk.story().settled("close"), "(not settled)");
    paste(&waiting.command("approve")).ended(0);
    assert!(desk.work().join("closed").exists());
    let story = desk.story();
    assert_eq!((story.outcome(), story.settled("closed")), ("resolved", "passed"));
    assert_eq!(story.of("approval.granted", Some("close")).count(), 1);
}

#[test]
fn an_act_that_is_denied_does_not_run_and_somebody_is_told() {
    let desk = Desk::with("examples");
    desk.run("approve", &["dir=$DIR"]).ended(75);
    desk.do_it(&["deny", "--reason", "it is Friday"]).ended(4);
    assert!(!desk.work().join("closed").exists());
    let story = desk.story();
    assert_eq!((story.outcome(), story.settled("tell_ops")), ("cancelled", "passed"));
    assert_eq!(story.last("approval.denied", Some("close"), "reason").unwrap(), "it is Friday");
}

#[test]
fn a_person_at_the_terminal_approves_with_a_key() {
    let desk = Desk::with("examples");
    let dir = format!("dir={}", desk.work().display());
    let (code, page) = at_a_terminal(&desk, &["run", "approve", "-p", &dir], &[("[y/n/?", "y")]);
    assert_eq!(code, 0, "{page}");
    assert!(desk.work().join("closed").exists());
    assert!(page.contains(&format!("$ touch {}/closed", desk.work().display())), "{page}");
}

#[test]
fn a_question_is_answered_from_elsewhere_while_the_run_waits() {
    for (answer, code, settled) in [("yes", 0, "passed"), ("no", 1, "failed")] {
        let desk = Desk::with("examples");
        let mut run = desk.start_run("ask-a-person", &[]);
        run.until("runbook answer");
        desk.do_it(&["answer", answer, "--no-resume"]).ended(0);
        run.end().ended(code);
        let story = desk.story();
        assert_eq!(story.settled("usable"), settled);
        assert_eq!(story.settled("tell_ops"), if code == 0 { "skipped" } else { "passed" });
    }
}

#[test]
fn a_person_chooses_the_road() {
    for (label, code, restarted) in
        [("restart it", 0, "passed"), ("leave it as it is", 0, "skipped"), ("give up", 1, "skipped")]
    {
        let desk = Desk::with("examples");
        desk.run("choices", &[]).ended(75).shows(label);
        desk.do_it(&["answer", label]).ended(code);
        let story = desk.story();
        assert_eq!(story.settled("restart"), restarted, "{label}");
        assert_eq!(story.last("answer", Some("what"), "choice").unwrap(), label);
    }
}

#[test]
fn a_person_chooses_the_road_with_a_digit() {
    let desk = Desk::with("examples");
    let (code, page) = at_a_terminal(&desk, &["run", "choices"], &[("which? [1-3", "1")]);
    assert_eq!(code, 0, "{page}");
    assert_eq!(desk.story().settled("restart"), "passed");
}

#[test]
fn what_was_done_by_hand_is_looked_at() {
    let desk = Desk::with("examples");
    desk.run("instruct-by-hand", &["dir=$DIR"]).ended(75).shows("Pull out the disk with the red light");
    fs::write(desk.work().join("new-disk"), "").unwrap();
    desk.do_it(&["answer", "done"]).ended(0);
    assert_eq!(desk.story().settled("there"), "passed");
    // Said, and not done.
    let desk = Desk::with("examples");
    desk.run("instruct-by-hand", &["dir=$DIR"]).ended(75);
    desk.do_it(&["answer", "done"]).ended(3);
    assert_eq!(desk.story().settled("there"), "failed");
}

#[test]
fn what_a_person_read_off_becomes_outputs_with_their_types() {
    let desk = Desk::with("examples");
    desk.run("collect-fields", &[]).ended(75);
    desk.do_it(&["answer", "done", "--field", "level=80", "--field", "pump=on"]).ended(0);
    let story = desk.story();
    assert_eq!((story.output("read_meter", "level"), story.settled("enough")), (json!(80), "passed"));

    let desk = Desk::with("examples");
    desk.run("collect-fields", &[]).ended(75);
    desk.do_it(&["answer", "done", "--field", "level=42"]).ended(3);
    let story = desk.story();
    assert_eq!((story.output("read_meter", "pump"), story.settled("enough")), (json!("on"), "failed"));
    assert!(story.told("tell_ops").contains("The tank is at 42 %"), "{}", story.told("tell_ops"));
}

#[test]
fn a_field_out_of_bounds_is_refused_and_asked_again() {
    let desk = Desk::with("examples");
    let mut person = Person::sit_down(desk.command_at_terminal(&["run", "collect-fields"]), None).unwrap();
    for (sees, keys) in [
        ("Done? [d/n/?", "d"),
        ("level (a whole number", "420\r"),
        ("level must be at most 100, not 420", "\u{15}80\r"),
        ("pump (on | off; Enter: on):", "broken\r"),
        ("pump wants one of on, off, not \"broken\"", "\u{15}on\r"),
    ] {
        person.expect(sees, SOON).unwrap();
        person.type_keys(keys).unwrap();
    }
    let ended = person.wait(SOON).unwrap();
    assert_eq!(code(ended), 0, "{}", person.page());
    let story = desk.story();
    assert_eq!((story.output("read_meter", "level"), story.output("read_meter", "pump")), (json!(80), json!("on")));
}

#[test]
fn an_escalation_waits_until_somebody_has_seen_it() {
    let desk = Desk::with("examples");
    let run = desk.start_run("escalate-with-ack", &[]);
    desk.until_waiting("ack");
    desk.do_it(&["ack", "--as", "bsparrow", "--no-resume"]).ended(0);
    run.end().ended(0);
    let story = desk.story();
    assert_eq!(story.last("escalation.acknowledged", Some("tell_networking"), "by").unwrap(), "bsparrow");
    assert_eq!(story.settled("tell_sre"), "skipped");
}

#[test]
fn an_escalation_that_nobody_sees_goes_on_to_somebody_else() {
    let desk = Desk::with("examples");
    desk.run("escalate-with-ack", &["within=1s"]).ended(3);
    let story = desk.story();
    assert_eq!((story.settled("tell_networking"), story.settled("tell_sre")), ("failed", "passed"));
    assert_eq!(story.of("escalation.timed_out", None).count(), 1);
}
