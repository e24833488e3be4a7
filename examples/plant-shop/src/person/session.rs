//! The processes of a session: what a terminal's command started, and whatever that started, in groups of their own or not.

use std::fs;
use std::io;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::lab::timespec;

/// How long killed processes may take to be gone.
const GONE_WITHIN: Duration = Duration::from_secs(5);

/// Kills every process of the session that `leader` leads or led, and returns when they are gone.
///
/// # Errors
/// What the operating system says when the processes cannot be listed.
pub(super) fn end(leader: Pid) -> io::Result<()> {
    let deadline = Instant::now() + GONE_WITHIN;
    // Again until a look finds none: a process may have started another one as it was killed.
    loop {
        let members = members(leader)?;
        if members.is_empty() || Instant::now() >= deadline {
            return Ok(());
        }
        for pid in members {
            let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else {
                continue;
            };
            let _gone_already = pidfd_send_signal(&handle, Signal::KILL);
            let left = deadline.saturating_duration_since(Instant::now());
            let _interrupted = poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&timespec(left)));
        }
    }
}

fn members(leader: Pid) -> io::Result<Vec<Pid>> {
    let mut members = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw) else {
            continue;
        };
        // Gone since it was listed: not a member any more.
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else {
            continue;
        };
        // After the name, which is in brackets and may hold anything: state, parent, group, session.
        let mut fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
        let (state, session) = (fields.next(), fields.nth(2));
        let is_there = !matches!(state, Some("Z" | "X"));
        if is_there && session == Some(leader.as_raw_nonzero().to_string().as_str()) {
            members.push(pid);
        }
    }
    Ok(members)
}
