//! Whether a service's process is there: it holds a lock on its pid file for as long as it lives.
//!
//! A pid alone can be someone else's by now. The kernel lets go of the lock when the process is gone, however it went, and
//! keeps it for one that is only stopped.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::lab::{Service, Site, SiteError};

/// Held by a service while it lives.
#[derive(Debug)]
pub struct Presence {
    _file: File,
}

impl Presence {
    /// Takes the service's place, and writes the pid of this process into its file; waits while another process is the service.
    ///
    /// # Errors
    /// [`SiteError::Io`] when the file cannot be locked or written.
    pub fn take(site: &Site, service: Service) -> Result<Self, SiteError> {
        let path = site.presence_file(service);
        let held = || -> io::Result<File> {
            let mut file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path)?;
            lock_in_turn(&file)?;
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())?;
            Ok(file)
        };
        Ok(Self { _file: held().map_err(|e| SiteError::io(&path, e))? })
    }
}

/// A service's process that is there, running or stopped.
#[derive(Debug)]
pub struct Running {
    pid: Pid,
    handle: OwnedFd,
}

impl Running {
    /// Looks whether a service's process is there.
    ///
    /// # Errors
    /// [`SiteError`] when the pid file cannot be read or holds no pid.
    pub fn look(site: &Site, service: Service) -> Result<Option<Self>, SiteError> {
        let path = site.presence_file(service);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(SiteError::io(&path, e)),
        };
        if !is_held(&file).map_err(|e| SiteError::io(&path, e))? {
            return Ok(None);
        }
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(|e| SiteError::io(&path, e))?;
        let pid = text.trim().parse().ok().and_then(Pid::from_raw);
        let Some(pid) = pid else {
            return Err(SiteError::Malformed { path, why: format!("no pid: {text:?}") });
        };
        let handle = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(handle) => handle,
            Err(Errno::SRCH) => return Ok(None),
            Err(e) => return Err(SiteError::io(&path, e.into())),
        };
        // Still held after the handle was opened: the handle is the holder's, not that of a process which got its pid since.
        let still = is_held(&file).map_err(|e| SiteError::io(&path, e))?;
        Ok(still.then_some(Self { pid, handle }))
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// Sends it a signal; one that has gone since is no error.
    ///
    /// # Errors
    /// What the operating system says when the process is not ours to signal.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        match pidfd_send_signal(&self.handle, signal) {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }

    /// Waits until it is gone, for at most `limit`; says whether it is.
    ///
    /// # Errors
    /// What the operating system says when it cannot be waited for.
    pub fn wait_gone(&self, limit: Duration) -> io::Result<bool> {
        let deadline = Instant::now() + limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let mut watched = [PollFd::new(&self.handle, PollFlags::IN)];
            match poll(&mut watched, Some(&timespec(left))) {
                Ok(0) => return Ok(false),
                Ok(_) => return Ok(true),
                Err(Errno::INTR) => {}
                Err(e) => return Err(e.into()),
            }
        }
    }
}

/// A duration as the operating system takes it; one too long to say is the longest it takes.
pub(crate) fn timespec(duration: Duration) -> Timespec {
    Timespec::try_from(duration).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 })
}

/// Takes a lock for this process alone, however long that takes.
///
/// # Errors
/// What the operating system says when the file cannot be locked at all.
pub(crate) fn lock_in_turn(file: &File) -> io::Result<()> {
    loop {
        match flock(file, FlockOperation::LockExclusive) {
            Err(Errno::INTR) => {}
            done => return Ok(done?),
        }
    }
}

fn is_held(file: &File) -> io::Result<bool> {
    // A shared lock, so that two lookers are not in each other's way; let go again at once.
    match flock(file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => {
            flock(file, FlockOperation::Unlock)?;
            Ok(false)
        }
        Err(Errno::WOULDBLOCK) => Ok(true),
        Err(e) => Err(e.into()),
    }
}
