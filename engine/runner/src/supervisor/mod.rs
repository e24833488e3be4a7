//! A supervisor: a small process between the engine and an act, so that the act's end is known whatever happens to the
//! engine.
//!
//! It is this same program, started with the word [`VERB`]. What to run comes over a pipe, never in words or files. The
//! engine records that it is there and that it may let the act go, puts that on disk, and writes one byte; a supervisor
//! whose pipe closes before has started nothing and ends. From then on it needs nobody: it keeps the output, ends the
//! act when its time runs out, and leaves how it ended in a file of the run's `exits` folder, on disk before it ends
//! itself. The engine reads that file, or the one that comes after it.
//!
//! ```text
//! engine                           supervisor                      act
//!   step.intent, on disk
//!   start ------------------------> setsid, subreaper
//!   the order ---------------------> reads it, waits
//!   step.spawned, step.released,
//!     on disk
//!   the byte ----------------------> "let go" --------------------> starts
//!   shows what it prints <---------- what it prints, kept
//!                                    blobs and exit on disk <------ ends
//!   step.ended <-------------------- ends
//! ```

mod adopted;
mod cgroup;
mod client;
mod exit;
mod order;
mod report;
mod serve;

pub(crate) use client::{Control, Supervisor, Watched};
pub(crate) use exit::{Exit, Room, attempt_name, exit_path};
pub(crate) use order::{Instead, Order, OrderedInput};
pub use serve::main;

/// The word a program is started with to be a supervisor. It is no verb for people.
pub const VERB: &str = "supervise";
