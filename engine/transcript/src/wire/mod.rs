//! The bytes: one module a version of the format. Nothing else in the engine depends on how a field is spelt.

pub mod entry_v1;
pub mod ledger_v1;
