//! What the tests of the whole product share.
#![expect(clippy::unwrap_used, reason = "what a test cannot do fails it, where it stands")]

pub mod binary;
pub mod cable;
pub mod certificate;
pub mod desk;
pub mod far;
pub mod mail_server;
pub mod markup;
pub mod processes;
pub mod programs;
pub mod receiver;
pub mod run;
pub mod server;
pub mod story;
pub mod until;
pub mod wire;
