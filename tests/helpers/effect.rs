//! An effect that can be counted: `effect FOLDER NAME [CODE]` appends a line to `FOLDER/effects` and exits with CODE.
//!
//! The line is the name, this process and who leads its session: its supervisor, also where that has been killed since, and
//! on another host itself. Where `FOLDER/kill` names this effect it ends others on the way, with SIGKILL, and only once:
//! `NAME before|after engine|supervisor|all`. The engine's process stands in `FOLDER/engine`, which whoever started it
//! writes; the supervisor is known by its words and by what it holds open beside `FOLDER`. Of all are also whoever started
//! this, which is the supervisor or who watches on another host, and this itself.

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
    // Looked at before anybody is gone: whoever is left gets another parent.
    let supervisors = if *who == "engine" { Vec::new() } else { supervisors(folder, name) };
    let parent = getppid().filter(|parent| *who == "all" && *parent != engine && *parent != Pid::INIT);
    kill_process(engine, Signal::KILL)?;
    for &supervisor in &supervisors {
        kill_process(supervisor, Signal::KILL)?;
    }
    if *who == "all" {
        // Here it is its supervisor, and gone already.
        let _gone =
            parent.filter(|parent| !supervisors.contains(parent)).map(|other| kill_process(other, Signal::KILL));
        kill_process(rustix::process::getpid(), Signal::KILL)?;
    }
    // What follows happens after the engine's end.
    while test_kill_process(engine).is_ok() && !is_zombie(engine) {
        std::thread::park_timeout(LOOK_EVERY);
    }
    Ok(())
}

/// Who looks after the act of this effect, in the run beside this folder.
fn supervisors(folder: &Path, name: &str) -> Vec<Pid> {
    let (step, beside) = (name.split('.').next().unwrap_or(name), folder.parent().unwrap_or(folder));
    let is = |process: &Path| {
        let words = fs::read_to_string(process.join("cmdline")).unwrap_or_default();
        let words: Vec<&str> = words.split('\0').collect();
        let holds = |fd: fs::DirEntry| fs::read_link(fd.path()).is_ok_and(|file| file.starts_with(beside));
        matches!(words.as_slice(), [_, "supervise", _, its, ..] if *its == step)
            && fs::read_dir(process.join("fd")).is_ok_and(|fds| fds.filter_map(Result::ok).any(holds))
    };
    let pid = |process: &Path| process.file_name()?.to_str()?.parse().ok().and_then(Pid::from_raw);
    let all = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
    all.filter(|process| is(process)).filter_map(|process| pid(&process)).collect()
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
