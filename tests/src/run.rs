//! The program as it runs, and what it said.

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};

use crate::binary::runbook;
use crate::until::{SOON, until};

/// What the program said and how it ended.
#[derive(Debug, Clone)]
pub struct Said {
    /// Its exit code; 128 and the signal's number where a signal ended it.
    pub code: i32,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

impl Said {
    /// Fails unless it ended so.
    ///
    /// # Panics
    /// Then, with all that was said.
    #[track_caller]
    #[expect(clippy::return_self_not_must_use, reason = "often the last thing that is asked")]
    #[expect(clippy::must_use_candidate, reason = "often the last thing that is asked")]
    pub fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, code, "standard output:\n{}\nstandard error:\n{}", self.out, self.err);
        self
    }

    /// Fails unless it printed so.
    ///
    /// # Panics
    /// Then, with all that was said.
    #[track_caller]
    #[expect(clippy::return_self_not_must_use, reason = "often the last thing that is asked")]
    #[expect(clippy::must_use_candidate, reason = "often the last thing that is asked")]
    pub fn shows(self, text: &str) -> Self {
        assert!(self.out.contains(text), "{text:?} is not in:\n{}\nstandard error:\n{}", self.out, self.err);
        self
    }

    /// Fails unless it complained so.
    ///
    /// # Panics
    /// Then, with all that was said.
    #[track_caller]
    #[expect(clippy::return_self_not_must_use, reason = "often the last thing that is asked")]
    #[expect(clippy::must_use_candidate, reason = "often the last thing that is asked")]
    pub fn complains(self, text: &str) -> Self {
        assert!(self.err.contains(text), "{text:?} is not in:\n{}\nstandard output:\n{}", self.err, self.out);
        self
    }

    /// The first command it printed with this verb, from the program's name to the end of the line.
    ///
    /// # Panics
    /// When it printed none.
    #[track_caller]
    #[must_use]
    pub fn command(&self, verb: &str) -> String {
        command_in(&format!("{}\n{}", self.out, self.err), verb)
    }
}

#[track_caller]
fn command_in(text: &str, verb: &str) -> String {
    let before = format!("{} {verb}", runbook().unwrap().display());
    let found = text.lines().find_map(|line| line.find(&before).and_then(|at| line.get(at..)));
    assert!(found.is_some(), "no command with {verb:?} in:\n{text}");
    found.unwrap_or_default().trim_end().to_owned()
}

/// A program that runs, without a terminal.
#[derive(Debug)]
pub struct Started {
    child: Child,
    out: Option<ChildStdout>,
    heard: Vec<u8>,
    // Up to where `until` has looked.
    read: usize,
    err: File,
    deadline: Instant,
}

impl Started {
    /// Starts it and reads what it prints as it comes.
    ///
    /// # Panics
    /// When it cannot be started.
    #[track_caller]
    #[must_use]
    pub fn from(mut command: Command) -> Self {
        let err = tempfile::tempfile().unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(err.try_clone().unwrap()).spawn().unwrap();
        let out = child.stdout.take();
        Self { child, out, heard: Vec::new(), read: 0, err, deadline: Instant::now() + 2 * SOON }
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Sends it a signal.
    ///
    /// # Panics
    /// When that cannot be done.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Reads on until it has printed this.
    ///
    /// # Panics
    /// When it ends before, or takes too long.
    #[track_caller]
    pub fn until(&mut self, text: &str) {
        loop {
            let heard = String::from_utf8_lossy(self.heard.get(self.read..).unwrap_or_default()).into_owned();
            if let Some(at) = heard.find(text) {
                // Whatever is no UTF-8 is longer in `heard`: then a little is looked at again.
                self.read = (self.read + at + text.len()).min(self.heard.len());
                return;
            }
            let more = self.look();
            assert!(more, "{text:?} was not printed, but:\n{heard}\nstandard error:\n{}", self.complaints());
        }
    }

    /// The first command it printed with this verb so far.
    ///
    /// # Panics
    /// When it printed none.
    #[track_caller]
    #[must_use]
    pub fn command(&self, verb: &str) -> String {
        command_in(&String::from_utf8_lossy(&self.heard), verb)
    }

    /// Reads on until it ends.
    ///
    /// # Panics
    /// When it takes too long.
    #[track_caller]
    #[must_use]
    pub fn end(mut self) -> Said {
        while self.look() {}
        let status =
            until(|| self.child.try_wait().unwrap().ok_or_else(|| "it closed its output and goes on".to_owned()));
        let out = String::from_utf8_lossy(&self.heard).into_owned();
        Said { code: code(status), out, err: self.complaints() }
    }

    /// Waits until its process has ended, and gives its exit code: what it started may hold its output open for longer.
    ///
    /// # Panics
    /// When it takes too long.
    #[track_caller]
    #[must_use]
    pub fn process_end(mut self) -> i32 {
        code(until(|| self.child.try_wait().unwrap().ok_or_else(|| "it goes on".to_owned())))
    }

    /// Reads what comes next; false when nothing will.
    #[track_caller]
    fn look(&mut self) -> bool {
        let Some(out) = &mut self.out else { return false };
        let left = self.deadline.saturating_duration_since(Instant::now());
        let ready = poll(&mut [PollFd::new(out, PollFlags::IN)], Some(&timespec(left))).unwrap_or_default();
        if ready > 0 {
            let mut piece = [0; 8192];
            let count = out.read(&mut piece).unwrap();
            self.heard.extend_from_slice(piece.get(..count).unwrap_or_default());
            return count > 0;
        }
        let heard = String::from_utf8_lossy(&self.heard).into_owned();
        let err = self.complaints();
        assert!(!left.is_zero(), "it goes on for too long; it said:\n{heard}\nstandard error:\n{err}");
        true
    }

    fn complaints(&mut self) -> String {
        let mut text = Vec::new();
        self.err.rewind().unwrap();
        self.err.read_to_end(&mut text).unwrap();
        String::from_utf8_lossy(&text).into_owned()
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // After a failed test only: one that ended is waited for already.
        let _gone = self.child.kill();
        let _waited = self.child.wait();
    }
}

/// A status as a shell tells it.
#[must_use]
pub fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt as _;
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}

/// Pastes a command that the program printed into a shell that knows nothing of where it came from: it must say all
/// itself.
///
/// # Panics
/// When there is no shell, or the command takes too long.
#[track_caller]
#[must_use]
pub fn paste(line: &str) -> Said {
    let mut command = Command::new("sh");
    command.current_dir("/").stdin(Stdio::null()).args(["-c", line]);
    command.env_remove("RUNBOOK_DIR").env_remove("RUNBOOK_STORE");
    Started::from(command).end()
}

fn timespec(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(duration.subsec_nanos()),
    }
}
