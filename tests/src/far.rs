//! Other hosts: a real `sshd` for each, with keys of its own, behind a wire that can be cut.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, getuid, kill_process};

use crate::cable::Wire;
use crate::desk::Desk;
use crate::processes::{none_marked, worded};
use crate::programs;
use crate::run::{Said, Started};
use crate::until::until;

/// Where Debian and its kin put a server; no user's PATH leads there.
const SSHD: &str = "/usr/sbin/sshd";

/// A desk, and hosts to work on from it. All of them are this machine, and this account; each has a folder of its own
/// for what is left there.
#[derive(Debug)]
pub struct Far {
    /// The desk.
    pub desk: Desk,
    hosts: Vec<Host>,
}

/// One of them.
#[derive(Debug)]
pub struct Host {
    name: String,
    folder: PathBuf,
    server: Child,
    wire: Wire,
    /// Its end of the cable to here, where it is a host of its own.
    cable: Option<String>,
}

impl Far {
    /// Hosts `web1`, `web2` and so on, each with these lines more in its server's configuration; `$HOST` in them is its
    /// folder.
    ///
    /// # Panics
    /// When they cannot be made.
    #[must_use]
    pub fn with(count: usize, configuration: &str) -> Self {
        Self::set_up(count, configuration, false)
    }

    /// Hosts with a name and a network of their own, as far as a kernel can pretend; nothing where that is not allowed.
    #[must_use]
    pub fn apart(count: usize) -> Option<Self> {
        let allowed = Command::new("unshare").args(["--net", "--uts", "true"]).stderr(Stdio::null()).status();
        allowed.is_ok_and(|status| status.success()).then(|| Self::set_up(count, "", true))
    }

    fn set_up(count: usize, configuration: &str, apart: bool) -> Self {
        programs::ready();
        let desk = Desk::new();
        let keys = desk.work().join("keys");
        fs::create_dir(&keys).unwrap();
        make_key(&keys.join("mine"));
        let hosts: Vec<Host> = (1..=count).map(|number| Host::start(number, &desk, configuration, apart)).collect();
        let far = Self { desk, hosts };
        far.know_the_hosts();
        let bin = far.desk.work().join("bin");
        fs::create_dir(&bin).unwrap();
        let config = format!(
            "IdentityFile {keys}/mine\nIdentitiesOnly yes\nUserKnownHostsFile {keys}/known_hosts\nGlobalKnownHostsFile /dev/null\n",
            keys = keys.display()
        );
        fs::write(keys.join("config"), config).unwrap();
        // ssh reads the account's own configuration, wherever HOME is.
        let script = format!("#!/bin/sh\nexec /usr/bin/ssh -F {}/config \"$@\"\n", keys.display());
        write_program(&bin.join("ssh"), &script);
        let team = fs::read_to_string(far.desk.runbooks().join("team.yaml")).unwrap();
        let lines: Vec<String> =
            far.hosts.iter().map(|host| format!("  {}: {}\n", host.name, host.address())).collect();
        fs::write(far.desk.runbooks().join("team.yaml"), format!("{team}hosts:\n{}", lines.concat())).unwrap();
        far
    }

    /// One host.
    #[must_use]
    pub fn one() -> Self {
        Self::with(1, "")
    }

    /// Writes down the keys of the hosts, as somebody does who was there.
    fn know_the_hosts(&self) {
        let lines = self.hosts.iter().map(|host| {
            let key = fs::read_to_string(host.folder.join("host_key.pub")).unwrap();
            format!("[127.0.0.1]:{} {key}", host.wire.port())
        });
        let known: String = lines.collect();
        fs::write(self.desk.work().join("keys/known_hosts"), known).unwrap();
    }

    /// A host, from 1.
    ///
    /// # Panics
    /// When there is no such one.
    #[must_use]
    pub fn host(&self, number: usize) -> &Host {
        self.hosts.get(number - 1).unwrap()
    }

    /// Writes a runbook, as [`Desk::write`].
    pub fn write(&self, keys: &str) {
        self.desk.write("try", keys);
    }

