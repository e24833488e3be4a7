//! The connection is cut: before, in the midst, at the end, for good; and the host is frozen.

use std::fs;

use runbook_tests::far::{Far, write_program};
use runbook_tests::until::{lines_in, until};
use rustix::process::Signal;

use crate::attached::{gate, held, open_gate};

#[test]
fn one_that_is_cut_in_the_midst_is_found_again() {
    let far = held("");
    let run = far.start(&["run", "try"]);
    lines_in(&far.desk.work().join("count"));
    let before = far.host(1).wire().made();
    far.host(1).wire().cut();
    until(|| if far.host(1).wire().made() > before { Ok(()) } else { Err("nobody connects again".to_owned()) });
    far.host(1).wire().cut();
    open_gate(far.desk.work());
    run.end().ended(0);
    assert_eq!(far.desk.read("count"), "began\nended\nafter\n");
    let story = far.desk.story();
    // What came before the cuts and after them, once.
    assert_eq!(story.of("step.output", Some("held")).next().unwrap()["d"]["head"], "began\nended\n");
    assert_eq!(story.settled("held"), "passed");
    far.nothing_left();
}

#[test]
fn one_that_ended_while_nobody_could_reach_it_is_read_when_they_can() {
    let far = held("");
    let run = far.start(&["run", "try"]);
    lines_in(&far.desk.work().join("count"));
    far.host(1).wire().down();
    open_gate(far.desk.work());
    until(|| {
        let kept = far.host(1).kept();
        if kept.iter().any(|one| one.join("end").exists()) { Ok(()) } else { Err(format!("{kept:?}")) }
    });
    far.host(1).wire().up();
    run.end().ended(0);
    assert_eq!(far.desk.read("count"), "began\nended\nafter\n");
    far.nothing_left();
}

#[test]
fn one_that_is_never_reached_again_is_in_doubt_and_its_end_stays_there() {
    // 20 seconds over its time are waited.
    let far = held("timeout: 2s\n    grace: 1s");
    let run = far.start(&["run", "try"]);
    lines_in(&far.desk.work().join("count"));
    far.host(1).wire().down();
    run.end().ended(5);
    let story = far.desk.story();
    let why = story.last("doubt.opened", Some("held"), "why").unwrap().to_string();
    assert!(why.contains("its end on web1 is not known") && why.contains("held.main.1"), "{why}");
    // Its time ran out there all the same, without anybody.
    let end = fs::read_to_string(far.host(1).kept()[0].join("end")).unwrap();
    assert!(end.starts_with("timeout "), "{end}");
    assert_eq!(far.desk.read("count"), "began\n");
}

#[test]
fn a_look_that_is_cut_for_good_is_unknown() {
    let far = held("");
    far.write(
        "steps: { a: { verify: A, on: web1, script: 'echo x >> $WORK/count; sleep 600', timeout: 2s, grace: 1s } }\n",
    );
    let run = far.start(&["run", "try"]);
    lines_in(&far.desk.work().join("count"));
    far.host(1).wire().down();
    run.end().ended(1);
    let story = far.desk.story();
    assert_eq!(story.settled("a"), "unknown");
    assert_eq!(far.desk.read("count"), "x\n", "it was looked again");
}

#[test]
fn a_frozen_host_is_left_and_found_again_when_it_thaws() {
    let far = held("");
    let run = far.start(&["run", "try"]);
    lines_in(&far.desk.work().join("count"));
    let before = far.host(1).wire().made();
    // All that serves the connection stops; the act itself does not.
    far.host(1).freeze();
    // ssh notices after three questions without an answer.
    until(|| if far.host(1).wire().made() > before { Ok(()) } else { Err("nobody connects again".to_owned()) });
    far.host(1).signal_connections(Signal::CONT);
    open_gate(far.desk.work());
    run.end().ended(0);
    assert_eq!(far.desk.read("count"), "began\nended\nafter\n");
    far.nothing_left();
}

#[test]
fn a_wire_that_holds_everything_back_gives_nothing_twice() {
    let far = held("");
    far.host(1).wire().hold();
    let mut run = far.start(&["run", "try"]);
    // It gives up on a host that takes the connection and says nothing.
    run.until("cannot be reached");
    far.host(1).wire().let_go();
    run.end().ended(1);
    assert_eq!(far.desk.read("count"), "");
    far.nothing_left();
}

#[test]
fn one_that_is_cut_in_the_moment_it_begins_is_begun_and_found_again() {
    let far = Far::with(1, "SetEnv PATH=$HOST/bin:/usr/local/bin:/usr/bin:/bin");
    let bin = far.host(1).folder().join("bin");
    fs::create_dir(&bin).unwrap();
    // The last thing that is done there before an act begins: it takes until the gate is opened.
    let sync = "#!/bin/sh\necho syncing >> $WORK/moment\ncat $WORK/go\nexec /bin/sync \"$@\"\n";
    write_program(&bin.join("sync"), &sync.replace("$WORK", &far.desk.work().to_string_lossy()));
    gate(far.desk.work());
    far.write("steps: { a: { act: A, on: web1, script: 'echo did >> $WORK/count' } }\n");
    let run = far.start(&["run", "try"]);
    lines_in(&far.desk.work().join("moment"));
    far.host(1).wire().down();
    until(|| if far.host(1).is_connected() { Err("it is still connected".to_owned()) } else { Ok(()) });
    open_gate(far.desk.work());
    lines_in(&far.desk.work().join("count"));
    far.host(1).wire().up();
    run.end().ended(0);
    let story = far.desk.story();
    assert_eq!((story.settled("a"), story.of("doubt.opened", None).count()), ("passed", 0));
    assert_eq!(far.desk.read("count"), "did\n");
    far.nothing_left();
}
