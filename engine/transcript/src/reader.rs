//! Reads a transcript entry by entry, and believes no line it has not checked.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use crate::digest::Digest;
use crate::entry::{Entry, LINE_BYTES_MAX};
use crate::file::FileError;
use crate::run_id::RunId;
use crate::wire::entry_v1::{self, NotAnEntry};

/// Bytes read at a time.
const BUFFER_BYTES: usize = 128 << 10;

/// Why reading stopped.
#[derive(Debug)]
pub enum ReadError {
    /// The file ends within a line: its writer was interrupted. All before is sound.
    Torn {
        /// The number the entry would have had.
        n: u64,
        /// Where the torn line begins, in bytes from the start of the file.
        at: u64,
        /// How many bytes of it are there.
        bytes: u64,
    },
    /// A line is not what it should be.
    Broken {
        /// The number of the entry, counted.
        n: u64,
        /// Where its line begins, in bytes from the start of the file.
        at: u64,
        /// What is wrong with it.
        why: Why,
    },
    /// The file cannot be opened or read.
    File(FileError),
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// It is no entry, or not in canonical form.
    Line(NotAnEntry),
    /// It is longer than [`LINE_BYTES_MAX`].
    TooLong,
    /// Its number is not the next.
    Number {
        /// The number it bears.
        found: u64,
    },
    /// It does not follow the line before.
    Prev {
        /// The digest it says the line before has.
        found: Digest,
        /// The digest the line before has.
        wanted: Digest,
    },
    /// It belongs to another run.
    Run {
        /// The run it says it belongs to.
        found: RunId,
        /// The run of this transcript.
        wanted: RunId,
    },
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(why) => why.fmt(f),
            Self::TooLong => write!(f, "the line is longer than {LINE_BYTES_MAX} bytes"),
            Self::Number { found } => write!(f, "it says it is entry {found}"),
            Self::Prev { found, wanted } => {
                write!(f, "it follows a line with sha256 {found}, but the one before it has {wanted}")
            }
            Self::Run { found, wanted } => write!(f, "it belongs to run {found}, not to {wanted}"),
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Torn { n, at, bytes } => {
                write!(f, "entry {n} is torn: {bytes} bytes from byte {at} on, and no line end")
            }
            Self::Broken { n, at, why } => write!(f, "broken at entry {n} (byte {at}): {why}"),
            Self::File(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File(error) => error.source(),
            Self::Torn { .. } | Self::Broken { .. } => None,
        }
    }
}

/// Gives the entries of a transcript in order, each checked: its bytes, its number, its run, the line it follows.
///
/// It holds one line at a time. After an error it gives nothing more.
#[derive(Debug)]
pub struct Reader<R> {
    source: R,
    path: PathBuf,
    line: Vec<u8>,
    again: Vec<u8>,
    run: Option<RunId>,
    count: u64,
    head: Digest,
    offset: u64,
    stopped: bool,
    failed: bool,
}

impl Reader<BufReader<File>> {
    /// Opens a transcript. With `run`, its entries must belong to that one; without, to the run of the first.
    ///
    /// # Errors
    /// [`FileError`] when it cannot be opened.
    pub fn open(path: &Path, run: Option<RunId>) -> Result<Self, FileError> {
        let file = File::open(path).map_err(FileError::new("open", path))?;
        Ok(Reader::new(BufReader::with_capacity(BUFFER_BYTES, file), path, run))
    }
}

impl<R: BufRead> Reader<R> {
    /// Reads from anything; `path` is for messages.
    pub fn new(source: R, path: &Path, run: Option<RunId>) -> Self {
        Self {
            source,
            path: path.to_owned(),
            line: Vec::new(),
            again: Vec::new(),
            run,
            count: 0,
            head: Digest::ZERO,
            offset: 0,
            stopped: false,
            failed: false,
        }
    }

    /// How many entries were read and found sound.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.count
    }

    /// The digest of the last line that was read and found sound.
    #[must_use]
    pub fn head(&self) -> Digest {
        self.head
    }

    /// Bytes of all lines that were read and found sound.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Lets it look for entries again after it gave none: a source may have grown. After an error it stays where it is.
    pub fn go_on(&mut self) {
        self.stopped = self.failed;
    }

    fn read_entry(&mut self) -> Result<Option<Entry>, ReadError> {
        self.line.clear();
        let read = read_line(&mut self.source, &mut self.line);
        let (n, at) = (self.count, self.offset);
        match read.map_err(|error| ReadError::File(FileError::new("read", &self.path)(error)))? {
            Line::None => return Ok(None),
            Line::Torn(bytes) => return Err(ReadError::Torn { n, at, bytes }),
            Line::TooLong => return Err(ReadError::Broken { n, at, why: Why::TooLong }),
            Line::Whole => {}
        }
        let entry = self.check_line().map_err(|why| ReadError::Broken { n, at, why })?;
        self.count += 1;
        self.head = Digest::of(&self.line);
        self.offset += self.line.len() as u64;
        Ok(Some(entry))
    }

    fn check_line(&mut self) -> Result<Entry, Why> {
        let mut entry = entry_v1::decode(&self.line, &mut self.again).map_err(Why::Line)?;
        match &self.run {
            Some(wanted) if *wanted == entry.run => entry.run = wanted.clone(),
            Some(wanted) => return Err(Why::Run { found: entry.run, wanted: wanted.clone() }),
            None => self.run = Some(entry.run.clone()),
        }
        if entry.n != self.count {
            return Err(Why::Number { found: entry.n });
        }
        if entry.prev != self.head {
            return Err(Why::Prev { found: entry.prev, wanted: self.head });
        }
        Ok(entry)
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Entry, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.stopped {
            return None;
        }
        let next = self.read_entry().transpose();
        self.stopped = !matches!(next, Some(Ok(_)));
        self.failed = matches!(next, Some(Err(_)));
        next
    }
}

enum Line {
    None,
    Whole,
    Torn(u64),
    TooLong,
}

/// Reads to the next LF, keeping at most [`LINE_BYTES_MAX`] bytes. A line too long is read on to tell whether it
/// ends at all: after a power cut a file may end in any number of zeros.
fn read_line(source: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Line> {
    let mut bytes = 0_u64;
    loop {
        let available = match source.fill_buf() {
            Ok(available) => available,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if available.is_empty() {
            return Ok(if bytes == 0 { Line::None } else { Line::Torn(bytes) });
        }
        let end = available.iter().position(|&byte| byte == b'\n');
        let piece = end.and_then(|end| available.get(..=end)).unwrap_or(available);
        let length = piece.len();
        bytes += length as u64;
        let fits = bytes <= LINE_BYTES_MAX as u64;
        if fits {
            line.extend_from_slice(piece);
        }
        source.consume(length);
        match (end, fits) {
            (Some(_), true) => return Ok(Line::Whole),
            (Some(_), false) => return Ok(Line::TooLong),
            (None, _) => {}
        }
    }
}