    /// The program, ready to be started where these hosts are known.
    #[must_use]
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = self.desk.command(words);
        self.settle_in(&mut command);
        command
    }

    /// Has a command, of another desk's too, know these hosts.
    pub fn settle_in(&self, command: &mut Command) {
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", self.desk.work().join("bin").display()));
        command.env("TMPDIR", self.desk.work()).env_remove("XDG_RUNTIME_DIR").env_remove("SSH_AUTH_SOCK");
    }

    /// Starts the program and lets it go on.
    #[must_use]
    #[track_caller]
    pub fn start(&self, words: &[&str]) -> Started {
        Started::from(self.command(words))
    }

    /// Runs the program to its end.
    #[must_use]
    #[track_caller]
    pub fn do_it(&self, words: &[&str]) -> Said {
        self.start(words).end()
    }

    /// Runs the runbook to its end.
    #[must_use]
    #[track_caller]
    pub fn run(&self) -> Said {
        self.do_it(&["run", "try"])
    }

    /// Fails where something is left on a host: a process that watches, or a folder of an attempt.
    ///
    /// # Panics
    /// Then.
    #[track_caller]
    pub fn nothing_left(&self) {
        for host in &self.hosts {
            none_marked(&format!("XDG_STATE_HOME={}", host.state().display()));
            until(|| {
                let kept = host.kept();
                if kept.is_empty() { Ok(()) } else { Err(format!("{}: {kept:?} is left", host.name)) }
            });
        }
    }

    /// As [`Self::nothing_left`], but for the marks that something was never begun, and must not be.
    ///
    /// # Panics
    /// Then.
    #[track_caller]
    pub fn nothing_left_but_voids(&self) {
        for host in &self.hosts {
            until(|| {
                let kept: Vec<PathBuf> = host.kept().into_iter().filter(|one| !one.join("void").exists()).collect();
                if kept.is_empty() { Ok(()) } else { Err(format!("{}: {kept:?} is left", host.name)) }
            });
            none_marked(&format!("XDG_STATE_HOME={}", host.state().display()));
        }
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        for host in &mut self.hosts {
            host.wire.down();
            let _gone = host.server.kill();
            let _waited = host.server.wait();
            if let Some(cable) = &host.cable {
                let _gone = Command::new("ip").args(["link", "delete", cable]).stderr(Stdio::null()).status();
            }
        }
        // Connections that outlived an engine that was killed.
        for pid in worded(&format!("{}", self.desk.work().join("keys/config").display())) {
            if let Some(pid) = Pid::from_raw(pid) {
                let _gone = kill_process(pid, Signal::KILL);
            }
        }
    }
}

impl Host {
    fn start(number: usize, desk: &Desk, configuration: &str, apart: bool) -> Self {
        let name = format!("web{number}");
        let folder = desk.work().join(&name);
        fs::create_dir_all(folder.join("state")).unwrap();
        make_key(&folder.join("host_key"));
        let port = free_port();
        // Of several such lines a server takes the first alone.
        let (set, more): (Vec<&str>, Vec<&str>) =
            configuration.lines().partition(|line| line.trim_start().starts_with("SetEnv "));
        let set: String = set.iter().filter_map(|line| line.trim().strip_prefix("SetEnv")).collect();
        let filled = |text: &str| text.replace("$HOST", &folder.to_string_lossy());
        let configuration = format!(
            "ListenAddress {listen}\nPort {port}\nHostKey {host}/host_key\nAuthorizedKeysFile {keys}/mine.pub\n\
             PidFile none\nStrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\n\
             MaxStartups 100\nMaxSessions 100\nSetEnv XDG_STATE_HOME={host}/state{set}\n{more}\n",
            listen = if apart { "0.0.0.0" } else { "127.0.0.1" },
            host = folder.display(),
            keys = desk.work().join("keys").display(),
            set = filled(&set),
            more = filled(&more.join("\n")),
        );
        fs::write(folder.join("sshd_config"), configuration).unwrap();
        let mut server = serve(&folder, apart.then_some(name.as_str()));
        let (address, cable) = if apart { connect(number, &mut server) } else { ("127.0.0.1".to_owned(), None) };
        let address: SocketAddr = format!("{address}:{port}").parse().unwrap();
        until(|| {
            let log = fs::read_to_string(folder.join("sshd.log")).unwrap_or_default();
            TcpStream::connect(address).map(drop).map_err(|error| format!("{address}: {error}: {log}"))
        });
        Self { name, folder, server, wire: Wire::to(address), cable }
    }

    /// Its address, as a team file has it.
    #[must_use]
    pub fn address(&self) -> String {
        format!("ssh://{}@127.0.0.1:{}", account(), self.wire.port())
    }

