//! `runbook resume`: says what would follow, then goes on with a run that waits or was interrupted.

mod ahead;

use std::path::PathBuf;

use runbook_core::run::record::{BlobDigest, Mode, Record, RunStarted};
use runbook_runner::account::Machine;
use runbook_runner::run::enter_missing_seal;
use runbook_transcript::digest::Digest;
use runbook_transcript::run_dir::RunDir;
use serde_json::json;

use self::ahead::{Ahead, ahead, together};
use super::going::{Going, Watching, go};
use super::meant::going_run;
use crate::arguments::Resume;
use crate::context::{Context, Ending};
use crate::failure::{Failure, unless_closed};
use crate::history::Past;
use crate::replay::replay;
use crate::text::{Line, Style, pad, width};

/// Columns up to which names stand below one another with what is said of them.
const NAME_COLUMNS_MAX: usize = 32;

/// Goes on with a run.
///
/// # Errors
/// [`Failure`] when there is none to go on with, or another process has it.
pub(super) fn resume(arguments: &Resume, context: &mut Context) -> Ending {
    let machine = Machine::current();
    if let Some(reference) = &arguments.run {
        finish_seal(reference, &machine, context)?;
    }
    let run = going_run(arguments.run.as_deref(), context)?;
    let watching = Watching::of(arguments.json, &machine);
    // A transcript that cannot be read, or a run that another process has, is told of when the run is gone on with.
    let is_free = run.holder().is_ok_and(|holder| holder.is_none());
    let replayed = replay(&run).ok().filter(|_| is_free);
    let started = replayed.as_ref().and_then(|replayed| {
        let Record::RunStarted(started) = &replayed.entries.first()?.record else { return None };
        (started.mode == Mode::Real).then(|| started.as_ref().clone())
    });
    let steps = match (&replayed, &started) {
        (Some(replayed), Some(_)) => ahead(&run, &replayed.entries, &machine),
        _ => Vec::new(),
    };
    let edited = started.as_ref().map(edited).unwrap_or_default();
    if watching == Watching::Json {
        if !steps.is_empty() {
            unless_closed(print_json(&run, &steps, &edited, context))?;
        }
    } else {
        unless_closed(print_head(&run, context))?;
        unless_closed(print(&together(&steps), &edited, context))?;
    }
    let store = context.store()?;
    go(Going::Resume(store, run), watching, context)
}

/// A run whose process died between its seal and the ledger has that one thing left to be done.
fn finish_seal(reference: &str, machine: &Machine, context: &mut Context) -> Result<(), Failure> {
    let run = context.run(reference)?;
    // One that goes on is not sealed; one that another process has is that one's business.
    if enter_missing_seal(&context.store()?, &run, machine).unwrap_or(false) {
        let text = format!("{} was sealed, and the ledger did not say so yet: it does now", run.id());
        context.out.wrapped(Line::new().and(Style::Look, &text), 2)?;
    }
    Ok(())
}

/// The files of the runbook, and of those that it runs, that hold something else by now. One that is gone was not
/// edited.
fn edited(started: &RunStarted) -> Vec<PathBuf> {
    let own = PathBuf::from(&started.path);
    let called = started.called.iter().map(|(name, digest)| (own.with_file_name(format!("{name}.yaml")), digest));
    let all = std::iter::once((own.clone(), &started.source)).chain(called);
    let is_other =
        |(path, was): &(PathBuf, &BlobDigest)| Digest::of_file(path).is_ok_and(|(digest, _)| digest.to_hex() != **was);
    all.filter(is_other).map(|(path, _)| path).collect()
}

fn print_head(run: &RunDir, context: &mut Context) -> Result<(), Failure> {
    let Some(past) = Past::read(run) else { return Ok(()) };
    let line = Line::new().and(Style::Strong, &past.runbook).and(Style::Plain, "  ").and(Style::Plain, &past.title);
    context.out.line(line)?;
    let since = crate::clock::time(past.started, context.now, &context.zone);
    context.out.line(Line::new().and(Style::Faint, &format!("run {}, started {since} by {}", past.id, past.operator)))
}

fn print(steps: &[Ahead], edited: &[PathBuf], context: &mut Context) -> Result<(), Failure> {
    let named = |step: &Ahead| format!("{}{}", " ".repeat(2 * step.depth), step.name);
    // One long name does not push all that is said of the others to the right.
    let widest = steps.iter().map(|step| width(&named(step))).filter(|wide| *wide <= NAME_COLUMNS_MAX).max();
    let widest = widest.unwrap_or_default();
    for step in steps {
        let line = Line::new()
            .and(Style::Plain, "  ")
            .and(step.will.style(), &pad(step.will.word(), "not reached".len() + 2))
            .and(Style::Plain, &pad(&named(step), widest))
            .and(Style::Plain, "  ")
            .and(Style::Faint, &step.why);
        context.out.wrapped(line, 4)?;
    }
    for path in edited {
        let text = format!("{} was edited since: the run goes on with it as it was", path.display());
        context.out.wrapped(Line::new().and(Style::Look, &text), 2)?;
    }
    Ok(())
}

fn print_json(run: &RunDir, steps: &[Ahead], edited: &[PathBuf], context: &mut Context) -> Result<(), Failure> {
    let steps: Vec<_> =
        steps.iter().map(|step| json!({ "step": step.id, "will": step.will.word(), "why": step.why })).collect();
    let line = json!({ "v": 1, "resume": run.id().as_str(), "steps": steps, "edited": !edited.is_empty() });
    context.out.raw(&(line.to_string() + "\n"))
}
