//! The tutorial against the files: every example is in it, checks without a word, and begins with what it is about.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};

use crate::{people, roads, table, ways};
use runbook_tests::binary::{repository, runbook};
use runbook_tests::desk::Desk;
use runbook_tests::run::{Said, Started};

/// The names of all examples.
fn examples() -> BTreeSet<String> {
    let folder = fs::read_dir(repository().join("examples")).unwrap();
    let names = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter_map(|name| name.strip_suffix(".yaml").map(str::to_owned)).filter(|name| name != "team").collect()
}

fn text(name: &str) -> String {
    fs::read_to_string(repository().join("examples").join(name)).unwrap()
}

#[test]
fn every_example_is_run_by_a_test() {
    let run = [table::NAMES, roads::NAMES, people::NAMES, ways::NAMES].concat();
    assert_eq!(run.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>(), examples());
}

#[test]
fn every_example_has_its_line_in_the_tutorial() {
    let tutorial = text("README.md");
    for name in examples() {
        let row = tutorial.lines().find(|line| line.starts_with(&format!("| [{name}]({name}.yaml) |")));
        assert!(row.is_some_and(|row| row.contains(&format!("`runbook run {name}"))), "{name}: {row:?}");
    }
}

#[test]
fn every_example_says_first_what_it_is_about() {
    for name in examples() {
        let text = text(&format!("{name}.yaml"));
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("# yaml-language-server: $schema=../schemas/runbook.schema.json"), "{name}");
        let about = lines.take_while(|line| line.starts_with("# ")).count();
        assert!((1..=2).contains(&about), "{name}: {about} lines say what it is about");
    }
}

#[test]
fn every_example_checks_without_a_word() {
    Desk::with("examples").do_it(&["check", "--deny", "warnings"]).ended(0);
}

/// What the program may end with where nothing is wrong with the command: resolved, failed, escalated, waiting.
const EXPECTED: [i32; 4] = [0, 1, 3, 75];

/// Examples that stay and wait for ten minutes: their commands are tried as dry runs.
const STAYING: [&str; 2] = ["ask-a-person", "escalate-with-ack"];

#[test]
fn every_command_of_the_tutorial_works_as_it_stands_there() {
    let tutorial = text("README.md");
    let setting = tutorial.lines().find(|line| line.starts_with("export ")).unwrap();
    let rows = tutorial.lines().filter(|line| line.starts_with("| ["));
    let commands =
        rows.flat_map(|row| row.split('`').skip(1).step_by(2)).filter(|code| code.starts_with("runbook run "));
    let mut count = 0;
    for command in commands {
        let dry = if STAYING.iter().any(|name| command.contains(name)) { " --dry-run" } else { "" };
        let said = follow(&format!("{setting}\n{command}{dry}"));
        assert!(EXPECTED.contains(&said.code), "{command}: {said:?}");
        count += 1;
    }
    assert_eq!(count, examples().len());
}

#[test]
fn what_the_tutorial_says_of_waiting_is_so() {
    let tutorial = text("README.md");
    let setting = tutorial.lines().find(|line| line.starts_with("export ")).unwrap();
    let lines: Vec<&str> = tutorial.lines().filter_map(|line| line.strip_prefix("$ ")).collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    follow(&format!("{setting}\n{}\ntest ! -e $D/closed\n{}\ntest -e $D/closed", lines[0], lines[1])).ended(0);
}

/// What a reader does who follows the tutorial in a shell, with nobody at a terminal.
#[track_caller]
fn follow(lines: &str) -> Said {
    let program = runbook().unwrap();
    let mut path = program.parent().unwrap().as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap());
    // The folders that `mktemp` makes are gone with this one.
    let folder = tempfile::tempdir().unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-ec", lines]).current_dir(repository()).stdin(Stdio::null());
    shell.env("PATH", path).env("TMPDIR", folder.path());
    Started::from(shell).end()
}

#[test]
fn a_dry_run_of_every_example_ends_well_and_starts_nothing() {
    for name in examples() {
        let desk = Desk::with("examples");
        let has_dir = text(&format!("{name}.yaml")).contains("\n  dir: {");
        let dir = format!("dir={}", desk.work().display());
        let mut words = vec!["run", &name, "--dry-run"];
        if has_dir {
            words.extend(["-p", &dir]);
        }
        desk.do_it(&words).ended(0);
        assert_eq!(desk.work().read_dir().unwrap().count(), 0, "{name} left something behind");
        assert_eq!(desk.story().of("step.spawned", None).count(), 0, "{name} started something");
    }
}
