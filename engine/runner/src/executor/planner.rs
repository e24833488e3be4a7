//! From what a step wants to run to an execution plan: program, directory and environment are looked up here, once.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use indexmap::IndexMap;
use runbook_core::run::effect::{Command, EnvPiece, EnvValue, Input, Invocation};
use runbook_core::run::record::{StartFailure, StartFailureKind};
use runbook_core::source::Spanned;
use runbook_transcript::blob::{Blobs, Durable};
use runbook_transcript::digest::Digest;
use runbook_transcript::file::FileError;

use super::plan::{ExecutionPlan, PlannedStdin};
use crate::account::Machine;
use crate::process::{ResolveError, resolve};
use crate::remote::{self, Link};

/// Makes execution plans.
#[derive(Debug)]
pub struct Planner {
    /// The run's own directory, absolute.
    pub(super) directory: PathBuf,
    clean: BTreeMap<String, EnvValue>,
    hosts: IndexMap<String, Spanned<String>>,
    programs: ProgramDigests,
}

/// A failure that stands in the way of a start.
pub(crate) fn failure(kind: StartFailureKind, message: String) -> StartFailure {
    StartFailure { kind, message }
}

impl Planner {
    /// Makes one for a run in this directory.
    ///
    /// # Panics
    /// When the directory is not absolute: our own mistake.
    #[must_use]
    pub fn new(machine: &Machine, directory: &Path) -> Self {
        assert!(directory.is_absolute(), "the directory of a run is made absolute when it starts");
        let clean = machine.clean_environment();
        let clean = clean.into_iter().map(|(name, value)| (name, plain(&value.to_string_lossy()))).collect();
        Self { directory: directory.to_owned(), clean, hosts: IndexMap::new(), programs: ProgramDigests::default() }
    }

    /// Lets it know the hosts of a team file: name and address.
    #[must_use]
    pub fn with_hosts(mut self, hosts: IndexMap<String, Spanned<String>>) -> Self {
        self.hosts = hosts;
        self
    }

    /// Makes the plan of a command.
    ///
    /// # Errors
    /// [`StartFailure`] that names what is missing: the program with the PATH searched, the directory, a variable.
    pub fn plan(
        &mut self,
        invocation: &Invocation,
        machine: &Machine,
        blobs: &Blobs,
    ) -> Result<ExecutionPlan, StartFailure> {
        if let Some(host) = &invocation.on {
            return self.plan_elsewhere(host, invocation, machine, blobs);
        }
        let directory = self.directory(invocation.directory.as_deref())?;
        let environment = self.environment(invocation, machine)?;
        let words = words(&invocation.command);
        check_text(&words, &environment)?;
        let name = words.first().filter(|name| !name.is_empty()).ok_or_else(no_program)?;
        let path = environment.get("PATH").map(literal).unwrap_or_default();
        let program = resolve(name, path.as_ref(), &directory).map_err(|error| {
            let kind = match error {
                ResolveError::Missing { .. } => StartFailureKind::MissingProgram,
                ResolveError::NotExecutable { .. } => StartFailureKind::NotExecutable,
            };
            failure(kind, error.to_string())
        })?;
        let program_digest = self.programs.digest(&program).map_err(|error| {
            failure(StartFailureKind::Other, format!("program {} cannot be read: {error}", program.display()))
        })?;
        Ok(ExecutionPlan {
            words,
            program: utf8(&program)?,
            program_digest: Some(program_digest),
            directory: utf8(&directory)?,
            host: machine.host.clone(),
            address: None,
            user: machine.account.name.clone(),
            environment,
            stdin: planned_stdin(&invocation.stdin, blobs)?,
            timeout_ms: millis(invocation.timeout),
            grace_ms: millis(invocation.grace),
            changes: invocation.changes,
        })
    }

