//! Reads and checks runbooks and team files.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::tz::TimeZone;
use runbook_core::check::{self, Facts};
use runbook_core::diagnostic::Severity;
use runbook_core::document::team::Team;
use runbook_core::plan::Plan;
use runbook_runner::account::Machine;
use runbook_runner::load::{Found, LoadError, Source, find, names};
use runbook_runner::run::Loaded;

use crate::context::Context;
use crate::diagnostics::human::{Look, render};
use crate::diagnostics::{Checked, count};
use crate::failure::Failure;

/// A runbook that may be run, and what else was found in its files.
pub struct Ready {
    /// What runs.
    pub loaded: Loaded,
    /// Its files with their warnings.
    pub checked: Vec<Checked>,
    /// Where its runs are kept, unless the operator says otherwise.
    pub store: PathBuf,
}

/// Reads and checks a runbook by name or path, with the team file beside it.
///
/// # Errors
/// [`Failure`] when there is none, or it may not be run; every problem was printed to standard error then.
pub fn load(name: &str, context: &Context) -> Result<Ready, Failure> {
    let machine = Machine::current();
    let found = find(&machine, name, context.place.given_dir()).map_err(|error| load_failure(&error, context))?;
    let store = found.store();
    let (plan, team, checked) = check_found(&found, &machine, context);
    let (errors, _) = count(&checked);
    match (plan, team) {
        (Some(plan), Some(team)) if errors == 0 => Ok(Ready {
            loaded: Loaded {
                plan: Arc::new(plan),
                team: Arc::new(team),
                runbook: found.runbook,
                team_source: found.team,
                directory: found.directory,
            },
            checked,
            store,
        }),
        _ => {
            let errors_only = |checked: &Checked| Checked {
                file: checked.file.clone(),
                problems: checked
                    .problems
                    .iter()
                    .filter(|problem| problem.severity == Severity::Error)
                    .cloned()
                    .collect(),
            };
            let shown: Vec<Checked> = checked.iter().map(errors_only).collect();
            crate::output::tell_text(&render(&shown, look(context), context.out.columns()));
            let problems = if errors == 1 { "1 error" } else { &format!("{errors} errors") };
            Err(Failure::usage(format!("{name} has {problems} and is not run; nothing was started"))
                .help(explains(&shown, context)))
        }
    }
}

/// How to read on about the first of some errors.
fn explains(shown: &[Checked], context: &Context) -> String {
    let first = shown.iter().flat_map(|checked| &checked.problems).next();
    let code = first.map_or("", |problem| problem.code.number());
    format!("`{}` says more about the first of them", context.place.bare_command(&["explain", code]))
}

fn check_found(found: &Found, machine: &Machine, context: &Context) -> (Option<Plan>, Option<Team>, Vec<Checked>) {
    let mut checked = Vec::new();
    let team = match &found.team {
        Some(source) => {
            let (team, found) = check_team(source, machine);
            checked.push(found);
            team
        }
        None => Some(Team::default()),
    };
    let (plan, of_runbook) = check_runbook(&found.runbook, team.as_ref(), machine, context);
    checked.push(of_runbook);
    (plan, team, checked)
}

/// Reads and checks a team file.
#[must_use]
pub fn check_team(source: &Source, machine: &Machine) -> (Option<Team>, Checked) {
    let loaded = check::load_team(&source.shown(machine), &source.bytes);
    (loaded.team, Checked { file: loaded.file, problems: loaded.diagnostics })
}

/// Reads and checks a runbook; it gives a plan where it may be run.
#[must_use]
pub fn check_runbook(
    source: &Source,
    team: Option<&Team>,
    machine: &Machine,
    context: &Context,
) -> (Option<Plan>, Checked) {
    let beside = source.path.parent().and_then(|folder| names(folder).ok());
    let facts = Facts {
        today: context.now.to_zoned(TimeZone::UTC).date(),
        file_stem: source.path.file_stem().map(|stem| stem.to_string_lossy().into_owned()),
        runbooks: beside.map(|names| names.into_iter().collect()),
        ..Facts::default()
    };
    let loaded = check::load(&source.shown(machine), &source.bytes, team, &facts);
    (loaded.plan, Checked { file: loaded.file, problems: loaded.diagnostics })
}

/// How problems look here.
#[must_use]
pub fn look(context: &Context) -> Look {
    match (std::env::var_os("NO_GRAPHICS").is_some(), context.out.colour()) {
        (true, _) => Look::Narrated,
        (false, true) => Look::Colour,
        (false, false) => Look::Plain,
    }
}

/// What to do about a file that was not found or read.
#[must_use]
pub fn load_failure(error: &LoadError, context: &Context) -> Failure {
    let failure = Failure::usage(error);
    match error {
        LoadError::NoRunbook { .. } => {
            failure.help(format!("`{}` shows what there is", context.place.command(&["list"])))
        }
        LoadError::NoFolder { .. } => failure.help(format!("`{}` begins one", context.place.command(&["new", "NAME"]))),
        LoadError::File { .. } => failure,
    }
}
