//! What a plan means on another host: for the engine itself, which looks there, and for the supervisor of an act.

use std::time::{Duration, Instant};

use runbook_core::document::address::Address;
use runbook_core::run::event::Ending;
use runbook_core::run::record::{AttemptKey, End, StartFailure, StartFailureKind, Stream};
use tokio::sync::watch;

use super::keep::Keeper;
use super::plan::{ExecutionPlan, PlannedStdin};
use super::planner::failure;
use super::stored::StoredPlan;
use super::{Workplace, command};
use crate::mask::Masker;
use crate::remote::{self, Far, Farewell, Link, Masters, Task, Told};
use crate::supervisor::{Exit, Order, Room, attempt_name, exit_path};

/// Where a plan runs, connected.
async fn far(plan: &ExecutionPlan, at: String, work: &Workplace, masters: &Masters) -> Result<Far, StartFailure> {
    let link = way(plan, work)?;
    let link = masters.connected(&link, &plan.host).await;
    // The connection that is shared stays behind on purpose, and is no look's.
    let _shared = work.orphans.borrow_mut().come();
    let link = link?;
    Ok(Far { name: plan.host.clone(), link, run: work.run.clone(), at })
}

fn way(plan: &ExecutionPlan, work: &Workplace) -> Result<Link, StartFailure> {
    let address = plan.address.as_deref().and_then(Address::parse).ok_or_else(|| {
        failure(StartFailureKind::Other, format!("its execution plan does not say where {} is", plan.host))
    })?;
    Link::find(&address, &work.machine)
}

/// The order for the supervisor of an act on another host.
pub(crate) async fn order(
    plan: &StoredPlan,
    key: &AttemptKey,
    work: &Workplace,
    masters: &Masters,
) -> Result<Order, StartFailure> {
    let StoredPlan::Program(program) = plan else { return command::order(plan, key, work).await };
    let far = far(program, attempt_name(key), work, masters).await?;
    Ok(Order { far: Some(far), ..command::order(plan, key, work).await? })
}

/// Looks on another host.
pub(crate) async fn look(
    plan: &ExecutionPlan,
    at: String,
    work: &Workplace,
    masters: &Masters,
    stop: watch::Receiver<bool>,
    show: impl FnMut(Stream, &[u8]),
) -> Ending {
    let task = match task(plan, at, work, masters).await {
        Ok(task) => task,
        Err(failure) => return command::not_started(failure),
    };
    let masker = Masker::new(&work.secrets_read.borrow());
    let (mut ending, farewell) = see_through(&task, stop, &work.keeper, masker, show).await;
    farewell.done().await;
    // A look that nobody saw the end of could not look. It may be looked again, but not for ever at once.
    if let End::Lost(why) = ending.end {
        ending.end = End::NotStarted(failure(StartFailureKind::Other, why));
    }
    ending
}

async fn task(plan: &ExecutionPlan, at: String, work: &Workplace, masters: &Masters) -> Result<Task, StartFailure> {
    let far = far(plan, at, work, masters).await?;
    let secrets = command::read_secrets(&plan.secrets(), work).await?;
    let (text, file) = match &plan.stdin {
        PlannedStdin::Closed => (None, None),
        PlannedStdin::Blob(digest) => (None, Some(work.keeper.blobs().path_of(*digest))),
        PlannedStdin::Secret(value) => (Some(command::resolved(value, &secrets)), None),
    };
    let environment = plan.environment.iter();
    Ok(Task {
        far,
        words: plan.words.clone(),
        environment: environment.map(|(name, value)| (name.clone(), command::resolved(value, &secrets))).collect(),
        directory: Some(plan.directory.clone()).filter(|directory| !directory.is_empty()),
        text,
        file,
        timeout_ms: plan.timeout_ms,
        grace_ms: plan.grace_ms,
        changes: plan.changes,
        begun: false,
    })
}

/// Looks what became of an act that was let go and whose engine and supervisor are both gone. Its end is on disk here
/// before the far side forgets it.
pub(crate) async fn take_back(
    plan: &ExecutionPlan,
    key: &AttemptKey,
    work: &Workplace,
    stop: watch::Receiver<bool>,
    show: impl FnMut(Stream, &[u8]),
) -> Ending {
    let link = match way(plan, work) {
        Ok(link) => link,
        Err(failure) => return command::ending(End::Lost(failure.message)),
    };
    let far = Far { name: plan.host.clone(), link, run: work.run.clone(), at: attempt_name(key) };
    let task = Task {
        far,
        words: Vec::new(),
        environment: Vec::new(),
        directory: None,
        text: None,
        file: None,
        timeout_ms: plan.timeout_ms,
        grace_ms: plan.grace_ms,
        changes: true,
        begun: true,
    };
    // Not for what runs, but for what it printed.
    if let Err(failure) = command::read_secrets(&plan.secrets(), work).await {
        let why = format!("what it printed there cannot be kept, as its secrets would show: {}", failure.message);
        return command::ending(End::Lost(why));
    }
    let masker = Masker::new(&work.secrets_read.borrow());
    let (ending, farewell) = see_through(&task, stop, &work.keeper, masker, show).await;
    if matches!(ending.end, End::Lost(_)) || work.keeper.sync().is_err() {
        return ending;
    }
    let exit = work.machine.absolute(&exit_path(&work.exits, key));
    let bytes = Exit::new(ending.clone()).encode(&work.run, key);
    let room = Room::take(&exit, work.keeper.sharing().file_mode());
    if room.and_then(|room| room.fill(&bytes, &exit)).is_ok() {
        farewell.done().await;
    }
    ending
}

/// Sees a task to its end and keeps what it prints.
pub(crate) async fn see_through(
    task: &Task,
    stop: watch::Receiver<bool>,
    keeper: &Keeper,
    masker: Masker,
    mut show: impl FnMut(Stream, &[u8]),
) -> (Ending, Farewell) {
    let started = Instant::now();
    let (mut out, mut err) = (keeper.masked(masker.clone()), keeper.masked(masker));
    let told = remote::run(task, stop, |stream, bytes| {
        let shown = match stream {
            Stream::Stdout | Stream::Body => out.push(bytes),
            Stream::Stderr => err.push(bytes),
        };
        show(stream, &shown);
    });
    let Told { end, rung, survivors, farewell } = told.await;
    let millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let ((stdout, stdout_text), (stderr, stderr_text)) = (keeper.keep_masked(out), keeper.keep_masked(err));
    let duration = Duration::from_millis(millis);
    (Ending { end, duration, stdout, stdout_text, stderr, stderr_text, survivors, rung }, farewell)
}
