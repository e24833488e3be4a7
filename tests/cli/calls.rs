//! A runbook that runs another, in the program itself: the engine dies in the midst of it, people answer within it by its
//! paths, and what it did is known to the run that tries again.

use std::fs;

use runbook_tests::desk::Desk;
use runbook_tests::story::Story;
use runbook_tests::until::until;
use rustix::process::Signal;

use crate::cancel::{gate, open_gate};

const PARENT: &str = "
steps:
  outage: { act: Deal with it, runbook: restart, with: { host: web1 } }
  after:
    act: Go on
    script: 'echo after $HOST >> \"$WORK/count\"'
    env: { WORK: $WORK, HOST: '{{ steps.outage.outputs.host }}' }
";

/// Runs another, whose second act waits at the gate.
fn held() -> Desk {
    let desk = Desk::with_runbook(PARENT);
    desk.write(
        "restart",
        "
params: { host: { type: string } }
steps:
  stop: { act: 'Stop {{ params.host }}', script: 'echo stop >> \"$WORK/count\"', env: { WORK: $WORK } }
  begin:
    act: Start it
    script: |
      echo begin >> \"$WORK/count\"
      cat \"$WORK/go\"
    env: { WORK: $WORK }
outputs: { host: params.host }
",
    );
    gate(desk.work());
    desk
}

fn has_lines(desk: &Desk, count: usize) {
    until(|| if desk.count("count") == count { Ok(()) } else { Err(desk.read("count")) });
}

#[test]
fn an_engine_that_is_killed_in_an_act_of_it_is_followed_by_one_that_waits_for_that_act() {
    let desk = held();
    let run = desk.start_run("try", &[]);
    has_lines(&desk, 2);
    run.signal(Signal::KILL);
    assert_eq!(run.process_end(), 128 + 9);
    let mut resumed = desk.start(&["resume"]);
    resumed.until("it is waited for");
    open_gate(desk.work());
    resumed.end().ended(0).shows("resolved");
    assert_eq!(desk.read("count"), "stop\nbegin\nafter web1\n");
    let story = desk.story();
    for (kind, step) in [("call.started", "outage"), ("call.ended", "outage"), ("step.released", "outage/begin")] {
        assert_eq!(story.of(kind, Some(step)).count(), 1, "{kind} of {step}");
    }
    let given = story.last("call.given", Some("outage"), "params").unwrap();
    assert_eq!(given["host"], "\"web1\"");
    assert_eq!((story.settled("outage"), story.settled("outage/begin")), ("passed", "passed"));
    desk.do_it(&["audit", "verify", "latest"]).ended(0);
}

#[test]
fn one_that_is_killed_with_its_act_asks_for_that_step_by_its_path() {
    let desk = held();
    let run = desk.start_run("try", &[]);
    has_lines(&desk, 2);
    let supervisor =
        desk.story().last("step.spawned", Some("outage/begin"), "pid").and_then(serde_json::Value::as_i64).unwrap();
    run.signal(Signal::KILL);
    assert_eq!(run.process_end(), 128 + 9);
    let supervisor = rustix::process::Pid::from_raw(i32::try_from(supervisor).unwrap()).unwrap();
    rustix::process::kill_process(supervisor, Signal::KILL).unwrap();
    until(|| match fs::read(format!("/proc/{}/cmdline", supervisor.as_raw_pid())) {
        Ok(line) if !line.is_empty() => Err("its supervisor goes on".to_owned()),
        Ok(_) | Err(_) => Ok(()),
    });
    open_gate(desk.work());
    desk.do_it(&["resume"]).ended(5).shows("outage/begin");
    desk.do_it(&["settle", "latest", "outage/begin", "--done", "--reason", "I looked"]).ended(0).shows("resolved");
    assert_eq!(desk.read("count"), "stop\nbegin\nafter web1\n");
    desk.do_it(&["audit", "verify", "latest"]).ended(0);
}

#[test]
fn people_answer_within_it_by_its_paths() {
    let desk = Desk::with_runbook("steps:\n  outage: { act: Deal with it, runbook: asks }\n");
    desk.write(
        "asks",
        "
steps:
  sure: { verify: Somebody is sure, ask: Are you sure? }
  wipe: { act: Wipe it, run: touch $WORK/wiped, approve: operator }
  tell: { escalate: It is wiped, to: ops, ack: {} }
",
    );
    desk.run("try", &[]).ended(75).shows("answer").shows("outage/sure");
    desk.do_it(&["answer", "latest", "outage/sure", "yes"]).ended(75).shows("outage/wipe");
    assert!(!desk.work().join("wiped").exists());
    desk.do_it(&["approve", "latest", "outage/wipe"]).ended(75).shows("outage/tell");
    assert!(desk.work().join("wiped").exists());
    desk.do_it(&["ack", "latest", "outage/tell"]).ended(0).shows("resolved");
}

#[test]
fn a_denial_in_it_ends_the_run_as_denied() {
    let desk = Desk::with_runbook("steps:\n  outage: { act: Deal with it, runbook: asks }\n");
    desk.write("asks", "steps:\n  wipe: { act: Wipe it, run: touch $WORK/wiped, approve: operator }\n");
    desk.run("try", &[]).ended(75);
    desk.do_it(&["deny", "latest", "outage/wipe", "--reason", "not now"]).ended(4);
    let story = desk.story();
    assert_eq!(story.last("step.settled", Some("outage"), "settlement").unwrap(), "denied");
    assert!(!desk.work().join("wiped").exists());
}

