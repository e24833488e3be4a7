//! Finds runbooks and the team file beside them, and reads them.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;
use runbook_core::check::{self, Beside, Facts, LastDrill, LoadedWhole};
use runbook_core::diagnostic::{Diagnostic, Severity};
use runbook_core::document::team::Team;
use runbook_core::document::{self, model::Document};
use runbook_core::id::RunbookName;
use runbook_core::limits::FILE_BYTES_MAX;
use runbook_core::plan::Plan;
use runbook_core::run::record::{BlobDigest, RunStarted};

use crate::account::Machine;
use crate::executor::writing;
use crate::git;
use crate::process::open_regular;
use crate::run::Loaded;

/// The name of the folder of runbooks.
pub const FOLDER: &str = "runbooks";
/// The name of the team file.
pub const TEAM: &str = "team.yaml";
/// The name of the store's folder.
pub const STORE: &str = ".runbook";

/// Why no runbook was found or read.
#[derive(Debug)]
pub enum LoadError {
    /// Neither the directory nor any above it has a folder `runbooks`.
    NoFolder {
        /// Where it was looked for.
        from: PathBuf,
    },
    /// The folder has no runbook of this name.
    NoRunbook {
        /// As given.
        name: String,
        /// The folder.
        folder: PathBuf,
        /// The nearest name there is.
        suggestion: Option<String>,
    },
    /// A file cannot be read.
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoFolder { from } => {
                write!(f, "there is no folder `{FOLDER}` in {} or above it: name one with --dir", from.display())
            }
            Self::NoRunbook { name, folder, suggestion } => {
                write!(f, "there is no runbook {name:?} in {}", folder.display())?;
                suggestion.as_ref().map_or(Ok(()), |near| write!(f, ": did you mean {near:?}?"))
            }
            Self::File { path, error } => write!(f, "{} cannot be read: {error}", path.display()),
        }
    }
}

impl std::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File { error, .. } => Some(error),
            Self::NoFolder { .. } | Self::NoRunbook { .. } => None,
        }
    }
}

/// A file as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its absolute path.
    pub path: PathBuf,
    /// Its bytes; one byte more than [`FILE_BYTES_MAX`] where it is too long, which the checker then says.
    pub bytes: Vec<u8>,
}

impl Source {
    /// Reads a file.
    ///
    /// # Errors
    /// [`LoadError::File`].
    pub fn read(path: &Path) -> Result<Self, LoadError> {
        let failed = |error| LoadError::File { path: path.to_owned(), error };
        if path.is_dir() {
            return Err(failed(io::ErrorKind::IsADirectory.into()));
        }
        let file = open_regular(path).map_err(failed)?;
        let mut bytes = Vec::new();
        file.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
        Ok(Self { path: path.to_owned(), bytes })
    }

    /// The path for messages: from the working directory, where the file stands below it.
    #[must_use]
    pub fn shown(&self, machine: &Machine) -> String {
        self.path.strip_prefix(&machine.directory).unwrap_or(&self.path).display().to_string()
    }
}

/// A runbook and what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The runbook.
    pub runbook: Source,
    /// The team file beside it.
    pub team: Option<Source>,
    /// The directory steps run in: what the folder of runbooks stands in.
    pub directory: PathBuf,
}

impl Found {
    /// Where the store is, unless the operator says otherwise.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.directory.join(STORE)
    }
}

/// Finds the folder of runbooks: `directory` where it is given, else `runbooks` in the working directory or above.
///
/// # Errors
/// [`LoadError::NoFolder`].
pub fn folder(machine: &Machine, directory: Option<&Path>) -> Result<PathBuf, LoadError> {
    if let Some(directory) = directory {
        return Ok(machine.absolute(directory));
    }
    let found = machine.directory.ancestors().map(|above| above.join(FOLDER)).find(|folder| folder.is_dir());
    found.ok_or_else(|| LoadError::NoFolder { from: machine.directory.clone() })
}

/// Names of the runbooks in a folder, sorted: each `NAME.yaml` but `team.yaml` and `NAME.test.yaml`.
///
/// # Errors
/// [`LoadError::File`] when the folder cannot be read.
pub fn names(folder: &Path) -> Result<Vec<String>, LoadError> {
    let failed = |error| LoadError::File { path: folder.to_owned(), error };
    let mut names = Vec::new();
    for item in fs::read_dir(folder).map_err(failed)? {
        let file = item.map_err(failed)?.file_name();
        let name = file.to_str().and_then(|file| file.strip_suffix(".yaml"));
        names.extend(name.filter(|name| *name != "team" && !name.contains('.')).map(str::to_owned));
    }
    names.sort_unstable();
    Ok(names)
}

