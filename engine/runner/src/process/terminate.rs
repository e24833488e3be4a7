//! Asking for a child's end, and signals to its group.

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::sync::watch;

/// Why somebody asked for a child's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A person cancelled.
    Cancelled,
    /// Its time ran out, by a clock of who asked.
    OutOfTime,
}

/// Asks one child to end; cloneable, and usable from any thread, before, during and after the wait.
#[derive(Clone, Debug)]
pub struct Terminate {
    asked: watch::Sender<Option<Reason>>,
}

impl Terminate {
    pub(super) fn new() -> (Self, watch::Receiver<Option<Reason>>) {
        let (asked, seen) = watch::channel(None);
        (Self { asked }, seen)
    }

    /// Begins the ladder: TERM, grace, KILL, drain. Only the first request counts, and one that comes after the child
    /// ended by itself changes nothing.
    pub fn request(&self, reason: Reason) {
        self.asked.send_if_modified(|asked| {
            let first = asked.is_none();
            if first {
                *asked = Some(reason);
            }
            first
        });
    }
}

/// Waits for a request.
pub(super) async fn requested(asked: &mut watch::Receiver<Option<Reason>>) -> Reason {
    match asked.wait_for(Option::is_some).await.map(|seen| *seen) {
        Ok(Some(reason)) => reason,
        // The sender lives beside the receiver in `Running`, so this is never reached; waiting is harmless.
        Ok(None) | Err(_) => std::future::pending().await,
    }
}

/// Asks every process of a group to end. A stopped one is continued, as it could not hear TERM otherwise.
///
/// The caller knows that the group is pinned: its leader not reaped, or a member seen alive. That keeps the number from
/// being another group's by now. A group that is gone is no error: that is what was wanted.
pub(super) fn ask_to_end(group: Pid) {
    let _gone = kill_process_group(group, Signal::TERM);
    let _gone = kill_process_group(group, Signal::CONT);
}

/// Ends every process of a group at once; same condition as [`ask_to_end`].
pub(super) fn kill(group: Pid) {
    let _gone = kill_process_group(group, Signal::KILL);
}
