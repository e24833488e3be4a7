//! What a program printed, put where the transcript can name it: the whole as a blob, head and tail in the entry.

use std::cell::RefCell;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use runbook_core::limits::{BLOB_BYTES_MAX, CAPTURE_BYTES_MAX, EXCERPT_BYTES_MAX};
use runbook_core::run::record::Output;
use runbook_transcript::blob::{BlobWriter, Blobs, Durable};
use runbook_transcript::file::{FileError, Sharing, sync_directory};
use rustix::fs::syncfs;

use crate::mask::Masker;
use crate::process::Captured;

/// Blobs that are synced one by one; more are synced with all their file system.
const SYNCED_SINGLY_MAX: usize = 8;

/// The blobs of a run, and which of them may not be on disk yet.
#[derive(Debug)]
pub struct Keeper {
    blobs: Blobs,
    sharing: Sharing,
    unsynced: RefCell<Vec<PathBuf>>,
}

/// An output as it is recorded, and its whole text where expressions may read it.
pub(crate) type Kept = (Output, Option<String>);

impl Keeper {
    /// Keeps things in these blobs.
    #[must_use]
    pub fn new(blobs: Blobs, sharing: Sharing) -> Self {
        Self { blobs, sharing, unsynced: RefCell::default() }
    }

    /// The folder of blobs.
    #[must_use]
    pub fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// Who shares what is kept.
    #[must_use]
    pub fn sharing(&self) -> Sharing {
        self.sharing
    }

    /// Keeps some bytes, and gives their digest.
    ///
    /// # Errors
    /// [`FileError`] when they cannot be written.
    pub fn put(&self, bytes: &[u8]) -> Result<String, FileError> {
        let digest = self.blobs.put(bytes, Durable::No)?;
        self.note(self.blobs.path_of(digest));
        Ok(digest.to_hex())
    }

    fn note(&self, path: PathBuf) {
        self.unsynced.borrow_mut().push(path);
    }

    /// Returns when everything kept so far is on disk.
    ///
    /// # Errors
    /// [`FileError`] with the blob that could not be synced.
    pub fn sync(&self) -> Result<(), FileError> {
        let mut unsynced = self.unsynced.borrow_mut();
        if unsynced.is_empty() {
            return Ok(());
        }
        let folder = self.blobs.path();
        if unsynced.len() > SYNCED_SINGLY_MAX {
            let synced = fs::File::open(folder).and_then(|folder| Ok(syncfs(folder)?));
            synced.map_err(FileError::new("sync", folder))?;
        } else {
            for path in unsynced.iter() {
                fs::File::open(path).and_then(|file| file.sync_all()).map_err(FileError::new("sync", path))?;
            }
            sync_directory(folder)?;
        }
        unsynced.clear();
        Ok(())
    }

    /// Where the whole of a stream may go while it is printed.
    #[must_use]
    pub fn draft(&self, name: &str) -> PathBuf {
        // A dot, so that `sha256sum *` passes over what is unfinished.
        self.blobs.path().join(format!(".new-{}-{name}", std::process::id()))
    }

    /// Keeps what was captured; its file, a draft, becomes the blob.
    pub(crate) fn keep(&self, captured: &Captured) -> Kept {
        if captured.bytes_seen == 0 {
            return (Output::default(), Some(String::new()));
        }
        let blob = captured.file.as_deref().and_then(|draft| {
            let digest = hex(&captured.digest);
            self.adopt(draft, &digest).ok().map(|()| digest)
        });
        let whole = captured.elided() == 0;
        let output = Output {
            bytes: captured.bytes_seen,
            kept: if blob.is_some() { captured.bytes_on_disk } else { 0 },
            blob,
            head: excerpt(&captured.head, if whole { &captured.tail } else { &[] }),
            tail: if whole { String::new() } else { excerpt(&captured.tail, &[]) },
        };
        (output, captured.complete.then(|| String::from_utf8_lossy(&captured.kept).into_owned()))
    }

    fn adopt(&self, draft: &Path, digest: &str) -> Result<(), std::io::Error> {
        let place = self.blobs.path().join(digest);
        let mode = self.sharing.file_mode();
        if mode != 0o600 {
            fs::set_permissions(draft, fs::Permissions::from_mode(mode))?;
        }
        fs::rename(draft, &place)?;
        self.note(place);
        Ok(())
    }

    /// Begins to keep a stream with its secrets masked.
    pub(crate) fn masked(&self, masker: Masker) -> MaskedStream {
        MaskedStream {
            masker,
            writer: self.blobs.begin().ok(),
            written: 0,
            kept: Vec::new(),
            tail: Vec::new(),
            seen: 0,
            masked: 0,
        }
    }

