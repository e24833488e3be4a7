//! One sitting at a terminal, from the command typed to its end.

use std::fmt;
use std::io::{self, Read as _, Write};
use std::num::NonZeroU16;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pty_process::Size;
use pty_process::blocking::{self, Pty};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::lab::timespec;
use crate::person::{Rule, Screen, session};

/// The rows of the terminal.
pub const ROWS: NonZeroU16 = NonZeroU16::new(40).unwrap();

/// The columns of the terminal.
pub const COLUMNS: NonZeroU16 = NonZeroU16::new(100).unwrap();

/// How long nothing new must come before a prompt counts as read: a prompt may arrive in pieces.
const QUIET: Duration = Duration::from_millis(40);

/// How long one look at the terminal waits when nothing comes.
const LOOK: Duration = Duration::from_millis(100);

/// How long a command may take to end after Ctrl-C.
const AFTER_CTRL_C: Duration = Duration::from_secs(10);

/// How often one sitting answers: more is a program that asks for ever.
const ANSWERS_MAX: usize = 100;

/// A person at a terminal with one command running on it; dropped, everything that command started is ended.
pub struct Person {
    child: Child,
    leader: Pid,
    ended: OwnedFd,
    // None once the person has hung up.
    pty: Option<Pty>,
    closed: bool,
    screen: Screen,
    raw: Vec<u8>,
    mirror: Option<Box<dyn Write + Send>>,
    // Up to where `expect` has read, in bytes of what was heard.
    read: usize,
}

impl Person {
    /// Starts a command on a terminal of its own, 100 columns by 40 rows; `mirror` gets a copy of all it writes.
    ///
    /// # Errors
    /// [`PersonError::Terminal`] when there is no terminal to be had or the command cannot be started.
    pub fn sit_down(command: Command, mirror: Option<Box<dyn Write + Send>>) -> Result<Self, PersonError> {
        Self::sit_down_at((ROWS, COLUMNS), command, mirror)
    }

    /// As [`Self::sit_down`], at a terminal of so many rows and columns.
    ///
    /// # Errors
    /// As there.
    pub fn sit_down_at(
        (rows, columns): (NonZeroU16, NonZeroU16),
        command: Command,
        mirror: Option<Box<dyn Write + Send>>,
    ) -> Result<Self, PersonError> {
        let program = command.get_program().to_string_lossy().into_owned();
        let start = || -> io::Result<_> {
            let (pty, pts) = blocking::open().map_err(io::Error::other)?;
            pty.resize(Size::new(rows.get(), columns.get())).map_err(io::Error::other)?;
            let child = blocking::Command::from(command).spawn(pts).map_err(io::Error::other)?;
            let leader = Pid::from_child(&child);
            let ended = pidfd_open(leader, PidfdFlags::empty())?;
            Ok((child, leader, ended, pty))
        };
        let (child, leader, ended, pty) = start().map_err(|source| PersonError::Terminal { program, source })?;
        let screen = Screen::new(rows, columns);
        Ok(Self { child, leader, ended, pty: Some(pty), closed: false, screen, raw: Vec::new(), mirror, read: 0 })
    }

