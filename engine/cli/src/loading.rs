//! Reads and checks runbooks and team files.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::tz::TimeZone;
use runbook_core::check::{self, LastDrill};
use runbook_core::diagnostic::Severity;
use runbook_core::document::model::SecretSource;
use runbook_core::document::team::Team;
use runbook_core::plan::Plan;
use runbook_runner::account::Machine;
use runbook_runner::channel::secret::missing;
use runbook_runner::load::{Found, LoadError, Source, Sources, check_whole, directory_of, find};
use runbook_runner::run::Loaded;
use runbook_transcript::store::Store;

use crate::context::Context;
use crate::diagnostics::human::{Look, render};
use crate::diagnostics::{Checked, count};
use crate::failure::Failure;
use crate::history;

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
    let (of_runbook, team, checked) = check_found(&found, &machine, context);
    let (errors, _) = count(&checked);
    match (of_runbook.plan, team) {
        (Some(plan), Some(team)) if errors == 0 => Ok(Ready {
            loaded: Loaded {
                plan: Arc::new(plan),
                team: Arc::new(team),
                runbook: found.runbook,
                called: of_runbook.called,
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

fn check_found(found: &Found, machine: &Machine, context: &Context) -> (OfRunbook, Option<Team>, Vec<Checked>) {
    let mut checked = Vec::new();
    let team = match &found.team {
        Some(source) => {
            let (team, found) = check_team(source, machine);
            checked.push(found);
            team
        }
        None => Some(Team::default()),
    };
    let of_runbook = check_runbook(&found.runbook, team.as_ref(), machine, context);
    checked.push(of_runbook.checked.clone());
    (of_runbook, team, checked)
}

/// Reads and checks a team file.
#[must_use]
pub fn check_team(source: &Source, machine: &Machine) -> (Option<Team>, Checked) {
    let directory = source.path.parent().map(directory_of).unwrap_or_default();
    let missing = |secret: &SecretSource| missing(secret, machine, &directory);
    let loaded = check::load_team_here(&source.shown(machine), &source.bytes, &missing);
    (loaded.team, Checked { file: loaded.file, problems: loaded.diagnostics })
}

/// A runbook that was read and checked.
pub struct OfRunbook {
    /// Where it may be run.
    pub plan: Option<Plan>,
    /// Its own problems; one that it runs shows here only where it cannot be run.
    pub checked: Checked,
    /// The files of those that it runs.
    pub called: Sources,
}

/// Reads and checks a runbook, with those that it runs.
#[must_use]
pub fn check_runbook(source: &Source, team: Option<&Team>, machine: &Machine, context: &Context) -> OfRunbook {
    let today = context.now.to_zoned(TimeZone::UTC).date();
    let (whole, called) = check_whole(source, team, machine, today, last_drill(source, context));
    let loaded = whole.runbook;
    OfRunbook { plan: loaded.plan, checked: Checked { file: loaded.file, problems: loaded.diagnostics }, called }
}

/// When a runbook was last drilled; not known without a store, and not looked up where the file asks for no drill.
fn last_drill(source: &Source, context: &Context) -> Option<LastDrill> {
    const KEY: &[u8] = b"drill_every";
    source.bytes.windows(KEY.len()).find(|bytes| *bytes == KEY)?;
    let store = Store::open(&context.place.store).ok()?;
    let name = source.path.file_stem()?.to_str()?;
    Some(
        history::last_drill(&store, name)
            .map_or(LastDrill::Never, |past| LastDrill::On(past.started.to_zoned(TimeZone::UTC).date())),
    )
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
