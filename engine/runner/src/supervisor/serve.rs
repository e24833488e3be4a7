//! The supervisor's own life.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::pin::pin;
use std::time::Duration;

use runbook_core::run::event::Ending;
use runbook_core::run::record::{End, StartFailure, StartFailureKind};
use runbook_transcript::blob::Blobs;
use rustix::process::{getpid, set_child_subreaper, setsid};
use tokio::net::unix::pipe;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::adopted;
use super::exit::{Exit, Room};
use super::order::{Instead, Order};
use super::report::Teller;
use crate::clock::Allowance;
use crate::executor::{Keeper, command, elsewhere, request, writing};
use crate::mask::Masker;
use crate::process::{self, Reason, Running};
use crate::remote::{Farewell, Task};

/// The byte that lets the act go.
pub(super) const GO: u8 = b'g';
/// The byte that asks for its end.
pub(super) const STOP: u8 = b's';

/// Is a supervisor, to the end; gives the exit code. Standard input is the engine's pipe, standard output is where it
/// is told what happens. Nothing was started where it gives anything but 0.
#[must_use]
pub fn main() -> u8 {
    match supervise() {
        Ok(()) => 0,
        Err(_) => 1,
    }
}

fn supervise() -> io::Result<()> {
    // A session of its own: no key and no terminal reaches it. It fails for a group's leader, who was started by hand.
    let _leader = setsid();
    set_child_subreaper(Some(getpid()))?;
    let control = io::stdin().as_fd().try_clone_to_owned()?;
    let teller = Teller::new(io::stdout().as_fd().try_clone_to_owned()?)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let signals = Signals::listen()?;
        let mut gate = File::from(control);
        let order = Order::read(&mut gate)?;
        let blobs = Blobs::new(order.blobs.clone(), order.sharing());
        let keeper = Keeper::new(blobs, order.sharing());
        let room = match Room::take(&order.exit, order.sharing().file_mode()) {
            Ok(room) => room,
            Err(error) => {
                teller.unwritten(&without_room(&order, &error));
                return Err(error);
            }
        };
        wait_at(&mut gate)?;
        teller.let_go();
        if let Some(task) = order.task() {
            let (ending, farewell) = watch_elsewhere(&task, &order, &keeper, gate.into(), signals, &teller).await;
            if hand_back(&order, &keeper, room, ending, &teller) {
                farewell.done().await;
            }
        } else {
            let ending = work(&order, &keeper, gate.into(), signals, &teller).await;
            hand_back(&order, &keeper, room, ending, &teller);
        }
        Ok(())
    })
}

/// The end of an act that is not started: how it ended could not be kept.
fn without_room(order: &Order, error: &io::Error) -> Vec<u8> {
    let message =
        format!("did not start: there is no room for {}, which would say how it ended: {error}", order.exit.display());
    let failure = StartFailure { kind: StartFailureKind::Other, message };
    Exit::new(command::not_started(failure)).encode(&order.run, &order.key())
}

