//! `runbook audit list`: what was done to the world, one row for each attempt of an act.

use jiff::Timestamp;
use runbook_core::run::record::{Mode, Record};
use runbook_report::acts::{Act, Of, acts};
use runbook_transcript::canonical;
use runbook_transcript::digest::Digest;
use runbook_transcript::run_dir::RunDir;
use runbook_transcript::store::Store;
use serde_json::{Map, Value, json};

use crate::arguments::{AuditList, ListFormat};
use crate::clock::time;
use crate::context::{Context, Ending};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::replay::replay;
use crate::text::{Line, Style, table};

/// The columns, which are the members of an act in JSON too; what is not there is left out or empty.
const COLUMNS: [&str; 24] = [
    "run",
    "runbook",
    "source",
    "commit",
    "dirty",
    "run_by",
    "run_started",
    "step",
    "undo",
    "attempt",
    "what",
    "plan",
    "consent",
    "consent_by",
    "consent_auth",
    "consent_from",
    "consent_at",
    "consent_reason",
    "planned",
    "started",
    "ended",
    "outcome",
    "reason",
    "settled_by",
];

/// Lists the acts.
///
/// # Errors
/// [`Failure`] when the store cannot be read.
pub(super) fn list(arguments: &AuditList, context: &mut Context) -> Ending {
    let unreadable = |error: &dyn std::fmt::Display| Failure::new(ExitCode::Unwritable, error);
    let store = context.store()?;
    let instant = |moment: crate::moment::Moment| moment.instant(context.now, &context.zone);
    let span = Span { since: arguments.since.map(instant), until: arguments.until.map(instant) };
    let head = store.ledger().head().map_err(|error| unreadable(&error))?;
    let mut found = Found::default();
    for id in store.list_runs().map_err(|error| unreadable(&error))? {
        if arguments.runbook.as_ref().is_none_or(|name| id.runbook() == name) {
            found.take(&store.run(&id), span);
        }
    }
    // An id tells the minute only.
    found.acts.sort_by(|(one, _), (other, _)| (one.started, &one.run).cmp(&(other.started, &other.run)));
    let format = if arguments.json { ListFormat::Json } else { arguments.format };
    let query = query(arguments, span, &store);
    match format {
        ListFormat::Table => found.print(context)?,
        ListFormat::Csv => {
            let rows = found.csv();
            let digest = Digest::of(rows.as_bytes());
            context.out.raw(&rows)?;
            let words: Vec<String> = query.iter().map(|(name, value)| format!("{name}={}", plain(value))).collect();
            let broken = found.broken.iter().map(|(run, _)| run.as_str()).collect::<Vec<_>>().join(" ");
            let trailer = format!(
                "# {}; rows={}; sha256={digest}; ledger_head={head}; broken={broken}",
                words.join("; "),
                found.acts.len()
            );
            // One cell, whatever a path holds.
            context.out.raw(&record(std::iter::once(trailer)))?;
        }
        ListFormat::Json => {
            let rows = Value::Array(found.acts.iter().map(|(of, act)| Value::Object(members(of, act))).collect());
            let mut bytes = Vec::new();
            canonical::encode(&rows, &mut bytes).map_err(|error| unreadable(&error))?;
            bytes.push(b'\n');
            let broken: Vec<Value> = found.broken.iter().map(|(run, why)| json!({ "run": run, "why": why })).collect();
            context.out.json(&json!({
                "v": 1,
                "query": query,
                "count": found.acts.len(),
                "sha256": Digest::of(&bytes).to_string(),
                "ledger_head": head.to_string(),
                "acts": rows,
                "broken": broken,
            }))?;
        }
    }
    Ok(if found.broken.is_empty() { ExitCode::Resolved } else { ExitCode::Broken })
}

#[derive(Debug, Clone, Copy)]
struct Span {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl Span {
    fn holds(self, at: Timestamp) -> bool {
        self.since.is_none_or(|since| since <= at) && self.until.is_none_or(|until| at < until)
    }

    /// Whether a run that went on from one instant to another can have an act in it.
    fn touches(self, first: Timestamp, last: Timestamp) -> bool {
        self.since.is_none_or(|since| since <= last) && self.until.is_none_or(|until| first < until)
    }
}

#[derive(Debug, Default)]
struct Found {
    acts: Vec<(Of, Act)>,
    /// Runs whose transcript cannot be read, and why.
    broken: Vec<(String, String)>,
}

impl Found {
    fn take(&mut self, run: &RunDir, span: Span) {
        // Most runs are told apart by their ends, without the middle.
        if let Ok(ends) = run.ends()
            && let (Some(first), Some(last)) = (ends.first, ends.last)
        {
            let started = runbook_transcript::wire::record(&first).ok();
            let is_real = !matches!(&started, Some(Record::RunStarted(started)) if started.mode != Mode::Real);
            if !is_real || !span.touches(first.ts, last.ts.max(first.ts)) {
                return;
            }
        }
        match replay(run) {
            Ok(replayed) => {
                if let Some((of, acts)) = acts(&replayed.about, &replayed.entries) {
                    let wanted = acts.into_iter().filter(|act| span.holds(act.planned));
                    self.acts.extend(wanted.map(|act| (of.clone(), act)));
                }
            }
            Err(failure) => self.broken.push((run.id().to_string(), failure.what)),
        }
    }

