//! The program `runbook`.

use std::process::ExitCode;

fn main() -> ExitCode {
    runbook::main(std::env::args_os().collect()).into()
}
