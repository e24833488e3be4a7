//! The lab itself: the shop's services running in a folder, the faults done to them, and the end of them all.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::process::Signal;

use crate::dns::{self, Answer, QueryError, Server, ToolError, Transport, ZONE};
use crate::lab::keeper::Keeper;
use crate::lab::{BuildError, Fault, Programs, Running, Service, Site, SiteError, StartError};

/// How long the lab itself waits for an answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// A plant shop that runs; dropped, it ends every process it started.
pub struct Lab {
    // Fields are dropped in this order: the folder is free for another lab only when no process uses it.
    keeper: Keeper,
    site: Site,
    programs: Programs,
    _folder: File,
}

impl Lab {
    /// Starts the shop in a folder, healthy, with dns1 active, and returns when every service answers.
    ///
    /// # Errors
    /// [`LabError::Taken`] when another lab runs there, else what kept a service from starting.
    pub fn start(dir: &Path) -> Result<Self, LabError> {
        Self::start_with(dir, Programs::find().map_err(LabError::Programs)?)
    }

    /// As [`Lab::start`], with programs that are built already.
    ///
    /// # Errors
    /// As [`Lab::start`].
    pub fn start_with(dir: &Path, programs: Programs) -> Result<Self, LabError> {
        let folder = take_folder(dir)?;
        let site = Site::create(dir)?;
        let io = |path: &Path, source| LabError::Site(SiteError::io(path, source));
        dns::write_master(&site.master_zone()).map_err(|e| io(&site.master_zone(), e))?;
        for server in Server::ALL {
            fs::copy(site.master_zone(), site.zone_file(server)).map_err(|e| io(&site.zone_file(server), e))?;
        }
        fs::write(site.active_file(), format!("{}\n", Server::Dns1)).map_err(|e| io(&site.active_file(), e))?;
        let tool = site.bin_dir().join("dnsTool");
        write_program(&tool, &tool_script(&programs, &site)).map_err(|e| io(&tool, e))?;

        let keeper = Keeper::new().map_err(|e| io(dir, e))?;
        let lab = Self { keeper, site, programs, _folder: folder };
        for server in Server::ALL {
            lab.start_server(server)?;
        }
        lab.start_switch()?;
        Ok(lab)
    }

