//! What an auditor asks of many runs: which are whole, and what was done to the world.

use std::process::{Command, Stdio};

use runbook_tests::binary::repository;
use runbook_tests::desk::Desk;
use runbook_tests::programs;
use runbook_tests::run::{Said, Started};
use serde_json::Value;

const KEYS: &str = "
steps:
  look: { verify: Is it there?, run: 'true' }
  change: { act: Change it, run: touch $WORK/changed, approve: operator, idempotent: true, undo: { run: rm $WORK/changed } }
  switch: { act: Switch it, instruct: Throw the switch }
  after: { verify: Is it so?, run: test -e $WORK/nowhere }
rollback: auto
";

/// A desk with a run that was undone, one that was denied, a dry run, and one that waits.
fn desk() -> Desk {
    let desk = Desk::with_runbook(KEYS);
    desk.do_it(&["run", "try"]).ended(75);
    desk.do_it(&["approve", "latest", "change", "--reason", "seen"]).ended(75);
    desk.do_it(&["answer", "latest", "switch", "done"]).ended(75);
    desk.do_it(&["approve", "latest", "change", "--reason", "back"]).ended(1);
    desk.do_it(&["run", "try"]).ended(75);
    desk.do_it(&["deny", "latest", "change", "--reason", "=HYPERLINK(\"http://x\")"]).ended(4);
    desk.do_it(&["run", "try", "--dry-run"]).ended(0);
    desk.do_it(&["run", "try"]).ended(75);
    desk
}

fn bash(desk: &Desk, line: &str, file: &str) -> Said {
    programs::ready();
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", line, "bash", file]).current_dir(desk.work()).stdin(Stdio::null());
    Started::from(command).end()
}

#[test]
fn each_act_of_a_real_run_is_a_row() {
    let desk = desk();
    let said = desk.do_it(&["audit", "list", "--json"]).ended(0);
    let list: Value = serde_json::from_str(&said.out).unwrap();
    let row = |act: &Value| {
        let text = |name: &str| act[name].as_str().unwrap_or("-").to_owned();
        [text("step"), act["undo"].to_string(), text("consent"), text("outcome")]
    };
    let rows: Vec<_> = list["acts"].as_array().unwrap().iter().map(row).collect();
    let wanted = [
        ["change", "false", "granted", "passed"],
        ["switch", "false", "-", "passed"],
        ["change", "true", "granted", "passed"],
        ["change", "false", "denied", "denied"],
        ["change", "false", "-", "not started"],
    ];
    assert_eq!(rows, wanted, "{list:#}");
    assert_eq!(list["count"], 5);
    let [first, by_hand] = [&list["acts"][0], &list["acts"][1]];
    assert_eq!((first["consent_reason"].as_str(), first["consent_auth"].as_str()), (Some("seen"), Some("tty")));
    assert!(first["plan"].is_string() && first["started"].is_string() && first["ended"].is_string());
    assert!(by_hand["settled_by"].as_str().unwrap().starts_with("by hand by "), "{by_hand}");
    assert!(by_hand["plan"].is_null());

    // Every entry that a row names is about its step.
    let folder = desk.runs().into_iter().find(|run| run.ends_with(first["run"].as_str().unwrap())).unwrap();
    let transcript = std::fs::read_to_string(folder.join("transcript.jsonl")).unwrap();
    let entries: Vec<Value> = transcript.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for n in first["entries"].as_array().unwrap() {
        let entry = &entries[usize::try_from(n.as_u64().unwrap()).unwrap()];
        assert_eq!(entry["step"], "change", "{entry}");
    }
}

#[test]
fn a_list_carries_its_own_digest() {
    let desk = desk();
    let json = desk.do_it(&["audit", "list", "--format", "json"]).ended(0).out;
    std::fs::write(desk.work().join("acts.json"), &json).unwrap();
    let list: Value = serde_json::from_str(&json).unwrap();
    let by_hand = bash(&desk, "jq -acS .acts \"$1\" | sha256sum | cut -c1-64", "acts.json").ended(0).out;
    assert_eq!(list["sha256"], by_hand.trim());

    let csv = desk.do_it(&["audit", "list", "--format", "csv"]).ended(0).out;
    std::fs::write(desk.work().join("acts.csv"), &csv).unwrap();
    let by_hand = bash(&desk, "head -n -1 \"$1\" | sha256sum | cut -c1-64", "acts.csv").ended(0).out;
    let trailer = csv.lines().next_back().unwrap();
    assert!(trailer.contains(&format!("sha256={}", by_hand.trim())), "{trailer}");
    assert!(trailer.contains("rows=5"), "{trailer}");
    assert!(trailer.contains(list["ledger_head"].as_str().unwrap()), "{trailer}");
}

