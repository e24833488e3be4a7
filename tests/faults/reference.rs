//! The runbooks that are run undisturbed first, and then with every fault there is.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use runbook_tests::desk::Desk;
use runbook_tests::story::Story;

use crate::operator::Operator;
use crate::world::{self, World};

/// Their names; `ways.rs` has others.
pub(crate) const NAMES: [&str; 6] = ["chain", "approved", "judged", "parallel", "handled", "loops"];

/// How many items each loop has.
const ITEMS: usize = 3;

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
        Self::run_in(name, &World::of(name))
    }

    /// Runs it in this world, which is of it.
    ///
    /// # Errors
    /// What went wrong.
    pub(crate) fn run_in(name: &'static str, desk: &World) -> Result<Self, String> {
        let mut operator = Operator::at(desk, name);
        operator.work_to_the_end()?;
        let story = story(desk).ok_or("there is no run")?;
        let (outcome, effects) = (story.outcome().to_owned(), desk.effects());
        let lines = fs::read_to_string(transcript(desk).unwrap()).map_err(|error| error.to_string())?;
        let lines = lines.split_inclusive('\n').map(str::to_owned).collect();
        Ok(Self { name, outcome, lines, effects })
    }
}

/// A world of this one.
pub(crate) fn desk(name: &str) -> World {
    World::of(name)
}

/// The names of all effects that one can have, whether they happen in an undisturbed run or not.
pub(crate) fn acts(name: &str) -> BTreeSet<String> {
    world::acts(name, ITEMS)
}

/// The transcript of the desk's run, where there is one: a run that was killed at once may have left a folder, or a file
/// without an entry, beside that of the run that came after it.
pub(crate) fn transcript(desk: &Desk) -> Option<PathBuf> {
    let length = |path: &PathBuf| path.metadata().map(|found| found.len()).ok();
    desk.runs().into_iter().map(|run| run.join("transcript.jsonl")).filter(|path| path.is_file()).max_by_key(length)
}

/// What the desk's run tells.
pub(crate) fn story(desk: &Desk) -> Option<Story> {
    Some(Story::of_run(transcript(desk)?.parent()?))
}
