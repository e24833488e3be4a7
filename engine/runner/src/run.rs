//! Starts a run, or goes on with one: everything before and after the loop.

mod entered;
mod error;
pub mod fate;
mod leftover;
mod lock;
mod replay;
mod retry;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use jiff::Timestamp;
use runbook_core::document::model::SecretSource;
use runbook_core::document::team::Team;
use runbook_core::params;
use runbook_core::plan::Plan;
use runbook_core::run::event::Event;
use runbook_core::run::record::{Actor, AttemptKey, BlobDigest, Mode, Record, RunOutcome, RunStarted};
use runbook_core::run::request::Request;
use runbook_core::run::state::RunState;
use runbook_core::value::Value;
use runbook_transcript::blob::Durable;
use runbook_transcript::digest::Digest;
use runbook_transcript::lock::{Holder, Lock};
use runbook_transcript::run_dir::RunDir;
use runbook_transcript::run_id::RunId;
use runbook_transcript::storage::{FileStorage, Storage};
use runbook_transcript::store::{Store, StoreError};
use runbook_transcript::writer::{Torn, Writer};

pub use self::entered::enter_missing_seal;
pub use self::error::{LockedBy, RunError};
pub(crate) use self::leftover::{is_process, start_time};
pub(crate) use self::lock::Locks;
pub use self::retry::{Earlier, RetryError, look_back};
use crate::account::Machine;
use crate::channel::incidents::Incidents;
use crate::clock::Clock;
use crate::dispatcher::{Dispatcher, InputReceiver, Parts, Stop};
use crate::executor::{About, Keeper, Workplace};
use crate::git;
use crate::inbox::Watch;
use crate::load::{Source, Sources};
use crate::observer::Observer;
use crate::recorder::{Recorder, Unwritable, ledger_unwritable};
use crate::refuse;
use crate::secret::Secrets;

/// How often another run id is tried when one is taken.
const ID_TRIES: u32 = 8;

/// A runbook that was checked, with the bytes it was read from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What runs.
    pub plan: Arc<Plan>,
    /// The people.
    pub team: Arc<Team>,
    /// The runbook's file.
    pub runbook: Source,
    /// The files of the runbooks that it runs, directly or through others.
    pub called: Sources,
    /// The team file.
    pub team_source: Option<Source>,
    /// The directory steps run in, absolute.
    pub directory: PathBuf,
}

/// What an operator wants of a run.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// The store; made if it is not there.
    pub store: PathBuf,
    /// Params as given: name and text.
    pub params: Vec<(String, String)>,
    /// What the run is for.
    pub mode: Mode,
    /// Whether a person sits at a terminal.
    pub attended: bool,
    /// Whether approvals by the operator are given at once, but for destructive acts.
    pub yes: bool,
    /// Whether the operator is asked before each step.
    pub step_by_step: bool,
}

/// How the process of a run came to its end.
#[derive(Debug, Clone)]
pub enum RunEnd {
    /// The run is over and sealed.
    Over(RunOutcome),
    /// A dry run was shown to its end, or a drill was.
    Shown,
    /// It waits for people.
    Waiting(Vec<Request>),
    /// It waits to hear how an act ended.
    InDoubt(Vec<Request>),
    /// The transcript cannot be written.
    Unwritable(Unwritable),
}

impl RunEnd {
    /// The exit code that says so.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Over(RunOutcome::Resolved) | Self::Shown => 0,
            Self::Over(RunOutcome::Failed) => 1,
            Self::Over(RunOutcome::Escalated) => 3,
            Self::Over(RunOutcome::Cancelled) => 4,
            Self::InDoubt(_) => 5,
            Self::Unwritable(_) => 6,
            Self::Waiting(_) => 75,
        }
    }
}

/// A run, and how its process came to its end.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The run's folder.
    pub run: RunDir,
    /// How.
    pub end: RunEnd,
}

/// Puts something between the writer and its file: a test's fault.
pub type Wrap = Box<dyn FnOnce(FileStorage) -> Box<dyn Storage>>;

