//! `runbook completions`: a script that asks this program, so that runbooks and runs are completed too.

use clap_complete::env::Shells;

use crate::arguments::Completions;
use crate::context::{Context, Ending};
use crate::exit_code::ExitCode;
use crate::failure::Failure;

/// The variable by which a shell says that it wants completions.
pub const VARIABLE: &str = "COMPLETE";

/// Prints the script.
///
/// # Errors
/// [`Failure`] when standard output cannot be written.
pub(super) fn print(arguments: &Completions, context: &mut Context) -> Ending {
    let shell = arguments.shell.to_string();
    let shells = Shells::builtins();
    let completer =
        shells.completer(&shell).ok_or_else(|| Failure::usage(format!("{shell} cannot be completed for")))?;
    let program = context.place.program();
    let mut script = Vec::new();
    completer.write_registration(VARIABLE, "runbook", "runbook", program, &mut script)?;
    context.out.raw(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::Resolved)
}
