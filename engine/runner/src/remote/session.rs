//! One ssh: what goes in, what comes out, and its end.

use std::cell::RefCell;
use std::fs::File;
use std::future::{Future, poll_fn};
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::net::unix::pipe;

use super::link::Link;
use super::shell::BOOTSTRAP;
use crate::process::{self, Ended, SpawnError, Stdin, Stream, open_regular};

/// Bytes of complaints that are kept: the last ones say why.
const COMPLAINT_BYTES_MAX: usize = 2 << 10;
/// Bytes read at once of a file that is sent.
const CHUNK_BYTES: usize = 64 << 10;
/// From TERM to KILL of an ssh.
const GRACE: Duration = Duration::from_secs(1);
/// Time for its pipes to close: what it leaves behind, a shared connection, may hold them.
const DRAIN: Duration = Duration::from_millis(200);

/// What came.
#[derive(Debug)]
pub(super) enum Came {
    /// Bytes of the far side's standard output.
    Bytes(Vec<u8>),
    /// It has ended; nothing more comes.
    Over,
}

/// A connection in use. Dropped, its ssh is ended; what runs on the far side goes on.
pub(crate) struct Session {
    ended: Option<Pin<Box<dyn Future<Output = Ended>>>>,
    arrived: Rc<RefCell<Arrived>>,
    feeder: Feeder,
}

/// What came and was not taken yet: what the runtime reads in one turn, some megabytes at most.
#[derive(Debug, Default)]
struct Arrived {
    out: Vec<u8>,
    complaint: Vec<u8>,
}

impl Arrived {
    fn take(&mut self, stream: Stream, bytes: &[u8]) {
        match stream {
            Stream::Stdout => self.out.extend_from_slice(bytes),
            Stream::Stderr => {
                self.complaint.extend_from_slice(bytes);
                let surplus = self.complaint.len().saturating_sub(COMPLAINT_BYTES_MAX);
                self.complaint.drain(..surplus);
            }
        }
    }
}

impl Session {
    /// Starts an ssh, and sends this first.
    pub(super) fn open(link: &Link, payload: Vec<u8>) -> Result<Self, SpawnError> {
        let mut spec = link.spec(&[], &[BOOTSTRAP]);
        let other = |error| SpawnError::Other { program: spec.program.clone(), error };
        let (reader, writer) = io::pipe().map_err(other)?;
        let writer = pipe::Sender::from_owned_fd(OwnedFd::from(writer)).map_err(other)?;
        spec.stdin = Stdin::Pipe(Arc::new(OwnedFd::from(reader)));
        (spec.grace, spec.drain) = (GRACE, DRAIN);
        let running = process::start(spec)?;
        let arrived = Rc::new(RefCell::new(Arrived::default()));
        let into = Rc::clone(&arrived);
        let ended = running.wait(move |stream, bytes| into.borrow_mut().take(stream, bytes));
        let feeder = Feeder { pipe: Some(writer), rest: payload, file: None, close: false };
        let mut session = Self { ended: Some(Box::pin(ended)), arrived, feeder };
        session.feeder.write();
        Ok(session)
    }

    /// Sends more.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        self.feeder.rest.extend_from_slice(bytes);
        self.feeder.write();
    }

    /// Sends a file behind that.
    ///
    /// # Errors
    /// What the system says when it cannot be read.
    pub(super) fn send_file(&mut self, path: &Path) -> io::Result<()> {
        self.feeder.file = Some(open_regular(path)?);
        self.feeder.write();
        Ok(())
    }

    /// Closes its input once all of it went.
    pub(super) fn send_no_more(&mut self) {
        self.feeder.close = true;
        self.feeder.write();
    }

    /// Waits for what comes next. Dropped while it waits, it loses nothing.
    pub(super) async fn next(&mut self) -> Came {
        loop {
            let bytes = std::mem::take(&mut self.arrived.borrow_mut().out);
            if !bytes.is_empty() {
                return Came::Bytes(bytes);
            }
            let Some(ended) = &mut self.ended else { return Came::Over };
            let arrived = &self.arrived;
            let over = poll_fn(|context| match ended.as_mut().poll(context) {
                Poll::Ready(_ended) => Poll::Ready(true),
                Poll::Pending if arrived.borrow().out.is_empty() => Poll::Pending,
                Poll::Pending => Poll::Ready(false),
            });
            let over = tokio::select! {
                biased;
                over = over => over,
                () = self.feeder.writable() => {
                    self.feeder.write();
                    false
                }
            };
            if over {
                self.ended = None;
            }
        }
    }

    /// What ssh itself said last, on one line.
    pub(super) fn complaint(&self) -> String {
        one_line(&self.arrived.borrow().complaint)
    }
}

/// The last three lines of a complaint, on one.
pub(super) fn one_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.get(lines.len().saturating_sub(3)..).unwrap_or_default().join("; ")
}

/// Our end of what it reads, and what has still to be written.
struct Feeder {
    pipe: Option<pipe::Sender>,
    rest: Vec<u8>,
    file: Option<File>,
    close: bool,
}

impl Feeder {
    async fn writable(&self) {
        match &self.pipe {
            Some(pipe) if !self.rest.is_empty() => {
                let _ready = pipe.writable().await;
            }
            _ => std::future::pending().await,
        }
    }

    fn write(&mut self) {
        loop {
            if self.rest.is_empty() {
                self.read_on();
            }
            let Some(pipe) = self.pipe.as_ref() else { return };
            if self.rest.is_empty() {
                if self.close {
                    self.pipe = None;
                }
                return;
            }
            match pipe.try_write(&self.rest) {
                Ok(count) => drop(self.rest.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // It has ended, and says so elsewhere.
                Err(_) => self.pipe = None,
            }
        }
    }

    /// The next piece of the file. One that breaks off closes the pipe: the far side counts, and starts nothing.
    fn read_on(&mut self) {
        let Some(file) = &mut self.file else { return };
        let mut piece = vec![0; CHUNK_BYTES];
        match file.read(&mut piece) {
            Ok(0) => self.file = None,
            Ok(count) => {
                piece.truncate(count);
                self.rest = piece;
            }
            Err(_) => (self.file, self.pipe) = (None, None),
        }
    }
}
