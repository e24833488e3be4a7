//! What a run's transcript tells, read as anybody can read it: a line of JSON for each entry.

use std::fs;
use std::path::Path;

use serde_json::Value;

/// The entries of a run.
#[derive(Debug)]
pub(crate) struct Story {
    entries: Vec<Value>,
}

impl Story {
    /// The only run of a store.
    pub(crate) fn only(store: &Path) -> Self {
        let runs: Vec<_> = fs::read_dir(store.join("runs")).unwrap().map(|entry| entry.unwrap().path()).collect();
        let [run] = runs.as_slice() else { panic!("there is not one run, but {runs:?}") };
        let text = fs::read_to_string(run.join("transcript.jsonl")).unwrap();
        Self { entries: text.lines().map(|line| serde_json::from_str(line).unwrap()).collect() }
    }

    /// All entries of a kind, about one step if one is named.
    pub(crate) fn of(&self, kind: &str, step: Option<&str>) -> std::vec::IntoIter<&Value> {
        let is = |entry: &&Value| {
            entry.get("kind").and_then(Value::as_str) == Some(kind)
                && step.is_none_or(|step| entry.get("step").and_then(Value::as_str) == Some(step))
        };
        self.entries.iter().filter(is).collect::<Vec<_>>().into_iter()
    }

    /// Where the entries of a kind stand, from 0.
    pub(crate) fn places(&self, kind: &str) -> Vec<usize> {
        let is = |entry: &Value| entry.get("kind").and_then(Value::as_str) == Some(kind);
        self.entries.iter().enumerate().filter(|(_, entry)| is(entry)).map(|(place, _)| place).collect()
    }

    /// A member of the last entry of a kind about a step.
    pub(crate) fn last(&self, kind: &str, step: Option<&str>, member: &str) -> Option<&Value> {
        self.of(kind, step).last()?.get("d")?.get(member)
    }

    /// How the run ended.
    pub(crate) fn outcome(&self) -> &str {
        self.last("run.sealed", None, "outcome").and_then(Value::as_str).unwrap_or("(not sealed)")
    }

    /// How a step settled, or `skipped`.
    pub(crate) fn settled(&self, step: &str) -> &str {
        if self.of("step.skipped", Some(step)).next().is_some() {
            return "skipped";
        }
        self.last("step.settled", Some(step), "outcome").and_then(Value::as_str).unwrap_or("(not settled)")
    }

    /// An output of a step. It stands in the entry as its JSON text, so that it keeps its type.
    pub(crate) fn output(&self, step: &str, name: &str) -> Value {
        let outputs = self.last("step.settled", Some(step), "outputs");
        let text = outputs.and_then(|outputs| outputs.get(name)).and_then(Value::as_str);
        text.map_or(Value::Null, |text| serde_json::from_str(text).unwrap())
    }

    /// What was told for a step.
    pub(crate) fn told(&self, step: &str) -> &str {
        self.last("escalation.sent", Some(step), "message").and_then(Value::as_str).unwrap_or("(nobody was told)")
    }
}
