//! Hears of a process's end through the runtime.

use std::io;
use std::os::fd::OwnedFd;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::procfs;

/// Members of a group that are watched at once; the others are looked at when these have ended.
const WATCHED_MAX: usize = 64;

/// A process whose end is awaited, though it need not be our child. The number is not another's while it is not reaped.
#[derive(Debug)]
pub(crate) struct Watch {
    pidfd: AsyncFd<OwnedFd>,
}

impl Watch {
    pub(crate) fn new(pid: Pid) -> io::Result<Self> {
        let fd = pidfd_open(pid, PidfdFlags::empty())?;
        #[expect(
            deprecated,
            reason = "what follows it is unsafe, for types that may close or change their descriptor; OwnedFd does not"
        )]
        let pidfd = AsyncFd::with_interest(fd, Interest::READABLE)?;
        Ok(Self { pidfd })
    }

    /// Waits until the process has ended. It is then to be reaped, if it is our child.
    pub(crate) async fn ended(&self) {
        // An error means that the runtime shuts down, and this future with it.
        let _ready = self.pidfd.readable().await;
    }

    /// Sends it a signal: to this process and no other, whatever its number is by now.
    pub(crate) fn signal(&self, signal: Signal) -> io::Result<()> {
        Ok(pidfd_send_signal(&self.pidfd, signal)?)
    }

    /// Forgets that the process was said to have ended.
    pub(super) fn not_yet(&self) {
        let _cleared: io::Result<()> = self.pidfd.try_io(Interest::READABLE, |_| Err(io::ErrorKind::WouldBlock.into()));
    }

    /// Waits for the end without the runtime, blocking the thread for at most a second.
    pub(super) fn block(&self) {
        let limit = rustix::event::Timespec { tv_sec: 1, tv_nsec: 0 };
        let mut ended = [rustix::event::PollFd::new(&self.pidfd, rustix::event::PollFlags::IN)];
        let _in_time = rustix::event::poll(&mut ended, Some(&limit));
    }
}

/// Watches the first of these processes, leaving out those that left the group or ended meanwhile: their numbers may
/// be others' by now.
pub(super) fn watch_members(pids: Vec<Pid>, group: Pid) -> Vec<Watch> {
    let watched = pids.into_iter().filter_map(|pid| {
        let watch = Watch::new(pid).ok()?;
        procfs::is_member(pid, group).then_some(watch)
    });
    watched.take(WATCHED_MAX).collect()
}

/// Waits until each of these has ended, and forgets those that have.
pub(super) async fn all_ended(members: &mut Vec<Watch>) {
    while let Some(member) = members.last() {
        member.ended().await;
        members.pop();
    }
}