/// Finds a runbook by its name in a folder, or by its path (which has a slash or ends in `.yaml` or `.yml`).
///
/// # Errors
/// [`LoadError`] when there is none, or it cannot be read.
pub fn find(machine: &Machine, name: &str, directory: Option<&Path>) -> Result<Found, LoadError> {
    let is_file = Path::new(name).extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
    let path = if is_file || name.contains('/') {
        machine.absolute(Path::new(name))
    } else {
        let folder = folder(machine, directory)?;
        let path = folder.join(format!("{name}.yaml"));
        // What is there and can be no runbook is said where it is read, a pipe without waiting for anybody to write.
        let is_there = path.symlink_metadata().is_ok();
        if RunbookName::new(name).is_err() || !is_there {
            let known = names(&folder)?;
            return Err(LoadError::NoRunbook { name: name.to_owned(), suggestion: nearest(&known, name), folder });
        }
        path
    };
    let runbook = Source::read(&path)?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    let team = folder.join(TEAM);
    let team = if team.is_file() { Some(Source::read(&team)?) } else { None };
    Ok(Found { directory: directory_of(folder), runbook, team })
}

/// What a folder of runbooks stands in; a runbook elsewhere belongs to its repository, else to its own folder.
#[must_use]
pub fn directory_of(folder: &Path) -> PathBuf {
    if folder.file_name().is_some_and(|name| name == FOLDER)
        && let Some(above) = folder.parent()
    {
        return above.to_owned();
    }
    git::top_of(folder).unwrap_or_else(|| folder.to_owned())
}

fn nearest(known: &[String], name: &str) -> Option<String> {
    let near = known.iter().map(|one| (strsim::damerau_levenshtein(one, name), one));
    let near = near.filter(|(distance, one)| *distance <= 1 + one.len() / 4).min_by_key(|(distance, _)| *distance);
    // The beginning of one name only is as good as near.
    near.map(|(_, one)| one.clone()).or_else(|| {
        let mut begins = known.iter().filter(|one| !name.is_empty() && one.starts_with(name));
        begins.next().filter(|_| begins.next().is_none()).cloned()
    })
}

/// A runbook and its team, checked.
pub struct Checked {
    /// The runbook: what it says, and every problem with it.
    pub runbook: check::Loaded,
    /// The team file, where there is one.
    pub team: Option<check::LoadedTeam>,
    /// The files of the runbooks that it runs, directly or through others.
    pub called: Sources,
}

impl Checked {
    /// Whether nothing stands in the way of a run.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.runbook.plan.is_some() && self.team.as_ref().is_none_or(|team| team.team.is_some())
    }

    /// What is run; `None` where something is wrong.
    #[must_use]
    pub fn into_loaded(self, found: Found) -> Option<Loaded> {
        let team = match self.team {
            Some(team) => team.team?,
            None => Team::default(),
        };
        Some(Loaded {
            plan: Arc::new(self.runbook.plan?),
            team: Arc::new(team),
            runbook: found.runbook,
            called: self.called,
            team_source: found.team,
            directory: found.directory,
        })
    }
}

/// Checks a runbook that was found, and the team file beside it. `today` is for reviews that are overdue.
#[must_use]
pub fn check(found: &Found, machine: &Machine, today: Date) -> Checked {
    let team = found.team.as_ref().map(|team| check::load_team(&team.shown(machine), &team.bytes));
    let known = team.as_ref().and_then(|team| team.team.as_ref());
    let (whole, called) = check_whole(&found.runbook, known, machine, today, None);
    Checked { runbook: whole.runbook, team, called }
}

/// Files by the names of the runbooks in them.
pub type Sources = BTreeMap<RunbookName, Source>;

/// Checks a runbook with all it runs, which lie beside it; gives those files, too. `today` is for reviews that are
/// overdue, `drilled` for drills.
#[must_use]
pub fn check_whole(
    runbook: &Source,
    team: Option<&Team>,
    machine: &Machine,
    today: Date,
    drilled: Option<LastDrill>,
) -> (LoadedWhole, Sources) {
    let folder = runbook.path.parent().unwrap_or(Path::new("/"));
    let facts = Facts {
        today,
        file_stem: runbook.path.file_stem().map(|stem| stem.to_string_lossy().into_owned()),
        drilled,
        runbooks: names(folder).ok().map(|names| names.into_iter().collect()),
        sources: template_files(runbook, folder),
        ..Facts::default()
    };
    let mut sources = Sources::new();
    let mut beside = |name: &RunbookName| {
        let path = folder.join(format!("{name}.yaml"));
        match Source::read(&path) {
            Ok(source) => {
                let file = Beside::File { name: source.shown(machine), bytes: source.bytes.clone() };
                sources.insert(name.clone(), source);
                file
            }
            Err(LoadError::File { error, .. }) if error.kind() == io::ErrorKind::NotFound => Beside::Missing,
            Err(LoadError::File { error, .. }) => Beside::Unreadable(error.to_string()),
            Err(LoadError::NoFolder { .. } | LoadError::NoRunbook { .. }) => Beside::Missing,
        }
    };
    let whole = check::load_whole(&runbook.shown(machine), &runbook.bytes, team, &facts, &mut beside);
    (whole, sources)
}

