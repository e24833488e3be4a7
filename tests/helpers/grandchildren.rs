//! A step that is hard to end: `grandchildren [deaf] [leave] [escape] DEPTH`.
//!
//! It starts DEPTH generations below itself, all holding its stdout, and prints `ready PID` with the last one's number
//! once that one runs. Then all sleep for ever. `deaf`: all ignore TERM, HUP and INT. `leave`: the first exits with 0
//! instead of sleeping. `escape`: the last one leaves for a session of its own.

use std::env::{args, current_exe};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};

fn main() -> io::Result<ExitCode> {
    let words: Vec<String> = args().skip(1).collect();
    let said = |word: &str| words.iter().any(|other| other == word);
    let depth = words.last().and_then(|word| word.parse().ok()).unwrap_or(0_u32);
    let program = current_exe()?;

    if said("deaf") {
        // A signal that is ignored stays ignored through exec and in every child.
        let rest = words.iter().filter(|word| *word != "deaf");
        let script = r#"trap "" TERM HUP INT; exec "$0" "$@""#;
        return Err(Command::new("/bin/sh").args(["-c", script]).arg(program).args(rest).exec());
    }
    if said("below") {
        if depth == 0 {
            // Stderr leads to the first one, through all generations.
            writeln!(io::stderr(), "{}", std::process::id())?;
        } else {
            let _child = below(&program, said("escape"), depth).spawn()?;
        }
        sleep_for_ever();
    }
    let mut child = below(&program, said("escape"), depth).stderr(Stdio::piped()).spawn()?;
    let mut last = String::new();
    if let Some(stderr) = child.stderr.take() {
        BufReader::new(stderr).read_line(&mut last)?;
    }
    writeln!(io::stdout(), "ready {}", last.trim_end())?;
    io::stdout().flush()?;
    if !said("leave") {
        sleep_for_ever();
    }
    Ok(ExitCode::SUCCESS)
}

/// The command for the next generation, which is `depth` above none.
fn below(program: &std::path::Path, escape: bool, depth: u32) -> Command {
    let depth = depth.saturating_sub(1);
    let mut command = if escape && depth == 0 { Command::new("setsid") } else { Command::new(program) };
    if escape && depth == 0 {
        command.arg(program);
    }
    command.arg("below");
    if escape {
        command.arg("escape");
    }
    command.arg(depth.to_string());
    command
}

fn sleep_for_ever() -> ! {
    loop {
        std::thread::park();
    }
}
