//! The shop's own runbooks, as far as they can be tried without name servers.

use std::ffi::OsString;

use serde_json::Value;

use runbook_tests::desk::Desk;
use runbook_tests::run::Started;

#[test]
fn the_shops_runbooks_check_without_a_word() {
    let said = Desk::with("runbooks").do_it(&["check", "--format", "json"]).ended(0);
    let report: Value = serde_json::from_str(&said.out).unwrap();
    let files: Vec<&str> = report["files"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert!(files.iter().any(|name| name.ends_with("dns-failover.yaml")), "{files:?}");
    assert!(files.iter().any(|name| name.ends_with("team.yaml")), "{files:?}");
    // That a runbook is due for review is its owner's business, and no reason to stop anybody's change.
    let problems = report["diagnostics"].as_array().unwrap().iter().filter(|problem| problem["code"] != "RB0147");
    assert_eq!(problems.collect::<Vec<_>>(), Vec::<&Value>::new());
}

#[test]
fn a_dry_run_of_the_failover_names_both_sides_of_each_fork() {
    let desk = Desk::with("runbooks");
    let said = desk.do_it(&["run", "dns-failover", "--dry-run"]).ended(0);
    for id in ["shut_down", "recovers", "tell_recovered", "failover", "force", "need_a_person"] {
        assert!(said.out.contains(id), "{id} is not in:\n{}", said.out);
    }
    let story = desk.story();
    assert_eq!(story.of("step.spawned", None).count(), 0);
    for decide in ["which", "waited"] {
        assert_eq!(story.last("decision", Some(decide), "branch").unwrap(), "undecided");
        assert_eq!(story.last("decision", Some(decide), "to").unwrap().as_array().unwrap().len(), 2);
    }
}

/// PATH without any program of the lab's.
fn bare_path() -> OsString {
    OsString::from("/usr/sbin:/usr/bin:/sbin:/bin")
}

#[test]
fn without_dns_tool_nothing_is_failed_over_and_a_person_is_told() {
    let desk = Desk::with("runbooks");
    let mut command = desk.command(&["run", "dns-failover"]);
    command.env("PATH", bare_path());
    let run = Started::from(command);
    desk.until_waiting("ack");
    desk.do_it(&["ack", "--no-resume"]).ended(0);
    run.end().ended(3);
    let story = desk.story();
    assert_eq!((story.outcome(), story.settled("active")), ("escalated", "unknown"));
    for act in ["shut_down", "failover", "force"] {
        assert_eq!(story.settled(act), "skipped", "{act}");
    }
    // They are told at once, and either may have been the quicker.
    let mut told: Vec<&str> =
        story.of("escalation.sent", Some("need_a_person")).map(|entry| entry["d"]["to"].as_str().unwrap()).collect();
    told.sort_unstable();
    assert_eq!(told, ["networking", "sre_lead"]);
    // What is missing is named, with where it was looked for.
    for said in ["dnsTool", "/usr/sbin, /usr/bin, /sbin, /bin"] {
        assert!(story.told("need_a_person").contains(said), "{}", story.told("need_a_person"));
    }
}
