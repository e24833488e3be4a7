//! The engine is killed while something runs there: its end is read from there, and it is not done again.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use runbook_tests::far::Far;
use runbook_tests::until::{SOON, lines_in, until};
use rustix::process::{Pid, Signal, kill_process};

/// A pipe where a step waits until it is let on.
pub(crate) fn gate(work: &Path) {
    assert!(Command::new("mkfifo").arg(work.join("go")).status().unwrap().success());
}

/// Lets it on, once it is there.
#[track_caller]
pub(crate) fn open_gate(work: &Path) {
    let path = work.join("go");
    // Opening waits for a reader; a test that fails must not.
    let writer = std::thread::spawn(move || OpenOptions::new().write(true).open(path).unwrap().write_all(b"").unwrap());
    let begun = std::time::Instant::now();
    while !writer.is_finished() {
        assert!(begun.elapsed() < SOON, "nothing is at the gate");
        std::thread::park_timeout(std::time::Duration::from_millis(5));
    }
}

/// An act there that says that it began, waits at the gate, and says that it ended.
pub(crate) fn held(keys: &str) -> Far {
    let far = Far::one();
    far.write(&format!(
        "
steps:
  held:
    act: It is held up
    on: web1
    script: |
      echo began | tee -a $WORK/count
      cat $WORK/go
      echo ended | tee -a $WORK/count
    {keys}
  after: {{ act: Go on, script: 'echo after >> $WORK/count', idempotent: true }}
"
    ));
    gate(far.desk.work());
    far
}

fn supervisor(far: &Far) -> Pid {
    let story = far.desk.story();
    let pid = story.last("step.spawned", Some("held"), "pid").unwrap().as_i64().unwrap();
    Pid::from_raw(i32::try_from(pid).unwrap()).unwrap()
}

#[test]
fn the_engine_alone_is_killed_and_its_supervisor_is_waited_for() {
    let far = held("");
    let run = far.start(&["run", "try"]);
    lines_in(&far.desk.work().join("count"));
    run.signal(Signal::KILL);
    assert_eq!(run.process_end(), 128 + 9);
    let mut resumed = far.start(&["resume"]);
    resumed.until("attaches");
    open_gate(far.desk.work());
    resumed.end().ended(0).shows("resolved");
    assert_eq!(far.desk.read("count"), "began\nended\nafter\n");
    far.nothing_left();
}

/// Kills engine and supervisor while the act is at the gate.
fn both_killed(far: &Far) {
    let run = far.start(&["run", "try"]);
    lines_in(&far.desk.work().join("count"));
    let supervisor = supervisor(far);
    run.signal(Signal::KILL);
    assert_eq!(run.process_end(), 128 + 9);
    kill_process(supervisor, Signal::KILL).unwrap();
}

#[test]
fn the_supervisor_alone_is_killed_and_the_engine_looks_there() {
    let far = held("");
    let run = far.start(&["run", "try"]);
    lines_in(&far.desk.work().join("count"));
    let made = far.host(1).wire().made();
    kill_process(supervisor(&far), Signal::KILL).unwrap();
    open_gate(far.desk.work());
    run.end().ended(0).shows("resolved");
    assert_eq!(far.desk.read("count"), "began\nended\nafter\n");
    let story = far.desk.story();
    assert_eq!((story.of("doubt.opened", None).count(), story.of("step.intent", Some("held")).count()), (0, 1));
    assert!(far.host(1).wire().made() > made, "nobody looked there");
    far.nothing_left();
    far.do_it(&["audit", "verify", "latest"]).ended(0);
}

#[test]
fn engine_and_supervisor_are_killed_and_the_far_side_is_looked_at() {
    let far = held("");
    both_killed(&far);
    let resumed = far.start(&["resume"]);
    // It runs on meanwhile.
    open_gate(far.desk.work());
    resumed.end().ended(0).shows("resolved");
    assert_eq!(far.desk.read("count"), "began\nended\nafter\n");
    let story = far.desk.story();
    assert_eq!(story.of("doubt.opened", None).count(), 0);
    assert_eq!(story.of("step.output", Some("held")).next().unwrap()["d"]["head"], "began\nended\n");
    far.nothing_left();
    far.do_it(&["audit", "verify", "latest"]).ended(0);
}

#[test]
fn what_ended_there_meanwhile_is_taken_in() {
    let far = held("");
    both_killed(&far);
    open_gate(far.desk.work());
    until(|| {
        let kept = far.host(1).kept();
        if kept.iter().any(|one| one.join("end").exists()) { Ok(()) } else { Err(format!("{kept:?}")) }
    });
    far.do_it(&["resume"]).ended(0).shows("resolved");
    assert_eq!(far.desk.read("count"), "began\nended\nafter\n");
    far.nothing_left();
}

#[test]
fn what_watched_over_it_there_is_killed_too_and_nobody_knows() {
    let far = held("");
    both_killed(&far);
    let keeper = std::fs::read_to_string(far.host(1).kept()[0].join("keeper")).unwrap();
    let keeper = keeper.split(' ').next().and_then(|pid| Pid::from_raw(pid.parse().ok()?)).unwrap();
    kill_process(keeper, Signal::KILL).unwrap();
    far.do_it(&["resume"]).ended(5);
    let story = far.desk.story();
    let why = story.last("doubt.opened", Some("held"), "why").unwrap().to_string();
    assert!(why.contains("on web1 is not known: what watched over it there was ended"), "{why}");
    open_gate(far.desk.work());
    until(|| if far.desk.count("count") == 2 { Ok(()) } else { Err(far.desk.read("count")) });
    far.do_it(&["settle", "latest", "held", "--done", "--reason", "the file says so"]).ended(0).shows("resolved");
    assert_eq!(far.desk.read("count"), "began\nended\nafter\n");
}

#[test]
fn a_cancel_ends_it_there_by_the_ladder() {
    let far = held("timeout: 5m");
    let mut run = far.start(&["run", "try"]);
    lines_in(&far.desk.work().join("count"));
    run.signal(Signal::INT);
    run.until("Cancelled by");
    run.signal(Signal::INT);
    let said = run.end();
    assert!(matches!(said.code, 4 | 5), "{said:?}");
    let story = far.desk.story();
    assert_eq!(story.last("step.ended", Some("held"), "end").unwrap(), "stopped");
    assert_eq!(far.desk.read("count"), "began\n");
    far.nothing_left();
}
