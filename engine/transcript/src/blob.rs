//! Whole outputs, sources and plans: files named by the digest of what is in them.

use std::fmt;
use std::fs::{self, File, Permissions};
use std::io::{self, Read as _, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::digest::{Digest, Hasher};
use crate::file::{FileError, Sharing, create_file, sync_directory};

/// What is wrong with a blob.
#[derive(Debug)]
pub enum BlobError {
    /// Its bytes are not those of its name.
    Changed {
        /// The file.
        path: PathBuf,
        /// What its bytes have.
        found: Digest,
    },
    /// It is larger than the caller can take.
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its length in bytes.
        bytes: u64,
    },
    /// It was erased, and only its digest was kept.
    Erased(Digest),
    /// It cannot be read or written.
    File(FileError),
}

impl fmt::Display for BlobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed { path, found } => write!(f, "{} was changed: its sha256 is {found}", path.display()),
            Self::TooLarge { path, bytes } => write!(f, "{} is too large: {bytes} bytes", path.display()),
            Self::Erased(digest) => write!(f, "blob {digest} was erased"),
            Self::File(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for BlobError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File(error) => error.source(),
            Self::Changed { .. } | Self::TooLarge { .. } | Self::Erased(_) => None,
        }
    }
}

impl From<FileError> for BlobError {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

/// Whether something must outlive a power cut before one goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durable {
    /// It is on disk when the call returns.
    Yes,
    /// The system writes it when it likes.
    No,
}

/// Whether a blob is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Its file is there; whether its bytes are right is another question.
    There,
    /// It was erased, and a tombstone says so.
    Erased,
    /// Nothing is there.
    Missing,
}

/// The folder of blobs of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blobs {
    path: PathBuf,
    sharing: Sharing,
}

/// Makes names of unfinished files different within this process.
static COUNTER: AtomicU64 = AtomicU64::new(0);

impl Blobs {
    /// Names a folder of blobs; nothing is looked at.
    #[must_use]
    pub fn new(path: PathBuf, sharing: Sharing) -> Self {
        Self { path, sharing }
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where a blob with this digest stands.
    #[must_use]
    pub fn path_of(&self, digest: Digest) -> PathBuf {
        self.path.join(digest.to_hex())
    }

    /// Where the tombstone of an erased blob stands.
    #[must_use]
    pub fn tombstone_of(&self, digest: Digest) -> PathBuf {
        self.path.join(format!("{digest}.erased"))
    }

    /// Begins a blob whose bytes come in pieces. Dropped unfinished, it leaves nothing.
    ///
    /// # Errors
    /// [`FileError`] when its file cannot be made.
    pub fn begin(&self) -> Result<BlobWriter, FileError> {
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        // A dot, so that `sha256sum *` passes over what is unfinished.
        let path = self.path.join(format!(".new-{}-{number}", std::process::id()));
        let file = create_file(&path, self.sharing.file_mode())?;
        Ok(BlobWriter { blobs: self.clone(), file, path: Some(path), hasher: Hasher::new() })
    }

    /// Keeps these bytes.
    ///
    /// # Errors
    /// [`FileError`] when they cannot be written.
    pub fn put(&self, bytes: &[u8], durable: Durable) -> Result<Digest, FileError> {
        let digest = Digest::of(bytes);
        if self.path_of(digest).is_file() {
            self.settle(digest, durable)?;
            return Ok(digest);
        }
        let mut writer = self.begin()?;
        if let Err(error) = writer.write_all(bytes) {
            return Err(FileError::new("write", &self.path_of(digest))(error));
        }
        writer.finish(durable)
    }

    /// Takes a finished file over by renaming it; it must be in the same file system. Gives its digest and length.
    ///
    /// # Errors
    /// [`FileError`] when it cannot be read or renamed; it stays where it is then.
    pub fn adopt(&self, file: &Path, durable: Durable) -> Result<(Digest, u64), FileError> {
        let (digest, bytes) = Digest::of_file(file)?;
        fs::set_permissions(file, Permissions::from_mode(self.sharing.file_mode()))
            .and_then(|()| fs::rename(file, self.path_of(digest)))
            .map_err(FileError::new("rename", file))?;
        self.settle(digest, durable)?;
        Ok((digest, bytes))
    }

    /// Opens a blob to read it in pieces, unchecked.
    ///
    /// # Errors
    /// [`BlobError::Erased`], or [`BlobError::File`] when it is not there or cannot be opened.
    pub fn open(&self, digest: Digest) -> Result<File, BlobError> {
        let path = self.path_of(digest);
        File::open(&path).map_err(|error| match self.presence(digest) {
            Presence::Erased => BlobError::Erased(digest),
            Presence::There | Presence::Missing => BlobError::File(FileError::new("open", &path)(error)),
        })
    }

    /// Reads a blob of at most `bytes_max` bytes, and checks that they are what its name says.
    ///
    /// # Errors
    /// [`BlobError`] when it is not there, was erased, is larger, or was changed.
    pub fn get(&self, digest: Digest, bytes_max: u64) -> Result<Vec<u8>, BlobError> {
        let path = self.path_of(digest);
        let file = self.open(digest)?;
        let size = file.metadata().map_err(FileError::new("read", &path))?.len();
        let mut bytes = Vec::new();
        file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes).map_err(FileError::new("read", &path))?;
        if bytes.len() as u64 > bytes_max {
            return Err(BlobError::TooLarge { path, bytes: size });
        }
        let found = Digest::of(&bytes);
        if found == digest { Ok(bytes) } else { Err(BlobError::Changed { path, found }) }
    }

