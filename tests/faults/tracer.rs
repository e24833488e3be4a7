//! Faults at an exact place: `strace` counts the calls of the engine's main thread and disturbs one.
//!
//! Without `-f` it follows that thread alone, which is the one that writes the transcript and starts what runs; acts and
//! their supervisors are not slowed down or disturbed.

use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::{Timestamp, ToSpan as _};

/// The four characters of chance in a run's id where all that `/dev/urandom` gives is zeros.
const CHANCE: &str = "2222";

/// What is done to the engine.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// SIGKILL instead of its n-th write to the transcript, from 1.
    KilledAtWrite(u64),
}

/// What has to be run so that the fault happens to this command.
///
/// `transcript` is the run's, where there is one already; a new run gets an id that is known before.
pub(crate) fn traced(command: &Command, fault: Fault, name: &str, transcript: Option<&Path>, log: &Path) -> Command {
    let mut tracer = Command::new("strace");
    tracer.args(["-qq", "-y", "-o"]).arg(log);
    match fault {
        Fault::KilledAtWrite(n) => {
            let expression = format!("inject=write:signal=KILL:when={n}");
            tracer.args(["-e", "trace=read,write", "-e", &expression]);
            match transcript {
                Some(path) => _ = tracer.arg("-P").arg(path),
                None => fix_the_id(&mut tracer, command, name),
            }
        }
    }
    tracer.arg("--").arg(command.get_program()).args(command.get_args());
    take_surroundings(&mut tracer, command);
    tracer
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
