//! `answer`, `approve`, `deny`, `ack`, `note`, `settle`, `handover`, `cancel`: something is said to a run, from any
//! terminal. A run that waits goes on after it, in its own process or, where that has gone, in this one.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use runbook_core::run::event::Input;
use runbook_core::run::record::{AnswerWord, Record, SettleWord};
use runbook_runner::account::Machine;
use runbook_runner::inbox::{hand_in, message_of};
use runbook_transcript::reader::Reader;
use runbook_transcript::run_dir::RunDir;
use runbook_transcript::wire;
use serde_json::json;

use super::going::{Going, Watching, go};
use crate::arguments::{Ack, Answer, Cancel, Decide, Deny, HandIn, Handover, Note, Settle, SettleHow};
use crate::context::{Context, Ending};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::terminal::view::INDENT;
use crate::text::{Line, Style};
use crate::waiting::{Open, Waiting};

/// How long a living process is given to take in what was handed in: it hears of it at once.
const TAKEN_WITHIN: Duration = Duration::from_secs(2);
/// Time between two looks at its transcript.
const LOOK_EVERY: Duration = Duration::from_millis(15);

/// What is meant: a run and a step, where they were named.
struct Named<'a> {
    run: Option<&'a str>,
    step: Option<&'a str>,
}

impl<'a> Named<'a> {
    /// Of words before an answer or a text. One alone is a run where it reads like one: an id begins with a digit, and
    /// no step does.
    fn of(words: &'a [String]) -> Self {
        match words {
            [] => Self { run: None, step: None },
            [one] if one == "latest" || one.starts_with(|first: char| first.is_ascii_digit()) => {
                Self { run: Some(one), step: None }
            }
            [one] => Self { run: None, step: Some(one) },
            [run, step, ..] => Self { run: Some(run), step: Some(step) },
        }
    }
}

/// A run, and what waits in it that a verb is about.
struct Meant {
    run: RunDir,
    open: Option<Open>,
}

/// `answer`.
pub(super) fn answer(arguments: &Answer, context: &mut Context) -> Ending {
    let (before, word) = match arguments.words.as_slice() {
        // Typed without quotes it is meant all the same.
        [before @ .., could, not] if could == "could" && not == "not" => (before, "could not"),
        [before @ .., word] => (before, word.as_str()),
        [] => return Err(Failure::usage("an answer is missing")),
    };
    let meant = meant(&Named::of(before), "answer", context)?;
    let choices = meant.open.as_ref().map_or(&[][..], |open| &open.choices);
    let answer = answer_word(word, choices)?;
    let input = Input::Answer {
        step: meant.open.as_ref().and_then(|open| open.step.clone()),
        request: None,
        answer,
        fields: arguments.field.iter().cloned().collect(),
        behalf: arguments.behalf.clone(),
        reason: arguments.reason.clone(),
    };
    say(&meant.run, &input, &arguments.hand_in, context)
}

fn answer_word(word: &str, choices: &[String]) -> Result<AnswerWord, Failure> {
    if choices.is_empty() {
        return match word.to_lowercase().as_str() {
            "yes" | "y" | "done" => Ok(AnswerWord::Yes),
            "no" | "n" | "could not" => Ok(AnswerWord::No),
            _ => Err(Failure::usage(format!("{word:?} is no answer to this: it takes yes or no, done or could not"))),
        };
    }
    let numbered = word.parse::<usize>().ok().and_then(|number| choices.get(number.checked_sub(1)?));
    let found = choices.iter().find(|choice| *choice == word).or(numbered);
    found.map(|choice| AnswerWord::Choice(choice.clone())).ok_or_else(|| {
        let quoted: Vec<String> = choices.iter().map(|choice| format!("'{choice}'")).collect();
        Failure::usage(format!("{word:?} is none of the choices"))
            .help(format!("it takes one of {}", quoted.join(", ")))
    })
}

/// `approve`.
pub(super) fn approve(arguments: &Decide, context: &mut Context) -> Ending {
    let meant = meant(&Named::of(&arguments.words), "approve", context)?;
    let step = meant.open.and_then(|open| open.step);
    let input = Input::Approve { step, request: None, reason: arguments.reason.clone() };
    say(&meant.run, &input, &arguments.hand_in, context)
}

