//! One entry of a transcript, in memory.

use std::fmt;

use jiff::Timestamp;
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

/// Who made an entry happen.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Actor {
    /// The account or person: `oncall`; the engine itself is `runbook`.
    pub id: String,
    /// How that is known.
    pub auth: Auth,
    /// The account's number on this machine, where there is one.
    pub uid: Option<u32>,
    /// From where: a terminal's name, an address, `inbox`.
    pub origin: Option<String>,
}

/// How it is known who somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Auth {
    /// The operating system's account.
    Tty,
    /// An SSH signature.
    Ssh,
    /// A token of the console or a webhook.
    Token,
    /// A session of an identity provider.
    Oidc,
    /// The engine itself.
    System,
}

impl Auth {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Tty, Self::Ssh, Self::Token, Self::Oidc, Self::System];

    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tty => "tty",
            Self::Ssh => "ssh",
            Self::Token => "token",
            Self::Oidc => "oidc",
            Self::System => "system",
        }
    }

    /// Reads what [`Auth::as_str`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|auth| auth.as_str() == text)
    }
}

impl fmt::Display for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
