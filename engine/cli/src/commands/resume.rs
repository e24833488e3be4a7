//! `runbook resume`: goes on with a run that waits or was interrupted.

use runbook_runner::account::Machine;

use super::going::{Going, Watching, go};
use super::hand_in::going_run;
use crate::arguments::Resume;
use crate::context::{Context, Ending};
use crate::history::Past;
use crate::text::{Line, Style};

/// Goes on with a run.
///
/// # Errors
/// [`Failure`](crate::failure::Failure) when there is none to go on with, or another process has it.
pub(super) fn resume(arguments: &Resume, context: &mut Context) -> Ending {
    let run = going_run(arguments.run.as_deref(), context)?;
    let watching = Watching::of(arguments.json, &Machine::current());
    if watching != Watching::Json
        && let Some(past) = Past::read(&run)
    {
        let line = Line::new().and(Style::Strong, &past.runbook).and(Style::Plain, "  ").and(Style::Plain, &past.title);
        context.out.line(line)?;
        let since = crate::clock::time(past.started, context.now, &context.zone);
        context
            .out
            .line(Line::new().and(Style::Faint, &format!("run {}, started {since} by {}", past.id, past.operator)))?;
    }
    let store = context.store()?;
    go(Going::Resume(store, run), watching, context)
}
