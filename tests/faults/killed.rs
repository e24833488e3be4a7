//! The engine is killed at each of its writes and syncs: no act is ever done twice, and none is lost.

use std::process::{Command, Stdio};

use runbook_tests::desk::Desk;
use runbook_tests::processes::none_with_words;
use runbook_tests::run::Started;

/// Two acts and a look between them; each act leaves a line.
const KEYS: &str = "
steps:
  first: { act: Do it, script: 'echo first >> \"$WORK/count\"', env: { WORK: $WORK } }
  look: { verify: Is it done?, run: grep -q first $WORK/count }
  second: { act: Do more, script: 'echo second >> \"$WORK/count\"', env: { WORK: $WORK } }
";

/// Runs it, and kills the engine, but nothing it started, at the call with this number.
fn killed_at(desk: &Desk, call: &str, number: usize) -> i32 {
    let asked = desk.command(&["run", "try"]);
    let mut command = Command::new("strace");
    command.args(["-o", "/dev/null", "-e", &format!("trace={call}")]);
    command.args(["-e", &format!("inject={call}:signal=KILL:when={number}")]);
    command.arg(asked.get_program()).args(asked.get_args()).stdin(Stdio::null());
    command.env("RUNBOOK_DIR", desk.runbooks()).env("RUNBOOK_STORE", desk.store()).env("TERM", "dumb");
    Started::from(command).process_end()
}

/// What became of runs whose engine was killed.
#[derive(Debug, Default)]
struct Tally {
    killed: usize,
    resumed: usize,
    in_doubt: usize,
}

fn kill_at_each(call: &str) -> Tally {
    let mut tally = Tally::default();
    for number in 1.. {
        let desk = Desk::with_runbook(KEYS);
        if killed_at(&desk, call, number) == 0 {
            assert_eq!(desk.read("count"), "first\nsecond\n");
            return tally;
        }
        tally.killed += 1;
        assert!(number < 500, "it never comes to its end");
        // What an engine left at work comes to its end by itself.
        let Some(run) = desk.runs().pop() else { continue };
        let id = run.file_name().unwrap().to_string_lossy().into_owned();
        none_with_words(&["supervise", &id]);
        let mut said = desk.do_it(&["resume", "latest"]);
        let mut doubts = 0;
        while said.code == 5 {
            doubts += 1;
            assert!(doubts <= 2, "{call} {number}: {said:?}");
            let story = desk.story();
            let step = story.of("doubt.opened", None).last().unwrap().get("step").unwrap().as_str().unwrap().to_owned();
            // Whoever looks can tell.
            let word = if desk.read("count").contains(&step) { "--done" } else { "--again" };
            said = desk.do_it(&["settle", word, "--reason", "looked"]);
        }
        tally.in_doubt += doubts;
        let is_over = said.err.contains("is over");
        if !is_over && [2, 6, 14].contains(&said.code) {
            // Killed before it stood anywhere that it began: nothing ran.
            assert_eq!(desk.read("count"), "", "{call} {number}: {said:?}");
            continue;
        }
        assert!(
            said.code == 0 || said.out.contains("is over") || said.err.contains("is over"),
            "{call} {number}: {said:?}"
        );
        tally.resumed += 1;
        assert_eq!(desk.read("count"), "first\nsecond\n", "{call} {number}: {}\n{}", said.out, said.err);
        desk.do_it(&["audit", "verify", &id]).ended(0);
    }
    tally
}

#[test]
fn at_any_write_nothing_is_done_twice_and_nothing_is_lost() {
    let tally = kill_at_each("write");
    assert!(tally.resumed > 20, "{tally:?}");
    // Only the byte that lets an act go leaves no trace of its own: for each act the write of what to run, that of the
    // byte, and that of the line for the screen, which comes before them or after.
    assert!(tally.in_doubt <= 6, "{tally:?}");
}

#[test]
fn at_any_sync_nothing_is_done_twice_and_nothing_is_lost() {
    let tally = kill_at_each("fdatasync");
    assert!(tally.resumed >= 4, "{tally:?}");
    assert!(tally.in_doubt <= 2, "{tally:?}");
}
