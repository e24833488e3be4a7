//! The records of version 1: what was written years ago still reads, and what is written reads back.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod records;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proptest::prelude::*;
use runbook_transcript::entry::Entry;
use runbook_transcript::reader::Reader;
use runbook_transcript::wire::record_v1::{decode, draft, encode, kinds, record};
use serde_json::{Map, Value as Json, json};

/// Lines as version 0.1.0 wrote them, at least one a kind. They are never written anew: a reader that cannot read
/// them cannot read its users' evidence.
const SAMPLE: &str = include_str!("wire-v1.jsonl");
/// The same for what was added with loops.
const LOOPS: &str = include_str!("wire-v1-loops.jsonl");
/// And with runbooks that a step runs.
const CALLS: &str = include_str!("wire-v1-calls.jsonl");

fn sample() -> Vec<Entry> {
    let read = |text: &'static str| Reader::new(text.as_bytes(), Path::new("wire-v1.jsonl"), None);
    read(SAMPLE).chain(read(LOOPS)).chain(read(CALLS)).collect::<Result<_, _>>().unwrap()
}

#[test]
fn a_transcript_of_the_first_release_still_reads() {
    let mut seen = BTreeSet::new();
    for entry in sample() {
        let read = record(&entry).unwrap();
        let again = draft(&read, entry.actor.clone(), entry.ts, entry.bt);
        let mut d = entry.d.clone();
        if entry.kind == "run.sealed" {
            assert!(d.remove("count").is_some() && d.remove("by_kind").is_some(), "the writer's own keys");
        }
        assert_eq!(again.kind, entry.kind);
        assert_eq!(again.step, entry.step, "{}", entry.kind);
        assert_eq!(again.attempt, entry.attempt, "{}", entry.kind);
        assert_eq!(again.d, d, "{}", entry.kind);
        seen.insert(entry.kind);
    }
    assert_eq!(seen, kinds().map(str::to_owned).collect(), "the sample has every kind");
}

#[test]
fn every_kind_and_key_is_documented() {
    let rows: BTreeMap<&str, &str> =
        include_str!("../KINDS.md").lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |")).collect();
    for entry in sample() {
        let row = rows.get(entry.kind.as_str()).copied();
        assert!(row.is_some(), "{} has no row in KINDS.md", entry.kind);
        for key in entry.d.keys() {
            assert!(row.unwrap().contains(&format!("`{key}`")), "{}: {key} is not in its row", entry.kind);
        }
    }
    assert_eq!(rows.keys().copied().collect::<BTreeSet<_>>(), kinds().collect(), "a row for each kind, no others");
}

#[test]
fn a_missing_key_is_named_with_its_kind() {
    let mut checked = 0;
    for entry in sample() {
        let (kind, step, d) = (entry.kind.as_str(), entry.step.as_deref(), &entry.d);
        let attempt = entry.attempt;
        for key in d.keys() {
            let mut wrong = d.clone();
            wrong.insert(key.clone(), json!({"no": ["such", 1.5]}));
            // The writer's own keys are not read here.
            if let Err(error) = decode(kind, step, attempt, &wrong) {
                let text = error.to_string();
                assert!(text.starts_with(&format!("{kind}: \"{key}\" is not ")), "{text}");
                checked += 1;
            } else {
                assert!(key == "count" || key == "by_kind", "{kind}: {key} is not looked at");
            }
        }
    }
    assert!(checked > 100, "{checked} keys");
    let text = decode("step.retried", Some("drain"), Some(1), &Map::new()).unwrap_err().to_string();
    assert_eq!(text, "step.retried: \"at\" is missing");
    let text = decode("step.retried", None, None, &Map::new()).unwrap_err().to_string();
    assert_eq!(text, "step.retried: \"step\" is missing");
    let text = decode("step.exploded", None, None, &Map::new()).unwrap_err().to_string();
    assert_eq!(text, "\"step.exploded\" is no kind of entry this program knows");
}

/// What no entry may hold, at any depth.
fn refused(json: &Json) -> Option<String> {
    match json {
        Json::Null => Some("a null".to_owned()),
        Json::Number(number) => match number.as_i64() {
            Some(number) if number.unsigned_abs() < 1 << 53 => None,
            _ => Some(format!("the number {number}")),
        },
        Json::Array(items) => items.iter().find_map(refused),
        Json::Object(members) => members.values().find_map(refused),
        Json::Bool(_) | Json::String(_) => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_record_reads_back_as_it_was(record in records::record()) {
        let encoded = encode(&record);
        prop_assert_eq!(refused(&Json::Object(encoded.d.clone())), None);
        // Through its bytes, as a file has them.
        let line = serde_json::to_string(&encoded.d).unwrap();
        let d: Map<String, Json> = serde_json::from_str(&line).unwrap();
        let again = decode(encoded.kind, encoded.step.as_deref(), encoded.attempt, &d);
        prop_assert_eq!(again, Ok(record));
    }
}
