//! Everything a run does to the world: processes, files, clocks, people.

pub mod account;
pub mod channel;
pub mod clock;
pub mod executor;
pub mod mask;
pub mod observer;
pub mod process;
pub mod secret;
pub mod signal;
pub mod team;
