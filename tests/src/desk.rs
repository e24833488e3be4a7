//! A desk to run the program from: runbooks, a store and a folder to work in.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::binary::{repository, runbook};
use crate::run::{Said, Started};
use crate::story::{self, Story};
use crate::until::until;

/// Who is told at a desk of one's own: a channel that leaves what it was given in `told`, a line of its own before each.
const TEAM: &str = r#"people:
  oncall: { name: On Call, team: ops, notify: [pager] }
teams:
  ops: { members: [oncall], on_call: oncall, notify: [pager] }
channels:
  pager: { command: [sh, -c, 'echo "to $RUNBOOK_TO" >> $WORK/told; cat >> $WORK/told; echo >> $WORK/told'] }
"#;

/// A desk.
#[derive(Debug)]
pub struct Desk {
    runbooks: PathBuf,
    work: PathBuf,
    folder: TempDir,
}

impl Desk {
    /// One with a team file and no runbook.
    ///
    /// # Panics
    /// When its folder cannot be made.
    #[must_use]
    pub fn new() -> Self {
        Self::alone_in(&std::env::temp_dir())
    }

    /// As [`Self::new`], in memory where the system has a place for that: for many that are made and thrown away.
    #[must_use]
    pub fn in_memory() -> Self {
        let memory = Path::new("/dev/shm");
        if memory.is_dir() { Self::alone_in(memory) } else { Self::new() }
    }

    fn alone_in(place: &Path) -> Self {
        let mut desk = Self::at(place, PathBuf::new());
        desk.runbooks = desk.folder.path().join("runbooks");
        fs::create_dir(&desk.runbooks).unwrap();
        fs::write(desk.runbooks.join("team.yaml"), desk.filled(TEAM)).unwrap();
        desk
    }

    /// One where the runbooks of this folder of the repository lie.
    ///
    /// # Panics
    /// When its folder cannot be made.
    #[must_use]
    pub fn with(runbooks: &str) -> Self {
        Self::at(&std::env::temp_dir(), repository().join(runbooks))
    }

    fn at(place: &Path, runbooks: PathBuf) -> Self {
        let folder = tempfile::tempdir_in(place).unwrap();
        let work = folder.path().join("work");
        fs::create_dir(&work).unwrap();
        Self { runbooks, work, folder }
    }

    /// A new desk with one runbook, `try`, of these keys; `$WORK` in them is the folder to work in.
    #[must_use]
    pub fn with_runbook(keys: &str) -> Self {
        let desk = Self::new();
        desk.write("try", keys);
        desk
    }

    /// Writes a runbook of these keys, after those that every runbook has.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: &str, keys: &str) {
        let text = format!("version: 1\nrunbook: {name}\ntitle: Something to try\nowner: ops\n{}", self.filled(keys));
        fs::write(self.runbooks.join(format!("{name}.yaml")), text).unwrap();
    }

    fn filled(&self, text: &str) -> String {
        text.replace("$WORK", &self.work().to_string_lossy())
    }

    /// The folder with the runbooks.
    #[must_use]
    pub fn runbooks(&self) -> &Path {
        &self.runbooks
    }

    /// The folder to work in.
    #[must_use]
    pub fn work(&self) -> &Path {
        &self.work
    }

    /// The store; there once something was run.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// What a file in the folder to work in holds; nothing where it is not there.
    #[must_use]
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.work().join(name)).unwrap_or_default()
    }

    /// How many lines a file in the folder to work in has.
    #[must_use]
    pub fn count(&self, name: &str) -> usize {
        self.read(name).lines().count()
    }

    /// The program, ready to be started as an operator of this desk would.
    ///
    /// # Panics
    /// When it cannot be built.
    #[must_use]
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(runbook().unwrap());
        command.current_dir(repository()).stdin(Stdio::null()).args(words);
        command.env("RUNBOOK_DIR", &self.runbooks).env("RUNBOOK_STORE", self.store());
        command.env_remove("NO_COLOR").env("TERM", "dumb");
        command
    }

    /// The program, ready to be started at a terminal that can be drawn on; whoever starts it gives it that terminal.
    #[must_use]
    pub fn command_at_terminal(&self, words: &[&str]) -> Command {
        let mut command = self.command(words);
        command.env("TERM", "xterm-256color");
        command
    }

    /// Runs the program to its end.
    #[track_caller]
    #[must_use]
    pub fn do_it(&self, words: &[&str]) -> Said {
        self.start(words).end()
    }

    /// Waits until something in a run waits for this verb: what people are told names it before it does.
    ///
    /// # Panics
    /// When nothing does [`SOON`](crate::until::SOON).
    #[track_caller]
    pub fn until_waiting(&self, verb: &str) {
        let mark = format!("    {verb} ");
        until(|| {
            let said = self.do_it(&["runs", "--waiting"]);
            if said.out.contains(&mark) { Ok(()) } else { Err(format!("nothing waits for {verb}: {said:?}")) }
        });
    }

    /// Starts the program and lets it go on.
    #[track_caller]
    #[must_use]
    pub fn start(&self, words: &[&str]) -> Started {
        Started::from(self.command(words))
    }

    /// Runs a runbook to its end, or until it waits for somebody. `$DIR` in a param is the folder to work in.
    #[track_caller]
    #[must_use]
    pub fn run(&self, name: &str, params: &[&str]) -> Said {
        self.start_run(name, params).end()
    }

    /// Starts a runbook that stays while it waits, as [`Self::run`].
    #[track_caller]
    #[must_use]
    pub fn start_run(&self, name: &str, params: &[&str]) -> Started {
        let params: Vec<String> =
            params.iter().map(|param| param.replace("$DIR", &self.work.to_string_lossy())).collect();
        let options = params.iter().flat_map(|param| ["-p", param.as_str()]);
        self.start(&["run", name].into_iter().chain(options).collect::<Vec<_>>())
    }

    /// What the newest run's transcript tells.
    #[must_use]
    pub fn story(&self) -> Story {
        Story::newest(&self.store())
    }

    /// The folders of the runs, oldest first.
    #[must_use]
    pub fn runs(&self) -> Vec<PathBuf> {
        story::runs(&self.store())
    }
}

impl Default for Desk {
    fn default() -> Self {
        Self::new()
    }
}