    /// Says whether a blob is there.
    #[must_use]
    pub fn presence(&self, digest: Digest) -> Presence {
        if self.path_of(digest).is_file() {
            Presence::There
        } else if self.tombstone_of(digest).is_file() {
            Presence::Erased
        } else {
            Presence::Missing
        }
    }

    /// Puts a blob and its name on disk, if that is wanted.
    fn settle(&self, digest: Digest, durable: Durable) -> Result<(), FileError> {
        if durable == Durable::Yes {
            let path = self.path_of(digest);
            File::open(&path).and_then(|file| file.sync_all()).map_err(FileError::new("sync", &path))?;
            sync_directory(&self.path)?;
        }
        Ok(())
    }
}

/// A blob that is being written.
#[derive(Debug)]
pub struct BlobWriter {
    blobs: Blobs,
    file: File,
    /// Its place until it is finished.
    path: Option<PathBuf>,
    hasher: Hasher,
}

impl BlobWriter {
    /// How many bytes were written so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.hasher.bytes()
    }

    /// Gives the blob its name.
    ///
    /// # Errors
    /// [`FileError`] when it cannot be synced or renamed.
    pub fn finish(mut self, durable: Durable) -> Result<Digest, FileError> {
        let digest = self.hasher.finish();
        if let Some(path) = &self.path {
            let place = self.blobs.path_of(digest);
            if durable == Durable::Yes {
                self.file.sync_all().map_err(FileError::new("sync", path))?;
            }
            fs::rename(path, &place).map_err(FileError::new("create", &place))?;
            self.path = None;
            if durable == Durable::Yes {
                sync_directory(&self.blobs.path)?;
            }
        }
        Ok(digest)
    }
}

impl Write for BlobWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hasher.update(bytes.get(..count).unwrap_or_default());
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for BlobWriter {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(directory).unwrap().map(|item| item.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_blob_is_what_its_name_says() {
        let directory = tempfile::tempdir().unwrap();
        let blobs = Blobs::new(directory.path().to_owned(), Sharing::Private);
        let digest = blobs.put(b"out\n", Durable::Yes).unwrap();
        assert_eq!(blobs.put(b"out\n", Durable::No).unwrap(), digest);
        assert_eq!(blobs.get(digest, 4).unwrap(), b"out\n");
        assert!(matches!(blobs.get(digest, 3), Err(BlobError::TooLarge { bytes: 4, .. })));
        assert_eq!(names(directory.path()), [digest.to_hex()]);
        assert_eq!(fs::metadata(blobs.path_of(digest)).unwrap().permissions().mode() & 0o7777, 0o600);

        fs::write(blobs.path_of(digest), "0ut\n").unwrap();
        assert!(matches!(blobs.get(digest, 4), Err(BlobError::Changed { .. })));
        fs::remove_file(blobs.path_of(digest)).unwrap();
        assert!(matches!(blobs.get(digest, 4), Err(BlobError::File(_))));
        assert_eq!(blobs.presence(digest), Presence::Missing);
        fs::write(blobs.tombstone_of(digest), "").unwrap();
        assert!(matches!(blobs.get(digest, 4), Err(BlobError::Erased(_))));
    }

    #[test]
    fn a_file_is_adopted_and_an_unfinished_one_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let blobs = Blobs::new(directory.path().join("blobs"), Sharing::Private);
        fs::create_dir(blobs.path()).unwrap();
        let file = directory.path().join("stdout");
        fs::write(&file, "x".repeat(100_000)).unwrap();
        let (digest, bytes) = blobs.adopt(&file, Durable::Yes).unwrap();
        assert_eq!((bytes, file.exists()), (100_000, false));
        assert_eq!(blobs.get(digest, u64::MAX).unwrap().len(), 100_000);

        let mut writer = blobs.begin().unwrap();
        writer.write_all(b"half").unwrap();
        assert_eq!(writer.bytes(), 4);
        drop(writer);
        assert_eq!(names(blobs.path()), [digest.to_hex()]);
    }
}
