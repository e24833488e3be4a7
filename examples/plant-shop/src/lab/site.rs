//! The lab's folder: where each service keeps what, so that every process of the lab finds the others.

use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::dns::Server;

/// The file that says that a folder is a lab's.
const MARKER: &str = "lab.json";

/// What a new lab clears away of an earlier one in the same folder; the store of transcripts stays.
const OWN_FILES: [&str; 8] = ["bin", "log", "run", "zones", "session.txt", "session.raw", "log.md", MARKER];

/// One process of the lab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// A name server.
    Dns(Server),
    /// What clients query, and what forwards to the active server.
    Switch,
    /// The job that copies the zone to a server.
    ZoneSync(Server),
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(server) => write!(f, "{server}"),
            Self::Switch => write!(f, "switch"),
            Self::ZoneSync(server) => write!(f, "zone-sync-{server}"),
        }
    }
}

/// Where a service listens, all on loopback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Where it answers DNS, by UDP and by TCP.
    pub dns: SocketAddr,
    /// Where it takes lines of the control protocol, by TCP.
    pub control: SocketAddr,
}

/// The folder of one lab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    dir: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Marker {
    version: u32,
    what: String,
}

impl Site {
    /// Makes a folder a lab's, and clears away what an earlier lab left in it.
    ///
    /// # Errors
    /// [`SiteError::NotEmpty`] when the folder holds something that is no lab's, [`SiteError::Io`] when it cannot be written.
    pub fn create(dir: &Path) -> Result<Self, SiteError> {
        fs::create_dir_all(dir).map_err(|e| SiteError::io(dir, e))?;
        let dir = dir.canonicalize().map_err(|e| SiteError::io(dir, e))?;
        let marker = dir.join(MARKER);
        if !marker.exists() && fs::read_dir(&dir).map_err(|e| SiteError::io(&dir, e))?.next().is_some() {
            return Err(SiteError::NotEmpty { dir });
        }
        for name in OWN_FILES {
            remove(&dir.join(name))?;
        }
        let site = Self { dir };
        for folder in [site.bin_dir(), site.log_dir(), site.dir.join("run"), site.dir.join("zones")] {
            fs::create_dir(&folder).map_err(|e| SiteError::io(&folder, e))?;
        }
        write_json(&marker, &Marker { version: 1, what: "a plant shop's lab".to_owned() })?;
        Ok(site)
    }

    /// Opens the folder of a lab that is there.
    ///
    /// # Errors
    /// [`SiteError::NoLab`] when the folder is not a lab's.
    pub fn open(dir: &Path) -> Result<Self, SiteError> {
        if dir.join(MARKER).is_file() {
            Ok(Self { dir: dir.to_owned() })
        } else {
            Err(SiteError::NoLab { dir: dir.to_owned() })
        }
    }

    /// The folder itself, absolute.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The folder of programs that an operator has on PATH.
    #[must_use]
    pub fn bin_dir(&self) -> PathBuf {
        self.dir.join("bin")
    }

    /// The folder of the services' logs.
    #[must_use]
    pub fn log_dir(&self) -> PathBuf {
        self.dir.join("log")
    }

    /// The log of one service.
    #[must_use]
    pub fn log_file(&self, service: Service) -> PathBuf {
        self.log_dir().join(format!("{service}.log"))
    }

    /// The zone as it should be, which the zone sync copies from.
    #[must_use]
    pub fn master_zone(&self) -> PathBuf {
        self.dir.join("zones/master.zone")
    }

    /// The zone file a server answers from.
    #[must_use]
    pub fn zone_file(&self, server: Server) -> PathBuf {
        self.dir.join(format!("zones/{server}.zone"))
    }

    /// The lock that the zone sync holds while it writes a server's zone.
    #[must_use]
    pub fn zone_lock(&self, server: Server) -> PathBuf {
        self.dir.join(format!("zones/{server}.lock"))
    }

    /// The lock that a service holds for as long as it lives.
    #[must_use]
    pub fn presence_file(&self, service: Service) -> PathBuf {
        self.dir.join(format!("run/{service}.pid"))
    }

    /// The file in which the switch keeps which server is active.
    #[must_use]
    pub fn active_file(&self) -> PathBuf {
        self.dir.join("run/active")
    }

    /// Reads where a service listens, or listened when it last started.
    ///
    /// # Errors
    /// [`SiteError::Io`] when the service never started, [`SiteError::Malformed`] when the file is not an address.
    pub fn address(&self, service: Service) -> Result<Address, SiteError> {
        let path = self.address_file(service);
        let text = fs::read_to_string(&path).map_err(|e| SiteError::io(&path, e))?;
        serde_json::from_str(&text).map_err(|e| SiteError::Malformed { path, why: e.to_string() })
    }

    /// Writes where a service listens; readers see the old file or the new one, never half of one.
    ///
    /// # Errors
    /// [`SiteError::Io`] when the file cannot be written.
    pub fn publish(&self, service: Service, address: Address) -> Result<(), SiteError> {
        write_json(&self.address_file(service), &address)
    }

    fn address_file(&self, service: Service) -> PathBuf {
        self.dir.join(format!("run/{service}.json"))
    }
}

/// Replaces a file in one step, on disk when it returns.
///
/// # Errors
/// Whatever the operating system says when the folder cannot be written.
pub(crate) fn replace_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let mut file = fs::File::create(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)
}

fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), SiteError> {
    let text =
        serde_json::to_string(value).map_err(|e| SiteError::Malformed { path: path.to_owned(), why: e.to_string() })?;
    replace_file(path, format!("{text}\n").as_bytes()).map_err(|e| SiteError::io(path, e))
}

fn remove(path: &Path) -> Result<(), SiteError> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(SiteError::io(path, e)),
    };
    let removed = if found.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    removed.map_err(|e| SiteError::io(path, e))
}

/// Why the lab's folder cannot be used.
#[derive(Debug)]
pub enum SiteError {
    /// The folder is not a lab's.
    NoLab {
        /// The folder looked at.
        dir: PathBuf,
    },
    /// The folder for a new lab holds something else.
    NotEmpty {
        /// The folder looked at.
        dir: PathBuf,
    },
    /// A file of the lab is not what it should be.
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The operating system refused.
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

impl SiteError {
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }
}

impl fmt::Display for SiteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoLab { dir } => write!(f, "no lab in {}: it has no {MARKER}", dir.display()),
            Self::NotEmpty { dir } => {
                write!(f, "{} is not empty and is no lab's: give a new folder", dir.display())
            }
            Self::Malformed { path, why } => write!(f, "{}: {why}", path.display()),
            Self::Io { path, source } => write!(f, "{}: {source}", path.display()),
        }
    }
}

impl std::error::Error for SiteError {}
