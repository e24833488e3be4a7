//! One connection a host, shared by all that a run does there.
//!
//! It is a convenience only: whoever finds it gone makes a connection of their own. It ends with the run, and a minute
//! after its last use where the engine was killed.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use runbook_core::run::record::{StartFailure, StartFailureKind};
use runbook_transcript::digest::Digest;
use tokio::sync::Mutex;

use super::link::Link;
use super::session::one_line;
use crate::account::Machine;
use crate::executor::planner::failure;
use crate::process::{self, End};

/// Seconds that a connection nobody uses stays.
const PERSIST: &str = "ControlPersist=60";
/// Time to be connected; ssh itself gives up on a host that does not answer after ten seconds.
const CONNECT_WITHIN: Duration = Duration::from_secs(30);
/// Time to ask one that is there.
const ASK_WITHIN: Duration = Duration::from_secs(5);
/// Bytes of a socket's path: the kernel takes 108, and ssh puts 17 behind it while it makes one.
const SOCKET_BYTES_MAX: usize = 90;
/// Digits of a digest that tell runs, and hosts of a run, apart.
const DIGITS: usize = 10;

/// What ssh says when the connection is there and only cannot be shared.
const UNSHARED: [&str; 4] = ["unix_listener", "ControlSocket", "muxserver", "ControlPath"];

/// The shared connections of a run.
#[derive(Debug)]
pub(crate) struct Masters {
    /// Where their sockets are; nothing where there is no place for them.
    folder: Option<PathBuf>,
    run: String,
    known: RefCell<BTreeMap<String, Rc<Mutex<Option<Link>>>>>,
}

impl Masters {
    /// Makes a keeper of none yet.
    pub(crate) fn new(machine: &Machine, run: &Path) -> Self {
        Self { folder: folder(machine), run: digits(run.to_string_lossy().as_bytes()), known: RefCell::default() }
    }

    /// The way to a host, connected.
    ///
    /// # Errors
    /// [`StartFailure`] when it cannot be reached, or does not let us in: nothing was started there.
    pub(crate) async fn connected(&self, link: &Link, name: &str) -> Result<Link, StartFailure> {
        let Some(folder) = &self.folder else { return Ok(link.clone()) };
        let destination = link.destination();
        let socket = folder.join(format!("{}-{}", self.run, digits(destination.as_bytes())));
        if socket.as_os_str().len() > SOCKET_BYTES_MAX {
            return Ok(link.clone());
        }
        let known = Rc::clone(self.known.borrow_mut().entry(destination).or_default());
        // Held while it is made: who comes second uses it.
        let mut held = known.lock().await;
        let shared = link.through(socket.clone());
        if socket.exists() {
            if ask(&shared, "check").await {
                *held = Some(shared.clone());
                return Ok(shared);
            }
            // Of one that was killed.
            let _removed = fs::remove_file(&socket);
        }
        let mut spec = shared.spec(&["-M", "-N", "-f", "-o", PERSIST], &[]);
        spec.timeout = Some(CONNECT_WITHIN);
        spec.drain = Duration::from_millis(200);
        let unreached = |why: &str| failure(StartFailureKind::Other, format!("host {name} cannot be reached: {why}"));
        let running = process::start(spec).map_err(|error| unreached(&error.to_string()))?;
        let ended = running.wait(|_, _| {}).await;
        let complaint = one_line(&[ended.stderr.head.as_slice(), ended.stderr.tail.as_slice()].concat());
        match ended.end {
            End::Exited(0) => {
                *held = Some(shared.clone());
                Ok(shared)
            }
            End::Exited(_) if UNSHARED.iter().any(|word| complaint.contains(word)) => Ok(link.clone()),
            End::TimedOut => Err(unreached(&format!("it did not answer within {} s", CONNECT_WITHIN.as_secs()))),
            End::Exited(_) if !complaint.is_empty() => Err(unreached(&complaint)),
            End::Exited(code) => Err(unreached(&format!("ssh ended with exit code {code}"))),
            End::Signalled(_) | End::Terminated(_) | End::Lost => Err(unreached("ssh was ended")),
        }
    }

    /// Ends all of them. What still uses one makes a connection of its own.
    pub(crate) async fn close(&self) {
        let known = std::mem::take(&mut *self.known.borrow_mut());
        for held in known.into_values() {
            if let Some(link) = held.lock().await.take() {
                ask(&link, "exit").await;
                // It answers first and clears up after that: a moment in which its folder could not be removed.
                if let Some(socket) = link.socket() {
                    let _cleared = fs::remove_file(socket);
                }
            }
        }
        if let Some(folder) = &self.folder {
            // Another run may have its own in it.
            let _busy = fs::remove_dir(folder);
        }
    }
}

/// Asks a shared connection something; says whether it answered.
async fn ask(link: &Link, word: &str) -> bool {
    let mut spec = link.spec(&["-O", word], &[]);
    spec.timeout = Some(ASK_WITHIN);
    let Ok(running) = process::start(spec) else { return false };
    running.wait(|_, _| {}).await.end == End::Exited(0)
}

/// A folder that is this account's alone.
fn folder(machine: &Machine) -> Option<PathBuf> {
    let uid = machine.account.uid;
    let places = ["XDG_RUNTIME_DIR", "TMPDIR"].into_iter().filter_map(|name| machine.variable(name));
    let mut places = places.map(PathBuf::from).chain([PathBuf::from("/tmp")]);
    places.find_map(|place| {
        let folder = place.is_absolute().then(|| place.join(format!("runbook-ssh-{uid}")))?;
        let _there = DirBuilder::new().mode(0o700).create(&folder);
        let found = fs::symlink_metadata(&folder).ok()?;
        // Nobody but this account has a right to it.
        (found.is_dir() && found.uid() == uid && found.mode().trailing_zeros() >= 6).then_some(folder)
    })
}

fn digits(bytes: &[u8]) -> String {
    Digest::of(bytes).to_hex().chars().take(DIGITS).collect()
}