    /// The wire to it.
    #[must_use]
    pub fn wire(&self) -> &Wire {
        &self.wire
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where what is left there is kept.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    /// The attempts that are kept there.
    #[must_use]
    pub fn kept(&self) -> Vec<PathBuf> {
        let inside = |folder: &Path| -> Vec<PathBuf> {
            fs::read_dir(folder)
                .map(|found| found.filter_map(Result::ok).map(|one| one.path()).collect())
                .unwrap_or_default()
        };
        inside(&self.state().join("runbook")).iter().flat_map(|run| inside(run)).collect()
    }

    /// Whether anything serves a connection to it.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        !crate::processes::descendants(self.server.id()).is_empty()
    }

    /// Stops all that serves its connections, as a machine that is frozen.
    pub fn freeze(&self) {
        self.signal_connections(Signal::STOP);
    }

    /// Ends or stops the processes that serve its connections, as a machine does that is frozen: not the one that
    /// takes new ones.
    ///
    /// # Panics
    /// When there is none.
    pub fn signal_connections(&self, signal: Signal) {
        let children = crate::processes::descendants(self.server.id());
        assert!(!children.is_empty(), "{} has no connection", self.name);
        for pid in children {
            let _gone = kill_process(pid, signal);
        }
    }

    /// Pulls its cable, or puts it in again, where it is a host of its own.
    ///
    /// # Panics
    /// When it has none.
    pub fn pull_cable(&self, pulled: bool) {
        run("ip", &["link", "set", self.cable.as_deref().unwrap(), if pulled { "down" } else { "up" }]);
    }
}

/// The account this runs as.
///
/// # Panics
/// When it has no name.
#[must_use]
pub fn account() -> String {
    let output = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Whether this runs as root.
#[must_use]
pub fn is_root() -> bool {
    getuid().is_root()
}

/// Makes a program of a text.
///
/// # Panics
/// When it cannot be written.
pub fn write_program(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Makes a pair of keys.
///
/// # Panics
/// When it cannot.
pub fn make_key(path: &Path) {
    let _old = fs::remove_file(path);
    let made =
        Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"]).arg(path).status();
    assert!(made.unwrap().success(), "no key at {}", path.display());
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Starts a server; under a name, in a network and with a host's name of its own.
fn serve(folder: &Path, apart: Option<&str>) -> Child {
    if is_root() {
        // The folder that a server of root wants to be empty.
        fs::create_dir_all("/run/sshd").unwrap();
    }
    let log = fs::File::create(folder.join("sshd.log")).unwrap();
    let mut command = if let Some(name) = apart {
        let mut command = Command::new("unshare");
        command.args(["--net", "--uts", "sh", "-c", "hostname \"$0\"; ip link set lo up; exec \"$@\"", name, SSHD]);
        command
    } else {
        Command::new(SSHD)
    };
    command.args(["-D", "-e", "-f"]).arg(folder.join("sshd_config")).stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(log).spawn().unwrap()
}

/// Lays a cable to a host of its own, and gives its address and our end of it.
fn connect(number: usize, server: &mut Child) -> (String, Option<String>) {
    let pid = server.id();
    let own = fs::read_link("/proc/self/ns/net").unwrap();
    until(|| {
        let its = fs::read_link(format!("/proc/{pid}/ns/net")).map_err(|error| error.to_string())?;
        if its == own { Err("it is still in our network".to_owned()) } else { Ok(()) }
    });
    let cable = format!("rb{}x{number}", std::process::id() % 100_000);
    let (near, far) = (format!("10.213.{number}.1"), format!("10.213.{number}.2"));
    run("ip", &["link", "add", &cable, "type", "veth", "peer", "name", "eth0", "netns", &pid.to_string()]);
    run("ip", &["address", "add", &format!("{near}/30"), "dev", &cable]);
    run("ip", &["link", "set", &cable, "up"]);
    let inside = |words: &[&str]| run("nsenter", &[&["--target", &pid.to_string(), "--net", "ip"], words].concat());
    inside(&["address", "add", &format!("{far}/30"), "dev", "eth0"]);
    inside(&["link", "set", "eth0", "up"]);
    (far, Some(cable))
}

#[track_caller]
fn run(program: &str, words: &[&str]) {
    let output = Command::new(program).args(words).output().unwrap();
    assert!(output.status.success(), "{program} {words:?}: {}", String::from_utf8_lossy(&output.stderr));
}
