//! Writing and reading the keys of one entry.
//!
//! What is not there is left out: `None`, an empty list, an empty map, an empty excerpt. So a reader asks for a key
//! and finds a value or nothing, never a null.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use runbook_core::run::record::{AttemptKey, Part};
use runbook_core::value::Value;
use serde_json::{Map, Value as Json};

use super::Encoded;
use super::error::{Problem, WireError};
use super::words::{self, Word};

/// The keys of an entry, while they are written.
pub(super) struct Fields(Encoded);

impl Fields {
    /// An entry about the run.
    pub(super) fn of_run(kind: &'static str) -> Self {
        Self(Encoded { kind, step: None, attempt: None, d: Map::new() })
    }

    /// An entry about a step.
    pub(super) fn of_step(kind: &'static str, step: &str) -> Self {
        Self(Encoded { kind, step: Some(step.to_owned()), attempt: None, d: Map::new() })
    }

    /// An entry about a step, or about the run where there is none.
    pub(super) fn of_step_or_run(kind: &'static str, step: Option<&String>) -> Self {
        Self(Encoded { kind, step: step.cloned(), attempt: None, d: Map::new() })
    }

    /// An entry about an attempt. The part is told where it is not the step's own.
    pub(super) fn of_attempt(kind: &'static str, key: &AttemptKey) -> Self {
        let fields = Self(Encoded { kind, step: Some(key.step.clone()), attempt: Some(key.attempt), d: Map::new() });
        if key.part == Part::Main { fields } else { fields.word("part", words::PARTS, key.part) }
    }

    pub(super) fn json(mut self, key: &str, value: Json) -> Self {
        self.0.d.insert(key.to_owned(), value);
        self
    }

    pub(super) fn text(self, key: &str, text: &str) -> Self {
        self.json(key, Json::String(text.to_owned()))
    }

    pub(super) fn text_if_any(self, key: &str, text: Option<&String>) -> Self {
        match text {
            Some(text) => self.text(key, text),
            None => self,
        }
    }

    pub(super) fn number(self, key: &str, number: impl Into<Json>) -> Self {
        self.json(key, number.into())
    }

    pub(super) fn flag(self, key: &str, flag: bool) -> Self {
        self.json(key, Json::Bool(flag))
    }

    /// One of the words of a table.
    pub(super) fn word<T: Copy + PartialEq>(self, key: &str, table: &[Word<T>], value: T) -> Self {
        self.text(key, words::word(table, &value))
    }

    pub(super) fn time(self, key: &str, time: Timestamp) -> Self {
        // Three digits always, so that times sort as text.
        const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(3));
        self.json(key, Json::String(PRINTER.timestamp_to_string(&time)))
    }

    pub(super) fn time_if_any(self, key: &str, time: Option<Timestamp>) -> Self {
        match time {
            Some(time) => self.time(key, time),
            None => self,
        }
    }

    pub(super) fn milliseconds(self, key: &str, duration: Duration) -> Self {
        self.number(key, u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn list(self, key: &str, items: &[String]) -> Self {
        if items.is_empty() {
            return self;
        }
        self.json(key, Json::Array(items.iter().map(|item| Json::String(item.clone())).collect()))
    }

    /// Named values, each as its JSON text.
    pub(super) fn values(self, key: &str, values: &BTreeMap<String, Value>) -> Self {
        if values.is_empty() {
            return self;
        }
        let members = values.iter().map(|(name, value)| (name.clone(), Json::String(value_text(value)))).collect();
        self.json(key, Json::Object(members))
    }

    /// Values in order, each as its JSON text.
    pub(super) fn value_list(self, key: &str, values: &[Value]) -> Self {
        if values.is_empty() {
            return self;
        }
        self.json(key, Json::Array(values.iter().map(|value| Json::String(value_text(value))).collect()))
    }

    pub(super) fn done(self) -> Encoded {
        self.0
    }
}

/// A value as its JSON text: a replay gives back the same type, and a number with a fraction stands in no entry.
pub(super) fn value_text(value: &Value) -> String {
    value.to_json().to_string()
}

/// The value of a JSON text.
pub(super) fn value_of(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok().map(|json| Value::from_json(&json))
}

/// The keys of an entry, while they are read.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) kind: &'a str,
    pub(super) step: Option<&'a str>,
    pub(super) attempt: Option<u32>,
    pub(super) d: &'a Map<String, Json>,
}

impl<'a> Reader<'a> {
    pub(super) fn missing(self, key: &'static str) -> WireError {
        WireError { kind: self.kind.to_owned(), problem: Problem::Missing(key) }
    }

    pub(super) fn wrong(self, key: &'static str, wanted: &'static str) -> WireError {
        WireError { kind: self.kind.to_owned(), problem: Problem::Wrong { key, wanted } }
    }

    /// Whether the key is there.
    pub(super) fn has(self, key: &str) -> bool {
        self.d.contains_key(key)
    }

    /// The step, which this kind must have.
    pub(super) fn step(self) -> Result<String, WireError> {
        self.step_if_any().ok_or_else(|| self.missing("step"))
    }

