//! Problems of files, printed: for a person, for a machine, for code scanning.

pub mod human;
pub mod json;
pub mod sarif;

use runbook_core::diagnostic::{Diagnostic, Severity};
use runbook_core::source::SourceFile;

/// A file that was checked, and what is wrong with it.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The file; its name is the path as shown.
    pub file: SourceFile,
    /// Its problems, in the order of the file.
    pub problems: Vec<Diagnostic>,
}

/// How many errors and warnings there are in all.
#[must_use]
pub fn count(files: &[Checked]) -> (usize, usize) {
    let all = files.iter().flat_map(|file| &file.problems);
    all.fold((0, 0), |(errors, warnings), problem| match problem.severity {
        Severity::Error => (errors + 1, warnings),
        Severity::Warning => (errors, warnings + 1),
    })
}

/// The word for a severity.
#[must_use]
pub fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}
