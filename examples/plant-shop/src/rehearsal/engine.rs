//! The `runbook` program that is rehearsed: the real one.

use std::path::{Path, PathBuf};

use crate::lab::{cargo_build, profile_folder};
use crate::rehearsal::RehearsalError;

/// The program, built or given.
#[derive(Clone, Debug)]
pub struct Engine {
    path: PathBuf,
}

impl Engine {
    /// Takes the program that was given, or builds the one of this workspace, with the profile this process was built with.
    ///
    /// # Errors
    /// [`RehearsalError::Build`] when it cannot be built.
    pub fn find(given: Option<&Path>) -> Result<Self, RehearsalError> {
        if let Some(path) = given {
            // Started from another folder, a name with a folder in it would be looked for there.
            let path = if path.components().count() > 1 { std::path::absolute(path) } else { Ok(path.to_owned()) };
            return Ok(Self { path: path.unwrap_or_else(|_| given.map(Path::to_owned).unwrap_or_default()) });
        }
        cargo_build(&["runbook"]).map_err(RehearsalError::Build)?;
        Ok(Self { path: profile_folder().map_err(RehearsalError::Build)?.join("runbook") })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}
