//! The program as it is called: exit codes, what is printed, what can be pasted, what a person at a terminal sees.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod author;
mod desk;
mod json;
mod operate;
mod pty;
