//! `runbook drill`: runbooks tried out, one after another; only their verify steps run.

use runbook_core::document::model::Kind;
use runbook_core::run::record::{Mode, Outcome, Record, RunOutcome, Settlement};
use runbook_runner::run::{RunEnd, RunOptions};
use runbook_transcript::run_dir::RunDir;
use serde_json::json;

use super::going::{Going, Watching, see_through};
use super::run::{head, warn};
use crate::arguments::Drill;
use crate::context::{Context, Ending};
use crate::exit_code::ExitCode;
use crate::failure::{Failure, unless_closed};
use crate::loading::{Ready, load};
use crate::replay::{replay, state_of};
use crate::text::{Line, Style};

/// What came of one drill.
struct Drilled {
    runbook: String,
    /// Its run; `None` where nothing was started.
    run: Option<String>,
    /// Verify steps that passed.
    passed: usize,
    /// Verify steps that did not: which, how, why.
    problems: Vec<(String, Outcome, String)>,
    /// Steps that were withheld.
    withheld: usize,
    /// Why it did not come to its end.
    broken_off: Option<String>,
}

impl Drilled {
    fn is_good(&self) -> bool {
        self.problems.is_empty() && self.broken_off.is_none()
    }

    fn word(&self) -> &'static str {
        match (&self.broken_off, self.problems.is_empty()) {
            (Some(_), _) => "not drilled",
            (None, true) => "passed",
            (None, false) => "failed",
        }
    }
}

/// Drills the runbooks.
///
/// # Errors
/// [`Failure`] when one of them is not there or does not check, or a param is none of theirs: nothing was started.
pub(super) fn drill(arguments: &Drill, context: &mut Context) -> Ending {
    let all: Vec<Ready> = arguments.names.iter().map(|name| load(name, context)).collect::<Result<_, _>>()?;
    let has = |ready: &Ready, name: &str| ready.loaded.plan.document().params.contains_key(name);
    if let Some((name, _)) = arguments.param.iter().find(|(name, _)| !all.iter().any(|ready| has(ready, name))) {
        return Err(Failure::usage(format!("none of these runbooks has a param {name:?}")));
    }
    if let Some(ready) = all.first() {
        context.place.keep_in(&ready.store);
    }
    let is_one = all.len() == 1;
    let mut drilled = Vec::new();
    for ready in all {
        let param = arguments.param.iter().filter(|(name, _)| has(&ready, name)).cloned().collect();
        if !arguments.json {
            warn(&ready, context);
        }
        let watching = if is_one && !arguments.json { Watching::Plain } else { Watching::Unseen };
        if watching == Watching::Plain {
            unless_closed(head(&ready, Mode::Drill, context))?;
        }
        let done = one(ready, param, watching, context)?;
        if !arguments.json {
            unless_closed(tell(&done, is_one, context))?;
            unless_closed(context.out.flush())?;
        }
        let cancelled = done.broken_off.as_deref() == Some(CANCELLED);
        drilled.push(done);
        if cancelled {
            break;
        }
    }
    if arguments.json {
        let drills: Vec<_> = drilled.iter().map(of).collect();
        context.out.json(&json!({ "v": 1, "drills": drills }))?;
    }
    let is_good = drilled.len() == arguments.names.len() && drilled.iter().all(Drilled::is_good);
    Ok(if is_good { ExitCode::Resolved } else { ExitCode::Failed })
}

const CANCELLED: &str = "it was cancelled";

