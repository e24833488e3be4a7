//! Real processes through `runbook_runner::process`.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failing test may stop where it is")]

mod ending;
mod output;
mod starting;
mod world;
