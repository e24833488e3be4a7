//! What left an act's group: the supervisor is the reaper of all that an act ever started, so it comes to it when its
//! own parent ends.

use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use super::cgroup::Cgroup;
use crate::process::{Process, children, describe, is_alive};

/// Time for what was killed to be gone; one that hangs in the kernel may take for ever.
const GONE_WITHIN: Duration = Duration::from_secs(5);
/// Between two looks at it.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// Rounds after which what is left seems to fork faster than it is killed.
const ROUNDS_ALONE: u32 = 5;
/// Processes that are looked at in one round.
const FOUND_MAX: usize = 10_000;
/// Processes that are named in a record.
const NAMED_MAX: usize = 32;

/// Reaps children that ended, but not the act itself: its exit code is waited for elsewhere.
pub(super) fn reap(act: Option<Pid>) {
    for child in children(rustix::process::getpid()) {
        if Some(child) != act {
            let _status = waitpid(Some(child), WaitOptions::NOHANG);
        }
    }
}

/// Kills everything that came to this process, and what comes to it because of that, until nothing is left. The act
/// itself was waited for. Says whether nothing is left.
pub(super) async fn kill_all() -> bool {
    let deadline = tokio::time::Instant::now() + GONE_WITHIN;
    let mut rounds = 0;
    let mut cgroup = None;
    loop {
        reap(None);
        let left = children(rustix::process::getpid());
        if left.is_empty() {
            return true;
        }
        if tokio::time::Instant::now() >= deadline {
            return false;
        }
        for child in &left {
            // Not reaped before the next round, so the number is still its own.
            let _gone = kill_process(*child, Signal::KILL);
        }
        rounds += 1;
        if rounds == ROUNDS_ALONE {
            cgroup = Cgroup::make();
        }
        if let Some(cgroup) = &cgroup {
            cgroup.kill(&descendants());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Everything that this process is an ancestor of, those that wait to be reaped too.
fn descendants() -> Vec<Pid> {
    let mut found = children(rustix::process::getpid());
    let mut at = 0;
    while let Some(pid) = found.get(at).copied().filter(|_| at < FOUND_MAX) {
        found.extend(children(pid));
        at += 1;
    }
    found
}

/// Names everything alive that this process is the reaper of.
pub(super) fn survivors() -> Vec<Process> {
    reap(None);
    let alive = descendants().into_iter().filter(|pid| is_alive(*pid));
    alive.filter_map(describe).take(NAMED_MAX).collect()
}
