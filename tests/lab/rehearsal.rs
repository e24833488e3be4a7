//! The rehearsal that README begins with, as its own program: it ends by itself, whatever the person says.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use runbook_tests::binary::{repository, runbook};
use runbook_tests::run::{Said, Started};

/// The lab's program, built with these tests' profile.
fn plant_shop() -> PathBuf {
    let beside = plant_shop::lab::profile_folder().unwrap().join("plant-shop");
    // Where only tests were built, it was not.
    plant_shop::lab::cargo_build(&["plant-shop"]).unwrap();
    beside
}

fn rehearse(folder: &Path, more: &[&str]) -> Said {
    let mut command = Command::new(plant_shop());
    command.current_dir(repository()).stdin(Stdio::null()).args(["dns-failover", "--dir"]).arg(folder);
    command.arg("--runbook").arg(runbook().unwrap()).args(["-p", "recovery_time=2s"]).args(more);
    Started::from(command).end()
}

#[test]
fn a_person_who_says_no_is_asked_why_and_told_that_it_is_theirs() {
    for more in [&["--fault", "down", "--answer", "deny"][..], &["--fault", "stuck", "--deny", "force"]] {
        let folder = tempfile::tempdir().unwrap();
        let said = rehearse(folder.path(), more).ended(3);
        for text in ["not while the shop is open", "handed over", "outcome        escalated", "as it should   no"] {
            assert!(said.out.contains(text), "{more:?}: {text:?} is not in:\n{}", said.out);
        }
        let log = fs::read_to_string(folder.path().join("log.md")).unwrap();
        assert!(log.contains("not while the shop is open"), "{log}");
    }
}

#[test]
fn without_a_terminal_the_page_is_shown_as_it_stands_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let said = rehearse(folder.path(), &["--fault", "broken"]).ended(0);
    assert!(!said.out.contains('\u{1b}'), "{:?}", said.out);
    assert_eq!(said.out.matches("verify   The active server is reachable").count(), 1, "{}", said.out);
    assert!(!said.out.contains("[y/n/?"), "a prompt that was answered is left over:\n{}", said.out);
    assert_eq!(said.out.trim_end().lines().last().map(|line| line.starts_with("on-call log")), Some(true));
}
