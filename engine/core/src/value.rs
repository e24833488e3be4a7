//! Values that flow between steps: params, outputs, what an expression gives.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

/// A value of the language.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// No value: JSON's null. Rendering it is an error.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A finite number with a fraction.
    Number(f64),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// Names and values, in order of the names.
    Map(BTreeMap<String, Value>),
    /// A length of time, to the millisecond.
    Duration(Duration),
    /// An instant, UTC.
    Timestamp(Timestamp),
}

const DURATION_TAG: &str = "$duration";
const TIMESTAMP_TAG: &str = "$timestamp";

impl Value {
    /// What kind of value it is, for a message: `text`, `a list`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) => "an integer",
            Self::Number(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
            Self::Duration(_) => "a duration",
            Self::Timestamp(_) => "a timestamp",
        }
    }

    /// The value as text for a command line or a message; `None` for null, lists and mappings, which are no text.
    #[must_use]
    pub fn to_text(&self) -> Option<String> {
        match self {
            Self::Null | Self::List(_) | Self::Map(_) => None,
            Self::Bool(value) => Some(value.to_string()),
            Self::Integer(value) => Some(value.to_string()),
            Self::Number(value) => Some(value.to_string()),
            Self::Text(value) => Some(value.clone()),
            Self::Duration(value) => Some(crate::duration::format(*value)),
            Self::Timestamp(value) => Some(format!("{value:.0}")),
        }
    }

    /// The value as JSON. Durations and timestamps are objects with one tagged member, so that [`Self::from_json`]
    /// gives back the same type.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::{Value as Json, json};
        match self {
            Self::Null => Json::Null,
            Self::Bool(value) => Json::Bool(*value),
            Self::Integer(value) => json!(value),
            Self::Number(value) => json!(value),
            Self::Text(value) => Json::String(value.clone()),
            Self::List(items) => Json::Array(items.iter().map(Self::to_json).collect()),
            Self::Map(members) => {
                Json::Object(members.iter().map(|(name, value)| (name.clone(), value.to_json())).collect())
            }
            Self::Duration(value) => json!({ DURATION_TAG: crate::duration::format(*value) }),
            Self::Timestamp(value) => json!({ TIMESTAMP_TAG: value.to_string() }),
        }
    }

    /// The value from JSON, of any producer. A tagged member that does not parse is an ordinary mapping.
    #[must_use]
    pub fn from_json(json: &serde_json::Value) -> Self {
        use serde_json::Value as Json;
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(value), _) => Self::Integer(value),
                (None, Some(value)) => Self::Number(value),
                (None, None) => Self::Null,
            },
            Json::String(text) => Self::Text(text.clone()),
            Json::Array(items) => Self::List(items.iter().map(Self::from_json).collect()),
            Json::Object(members) => {
                if let (1, Some((name, Json::String(text)))) = (members.len(), members.iter().next()) {
                    if let (DURATION_TAG, Ok(value)) = (name.as_str(), crate::duration::parse(text)) {
                        return Self::Duration(value);
                    }
                    if let (TIMESTAMP_TAG, Ok(value)) = (name.as_str(), text.parse()) {
                        return Self::Timestamp(value);
                    }
                }
                Self::Map(members.iter().map(|(name, value)| (name.clone(), Self::from_json(value))).collect())
            }
        }
    }
}

impl fmt::Display for Value {
    /// As in a message to a person: text as it is, lists and mappings as JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_text() {
            Some(text) => f.write_str(&text),
            None => write!(f, "{}", self.to_json()),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}
