//! Which run and which request a verb is about: as named, else the only one there is.

use runbook_core::run::record::RequestId;
use runbook_transcript::run_dir::RunDir;
use runbook_transcript::run_id::RunId;

use crate::context::Context;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::history::{Past, newest_first};
use crate::replay::state_now;
use crate::waiting::{Open, Waiting};

/// What is meant: a run and a step, where they were named.
pub(super) struct Named<'a> {
    pub(super) run: Option<&'a str>,
    pub(super) step: Option<&'a str>,
}

impl<'a> Named<'a> {
    /// Of words before an answer or a text. One alone is a run where it reads like one: an id begins with a digit, and
    /// no step does.
    pub(super) fn of(words: &'a [String]) -> Self {
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
pub(super) struct Meant {
    pub(super) run: RunDir,
    /// What waits; nothing where it was answered already.
    pub(super) open: Option<Open>,
    step: Option<String>,
}

impl Meant {
    /// The step it is about.
    pub(super) fn step(&self) -> Option<String> {
        self.open.as_ref().map_or_else(|| self.step.clone(), |open| open.step.clone())
    }

    /// The request's number, where it waits: what is said too late is then known for what it is.
    pub(super) fn request(&self) -> Option<RequestId> {
        self.open.as_ref().and_then(|open| open.request)
    }
}

pub(super) fn holder(run: &RunDir) -> Result<Option<String>, Failure> {
    let holder = run.holder().map_err(|error| Failure::new(ExitCode::Unwritable, error))?;
    Ok(holder.map(|holder| holder.map_or_else(|| "another process".to_owned(), |holder| holder.to_string())))
}

fn waiting(run: &RunDir) -> Result<Waiting, Failure> {
    Waiting::read(run).map_err(|error| Failure::new(ExitCode::Broken, format!("{}: {error}", run.id())))
}

/// The run that is named. `latest` is the last one for real: of a dry run there is nothing to be said.
fn real_run(reference: &str, context: &Context) -> Result<RunDir, Failure> {
    if reference == "latest" {
        let store = context.store()?;
        let mut runs = newest_first(&store).map_err(|error| Failure::new(ExitCode::Unwritable, error))?;
        let is_real = |id: &RunId| Past::read(&store.run(id)).is_some_and(|past| past.is_real());
        if let Some(id) = runs.find(is_real) {
            return Ok(store.run(&id));
        }
    }
    context.run(reference)
}

/// The run a verb is about, where no request is wanted: as named, else the only one that is not over.
pub(super) fn going_run(named: Option<&str>, context: &Context) -> Result<RunDir, Failure> {
    if let Some(reference) = named {
        let run = real_run(reference, context)?;
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

pub(super) fn over(run: &RunDir, context: &Context) -> Failure {
    let log = context.place.command(&["log", run.id().as_str()]);
    Failure::usage(format!("run {} is over", run.id())).help(format!("`{log}` tells how it ended"))
}

/// The run and the request a verb is about: as named, else the only one there is.
pub(super) fn meant(named: &Named<'_>, verb: &str, context: &Context) -> Result<Meant, Failure> {
    let runs = match named.run {
        Some(reference) => {
            let run = real_run(reference, context)?;
            let waiting = waiting(&run)?;
            if waiting.is_over {
                return answered(&run, named, verb)?.ok_or_else(|| over(&run, context));
            }
            vec![(run, waiting)]
        }
        None => unfinished(context)?,
    };
    let fits = |open: &Open| open.verb == verb && named.step.is_none_or(|step| open.step.as_deref() == Some(step));
    let mut found: Vec<Meant> = Vec::new();
    for (run, waiting) in &runs {
        let fitting = waiting.open.iter().filter(|open| fits(open));
        found.extend(fitting.map(|open| Meant { run: run.clone(), open: Some(open.clone()), step: None }));
    }
    match (found.pop(), found.is_empty()) {
        (Some(one), true) => Ok(one),
        (Some(last), false) => {
            found.push(last);
            let failure = Failure::usage(format!("{} things wait for that: name the run and the step", found.len()));
            Err(found.iter().fold(failure, |failure, meant| failure.help(described(meant, verb, context))))
        }
        (None, _) => {
            if let [(run, _)] = runs.as_slice()
                && let Some(meant) = answered(run, named, verb)?
            {
                return Ok(meant);
            }
            Err(nothing(named, verb, &runs, context))
        }
    }
}

/// Something that was asked and waits no more, as far as the run's record tells.
fn answered(run: &RunDir, named: &Named<'_>, verb: &str) -> Result<Option<Meant>, Failure> {
    let was_asked = state_now(run)?.was_asked(named.step, verb);
    Ok(was_asked.then(|| Meant { run: run.clone(), open: None, step: named.step.map(str::to_owned) }))
}

/// What waits in a run, as commands that would answer it.
pub(super) fn what_waits(run: &RunDir, context: &Context) -> Vec<String> {
    let Ok(waiting) = waiting(run) else { return Vec::new() };
    let meant = |open: &Open| Meant { run: run.clone(), open: Some(open.clone()), step: None };
    waiting.open.iter().map(|open| described(&meant(open), open.verb, context)).collect()
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
            let meant = Meant { run: run.clone(), open: Some(open.clone()), step: None };
            failure = failure.help(described(&meant, open.verb, context));
        }
    }
    failure
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
}
