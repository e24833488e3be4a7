//! The file format: what is written, what is read back, what happens when something fails or is changed.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should stop"
)]

mod chain_by_hand;
mod encoding;
mod faults;
mod handing_in;
mod ledger;
mod sample;
mod scene;
mod store;
mod verify;
