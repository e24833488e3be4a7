//! The terminal's mode while a run is shown: keys come one by one and are not echoed; signals and output stay as they
//! are.

use std::fmt;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Mutex;

use rustix::termios::{
    LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios, tcflush, tcgetattr, tcsetattr,
};

/// The terminal as it was, for whoever ends the program: its guard, a panic, a signal.
static SAVED: Mutex<Option<Saved>> = Mutex::new(None);

struct Saved {
    terminal: OwnedFd,
    before: Termios,
}

/// Why the terminal's mode cannot be set.
#[derive(Debug)]
pub struct CbreakError(rustix::io::Errno);

impl fmt::Display for CbreakError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the terminal does not take keys one by one: {}", self.0)
    }
}

impl std::error::Error for CbreakError {}

impl From<rustix::io::Errno> for CbreakError {
    fn from(error: rustix::io::Errno) -> Self {
        Self(error)
    }
}

/// The terminal gives keys one by one until this is dropped.
#[derive(Debug)]
#[must_use = "the terminal is as before when this is dropped"]
pub struct Cbreak(());

impl Cbreak {
    /// Sets the mode of a terminal.
    ///
    /// # Errors
    /// [`CbreakError`] when it is no terminal, or does not allow it.
    pub fn set(terminal: impl AsFd) -> Result<Self, CbreakError> {
        let terminal = rustix::io::fcntl_dupfd_cloexec(terminal, 3)?;
        let before = tcgetattr(&terminal)?;
        apply(&terminal, &before)?;
        *saved() = Some(Saved { terminal, before });
        Ok(Self(()))
    }
}

impl Drop for Cbreak {
    fn drop(&mut self) {
        restore();
    }
}

fn apply(terminal: &OwnedFd, before: &Termios) -> Result<(), CbreakError> {
    let mut mode = before.clone();
    mode.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ECHONL | LocalModes::IEXTEN);
    mode.local_modes.insert(LocalModes::ISIG);
    mode.special_codes[SpecialCodeIndex::VMIN] = 1;
    mode.special_codes[SpecialCodeIndex::VTIME] = 0;
    Ok(tcsetattr(terminal, OptionalActions::Drain, &mode)?)
}

/// Gives the terminal back as it was; nothing happens where it was not taken. Also for a panic's hook.
pub fn restore() {
    if let Some(Saved { terminal, before }) = saved().take() {
        // A terminal that is gone has no mode to give back.
        let _ = tcsetattr(&terminal, OptionalActions::Drain, &before);
    }
}

/// Makes every panic give the terminal back before it is told about.
pub fn restore_on_panic() {
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        restore();
        tell(panic);
    }));
}

/// Sets the mode again where it was lost: after the program was stopped and goes on, the shell has set its own.
pub fn again_if_lost() {
    if let Some(Saved { terminal, before }) = saved().as_ref()
        && tcgetattr(terminal).is_ok_and(|mode| mode.local_modes.contains(LocalModes::ICANON))
        && foreground(terminal)
    {
        // As above.
        let _ = apply(terminal, before);
    }
}

/// Whether the terminal's keys are this program's, and not another job's.
#[must_use]
pub fn is_foreground() -> bool {
    saved().as_ref().is_some_and(|saved| foreground(&saved.terminal))
}

fn foreground(terminal: &OwnedFd) -> bool {
    // A terminal that is not the controlling one has no foreground: whoever opened it reads it.
    rustix::termios::tcgetpgrp(terminal).map_or(true, |group| group == rustix::process::getpgrp())
}

/// Drops keys that were typed and not read yet: they were not meant for what is asked now.
pub fn discard_typed() {
    if let Some(Saved { terminal, .. }) = saved().as_ref() {
        // As above.
        let _ = tcflush(terminal, QueueSelector::IFlush);
    }
}

fn saved() -> std::sync::MutexGuard<'static, Option<Saved>> {
    SAVED.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
