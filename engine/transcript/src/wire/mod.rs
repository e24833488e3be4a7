//! The bytes: one module a version of the format. Nothing else in the engine depends on how a field is spelt.

pub mod entry_v1;
pub mod ledger_v1;
pub mod record_v1;

pub use record_v1::error::WireError;
pub use record_v1::{Encoded, decode, draft, encode, record};
