//! A file of lines that another process appends to: as many bytes as stand in whole lines, and more when they come.

use std::fs::File;
use std::io::{self, BufRead, Read};
use std::path::Path;

use crate::entry::LINE_BYTES_MAX;
use crate::file::FileError;

/// Bytes read at a time.
const PIECE_BYTES: usize = 64 << 10;

/// Reads whole lines only: at the end of them it says that there is no more, and may have more later.
#[derive(Debug)]
pub struct Growing {
    file: File,
    buffer: Vec<u8>,
    /// Bytes of the buffer that were read.
    taken: usize,
    /// Bytes of the buffer that stand in whole lines.
    whole: usize,
}

impl Growing {
    /// Opens a file.
    ///
    /// # Errors
    /// [`FileError`] when it cannot be opened.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let file = File::open(path).map_err(FileError::new("open", path))?;
        Ok(Self { file, buffer: Vec::new(), taken: 0, whole: 0 })
    }

    fn fill(&mut self) -> io::Result<()> {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        self.whole = 0;
        let mut from = 0;
        loop {
            let end = self.buffer.get(from..).and_then(|new| new.iter().rposition(|&byte| byte == b'\n'));
            if let Some(end) = end {
                self.whole = from + end + 1;
                return Ok(());
            }
            // A line that long is none: let the reader say so.
            if self.buffer.len() > LINE_BYTES_MAX {
                self.whole = self.buffer.len();
                return Ok(());
            }
            from = self.buffer.len();
            let read = (&self.file).take(PIECE_BYTES as u64).read_to_end(&mut self.buffer)?;
            if read == 0 {
                return Ok(());
            }
        }
    }
}

impl Read for Growing {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut available = self.fill_buf()?;
        let count = available.read(into)?;
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Growing {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.taken == self.whole {
            self.fill()?;
        }
        Ok(self.buffer.get(self.taken..self.whole).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        self.taken = (self.taken + count).min(self.whole);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

    use std::fs::OpenOptions;
    use std::io::Write as _;

    use super::*;

    #[test]
    fn half_a_line_is_none_until_its_other_half_comes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lines");
        let mut writer = OpenOptions::new().create(true).append(true).open(&path).unwrap();
        let mut growing = Growing::open(&path).unwrap();
        let long = "x".repeat(3 * PIECE_BYTES);
        for (written, wanted) in [
            ("", ""),
            ("one\ntw", "one\n"),
            ("", ""),
            ("o", ""),
            ("\n", "two\n"),
            (&*long, ""),
            ("\nthree\nfour", &*format!("{long}\nthree\n")),
            ("\n", "four\n"),
        ] {
            writer.write_all(written.as_bytes()).unwrap();
            let mut read = String::new();
            growing.read_to_string(&mut read).unwrap();
            assert_eq!(read, wanted);
        }
    }
}
