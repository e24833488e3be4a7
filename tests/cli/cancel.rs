//! Ctrl-C and the verb: what runs, what ends, and what is never started.

use std::fs;
use std::path::Path;

use plant_shop::person::Person;
use runbook_tests::desk::Desk;
use runbook_tests::run::{Started, code};
use runbook_tests::until::{SOON, lines_in};
use rustix::fs::{CWD, FileType, Mode};
use rustix::process::Signal;

/// An act that ends when something is written into `go`, and one after it.
const ACT: &str = "
steps:
  change:
    act: Change it
    script: |
      echo began >> \"$WORK/count\"
      cat \"$WORK/go\"
      echo ended >> \"$WORK/count\"
    env: { WORK: $WORK }
    grace: 1s
    KEYS
  after: { act: Go on, run: touch $WORK/after }
";

/// A run that is in the midst of the act.
pub(crate) fn in_the_act(keys: &str) -> (Desk, Started) {
    let desk = Desk::with_runbook(&ACT.replace("KEYS", keys));
    gate(desk.work());
    let run = desk.start_run("try", &[]);
    lines_in(&desk.work().join("count"));
    (desk, run)
}

/// Makes the gate that holds an act up.
pub(crate) fn gate(work: &Path) {
    rustix::fs::mknodat(CWD, work.join("go"), FileType::Fifo, Mode::from(0o600), 0).unwrap();
}

/// Opens it: the act goes on.
pub(crate) fn open_gate(work: &Path) {
    fs::write(work.join("go"), "").unwrap();
}

#[test]
fn once_an_act_is_let_end_and_nothing_new_starts() {
    let (desk, mut run) = in_the_act("");
    run.signal(Signal::INT);
    run.until("Cancelled by");
    open_gate(desk.work());
    run.end().ended(4).shows("cancelled");
    assert_eq!(desk.read("count"), "began\nended\n");
    assert!(!desk.work().join("after").exists());
    let story = desk.story();
    assert_eq!((story.outcome(), story.settled("change"), story.settled("after")), ("cancelled", "passed", "skipped"));
    assert!(story.last("run.cancelled", None, "reason").unwrap().as_str().unwrap().starts_with("SIGINT"));
    desk.do_it(&["audit", "verify", "latest"]).ended(0);
}

#[test]
fn twice_an_act_is_ended_and_nobody_knows_how_far_it_came() {
    let (desk, mut run) = in_the_act("");
    run.signal(Signal::INT);
    run.until("Cancelled by");
    run.signal(Signal::INT);
    run.end().ended(5).shows("in doubt");
    assert_eq!(desk.read("count"), "began\n");
    desk.do_it(&["settle", "--not-done", "--reason", "the file is not there"]).ended(4);
    let story = desk.story();
    assert_eq!((story.outcome(), story.settled("change")), ("cancelled", "failed"));
    assert_eq!(desk.count("count"), 1);
}

#[test]
fn twice_an_act_that_may_be_done_again_is_simply_failed() {
    let (desk, mut run) = in_the_act("idempotent: true");
    run.signal(Signal::INT);
    run.until("Cancelled by");
    run.signal(Signal::INT);
    run.end().ended(4);
    let story = desk.story();
    let ended = story.of("step.ended", Some("change")).next().unwrap();
    assert_eq!((&ended["d"]["end"], story.settled("change")), (&"stopped".into(), "failed"));
}

#[test]
fn the_verb_does_the_same_as_the_key() {
    let (desk, mut run) = in_the_act("idempotent: true");
    desk.do_it(&["cancel", "--reason", "wrong host"]).ended(0);
    run.until("wrong host");
    desk.do_it(&["cancel"]).ended(0);
    run.end().ended(4);
    assert_eq!((desk.read("count").as_str(), desk.story().outcome()), ("began\n", "cancelled"));
}

