//! Runs an execution plan: from the stored blob to a process, and from its end to what the state machine is told.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use runbook_core::document::model::SecretSource;
use runbook_core::run::effect::{EnvPiece, EnvValue};
use runbook_core::run::event::Ending;
use runbook_core::run::record::{AttemptKey, End, Output, Part, StartFailure, StartFailureKind, Stream};
use runbook_transcript::file::Sharing;

use super::Workplace;
use super::keep::{Keeper, Kept};
use super::plan::{ExecutionPlan, PlannedStdin};
use super::planner::failure;
use super::request;
use super::stored::StoredPlan;
use crate::mask::Masker;
use crate::process::{self, Captured, Reason, Rung, Running, SpawnError, Spec, SpillPaths, Stdin};
use crate::secret::{self, Secrets};
use crate::supervisor::{Instead, Order, OrderedInput, exit_path};

/// A process to be started, with the secrets that must not show in what it prints.
#[derive(Debug)]
pub(crate) struct Prepared {
    spec: Spec,
    masker: Option<Masker>,
}

/// The end of an attempt that did not start.
pub(crate) fn not_started(failure: StartFailure) -> Ending {
    ending(End::NotStarted(failure))
}

/// The end of an attempt of which there is no more to say.
pub(crate) fn ending(end: End) -> Ending {
    Ending {
        end,
        duration: Duration::ZERO,
        stdout: Output::default(),
        stdout_text: None,
        stderr: Output::default(),
        stderr_text: None,
        survivors: Vec::new(),
        rung: None,
    }
}

/// Makes ready what the plan says. Reads its secrets, so it can take a while; with none it is ready at once.
pub(crate) async fn prepare(plan: &ExecutionPlan, work: &Workplace, name: &str) -> Result<Prepared, StartFailure> {
    let secrets = read_secrets(&plan.secrets(), work).await?;
    Ok(prepare_with(plan, work, name, &secrets))
}

/// Reads secrets; from then on none of them shows.
pub(super) async fn read_secrets(names: &[&str], work: &Workplace) -> Result<Secrets, StartFailure> {
    let mut secrets = Secrets::default();
    for wanted in names {
        let value = read_secret(wanted, work).await?;
        work.secrets_read.borrow_mut().insert((*wanted).to_owned(), value.clone());
        secrets.insert((*wanted).to_owned(), value);
    }
    Ok(secrets)
}

/// As [`prepare`], for a plan without secrets.
pub(crate) fn prepare_without_secrets(plan: &ExecutionPlan, work: &Workplace, name: &str) -> Prepared {
    assert!(plan.secrets().is_empty(), "the secrets of a plan are read before it starts");
    prepare_with(plan, work, name, &Secrets::default())
}

async fn read_secret(name: &str, work: &Workplace) -> Result<String, StartFailure> {
    let missing = |message: String| failure(StartFailureKind::Rendering, message);
    let source: &SecretSource = work
        .secrets
        .get(name)
        .ok_or_else(|| missing(format!("secret {name} cannot be had: the runbook does not say from where")))?;
    secret::read(name, source, &work.machine, &work.directory).await.map_err(|error| missing(error.to_string()))
}

fn prepare_with(plan: &ExecutionPlan, work: &Workplace, name: &str, secrets: &Secrets) -> Prepared {
    let mut spec = Spec::new(&plan.program, &plan.directory);
    let mut words = plan.words.iter();
    spec.called = words.next().map(Into::into);
    spec.words = words.map(Into::into).collect();
    spec.environment =
        plan.environment.iter().map(|(name, value)| (OsString::from(name), resolved(value, secrets).into())).collect();
    spec.stdin = match &plan.stdin {
        PlannedStdin::Closed => Stdin::Closed,
        PlannedStdin::Blob(digest) => Stdin::File(work.keeper.blobs().path_of(*digest)),
        PlannedStdin::Secret(value) => Stdin::Bytes(resolved(value, secrets).into_bytes()),
    };
    spec.timeout = Some(Duration::from_millis(plan.timeout_ms));
    spec.grace = Duration::from_millis(plan.grace_ms);
    // Once a secret was read it may show in the output of any later step.
    let read = work.secrets_read.borrow();
    if read.is_empty() {
        spec.spill = Some(SpillPaths {
            stdout: work.keeper.draft(&format!("{name}-out")),
            stderr: work.keeper.draft(&format!("{name}-err")),
            sync: false,
        });
        Prepared { spec, masker: None }
    } else {
        spec.capture.memory = 0;
        Prepared { spec, masker: Some(Masker::new(&read)) }
    }
}

