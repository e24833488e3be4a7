//! Faults at an exact place: `strace` counts the calls of the engine's main thread and disturbs one.
//!
//! Without `-f` it follows that thread alone, which is the one that writes the transcript and starts what runs; acts and
//! their supervisors are not slowed down or disturbed.

use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::{Timestamp, ToSpan as _};

/// The four characters of chance in a run's id where all that `/dev/urandom` gives is zeros.
const CHANCE: &str = "2222";

/// What is done to the engine's main thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// SIGKILL instead of its n-th write to the transcript, from 1.
    KilledAtWrite(u64),
    /// SIGKILL instead of its n-th call of this name, from 1.
    KilledAtCall(&'static str, u64),
    /// Its n-th call of this name fails so.
    Fails {
        /// The call.
        call: &'static str,
        /// Which one of them, from 1.
        n: u64,
        /// The error, by its name.
        error: &'static str,
    },
    /// None: it is only looked at.
    Watched,
}

/// The calls that a disk, or the table of files, can refuse.
pub(crate) const REFUSED: [&str; 11] =
    ["write", "fdatasync", "fsync", "openat", "rename", "renameat2", "flock", "mkdir", "fchmod", "chmod", "unlink"];

/// What has to be run so that the fault happens to this command.
///
/// `transcript` is the run's, where there is one already; a new run gets an id that is known before.
pub(crate) fn traced(command: &Command, fault: Fault, name: &str, transcript: Option<&Path>, log: &Path) -> Command {
    let mut tracer = Command::new("strace");
    tracer.args(["-qq", "-y", "-o"]).arg(log);
    match fault {
        Fault::KilledAtWrite(n) => {
            tracer.args(["-e", "trace=read,write", "-e", &format!("inject=write:signal=KILL:when={n}")]);
            match transcript {
                Some(path) => _ = tracer.arg("-P").arg(path),
                None => fix_the_id(&mut tracer, command, name),
            }
        }
        Fault::KilledAtCall(call, n) => {
            let expression = format!("inject={call}:signal=KILL:when={n}");
            tracer.args(["-e", &format!("trace={call}"), "-e", &expression]);
        }
        Fault::Fails { call, n, error } => {
            tracer.args(["-e", &starts_and_refused(), "-e", &format!("inject={call}:error={error}:when={n}")]);
        }
        Fault::Watched => _ = tracer.args(["-e", "trace=all"]),
    }
    tracer.arg("--").arg(command.get_program()).args(command.get_args());
    take_surroundings(&mut tracer, command);
    tracer
}

/// What is written into the log where a call is to fail: it, and whatever starts a process.
fn starts_and_refused() -> String {
    format!("trace={},clone,clone3,vfork,fork", REFUSED.join(","))
}

/// Gives the run that will be started an id that is known, and has the tracer look at its transcript.
fn fix_the_id(tracer: &mut Command, command: &Command, name: &str) {
    let store = command.get_envs().find(|(key, _)| *key == "RUNBOOK_STORE").and_then(|(_, value)| value);
    let runs = PathBuf::from(store.unwrap()).join("runs");
    tracer.args(["-P", "/dev/urandom", "-e", "inject=read:poke_exit=@arg2=00000000:when=1"]);
    // The minute may end before the id is made.
    let now = Timestamp::now();
    for at in [now, now.saturating_add(1.minute()).unwrap()] {
        let minute = at.strftime("%Y%m%d-%H%M");
        tracer.arg("-P").arg(runs.join(format!("{minute}-{name}-{CHANCE}/transcript.jsonl")));
    }
}

fn take_surroundings(tracer: &mut Command, command: &Command) {
    for (key, value) in command.get_envs() {
        match value {
            Some(value) => tracer.env(key, value),
            None => tracer.env_remove(key),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        tracer.current_dir(folder);
    }
}
