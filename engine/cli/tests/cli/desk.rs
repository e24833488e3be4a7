//! A desk to work at: a folder with runbooks, and the program.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A folder with runbooks and a team.
pub(crate) struct Desk {
    directory: TempDir,
}

/// Nobody of this team can be told but through a file.
const TEAM: &str = "
people:
  ann: { name: Ann, team: ops, notify: [file] }
teams:
  ops: { members: [ann], on_call: ann, notify: [file] }
channels:
  file: { command: [sh, -c, 'cat >> told'] }
";

impl Desk {
    /// A desk with one runbook, `x`, of these steps (and whatever else stands beside them), indented by two blanks.
    pub(crate) fn with(rest: &str) -> Self {
        let desk = Self { directory: TempDir::new().unwrap() };
        fs::create_dir(desk.path().join("runbooks")).unwrap();
        fs::write(desk.path().join("runbooks/team.yaml"), TEAM).unwrap();
        desk.write("x", rest);
        desk
    }

    /// Writes a runbook.
    pub(crate) fn write(&self, name: &str, rest: &str) {
        let head = format!("version: 1\nrunbook: {name}\ntitle: A title\nowner: ops\n");
        fs::write(self.path().join(format!("runbooks/{name}.yaml")), head + rest).unwrap();
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// What a file of the folder holds; nothing where there is none.
    pub(crate) fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path().join(file)).unwrap_or_default()
    }

    /// The program, called at this desk.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_runbook"));
        command.args(words).current_dir(self.path()).stdin(Stdio::null());
        command.env_remove("RUNBOOK_STORE").env_remove("RUNBOOK_DIR").env_remove("FORCE_COLOR");
        command
    }

    /// Calls the program and waits for its end.
    pub(crate) fn call(&self, words: &[&str]) -> Called {
        Called(self.command(words).output().unwrap())
    }

    /// Pastes a line into a shell.
    pub(crate) fn paste(&self, line: &str) -> Called {
        let mut shell = Command::new("sh");
        Called(shell.args(["-c", line]).current_dir(self.path()).stdin(Stdio::null()).output().unwrap())
    }
}

/// What a call gave.
pub(crate) struct Called(Output);

impl Called {
    pub(crate) fn code(&self) -> i32 {
        self.0.status.code().unwrap()
    }

    pub(crate) fn out(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    pub(crate) fn err(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).unwrap()
    }

    /// Its code, and what it printed where that is not the code that was wanted.
    #[track_caller]
    pub(crate) fn ends(self, code: i32) -> Self {
        assert_eq!(self.code(), code, "out: {}\nerr: {}", self.out(), self.err());
        self
    }
}
