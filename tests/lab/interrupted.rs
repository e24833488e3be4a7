//! README's block of an engine that is killed and a run that goes on is what really happens.

use std::fs;
use std::process::Command;

use runbook_tests::binary::{repository, runbook};
use runbook_tests::run::Started;

/// What stands before the block.
const MARK: &str = "<!-- written by: cargo run --release -p plant-shop -- interrupted -->\n```\n";

#[test]
fn the_readme_shows_what_a_killed_engine_leaves_and_resume_does() {
    let folder = tempfile::tempdir().unwrap();
    let runbook = runbook().unwrap();
    let mut command = Command::new(runbook.with_file_name("plant-shop"));
    command.args(["interrupted", "--dir"]).arg(folder.path()).arg("--runbook").arg(&runbook);
    let said = Started::from(command).end().ended(0);

    let path = repository().join("README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let (before, after) = readme.split_once(MARK).unwrap();
    let (block, rest) = after.split_once("```\n").unwrap();
    if std::env::var_os("RUNBOOK_REGENERATE").is_some() {
        fs::write(&path, format!("{before}{MARK}{}```\n{rest}", said.out)).unwrap();
        return;
    }
    assert_eq!(block, said.out, "RUNBOOK_REGENERATE=1 writes it anew");
}
