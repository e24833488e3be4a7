//! What a runbook means: the language, its checks, the plan and the state machine of a run.
//!
//! This crate is pure. It opens no file, reads no clock, no environment and starts no process: text, time and
//! randomness come in as values, effects go out as values. `engine/ARCHITECTURE.md` says why.

pub mod check;
pub mod command_line;
pub mod diagnostic;
pub mod document;
pub mod duration;
pub mod explore;
pub mod expression;
pub mod file_template;
pub mod graph;
pub mod id;
pub mod limits;
pub mod params;
pub mod picture;
pub mod plan;
pub mod run;
pub mod schema;
pub mod source;
pub mod template;
pub mod value;
