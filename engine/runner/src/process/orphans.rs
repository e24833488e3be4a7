//! What a look leaves behind in a session of its own: this process is the reaper of all it started, so it comes here
//! when its own parent ends, and can be named.

use std::collections::BTreeSet;
use std::fs;
use std::io;

use rustix::process::{WaitOptions, getpid, set_child_subreaper, waitpid};

use super::procfs::{Process, children, describe, place};

/// Processes that are named at once.
const NAMED_MAX: usize = 32;

/// Has every process that this one started, and that loses its parent, come to this one.
///
/// # Errors
/// What the system says, where it has no such thing.
pub(crate) fn adopt() -> io::Result<()> {
    Ok(set_child_subreaper(Some(getpid()))?)
}

/// The processes that came to this one, each told of once.
#[derive(Debug, Default)]
pub struct Orphans {
    known: BTreeSet<(i32, String)>,
}

impl Orphans {
    /// Names those that have come since the last call.
    ///
    /// What was started here leads a group in this process's own session, so it cannot leave that session; a supervisor
    /// leads one of its own, and is this program. Whatever else is a child was left to it.
    pub(crate) fn come(&mut self) -> Vec<Process> {
        let (own, Some((_, session, _))) = (getpid(), place(getpid())) else { return Vec::new() };
        let program = fs::read_link("/proc/self/exe").ok();
        let mut found = Vec::new();
        for pid in children(own) {
            let Some((ended, other, started)) = place(pid) else { continue };
            if other == session {
                continue;
            }
            if ended {
                // A supervisor's own end is waited for elsewhere; it leads its session.
                if other != pid.as_raw_pid() {
                    let _status = waitpid(Some(pid), WaitOptions::NOHANG);
                }
                continue;
            }
            let its = fs::read_link(format!("/proc/{}/exe", pid.as_raw_pid())).ok();
            if its == program || !self.known.insert((pid.as_raw_pid(), started)) {
                continue;
            }
            found.extend(describe(pid));
        }
        found.truncate(NAMED_MAX);
        found
    }
}
