//! The engine is killed outright, and the run is gone on with: nothing is done twice without a check or a person.

use std::fs::{self, OpenOptions};
use std::io::Write as _;

use plant_shop::person::Person;
use runbook_tests::desk::Desk;
use runbook_tests::processes::{marked, none_marked};
use runbook_tests::run::Started;
use runbook_tests::until::{SOON, lines_in, until};
use rustix::process::{Pid, Signal, kill_process};

use crate::cancel::{gate, open_gate};

/// A step that says that it began, waits at the gate, and says that it ended.
fn held(kind: &str, keys: &str) -> Desk {
    let desk = Desk::with_runbook(&format!(
        "
steps:
  held:
    {kind}: It is held up
    script: |
      echo began >> \"$WORK/count\"
      cat \"$WORK/go\"
      echo ended >> \"$WORK/count\"
    env: {{ WORK: $WORK, RUNBOOK_TEST_MARK: $WORK }}
    {keys}
  after: {{ act: Go on, script: 'echo after >> \"$WORK/count\"', env: {{ WORK: $WORK }} }}
"
    ));
    gate(desk.work());
    desk
}

fn mark(desk: &Desk) -> String {
    format!("RUNBOOK_TEST_MARK={}", desk.work().display())
}

/// Starts it, and kills the engine in the midst of the step.
fn killed_in(desk: &Desk) {
    let run = desk.start_run("try", &[]);
    lines_in(&desk.work().join("count"));
    // A look starts at once, and may have said so before it is in the record: of one that is not, nobody knows afterwards.
    until(|| match desk.story().of("step.spawned", Some("held")).next() {
        Some(_) => Ok(()),
        None => Err("nothing says that it was started".to_owned()),
    });
    kill(run);
}

/// The supervisor of the last act that was started.
fn supervisor(desk: &Desk) -> Pid {
    let story = desk.story();
    let pid = story.last("step.spawned", None, "pid").unwrap().as_i64().unwrap();
    Pid::from_raw(i32::try_from(pid).unwrap()).unwrap()
}

/// Looks until it has ended: what the act did is done a moment before.
fn supervisor_gone(desk: &Desk) {
    let folder = format!("/proc/{}", supervisor(desk).as_raw_pid());
    // Whoever it belongs to now has waited for it, or will.
    until(|| match fs::read(format!("{folder}/cmdline")) {
        Ok(line) if !line.is_empty() => Err("its supervisor goes on".to_owned()),
        Ok(_) | Err(_) => Ok(()),
    });
}

/// Kills engine and supervisor in the midst of the step.
fn killed_with_its_supervisor(desk: &Desk) {
    let run = desk.start_run("try", &[]);
    lines_in(&desk.work().join("count"));
    // The engine first: it would see how the other ended.
    let supervisor = supervisor(desk);
    kill(run);
    kill_process(supervisor, Signal::KILL).unwrap();
    supervisor_gone(desk);
}

fn kill(run: Started) {
    run.signal(Signal::KILL);
    assert_eq!(run.process_end(), 128 + 9);
}

#[test]
fn in_a_verify_it_looks_again_and_goes_on() {
    let desk = held("verify", "");
    killed_in(&desk);
    let before = marked(&mark(&desk));
    let resumed = desk.start(&["resume"]);
    until(|| if desk.count("count") == 2 { Ok(()) } else { Err(desk.read("count")) });
    // The look of before was told to end, and has ended: only one is at the gate.
    until(|| {
        let left: Vec<String> = marked(&mark(&desk)).into_iter().filter(|process| before.contains(process)).collect();
        if left.is_empty() { Ok(()) } else { Err(format!("left of the look of before: {left:?}")) }
    });
    open_gate(desk.work());
    resumed.end().ended(0).shows("resolved");
    assert_eq!(desk.read("count"), "began\nbegan\nended\nafter\n");
    none_marked(&mark(&desk));
    let story = desk.story();
    assert!(story.last("note", Some("held"), "text").unwrap().as_str().unwrap().contains("outlived the engine"));
    desk.do_it(&["audit", "verify", "latest"]).ended(0);
}

