//! What a stored execution plan says: a program, a request or a file.

use runbook_transcript::canonical::NotCanonical;
use serde_json::{Map, Value as Json};

use super::plan::{ExecutionPlan, NotAPlan};
use super::request::RequestPlan;
use super::writing::WritingPlan;

/// An execution plan of any way of working.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StoredPlan {
    /// A program is run.
    Program(ExecutionPlan),
    /// A request is sent.
    Request(RequestPlan),
    /// A file is written.
    Writing(WritingPlan),
}

impl StoredPlan {
    /// Writes it in canonical form.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, NotCanonical> {
        match self {
            Self::Program(plan) => plan.encode(),
            Self::Request(plan) => plan.encode(),
            Self::Writing(plan) => plan.encode(),
        }
    }

    /// Reads what [`Self::encode`] wrote.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, NotAPlan> {
        let form: Map<String, Json> = serde_json::from_slice(bytes).map_err(|_| NotAPlan { key: "v" })?;
        if form.contains_key("url") {
            RequestPlan::decode(&form).map(Self::Request)
        } else if form.contains_key("to") {
            WritingPlan::decode(&form).map(Self::Writing)
        } else {
            ExecutionPlan::decode(bytes).map(Self::Program)
        }
    }

    /// One line, as a person reads it.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Program(plan) => plan.shown(),
            Self::Request(plan) => plan.shown(),
            Self::Writing(plan) => plan.shown(),
        }
    }

    /// Whether it changes the world.
    pub(crate) fn changes(&self) -> bool {
        match self {
            Self::Program(plan) => plan.changes,
            Self::Request(plan) => plan.changes,
            Self::Writing(_) => true,
        }
    }

    /// Names of the secrets it needs, each once.
    pub(crate) fn secrets(&self) -> Vec<&str> {
        match self {
            Self::Program(plan) => plan.secrets(),
            Self::Request(plan) => plan.secrets(),
            Self::Writing(_) => Vec::new(),
        }
    }
}

/// Reads the members of a plan's form.
pub(super) struct Members<'f>(pub(super) &'f Map<String, Json>);

impl Members<'_> {
    pub(super) fn text(&self, key: &'static str) -> Result<String, NotAPlan> {
        self.0.get(key).and_then(Json::as_str).map(str::to_owned).ok_or(NotAPlan { key })
    }

    pub(super) fn number(&self, key: &'static str) -> Result<u64, NotAPlan> {
        self.0.get(key).and_then(Json::as_u64).ok_or(NotAPlan { key })
    }

    pub(super) fn is(&self, key: &'static str) -> Result<bool, NotAPlan> {
        self.0.get(key).and_then(Json::as_bool).ok_or(NotAPlan { key })
    }
}
