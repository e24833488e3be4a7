//! `runbook log`: the on-call log of a run.

use runbook_report::fold::fold;
use runbook_report::html::html;
use runbook_report::json::json;
use runbook_report::markdown::markdown;

use crate::arguments::{Log, LogFormat};
use crate::context::{Context, Ending};
use crate::exit_code::ExitCode;
use crate::replay::replay;

/// Prints the log.
///
/// # Errors
/// [`Failure`](crate::failure::Failure) when there is no such run, or its transcript is broken.
pub(super) fn log(arguments: &Log, context: &mut Context) -> Ending {
    let run = context.run(&arguments.run)?;
    let replayed = replay(&run)?;
    let report = fold(&replayed.about, &replayed.entries);
    let format = if arguments.json { LogFormat::Json } else { arguments.format };
    let text = match format {
        LogFormat::Markdown => markdown(&report, &context.zone),
        LogFormat::Html => html(&report, &context.zone),
        LogFormat::Json => json(&report),
    };
    context.out.raw(&text)?;
    if !text.ends_with('\n') {
        context.out.raw("\n")?;
    }
    Ok(ExitCode::Resolved)
}
