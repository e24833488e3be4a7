//! Processes that outlived the engine that started them.

use std::collections::BTreeMap;
use std::fs;

use runbook_core::document::model::Kind;
use runbook_core::plan::Plan;
use runbook_core::run::record::{AttemptKey, Part, Record};
use rustix::process::{Pid, Signal, kill_process_group};

/// A process as the transcript names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Process {
    /// Its number, and its group's.
    pub(super) pid: u32,
    /// Its start, in clock ticks since boot.
    pub(super) start_time: u64,
}

/// Looks after the processes of attempts that were going on when the engine ended, within the same boot. One that only
/// looks is ended, as it may be started again; one that changes the world is left alone. Either is noted.
pub(super) fn look_after(open: &BTreeMap<AttemptKey, Process>, plan: &Plan) -> Vec<Record> {
    let mut notes = Vec::new();
    for (key, process) in open {
        if start_time(process.pid) != Some(process.start_time) {
            continue;
        }
        let kind = plan.graph().find(&key.step).map(|step| plan.step(step).kind.value);
        let changes = kind == Some(Kind::Act) && matches!(key.part, Part::Main | Part::Undo);
        let pid = process.pid;
        let text = if changes {
            format!("its process {pid} outlived the engine and still runs: look at it before saying how it ended")
        } else {
            let group = i32::try_from(pid).ok().and_then(Pid::from_raw);
            // Gone meanwhile is as good as ended.
            let _ended = group.map(|group| kill_process_group(group, Signal::KILL));
            format!("its process {pid} outlived the engine and was ended")
        };
        notes.push(Record::Note { step: Some(key.step.clone()), text });
    }
    notes
}

/// When a process started; nothing where there is none.
fn start_time(pid: u32) -> Option<u64> {
    let line = fs::read(format!("/proc/{pid}/stat")).ok()?;
    // The program's name stands in parentheses and may hold anything, so the last closing one counts.
    let after = line.iter().rposition(|byte| *byte == b')')? + 1;
    let fields = std::str::from_utf8(line.get(after..)?).ok()?;
    // Field 3 is the first after the name, 22 is the start.
    let (state, start) = (fields.split_ascii_whitespace().next()?, fields.split_ascii_whitespace().nth(22 - 3)?);
    if state == "Z" { None } else { start.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_of_a_process_is_known_while_it_lives() {
        assert!(start_time(std::process::id()).is_some_and(|ticks| ticks > 0));
        assert_eq!(start_time(u32::MAX), None);
    }
}