/// `deny`.
pub(super) fn deny(arguments: &Deny, context: &mut Context) -> Ending {
    if arguments.reason.trim().is_empty() {
        return Err(Failure::usage("a denial needs a reason: it stands in the log"));
    }
    let meant = meant(&Named::of(&arguments.words), "approve", context)?;
    let step = meant.open.and_then(|open| open.step);
    let input = Input::Deny { step, request: None, reason: arguments.reason.clone() };
    say(&meant.run, &input, &arguments.hand_in, context)
}

/// `ack`.
pub(super) fn ack(arguments: &Ack, context: &mut Context) -> Ending {
    let meant = meant(&Named::of(&arguments.words), "ack", context)?;
    let step = meant.open.and_then(|open| open.step);
    let input = Input::Acknowledge { step, behalf: arguments.behalf.clone() };
    say(&meant.run, &input, &arguments.hand_in, context)
}

/// `settle`.
pub(super) fn settle(arguments: &Settle, context: &mut Context) -> Ending {
    let word = settle_word(&arguments.how);
    if word != SettleWord::Fail && arguments.reason.as_ref().is_none_or(|reason| reason.trim().is_empty()) {
        return Err(Failure::usage("this needs --reason: it stands first in the log"));
    }
    let meant = meant(&Named::of(&arguments.words), "settle", context)?;
    let step = meant.open.and_then(|open| open.step);
    let outputs: BTreeMap<String, String> = arguments.output.iter().cloned().collect();
    let input = Input::Settle { step, word, reason: arguments.reason.clone(), outputs };
    say(&meant.run, &input, &arguments.hand_in, context)
}

fn settle_word(how: &SettleHow) -> SettleWord {
    let words = [
        (how.done, SettleWord::Done),
        (how.not_done, SettleWord::NotDone),
        (how.again, SettleWord::Again),
        (how.by_hand, SettleWord::ByHand),
        (how.go_on, SettleWord::GoOn),
    ];
    words.into_iter().find(|(given, _)| *given).map_or(SettleWord::Fail, |(_, word)| word)
}

/// `note`.
pub(super) fn note(arguments: &Note, context: &mut Context) -> Ending {
    let Some((text, before)) = arguments.words.split_last() else { return Err(Failure::usage("a text is missing")) };
    if text.trim().is_empty() {
        return Err(Failure::usage("an empty note says nothing"));
    }
    let named = Named::of(before);
    let run = going_run(named.run, context)?;
    let input = Input::Note { step: named.step.map(str::to_owned), text: text.clone() };
    // A note alone is no reason for a run that waits to go on.
    let hand_in = HandIn { no_resume: true, json: arguments.hand_in.json };
    say(&run, &input, &hand_in, context)
}

/// `handover`.
pub(super) fn handover(arguments: &Handover, context: &mut Context) -> Ending {
    let run = going_run(arguments.run.as_deref(), context)?;
    if holder(&run)?.is_none() {
        let resume = context.place.command(&["resume", run.id().as_str()]);
        return Err(Failure::usage("no process has this run: there is nothing to let go of")
            .help(format!("whoever takes it over types `{resume}`")));
    }
    let input = Input::HandOver { to: arguments.to.clone() };
    say(&run, &input, &HandIn { no_resume: true, json: arguments.json }, context)
}

/// `cancel`.
pub(super) fn cancel(arguments: &Cancel, context: &mut Context) -> Ending {
    let run = going_run(arguments.run.as_deref(), context)?;
    say(&run, &Input::Cancel { reason: arguments.reason.clone() }, &arguments.hand_in, context)
}

fn holder(run: &RunDir) -> Result<Option<String>, Failure> {
    let holder = run.holder().map_err(|error| Failure::new(ExitCode::Unwritable, error))?;
    Ok(holder.map(|holder| holder.map_or_else(|| "another process".to_owned(), |holder| holder.to_string())))
}

fn waiting(run: &RunDir) -> Result<Waiting, Failure> {
    Waiting::read(run).map_err(|error| Failure::new(ExitCode::Broken, format!("{}: {error}", run.id())))
}

