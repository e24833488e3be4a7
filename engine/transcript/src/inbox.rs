//! What other processes have to say to the one that writes a transcript: a file each, put down whole.
//!
//! A message is written under a name that begins with a dot, synced, and renamed; names sort by time. Who handed it
//! in is the file's owner as the kernel tells it, whatever the message claims. The reader removes a message only
//! when what it says is on disk in the transcript, so after a crash one can come twice: its name tells.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::OFlags;
use serde_json::{Map, Value};

use crate::file::{FileError, create_file, open_or_create_file, sync_directory};
use crate::run_dir::RunDir;

/// Bytes of one message: an answer, a note, a small pasted output.
pub const MESSAGE_BYTES_MAX: u64 = 256 << 10;
/// Messages taken at once; the rest is taken next time.
pub const MESSAGES_MAX: usize = 256;
/// The version of the messages.
const VERSION: u64 = 1;

/// The folder for what is no message.
#[must_use]
pub fn refused_directory(inbox: &Path) -> PathBuf {
    inbox.join("refused")
}

/// What somebody has to say.
#[derive(Debug, Clone, PartialEq)]
pub struct HandIn {
    /// What is to be done: `approve`, `answer`, `note`.
    pub verb: String,
    /// With which step, where it is about one.
    pub step: Option<String>,
    /// Who says it, as claimed; the reader compares it with the owner of the file.
    pub by: String,
    /// Everything else; the names `v`, `verb`, `step` and `by` are taken.
    pub body: Map<String, Value>,
}

/// Makes the name of a message different from all others, and sort by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// When.
    pub ts: Timestamp,
    /// By which process.
    pub pid: u32,
    /// Its how manieth.
    pub counter: u32,
}

/// Hands something in. It is on disk when this returns, and gives the name it has in the inbox.
///
/// # Errors
/// [`FileError`] when it cannot be written, or is larger than [`MESSAGE_BYTES_MAX`].
pub fn hand_in(run: &RunDir, stamp: Stamp, message: &HandIn) -> Result<String, FileError> {
    let inbox = run.inbox();
    let name = format!("{:015}-{:010}-{:06}.json", stamp.ts.as_millisecond().max(0), stamp.pid, stamp.counter);
    let place = inbox.join(&name);
    let mut map = message.body.clone();
    map.insert("v".to_owned(), Value::from(VERSION));
    map.insert("verb".to_owned(), Value::from(message.verb.as_str()));
    map.insert("by".to_owned(), Value::from(message.by.as_str()));
    if let Some(step) = &message.step {
        map.insert("step".to_owned(), Value::from(step.as_str()));
    }
    let mut bytes = serde_json::to_vec(&map).map_err(io::Error::from).map_err(FileError::new("write", &place))?;
    bytes.push(b'\n');
    if bytes.len() as u64 > MESSAGE_BYTES_MAX {
        let error = io::Error::other(format!("it is larger than {MESSAGE_BYTES_MAX} bytes"));
        return Err(FileError::new("write", &place)(error));
    }
    let draft = inbox.join(format!(".{name}"));
    let mut file = create_file(&draft, run.sharing().handed_in_mode())?;
    let handed = file.write_all(&bytes).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&draft, &place));
    if let Err(error) = handed {
        let _ = fs::remove_file(&draft);
        return Err(FileError::new("write", &place)(error));
    }
    sync_directory(&inbox)?;
    Ok(name)
}

/// A message as it was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Its name in the inbox, which nothing else ever has: it tells a message that comes twice.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
    /// Who handed it in, as the kernel tells.
    pub uid: u32,
    /// What it says.
    pub said: HandIn,
}

impl Message {
    /// Removes it; what it says is on disk elsewhere. That it is gone already is fine.
    ///
    /// # Errors
    /// [`FileError`] when it cannot be removed.
    pub fn remove(&self) -> Result<(), FileError> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(FileError::new("remove", &self.path)(error)),
            _ => Ok(()),
        }
    }
}

/// Something in the inbox that is no message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Where it is now: in the folder `refused`, or where it was if it could not be moved.
    pub path: PathBuf,
    /// Why it is none.
    pub why: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} was refused: {}", self.path.display(), self.why)
    }
}

/// What was in the inbox.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Taken {
    /// The messages, oldest first; they stay there until they are removed.
    pub messages: Vec<Message>,
    /// What was none.
    pub refused: Vec<Refused>,
}

