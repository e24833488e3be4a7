//! `runbook run`: runs a runbook, for real or dry.

use runbook_core::diagnostic::{Code, Diagnostic};
use runbook_core::run::record::Mode;
use runbook_runner::account::Machine;
use runbook_runner::run::RunOptions;
use runbook_runner::team::secrets_in_use;
use runbook_transcript::store::Store;

use super::going::{Going, Watching, go};
use crate::arguments::Run;
use crate::context::{Context, Ending};
use crate::diagnostics::human::short;
use crate::failure::{Failure, unless_closed};
use crate::history::{last_real, last_time};
use crate::loading::{Ready, load};
use crate::output::tell;
use crate::text::{Line, Style};

/// Runs a runbook.
///
/// # Errors
/// [`Failure`] when nothing was started.
pub(super) fn run(arguments: &Run, context: &mut Context) -> Ending {
    let ready = load(&arguments.name, context)?;
    context.place.keep_in(&ready.store);
    let mode = if arguments.dry_run { Mode::Dry { probe: arguments.probe } } else { Mode::Real };
    let watching = Watching::of(arguments.json, &Machine::current());
    warn(&ready, context);
    if watching != Watching::Json {
        unless_closed(head(&ready, mode, context))?;
    }
    let options = RunOptions {
        store: context.place.store.clone(),
        params: arguments.param.clone(),
        mode,
        attended: watching == Watching::Live && mode == Mode::Real,
        yes: arguments.yes,
        step_by_step: arguments.step,
    };
    // Nobody is asked in a dry run: it is printed from its first line to its last.
    let watching = if watching == Watching::Live && mode != Mode::Real { Watching::Plain } else { watching };
    go(Going::Start(Box::new(ready.loaded), options), watching, context)
}

/// The first lines: what it is, and how it went last time.
pub(super) fn head(ready: &Ready, mode: Mode, context: &mut Context) -> Result<(), Failure> {
    let document = ready.loaded.plan.document();
    let name = document.name.value.as_str();
    let line = Line::new().and(Style::Strong, name).and(Style::Plain, "  ").and(Style::Plain, &document.title.value);
    context.out.wrapped(line, 2)?;
    // A store that is not there or not fit is told about when the run starts.
    let past = Store::open(&context.place.store).ok().and_then(|store| last_real(&store, name));
    context.out.line(Line::new().and(Style::Faint, &last_time(past.as_ref(), context.now, &context.zone)))?;
    match mode {
        Mode::Real => {}
        Mode::Dry { probe: false } => {
            context
                .out
                .line(Line::new().and(Style::Look, "dry run: nothing starts, nobody is told, no secret is read"))?;
        }
        Mode::Dry { probe: true } => {
            context.out.line(
                Line::new().and(Style::Look, "dry run with --probe: verify steps run for real, nothing else does"),
            )?;
        }
        Mode::Drill => {
            context.out.line(
                Line::new().and(Style::Look, "drill: verify steps run for real, nothing else does, nobody is told"),
            )?;
        }
    }
    Ok(())
}

/// What an operator should know of a runbook that is run all the same: nobody has looked at it for too long, or a channel
/// that it would tell people by has no secret.
pub(super) fn warn(ready: &Ready, context: &Context) {
    let secrets = secrets_in_use(&ready.loaded.plan, &ready.loaded.team);
    let matters = |problem: &&Diagnostic| {
        matches!(problem.code, Code::ReviewOverdue | Code::DrillOverdue)
            || (problem.code == Code::ChannelWithoutSecret && secrets.contains(&problem.span))
    };
    for file in &ready.checked {
        let matter = file.problems.iter().filter(matters);
        let lines: Vec<Line> = matter
            .map(|problem| Line::new().and(Style::Look, "warning: ").and(Style::Plain, &short(&file.file, problem)))
            .collect();
        tell(&lines, context.colour);
    }
}
