//! The zone sync: the job that copies the zone to a server, under a lock, so that the server does not stop in the middle.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::dns::Server;
use crate::lab::{LogFile, Service, Site, lock_in_turn, replace_file};

/// One sync of one server's zone.
#[derive(Clone, Debug)]
pub struct Sync {
    /// The server whose zone is written.
    pub server: Server,
    /// Where the zone is read from; a pipe that nobody writes to makes the sync hang, with the lock held.
    pub from: PathBuf,
    /// How long after its start the sync is due.
    pub due_in: Duration,
}

/// Runs the sync; `ready` is called when it waits for its time, or, when it is due at once, holds the lock.
///
/// # Errors
/// What the operating system says when the lock cannot be had, or the zone not be read or written.
pub fn run(site: &Site, sync: &Sync, ready: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let server = sync.server;
    let log = LogFile::of(site, Service::ZoneSync(server));
    let lock = OpenOptions::new().create(true).truncate(false).write(true).open(site.zone_lock(server))?;
    if sync.due_in.is_zero() {
        lock_in_turn(&lock)?;
        ready()?;
    } else {
        log.info(format_args!("due in {} ms", sync.due_in.as_millis()));
        ready()?;
        // A job that is due at a time of its own: nothing to wait for but the time.
        std::thread::sleep(sync.due_in);
        lock_in_turn(&lock)?;
    }
    log.info(format_args!("reading the zone from {}", sync.from.display()));
    let zone = fs::read(&sync.from)?;
    replace_file(&site.zone_file(server), &zone)?;
    log.info(format_args!("wrote the zone of {server}, {} bytes", zone.len()));
    Ok(())
}
