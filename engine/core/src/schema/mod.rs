//! The JSON Schemas and the tables of the language reference, made of the table of the language.

mod json;
mod reference;

use serde_json::Value;

use crate::document::shape::{FILE, RUNBOOK_MAPPINGS, TEAM, TEAM_MAPPINGS};

pub use reference::tables;

/// The JSON Schema of runbook files, draft 2020-12.
#[must_use]
pub fn runbook() -> Value {
    json::schema("Runbook", &FILE, RUNBOOK_MAPPINGS)
}

/// The JSON Schema of team files, draft 2020-12.
#[must_use]
pub fn team() -> Value {
    json::schema("Team", &TEAM, TEAM_MAPPINGS)
}
