//! A person at a terminal: what is on the screen, which keys answer, and how the terminal is left.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::process::Child;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use crate::desk::Desk;

/// How long anything may take to be seen: much more than it does.
const SEEN_WITHIN: Duration = Duration::from_secs(30);

/// The program at a pseudo-terminal.
struct Sitting {
    child: Child,
    keyboard: File,
    terminal: OwnedFd,
    heard: String,
    read_to: usize,
}

impl Sitting {
    fn at(desk: &Desk, words: &[&str]) -> Self {
        let control = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&control).unwrap();
        unlockpt(&control).unwrap();
        let name = ptsname(&control, Vec::new()).unwrap();
        let terminal = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).unwrap();
        tcsetwinsize(&terminal, Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let ends = || terminal.try_clone().unwrap();
        let mut command = desk.command(words);
        command.env("TERM", "xterm-256color").env("NO_COLOR", "1");
        let child = command.stdin(ends()).stdout(ends()).stderr(ends()).spawn().unwrap();
        Self { child, keyboard: File::from(control), terminal, heard: String::new(), read_to: 0 }
    }

    /// Waits until these words are printed, behind those waited for before.
    #[track_caller]
    fn sees(&mut self, words: &str) {
        let deadline = Instant::now() + SEEN_WITHIN;
        loop {
            let unread = self.heard.get(self.read_to..).unwrap_or_default();
            if let Some(at) = unread.find(words) {
                self.read_to += at + words.len();
                return;
            }
            assert!(Instant::now() < deadline, "{words:?} is not in {unread:?}");
            self.listen();
        }
    }

    fn listen(&mut self) {
        let tick = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
        let mut watched = [PollFd::new(&self.keyboard, PollFlags::IN)];
        if poll(&mut watched, Some(&tick)).unwrap() > 0 {
            let mut piece = [0; 4096];
            let count = self.keyboard.read(&mut piece).unwrap();
            self.heard.push_str(&String::from_utf8_lossy(piece.get(..count).unwrap()));
        }
    }

    fn types(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Whether keys are echoed and come by the line, as a shell wants it.
    fn is_as_before(&self) -> bool {
        let mode = tcgetattr(self.terminal.as_fd()).unwrap();
        mode.local_modes.contains(LocalModes::ICANON | LocalModes::ECHO)
    }

    #[track_caller]
    fn ends(mut self, code: i32) -> String {
        let deadline = Instant::now() + SEEN_WITHIN;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "it does not end: {}", self.heard);
            self.listen();
        }
        assert_eq!(self.child.wait().unwrap().code(), Some(code), "{}", self.heard);
        assert!(self.is_as_before(), "the terminal is left as it was");
        // What was written last is still to be read.
        self.listen();
        std::mem::take(&mut self.heard)
    }
}

