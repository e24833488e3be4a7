//! The programs of other makers that tests need, installed where they are missing.

use std::process::Command;
use std::sync::OnceLock;

use crate::binary::repository;

/// Sees to it that the programs are there that tests need beside cargo (`strace`, `jq` and the like): where one is
/// missing, `.ci/setup` installs it.
///
/// # Panics
/// When one is missing and cannot be installed; what to install is said.
pub fn ready() {
    static READY: OnceLock<Result<(), String>> = OnceLock::new();
    let ready = READY.get_or_init(|| {
        if setup(&["--check"]).is_ok() {
            return Ok(());
        }
        setup(&[])
    });
    assert!(ready.is_ok(), "{}", ready.as_ref().err().map_or("", String::as_str));
}

fn setup(words: &[&str]) -> Result<(), String> {
    let script = repository().join(".ci/setup");
    let ended = Command::new(&script).args(words).output();
    let ended = ended.map_err(|error| format!("{} could not be started: {error}", script.display()))?;
    if ended.status.success() {
        return Ok(());
    }
    Err(format!("{}{}", String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr)))
}