    /// The lab's folder, absolute.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.site.dir()
    }

    /// The folder that goes first on an operator's PATH: it has `dnsTool`.
    #[must_use]
    pub fn bin_dir(&self) -> PathBuf {
        self.site.bin_dir()
    }

    /// The folder of the services' logs, one `<service>.log` each.
    #[must_use]
    pub fn log_dir(&self) -> PathBuf {
        self.site.log_dir()
    }

    /// Where each service keeps what.
    #[must_use]
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// Does a fault to the active server, and returns when it shows; which server that is.
    ///
    /// # Errors
    /// [`LabError`] when the switch does not say which is active, or the fault cannot be done.
    pub fn inject(&self, fault: Fault) -> Result<Server, LabError> {
        let server = self.active()?;
        self.inject_into(server, fault)?;
        Ok(server)
    }

    /// Does a fault to one server, and returns when it shows.
    ///
    /// # Errors
    /// [`LabError::NoFault`] when the server still answers as if nothing were wrong, else why the fault cannot be done.
    pub fn inject_into(&self, server: Server, fault: Fault) -> Result<(), LabError> {
        let service = Service::Dns(server);
        let path = self.site.presence_file(service);
        match fault {
            Fault::Down => self.keeper.kill(service).map_err(|e| SiteError::io(&path, e))?,
            Fault::Stopped => {
                self.keeper.signal(service, Signal::STOP).map_err(|e| SiteError::io(&path, e))?;
            }
            Fault::Broken => self.tear_zone(server)?,
            Fault::Recovers { after } => {
                self.tear_zone(server)?;
                self.start_sync(server, &self.site.master_zone(), after)?;
            }
            Fault::Stuck => {
                self.tear_zone(server)?;
                let pipe = self.site.dir().join(format!("zones/{server}.transfer"));
                rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, 0o600.into())
                    .map_err(|e| SiteError::io(&pipe, e.into()))?;
                self.start_sync(server, &pipe, Duration::ZERO)?;
            }
        }
        match self.query(server, ZONE) {
            Ok(_) => Err(LabError::NoFault { server, fault }),
            Err(_) => Ok(()),
        }
    }

    /// Starts a server, or starts it again when it was stopped or killed.
    ///
    /// # Errors
    /// [`LabError::Start`] when it does not become ready.
    pub fn start_server(&self, server: Server) -> Result<(), LabError> {
        self.start_service(Service::Dns(server), &["serve-dns", &server.to_string()])
    }

    /// Starts the switch, or starts it again; it goes on with the server that was active.
    ///
    /// # Errors
    /// [`LabError::Start`] when it does not become ready.
    pub fn start_switch(&self) -> Result<(), LabError> {
        self.start_service(Service::Switch, &["serve-switch"])
    }

    /// Kills a service and returns when its process is gone.
    ///
    /// # Errors
    /// [`LabError::Site`] with what the operating system said.
    pub fn kill(&self, service: Service) -> Result<(), LabError> {
        let path = self.site.presence_file(service);
        Ok(self.keeper.kill(service).map_err(|e| SiteError::io(&path, e))?)
    }

    /// Lets a stopped server go on.
    ///
    /// # Errors
    /// [`LabError::Site`] with what the operating system said.
    pub fn go_on(&self, server: Server) -> Result<(), LabError> {
        let path = self.site.presence_file(Service::Dns(server));
        self.keeper.signal(Service::Dns(server), Signal::CONT).map_err(|e| SiteError::io(&path, e))?;
        Ok(())
    }

    /// Asks one server for a name over UDP.
    ///
    /// # Errors
    /// [`QueryError`] when there is no address for an answer.
    pub fn query(&self, server: Server, name: &str) -> Result<Answer, QueryError> {
        self.ask(Service::Dns(server), name, Transport::Udp)
    }

    /// Asks what clients ask, the switch, for a name; the answer says which server gave it.
    ///
    /// # Errors
    /// [`QueryError`] when there is no address for an answer.
    pub fn query_as_client(&self, name: &str) -> Result<Answer, QueryError> {
        self.ask(Service::Switch, name, Transport::Udp)
    }

    /// Asks a service for a name.
    ///
    /// # Errors
    /// [`QueryError`] when there is no address for an answer.
    pub fn ask(&self, service: Service, name: &str, transport: Transport) -> Result<Answer, QueryError> {
        let at =
            self.site.address(service).map_err(|e| QueryError::Name { name: name.to_owned(), why: e.to_string() })?;
        dns::query(at.dns, name, transport, ANSWER_WITHIN)
    }

    /// Which server the switch forwards to.
    ///
    /// # Errors
    /// [`LabError::Tool`] when the switch does not say.
    pub fn active(&self) -> Result<Server, LabError> {
        dns::active_server(&self.site).map_err(LabError::Tool)
    }

    /// Whether a server's process is there, running or stopped.
    ///
    /// # Errors
    /// [`LabError::Site`] when that cannot be seen.
    pub fn is_running(&self, server: Server) -> Result<bool, LabError> {
        Ok(Running::look(&self.site, Service::Dns(server))?.is_some())
    }

    fn start_service(&self, service: Service, arguments: &[&str]) -> Result<(), LabError> {
        let mut command = Command::new(self.programs.plant_shop());
        command.args(arguments).arg("--dir").arg(self.site.dir());
        command.args(["--under", &std::process::id().to_string()]);
        // What a service says before it has a log, or as it panics, goes to its log all the same.
        let log = self.site.log_file(service);
        let said = OpenOptions::new().create(true).append(true).open(&log).map_err(|e| SiteError::io(&log, e))?;
        command.stderr(said);
        self.keeper.kill(service).map_err(|e| SiteError::io(&log, e))?;
        self.keeper.start(service, command).map_err(LabError::Start)
    }

    fn start_sync(&self, server: Server, from: &Path, due_in: Duration) -> Result<(), LabError> {
        let (from, due) = (from.to_string_lossy(), due_in.as_millis().to_string());
        let arguments = ["zone-sync", &server.to_string(), "--from", &from, "--due-in-ms", &due];
        self.start_service(Service::ZoneSync(server), &arguments)
    }

    /// Leaves a server's zone file as a write that was cut off leaves it: half the zone, and a line that stops in the middle.
    fn tear_zone(&self, server: Server) -> Result<(), LabError> {
        let path = self.site.zone_file(server);
        let torn = || -> io::Result<()> {
            let zone = fs::read(self.site.master_zone())?;
            let half = zone.get(..zone.len() / 2).unwrap_or_default();
            fs::write(&path, [half, b"\nplanthost2 IN A 10.2"].concat())
        };
        Ok(torn().map_err(|e| SiteError::io(&path, e))?)
    }
}