    /// Keeps a stream whose secrets are masked.
    pub(crate) fn keep_masked(&self, mut stream: MaskedStream) -> Kept {
        let rest = stream.masker.finish();
        stream.take(&rest);
        if stream.seen == 0 {
            return (Output::default(), Some(String::new()));
        }
        let blob = stream.writer.take().and_then(|writer| writer.finish(Durable::No).ok());
        if let Some(digest) = blob {
            self.note(self.blobs.path_of(digest));
        }
        let complete = stream.masked == stream.kept.len() as u64;
        let whole = stream.kept.len() <= 2 * EXCERPT_BYTES_MAX && complete;
        let head = if whole { &stream.kept[..] } else { stream.kept.get(..EXCERPT_BYTES_MAX).unwrap_or(&stream.kept) };
        let tail = stream.tail.get(stream.tail.len().saturating_sub(EXCERPT_BYTES_MAX)..).unwrap_or_default();
        let output = Output {
            bytes: stream.seen,
            kept: if blob.is_some() { stream.written } else { 0 },
            blob: blob.map(runbook_transcript::digest::Digest::to_hex),
            head: excerpt(head, &[]),
            tail: if whole { String::new() } else { excerpt(tail, &[]) },
        };
        (output, complete.then(|| String::from_utf8_lossy(&stream.kept).into_owned()))
    }
}

/// One stream, its secrets masked while it is printed.
#[derive(Debug)]
pub(crate) struct MaskedStream {
    masker: Masker,
    /// The blob that grows; nothing where it could not be made.
    writer: Option<BlobWriter>,
    written: u64,
    kept: Vec<u8>,
    tail: Vec<u8>,
    /// Bytes that were printed.
    seen: u64,
    /// Bytes after masking.
    masked: u64,
}

impl MaskedStream {
    /// Takes the next piece, and gives what of it may be shown.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.seen += bytes.len() as u64;
        let masked = self.masker.push(bytes);
        self.take(&masked);
        masked
    }

    fn take(&mut self, masked: &[u8]) {
        self.masked += masked.len() as u64;
        let room = CAPTURE_BYTES_MAX.saturating_sub(self.kept.len());
        self.kept.extend_from_slice(masked.get(..room.min(masked.len())).unwrap_or_default());
        self.tail.extend_from_slice(masked);
        if self.tail.len() > 64 * EXCERPT_BYTES_MAX {
            self.tail.drain(..self.tail.len() - EXCERPT_BYTES_MAX);
        }
        let room = usize::try_from(BLOB_BYTES_MAX.saturating_sub(self.written)).unwrap_or(usize::MAX);
        let part = masked.get(..room.min(masked.len())).unwrap_or_default();
        if let Some(writer) = &mut self.writer {
            match writer.write_all(part) {
                Ok(()) => self.written += part.len() as u64,
                // Half a blob is none; the excerpts stay.
                Err(_) => self.writer = None,
            }
        }
    }
}

/// Lowercase hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Text of two pieces that follow one another; bytes that are no UTF-8 are replaced.
fn excerpt(first: &[u8], second: &[u8]) -> String {
    if second.is_empty() {
        return String::from_utf8_lossy(first).into_owned();
    }
    String::from_utf8_lossy(&[first, second].concat()).into_owned()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may stop where it is")]

    use super::*;
    use crate::secret::Secrets;

    fn keeper() -> (tempfile::TempDir, Keeper) {
        let directory = tempfile::tempdir().unwrap();
        let blobs = Blobs::new(directory.path().to_owned(), Sharing::Private);
        (directory, Keeper::new(blobs, Sharing::Private))
    }

    fn masker() -> Masker {
        let mut secrets = Secrets::default();
        secrets.insert("KEY".to_owned(), "hunter22".to_owned());
        Masker::new(&secrets)
    }

    #[test]
    fn a_secret_cut_in_two_is_in_no_blob_and_no_excerpt() {
        let (_directory, keeper) = keeper();
        let mut stream = keeper.masked(masker());
        let mut shown = stream.push(b"key=hun");
        shown.extend(stream.push(b"ter22\n"));
        let (output, text) = keeper.keep_masked(stream);
        assert_eq!(text.as_deref(), Some("key=[secret:KEY]\n"));
        assert_eq!((output.bytes, output.head.as_str(), output.tail.as_str()), (13, "key=[secret:KEY]\n", ""));
        let blob = fs::read(keeper.blobs().path().join(output.blob.unwrap())).unwrap();
        assert_eq!(blob, b"key=[secret:KEY]\n");
        assert_eq!(shown, b"key=[secret:KEY]\n");
        keeper.sync().unwrap();
    }

    #[test]
    fn a_long_masked_output_has_head_and_tail_and_a_whole_blob() {
        let (_directory, keeper) = keeper();
        let mut stream = keeper.masked(masker());
        stream.push(b"begin\n");
        for _ in 0..40 {
            stream.push(&vec![b'x'; 64 << 10]);
        }
        stream.push(b"\nend\n");
        let (output, text) = keeper.keep_masked(stream);
        assert_eq!(text, None);
        assert_eq!(output.bytes, (40 << 16) + 11);
        assert_eq!(output.kept, output.bytes);
        assert!(output.head.starts_with("begin\nx") && output.tail.ends_with("x\nend\n"));
        assert_eq!((output.head.len(), output.tail.len()), (EXCERPT_BYTES_MAX, EXCERPT_BYTES_MAX));
        let many: Vec<_> = (0..20).map(|number: u32| keeper.put(&number.to_le_bytes()).unwrap()).collect();
        assert_eq!(many.len(), 20);
        keeper.sync().unwrap();
        assert!(keeper.unsynced.borrow().is_empty());
    }
}
