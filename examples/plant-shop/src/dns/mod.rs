//! Names for the shop: two servers, the switch between them, the zone sync, and `dnsTool`.

mod control;
mod query;
mod server;
mod switch;
mod tool;
mod tool_line;
mod zone;
mod zone_sync;

use std::fmt;

pub use control::{ControlError, ask};
pub use query::{Answer, QueryError, Transport, query};
pub use server::serve as serve_dns;
pub use switch::serve as serve_switch;
pub use tool::{ToolError, active_server, failover, lookup, reachable, shut_down};
pub use tool_line::run as run_tool;
pub use zone::{HOSTS, ZONE, write_master};
pub use zone_sync::{Sync, run as run_zone_sync};

/// One of the two name servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum Server {
    /// The first, active when the lab starts.
    Dns1,
    /// The second, standing by when the lab starts.
    Dns2,
}

impl Server {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Dns1, Self::Dns2];

    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Dns1 => Self::Dns2,
            Self::Dns2 => Self::Dns1,
        }
    }

    /// Reads its name as the files and the control protocol write it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|server| server.to_string() == name)
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dns1 => "dns1",
            Self::Dns2 => "dns2",
        })
    }
}
