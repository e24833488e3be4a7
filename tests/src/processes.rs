//! What runs on this machine, found by a mark that its ancestor was given.

use std::fs;
use std::path::Path;

use crate::until::until;

/// The processes that have this text in their environment, as `PID COMMAND LINE`; those that ended and were not waited
/// for do not count.
///
/// # Panics
/// When the system does not list its processes.
#[must_use]
pub fn marked(mark: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap() {
        let folder = entry.unwrap().path();
        if !has(&folder, mark) {
            continue;
        }
        let line = fs::read(folder.join("cmdline")).unwrap_or_default();
        // Empty: it has ended, and its parent has not been told yet.
        if !line.is_empty() {
            let pid = folder.file_name().unwrap_or_default().to_string_lossy();
            found.push(format!("{pid} {}", String::from_utf8_lossy(&line).replace('\0', " ")));
        }
    }
    found
}

fn has(folder: &Path, mark: &str) -> bool {
    // Gone since it was listed, or somebody else's.
    let Ok(environment) = fs::read(folder.join("environ")) else { return false };
    environment.windows(mark.len()).any(|part| part == mark.as_bytes())
}

/// Looks until no process has this mark; the kernel takes a moment to end what it was told to.
///
/// # Panics
/// When there is one left after a while.
#[track_caller]
pub fn none_marked(mark: &str) {
    until(|| {
        let left = marked(mark);
        if left.is_empty() { Ok(()) } else { Err(format!("left behind: {left:#?}")) }
    });
}

/// Looks until no process that lives was started with all these words.
///
/// # Panics
/// When there is one left after a while.
#[track_caller]
pub fn none_with_words(words: &[&str]) {
    until(|| {
        for entry in fs::read_dir("/proc").unwrap() {
            // Gone since it was listed.
            let line = fs::read(entry.unwrap().path().join("cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line);
            if words.iter().all(|word| line.split('\0').any(|one| one == *word)) {
                return Err(format!("left behind: {}", line.replace('\0', " ")));
            }
        }
        Ok(())
    });
}
