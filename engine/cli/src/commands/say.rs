//! Something is handed in to a run, and what becomes of it is told. Where no process has the run, it goes on here.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use runbook_core::run::event::Input;
use runbook_core::run::record::Record;
use runbook_core::run::state::{RunState, Standing};
use runbook_runner::account::Machine;
use runbook_runner::inbox::{hand_in, message_of};
use runbook_transcript::reader::Reader;
use runbook_transcript::run_dir::RunDir;
use runbook_transcript::wire;
use serde_json::json;

use super::going::{Going, Watching, go};
use super::meant::{Meant, holder, over, what_waits};
use crate::arguments::HandIn;
use crate::context::{Context, Ending};
use crate::exit_code::ExitCode;
use crate::failure::{Failure, told_or_not};
use crate::replay::state_now;
use crate::terminal::view::INDENT;
use crate::text::{Line, Style};

/// How long a living process is given to take in what was handed in: it hears of it at once.
const TAKEN_WITHIN: Duration = Duration::from_secs(5);
/// Time between two looks at its transcript.
const LOOK_EVERY: Duration = Duration::from_millis(15);
/// How often a run is gone on with, where other processes are quicker each time.
const TRIES: u32 = 20;

/// What became of something handed in.
enum Fate {
    /// It is in the transcript, as this record.
    Taken(Record),
    /// The process that has the run has not taken it.
    NotYet(String),
    /// It lies there, and no process has the run.
    Nobody,
    /// It lies there, and the run is over.
    TooLate,
}

/// Says something about a request. What was answered already is compared with what was said then; that it was
/// contradicted is recorded, where the run is not over.
pub(super) fn said(meant: &Meant, input: &Input, how: &HandIn, context: &mut Context) -> Ending {
    if meant.open.is_some() {
        return say(&meant.run, input, how, context);
    }
    let machine = Machine::current();
    let state = state_now(&meant.run)?;
    let Some((why, repeats)) = state.would_decline(&machine.account.actor("terminal"), input.clone()) else {
        // It waits again meanwhile.
        return say(&meant.run, input, how, context);
    };
    let is_over = matches!(state.standing(), Standing::Over(_));
    let message = if repeats || is_over { None } else { Some(put(&meant.run, input, &machine)?) };
    if let (Some(message), Some(_)) = (&message, holder(&meant.run)?) {
        fate(&meant.run, message)?;
    }
    declined(&meant.run, input, message.as_deref(), &why, repeats, how, context)
}

/// Hands something in, and tells what becomes of it.
pub(super) fn say(run: &RunDir, input: &Input, how: &HandIn, context: &mut Context) -> Ending {
    let machine = Machine::current();
    let name = put(run, input, &machine)?;
    let mut tries = TRIES;
    loop {
        match fate(run, &name)? {
            Fate::Taken(record) => return taken(run, input, &name, &record, how, context),
            Fate::NotYet(holder) => {
                handed_in(run, input, &name, how, context);
                tell(&format!("handed in; {holder} has run {} and has not taken it yet", run.id()), how, context);
                return Ok(ExitCode::Resolved);
            }
            Fate::TooLate => return too_late(run, input, &name, how, context),
            Fate::Nobody if how.no_resume => {
                handed_in(run, input, &name, how, context);
                tell(&format!("handed in; run {} takes it when it goes on", run.id()), how, context);
                let command = context.place.command(&["resume", run.id().as_str()]);
                if !how.json {
                    told_or_not(context.out.line(Line::plain(INDENT).and(Style::Command, &command)), context.colour);
                }
                return Ok(ExitCode::Resolved);
            }
            Fate::Nobody => {}
        }
        if tries == TRIES {
            handed_in(run, input, &name, how, context);
            tell(&format!("handed in; no process has run {}, so it goes on here", run.id()), how, context);
        }
        tries -= 1;
        let store = context.store()?;
        match go(Going::Resume(store, run.clone()), Watching::of(how.json, &machine), context) {
            // Another process was quicker, and takes it in or has ended the run meanwhile.
            Err(_) if tries > 0 && (holder(run)?.is_some() || is_over(run)) => {}
            Err(failure) => return Err(failure),
            Ok(code) => return after(run, input, &name, code, how, context),
        }
    }
}

/// As [`say`], for what makes a process let go of the run: where none has it, one is there just for that.
pub(super) fn say_and_let_go(run: &RunDir, input: &Input, how: &HandIn, context: &mut Context) -> Ending {
    if holder(run)?.is_some() {
        return say(run, input, how, context);
    }
    let machine = Machine::current();
    let name = put(run, input, &machine)?;
    let store = context.store()?;
    let watching = if how.json { Watching::Json } else { Watching::Plain };
    let gone = go(Going::Resume(store, run.clone()), watching, context);
    match (fate(run, &name)?, gone) {
        (Fate::Taken(record), _) => taken(run, input, &name, &record, how, context),
        (_, gone) => gone,
    }
}

/// How a verb ends that would not be taken, as far as the run's record tells; nothing where it would be.
pub(super) fn declined_already(
    run: &RunDir,
    state: &RunState,
    input: &Input,
    how: &HandIn,
    context: &mut Context,
) -> Option<Ending> {
    let actor = Machine::current().account.actor("terminal");
    let (why, repeats) = state.would_decline(&actor, input.clone())?;
    Some(declined(run, input, None, &why, repeats, how, context))
}

fn put(run: &RunDir, input: &Input, machine: &Machine) -> Result<String, Failure> {
    hand_in(run, &machine.account, input, Timestamp::now()).map_err(|error| Failure::new(ExitCode::Unwritable, error))
}