/// Runs a runbook until it is over, waits for people, or cannot go on. Must be called inside a tokio runtime with its
/// io and time drivers; it need not be the only future there. `inputs` brings what the operator says at a terminal.
///
/// # Errors
/// [`RunError`] when nothing was started.
pub async fn start(
    loaded: Loaded,
    options: RunOptions,
    machine: Machine,
    observer: Rc<dyn Observer>,
    inputs: InputReceiver,
) -> Result<Finished, RunError> {
    start_on(loaded, options, machine, observer, inputs, Box::new(|storage| Box::new(storage))).await
}

/// As [`start`], with something between the transcript and its file: a test's fault.
///
/// # Errors
/// As [`start`].
pub async fn start_on(
    loaded: Loaded,
    options: RunOptions,
    machine: Machine,
    observer: Rc<dyn Observer>,
    inputs: InputReceiver,
    wrap: Wrap,
) -> Result<Finished, RunError> {
    let params = params::resolve(&loaded.plan.document().params, &options.params).map_err(RunError::Params)?;
    Box::pin(begin(loaded, params, None, options, machine, observer, inputs, wrap)).await
}

/// Tries an earlier run again: the same runbook and params, and what went well there is taken over. As [`start`]; the
/// options' own params are not looked at.
///
/// # Errors
/// As [`start`].
pub async fn retry(
    earlier: Earlier,
    options: RunOptions,
    machine: Machine,
    observer: Rc<dyn Observer>,
    inputs: InputReceiver,
) -> Result<Finished, RunError> {
    let (loaded, params) = (earlier.loaded.clone(), earlier.started.params.clone());
    let wrap: Wrap = Box::new(|storage| Box::new(storage));
    Box::pin(begin(loaded, params, Some(earlier), options, machine, observer, inputs, wrap)).await
}

