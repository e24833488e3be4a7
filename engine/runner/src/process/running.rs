//! A child that runs, and the wait that leaves nothing of it.

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process_group};
use tokio::net::unix::pipe;
use tokio::sync::watch;
use tokio::time::{Instant as Deadline, sleep_until};

use super::capture::Capture;
use super::ended::{End, Ended, Rung, Stream};
use super::procfs::{self, Process};
use super::spec::{Spec, Stdin};
use super::terminate::{self, Reason, Terminate, requested};
use super::watch::{Watch, all_ended, watch_members};

/// Bytes read at once: what a pipe of the default size holds.
const CHUNK_BYTES: usize = 64 << 10;
/// Time left to what is still in the group after its leader ended by itself. A shell does not wait for the `tee` of
/// `>(tee log)`; such a process ends within this time, and what it prints belongs to the step.
const LINGER: Duration = Duration::from_millis(200);
/// Chunks read at a drain deadline at most: what the largest pipe an ordinary user can make holds.
const LAST_CHUNKS_MAX: usize = 16;

/// Our end of an output pipe.
pub(super) type Output = pipe::Receiver;

/// Our end of the stdin pipe, and how much of the input went into it.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) pipe: pipe::Sender,
    pub(super) written: usize,
}

/// What a start yields.
pub(super) struct Parts {
    pub(super) spec: Spec,
    pub(super) handle: duct::Handle,
    pub(super) pid: Pid,
    pub(super) leader: Watch,
    pub(super) started: Instant,
    pub(super) input: Option<Input>,
    pub(super) stdout: Output,
    pub(super) stderr: Output,
}

/// A child that was started. Dropping it kills its group.
#[derive(Debug)]
pub struct Running {
    spec: Spec,
    handle: duct::Handle,
    /// The number of the leader, and of its group.
    pid: Pid,
    leader: Watch,
    /// Members of the group, watched after the leader was reaped. While there is one the group's number is pinned.
    members: Vec<Watch>,
    input: Option<Input>,
    stdout: Option<Output>,
    stderr: Option<Output>,
    captured: (Capture, Capture),
    terminate: Terminate,
    asked: watch::Receiver<Option<Reason>>,
    phase: Phase,
    deadline: Option<Deadline>,
    /// Why it ended, as soon as that is decided.
    end: Option<End>,
    /// Whether the leader was reaped.
    reaped: bool,
    started: Instant,
    duration: Option<Duration>,
    rung: Rung,
    left_behind: Vec<Process>,
    holders: Vec<Process>,
}

/// Where a child stands. Each but the last two moves on when its deadline passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The leader runs, until its timeout.
    Running,
    /// The leader ended by itself and left others in its group.
    Linger,
    /// TERM was sent, until grace is over.
    Term,
    /// KILL was sent, until the drain deadline.
    Kill,
    /// Nobody is left in the group; its pipes are read until they close or the drain deadline.
    Drain,
    /// A deadline passed with a pipe still held or a process still there.
    GivenUp,
}

enum Event {
    Printed(Stream),
    Reads,
    LeaderEnded,
    MembersEnded,
    Asked(Reason),
    Deadline,
}

impl Running {
    pub(super) fn new(parts: Parts) -> Self {
        let Parts { spec, handle, pid, leader, started, input, stdout, stderr } = parts;
        let (stdout_file, stderr_file) = match &spec.spill {
            Some(spill) => (Some(spill.stdout.clone()), Some(spill.stderr.clone())),
            None => (None, None),
        };
        let (terminate, asked) = Terminate::new();
        Self {
            deadline: spec.timeout.and_then(|timeout| Deadline::from_std(started).checked_add(timeout)),
            captured: (Capture::new(spec.capture, stdout_file), Capture::new(spec.capture, stderr_file)),
            spec,
            handle,
            pid,
            leader,
            members: Vec::new(),
            input,
            stdout: Some(stdout),
            stderr: Some(stderr),
            terminate,
            asked,
            phase: Phase::Running,
            end: None,
            reaped: false,
            started,
            duration: None,
            rung: Rung::Exited,
            left_behind: Vec::new(),
            holders: Vec::new(),
        }
    }

