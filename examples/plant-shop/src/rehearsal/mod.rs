//! A rehearsal: the services started and broken, the real `runbook` run on a terminal by a person, and the servers asked
//! afterwards who answers.

mod engine;
mod interrupt;
mod interrupted;
mod runbook_file;
mod verdict;

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io::{self, IsTerminal as _, Write as _};
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

pub use engine::Engine;
pub use interrupt::Interrupt;
pub use interrupted::{Options as InterruptedOptions, interrupted};
pub use runbook_file::{RunbookFile, RunbookFileError};
pub use verdict::{Paths, Verdict};

use crate::dns::ZONE;
use crate::lab::{BuildError, Fault, Lab, LabError, Programs, SiteError, profile_folder};
use crate::person::{COLUMNS, Person, PersonError, ROWS, Rule};

const RUNBOOK: &str = "dns-failover";

/// How long a run may take; a person who waited longer presses Ctrl-C.
const RUN_WITHIN: Duration = Duration::from_secs(110);

/// How an approval prompt can be told from other lines.
const APPROVAL: &str = "[y/n/?";

/// How the question whether a message was seen can be told.
const ACKNOWLEDGE: &str = "[a/?";

/// How the question about a failure can be told.
const OVERRULE: &str = "it failed. what now? [";

/// What the person says to steps that ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Answer {
    /// Yes to every step.
    Approve,
    /// No to the first step that asks, and so to all.
    Deny,
}

/// How to rehearse.
#[derive(Clone, Debug)]
pub struct Options {
    /// What is wrong with the active server.
    pub fault: Fault,
    /// The folder of the lab; without one, a folder for each fault beside the built programs.
    pub dir: Option<PathBuf>,
    /// Whether the services are left running until Ctrl-C.
    pub keep: bool,
    /// The folder with the runbooks; without one, this workspace.
    pub workspace: Option<PathBuf>,
    /// The runbook program; without one it is built.
    pub runbook: Option<PathBuf>,
    /// Params as `name=value`, over those of the lab.
    pub params: Vec<String>,
    /// What the person says.
    pub answer: Answer,
    /// A step the person says no to, by its id.
    pub deny: Option<String>,
    /// Why.
    pub reason: String,
}

/// Rehearses dns-failover and returns the exit code: the runbook's own, or 1 when it claims `resolved` and the servers say
/// otherwise.
///
/// # Errors
/// [`RehearsalError`] when the lab, the runbook program or the terminal cannot be had; nothing is left running.
pub fn dns_failover(options: &Options, interrupt: &Interrupt) -> Result<u8, RehearsalError> {
    let say = |text: fmt::Arguments| {
        let _nobody_reads = writeln!(io::stdout(), "{text}");
    };
    let engine = Engine::find(options.runbook.as_deref())?;
    let programs = Programs::find().map_err(RehearsalError::Build)?;
    let workspace = options.workspace.clone().unwrap_or_else(crate::lab::workspace);
    let file = RunbookFile::read(&workspace, RUNBOOK)?;
    let dir = match &options.dir {
        Some(dir) => dir.clone(),
        None => profile_folder().map_err(RehearsalError::Build)?.join("plant-shop-lab").join(options.fault.to_string()),
    };

    let lab = Lab::start_with(&dir, programs)?;
    say(format_args!("lab       {}", lab.dir().display()));
    let struck = lab.inject(options.fault)?;
    say(format_args!("fault     {struck} is {}: {}", options.fault, options.fault.about()));

    let store = lab.dir().join("store");
    let arguments = run_arguments(options, &file, &lab, &store);
    let shown = arguments.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
    say(format_args!("command   {} {shown}\n", engine.path().display()));

    let mut command = command(&engine, &lab, &workspace);
    command.args(&arguments);
    // What is drawn for a terminal is shown on one of the same size, or, where there is none, as it stands at the end.
    let size = own_size();
    let mirror = size.is_some().then(|| Box::new(io::stdout()) as Box<dyn io::Write + Send>);
    let mut person = Person::sit_down_at(size.unwrap_or((ROWS, COLUMNS)), command, mirror)?;
    let ended = person.attend(&rules(options, &file), RUN_WITHIN, interrupt.flag());
    if size.is_none() {
        say(format_args!("{}", person.page()));
    }
    let paths = Paths::write(&lab, &mut person, &store)?;
    drop(person);
    let status = ended?;

    paths.write_log(&mut self::command(&engine, &lab, &workspace))?;
    let verdict = Verdict::look(options.fault, struck, status, &lab);
    say(format_args!("\n{verdict}{paths}"));
    if options.keep {
        say(format_args!(
            "\nThe services are running until Ctrl-C. In another shell:\n  PATH={}:$PATH dnsTool -q active_server",
            lab.bin_dir().display()
        ));
        interrupt.wait();
    }
    Ok(verdict.exit_code())
}

