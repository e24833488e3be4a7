//! A step that is hard to end: it ignores TERM and leaves generations behind it, one of them holding its output.

use std::time::{Duration, Instant};

use runbook_tests::desk::Desk;
use runbook_tests::processes::{marked, none_marked};
use serde_json::Value;

/// The helper, which says `ready PID` once its last generation runs.
const HARD: &str = env!("CARGO_BIN_EXE_grandchildren");

/// A runbook with one step that starts the helper with these words, and a mark in its environment that all generations
/// inherit.
fn desk(kind: &str, words: &str) -> (Desk, String) {
    let desk = Desk::new();
    let mark = format!("RUNBOOK_TEST_MARK={}", desk.work().display());
    desk.write(
        "try",
        &format!(
            "
steps:
  hard:
    {kind}: It ends
    run: {HARD} {words}
    env: {{ RUNBOOK_TEST_MARK: $WORK }}
    timeout: 2s
    grace: 300ms
"
        ),
    );
    (desk, mark)
}

#[test]
fn a_step_that_ignores_term_is_ended_with_all_it_started() {
    let (desk, mark) = desk("verify", "deaf 3");
    let before = Instant::now();
    desk.run("try", &[]).ended(1);
    none_marked(&mark);
    let story = desk.story();
    let ended = story.of("step.ended", Some("hard")).next().unwrap();
    assert_eq!((&ended["d"]["end"], &ended["d"]["outcome"]), (&Value::from("timed_out"), &Value::from("failed")));
    assert_eq!(ended["d"]["survivors"], Value::Null);
    // It had begun: what it printed is kept.
    assert!(story.last("step.output", Some("hard"), "head").unwrap().as_str().unwrap().starts_with("ready "));
    assert!(before.elapsed() < Duration::from_secs(30));
    desk.do_it(&["audit", "verify", "latest"]).ended(0);
}

#[test]
fn an_act_that_ignores_term_is_ended_and_in_doubt() {
    let (desk, mark) = desk("act", "deaf 3");
    desk.run("try", &[]).ended(5).shows("in doubt");
    none_marked(&mark);
    assert_eq!(desk.story().of("doubt.opened", Some("hard")).count(), 1);
}

#[test]
fn a_step_that_ends_and_leaves_children_that_hold_its_output_does_not_hang() {
    let (desk, mark) = desk("verify", "deaf leave 2");
    let said = desk.run("try", &[]).ended(0);
    none_marked(&mark);
    let story = desk.story();
    assert_eq!(story.settled("hard"), "passed", "{}", said.out);
}

#[test]
fn a_cancelled_run_leaves_no_generation_behind() {
    let (desk, mark) = desk("verify", "deaf 3");
    let mut run = desk.start_run("try", &[]);
    runbook_tests::until::until(|| {
        let running = marked(&mark);
        if running.len() >= 4 { Ok(()) } else { Err(format!("only {running:?} run")) }
    });
    run.until("$ ");
    run.signal(rustix::process::Signal::INT);
    run.end().ended(4);
    none_marked(&mark);
}