/// Makes the order for a supervisor: what the plan says with its secrets read, and where its end is left. It can take
/// a while, as [`prepare`].
pub(crate) async fn order(plan: &StoredPlan, key: &AttemptKey, work: &Workplace) -> Result<Order, StartFailure> {
    let secrets = read_secrets(&plan.secrets(), work).await?;
    order_of(plan, key, work, &secrets)
}

/// As [`order`], for a plan without secrets.
pub(crate) fn order_without_secrets(
    plan: &StoredPlan,
    key: &AttemptKey,
    work: &Workplace,
) -> Result<Order, StartFailure> {
    assert!(plan.secrets().is_empty(), "the secrets of a plan are read before it starts");
    order_of(plan, key, work, &Secrets::default())
}

fn order_of(plan: &StoredPlan, key: &AttemptKey, work: &Workplace, secrets: &Secrets) -> Result<Order, StartFailure> {
    match plan {
        StoredPlan::Program(plan) => Ok(order_with(plan, key, work, secrets)),
        StoredPlan::Request(plan) => {
            let ready = request::ready(plan, secrets, work.keeper.blobs(), &work.machine)?;
            Ok(order_instead(Instead::Request(ready), plan.timeout_ms, key, work))
        }
        StoredPlan::Writing(plan) => {
            let content = work.machine.absolute(&work.keeper.blobs().path_of(plan.content));
            Ok(order_instead(Instead::Writing(plan.ready(key, content)), 0, key, work))
        }
    }
}

/// An order of what runs no program.
fn order_instead(instead: Instead, timeout_ms: u64, key: &AttemptKey, work: &Workplace) -> Order {
    Order { timeout_ms, instead: Some(instead), ..bare_order(key, work) }
}

fn bare_order(key: &AttemptKey, work: &Workplace) -> Order {
    let absolute = |path: &Path| work.machine.absolute(path);
    Order {
        run: work.run.clone(),
        step: key.step.clone(),
        undo: key.part == Part::Undo,
        attempt: key.attempt,
        program: String::new(),
        called: None,
        words: Vec::new(),
        environment: Vec::new(),
        directory: "/".to_owned(),
        stdin: OrderedInput::Closed,
        timeout_ms: 0,
        grace_ms: 0,
        instead: None,
        // Once a secret was read it may show in the output of any later step.
        masked: work.secrets_read.borrow().iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        blobs: absolute(work.keeper.blobs().path()),
        exit: absolute(&exit_path(&work.exits, key)),
        group: work.keeper.sharing() == Sharing::Group,
        far: None,
    }
}

fn order_with(plan: &ExecutionPlan, key: &AttemptKey, work: &Workplace, secrets: &Secrets) -> Order {
    let mut words = plan.words.iter().cloned();
    let absolute = |path: &Path| work.machine.absolute(path);
    Order {
        program: plan.program.clone(),
        called: words.next(),
        words: words.collect(),
        environment: plan.environment.iter().map(|(name, value)| (name.clone(), resolved(value, secrets))).collect(),
        directory: plan.directory.clone(),
        stdin: match &plan.stdin {
            PlannedStdin::Closed => OrderedInput::Closed,
            PlannedStdin::Blob(digest) => OrderedInput::File(absolute(&work.keeper.blobs().path_of(*digest))),
            PlannedStdin::Secret(value) => OrderedInput::Text(resolved(value, secrets)),
        },
        timeout_ms: plan.timeout_ms,
        grace_ms: plan.grace_ms,
        ..bare_order(key, work)
    }
}

pub(super) fn resolved(value: &EnvValue, secrets: &Secrets) -> String {
    let pieces = value.0.iter().map(|piece| match piece {
        EnvPiece::Text(text) => text.as_str(),
        EnvPiece::Secret(name) => secrets.get(name).unwrap_or_default(),
    });
    pieces.collect()
}

/// Starts the process; where there is none, says how the attempt ended.
pub(crate) fn launch(prepared: Prepared) -> Result<(Running, Option<Masker>), End> {
    let path = prepared.spec.environment.iter().find(|(name, _)| name == "PATH").map(|(_, path)| path.clone());
    match process::start(prepared.spec) {
        Ok(running) => Ok((running, prepared.masker)),
        Err(error) => Err(start_error(&error, path)),
    }
}

