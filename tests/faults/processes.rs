//! Acts that will not end, get away, or say too much, while their engine lives, is stopped, or is dead.

use std::fs;

use runbook_tests::desk::Desk;
use runbook_tests::processes::{marked, none_marked};
use runbook_tests::run::Started;
use runbook_tests::story::Story;
use runbook_tests::until::{lines_in, until};
use rustix::fs::{CWD, FileType, Mode};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// One act of this script, with these keys, and an act after it.
fn desk(script: &str, keys: &str) -> Desk {
    let mut indented = String::new();
    for line in script.lines() {
        indented.push_str("\n      ");
        indented.push_str(line);
    }
    let desk = Desk::with_runbook(&format!(
        "
steps:
  hard:
    act: It is hard to end
    script: |{indented}
    env: {{ WORK: $WORK, RUNBOOK_TEST_MARK: $WORK }}
    grace: 300ms
    {keys}
  after: {{ act: Go on, script: 'echo after >> \"$WORK/count\"', env: {{ WORK: $WORK }} }}
"
    ));
    rustix::fs::mknodat(CWD, desk.work().join("go"), FileType::Fifo, Mode::from(0o600), 0).unwrap();
    desk
}

fn mark(desk: &Desk) -> String {
    format!("RUNBOOK_TEST_MARK={}", desk.work().display())
}

fn open_gate(desk: &Desk) {
    fs::write(desk.work().join("go"), "").unwrap();
}

fn ended(story: &Story) -> Value {
    story.of("step.ended", Some("hard")).next_back().unwrap().get("d").unwrap().clone()
}

fn end(story: &Story) -> String {
    ended(story).get("end").unwrap().as_str().unwrap().to_owned()
}

fn survivors(story: &Story) -> Vec<String> {
    let ended = ended(story);
    let named = ended.get("survivors").and_then(Value::as_array).cloned().unwrap_or_default();
    named.iter().map(|one| one.as_str().unwrap().to_owned()).collect()
}

fn supervisor(desk: &Desk) -> Pid {
    let story = desk.story();
    let pid = story.last("step.spawned", Some("hard"), "pid").unwrap().as_i64().unwrap();
    Pid::from_raw(i32::try_from(pid).unwrap()).unwrap()
}

fn kill(run: Started) {
    run.signal(Signal::KILL);
    assert_eq!(run.process_end(), 128 + 9);
}

/// Ends what a test let get away, by the numbers that the record gives.
fn end_survivors(story: &Story) {
    for one in survivors(story) {
        let pid = one.split(' ').next().unwrap().parse().unwrap();
        // It may have ended since.
        let _gone = kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL);
    }
}

#[test]
fn a_daemon_that_an_act_started_lives_on_and_is_named() {
    // Twice forked, in a session of its own, deaf to a terminal's end: as daemons are.
    let desk = desk("(setsid nohup sleep 600 </dev/null >/dev/null 2>&1 &)\necho done >> \"$WORK/count\"", "");
    desk.run("try", &[]).ended(0);
    let story = desk.story();
    let named = survivors(&story);
    let left = marked(&mark(&desk));
    assert_eq!((named.len(), left.len()), (1, 1), "{named:?} {left:?}");
    let (named, left) = (named.concat(), left.concat());
    assert!(left.starts_with(&format!("{} ", named.split(' ').next().unwrap())), "{named:?} {left:?}");
    assert!(named.contains("sleep 600"), "{named:?}");
    end_survivors(&story);
    none_marked(&mark(&desk));
}

#[test]
fn nothing_gets_away_from_an_act_that_is_ended_by_force() {
    // Generations that fork twice, lead sessions of their own, are deaf to TERM, and one that holds the output.
    let desk = desk(
        "trap '' TERM
for n in 1 2 3 4 5; do
  (setsid sh -c 'trap \"\" TERM HUP; setsid sh -c \"trap \\\"\\\" TERM; sleep 600\" & sleep 600' </dev/null >/dev/null 2>&1 &)
done
(setsid sleep 600 &)
echo began >> \"$WORK/count\"
sleep 600",
        "timeout: 2s",
    );
    desk.run("try", &[]).ended(5);
    none_marked(&mark(&desk));
    let story = desk.story();
    assert_eq!((end(&story).as_str(), survivors(&story)), ("timed_out", Vec::new()));
    assert_eq!(desk.read("count"), "began\n", "nothing after it starts before somebody says how it ended");
}

#[test]
fn a_bounded_fork_bomb_is_ended_whole() {
    let desk = desk(
        "bomb() { if [ \"$1\" -gt 0 ]; then (bomb $(($1 - 1)) &) ; setsid sh -c 'sleep 600' </dev/null >/dev/null 2>&1 & bomb $(($1 - 1)); fi; }
bomb 6
echo began >> \"$WORK/count\"
sleep 600",
        "timeout: 3s",
    );
    desk.run("try", &[]).ended(5);
    none_marked(&mark(&desk));
    assert_eq!(survivors(&desk.story()), Vec::<String>::new());
}

#[test]
fn one_that_holds_the_output_does_not_hold_up_the_run() {
    let desk = desk("(setsid sleep 600 &)\necho done >> \"$WORK/count\"\necho said", "");
    desk.run("try", &[]).ended(0);
    let story = desk.story();
    assert_eq!(survivors(&story).len(), 1);
    assert_eq!(story.last("step.output", Some("hard"), "head").unwrap(), "said\n");
    assert_eq!(desk.read("count"), "done\nafter\n");
    end_survivors(&story);
    none_marked(&mark(&desk));
}