fn one(
    ready: Ready,
    params: Vec<(String, String)>,
    watching: Watching,
    context: &mut Context,
) -> Result<Drilled, Failure> {
    let runbook = ready.loaded.plan.document().name.value.to_string();
    let options = RunOptions {
        store: context.place.store.clone(),
        params,
        mode: Mode::Drill,
        attended: false,
        yes: false,
        step_by_step: false,
    };
    let mut drilled = Drilled { runbook, run: None, passed: 0, problems: Vec::new(), withheld: 0, broken_off: None };
    match see_through(Going::Start(Box::new(ready.loaded), options), watching, context) {
        // One that cannot be drilled keeps none of the others from it.
        Err(failure) => drilled.broken_off = Some(failure.what),
        Ok((finished, _)) => {
            drilled.run = Some(finished.run.id().to_string());
            count(&finished.run, &mut drilled)?;
            match finished.end {
                RunEnd::Shown => {}
                RunEnd::Unwritable(unwritable) => drilled.broken_off = Some(unwritable.to_string()),
                RunEnd::Over(_) | RunEnd::Waiting(_) | RunEnd::InDoubt(_) => {
                    drilled.broken_off = Some("it did not come to its end".to_owned());
                }
            }
        }
    }
    Ok(drilled)
}

/// Counts how its steps settled, as its transcript tells.
fn count(run: &RunDir, drilled: &mut Drilled) -> Result<(), Failure> {
    let replayed = replay(run)?;
    let state = state_of(run, &replayed.entries);
    for entry in &replayed.entries {
        if let Record::RunSealed { outcome: RunOutcome::Cancelled, .. } = &entry.record {
            drilled.broken_off = Some(CANCELLED.to_owned());
        }
        let Record::StepSettled { step, outcome, settlement, reason, .. } = &entry.record else { continue };
        let kind = state.as_ref().and_then(|state| Some(state.plan().step_at(step)?.kind.value));
        match (settlement, outcome) {
            (Settlement::Withheld, _) => drilled.withheld += 1,
            _ if kind != Some(Kind::Verify) => {}
            (_, Outcome::Passed) => drilled.passed += 1,
            (_, Outcome::Failed | Outcome::Unknown) => {
                let why = reason.clone().unwrap_or_default();
                drilled.problems.push((step.clone(), *outcome, why));
            }
            (_, Outcome::Skipped) => {}
        }
    }
    Ok(())
}

fn tell(drilled: &Drilled, is_one: bool, context: &mut Context) -> Result<(), Failure> {
    let style = if drilled.is_good() { Style::Good } else { Style::Bad };
    let mut said = vec![format!("{} passed", drilled.passed)];
    for outcome in [Outcome::Failed, Outcome::Unknown] {
        let number = drilled.problems.iter().filter(|(_, known, _)| *known == outcome).count();
        said.extend((number > 0).then(|| format!("{number} {}", outcome.word())));
    }
    said.extend((drilled.withheld > 0).then(|| format!("{} withheld", drilled.withheld)));
    let said = drilled.broken_off.clone().unwrap_or_else(|| said.join(", "));
    let place = context.place.clone();
    let out = &mut context.out;
    if is_one {
        out.line("")?;
    }
    let line = Line::new().and(style, drilled.word()).and(Style::Plain, "  ").and(Style::Strong, &drilled.runbook);
    out.wrapped(line.and(Style::Plain, &format!("  {said}")), 2)?;
    for (step, outcome, why) in &drilled.problems {
        let line = Line::plain("  ").and(Style::Bad, outcome.word()).and(Style::Plain, &format!("  {step}"));
        out.wrapped(line.and(Style::Faint, &format!("  {why}")), 4)?;
    }
    if let Some(run) = &drilled.run
        && (is_one || !drilled.is_good())
    {
        out.line(Line::plain("  log  ").and(Style::Command, &place.command(&["log", run])))?;
    }
    Ok(())
}

fn of(drilled: &Drilled) -> serde_json::Value {
    let problems: Vec<_> = drilled
        .problems
        .iter()
        .map(|(step, outcome, reason)| json!({ "step": step, "outcome": outcome.word(), "reason": reason }))
        .collect();
    json!({
        "runbook": drilled.runbook,
        "run": drilled.run,
        "result": drilled.word(),
        "passed": drilled.passed,
        "problems": problems,
        "withheld": drilled.withheld,
        "broken_off": drilled.broken_off,
    })
}
