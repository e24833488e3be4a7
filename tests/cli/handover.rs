//! A run changes hands: who gave it, who took it, and that it is nobody's secret in between.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;

use runbook_tests::desk::Desk;
use runbook_tests::run::{Said, Started};
use serde_json::Value;

/// An account that every machine has, and its group.
const NOBODY: (&str, u32, u32) = ("nobody", 65_534, 65_534);

const WAITS: &str = "steps:
  ok: { verify: Is it all right?, ask: Is it? }
  who: { act: Say who, run: 'echo {{ run.operator }}', outputs: { who: stdout } }
";

/// Runs the program as the other account.
fn as_nobody(desk: &Desk, words: &[&str]) -> Said {
    let mut command = desk.command(words);
    command.uid(NOBODY.1).gid(NOBODY.2).env("HOME", "/");
    Started::from(command).end()
}

/// A desk whose store two accounts share; nothing where that cannot be arranged.
#[expect(clippy::print_stderr, reason = "what could not be tried here is for who looks for it")]
fn shared() -> Option<Desk> {
    if !rustix::process::getuid().is_root() {
        eprintln!("skipped: only root can be two accounts at once");
        return None;
    }
    let desk = Desk::with_runbook(WAITS);
    let open = |path: &std::path::Path, mode: u32| {
        chown(path, None, Some(NOBODY.2)).unwrap();
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    };
    for folder in [desk.work().parent().unwrap(), desk.runbooks(), desk.work()] {
        fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
    }
    let store = desk.store();
    fs::create_dir_all(store.join("runs")).unwrap();
    fs::write(store.join("ledger.jsonl"), "").unwrap();
    open(&store.join("ledger.jsonl"), 0o660);
    open(&store, 0o2770);
    open(&store.join("runs"), 0o2770);
    Some(desk)
}

fn handover(desk: &Desk) -> Value {
    let runs: Value = serde_json::from_str(&desk.do_it(&["runs", "--json"]).ended(0).out).unwrap();
    runs["runs"][0]["handover"].clone()
}

#[test]
fn the_one_it_was_handed_to_confirms_it_and_has_it_then() {
    let Some(desk) = shared() else { return };
    desk.do_it(&["run", "try"]).ended(75);
    let account = desk.story().entries()[0]["actor"]["id"].as_str().unwrap().to_owned();
    desk.do_it(&["handover", "--to", "nobody"]).ended(0).shows("was taken in");
    desk.do_it(&["runs"]).ended(0).shows("handed over to nobody").shows("not confirmed");
    assert_eq!((handover(&desk)["by"].as_str(), handover(&desk)["to"].as_str()), (Some(&*account), Some("nobody")));
    desk.do_it(&["handover", "latest", "--accept"]).ended(2).complains("it was handed to nobody");
    as_nobody(&desk, &["handover", "--accept"]).ended(75);
    assert_eq!(handover(&desk), Value::Null);
    let story = desk.story();
    let confirmed = story.of("handover.confirmed", None).next().unwrap();
    assert_eq!((&confirmed["actor"]["id"], &confirmed["actor"]["uid"]), (&"nobody".into(), &NOBODY.1.into()));
    as_nobody(&desk, &["handover", "--accept"]).ended(0).shows("nobody has the run already");
    as_nobody(&desk, &["answer", "yes"]).ended(0);
    assert_eq!(desk.story().output("who", "who"), "nobody");
    desk.do_it(&["audit", "verify", "latest"]).ended(0);
}

#[test]
fn resuming_confirms_it_too() {
    let Some(desk) = shared() else { return };
    desk.do_it(&["run", "try"]).ended(75);
    desk.do_it(&["handover", "--to", "nobody"]).ended(0);
    // It is still its owner's: that somebody else goes on with it is no confirmation.
    desk.do_it(&["resume"]).ended(75);
    assert_eq!(handover(&desk)["to"], "nobody");
    as_nobody(&desk, &["resume"]).ended(75);
    assert_eq!(handover(&desk), Value::Null);
    assert_eq!(desk.story().of("handover.confirmed", None).count(), 1);
}

#[test]
fn a_living_process_lets_go_of_a_run_that_is_handed_over() {
    let desk = Desk::with_runbook("steps:\n  ok: { verify: Is it all right?, ask: Is it?, within: 10m }\n");
    let mut run = desk.start_run("try", &[]);
    run.until(" answer ");
    desk.do_it(&["handover", "--to", "oncall"]).ended(0).shows("was taken in");
    run.end().ended(75);
    desk.do_it(&["runs"]).ended(0).shows("handed over to oncall");
    // Said twice it is said once.
    desk.do_it(&["handover", "--to", "oncall"]).ended(0).shows("already");
    assert_eq!(desk.story().of("handover", None).count(), 1);
    desk.do_it(&["answer", "yes"]).ended(0);
}

#[test]
fn a_name_that_nobody_has_is_refused() {
    let desk = Desk::with_runbook(WAITS);
    desk.do_it(&["run", "try"]).ended(75);
    desk.do_it(&["handover", "--to", "oncal"]).ended(2).complains("oncal").complains("did you mean oncall?");
    desk.do_it(&["handover", "--accept"]).ended(0).shows("has the run already");
    assert_eq!(desk.story().of("handover", None).count(), 0);
}