#[expect(clippy::too_many_arguments, reason = "what a run is made of, given by the two ways to start one")]
async fn begin(
    loaded: Loaded,
    params: BTreeMap<String, (Value, String)>,
    earlier: Option<Earlier>,
    options: RunOptions,
    machine: Machine,
    observer: Rc<dyn Observer>,
    inputs: InputReceiver,
    wrap: Wrap,
) -> Result<Finished, RunError> {
    let refused = refuse::refusals(&loaded.plan);
    if !refused.is_empty() {
        return Err(RunError::NotInBuild(refused));
    }
    let commit = git::commit_of(&loaded.runbook.path, &loaded.runbook.bytes);
    let dirty = commit.as_ref().and_then(|commit| commit.dirty);
    if loaded.team.policy.require_clean_git && options.mode == Mode::Real && dirty != Some(false) {
        return Err(RunError::NotClean { path: loaded.runbook.path.clone(), in_git: commit.is_some() });
    }
    let store = Store::open_or_init(&options.store).map_err(RunError::Store)?;
    let mut clock = Clock::start();
    let (stamp, _) = clock.now();
    let run = create_run(&store, &loaded.plan, stamp.at)?;
    let held = run.lock(&holder(&machine, stamp.at)).map_err(RunError::Held)?;
    let locks = Rc::new(Locks::new(&store, run.id()));
    if let Err(error) = take_lock(&locks, &loaded.plan, &params, &run, options.mode) {
        // Nothing was written in it: no run came of it.
        let _removed = fs::remove_dir_all(run.path());
        return Err(error);
    }
    let ledger = store.ledger();
    let ledger_head = ledger.head().map_err(|error| RunError::Unwritable(ledger_unwritable(ledger.path(), &error)))?;
    let keeper = Keeper::new(run.blobs(), run.sharing());
    let keep = |bytes: &[u8]| {
        let put = run.blobs().put(bytes, Durable::Yes);
        put.map(Digest::to_hex)
            .map_err(|error| RunError::Unwritable(Unwritable { path: error.path.clone(), why: error.to_string() }))
    };
    let document = loaded.plan.document();
    let started = RunStarted {
        store: store.root().display().to_string(),
        ledger_head: ledger_head.to_hex(),
        runbook: document.name.value.to_string(),
        title: document.title.value.clone(),
        path: loaded.runbook.path.display().to_string(),
        source: keep(&loaded.runbook.bytes)?,
        called: loaded
            .called
            .iter()
            .map(|(name, source)| Ok((name.to_string(), keep(&source.bytes)?)))
            .collect::<Result<_, RunError>>()?,
        team: loaded.team_source.as_ref().map(|team| keep(&team.bytes)).transpose()?,
        commit: commit.map(|commit| commit.id),
        dirty,
        params,
        alert: None,
        host: machine.host.clone(),
        boot_id: machine.boot_id.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        binary: engine_digest(&store, &machine.program),
        mode: options.mode,
        attended: options.attended,
        yes: options.yes,
        step_by_step: options.step_by_step,
        directory: loaded.directory.display().to_string(),
        retry_of: earlier.as_ref().map(Earlier::named),
    };
    let writer = Writer::create_on(&run, wrap)
        .map_err(|error| RunError::Unwritable(Unwritable { path: error.path.clone(), why: error.to_string() }))?;
    let operator = machine.account.actor("terminal");
    let mut state = RunState::new(
        Arc::clone(&loaded.plan),
        Arc::clone(&loaded.team),
        run.id().as_str(),
        &started,
        &operator,
        stamp.at,
    );
    state.call_as(machine.calls.clone());
    let work =
        Rc::new(workplace(&loaded.plan, &started, &loaded.team, keeper, machine, &run, options.attended, observer));
    let mut recorder = Recorder::new(writer, ledger, started.runbook.clone());
    let record = Record::RunStarted(Box::new(started));
    let begun = recorder
        .append(&operator, &record, stamp, &work)
        .and_then(|()| recorder.sync(&work))
        .and_then(|()| recorder.enter_start(stamp));
    begun.map_err(RunError::Unwritable)?;
    let taken_over = match &earlier {
        Some(earlier) => earlier.keep_blobs(&run).map(|()| earlier.records.clone()).map_err(RunError::Unwritable)?,
        None => Vec::new(),
    };
    let inbox = (options.mode == Mode::Real).then(|| Watch::new(&run.inbox()));
    let (taken, incidents) = (BTreeSet::new(), Incidents::default());
    let locked = Rc::clone(&locks);
    let parts = Parts { state, recorder, work, clock, inputs, inbox, taken, incidents, locks: locked };
    let mut dispatcher = Dispatcher::new(parts).map_err(RunError::System)?;
    dispatcher.take_over(&taken_over).map_err(RunError::Unwritable)?;
    let stop = dispatcher.run(Event::Started).await;
    Ok(finish(stop, options.mode, run, &locks, held))
}

/// Goes on with a run that waits, or whose process died. As [`start`].
///
/// # Errors
/// [`RunError`] when another process has the run, it is over, it was a dry run, or its transcript cannot be read.
pub async fn resume(
    store: &Store,
    run: RunDir,
    attended: bool,
    machine: Machine,
    observer: Rc<dyn Observer>,
    inputs: InputReceiver,
) -> Result<Finished, RunError> {
    let held = run.lock(&holder(&machine, Timestamp::now())).map_err(RunError::Held)?;
    let replayed = replay::replay(&run)?;
    let replay::Replayed {
        writer,
        torn,
        mut state,
        plan,
        team,
        started,
        last,
        last_boot_ms,
        open,
        plans,
        taken,
        incidents,
        boot_id,
    } = replayed;
    let locks = Rc::new(Locks::new(store, run.id()));
    for name in lock::name(&plan, &started.params, run.id())?.into_iter().chain(state.locks()) {
        locks.take(&name)?;
    }
    let same_boot = boot_id == machine.boot_id;
    let clock = Clock::go_on(last, same_boot.then_some(last_boot_ms));
    let keeper = Keeper::new(run.blobs(), run.sharing());
    let left_over = retry::left_over(store, &run, &started, &state)?;
    let operator = machine.account.actor("terminal");
    let resumed = Record::RunResumed {
        host: machine.host.clone(),
        boot_id: machine.boot_id.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        attended,
    };
    state.call_as(machine.calls.clone());
    let work = Rc::new(workplace(&plan, &started, &team, keeper, machine, &run, attended, observer));
    let recorder = Recorder::new(writer, store.ledger(), started.runbook.clone());
    recorder.enter_missing_start().map_err(RunError::Unwritable)?;
    let inbox = Some(Watch::new(&run.inbox()));
    let locked = Rc::clone(&locks);
    let parts = Parts { state, recorder, work, clock, inputs, inbox, taken, incidents, locks: locked };
    let mut dispatcher = Dispatcher::new(parts).map_err(RunError::System)?;
    take_up(&mut dispatcher, &run, Found { resumed, operator, torn, open, plans, same_boot })?;
    dispatcher.take_over(&left_over).map_err(RunError::Unwritable)?;
    // As large as the rest of this future together.
    let stop = Box::pin(dispatcher.run(Event::Resumed)).await;
    Ok(finish(stop, started.mode, run, &locks, held))
}