    pub(super) fn step_if_any(self) -> Option<String> {
        self.step.map(str::to_owned)
    }

    pub(super) fn attempt_key(self) -> Result<AttemptKey, WireError> {
        Ok(AttemptKey {
            step: self.step()?,
            part: self.word_if_any("part", words::PARTS, "unless, doubt or undo")?.unwrap_or(Part::Main),
            attempt: self.attempt.ok_or_else(|| self.missing("attempt"))?,
        })
    }

    fn needed<T>(self, key: &'static str, found: Result<Option<T>, WireError>) -> Result<T, WireError> {
        found?.ok_or_else(|| self.missing(key))
    }

    pub(super) fn str_if_any(self, key: &'static str) -> Result<Option<&'a str>, WireError> {
        match self.d.get(key) {
            None => Ok(None),
            Some(json) => json.as_str().map(Some).ok_or_else(|| self.wrong(key, "text")),
        }
    }

    pub(super) fn text_if_any(self, key: &'static str) -> Result<Option<String>, WireError> {
        Ok(self.str_if_any(key)?.map(str::to_owned))
    }

    pub(super) fn text(self, key: &'static str) -> Result<String, WireError> {
        self.needed(key, self.text_if_any(key))
    }

    /// A whole number in the range of `T`.
    pub(super) fn number_if_any<T: TryFrom<i64>>(self, key: &'static str) -> Result<Option<T>, WireError> {
        match self.d.get(key) {
            None => Ok(None),
            Some(json) => json
                .as_i64()
                .and_then(|number| T::try_from(number).ok())
                .map(Some)
                .ok_or_else(|| self.wrong(key, "a whole number in its range")),
        }
    }

    pub(super) fn number<T: TryFrom<i64>>(self, key: &'static str) -> Result<T, WireError> {
        self.needed(key, self.number_if_any(key))
    }

    pub(super) fn flag_if_any(self, key: &'static str) -> Result<Option<bool>, WireError> {
        match self.d.get(key) {
            None => Ok(None),
            Some(json) => json.as_bool().map(Some).ok_or_else(|| self.wrong(key, "true or false")),
        }
    }

    pub(super) fn flag(self, key: &'static str) -> Result<bool, WireError> {
        self.needed(key, self.flag_if_any(key))
    }

    pub(super) fn word_if_any<T: Clone>(
        self,
        key: &'static str,
        table: &[Word<T>],
        wanted: &'static str,
    ) -> Result<Option<T>, WireError> {
        match self.str_if_any(key)? {
            None => Ok(None),
            Some(text) => words::meaning(table, text).map(Some).ok_or_else(|| self.wrong(key, wanted)),
        }
    }

    pub(super) fn word<T: Clone>(
        self,
        key: &'static str,
        table: &[Word<T>],
        wanted: &'static str,
    ) -> Result<T, WireError> {
        self.needed(key, self.word_if_any(key, table, wanted))
    }

    pub(super) fn time_if_any(self, key: &'static str) -> Result<Option<Timestamp>, WireError> {
        match self.str_if_any(key)? {
            None => Ok(None),
            Some(text) => {
                text.parse().map(Some).map_err(|_| self.wrong(key, "a time such as 2026-11-22T09:15:00.000Z"))
            }
        }
    }

    pub(super) fn time(self, key: &'static str) -> Result<Timestamp, WireError> {
        self.needed(key, self.time_if_any(key))
    }

    pub(super) fn milliseconds(self, key: &'static str) -> Result<Duration, WireError> {
        self.number(key).map(Duration::from_millis)
    }

    pub(super) fn array(self, key: &'static str) -> Result<&'a [Json], WireError> {
        match self.d.get(key) {
            None => Ok(&[]),
            Some(json) => json.as_array().map(Vec::as_slice).ok_or_else(|| self.wrong(key, "a list")),
        }
    }

    pub(super) fn list(self, key: &'static str) -> Result<Vec<String>, WireError> {
        self.array(key)?
            .iter()
            .map(|item| item.as_str().map(str::to_owned).ok_or_else(|| self.wrong(key, "a list of texts")))
            .collect()
    }

    pub(super) fn value_list(self, key: &'static str) -> Result<Vec<Value>, WireError> {
        let one = |text: &Json| text.as_str().and_then(value_of).ok_or_else(|| self.wrong(key, "a list of JSON texts"));
        self.array(key)?.iter().map(one).collect()
    }

    pub(super) fn object(self, key: &'static str) -> Result<Option<&'a Map<String, Json>>, WireError> {
        match self.d.get(key) {
            None => Ok(None),
            Some(json) => json.as_object().map(Some).ok_or_else(|| self.wrong(key, "an object")),
        }
    }

    pub(super) fn values(self, key: &'static str) -> Result<BTreeMap<String, Value>, WireError> {
        let Some(members) = self.object(key)? else { return Ok(BTreeMap::new()) };
        members
            .iter()
            .map(|(name, text)| {
                let value = text.as_str().and_then(value_of);
                Ok((name.clone(), value.ok_or_else(|| self.wrong(key, "an object of JSON texts"))?))
            })
            .collect()
    }
}
