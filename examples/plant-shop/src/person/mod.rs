//! A person at a terminal: starts a command on a pseudo-terminal, reads the screen, types.

mod rule;
mod screen;
mod session;
mod sitting;

pub use rule::Rule;
pub use screen::Screen;
pub use sitting::{COLUMNS, Person, PersonError, ROWS};
