//! Examples in which something is changed, goes wrong, or is decided.

use std::fs;

use runbook_tests::desk::Desk;

/// The examples that are run here.
pub(crate) const NAMES: &[&str] =
    &["decide-by-data", "unless-already-so", "undo-and-rollback", "finally", "on-fail-road", "fallback"];

#[test]
fn a_decide_takes_the_first_case_that_is_true_and_says_why() {
    for (orders, asked, because) in [
        (15, Some("ask_ops"), Some("15 orders wait, and ten are usual")),
        (3, Some("ask_developers"), None),
        (0, None, Some("no order waits")),
    ] {
        let desk = Desk::with("examples");
        desk.run("decide-by-data", &[&format!("orders={orders}")]).ended(0);
        let story = desk.story();
        for step in ["ask_ops", "ask_developers"] {
            let wanted = if asked == Some(step) { "passed" } else { "skipped" };
            assert_eq!(story.settled(step), wanted, "{step} with {orders} orders");
        }
        let said = story.last("decision", Some("overloaded"), "because").map(|because| because.as_str().unwrap());
        assert_eq!(said, because);
        assert_eq!(story.of("escalation.sent", None).count(), usize::from(asked.is_some()));
    }
}

#[test]
fn what_is_so_already_is_left_untouched() {
    let desk = Desk::with("examples");
    desk.run("unless-already-so", &["dir=$DIR"]).ended(0);
    assert_eq!(desk.story().last("step.settled", Some("folder"), "settlement").unwrap(), "ran");
    let made = desk.work().join("app").metadata().unwrap().created().unwrap();
    let again = Desk::with("examples");
    let dir = format!("dir={}", desk.work().display());
    again.run("unless-already-so", &[&dir]).ended(0).shows("already so");
    assert_eq!(again.story().last("step.settled", Some("folder"), "settlement").unwrap(), "already_so");
    assert_eq!(desk.work().join("app").metadata().unwrap().created().unwrap(), made);
}

#[test]
fn a_failed_run_is_rolled_back_the_newest_first() {
    let desk = Desk::with("examples");
    desk.run("undo-and-rollback", &["dir=$DIR"]).ended(1);
    let story = desk.story();
    assert_eq!(story.outcome(), "failed");
    let undone: Vec<_> = story.of("step.undone", None).map(|entry| entry["step"].as_str().unwrap()).collect();
    assert_eq!(undone, ["deploy", "close"]);
    assert_eq!(fs::read_to_string(desk.work().join("release")).unwrap(), "1\n");
    assert!(!desk.work().join("down").exists());
    assert_eq!(story.settled("tell_development"), "passed");
}

#[test]
fn a_run_that_succeeds_is_not_rolled_back() {
    let desk = Desk::with("examples");
    desk.run("undo-and-rollback", &["dir=$DIR", "works=true"]).ended(0);
    assert_eq!(desk.story().of("step.undone", None).count(), 0);
    assert_eq!(fs::read_to_string(desk.work().join("release")).unwrap(), "2\n");
    assert!(desk.work().join("down").exists());
}

#[test]
fn finally_runs_whatever_happened_and_not_where_it_has_no_business() {
    for (works, code) in [("true", 0), ("false", 1)] {
        let desk = Desk::with("examples");
        desk.run("finally", &["dir=$DIR", &format!("works={works}")]).ended(code);
        assert_eq!(desk.story().settled("unlock"), "passed");
        assert!(!desk.work().join("locked").exists(), "works={works}");
    }
    // Somebody else's lock is not taken away.
    let desk = Desk::with("examples");
    fs::create_dir(desk.work().join("locked")).unwrap();
    desk.run("finally", &["dir=$DIR"]).ended(1);
    let story = desk.story();
    assert_eq!(
        (story.settled("lock"), story.settled("work"), story.settled("unlock")),
        ("failed", "skipped", "skipped")
    );
    assert!(desk.work().join("locked").exists());
}

#[test]
fn a_step_that_needs_the_failed_one_and_its_remedy_goes_on_by_either() {
    let desk = Desk::with("examples");
    let again = Desk::with("examples");
    again.run("on-fail-road", &["dir=$DIR"]).ended(0);
    std::fs::remove_dir_all(again.store()).unwrap();
    for (there, installed) in [("failed", "passed"), ("passed", "skipped")] {
        // A desk of its own for the second run: two runs of one minute are told apart by chance.
        let desk = if there == "failed" { &desk } else { &again };
        desk.run("on-fail-road", &["dir=$DIR"]).ended(0);
        let newest = desk.story();
        assert_eq!((newest.settled("tool_there"), newest.settled("install")), (there, installed));
        assert_eq!(newest.settled("use"), "passed");
        assert_eq!(newest.last("step.output", Some("use"), "head").unwrap(), "used\n");
    }
}

#[test]
fn the_failure_that_nobody_thought_of_reaches_a_person() {
    let desk = Desk::with("examples");
    desk.run("fallback", &[]).ended(3);
    let story = desk.story();
    assert_eq!(
        (story.outcome(), story.settled("impossible"), story.settled("never")),
        ("escalated", "failed", "skipped")
    );
    assert!(
        story.told("tell_sre").contains("\"impossible\" failed: expected 2 + 2 == 5"),
        "{}",
        story.told("tell_sre")
    );
}
