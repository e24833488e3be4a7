//! Looks into `/proc`: when a process started, who is in a group, who holds a pipe.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::time::Duration;

use rustix::process::{Pid, test_kill_process_group};

/// Bytes of a command line that are kept to name a process.
const COMMAND_BYTES_MAX: usize = 512;
/// Looks at a process that has no words yet, before it is named without them.
const EXEC_LOOKS: usize = 10;
/// Time between two of these looks.
const EXEC_LOOK_EVERY: Duration = Duration::from_millis(1);

/// A process that is named because it outlived its step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Its words with spaces between, at most 512 bytes of them, what is not UTF-8 replaced; its short name in brackets
    /// where it has none.
    pub command: String,
}

/// One line of `/proc/PID/stat`, as far as it is read here.
struct Stat {
    state: u8,
    parent: i32,
    group: i32,
    session: i32,
    started: String,
}

/// Says when a process started, in clock ticks since boot (field 22 of its stat line). With its number and the boot's
/// id this tells it apart from any other process there ever was.
pub(super) fn start_time(pid: Pid) -> io::Result<String> {
    Ok(stat(pid)?.started)
}

/// Lists who is alive in a group; those only waiting to be reaped are not.
pub(super) fn members(group: Pid) -> Vec<Pid> {
    let look = || -> Vec<Pid> { pids().filter(|pid| is_member(*pid, group)).collect() };
    // One that is born behind the look, of one that dies before it, is missed once, hardly twice.
    let found = look();
    if found.is_empty() && test_kill_process_group(group).is_ok() { look() } else { found }
}

/// The children of a process: those it started, and those that came to it as their reaper. Also those that wait to be
/// reaped. Only of a process with one thread that starts others are these all.
pub(crate) fn children(parent: Pid) -> Vec<Pid> {
    let raw = parent.as_raw_pid();
    if let Ok(list) = fs::read_to_string(format!("/proc/{raw}/task/{raw}/children")) {
        return list.split_ascii_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect();
    }
    // A kernel that was built without that list.
    pids().filter(|pid| stat(*pid).is_ok_and(|stat| stat.parent == raw)).collect()
}

/// Names who is alive in a session: where its leader is gone, what is left of it.
pub(crate) fn session(leader: u32) -> Vec<Process> {
    let is_in = |pid: &Pid| {
        stat(*pid).is_ok_and(|stat| u32::try_from(stat.session) == Ok(leader) && !matches!(stat.state, b'Z' | b'X'))
    };
    pids().filter(is_in).filter_map(describe).collect()
}

/// Where a process stands: whether it only waits to be reaped, its session, and when it started.
pub(super) fn place(pid: Pid) -> Option<(bool, i32, String)> {
    let stat = stat(pid).ok()?;
    Some((matches!(stat.state, b'Z' | b'X'), stat.session, stat.started))
}

/// Says whether a process is alive.
pub(crate) fn is_alive(pid: Pid) -> bool {
    stat(pid).is_ok_and(|stat| !matches!(stat.state, b'Z' | b'X'))
}

/// Says whether a process is alive and in a group.
pub(super) fn is_member(pid: Pid, group: Pid) -> bool {
    stat(pid).is_ok_and(|stat| stat.group == group.as_raw_pid() && !matches!(stat.state, b'Z' | b'X'))
}

/// Names the processes other than this one that hold one of these pipes, each given by its inode.
pub(super) fn holders(pipes: &[u64]) -> Vec<Process> {
    let links: Vec<OsString> = pipes.iter().map(|inode| format!("pipe:[{inode}]").into()).collect();
    let own = rustix::process::getpid();
    pids().filter(|pid| *pid != own && holds(*pid, &links)).filter_map(describe).collect()
}

/// Names a process, if it is still there.
pub(crate) fn describe(pid: Pid) -> Option<Process> {
    let raw = pid.as_raw_pid();
    let words = words_of(raw);
    let words = words.get(..COMMAND_BYTES_MAX).unwrap_or(&words);
    let words = words.strip_suffix(b"\0").unwrap_or(words);
    let command = if words.is_empty() {
        let name = fs::read(format!("/proc/{raw}/comm")).ok()?;
        format!("[{}]", String::from_utf8_lossy(&name).trim_end())
    } else {
        String::from_utf8_lossy(words).replace('\0', " ")
    };
    Some(Process { pid: raw.unsigned_abs(), command })
}

/// The words of a process, each with a NUL after it; none of a kernel thread or of one that has ended.
fn words_of(raw: i32) -> Vec<u8> {
    for _ in 0..EXEC_LOOKS {
        let words = fs::read(format!("/proc/{raw}/cmdline")).unwrap_or_default();
        // One that just becomes another program has no words for a moment.
        if !words.is_empty() || fs::read_link(format!("/proc/{raw}/exe")).is_err() {
            return words;
        }
        std::thread::sleep(EXEC_LOOK_EVERY);
    }
    Vec::new()
}

fn holds(pid: Pid, links: &[OsString]) -> bool {
    // Other users' processes, and those that end meanwhile, cannot be looked into.
    let Ok(open) = fs::read_dir(format!("/proc/{}/fd", pid.as_raw_pid())) else { return false };
    open.flatten().filter_map(|entry| fs::read_link(entry.path()).ok()).any(|link| {
        let link = link.as_os_str();
        links.iter().any(|wanted| wanted == link)
    })
}

fn pids() -> impl Iterator<Item = Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?))
}

fn stat(pid: Pid) -> io::Result<Stat> {
    let line = fs::read(format!("/proc/{}/stat", pid.as_raw_pid()))?;
    parse_stat(&line).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Reads what follows the program's name. The name stands in parentheses and may itself hold spaces, parentheses and
/// bytes that are not UTF-8, so the last closing one counts.
fn parse_stat(line: &[u8]) -> Option<Stat> {
    let after = line.iter().rposition(|byte| *byte == b')')? + 1;
    let mut fields = std::str::from_utf8(line.get(after..)?).ok()?.split_ascii_whitespace();
    let state = *fields.next()?.as_bytes().first()?;
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    let session = fields.next()?.parse().ok()?;
    // Fields 3 to 6 are read; `nth` counts from 7.
    let started = fields.nth(22 - 7)?.to_owned();
    Some(Stat { state, parent, group, session, started })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may stop where it is")]

    use super::*;

    #[test]
    fn stat_is_read_behind_a_hostile_name() {
        let line = b"4242 (a) Z 1 (\xff b) R 1 77 4242 0 -1 4194304 90 0 0 0 0 0 0 0 20 0 1 0 123456 2502656 200 0\n";
        let stat = parse_stat(line).unwrap();
        assert_eq!((stat.state, stat.parent, stat.group, stat.session), (b'R', 1, 77, 4242));
        assert_eq!(stat.started, "123456");
        assert!(parse_stat(b"4242 (short) R 1").is_none());
        assert!(parse_stat(b"").is_none());
    }

    #[test]
    fn this_process_is_found_by_group_and_has_a_start() {
        let own = rustix::process::getpid();
        let group = rustix::process::getpgrp();
        assert!(members(group).contains(&own));
        assert!(start_time(own).unwrap().parse::<u64>().unwrap() > 0);
        assert_eq!(describe(own).unwrap().pid, std::process::id());
    }
}
