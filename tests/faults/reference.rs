//! The runbooks that are run undisturbed first, and then with every fault there is.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use runbook_tests::binary::repository;
use runbook_tests::desk::Desk;
use runbook_tests::story::Story;

use crate::operator::Operator;

/// Their names.
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
        let desk = desk(name);
        let mut operator = Operator::at(&desk, name);
        operator.work_to_the_end()?;
        let story = story(&desk).ok_or("there is no run")?;
        let (outcome, effects) = (story.outcome().to_owned(), effects(&desk));
        let lines = fs::read_to_string(transcript(&desk).unwrap()).map_err(|error| error.to_string())?;
        let lines = lines.split_inclusive('\n').map(str::to_owned).collect();
        Ok(Self { name, outcome, lines, effects })
    }
}

/// A desk with this one, in memory where that is possible: what is not synced is lost with the machine, not with a process.
pub(crate) fn desk(name: &str) -> Desk {
    let desk = Desk::in_memory();
    let text =
        text(name).replace("$EFFECT", env!("CARGO_BIN_EXE_effect")).replace("$WORK", &desk.work().to_string_lossy());
    fs::write(desk.runbooks().join(format!("{name}.yaml")), text).unwrap();
    desk
}

fn text(name: &str) -> String {
    fs::read_to_string(repository().join("tests/faults/runbooks").join(format!("{name}.yaml"))).unwrap()
}

/// Whether an act fails after its effect has happened: its words end in the exit code.
pub(crate) fn fails(name: &str, effect: &str) -> bool {
    let after = format!("$EFFECT $WORK {effect} ");
    text(name).split(&after).nth(1).is_some_and(|rest| rest.starts_with(|digit: char| digit.is_ascii_digit()))
}

/// The names of all effects that one can have, whether they happen in an undisturbed run or not.
pub(crate) fn acts(name: &str) -> BTreeSet<String> {
    let text = text(name);
    let words = text.split("$EFFECT $WORK ").skip(1);
    let mut names = BTreeSet::new();
    for rest in words {
        match rest.strip_prefix('\'').and_then(|quoted| quoted.split('\'').next()) {
            // An effect of each item, named as the item's step is.
            Some(name) => names.extend((0..ITEMS).map(|item| name.replace("{{ each.index }}", &item.to_string()))),
            None => names.extend(rest.split([' ', '\n', ',']).next().map(str::to_owned)),
        }
    }
    names
}

/// The names of the effects that happened, in their order.
pub(crate) fn effects(desk: &Desk) -> Vec<String> {
    let name = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
    desk.read("effects").lines().map(name).collect()
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
