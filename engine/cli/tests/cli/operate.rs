//! Runs without a terminal: how they end, and how they go on.

use crate::desk::Desk;

const APPROVED: &str = "steps:
  stop:
    act: Stop it
    run: touch stopped
    idempotent: true
    approve: operator
    denied: tell
  tell:
    escalate: Somebody should know
    to: ops
";

/// The commands that a run which waits names.
fn commands(out: &str) -> Vec<&str> {
    out.lines().map(str::trim).filter(|line| line.contains("runbook ") && line.starts_with('/')).collect()
}

#[test]
fn each_end_has_its_code() {
    let run = |rest: &str| Desk::with(rest).call(&["run", "x"]);
    let quiet = "fallback: tell\n";
    let tell = "  tell:\n    escalate: Take it\n    to: ops\n";
    let looks = |command: &str| format!("steps:\n  look:\n    verify: It looks\n    run: {command}\n");
    assert!(run(&looks("\"true\"")).ends(0).out().contains("\nresolved in "));
    assert!(run(&(looks("\"false\"") + tell + quiet)).ends(1).out().contains("\nfailed in "));
    let handed = looks("\"false\"") + tell + "    handover: true\n" + quiet;
    assert!(run(&handed).ends(3).out().contains("\nescalated in "));
    run("steps: {}\n").ends(2);
    Desk::with(&looks("\"true\"")).call(&["run", "y"]).ends(2);
    Desk::with(&looks("\"true\"")).call(&["run", "x", "-p", "a=b"]).ends(2);
    Desk::with(&looks("\"true\"")).call(&["approve"]).ends(2);
}

#[test]
fn a_run_that_waits_names_the_commands_and_they_work_as_pasted() {
    let desk = Desk::with(APPROVED);
    let waiting = desk.call(&["run", "x", "--store", "a store"]).ends(75);
    let out = waiting.out();
    let approve = commands(&out).into_iter().find(|line| line.contains(" approve ")).unwrap();
    assert!(!desk.path().join("stopped").exists());
    let done = desk.paste(approve).ends(0);
    assert!(done.out().contains("so it goes on here"), "{}", done.out());
    assert!(desk.path().join("stopped").exists());
    // Said twice it is one, also when the run is over.
    let again = desk.paste(approve).ends(0);
    assert!(again.out().contains("this says the same, and counts once"), "{}", again.out());
}

#[test]
fn a_denial_needs_a_reason_and_starts_nothing() {
    let desk = Desk::with(APPROVED);
    desk.call(&["run", "x"]).ends(75);
    desk.call(&["deny"]).ends(2);
    desk.call(&["deny", "--reason", " "]).ends(2);
    let denied = desk.call(&["deny", "stop", "--reason", "not today"]).ends(4);
    assert!(denied.out().contains("because not today"), "{}", denied.out());
    assert!(!desk.path().join("stopped").exists());
    assert!(desk.read("told").contains("Somebody should know"));
}

#[test]
fn what_waits_is_named_where_a_verb_fits_nothing() {
    let desk = Desk::with(APPROVED);
    desk.call(&["run", "x"]).ends(75);
    let wrong = desk.call(&["ack"]).ends(2);
    assert!(wrong.err().contains("nothing waits for an acknowledgement"), "{}", wrong.err());
    assert!(wrong.err().contains(" stop`"), "{}", wrong.err());
    desk.call(&["run", "x"]).ends(75);
    let several = desk.call(&["approve", "stop"]).ends(2);
    assert!(several.err().contains("2 things wait for that"), "{}", several.err());
    desk.call(&["approve", "latest"]).ends(0);
}

