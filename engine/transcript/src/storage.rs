//! What a writer needs of a file; a trait, so that tests can make any call of it fail.

use std::fs::File;
use std::io::{self, Write as _};

/// A file that is only appended to.
pub trait Storage: Send {
    /// How long it is, in bytes.
    ///
    /// # Errors
    /// What the system says.
    fn size(&self) -> io::Result<u64>;

    /// Writes all these bytes to its end, or fails; part of them may be there then.
    ///
    /// # Errors
    /// What the system says.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Returns when all that was written is on disk.
    ///
    /// # Errors
    /// What the system says; what was written since the last success may be lost then.
    fn sync(&mut self) -> io::Result<()>;
}

/// A real file, opened to append.
#[derive(Debug)]
pub struct FileStorage(File);

impl FileStorage {
    /// Takes a file that was opened to append.
    #[must_use]
    pub fn new(file: File) -> Self {
        Self(file)
    }
}

impl Storage for FileStorage {
    fn size(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }
}
