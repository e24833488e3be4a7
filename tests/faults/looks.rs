//! Verify steps that will not end, get away, or say too much. A look needs no supervisor: nothing it did has to be known
//! when its engine dies. But nothing of it may be left in silence either.

use std::fs;
use std::time::Duration;

use runbook_tests::desk::Desk;
use runbook_tests::processes::{marked, none_marked};
use runbook_tests::story::Story;
use runbook_tests::until::until;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::cases::full;

/// What the engine may hold, however much is printed.
const KIB_MAX: u64 = 60 << 10;

/// A runbook with one look, and a mark in its environment that all it starts inherit.
fn desk(script: &str, keys: &str) -> Desk {
    let lines: String = script.lines().flat_map(|line| ["\n      ", line]).collect();
    Desk::with_runbook(&format!(
        "
steps:
  hard:
    verify: It is looked at
    script: |{lines}
    env: {{ WORK: $WORK, RUNBOOK_TEST_MARK: $WORK }}
    grace: 300ms
    {keys}
"
    ))
}

fn mark(desk: &Desk) -> String {
    format!("RUNBOOK_TEST_MARK={}", desk.work().display())
}

fn survivors(story: &Story) -> Vec<String> {
    let named = story.last("step.ended", Some("hard"), "survivors").and_then(Value::as_array).cloned();
    named.unwrap_or_default().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
}

/// Each process that is left is one that the record names. Ends them.
#[track_caller]
fn all_are_named(desk: &Desk) {
    let named = survivors(&desk.story());
    for left in marked(&mark(desk)) {
        let pid = left.split(' ').next().unwrap();
        let is_named = named.iter().any(|one| one.split(' ').next() == Some(pid));
        // It may have ended since.
        let _gone = kill_process(Pid::from_raw(pid.parse().unwrap()).unwrap(), Signal::KILL);
        assert!(is_named, "{left} is left, and named are only {named:?}");
    }
    none_marked(&mark(desk));
}

#[test]
fn a_daemon_that_one_leaves_is_named() {
    // Twice forked, in a session of its own, with none of the look's pipes: nothing else would tell of it.
    let desk = desk("(setsid nohup sleep 600 </dev/null >/dev/null 2>&1 &)\necho looked", "");
    desk.run("try", &[]).ended(0);
    let named = survivors(&desk.story());
    assert!(named.len() == 1 && named.concat().ends_with("sleep 600"), "{named:?}");
    all_are_named(&desk);
}

#[test]
fn one_that_swarms_is_ended_whole() {
    // Two hundred, and no more whatever happens.
    let desk = desk("n=0\nwhile [ $n -lt 200 ]; do sleep 600 & n=$((n + 1)); done\nwait", "timeout: 3s");
    desk.run("try", &[]).ended(1);
    all_are_named(&desk);
    assert_eq!(desk.story().last("step.ended", Some("hard"), "end").unwrap(), "timed_out");
}

#[test]
fn one_that_forks_twice_and_ignores_every_warning_is_ended_whole() {
    let desk = desk("trap '' TERM HUP INT\n(nohup sh -c 'sleep 600 & sleep 600' &)\nsleep 600", "timeout: 2s");
    desk.run("try", &[]).ended(1);
    all_are_named(&desk);
}

#[test]
fn one_that_reads_its_input_finds_the_end_of_it() {
    let desk = desk("cat; echo read", "timeout: 20s");
    desk.run("try", &[]).ended(0);
    assert_eq!(desk.story().last("step.output", Some("hard"), "head").unwrap(), "read\n");
}

#[test]
fn memory_is_flat_however_much_one_prints() {
    let bytes: u64 = if full() { 10_000_000_000 } else { 1_000_000_000 };
    let desk = desk(&format!("head -c {bytes} /dev/zero | tr '\\0' x"), "timeout: 10m");
    let run = desk.start_run("try", &[]);
    let status = format!("/proc/{}/status", run.pid().as_raw_pid());
    // The mark only rises: the last look before the end tells of all.
    let mut highest = 0;
    until(|| {
        let text = fs::read_to_string(&status).map_err(|error| error.to_string())?;
        let peak =
            text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.trim().parse().ok());
        // One that has ended has no memory.
        let Some(peak) = peak else { return Ok(()) };
        highest = highest.max(peak);
        std::thread::park_timeout(Duration::from_millis(2));
        Err(format!("it goes on, and has held {highest} KiB"))
    });
    run.end().ended(0);
    assert!((1..KIB_MAX).contains(&highest), "the engine held {highest} KiB");
    assert_eq!(desk.story().last("step.output", Some("hard"), "bytes").unwrap().as_u64(), Some(bytes));
}
