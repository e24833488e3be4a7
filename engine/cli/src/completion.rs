//! What a shell may complete beside the commands themselves: names of runbooks and ids of runs.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use clap_complete::engine::CompletionCandidate;
use runbook_core::check;
use runbook_runner::load::{Source, TEAM};

use crate::place::Place;

/// Candidates shown at most: more does not fit a screen.
const CANDIDATES_MAX: usize = 100;

/// Names of runbooks that begin so.
pub(crate) fn complete_runbook(current: &OsStr) -> Vec<CompletionCandidate> {
    names(&place().runbooks, current, false, |path| {
        let is_runbook = path.extension().is_some_and(|end| end == "yaml");
        let stem = path.file_stem()?.to_str()?;
        (is_runbook && stem != "team" && !stem.contains('.')).then(|| stem.to_owned())
    })
}

/// Ids of runs that begin so, `latest`, and names of runbooks.
pub(crate) fn complete_run(current: &OsStr) -> Vec<CompletionCandidate> {
    let mut runs =
        names(&place().store.join("runs"), current, true, |path| path.file_name()?.to_str().map(str::to_owned));
    if current.to_str().is_some_and(|current| "latest".starts_with(current)) {
        runs.insert(0, CompletionCandidate::new("latest"));
    }
    runs
}

/// Names of the channels of the team file that begin so.
pub(crate) fn complete_channel(current: &OsStr) -> Vec<CompletionCandidate> {
    let Some(current) = current.to_str() else { return Vec::new() };
    let Ok(source) = Source::read(&place().runbooks.join(TEAM)) else { return Vec::new() };
    let team = check::load_team(TEAM, &source.bytes).team.unwrap_or_default();
    let names = team.channels.into_keys().filter(|name| name.starts_with(current));
    names.take(CANDIDATES_MAX).map(CompletionCandidate::new).collect()
}

fn names(
    directory: &Path,
    current: &OsStr,
    last_first: bool,
    name: impl Fn(&Path) -> Option<String>,
) -> Vec<CompletionCandidate> {
    let Some(current) = current.to_str() else { return Vec::new() };
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .into_iter()
        .flatten()
        .filter_map(|item| name(&item.ok()?.path()))
        .filter(|name| name.starts_with(current))
        .collect();
    names.sort();
    if last_first {
        names.reverse();
    }
    names.into_iter().take(CANDIDATES_MAX).map(CompletionCandidate::new).collect()
}

/// The place as the environment says: a shell that completes hands over no parsed options.
fn place() -> Place {
    let from = |name| std::env::var_os(name).map(PathBuf::from);
    let here = std::env::current_dir().unwrap_or_default();
    Place::find(from("RUNBOOK_DIR").as_deref(), from("RUNBOOK_STORE").as_deref(), &here, "runbook")
}
