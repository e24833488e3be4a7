//! Entries about runbooks that a step runs: what they are given, their beginning, their phases, their end.

use std::collections::BTreeMap;

use runbook_core::run::record::{AttemptKey, EndCause, Phase, Record};
use runbook_core::value::Value;
use serde_json::Value as Json;

use super::error::WireError;
use super::fields::{Fields, Reader, value_text};
use super::{life, words};

pub(super) const GIVEN: &str = "call.given";
pub(super) const STARTED: &str = "call.started";
pub(super) const PHASE: &str = "call.phase";
pub(super) const CANCELLED: &str = "call.cancelled";
pub(super) const ENDED: &str = "call.ended";

pub(super) fn given(
    key: &AttemptKey,
    runbook: &str,
    params: &BTreeMap<String, Value>,
    unknown: &BTreeMap<String, String>,
) -> Fields {
    let fields = Fields::of_attempt(GIVEN, key).text("runbook", runbook).values("params", params);
    if unknown.is_empty() {
        return fields;
    }
    let members = unknown.iter().map(|(name, step)| (name.clone(), Json::String(step.clone())));
    fields.json("unknown", Json::Object(members.collect()))
}

pub(super) fn read_given(entry: Reader<'_>) -> Result<Record, WireError> {
    let members = entry.object("unknown")?.into_iter().flatten();
    let unknown = members.map(|(name, step)| Some((name.clone(), step.as_str()?.to_owned())));
    let unknown = unknown.collect::<Option<_>>().ok_or_else(|| entry.wrong("unknown", "an object of steps"))?;
    Ok(Record::CallGiven {
        key: entry.attempt_key()?,
        runbook: entry.text("runbook")?,
        params: entry.values("params")?,
        unknown,
    })
}

pub(super) fn read_started(entry: Reader<'_>) -> Result<Record, WireError> {
    Ok(Record::CallStarted {
        key: entry.attempt_key()?,
        lock: entry.text_if_any("lock")?,
        deadline: entry.time_if_any("deadline")?,
    })
}

pub(super) fn phase(key: &AttemptKey, phase: Phase, cause: Option<&EndCause>) -> Fields {
    life::put_phase(Fields::of_attempt(PHASE, key), phase, cause)
}

pub(super) fn read_phase(entry: Reader<'_>) -> Result<Record, WireError> {
    let (phase, cause) = life::phase_of(entry)?;
    Ok(Record::CallPhase { key: entry.attempt_key()?, phase, cause })
}

pub(super) fn read_cancelled(entry: Reader<'_>) -> Result<Record, WireError> {
    Ok(Record::CallCancelled { key: entry.attempt_key()?, reason: entry.text("reason")? })
}

pub(super) fn read_ended(entry: Reader<'_>) -> Result<Record, WireError> {
    Ok(Record::CallEnded {
        key: entry.attempt_key()?,
        outcome: entry.word("outcome", words::RUN_OUTCOMES, "resolved, escalated, failed or cancelled")?,
        reason: entry.text("reason")?,
        open: entry.list("open")?,
    })
}

/// What a runbook was given, also where that is nothing: that it was given nothing is known then.
pub(super) fn put_given(fields: Fields, key: &str, params: Option<&BTreeMap<String, Value>>) -> Fields {
    let Some(params) = params else { return fields };
    let members = params.iter().map(|(name, value)| (name.clone(), Json::String(value_text(value))));
    fields.json(key, Json::Object(members.collect()))
}

pub(super) fn given_of(entry: Reader<'_>, key: &'static str) -> Result<Option<BTreeMap<String, Value>>, WireError> {
    entry.has(key).then(|| entry.values(key)).transpose()
}
