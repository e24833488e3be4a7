//! Entries about the life of a run: its start, its phases, its pauses, its end.

use std::collections::BTreeMap;

use runbook_core::run::record::{BlobDigest, EndCause, Mode, Phase, Record, RetryOf, RunStarted};
use runbook_core::value::Value;
use serde_json::{Map, Value as Json};

use super::error::WireError;
use super::fields::{Fields, Reader, value_of, value_text};
use super::words;

pub(super) const STARTED: &str = "run.started";
pub(super) const PHASE: &str = "run.phase";
pub(super) const SUSPENDED: &str = "run.suspended";
pub(super) const RESUMED: &str = "run.resumed";
pub(super) const CANCELLED: &str = "run.cancelled";
pub(super) const SEALED: &str = "run.sealed";
pub(super) const CLOCK_JUMPED: &str = "clock.jumped";
pub(super) const RECOVERED: &str = "recovered";

pub(super) fn started(run: &RunStarted) -> Fields {
    let fields = Fields::of_run(STARTED)
        .text("store", &run.store)
        .text("ledger_head", &run.ledger_head)
        .text("runbook", &run.runbook)
        .text("title", &run.title)
        .text("path", &run.path)
        .text("source", &run.source);
    let fields = if run.called.is_empty() { fields } else { fields.json("called", called(&run.called)) };
    let fields = fields.text_if_any("team", run.team.as_ref()).text_if_any("commit", run.commit.as_ref());
    let fields = match run.dirty {
        Some(dirty) => fields.flag("dirty", dirty),
        None => fields,
    };
    let fields = if run.params.is_empty() { fields } else { fields.json("params", params(&run.params)) };
    let fields = match &run.alert {
        Some(alert) => fields.text("alert", &value_text(alert)),
        None => fields,
    };
    let fields = match run.mode {
        Mode::Real => fields.text("mode", "real"),
        Mode::Dry { probe } => fields.text("mode", "dry").flag("probe", probe),
        Mode::Drill => fields.text("mode", "drill"),
    };
    let fields = fields
        .text("host", &run.host)
        .text("boot_id", &run.boot_id)
        .text("version", &run.version)
        .text("binary", &run.binary)
        .flag("attended", run.attended)
        .flag("yes", run.yes)
        .flag("step_by_step", run.step_by_step)
        .text("directory", &run.directory);
    match &run.retry_of {
        Some(retry) => fields.text("retry_of", &retry.run).list("taken_over", &retry.steps),
        None => fields,
    }
}

fn called(called: &BTreeMap<String, BlobDigest>) -> Json {
    Json::Object(called.iter().map(|(name, digest)| (name.clone(), Json::String(digest.clone()))).collect())
}

/// A build before there were such runbooks wrote no such key.
fn called_of(entry: Reader<'_>) -> Result<BTreeMap<String, BlobDigest>, WireError> {
    let members = entry.object("called")?.into_iter().flatten();
    let digests = members.map(|(name, digest)| Some((name.clone(), digest.as_str()?.to_owned())));
    digests.collect::<Option<_>>().ok_or_else(|| entry.wrong("called", "an object of digests"))
}

fn params(params: &BTreeMap<String, (Value, String)>) -> Json {
    let members = params.iter().map(|(name, (value, from))| {
        let param = [("value", value_text(value)), ("from", from.clone())];
        let param = param.into_iter().map(|(key, text)| (key.to_owned(), Json::String(text))).collect();
        (name.clone(), Json::Object(param))
    });
    Json::Object(members.collect())
}

fn params_of(members: &Map<String, Json>) -> Option<BTreeMap<String, (Value, String)>> {
    members
        .iter()
        .map(|(name, param)| {
            let value = value_of(param.get("value")?.as_str()?)?;
            Some((name.clone(), (value, param.get("from")?.as_str()?.to_owned())))
        })
        .collect()
}

