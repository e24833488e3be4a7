//! One process a run, one run a lock.

use runbook_tests::desk::Desk;
use runbook_tests::until::lines_in;
use rustix::process::Signal;

use crate::cancel::{gate, open_gate};

const HELD: &str = "
lock: dns
steps:
  change:
    act: Change it
    script: |
      echo began >> \"$WORK/count\"
      cat \"$WORK/go\"
    env: { WORK: $WORK }
    idempotent: true
";
const ASKS: &str = "lock: dns\nsteps:\n  ok: { verify: Is it all right?, ask: Is it? }\n";

#[test]
fn a_second_run_is_refused_with_who_has_the_lock_since_when() {
    let desk = Desk::with_runbook(HELD);
    desk.write("other", ASKS);
    gate(desk.work());
    let run = desk.start_run("try", &[]);
    lines_in(&desk.work().join("count"));
    let holder = desk.runs()[0].file_name().unwrap().to_str().unwrap().to_owned();
    let story = desk.story();
    let first = &story.entries()[0];
    let (who, since) = (first["actor"]["id"].as_str().unwrap().to_owned(), first["ts"].as_str().unwrap().to_owned());
    let since = since.split('.').next().unwrap();
    let refused = desk.do_it(&["run", "other"]).ended(7).complains("the lock \"dns\" is held by run");
    for part in [&*holder, &*who, since, "goes on", " attach "] {
        assert!(refused.err.contains(part), "{part:?} is not in:\n{}", refused.err);
    }
    // Nothing is left of the one that was refused.
    assert_eq!(desk.runs().len(), 1);
    // A dry run asks for no lock.
    desk.do_it(&["run", "other", "--dry-run"]).ended(0);
    open_gate(desk.work());
    run.end().ended(0);
    desk.do_it(&["run", "other"]).ended(75);
}

#[test]
fn one_that_waits_without_a_process_has_it_still() {
    let desk = Desk::with_runbook(ASKS);
    desk.do_it(&["run", "try"]).ended(75);
    desk.do_it(&["run", "try"]).ended(7).complains("waits for people").complains(" resume ").complains(" cancel ");
    desk.do_it(&["cancel"]).ended(4);
    desk.do_it(&["run", "try"]).ended(75);
}

#[test]
fn one_whose_process_died_between_two_steps_has_it_no_more() {
    let desk = Desk::with_runbook(&ASKS.replace("ask: Is it?", "ask: Is it?, within: 10m"));
    let mut run = desk.start_run("try", &[]);
    run.until(" answer ");
    run.signal(Signal::KILL);
    assert_eq!(run.process_end(), 128 + 9);
    let mut second = desk.start_run("try", &[]);
    second.until(" answer ");
    // Now it is the first that is refused.
    let first = desk.runs()[0].file_name().unwrap().to_str().unwrap().to_owned();
    let both = desk.runs().iter().map(|run| run.file_name().unwrap().to_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(both.len(), 2);
    let refused = both.iter().map(|run| desk.do_it(&["resume", run]).code).collect::<Vec<_>>();
    assert_eq!(refused, [7, 7], "one has the lock, the other its process; {first}");
    for run in &both {
        let _cancelled = desk.do_it(&["cancel", run]);
    }
    second.end().ended(4);
}

#[test]
fn one_whose_process_died_in_the_midst_of_a_step_has_it_still() {
    let desk = Desk::with_runbook(HELD);
    gate(desk.work());
    let run = desk.start_run("try", &[]);
    lines_in(&desk.work().join("count"));
    run.signal(Signal::KILL);
    assert_eq!(run.process_end(), 128 + 9);
    desk.do_it(&["run", "try"]).ended(7).complains("interrupted in the midst of a step").complains(" resume ");
    open_gate(desk.work());
    let _cancelled = desk.do_it(&["cancel"]);
    assert_ne!(desk.story().outcome(), "(not sealed)");
}

#[test]
fn locks_of_other_names_are_other_locks() {
    let desk = Desk::with_runbook(
        "lock: '{{ params.host }}'\nparams: { host: { type: string } }\nsteps:\n  ok: { verify: Is it?, ask: Is it? }\n",
    );
    desk.run("try", &["host=../a/b"]).ended(75);
    desk.run("try", &["host=b"]).ended(75);
    desk.run("try", &["host=../a/b"]).ended(7);
}
