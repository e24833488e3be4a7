//! What came of a rehearsal: what the run claims, what the servers say, and where the evidence is.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use crate::dns::{Server, ZONE};
use crate::lab::{Fault, Lab, SiteError};
use crate::person::Person;
use crate::rehearsal::{RehearsalError, leave};

/// What a rehearsal leaves behind.
#[derive(Clone, Debug)]
pub struct Paths {
    session: PathBuf,
    log: PathBuf,
    store: PathBuf,
    transcript: Option<PathBuf>,
}

impl Paths {
    /// Writes the session, as text and as it was, and finds the transcript.
    ///
    /// # Errors
    /// [`SiteError::Io`] when the lab's folder cannot be written.
    pub fn write(lab: &Lab, person: &mut Person, store: &Path) -> Result<Self, SiteError> {
        let session = lab.dir().join("session.txt");
        leave(&session, person.page().as_bytes())?;
        leave(&lab.dir().join("session.raw"), person.raw())?;
        Ok(Self { session, log: lab.dir().join("log.md"), store: store.to_owned(), transcript: newest(store) })
    }

    /// Has the runbook program write its on-call log of this run.
    ///
    /// # Errors
    /// [`RehearsalError::Site`] when the program cannot be started or its log not be written.
    pub fn write_log(&self, runbook: &mut Command) -> Result<(), RehearsalError> {
        if self.transcript.is_none() {
            return Ok(());
        }
        let run =
            runbook.args(["log", "latest", "--store"]).arg(&self.store).stdin(Stdio::null()).stderr(Stdio::inherit());
        let output = run.output().map_err(|e| SiteError::io(&self.log, e))?;
        Ok(leave(&self.log, &output.stdout)?)
    }
}

/// The transcript of the newest run of a store: run ids sort by time.
pub(super) fn newest(store: &Path) -> Option<PathBuf> {
    let runs = fs::read_dir(store.join("runs")).ok()?;
    let transcripts = runs.filter_map(Result::ok).map(|run| run.path().join("transcript.jsonl"));
    transcripts.filter(|path| path.is_file()).max()
}

impl fmt::Display for Paths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "session        {}", self.session.display())?;
        match &self.transcript {
            Some(path) => {
                writeln!(f, "transcript     {}", path.display())?;
                write!(f, "on-call log    {}", self.log.display())
            }
            None => write!(f, "transcript     none was written"),
        }
    }
}

/// What the run claims, and what the servers say to whoever asks them.
#[derive(Clone, Debug)]
pub struct Verdict {
    fault: Fault,
    struck: Server,
    status: ExitStatus,
    servers: Vec<String>,
    client: String,
    answering: Option<Server>,
}

impl Verdict {
    /// Asks the servers and the switch.
    #[must_use]
    pub fn look(fault: Fault, struck: Server, status: ExitStatus, lab: &Lab) -> Self {
        let servers = Server::ALL.into_iter().map(|server| {
            let process = match lab.is_running(server) {
                Ok(true) => "its process is there".to_owned(),
                Ok(false) => "its process is gone".to_owned(),
                Err(e) => e.to_string(),
            };
            let says = match lab.query(server, ZONE) {
                Ok(answer) => addresses(&answer.addresses),
                Err(e) => e.to_string(),
            };
            format!("{:<15}{says}; {process}", server.to_string())
        });
        let (client, answering) = match lab.query_as_client(ZONE) {
            Ok(answer) => {
                let by = answer.server.map_or("an unnamed server".to_owned(), |server| server.to_string());
                (format!("{} from {by}", addresses(&answer.addresses)), answer.server)
            }
            Err(e) => (e.to_string(), None),
        };
        Self { fault, struck, status, servers: servers.collect(), client, answering }
    }

    /// The run's own exit code, or 1 when it claims `resolved` and the server that should answer clients does not.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self.status.code().and_then(|code| u8::try_from(code).ok()) {
            Some(0) if !self.as_it_should_be() => 1,
            Some(code) => code,
            None => 1,
        }
    }

    /// The server that answers clients when the procedure was followed to its end.
    fn wanted(&self) -> Server {
        if self.fault.calls_for_failover() { self.struck.other() } else { self.struck }
    }

    fn as_it_should_be(&self) -> bool {
        self.answering == Some(self.wanted())
    }

    fn outcome(&self) -> String {
        match self.status.code() {
            Some(0) => "resolved".to_owned(),
            Some(1) => "failed".to_owned(),
            Some(2) => "not started".to_owned(),
            Some(3) => "escalated".to_owned(),
            Some(4) => "cancelled".to_owned(),
            Some(5) => "in doubt".to_owned(),
            Some(6) => "no transcript could be written".to_owned(),
            Some(75) => "waiting".to_owned(),
            Some(code) => format!("exit code {code}"),
            None => self.status.to_string(),
        }
    }
}

fn addresses(addresses: &[std::net::Ipv4Addr]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "outcome        {}", self.outcome())?;
        for server in &self.servers {
            writeln!(f, "{server}")?;
        }
        writeln!(f, "clients get    {}", self.client)?;
        let wanted = self.wanted();
        if self.as_it_should_be() {
            writeln!(f, "as it should   yes: {wanted} answers clients")
        } else {
            writeln!(f, "as it should   no: {wanted} does not answer clients")
        }
    }
}
