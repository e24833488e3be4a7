//! How ssh is called.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use runbook_core::document::address::Address;
use runbook_core::run::record::{StartFailure, StartFailureKind};
use serde::{Deserialize, Serialize};

use crate::account::Machine;
use crate::executor::planner::failure;
use crate::process::{Spec, resolve};

/// What of the engine's environment ssh gets: who it is, and where its agent and its own programs are.
const PASSED: [&str; 11] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "XDG_RUNTIME_DIR",
    "SSH_AUTH_SOCK",
    "KRB5CCNAME",
];

/// What always holds, whatever `~/.ssh/config` says: no question is asked, no key is taken on trust, nothing is
/// forwarded, and a connection that is dead is noticed.
const OPTIONS: [&str; 16] = [
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    "UpdateHostKeys=no",
    "ConnectTimeout=10",
    "ConnectionAttempts=1",
    "ServerAliveInterval=5",
    "ServerAliveCountMax=3",
    "ClearAllForwardings=yes",
    "ForwardAgent=no",
    "ForwardX11=no",
    "PermitLocalCommand=no",
    "RemoteCommand=none",
    "RequestTTY=no",
    "EscapeChar=none",
    "LogLevel=ERROR",
    // Said again below where a connection is shared.
    "ControlMaster=no",
];

/// A way to a host: the program, and what it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Link {
    ssh: PathBuf,
    environment: Vec<(String, String)>,
    user: Option<String>,
    host: String,
    port: Option<u16>,
    /// The socket of a connection that is shared; each has its own where there is none.
    pub(super) socket: Option<PathBuf>,
}

impl Link {
    /// Finds the program, and makes the way.
    ///
    /// # Errors
    /// [`StartFailure`] when this machine has no ssh.
    pub(crate) fn find(address: &Address, machine: &Machine) -> Result<Self, StartFailure> {
        let clean = machine.clean_environment();
        let path = clean.get("PATH").cloned().unwrap_or_default();
        let ssh = resolve("ssh", &path, Path::new("/")).map_err(|error| {
            let message = format!("{error}: to work on another host, install the client of OpenSSH here");
            failure(StartFailureKind::MissingProgram, message)
        })?;
        let passed = PASSED.iter().filter_map(|name| {
            let value = clean.get(*name).map(OsString::as_os_str).or_else(|| machine.variable(name))?;
            Some(((*name).to_owned(), value.to_str()?.to_owned()))
        });
        Ok(Self {
            ssh,
            environment: passed.collect(),
            user: address.user.clone(),
            host: address.host.clone(),
            port: address.port,
            socket: None,
        })
    }

    /// The same way, over a connection that is shared.
    pub(super) fn through(&self, socket: PathBuf) -> Self {
        Self { socket: Some(socket), ..self.clone() }
    }

    /// The socket of the shared connection that it goes through.
    pub(super) fn socket(&self) -> Option<&Path> {
        self.socket.as_deref()
    }

    /// ssh with these words before the host and after it.
    pub(super) fn spec(&self, before: &[&str], after: &[&str]) -> Spec {
        let mut spec = Spec::new(&self.ssh, "/");
        spec.called = Some("ssh".into());
        let mut words: Vec<OsString> = vec!["-T".into()];
        words.extend(before.iter().map(Into::into));
        match &self.socket {
            Some(socket) => words.extend(["-S".into(), socket.into()]),
            None => words.extend(["-o".into(), "ControlPath=none".into()]),
        }
        for option in OPTIONS {
            words.extend(["-o".into(), option.into()]);
        }
        if let Some(user) = &self.user {
            words.extend(["-l".into(), user.into()]);
        }
        if let Some(port) = self.port {
            words.extend(["-p".into(), port.to_string().into()]);
        }
        words.extend(["--".into(), OsString::from(&self.host)]);
        words.extend(after.iter().map(Into::into));
        spec.words = words;
        spec.environment = self.environment.iter().map(|(name, value)| (name.into(), value.into())).collect();
        spec.capture.memory = 0;
        spec
    }

    /// What makes it another way than others: user, host and port.
    pub(super) fn destination(&self) -> String {
        format!("{}@{}:{}", self.user.as_deref().unwrap_or_default(), self.host, self.port.unwrap_or_default())
    }
}
