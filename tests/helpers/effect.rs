//! An effect that can be counted: `effect FOLDER NAME [CODE]` appends a line to `FOLDER/effects` and exits with CODE.
//!
//! The line is the name, this process and who leads its session: its supervisor, also where that has been killed since.
//! Where `FOLDER/kill` names this effect it ends others on the way, with SIGKILL, and only once: `NAME before|after engine|supervisor|all`. The engine's process stands in
//! `FOLDER/engine`, which whoever started it writes; the supervisor is the parent, where that is not the engine.

use std::env::args;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use rustix::process::{Pid, Signal, getppid, getsid, kill_process, test_kill_process};

/// Between two looks for what another process does.
const LOOK_EVERY: Duration = Duration::from_millis(1);

fn main() -> io::Result<ExitCode> {
    let mut words = args().skip(1);
    let (Some(folder), Some(name)) = (words.next(), words.next()) else { return Ok(ExitCode::from(2)) };
    let code = words.next().and_then(|word| word.parse().ok()).unwrap_or(0_u8);
    let folder = Path::new(&folder);

    // Who it was when this began: it may be gone when the line is written.
    let leader = getsid(None).map_or(0, Pid::as_raw_pid);
    end_others(folder, &name, "before")?;
    let line = format!("{name} {} {leader}\n", std::process::id());
    OpenOptions::new().create(true).append(true).open(folder.join("effects"))?.write_all(line.as_bytes())?;
    end_others(folder, &name, "after")?;
    Ok(ExitCode::from(code))
}

/// Does what `FOLDER/kill` says, where it speaks of this effect and of now.
fn end_others(folder: &Path, name: &str, now: &str) -> io::Result<()> {
    let order = folder.join("kill");
    let Ok(text) = fs::read_to_string(&order) else { return Ok(()) };
    let words: Vec<&str> = text.split_whitespace().collect();
    let [who @ ("engine" | "supervisor" | "all")] = words.strip_prefix(&[name, now]).unwrap_or_default() else {
        return Ok(());
    };
    fs::rename(&order, folder.join("killed"))?;
    let engine = engine(folder)?;
    kill_process(engine, Signal::KILL)?;
    if *who != "engine"
        && let Some(parent) = getppid().filter(|parent| *parent != engine && *parent != Pid::INIT)
    {
        kill_process(parent, Signal::KILL)?;
    }
    if *who == "all" {
        kill_process(rustix::process::getpid(), Signal::KILL)?;
    }
    // What follows happens after the engine's end.
    while test_kill_process(engine).is_ok() && !is_zombie(engine) {
        std::thread::park_timeout(LOOK_EVERY);
    }
    Ok(())
}

/// The engine's process; whoever started it may not have written that down yet.
fn engine(folder: &Path) -> io::Result<Pid> {
    loop {
        match fs::read_to_string(folder.join("engine")) {
            Ok(text) if text.ends_with('\n') => {
                let pid = text.trim_end().parse().ok().and_then(Pid::from_raw);
                return pid.ok_or_else(|| io::Error::other(format!("no process: {text:?}")));
            }
            _ => std::thread::park_timeout(LOOK_EVERY),
        }
    }
}

/// Whether it has ended, and who started it has not been told yet.
fn is_zombie(process: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.as_raw_pid())).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z'))
}
