//! What was kept, with its digests.

use std::collections::BTreeMap;

use runbook_core::document::model::Kind;
use runbook_core::run::record::{Output, Part, Record, Stream};

use super::Run;
use crate::entry::Folded;
use crate::line::Line;
use crate::report::Fact;

/// The lines: the runbook's source, attachments, what acts ran, outputs, and what happened to the transcript itself.
pub(super) fn evidence(run: &Run<'_>) -> Vec<Fact> {
    let mut facts = Vec::new();
    if let Some((entry, start)) = run.started() {
        let line = Line::new().say("The runbook's source, ").code(&start.path).say(": sha256 ").code(&start.source);
        facts.push(Fact::new(entry.ts, line, [entry.n]));
        if let Some(team) = &start.team {
            let line = Line::new().say("The team file: sha256 ").code(team);
            facts.push(Fact::new(entry.ts, line, [entry.n]));
        }
    }
    facts.extend(run.entries.iter().filter_map(attachment));
    facts.extend(plans(run));
    facts.extend(outputs(run));
    facts.extend(run.entries.iter().filter_map(transcript));
    facts
}

fn kept(output: &Output) -> Line {
    let line = if output.kept < output.bytes {
        Line::new().say(&format!("{} bytes, of which {} are kept", output.bytes, output.kept))
    } else {
        Line::new().say(&format!("{} bytes", output.bytes))
    };
    match &output.blob {
        Some(blob) => line.say(", sha256 ").code(blob),
        None => line,
    }
}

fn attachment(entry: &Folded) -> Option<Fact> {
    let Record::Attachment { step, name, output, note } = &entry.record else { return None };
    let line = Line::new().say("Attached by ").code(step).say(": ").code(name).say(", ");
    let line = match output {
        Some(output) => line.then(kept(output)),
        None => line.strong("could not be had"),
    };
    let line = match note {
        Some(note) => line.say(" (").say_reason(note).say(")"),
        None => line,
    };
    Some(Fact::new(entry.ts, line, [entry.n]))
}

/// Exactly what each act ran.
fn plans(run: &Run<'_>) -> Vec<Fact> {
    let acts = run.steps.iter().filter(|step| matches!(step.kind(), Some(Kind::Act) | None));
    let planned = acts.flat_map(|step| {
        step.all(|record| match record {
            Record::StepPlanned { key, plan, .. } if matches!(key.part, Part::Main | Part::Undo) => Some((key, plan)),
            _ => None,
        })
    });
    let line = |key: &runbook_core::run::record::AttemptKey, plan: &str| {
        let what = if key.part == Part::Undo { "Execution plan of the undo of " } else { "Execution plan of " };
        Line::new().say(what).code(&key.step).say(&format!(", attempt {}: sha256 ", key.attempt)).code(plan)
    };
    planned.map(|(entry, (key, plan))| Fact::new(entry.ts, line(key, plan), [entry.n])).collect()
}

/// A step, a stream and the digest of what it wrote.
type Wrote<'a> = (&'a str, Stream, &'a str);
/// The entries that say so.
type Said<'a> = Vec<(&'a Folded, &'a Output)>;

/// Outputs kept beside the transcript. A verify that is tried fifty times and says the same has one line.
fn outputs(run: &Run<'_>) -> Vec<Fact> {
    let mut found: BTreeMap<Wrote<'_>, Said<'_>> = BTreeMap::new();
    for entry in run.entries {
        if let Record::StepOutput { key, stream, output } = &entry.record
            && let Some(blob) = &output.blob
        {
            found.entry((&key.step, *stream, blob)).or_default().push((entry, output));
        }
    }
    let fact = |((step, stream, _), outputs): (Wrote<'_>, Said<'_>)| {
        let (entry, output) = outputs.first()?;
        let name = match stream {
            Stream::Stdout => "Standard output of ",
            Stream::Stderr => "Standard error of ",
            Stream::Body => "The answer to ",
        };
        let line = Line::new().say(name).code(step).say(": ").then(kept(output));
        let times = outputs.len();
        let line = if times > 1 { line.say(&format!(", {times} times the same")) } else { line };
        Some(Fact::new(entry.ts, line, outputs.iter().map(|(entry, _)| entry.n)))
    };
    let mut facts: Vec<Fact> = found.into_iter().filter_map(fact).collect();
    facts.sort_by_key(Fact::first);
    facts
}

/// What happened to the record itself.
fn transcript(entry: &Folded) -> Option<Fact> {
    let line = match &entry.record {
        Record::ClockJumped { by_ms } => {
            let way = if *by_ms < 0 { "back" } else { "forward" };
            let by = std::time::Duration::from_millis(by_ms.unsigned_abs());
            Line::new().strong("The clock jumped").say(&format!(" {way} by {}", crate::moment::words(by)))
        }
        Record::Recovered { bytes } => Line::new()
            .say(&format!("A line of {bytes} bytes that was not whole was moved away, into "))
            .code("transcript.torn"),
        _ => return None,
    };
    Some(Fact::new(entry.ts, line, [entry.n]))
}
