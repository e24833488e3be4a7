//! What became of an act that was going on when its engine ended.

use runbook_core::run::record::{AttemptKey, Record};
use runbook_transcript::run_dir::RunDir;

pub use super::leftover::Process;
use super::leftover::is_process;
use crate::process::{self, session};
use crate::supervisor::{Control, Exit, Watched, exit_path};

/// What became of an act.
pub(super) struct Fate {
    pub(super) found: Found,
    pid: Option<u32>,
}

pub(super) enum Found {
    /// It was never let go: it did not run.
    NotLetGo,
    /// Its supervisor lives.
    Lives(Watched, Control),
    /// Its supervisor left how it ended.
    Left(Box<Exit>),
    /// Neither. What may still run of it is named.
    Nothing(Vec<process::Process>),
}

/// What would be found of an act, in a word: for who is to be told before the run goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outlook {
    /// It did not run, and starts.
    Starts,
    /// It runs, and is waited for.
    Attaches,
    /// It ended, and its end is taken in.
    Ended,
    /// Nobody knows.
    Unknown,
}

impl Outlook {
    /// Looks, and touches nothing. `supervisor` is the process that was recorded for it, where that was within this
    /// boot.
    #[must_use]
    pub fn of(run: &RunDir, key: &AttemptKey, let_go: bool, supervisor: Option<Process>) -> Self {
        if !let_go {
            Self::Starts
        } else if supervisor.is_some_and(|process| is_process(process.pid, process.start_time)) {
            Self::Attaches
        } else if Exit::read(&exit_path(&run.exits(), key)).is_some() {
            Self::Ended
        } else {
            Self::Unknown
        }
    }
}

impl Fate {
    /// Looks what became of an act whose end is not recorded; `supervisor` is the process that was recorded for it,
    /// where that was within this boot. Must be called inside a tokio runtime with its io driver.
    pub(super) fn find(run: &RunDir, key: &AttemptKey, let_go: bool, supervisor: Option<Process>) -> Self {
        let pid = supervisor.map(|process| process.pid);
        let exit = exit_path(&run.exits(), key);
        let found = if !let_go {
            Found::NotLetGo
        } else if let Some((watched, control)) =
            supervisor.and_then(|process| Watched::find(process.pid, process.start_time, exit.clone()))
        {
            Found::Lives(watched, control)
        } else if let Some(exit) = Exit::read(&exit) {
            Found::Left(Box::new(exit))
        } else {
            Found::Nothing(pid.map(session).unwrap_or_default())
        };
        Self { found, pid }
    }

    /// What is noted of it when the run goes on.
    pub(super) fn note(&self, key: &AttemptKey) -> Option<Record> {
        let pid = self.pid.map_or(String::new(), |pid| format!(" {pid}"));
        let text = match &self.found {
            Found::NotLetGo => return None,
            Found::Lives(..) => format!("its supervisor{pid} outlived the engine: it is waited for"),
            Found::Left(_) => "it ended while no engine was there, and its supervisor kept how".to_owned(),
            Found::Nothing(left) if left.is_empty() => return None,
            Found::Nothing(left) => {
                let left: Vec<String> =
                    left.iter().map(|process| format!("{} {}", process.pid, process.command)).collect();
                format!(
                    "its supervisor{pid} is gone, and what it started still runs: {}; look at it before saying how it ended",
                    left.join(", ")
                )
            }
        };
        Some(Record::Note { step: Some(key.step.clone()), text })
    }
}
