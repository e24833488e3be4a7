//! The operator's terminal: what a run looks like, and how it is answered.

pub mod answers;
pub mod cbreak;
pub mod clipboard;
pub mod dry;
pub mod key;
pub mod live;
pub mod observer;
pub mod paint;
pub mod prompt;
pub mod screen;
pub mod tail;
pub mod view;
pub mod why;
pub mod written;
