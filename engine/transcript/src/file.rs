//! Files and directories with exactly the permissions the store promises, and errors that name them.

use std::fmt;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// What could not be done with a file.
#[derive(Debug)]
pub struct FileError {
    /// What was tried: `read`, `create`, `sync`.
    pub doing: &'static str,
    /// With which file or directory.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl FileError {
    /// Makes the wrapper for `map_err`.
    pub fn new(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self { doing, path: path.to_owned(), source }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} {}: {}", self.doing, self.path.display(), self.source)
    }
}

impl std::error::Error for FileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// Who shares a store: it decides every permission inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// One account: 0700 and 0600.
    Private,
    /// A group, so that another operator can take a run over: 2770 and 0660.
    Group,
}

impl Sharing {
    /// Permission bits of a directory.
    #[must_use]
    pub fn directory_mode(self) -> u32 {
        match self {
            Self::Private => 0o700,
            Self::Group => 0o2770,
        }
    }

    /// Permission bits of a file that is still written.
    #[must_use]
    pub fn file_mode(self) -> u32 {
        match self {
            Self::Private => 0o600,
            Self::Group => 0o660,
        }
    }

    /// Permission bits of a file nobody but its owner may change: what is handed in speaks for its owner.
    #[must_use]
    pub fn handed_in_mode(self) -> u32 {
        match self {
            Self::Private => 0o600,
            Self::Group => 0o640,
        }
    }

    /// Permission bits of a file that is finished for good.
    #[must_use]
    pub fn sealed_mode(self) -> u32 {
        match self {
            Self::Private => 0o400,
            Self::Group => 0o440,
        }
    }
}

/// Makes a directory with these permissions, whatever the umask is.
///
/// # Errors
/// [`FileError`]; that it exists already is one.
pub fn create_directory(path: &Path, mode: u32) -> Result<(), FileError> {
    fs::DirBuilder::new()
        .mode(mode)
        .create(path)
        .and_then(|()| fs::set_permissions(path, Permissions::from_mode(mode)))
        .map_err(FileError::new("create", path))
}

/// Makes a new file with these permissions, whatever the umask is; everything written goes to its end.
///
/// # Errors
/// [`FileError`]; that it exists already is one.
pub fn create_file(path: &Path, mode: u32) -> Result<File, FileError> {
    OpenOptions::new()
        .append(true)
        .read(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .and_then(|file| file.set_permissions(Permissions::from_mode(mode)).map(|()| file))
        .map_err(FileError::new("create", path))
}

/// Opens a file to append to it, and makes it with these permissions if it is not there.
///
/// # Errors
/// [`FileError`] when it can be neither opened nor made.
pub fn open_or_create_file(path: &Path, mode: u32) -> Result<File, FileError> {
    match OpenOptions::new().append(true).read(true).open(path) {
        Ok(file) => Ok(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match create_file(path, mode) {
            // Somebody else was quicker.
            Err(error) if error.source.kind() == io::ErrorKind::AlreadyExists => {
                OpenOptions::new().append(true).read(true).open(path).map_err(FileError::new("open", path))
            }
            result => result,
        },
        Err(error) => Err(FileError::new("open", path)(error)),
    }
}

/// Puts a directory's list of names on disk: a file that was just made, renamed or removed is so after a power cut.
///
/// # Errors
/// [`FileError`] when it cannot be opened or synced.
pub fn sync_directory(path: &Path) -> Result<(), FileError> {
    File::open(path).and_then(|directory| directory.sync_all()).map_err(FileError::new("sync", path))
}