    /// The child's process number, which is its group's too.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid.as_raw_pid().unsigned_abs()
    }

    /// Says when the child started, in clock ticks since boot, as the system writes it. It can be read even of a child
    /// that has ended, until it is waited for.
    ///
    /// # Errors
    ///
    /// When `/proc` cannot be read.
    pub fn start_time(&self) -> io::Result<String> {
        procfs::start_time(self.pid)
    }

    /// Gives a handle that asks this child to end.
    #[must_use]
    pub fn terminate_handle(&self) -> Terminate {
        self.terminate.clone()
    }

    /// Waits until the child has ended and nothing is left of its group, ending what does not end in time.
    ///
    /// `on_output` is given what is printed while it is printed, as raw bytes, at most 64 KiB at once, cut anywhere.
    /// Dropping the future kills the group.
    pub async fn wait(mut self, mut on_output: impl FnMut(Stream, &[u8])) -> Ended {
        let mut buffer = vec![0; CHUNK_BYTES];
        while !self.is_over() {
            match self.next().await {
                Event::Printed(stream) => self.read(stream, &mut buffer, &mut on_output),
                Event::Reads => self.feed(),
                Event::LeaderEnded if self.reap() => {}
                Event::LeaderEnded => self.leader.not_yet(),
                Event::MembersEnded => self.look_at_group(),
                Event::Asked(reason) => self.end_because(End::Terminated(reason)),
                Event::Deadline if self.phase == Phase::Drain => {
                    self.read_last(Stream::Stdout, &mut buffer, &mut on_output);
                    self.read_last(Stream::Stderr, &mut buffer, &mut on_output);
                    if !self.is_over() {
                        self.give_up();
                    }
                }
                Event::Deadline => self.deadline_passed(),
            }
        }
        self.finish()
    }

    fn is_over(&self) -> bool {
        match self.phase {
            Phase::GivenUp => true,
            Phase::Drain => self.stdout.is_none() && self.stderr.is_none(),
            Phase::Running | Phase::Linger | Phase::Term | Phase::Kill => false,
        }
    }

    async fn next(&mut self) -> Event {
        // A child that prints without pause keeps the loop busy, and a busy loop hears its timer late.
        if self.deadline.is_some_and(|deadline| deadline <= Deadline::now()) {
            return Event::Deadline;
        }
        tokio::select! {
            reason = requested(&mut self.asked), if self.end.is_none() => Event::Asked(reason),
            () = self.leader.ended(), if !self.reaped => Event::LeaderEnded,
            () = all_ended(&mut self.members), if !self.members.is_empty() => Event::MembersEnded,
            () = readable(self.stdout.as_ref()), if self.stdout.is_some() => Event::Printed(Stream::Stdout),
            () = readable(self.stderr.as_ref()), if self.stderr.is_some() => Event::Printed(Stream::Stderr),
            () = writable(self.input.as_ref()), if self.input.is_some() => Event::Reads,
            () = until(self.deadline), if self.deadline.is_some() => Event::Deadline,
        }
    }

    fn read(&mut self, stream: Stream, buffer: &mut [u8], on_output: &mut impl FnMut(Stream, &[u8])) {
        let (pipe, capture) = match stream {
            Stream::Stdout => (&mut self.stdout, &mut self.captured.0),
            Stream::Stderr => (&mut self.stderr, &mut self.captured.1),
        };
        match pipe.as_ref().map(|open| open.try_read(buffer)) {
            Some(Ok(count)) if count > 0 => {
                let chunk = buffer.get(..count).unwrap_or_default();
                capture.take(chunk);
                on_output(stream, chunk);
            }
            Some(Err(error)) if would_block(&error) => {}
            Some(Ok(_) | Err(_)) | None => *pipe = None,
        }
    }

    /// Reads what is in a pipe at the drain deadline, without asking the runtime: this process may have been stopped
    /// or starved so long that the deadline is the first thing it sees.
    fn read_last(&mut self, stream: Stream, buffer: &mut [u8], on_output: &mut impl FnMut(Stream, &[u8])) {
        let (pipe, capture) = match stream {
            Stream::Stdout => (&mut self.stdout, &mut self.captured.0),
            Stream::Stderr => (&mut self.stderr, &mut self.captured.1),
        };
        for _ in 0..LAST_CHUNKS_MAX {
            let Some(open) = pipe else { return };
            match rustix::io::read(open.as_fd(), &mut *buffer) {
                Ok(count) if count > 0 => {
                    let chunk = buffer.get(..count).unwrap_or_default();
                    capture.take(chunk);
                    on_output(stream, chunk);
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                Ok(_) | Err(_) => *pipe = None,
            }
        }
    }

    /// Writes more of the input. A child that ended, or closed its stdin, does not want the rest; that is no error.
    fn feed(&mut self) {
        let (Some(input), Stdin::Bytes(bytes)) = (&mut self.input, &self.spec.stdin) else { return };
        let rest = bytes.get(input.written..).unwrap_or_default();
        match input.pipe.try_write(rest) {
            Ok(count) if count < rest.len() => input.written += count,
            Err(error) if would_block(&error) => {}
            Ok(_) | Err(_) => self.input = None,
        }
    }

    /// Takes in the leader's end and says whether there was one.
    fn reap(&mut self) -> bool {
        let end = match self.handle.try_wait() {
            Ok(None) => return false,
            Ok(Some(output)) => end_of(output.status),
            Err(_reaped_by_another) => End::Lost,
        };
        self.reaped = true;
        self.duration = Some(self.started.elapsed());
        self.end.get_or_insert(end);
        self.look_at_group();
        true
    }

    /// Watches what is left of the group after its leader, or goes on to the drain where nothing is.
    fn look_at_group(&mut self) {
        if !self.reaped {
            return;
        }
        self.members.clear();
        // One call answers for nearly every child. The number cannot be another group's unless all process numbers
        // were used up within the microseconds since the leader was reaped.
        let gone = test_kill_process_group(self.pid) == Err(Errno::SRCH);
        let alive = if gone { Vec::new() } else { procfs::members(self.pid) };
        if alive.is_empty() {
            // Whoever still reads the input is not part of the step.
            self.input = None;
            self.enter(Phase::Drain, self.spec.drain);
            return;
        }
        if self.phase == Phase::Running {
            self.enter(Phase::Linger, LINGER);
        }
        // One that cannot be watched is looked at again when the deadline passes.
        self.members = watch_members(alive, self.pid);
    }

    /// Begins the ladder for this cause, unless the child ended by itself at the last moment.
    fn end_because(&mut self, end: End) {
        if !self.reap() {
            self.end = Some(end);
            self.ask_group_to_end();
        }
    }

    fn deadline_passed(&mut self) {
        match self.phase {
            Phase::Running => self.end_because(End::TimedOut),
            Phase::Linger | Phase::Term => {
                let phase = self.phase;
                self.look_at_group();
                if self.phase == phase && phase == Phase::Linger {
                    self.left_behind = procfs::members(self.pid).into_iter().filter_map(procfs::describe).collect();
                    self.ask_group_to_end();
                } else if self.phase == phase {
                    terminate::kill(self.pid);
                    self.rung = Rung::Kill;
                    self.enter(Phase::Kill, self.spec.drain);
                }
            }
            Phase::Kill => {
                self.look_at_group();
                if self.phase == Phase::Kill {
                    self.give_up();
                }
            }
            Phase::Drain | Phase::GivenUp => self.give_up(),
        }
    }

    fn ask_group_to_end(&mut self) {
        terminate::ask_to_end(self.pid);
        self.rung = Rung::Term;
        self.enter(Phase::Term, self.spec.grace);
    }

    fn give_up(&mut self) {
        let open = [self.stdout.as_ref(), self.stderr.as_ref()];
        let inodes: Vec<u64> =
            open.into_iter().flatten().filter_map(|pipe| Some(rustix::fs::fstat(pipe.as_fd()).ok()?.st_ino)).collect();
        self.holders = procfs::holders(&inodes);
        for process in procfs::members(self.pid).into_iter().filter_map(procfs::describe) {
            if !self.holders.contains(&process) {
                self.holders.push(process);
            }
        }
        self.rung = Rung::Drained;
        self.phase = Phase::GivenUp;
    }

    fn enter(&mut self, phase: Phase, time: Duration) {
        self.phase = phase;
        self.deadline = Deadline::now().checked_add(time);
    }

    fn finish(mut self) -> Ended {
        let limits = self.spec.capture;
        let empty = || Capture::new(limits, None);
        let (stdout, stderr) = std::mem::replace(&mut self.captured, (empty(), empty()));
        let sync = self.spec.spill.as_ref().is_some_and(|spill| spill.sync);
        Ended {
            end: self.end.take().unwrap_or(End::Lost),
            stdout: stdout.finish(self.stdout.is_none(), sync),
            stderr: stderr.finish(self.stderr.is_none(), sync),
            duration: self.duration.unwrap_or_else(|| self.started.elapsed()),
            rung: self.rung,
            left_behind: std::mem::take(&mut self.left_behind),
            holders: std::mem::take(&mut self.holders),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        match self.phase {
            Phase::Drain | Phase::GivenUp => return,
            Phase::Running | Phase::Linger | Phase::Term | Phase::Kill => {}
        }
        if !self.reaped || !procfs::members(self.pid).is_empty() {
            terminate::kill(self.pid);
        }
        if !self.reaped {
            self.leader.block();
            let _status = self.handle.try_wait();
        }
    }
}

fn end_of(status: std::process::ExitStatus) -> End {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => End::Exited(code),
        (None, Some(signal)) => End::Signalled(signal),
        (None, None) => End::Lost,
    }
}

fn would_block(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

async fn readable(pipe: Option<&Output>) {
    if let Some(pipe) = pipe {
        let _ready = pipe.readable().await;
    }
}

async fn writable(input: Option<&Input>) {
    if let Some(input) = input {
        let _ready = input.pipe.writable().await;
    }
}

async fn until(deadline: Option<Deadline>) {
    if let Some(deadline) = deadline {
        sleep_until(deadline).await;
    }
}
