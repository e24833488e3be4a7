//! Steps on other hosts, through the system's ssh: the one place that knows of it.
//!
//! Nothing of a step stands among the words of ssh: those are fixed. What is to run comes over its standard input, a
//! few functions for a POSIX shell ([`FAR`]) and behind them, quoted by one function, environment and words. The far
//! side starts nothing before it is told to, so that one that never was told has not begun; and it starts an attempt
//! once, for the folder it keeps of it is made by whoever comes first. There it leaves what is printed and how it
//! ended, whoever listens, until that was taken in.
//!
//! ```text
//! engine or supervisor              ssh, far shell                    command
//!   functions, job ------------------> hello
//!   go, what it reads ---------------> makes its folder
//!                      began <-------- starts ------------------------> runs, in a session of its own
//!   keeps, masks <---- o 12, e 5 <---- what the two files have more <-- prints
//!   connection lost, another one ----> attach: there
//!   keeps <----------- end code 0 <--- its end, in the folder <-------- ends
//!   end on disk; done ---------------> removes the folder
//! ```
//!
//! One that looks for an attempt and finds no folder makes it: what was told to begin and is still on its way finds it
//! there and does not begin.

mod hear;
mod host;
mod link;
mod masters;
mod session;
mod shell;
mod task;
mod work;

pub(crate) use host::find;
pub(crate) use link::Link;
pub(crate) use masters::Masters;
pub(crate) use shell::is_settable;
pub(crate) use task::{Far, Task};
pub(crate) use work::{Farewell, Told, run};

/// What the far shell is given before the job.
const FAR: &str = include_str!("far.sh");
