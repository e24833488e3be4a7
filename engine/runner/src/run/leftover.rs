//! Looks that outlived the engine that started them. Acts are not its business: each has a supervisor.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;

use runbook_core::run::record::{AttemptKey, Record};
use runbook_core::run::state::RunState;
use rustix::process::{Pid, Signal, kill_process_group};

/// Bytes of a line of `/proc/PID/stat`: 52 numbers and a name of at most 64 bytes.
const STAT_BYTES_MAX: usize = 1_200;

/// A process as the transcript names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    /// Its number, and its group's; of a supervisor its session's.
    pub pid: u32,
    /// Its start, in clock ticks since boot.
    pub start_time: u64,
}

/// Whether the process with this number is the one that started then, and did not end.
pub(crate) fn is_process(pid: u32, start_time: u64) -> bool {
    stat(pid).is_some_and(|(state, start)| start == start_time && state != b'Z')
}

/// Ends the processes of looks that were going on when the engine ended, within the same boot: a look may be started
/// again. Each is noted.
pub(super) fn look_after(open: &BTreeMap<AttemptKey, Process>, state: &RunState) -> Vec<Record> {
    let mut notes = Vec::new();
    for (key, process) in open {
        // What is not known to be a look is not touched: an act has a supervisor, that sees to it.
        let looks = state.looks(key);
        if !looks || !is_process(process.pid, process.start_time) {
            continue;
        }
        let pid = process.pid;
        let group = i32::try_from(pid).ok().and_then(Pid::from_raw);
        // Gone meanwhile is as good as ended.
        let _ended = group.map(|group| kill_process_group(group, Signal::KILL));
        let text = format!("its process {pid} outlived the engine and was ended");
        notes.push(Record::Note { step: Some(key.step.clone()), text });
    }
    notes
}

/// When a process started, in clock ticks since boot, also of one that ended and was not waited for; nothing where
/// there is none. One read: this is asked at every start.
pub(crate) fn start_time(pid: u32) -> Option<u64> {
    stat(pid).map(|(_, start)| start)
}

/// The state and the start of a process.
fn stat(pid: u32) -> Option<(u8, u64)> {
    let mut buffer = [0; STAT_BYTES_MAX];
    let length = File::open(format!("/proc/{pid}/stat")).ok()?.read(&mut buffer).ok()?;
    let line = buffer.get(..length)?;
    // The program's name stands in parentheses and may hold anything, so the last closing one counts.
    let after = line.iter().rposition(|byte| *byte == b')')? + 1;
    let fields = std::str::from_utf8(line.get(after..)?).ok()?;
    // Field 3 is the first after the name, 22 is the start.
    let (state, start) = (fields.split_ascii_whitespace().next()?, fields.split_ascii_whitespace().nth(22 - 3)?);
    Some((*state.as_bytes().first()?, start.parse().ok()?))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may stop where it is")]

    use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
    use std::process::{Child, Command};

    use runbook_core::check::Facts;

    use runbook_core::run::record::Part;

    use super::*;

    /// A process in a group of its own, as the engine starts them.
    fn sleeper() -> Child {
        let mut command = Command::new("sleep");
        command.arg("600").process_group(0).spawn().unwrap()
    }

    #[test]
    fn a_verify_left_behind_is_ended_and_an_act_is_left_alone() {
        let text = "version: 1\nrunbook: test\ntitle: T\nsteps:\n  look: { verify: L, run: 'true' }\n  \
                    stop: { act: S, run: 'true' }\n";
        let plan = runbook_core::check::load("test.yaml", text.as_bytes(), None, &Facts::default()).plan.unwrap();
        let (mut look, mut stop, mut other) = (sleeper(), sleeper(), sleeper());
        let key = |step: &str| AttemptKey { step: step.to_owned(), part: Part::Main, attempt: 1 };
        let process = |child: &Child| Process { pid: child.id(), start_time: start_time(child.id()).unwrap() };
        let mut open = BTreeMap::from([(key("look"), process(&look)), (key("stop"), process(&stop))]);
        // Its number is another process's by now.
        open.insert(key("gone"), Process { start_time: 1, ..process(&other) });
        let started = runbook_core::run::record::RunStarted {
            store: String::new(),
            ledger_head: String::new(),
            runbook: "test".to_owned(),
            title: "T".to_owned(),
            path: String::new(),
            source: String::new(),
            team: None,
            commit: None,
            dirty: None,
            params: BTreeMap::new(),
            alert: None,
            host: String::new(),
            boot_id: String::new(),
            version: String::new(),
            binary: String::new(),
            mode: runbook_core::run::record::Mode::Real,
            attended: false,
            yes: false,
            step_by_step: false,
            directory: String::new(),
            called: BTreeMap::new(),
            retry_of: None,
        };
        let team = std::sync::Arc::default();
        let nobody = runbook_core::run::record::Actor::engine(0);
        let at = jiff::Timestamp::UNIX_EPOCH;
        let state = RunState::new(std::sync::Arc::new(plan), team, "run-1", &started, &nobody, at);
        let notes = look_after(&open, &state);
        let note = |step: &str, text: String| Record::Note { step: Some(step.to_owned()), text };
        let ended = format!("its process {} outlived the engine and was ended", look.id());
        assert_eq!(notes, [note("look", ended)]);
        assert_eq!(look.wait().unwrap().signal(), Some(9));
        for child in [&mut stop, &mut other] {
            assert_eq!(child.try_wait().unwrap(), None, "it still runs");
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    #[test]
    fn the_start_of_a_process_is_known_while_it_lives() {
        assert!(start_time(std::process::id()).is_some_and(|ticks| ticks > 0));
        assert_eq!(start_time(u32::MAX), None);
    }
}
