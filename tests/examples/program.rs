//! The program, and a desk to run it from: a store and a folder of its own, and nobody at a terminal.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use tempfile::TempDir;

use crate::story::Story;

/// The repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The real `runbook`, built first where it is older than its sources.
pub(crate) fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let program = plant_shop::lab::profile_folder().unwrap().join("runbook");
        // Cargo is not asked about one that is newer: building one package alone may build its dependencies once more.
        if !is_newer(&program) {
            plant_shop::lab::cargo_build(&["runbook"]).unwrap();
        }
        program
    })
}

fn is_newer(program: &Path) -> bool {
    let modified = |path: &Path| path.metadata().and_then(|found| found.modified());
    let Ok(built) = modified(program) else { return false };
    let packages = repository().join("engine").read_dir().unwrap();
    let mut left: Vec<PathBuf> = packages.map(|entry| entry.unwrap().path().join("src")).collect();
    left.retain(|src| src.is_dir());
    left.push(repository().join("Cargo.lock"));
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(path.read_dir().unwrap().map(|entry| entry.unwrap().path()));
        } else if modified(&path).unwrap() > built {
            return false;
        }
    }
    true
}

/// A desk.
pub(crate) struct Desk {
    runbooks: &'static str,
    store: TempDir,
    work: TempDir,
}

impl Desk {
    /// One where the examples lie.
    pub(crate) fn with_examples() -> Self {
        Self::with("examples")
    }

    /// One where the runbooks of this folder of the repository lie.
    pub(crate) fn with(runbooks: &'static str) -> Self {
        Self { runbooks, store: tempfile::tempdir().unwrap(), work: tempfile::tempdir().unwrap() }
    }

    /// The folder to work in.
    pub(crate) fn work(&self) -> &Path {
        self.work.path()
    }

    fn store(&self) -> PathBuf {
        self.store.path().join("store")
    }

    /// The program, ready to be started as an operator of this desk would.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.current_dir(repository()).args(words);
        command.env("RUNBOOK_DIR", repository().join(self.runbooks)).env("RUNBOOK_STORE", self.store());
        command.env_remove("NO_COLOR").env("TERM", "xterm-256color");
        command
    }

    /// Runs the program to its end.
    pub(crate) fn do_it(&self, words: &[&str]) -> Said {
        Said::of(&self.command(words).stdin(Stdio::null()).output().unwrap())
    }

    /// Runs a runbook to its end, or until it waits for somebody. `$DIR` in a param is the folder to work in.
    pub(crate) fn run(&self, name: &str, params: &[&str]) -> Said {
        self.do_it(&self.words(name, params).iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Starts a runbook that stays while it waits.
    pub(crate) fn start(&self, name: &str, params: &[&str]) -> Started {
        let words = self.words(name, params);
        Started::from(self.command(&words.iter().map(String::as_str).collect::<Vec<_>>()))
    }

    fn words(&self, name: &str, params: &[&str]) -> Vec<String> {
        let mut words = vec!["run".to_owned(), name.to_owned()];
        for param in params {
            words.extend(["-p".to_owned(), param.replace("$DIR", self.work().to_str().unwrap())]);
        }
        words
    }

    /// What the transcript of its only run tells.
    pub(crate) fn story(&self) -> Story {
        Story::only(&self.store())
    }
}

/// Pastes a command that the program printed into a shell that knows nothing of the desk: it must say all itself.
pub(crate) fn paste(line: &str) -> Said {
    let mut command = Command::new("sh");
    command.current_dir("/").stdin(Stdio::null()).args(["-c", line]);
    Said::of(&command.env_remove("RUNBOOK_DIR").env_remove("RUNBOOK_STORE").output().unwrap())
}

/// What the program said and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    /// Of a process that was not ended by a signal.
    pub(crate) fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self { code: output.status.code().unwrap(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// Fails unless it ended so.
    #[track_caller]
    pub(crate) fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, code, "standard output:\n{}\nstandard error:\n{}", self.out, self.err);
        self
    }

    /// Fails unless it printed so.
    #[track_caller]
    pub(crate) fn shows(self, text: &str) -> Self {
        assert!(
            self.out.contains(text),
            "{text:?} is not in standard output:\n{}\nstandard error:\n{}",
            self.out,
            self.err
        );
        self
    }

    /// The command it printed with this verb, from the program's name to the end of the line.
    #[track_caller]
    pub(crate) fn command(&self, verb: &str) -> String {
        let before = format!("{} {verb}", program().display());
        let all = format!("{}\n{}", self.out, self.err);
        let line = all.lines().find_map(|line| line.find(&before).and_then(|at| line.get(at..)));
        line.unwrap_or_else(|| panic!("no command with {verb:?} in:\n{all}")).trim_end().to_owned()
    }
}

/// A run that goes on.
pub(crate) struct Started {
    child: Child,
    lines: Receiver<String>,
    read: String,
}

/// Lines printed and not yet read, before the program waits.
const LINES_MAX: usize = 1000;

/// How long a line, or the end, may take to come.
const COMES_WITHIN: Duration = Duration::from_secs(60);

impl Started {
    /// Starts it and reads what it prints as it comes.
    pub(crate) fn from(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let printed = BufReader::new(child.stdout.take().unwrap());
        let (say, lines) = sync_channel(LINES_MAX);
        // Ends with the program, whose output ends then.
        std::thread::spawn(move || printed.lines().map_while(Result::ok).try_for_each(|line| say.send(line)));
        Self { child, lines, read: String::new() }
    }

    fn next(&mut self) -> Result<String, RecvTimeoutError> {
        let line = self.lines.recv_timeout(COMES_WITHIN)?;
        self.read.push_str(&line);
        self.read.push('\n');
        Ok(line)
    }

    /// Reads on until a line has this text.
    #[track_caller]
    pub(crate) fn until(&mut self, text: &str) {
        loop {
            match self.next() {
                Ok(line) if line.contains(text) => return,
                Ok(_) => {}
                Err(why) => panic!("{text:?} was not printed ({why}), but:\n{}", self.read),
            }
        }
    }

    /// Reads on until it ends.
    #[track_caller]
    pub(crate) fn end(mut self) -> Said {
        let why = loop {
            match self.next() {
                Ok(_) => {}
                Err(why) => break why,
            }
        };
        assert_eq!(why, RecvTimeoutError::Disconnected, "it goes on:\n{}", self.read);
        let status = self.child.wait().unwrap();
        Said { code: status.code().unwrap(), out: std::mem::take(&mut self.read), err: String::new() }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // After a failed test only: one that ended is waited for already.
        let _gone = self.child.kill();
        let _waited = self.child.wait();
    }
}
