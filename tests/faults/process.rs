//! Which processes of this machine belong to a case, whoever their parent is by now.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use runbook_tests::until::until;
use rustix::process::{Pid, Signal, kill_process};

/// A process.
#[derive(Debug, Clone)]
pub(crate) struct Process {
    /// Its number.
    pub(crate) pid: Pid,
    /// Its command line.
    pub(crate) line: String,
}

impl Process {
    /// Whether it looks after an act.
    pub(crate) fn is_supervisor(&self) -> bool {
        self.line.split(' ').any(|word| word == "supervise")
    }

    /// Ends it outright; it may have ended by itself.
    pub(crate) fn kill(&self) {
        let _gone = kill_process(self.pid, Signal::KILL);
    }
}

/// All that have to do with this folder: by their command line, environment, directory or an open file.
pub(crate) fn touching(folder: &Path) -> Vec<Process> {
    let (own, program) = (rustix::process::getpid(), std::env::current_exe().unwrap());
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().filter_map(Result::ok) {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw) else {
            continue;
        };
        // What this program is about to start is still this program, and holds for a moment all that it holds.
        let is_ours = fs::read_link(entry.path().join("exe")).is_ok_and(|its| its == program);
        if pid != own && !is_ours && touches(&entry.path(), folder) {
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).trim_end_matches('\0').replace('\0', " ");
            // A connection that is shared stays for a minute where the engine was killed, and is nobody's work.
            if !line.ends_with("[mux]") {
                found.push(Process { pid, line });
            }
        }
    }
    found
}

/// Of one that has ended and was not waited for there is nothing left to read.
fn touches(process: &Path, folder: &Path) -> bool {
    let name = folder.as_os_str().as_bytes();
    let within = |file: &str| {
        let bytes = fs::read(process.join(file)).unwrap_or_default();
        bytes.windows(name.len()).any(|part| part == name)
    };
    let leads = |link: &Path| fs::read_link(link).is_ok_and(|target| target.starts_with(folder));
    within("cmdline")
        || within("environ")
        || leads(&process.join("cwd"))
        || fs::read_dir(process.join("fd")).is_ok_and(|fds| fds.filter_map(Result::ok).any(|fd| leads(&fd.path())))
}

/// Looks until nothing has to do with this folder any more.
///
/// # Panics
/// When something still does after a while.
#[track_caller]
pub(crate) fn none_touching(folder: &Path) {
    until(|| {
        let left = touching(folder);
        if left.is_empty() { Ok(()) } else { Err(format!("left behind: {left:#?}")) }
    });
}
