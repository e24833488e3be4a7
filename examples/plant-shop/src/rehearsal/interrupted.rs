//! The engine killed in the middle of a failover, and the run gone on with: what a person at the terminal sees of both.

use std::fs;
use std::io::{self, Write as _};
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Signal, kill_process};

use crate::lab::{Fault, Lab, Programs};
use crate::person::{Person, Rule};
use crate::rehearsal::{APPROVAL, Engine, Interrupt, RUN_WITHIN, RehearsalError, command};

/// The act in the middle of which the engine dies: `dnsTool -a shutdown` of a server that does not stop takes seconds.
const ACT: &str = "shut_down";

/// Between two looks at the transcript.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Rows and columns of a terminal on which nothing is wrapped: where a line breaks would depend on the lab's folder.
const WIDE: (NonZeroU16, NonZeroU16) = (NonZeroU16::new(40).unwrap(), NonZeroU16::new(400).unwrap());

/// How to rehearse it.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The folder of the lab; without one, a folder beside the built programs.
    pub dir: Option<PathBuf>,
    /// The folder with the runbooks; without one, this workspace.
    pub workspace: Option<PathBuf>,
    /// The runbook program; without one it is built.
    pub runbook: Option<PathBuf>,
}

/// Kills the engine with `kill -9` while `shut_down` runs, goes on with `runbook resume`, and prints both sessions from
/// that step on, with what differs from run to run replaced. Returns the exit code of the run.
///
/// # Errors
/// [`RehearsalError`] when the lab, the runbook program or the terminal cannot be had, or the act does not come to run.
pub fn interrupted(options: &Options, interrupt: &Interrupt) -> Result<u8, RehearsalError> {
    let engine = Engine::find(options.runbook.as_deref())?;
    let programs = Programs::find().map_err(RehearsalError::Build)?;
    let workspace = options.workspace.clone().unwrap_or_else(crate::lab::workspace);
    let dir = if let Some(dir) = &options.dir {
        dir.clone()
    } else {
        let folder = crate::lab::profile_folder().map_err(RehearsalError::Build)?;
        folder.join("plant-shop-lab").join("interrupted")
    };
    let lab = Lab::start_with(&dir, programs)?;
    lab.inject(Fault::Stuck)?;
    let store = lab.dir().join("store");

    let log_dir = format!("log_dir={}", lab.log_dir().display());
    let mut run = command(&engine, &lab, &workspace);
    run.args(["run", "dns-failover", "-p", "recovery_time=1s", "-p", "check_every=1s", "-p", &log_dir]);
    run.arg("--store").arg(&store);
    let mut person = Person::sit_down_at(WIDE, run, None)?;
    person.expect(APPROVAL, RUN_WITHIN)?;
    person.type_keys("y")?;
    person.expect("approved by", RUN_WITHIN)?;
    let killed = wait_for_release(&store, interrupt)
        .and_then(|()| kill_process(person.pid(), Signal::KILL).map_err(io::Error::from))
        .and_then(|()| person.wait(RUN_WITHIN).map_err(io::Error::other));
    let first = person.page();
    drop(person);
    killed.map_err(|source| RehearsalError::NotInterrupted { step: ACT, source, page: first.clone() })?;

    let mut resume = command(&engine, &lab, &workspace);
    resume.args(["resume", "latest", "--store"]).arg(&store);
    let mut person = Person::sit_down_at(WIDE, resume, None)?;
    let ended = person.attend(&[Rule::new(APPROVAL, "y")], RUN_WITHIN, interrupt.flag());
    let second = person.page();
    drop(person);
    let status = ended?;

    let mut sessions =
        format!("$ runbook run dns-failover\n…\n{}Killed\n\n$ runbook resume latest\n", from_step(&first));
    sessions.push_str(&second);
    let sessions = sessions.replace(&engine.path().display().to_string(), "runbook");
    let _nobody_reads = write!(io::stdout(), "{}", settled(&sessions, lab.dir(), &Here::look()));
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

/// Waits until the transcript says that the act was let go.
fn wait_for_release(store: &Path, interrupt: &Interrupt) -> io::Result<()> {
    let deadline = Instant::now() + RUN_WITHIN;
    while Instant::now() < deadline && !interrupt.flag().load(std::sync::atomic::Ordering::Relaxed) {
        let text = super::verdict::newest(store).map(fs::read_to_string).transpose()?.unwrap_or_default();
        let released = |line: &str| line.contains("\"kind\":\"step.released\"") && line.contains(ACT);
        if text.lines().any(released) {
            return Ok(());
        }
        std::thread::park_timeout(LOOK_EVERY);
    }
    Err(io::Error::new(io::ErrorKind::TimedOut, "its transcript does not say that it was let go"))
}

/// The page from the act's own line on.
fn from_step(page: &str) -> String {
    let mark = format!("({ACT})");
    let lines: Vec<&str> = page.lines().collect();
    let at = lines.iter().rposition(|line| line.starts_with('[') && line.contains(&mark)).unwrap_or_default();
    // The line that counts the seconds stands there or not, as it happens.
    let lines = lines.get(at..).unwrap_or_default().iter().filter(|line| !line.trim_start().starts_with("runs, "));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// Who and where this is.
struct Here {
    account: String,
    host: String,
}

impl Here {
    fn look() -> Self {
        let account = Command::new("id").arg("-un").output().map(|said| said.stdout).unwrap_or_default();
        let account = String::from_utf8_lossy(&account).trim().to_owned();
        Self { account, host: rustix::system::uname().nodename().to_string_lossy().into_owned() }
    }
}

/// The same text whenever it is made: what is another in each run, or to another person, stands for itself.
fn settled(text: &str, lab: &Path, here: &Here) -> String {
    let text = text.replace(&lab.display().to_string(), "LAB");
    let mut lines = String::new();
    for line in text.lines() {
        let mut before = "";
        let mut words = Vec::new();
        for word in line.split(' ') {
            let core = word.trim_matches(AROUND);
            let settled: Vec<&str> =
                core.split('/').map(|part| settled_word(before, part, here).unwrap_or(part)).collect();
            words.push(word.replacen(core, &settled.join("/"), 1));
            before = core;
        }
        lines.push_str(words.join(" ").trim_end());
        lines.push('\n');
    }
    lines
}

/// What may stand around a word.
const AROUND: [char; 7] = [',', ';', '.', ':', '(', ')', '…'];

/// What stands for a run's id, a moment, a duration, a process, a size, the operator or the machine.
fn settled_word(before: &str, word: &str, here: &Here) -> Option<&'static str> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits(&word.replace('.', ""));
    let clock = word.contains(':') && digits(&word.replace(':', ""));
    match before {
        "by" if word == here.account => return Some("oncall"),
        "on" if word == here.host => return Some("HOST"),
        "process" | "supervisor" if number => return Some("PID"),
        "dns1.log" | "LAB/log/dns1.log" if number => return Some("SOME"),
        _ => {}
    }
    if word.contains("-dns-failover-") {
        Some("RUN")
    } else if word.strip_suffix('s').is_some_and(|seconds| seconds.contains('.') && digits(&seconds.replace('.', ""))) {
        Some("…s")
    } else if clock || (word.ends_with('Z') && word.contains('T') && word.contains('-')) {
        Some("TIME")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_another_in_each_run_is_settled() {
        let here = Here { account: "ivy".to_owned(), host: "desk7".to_owned() };
        let text = "[ 7/13] act\n  passed 8.03s; run 20261122-0915-dns-failover-k7q2, started 15:03 by ivy\n -- on desk7, 15:04.\n \
                    since 2026-11-22T09:15:00Z: within 8s\n kept /x/lab/log/dns1.log, 750 bytes (process 12)\n";
        let same = "[ 7/13] act\n  passed …s; run RUN, started TIME by oncall\n -- on HOST, TIME.\n \
                    since TIME: within 8s\n kept LAB/log/dns1.log, SOME bytes (process PID)\n";
        assert_eq!(settled(text, Path::new("/x/lab"), &here), same);
    }

    #[test]
    fn a_session_begins_at_its_act() {
        assert_eq!(
            from_step("[1/2] verify X  (x)\n[2/2] act S  (shut_down)\n  runs\n"),
            "[2/2] act S  (shut_down)\n  runs\n"
        );
    }
}