/// The run a verb is about, where no request is wanted: as named, else the only one that is not over.
pub(super) fn going_run(named: Option<&str>, context: &Context) -> Result<RunDir, Failure> {
    if let Some(reference) = named {
        let run = context.run(reference)?;
        return if waiting(&run)?.is_over { Err(over(&run, context)) } else { Ok(run) };
    }
    let mut runs = unfinished(context)?;
    match (runs.pop(), runs.is_empty()) {
        (Some((run, _)), true) => Ok(run),
        (None, _) => Err(Failure::usage("no run goes on or waits")),
        (Some(last), false) => {
            runs.push(last);
            let failure = Failure::usage(format!("{} runs are not over: name one", runs.len()));
            Err(runs.iter().fold(failure, |failure, (run, _)| failure.help(run.id())))
        }
    }
}

/// Real runs that are not over, and what waits in them.
fn unfinished(context: &Context) -> Result<Vec<(RunDir, Waiting)>, Failure> {
    let store = context.store()?;
    let ids = store.list_runs().map_err(|error| Failure::new(ExitCode::Unwritable, error))?;
    let mut found = Vec::new();
    for id in ids {
        let run = store.run(&id);
        let past = crate::history::Past::read(&run);
        let is_open =
            past.is_some_and(|past| past.is_real() && !matches!(past.standing, crate::history::Standing::Over(_)));
        if is_open {
            let waiting = waiting(&run)?;
            found.push((run, waiting));
        }
    }
    Ok(found)
}

fn over(run: &RunDir, context: &Context) -> Failure {
    let log = context.place.command(&["log", run.id().as_str()]);
    Failure::usage(format!("run {} is over", run.id())).help(format!("`{log}` tells how it ended"))
}

/// The run and the request a verb is about: as named, else the only one there is.
fn meant(named: &Named<'_>, verb: &str, context: &Context) -> Result<Meant, Failure> {
    let runs = match named.run {
        Some(reference) => {
            let run = context.run(reference)?;
            let waiting = waiting(&run)?;
            if waiting.is_over {
                return Err(over(&run, context));
            }
            vec![(run, waiting)]
        }
        None => unfinished(context)?,
    };
    let fits = |open: &Open| open.verb == verb && named.step.is_none_or(|step| open.step.as_deref() == Some(step));
    let mut found: Vec<Meant> = Vec::new();
    for (run, waiting) in &runs {
        let fitting = waiting.open.iter().filter(|open| fits(open));
        found.extend(fitting.map(|open| Meant { run: run.clone(), open: Some(open.clone()) }));
    }
    match (found.pop(), found.is_empty()) {
        (Some(one), true) => Ok(one),
        (Some(last), false) => {
            found.push(last);
            let failure = Failure::usage(format!("{} things wait for that: name the run and the step", found.len()));
            Err(found.iter().fold(failure, |failure, meant| failure.help(described(meant, verb, context))))
        }
        (None, _) => Err(nothing(named, verb, &runs, context)),
    }
}

fn described(meant: &Meant, verb: &str, context: &Context) -> String {
    let open = meant.open.as_ref();
    let mut words = vec![verb, meant.run.id().as_str()];
    words.extend(open.and_then(|open| open.step.as_deref()));
    let text = open.and_then(|open| open.text.lines().next()).unwrap_or_default();
    format!("`{}`  {text}", context.place.command(&words))
}

/// Nothing waits for this verb: what waits instead is the best help.
fn nothing(named: &Named<'_>, verb: &str, runs: &[(RunDir, Waiting)], context: &Context) -> Failure {
    let what = match verb {
        "approve" => "an approval",
        "ack" => "an acknowledgement",
        "settle" => "being settled",
        _ => "an answer",
    };
    let place = match (named.step, named.run) {
        (Some(step), _) => format!("{step} does not wait for {what}"),
        (None, Some(run)) => format!("nothing in run {run} waits for {what}"),
        (None, None) => format!("nothing waits for {what}"),
    };
    let mut failure = Failure::usage(place);
    for (run, waiting) in runs {
        for open in &waiting.open {
            let meant = Meant { run: run.clone(), open: Some(open.clone()) };
            failure = failure.help(described(&meant, open.verb, context));
        }
    }
    failure
}

