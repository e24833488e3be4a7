//! One process at a time: a lock of the kernel's, which goes away with the process that holds it.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::fs::FlockOperation;
use serde_json::{Map, Value};

use crate::canonical;
use crate::file::{FileError, open_or_create_file};
use crate::wire::entry_v1::time_text;

/// How long a lock is tried for: one who only looks whether it is held has it for an instant.
const PATIENCE: Duration = Duration::from_millis(100);
/// Time between two tries.
const PAUSE: Duration = Duration::from_millis(5);
/// Bytes of what stands in a lock file.
const HOLDER_BYTES_MAX: u64 = 4 << 10;

/// Who holds a lock; for messages only, the kernel's lock is what counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The process.
    pub pid: u32,
    /// Who started it.
    pub operator: String,
    /// Since when.
    pub since: Timestamp,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (process {}, since {})", self.operator, self.pid, time_text(self.since))
    }
}

/// Why a lock was not taken.
#[derive(Debug)]
pub enum LockError {
    /// Another process has it.
    Held {
        /// The lock's file.
        path: PathBuf,
        /// Who says it holds it; nothing when that cannot be read.
        holder: Option<Holder>,
    },
    /// The lock's file cannot be made or written.
    File(FileError),
}

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held { path, holder: Some(holder) } => write!(f, "{} is held by {holder}", path.display()),
            Self::Held { path, holder: None } => write!(f, "{} is held by another process", path.display()),
            Self::File(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for LockError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File(error) => error.source(),
            Self::Held { .. } => None,
        }
    }
}

/// A lock that is held until this is dropped, or the process ends in whatever way.
#[derive(Debug)]
#[must_use = "the lock is given back when this is dropped"]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock, and says in its file who has it.
    ///
    /// # Errors
    /// [`LockError::Held`] when another process has it, at once but for a tenth of a second; [`LockError::File`].
    pub fn take(path: &Path, holder: &Holder, mode: u32) -> Result<Self, LockError> {
        let file = open_or_create_file(path, mode).map_err(LockError::File)?;
        if !try_for(&file, FlockOperation::NonBlockingLockExclusive, PATIENCE)
            .map_err(FileError::new("lock", path))
            .map_err(LockError::File)?
        {
            return Err(LockError::Held { path: path.to_owned(), holder: read_holder(&file) });
        }
        write_holder(&file, holder).map_err(FileError::new("write", path)).map_err(LockError::File)?;
        Ok(Self { file })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The name of one who left would only mislead; closing the file gives the lock back in any case.
        let _ = self.file.set_len(0);
    }
}

/// Says who holds a lock now; nothing when nobody does. `Some(None)` is somebody whose name cannot be read.
///
/// # Errors
/// [`FileError`] when the file is there and cannot be opened.
pub fn holder(path: &Path) -> Result<Option<Option<Holder>>, FileError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(FileError::new("open", path)(error)),
    };
    let free =
        try_for(&file, FlockOperation::NonBlockingLockShared, Duration::ZERO).map_err(FileError::new("lock", path))?;
    Ok((!free).then(|| read_holder(&file)))
}

/// Tries to take a lock until the patience is over; false when it is held all that time.
pub(crate) fn try_for(file: &File, operation: FlockOperation, patience: Duration) -> io::Result<bool> {
    let started = Instant::now();
    loop {
        match rustix::fs::flock(file, operation) {
            Ok(()) => return Ok(true),
            Err(rustix::io::Errno::WOULDBLOCK) if started.elapsed() >= patience => return Ok(false),
            Err(rustix::io::Errno::WOULDBLOCK) => thread::sleep(PAUSE),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn write_holder(file: &File, holder: &Holder) -> io::Result<()> {
    let mut map = Map::new();
    map.insert("operator".to_owned(), Value::from(holder.operator.as_str()));
    map.insert("pid".to_owned(), Value::from(holder.pid));
    map.insert("since".to_owned(), Value::from(time_text(holder.since)));
    let mut line = Vec::new();
    canonical::encode_map(&map, &mut line).map_err(io::Error::other)?;
    line.push(b'\n');
    file.set_len(0)?;
    let mut file = file;
    file.write_all(&line)
}

fn read_holder(file: &File) -> Option<Holder> {
    let mut text = String::new();
    file.take(HOLDER_BYTES_MAX).read_to_string(&mut text).ok()?;
    let map: Map<String, Value> = serde_json::from_str(&text).ok()?;
    Some(Holder {
        pid: map.get("pid")?.as_u64()?.try_into().ok()?,
        operator: map.get("operator")?.as_str()?.to_owned(),
        since: map.get("since")?.as_str()?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

    use super::*;

    #[test]
    fn a_lock_is_held_once_and_says_by_whom() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let mine = Holder { pid: 7, operator: "khouse".to_owned(), since: "2026-11-22T09:15:00.250Z".parse().unwrap() };
        assert_eq!(holder(&path).unwrap(), None);
        let lock = Lock::take(&path, &mine, 0o600).unwrap();
        assert_eq!(holder(&path).unwrap(), Some(Some(mine.clone())));
        let error = Lock::take(&path, &mine, 0o600).unwrap_err();
        assert!(
            error.to_string().ends_with("is held by khouse (process 7, since 2026-11-22T09:15:00.250Z)"),
            "{error}"
        );
        drop(lock);
        assert_eq!(holder(&path).unwrap(), None);
        drop(Lock::take(&path, &mine, 0o600).unwrap());
    }
}