    /// As [`Self::plan`], on another host: what program that has is found there, when it runs.
    fn plan_elsewhere(
        &self,
        host: &str,
        invocation: &Invocation,
        machine: &Machine,
        blobs: &Blobs,
    ) -> Result<ExecutionPlan, StartFailure> {
        let host = remote::find(host, &self.hosts).map_err(|why| failure(StartFailureKind::Rendering, why))?;
        // Said now, not when it is to start.
        let _way = Link::find(&host.address, machine)?;
        let environment = wanted(invocation, machine)?;
        let words = words(&invocation.command);
        check_text(&words, &environment)?;
        if let Some(name) = environment.keys().find(|name| !remote::is_settable(name)) {
            let message = format!("the variable {name:?} cannot be set on another host: its shell has no such name");
            return Err(failure(StartFailureKind::Rendering, message));
        }
        let program = words.first().filter(|name| !name.is_empty()).cloned().ok_or_else(no_program)?;
        Ok(ExecutionPlan {
            words,
            program,
            program_digest: None,
            directory: invocation.directory.clone().unwrap_or_default(),
            host: host.name,
            user: host.address.user.clone().unwrap_or_default(),
            address: Some(host.address.to_string()),
            environment,
            stdin: planned_stdin(&invocation.stdin, blobs)?,
            timeout_ms: millis(invocation.timeout),
            grace_ms: millis(invocation.grace),
            changes: invocation.changes,
        })
    }

    /// Whether the program of a plan is still the one that was planned. One of another host is not looked at.
    #[must_use]
    pub fn is_unchanged(&mut self, plan: &ExecutionPlan) -> bool {
        let Some(planned) = plan.program_digest else { return plan.address.is_some() };
        self.programs.digest(Path::new(&plan.program)).is_ok_and(|digest| digest == planned)
    }

