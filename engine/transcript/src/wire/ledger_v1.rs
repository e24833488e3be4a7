//! Version 1 of a line of the ledger, and back.

use serde_json::{Map, Value};

use crate::canonical::{self, NotCanonical};
use crate::digest::Digest;
use crate::ledger::{LedgerLine, LedgerNote};
use crate::run_id::RunId;
use crate::wire::entry_v1::time_text;

/// Writes a line with its LF.
///
/// # Errors
/// [`NotCanonical`] when its number is 2^53 or more.
pub fn encode(line: &LedgerLine) -> Result<Vec<u8>, NotCanonical> {
    let note = &line.note;
    let mut map = Map::new();
    let mut put = |key: &str, value: Value| map.insert(key.to_owned(), value);
    put("v", Value::from(1));
    put("n", Value::from(line.n));
    put("prev", Value::from(line.prev.to_hex()));
    put("ts", Value::from(time_text(note.ts)));
    put("kind", Value::from(note.kind.as_str()));
    put("run", Value::from(note.run.as_str()));
    put("head", Value::from(note.head.to_hex()));
    put("runbook", Value::from(note.runbook.as_str()));
    if let Some(outcome) = &note.outcome {
        put("outcome", Value::from(outcome.as_str()));
    }
    let mut bytes = Vec::new();
    canonical::encode_map(&map, &mut bytes)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Reads a line with its LF; there is one way to write it.
///
/// # Errors
/// A sentence for a person when it is none, or not in canonical form.
pub fn decode(bytes: &[u8]) -> Result<LedgerLine, String> {
    let map: Map<String, Value> = serde_json::from_slice(bytes).map_err(|error| format!("not a line: {error}"))?;
    match map.get("v").and_then(Value::as_u64) {
        Some(1) => {}
        Some(version) => {
            return Err(format!("it is of version {version} of the format, this program reads version 1"));
        }
        None => return Err(missing("v")),
    }
    let text = |key: &'static str| map.get(key).and_then(Value::as_str).ok_or_else(|| missing(key));
    let digest = |key: &'static str| Digest::parse(text(key)?).ok_or_else(|| missing(key));
    let line = LedgerLine {
        n: map.get("n").and_then(Value::as_u64).ok_or_else(|| missing("n"))?,
        prev: digest("prev")?,
        note: LedgerNote {
            ts: text("ts")?.parse().map_err(|_| missing("ts"))?,
            kind: text("kind")?.to_owned(),
            run: RunId::new(text("run")?).map_err(|error| error.to_string())?,
            head: digest("head")?,
            runbook: text("runbook")?.to_owned(),
            outcome: map.get("outcome").and_then(Value::as_str).map(str::to_owned),
        },
    };
    match encode(&line) {
        Ok(again) if again == bytes => Ok(line),
        _ => Err("not in canonical form, or with a field that version 1 does not have".to_owned()),
    }
}

fn missing(key: &str) -> String {
    format!("`{key}` is missing or of the wrong form")
}