#[test]
fn an_act_does_not_wait_for_an_engine_that_is_stopped() {
    let desk = desk(
        "echo began >> \"$WORK/count\"\ncat \"$WORK/go\"\nhead -c 100000000 /dev/zero\necho ended >> \"$WORK/count\"",
        "",
    );
    let run = desk.start_run("try", &[]);
    lines_in(&desk.work().join("count"));
    run.signal(Signal::STOP);
    open_gate(&desk);
    // It prints all of it, and ends, while nobody listens.
    none_marked(&mark(&desk));
    assert_eq!(desk.read("count"), "began\nended\n");
    run.signal(Signal::CONT);
    run.end().ended(0);
    let story = desk.story();
    assert_eq!(story.last("step.output", Some("hard"), "bytes").unwrap(), 100_000_000);
    assert_eq!(story.last("step.output", Some("hard"), "kept").unwrap(), 100_000_000);
    assert_eq!(desk.read("count"), "began\nended\nafter\n");
    desk.do_it(&["audit", "verify", "latest"]).ended(0);
}

#[test]
fn memory_is_flat_however_much_an_act_prints() {
    let desk = desk("head -c 1000000000 /dev/zero\necho printed >> \"$WORK/count\"\ncat \"$WORK/go\"", "");
    let run = desk.start_run("try", &[]);
    lines_in(&desk.work().join("count"));
    for pid in [supervisor(&desk), run.pid()] {
        let status = fs::read_to_string(format!("/proc/{}/status", pid.as_raw_pid())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let kib: u64 = peak.trim().strip_suffix(" kB").unwrap().trim().parse().unwrap();
        assert!(kib < 60 << 10, "process {} held {kib} KiB", pid.as_raw_pid());
    }
    open_gate(&desk);
    run.end().ended(0);
    let story = desk.story();
    assert_eq!(story.last("step.output", Some("hard"), "bytes").unwrap(), 1_000_000_000);
    // What is kept has an end.
    assert_eq!(story.last("step.output", Some("hard"), "kept").unwrap(), 256 << 20);
}

#[test]
fn its_time_runs_out_though_its_engine_is_dead() {
    let desk = desk("echo began >> \"$WORK/count\"\nsleep 600", "timeout: 3s");
    let run = desk.start_run("try", &[]);
    lines_in(&desk.work().join("count"));
    kill(run);
    none_marked(&mark(&desk));
    // As its engine would have said: how much of it was done is not known.
    desk.do_it(&["resume"]).ended(5).shows("in doubt");
    assert_eq!(end(&desk.story()), "timed_out");
    assert_eq!(desk.read("count"), "began\n");
}

#[test]
fn signals_of_a_terminal_do_not_end_a_supervisor() {
    let desk = desk("echo began >> \"$WORK/count\"\ncat \"$WORK/go\"\necho ended >> \"$WORK/count\"", "");
    let run = desk.start_run("try", &[]);
    lines_in(&desk.work().join("count"));
    let supervisor = supervisor(&desk);
    for signal in [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TSTP, Signal::PIPE] {
        kill_process(supervisor, signal).unwrap();
    }
    open_gate(&desk);
    run.end().ended(0);
    assert_eq!(desk.read("count"), "began\nended\nafter\n");
    // Nor does what it heard reach the act as something to be ignored.
    let ignores = Desk::with_runbook(
        "steps:\n  look: { act: Look, script: 'grep SigIgn /proc/self/status', expect: \"stdout.matches('0{7}[01][08]0{7}$')\" }\n",
    );
    // Bit 32 is a signal of the C library's own, which its posix_spawn leaves so in every child.
    ignores.run("try", &[]).ended(0);
}

#[test]
fn a_secret_stands_in_no_words_no_environment_and_no_file() {
    let secret = "correct-horse-battery";
    let desk = Desk::with_runbook(
        "
secrets: { KEY: { env: THE_KEY } }
steps:
  hard:
    act: Use it
    script: |
      echo \"it is $KEY\"
      echo began >> \"$WORK/count\"
      cat \"$WORK/go\"
    env: { WORK: $WORK, KEY: '{{ secrets.KEY }}' }
",
    );
    rustix::fs::mknodat(CWD, desk.work().join("go"), FileType::Fifo, Mode::from(0o600), 0).unwrap();
    let mut command = desk.command(&["run", "try"]);
    command.env("THE_KEY", secret);
    let run = Started::from(command);
    lines_in(&desk.work().join("count"));
    let supervisor = supervisor(&desk).as_raw_pid();
    for file in ["cmdline", "environ"] {
        let text = fs::read(format!("/proc/{supervisor}/{file}")).unwrap();
        assert!(!String::from_utf8_lossy(&text).contains(secret), "it stands in the supervisor's {file}");
    }
    kill(run);
    open_gate(&desk);
    until(|| match fs::read_dir(desk.runs().pop().unwrap().join("exits")).unwrap().count() {
        0 => Err("it left no end".to_owned()),
        _ => Ok(()),
    });
    desk.do_it(&["resume"]).ended(0);
    assert_eq!(desk.story().last("step.output", Some("hard"), "head").unwrap(), "it is [secret:KEY]\n");
    let mut left = vec![desk.store()];
    let mut files = 0;
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            files += 1;
            let held = String::from_utf8_lossy(&fs::read(&path).unwrap()).contains(secret);
            assert!(!held, "it stands in {}", path.display());
        }
    }
    assert!(files > 5, "the store holds only {files} files");
}
