//! Why a command stopped: what happened, what to do about it, and the exit code.

use std::fmt;
use std::io;

use crate::exit_code::ExitCode;
use crate::output::ColorChoice;

/// Why a command stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What the shell is told.
    pub code: ExitCode,
    /// What happened, a clause or a sentence without its full stop; empty where there is nobody to read it.
    pub what: String,
    /// What to do: each a line, commands on their own behind two blanks.
    pub help: Vec<String>,
}

impl Failure {
    /// A command that stops with this code because of this.
    #[must_use]
    pub fn new(code: ExitCode, what: impl fmt::Display) -> Self {
        Self { code, what: what.to_string(), help: Vec::new() }
    }

    /// What was asked for cannot be: usage, a file, a name.
    #[must_use]
    pub fn usage(what: impl fmt::Display) -> Self {
        Self::new(ExitCode::Usage, what)
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, line: impl fmt::Display) -> Self {
        self.help.push(line.to_string());
        self
    }

    /// A command that stops with this code and has said why already.
    #[must_use]
    pub fn silent(code: ExitCode) -> Self {
        Self { code, what: String::new(), help: Vec::new() }
    }
}

/// Goes on where what was done cannot be told: it was done all the same, and its exit code counts. Why it cannot is said on
/// standard error.
pub fn told_or_not(written: Result<(), Failure>, colour: ColorChoice) {
    if let Err(failure) = written {
        crate::output::report(&failure, colour);
    }
}

/// Goes on where whoever read the output has gone: what is done does not depend on being read.
///
/// # Errors
/// Every other failure.
pub fn unless_closed(written: Result<(), Failure>) -> Result<(), Failure> {
    match written {
        Err(failure) if failure.what.is_empty() => Ok(()),
        other => other,
    }
}

impl From<io::Error> for Failure {
    /// Standard output could not be written. Whoever closed it has read enough. Anybody else got nothing of what was asked
    /// for, and where something was started or handed in its own exit code is told all the same.
    fn from(error: io::Error) -> Self {
        if is_hung_up(&error) || error.kind() == io::ErrorKind::BrokenPipe {
            return Self::silent(ExitCode::Resolved);
        }
        Self::usage(format!("standard output cannot be written: {error}"))
    }
}

/// Whether a terminal was closed: writing to it then says what a bad disk would say of a file.
fn is_hung_up(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
        && rustix::fs::fstat(rustix::stdio::stdout())
            .is_ok_and(|stdout| rustix::fs::FileType::from_raw_mode(stdout.st_mode).is_char_device())
}