/// What a replay found, and who goes on with it.
struct Found {
    resumed: Record,
    operator: Actor,
    torn: Option<Torn>,
    open: BTreeMap<AttemptKey, fate::Process>,
    plans: BTreeMap<AttemptKey, BlobDigest>,
    same_boot: bool,
}

/// Records that the run is gone on with, and sees to what went on without an engine.
fn take_up(dispatcher: &mut Dispatcher, run: &RunDir, found: Found) -> Result<(), RunError> {
    let Found { resumed, operator, torn, open, plans, same_boot } = found;
    let engine = Actor::engine(dispatcher.operator.uid);
    let (stamp, jumped) = dispatcher.clock.now();
    let mut records = vec![(operator, resumed)];
    records.extend(jumped.map(|by_ms| (engine.clone(), Record::ClockJumped { by_ms })));
    records.extend(torn.map(|torn| (engine.clone(), Record::Recovered { bytes: torn.bytes })));
    if same_boot {
        let notes = leftover::look_after(&open, &dispatcher.state);
        records.extend(notes.into_iter().map(|note| (engine.clone(), note)));
    }
    let acts: Vec<AttemptKey> =
        dispatcher.state.open_acts().filter(|(_, let_go)| *let_go).map(|(key, _)| key.clone()).collect();
    let mut seen_to = Vec::new();
    for key in acts {
        if let Some(plan) = plans.get(&key) {
            dispatcher.executor.remember(&key, plan);
        }
        let process = open.get(&key).filter(|_| same_boot);
        let fate = fate::Fate::find(run, &key, true, process.copied());
        records.extend(fate.note(&key).map(|note| (engine.clone(), note)));
        match fate.found {
            fate::Found::Lives(watched, control) => dispatcher.executor.take_up(key.clone(), watched, control),
            fate::Found::Left(exit) => dispatcher.executor.take_in(key.clone(), *exit),
            fate::Found::Nothing(_) if dispatcher.executor.take_seen(&key) => {}
            // What ran on another host left its end there.
            fate::Found::Nothing(_)
                if plans.get(&key).is_some_and(|plan| dispatcher.executor.take_back(&key, plan)) => {}
            fate::Found::NotLetGo | fate::Found::Nothing(_) => continue,
        }
        seen_to.push(key);
    }
    for (actor, record) in records {
        dispatcher.record(&actor, &record, stamp).map_err(RunError::Unwritable)?;
    }
    // After the record that the run was taken up: what was going on before that is seen to by nobody.
    for key in &seen_to {
        dispatcher.state.attach(key);
    }
    Ok(())
}

/// Takes the lock that the runbook names, if it names one.
fn take_lock(
    locks: &Locks,
    plan: &Plan,
    params: &BTreeMap<String, (Value, String)>,
    run: &RunDir,
    mode: Mode,
) -> Result<(), RunError> {
    match (lock::name(plan, params, run.id())?, mode) {
        (Some(name), Mode::Real) => locks.take(&name),
        (None, _) | (Some(_), Mode::Dry { .. } | Mode::Drill) => Ok(()),
    }
}

