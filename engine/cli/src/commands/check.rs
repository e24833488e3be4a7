//! `runbook check`: every problem of runbooks and team files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use runbook_core::document::team::Team;
use runbook_runner::account::Machine;
use runbook_runner::load::{LoadError, Source, TEAM, folder, names};

use crate::arguments::{Check, CheckFormat, DenyWhat};
use crate::context::{Context, Ending};
use crate::diagnostics::{Checked, count, human, json, sarif};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::loading::{check_runbook, check_team, load_failure, look};
use crate::text::{Line, Style};

/// Checks files, and says what is wrong with them.
///
/// # Errors
/// [`Failure`] when a file cannot be read, or there is none.
pub(super) fn check(arguments: &Check, context: &mut Context) -> Ending {
    let machine = Machine::current();
    let files = files(&arguments.paths, &machine, context)?;
    let checked = check_files(&files, &machine, context)?;
    let (errors, warnings) = count(&checked);
    let format = if arguments.json { CheckFormat::Json } else { arguments.format };
    match format {
        CheckFormat::Json => context.out.json(&json::render(&checked))?,
        CheckFormat::Sarif => context.out.json(&sarif::render(&checked))?,
        CheckFormat::Human => {
            let text = human::render(&checked, look(context), context.out.columns());
            context.out.raw(&text)?;
            let style = if errors > 0 {
                Style::Bad
            } else if warnings > 0 {
                Style::Look
            } else {
                Style::Good
            };
            let said = format!("{}, {}", counted(errors, "error"), counted(warnings, "warning"));
            let of = counted(checked.len(), "file");
            context.out.line(Line::new().and(style, &said).and(Style::Plain, &format!(" in {of}")))?;
        }
    }
    let denied = errors > 0 || (warnings > 0 && arguments.deny == Some(DenyWhat::Warnings));
    Ok(if denied { ExitCode::Usage } else { ExitCode::Resolved })
}

fn counted(count: usize, what: &str) -> String {
    match count {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

/// The files meant: those named, all of a folder named, or all of the folder of runbooks.
fn files(paths: &[PathBuf], machine: &Machine, context: &Context) -> Result<Vec<PathBuf>, Failure> {
    let failed = |error: LoadError| load_failure(&error, context);
    if paths.is_empty() {
        return of_folder(&folder(machine, context.place.given_dir()).map_err(failed)?, context);
    }
    let mut files = Vec::new();
    for path in paths {
        let path = machine.absolute(path);
        if path.is_dir() {
            files.extend(of_folder(&path, context)?);
        } else {
            files.push(path);
        }
    }
    Ok(files)
}

fn of_folder(folder: &Path, context: &Context) -> Result<Vec<PathBuf>, Failure> {
    let names = names(folder).map_err(|error| load_failure(&error, context))?;
    let team = folder.join(TEAM);
    let mut files: Vec<PathBuf> = team.is_file().then_some(team).into_iter().collect();
    files.extend(names.into_iter().map(|name| folder.join(format!("{name}.yaml"))));
    if files.is_empty() {
        return Err(Failure::usage(format!("there is no runbook in {}", folder.display()))
            .help(format!("`{}` begins one", context.place.command(&["new", "NAME"]))));
    }
    Ok(files)
}

fn check_files(files: &[PathBuf], machine: &Machine, context: &Context) -> Result<Vec<Checked>, Failure> {
    let mut checked = Vec::with_capacity(files.len());
    // Each team file is read once, however many runbooks stand beside it.
    let mut teams: BTreeMap<PathBuf, Option<Team>> = BTreeMap::new();
    for path in files {
        let source = Source::read(path).map_err(|error| load_failure(&error, context))?;
        if path.file_name().is_some_and(|name| name == TEAM) {
            checked.push(check_team(&source, machine).1);
            continue;
        }
        let team_path = path.with_file_name(TEAM);
        if !teams.contains_key(&team_path) {
            let team = if team_path.is_file() {
                let source = Source::read(&team_path).map_err(|error| load_failure(&error, context))?;
                check_team(&source, machine).0
            } else {
                Some(Team::default())
            };
            teams.insert(team_path.clone(), team);
        }
        let team = teams.get(&team_path).and_then(Option::as_ref);
        checked.push(check_runbook(&source, team, machine, context).checked);
    }
    Ok(checked)
}
