use std::fs;
use std::path::Path;
use std::process::Command;

use crate::{Said, beside_this, plant_shop};

/// A rehearsal with a stand-in for the engine.
pub(crate) fn command(dir: &Path, fault: &str) -> Command {
    let mut command = Command::new(plant_shop());
    command.args(["dns-failover", "--fault", fault, "--dir"]).arg(dir);
    command.arg("--workspace").arg(beside_this("workspace"));
    command.arg("--runbook").arg(beside_this("stand-in.sh"));
    command
}

fn rehearse(dir: &Path, fault: &str, more: &[&str]) -> Said {
    let output = command(dir, fault).env("PLANT_SHOP_PROGRAMS", plant_shop().parent().unwrap()).args(more).output();
    let said = Said::of(&output.unwrap());
    crate::processes::assert_none_name(&dir.canonicalize().unwrap().display().to_string());
    said
}

#[test]
fn a_rehearsal_shows_the_run_asks_the_servers_and_leaves_the_evidence() {
    let dir = tempfile::tempdir().unwrap();
    let said = rehearse(dir.path(), "broken", &[]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{}", said.out);
    let folder = dir.path().canonicalize().unwrap();
    // Params the runbook has are given, those it has not are not.
    let given = format!("given: run dns-failover -p name=shop.internal -p log_dir={}/log", folder.display());
    for shown in [
        given.as_str(),
        "[y/n/?] y",
        "outcome        resolved",
        "its process is gone",
        "10.20.0.10 from dns2",
        "yes: dns2",
    ] {
        assert!(said.out.contains(shown), "{shown:?} is not in:\n{}", said.out);
    }
    assert!(!said.out.contains("recovery_time"), "{}", said.out);

    let session = fs::read_to_string(dir.path().join("session.txt")).unwrap();
    assert!(session.contains("Stop DNS on the active server dns1 [y/n/?] y\ndns1 is stopped"), "{session}");
    assert!(!session.contains('\u{1b}') && !session.contains('\r'));
    assert!(fs::read_to_string(dir.path().join("session.raw")).unwrap().contains("\u{1b}[1mStop DNS"));
    let log = fs::read_to_string(dir.path().join("log.md")).unwrap();
    assert_eq!(log, format!("# The log of the stand-in, of latest in {}\n", folder.join("store").display()));
}

#[test]
fn a_stuck_server_is_failed_over_by_force() {
    let dir = tempfile::tempdir().unwrap();
    let said = rehearse(dir.path(), "stuck", &[]);
    assert_eq!(said.code, Some(0), "{said:?}");
    for shown in ["dns1 is fenced", "its process is there", "10.20.0.10 from dns2"] {
        assert!(said.out.contains(shown), "{shown:?} is not in:\n{}", said.out);
    }
}

#[test]
fn a_failover_where_the_server_should_have_recovered_is_not_as_it_should_be() {
    let dir = tempfile::tempdir().unwrap();
    let said = rehearse(dir.path(), "recovers", &[]);
    assert_eq!(said.code, Some(1), "the stand-in says resolved, and dns2 answers: {said:?}");
    assert!(said.out.contains("no: dns1 does not answer clients"), "{}", said.out);
}

#[test]
fn a_denial_is_typed_with_its_reason_and_both_servers_stay_as_they_were() {
    for denial in [["--answer", "deny"], ["--deny", "shut_down"]] {
        let dir = tempfile::tempdir().unwrap();
        let said = rehearse(dir.path(), "broken", &[denial[0], denial[1], "--reason", "not on a Friday"]);
        assert_eq!(said.code, Some(4), "{said:?}");
        for shown in ["denied, because not on a Friday", "outcome        cancelled", "its process is there", "SERVFAIL"]
        {
            assert!(said.out.contains(shown), "{shown:?} is not in:\n{}", said.out);
        }
        assert!(!said.out.contains("its process is gone"), "{}", said.out);
    }
}

#[test]
fn a_folder_can_be_used_again_and_keeps_its_store() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let said = rehearse(dir.path(), "down", &[]);
        assert_eq!(said.code, Some(0), "{said:?}");
    }
    assert!(dir.path().join("store/runs/1/transcript.jsonl").exists());
}

#[test]
fn a_runbook_program_that_is_not_there_is_said_and_nothing_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(plant_shop());
    command.args(["dns-failover", "--runbook", "/nowhere/runbook", "--workspace"]).arg(beside_this("workspace"));
    let said = Said::of(&command.arg("--dir").arg(dir.path()).output().unwrap());
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("/nowhere/runbook"), "{}", said.err);
    assert_eq!(crate::processes::naming(&dir.path().display().to_string()), Vec::<String>::new());
}

#[test]
fn what_there_is_can_be_listed() {
    let said = Said::of(&Command::new(plant_shop()).arg("--list").output().unwrap());
    assert_eq!(said.code, Some(0));
    for name in ["dns-failover", "down", "stopped", "broken", "recovers", "stuck"] {
        assert!(said.out.contains(name), "{}", said.out);
    }
    let wrong = Said::of(&Command::new(plant_shop()).args(["dns-failover", "--fault", "moved"]).output().unwrap());
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.err.contains("down, stopped, broken, recovers, stuck"), "{}", wrong.err);
}

#[test]
fn without_a_folder_of_its_own_a_rehearsal_finds_one_beside_the_programs() {
    let folder = plant_shop().parent().unwrap().join("plant-shop-lab/down");
    let mut command = Command::new(plant_shop());
    command.args(["dns-failover", "--fault", "down", "--workspace"]).arg(beside_this("workspace"));
    let said = Said::of(&command.arg("--runbook").arg(beside_this("stand-in.sh")).output().unwrap());
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{}", said.out);
    assert!(said.out.contains(&format!("session        {}/session.txt", folder.display())), "{}", said.out);
}
