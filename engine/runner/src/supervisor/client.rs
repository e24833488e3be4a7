//! The engine's side of a supervisor: starts it, lets it go, asks for the end, and takes in how it came.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use runbook_core::run::event::Ending;
use runbook_core::run::record::{End, StartFailure, StartFailureKind, Stream};
use runbook_transcript::blob::Blobs;
use rustix::process::{Pid, Signal};
use tokio::net::unix::pipe;
use tokio::sync::watch;

use super::VERB;
use super::exit::Exit;
use super::order::{Instead, Order};
use super::report::{Listener, Told};
use super::serve::{GO, STOP};
use crate::executor::command;
use crate::process::{Watch, session};

/// Bytes read at once of what a supervisor tells.
const CHUNK_BYTES: usize = 64 << 10;

/// What was asked of an attempt so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Asked {
    go: bool,
    stop: bool,
    shut: bool,
}

/// Asks something of one supervised attempt.
#[derive(Debug, Clone)]
pub(crate) struct Control {
    asked: watch::Sender<Asked>,
}

impl Control {
    fn new() -> (Self, watch::Receiver<Asked>) {
        let (asked, seen) = watch::channel(Asked::default());
        (Self { asked }, seen)
    }

    /// Lets it go: that it may is on disk.
    pub(crate) fn release(&self) {
        self.asked.send_modify(|asked| asked.go = !asked.shut);
    }

    /// Ends it by the ladder; where it was not let go it never will be.
    pub(crate) fn stop(&self) {
        self.asked.send_modify(|asked| {
            asked.stop = true;
            asked.shut |= !asked.go;
        });
    }

    /// Keeps it from going, where it was not let go.
    pub(crate) fn shut(&self) {
        self.asked.send_modify(|asked| asked.shut |= !asked.go);
    }
}

/// A supervisor that was started and waits at its gate. Dropped, it ends and has started nothing, unless it was let go.
pub(crate) struct Supervisor {
    child: Child,
    control: pipe::Sender,
    told: pipe::Receiver,
    order: Vec<u8>,
    exit: PathBuf,
    seen: watch::Receiver<Asked>,
}

impl Supervisor {
    /// Starts one with this program. Nothing it is told stands in its words or its environment, which is empty.
    pub(crate) fn start(program: &Path, order: &Order) -> io::Result<(Self, Control)> {
        let bytes = order.encode()?;
        let (gate, control) = io::pipe()?;
        let (told, teller) = io::pipe()?;
        let mut command = Command::new(program);
        // Who looks at the list of processes sees what it is.
        command.arg0("runbook").args([VERB, &order.run, &order.step]).arg(order.attempt.to_string());
        command.env_clear().current_dir("/").stdin(gate).stdout(teller).stderr(Stdio::null());
        if let Some(Instead::Request(ready)) = &order.instead {
            // Where trust comes from is read from the environment by the library that looks at certificates.
            command.envs(ready.trust.iter().map(|(name, value)| (name, value)));
        }
        let child = command.spawn()?;
        // The command holds our copies of its ends.
        drop(command);
        let supervisor = Self {
            child,
            control: pipe::Sender::from_owned_fd(OwnedFd::from(control))?,
            told: pipe::Receiver::from_owned_fd(OwnedFd::from(told))?,
            order: bytes,
            exit: order.exit.clone(),
            seen: watch::channel(Asked::default()).1,
        };
        let (control, seen) = Control::new();
        Ok((Self { seen, ..supervisor }, control))
    }

    /// Its process number.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sees it through: tells it what to run, lets it go when that is asked for, shows what it tells, and gives the end.
    pub(crate) async fn end(self, blobs: &Blobs, mut show: impl FnMut(Stream, &[u8])) -> Ending {
        let Self { mut child, control, told, order, exit, mut seen } = self;
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let mut heard = Heard::default();
        let mut gate = Gate { pipe: Some(control), rest: order, done: Asked::default() };
        let mut buffer = vec![0; CHUNK_BYTES];
        loop {
            let asked = *seen.borrow_and_update();
            gate.ask(asked);
            tokio::select! {
                Ok(()) = seen.changed() => {}
                () = gate.writable() => gate.write(),
                readable = told.readable() => {
                    if readable.is_err() || !heard.read(&told, &mut buffer, &mut show) {
                        break;
                    }
                }
            }
        }
        // Its pipe closes a moment before it has ended; what it left is on disk by then.
        if let Some(Ok(watch)) = pid.map(Watch::new) {
            watch.ended().await;
        }
        let _status = child.try_wait();
        let told = heard.unwritten.as_deref().and_then(Exit::decode);
        match Exit::read(&exit).or(told) {
            Some(exit) => exit.ending(blobs),
            None if heard.let_go => lost(child.id()),
            None => command::ending(not_let_go(gate.done.shut)),
        }
    }
}

