//! The record of a run: one chained line an entry, in a folder an auditor can check with `sha256sum` and `jq`.
//!
//! `FORMAT.md` beside this crate says what the bytes are. In short: a [`store::Store`] holds runs and a
//! [`ledger::Ledger`]; a [`writer::Writer`] is the only one that appends to a run's transcript; a
//! [`reader::Reader`] checks every line it gives back; [`verify::verify`] says what can be said about a whole run.
//! Time and randomness come in as values.

pub mod blob;
pub mod boot;
pub mod by_hand;
pub mod canonical;
pub mod digest;
pub mod entry;
pub mod file;
pub mod growing;
pub mod inbox;
pub mod kind;
pub mod ledger;
pub mod lock;
pub mod reader;
pub mod retention;
pub mod run_dir;
pub mod run_id;
pub mod storage;
pub mod store;
pub mod tail;
pub mod verify;
pub mod wire;
pub mod writer;
