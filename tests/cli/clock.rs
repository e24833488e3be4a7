//! Deadlines, across processes.

use std::time::Duration;

use runbook_tests::desk::Desk;
use runbook_tests::until::until;
use rustix::process::Signal;

const SHORT: &str = "steps:
  ok: { verify: Is it all right?, ask: Is it?, within: 1s, else: late }
  change: { act: Change it, run: touch $WORK/changed }
  late: { act: Say so, run: touch $WORK/late, needs: [] }
";

#[test]
fn one_that_passed_with_nobody_there_is_acted_on_first() {
    let desk = Desk::with_runbook(SHORT);
    let mut run = desk.start_run("try", &[]);
    run.until(" answer ");
    run.signal(Signal::KILL);
    assert_eq!(run.process_end(), 128 + 9);
    desk.do_it(&["answer", "yes", "--no-resume"]).ended(0);
    // not synchronisation: that this time passes is what the test is about
    std::thread::sleep(Duration::from_millis(1_100));
    let resumed = desk.do_it(&["resume"]);
    assert!(resumed.out.contains("ok waited until"), "{}\n{}", resumed.out, resumed.err);
    let story = desk.story();
    assert_eq!(story.last("question.withdrawn", Some("ok"), "timed_out").unwrap(), true);
    assert_eq!(story.last("refused", Some("ok"), "verb").unwrap(), "answer");
    assert!(desk.work().join("late").exists() && !desk.work().join("changed").exists());
}

#[test]
fn one_that_has_not_passed_goes_on_where_it_was() {
    let desk = Desk::with_runbook(&SHORT.replace("within: 1s", "within: 10m"));
    let mut run = desk.start_run("try", &[]);
    run.until(" answer ");
    let deadline = desk.story().last("question", Some("ok"), "deadline").unwrap().clone();
    run.signal(Signal::TERM);
    run.end().ended(75);
    let resumed = desk.start(&["resume"]);
    until(|| {
        let entries = desk.story();
        if entries.of("run.resumed", None).count() == 1 { Ok(()) } else { Err("it is not resumed".to_owned()) }
    });
    let runs: serde_json::Value = serde_json::from_str(&desk.do_it(&["runs", "--json"]).ended(0).out).unwrap();
    let until: jiff::Timestamp = runs["runs"][0]["waits"][0]["until"].as_str().unwrap().parse().unwrap();
    assert_eq!(until, deadline.as_str().unwrap().parse::<jiff::Timestamp>().unwrap());
    desk.do_it(&["answer", "yes"]).ended(0);
    resumed.end().ended(0);
    assert!(desk.work().join("changed").exists());
}

#[test]
fn what_waits_is_listed_with_whom_and_until_when() {
    let desk = Desk::with_runbook(
        "parallel: 3
steps:
  ok: { verify: Is it all right?, needs: [], ask: Is it?, to: ops, within: 10m }
  change: { act: Change it, needs: [], run: touch $WORK/changed, approve: operator }
",
    );
    let mut run = desk.start_run("try", &[]);
    run.until(" approve ");
    until(|| if desk.story().of("question", None).count() == 1 { Ok(()) } else { Err("not asked".to_owned()) });
    let account = desk.story().entries()[0]["actor"]["id"].as_str().unwrap().to_owned();
    let listed = desk.do_it(&["runs", "--waiting"]).ended(0);
    for line in ["answer ok: waits for ops since ", &*format!("approve change: waits for {account} since ")] {
        assert!(listed.out.contains(line), "{line:?} is not in:\n{}", listed.out);
    }
    let runs: serde_json::Value = serde_json::from_str(&desk.do_it(&["runs", "--json"]).ended(0).out).unwrap();
    let waits = runs["runs"][0]["waits"].as_array().unwrap();
    let of = |step: &str| waits.iter().find(|wait| wait["step"] == step).unwrap();
    assert_eq!((&of("change")["verb"], &of("change")["from"]), (&"approve".into(), &serde_json::json!([account])));
    assert_eq!(of("ok")["from"], serde_json::json!(["ops"]));
    assert!(of("ok")["until"].is_string() && of("change")["until"].is_null());
    desk.do_it(&["cancel"]).ended(0);
    run.end().ended(4);
}
