//! Old runs go, and the ledger says which.

use std::fs;
use std::path::Path;

use runbook_tests::desk::Desk;
use serde_json::Value;

const DONE: &str = "steps:\n  look: { verify: It is so, run: echo so }\n";
const WAITS: &str = "steps:\n  ok: { verify: Is it all right?, ask: Is it? }\n";

fn id(run: &Path) -> String {
    run.file_name().unwrap().to_str().unwrap().to_owned()
}

/// Two runs that are over, one that waits.
fn three() -> (Desk, Vec<String>) {
    let desk = Desk::with_runbook(DONE);
    desk.write("waits", WAITS);
    desk.do_it(&["run", "waits"]).ended(75);
    for _ in 0..2 {
        desk.do_it(&["run", "try"]).ended(0);
    }
    let over = desk.runs().iter().map(|run| id(run)).filter(|id| !id.contains("-waits-")).collect();
    (desk, over)
}

fn removed(desk: &Desk) -> Vec<String> {
    let ledger = fs::read_to_string(desk.store().join("ledger.jsonl")).unwrap();
    let lines = ledger.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["kind"] == "run.removed").map(|line| line["run"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_is_sealed_and_old_enough_goes_and_leaves_a_line() {
    let (desk, over) = three();
    desk.do_it(&["gc", "--older-than", "1d"]).ended(0).shows("0 bytes freed, 3 runs stay");
    desk.do_it(&["gc", "--older-than", "0s", "--dry-run"]).ended(0).shows("would go").shows("1 runs stay");
    assert_eq!((desk.runs().len(), removed(&desk)), (3, Vec::new()));
    desk.do_it(&["gc", "--older-than", "0s"]).ended(0).shows(&over[0]).shows(&over[1]);
    assert_eq!(desk.runs().len(), 1);
    assert_eq!(removed(&desk).into_iter().collect::<std::collections::BTreeSet<_>>(), over.iter().cloned().collect());
    // What is not sealed never goes, and is as it was.
    desk.do_it(&["gc", "--older-than", "0s"]).ended(0).shows("1 runs stay");
    desk.do_it(&["answer", "yes"]).ended(0);
    desk.do_it(&["audit", "verify", "latest"]).ended(0);
    desk.do_it(&["audit", "ledger"]).ended(0).shows("2 runs were removed");
    desk.do_it(&["show", &over[0]]).ended(2).complains("was removed");
}

#[test]
fn by_size_the_oldest_go_until_the_rest_fits() {
    let (desk, over) = three();
    let found: Value =
        serde_json::from_str(&desk.do_it(&["gc", "--keep-bytes", "0", "--dry-run", "--json"]).ended(0).out).unwrap();
    let runs = found["removed"].as_array().unwrap();
    assert_eq!(runs.len(), 2);
    let of_last = runs[1]["bytes"].as_u64().unwrap();
    desk.do_it(&["gc", "--keep-bytes", &of_last.to_string()]).ended(0);
    assert_eq!(removed(&desk), [runs[0]["id"].as_str().unwrap()]);
    assert!(over.contains(&removed(&desk)[0]));
    desk.do_it(&["gc", "--keep-bytes", "1G"]).ended(0).shows("0 bytes freed");
}

#[test]
fn what_is_not_intact_is_evidence_and_stays() {
    let (desk, over) = three();
    let path = desk.store().join("runs").join(&over[0]).join("transcript.jsonl");
    let text = fs::read_to_string(&path).unwrap().replacen("\"passed\"", "\"failed\"", 1);
    fs::remove_file(&path).unwrap();
    fs::write(&path, text).unwrap();
    desk.do_it(&["gc", "--older-than", "0s"]).ended(1).shows("kept").shows("broken at entry");
    assert_eq!(removed(&desk), [over[1].clone()]);
    assert!(path.exists());
}

#[test]
fn one_that_simply_vanished_is_missed() {
    let (desk, over) = three();
    desk.do_it(&["audit", "ledger"]).ended(0);
    fs::remove_dir_all(desk.store().join("runs").join(&over[0])).unwrap();
    desk.do_it(&["audit", "ledger"]).ended(13).shows(&over[0]);
    desk.do_it(&["gc", "--older-than", "0s"]).ended(0);
    desk.do_it(&["audit", "ledger"]).ended(13).shows(&over[0]);
}

#[test]
fn nothing_goes_unasked() {
    let (desk, _) = three();
    desk.do_it(&["gc"]).ended(2).complains("--older-than");
    desk.do_it(&["gc", "--older-than", "soon"]).ended(2);
    desk.do_it(&["gc", "--keep-bytes", "-1"]).ended(2);
    assert_eq!(desk.runs().len(), 3);
}

#[test]
fn a_run_that_the_ledger_does_not_know_is_named() {
    let desk = Desk::with_runbook("steps:\n  a: { verify: A, run: 'true' }\n");
    desk.run("try", &[]).ended(0);
    desk.do_it(&["audit", "ledger"]).ended(0);
    // Its end cut off the ledger is whole all the same: only the store tells.
    fs::write(desk.store().join("ledger.jsonl"), "").unwrap();
    let run = desk.runs()[0].file_name().unwrap().to_str().unwrap().to_owned();
    let said = desk.do_it(&["audit", "ledger"]).ended(13).shows(&run).shows("the ledger has no line of it");
    assert!(!said.out.contains("vanished"), "{}", said.out);
    let told: Value = serde_json::from_str(&desk.do_it(&["audit", "ledger", "--json"]).ended(13).out).unwrap();
    assert_eq!((&told["unknown"][0], &told["exit_code"]), (&run.as_str().into(), &13.into()));
}
