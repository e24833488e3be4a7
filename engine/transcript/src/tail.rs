//! The ends of a file of lines: its first and last line without reading what is between, and its torn tail.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use crate::entry::LINE_BYTES_MAX;
use crate::file::{FileError, open_or_create_file, sync_directory};

/// Bytes read at a time, backwards. Most lines are shorter.
const CHUNK_BYTES: u64 = 4 << 10;

/// How a file of lines ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tail {
    /// The last whole line with its LF, where there is one.
    pub line: Option<Vec<u8>>,
    /// Bytes of all whole lines.
    pub whole: u64,
    /// Bytes after them: a line without its end.
    pub torn: u64,
}

/// Reads how a file of lines ends, from its end.
///
/// # Errors
/// What the system says; [`io::ErrorKind::InvalidData`] when the last line is longer than [`LINE_BYTES_MAX`].
pub fn read_tail(file: &File) -> io::Result<Tail> {
    let size = file.metadata()?.len();
    let Some(end) = last_line_feed_before(file, size)? else {
        return Ok(Tail { line: None, whole: 0, torn: size });
    };
    let start = last_line_feed_before(file, end)?.map_or(0, |at| at + 1);
    let length = usize::try_from(end + 1 - start).unwrap_or(usize::MAX);
    if length > LINE_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "its last line is too long"));
    }
    let mut line = vec![0; length];
    file.read_exact_at(&mut line, start)?;
    Ok(Tail { line: Some(line), whole: end + 1, torn: size - end - 1 })
}

fn last_line_feed_before(file: &File, before: u64) -> io::Result<Option<u64>> {
    let mut chunk = Vec::new();
    let mut end = before;
    while end > 0 {
        let start = end.saturating_sub(CHUNK_BYTES);
        chunk.resize(usize::try_from(end - start).unwrap_or(0), 0);
        file.read_exact_at(&mut chunk, start)?;
        if let Some(at) = chunk.iter().rposition(|&byte| byte == b'\n') {
            return Ok(Some(start + at as u64));
        }
        end = start;
    }
    Ok(None)
}

/// Reads the first line with its LF; nothing if there is no whole line, or it is longer than [`LINE_BYTES_MAX`].
///
/// # Errors
/// What the system says.
pub fn read_first_line(file: &File) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let mut file = file;
    file.seek(SeekFrom::Start(0))?;
    BufReader::with_capacity(4 << 10, file).take(LINE_BYTES_MAX as u64).read_until(b'\n', &mut line)?;
    Ok(line.ends_with(b"\n").then_some(line))
}

/// Moves what follows the whole lines of `path` to the end of `torn`, so that nothing is lost and lines can be
/// appended again. On disk when it returns. Should the machine stop in the middle, it can be done again.
///
/// # Errors
/// [`FileError`] when one of the two cannot be read or written.
pub fn move_torn(path: &Path, whole: u64, torn: &Path, mode: u32) -> Result<(), FileError> {
    let file = OpenOptions::new().read(true).write(true).open(path).map_err(FileError::new("open", path))?;
    let mut kept = open_or_create_file(torn, mode)?;
    let mut rest = &file;
    rest.seek(SeekFrom::Start(whole))
        .and_then(|_| io::copy(&mut rest, &mut kept))
        .and_then(|_| kept.write_all(b"\n"))
        .and_then(|()| kept.sync_all())
        .map_err(FileError::new("write", torn))?;
    sync_directory(torn.parent().unwrap_or(Path::new("/")))?;
    file.set_len(whole).and_then(|()| file.sync_all()).map_err(FileError::new("shorten", path))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

    use std::fs;

    use super::*;

    #[test]
    fn the_ends_are_found_whatever_lies_between() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lines");
        let long = format!("{}\n", "x".repeat(10_000));
        for (text, first, last, torn) in [
            ("", None, None, 0),
            ("torn", None, None, 4),
            ("a\n", Some("a\n"), Some("a\n"), 0),
            ("a\nb\n\nc", Some("a\n"), Some("\n"), 1),
            (&*format!("a\n{long}"), Some("a\n"), Some(&*long), 0),
            (&*format!("{long}a\n{}", "\0".repeat(9_000)), Some(&*long), Some("a\n"), 9_000),
        ] {
            fs::write(&path, text).unwrap();
            let file = File::open(&path).unwrap();
            let tail = read_tail(&file).unwrap();
            assert_eq!(tail.line.as_deref(), last.map(str::as_bytes));
            assert_eq!((tail.torn, tail.whole), (torn, text.len() as u64 - torn));
            assert_eq!(read_first_line(&file).unwrap().as_deref(), first.map(str::as_bytes));
        }
    }

    #[test]
    fn a_torn_tail_is_moved_and_nothing_lost() {
        let directory = tempfile::tempdir().unwrap();
        let (path, torn) = (directory.path().join("lines"), directory.path().join("torn"));
        for tail in ["one", "two"] {
            fs::write(&path, format!("whole\n{tail}")).unwrap();
            move_torn(&path, 6, &torn, 0o600).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), "whole\n");
        }
        assert_eq!(fs::read_to_string(&torn).unwrap(), "one\ntwo\n");
    }
}
