//! The tutorial against the files: every example is in it, checks without a word, and begins with what it is about.

use std::collections::BTreeSet;
use std::fs;

use crate::{people, roads, table};
use runbook_tests::binary::repository;
use runbook_tests::desk::Desk;

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
    let run = [table::NAMES, roads::NAMES, people::NAMES].concat();
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
