//! `runbook audit ledger`: whether the ledger is whole, every run in it is there or was removed, and every run that is
//! there is in it.

use runbook_transcript::ledger::LedgerError;
use runbook_transcript::retention::removed;
use serde_json::json;

use crate::arguments::LedgerArguments;
use crate::context::{Context, Ending};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::text::{Line, Style};

/// Looks at the ledger.
///
/// # Errors
/// [`Failure`] when it cannot be read, or is broken.
pub(super) fn audit(arguments: &LedgerArguments, context: &mut Context) -> Ending {
    let store = context.store()?;
    let ledger = store.ledger();
    let failed = |error: LedgerError| {
        let code = if matches!(error, LedgerError::Broken { .. }) { ExitCode::Broken } else { ExitCode::Unwritable };
        Failure::new(code, error)
    };
    let lines = ledger.read().map_err(failed)?.len();
    let head = ledger.head().map_err(failed)?;
    let present = store.list_runs().map_err(|error| Failure::new(ExitCode::Unwritable, error))?;
    let vanished = ledger.vanished(&present).map_err(failed)?;
    let mut unknown = ledger.unknown(&present).map_err(failed)?;
    // A folder without an entry is none of a run that began.
    unknown.retain(|run| store.run(run).ends().is_ok_and(|ends| ends.first.is_some()));
    let removed = removed(&store).map_err(failed)?;
    let code = if vanished.is_empty() && unknown.is_empty() { ExitCode::Resolved } else { ExitCode::Mismatch };
    if arguments.json {
        let removed: Vec<_> = removed
            .iter()
            .map(|(run, at, head)| json!({ "id": run.as_str(), "removed": at.to_string(), "head": head.to_string() }))
            .collect();
        context.out.json(&json!({
            "v": 1,
            "lines": lines,
            "head": head.to_string(),
            "runs": present.len(),
            "removed": removed,
            "vanished": vanished.iter().map(runbook_transcript::run_id::RunId::as_str).collect::<Vec<_>>(),
            "unknown": unknown.iter().map(runbook_transcript::run_id::RunId::as_str).collect::<Vec<_>>(),
            "exit_code": code.number(),
        }))?;
        return Ok(code);
    }
    let out = &mut context.out;
    out.line(format!("{lines} lines are chained and sound, head {head}"))?;
    out.line(format!("  {} runs are there, {} runs were removed", present.len(), removed.len()))?;
    for run in &vanished {
        let line = Line::plain("  ").and(Style::Bad, "vanished  ").and(Style::Strong, run.as_str());
        out.line(line.and(Style::Plain, "  is in the ledger, not in the store, and no line says that it was removed"))?;
    }
    for run in &unknown {
        let line = Line::plain("  ").and(Style::Bad, "unknown   ").and(Style::Strong, run.as_str());
        out.line(line.and(Style::Plain, "  is in the store, and the ledger has no line of it"))?;
    }
    if !unknown.is_empty() {
        let said = "  a run whose process died right at its beginning gets its line when it is resumed; any other was put \
                    there by hand, or its line was taken out";
        out.wrapped(said, 2)?;
    }
    Ok(code)
}