    /// The process id of the command.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.leader
    }

    /// The screen, as far as it was read.
    #[must_use]
    pub fn screen(&self) -> &Screen {
        &self.screen
    }

    /// The whole page as it stands at the end, without escapes; what was drawn over is not there.
    #[must_use]
    pub fn page(&mut self) -> String {
        self.screen.page()
    }

    /// Every byte that was written to the terminal.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// Reads on until `text` has been printed, after what earlier calls found; escapes do not count.
    ///
    /// # Errors
    /// [`PersonError::NotSeen`] when the command ended or `limit` passed before, with what was printed instead.
    pub fn expect(&mut self, text: &str, limit: Duration) -> Result<(), PersonError> {
        let deadline = Instant::now() + limit;
        loop {
            let unread = self.screen.heard().get(self.read..).unwrap_or_default();
            if let Some(at) = unread.find(text) {
                self.read += at + text.len();
                return Ok(());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if self.closed || left.is_zero() {
                return Err(PersonError::NotSeen { text: text.to_owned(), instead: unread.to_owned() });
            }
            self.look(left.min(LOOK))?;
        }
    }

    /// Types keys, as they are: `"y"`, `"because\r"`, `"\u{3}"` for Ctrl-C.
    ///
    /// # Errors
    /// [`PersonError::Terminal`] when the terminal is gone.
    pub fn type_keys(&mut self, keys: &str) -> Result<(), PersonError> {
        let typed = self.pty.as_mut().map_or(Ok(()), |pty| pty.write_all(keys.as_bytes()));
        typed.map_err(|source| self.broken(source))
    }

    /// Closes the terminal, as a lost connection does: the kernel sends SIGHUP, and nothing can be written any more.
    pub fn hang_up(&mut self) {
        self.pty = None;
        self.closed = true;
    }

    /// Reads on until the command ends.
    ///
    /// # Errors
    /// [`PersonError::TooLong`] when it does not within `limit`.
    pub fn wait(&mut self, limit: Duration) -> Result<ExitStatus, PersonError> {
        self.attend(&[], limit, &AtomicBool::new(false))
    }

    /// Reads on until the command ends, and answers each prompt by the first rule that fits, once. When `interrupted` becomes
    /// true the person presses Ctrl-C, and waits a little more for the end.
    ///
    /// # Errors
    /// [`PersonError::TooLong`] when it does not end within `limit`, with the prompt that it stands at.
    pub fn attend(
        &mut self,
        rules: &[Rule],
        limit: Duration,
        interrupted: &AtomicBool,
    ) -> Result<ExitStatus, PersonError> {
        let mut deadline = Instant::now() + limit;
        let mut pressed = false;
        let mut answered = Vec::new();
        let mut since = 0;
        loop {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            if Instant::now() >= deadline {
                return Err(PersonError::TooLong { limit, prompt: self.screen.prompt().1 });
            }
            if interrupted.load(Ordering::Relaxed) && !pressed {
                pressed = true;
                deadline = Instant::now() + AFTER_CTRL_C;
                self.type_keys("\u{3}")?;
            }
            let wrote = self.look(LOOK)?;
            if wrote {
                self.look_until_quiet()?;
            }
            let (place, prompt) = self.screen.prompt();
            if pressed || answered.len() >= ANSWERS_MAX {
                continue;
            }
            let printed = self.screen.heard().get(since..).unwrap_or_default();
            // A prompt drawn again in its row, say with a countdown, is the prompt answered before; another question there,
            // say for the reason of a no, is another prompt.
            let question = prompt.split(['[', '(']).next().unwrap_or_default().trim().to_owned();
            let known = answered.iter().any(|(row, asked)| *row == place && *asked == question);
            let keys = rules.iter().find_map(|rule| rule.keys(&prompt, printed)).map(str::to_owned);
            if let Some(keys) = keys.filter(|_| !known) {
                answered.push((place, question));
                since = self.screen.heard().len();
                self.type_keys(&keys)?;
            }
        }
    }

    /// Reads what comes within `limit`; whether anything did.
    fn look(&mut self, limit: Duration) -> Result<bool, PersonError> {
        let Some(pty) = self.pty.as_mut().filter(|_| !self.closed) else {
            // Nothing more can be read; the command itself may go on for a moment.
            let _ended = poll(&mut [PollFd::new(&self.ended, PollFlags::IN)], Some(&timespec(limit)));
            return Ok(false);
        };
        let mut watched = [PollFd::new(&*pty, PollFlags::IN), PollFd::new(&self.ended, PollFlags::IN)];
        match poll(&mut watched, Some(&timespec(limit))) {
            Ok(0) | Err(Errno::INTR) => return Ok(false),
            Ok(_) => {}
            Err(e) => return Err(self.broken(e.into())),
        }
        let [written, _] = watched;
        if written.revents().is_empty() {
            // The command ended, and all it wrote was read.
            return Ok(false);
        }
        let mut piece = [0; 8192];
        match pty.read(&mut piece) {
            // A terminal that nobody has open any more reads as an error, not as an end.
            Ok(0) => self.closed = true,
            Err(e) if e.raw_os_error() == Some(Errno::IO.raw_os_error()) => self.closed = true,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(self.broken(e)),
            Ok(count) => {
                let bytes = piece.get(..count).unwrap_or_default();
                self.screen.feed(bytes);
                self.raw.extend_from_slice(bytes);
                if let Some(mirror) = &mut self.mirror {
                    let _nobody_reads = mirror.write_all(bytes).and_then(|()| mirror.flush());
                }
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn look_until_quiet(&mut self) -> Result<(), PersonError> {
        // Not for ever: a program that never stops drawing is looked at all the same.
        let deadline = Instant::now() + 5 * QUIET;
        while Instant::now() < deadline && self.look(QUIET)? {}
        Ok(())
    }

    /// How the command ended, once it has and everything it wrote was read.
    fn ended(&mut self) -> Result<Option<ExitStatus>, PersonError> {
        let status = self.child.try_wait().map_err(|source| self.broken(source))?;
        if status.is_some() {
            while self.look(Duration::ZERO)? {}
        }
        Ok(status)
    }

    fn broken(&self, source: io::Error) -> PersonError {
        PersonError::Terminal { program: format!("process {}", self.leader.as_raw_nonzero()), source }
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        let _none_left = session::end(self.leader);
        let _waited_before = self.child.wait();
    }
}

/// Why a sitting did not go as it should.
#[derive(Debug)]
pub enum PersonError {
    /// The terminal, or the command on it, cannot be had.
    Terminal {
        /// The command.
        program: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// A text that should have been printed was not.
    NotSeen {
        /// The text.
        text: String,
        /// What was printed and not yet read.
        instead: String,
    },
    /// The command did not end in time.
    TooLong {
        /// How long it had.
        limit: Duration,
        /// The line it stands at.
        prompt: String,
    },
}

impl fmt::Display for PersonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Terminal { program, source } => write!(f, "{program}: {source}"),
            Self::NotSeen { text, instead } => write!(f, "{text:?} was not printed, but:\n{instead}"),
            Self::TooLong { limit, prompt } => {
                write!(f, "not ended after {} s; the screen stands at: {}", limit.as_secs(), prompt.trim_end())
            }
        }
    }
}

impl std::error::Error for PersonError {}
