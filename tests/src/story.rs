//! What a run's transcript tells, read as anybody can read it: a line of JSON for each entry.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The folders of a store's runs, in the order in which the ledger saw them start: ids tell no more than the minute.
#[must_use]
pub fn runs(store: &Path) -> Vec<PathBuf> {
    let ledger = fs::read_to_string(store.join("ledger.jsonl")).unwrap_or_default();
    let Ok(found) = fs::read_dir(store.join("runs")) else { return Vec::new() };
    let mut runs: Vec<PathBuf> = found.filter_map(Result::ok).map(|entry| entry.path()).collect();
    runs.sort_by_cached_key(|path| {
        let id = path.file_name().map(|name| format!("\"{}\"", name.to_string_lossy())).unwrap_or_default();
        (ledger.find(&id).unwrap_or(usize::MAX), path.clone())
    });
    runs
}

/// The entries of a run.
#[derive(Debug)]
pub struct Story {
    entries: Vec<Value>,
}

impl Story {
    /// The newest run of a store.
    ///
    /// # Panics
    /// When there is none, or its transcript is no lines of JSON.
    #[must_use]
    pub fn newest(store: &Path) -> Self {
        Self::of_run(&runs(store).pop().unwrap())
    }

    /// The run in this folder; of a last line that is not whole yet nothing is told.
    ///
    /// # Panics
    /// When its transcript cannot be read, or is no lines of JSON.
    #[must_use]
    pub fn of_run(folder: &Path) -> Self {
        let text = fs::read_to_string(folder.join("transcript.jsonl")).unwrap();
        let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        Self { entries: whole.map(|line| serde_json::from_str(line).unwrap()).collect() }
    }

    /// All entries, from 0.
    #[must_use]
    pub fn entries(&self) -> &[Value] {
        &self.entries
    }

    /// All entries of a kind, about one step if one is named.
    #[must_use]
    pub fn of(&self, kind: &str, step: Option<&str>) -> std::vec::IntoIter<&Value> {
        let is = |entry: &&Value| {
            entry.get("kind").and_then(Value::as_str) == Some(kind)
                && step.is_none_or(|step| entry.get("step").and_then(Value::as_str) == Some(step))
        };
        self.entries.iter().filter(is).collect::<Vec<_>>().into_iter()
    }

    /// Where the entries of a kind stand, from 0.
    #[must_use]
    pub fn places(&self, kind: &str) -> Vec<usize> {
        let is = |entry: &Value| entry.get("kind").and_then(Value::as_str) == Some(kind);
        self.entries.iter().enumerate().filter(|(_, entry)| is(entry)).map(|(place, _)| place).collect()
    }

    /// A member of the last entry of a kind about a step.
    #[must_use]
    pub fn last(&self, kind: &str, step: Option<&str>, member: &str) -> Option<&Value> {
        self.of(kind, step).last()?.get("d")?.get(member)
    }

    /// How the run ended.
    #[must_use]
    pub fn outcome(&self) -> &str {
        self.last("run.sealed", None, "outcome").and_then(Value::as_str).unwrap_or("(not sealed)")
    }

    /// How a step settled, or `skipped`.
    #[must_use]
    pub fn settled(&self, step: &str) -> &str {
        if self.of("step.skipped", Some(step)).next().is_some() {
            return "skipped";
        }
        self.last("step.settled", Some(step), "outcome").and_then(Value::as_str).unwrap_or("(not settled)")
    }

    /// An output of a step. It stands in the entry as its JSON text, so that it keeps its type.
    ///
    /// # Panics
    /// When it is no JSON.
    #[must_use]
    pub fn output(&self, step: &str, name: &str) -> Value {
        let outputs = self.last("step.settled", Some(step), "outputs");
        let text = outputs.and_then(|outputs| outputs.get(name)).and_then(Value::as_str);
        text.map_or(Value::Null, |text| serde_json::from_str(text).unwrap())
    }

    /// What was told for a step.
    #[must_use]
    pub fn told(&self, step: &str) -> &str {
        self.last("escalation.sent", Some(step), "message").and_then(Value::as_str).unwrap_or("(nobody was told)")
    }
}
