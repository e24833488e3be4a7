//! `runbook supervise`: watches over one act for an engine. No verb for people, so no help names it.

use std::ffi::OsString;

use runbook_runner::supervisor;

use crate::exit_code::ExitCode;

/// Whether this program was started to be a supervisor.
#[must_use]
pub fn is_meant(words: &[OsString]) -> bool {
    words.get(1).is_some_and(|word| word == supervisor::VERB)
}

/// Watches over an act to its end. Started by hand, without an engine at the other end of a pipe, it ends at once.
#[must_use]
pub fn supervise() -> ExitCode {
    if supervisor::main() == 0 { ExitCode::Resolved } else { ExitCode::Usage }
}
