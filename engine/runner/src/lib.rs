//! Everything a run does to the world: processes, files, clocks, people.

pub mod account;
pub mod clock;
pub mod mask;
pub mod process;
pub mod secret;
pub mod signal;
