//! Everything a run does to the world: processes, files, clocks, people.

pub mod account;
pub mod channel;
pub mod clock;
mod dispatcher;
pub mod executor;
pub mod follow;
pub mod git;
pub mod inbox;
pub mod load;
pub mod mask;
pub mod observer;
pub mod process;
pub mod recorder;
pub mod refuse;
mod remote;
pub mod run;
pub mod secret;
pub mod signal;
pub mod supervisor;
pub mod team;
pub mod web;

pub use dispatcher::{InputReceiver, InputSender, inputs};
