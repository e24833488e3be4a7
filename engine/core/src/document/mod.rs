//! Document: what is written.
pub mod model;
pub mod team;
