//! However a child ends, it is said how, and nothing of it is left.

use std::time::{Duration, Instant};

use runbook_runner::process::{End, Reason, Rung, Stdin};

use crate::world::{Marked, block_on, kill, state};

/// Time for what is waited for to come, on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn exit_codes_are_told() {
    for code in [0, 1, 7, 126, 127, 255] {
        let child = Marked::sh(&format!("exit {code}"));
        let ended = child.run();
        assert_eq!(ended.end, End::Exited(code));
        assert_eq!(ended.rung, Rung::Exited);
        assert!(ended.stdout.complete && ended.stdout.closed);
    }
}

#[test]
fn a_signal_is_told_from_an_exit_code() {
    assert_eq!(Marked::sh("kill -KILL $$").run().end, End::Signalled(9));
    assert_eq!(Marked::sh("kill -SEGV $$").run().end, End::Signalled(11));
    assert_eq!(Marked::sh("exit 137").run().end, End::Exited(137));
}

#[test]
fn no_zombie_stays() {
    let child = Marked::sh("exit 3");
    block_on(async {
        let running = child.start();
        let pid = running.pid();
        assert!(state(pid).is_some());
        running.wait(|_, _| {}).await;
        assert_eq!(state(pid), None);
    });
}

#[test]
fn timeout_ends_a_child_that_obeys_with_term() {
    let mut child = Marked::sh("sleep 1000");
    child.spec.timeout = Some(Duration::from_millis(100));
    let ended = child.run();
    assert_eq!(ended.end, End::TimedOut);
    assert_eq!(ended.rung, Rung::Term);
    assert!(ended.duration >= Duration::from_millis(100), "ended after {:?}", ended.duration);
    assert!(child.alive().is_empty());
}

#[test]
fn timeout_ends_a_deaf_child_with_kill_after_grace() {
    let mut child = Marked::sh("trap '' TERM; echo deaf; while :; do sleep 1000; done");
    child.spec.timeout = Some(Duration::from_secs(2));
    child.spec.grace = Duration::from_millis(200);
    let begin = Instant::now();
    let ended = child.run();
    assert_eq!(ended.stdout.kept, b"deaf\n", "the child was not deaf before its timeout");
    assert_eq!(ended.end, End::TimedOut);
    assert_eq!(ended.rung, Rung::Kill);
    assert!(begin.elapsed() >= Duration::from_millis(2_200), "ended after {:?}", begin.elapsed());
    assert!(child.alive().is_empty());
}

#[test]
fn timeout_ends_a_child_that_prints_without_pause() {
    let mut child = Marked::sh("exec yes");
    child.spec.timeout = Some(Duration::from_millis(300));
    child.spec.capture.memory = 1_000;
    let (ended, others) = block_on(async {
        let local = tokio::task::LocalSet::new();
        let waiting = local.spawn_local(child.start().wait(|_, _| {}));
        let others = local.spawn_local(async {
            let mut turns = 0_u32;
            loop {
                tokio::task::yield_now().await;
                turns += 1;
                if turns == 1_000 {
                    return turns;
                }
            }
        });
        local.run_until(async { (waiting.await.unwrap(), others.await.unwrap()) }).await
    });
    assert_eq!(ended.end, End::TimedOut);
    assert!(ended.duration < Duration::from_secs(10), "heard of its timeout after {:?}", ended.duration);
    assert!(ended.stdout.bytes_seen > 1_000);
    assert_eq!(others, 1_000);
}

#[test]
fn deaf_grandchildren_that_hold_the_pipe_leave_no_process() {
    let mut child = Marked::grandchildren(&["deaf", "3"]);
    child.spec.grace = Duration::from_millis(50);
    let (line, ended) = child.run_until_ready();
    assert!(line.starts_with("ready "), "{line}");
    assert_eq!(ended.end, End::Terminated(Reason::Cancelled));
    assert_eq!(ended.rung, Rung::Kill);
    assert!(ended.stdout.closed && ended.stderr.closed);
    assert!(ended.holders.is_empty());
    assert_eq!(child.alive(), Vec::<u32>::new());
}

#[test]
fn grandchildren_are_found_by_the_look_that_says_there_are_none() {
    let child = Marked::grandchildren(&["3"]);
    block_on(async {
        let running = child.start();
        let terminate = running.terminate_handle();
        let mut most = 0;
        running
            .wait(|_, _| {
                most = child.alive().len();
                terminate.request(Reason::OutOfTime);
            })
            .await;
        assert_eq!(most, 4);
    });
    assert_eq!(child.alive(), Vec::<u32>::new());
}

#[test]
fn deaf_grandchildren_are_ended_after_their_leader_left_by_itself() {
    let mut child = Marked::grandchildren(&["deaf", "leave", "3"]);
    child.spec.grace = Duration::from_millis(50);
    let ended = child.run();
    assert_eq!(ended.end, End::Exited(0));
    assert_eq!(ended.rung, Rung::Kill);
    assert_eq!(ended.left_behind.len(), 3);
    assert!(ended.left_behind.iter().all(|left| left.command.contains("grandchildren below")));
    assert_eq!(child.alive(), Vec::<u32>::new());
}

