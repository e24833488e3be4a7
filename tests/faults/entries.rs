//! SIGKILL at every entry of a transcript, and in the midst of every act; the run is gone on with by the verbs.

use std::fs::{self, OpenOptions};
use std::io::Write as _;

use runbook_tests::desk::Desk;
use runbook_tests::programs;

use crate::cases::{full, say, spread, try_all};
use crate::judge;
use crate::operator::{NotDone, Operator, Who};
use crate::process::none_touching;
use crate::reference::{NAMES, Reference, transcript};
use crate::world::{WRITES, World};

/// As many cases are tried in CI.
const CASES: usize = 300;

/// So many entries after the first kill the process that went on is killed too.
const AGAIN_AFTER: [u64; 5] = [1, 2, 3, 5, 8];

/// When the kill comes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum At {
    /// Instead of this entry, from 0.
    Entry(u64),
    /// In the midst of this one: half of its line is there.
    Torn(u64),
    /// Instead of this one, and once more so many entries later.
    Twice(u64, u64),
    /// While this effect's act runs, before or after it happens.
    Act(String, &'static str),
}

#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    at: At,
    who: Who,
    not_done: NotDone,
}

#[test]
fn whoever_is_killed_at_whichever_entry_nothing_is_lost_or_done_twice() {
    programs::ready();
    let references = try_all("undisturbed runs", &NAMES, |name| Reference::run(name));
    let all: Vec<Case> = references.iter().flat_map(cases).collect();
    let count = all.len();
    let chosen = if full() { all } else { choose(all) };
    say(&format!("SIGKILL at every entry: {} of {count} cases", chosen.len()));
    try_each("SIGKILL at every entry", &chosen, &references, World::of);
}

/// Tries these cases, each in a world of its own.
///
/// # Panics
/// When one failed, or too many killed nothing.
pub(crate) fn try_each(what: &str, chosen: &[Case], references: &[Reference], world: impl Fn(&str) -> World + Sync) {
    let killed = try_all(what, chosen, |case| {
        let reference = references.iter().find(|reference| reference.name == case.name).unwrap();
        one(case, reference, &world(case.name))
    });
    let missed = killed.iter().filter(|&&killed| killed == 0).count();
    // Where steps run side by side, a run may be over an entry sooner than the undisturbed one.
    assert!(missed * 50 < killed.len(), "{missed} of {} cases killed nothing", killed.len());
}

/// All there is to try with one runbook.
pub(crate) fn cases(reference: &Reference) -> Vec<Case> {
    let mut all = Vec::new();
    let entries = 0..reference.lines.len() as u64;
    let mut push = |at: At, who| {
        let not_done = if all.len() % 3 == 0 { NotDone::Failed } else { NotDone::Again };
        all.push(Case { name: reference.name, at, who, not_done });
    };
    for entry in entries {
        for who in Who::EACH {
            push(At::Entry(entry), who);
            push(At::Torn(entry), who);
            for after in AGAIN_AFTER {
                push(At::Twice(entry, after), who);
            }
        }
    }
    // The writing of a file is too short to end anybody in its midst.
    for effect in reference.effects.iter().filter(|effect| effect.split('.').next() != Some(WRITES)) {
        for who in Who::EACH {
            for when in ["before", "after"] {
                push(At::Act(effect.clone(), when), who);
            }
        }
    }
    all
}

/// What CI tries: each entry of each runbook once, with who is killed in turn, and of the rest as much as there is time
/// for, spread evenly.
fn choose(all: Vec<Case>) -> Vec<Case> {
    let in_turn = |case: &Case| match &case.at {
        At::Entry(entry) => usize::try_from(*entry).unwrap() % Who::EACH.len() == case.who as usize,
        At::Torn(_) | At::Twice(..) | At::Act(..) => false,
    };
    let acts = |case: &Case| matches!(case.at, At::Act(..));
    let (mut chosen, rest): (Vec<_>, Vec<_>) = all.into_iter().partition(in_turn);
    assert!(chosen.len() < CASES, "{} entries leave no room for anything else", chosen.len());
    let (acts, rest): (Vec<_>, Vec<_>) = rest.into_iter().partition(acts);
    let left = CASES - chosen.len();
    chosen.extend(spread(acts, left / 2));
    let left = CASES - chosen.len();
    chosen.extend(spread(rest, left));
    chosen
}

/// Tries one case; gives how many processes were killed.
fn one(case: &Case, reference: &Reference, desk: &World) -> Result<usize, String> {
    let mut operator = Operator::at(desk, case.name).says(case.not_done);
    operator = match &case.at {
        At::Entry(entry) => operator.killed_at(*entry, case.who),
        At::Torn(entry) => {
            let line = reference.lines.get(usize::try_from(*entry).unwrap()).unwrap();
            operator.killed_at(*entry, case.who).then(move |desk| tear(desk, line))
        }
        At::Twice(entry, after) => operator.killed_at(*entry, case.who).killed_at(entry + after, case.who),
        At::Act(effect, when) => {
            let who = format!("{:?}", case.who).to_lowercase();
            fs::write(desk.work().join("kill"), format!("{effect} {when} {who}\n")).unwrap();
            operator
        }
    };
    operator.work_to_the_end()?;
    let killed = operator.killed;
    none_touching(desk.work().parent().unwrap());

    let mut problems = judge::wrong(desk, case.name);
    problems.extend(judge::ended_otherwise(desk, reference));
    if problems.is_empty() { Ok(killed) } else { Err(operator.tell(&problems.join("\n"))) }
}

/// Leaves half of a line at the end of the transcript, as a machine that stops does.
fn tear(desk: &Desk, line: &str) {
    let Some(path) = transcript(desk) else { return };
    let mut file = OpenOptions::new().append(true).open(path).unwrap();
    let half = line.len() / 2;
    file.write_all(line.as_bytes().get(..half).unwrap_or_default()).unwrap();
}