    fn csv(&self) -> String {
        let mut text = record(COLUMNS.iter().map(|&name| name.to_owned()));
        for (of, act) in &self.acts {
            let members = members(of, act);
            text.push_str(&record(COLUMNS.iter().map(|&name| members.get(name).map(plain).unwrap_or_default())));
        }
        text
    }

    fn print(&self, context: &mut Context) -> Result<(), Failure> {
        if self.acts.is_empty() && self.broken.is_empty() {
            return context.out.line("no act was done or asked for");
        }
        let heads = ["WHEN", "RUN", "STEP", "STARTED BY", "ALLOWED", "CAME OUT"];
        let mut rows = vec![heads.map(|head| (Style::Faint, head.to_owned())).to_vec()];
        rows.extend(self.acts.iter().map(|(of, act)| row(of, act, context)));
        let columns = context.out.columns();
        for line in table(&rows) {
            context.out.line(line.fit(columns))?;
        }
        for (run, why) in &self.broken {
            let line = Line::plain("").and(Style::Bad, "not listed  ").and(Style::Strong, run);
            context.out.wrapped(line.and(Style::Plain, &format!("  {why}")), 4)?;
        }
        Ok(())
    }
}

fn row(of: &Of, act: &Act, context: &Context) -> Vec<(Style, String)> {
    let allowed = match &act.consent {
        None => "nobody was asked".to_owned(),
        Some(consent) if consent.what == "granted" => format!("{} ({})", consent.by, consent.auth),
        Some(consent) => format!("{} by {}", consent.what, consent.by),
    };
    let outcome = match &act.settled_by {
        Some(settled) => format!("{}, {settled}", act.outcome),
        None => act.outcome.to_owned(),
    };
    let style = match act.outcome {
        "passed" => Style::Good,
        "failed" | "denied" | "unknown" => Style::Bad,
        _ => Style::Look,
    };
    let undo = if act.is_undo { " (undo)" } else { "" };
    vec![
        (Style::Plain, time(act.planned, context.now, &context.zone)),
        (Style::Plain, of.run.clone()),
        (Style::Strong, format!("{}{undo}", act.step)),
        (Style::Plain, of.operator.clone()),
        (Style::Plain, allowed),
        (style, outcome),
    ]
}

fn members(of: &Of, act: &Act) -> Map<String, Value> {
    let mut members = Map::new();
    let mut add = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            members.insert(name.to_owned(), value);
        }
    };
    let text = |text: &str| Some(Value::from(text));
    let when = |at: Option<Timestamp>| at.map(|at| Value::from(at.to_string()));
    add("run", text(&of.run));
    add("runbook", text(&of.runbook));
    add("source", text(&of.source));
    add("commit", of.commit.as_deref().map(Value::from));
    add("dirty", of.dirty.map(Value::from));
    add("run_by", text(&of.operator));
    add("run_started", when(Some(of.started)));
    add("step", text(&act.step));
    add("undo", Some(Value::from(act.is_undo)));
    add("attempt", Some(Value::from(act.attempt)));
    add("what", text(&act.what));
    add("plan", act.plan.as_deref().map(Value::from));
    if let Some(consent) = &act.consent {
        add("consent", text(consent.what));
        add("consent_by", text(&consent.by));
        add("consent_auth", text(consent.auth));
        add("consent_from", text(&consent.origin));
        add("consent_at", when(Some(consent.at)));
        add("consent_reason", consent.reason.as_deref().map(Value::from));
    }
    add("planned", when(Some(act.planned)));
    add("started", when(act.started));
    add("ended", when(act.ended));
    add("outcome", text(act.outcome));
    add("reason", act.reason.as_deref().map(Value::from));
    add("settled_by", act.settled_by.as_deref().map(Value::from));
    add("entries", Some(Value::from(act.entries.clone())));
    members
}

/// What was asked for, as it was understood.
fn query(arguments: &AuditList, span: Span, store: &Store) -> Map<String, Value> {
    let mut query = Map::new();
    query.insert("store".to_owned(), Value::from(store.root().display().to_string()));
    for (name, at) in [("since", span.since), ("until", span.until)] {
        if let Some(at) = at {
            query.insert(name.to_owned(), Value::from(at.to_string()));
        }
    }
    if let Some(runbook) = &arguments.runbook {
        query.insert("runbook".to_owned(), Value::from(runbook.as_str()));
    }
    query
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// One line of CSV (RFC 4180, but with LF), each cell in quotes, so that there is nothing to decide. No cell is a formula:
/// one that would begin as a spreadsheet's formulas do begins with an apostrophe (OWASP, *CSV Injection*).
fn record(cells: impl Iterator<Item = String>) -> String {
    let quoted = |cell: String| {
        let guard = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
        format!("\"{guard}{}\"", cell.replace('"', "\"\""))
    };
    format!("{}\n", cells.map(quoted).collect::<Vec<_>>().join(","))
}