impl Drop for Sitting {
    fn drop(&mut self) {
        // It has ended already, but where a test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const APPROVED: &str = "steps:
  stop:
    act: Stop it
    run: touch stopped
    idempotent: true
    approve: operator
    denied: tell
  tell:
    escalate: Somebody should know
    to: ops
";

#[test]
fn enter_approves_nothing_and_y_does() {
    let desk = Desk::with(APPROVED);
    let mut sitting = Sitting::at(&desk, &["run", "x"]);
    sitting.sees("A title");
    sitting.sees("never run before");
    sitting.sees("[1/2] act      Stop it");
    sitting.sees("$ touch stopped");
    sitting.sees("Run it? [y/n/?/t/o/c/h]");
    assert!(!sitting.is_as_before());
    sitting.types("\r");
    sitting.sees("Enter means nothing here: press y (run it) or n (deny it)");
    sitting.types("?");
    sitting.sees("and the run fails");
    sitting.types("c");
    sitting.sees("\u{1b}]52;c;dG91Y2ggc3RvcHBlZA==\u{7}");
    sitting.types("tseen\r");
    sitting.sees("note by ");
    assert!(!desk.path().join("stopped").exists());
    sitting.types("y");
    sitting.sees("approved by ");
    sitting.sees("resolved in ");
    sitting.ends(0);
    assert!(desk.path().join("stopped").exists());
}

#[test]
fn a_denial_asks_why() {
    let desk = Desk::with(APPROVED);
    let mut sitting = Sitting::at(&desk, &["run", "x"]);
    sitting.sees("Run it? [y/n/?");
    sitting.types("n");
    sitting.sees("Why not?");
    sitting.types("\r");
    sitting.sees("A denial needs a reason");
    sitting.types("not today\r");
    sitting.sees("because not today");
    sitting.ends(4);
    assert!(!desk.path().join("stopped").exists());
}

#[test]
fn another_terminal_may_answer_meanwhile() {
    let desk = Desk::with(APPROVED);
    let mut sitting = Sitting::at(&desk, &["run", "x"]);
    sitting.sees("Run it? [y/n/?");
    sitting.types("nbecause");
    sitting.sees("because");
    let said = desk.call(&["approve"]).ends(0);
    assert!(said.out().contains("approve was taken in by run "), "{}", said.out());
    sitting.sees("approved by ");
    sitting.sees("from another terminal");
    sitting.ends(0);
    assert!(desk.path().join("stopped").exists());
}

#[test]
fn a_failure_in_front_of_a_person_can_be_overruled() {
    let desk = Desk::with(
        "steps:
  look:
    verify: It looks
    run: cat there
    outputs: { seen: stdout }
  use:
    act: Use it
    run: echo {{ steps.look.outputs.seen }}
    idempotent: true
fallback: tell
",
    );
    desk.write(
        "y",
        "steps:
  look:
    verify: It looks
    run: cat there
    outputs: { seen: stdout }
  use:
    act: Use it
    run: touch {{ steps.look.outputs.seen }}
    idempotent: true
  tell:
    escalate: It failed
    to: ops
fallback: tell
",
    );
    let mut sitting = Sitting::at(&desk, &["run", "y"]);
    sitting.sees("It failed. What now? [a/g/f/?/t/o/h]");
    sitting.types("a");
    sitting.sees("Why \"again\"?");
    sitting.types("mended\r");
    sitting.sees("overrules: once more");
    sitting.sees("It failed. What now?");
    sitting.types("g");
    sitting.types("known\r");
    sitting.sees("Its output seen, which later steps read");
    sitting.types("used\r");
    sitting.sees("overrules: go on all the same");
    sitting.ends(0);
    assert!(desk.path().join("used").exists());
}

#[test]
fn each_step_asks_where_that_is_wanted_and_no_lets_the_run_wait() {
    let desk = Desk::with("steps:\n  go:\n    act: Go\n    run: touch gone\n    idempotent: true\n");
    let mut sitting = Sitting::at(&desk, &["run", "x", "--step"]);
    sitting.sees("Start it? [y/n/?");
    sitting.types("n");
    sitting.sees("waiting");
    sitting.ends(75);
    assert!(!desk.path().join("gone").exists());
    let mut sitting = Sitting::at(&desk, &["resume"]);
    sitting.sees("Start it? [y/n/?");
    sitting.types("y");
    sitting.ends(0);
    assert!(desk.path().join("gone").exists());
}

#[test]
fn a_run_is_handed_over_with_a_key_and_taken_over_with_resume() {
    let desk = Desk::with(APPROVED);
    let mut sitting = Sitting::at(&desk, &["run", "x"]);
    sitting.sees("Run it? [y/n/?");
    sitting.types("hann\r");
    sitting.sees("handed over to ann");
    sitting.ends(75);
    let mut sitting = Sitting::at(&desk, &["resume"]);
    sitting.sees("$ touch stopped");
    sitting.sees("Run it? [y/n/?");
    sitting.types("y");
    sitting.ends(0);
}

#[test]
fn what_a_program_prints_is_shown_while_it_runs_and_does_nothing() {
    let desk = Desk::with(
        "steps:
  work:
    act: Work
    script: printf 'begun \\033[2J\\n'; until test -e on; do read -t 0.1 x || true; done
    shell: bash -eu
    idempotent: true
",
    );
    let mut sitting = Sitting::at(&desk, &["run", "x"]);
    sitting.sees("│ begun ␛[2J");
    sitting.sees("runs, 0s");
    std::fs::write(desk.path().join("on"), "").unwrap();
    sitting.sees("✓ passed");
    let heard = sitting.ends(0);
    assert!(!heard.contains("\u{1b}[2J"), "{heard:?}");
}
