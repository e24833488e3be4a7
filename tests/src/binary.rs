//! The program under test.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The real `runbook` program, of the profile this test was built with, built first where it is not current.
///
/// # Errors
/// A sentence, when it cannot be built or is not where it belongs.
pub fn runbook() -> Result<PathBuf, String> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    BUILT.get_or_init(build).clone()
}

/// The folder of the repository.
#[must_use]
pub fn repository() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

fn build() -> Result<PathBuf, String> {
    let own = std::env::current_exe().map_err(|error| format!("this program does not know its own file: {error}"))?;
    let folder = profile_folder(&own).ok_or_else(|| format!("{} is in no target folder", own.display()))?;
    let program = folder.join("runbook");
    // Cargo is not asked about one that is newer than its sources: building one package alone may build what it depends
    // on once more, with other features.
    if is_newer(&program) {
        return Ok(program);
    }
    // Run by hand from elsewhere, without cargo: what is there is what is meant.
    let Some(cargo) = std::env::var_os("CARGO") else {
        return if program.is_file() { Ok(program) } else { Err(format!("{} is not built", program.display())) };
    };
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--package", "runbook", "--bin", "runbook"]);
    if folder.file_name().is_some_and(|name| name == "release") {
        command.arg("--release");
    }
    let status = command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .map_err(|error| format!("cargo could not be started: {error}"))?;
    if status.success() && program.is_file() {
        Ok(program)
    } else {
        Err(format!("{} could not be built ({status})", program.display()))
    }
}

/// Whether a program is newer than everything it is made of.
fn is_newer(program: &Path) -> bool {
    let modified = |path: &Path| path.metadata().and_then(|found| found.modified());
    let Ok(built) = modified(program) else { return false };
    let mut left = vec![repository().join("engine"), repository().join("Cargo.lock")];
    while let Some(path) = left.pop() {
        if let Ok(inside) = path.read_dir() {
            left.extend(inside.filter_map(Result::ok).map(|entry| entry.path()));
        } else if !modified(&path).is_ok_and(|changed| changed <= built) {
            return false;
        }
    }
    true
}

fn profile_folder(own: &Path) -> Option<&Path> {
    own.ancestors().skip(1).find(|folder| folder.file_name().is_some_and(|name| name == "debug" || name == "release"))
}
