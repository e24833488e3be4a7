//! The runbooks that are run undisturbed first, and then with every fault there is.

use std::fs;
use std::path::PathBuf;

use runbook_tests::binary::repository;
use runbook_tests::desk::Desk;

use crate::operator::Operator;

/// Their names.
pub(crate) const NAMES: [&str; 5] = ["chain", "approved", "judged", "parallel", "handled"];

/// What an undisturbed run of one left.
#[derive(Debug)]
pub(crate) struct Reference {
    /// Its name.
    pub(crate) name: &'static str,
    /// How it ended.
    pub(crate) outcome: String,
    /// The lines of its transcript.
    pub(crate) lines: Vec<String>,
    /// The effects it had, in their order.
    pub(crate) effects: Vec<String>,
}

impl Reference {
    /// Runs it.
    ///
    /// # Errors
    /// What went wrong.
    pub(crate) fn run(name: &'static str) -> Result<Self, String> {
        let desk = desk(name);
        let mut operator = Operator::at(&desk, name);
        operator.work_to_the_end()?;
        let story = desk.story();
        let (outcome, effects) = (story.outcome().to_owned(), effects(&desk));
        let lines = fs::read_to_string(transcript(&desk).unwrap()).map_err(|error| error.to_string())?;
        let lines = lines.split_inclusive('\n').map(str::to_owned).collect();
        Ok(Self { name, outcome, lines, effects })
    }
}

/// A desk with this one, in memory where that is possible: what is not synced is lost with the machine, not with a process.
pub(crate) fn desk(name: &str) -> Desk {
    let desk = Desk::in_memory();
    let from = repository().join("tests/faults/runbooks").join(format!("{name}.yaml"));
    let text = fs::read_to_string(from).unwrap();
    let text = text.replace("$EFFECT", env!("CARGO_BIN_EXE_effect")).replace("$WORK", &desk.work().to_string_lossy());
    fs::write(desk.runbooks().join(format!("{name}.yaml")), text).unwrap();
    desk
}

/// The names of the effects that happened, in their order.
pub(crate) fn effects(desk: &Desk) -> Vec<String> {
    let name = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
    desk.read("effects").lines().map(name).collect()
}

/// The transcript of the desk's one run, where there is one.
pub(crate) fn transcript(desk: &Desk) -> Option<PathBuf> {
    desk.runs().pop().map(|run| run.join("transcript.jsonl")).filter(|path| path.is_file())
}
