//! A transcript that ends anywhere: every byte prefix of real ones, as a machine that stops may leave them, is gone on
//! with, or refused by name.

use std::fs;
use std::path::{Path, PathBuf};

use runbook_tests::desk::Desk;
use runbook_tests::run::Said;
use runbook_tests::story::Story;
use runbook_transcript::reader::Reader;
use serde_json::Value;

use crate::cases::{full, say, try_all};
use crate::judge;
use crate::operator::{self, KILLED, Operator, Who};
use crate::process::none_touching;
use crate::reference::{self, NAMES, transcript};
use crate::world::World;

/// Of the last so many bytes each is tried, beside every place where an entry begins.
const LAST_BYTES: usize = 160;

/// The transcripts that are cut: the runbook, and in the quarter of its entries where its engine was killed.
#[derive(Debug, Clone, Copy)]
struct Whole {
    name: &'static str,
    killed_in: Option<u64>,
}

#[test]
fn every_prefix_of_a_transcript_is_gone_on_with_or_refused_by_name() {
    let undisturbed = |name| Whole { name, killed_in: None };
    let wholes: Vec<Whole> = if full() {
        let killed = |name| (1..4).map(move |quarter| Whole { name, killed_in: Some(quarter) });
        NAMES.into_iter().flat_map(|name| [undisturbed(name)].into_iter().chain(killed(name))).collect()
    } else {
        ["chain", "approved", "judged"].map(undisturbed).to_vec()
    };
    // Each has a folder of its own, which its commands name: its prefixes come one after the other.
    let tried = try_all("transcripts cut short", &wholes, cut);
    say(&format!(
        "every prefix of {} transcripts was read, and {} were gone on with",
        tried.len(),
        tried.iter().sum::<usize>()
    ));
}

/// A run that is over, put aside.
struct Kept {
    store: PathBuf,
    transcript: PathBuf,
    lines: Vec<Vec<u8>>,
    /// Its effects, each with the entry that let it go.
    effects: Vec<(String, usize)>,
}

/// Tries every prefix of one; gives how many there were.
fn cut(whole: &Whole) -> Result<usize, String> {
    let desk = reference::desk(whole.name);
    let mut operator = Operator::at(&desk, whole.name);
    if let Some(quarter) = whole.killed_in {
        let entries = reference::Reference::run(whole.name)?.lines.len() as u64;
        operator = operator.killed_at(entries * quarter / 4, Who::Engine);
    }
    operator.work_to_the_end()?;
    none_touching(desk.work().parent().unwrap());
    let kept = keep(&desk)?;
    read_each(&kept)?;
    let lengths = lengths(&kept.lines);
    for &length in &lengths {
        one(&desk, whole.name, &kept, length).map_err(|why| format!("the first {length} bytes: {why}"))?;
    }
    Ok(lengths.len())
}

fn keep(desk: &Desk) -> Result<Kept, String> {
    let path = transcript(desk).ok_or("there is no run")?;
    let aside = desk.store().with_file_name("kept");
    fs::rename(desk.store(), &aside).map_err(|error| error.to_string())?;
    let kept = aside.join(path.strip_prefix(desk.store()).unwrap());
    let bytes = fs::read(&kept).map_err(|error| error.to_string())?;
    let lines = bytes.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
    let story = Story::of_run(kept.parent().unwrap());
    let lines_of_effects = desk.read("effects");
    let effects = lines_of_effects.lines().map(|line| (line.to_owned(), let_go(&story, line))).collect();
    Ok(Kept { store: aside, transcript: path, lines, effects })
}

/// The entry that let this effect's act go.
fn let_go(story: &Story, effect: &str) -> usize {
    let supervisor: u64 = effect.rsplit(' ').next().and_then(|pid| pid.parse().ok()).unwrap();
    let is = |entry: &Value| entry.pointer("/d/pid").and_then(Value::as_u64) == Some(supervisor);
    let spawned = story.entries().iter().position(is).unwrap();
    let step = |entry: &Value| (entry.get("step").cloned(), entry.pointer("/d/part").cloned());
    let wanted = story.entries().get(spawned).map(step);
    let released = |entry: &Value| entry.get("kind").is_some_and(|kind| kind == "step.released");
    let after = story.entries().iter().enumerate().skip(spawned);
    after.filter(|(_, entry)| released(entry)).find(|(_, entry)| Some(step(entry)) == wanted).unwrap().0
}

