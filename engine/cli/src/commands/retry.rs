//! `runbook retry`: tries a failed or cancelled run again.

use std::fs;

use runbook_core::run::record::{Mode, Outcome};
use runbook_runner::account::Machine;
use runbook_runner::run::{Earlier, RetryError, RunOptions, look_back};
use serde_json::json;

use super::going::{Going, Watching, go, sealed};
use crate::arguments::Retry;
use crate::context::{Context, Ending};
use crate::exit_code::ExitCode;
use crate::failure::{Failure, unless_closed};
use crate::place::shown;
use crate::text::{Line, Style};

/// Tries a run again.
///
/// # Errors
/// [`Failure`] when nothing was started.
pub(super) fn retry(arguments: &Retry, context: &mut Context) -> Ending {
    let run = context.run(&arguments.run)?;
    let id = run.id().as_str();
    let earlier = look_back(&run, &arguments.again).map_err(|error| refused(&error, id, context))?;
    let mode = if arguments.dry_run { Mode::Dry { probe: false } } else { Mode::Real };
    let watching = Watching::of(arguments.json, &Machine::current());
    if watching == Watching::Json {
        unless_closed(context.out.raw(&(line(&earlier).to_string() + "\n")))?;
    } else {
        unless_closed(tell(&earlier, mode, context))?;
    }
    let options = RunOptions {
        store: context.place.store.clone(),
        params: Vec::new(),
        mode,
        attended: watching == Watching::Live && mode == Mode::Real,
        yes: arguments.yes,
        step_by_step: arguments.step,
    };
    let watching = if watching == Watching::Live && mode != Mode::Real { Watching::Plain } else { watching };
    go(Going::Retry(Box::new(earlier), options), watching, context)
}

fn refused(error: &RetryError, id: &str, context: &Context) -> Failure {
    let command = |words: &[&str]| context.place.command(words);
    let code = if matches!(error, RetryError::Unreadable(_)) { ExitCode::Broken } else { ExitCode::Usage };
    let failure = Failure::new(code, format!("run {id} is not tried again: {error}"));
    match error {
        RetryError::NotOver => failure.help(format!("`{}` goes on with it", command(&["resume", id]))),
        RetryError::Ended(_) | RetryError::DryRun => {
            let runbook = id.rsplit_once('-').and_then(|(before, _)| before.splitn(3, '-').nth(2)).unwrap_or_default();
            failure.help(format!("`{}` starts a new run", command(&["run", runbook])))
        }
        RetryError::NoStep(_) => failure.help(format!("`{}` names its steps", command(&["show", id]))),
        RetryError::Unreadable(_) => failure.help(format!("`{}` says more", command(&["audit", "verify", id]))),
    }
}

/// What is taken over and what runs, before anything does.
fn tell(earlier: &Earlier, mode: Mode, context: &mut Context) -> Result<(), Failure> {
    let started = &earlier.started;
    let out = &mut context.out;
    out.line(
        Line::new().and(Style::Strong, &started.runbook).and(Style::Plain, "  ").and(Style::Plain, &started.title),
    )?;
    let line = format!("tries run {} again, which {}", earlier.run.id(), ended(earlier));
    out.line(Line::new().and(Style::Faint, &line))?;
    if is_edited(earlier) {
        let path = shown(&earlier.loaded.runbook.path, &context.here);
        let text = format!("{path} was changed since; the runbook as it was is run");
        out.wrapped(Line::new().and(Style::Look, "note: ").and(Style::Plain, &text), 2)?;
    }
    if mode != Mode::Real {
        out.line(Line::new().and(Style::Look, "dry run: nothing starts, nobody is told, no secret is read"))?;
    }
    let left = left_open(earlier);
    if !left.is_empty() {
        out.line(Line::new().and(Style::Bad, "that run left this; look at it before you go on:"))?;
        for line in &left {
            out.wrapped(Line::plain("  ").and(Style::Look, line), 4)?;
        }
    }
    out.line("")?;
    if earlier.steps.is_empty() {
        out.line("nothing is taken over: all of it runs again")?;
    } else {
        out.line("taken over, and not done again:")?;
    }
    for (step, outcome) in &earlier.steps {
        let (style, mark) = match outcome {
            Outcome::Passed => (Style::Good, "✓"),
            Outcome::Failed | Outcome::Unknown => (Style::Look, "✗"),
            Outcome::Skipped => (Style::Faint, "-"),
        };
        let line = Line::plain("  ").and(style, mark).and(Style::Plain, &format!(" {step}  "));
        out.line(line.and(Style::Faint, outcome.word()))?;
    }
    if !earlier.along.is_empty() {
        let along = format!("passed then, and run again as they come after what does: {}", earlier.along.join(", "));
        out.wrapped(Line::new().and(Style::Look, &along), 2)?;
    }
    out.wrapped(Line::plain(&format!("still to come: {}", earlier.left.join(", "))), 2)?;
    out.line("")
}

/// What its seal says is open: what could not be undone, what was done and stands.
fn left_open(earlier: &Earlier) -> Vec<String> {
    sealed(&earlier.run).map(|sealed| sealed.open).unwrap_or_default()
}

fn ended(earlier: &Earlier) -> &'static str {
    if earlier.outcome == runbook_core::run::record::RunOutcome::Cancelled { "was cancelled" } else { "failed" }
}

fn is_edited(earlier: &Earlier) -> bool {
    let runbook = &earlier.loaded.runbook;
    fs::read(&runbook.path).is_ok_and(|bytes| bytes != runbook.bytes)
}

/// The same for a machine: `kind` is `retry`, which no entry has.
fn line(earlier: &Earlier) -> serde_json::Value {
    let taken: Vec<_> =
        earlier.steps.iter().map(|(step, outcome)| json!({ "step": step, "outcome": outcome.word() })).collect();
    json!({
        "v": 1,
        "kind": "retry",
        "retry_of": earlier.run.id().as_str(),
        "taken_over": taken,
        "again": earlier.along,
        "left": earlier.left,
        "open": left_open(earlier),
        "edited": is_edited(earlier),
    })
}
