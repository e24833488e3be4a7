//! Runs one child process with full discipline. This is the only user of `duct`.
//!
//! A child is a process group of its own. It ends in one of three ways: by itself, by its timeout, or because somebody
//! asked through [`Terminate`]. However it ends, its whole group is gone before [`Running::wait`] returns: TERM to the
//! group, grace, KILL to the group, and then its pipes are read until they close or a deadline passes. A process that
//! left the group and still holds a pipe cannot be ended safely; it is named in [`Ended::holders`].
//!
//! No thread is started per child. The pipes and a pidfd are registered with the caller's tokio runtime, which needs
//! its io and time drivers. Nothing here makes the standard library fall back from `posix_spawn` to `fork`, which
//! costs ten times as much in a large process: so no `pre_exec`, no uid, no gid, and a program whose path is known.
//!
//! Linux only: pidfds, and `/proc` to name who is left.

mod capture;
mod ended;
mod orphans;
mod procfs;
mod resolve;
mod running;
mod spawn;
mod spec;
mod terminate;
mod watch;

pub use capture::Captured;
pub use ended::{End, Ended, Rung, Stream};
pub use orphans::Orphans;
pub(crate) use orphans::adopt;
pub use procfs::Process;
pub(crate) use procfs::{children, describe, is_alive, session};
pub use resolve::{ResolveError, resolve};
pub use running::Running;
pub(crate) use spawn::open_regular;
pub use spawn::{SpawnError, start};
pub use spec::{CaptureLimits, DRAIN_DEFAULT, GRACE_DEFAULT, Spec, SpillPaths, Stdin};
pub use terminate::{Reason, Terminate};
pub(crate) use watch::Watch;