/// The end of an act whose supervisor was ended: not known, and what may still run of it is named.
fn lost(supervisor: u32) -> Ending {
    let left = session(supervisor).into_iter().map(|process| format!("{} {}", process.pid, process.command));
    let survivors = left.collect();
    Ending { survivors, ..command::ending(End::Lost("its supervisor ended before it did".to_owned())) }
}

fn not_let_go(shut: bool) -> End {
    let why = if shut { "it was stopped before it was let go" } else { "its supervisor ended before it was let go" };
    End::NotStarted(StartFailure { kind: StartFailureKind::Other, message: why.to_owned() })
}

/// Our end of the pipe to a supervisor, and what has still to be written into it.
struct Gate {
    pipe: Option<pipe::Sender>,
    rest: Vec<u8>,
    done: Asked,
}

impl Gate {
    fn ask(&mut self, asked: Asked) {
        if asked.shut && !self.done.go {
            self.done.shut = true;
            self.pipe = None;
        }
        if asked.go && !self.done.go {
            self.done.go = true;
            self.rest.push(GO);
        }
        if asked.stop && !self.done.stop && self.done.go {
            self.done.stop = true;
            self.rest.push(STOP);
        }
        // Mostly there is room, and the byte goes at once.
        self.write();
    }

    async fn writable(&self) {
        match &self.pipe {
            Some(pipe) if !self.rest.is_empty() => {
                let _ready = pipe.writable().await;
            }
            _ => std::future::pending().await,
        }
    }

    fn write(&mut self) {
        while let Some(pipe) = self.pipe.as_ref().filter(|_| !self.rest.is_empty()) {
            match pipe.try_write(&self.rest) {
                Ok(count) => drop(self.rest.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // It has ended: its other pipe says so too.
                Err(_) => self.pipe = None,
            }
        }
    }
}

/// What a supervisor told so far.
#[derive(Default)]
struct Heard {
    listener: Listener,
    let_go: bool,
    unwritten: Option<Vec<u8>>,
}

impl Heard {
    /// Takes in what there is; says whether more may come.
    fn read(&mut self, pipe: &pipe::Receiver, buffer: &mut [u8], show: &mut impl FnMut(Stream, &[u8])) -> bool {
        let count = match pipe.try_read(buffer) {
            Ok(0) => return false,
            Ok(count) => count,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                return true;
            }
            Err(_) => return false,
        };
        self.listener.push(buffer.get(..count).unwrap_or_default());
        while let Some(told) = self.listener.next() {
            match told {
                Told::LetGo => self.let_go = true,
                Told::Printed(stream, bytes) => show(stream, &bytes),
                Told::Unwritten(exit) => self.unwritten = Some(exit),
            }
        }
        true
    }
}

/// A supervisor that another engine started and that outlived it.
pub(crate) struct Watched {
    pid: u32,
    watch: Watch,
    exit: PathBuf,
    seen: watch::Receiver<Asked>,
}

impl Watched {
    /// Watches the process with this number, if it is the one that started then: in clock ticks since the boot.
    pub(crate) fn find(pid: u32, start_time: u64, exit: PathBuf) -> Option<(Self, Control)> {
        let raw = i32::try_from(pid).ok().and_then(Pid::from_raw)?;
        let watch = Watch::new(raw).ok()?;
        // Looked at after it is held: whoever has the number now is who is watched.
        if !crate::run::is_process(pid, start_time) {
            return None;
        }
        let (control, seen) = Control::new();
        control.release();
        Some((Self { pid, watch, exit, seen }, control))
    }

    /// Waits until it has left how the act ended.
    pub(crate) async fn end(self, blobs: &Blobs) -> Ending {
        let Self { pid, watch, exit, mut seen } = self;
        loop {
            let stop = seen.borrow_and_update().stop;
            if stop {
                // It may have ended meanwhile; another user's is not ours to end, and goes on to its own end.
                let _asked = watch.signal(Signal::TERM);
            }
            tokio::select! {
                () = watch.ended() => break,
                Ok(()) = seen.changed() => {}
            }
        }
        Exit::read(&exit).map_or_else(|| lost(pid), |exit| exit.ending(blobs))
    }
}
