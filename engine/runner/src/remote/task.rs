//! What is to be done on another host.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::link::Link;

/// Where, and under which name.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Far {
    /// The host, as it is shown.
    pub(crate) name: String,
    /// How it is reached.
    pub(crate) link: Link,
    /// The run: the name of a folder there.
    pub(crate) run: String,
    /// The attempt: the name of a folder in that one.
    pub(crate) at: String,
}

/// What runs there, whole: secrets too.
pub(crate) struct Task {
    /// Where.
    pub(crate) far: Far,
    /// The words, with the program first.
    pub(crate) words: Vec<String>,
    /// What is set besides the clean environment of that side.
    pub(crate) environment: Vec<(String, String)>,
    /// The directory there; nothing is where the account arrives.
    pub(crate) directory: Option<String>,
    /// What it reads, where that is not to be in any file there.
    pub(crate) text: Option<String>,
    /// What it reads, else.
    pub(crate) file: Option<PathBuf>,
    /// Allowed time in milliseconds.
    pub(crate) timeout_ms: u64,
    /// From TERM to KILL in milliseconds.
    pub(crate) grace_ms: u64,
    /// Whether it changes the world.
    pub(crate) changes: bool,
    /// Whether it was let go before, by somebody who is gone.
    pub(crate) begun: bool,
}

/// What a connection is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Starting it.
    Start,
    /// Hearing of one that was told to begin.
    Attach {
        /// Whether it is to be ended.
        stop: bool,
        /// Bytes of both outputs that came already.
        taken: (u64, u64),
    },
}