/// Waits for the byte. A pipe that closes before it means that nothing is to be started, ever.
fn wait_at(gate: &mut File) -> io::Result<()> {
    let mut byte = [0];
    gate.read_exact(&mut byte)?;
    if byte == [GO] { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
}

async fn work(order: &Order, keeper: &Keeper, control: OwnedFd, signals: Signals, teller: &Teller) -> Ending {
    match &order.instead {
        None => {}
        Some(Instead::Writing(ready)) => return writing::perform(ready),
        Some(Instead::Request(ready)) => {
            let show = |stream, bytes: &[u8]| teller.printed(stream, bytes);
            let stop = asked_to_stop(control, signals);
            return request::perform(ready, Masker::new(&order.secrets()), keeper, stop, show).await;
        }
    }
    let running = match process::start(order.spec(|stream| keeper.draft(stream))) {
        Ok(running) => running,
        Err(error) => {
            let path = order.environment.iter().find(|(name, _)| name == "PATH").map(|(_, path)| path.into());
            return command::ending(command::start_error(&error, path));
        }
    };
    let mut ending = watch(running, order, keeper, control, signals, teller).await;
    // What it started on purpose and let go of may live on, where it ended by itself.
    if matches!(ending.end, End::TimedOut | End::Stopped) && adopted::kill_all().await {
        ending.survivors.clear();
    }
    for process in adopted::survivors() {
        let line = format!("{} {}", process.pid, process.command);
        if !ending.survivors.contains(&line) {
            ending.survivors.push(line);
        }
    }
    ending
}

/// Returns when somebody asks for the end.
async fn asked_to_stop(control: OwnedFd, mut signals: Signals) {
    let mut control = pipe::Receiver::from_owned_fd(control).ok();
    loop {
        tokio::select! {
            said = hear(control.as_ref()) => match said {
                Some(STOP) => return,
                Some(_) => {}
                // The engine is gone. The request goes on.
                None => control = None,
            },
            () = comes(&mut signals.terminate) => return,
        }
    }
}

/// Sees the act to its end: its own, its time's, or because somebody asks for it.
async fn watch(
    running: Running,
    order: &Order,
    keeper: &Keeper,
    control: OwnedFd,
    mut signals: Signals,
    teller: &Teller,
) -> Ending {
    let act = i32::try_from(running.pid()).ok().and_then(rustix::process::Pid::from_raw);
    let terminate = running.terminate_handle();
    let mut control = pipe::Receiver::from_owned_fd(control).ok();
    let mut time = Allowance::start(Duration::from_millis(order.timeout_ms));
    let masker = (!order.masked.is_empty()).then(|| Masker::new(&order.secrets()));
    let mut ended = pin!(command::wait(running, masker, keeper, |stream, bytes| teller.printed(stream, bytes)));
    loop {
        tokio::select! {
            ending = &mut ended => return ending,
            () = time.runs_out() => terminate.request(Reason::OutOfTime),
            said = hear(control.as_ref()) => match said {
                Some(STOP) => terminate.request(Reason::Cancelled),
                Some(_) => {}
                // The engine is gone. The act goes on.
                None => control = None,
            },
            () = comes(&mut signals.terminate) => terminate.request(Reason::Cancelled),
            () = comes(&mut signals.child) => adopted::reap(act),
        }
    }
}

/// As [`watch`], for an act on another host: its time is kept there, and so is what it started.
async fn watch_elsewhere(
    task: &Task,
    order: &Order,
    keeper: &Keeper,
    control: OwnedFd,
    mut signals: Signals,
    teller: &Teller,
) -> (Ending, Farewell) {
    let (stop, asked) = tokio::sync::watch::channel(false);
    let mut control = pipe::Receiver::from_owned_fd(control).ok();
    let masker = Masker::new(&order.secrets());
    let show = |stream, bytes: &[u8]| teller.printed(stream, bytes);
    let mut ended = pin!(elsewhere::see_through(task, asked, keeper, masker, show));
    loop {
        tokio::select! {
            ended = &mut ended => return ended,
            said = hear(control.as_ref()) => match said {
                Some(STOP) => drop(stop.send_replace(true)),
                Some(_) => {}
                // The engine is gone. The act goes on.
                None => control = None,
            },
            () = comes(&mut signals.terminate) => drop(stop.send_replace(true)),
        }
    }
}

/// The next byte of the engine; nothing at the pipe's end.
async fn hear(control: Option<&pipe::Receiver>) -> Option<u8> {
    let Some(control) = control else { return std::future::pending().await };
    let mut byte = [0];
    loop {
        if control.readable().await.is_err() {
            return None;
        }
        match control.try_read(&mut byte) {
            Ok(0) => return None,
            Ok(_) => return byte.first().copied(),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(_) => return None,
        }
    }
}

/// Puts the end where the engine finds it, now or after it was started again. Says whether it is on disk there.
fn hand_back(order: &Order, keeper: &Keeper, room: Room, mut ending: Ending, teller: &Teller) -> bool {
    if keeper.sync().is_err() {
        // What may not be on disk is not promised; the excerpts are.
        for output in [&mut ending.stdout, &mut ending.stderr] {
            (output.blob, output.kept) = (None, 0);
        }
    }
    let bytes = Exit::new(ending).encode(&order.run, &order.key());
    let written = room.fill(&bytes, &order.exit).is_ok();
    if !written {
        teller.unwritten(&bytes);
    }
    written
}

/// Signals that must not end a supervisor. They are heard, not ignored: what is ignored stays so in every child.
struct Signals {
    /// An engine that came after the one that started this has no other way to ask for the act's end, nor has a machine
    /// that is shut down.
    terminate: Signal,
    child: Signal,
    _passed_over: Vec<Signal>,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        // SIGTSTP has no name in this library.
        let stop_key = SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw());
        let passed_over = [SignalKind::hangup(), SignalKind::interrupt(), SignalKind::quit(), stop_key];
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            child: signal(SignalKind::child())?,
            _passed_over: passed_over.into_iter().map(signal).collect::<io::Result<_>>()?,
        })
    }
}

async fn comes(signal: &mut Signal) {
    if signal.recv().await.is_none() {
        std::future::pending::<()>().await;
    }
}
