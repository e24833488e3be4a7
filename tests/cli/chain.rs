//! A run's transcript, checked with `jq` and `sha256sum` alone, word for word as `engine/transcript/FORMAT.md` shows.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use runbook_tests::binary::repository;
use runbook_tests::desk::Desk;
use runbook_tests::run::{Said, Started};

/// A run with outputs, a secret-free environment, a note and text that is no ASCII.
const KEYS: &str = "
steps:
  look: { verify: 'Is it thère?', run: 'printf \"%s\" é–ü', outputs: { what: stdout } }
  change: { act: Change it, run: 'touch $WORK/changed', approve: operator, idempotent: true }
  tell: { escalate: It was changed, to: ops, message: 'it is {{ steps.look.outputs.what }}' }
";

/// A desk with one run that is resolved, and the folder of that run.
fn run() -> (Desk, PathBuf) {
    let desk = Desk::with_runbook(KEYS);
    desk.do_it(&["run", "try", "--yes"]).ended(0);
    let folder = desk.runs().pop().unwrap();
    (desk, folder)
}

/// The commands of the manual, as they stand there.
fn by_hand() -> String {
    let manual = fs::read_to_string(repository().join("engine/transcript/FORMAT.md")).unwrap();
    let (_, after) = manual.split_once("## Check it by hand").unwrap();
    let (_, commands) = after.split_once("```bash\n").unwrap();
    commands.split_once("```").unwrap().0.to_owned()
}

/// Runs them one by one in the folder of a run; gives how each ended.
fn check(folder: &Path) -> Vec<Said> {
    runbook_tests::programs::ready();
    let commands = by_hand();
    let (first, checks) = commands.split_once('\n').unwrap();
    let said = |check: &str| {
        let mut command = Command::new("bash");
        command.args(["-o", "pipefail", "-c", &format!("{first}\n{check}")]).current_dir(folder).stdin(Stdio::null());
        Started::from(command).end()
    };
    let all: Vec<Said> = checks.lines().map(said).collect();
    assert_eq!(all.len(), 3, "{commands}");
    all
}

/// Which of the checks find something: the chain, the encoding, the blobs.
fn found(folder: &Path) -> [bool; 3] {
    let said = check(folder);
    [0, 1, 2].map(|at| said[at].code != 0)
}

fn change(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from:?} is not in {text}");
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn a_run_is_sound_to_jq_and_sha256sum() {
    let (desk, folder) = run();
    for said in check(&folder) {
        assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (0, "", ""));
    }
    desk.do_it(&["audit", "verify", "latest"]).ended(0).shows("sealed");
}

#[test]
fn a_changed_byte_is_found_by_hand_and_by_audit_verify() {
    let (desk, folder) = run();
    change(&folder.join("transcript.jsonl"), "\"kind\":\"step.intent\"", "\"kind\":\"step.Intent\"");
    assert_eq!(found(&folder), [true, false, false]);
    desk.do_it(&["audit", "verify", "latest"]).ended(14).shows("broken at entry");
}

#[test]
fn a_line_written_another_way_is_found_by_its_encoding() {
    let (desk, folder) = run();
    change(&folder.join("transcript.jsonl"), "{\"actor\":", "{ \"actor\":");
    let [chain, encoding, blobs] = found(&folder);
    assert!(chain && encoding && !blobs);
    desk.do_it(&["audit", "verify", "latest"]).ended(14);
}

#[test]
fn a_changed_output_is_found_by_its_name() {
    let (desk, folder) = run();
    let output = fs::read_dir(folder.join("blobs")).unwrap().map(|entry| entry.unwrap().path());
    let output = output.into_iter().find(|path| fs::read_to_string(path).is_ok_and(|text| text == "é–ü")).unwrap();
    change(&output, "é", "e");
    assert_eq!(found(&folder), [false, false, true]);
    desk.do_it(&["audit", "verify", "latest"]).ended(14);
}

#[test]
fn an_entry_taken_out_is_found() {
    let (desk, folder) = run();
    let path = folder.join("transcript.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let line = text.lines().find(|line| line.contains("\"approval.granted\"")).unwrap();
    change(&path, &format!("{line}\n"), "");
    assert_eq!(found(&folder), [true, false, false]);
    desk.do_it(&["audit", "verify", "latest"]).ended(14);
}

#[test]
fn an_end_that_was_cut_off_is_found_by_the_ledger() {
    let (desk, folder) = run();
    let path = folder.join("transcript.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let seal = text.lines().next_back().unwrap();
    change(&path, &format!("{seal}\n"), "");
    // The chain alone does not show it.
    assert_eq!(found(&folder), [false, false, false]);
    desk.do_it(&["audit", "verify", "latest"]).ended(13);
}

#[test]
fn a_run_that_waits_is_intact_and_unsealed() {
    let desk = Desk::with_runbook(KEYS);
    desk.do_it(&["run", "try"]).ended(75);
    desk.do_it(&["audit", "verify", "latest"]).ended(10);
}
