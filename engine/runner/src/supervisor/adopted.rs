//! What left an act's group: the supervisor is the reaper of all that an act ever started, so it comes to it when its
//! own parent ends.

use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use crate::process::{Process, children, describe, is_alive};

/// Time for what was killed to be gone; one that hangs in the kernel may take for ever.
const GONE_WITHIN: Duration = Duration::from_secs(5);
/// Between two looks at it.
const LOOK_EVERY: Duration = Duration::from_millis(2);
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
/// itself was waited for.
pub(super) async fn kill_all() {
    let deadline = tokio::time::Instant::now() + GONE_WITHIN;
    loop {
        reap(None);
        let left = children(rustix::process::getpid());
        if left.is_empty() || tokio::time::Instant::now() >= deadline {
            return;
        }
        for child in left {
            // Not reaped before the next round, so the number is still its own.
            let _gone = kill_process(child, Signal::KILL);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Names everything alive that this process is the reaper of.
pub(super) fn survivors() -> Vec<Process> {
    reap(None);
    let mut found = Vec::new();
    let mut left = children(rustix::process::getpid());
    while let Some(pid) = left.pop() {
        if found.len() >= NAMED_MAX {
            break;
        }
        if is_alive(pid) {
            found.extend(describe(pid));
            left.extend(children(pid));
        }
    }
    found
}
