//! Ctrl-C and its kin: each becomes a cancel, the state machine knows what a second one means.

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

    /// Waits for the next one, and gives the cancel it means.
    pub async fn next(&mut self) -> Input {
        let name = tokio::select! {
            _ = self.interrupt.recv() => "SIGINT (Ctrl-C)",
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.hangup.recv() => "SIGHUP (the terminal went away)",
        };
        Input::Cancel { reason: name.to_owned() }
    }
}
