//! Signals that end or stop a process, and readers that go away: none of them is a decision about the run.

use std::fs;

use runbook_tests::desk::Desk;
use runbook_tests::run::Started;
use runbook_tests::until::{lines_in, until};
use rustix::process::{Pid, Signal};

use crate::cancel::{in_the_act, open_gate};

fn state_of(pid: Pid) -> char {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    stat.rsplit_once(") ").and_then(|(_, after)| after.chars().next()).unwrap_or(' ')
}

#[test]
fn told_to_end_it_lets_the_act_end_and_goes_on_where_it_is_resumed() {
    for (signal, name) in [(Signal::TERM, "SIGTERM"), (Signal::HUP, "SIGHUP")] {
        let (desk, mut run) = in_the_act("");
        run.signal(signal);
        run.until("lets go of the run");
        assert_eq!(desk.read("count"), "began\n", "the act is let end");
        open_gate(desk.work());
        run.end().ended(75).shows(" resume ");
        assert_eq!(desk.read("count"), "began\nended\n");
        assert!(!desk.work().join("after").exists(), "nothing new starts");
        let story = desk.story();
        assert!(story.last("note", None, "text").unwrap().as_str().unwrap().contains(name));
        assert_eq!(story.entries().last().unwrap()["kind"], "run.suspended");
        desk.do_it(&["resume"]).ended(0).shows("resolved");
        assert_eq!(desk.read("count"), "began\nended\n", "and is not done twice");
        assert!(desk.work().join("after").exists());
        desk.do_it(&["audit", "verify", "latest"]).ended(0);
    }
}

#[test]
fn ctrl_c_after_it_cancels_all_the_same() {
    let (desk, mut run) = in_the_act("");
    run.signal(Signal::TERM);
    run.until("lets go of the run");
    run.signal(Signal::INT);
    until(
        || if desk.story().of("run.cancelled", None).count() == 1 { Ok(()) } else { Err("not cancelled".to_owned()) },
    );
    open_gate(desk.work());
    run.end().ended(75);
    desk.do_it(&["resume"]).ended(4);
    assert_eq!(desk.read("count"), "began\nended\n");
    assert!(!desk.work().join("after").exists());
}

#[test]
fn waiting_for_somebody_it_lets_go_at_once() {
    let desk = Desk::with_runbook("steps:\n  ok: { verify: Is it all right?, ask: Is it?, within: 10m }\n");
    let mut run = desk.start_run("try", &[]);
    run.until(" answer ");
    run.signal(Signal::TERM);
    run.end().ended(75);
    desk.do_it(&["answer", "yes"]).ended(0);
}

#[test]
fn stopped_and_continued_it_goes_on_with_an_act_that_ended_meanwhile() {
    let (desk, run) = in_the_act("");
    // Where nobody is there to continue it the kernel drops the first; the second stops in any case.
    run.signal(Signal::TSTP);
    run.signal(Signal::STOP);
    until(|| if state_of(run.pid()) == 'T' { Ok(()) } else { Err("it is not stopped".to_owned()) });
    open_gate(desk.work());
    until(|| if desk.count("count") == 2 { Ok(()) } else { Err(desk.read("count")) });
    let during = desk.story().entries().len();
    run.signal(Signal::CONT);
    run.end().ended(0).shows("resolved");
    assert!(desk.story().entries().len() > during);
    assert_eq!(desk.read("count"), "began\nended\n");
}

#[test]
fn a_reader_that_goes_away_ends_neither_the_run_nor_its_code() {
    for (last, code) in [("'true'", "0"), ("'false'", "1")] {
        let desk = Desk::with_runbook(&format!(
            "
steps:
  first: {{ act: Change it, script: 'cat \"$WORK/go\"; echo done >> \"$WORK/count\"', env: {{ WORK: $WORK }} }}
  last: {{ verify: It is so, run: {last} }}
"
        ));
        crate::cancel::gate(desk.work());
        let program = desk.command(&[]).get_program().to_string_lossy().into_owned();
        let mut shell = std::process::Command::new("sh");
        let line = format!(
            "{{ {program} run try; echo $? > {0}/code; }} | {{ head -n 1; echo > {0}/go; }}",
            desk.work().display()
        );
        shell.args(["-c", &line]).envs(desk.command(&[]).get_envs().filter_map(|(name, value)| Some((name, value?))));
        let _said = Started::from(shell).end();
        assert_eq!(lines_in(&desk.work().join("code")).trim(), code);
        assert_eq!(desk.read("count"), "done\n");
        assert_ne!(desk.story().outcome(), "(not sealed)");
        desk.do_it(&["audit", "verify", "latest"]).ended(0);
    }
}
