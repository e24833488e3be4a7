//! Runs a plan or goes on with a run, before the operator's eyes, and says how it ended.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _};
use std::rc::Rc;

use jiff::Timestamp;
use runbook_core::run::record::{AttemptKey, Mode, Record, RequestId, RunOutcome, SettleWord, Stream};
use runbook_core::run::request::Request;
use runbook_core::run::state::RunState;
use runbook_runner::account::Machine;
use runbook_runner::inputs;
use runbook_runner::observer::{Notice, Observer};
use runbook_runner::run::{Earlier, Finished, Loaded, LockedBy, RunEnd, RunError, RunOptions, resume, retry, start};
use runbook_transcript::entry::Entry;
use runbook_transcript::reader::Reader;
use runbook_transcript::run_dir::RunDir;
use runbook_transcript::store::Store;
use runbook_transcript::wire;
use serde_json::json;

use crate::clock::spoken;
use crate::context::{Context, Ending, store_failure};
use crate::exit_code::ExitCode;
use crate::failure::{Failure, told_or_not, unless_closed};
use crate::history::once_more;
use crate::place::{Place, shown};
use crate::terminal::answers::{answers, settled_by};
use crate::terminal::live::Live;
use crate::terminal::observer::{JsonObserver, LiveObserver, PlainObserver};
use crate::terminal::screen::Screen;
use crate::terminal::view::View;
use crate::text::{Line, Style};

/// What is to be gone on with.
pub(super) enum Going {
    /// A new run.
    Start(Box<Loaded>, RunOptions),
    /// A new run that takes over what went well in an earlier one.
    Retry(Box<Earlier>, RunOptions),
    /// A run that waits or was interrupted.
    Resume(Store, RunDir),
}

/// How a run is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Watching {
    /// By a person at a terminal, who is asked.
    Live,
    /// By nobody who could be asked.
    Plain,
    /// By a machine.
    Json,
    /// By nobody: what came of it is told at the end.
    Unseen,
}

impl Watching {
    /// By what is there: a person is asked where keyboard and screen are a terminal that can be drawn on.
    pub(super) fn of(json: bool, machine: &Machine) -> Self {
        let can_draw = machine.variable("TERM").is_none_or(|term| term != "dumb");
        match json {
            true => Self::Json,
            false if can_draw && io::stdin().is_terminal() && io::stdout().is_terminal() => Self::Live,
            false => Self::Plain,
        }
    }
}

/// By which words the requests of a run are settled, by their numbers.
pub(super) type Words = BTreeMap<RequestId, Vec<SettleWord>>;

/// Learns what the last words about a run need from its plan, and hands everything on.
struct Learning {
    shown_by: Box<dyn Observer>,
    words: Rc<RefCell<Words>>,
}

/// Shows nothing.
struct Unseen;

impl Observer for Unseen {
    fn recorded(&self, _entry: &Entry, _record: &Record) {}

    fn output(&self, _key: &AttemptKey, _stream: Stream, _bytes: &[u8]) {}

    fn changed(&self, _state: &RunState, _now: Timestamp) {}

    fn told_terminal(&self, _notice: &Notice) {}

    fn unrecorded(&self, _line: &str) {}
}

impl Observer for Learning {
    fn recorded(&self, entry: &Entry, record: &Record) {
        self.shown_by.recorded(entry, record);
    }

    fn output(&self, key: &AttemptKey, stream: Stream, bytes: &[u8]) {
        self.shown_by.output(key, stream, bytes);
    }

    fn changed(&self, state: &RunState, now: Timestamp) {
        let words = state.requests().map(|request| (request.id, settled_by(request, state)));
        self.words.borrow_mut().extend(words);
        self.shown_by.changed(state, now);
    }

    fn told_terminal(&self, notice: &Notice) {
        self.shown_by.told_terminal(notice);
    }

    fn unrecorded(&self, line: &str) {
        self.shown_by.unrecorded(line);
    }
}

/// Goes on until the run is over or waits, and says how it ended.
///
/// # Errors
/// [`Failure`] when nothing was started.
pub(super) fn go(going: Going, watching: Watching, context: &mut Context) -> Ending {
    let (finished, words) = see_through(going, watching, context)?;
    // Whoever cannot read how it ended is told by the exit code all the same.
    let told = tell(&finished, &words, watching, context).and_then(|()| context.out.flush());
    told_or_not(told, context.colour);
    Ok(ExitCode::from_number(finished.end.exit_code()))
}