#[test]
fn a_run_that_tries_again_does_not_repeat_what_passed_in_it() {
    let desk = Desk::with_runbook(PARENT);
    desk.write(
        "restart",
        "
params: { host: { type: string } }
rollback: never
steps:
  stop: { act: Stop it, script: 'echo stop >> \"$WORK/count\"', env: { WORK: $WORK } }
  begin: { act: Start it, script: 'echo begin >> \"$WORK/count\"; test -e \"$WORK/good\"', env: { WORK: $WORK } }
outputs: { host: params.host }
",
    );
    desk.run("try", &[]).ended(1).shows("outage/begin failed: exit code 1");
    fs::write(desk.work().join("good"), "").unwrap();
    let first = desk.runs()[0].file_name().unwrap().to_str().unwrap().to_owned();
    desk.do_it(&["retry", &first]).ended(0).shows("outage/stop").shows("resolved");
    assert_eq!(desk.read("count"), "stop\nbegin\nbegin\nafter web1\n");
    let other = desk.runs().into_iter().find(|run| run.file_name().unwrap() != first.as_str()).unwrap();
    let story = Story::of_run(&other);
    assert_eq!(story.of("step.taken_over", Some("outage/stop")).count(), 1);
    assert_eq!(story.of("step.intent", Some("outage/stop")).count(), 0);
}

#[test]
fn its_lock_is_the_runs_from_when_it_begins() {
    let desk = Desk::with_runbook("steps:\n  outage: { act: Deal with it, runbook: asks }\n");
    desk.write("asks", "lock: dns\nsteps:\n  ok: { verify: Is it all right?, ask: Is it? }\n");
    desk.run("asks", &[]).ended(75);
    // Another run has it: nothing in it begins, and it says who that is.
    desk.run("try", &[]).ended(1).shows("the lock \"dns\" is held by run").shows("waits for people");
    let of = |runbook: &str| {
        let mut all = desk.runs().into_iter();
        all.find(|run| Story::of_run(run).entries()[0]["d"]["runbook"] == runbook).unwrap()
    };
    assert_eq!(Story::of_run(&of("try")).of("call.started", None).count(), 0);
    desk.do_it(&["cancel", of("asks").file_name().unwrap().to_str().unwrap()]).ended(4);
    desk.run("try", &[]).ended(75);
    desk.run("asks", &[]).ended(7).complains("the lock \"dns\" is held by run");
    desk.do_it(&["answer", "latest", "outage/ok", "yes"]).ended(0);
    desk.run("asks", &[]).ended(75);
}

#[test]
fn a_secret_of_it_is_put_in_and_masked() {
    let desk = Desk::with_runbook("steps:\n  outage: { act: Deal with it, runbook: logs-in }\n");
    fs::write(desk.work().join("token"), "s3cret-token").unwrap();
    desk.write(
        "logs-in",
        "
secrets: { TOKEN: { file: $WORK/token } }
steps:
  login: { act: Log in, script: 'echo \"$T\" > \"$WORK/used\"; echo \"with $T\"', env: { WORK: $WORK, T: '{{ secrets.TOKEN }}' } }
",
    );
    desk.run("try", &[]).ended(0);
    assert_eq!(desk.read("used"), "s3cret-token\n");
    let folder = &desk.runs()[0];
    let transcript = fs::read_to_string(folder.join("transcript.jsonl")).unwrap();
    assert!(transcript.contains("with [secret:TOKEN]") && !transcript.contains("s3cret-token"));
}

#[test]
fn a_dry_run_and_a_drill_go_into_it() {
    let desk = held();
    let said = desk.do_it(&["run", "try", "--dry-run"]).ended(0);
    for words in ["Stop web1", "outage/begin", "runs the runbook restart"] {
        assert!(said.out.contains(words), "{words:?} is not in:\n{}", said.out);
    }
    desk.write("looks", "steps:\n  see: { verify: It is there, run: touch $WORK/seen }\n");
    desk.write("drilled", "steps:\n  look: { verify: All is well, runbook: looks }\n  outage: { act: D, runbook: restart, with: { host: a } }\n");
    desk.do_it(&["drill", "drilled"]).ended(0);
    assert!(desk.work().join("seen").exists());
    assert!(!desk.work().join("count").exists(), "nothing was done");
}

#[test]
fn each_item_runs_its_own_and_the_log_names_it() {
    let desk = Desk::with_runbook(
        "
steps:
  each:
    act: Restart {{ each.host }}
    runbook: restart
    with: { host: '{{ each.host }}' }
    for_each: { host: [web1, web2] }
",
    );
    desk.write(
        "restart",
        "
params: { host: { type: string } }
steps:
  stop: { act: 'Stop {{ params.host }}', script: 'echo \"$HOST\" >> \"$WORK/count\"', env: { WORK: $WORK, HOST: '{{ params.host }}' } }
",
    );
    desk.run("try", &[]).ended(0);
    assert_eq!(desk.read("count"), "web1\nweb2\n");
    desk.do_it(&["show", "latest"]).ended(0).shows("each[1]/stop").shows("its runbook is resolved");
}
