//! `runbook runs`: the runs and where each stands.

use runbook_core::run::heard::Heard;
use runbook_core::run::record::Mode;
use runbook_core::run::request::Request;
use runbook_core::run::state::PendingHandover;
use runbook_transcript::run_id::RunId;
use runbook_transcript::store::{Store, StoreError};
use serde_json::json;

use crate::arguments::Runs;
use crate::clock::{rough, time};
use crate::context::{Context, Ending, store_failure};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::history::{Past, Standing, newest_first};
use crate::replay::state_now;
use crate::terminal::view::people::where_they_stand;
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
        .filter_map(|id| Past::read_closely(&store.as_ref()?.run(&id)))
        .filter(|past| !arguments.waiting || !matches!(past.standing, Standing::Over(_)))
        .take(limit)
        .collect();
    let open: Vec<Option<Open>> = past.iter().map(|past| Open::of(past, store.as_ref()?)).collect();
    if arguments.json {
        let runs: Vec<_> = past.iter().zip(&open).map(|(past, open)| of(past, open.as_ref())).collect();
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
            Standing::Over(runbook_core::run::record::RunOutcome::Failed) | Standing::InDoubt(_) => Style::Bad,
            Standing::Over(_) => Style::Plain,
            Standing::Running | Standing::Waiting(_) | Standing::Interrupted => Style::Look,
        };
        let dry = match past.mode {
            Mode::Real => "",
            Mode::Dry { .. } => " (dry run)",
            Mode::Drill => " (drill)",
        };
        vec![
            (Style::Strong, past.id.clone()),
            (Style::Plain, time(past.started, context.now, &context.zone)),
            (Style::Plain, past.operator.clone()),
            (Style::Plain, rough(past.duration())),
            (style, format!("{}{dry}", past.standing.words(context.now, &context.zone))),
        ]
    }));
    let columns = context.out.columns();
    for (index, line) in table(&rows).iter().enumerate() {
        context.out.line(line.fit(columns))?;
        let Some(Some(open)) = index.checked_sub(1).and_then(|index| open.get(index)) else { continue };
        for line in open.lines(context) {
            context.out.wrapped(line, 6)?;
        }
    }
    Ok(ExitCode::Resolved)
}

/// What is open in a run that is not over.
struct Open {
    waits: Vec<Wait>,
    handover: Option<PendingHandover>,
}

/// Something that waits for people.
struct Wait {
    request: Request,
    from: Vec<String>,
    /// Who was told of it, and what came of that.
    heard: Vec<Heard>,
}

impl Open {
    /// Nothing for a run that is over; of one that cannot be read back no more is told than its last entry says.
    fn of(past: &Past, store: &Store) -> Option<Self> {
        if matches!(past.standing, Standing::Over(_)) {
            return None;
        }
        let state = state_now(&store.run(&RunId::new(&past.id).ok()?)).ok()?;
        let waits = state.requests().map(|request| Wait {
            request: request.clone(),
            from: state.awaited(request),
            heard: request.step.as_deref().map(|step| state.heard(step)).unwrap_or_default(),
        });
        Some(Self { waits: waits.collect(), handover: state.pending_handover().cloned() })
    }

    fn lines(&self, context: &Context) -> Vec<Line> {
        let at = |at| time(at, context.now, &context.zone);
        let mut lines = Vec::new();
        if let Some(PendingHandover { by, to, since }) = &self.handover {
            let text = format!("handed over to {to} by {by} {}, who has not confirmed it", at(*since));
            lines.push(Line::plain("    ").and(Style::Look, &text));
        }
        for Wait { request, from, heard } in &self.waits {
            let step = request.step.as_deref().unwrap_or("rollback");
            let until = request.deadline.map_or(String::new(), |until| format!(", until {}", at(until)));
            let line = Line::plain("    ").and(Style::Look, &format!("{} {step}", request.verb()));
            let rest = format!(": waits for {} since {}{until}", from.join(", "), at(request.since));
            lines.push(line.and(Style::Plain, &rest));
            lines.extend(heard.iter().map(|heard| {
                let line = Line::plain("      ").and(Style::Strong, &heard.name);
                line.and(Style::Plain, &format!(" {}", where_they_stand(heard, context.now, &context.zone)))
            }));
        }
        lines
    }
}

fn of(past: &Past, open: Option<&Open>) -> serde_json::Value {
    let (ended, waits_for) = match &past.standing {
        Standing::Over(_) => (Some(past.last.to_string()), Vec::new()),
        Standing::Waiting(waits) | Standing::InDoubt(waits) => (None, waits.requests.clone()),
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
        "waits": open.map_or(Vec::new(), |open| open.waits.iter().map(wait).collect()),
        "handover": open.and_then(|open| open.handover.as_ref()).map(|handover| {
            json!({ "by": handover.by, "to": handover.to, "since": handover.since.to_string() })
        }),
    })
}

fn wait(wait: &Wait) -> serde_json::Value {
    json!({
        "request": wait.request.id,
        "step": wait.request.step,
        "verb": wait.request.verb(),
        "text": wait.request.text,
        "from": wait.from,
        "since": wait.request.since.to_string(),
        "until": wait.request.deadline.map(|until| until.to_string()),
        "people": wait.heard.iter().map(|heard| json!({
            "name": heard.name,
            "of": heard.of,
            "told": heard.told.as_ref().map(|(at, _)| at.to_string()),
            "by": heard.told.as_ref().map(|(_, channel)| channel),
            "failed": heard.failed,
            "acknowledged": heard.acknowledged.map(|at| at.to_string()),
        })).collect::<Vec<_>>(),
    })
}