/// Goes on until the run is over or waits.
///
/// # Errors
/// [`Failure`] when nothing was started.
pub(super) fn see_through(
    going: Going,
    watching: Watching,
    context: &mut Context,
) -> Result<(Finished, Words), Failure> {
    unless_closed(context.out.flush())?;
    let machine = Machine { calls: context.place.calls(), ..Machine::current() };
    let (sender, receiver) = inputs();
    let mode = match &going {
        Going::Start(_, options) | Going::Retry(_, options) => options.mode,
        // A dry run is never gone on with.
        Going::Resume(..) => Mode::Real,
    };
    let mut view = View::new(mode, context.zone.clone());
    if let Going::Resume(_, run) = &going {
        learn(&mut view, run);
    }
    let shown_by: Box<dyn Observer> = match watching {
        Watching::Json => Box::new(JsonObserver::default()),
        Watching::Unseen => Box::new(Unseen),
        Watching::Plain => Box::new(PlainObserver::new(view, context.place.clone(), context.out.colour())),
        Watching::Live => {
            let operator = machine.account.actor("terminal");
            let say = move |input| {
                // More than a person types before one is taken in: what is too much is dropped.
                let _ = sender.try_send((operator.clone(), input));
            };
            let live = Live::start(Screen::new(view.drawn_live()), context.out.colour(), say)
                .map_err(|error| Failure::new(ExitCode::Ours, error))?;
            Box::new(LiveObserver::new(live))
        }
    };
    let words = Rc::new(RefCell::new(Words::new()));
    let observer = Rc::new(Learning { shown_by, words: Rc::clone(&words) });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(ExitCode::Ours, format!("the system gives no event loop: {error}")))?;
    let attended = watching == Watching::Live;
    let ended = runtime.block_on(async {
        match going {
            Going::Start(loaded, options) => start(*loaded, options, machine, observer, receiver).await,
            Going::Retry(earlier, options) => retry(*earlier, options, machine, observer, receiver).await,
            Going::Resume(store, run) => resume(&store, run, attended, machine, observer, receiver).await,
        }
    });
    // The observer has gone with the run: the terminal is as before.
    let finished = ended.map_err(|error| run_failure(&error, context))?;
    Ok((finished, words.take()))
}

/// Shows the view what happened before. What cannot be read is told of when the run goes on.
fn learn(view: &mut View, run: &RunDir) {
    let Ok(entries) = Reader::open(&run.transcript(), Some(run.id().clone())) else { return };
    for entry in entries.map_while(Result::ok) {
        if let Ok(record) = wire::decode(&entry.kind, entry.step.as_deref(), entry.attempt, &entry.d) {
            view.learn(&record);
        }
    }
}

/// Why nothing was started, and what to do.
pub(super) fn run_failure(error: &RunError, context: &Context) -> Failure {
    let failure = Failure::new(ExitCode::from_number(error.exit_code()), error);
    match error {
        RunError::Store(error) => store_failure(error),
        RunError::Locked { run, stands, .. } => {
            let command = |verb| context.place.command(&[verb, run]);
            match stands {
                LockedBy::Running => {
                    failure.help(format!("`{}` watches it; wait for it, or cancel it", command("attach")))
                }
                LockedBy::Waiting | LockedBy::Interrupted => {
                    failure.help(format!("`{}` goes on with it, `{}` ends it", command("resume"), command("cancel")))
                }
            }
        }
        RunError::Held(_) => failure
            .help("that process goes on with it; `runbook answer`, `approve`, `note` and the like reach it from here"),
        RunError::Params(_)
        | RunError::NotInBuild(_)
        | RunError::NotClean { .. }
        | RunError::LockName(_)
        | RunError::DryRun
        | RunError::Open(_)
        | RunError::Replay { .. }
        | RunError::Unwritable(_)
        | RunError::System(_) => failure,
    }
}

/// The earlier run that a run tries again.
fn retried(run: &RunDir) -> Option<String> {
    let Record::RunStarted(started) = wire::record(&run.ends().ok()?.first?).ok()? else { return None };
    started.retry_of.map(|earlier| earlier.run)
}

/// What stands at the end of a transcript.
pub(super) struct Sealed {
    reason: String,
    pub(super) open: Vec<String>,
    took: std::time::Duration,
}

pub(super) fn sealed(run: &RunDir) -> Option<Sealed> {
    let ends = run.ends().ok()?;
    let (first, last) = (ends.first?, ends.last?);
    let record = wire::decode(&last.kind, last.step.as_deref(), last.attempt, &last.d).ok()?;
    let Record::RunSealed { reason, open, .. } = record else { return None };
    Some(Sealed { reason, open, took: last.ts.duration_since(first.ts).unsigned_abs() })
}

