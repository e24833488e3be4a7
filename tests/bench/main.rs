//! Measures what a run costs, by hand: `cargo run --release -p runbook-tests --bin bench`.
//!
//! Every figure is a ratio to what the machine needs without us (`make`, `xargs`), because a figure in milliseconds
//! says more about the machine than about the engine. No test reads these figures.
#![expect(clippy::print_stdout, reason = "its output is for the person who runs it")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Times each command runs; the fastest counts, because noise only ever adds.
const ROUNDS: usize = 5;

fn main() -> ExitCode {
    match measure() {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// How long one command took, and the most memory it held at once.
struct Cost {
    time: Duration,
    peak_kib: u64,
}

fn measure() -> Result<String> {
    let runbook = runbook_tests::binary::runbook()?;
    let place = tempfile::tempdir()?;
    let mut report = String::new();

    let chain = write_chain(place.path(), "chain", 1_000, "verify", "/bin/true")?;
    let ours = best(|| run(&runbook, place.path(), &chain))?;
    let make = best(|| make_chain(place.path(), 1_000))?;
    let xargs = best(|| xargs_true(1_000))?;
    writeln!(report, "chain of 1,000 verify steps of /bin/true")?;
    writeln!(report, "  runbook  {:>8.1} ms   {} KiB", millis(ours.time), ours.peak_kib)?;
    writeln!(report, "  make     {:>8.1} ms   runbook takes {:.2} times that", millis(make.time), ratio(&ours, &make))?;
    writeln!(
        report,
        "  xargs    {:>8.1} ms   runbook takes {:.2} times that",
        millis(xargs.time),
        ratio(&ours, &xargs)
    )?;

    let acts = write_chain(place.path(), "acts", 1_000, "act", "/bin/true")?;
    let acts = best(|| run(&runbook, place.path(), &acts))?;
    let more = (millis(acts.time) - millis(ours.time)) / 1_000.0;
    writeln!(report, "chain of 1,000 acts: {:.1} ms; an act costs {more:.2} ms more than a verify", millis(acts.time))?;
    for (name, kind) in [("looks", "verify"), ("changes", "act")] {
        let chain = write_chain(place.path(), name, 1_000, kind, "/bin/true")?;
        let steps = each_step(&runbook, place.path(), &chain)?;
        let at = |part: usize| steps.get(steps.len() * part / 100).copied().unwrap_or_default();
        writeln!(report, "  each {kind}: {} ms in the middle, 99 of 100 within {} ms", at(50), at(99))?;
    }

    let one = write_chain(place.path(), "one", 1, "verify", "/bin/true")?;
    let one = best(|| run(&runbook, place.path(), &one))?;
    writeln!(report, "one step, from start to end of the process: {:.1} ms", millis(one.time))?;

    let many = write_chain(place.path(), "many", 10_000, "verify", "/bin/true")?;
    let check = best(|| time(Command::new(&runbook).arg("check").arg(&many)))?;
    writeln!(report, "check of 10,000 steps: {:.0} ms, {} KiB", millis(check.time), check.peak_kib)?;
    let many = once(|| run(&runbook, place.path(), &many))?;
    writeln!(report, "run of 10,000 steps: {:.1} s, {} KiB", many.time.as_secs_f64(), many.peak_kib)?;

    let (entries, resumed) = resume_of_a_long_run(&runbook, place.path())?;
    writeln!(report, "resume of a run of {entries} entries, until it waits again: {:.0} ms", millis(resumed.time))?;

    let loud = write_chain(place.path(), "loud", 1, "verify", "head -c 100000000 /dev/zero")?;
    let loud = best(|| run(&runbook, place.path(), &loud))?;
    let plain = best(|| time(Command::new("head").args(["-c", "100000000", "/dev/zero"])))?;
    writeln!(
        report,
        "a step that prints 100 MB: {:.0} ms, {} KiB (to a file by itself: {:.0} ms)",
        millis(loud.time),
        loud.peak_kib,
        millis(plain.time)
    )?;
    Ok(report)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

fn ratio(ours: &Cost, theirs: &Cost) -> f64 {
    ours.time.as_secs_f64() / theirs.time.as_secs_f64()
}

fn best(mut one: impl FnMut() -> Result<Cost>) -> Result<Cost> {
    let mut best = one()?;
    for _ in 1..ROUNDS {
        let next = one()?;
        if next.time < best.time {
            best = next;
        }
    }
    Ok(best)
}

fn once(mut one: impl FnMut() -> Result<Cost>) -> Result<Cost> {
    one()
}

/// Runs a command with its output away and takes its time and peak memory, as the kernel counts it.
fn time(command: &mut Command) -> Result<Cost> {
    time_to(command, 0)
}

/// The same of a command that ends with this exit code.
fn time_to(command: &mut Command, code: i32) -> Result<Cost> {
    let started = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let status_file = format!("/proc/{}/status", child.id());
    let mut peak_kib = 0;
    // The high-water mark only rises: reading it now and then misses at most what came after the last look.
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        peak_kib = peak_kib.max(high_water(Path::new(&status_file)).unwrap_or(0));
        std::thread::yield_now();
        std::thread::park_timeout(Duration::from_millis(5));
    };
    let time = started.elapsed();
    if status.code() == Some(code) {
        return Ok(Cost { time, peak_kib });
    }
    let mut said = String::new();
    if let Some(mut stderr) = child.stderr.take() {
        std::io::Read::read_to_string(&mut stderr, &mut said)?;
    }
    Err(format!("{command:?} ended with {status}: {said}").into())
}

fn high_water(status: &Path) -> Option<u64> {
    let text = std::fs::read_to_string(status).ok()?;
    text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().strip_suffix(" kB")?.trim().parse().ok()
}

fn run(runbook: &Path, place: &Path, file: &Path) -> Result<Cost> {
    let store = place.join("store");
    let cost = time(Command::new(runbook).arg("run").arg(file).arg("--store").arg(&store).current_dir(place))?;
    std::fs::remove_dir_all(&store)?;
    Ok(cost)
}

/// A run whose transcript is long, and that waits for a person at its end: each resume reads all of it. Gives how many
/// entries it has.
fn resume_of_a_long_run(runbook: &Path, place: &Path) -> Result<(usize, Cost)> {
    let file = write_chain(place, "long", 2_000, "verify", "/bin/true")?;
    let text = std::fs::read_to_string(&file)? + "  asked: { verify: Is it well, ask: Is it well? }\n";
    std::fs::write(&file, text)?;
    let store = place.join("store");
    let waits = 75;
    time_to(Command::new(runbook).arg("run").arg(&file).arg("--store").arg(&store).current_dir(place), waits)?;
    let resume = || time_to(Command::new(runbook).arg("resume").arg("--store").arg(&store).current_dir(place), waits);
    let cost = best(resume)?;
    let entries = runbook_tests::story::Story::newest(&store).entries().len();
    std::fs::remove_dir_all(&store)?;
    Ok((entries, cost))
}

/// How long each step of a run took, in milliseconds from the one before it, the shortest first.
fn each_step(runbook: &Path, place: &Path, file: &Path) -> Result<Vec<u64>> {
    let store = place.join("store");
    time(Command::new(runbook).arg("run").arg(file).arg("--store").arg(&store).current_dir(place))?;
    let entries = runbook_tests::story::Story::newest(&store);
    std::fs::remove_dir_all(&store)?;
    let settled: Vec<u64> = entries.of("step.settled", None).filter_map(|entry| entry.get("bt")?.as_u64()).collect();
    let mut took: Vec<u64> = settled.iter().zip(settled.iter().skip(1)).map(|(before, after)| after - before).collect();
    took.sort_unstable();
    Ok(took)
}

fn write_chain(place: &Path, name: &str, steps: usize, kind: &str, command: &str) -> Result<PathBuf> {
    let mut text = format!("version: 1\nrunbook: {name}\ntitle: A chain\nowner: sre\nsteps:\n");
    for number in 0..steps {
        // An act that may not be done again is warned of, and a thousand warnings are too many.
        let more = if kind == "act" { ", idempotent: true" } else { "" };
        writeln!(text, "  s{number}: {{ {kind}: Step {number}, run: {command}{more} }}")?;
    }
    let file = place.join(format!("{name}.yaml"));
    std::fs::write(&file, text)?;
    Ok(file)
}

fn make_chain(place: &Path, steps: usize) -> Result<Cost> {
    let mut text = String::from("all: s0\n");
    for number in 0..steps {
        if number + 1 < steps {
            writeln!(text, "s{number}: s{}\n\t@/bin/true", number + 1)?;
        } else {
            writeln!(text, "s{number}:\n\t@/bin/true")?;
        }
    }
    let file = place.join("Makefile");
    std::fs::write(&file, text)?;
    time(Command::new("make").arg("-f").arg(&file).current_dir(place))
}

fn xargs_true(steps: usize) -> Result<Cost> {
    time(Command::new("sh").arg("-c").arg(format!("seq {steps} | xargs -n1 /bin/true")))
}