/// Reads every prefix there is: each has its whole entries, and what is left of the last is known for torn, at its byte.
fn read_each(kept: &Kept) -> Result<(), String> {
    let bytes: Vec<u8> = kept.lines.concat();
    let mut whole = 0;
    let mut entries = 0;
    for (length, _) in bytes.iter().enumerate() {
        if let Some(line) = kept.lines.get(entries)
            && length == whole + line.len()
        {
            whole = length;
            entries += 1;
        }
        let mut reader = Reader::new(bytes.get(..length).unwrap(), &kept.transcript, None);
        let read: Vec<_> = reader.by_ref().collect();
        let sound = read.iter().take_while(|one| one.is_ok()).count();
        let end = read.get(sound).map(|error| error.as_ref().map_err(ToString::to_string).err());
        let wanted = (length > whole).then(|| {
            Some(format!("entry {entries} is torn: {} bytes from byte {whole} on, and no line end", length - whole))
        });
        if (sound, &end) != (entries, &wanted) {
            return Err(format!("the first {length} bytes are read as {sound} entries and {end:?}"));
        }
    }
    Ok(())
}

/// How much is left to a run that is gone on with: a byte less and a byte more than each entry, and each of the last
/// bytes. What lies between differs from these in nothing but what [`read_each`] has read.
fn lengths(lines: &[Vec<u8>]) -> Vec<usize> {
    let whole: usize = lines.iter().map(Vec::len).sum();
    let mut at = 0;
    let mut lengths: Vec<usize> = vec![0, 1];
    for line in lines.iter().take(lines.len() - 1) {
        at += line.len();
        lengths.extend([at - 1, at, at + 1]);
    }
    lengths.extend(whole.saturating_sub(LAST_BYTES)..whole);
    lengths.sort_unstable();
    lengths.dedup();
    lengths
}

fn one(desk: &World, name: &str, kept: &Kept, length: usize) -> Result<(), String> {
    let entries = lay_out(desk, kept, length).map_err(|error| error.to_string())?;
    let mut operator = Operator::at(desk, name);
    if entries == 0 {
        let id = kept.transcript.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
        let said = operator.go(&["resume", &id])?;
        let named = said.err.contains("transcript.jsonl") || said.err.contains(&id);
        if ![2, 6, 14].contains(&said.code) || !named {
            return Err(operator.tell(&format!("not refused by name: exit {}\n{}", said.code, said.err)));
        }
        return if desk.count("effects") == 0 { Ok(()) } else { Err(operator.tell("it had effects")) };
    }
    operator.carry_on(Ok(Said { code: KILLED, out: String::new(), err: String::new() }))?;
    none_touching(desk.work().parent().unwrap());
    let problems = judge::wrong(desk, name);
    if problems.is_empty() { Ok(()) } else { Err(operator.tell(&problems.join("\n"))) }
}

/// Puts the store and the world as they were when so much of the transcript was written; gives how many entries that is.
fn lay_out(desk: &Desk, kept: &Kept, length: usize) -> std::io::Result<usize> {
    if desk.store().exists() {
        fs::remove_dir_all(desk.store())?;
    }
    copy(&kept.store, &desk.store())?;
    let bytes: Vec<u8> = kept.lines.iter().flatten().copied().take(length).collect();
    fs::remove_file(&kept.transcript)?;
    fs::write(&kept.transcript, &bytes)?;
    let entries = usize::try_from(operator::lines(&bytes)).unwrap();

    // What was let go by then has happened, and has left its end, but for every third case; the rest has not.
    let (happened, later): (Vec<_>, Vec<_>) = kept.effects.iter().partition(|(_, entry)| *entry < entries);
    let lines: String = happened.iter().map(|(line, _)| line.as_str()).flat_map(|line| [line, "\n"]).collect();
    fs::write(desk.work().join("effects"), lines)?;
    let exits = kept.transcript.with_file_name("exits");
    let without_end = if length.is_multiple_of(3) { happened } else { Vec::new() };
    for (line, _) in later.into_iter().chain(without_end) {
        let step = line.split(' ').next().unwrap_or_default();
        let (step, part) = step.split_once('.').unwrap_or((step, ""));
        for exit in fs::read_dir(&exits)?.filter_map(Result::ok) {
            let file = exit.file_name().to_string_lossy().into_owned();
            if file.starts_with(&format!("{step}.")) && file.contains("undo") == (part == "undo") {
                fs::remove_file(exit.path())?;
            }
        }
    }
    // The ledger was told of the start alone.
    let ledger = desk.store().join("ledger.jsonl");
    let text = fs::read_to_string(&ledger)?;
    fs::write(ledger, text.split_inclusive('\n').take(usize::from(entries > 0)).collect::<String>())?;
    Ok(entries)
}

/// Copies a folder of files and folders.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for item in from.read_dir()? {
        let item = item?;
        let target = to.join(item.file_name());
        if item.file_type()?.is_dir() { copy(&item.path(), &target)? } else { _ = fs::copy(item.path(), target)? }
    }
    Ok(())
}