    pub(super) fn directory(&self, wanted: Option<&str>) -> Result<PathBuf, StartFailure> {
        let directory = wanted.map_or_else(|| self.directory.clone(), |wanted| self.directory.join(wanted));
        let missing =
            |why: &str| failure(StartFailureKind::MissingDirectory, format!("directory {} {why}", directory.display()));
        match fs::metadata(&directory) {
            Ok(metadata) if metadata.is_dir() => Ok(directory),
            Ok(_) => Err(missing("is no directory")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(missing("does not exist")),
            Err(error) => Err(missing(&format!("cannot be entered: {error}"))),
        }
    }

    pub(super) fn environment(
        &self,
        invocation: &Invocation,
        machine: &Machine,
    ) -> Result<BTreeMap<String, EnvValue>, StartFailure> {
        let mut environment = self.clean.clone();
        environment.extend(wanted(invocation, machine)?);
        Ok(environment)
    }
}

/// What is set besides the clean environment.
fn wanted(invocation: &Invocation, machine: &Machine) -> Result<BTreeMap<String, EnvValue>, StartFailure> {
    let mut environment = BTreeMap::new();
    for name in &invocation.pass {
        let Some(value) = machine.variable(name) else { continue };
        let value = value.to_str().ok_or_else(|| {
            failure(StartFailureKind::Rendering, format!("the variable {name}, passed on to it, is no UTF-8 text"))
        })?;
        environment.insert(name.clone(), plain(value));
    }
    for (name, value) in &invocation.env {
        environment.insert(name.clone(), value.clone());
    }
    Ok(environment)
}

fn no_program() -> StartFailure {
    failure(StartFailureKind::Rendering, "the command's first word, its program, is empty".to_owned())
}

fn words(command: &Command) -> Vec<String> {
    match command {
        Command::Words(words) => words.clone(),
        Command::Script { shell, text } => {
            let mut words = shell.clone();
            words.push("-c".to_owned());
            words.push(text.clone());
            words
        }
        Command::Http(_) | Command::Write(_) => unreachable!("neither is planned as a program"),
    }
}

fn check_text(words: &[String], environment: &BTreeMap<String, EnvValue>) -> Result<(), StartFailure> {
    if words.iter().any(|word| word.contains('\0')) {
        return Err(failure(StartFailureKind::Rendering, "a word of the command holds a NUL".to_owned()));
    }
    for (name, value) in environment {
        if name.is_empty() || name.contains(['=', '\0']) || literal(value).contains('\0') {
            let message = format!("the variable {name:?} cannot be set: it holds a NUL, or its name an equals sign");
            return Err(failure(StartFailureKind::Rendering, message));
        }
    }
    Ok(())
}

pub(super) fn planned_stdin(stdin: &Input, blobs: &Blobs) -> Result<PlannedStdin, StartFailure> {
    let unusable = |why: String| failure(StartFailureKind::Other, format!("its standard input is not there: {why}"));
    match stdin {
        Input::Closed => Ok(PlannedStdin::Closed),
        Input::Blob(digest) => {
            let digest = Digest::parse(digest).ok_or_else(|| unusable(format!("{digest:?} is no digest")))?;
            blobs.open(digest).map_err(|error| unusable(error.to_string()))?;
            Ok(PlannedStdin::Blob(digest))
        }
        Input::Text(value) if value.0.iter().any(|piece| matches!(piece, EnvPiece::Secret(_))) => {
            Ok(PlannedStdin::Secret(value.clone()))
        }
        Input::Text(value) => {
            let put = blobs.put(literal(value).as_bytes(), Durable::No);
            put.map(PlannedStdin::Blob).map_err(|error| unusable(error.to_string()))
        }
    }
}

/// The text of a value without its secrets.
pub(super) fn literal(value: &EnvValue) -> String {
    let texts = value.0.iter().map(|piece| match piece {
        EnvPiece::Text(text) => text.as_str(),
        EnvPiece::Secret(_) => "",
    });
    texts.collect()
}

fn plain(text: &str) -> EnvValue {
    EnvValue(vec![EnvPiece::Text(text.to_owned())])
}

pub(super) fn utf8(path: &Path) -> Result<String, StartFailure> {
    path.to_str().map(str::to_owned).ok_or_else(|| {
        failure(StartFailureKind::Other, format!("the path {} is no UTF-8 text and cannot be recorded", path.display()))
    })
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What tells that a file is still the same.
#[derive(Debug, Clone, PartialEq, Eq)]
struct FileMark {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl FileMark {
    fn of(path: &Path) -> io::Result<Self> {
        let data = fs::metadata(path)?;
        Ok(Self {
            device: data.dev(),
            inode: data.ino(),
            bytes: data.size(),
            modified: (data.mtime(), data.mtime_nsec()),
            changed: (data.ctime(), data.ctime_nsec()),
        })
    }
}

/// Digests of programs, each computed once while its file stays the same.
#[derive(Debug, Default)]
struct ProgramDigests {
    known: BTreeMap<PathBuf, (FileMark, Digest)>,
}

impl ProgramDigests {
    fn digest(&mut self, program: &Path) -> Result<Digest, FileError> {
        let mark = FileMark::of(program).map_err(FileError::new("read", program))?;
        if let Some((known, digest)) = self.known.get(program)
            && *known == mark
        {
            return Ok(*digest);
        }
        let digest = match Digest::of_file(program) {
            Ok((digest, _)) => digest,
            // A program may be executable and not readable: what it is cannot be told then, only where.
            Err(error) if error.source.kind() == io::ErrorKind::PermissionDenied => Digest::ZERO,
            Err(error) => return Err(error),
        };
        self.known.insert(program.to_owned(), (mark, digest));
        Ok(digest)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may stop where it is")]

    use std::os::unix::fs::PermissionsExt as _;

    use runbook_transcript::file::Sharing;

    use super::*;

    fn invocation(words: &[&str]) -> Invocation {
        Invocation {
            command: Command::Words(words.iter().map(|word| (*word).to_owned()).collect()),
            env: Vec::new(),
            pass: Vec::new(),
            directory: None,
            on: None,
            stdin: Input::Closed,
            timeout: Duration::from_secs(60),
            grace: Duration::from_secs(10),
            changes: false,
        }
    }

    struct Bench {
        directory: tempfile::TempDir,
        machine: Machine,
        planner: Planner,
        blobs: Blobs,
    }

    impl Bench {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let mut machine = Machine::current();
            machine.environment = [("PATH", "bin:/usr/bin:/bin"), ("HOME", "/h"), ("PASSED", "p"), ("KEPT_BACK", "k")]
                .map(|(name, value)| (name.into(), value.into()))
                .into();
            let planner = Planner::new(&machine, directory.path());
            let blobs = Blobs::new(directory.path().to_owned(), Sharing::Private);
            Self { directory, machine, planner, blobs }
        }

        fn plan(&mut self, invocation: &Invocation) -> Result<ExecutionPlan, StartFailure> {
            self.planner.plan(invocation, &self.machine, &self.blobs)
        }
    }

    #[test]
    fn a_plan_holds_the_clean_environment_and_what_the_step_adds() {
        let mut bench = Bench::new();
        let mut wanted = invocation(&["true"]);
        wanted.pass = vec!["PASSED".to_owned(), "NOT_SET".to_owned()];
        wanted.env = vec![("X".to_owned(), plain("1"))];
        wanted.stdin = Input::Text(plain("hello"));
        let plan = bench.plan(&wanted).unwrap();
        assert_eq!(plan.environment.keys().collect::<Vec<_>>(), ["HOME", "PASSED", "PATH", "X"]);
        assert_eq!(plan.stdin, PlannedStdin::Blob(Digest::of(b"hello")));
        assert_eq!(plan.program_digest, Some(Digest::of_file(Path::new(&plan.program)).unwrap().0));
        assert_eq!(plan.directory, bench.directory.path().to_str().unwrap());
    }

    #[test]
    fn a_script_is_one_word_of_its_shell() {
        let mut bench = Bench::new();
        let mut wanted = invocation(&[]);
        wanted.command =
            Command::Script { shell: vec!["sh".to_owned(), "-eu".to_owned()], text: "a \"$B\"".to_owned() };
        assert_eq!(bench.plan(&wanted).unwrap().words, ["sh", "-eu", "-c", "a \"$B\""]);
    }

    #[test]
    fn a_plan_for_another_host_holds_what_the_step_says_and_no_more() {
        let mut bench = Bench::new();
        let mut wanted = invocation(&["no-such-tool", "-v"]);
        wanted.env = vec![("X".to_owned(), plain("1"))];
        wanted.on = Some("ssh://ops@web1:2222".to_owned());
        let plan = bench.plan(&wanted).unwrap();
        assert_eq!(plan.environment.keys().collect::<Vec<_>>(), ["X"]);
        assert_eq!((plan.program_digest, plan.directory.as_str(), plan.user.as_str()), (None, "", "ops"));
        assert_eq!(plan.shown(), "on ssh://ops@web1:2222: no-such-tool -v");
        assert!(bench.planner.is_unchanged(&plan));
        wanted.on = Some("web9".to_owned());
        let error = bench.plan(&wanted).unwrap_err();
        assert_eq!(error.message, "there is no host \"web9\" in the team file (it has none)");
    }

    #[test]
    fn what_is_missing_is_named() {
        let mut bench = Bench::new();
        let error = bench.plan(&invocation(&["no-such-tool"])).unwrap_err();
        assert_eq!(error.kind, StartFailureKind::MissingProgram);
        assert!(error.message.contains("no-such-tool") && error.message.contains("/usr/bin"), "{}", error.message);
        let mut elsewhere = invocation(&["true"]);
        elsewhere.directory = Some("gone".to_owned());
        let error = bench.plan(&elsewhere).unwrap_err();
        assert_eq!(error.kind, StartFailureKind::MissingDirectory);
        assert!(error.message.ends_with("gone does not exist"), "{}", error.message);
    }

    #[test]
    fn a_program_that_changed_is_seen() {
        let mut bench = Bench::new();
        let program = bench.directory.path().join("bin/tool");
        fs::create_dir(program.parent().unwrap()).unwrap();
        fs::write(&program, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let plan = bench.plan(&invocation(&["tool"])).unwrap();
        assert_eq!(plan.program, program.to_str().unwrap());
        assert!(bench.planner.is_unchanged(&plan));
        fs::write(&program, "#!/bin/sh\nreboot\n").unwrap();
        assert!(!bench.planner.is_unchanged(&plan));
    }
}
