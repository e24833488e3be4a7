//! Skeleton.

pub mod wire;
