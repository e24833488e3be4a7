//! The state machine of a run: an event in, effects out, no world touched.

pub mod effect;
pub mod event;
pub mod record;
pub mod request;
pub mod state;
