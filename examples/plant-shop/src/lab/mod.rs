//! The lab: services on loopback ports, each its own process, and the faults of their world.

mod fault;
mod keeper;
mod log_file;
mod presence;
mod programs;
mod shop;
mod site;

pub use fault::Fault;
pub use keeper::StartError;
pub use log_file::LogFile;
pub use presence::{Presence, Running};
pub(crate) use presence::{lock_in_turn, timespec};
pub(crate) use programs::workspace;
pub use programs::{BuildError, Programs, cargo_build, profile_folder};
pub use shop::{Lab, LabError};
pub(crate) use site::replace_file;

pub use site::{Address, Service, Site, SiteError};