#[test]
fn questions_are_answered_by_a_verb() {
    let desk = Desk::with(
        "steps:
  paid:
    verify: Is it paid?
    ask: Is it paid?
    collect: { sum: { type: integer } }
  enough:
    verify: It is enough
    expect: steps.paid.outputs.sum > 5
  what:
    decide: What now?
    ask: What now?
    choices: { ship it: ship, wait: done }
  ship:
    act: Ship it
    instruct: Ship it
",
    );
    desk.call(&["run", "x"]).ends(75);
    let refused = desk.call(&["answer", "yes", "--field", "sum=much", "--no-resume"]).ends(0);
    assert!(refused.out().contains("takes it when it goes on"), "{}", refused.out());
    let resumed = desk.call(&["resume"]).ends(75);
    assert!(resumed.out().contains("was refused: sum wants an integer"), "{}", resumed.out());
    desk.call(&["answer", "yes", "--field", "sum=7"]).ends(75);
    desk.call(&["answer", "what", "ship"]).ends(2);
    desk.call(&["answer", "what", "ship it"]).ends(75);
    let done = desk.call(&["answer", "could", "not"]).ends(1);
    assert!(done.out().contains("could not be done by hand"), "{}", done.out());
}

#[test]
fn a_dry_run_starts_nothing_and_shows_both_sides_of_a_fork() {
    let desk = Desk::with(
        "steps:
  look:
    verify: It looks
    run: touch looked
    outputs: { seen: stdout }
  which:
    decide: Which way?
    cases: [{ when: steps.look.failed, then: stop, because: it is gone }]
    otherwise: ask
  stop:
    act: Stop it
    run: touch stopped {{ steps.look.outputs.seen }}
    idempotent: true
    approve: operator
  done_by_hand:
    act: Clean up
    instruct: Clean up
  ask:
    verify: A person looks
    ask: Does it work?
  tell:
    escalate: It is over
    to: ops
    needs: [done_by_hand, ask]
",
    );
    let out = desk.call(&["run", "x", "--dry-run"]).ends(0).out();
    for words in ["would run  $ touch looked", "when steps.look.failed → stop, because it is gone", "otherwise → ask"]
    {
        assert!(out.contains(words), "{words}: {out}");
    }
    for words in [
        "would ask to do by hand  Clean up",
        "would ask  Does it work?",
        "would tell  ops",
        "cannot be known until look",
    ] {
        assert!(out.contains(words), "{words}: {out}");
    }
    for file in ["looked", "stopped", "told"] {
        assert!(!desk.path().join(file).exists(), "{file}");
    }
    let resumed = desk.call(&["resume", "latest"]);
    assert_eq!(resumed.code(), 2, "{}", resumed.out());
}

#[test]
fn what_a_program_prints_does_nothing_to_a_screen() {
    let desk = Desk::with(
        "steps:
  look:
    verify: It looks
    script: printf '\\033[2J\\033]0;evil\\007\\302\\233x\\342\\200\\256'; exit 1
",
    );
    let out = desk.call(&["run", "x"]).ends(1).out();
    assert!(out.contains("␛[2J␛]0;evil␇\\u{9b}x\\u{202e}"), "{out}");
    assert!(!out.contains(['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}']), "{out:?}");
}

#[test]
fn runs_and_show_and_log_and_verify_tell_of_it() {
    let desk = Desk::with(APPROVED);
    assert_eq!(desk.call(&["runs"]).ends(0).out(), "there is no run yet\n");
    desk.call(&["run", "x"]).ends(75);
    assert!(desk.call(&["runs", "--waiting"]).ends(0).out().contains("approve stop: waits for "));
    desk.call(&["audit", "verify"]).ends(10);
    desk.call(&["approve"]).ends(0);
    assert!(desk.call(&["runs"]).ends(0).out().contains("resolved"));
    assert!(desk.call(&["show", "latest"]).ends(0).out().contains("stop: approved by "));
    assert!(desk.call(&["log"]).ends(0).out().contains("**Stop it**"));
    assert!(desk.call(&["audit", "verify"]).ends(0).out().contains("sealed"));
    assert!(desk.call(&["run", "x"]).ends(75).out().contains("\nlast run today "));
}
