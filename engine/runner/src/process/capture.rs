//! Keeps what one stream printed, in bounded memory.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::spec::CaptureLimits;

/// What was kept of one stream, which need not be UTF-8.
#[derive(Debug)]
pub struct Captured {
    /// The bytes from the beginning, up to the memory limit.
    pub kept: Vec<u8>,
    /// Whether `kept` is everything that was seen.
    pub complete: bool,
    /// Whether the end of the stream was seen. It is not where another process held the pipe at the deadline.
    pub closed: bool,
    /// The first bytes, up to the excerpt limit.
    pub head: Vec<u8>,
    /// The last bytes, up to the excerpt limit, never overlapping `head`.
    pub tail: Vec<u8>,
    /// Bytes that came out of the pipe.
    pub bytes_seen: u64,
    /// Bytes in `file`, counted from the beginning; fewer than seen past the file limit or an error.
    pub bytes_on_disk: u64,
    /// SHA-256 of the bytes in `file`, or of `kept` where there is no file.
    pub digest: [u8; 32],
    /// The spill file, where one was created.
    pub file: Option<PathBuf>,
    /// Why the spill file is missing or short of its limit.
    pub spill_error: Option<io::Error>,
}

impl Captured {
    /// Counts the bytes between `head` and `tail`.
    #[must_use]
    pub fn elided(&self) -> u64 {
        self.bytes_seen - self.head.len() as u64 - self.tail.len() as u64
    }
}

/// The sink of one stream.
#[derive(Debug)]
pub(super) struct Capture {
    limits: CaptureLimits,
    kept: Vec<u8>,
    head: Vec<u8>,
    /// The last bytes after the head. Grows to twice the limit before it is cut, so that a byte moves once on average.
    tail: Vec<u8>,
    seen: u64,
    spill: Option<Spill>,
}

impl Capture {
    pub(super) fn new(limits: CaptureLimits, file: Option<PathBuf>) -> Self {
        Self { limits, kept: Vec::new(), head: Vec::new(), tail: Vec::new(), seen: 0, spill: file.map(Spill::new) }
    }

    /// Takes the next bytes of the stream.
    pub(super) fn take(&mut self, chunk: &[u8]) {
        self.seen += chunk.len() as u64;
        self.kept.extend_from_slice(first(chunk, self.limits.memory - self.kept.len()));
        let into_head = first(chunk, self.limits.excerpt - self.head.len());
        self.head.extend_from_slice(into_head);
        let after_head = last(chunk, chunk.len() - into_head.len());
        self.tail.extend_from_slice(last(after_head, self.limits.excerpt));
        if self.tail.len() > 2 * self.limits.excerpt {
            self.cut_tail();
        }
        if let Some(spill) = &mut self.spill {
            spill.write(chunk, self.limits.file);
        }
    }

    /// Ends the stream. `closed` says whether its end was seen, `sync` whether the file is forced to disk.
    pub(super) fn finish(mut self, closed: bool, sync: bool) -> Captured {
        self.cut_tail();
        let (file, bytes_on_disk, hash, spill_error) = match self.spill {
            Some(spill) => spill.finish(sync),
            None => (None, 0, Sha256::new(), None),
        };
        let digest = if file.is_some() { hash.finalize() } else { Sha256::digest(&self.kept) };
        Captured {
            complete: self.kept.len() as u64 == self.seen,
            closed,
            kept: self.kept,
            head: self.head,
            tail: self.tail,
            bytes_seen: self.seen,
            bytes_on_disk,
            digest: digest.into(),
            file,
            spill_error,
        }
    }

    fn cut_tail(&mut self) {
        let surplus = self.tail.len().saturating_sub(self.limits.excerpt);
        self.tail.drain(..surplus);
    }
}

/// The file that takes the whole of a stream, created at its first byte.
#[derive(Debug)]
struct Spill {
    path: PathBuf,
    file: Option<File>,
    created: bool,
    bytes: u64,
    hash: Sha256,
    error: Option<io::Error>,
}

impl Spill {
    fn new(path: PathBuf) -> Self {
        Self { path, file: None, created: false, bytes: 0, hash: Sha256::new(), error: None }
    }

