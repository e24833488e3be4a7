//! The table of exit codes, each row by a run that ends so.

use runbook_tests::desk::Desk;

/// Exit code, outcome, and the keys of a runbook that ends so where nobody sits.
const TABLE: &[(i32, &str, &str)] = &[
    (0, "resolved", "steps:\n  look: { verify: It works, run: 'true' }\n"),
    (1, "failed", "steps:\n  look: { verify: It works, run: 'false' }\n"),
    (
        1,
        "failed",
        "steps:\n  what: { decide: What now?, cases: [{ when: 'true', then: failed, because: it is so }], otherwise: done }\n",
    ),
    (3, "escalated", "steps:\n  tell: { escalate: It is yours, to: ops, handover: true }\n"),
    (
        3,
        "escalated",
        "steps:\n  look: { verify: It works, run: 'false', on_fail: tell }\n  tell: { escalate: It is yours, to: ops, handover: true }\n",
    ),
    (4, "cancelled", "timeout: 1s\nsteps:\n  pause: { act: Wait, wait: 1h }\n"),
    (5, "(not sealed)", "steps:\n  change: { act: Change it, script: 'kill -9 $$' }\n"),
    (75, "(not sealed)", "steps:\n  ok: { verify: Is it?, ask: Is it? }\n"),
];

#[test]
fn each_end_has_its_code() {
    for (code, outcome, keys) in TABLE {
        let desk = Desk::with_runbook(keys);
        let said = desk.do_it(&["run", "try"]);
        assert_eq!((said.code, desk.story().outcome()), (*code, *outcome), "{keys}\n{}\n{}", said.out, said.err);
        let verified = if *outcome == "(not sealed)" { 10 } else { 0 };
        desk.do_it(&["audit", "verify", "latest"]).ended(verified);
    }
}

#[test]
fn the_table_of_the_manual_is_the_one_of_the_program() {
    let readme = std::fs::read_to_string(runbook_tests::binary::repository().join("README.md")).unwrap();
    for (code, ..) in TABLE.iter().chain(&[(2, "", ""), (6, "", ""), (7, "", ""), (70, "", "")]) {
        assert!(readme.contains(&format!("| {code} |")), "README does not say what {code} means");
    }
}

#[test]
fn a_lock_that_another_run_holds_is_7() {
    let desk = Desk::with_runbook("lock: one\nsteps:\n  ok: { verify: Is it?, ask: Is it? }\n");
    desk.do_it(&["run", "try"]).ended(75);
    let runs = desk.runs();
    let first = runs[0].file_name().unwrap().to_str().unwrap();
    desk.do_it(&["run", "try"]).ended(7).complains(first).complains("\"one\"");
    // A dry run changes nothing, so it needs no lock.
    desk.do_it(&["run", "try", "--dry-run"]).ended(0);
    desk.do_it(&["cancel", first]).ended(4);
    desk.do_it(&["run", "try"]).ended(75);
}

#[test]
fn what_was_typed_wrong_is_2() {
    let desk = Desk::with_runbook("steps:\n  look: { verify: It works, run: 'true' }\n");
    for words in [
        &["run"][..],
        &["run", "tri"],
        &["run", "try", "--nonsense"],
        &["run", "try", "--probe"],
        &["run", "try", "-p", "novalue"],
        &["explain", "RB9999"],
        &["graph", "nothing"],
        &["log", "latest"],
        &["audit", "verify", "20200101"],
        &["dance"],
    ] {
        let said = desk.do_it(words).ended(2);
        assert!(!said.err.trim().is_empty(), "{words:?} is refused without a word");
        assert!(!said.err.contains("panicked"), "{words:?}: {}", said.err);
    }
    assert_eq!(desk.runs().len(), 0);
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let desk = Desk::with("runbooks");
    let program = runbook_tests::binary::runbook().unwrap();
    let line = format!("{} schema | head -c 1 >/dev/null; echo ${{PIPESTATUS[0]}}", program.display());
    let mut command = std::process::Command::new("bash");
    command.args(["-c", &line]).env("RUNBOOK_DIR", desk.runbooks());
    let said = runbook_tests::run::Started::from(command).end();
    assert_eq!((said.out.trim(), said.err.as_str()), ("0", ""));
}

/// The program where standard output is a disk that is full.
fn on_a_full_disk(desk: &Desk, words: &[&str]) -> runbook_tests::run::Said {
    let asked = desk.command(words);
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "exec \"$0\" \"$@\" > /dev/full"]).arg(asked.get_program()).args(asked.get_args());
    command.env("RUNBOOK_DIR", desk.runbooks()).env("RUNBOOK_STORE", desk.store()).env("TERM", "dumb");
    command.stdin(std::process::Stdio::null());
    runbook_tests::run::Started::from(command).end()
}

#[test]
fn what_cannot_be_printed_is_2_where_nothing_was_started_and_else_hides_no_exit_code() {
    const WHY: &str = "standard output cannot be written";
    let desk = Desk::with_runbook("steps:\n  a: { act: A, run: touch $WORK/a, approve: operator }\n");
    for words in [&["list"][..], &["check"], &["show", "try"], &["graph", "try"], &["run", "try"]] {
        on_a_full_disk(&desk, words).ended(2).complains(WHY);
    }
    assert_eq!(desk.runs().len(), 0, "what says that nothing was started has started nothing");
    // Before its first line there is nothing to print, so it starts; its end counts, whoever hears of it.
    on_a_full_disk(&desk, &["run", "try", "--json"]).ended(75).complains(WHY);
    on_a_full_disk(&desk, &["approve", "latest", "a"]).ended(0).complains(WHY);
    assert!(desk.work().join("a").exists(), "it was handed in");
    assert_eq!(desk.story().outcome(), "resolved");
    on_a_full_disk(&desk, &["log", "latest"]).ended(2).complains(WHY);
}
