//! A disk that fails: each call that writes, syncs, opens, renames or locks, one at a time, and a disk that is full.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use runbook_tests::desk::Desk;
use runbook_tests::programs;
use runbook_tests::run::{Said, Started};

use crate::cases::{full, say, spread, try_all};
use crate::judge;
use crate::operator::{KILLED, Operator, Who};
use crate::process::none_touching;
use crate::reference::{self, NAMES, Reference, transcript};
use crate::tracer::{Fault, REFUSED};

/// What a call fails with: the disk broke, it is full, a signal came.
const ERRORS: [&str; 3] = ["EIO", "ENOSPC", "EINTR"];

/// The calls that a signal can interrupt.
const INTERRUPTED: [&str; 4] = ["write", "fdatasync", "fsync", "openat"];

/// The exit code that says that the transcript cannot be written.
const UNWRITABLE: i32 = 6;

#[derive(Debug, Clone, Copy)]
struct Case {
    name: &'static str,
    call: &'static str,
    n: u64,
    error: &'static str,
}

#[test]
fn whichever_call_fails_nothing_starts_that_is_not_on_disk() {
    programs::ready();
    let names: &[&'static str] = if full() { &NAMES } else { &["judged"] };
    let references = try_all("undisturbed runs", names, |name| Reference::run(name));
    let cases: Vec<Case> =
        try_all("calls of undisturbed runs", names, |name| cases(name)).into_iter().flatten().collect();
    let seen = try_all("calls that fail", &cases, |case| {
        one(case, references.iter().find(|reference| reference.name == case.name).unwrap())
    });
    let poisoned = seen.iter().filter(|&&poisoned| poisoned).count();
    say(&format!("{poisoned} of them were writes or syncs of the transcript"));
    assert!(poisoned > 20, "only {poisoned} cases hit the transcript");
}

/// Every call of an undisturbed run that can be refused. A lost disk and a full one are the same to whoever opens a file,
/// so there they take turns in CI.
fn cases(name: &'static str) -> Result<Vec<Case>, String> {
    let desk = reference::desk(name);
    let mut operator = Operator::at(&desk, name).disturbed_by(Fault::Watched, Who::Engine);
    operator.go(&["run", name])?;
    let log = fs::read_to_string(desk.work().join("strace")).map_err(|error| error.to_string())?;
    // What the system's loader cannot open ends the program before it has begun.
    let begun = log.lines().position(|line| line.contains("set_tid_address")).ok_or("it never begins")?;
    let mut cases = Vec::new();
    for call in REFUSED {
        let is = |line: &&str| line.strip_prefix(call).is_some_and(|rest| rest.starts_with('('));
        let before = log.lines().take(begun).filter(is).count() as u64;
        let count = log.lines().filter(is).count() as u64;
        for n in before + 1..=count {
            let alike = call == "openat" && !full();
            let turn = |place: usize| !alike || n % ERRORS.len() as u64 == place as u64;
            let errors = ERRORS.into_iter().enumerate().filter(|(place, _)| turn(*place)).map(|(_, error)| error);
            let errors = errors.filter(|&error| error != "EINTR" || INTERRUPTED.contains(&call));
            cases.extend(errors.map(|error| Case { name, call, n, error }));
        }
    }
    Ok(cases)
}

/// Tries one case; says whether it was the transcript that could not be written.
fn one(case: &Case, reference: &Reference) -> Result<bool, String> {
    let desk = reference::desk(case.name);
    let fault = Fault::Fails { call: case.call, n: case.n, error: case.error };
    let mut operator = Operator::at(&desk, case.name).disturbed_by(fault, Who::Engine);
    let said = operator.go(&["run", case.name])?;
    let log = fs::read_to_string(desk.work().join("strace")).map_err(|error| error.to_string())?;
    let (injected, after) = log.split_once("(INJECTED)").unwrap_or((&log, ""));
    let injected = injected.lines().last().unwrap_or_default();
    if ["<anon_inode:", "<pipe:", "<socket:"].iter().any(|kind| injected.contains(kind)) {
        // No disk has to do with that.
        return Ok(false);
    }
    let of_transcript = injected.contains("transcript.jsonl") && ["write", "fdatasync"].contains(&case.call);
    let poisoned = of_transcript && case.error != "EINTR";

    let mut problems = Vec::new();
    if said.err.contains("panicked") || [101, 134, 139].contains(&said.code) {
        problems.push(format!("exit {}: {}", said.code, said.err));
    }
    if poisoned {
        if said.code != UNWRITABLE || !said.err.contains("transcript.jsonl") {
            problems.push(format!("exit {} and not 6, or the file is not named:\n{}", said.code, said.err));
        }
        let more = after.lines().filter(|line| starts_a_process(line) || appends(line));
        problems.extend(more.map(|line| format!("after the failure: {line}")));
    }
    if case.error == "EINTR" && said.code == UNWRITABLE {
        problems.push(format!("a signal is no failure:\n{}", said.err));
    }
    if !problems.is_empty() {
        return Err(operator.tell(&format!("{injected}\n{}", problems.join("\n"))));
    }
    operator.carry_on(Ok(Said { code: ended_or_killed(said.code, &desk), ..said }))?;
    none_touching(desk.work().parent().unwrap());
    problems.extend(judge::wrong(&desk, case.name));
    problems.extend(judge::ended_otherwise(&desk, reference).filter(|_| poisoned));
    if problems.is_empty() { Ok(poisoned) } else { Err(operator.tell(&format!("{injected}\n{}", problems.join("\n")))) }
}

/// A run that was not sealed is gone on with, as after a kill.
fn ended_or_killed(code: i32, desk: &Desk) -> i32 {
    let sealed = reference::story(desk).is_some_and(|story| story.outcome() != "(not sealed)");
    let ended = if sealed { [0, 1, 3, 4].contains(&code) } else { [5, 75].contains(&code) };
    if ended { code } else { KILLED }
}

/// Whether a line of the log starts a process, and not a thread.
fn starts_a_process(line: &str) -> bool {
    ["clone", "vfork(", "fork("].iter().any(|call| line.starts_with(call)) && !line.contains("CLONE_THREAD")
}

/// Whether a line of the log writes to the transcript.
fn appends(line: &str) -> bool {
    line.starts_with("write(") && line.contains("transcript.jsonl")
}

#[test]
fn where_half_an_entry_finds_room_it_is_taken_back_and_nothing_starts() {
    let reference = Reference::run("chain").unwrap();
    let mut offset = 0;
    let ends = reference.lines.iter().map(|line| {
        offset += line.len();
        (offset - line.len() / 2, offset - 1)
    });
    // A run has a few bytes more or less each time: the first entry names a path, and the last has no other after it.
    let mut limits: Vec<usize> = ends.skip(1).flat_map(|(half, last)| [half, last]).collect();
    limits.pop();
    let limits = if full() { limits } else { spread(limits, 30) };
    try_all("half an entry finds room", &limits, |limit| {
        let desk = reference::desk("chain");
        let said = with_room(&desk, *limit);
        let mut operator = Operator::at(&desk, "chain");
        if said.code != UNWRITABLE || !format!("{}{}", said.out, said.err).contains("transcript.jsonl") {
            return Err(operator.tell(&format!("exit {}\n{}\n{}", said.code, said.out, said.err)));
        }
        operator.carry_on(Ok(Said { code: KILLED, ..said }))?;
        none_touching(desk.work().parent().unwrap());
        let problems = judge::wrong(&desk, "chain");
        if problems.is_empty() { Ok(()) } else { Err(operator.tell(&problems.join("\n"))) }
    });
}

/// Runs it where no file may have more bytes than this: the write that reaches that comes back short, the next fails.
fn with_room(desk: &Desk, bytes: usize) -> Said {
    let asked = desk.command(&["run", "chain"]);
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; exec prlimit --fsize=\"$0\" \"$@\"", &bytes.to_string()]);
    shell.arg(asked.get_program()).args(asked.get_args()).stdin(Stdio::null()).current_dir("/");
    shell.env("RUNBOOK_DIR", desk.runbooks()).env("RUNBOOK_STORE", desk.store()).env("TERM", "dumb");
    Started::from(shell).end()
}