fn is_over(run: &RunDir) -> bool {
    let last = run.ends().ok().and_then(|ends| ends.last);
    last.is_some_and(|last| last.kind == runbook_transcript::kind::RUN_SEALED)
}

/// Waits a moment for a living process to take a message in.
fn fate(run: &RunDir, message: &str) -> Result<Fate, Failure> {
    let deadline = Instant::now() + TAKEN_WITHIN;
    loop {
        // In this order: what its process did before it let go stands in the transcript by then.
        let holder = holder(run)?;
        if let Some(record) = find(run, message) {
            return Ok(Fate::Taken(record));
        }
        match holder {
            None if is_over(run) => return Ok(Fate::TooLate),
            None => return Ok(Fate::Nobody),
            Some(holder) if Instant::now() >= deadline => return Ok(Fate::NotYet(holder)),
            Some(_) => std::thread::sleep(LOOK_EVERY),
        }
    }
}

/// What a message became in the transcript.
fn find(run: &RunDir, message: &str) -> Option<Record> {
    let entries = Reader::open(&run.transcript(), Some(run.id().clone())).ok()?;
    let mut own = entries
        // A line that is being written ends the look; the next one sees it.
        .map_while(Result::ok)
        .filter(|entry| message_of(&entry.actor) == Some(message))
        .filter_map(|entry| wire::record(&entry).ok());
    // That the run was taken up for it is not what became of it.
    own.find(|record| !matches!(record, Record::RunResumed { .. }))
}

fn taken(run: &RunDir, input: &Input, name: &str, record: &Record, how: &HandIn, context: &mut Context) -> Ending {
    if let Record::Refused { why, repeats, .. } = record {
        return declined(run, input, Some(name), why, *repeats, how, context);
    }
    if how.json {
        line(run, input, Some(name), true, None, false, context);
    }
    tell(&format!("{} was taken in by run {}", input.verb(), run.id()), how, context);
    if let Record::EscalationAcknowledged { step, by } = record
        && hands_over(run, step)
    {
        tell(&format!("with that {step} hands the run over: it is {by}'s now"), how, context);
    }
    Ok(ExitCode::Resolved)
}

/// Whether a step gives the run to those it tells, and waits for nobody else to say that they have seen it.
fn hands_over(run: &RunDir, step: &str) -> bool {
    state_now(run).is_ok_and(|state| {
        let escalation = state.plan().step_at(step).and_then(|written| written.escalation.as_ref());
        escalation.is_some_and(|escalation| escalation.handover)
            && !state.requests().any(|request| request.verb() == "ack" && request.step.as_deref() == Some(step))
    })
}

/// What was said is not what counts: it was said before, or something else was.
fn declined(
    run: &RunDir,
    input: &Input,
    message: Option<&str>,
    why: &str,
    repeats: bool,
    how: &HandIn,
    context: &mut Context,
) -> Ending {
    if how.json {
        line(run, input, message, message.is_some(), Some(why), repeats, context);
    }
    if repeats {
        tell(why, how, context);
        return Ok(ExitCode::Resolved);
    }
    let failure = Failure::usage(format!("{} was refused: {why}", input.verb()));
    if is_over(run) {
        return Err(over(run, context).help.into_iter().fold(failure, Failure::help));
    }
    Err(what_waits(run, context).into_iter().fold(failure, Failure::help))
}

/// The run ended before the message was taken in: nobody will any more.
fn too_late(run: &RunDir, input: &Input, name: &str, how: &HandIn, context: &mut Context) -> Ending {
    // It says nothing to anybody now; left there it would only puzzle.
    let _removed = std::fs::remove_file(run.inbox().join(name));
    let actor = Machine::current().account.actor("terminal");
    match state_now(run)?.would_decline(&actor, input.clone()) {
        Some((why, repeats)) => declined(run, input, None, &why, repeats, how, context),
        None => Err(over(run, context)),
    }
}

/// The run went on here: its exit code tells how it stands, but not where what was said did not count.
fn after(run: &RunDir, input: &Input, name: &str, code: ExitCode, how: &HandIn, context: &mut Context) -> Ending {
    let refused = match find(run, name) {
        // Perhaps by the process before this one: then nothing was said of it here.
        Some(Record::Refused { why, repeats: false, .. }) => {
            Failure::usage(format!("{} was refused: {why}", input.verb()))
        }
        // Somebody else's word came first, and ended the run.
        None if is_over(run) => match too_late(run, input, name, how, context) {
            Ok(_) => return Ok(code),
            Err(failure) => failure,
        },
        _ => return Ok(code),
    };
    Err(Failure { code: if code == ExitCode::Resolved { ExitCode::Usage } else { code }, ..refused })
}

fn handed_in(run: &RunDir, input: &Input, name: &str, how: &HandIn, context: &mut Context) {
    if how.json {
        line(run, input, Some(name), false, None, false, context);
    }
}

fn line(
    run: &RunDir,
    input: &Input,
    message: Option<&str>,
    taken: bool,
    refused: Option<&str>,
    repeats: bool,
    context: &mut Context,
) {
    let line = json!({
        "v": 1,
        "kind": "handed-in",
        "run": run.id().as_str(),
        "verb": input.verb(),
        "message": message,
        "taken": taken,
        "refused": refused,
        "repeats": repeats,
    });
    // It was handed in, whoever hears of it or not.
    let told = context.out.raw(&(line.to_string() + "\n")).and_then(|()| context.out.flush());
    told_or_not(told, context.colour);
}

fn tell(text: &str, how: &HandIn, context: &mut Context) {
    if !how.json {
        let told = context.out.wrapped(Line::new().and(Style::Faint, text), 2).and_then(|()| context.out.flush());
        // As above.
        told_or_not(told, context.colour);
    }
}