/// The end of an attempt whose process could not be started; with the PATH it was given.
pub(crate) fn start_error(error: &SpawnError, path: Option<OsString>) -> End {
    match error {
        // It may have done a part of its work.
        SpawnError::Unwatched { .. } => End::Lost(error.to_string()),
        SpawnError::MissingProgram { .. }
        | SpawnError::MissingInterpreter { .. }
        | SpawnError::NotExecutable { .. }
        | SpawnError::Directory { .. }
        | SpawnError::Input { .. }
        | SpawnError::Other { .. } => End::NotStarted(spawn_failure(error, path)),
    }
}

fn spawn_failure(error: &SpawnError, path: Option<OsString>) -> StartFailure {
    let (kind, searched) = match error {
        SpawnError::MissingProgram { .. } => (StartFailureKind::MissingProgram, path),
        SpawnError::MissingInterpreter { .. } => (StartFailureKind::MissingProgram, None),
        SpawnError::NotExecutable { .. } => (StartFailureKind::NotExecutable, None),
        SpawnError::Directory { .. } => (StartFailureKind::MissingDirectory, None),
        SpawnError::Input { .. } | SpawnError::Unwatched { .. } | SpawnError::Other { .. } => {
            (StartFailureKind::Other, None)
        }
    };
    let searched = searched.map(|path| format!(" (PATH is {})", Path::new(&path).display())).unwrap_or_default();
    failure(kind, format!("{error}{searched}"))
}

/// Waits for the end of a process, showing what it prints with its secrets masked, and keeps all of it.
pub(crate) async fn wait(
    running: Running,
    masker: Option<Masker>,
    keeper: &Keeper,
    mut show: impl FnMut(Stream, &[u8]),
) -> Ending {
    match masker {
        None => {
            let ended = running.wait(|stream, bytes| show(stream_of(stream), bytes)).await;
            let process::Ended { end, stdout, stderr, duration, rung, holders, .. } = ended;
            let survivors = survivors(&holders, &stdout, &stderr);
            told(&end, duration, rung, survivors, keeper.keep(&stdout), keeper.keep(&stderr))
        }
        Some(masker) => {
            let (mut out, mut err) = (keeper.masked(masker.clone()), keeper.masked(masker));
            let ended = running.wait(|stream, bytes| {
                let stream = stream_of(stream);
                let shown = match stream {
                    Stream::Stdout | Stream::Body => out.push(bytes),
                    Stream::Stderr => err.push(bytes),
                };
                show(stream, &shown);
            });
            let process::Ended { end, stdout, stderr, duration, rung, holders, .. } = ended.await;
            let survivors = survivors(&holders, &stdout, &stderr);
            told(&end, duration, rung, survivors, keeper.keep_masked(out), keeper.keep_masked(err))
        }
    }
}

fn told(
    end: &process::End,
    duration: Duration,
    rung: Rung,
    survivors: Vec<String>,
    (stdout, stdout_text): Kept,
    (stderr, stderr_text): Kept,
) -> Ending {
    let end = match end {
        process::End::Exited(code) => End::Exited(*code),
        process::End::Signalled(signal) => End::Signalled(*signal),
        process::End::TimedOut | process::End::Terminated(Reason::OutOfTime) => End::TimedOut,
        process::End::Terminated(Reason::Cancelled) => End::Stopped,
        process::End::Lost => End::Lost("something else took its exit code".to_owned()),
    };
    let rung = match rung {
        Rung::Exited => None,
        Rung::Term => Some("TERM".to_owned()),
        Rung::Kill | Rung::Drained => Some("KILL".to_owned()),
    };
    // Whole milliseconds, as they are recorded: a replay must see the same.
    let duration = Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX));
    Ending { end, duration, stdout, stdout_text, stderr, stderr_text, survivors, rung }
}

fn survivors(holders: &[process::Process], stdout: &Captured, stderr: &Captured) -> Vec<String> {
    if holders.is_empty() && !(stdout.closed && stderr.closed) {
        return vec!["a process that cannot be named still holds its output".to_owned()];
    }
    holders.iter().map(|process| format!("{} {}", process.pid, process.command)).collect()
}

fn stream_of(stream: process::Stream) -> Stream {
    match stream {
        process::Stream::Stdout => Stream::Stdout,
        process::Stream::Stderr => Stream::Stderr,
    }
}
