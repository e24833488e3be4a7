//! One entry of a transcript, in memory.

use jiff::Timestamp;
use runbook_core::run::record::Actor;
use serde_json::{Map, Value};

use crate::digest::Digest;
use crate::run_id::RunId;

/// Bytes of one line, its LF included. The largest the engine writes holds a few outputs of 1 MiB each, escaped.
pub const LINE_BYTES_MAX: usize = 16 << 20;

/// One entry, as it stands in the transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The run it belongs to.
    pub run: RunId,
    /// Its number: 0, 1, 2, …
    pub n: u64,
    /// The digest of the line before, [`Digest::ZERO`] at 0.
    pub prev: Digest,
    /// When, in whole milliseconds, as the machine claimed.
    pub ts: Timestamp,
    /// Milliseconds since the machine's boot, suspended time included.
    pub bt: u64,
    /// Who.
    pub actor: Actor,
    /// What kind: `step.settled`. A kind this program does not know is kept as it is.
    pub kind: String,
    /// The step, where it applies: `drain`, `outage/restart`, `drain[2]`.
    pub step: Option<String>,
    /// Which attempt of it.
    pub attempt: Option<u32>,
    /// What the kind says.
    pub d: Map<String, Value>,
}

/// An entry before it has its place in a transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// When; what is finer than a millisecond is cut off.
    pub ts: Timestamp,
    /// Milliseconds since the machine's boot, suspended time included.
    pub bt: u64,
    /// Who.
    pub actor: Actor,
    /// What kind.
    pub kind: String,
    /// The step, where it applies.
    pub step: Option<String>,
    /// Which attempt of it.
    pub attempt: Option<u32>,
    /// What the kind says.
    pub d: Map<String, Value>,
}
