//! Waiting for the thing itself, with a deadline that names what did not come.

use std::path::Path;
use std::time::{Duration, Instant};

/// How long anything is waited for: far longer than it takes on a busy machine.
pub const SOON: Duration = Duration::from_secs(60);

/// Between two looks where nothing tells of a change.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Looks until something is there, and gives it.
///
/// # Panics
/// When it has not come [`SOON`], with what the last look found instead.
#[track_caller]
pub fn until<T>(mut look: impl FnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + SOON;
    loop {
        match look() {
            Ok(found) => return found,
            Err(instead) => assert!(Instant::now() < deadline, "after {} s: {instead}", SOON.as_secs()),
        }
        std::thread::park_timeout(LOOK_EVERY);
    }
}

/// Waits until a file holds at least one line, and nothing but whole ones, and gives all it holds.
///
/// # Panics
/// When it does not [`SOON`].
#[expect(clippy::must_use_candidate, reason = "often only waited for")]
#[track_caller]
pub fn lines_in(path: &Path) -> String {
    until(|| {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        if text.ends_with('\n') { Ok(text) } else { Err(format!("{} holds {text:?}", path.display())) }
    })
}
