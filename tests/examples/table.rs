//! Examples that need nobody: what they end with, and what each is there to show.

use serde_json::json;

use runbook_tests::desk::Desk;
use runbook_tests::story::Story;

/// The examples that are run here.
pub(crate) const NAMES: &[&str] = &[
    "verify-and-expect",
    "script-with-env",
    "outputs-json",
    "arithmetic",
    "retry",
    "attach-evidence",
    "other-host",
    "needs-and-join",
    "when-stepping-over",
    "parallel",
    "wait",
    "for-each",
];

/// Runs an example that is resolved, and tells its story.
#[track_caller]
fn resolved(name: &str, params: &[&str]) -> Story {
    assert!(NAMES.contains(&name));
    let desk = Desk::with("examples");
    desk.run(name, params).ended(0);
    let story = desk.story();
    assert_eq!(story.outcome(), "resolved");
    story
}

/// Runs an example that is handed over to people, and tells its story.
#[track_caller]
fn escalated(name: &str, params: &[&str]) -> Story {
    assert!(NAMES.contains(&name));
    let desk = Desk::with("examples");
    desk.run(name, params).ended(3);
    let story = desk.story();
    assert_eq!(story.outcome(), "escalated");
    story
}

#[test]
fn a_verify_judges_by_exit_code_and_by_expect() {
    let story = resolved("verify-and-expect", &[]);
    assert_eq!((story.settled("writable"), story.settled("linux")), ("passed", "passed"));
    assert_eq!(story.settled("tell_sre"), "skipped");
    let story = escalated("verify-and-expect", &["folder=/nowhere"]);
    assert_eq!((story.settled("writable"), story.settled("linux")), ("failed", "skipped"));
}

#[test]
fn a_value_in_the_environment_of_a_script_stays_a_value() {
    for name in ["plain", "$(touch $DIR/oops)", "`id`; 'x' \"y\" | z", "-n", "é €"] {
        let desk = Desk::with("examples");
        desk.run("script-with-env", &[&format!("customer={name}")]).ended(0);
        assert_eq!(desk.work().read_dir().unwrap().count(), 0);
    }
    resolved("script-with-env", &[]);
}

#[test]
fn json_becomes_outputs_with_their_types() {
    let story = resolved("outputs-json", &[]);
    assert_eq!(story.output("stock", "plant"), json!("monstera"));
    assert_eq!(story.output("stock", "pots"), json!([3, 7]));
    assert_eq!(story.output("stock", "shelves"), json!(2));
}

#[test]
fn the_release_is_sized_as_its_engineers_did() {
    let story = resolved("arithmetic", &[]);
    let needed = story.output("size", "needed").as_f64().unwrap();
    assert!((needed - 281.6).abs() < 1e-9, "{needed}");
    assert_eq!((story.output("size", "memory"), story.output("count", "replicas")), (json!(512), json!(6)));
    assert_eq!(resolved("arithmetic", &["users=3001"]).output("count", "replicas"), json!(7));
    // Nothing on sale is large enough.
    escalated("arithmetic", &["memory=4096"]);
}

#[test]
fn a_look_is_repeated_until_it_is_so() {
    let story = resolved("retry", &["dir=$DIR"]);
    let attempts = story.last("step.settled", Some("steady"), "attempts").unwrap().as_u64().unwrap();
    assert!(attempts > 1, "{attempts}");
    assert_eq!(story.of("step.ended", Some("steady")).count() as u64, attempts);
}

#[test]
fn evidence_is_kept_with_the_run() {
    let story = resolved("attach-evidence", &["dir=$DIR"]);
    let kept: Vec<String> = story.of("attachment", Some("runs")).map(|entry| entry["d"]["head"].to_string()).collect();
    assert_eq!(kept.len(), 2);
    assert!(kept.iter().any(|text| text.contains("Error Processing Order. Error #12")), "{kept:?}");
    assert!(kept.iter().any(|text| text.contains("Filesystem")), "{kept:?}");
}

#[test]
fn where_a_step_runs_is_a_value_like_any_other() {
    let story = resolved("other-host", &[]);
    assert!(story.output("used", "percent").as_f64().is_some_and(|percent| percent <= 100.0));
    let (desk, said) = (Desk::with("examples"), "on planthost1: df -P /");
    desk.do_it(&["run", "other-host", "-p", "host=planthost1", "--dry-run"]).ended(0).shows(said);
}

#[test]
fn the_step_after_a_join_follows_either_road() {
    for (cause, taken, left) in [("logs", "rotate_logs", "drop_cache"), ("cache", "drop_cache", "rotate_logs")] {
        let story = resolved("needs-and-join", &[&format!("cause={cause}")]);
        assert_eq!(
            (story.settled(taken), story.settled(left), story.settled("space")),
            ("passed", "skipped", "passed")
        );
    }
}

#[test]
fn what_is_stepped_over_does_not_stop_what_follows() {
    for (hours, announced) in [("false", "skipped"), ("true", "passed")] {
        let story = resolved("when-stepping-over", &[&format!("business_hours={hours}")]);
        assert_eq!((story.settled("announce"), story.settled("restart")), (announced, "passed"));
    }
}

#[test]
fn three_steps_run_at_once_and_the_last_waits_for_all() {
    let story = resolved("parallel", &[]);
    let (begun, ended) = (story.places("step.spawned"), story.places("step.ended"));
    assert_eq!(begun.len(), 3);
    assert!(begun.last() < ended.first(), "the third began before the first ended: {begun:?}, {ended:?}");
    assert_eq!(story.settled("all"), "passed");
}

#[test]
fn a_wait_lets_time_pass() {
    let story = resolved("wait", &["ttl=1s"]);
    assert!(story.last("step.intent", Some("spread"), "until").is_some());
    assert!(story.last("step.ended", Some("spread"), "duration_ms").unwrap().as_u64().unwrap() >= 1000);
}

#[test]
fn each_item_of_a_list_is_done_once_after_one_approval() {
    let desk = Desk::with("examples");
    desk.run("for-each", &["dir=$DIR"]).ended(75);
    assert_eq!(desk.work().read_dir().unwrap().count(), 0, "nothing starts before it is approved");
    desk.do_it(&["approve"]).ended(0);
    let story = desk.story();
    assert_eq!((story.outcome(), story.settled("all")), ("resolved", "passed"));
    assert_eq!(story.of("approval.granted", None).count(), 1);
    for item in ["drain[0]", "drain[1]", "drain[2]"] {
        assert_eq!(story.settled(item), "passed");
        assert_eq!(story.of("step.released", Some(item)).count(), 1);
    }
    // A second run finds it all so, and has nothing to ask.
    desk.run("for-each", &["dir=$DIR"]).ended(0);
    let again = desk.story();
    assert_eq!(again.last("step.settled", Some("drain"), "settlement").unwrap(), "already_so");
    assert_eq!(again.of("step.released", None).count(), 0);
}