/// Looks into the inbox. What is no message is moved to `refused/`, with a file that says why beside it.
///
/// # Errors
/// [`FileError`] when the folder or a message cannot be read.
pub fn take(inbox: &Path) -> Result<Taken, FileError> {
    let mut taken = Taken::default();
    for name in oldest(inbox)? {
        let path = inbox.join(&name);
        match read(&path) {
            Ok(Some((uid, said))) => match name.into_string() {
                Ok(name) => taken.messages.push(Message { name, path, uid, said }),
                Err(name) => taken.refused.push(refuse(inbox, &name, "its name is not text")),
            },
            // Whoever put it there took it back.
            Ok(None) => {}
            Err(Unread::Junk(why)) => taken.refused.push(refuse(inbox, &name, &why)),
            Err(Unread::Failed(error)) => return Err(FileError::new("read", &path)(error)),
        }
    }
    Ok(taken)
}

fn oldest(inbox: &Path) -> Result<BTreeSet<OsString>, FileError> {
    let mut names = BTreeSet::new();
    for item in fs::read_dir(inbox).map_err(FileError::new("read", inbox))? {
        let name = item.map_err(FileError::new("read", inbox))?.file_name();
        if name != "refused" && !name.as_encoded_bytes().starts_with(b".") {
            names.insert(name);
            if names.len() > MESSAGES_MAX {
                names.pop_last();
            }
        }
    }
    Ok(names)
}

enum Unread {
    Junk(String),
    Failed(io::Error),
}

fn read(path: &Path) -> Result<Option<(u32, HandIn)>, Unread> {
    let junk = |why: &str| Unread::Junk(why.to_owned());
    // Neither a link out of the inbox nor a pipe that never ends.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            return Err(junk("it is a symbolic link"));
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Err(junk("it may not be read"));
        }
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error()) => {
            return Err(junk("it is no regular file"));
        }
        Err(error) => return Err(Unread::Failed(error)),
    };
    let metadata = file.metadata().map_err(Unread::Failed)?;
    if !metadata.is_file() {
        return Err(junk("it is no regular file"));
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(junk("others than its owner can write to it"));
    }
    // Somebody else's file, linked here, would speak for them.
    if metadata.nlink() != 1 {
        return Err(junk("it has another name elsewhere"));
    }
    Ok(Some((metadata.uid(), parse(&read_bounded(&file)?)?)))
}

fn read_bounded(file: &File) -> Result<Vec<u8>, Unread> {
    let mut bytes = Vec::new();
    file.take(MESSAGE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(Unread::Failed)?;
    if bytes.len() as u64 > MESSAGE_BYTES_MAX {
        return Err(Unread::Junk(format!("it is larger than {MESSAGE_BYTES_MAX} bytes")));
    }
    Ok(bytes)
}

fn parse(bytes: &[u8]) -> Result<HandIn, Unread> {
    let junk = |why: String| Unread::Junk(why);
    let mut body: Map<String, Value> =
        serde_json::from_slice(bytes).map_err(|error| junk(format!("it is no JSON object: {error}")))?;
    match body.remove("v").as_ref().and_then(Value::as_u64) {
        Some(VERSION) => {}
        Some(other) => return Err(junk(format!("it is of version {other}, this program reads version {VERSION}"))),
        None => return Err(junk("it has no `v`".to_owned())),
    }
    let mut text = |key: &str| match body.remove(key) {
        Some(Value::String(text)) => Ok(Some(text)),
        None => Ok(None),
        Some(_) => Err(junk(format!("its `{key}` is no text"))),
    };
    let verb = text("verb")?.ok_or_else(|| junk("it has no `verb`".to_owned()))?;
    let by = text("by")?.ok_or_else(|| junk("it has no `by`".to_owned()))?;
    let step = text("step")?;
    Ok(HandIn { verb, step, by, body })
}

fn refuse(inbox: &Path, name: &OsString, why: &str) -> Refused {
    let from = inbox.join(name);
    let to = refused_directory(inbox).join(name);
    let path = match fs::rename(&from, &to) {
        Ok(()) => {
            let mut reason = to.clone().into_os_string();
            reason.push(".why");
            // The reason is given back too; without its file nothing is lost.
            let _ = open_or_create_file(Path::new(&reason), 0o600)
                .and_then(|mut file| writeln!(file, "{why}").map_err(FileError::new("write", Path::new(&reason))));
            to
        }
        Err(_) => from,
    };
    Refused { path, why: why.to_owned() }
}
