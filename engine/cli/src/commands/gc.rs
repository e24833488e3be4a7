//! `runbook gc`: removes old runs that are sealed.

use runbook_transcript::retention::{Retention, finish_removals, remove, sealed_runs, to_remove};
use serde_json::json;

use crate::arguments::Gc;
use crate::clock::time;
use crate::context::{Context, Ending};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::text::{Line, Style};

/// Removes what is old enough, or too much.
///
/// # Errors
/// [`Failure`] when the store cannot be read or written.
pub(super) fn collect(arguments: &Gc, context: &mut Context) -> Ending {
    let unwritable = |error: &dyn std::fmt::Display| Failure::new(ExitCode::Unwritable, error);
    let store = context.store()?;
    let retention = Retention { older_than: arguments.older_than, keep_bytes: arguments.keep_bytes };
    let sealed = sealed_runs(&store).map_err(|error| unwritable(&error))?;
    let going = to_remove(&sealed, retention, context.now);
    let all = store.list_runs().map_err(|error| unwritable(&error))?.len();
    if !arguments.dry_run {
        finish_removals(&store).map_err(|error| unwritable(&error))?;
    }
    let (mut removed, mut kept, mut freed) = (Vec::new(), Vec::new(), 0_u64);
    for run in &going {
        let id = run.run.id();
        let gone = if arguments.dry_run { Ok(()) } else { remove(&store, run, context.now) };
        match gone {
            Ok(()) => {
                freed = freed.saturating_add(run.bytes);
                removed.push(json!({ "id": id.as_str(), "sealed": run.sealed.to_string(), "bytes": run.bytes }));
                if !arguments.json {
                    let sealed = time(run.sealed, context.now, &context.zone);
                    let word = if arguments.dry_run { "would go" } else { "removed" };
                    let line = Line::plain(&format!("{word}  ")).and(Style::Strong, id.as_str());
                    let rest = format!("  sealed {sealed}, {} bytes", run.bytes);
                    context.out.line(line.and(Style::Faint, &rest))?;
                }
            }
            Err(error) => {
                kept.push(json!({ "id": id.as_str(), "why": error.to_string() }));
                if !arguments.json {
                    let line = Line::new().and(Style::Bad, "kept     ").and(Style::Strong, id.as_str());
                    context.out.wrapped(line.and(Style::Plain, &format!("  {error}")), 9)?;
                }
            }
        }
    }
    let left = all.saturating_sub(removed.len());
    if arguments.json {
        context.out.json(&json!({
            "v": 1,
            "dry_run": arguments.dry_run,
            "removed": removed,
            "kept": kept,
            "freed_bytes": freed,
            "left": left,
        }))?;
    } else {
        let word = if arguments.dry_run { "would be freed" } else { "freed" };
        context.out.line(format!("{freed} bytes {word}, {left} runs stay; the ledger keeps a line of each"))?;
    }
    Ok(if kept.is_empty() { ExitCode::Resolved } else { ExitCode::Failed })
}