/// What the runbook is started with: only params that it has.
fn run_arguments(options: &Options, file: &RunbookFile, lab: &Lab, store: &Path) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec!["run".into(), RUNBOOK.into()];
    let given = |name: &str| options.params.iter().any(|param| param.split('=').next() == Some(name));
    let log_dir = lab.log_dir().to_string_lossy().into_owned();
    let ours = [("name", ZONE), ("recovery_time", "8s"), ("check_every", "1s"), ("log_dir", log_dir.as_str())];
    for (name, value) in ours {
        if file.has_param(name) && !given(name) {
            arguments.extend(["-p".into(), format!("{name}={value}").into()]);
        }
    }
    for param in &options.params {
        arguments.extend(["-p".into(), param.into()]);
    }
    arguments.extend(["--store".into(), store.into()]);
    arguments
}

/// The runbook program as an operator of the shop starts it: in the workspace, with the lab's programs first on PATH.
fn command(engine: &Engine, lab: &Lab, workspace: &Path) -> Command {
    let mut path = OsString::from(lab.bin_dir());
    if let Some(rest) = env::var_os("PATH") {
        path.push(":");
        path.push(rest);
    }
    let mut command = Command::new(engine.path());
    command.current_dir(workspace).env("PATH", path).env("TERM", "xterm-256color");
    command
}

/// Rows and columns of the terminal this is shown on; `None` where it is none, or does not say.
fn own_size() -> Option<(NonZeroU16, NonZeroU16)> {
    let stdout = io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(&stdout).ok()?;
    Some((NonZeroU16::new(size.ws_row)?, NonZeroU16::new(size.ws_col)?))
}

fn rules(options: &Options, file: &RunbookFile) -> Vec<Rule> {
    let mut rules = Vec::new();
    let denied = Rule::new(APPROVAL, "n");
    if options.answer == Answer::Deny {
        rules.push(denied);
    } else if let Some(step) = &options.deny {
        if let Some(title) = file.title(step) {
            rules.push(denied.clone().about(title));
        }
        rules.push(denied.about(step));
    }
    let says_no = !rules.is_empty();
    rules.push(Rule::new(APPROVAL, "y"));
    // Told that it is theirs now, this person has seen it; what failed and has nobody to handle it stays failed.
    rules.push(Rule::new(ACKNOWLEDGE, "a"));
    rules.push(Rule::new(OVERRULE, "f"));
    if says_no {
        let reason = format!("{}\r", options.reason);
        rules.extend(["reason", "why"].map(|asked| Rule::new(asked, &reason).asked()));
    }
    rules
}

/// Why a rehearsal could not be had.
#[derive(Debug)]
pub enum RehearsalError {
    /// A program cannot be built.
    Build(BuildError),
    /// The runbook's file cannot be read.
    File(RunbookFileError),
    /// The lab does not start, or cannot be broken.
    Lab(LabError),
    /// The engine could not be killed in the middle of an act.
    NotInterrupted {
        /// The act.
        step: &'static str,
        /// Why.
        source: io::Error,
        /// What the terminal showed.
        page: String,
    },
    /// The sitting at the terminal went wrong.
    Person(PersonError),
    /// What is left behind cannot be written.
    Site(SiteError),
}

impl From<RunbookFileError> for RehearsalError {
    fn from(e: RunbookFileError) -> Self {
        Self::File(e)
    }
}

impl From<LabError> for RehearsalError {
    fn from(e: LabError) -> Self {
        Self::Lab(e)
    }
}

impl From<PersonError> for RehearsalError {
    fn from(e: PersonError) -> Self {
        Self::Person(e)
    }
}

impl From<SiteError> for RehearsalError {
    fn from(e: SiteError) -> Self {
        Self::Site(e)
    }
}

impl fmt::Display for RehearsalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Build(e) => write!(f, "{e}"),
            Self::File(e) => write!(f, "{e}"),
            Self::Lab(e) => write!(f, "{e}"),
            Self::NotInterrupted { step, source, page } => {
                write!(f, "{step} could not be interrupted: {source}; the terminal showed:\n{page}")
            }
            Self::Person(e) => write!(f, "{e}"),
            Self::Site(e) => write!(f, "{e}"),
        }
    }
}

impl std::error::Error for RehearsalError {}

/// Writes a file that a rehearsal leaves behind.
fn leave(path: &Path, bytes: &[u8]) -> Result<(), SiteError> {
    fs::write(path, bytes).map_err(|e| SiteError::io(path, e))
}