#[test]
fn a_verify_and_a_wait_end_at_once() {
    for keys in ["verify: It works, run: cat $WORK/go", "act: Wait, wait: 1h"] {
        let desk = Desk::with_runbook(&format!("steps:\n  look: {{ {keys} }}\n"));
        gate(desk.work());
        let mut run = desk.start_run("try", &[]);
        run.until("(look)");
        run.signal(Signal::INT);
        run.end().ended(4);
        let story = desk.story();
        assert_eq!((story.outcome(), story.settled("look")), ("cancelled", "skipped"));
        assert_eq!(story.last("step.skipped", Some("look"), "why").unwrap(), "cancelled");
    }
}

#[test]
fn what_was_done_is_undone_and_finally_is_run() {
    let keys = "
rollback: auto
finally: [tidy]
steps:
  first: { act: Begin, run: touch $WORK/first, undo: { run: rm $WORK/first } }
  hold: { verify: It works, run: cat $WORK/go }
  tidy: { act: Tidy up, run: touch $WORK/tidied }
";
    let desk = Desk::with_runbook(keys);
    gate(desk.work());
    let mut run = desk.start_run("try", &[]);
    run.until("(hold)");
    run.signal(Signal::INT);
    run.end().ended(4);
    assert!(!desk.work().join("first").exists() && desk.work().join("tidied").exists());
    assert_eq!(desk.story().last("step.undone", Some("first"), "outcome").unwrap(), "passed");
}

#[test]
fn ctrl_c_at_a_prompt_cancels_and_nothing_runs() {
    let desk =
        Desk::with_runbook("steps:\n  change: { act: Change it, run: touch $WORK/changed, approve: operator }\n");
    let mut command = desk.command(&["run", "try"]);
    command.env("TERM", "xterm-256color");
    let mut person = Person::sit_down(command, None).unwrap();
    person.expect("Run it?", SOON).unwrap();
    person.type_keys("\u{3}").unwrap();
    let status = person.wait(SOON).unwrap();
    assert_eq!(code(status), 4, "{}", person.page());
    assert!(!desk.work().join("changed").exists());
    let story = desk.story();
    assert_eq!((story.outcome(), story.settled("change")), ("cancelled", "skipped"));
}

#[test]
fn ctrl_c_at_the_terminal_reaches_the_engine_and_not_the_act() {
    let desk = Desk::with_runbook(&ACT.replace("KEYS", ""));
    gate(desk.work());
    let mut command = desk.command(&["run", "try"]);
    command.env("TERM", "xterm-256color");
    let mut person = Person::sit_down(command, None).unwrap();
    lines_in(&desk.work().join("count"));
    person.type_keys("\u{3}").unwrap();
    person.expect("Cancelled by", SOON).unwrap();
    open_gate(desk.work());
    let status = person.wait(SOON).unwrap();
    assert_eq!(code(status), 4, "{}", person.page());
    assert_eq!(desk.read("count"), "began\nended\n");
}

#[test]
fn what_a_cancelled_run_does_not_take_is_not_offered_for_its_doubt() {
    let (desk, mut run) = in_the_act("");
    run.signal(Signal::INT);
    run.until("Cancelled by");
    run.signal(Signal::INT);
    let said = run.end().ended(5);
    assert!(said.out.contains("--done") && said.out.contains("--not-done"), "{}", said.out);
    assert!(!said.out.contains("--again"), "{}", said.out);
    let log = desk.do_it(&["log", "latest"]).ended(0).out;
    assert!(log.contains("--not-done") && !log.contains("--again"), "{log}");
    desk.do_it(&["settle", "--again", "--reason", "it shall be"]).ended(5).complains("nothing new starts");
    // At a terminal neither the keys nor what they are said to lead to promise it.
    let mut seat = crate::terminal::Seat::take(&desk, &["resume"]);
    seat.sees("Was it done? [d/n/?/t/o/h]");
    seat.types("?");
    seat.sees("d: it counts as done, and the run goes on to its end");
    seat.types("dI looked\r");
    seat.ends(4);
}