fn tell(finished: &Finished, words: &Words, watching: Watching, context: &mut Context) -> Result<(), Failure> {
    let place = context.place.clone();
    if watching == Watching::Json {
        return context.out.raw(&(summary(finished, words, &place).to_string() + "\n"));
    }
    let id = finished.run.id().as_str();
    let out = &mut context.out;
    out.line("")?;
    match &finished.end {
        RunEnd::Over(outcome) => {
            let (style, word) = (style(*outcome), outcome.word());
            let sealed = sealed(&finished.run);
            let line = Line::new().and(style, word);
            match &sealed {
                Some(sealed) => {
                    let line = line.and(Style::Plain, &format!(" in {}: ", spoken(sealed.took)));
                    out.wrapped(line.and(Style::Plain, &sealed.reason), 2)?;
                    for open in &sealed.open {
                        out.wrapped(Line::plain("  ").and(Style::Look, "open: ").and(Style::Plain, open), 4)?;
                    }
                    if sealed.open.is_empty() {
                        out.line("  nothing is left open")?;
                    }
                }
                None => out.line(line)?,
            }
            out.line(Line::plain("  log         ").and(Style::Command, &place.command(&["log", id])))?;
        }
        RunEnd::Shown => {
            out.line(Line::new().and(Style::Good, "That was a dry run: nothing was started, nobody was told."))?;
            // What a run tries again stands in its first entry.
            let words = match retried(&finished.run) {
                Some(run) => vec!["retry".to_owned(), run],
                None => once_more(&finished.run),
            };
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            out.line(Line::plain("  for real    ").and(Style::Command, &place.command(&words)))?;
        }
        RunEnd::Waiting(requests) => {
            out.line(
                Line::new().and(Style::Look, "waiting").and(Style::Plain, ": the run goes on when somebody answers"),
            )?;
            requests.iter().try_for_each(|request| waits(request, words, id, &place, out))?;
            if requests.is_empty() {
                out.line(Line::plain("  ").and(Style::Command, &place.command(&["resume", id])))?;
            }
        }
        RunEnd::InDoubt(requests) => {
            out.line(
                Line::new()
                    .and(Style::Bad, "in doubt")
                    .and(Style::Plain, ": nobody knows how an act ended. Look, then say:"),
            )?;
            requests.iter().try_for_each(|request| waits(request, words, id, &place, out))?;
        }
        RunEnd::Unwritable(unwritable) => {
            let line = Line::new().and(Style::Bad, "the transcript cannot be written").and(Style::Plain, ": ");
            out.wrapped(line.and(Style::Plain, &unwritable.to_string()), 2)?;
            out.line("  nothing more was started; make room or mend it, then")?;
            out.line(Line::plain("  ").and(Style::Command, &place.command(&["resume", id])))?;
        }
    }
    out.line(Line::plain("  transcript  ").and(Style::Plain, &shown(&finished.run.transcript(), &context.here)))
}

fn waits(
    request: &Request,
    words: &Words,
    run: &str,
    place: &Place,
    out: &mut crate::output::Output,
) -> Result<(), Failure> {
    let step = request.step.as_deref().unwrap_or("rollback");
    let text = request.text.lines().next().unwrap_or_default();
    out.wrapped(Line::plain("  ").and(Style::Strong, text).and(Style::Faint, &format!("  ({step})")), 4)?;
    for command in answers(request, settled(words, request), run, place) {
        // A command to be pasted stays in one piece.
        out.line(Line::plain("    ").and(Style::Command, &command))?;
    }
    Ok(())
}

fn settled<'w>(words: &'w Words, request: &Request) -> &'w [SettleWord] {
    words.get(&request.id).map(Vec::as_slice).unwrap_or_default()
}

fn style(outcome: RunOutcome) -> Style {
    match outcome {
        RunOutcome::Resolved => Style::Good,
        RunOutcome::Escalated | RunOutcome::Cancelled => Style::Look,
        RunOutcome::Failed => Style::Bad,
    }
}

/// How a run ended, for a machine: `kind` is `summary`, which no entry has.
fn summary(finished: &Finished, words: &Words, place: &Place) -> serde_json::Value {
    let run = finished.run.id().as_str();
    let (end, outcome, requests) = match &finished.end {
        RunEnd::Over(outcome) => ("over", Some(outcome.word()), &[][..]),
        RunEnd::Shown => ("shown", None, &[][..]),
        RunEnd::Waiting(requests) => ("waiting", None, requests.as_slice()),
        RunEnd::InDoubt(requests) => ("in doubt", None, requests.as_slice()),
        RunEnd::Unwritable(_) => ("unwritable", None, &[][..]),
    };
    let sealed = sealed(&finished.run);
    let waits: Vec<_> = requests
        .iter()
        .map(|request| {
            json!({
                "request": request.id,
                "step": request.step,
                "verb": request.verb(),
                "text": request.text,
                "since": request.since.to_string(),
                "deadline": request.deadline.map(|at: Timestamp| at.to_string()),
                "commands": answers(request, settled(words, request), run, place),
            })
        })
        .collect();
    json!({
        "v": 1,
        "kind": "summary",
        "run": run,
        "end": end,
        "outcome": outcome,
        "reason": sealed.as_ref().map(|sealed| &sealed.reason),
        "open": sealed.as_ref().map(|sealed| &sealed.open),
        "waits": waits,
        "exit_code": finished.end.exit_code(),
        "transcript": finished.run.transcript(),
    })
}