/// Makes a store, and gives the folder of its runs, which is still empty.
fn runs_of_a_new_store(desk: &Desk) -> PathBuf {
    let runs = desk.store().join("runs");
    DirBuilder::new().recursive(true).mode(0o700).create(&runs).unwrap();
    File::create(desk.store().join("ledger.jsonl")).unwrap();
    runs
}

/// A small disk; gone with this.
struct Disk(PathBuf);

impl Disk {
    /// Makes one of so many KiB there, where that is allowed here.
    fn at(place: &Path, kib: u32) -> Result<Self, String> {
        let options = format!("size={kib}k,mode=700");
        mount(&["-t", "tmpfs", "-o", &options, "small"], place).map(|()| Self(place.to_owned()))
    }

    fn grow(&self) {
        mount(&["-o", "remount,size=16m"], &self.0).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _gone = Command::new("umount").arg(&self.0).status();
    }
}

fn mount(words: &[&str], place: &Path) -> Result<(), String> {
    let ended = Command::new("mount").args(words).arg(place).output().map_err(|error| error.to_string())?;
    if ended.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&ended.stderr).trim().to_owned()) }
}

#[test]
fn on_a_disk_that_is_full_nothing_more_starts_and_with_room_the_run_goes_on() {
    let mut stopped = 0;
    for kib in (8..=120).step_by(8) {
        let desk = reference::desk("judged");
        let small = match Disk::at(&runs_of_a_new_store(&desk), kib) {
            Ok(mounted) => mounted,
            Err(why) => return say(&format!("not tried: a small disk cannot be mounted here: {why}")),
        };
        let mut operator = Operator::at(&desk, "judged");
        let said = operator.go(&["run", "judged"]).unwrap();
        assert!(!said.err.contains("panicked"), "{kib} KiB: {}", said.err);
        if said.code == UNWRITABLE {
            stopped += 1;
            assert!(said.err.contains(&*desk.store().to_string_lossy()), "{kib} KiB: {}", said.err);
        }
        let had = transcript(&desk).is_some_and(|path| fs::metadata(path).is_ok_and(|found| found.len() > 0));
        assert!(had || desk.count("effects") == 0, "{kib} KiB: effects, and no transcript");
        small.grow();
        let code = ended_or_killed(said.code, &desk);
        operator.carry_on(Ok(Said { code, ..said })).unwrap();
        none_touching(desk.work().parent().unwrap());
        assert_eq!(judge::wrong(&desk, "judged"), Vec::<String>::new(), "{kib} KiB");
    }
    assert!(stopped >= 3, "the disk was full {stopped} times only");
}

