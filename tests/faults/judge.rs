//! Whether a run that was disturbed lost nothing and did nothing twice: by its transcript and by what happened in the
//! world.

use std::collections::{BTreeMap, BTreeSet};

use runbook_tests::story::Story;
use serde_json::Value;

use crate::reference::{Reference, acts, story, transcript};
use crate::world::World;

/// An attempt of an act or its undo: the name of its effect, and its number.
type Attempt = (String, u64);

/// What is wrong with the desk's run, which was sealed; nothing where all is well.
///
/// # Panics
/// When there is no run.
pub(crate) fn wrong(desk: &World, name: &str) -> Vec<String> {
    let (story, acts, effects) = (story(desk).unwrap(), acts(name), desk.effects());
    let mut problems = twice(&story, &acts, &effects);
    problems.extend(lost(&story, &acts, &effects));
    problems.extend(not_let_go(&story, &desk.read("effects")));
    let run = transcript(desk).unwrap().parent().unwrap().file_name().unwrap().to_owned();
    let audit = desk.do_it(&["audit", "verify", &run.to_string_lossy()]);
    if audit.code != 0 {
        problems.push(format!("audit verify: exit {}\n{}{}", audit.code, audit.out, audit.err));
    }
    problems
}

/// That it ended otherwise than undisturbed, and neither a person nor a look had said that something was not done.
pub(crate) fn ended_otherwise(desk: &World, reference: &Reference) -> Option<String> {
    let story = story(desk)?;
    let told_so = story.of("doubt.settled", None).any(|entry| {
        entry.pointer("/d/word").is_some_and(|word| word == "not_done")
            && entry.pointer("/d/by").is_some_and(|by| by != "idempotent")
    });
    let ended = story.outcome();
    (ended != reference.outcome && !told_so).then(|| format!("it ended {ended}, and undisturbed {}", reference.outcome))
}

/// Effects that happened more often than somebody, or a check, decided.
pub(crate) fn twice(story: &Story, acts: &BTreeSet<String>, effects: &[String]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut intended: BTreeMap<Attempt, u64> = BTreeMap::new();
    // Attempts of which nothing says that they were let go.
    let mut held: BTreeSet<Attempt> = BTreeSet::new();
    // Steps for which, since their last intent, something was recorded that allows another attempt.
    let mut decided: BTreeSet<String> = BTreeSet::new();
    for entry in story.entries() {
        let Some(effect) = effect(entry).filter(|effect| acts.contains(effect)) else { continue };
        let number = entry.get("attempt").and_then(Value::as_u64).unwrap_or_default();
        let attempt = (effect.clone(), number);
        match entry.get("kind").and_then(Value::as_str).unwrap_or_default() {
            "step.intent" => {
                let again = intended.keys().any(|(other, _)| *other == effect);
                if again && !decided.contains(&effect) && !held.contains(&attempt) {
                    problems.push(format!("{effect} attempt {number} was begun again, and nothing decided that"));
                }
                *intended.entry(attempt.clone()).or_default() += 1;
                held.insert(attempt);
                decided.remove(&effect);
            }
            "step.released" => _ = held.remove(&attempt),
            "doubt.settled" | "step.retried" | "override" => _ = decided.insert(effect),
            _ => {}
        }
    }
    for effect in effects.iter().collect::<BTreeSet<_>>() {
        let happened = effects.iter().filter(|other| *other == effect).count();
        let attempts = intended.keys().filter(|(name, _)| name == effect).count();
        if happened > attempts {
            problems.push(format!("{effect} happened {happened} times in {attempts} attempts"));
        }
    }
    problems
}

/// Effects of which the transcript does not say that they were let go: nothing happens before that is written. A line of
/// an effect is its name, its process and the supervisor that started that; where a server, a file or another host tells of
/// it nobody knows who that was, and no more happens than was let go.
fn not_let_go(story: &Story, lines: &str) -> Vec<String> {
    let attempt = |entry: &Value| Some((effect(entry)?, entry.get("attempt").and_then(Value::as_u64)?));
    let let_go: BTreeSet<_> = story.of("step.released", None).filter_map(attempt).collect();
    let supervisor = |entry: &&Value| attempt(entry).is_some_and(|attempt| let_go.contains(&attempt));
    let supervisors: BTreeSet<String> = story
        .of("step.spawned", None)
        .filter(supervisor)
        .filter_map(|entry| entry.pointer("/d/pid"))
        .map(ToString::to_string)
        .collect();
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    for (effect, _) in &let_go {
        *left.entry(effect).or_default() += 1;
    }
    let mut known = |line: &&str| {
        let mut words = line.split(' ');
        let (name, process, leader) = (words.next()?, words.next()?, words.next()?);
        if process != leader {
            return supervisors.contains(leader).then_some(());
        }
        let left = left.get_mut(name)?;
        *left = left.checked_sub(1)?;
        Some(())
    };
    let unknown: Vec<&str> = lines.lines().filter(|line| known(line).is_none()).collect();
    unknown.into_iter().map(|line| format!("nothing let this go: {line}")).collect()
}

/// Steps that passed, by the transcript, and whose effect nobody can find.
fn lost(story: &Story, acts: &BTreeSet<String>, effects: &[String]) -> Vec<String> {
    let mut problems = Vec::new();
    for entry in story.entries() {
        let kind = entry.get("kind").and_then(Value::as_str).unwrap_or_default();
        let passed = entry.pointer("/d/outcome").and_then(Value::as_str) == Some("passed");
        let step = entry.get("step").and_then(Value::as_str).unwrap_or_default();
        let name = match kind {
            "step.settled" => step.to_owned(),
            "step.undone" => format!("{step}.undo"),
            _ => continue,
        };
        if passed && acts.contains(&name) && !effects.contains(&name) {
            problems.push(format!("{name} passed, and its effect is not there"));
        }
    }
    problems
}

/// The effect that an entry is about: that of its step, or of the undo of it. Looks have none.
fn effect(entry: &Value) -> Option<String> {
    let step = entry.get("step").and_then(Value::as_str)?;
    match entry.pointer("/d/part").and_then(Value::as_str) {
        None => Some(step.to_owned()),
        Some("undo") => Some(format!("{step}.undo")),
        // A doubt is about the step; that look itself has no effect.
        Some("doubt") if entry.get("kind").and_then(Value::as_str) == Some("doubt.settled") => Some(step.to_owned()),
        Some(_) => None,
    }
}