#[test]
fn an_act_goes_on_without_its_engine_and_is_waited_for() {
    let desk = held("act", "");
    killed_in(&desk);
    let mut resumed = desk.start(&["resume"]);
    resumed.until("attaches");
    resumed.until("not reached");
    open_gate(desk.work());
    resumed.end().ended(0).shows("resolved");
    assert_eq!(desk.read("count"), "began\nended\nafter\n");
    none_marked(&mark(&desk));
    let story = desk.story();
    assert_eq!(story.of("doubt.opened", None).count(), 0);
    assert_eq!(story.of("step.intent", Some("held")).count(), 1);
    desk.do_it(&["audit", "verify", "latest"]).ended(0);
}

#[test]
fn an_act_that_ended_while_no_engine_was_there_is_taken_in() {
    let desk = held("act", "");
    killed_in(&desk);
    open_gate(desk.work());
    none_marked(&mark(&desk));
    supervisor_gone(&desk);
    desk.do_it(&["resume"]).ended(0).shows("ended meanwhile").shows("resolved");
    assert_eq!(desk.read("count"), "began\nended\nafter\n");
    assert_eq!(desk.story().last("step.ended", Some("held"), "exit_code").unwrap(), 0);
}

#[test]
fn two_cancels_reach_an_act_that_another_engine_started() {
    let desk = held("act", "grace: 1s");
    killed_in(&desk);
    let mut resumed = desk.start(&["resume"]);
    resumed.until("attaches");
    // Its lock says that it listens.
    until(|| desk.do_it(&["runs"]).out.contains("running").then_some(()).ok_or_else(|| "nobody has it".to_owned()));
    desk.do_it(&["cancel", "--reason", "enough"]).ended(0);
    desk.do_it(&["cancel", "--reason", "enough, I said"]).ended(0);
    resumed.end().ended(5).shows("in doubt");
    none_marked(&mark(&desk));
    assert_eq!(desk.read("count"), "began\n");
    assert_eq!(desk.story().last("step.ended", Some("held"), "end").unwrap(), "stopped");
}

#[test]
fn with_its_supervisor_killed_too_it_is_in_doubt_and_a_person_settles_it() {
    let desk = held("act", "");
    killed_with_its_supervisor(&desk);
    let resumed = desk.do_it(&["resume"]).ended(5).shows("in doubt").shows("settle");
    // The act goes on by itself: it was not killed, and nothing after it was started.
    assert_eq!(desk.read("count"), "began\n");
    assert!(resumed.out.contains("still runs"), "{}", resumed.out);
    open_gate(desk.work());
    none_marked(&mark(&desk));
    desk.do_it(&["settle", "--done", "--reason", "it ended by itself"]).ended(0).shows("resolved");
    assert_eq!(desk.read("count"), "began\nended\nafter\n");
    let story = desk.story();
    assert_eq!((story.settled("held"), story.outcome()), ("passed", "resolved"));
    desk.do_it(&["audit", "verify", "latest"]).ended(0);
}

#[test]
fn in_doubt_stays_in_doubt_however_often_it_is_resumed() {
    let desk = held("act", "");
    killed_with_its_supervisor(&desk);
    for _ in 0..3 {
        desk.do_it(&["resume"]).ended(5);
    }
    assert_eq!(desk.read("count"), "began\n");
    open_gate(desk.work());
    none_marked(&mark(&desk));
    desk.do_it(&["settle", "--not-done", "--reason", "it was stopped by hand"]).ended(1);
    assert_eq!(desk.read("count"), "began\nended\n");
    assert_eq!(desk.story().settled("held"), "failed");
}

#[test]
fn a_person_may_say_again_and_then_it_is_done_again() {
    let desk = held("act", "");
    killed_with_its_supervisor(&desk);
    desk.do_it(&["resume"]).ended(5);
    open_gate(desk.work());
    none_marked(&mark(&desk));
    let again = desk.start(&["settle", "--again", "--reason", "it left nothing"]);
    until(|| if desk.count("count") == 3 { Ok(()) } else { Err(desk.read("count")) });
    open_gate(desk.work());
    again.end().ended(0);
    assert_eq!(desk.read("count"), "began\nended\nbegan\nended\nafter\n");
}

#[test]
fn an_act_that_knows_how_to_look_settles_itself() {
    let desk = held("act", "unless: { run: grep -q ended $WORK/count }");
    killed_with_its_supervisor(&desk);
    open_gate(desk.work());
    none_marked(&mark(&desk));
    desk.do_it(&["resume"]).ended(0).shows("its unless is looked at").shows("resolved");
    assert_eq!(desk.read("count"), "began\nended\nafter\n");
    assert_eq!(desk.story().last("doubt.settled", Some("held"), "by").unwrap(), "unless");
}