#[test]
fn how_an_act_ended_that_filled_the_disk_is_known_once_there_is_room() {
    let desk = Desk::with_runbook(
        "
params:
  runs: { type: string }
steps:
  fill:
    act: Fill the disk
    script: |
      head -c 50000000 /dev/zero >\"$RUNS/full\" 2>&1 || true
      seq 400
      echo filled >>\"$WORK/effects\"
    env: { RUNS: \"{{ params.runs }}\", WORK: $WORK }
    outputs: { printed: stdout }
",
    );
    let runs = runs_of_a_new_store(&desk);
    let _small = match Disk::at(&runs, 256) {
        Ok(mounted) => mounted,
        Err(why) => return say(&format!("not tried: a small disk cannot be mounted here: {why}")),
    };
    let said = desk.run("try", &[&format!("runs={}", runs.display())]).ended(UNWRITABLE);
    assert!(format!("{}{}", said.out, said.err).contains("transcript.jsonl"), "{}", said.out);
    fs::remove_file(runs.join("full")).unwrap();
    desk.do_it(&["resume", "latest"]).ended(0);
    assert_eq!(desk.count("effects"), 1);
    assert_eq!(desk.story().of("doubt.opened", None).count(), 0, "its end was kept");
    assert_eq!(desk.story().last("step.settled", Some("fill"), "outcome").unwrap(), "passed");
}
