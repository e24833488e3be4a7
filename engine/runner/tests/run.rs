//! Whole runs: from a runbook's text to a sealed transcript, with real programs.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a failing test may stop where it is"
)]

mod bench;

use std::fs;
use std::io;

use runbook_core::run::event::Input;
use runbook_core::run::record::{AnswerWord, Mode, Outcome, Record, RunOutcome, SettleWord, Settlement};
use runbook_runner::run::{RunEnd, RunError};
use runbook_transcript::storage::{FileStorage, Storage};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use self::bench::{Bench, settled};

const CHAIN: &str = "
steps:
  active:
    verify: One is active
    run: echo dns1
    outputs: { server: stdout }
  stop:
    act: Stop {{ steps.active.outputs.server }}
    script: echo \"$SERVER\" > stopped
    env: { SERVER: '{{ steps.active.outputs.server }}' }
    idempotent: true
  gone:
    verify: It is stopped
    run: cat stopped
    expect: stdout == steps.active.outputs.server
";

#[tokio::test]
async fn a_run_goes_to_its_end_and_seals_a_transcript_that_verifies() {
    let bench = Bench::new(CHAIN);
    let finished = bench.start().await.unwrap();
    assert!(matches!(finished.end, RunEnd::Over(RunOutcome::Resolved)), "{:?}", finished.end);
    assert_eq!(finished.end.exit_code(), 0);
    assert_eq!(bench.read("stopped"), "dns1\n");
    let records = Bench::records(&finished.run);
    let kinds: Vec<&str> = records.iter().map(|(entry, _)| entry.kind.as_str()).collect();
    let of_a_verify = ["step.planned", "step.intent", "step.spawned", "step.output", "step.ended", "step.settled"];
    let mut expected = vec!["run.started"];
    expected.extend(of_a_verify);
    expected.extend(["step.planned", "step.intent", "step.spawned", "step.released", "step.ended", "step.settled"]);
    expected.extend(of_a_verify);
    expected.extend(["run.phase", "run.phase", "run.sealed"]);
    assert_eq!(kinds, expected);
    bench.verify_sealed(&finished.run);
    // What ran is what was planned, in words an auditor can read.
    let planned: Vec<&str> = records
        .iter()
        .filter_map(|(_, record)| match record {
            Record::StepPlanned { shown, .. } => Some(shown.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(planned, ["echo dns1", "sh -eu -c 'echo \"$SERVER\" > stopped'", "cat stopped"]);
}

#[tokio::test]
async fn a_missing_program_is_named_and_the_run_fails() {
    let bench = Bench::new(
        "
steps:
  shut_down:
    act: Stop it
    run: no-such-tool -a
",
    );
    let finished = bench.start().await.unwrap();
    assert!(matches!(finished.end, RunEnd::Over(RunOutcome::Failed)), "{:?}", finished.end);
    let (outcome, reason) = settled(&Bench::records(&finished.run), "shut_down");
    assert_eq!(outcome, Outcome::Failed);
    let reason = reason.unwrap();
    assert!(reason.contains("\"no-such-tool\" was not found in PATH (searched "), "{reason}");
}

const WAITS: &str = "
steps:
  look:
    verify: Is the light green?
    ask: Is the light green?
  note_it:
    act: Note it
    script: echo yes > noted
    idempotent: true
";

#[tokio::test]
async fn a_run_that_waits_lets_go_and_goes_on_after_an_answer() {
    let bench = Bench::new(WAITS);
    let finished = bench.start().await.unwrap();
    let RunEnd::Waiting(requests) = &finished.end else { panic!("it waits: {:?}", finished.end) };
    assert_eq!((requests.len(), finished.end.exit_code()), (1, 75));
    assert!(!bench.exists("noted"));
    bench.hand_in(&finished.run, &answer(AnswerWord::Yes));
    let resumed = bench.resume(&finished.run).await.unwrap();
    assert!(matches!(resumed.end, RunEnd::Over(RunOutcome::Resolved)), "{:?}", resumed.end);
    assert_eq!(bench.read("noted"), "yes\n");
    bench.verify_sealed(&finished.run);
    let records = Bench::records(&finished.run);
    let suspended = records.iter().filter(|(_, record)| matches!(record, Record::RunSuspended { .. })).count();
    assert_eq!(suspended, 1, "what is in the inbox is taken before it lets go again");
    let answered = records.iter().find(|(_, record)| matches!(record, Record::Answer { .. })).unwrap();
    assert!(answered.0.actor.origin.starts_with("inbox/"), "{:?}", answered.0.actor);
    assert_eq!(answered.0.actor.uid, bench.machine.account.uid);
    assert_eq!(Bench::inbox(&finished.run), 0, "a message taken in is removed");
}

fn answer(answer: AnswerWord) -> Input {
    Input::Answer {
        step: None,
        request: None,
        answer,
        fields: std::collections::BTreeMap::new(),
        behalf: None,
        reason: None,
    }
}

#[tokio::test]
async fn a_message_that_comes_twice_counts_once() {
    let bench = Bench::new(WAITS);
    let finished = bench.start().await.unwrap();
    let name = bench.hand_in(&finished.run, &Input::Note { step: None, text: "looked".to_owned() });
    let message = finished.run.inbox().join(name);
    let copy = bench.path("copy");
    fs::copy(&message, &copy).unwrap();
    let resumed = bench.resume(&finished.run).await.unwrap();
    assert!(matches!(resumed.end, RunEnd::Waiting(_)), "{:?}", resumed.end);
    // As if the process had died between the record and the removal.
    fs::rename(&copy, &message).unwrap();
    bench.resume(&finished.run).await.unwrap();
    let records = Bench::records(&finished.run);
    let notes = records.iter().filter(|(_, record)| matches!(record, Record::Note { .. })).count();
    assert_eq!((notes, Bench::inbox(&finished.run)), (1, 0));
}

#[tokio::test]
async fn the_run_takes_in_what_is_handed_in_while_it_lives() {
    let bench = Bench::new(
        "
steps:
  look:
    verify: Is the light green?
    ask: Is the light green?
    within: 5m
",
    );
    let watcher = Bench::watcher();
    let run = async { bench.start_watched(watcher.clone()).await.unwrap() };
    let person = async {
        watcher.until(|record| matches!(record, Record::Question { .. })).await;
        bench.hand_in(&bench.latest(), &answer(AnswerWord::No));
    };
    let (finished, ()) = tokio::join!(run, person);
    assert!(matches!(finished.end, RunEnd::Over(RunOutcome::Failed)), "{:?}", finished.end);
}

#[tokio::test]
async fn what_the_terminal_says_reaches_the_run() {
    let bench = Bench::new(
        "
steps:
  restart:
    act: Restart it
    script: echo restarted > restarted
    approve: operator
    idempotent: true
",
    )
    .attended();
    let watcher = Bench::watcher();
    let (sender, inputs) = runbook_runner::inputs();
    let run = async { bench.start_with(watcher.clone(), inputs).await.unwrap() };
    let person = async {
        watcher.until(|record| matches!(record, Record::ApprovalRequested { .. })).await;
        assert!(!bench.exists("restarted"), "nothing runs before it is approved");
        let actor = bench.machine.account.actor("terminal");
        sender.send((actor, Input::Approve { step: None, request: None, reason: None })).await.unwrap();
    };
    let (finished, ()) = tokio::join!(run, person);
    assert!(matches!(finished.end, RunEnd::Over(RunOutcome::Resolved)), "{:?}", finished.end);
    assert!(bench.exists("restarted"));
}

#[tokio::test]
async fn a_dry_run_starts_nothing_and_cannot_be_gone_on_with() {
    let bench = Bench::new(CHAIN).mode(Mode::Dry { probe: false });
    let finished = bench.start().await.unwrap();
    assert!(matches!(finished.end, RunEnd::Shown), "{:?}", finished.end);
    assert!(!bench.exists("stopped"));
    let records = Bench::records(&finished.run);
    assert!(
        !records.iter().any(|(_, record)| matches!(record, Record::StepSpawned { .. } | Record::StepIntent { .. }))
    );
    let withheld = records
        .iter()
        .filter(|(_, record)| matches!(record, Record::StepSettled { settlement: Settlement::Withheld, .. }));
    assert!(withheld.count() >= 2);
    bench.verify_sealed(&finished.run);
    assert!(matches!(bench.resume(&finished.run).await, Err(RunError::Open(_) | RunError::DryRun)));
}

/// A file whose writes fail from the given one on.
struct Full {
    file: FileStorage,
    writes_left: u32,
}

impl Storage for Full {
    fn size(&self) -> io::Result<u64> {
        self.file.size()
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writes_left = self.writes_left.checked_sub(1).ok_or(io::ErrorKind::StorageFull)?;
        self.file.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync()
    }
}

#[tokio::test]
async fn an_act_whose_intent_cannot_be_written_is_not_started() {
    // 1 run.started, 2 step.planned, 3 step.intent.
    for writes in [1, 2] {
        let bench = Bench::new(
            "
steps:
  stop:
    act: Stop it
    script: echo stopped > stopped
    idempotent: true
",
        );
        let wrap = move |file| Box::new(Full { file, writes_left: writes }) as Box<dyn Storage>;
        let finished = bench.start_on(Box::new(wrap)).await.unwrap();
        let RunEnd::Unwritable(unwritable) = &finished.end else { panic!("{:?}", finished.end) };
        assert_eq!((&unwritable.path, finished.end.exit_code()), (&finished.run.transcript(), 6));
        assert!(!bench.exists("stopped"), "after {writes} writes");
    }
}

#[tokio::test]
async fn what_runs_is_let_end_when_the_transcript_cannot_be_written() {
    let bench = Bench::new(
        "
steps:
  stop:
    act: Stop it
    script: echo begun; cat pipe > stopped
    idempotent: true
",
    );
    let pipe = bench.path("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let watcher = Bench::watcher();
    // 1 run.started, 2 step.planned, 3 step.intent, 4 step.spawned, 5 step.released; step.output fails.
    let wrap = |file| Box::new(Full { file, writes_left: 5 }) as Box<dyn Storage>;
    let run = async { bench.start_wrapped(watcher.clone(), Box::new(wrap)).await.unwrap() };
    let feeder = async {
        watcher.until_printed("begun").await;
        // The reader is there or comes: opening waits for it, so it is done beside the run.
        tokio::task::spawn_blocking(move || fs::write(pipe, "all of it")).await.unwrap().unwrap();
    };
    let (finished, ()) = tokio::join!(run, feeder);
    assert!(matches!(finished.end, RunEnd::Unwritable(_)), "{:?}", finished.end);
    assert_eq!(bench.read("stopped"), "all of it");
    let lines = watcher.unrecorded();
    assert!(lines.iter().any(|line| line == "stop attempt 1: ended with exit code 0"), "{lines:?}");
    // Its end was kept, and is taken in as soon as there is room.
    let resumed = bench.resume(&finished.run).await.unwrap();
    assert!(matches!(resumed.end, RunEnd::Over(RunOutcome::Resolved)), "{:?}", resumed.end);
    let records = Bench::records(&finished.run);
    assert_eq!(records.iter().filter(|(entry, _)| entry.kind == "step.intent").count(), 1);
    let printed = records.iter().find_map(|(_, record)| match record {
        Record::StepOutput { output, .. } => Some(output.head.as_str()),
        _ => None,
    });
    assert_eq!(printed, Some("begun\n"));
    bench.verify_sealed(&finished.run);
}

#[tokio::test]
async fn what_waits_at_its_gate_never_starts_when_the_transcript_cannot_be_written() {
    // step.spawned fails, or step.released.
    for writes in [3, 4] {
        let bench = Bench::new(
            "
steps:
  stop:
    act: Stop it
    script: echo stopped >> stopped
",
        );
        let wrap = move |file| Box::new(Full { file, writes_left: writes }) as Box<dyn Storage>;
        let finished = bench.start_on(Box::new(wrap)).await.unwrap();
        assert!(matches!(finished.end, RunEnd::Unwritable(_)), "{:?}", finished.end);
        assert!(!bench.exists("stopped"), "after {writes} writes");
        // It is known that it did not run: the same attempt does now.
        let resumed = bench.resume(&finished.run).await.unwrap();
        assert!(matches!(resumed.end, RunEnd::Over(RunOutcome::Resolved)), "{:?}", resumed.end);
        assert_eq!(bench.read("stopped"), "stopped\n");
        assert_eq!(Bench::records(&finished.run).iter().filter(|(entry, _)| entry.kind == "step.intent").count(), 1);
        bench.verify_sealed(&finished.run);
    }
}

#[tokio::test]
async fn bad_params_start_nothing() {
    let bench = Bench::new(
        "
params:
  count: { type: integer }
steps:
  look: { verify: Look, run: 'true' }
",
    )
    .param("count", "many");
    let error = bench.start().await.unwrap_err();
    assert_eq!(error.to_string(), "param \"count\" wants an integer, not \"many\"");
    assert_eq!(error.exit_code(), 2);
    assert!(!bench.path(".runbook").exists(), "not even a store is made");
}

#[tokio::test]
async fn a_run_has_one_process() {
    let bench = Bench::new(WAITS);
    let finished = bench.start().await.unwrap();
    let holder = runbook_transcript::lock::Holder {
        pid: 4242,
        operator: "khouse".to_owned(),
        since: "2026-11-22T09:15:00Z".parse().unwrap(),
    };
    let _held = finished.run.lock(&holder).unwrap();
    let error = bench.resume(&finished.run).await.unwrap_err();
    assert_eq!(error.exit_code(), 7);
    assert!(error.to_string().contains("khouse (process 4242"), "{error}");
}

#[tokio::test]
async fn an_owner_told_of_a_doubt_does_not_hold_the_process() {
    let bench = Bench::new(
        "
owner: sre
steps:
  stop:
    act: Stop it
    script: kill -KILL $$
",
    );
    let finished = bench.start().await.unwrap();
    assert!(matches!(finished.end, RunEnd::InDoubt(_)), "{:?}", finished.end);
}

#[tokio::test]
async fn a_process_that_died_leaves_an_act_in_doubt_until_somebody_says() {
    let bench = Bench::new(
        "
steps:
  stop:
    act: Stop it
    script: echo begun; exec sleep 600
  after:
    act: Go on
    script: echo on > on
    idempotent: true
",
    );
    let watcher = Bench::watcher();
    {
        // Dropping the run is the nearest to a death that leaves this test alive.
        let run = bench.start_watched(watcher.clone());
        tokio::select! {
            finished = run => panic!("it ended too early: {finished:?}"),
            () = watcher.until_printed("begun") => {}
        }
    }
    let run = bench.latest();
    let supervisor = Bench::records(&run).iter().find_map(|(_, record)| match record {
        Record::StepSpawned { pid, .. } => i32::try_from(*pid).ok().and_then(Pid::from_raw),
        _ => None,
    });
    kill_process(supervisor.unwrap(), Signal::KILL).unwrap();
    // It is this process's own child, as the engine was this process.
    waitpid(supervisor, WaitOptions::empty()).unwrap();
    let resumed = bench.resume(&run).await.unwrap();
    assert!(matches!(resumed.end, RunEnd::InDoubt(_)), "{:?}", resumed.end);
    assert_eq!(resumed.end.exit_code(), 5);
    // What it started is named, and is nobody's any more: this test ends it.
    let note = Bench::records(&run).iter().find_map(|(_, record)| match record {
        Record::Note { text, .. } => Some(text.clone()),
        _ => None,
    });
    let note = note.unwrap();
    let named = note.split_once("still runs: ").and_then(|(_, rest)| rest.split_once(' ')).unwrap().0;
    kill_process(Pid::from_raw(named.parse().unwrap()).unwrap(), Signal::KILL).unwrap();
    assert!(!bench.exists("on"), "nothing that depends on it starts");
    let done = Input::Settle {
        step: Some("stop".to_owned()),
        word: SettleWord::Done,
        reason: Some("the server is down".to_owned()),
        outputs: std::collections::BTreeMap::new(),
    };
    bench.hand_in(&run, &done);
    let resumed = bench.resume(&run).await.unwrap();
    assert!(matches!(resumed.end, RunEnd::Over(RunOutcome::Resolved)), "{:?}", resumed.end);
    assert!(bench.exists("on"));
    bench.verify_sealed(&run);
}

#[tokio::test]
async fn an_act_outlives_its_engine_and_the_next_one_waits_for_it() {
    let bench = Bench::new(
        "
steps:
  stop:
    act: Stop it
    script: echo begun; cat pipe > stopped
  after:
    act: Go on
    script: cat stopped > on
",
    );
    let pipe = bench.path("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let watcher = Bench::watcher();
    {
        let run = bench.start_watched(watcher.clone());
        tokio::select! {
            finished = run => panic!("it ended too early: {finished:?}"),
            () = watcher.until_printed("begun") => {}
        }
    }
    let run = bench.latest();
    let feeder = tokio::task::spawn_blocking(move || fs::write(pipe, "all of it").unwrap());
    let (resumed, fed) = tokio::join!(bench.resume(&run), feeder);
    fed.unwrap();
    let resumed = resumed.unwrap();
    assert!(matches!(resumed.end, RunEnd::Over(RunOutcome::Resolved)), "{:?}", resumed.end);
    assert_eq!(bench.read("on"), "all of it");
    assert_eq!(Bench::records(&run).iter().filter(|(entry, _)| entry.kind == "step.intent").count(), 2);
    bench.verify_sealed(&run);
}

#[tokio::test]
async fn a_lock_is_held_while_its_run_waits_and_free_when_it_is_over() {
    let bench = Bench::new(
        "
lock: shop-{{ params.host }}
params:
  host: { type: string, default: web1 }
steps:
  look:
    verify: Is the light green?
    ask: Is the light green?
",
    );
    let first = bench.start().await.unwrap();
    assert!(matches!(first.end, RunEnd::Waiting(_)), "{:?}", first.end);
    let error = bench.start().await.unwrap_err();
    assert_eq!(error.exit_code(), 7);
    let said = error.to_string();
    assert!(said.starts_with(&format!("the lock \"shop-web1\" is held by run {} of ", first.run.id())), "{said}");
    assert!(said.ends_with(", which waits for people"), "{said}");
    // Another name is another lock.
    let bench = bench.param("host", "web2");
    let other = bench.start().await.unwrap();
    assert!(matches!(other.end, RunEnd::Waiting(_)), "{:?}", other.end);
    bench.hand_in(&first.run, &answer(AnswerWord::Yes));
    bench.resume(&first.run).await.unwrap();
    let again = bench.param("host", "web1").start().await.unwrap();
    assert!(matches!(again.end, RunEnd::Waiting(_)), "{:?}", again.end);
}

#[tokio::test]
async fn all_that_is_in_the_inbox_is_taken_before_it_lets_go() {
    let bench = Bench::new(
        "
steps:
  one:
    verify: One?
    ask: One?
  two:
    verify: Two?
    ask: Two?
",
    );
    let finished = bench.start().await.unwrap();
    for step in ["one", "two"] {
        let Input::Answer { request, answer, fields, behalf, reason, .. } = answer(AnswerWord::Yes) else {
            panic!("it is an answer")
        };
        let step = Some(step.to_owned());
        bench.hand_in(&finished.run, &Input::Answer { step, request, answer, fields, behalf, reason });
    }
    let resumed = bench.resume(&finished.run).await.unwrap();
    assert!(matches!(resumed.end, RunEnd::Over(RunOutcome::Resolved)), "{:?}", resumed.end);
    bench.verify_sealed(&finished.run);
}

#[tokio::test]
async fn a_deadline_ends_a_question_nobody_answers() {
    let bench = Bench::new(
        "
steps:
  look:
    verify: Is the light green?
    ask: Is the light green?
    within: 50ms
    else: tell
  tell:
    act: Tell it
    script: echo told > told
    idempotent: true
",
    );
    let finished = bench.start().await.unwrap();
    assert!(matches!(finished.end, RunEnd::Over(_)), "{:?}", finished.end);
    assert!(bench.exists("told"));
}

#[tokio::test]
async fn a_deadline_that_passed_without_a_process_has_passed() {
    let bench = Bench::new(
        "
steps:
  look:
    verify: Is the light green?
    ask: Is the light green?
    within: 1s
    else: failed
",
    );
    let watcher = Bench::watcher();
    tokio::select! {
        finished = bench.start_watched(watcher.clone()) => panic!("it ended too early: {finished:?}"),
        () = watcher.until(|record| matches!(record, Record::Question { .. })) => {}
    }
    let run = bench.latest();
    let question = Bench::records(&run).pop().unwrap();
    let Record::Question { deadline: Some(deadline), .. } = question.1 else { panic!("{question:?}") };
    // The answer comes too late.
    while jiff::Timestamp::now() <= deadline {
        tokio::task::yield_now().await;
    }
    bench.hand_in(&run, &answer(AnswerWord::Yes));
    let resumed = bench.resume(&run).await.unwrap();
    assert!(matches!(resumed.end, RunEnd::Over(RunOutcome::Failed)), "{:?}", resumed.end);
    let records = Bench::records(&run);
    assert!(records.iter().any(|(_, record)| matches!(record, Record::QuestionWithdrawn { timed_out: true, .. })));
    assert!(records.iter().any(|(_, record)| matches!(record, Record::Refused { .. })), "the late answer is kept");
}

#[tokio::test]
async fn a_cancel_ends_a_verify_and_lets_an_act_end() {
    let bench = Bench::new(
        "
parallel: 2
steps:
  look:
    verify: Look
    needs: []
    script: echo looking; exec sleep 600
  stop:
    act: Stop it
    needs: []
    script: echo stopping; cat pipe > stopped
    idempotent: true
",
    );
    let pipe = bench.path("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let watcher = Bench::watcher();
    let (sender, inputs) = runbook_runner::inputs();
    let run = async { bench.start_with(watcher.clone(), inputs).await.unwrap() };
    let person = async {
        watcher.until_printed("looking").await;
        watcher.until_printed("stopping").await;
        let actor = bench.machine.account.actor("terminal");
        sender.send((actor, Input::Cancel { reason: "wrong host".to_owned() })).await.unwrap();
        watcher.until(|record| matches!(record, Record::AttemptEnded { key, .. } if key.step == "look")).await;
        tokio::task::spawn_blocking(move || fs::write(pipe, "stopped")).await.unwrap().unwrap();
    };
    let (finished, ()) = tokio::join!(run, person);
    assert!(matches!(finished.end, RunEnd::Over(RunOutcome::Cancelled)), "{:?}", finished.end);
    assert_eq!(bench.read("stopped"), "stopped");
    assert_eq!(finished.end.exit_code(), 4);
}