pub(super) fn read_started(entry: Reader<'_>) -> Result<Record, WireError> {
    let params = match entry.object("params")? {
        None => BTreeMap::new(),
        Some(members) => params_of(members)
            .ok_or_else(|| entry.wrong("params", "an object of objects with value (a JSON text) and from"))?,
    };
    let alert = match entry.str_if_any("alert")? {
        None => None,
        Some(text) => Some(value_of(text).ok_or_else(|| entry.wrong("alert", "a JSON text"))?),
    };
    let mode = match entry.text("mode")?.as_str() {
        "real" => Mode::Real,
        "dry" => Mode::Dry { probe: entry.flag("probe")? },
        "drill" => Mode::Drill,
        _ => return Err(entry.wrong("mode", "real, dry or drill")),
    };
    Ok(Record::RunStarted(Box::new(RunStarted {
        store: entry.text("store")?,
        ledger_head: entry.text("ledger_head")?,
        runbook: entry.text("runbook")?,
        title: entry.text("title")?,
        path: entry.text("path")?,
        source: entry.text("source")?,
        called: called_of(entry)?,
        team: entry.text_if_any("team")?,
        commit: entry.text_if_any("commit")?,
        dirty: entry.flag_if_any("dirty")?,
        params,
        alert,
        host: entry.text("host")?,
        boot_id: entry.text("boot_id")?,
        version: entry.text("version")?,
        binary: entry.text("binary")?,
        mode,
        attended: entry.flag("attended")?,
        yes: entry.flag("yes")?,
        step_by_step: entry.flag("step_by_step")?,
        directory: entry.text("directory")?,
        retry_of: match entry.text_if_any("retry_of")? {
            Some(run) => Some(RetryOf { run, steps: entry.list("taken_over")? }),
            None => None,
        },
    })))
}

pub(super) fn phase(phase: Phase, cause: Option<&EndCause>) -> Fields {
    put_phase(Fields::of_run(PHASE), phase, cause)
}

pub(super) fn put_phase(fields: Fields, phase: Phase, cause: Option<&EndCause>) -> Fields {
    let fields = fields.word("phase", words::PHASES, phase);
    match cause {
        None => fields,
        Some(EndCause::Complete) => fields.text("cause", "complete"),
        Some(EndCause::Failed(step)) => fields.text("cause", "failed").text("by", step),
        Some(EndCause::TookFailed(step)) => fields.text("cause", "took_failed").text("by", step),
        Some(EndCause::Denied(step)) => fields.text("cause", "denied").text("by", step),
        Some(EndCause::Handover(step)) => fields.text("cause", "handover").text("by", step),
        Some(EndCause::Cancelled) => fields.text("cause", "cancelled"),
        Some(EndCause::Around) => fields.text("cause", "around"),
    }
}

pub(super) fn read_phase(entry: Reader<'_>) -> Result<Record, WireError> {
    let (phase, cause) = phase_of(entry)?;
    Ok(Record::PhaseEntered { phase, cause })
}

pub(super) fn phase_of(entry: Reader<'_>) -> Result<(Phase, Option<EndCause>), WireError> {
    let cause = match entry.str_if_any("cause")? {
        None => None,
        Some("complete") => Some(EndCause::Complete),
        Some("failed") => Some(EndCause::Failed(entry.text("by")?)),
        Some("took_failed") => Some(EndCause::TookFailed(entry.text("by")?)),
        Some("denied") => Some(EndCause::Denied(entry.text("by")?)),
        Some("handover") => Some(EndCause::Handover(entry.text("by")?)),
        Some("cancelled") => Some(EndCause::Cancelled),
        Some("around") => Some(EndCause::Around),
        Some(_) => {
            return Err(entry.wrong("cause", "complete, failed, took_failed, denied, handover, cancelled or around"));
        }
    };
    Ok((entry.word("phase", words::PHASES, "steps, ending, rollback, finally or over")?, cause))
}

pub(super) fn read_suspended(entry: Reader<'_>) -> Result<Record, WireError> {
    Ok(Record::RunSuspended { waits_for: entry.list("waits_for")? })
}

pub(super) fn read_resumed(entry: Reader<'_>) -> Result<Record, WireError> {
    Ok(Record::RunResumed {
        host: entry.text("host")?,
        boot_id: entry.text("boot_id")?,
        version: entry.text("version")?,
        attended: entry.flag("attended")?,
    })
}

pub(super) fn read_cancelled(entry: Reader<'_>) -> Result<Record, WireError> {
    Ok(Record::RunCancelled { reason: entry.text("reason")? })
}

pub(super) fn read_sealed(entry: Reader<'_>) -> Result<Record, WireError> {
    Ok(Record::RunSealed {
        outcome: entry.word("outcome", words::RUN_OUTCOMES, "resolved, escalated, failed or cancelled")?,
        reason: entry.text("reason")?,
        open: entry.list("open")?,
    })
}

pub(super) fn read_clock_jumped(entry: Reader<'_>) -> Result<Record, WireError> {
    Ok(Record::ClockJumped { by_ms: entry.number("by_ms")? })
}

pub(super) fn read_recovered(entry: Reader<'_>) -> Result<Record, WireError> {
    Ok(Record::Recovered { bytes: entry.number("bytes")? })
}
