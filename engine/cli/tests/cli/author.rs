//! Writing runbooks: begin, check, draw, explain.

use std::io::Read as _;
use std::process::Stdio;

use crate::desk::Desk;

const LOOKS: &str = "steps:\n  look:\n    verify: It looks\n    run: \"true\"\nfallback: tell\n";

#[test]
fn a_new_runbook_checks_clean_and_runs_dry() {
    let desk = Desk::with(LOOKS);
    std::fs::remove_file(desk.path().join("runbooks/x.yaml")).unwrap();
    desk.call(&["new", "disk-full", "--title", "A \"disk\": full # or so", "--owner", "ops"]).ends(0);
    let checked = desk.call(&["check", "--deny", "warnings"]).ends(0);
    assert!(checked.out().contains("no errors, no warnings"), "{}", checked.out());
    desk.call(&["run", "disk-full", "--dry-run"]).ends(0);
    desk.call(&["new", "disk-full"]).ends(2);
    desk.call(&["new", "Disk Full"]).ends(2);
}

#[test]
fn a_runbook_with_errors_is_not_run_and_every_error_is_shown() {
    let desk = Desk::with("steps:\n  look:\n    verify: It looks\n    run: touch ran\n    on_fail: gne\n    need: x\n");
    let run = desk.call(&["run", "x"]).ends(2);
    for code in ["RB0117", "RB0106"] {
        assert!(run.err().contains(code), "{code}: {}", run.err());
    }
    assert!(!desk.path().join("ran").exists() && !desk.path().join(".runbook").exists());
    let checked = desk.call(&["check"]).ends(2);
    assert!(checked.out().contains("did you mean"), "{}", checked.out());
}

#[test]
fn a_picture_names_every_step() {
    let desk = Desk::with(
        "steps:\n  look:\n    verify: It <looks> & \"sees\"\n    run: \"true\"\n  stop:\n    act: Stop it\n    run: \"true\"\n    idempotent: true\n",
    );
    for (format, words) in [("dot", "It <looks> & \\\"sees\\\""), ("mermaid", "Stop it"), ("svg", "&lt;looks")] {
        let drawn = desk.call(&["graph", "x", "--format", format]).ends(0);
        assert!(drawn.out().contains(words) && drawn.out().contains("stop"), "{}", drawn.out());
    }
}

#[test]
fn a_reader_that_has_read_enough_is_no_error() {
    let desk = Desk::with(LOOKS);
    let mut child = desk.command(&["schema"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!((child.wait().unwrap().code(), err.as_str()), (Some(0), ""));
}

#[test]
fn help_stands_in_four_groups() {
    let desk = Desk::with(LOOKS);
    let help = desk.call(&["--help"]).ends(0).out();
    let places: Vec<usize> = ["\nOperate:\n", "\nAuthor:\n", "\nAudit:\n", "\nOther:\n"]
        .iter()
        .filter_map(|group| help.find(group))
        .collect();
    assert!(places.len() == 4 && places.is_sorted(), "{help}");
    desk.call(&[]).ends(2);
    desk.call(&["frobnicate"]).ends(2);
    assert!(desk.call(&["explain", "rb0117"]).ends(0).out().starts_with("# RB0117"));
    assert!(desk.call(&["completions", "bash"]).ends(0).out().contains("complete"));
}
