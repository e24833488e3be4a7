//! The few things a rehearsal must know of a runbook before it runs it: its params and its steps' titles.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde_yaml::Value;

/// The kinds of step, each the key of its title.
const KINDS: [&str; 4] = ["verify", "decide", "act", "escalate"];

/// A runbook's file, read and not checked: that is the engine's business.
#[derive(Clone, Debug)]
pub struct RunbookFile {
    tree: Value,
}

impl RunbookFile {
    /// Reads a runbook of a workspace by its name.
    ///
    /// # Errors
    /// [`RunbookFileError`] when the file cannot be read or is no YAML.
    pub fn read(workspace: &Path, name: &str) -> Result<Self, RunbookFileError> {
        let path = workspace.join("runbooks").join(name).with_extension("yaml");
        let refused = |why: String| RunbookFileError { path: path.clone(), why };
        let text = fs::read_to_string(&path).map_err(|e| refused(e.to_string()))?;
        Self::parse(&text).map_err(refused)
    }

    fn parse(text: &str) -> Result<Self, String> {
        serde_yaml::from_str(text).map(|tree| Self { tree }).map_err(|e| e.to_string())
    }

    /// Whether it has a param of this name.
    #[must_use]
    pub fn has_param(&self, name: &str) -> bool {
        self.tree.get("params").and_then(|params| params.get(name)).is_some()
    }

    /// The title of a step, up to its first template: what of it is sure to be on the screen.
    #[must_use]
    pub fn title(&self, step: &str) -> Option<&str> {
        let step = self.tree.get("steps")?.get(step)?;
        let title = KINDS.iter().find_map(|kind| step.get(*kind))?.as_str()?;
        title.split("{{").next().map(str::trim).filter(|title| !title.is_empty())
    }
}

/// A runbook's file that cannot be used.
#[derive(Debug)]
pub struct RunbookFileError {
    path: PathBuf,
    why: String,
}

impl fmt::Display for RunbookFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.why)
    }
}

impl std::error::Error for RunbookFileError {}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::RunbookFile;

    #[test]
    fn params_and_titles_are_found() {
        let text = "params:\n  name: { type: string }\nsteps:\n  stop:\n    act: Stop it on {{ params.name }}\n    run: \"true\"\n";
        let file = RunbookFile::parse(text).unwrap();
        assert!(file.has_param("name"));
        assert!(!file.has_param("log_dir"));
        assert_eq!(file.title("stop"), Some("Stop it on"));
        assert_eq!(file.title("start"), None);
    }
}
