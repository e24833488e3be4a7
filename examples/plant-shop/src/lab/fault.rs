//! What can be wrong with a name server. Each is done to the world, and no service knows of it.

use std::fmt;
use std::time::Duration;

/// A fault of one name server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Its process is killed: its ports are closed.
    Down,
    /// Its process is stopped, as by a debugger: its ports are open and nothing answers.
    Stopped,
    /// Its zone file is torn: it answers SERVFAIL and its log says why.
    Broken,
    /// As broken, until the zone sync runs again.
    Recovers {
        /// How long after the fault the sync is due.
        after: Duration,
    },
    /// As broken, and a zone sync hangs with the lock in its hands: the server cannot stop.
    Stuck,
}

impl Fault {
    /// Every fault, with the recovery as soon as the command line's default has it.
    pub const ALL: [Self; 5] =
        [Self::Down, Self::Stopped, Self::Broken, Self::Recovers { after: Duration::from_secs(4) }, Self::Stuck];

    /// Reads a fault's name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.to_string() == name)
    }

    /// What the fault is, in a line.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Self::Down => "the process of the active server is killed, its ports are closed",
            Self::Stopped => {
                "the process of the active server is stopped: ports open, no answer, and it cannot be shut down"
            }
            Self::Broken => "the zone file of the active server is torn: it answers SERVFAIL",
            Self::Recovers { .. } => "as broken, until the zone sync runs again a few seconds later",
            Self::Stuck => "as broken, and the server cannot be shut down: it waits for a zone sync that hangs",
        }
    }

    /// Whether the active server is another one when the procedure has been followed to its end.
    #[must_use]
    pub fn calls_for_failover(self) -> bool {
        !matches!(self, Self::Recovers { .. })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Down => "down",
            Self::Stopped => "stopped",
            Self::Broken => "broken",
            Self::Recovers { .. } => "recovers",
            Self::Stuck => "stuck",
        })
    }
}
