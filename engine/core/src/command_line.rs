//! The `run` key.
/// A command line.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandLine;