#[test]
fn background_process_is_ended_and_named() {
    let child = Marked::sh("sleep 1000 & echo done; exit 4");
    let ended = child.run();
    assert_eq!(ended.end, End::Exited(4));
    assert_eq!(ended.rung, Rung::Term);
    assert_eq!(ended.stdout.kept, b"done\n");
    assert!(ended.stdout.closed);
    let commands: Vec<&str> = ended.left_behind.iter().map(|left| left.command.as_str()).collect();
    assert_eq!(commands, ["sleep 1000"]);
    assert!(ended.duration < Duration::from_secs(15), "what was left behind counts as {:?}", ended.duration);
    assert_eq!(child.alive(), Vec::<u32>::new());
}

#[test]
fn what_the_leader_leaves_may_finish_its_line() {
    let ended = Marked::sh("echo late & exit 0").run();
    assert_eq!(ended.end, End::Exited(0));
    assert_eq!(ended.rung, Rung::Exited);
    assert_eq!(ended.stdout.kept, b"late\n");
}

#[test]
fn escaped_process_that_holds_the_pipe_is_named() {
    for (words, end) in [
        (["escape", "2"].as_slice(), End::Terminated(Reason::Cancelled)),
        (["leave", "escape", "2"].as_slice(), End::Exited(0)),
    ] {
        let mut child = Marked::grandchildren(words);
        child.spec.drain = Duration::from_millis(100);
        let (line, ended) = if end == End::Exited(0) {
            let ended = child.run();
            (String::from_utf8(ended.stdout.kept.clone()).unwrap(), ended)
        } else {
            child.run_until_ready()
        };
        let escaped: u32 = line.trim_end().strip_prefix("ready ").unwrap().parse().unwrap();
        let left = child.alive();
        kill(escaped);
        assert_eq!(ended.end, end);
        assert_eq!(ended.rung, Rung::Drained);
        assert!(!ended.stdout.closed);
        assert_eq!(left, [escaped]);
        assert_eq!(ended.holders.iter().map(|holder| holder.pid).collect::<Vec<_>>(), [escaped]);
        let command = &ended.holders.first().unwrap().command;
        assert!(command.ends_with("grandchildren below escape 0"), "{command}");
    }
}

#[test]
fn stopped_child_hears_term() {
    let child = Marked::sh("echo ready; kill -STOP $$; exec sleep 1000");
    block_on(async {
        let running = child.start();
        let pid = running.pid();
        let terminate = running.terminate_handle();
        let wait = running.wait(|_, _| {});
        let stop = async {
            let begin = Instant::now();
            while state(pid) != Some('T') {
                assert!(begin.elapsed() < PATIENCE, "the child did not stop");
                tokio::task::yield_now().await;
            }
            terminate.request(Reason::Cancelled);
        };
        let (ended, ()) = tokio::join!(wait, stop);
        assert_eq!(ended.end, End::Terminated(Reason::Cancelled));
        assert_eq!(ended.rung, Rung::Term);
    });
    assert_eq!(child.alive(), Vec::<u32>::new());
}

#[test]
fn child_that_cleans_up_on_term_is_given_the_time() {
    let child = Marked::sh("trap 'echo cleaned; exit 5' TERM; echo ready; while :; do :; done");
    let (_, ended) = child.run_until_ready();
    assert_eq!(ended.stdout.kept, b"ready\ncleaned\n");
    assert_eq!(ended.end, End::Terminated(Reason::Cancelled));
    assert_eq!(ended.rung, Rung::Term);
}

#[test]
fn dropped_child_is_killed_with_its_group() {
    let child = Marked::grandchildren(&["deaf", "2"]);
    block_on(async {
        let running = child.start();
        let pid = running.pid();
        let ready = tokio::sync::Notify::new();
        let wait = running.wait(|_, _| ready.notify_one());
        tokio::select! {
            ended = wait => panic!("ended by itself: {ended:?}"),
            () = ready.notified() => {}
        }
        assert_eq!(state(pid), None, "the leader is still there");
    });
    // KILL was sent to all before the leader was reaped; the others may take a moment to be gone.
    let begin = Instant::now();
    while !child.alive().is_empty() {
        assert!(begin.elapsed() < PATIENCE, "still there: {:?}", child.alive());
        std::thread::yield_now();
    }
}

#[test]
fn request_before_the_wait_and_after_the_end_are_harmless() {
    let child = Marked::sh("exec sleep 1000");
    block_on(async {
        let running = child.start();
        let terminate = running.terminate_handle();
        terminate.request(Reason::OutOfTime);
        terminate.request(Reason::Cancelled);
        assert_eq!(running.wait(|_, _| {}).await.end, End::Terminated(Reason::OutOfTime));
        terminate.request(Reason::Cancelled);
    });
}

#[test]
fn input_nobody_reads_does_not_hang() {
    for script in ["exit 0", "exec <&-; exit 0", "head -c 5 >/dev/null"] {
        let mut child = Marked::sh(script);
        child.spec.stdin = Stdin::Bytes(vec![b'x'; 10 << 20]);
        assert_eq!(child.run().end, End::Exited(0), "{script}");
    }
    let mut child = Marked::sh("exec sleep 1000");
    child.spec.stdin = Stdin::Bytes(vec![b'x'; 10 << 20]);
    child.spec.timeout = Some(Duration::from_millis(100));
    assert_eq!(child.run().end, End::TimedOut);
}
