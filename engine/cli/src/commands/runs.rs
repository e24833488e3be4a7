//! `runbook runs`: the runs and where each stands.

use runbook_transcript::store::{Store, StoreError};
use serde_json::json;

use crate::arguments::Runs;
use crate::clock::{rough, time};
use crate::context::{Context, Ending, store_failure};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::history::{Past, Standing, newest_first};
use crate::text::{Line, Style, table};

/// Lists the runs, the newest first.
///
/// # Errors
/// [`Failure`] when the store cannot be read.
pub(super) fn list(arguments: &Runs, context: &mut Context) -> Ending {
    let store = match Store::open(&context.place.store) {
        // Where nothing was run yet there is no store, and no run.
        Err(StoreError::Missing(_)) => None,
        opened => Some(opened.map_err(|error| store_failure(&error))?),
    };
    let ids = store.as_ref().map(newest_first).transpose();
    let ids = ids.map_err(|error| Failure::new(ExitCode::Unwritable, error))?;
    let limit = if arguments.limit == 0 { usize::MAX } else { arguments.limit };
    let past: Vec<Past> = ids
        .into_iter()
        .flatten()
        .filter(|id| arguments.name.as_ref().is_none_or(|name| id.runbook() == name))
        .filter_map(|id| Past::read(&store.as_ref()?.run(&id)))
        .filter(|past| !arguments.waiting || !matches!(past.standing, Standing::Over(_)))
        .take(limit)
        .collect();
    if arguments.json {
        let runs: Vec<_> = past.iter().map(of).collect();
        context.out.json(&json!({ "v": 1, "runs": runs }))?;
        return Ok(ExitCode::Resolved);
    }
    if past.is_empty() {
        context.out.line(if arguments.waiting { "no run waits" } else { "there is no run yet" })?;
        return Ok(ExitCode::Resolved);
    }
    let mut rows =
        vec![["RUN", "STARTED", "BY", "TOOK", "STANDS"].map(|head| (Style::Faint, head.to_owned())).to_vec()];
    rows.extend(past.iter().map(|past| {
        let style = match &past.standing {
            Standing::Over(runbook_core::run::record::RunOutcome::Resolved) => Style::Good,
            Standing::Over(runbook_core::run::record::RunOutcome::Failed) => Style::Bad,
            Standing::Over(_) => Style::Plain,
            Standing::Running | Standing::Waiting(_) | Standing::Interrupted => Style::Look,
        };
        let dry = if past.is_real() { "" } else { " (dry run)" };
        let waits = match &past.standing {
            Standing::Waiting(waits) if !waits.is_empty() => format!(" for {}", waits.join("; ")),
            Standing::Over(_) | Standing::Running | Standing::Waiting(_) | Standing::Interrupted => String::new(),
        };
        vec![
            (Style::Strong, past.id.clone()),
            (Style::Plain, time(past.started, context.now, &context.zone)),
            (Style::Plain, past.operator.clone()),
            (Style::Plain, rough(past.duration())),
            (style, format!("{}{dry}{waits}", past.standing.word())),
        ]
    }));
    let columns = context.out.columns();
    table(&rows).iter().try_for_each(|line: &Line| context.out.line(line.fit(columns)))?;
    Ok(ExitCode::Resolved)
}

fn of(past: &Past) -> serde_json::Value {
    let (ended, waits_for) = match &past.standing {
        Standing::Over(_) => (Some(past.last.to_string()), Vec::new()),
        Standing::Waiting(waits) => (None, waits.clone()),
        Standing::Running | Standing::Interrupted => (None, Vec::new()),
    };
    json!({
        "id": past.id,
        "runbook": past.runbook,
        "title": past.title,
        "real": past.is_real(),
        "operator": past.operator,
        "started": past.started.to_string(),
        "ended": ended,
        "duration_ms": u64::try_from(past.duration().as_millis()).unwrap_or(u64::MAX),
        "standing": past.standing.word(),
        "waits_for": waits_for,
    })
}
