//! Starts the lab's processes, and ends every one of them, however the lab itself ends.
//!
//! Each process asks the kernel to be killed when its parent dies. The kernel means the *thread* that started it, so one thread
//! starts them all and lives exactly as long as the lab: a test may hand its lab to another thread, and a lab killed outright
//! leaves nothing behind, not even a process that is stopped.

use std::fmt;
use std::io::{self, Read as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, Signal, kill_process};

use crate::lab::Service;
use crate::lab::presence::timespec;

/// How long a service may take to say that it is ready; far more than it needs on a busy machine.
const READY_WITHIN: Duration = Duration::from_secs(20);

type Order = Box<dyn FnOnce(&mut Children) + Send>;

#[derive(Default)]
struct Children(Vec<(Service, Child)>);

/// The thread that has the lab's processes.
pub(super) struct Keeper {
    orders: Option<mpsc::SyncSender<Order>>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    pub(super) fn new() -> io::Result<Self> {
        // Without a buffer: whoever gives an order waits for it to be done anyway.
        let (orders, received) = mpsc::sync_channel::<Order>(0);
        let thread = std::thread::Builder::new().name("lab-keeper".to_owned()).spawn(move || {
            let mut children = Children::default();
            for order in received {
                order(&mut children);
            }
        })?;
        Ok(Self { orders: Some(orders), thread: Some(thread) })
    }

    /// Starts a service and returns when it says that it is ready.
    pub(super) fn start(&self, service: Service, command: Command) -> Result<(), StartError> {
        self.ask(move |children| children.start(service, command)).unwrap_or(Err(StartError::KeeperGone))
    }

    /// Sends a service a signal; says whether it was there.
    pub(super) fn signal(&self, service: Service, signal: Signal) -> io::Result<bool> {
        self.ask(move |children| children.signal(service, signal)).unwrap_or(Ok(false))
    }

    /// Kills a service and returns when its process is gone.
    pub(super) fn kill(&self, service: Service) -> io::Result<()> {
        self.ask(move |children| children.kill(service)).unwrap_or(Ok(()))
    }

    fn ask<T: Send + 'static>(&self, work: impl FnOnce(&mut Children) -> T + Send + 'static) -> Option<T> {
        let (answer, answered) = mpsc::sync_channel(1);
        let order: Order = Box::new(move |children| {
            let _nobody_waits = answer.send(work(children));
        });
        self.orders.as_ref()?.send(order).ok()?;
        answered.recv().ok()
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // The thread ends with its last order, and ends all its children as it goes.
        drop(self.orders.take());
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

impl Children {
    fn start(&mut self, service: Service, mut command: Command) -> Result<(), StartError> {
        // A group of its own: Ctrl-C at the terminal is for the lab to hear, not for its services.
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|source| StartError::Spawn {
            service,
            program: command.get_program().to_string_lossy().into_owned(),
            source,
        })?;
        let ready = child.stdout.take().map(|stdout| wait_ready(stdout, READY_WITHIN));
        self.0.push((service, child));
        match ready {
            Some(Ok(true)) => Ok(()),
            Some(Err(source)) => Err(StartError::Wait { service, source }),
            Some(Ok(false)) | None => {
                let _gone = self.kill(service);
                Err(StartError::NotReady { service })
            }
        }
    }

    fn signal(&self, service: Service, signal: Signal) -> io::Result<bool> {
        // Children are waited for only here, so the pid cannot have become another process's.
        let Some((_, child)) = self.0.iter().find(|(each, _)| *each == service) else {
            return Ok(false);
        };
        kill_process(Pid::from_child(child), signal)?;
        Ok(true)
    }

    fn kill(&mut self, service: Service) -> io::Result<()> {
        let Some(at) = self.0.iter().position(|(each, _)| *each == service) else {
            return Ok(());
        };
        let (_, mut child) = self.0.swap_remove(at);
        child.kill()?;
        child.wait()?;
        Ok(())
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        for (_, child) in &mut self.0 {
            let _gone_already = child.kill();
        }
        for (_, child) in &mut self.0 {
            let _gone_already = child.wait();
        }
    }
}

/// Reads the line by which a service says that it is ready; false when it ended or said nothing in time.
fn wait_ready(mut stdout: ChildStdout, limit: Duration) -> io::Result<bool> {
    let deadline = Instant::now() + limit;
    let mut said = Vec::new();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let mut watched = [PollFd::new(&stdout, PollFlags::IN)];
        match poll(&mut watched, Some(&timespec(left))) {
            Ok(0) => return Ok(false),
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(e) => return Err(e.into()),
        }
        let mut piece = [0; 64];
        let count = stdout.read(&mut piece)?;
        if count == 0 {
            return Ok(false);
        }
        said.extend(piece.iter().take(count));
        if said.contains(&b'\n') {
            return Ok(true);
        }
    }
}

/// Why a service of the lab could not be started.
#[derive(Debug)]
pub enum StartError {
    /// Its program could not be started.
    Spawn {
        /// The service.
        service: Service,
        /// The program.
        program: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// It ended, or did not say in time that it is ready; its log says why.
    NotReady {
        /// The service.
        service: Service,
    },
    /// It could not be waited for.
    Wait {
        /// The service.
        service: Service,
        /// What the operating system said.
        source: io::Error,
    },
    /// The lab is ending.
    KeeperGone,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spawn { service, program, source } => write!(f, "cannot start {service} ({program}): {source}"),
            Self::NotReady { service } => {
                write!(f, "{service} did not become ready within {} s: see its log", READY_WITHIN.as_secs())
            }
            Self::Wait { service, source } => write!(f, "cannot wait for {service}: {source}"),
            Self::KeeperGone => write!(f, "the lab is ending"),
        }
    }
}

impl std::error::Error for StartError {}
