//! What goes wrong around a run: it is killed, its disk fails, its acts will not end or get away. Nothing is lost, nothing
//! is done twice without a check or a person.
//!
//! CI-sized; `RUNBOOK_PROOF=full` makes it all of it, which takes an hour and more.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "faults/calls.rs"]
mod calls;
#[path = "faults/cases.rs"]
mod cases;
#[path = "faults/disk.rs"]
mod disk;
#[path = "faults/entries.rs"]
mod entries;
#[path = "faults/judge.rs"]
mod judge;
#[path = "faults/killed.rs"]
mod killed;
#[path = "faults/looks.rs"]
mod looks;
#[path = "faults/operator.rs"]
mod operator;
#[path = "faults/order.rs"]
mod order;
#[path = "faults/prefixes.rs"]
mod prefixes;
#[path = "faults/process.rs"]
mod process;
#[path = "faults/processes.rs"]
mod processes;
#[path = "faults/reference.rs"]
mod reference;
#[path = "faults/tracer.rs"]
mod tracer;
#[path = "faults/ways.rs"]
mod ways;
#[path = "faults/world.rs"]
mod world;
