//! What the tests of the whole product share.
#![expect(clippy::unwrap_used, reason = "what a test cannot do fails it, where it stands")]

pub mod binary;
pub mod desk;
pub mod markup;
pub mod processes;
pub mod programs;
pub mod run;
pub mod story;
pub mod until;
