//! Everything a run does to the world: processes, files, clocks, people.

pub mod process;