    /// Writes what the limit leaves room for. The first error ends it: a hole in the middle would be a lie.
    fn write(&mut self, chunk: &[u8], limit: u64) {
        if self.error.is_some() {
            return;
        }
        let room = usize::try_from(limit - self.bytes).unwrap_or(usize::MAX);
        if let Err(error) = self.try_write(first(chunk, room)) {
            self.error = Some(error);
        }
    }

    fn try_write(&mut self, mut part: &[u8]) -> io::Result<()> {
        let file = if let Some(file) = &mut self.file {
            file
        } else {
            let new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.path)?;
            self.created = true;
            self.file.insert(new)
        };
        while !part.is_empty() {
            match file.write(part) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    self.hash.update(first(part, written));
                    self.bytes += written as u64;
                    part = last(part, part.len() - written);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn finish(mut self, sync: bool) -> (Option<PathBuf>, u64, Sha256, Option<io::Error>) {
        if let (true, Some(file)) = (sync, &self.file)
            && let Err(error) = file.sync_data()
        {
            self.error.get_or_insert(error);
        }
        (self.created.then_some(self.path), self.bytes, self.hash, self.error)
    }
}

/// The first `count` bytes, or all where there are fewer.
fn first(bytes: &[u8], count: usize) -> &[u8] {
    bytes.get(..count).unwrap_or(bytes)
}

/// The last `count` bytes, or all where there are fewer.
fn last(bytes: &[u8], count: usize) -> &[u8] {
    bytes.len().checked_sub(count).and_then(|start| bytes.get(start..)).unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failing test may stop where it is")]

    use super::*;

    const SMALL: CaptureLimits = CaptureLimits { memory: 10, excerpt: 4, file: 12 };

    fn captured(chunks: &[&[u8]], limits: CaptureLimits) -> Captured {
        let mut capture = Capture::new(limits, None);
        for chunk in chunks {
            capture.take(chunk);
        }
        capture.finish(true, false)
    }

    #[test]
    fn head_and_tail_never_overlap_at_any_length_or_split() {
        let text: Vec<u8> = (0..40).collect();
        for length in 0..=text.len() {
            for size in 1..=12 {
                let whole = &text[..length];
                let chunks: Vec<&[u8]> = whole.chunks(size).collect();
                let got = captured(&chunks, SMALL);
                assert_eq!(got.kept, &whole[..length.min(10)], "length {length}, chunks of {size}");
                assert_eq!(got.complete, length <= 10);
                assert_eq!(got.head, &whole[..length.min(4)], "length {length}, chunks of {size}");
                let rest = &whole[length.min(4)..];
                assert_eq!(got.tail, &rest[rest.len().saturating_sub(4)..], "length {length}, chunks of {size}");
                assert_eq!(got.elided(), (length as u64).saturating_sub(8));
                assert_eq!(got.bytes_seen, length as u64);
                assert_eq!(got.digest, <[u8; 32]>::from(Sha256::digest(&got.kept)));
            }
        }
    }

    #[test]
    fn tail_stays_bounded_while_it_grows() {
        let mut capture = Capture::new(SMALL, None);
        for _ in 0..1_000 {
            capture.take(b"abc");
            assert!(capture.tail.len() <= 8, "the tail grew to {} bytes", capture.tail.len());
        }
    }

    #[test]
    fn spill_stops_at_its_limit_and_its_digest_is_of_the_file() {
        let directory = std::env::temp_dir().join(format!("runbook-capture-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join("stdout");
        let mut capture = Capture::new(SMALL, Some(path.clone()));
        capture.take(b"0123456");
        capture.take(b"789abcdef");
        let got = capture.finish(true, true);
        assert_eq!(std::fs::read(&path).unwrap(), b"0123456789ab");
        assert_eq!(got.bytes_on_disk, 12);
        assert_eq!(got.digest, <[u8; 32]>::from(Sha256::digest(b"0123456789ab")));
        assert!(got.spill_error.is_none());

        // A file that is already there is somebody else's, and is not touched.
        let mut second = Capture::new(SMALL, Some(path.clone()));
        second.take(b"other");
        let second = second.finish(true, false);
        assert_eq!(second.spill_error.unwrap().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(second.file, None);
        assert_eq!(second.digest, <[u8; 32]>::from(Sha256::digest(b"other")));
        assert_eq!(std::fs::read(&path).unwrap(), b"0123456789ab");
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
