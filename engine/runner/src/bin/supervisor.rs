//! A supervisor by itself, for this package's own tests: the engine is one when its first word says so.

use std::process::ExitCode;

fn main() -> ExitCode {
    runbook_runner::supervisor::main().into()
}
