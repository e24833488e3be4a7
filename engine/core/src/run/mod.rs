//! The state machine of a run: an event in, effects out, no world touched.

pub(crate) mod advance;
mod attempt;
mod change;
mod decide;
mod doubt;
mod earlier;
mod edges;
pub mod effect;
mod ending;
mod escalate;
pub mod event;
mod handover;
mod judge;
mod outcome;
mod people;
pub mod record;
pub mod render;
pub mod request;
mod said;
pub(crate) mod scope;
pub mod state;
mod step_state;
mod words;
