//! The state machine of a run with everything around it simulated: programs under supervisors, a disk, two clocks, an
//! inbox, other hosts, an operator, and all that may die. Nothing is lost and nothing is done twice without somebody's decision.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that finds something missing has failed"
)]
#![expect(clippy::wildcard_enum_match_arm, reason = "a test looks for one thing among many")]
#![expect(clippy::print_stdout, reason = "a failing seed is named")]
#![expect(clippy::struct_excessive_bools, reason = "a picture of a runbook has as many as its language")]

#[path = "../engine/core/tests/state/answers.rs"]
mod answers;
#[path = "../engine/core/tests/state/loops.rs"]
mod loops;
#[path = "../engine/core/tests/state/oracle.rs"]
mod oracle;
#[path = "../engine/core/tests/state/shapes.rs"]
mod shapes;
#[expect(dead_code, reason = "the tables of core say more to their world than is said here")]
#[path = "../engine/core/tests/state/world.rs"]
mod world;

#[path = "simulation/acts.rs"]
mod acts;
#[path = "simulation/clock.rs"]
mod clock;
#[path = "simulation/disk.rs"]
mod disk;
#[path = "simulation/end.rs"]
mod end;
#[path = "simulation/engine.rs"]
mod engine;
#[path = "simulation/machine.rs"]
mod machine;
#[path = "simulation/seeds.rs"]
mod seeds;
#[path = "simulation/ways.rs"]
mod ways;
