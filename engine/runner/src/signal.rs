//! Ctrl-C cancels; the state machine knows what a second one means. What would only end this process lets go of the
//! run, in order: a terminal that went away or a machine that shuts down is nobody's decision about the run.

use std::io;

use runbook_core::run::event::Input;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Hears SIGINT, SIGTERM and SIGHUP; from then on they no longer end this process.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    /// Begins to listen. Must be called inside a tokio runtime with its io driver.
    ///
    /// # Errors
    /// What the system says.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next one, and gives what it means.
    pub async fn next(&mut self) -> Input {
        let let_go = |reason: &str| Input::LetGo { reason: reason.to_owned() };
        tokio::select! {
            _ = self.interrupt.recv() => Input::Cancel { reason: "SIGINT (Ctrl-C)".to_owned() },
            _ = self.terminate.recv() => let_go("SIGTERM"),
            _ = self.hangup.recv() => let_go("SIGHUP (the terminal went away)"),
        }
    }
}
