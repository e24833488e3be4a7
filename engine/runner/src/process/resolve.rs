//! Finds the program a step names.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

/// Finds `program` as `execvp` does: a name with a slash is a path, seen from `directory`; any other is looked for in
/// the directories of `path`, in order. An empty or relative one among these is seen from `directory` too, as the child
/// would see it. An empty `path` searches nowhere.
///
/// The answer is absolute where `directory` is.
///
/// # Errors
///
/// [`ResolveError::Missing`] where there is no such file, with all that was searched; [`ResolveError::NotExecutable`]
/// where there is one that may not be executed, or is a directory, and no other.
pub fn resolve(program: &str, path: &OsStr, directory: &Path) -> Result<PathBuf, ResolveError> {
    let mut searched = Vec::new();
    let candidates: Vec<PathBuf> = if program.is_empty() {
        Vec::new()
    } else if program.contains('/') {
        vec![directory.join(program)]
    } else if path.is_empty() {
        Vec::new()
    } else {
        for entry in std::env::split_paths(path).map(|entry| directory.join(entry)) {
            // One that stands twice is searched once.
            if !searched.contains(&entry) {
                searched.push(entry);
            }
        }
        searched.iter().map(|entry| entry.join(program)).collect()
    };
    let mut refused = None;
    for candidate in candidates {
        let Ok(metadata) = candidate.metadata() else { continue };
        if metadata.is_file() && access(&candidate, Access::EXEC_OK).is_ok() {
            return Ok(candidate);
        }
        refused.get_or_insert(candidate);
    }
    let program = program.to_owned();
    Err(match refused {
        Some(path) => ResolveError::NotExecutable { program, path },
        None => ResolveError::Missing { program, directory: directory.to_owned(), searched },
    })
}

/// Why a program cannot be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResolveError {
    /// There is no such file.
    Missing {
        /// The name as written.
        program: String,
        /// What a relative path was seen from.
        directory: PathBuf,
        /// The directories of PATH, in order; none for a name that is a path.
        searched: Vec<PathBuf>,
    },
    /// There is a file, and it may not be executed.
    NotExecutable {
        /// The name as written.
        program: String,
        /// The first file found that may not be executed.
        path: PathBuf,
    },
}

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { program, .. } if program.is_empty() => write!(f, "the program's name is empty"),
            Self::Missing { program, directory, .. } if program.contains('/') => {
                write!(f, "program {program:?} does not exist (looked for {})", directory.join(program).display())
            }
            Self::Missing { program, searched, .. } if searched.is_empty() => {
                write!(f, "program {program:?} was not found: PATH is empty")
            }
            Self::Missing { program, searched, .. } => {
                write!(f, "program {program:?} was not found in PATH (searched ")?;
                for (index, entry) in searched.iter().enumerate() {
                    let separator = if index == 0 { "" } else { ", " };
                    write!(f, "{separator}{}", entry.display())?;
                }
                f.write_str(")")
            }
            Self::NotExecutable { program, path } => {
                write!(f, "program {program:?} is not executable: {}", path.display())
            }
        }
    }
}

impl std::error::Error for ResolveError {}