/// The handlebars files that a runbook names in so many words, each with its text or why it cannot be read.
fn template_files(runbook: &Source, folder: &Path) -> BTreeMap<String, Result<String, String>> {
    let mut sources = BTreeMap::new();
    // Most name none, and are not read twice.
    let names_any = runbook.bytes.windows(8).any(|bytes| bytes == b"template");
    let parsed = names_any.then(|| document::parse("", &runbook.bytes));
    let directory = directory_of(folder);
    for written in parsed.iter().filter_map(|parsed| parsed.document.as_ref()).flat_map(Document::writings) {
        if let Some(name) = written.source.value.literal_text() {
            let text = writing::read_source(&directory.join(&name));
            sources.insert(name, text);
        }
    }
    sources
}

/// The plan and the team of a run, from the files as they were when it started: `read` gives a blob of the run. What
/// depends on the day was judged then.
///
/// # Errors
/// A sentence, when a blob cannot be had, or this build does not take what that one took.
pub fn as_it_was(
    started: &RunStarted,
    read: &dyn Fn(&BlobDigest) -> Result<Vec<u8>, String>,
) -> Result<(Arc<Plan>, Arc<Team>), String> {
    let refused = |what: &str, first: Option<&Diagnostic>| {
        let why = first.map(|problem| format!(": {}", problem.title)).unwrap_or_default();
        format!("this build does not take the {what} as it was when the run started{why}")
    };
    let team = match &started.team {
        None => Team::default(),
        Some(digest) => {
            let loaded = check::load_team(TEAM, &read(digest)?);
            loaded.team.ok_or_else(|| refused("team file", first_error(&loaded.diagnostics)))?
        }
    };
    let mut beside = |name: &RunbookName| match started.called.get(name.as_str()).map(read) {
        Some(Ok(bytes)) => Beside::File { name: format!("{name}.yaml"), bytes },
        Some(Err(why)) => Beside::Unreadable(why),
        None => Beside::Missing,
    };
    let source = read(&started.source)?;
    let loaded = check::load_whole(&started.path, &source, Some(&team), &Facts::default(), &mut beside).runbook;
    let plan = loaded.plan.ok_or_else(|| refused("runbook", first_error(&loaded.diagnostics)))?;
    Ok((Arc::new(plan), Arc::new(team)))
}

fn first_error(problems: &[Diagnostic]) -> Option<&Diagnostic> {
    problems.iter().find(|problem| problem.severity == Severity::Error)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may stop where it is")]

    use super::*;

    fn machine(directory: &Path) -> Machine {
        Machine { directory: directory.to_owned(), ..Machine::current() }
    }

    #[test]
    fn a_runbook_is_found_by_name_from_below_and_by_path() {
        let top = tempfile::tempdir().unwrap();
        let runbooks = top.path().join("runbooks");
        fs::create_dir_all(top.path().join("src/deep")).unwrap();
        fs::create_dir(&runbooks).unwrap();
        for file in ["dns-failover.yaml", "disk-full.yaml", "disk-full.test.yaml", "team.yaml"] {
            fs::write(runbooks.join(file), file).unwrap();
        }
        let machine = machine(&top.path().join("src/deep"));
        let found = find(&machine, "disk-full", None).unwrap();
        assert_eq!(found.runbook.bytes, b"disk-full.yaml");
        assert_eq!(found.team.as_ref().unwrap().bytes, b"team.yaml");
        assert_eq!((found.directory.as_path(), found.store()), (top.path(), top.path().join(".runbook")));
        assert_eq!(find(&machine, "../../runbooks/disk-full.yaml", None).unwrap().runbook.bytes, b"disk-full.yaml");
        assert_eq!(names(&runbooks).unwrap(), ["disk-full", "dns-failover"]);
        let error = find(&machine, "dns-failovr", None).unwrap_err().to_string();
        assert!(error.ends_with("did you mean \"dns-failover\"?"), "{error}");
        let error = find(&machine, "dns", None).unwrap_err().to_string();
        assert!(error.ends_with("did you mean \"dns-failover\"?"), "{error}");
        assert!(matches!(find(&machine, "team", None), Err(LoadError::NoRunbook { .. }) | Ok(_)));
    }

    #[test]
    fn without_a_folder_the_way_out_is_named() {
        let top = tempfile::tempdir().unwrap();
        let error = find(&machine(top.path()), "x", None).unwrap_err();
        assert!(matches!(error, LoadError::NoFolder { .. }), "{error}");
    }
}
