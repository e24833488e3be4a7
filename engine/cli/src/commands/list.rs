//! `runbook list`: the runbooks, most severe first, and how each went last.

use std::collections::BTreeMap;

use runbook_core::document::model::{Document, Severity};
use runbook_core::document::parse;
use runbook_core::run::record::RunOutcome;
use runbook_runner::account::Machine;
use runbook_runner::load::{Source, folder, names};
use runbook_transcript::store::Store;
use serde_json::json;

use crate::arguments::List;
use crate::clock::day;
use crate::context::{Context, Ending};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::history::{Past, Standing, newest_first};
use crate::loading::load_failure;
use crate::text::{Line, Style, table};

/// A runbook as a list shows it.
struct Listed {
    name: String,
    /// What it says; `None` where it cannot be read.
    document: Option<Document>,
    last: Option<Past>,
}

/// Lists the runbooks.
///
/// # Errors
/// [`Failure`] when there is no folder of runbooks, or it cannot be read.
pub(super) fn list(arguments: &List, context: &mut Context) -> Ending {
    let mut listed = listed(context)?;
    listed.sort_by(|a, b| (urgency(a), &a.name).cmp(&(urgency(b), &b.name)));
    if arguments.json {
        let runbooks: Vec<_> = listed.iter().map(of).collect();
        context.out.json(&json!({ "v": 1, "runbooks": runbooks }))?;
        return Ok(ExitCode::Resolved);
    }
    if listed.is_empty() {
        context.out.line("there is no runbook yet")?;
        context.out.line(Line::plain("  ").and(Style::Command, &context.place.command(&["new", "NAME"])))?;
        return Ok(ExitCode::Resolved);
    }
    let mut rows =
        vec![["SEVERITY", "NAME", "TITLE", "OWNER", "LAST RUN"].map(|head| (Style::Faint, head.to_owned())).to_vec()];
    rows.extend(listed.iter().map(|listed| row(listed, context)));
    let columns = context.out.columns();
    table(&rows).iter().try_for_each(|line| context.out.line(line.fit(columns)))?;
    Ok(ExitCode::Resolved)
}

fn listed(context: &Context) -> Result<Vec<Listed>, Failure> {
    let machine = Machine::current();
    let folder = folder(&machine, context.place.given_dir()).map_err(|error| load_failure(&error, context))?;
    let mut last = last_runs(context);
    let names = names(&folder).map_err(|error| load_failure(&error, context))?;
    let read = |name: String| {
        let source = Source::read(&folder.join(format!("{name}.yaml"))).ok();
        let document = source.and_then(|source| parse(&source.shown(&machine), &source.bytes).document);
        Listed { last: last.remove(&name), document, name }
    };
    Ok(names.into_iter().map(read).collect())
}

/// The last real run of every runbook.
fn last_runs(context: &Context) -> BTreeMap<String, Past> {
    let mut last = BTreeMap::new();
    // Without a store nothing has run.
    let Ok(store) = Store::open(&context.place.store) else { return last };
    for id in newest_first(&store).into_iter().flatten() {
        if !last.contains_key(id.runbook())
            && let Some(past) = Past::read_closely(&store.run(&id)).filter(Past::is_real)
        {
            last.insert(id.runbook().to_owned(), past);
        }
    }
    last
}

fn urgency(listed: &Listed) -> u8 {
    match listed.document.as_ref().and_then(|document| document.severity) {
        Some(Severity::Critical) => 0,
        Some(Severity::High) => 1,
        Some(Severity::Medium) => 2,
        Some(Severity::Low) => 3,
        None => 4,
    }
}

fn severity(listed: &Listed) -> Option<&'static str> {
    listed.document.as_ref()?.severity.map(|severity| match severity {
        Severity::Critical => "critical",
        Severity::High => "high",
        Severity::Medium => "medium",
        Severity::Low => "low",
    })
}

fn row(listed: &Listed, context: &Context) -> Vec<(Style, String)> {
    let style = match severity(listed) {
        Some("critical") => Style::Bad,
        Some("high") => Style::Look,
        _ => Style::Plain,
    };
    let document = listed.document.as_ref();
    let title = document.map_or("(cannot be read: see `runbook check`)", |document| document.title.value.as_str());
    let owner = document.and_then(|document| document.owner.as_ref()).map_or("-", |owner| owner.value.as_str());
    let (last_style, last) = match &listed.last {
        None => (Style::Faint, "never".to_owned()),
        Some(past) => {
            let style = match past.standing {
                Standing::Over(RunOutcome::Failed) | Standing::InDoubt(_) => Style::Bad,
                Standing::Over(_) => Style::Plain,
                Standing::Running | Standing::Waiting(_) | Standing::Interrupted => Style::Look,
            };
            (style, format!("{}, {}", day(past.started, context.now, &context.zone), past.standing.word()))
        }
    };
    vec![
        (style, severity(listed).unwrap_or("-").to_owned()),
        (Style::Strong, listed.name.clone()),
        (Style::Plain, title.to_owned()),
        (Style::Plain, owner.to_owned()),
        (last_style, last),
    ]
}

fn of(listed: &Listed) -> serde_json::Value {
    let document = listed.document.as_ref();
    json!({
        "name": listed.name,
        "title": document.map(|document| &document.title.value),
        "severity": severity(listed),
        "owner": document.and_then(|document| document.owner.as_ref()).map(|owner| &owner.value),
        "last_run": listed.last.as_ref().map(|past| json!({
            "id": past.id,
            "started": past.started.to_string(),
            "operator": past.operator,
            "standing": past.standing.word(),
        })),
    })
}