#[test]
fn the_run_goes_on_with_the_runbook_it_began_with() {
    let desk = held("act", "");
    killed_in(&desk);
    open_gate(desk.work());
    none_marked(&mark(&desk));
    supervisor_gone(&desk);
    desk.write("try", "steps:\n  other: { act: Do something else, script: 'echo other >> \"$WORK/count\"' }\n");
    desk.do_it(&["resume"]).ended(0).shows("was edited since");
    assert_eq!(desk.read("count"), "began\nended\nafter\n");
}

#[test]
fn at_an_approval_prompt_it_asks_again() {
    let desk = Desk::with_runbook(
        "steps:
  change: { act: Change it, script: 'echo done >> \"$WORK/count\"', env: { WORK: $WORK }, approve: operator }
",
    );
    let mut command = desk.command(&["run", "try"]);
    command.env("TERM", "xterm-256color");
    let mut person = Person::sit_down(command, None).unwrap();
    person.expect("Run it?", SOON).unwrap();
    kill_process(person.pid(), Signal::KILL).unwrap();
    person.wait(SOON).unwrap();
    drop(person);
    assert_eq!(desk.count("count"), 0);
    // It is known for what it is.
    desk.do_it(&["runs"]).ended(0).shows("interrupted");
    desk.do_it(&["resume"]).ended(75).shows("approve");
    desk.do_it(&["approve"]).ended(0);
    assert_eq!(desk.read("count"), "done\n");
    let story = desk.story();
    assert_eq!(story.of("approval.requested", Some("change")).count(), 1, "the request of before still stands");
}

#[test]
fn what_was_said_just_before_is_taken_in_once() {
    let desk = Desk::with_runbook(
        "parallel: 2
steps:
  change: { act: Change it, needs: [], script: 'echo done >> \"$WORK/count\"', env: { WORK: $WORK }, approve: operator }
  ok: { verify: Is it all right?, needs: [], ask: Is it?, within: 10m }
",
    );
    let mut run = desk.start_run("try", &[]);
    run.until(" answer ");
    kill(run);
    // Handed in while nobody is there, twice.
    desk.do_it(&["approve", "--no-resume"]).ended(0);
    desk.do_it(&["approve", "--no-resume"]).ended(0);
    desk.do_it(&["answer", "yes"]).ended(0);
    assert_eq!(desk.read("count"), "done\n");
    assert_eq!(desk.story().of("refused", None).count(), 1);
}

#[test]
fn a_line_that_was_torn_is_kept_aside_and_told() {
    let desk = Desk::with_runbook("steps:\n  ok: { verify: Is it all right?, ask: Is it? }\n");
    desk.do_it(&["run", "try"]).ended(75);
    let folder = desk.runs().pop().unwrap();
    let mut transcript = OpenOptions::new().append(true).open(folder.join("transcript.jsonl")).unwrap();
    transcript.write_all(b"{\"actor\":{\"auth\":\"tty\"").unwrap();
    drop(transcript);
    desk.do_it(&["show", "latest"]).ended(0).shows("not whole");
    desk.do_it(&["answer", "yes"]).ended(0);
    let story = desk.story();
    assert_eq!(story.last("recovered", None, "bytes").unwrap(), 22);
    assert_eq!(fs::read(folder.join("transcript.torn")).unwrap().get(..8).unwrap(), b"{\"actor\"");
    desk.do_it(&["audit", "verify", "latest"]).ended(0);
}

#[test]
fn a_broken_transcript_is_not_gone_on_with() {
    let desk = Desk::with_runbook("steps:\n  ok: { verify: Is it all right?, ask: Is it? }\n");
    desk.do_it(&["run", "try"]).ended(75);
    let path = desk.runs()[0].join("transcript.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(
        &path,
        text.replacen("Is it all right?", "Is it all wrong?", 1).replacen("\"attended\":false", "\"attended\":true", 1),
    )
    .unwrap();
    let said = desk.do_it(&["resume"]);
    assert!([6, 14].contains(&said.code), "{said:?}");
    desk.do_it(&["audit", "verify", "latest"]).ended(14);
    desk.do_it(&["log", "latest"]).ended(14).complains("audit verify");
    assert!(marked(&mark(&desk)).is_empty());
}
