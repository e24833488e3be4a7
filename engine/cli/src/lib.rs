//! The program: arguments, what is printed, the operator's terminal, exit codes.
//!
//! Everything a person sees is decided here. A command is a file in `commands` named after its verb; what a run does is
//! the runner's business, and what it means is the core's.

pub mod arguments;
pub mod clock;
pub mod commands;
mod completion;
pub mod context;
pub mod diagnostics;
pub mod exit_code;
pub mod failure;
pub mod history;
pub mod loading;
pub mod moment;
pub mod output;
pub mod place;
pub mod replay;
pub mod svg;
pub mod terminal;
pub mod text;
pub mod waiting;

use std::ffi::OsString;
use std::panic::AssertUnwindSafe;

use clap::FromArgMatches as _;
use clap_complete::CompleteEnv;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::arguments::{Arguments, command};
use crate::context::Context;
use crate::exit_code::ExitCode;
use crate::failure::{Failure, unless_closed};
use crate::output::{ColorChoice, Output};
use crate::place::Place;

/// The whole program: what was typed, to the exit code.
#[must_use]
pub fn main(words: Vec<OsString>) -> ExitCode {
    // Not for people, and before anything else: each act waits for it.
    if commands::supervise::is_meant(&words) {
        return commands::supervise::supervise();
    }
    terminal::cbreak::restore_on_panic();
    std::panic::catch_unwind(AssertUnwindSafe(|| run(words))).unwrap_or_else(|_| {
        let failure = Failure::new(ExitCode::Ours, "this is a mistake of ours, not of your runbook")
            .help("what is recorded stands as it was; please report the lines above");
        output::report(&failure, ColorChoice::Auto);
        ExitCode::Ours
    })
}

fn run(words: Vec<OsString>) -> ExitCode {
    let here = std::env::current_dir().unwrap_or_default();
    // A shell that completes calls the program with a variable set, and gets candidates in place of a run.
    match CompleteEnv::with_factory(command).var(commands::COMPLETE).try_complete(words.clone(), Some(&here)) {
        Ok(false) => {}
        Ok(true) => return ExitCode::Resolved,
        Err(error) => {
            // Nothing but what the shell asked for may be printed here.
            let _ = error;
            return ExitCode::Usage;
        }
    }
    let program = words.first().map_or("runbook".to_owned(), |word| word.to_string_lossy().into_owned());
    let arguments =
        match command().try_get_matches_from(words).and_then(|matches| Arguments::from_arg_matches(&matches)) {
            Ok(arguments) => arguments,
            Err(error) => {
                // Where the output is closed there is nobody to read the help.
                let _ = error.print();
                return if error.use_stderr() { ExitCode::Usage } else { ExitCode::Resolved };
            }
        };
    let global = &arguments.global;
    let mut context = Context {
        place: Place::find(global.dir.as_deref(), global.store.as_deref(), &here, &program),
        here,
        now: Timestamp::now(),
        zone: TimeZone::system(),
        colour: global.color,
        out: Output::stdout(global.color),
    };
    let ending = commands::perform(&arguments.command, &mut context).and_then(|code| {
        unless_closed(context.out.flush())?;
        Ok(code)
    });
    ending.unwrap_or_else(|failure| {
        // What was said before the failure is still worth reading; a closed output is the failure itself.
        let _ = context.out.flush();
        output::report(&failure, context.colour);
        failure.code
    })
}
