//! What `dnsTool` does, each for real.

use std::fmt;
use std::io;
use std::time::Duration;

use rustix::process::Signal;

use crate::dns::query::{Answer, QueryError, Transport, query};
use crate::dns::{ControlError, Server, ask};
use crate::lab::{Running, Service, Site, SiteError};

/// How long a service may take to answer on its control port before it counts as not reachable.
const REACH_WITHIN: Duration = Duration::from_secs(2);

/// How long a name server may take to answer a question.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// How long a server may take to stop after it was told to.
const STOP_WITHIN: Duration = Duration::from_secs(8);

/// Asks the switch which server is active.
///
/// # Errors
/// [`ToolError::Control`] when the switch does not answer.
pub fn active_server(site: &Site) -> Result<Server, ToolError> {
    let said = tell(site, Service::Switch, "active")?;
    Server::from_name(&said).ok_or(ToolError::Answer { service: Service::Switch, said })
}

/// Looks whether a server can be reached: whether its process answers on its control port, whatever it answers to queries.
/// Returns its process id.
///
/// # Errors
/// [`ToolError::Control`] when it does not answer, because its process is gone or stopped.
pub fn reachable(site: &Site, server: Server) -> Result<u32, ToolError> {
    let service = Service::Dns(server);
    let said = tell(site, service, "status")?;
    let pid = said.strip_prefix(&format!("{server} ")).and_then(|pid| pid.parse().ok());
    pid.ok_or(ToolError::Answer { service, said })
}

/// Asks one server for a name, or, without a server, whichever answers clients.
///
/// # Errors
/// [`ToolError::Query`] when there is no address for an answer.
pub fn lookup(site: &Site, server: Option<Server>, name: &str) -> Result<Answer, ToolError> {
    let service = server.map_or(Service::Switch, Service::Dns);
    let at = site.address(service)?.dns;
    query(at, name, Transport::Udp, ANSWER_WITHIN).map_err(|source| ToolError::Query { service, source })
}

/// Stops a server and returns when its process is gone; one that is not there is stopped already, and none is returned.
///
/// # Errors
/// [`ToolError::StillRunning`] when it is there after the time it had to stop. It is never killed: that is a person's decision.
pub fn shut_down(site: &Site, server: Server) -> Result<Option<i32>, ToolError> {
    let service = Service::Dns(server);
    let Some(running) = Running::look(site, service)? else {
        return Ok(None);
    };
    let failed = |source| ToolError::Process { service, pid: running.pid(), source };
    if tell(site, service, "shutdown").is_err() {
        // It does not listen; a stopped process takes the signal when it goes on.
        running.signal(Signal::TERM).map_err(failed)?;
    }
    if running.wait_gone(STOP_WITHIN).map_err(failed)? {
        Ok(Some(running.pid()))
    } else {
        Err(ToolError::StillRunning { service, pid: running.pid(), log: site.log_file(service) })
    }
}

/// Makes a server the active one; says what it was before. Without `force`, not while the process of the server active until now
/// is there: two servers would think that they are the one. With `force` the switch alone fences the old server.
///
/// # Errors
/// [`ToolError::SplitBrain`] as said, [`ToolError::Control`] when the switch or the server to go to does not answer: a failover
/// to a dead server helps nobody, and is refused with `force` too.
pub fn failover(site: &Site, to: Server, force: bool) -> Result<Server, ToolError> {
    let before = active_server(site)?;
    if before == to {
        return Ok(before);
    }
    reachable(site, to)?;
    if !force && let Some(running) = Running::look(site, Service::Dns(before))? {
        return Err(ToolError::SplitBrain { old: before, pid: running.pid() });
    }
    let said = tell(site, Service::Switch, &format!("switch {to}"))?;
    if said == format!("active {to}") { Ok(before) } else { Err(ToolError::Answer { service: Service::Switch, said }) }
}

fn tell(site: &Site, service: Service, line: &str) -> Result<String, ToolError> {
    let at = site.address(service)?.control;
    ask(at, line, REACH_WITHIN).map_err(|source| ToolError::Control { service, source })
}

/// Why `dnsTool` did not do what it was told, or what it found that says no.
#[derive(Debug)]
pub enum ToolError {
    /// The lab's folder cannot be used.
    Site(SiteError),
    /// A service does not answer on its control port.
    Control {
        /// The service.
        service: Service,
        /// How it does not.
        source: ControlError,
    },
    /// A service answered something else than it was asked.
    Answer {
        /// The service.
        service: Service,
        /// Its answer.
        said: String,
    },
    /// A name has no address for an answer.
    Query {
        /// The server, or the switch.
        service: Service,
        /// What came instead.
        source: QueryError,
    },
    /// A process cannot be signalled or waited for.
    Process {
        /// The service.
        service: Service,
        /// Its process id.
        pid: i32,
        /// What the operating system said.
        source: io::Error,
    },
    /// A server did not stop in time.
    StillRunning {
        /// The service.
        service: Service,
        /// Its process id.
        pid: i32,
        /// Its log, which says what it waits for.
        log: std::path::PathBuf,
    },
    /// The old server's process is there.
    SplitBrain {
        /// The old server.
        old: Server,
        /// Its process id.
        pid: i32,
    },
}

impl From<SiteError> for ToolError {
    fn from(e: SiteError) -> Self {
        Self::Site(e)
    }
}

impl fmt::Display for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Site(e) => write!(f, "{e}"),
            Self::Control { service, source } => write!(f, "{service} is not reachable: {source}"),
            Self::Answer { service, said } => write!(f, "{service} answered {said:?}"),
            Self::Query { service, source } => write!(f, "{service} does not resolve it: {source}"),
            Self::Process { service, pid, source } => write!(f, "{service}, process {pid}: {source}"),
            Self::StillRunning { service, pid, log } => write!(
                f,
                "{service} is still running {} s after it was told to stop (process {pid}); {} may say what it waits for",
                STOP_WITHIN.as_secs(),
                log.display()
            ),
            Self::SplitBrain { old, pid } => write!(
                f,
                "nothing was switched: {old} is still running (process {pid}), and two servers would think they are the \
                 active one; shut it down first (-a shutdown -s {old}), or give -f to go on regardless"
            ),
        }
    }
}

impl std::error::Error for ToolError {}