/// Hands something in, and tells what becomes of it.
fn say(run: &RunDir, input: &Input, how: &HandIn, context: &mut Context) -> Ending {
    let machine = Machine::current();
    let name = hand_in(run, &machine.account, input, Timestamp::now())
        .map_err(|error| Failure::new(ExitCode::Unwritable, error))?;
    let holder = holder(run)?;
    let taken = match &holder {
        Some(_) => taken(run, &name),
        None => None,
    };
    if how.json {
        let refused = match &taken {
            Some(Record::Refused { why, .. }) => Some(why),
            _ => None,
        };
        let line = json!({
            "v": 1,
            "kind": "handed-in",
            "run": run.id().as_str(),
            "verb": input.verb(),
            "message": name,
            "taken": taken.is_some(),
            "refused": refused,
        });
        context.out.raw(&(line.to_string() + "\n"))?;
    }
    match (&taken, &holder) {
        (Some(Record::Refused { why, .. }), _) => Err(Failure::usage(format!("{} was refused: {why}", input.verb()))),
        (Some(_), _) => {
            tell(&format!("{} was taken in by run {}", input.verb(), run.id()), how, context)?;
            Ok(ExitCode::Resolved)
        }
        (None, Some(holder)) => {
            tell(&format!("handed in; {holder} has run {} and has not taken it yet", run.id()), how, context)?;
            Ok(ExitCode::Resolved)
        }
        (None, None) if how.no_resume => {
            tell(&format!("handed in; run {} takes it when it goes on", run.id()), how, context)?;
            let command = context.place.command(&["resume", run.id().as_str()]);
            if !how.json {
                context.out.line(Line::plain(INDENT).and(Style::Command, &command))?;
            }
            Ok(ExitCode::Resolved)
        }
        (None, None) => {
            tell(&format!("handed in; no process has run {}, so it goes on here", run.id()), how, context)?;
            let store = context.store()?;
            go(Going::Resume(store, run.clone()), Watching::of(how.json, &machine), context)
        }
    }
}

fn tell(text: &str, how: &HandIn, context: &mut Context) -> Result<(), Failure> {
    if how.json {
        return Ok(());
    }
    context.out.wrapped(Line::new().and(Style::Faint, text), 2)
}

/// What a living process made of a message; `None` where it did not take it in time.
fn taken(run: &RunDir, message: &str) -> Option<Record> {
    let deadline = Instant::now() + TAKEN_WITHIN;
    loop {
        let entries = Reader::open(&run.transcript(), Some(run.id().clone())).ok()?;
        // A line that is being written ends the look; the next one sees it.
        let found = entries
            .map_while(Result::ok)
            .find(|entry| message_of(&entry.actor) == Some(message))
            .and_then(|entry| wire::decode(&entry.kind, entry.step.as_deref(), entry.attempt, &entry.d).ok());
        if found.is_some() || Instant::now() >= deadline {
            return found;
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_is_a_run_where_it_reads_like_one() {
        let of = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            let named = Named::of(&words);
            (named.run.map(str::to_owned), named.step.map(str::to_owned))
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(of(&[]), (None, None));
        assert_eq!(of(&["latest"]), (some("latest"), None));
        assert_eq!(of(&["20261122-09"]), (some("20261122-09"), None));
        assert_eq!(of(&["shut_down"]), (None, some("shut_down")));
        assert_eq!(of(&["latest", "shut_down"]), (some("latest"), some("shut_down")));
    }

    #[test]
    fn an_answer_is_read_by_what_is_asked() {
        let choices = ["restart it".to_owned(), "yes".to_owned()];
        assert_eq!(answer_word("done", &[]), Ok(AnswerWord::Yes));
        assert_eq!(answer_word("Could not", &[]), Ok(AnswerWord::No));
        assert_eq!(answer_word("yes", &choices), Ok(AnswerWord::Choice("yes".to_owned())));
        assert_eq!(answer_word("1", &choices), Ok(AnswerWord::Choice("restart it".to_owned())));
        let failure = answer_word("restart", &choices).err().map(|failure| failure.help);
        assert_eq!(failure, Some(vec!["it takes one of 'restart it', 'yes'".to_owned()]));
        assert!(answer_word("maybe", &[]).is_err());
    }
}