fn take_folder(dir: &Path) -> Result<File, LabError> {
    fs::create_dir_all(dir).map_err(|e| SiteError::io(dir, e))?;
    let folder = File::open(dir).map_err(|e| SiteError::io(dir, e))?;
    match flock(&folder, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(folder),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(LabError::Taken { dir: dir.to_owned() }),
        Err(e) => Err(SiteError::io(dir, e.into()).into()),
    }
}

fn tool_script(programs: &Programs, site: &Site) -> String {
    let quoted = |path: &Path| format!("'{}'", path.to_string_lossy().replace('\'', r"'\''"));
    let (program, dir) = (quoted(programs.plant_shop()), quoted(site.dir()));
    format!(
        "#!/bin/sh\n# dnsTool of this lab, whatever the environment.\nPLANT_SHOP_DIR={dir} exec {program} dns-tool \"$@\"\n"
    )
}

/// Writes a program by another process. Written by this one it could not be started while a child of another thread, just
/// forked, still has the file open for writing ("text file busy").
fn write_program(path: &Path, text: &str) -> io::Result<()> {
    let mut writer = Command::new("/bin/sh").args(["-c", "cat >\"$0\""]).arg(path).stdin(Stdio::piped()).spawn()?;
    if let Some(mut stdin) = writer.stdin.take() {
        stdin.write_all(text.as_bytes())?;
    }
    let status = writer.wait()?;
    if !status.success() {
        return Err(io::Error::other(format!("cat ended with {status}")));
    }
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

/// Why the lab does not do what it was asked.
#[derive(Debug)]
pub enum LabError {
    /// Another lab runs in the folder.
    Taken {
        /// The folder.
        dir: PathBuf,
    },
    /// A file of the lab cannot be used.
    Site(SiteError),
    /// The lab's program is not there.
    Programs(BuildError),
    /// A service did not start.
    Start(StartError),
    /// A service did not say what it was asked.
    Tool(ToolError),
    /// A fault was done and does not show.
    NoFault {
        /// The server it was done to.
        server: Server,
        /// The fault.
        fault: Fault,
    },
}

impl From<SiteError> for LabError {
    fn from(e: SiteError) -> Self {
        Self::Site(e)
    }
}

impl fmt::Display for LabError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken { dir } => write!(f, "another lab is running in {}: give another folder", dir.display()),
            Self::Site(e) => write!(f, "{e}"),
            Self::Programs(e) => write!(f, "{e}"),
            Self::Start(e) => write!(f, "{e}"),
            Self::Tool(e) => write!(f, "{e}"),
            Self::NoFault { server, fault } => write!(f, "{server} answers as if it were not {fault}"),
        }
    }
}

impl std::error::Error for LabError {}
