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

/// The processes that were started with this text somewhere in their words.
///
/// # Panics
/// When the system does not list its processes.
#[must_use]
pub fn worded(text: &str) -> Vec<i32> {
    let own = std::process::id().to_string();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap() {
        let folder = entry.unwrap().path();
        let pid = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let line = fs::read(folder.join("cmdline")).unwrap_or_default();
        if pid != own && line.windows(text.len()).any(|part| part == text.as_bytes()) {
            found.extend(pid.parse::<i32>());
        }
    }
    found
}

/// The processes that this one is an ancestor of.
///
/// # Panics
/// When the system does not list its processes.
#[must_use]
pub fn descendants(ancestor: u32) -> Vec<rustix::process::Pid> {
    let mut parents: Vec<(i32, i32)> = Vec::new();
    for entry in fs::read_dir("/proc").unwrap() {
        let text = fs::read_to_string(entry.unwrap().path().join("stat")).unwrap_or_default();
        // The name stands in parentheses and may hold anything.
        let Some((before, after)) = text.rsplit_once(')') else { continue };
        let pid = before.split(' ').next().and_then(|pid| pid.parse().ok());
        let parent = after.split_ascii_whitespace().nth(1).and_then(|parent| parent.parse().ok());
        parents.extend(pid.zip(parent));
    }
    let mut found = vec![i32::try_from(ancestor).unwrap()];
    let mut at = 0;
    while let Some(one) = found.get(at).copied() {
        found.extend(parents.iter().filter(|(_, parent)| *parent == one).map(|(pid, _)| *pid));
        at += 1;
    }
    found.into_iter().skip(1).filter_map(rustix::process::Pid::from_raw).collect()
}