fn finish(stop: Stop, mode: Mode, run: RunDir, locks: &Locks, held: Lock) -> Finished {
    let end = match stop {
        Stop::Sealed(_) if mode != Mode::Real => RunEnd::Shown,
        Stop::Sealed(outcome) => RunEnd::Over(outcome),
        Stop::Suspended { in_doubt: true, requests } => RunEnd::InDoubt(requests),
        Stop::Suspended { in_doubt: false, requests } => RunEnd::Waiting(requests),
        Stop::Unwritable(unwritable) => RunEnd::Unwritable(unwritable),
    };
    if let RunEnd::Over(_) = &end {
        locks.give_back();
    }
    drop(held);
    Finished { run, end }
}

fn holder(machine: &Machine, now: Timestamp) -> Holder {
    Holder { pid: std::process::id(), operator: machine.account.name.clone(), since: now }
}

#[expect(clippy::too_many_arguments, reason = "each is another part of one value, made in one place")]
fn workplace(
    plan: &Plan,
    started: &RunStarted,
    team: &Arc<Team>,
    keeper: Keeper,
    machine: Machine,
    run: &RunDir,
    attended: bool,
    observer: Rc<dyn Observer>,
) -> Workplace {
    Workplace {
        keeper,
        machine,
        directory: PathBuf::from(&started.directory),
        run: run.id().as_str().to_owned(),
        about: About { runbook: plan.document().name.value.to_string(), severity: plan.document().severity },
        secrets: secrets_of(plan),
        called: started.called.clone(),
        exits: run.exits(),
        team: Arc::clone(team),
        attended,
        observer,
        secrets_read: RefCell::new(Secrets::default()),
        orphans: RefCell::default(),
    }
}

/// Where the secrets come from, those of the runbooks it runs too: the checks hold one name to one place.
fn secrets_of(plan: &Plan) -> BTreeMap<String, SecretSource> {
    let called = plan.called();
    let documents = std::iter::once(plan.document()).chain(called.values().map(|plan| plan.document()));
    let all = documents.flat_map(|document| &document.secrets);
    all.map(|(name, from)| (name.clone(), from.value.clone())).collect()
}

fn create_run(store: &Store, plan: &Plan, now: Timestamp) -> Result<RunDir, RunError> {
    let mut tries = 0;
    loop {
        let mut random = [0; 4];
        fs::File::open("/dev/urandom")
            .and_then(|mut chance| chance.read_exact(&mut random))
            .map_err(RunError::System)?;
        tries += 1;
        match store.create_run(&plan.document().name.value, now, random) {
            Err(StoreError::Exists(_)) if tries < ID_TRIES => {}
            made => return made.map_err(RunError::Store),
        }
    }
}

/// The digest of this program's file; empty where it cannot be read. It is remembered beside the runs while the file
/// stays the same: a program of some megabytes takes longer to hash than the first step to start.
fn engine_digest(store: &Store, program: &Path) -> String {
    use std::os::unix::fs::MetadataExt as _;

    let Ok(data) = fs::metadata(program) else { return String::new() };
    let mark = format!(
        "{}-{}-{}-{}.{}-{}.{}",
        data.dev(),
        data.ino(),
        data.size(),
        data.mtime(),
        data.mtime_nsec(),
        data.ctime(),
        data.ctime_nsec()
    );
    let path = store.root().join("engine-digest");
    let known = fs::read_to_string(&path).unwrap_or_default();
    if let Some((known_mark, digest)) = known.trim_end().split_once(' ')
        && known_mark == mark
        && Digest::parse(digest).is_some()
    {
        return digest.to_owned();
    }
    let Ok((digest, _)) = Digest::of_file(program) else { return String::new() };
    let draft = store.root().join(format!(".engine-digest-{}", std::process::id()));
    // Only a memory: without it the digest is computed again.
    let _kept = fs::write(&draft, format!("{mark} {digest}\n")).and_then(|()| fs::rename(&draft, &path));
    digest.to_hex()
}

/// The run with this id in a store, for those that hand something in.
#[must_use]
pub fn run_dir(store: &Store, id: &RunId) -> RunDir {
    store.run(id)
}
