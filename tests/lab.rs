//! The shop's failover for real: real name servers broken on purpose, the real program on a terminal, a person who types;
//! and afterwards the servers are asked.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "lab/failover.rs"]
mod failover;
#[path = "lab/interrupted.rs"]
mod interrupted;
#[path = "lab/log.rs"]
mod log;
#[path = "lab/refused.rs"]
mod refused;
#[path = "lab/rehearsal.rs"]
mod rehearsal;
#[path = "lab/sitting.rs"]
mod sitting;
