//! The state machine, driven with virtual time: every rule of *Order* and *The end of a run*.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that finds something missing has failed"
)]
#![expect(clippy::wildcard_enum_match_arm, reason = "a test looks for one thing among many")]
#![expect(clippy::print_stdout, reason = "a failing seed is named")]
#![expect(clippy::struct_excessive_bools, reason = "a picture of a runbook has as many as its language")]
#![expect(clippy::match_same_arms, reason = "tables are written as they are in the language reference")]
#![allow(missing_docs, reason = "tests are read, not documented")]

#[path = "state/world.rs"]
mod world;

#[path = "state/edges.rs"]
mod edges;

#[path = "state/joins.rs"]
mod joins;

#[path = "state/handled.rs"]
mod handled;

#[path = "state/attempts.rs"]
mod attempts;

#[path = "state/gate.rs"]
mod gate;

#[path = "state/items.rs"]
mod items;

#[path = "state/calls.rs"]
mod calls;

#[path = "state/people.rs"]
mod people;

#[path = "state/said.rs"]
mod said;

#[path = "state/letting_go.rs"]
mod letting_go;

#[path = "state/earlier.rs"]
mod earlier;

#[path = "state/cancel.rs"]
mod cancel;

#[path = "state/ending.rs"]
mod ending;

#[path = "state/dry.rs"]
mod dry;

#[path = "state/example.rs"]
mod example;

#[path = "state/loops.rs"]
mod loops;

#[path = "state/shapes.rs"]
mod shapes;

#[path = "state/oracle.rs"]
mod oracle;

#[path = "state/answers.rs"]
mod answers;

#[path = "state/property.rs"]
mod property;

#[path = "state/random_calls.rs"]
mod random_calls;

#[path = "state/explore.rs"]
mod explore;

#[path = "state/basics.rs"]
mod basics;
