//! What goes wrong around a run: engines and supervisors that are killed or stopped, acts that will not end or get away.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "faults/killed.rs"]
mod killed;
#[path = "faults/processes.rs"]
mod processes;
