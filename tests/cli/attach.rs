//! A run watched from another terminal.

use runbook_tests::desk::Desk;
use rustix::process::Signal;
use serde_json::Value;

const STAYS: &str = "
steps:
  ok: { verify: Is it all right?, ask: Is it?, within: 10m }
  change: { act: Change it, run: touch $WORK/changed }
";

#[test]
fn it_tells_what_happens_and_ends_with_the_run_and_its_code() {
    for (answer, code, word) in [("yes", 0, "resolved"), ("no", 1, "failed")] {
        let desk = Desk::with_runbook(STAYS);
        let mut run = desk.start_run("try", &[]);
        run.until(" answer ");
        let mut watching = desk.start(&["attach"]);
        watching.until("asks: ");
        desk.do_it(&["answer", answer]).ended(0);
        run.end().ended(code);
        let watched = watching.end().ended(code).shows(word);
        assert_eq!(watched.out.contains("skipped, blocked by ok"), answer == "no", "{}", watched.out);
        assert_eq!(watched.err, "");
    }
}

#[test]
fn ctrl_c_leaves_the_run_as_it_is() {
    let desk = Desk::with_runbook(STAYS);
    let mut run = desk.start_run("try", &[]);
    run.until(" answer ");
    let before = desk.story().entries().len();
    let mut watching = desk.start(&["attach", "latest"]);
    watching.until("asks: ");
    watching.signal(Signal::INT);
    assert_eq!(watching.process_end(), 128 + 2);
    assert_eq!(desk.story().entries().len(), before);
    desk.do_it(&["answer", "yes"]).ended(0).shows("was taken in");
    run.end().ended(0);
}

#[test]
fn a_run_without_a_process_is_watched_until_another_ends_it() {
    let desk = Desk::with_runbook("steps:\n  ok: { verify: Is it all right?, ask: Is it? }\n");
    desk.do_it(&["run", "try"]).ended(75);
    let mut watching = desk.start(&["attach"]);
    watching.until("no process has the run now");
    desk.do_it(&["answer", "yes"]).ended(0);
    watching.end().ended(0).shows("resolved");
}

#[test]
fn for_a_machine_it_gives_every_entry_as_it_is() {
    let desk = Desk::with_runbook(STAYS);
    let mut run = desk.start_run("try", &[]);
    run.until(" answer ");
    let mut watching = desk.start(&["attach", "--json"]);
    watching.until("\"kind\":\"question\"");
    desk.do_it(&["answer", "yes"]).ended(0);
    run.end().ended(0);
    let lines: Vec<Value> =
        watching.end().ended(0).out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, desk.story().entries());
}

#[test]
fn one_that_is_over_is_told_at_once() {
    let desk = Desk::with_runbook("steps:\n  look: { verify: It is so, run: 'false' }\n");
    desk.do_it(&["run", "try"]).ended(1);
    desk.do_it(&["attach", "latest"]).ended(1).shows("It is so").shows("failed");
    desk.do_it(&["attach"]).ended(2).complains("no run goes on");
}