#[test]
fn no_cell_is_a_formula() {
    let desk = desk();
    let csv = desk.do_it(&["audit", "list", "--format", "csv"]).ended(0).out;
    assert!(csv.contains("\"'=HYPERLINK(\"\"http://x\"\")\""), "{csv}");
    assert!(!csv.contains(",=") && !csv.contains(",\"="), "{csv}");
}

#[test]
fn a_list_is_of_a_time_and_a_runbook() {
    let desk = desk();
    let count = |more: &[&str]| {
        let said = desk.do_it(&[&["audit", "list", "--json"], more].concat()).ended(0);
        serde_json::from_str::<Value>(&said.out).unwrap()["count"].as_u64().unwrap()
    };
    assert_eq!(count(&["--since", "1h"]), 5);
    assert_eq!(count(&["--until", "1h"]), 0);
    assert_eq!(count(&["--since", "2000-01-01", "--until", "2000-02-01T00:00:00Z"]), 0);
    assert_eq!(count(&["--runbook", "try"]), 5);
    assert_eq!(count(&["--runbook", "other"]), 0);
    desk.do_it(&["audit", "list", "--since", "yesterday"]).ended(2).complains("how long ago");
}

#[test]
fn a_broken_run_is_named_and_the_rest_is_listed() {
    let desk = desk();
    let waits = desk.runs().pop().unwrap();
    let path = waits.join("transcript.jsonl");
    let text = std::fs::read_to_string(&path).unwrap().replacen("step.planned", "step.Planned", 1);
    std::fs::write(&path, text).unwrap();
    let name = waits.file_name().unwrap().to_str().unwrap();
    let said = desk.do_it(&["audit", "list"]).ended(14);
    assert!(said.out.contains("not listed") && said.out.contains(name), "{}", said.out);
    assert!(said.out.contains("denied by"), "{}", said.out);
    desk.do_it(&["audit", "verify", "--all"]).ended(14).shows("broken at entry");
}

#[test]
fn many_runs_are_verified_at_once_and_the_worst_counts() {
    let desk = desk();
    let ids: Vec<String> =
        desk.runs().iter().map(|run| run.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    desk.do_it(&["audit", "verify", &ids[0], &ids[1]]).ended(0).shows("every one of them is sealed and intact");
    desk.do_it(&["audit", "verify", "--all"]).ended(10).shows("unsealed");
    desk.do_it(&["audit", "verify", "--all", "--require", "sealed"]).ended(12).shows("--require asks for");
    desk.do_it(&["audit", "verify", &ids[0], "--require", "sealed"]).ended(0);
    let said = desk.do_it(&["audit", "verify", "--all", "--json"]).ended(10);
    let told: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(told["runs"].as_array().unwrap().len(), 4);
    assert_eq!(told["exit_code"], 10);
}

#[test]
fn the_stock_commands_are_those_of_the_manual_and_find_what_is_wrong() {
    let desk = desk();
    let commands = desk.do_it(&["audit", "verify", "latest", "--stock"]).ended(0).out;
    let manual = std::fs::read_to_string(repository().join("engine/transcript/FORMAT.md")).unwrap();
    let (cd, rest) = commands.split_once('\n').unwrap();
    assert!(cd.starts_with("cd '") && manual.contains(&format!("```bash\n{rest}```")), "{commands}");
    bash(&desk, &commands, "").ended(0);
    let path = desk.runs().pop().unwrap().join("transcript.jsonl");
    let text = std::fs::read_to_string(&path).unwrap().replacen("step.planned", "step.Planned", 1);
    std::fs::write(&path, text).unwrap();
    assert_ne!(bash(&desk, &commands, "").code, 0);
}
