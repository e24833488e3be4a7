//! `runbook attach`: watches a run from another terminal. Nothing it does reaches the run.

use jiff::Timestamp;
use runbook_core::run::record::{Mode, Record};
use runbook_core::run::state::{RunState, Standing};
use runbook_report::entry::Folded;
use runbook_runner::follow::Follow;
use runbook_runner::observer::Observer;
use runbook_transcript::entry::Entry;
use runbook_transcript::run_dir::RunDir;

use super::meant::{going_run, holder};
use crate::arguments::Attach;
use crate::context::{Context, Ending};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::history::Past;
use crate::replay::{Kept, begun};
use crate::terminal::observer::{JsonObserver, PlainObserver};
use crate::terminal::view::View;
use crate::text::{Line, Style};

/// Watches a run until it ends.
///
/// # Errors
/// [`Failure`] when there is no such run, or it cannot be read.
pub(super) fn attach(arguments: &Attach, context: &mut Context) -> Ending {
    let run = match &arguments.run {
        Some(reference) => context.run(reference)?,
        None => going_run(None, context)?,
    };
    if !arguments.json
        && let Some(past) = Past::read(&run)
    {
        let line = Line::new().and(Style::Strong, &past.runbook).and(Style::Plain, "  ").and(Style::Plain, &past.title);
        context.out.line(line)?;
        let text = format!("watches run {}; Ctrl-C leaves it as it is", past.id);
        context.out.line(Line::new().and(Style::Faint, &text))?;
        context.out.flush()?;
    }
    let observer: Box<dyn Observer> = if arguments.json {
        Box::new(JsonObserver::default())
    } else {
        let view = View::new(Mode::Real, context.zone.clone());
        Box::new(PlainObserver::new(view, context.place.clone(), context.out.colour()))
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(ExitCode::Ours, format!("the system gives no event loop: {error}")))?;
    runtime.block_on(watch(&run, &*observer, arguments.json, context))
}

async fn watch(run: &RunDir, observer: &dyn Observer, json: bool, context: &mut Context) -> Ending {
    let broken = |error: &dyn std::fmt::Display| Failure::new(ExitCode::Broken, error);
    let mut follow = Follow::open(run).map_err(|error| broken(&error))?;
    let kept = Kept(run.blobs());
    let mut state: Option<RunState> = None;
    let mut told: Option<bool> = None;
    loop {
        let mut is_new = false;
        while let Some(entry) = follow.next_entry().map_err(|error| broken(&error))? {
            is_new = true;
            take(run, &entry, &mut state, &kept, observer)?;
        }
        let Some(state) = &state else {
            return Err(Failure::new(ExitCode::Broken, format!("run {} has no entry", run.id())));
        };
        if is_new {
            observer.changed(state, Timestamp::now());
        }
        if let Standing::Over(outcome) = state.standing() {
            if !json {
                let line = Line::new().and(Style::Strong, outcome.word());
                context.out.line(line)?;
            }
            return Ok(if state.mode() == Mode::Real { ExitCode::of(outcome) } else { ExitCode::Resolved });
        }
        let alive = holder(run)?;
        if !json && told != Some(alive.is_some()) {
            if alive.is_none() {
                let text = "no process has the run now: it goes on when somebody answers or resumes it";
                context.out.line(Line::new().and(Style::Look, text))?;
            } else if told.is_some() {
                context.out.line(Line::new().and(Style::Look, "a process has taken the run up again"))?;
            }
            context.out.flush()?;
        }
        told = Some(alive.is_some());
        follow.changed().await;
    }
}

fn take(
    run: &RunDir,
    entry: &Entry,
    state: &mut Option<RunState>,
    kept: &Kept,
    observer: &dyn Observer,
) -> Result<(), Failure> {
    // A later version may write kinds that this one does not know; the others still tell what happens.
    let Ok(folded) = Folded::of(entry) else { return Ok(()) };
    match (state.as_mut(), &folded.record) {
        (Some(state), record) => state.apply(record, &entry.actor, entry.ts, kept),
        (None, Record::RunStarted(started)) => {
            let unknown = || Failure::new(ExitCode::Broken, format!("run {} cannot be read back", run.id()));
            *state = Some(begun(run, started, &folded, kept).ok_or_else(unknown)?);
        }
        (None, _) => {}
    }
    observer.recorded(entry, &folded.record);
    Ok(())
}
