//! How the work of a run is done: programs, evidence, messages. Everything it does becomes an event.

pub(crate) mod command;
mod difference;
pub(crate) mod elsewhere;
mod evidence;
mod keep;
pub mod plan;
pub mod planner;
pub(crate) mod request;
pub(crate) mod stored;
mod tasks;
pub(crate) mod writing;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::rc::Rc;

use runbook_core::document::model::{SecretSource, Severity};
use runbook_core::document::team::Team;
use runbook_core::run::effect::{Command, EvidenceWanted, Invocation};
use runbook_core::run::event::{Ending, Event, Input};
use runbook_core::run::record::{Actor, AttemptKey, BlobDigest, End, StartFailure, StartFailureKind, StepPath};
use runbook_core::value::Value;
use runbook_transcript::digest::Digest;
use tokio::sync::{Notify, mpsc, watch};

pub use self::keep::Keeper;
use self::plan::{ExecutionPlan, PLAN_BYTES_MAX};
use self::planner::{Planner, failure};
use self::request::RequestPlan;
use self::stored::StoredPlan;
use self::tasks::{Done, Handle, Tasks};
use self::writing::WritingPlan;
use crate::account::Machine;
use crate::channel::incidents::{self, Incident};
use crate::channel::{self, Telling};
use crate::mask::Masker;
use crate::observer::Observer;
use crate::process::{Orphans, Reason, Running};
use crate::remote::Masters;
use crate::secret::Secrets;
use crate::supervisor::{Control, Exit, Order, Supervisor, Watched, attempt_name, exit_path};

/// Deliveries that may wait to be taken in.
const TOLD_MAX: usize = 16;

/// What a run is of, for those who are told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// The runbook's name.
    pub runbook: String,
    /// How bad it is.
    pub severity: Option<Severity>,
}

/// Where the programs of a run work, and what they share.
pub struct Workplace {
    /// Where what they print is kept.
    pub keeper: Keeper,
    /// The machine.
    pub machine: Machine,
    /// The run's own directory, absolute.
    pub directory: PathBuf,
    /// The run's id.
    pub run: String,
    /// What it is a run of.
    pub about: About,
    /// Where the runbook's secrets come from.
    pub secrets: BTreeMap<String, SecretSource>,
    /// Digests of the runbooks that it runs, as they were when the run started, by their names.
    pub called: BTreeMap<String, BlobDigest>,
    /// Where supervisors leave how acts ended.
    pub exits: PathBuf,
    /// The people.
    pub team: std::sync::Arc<Team>,
    /// Whether somebody sits at the terminal.
    pub attended: bool,
    /// Who watches.
    pub observer: Rc<dyn Observer>,
    /// Secrets that were read so far: none of them shows in what is printed from then on.
    pub secrets_read: RefCell<Secrets>,
    /// What was left to this process by what it started.
    pub orphans: RefCell<Orphans>,
}

impl Workplace {
    /// Remembers secrets that were read: they show in nothing that is printed from now on.
    pub(crate) fn remember(&self, secrets: &Secrets) {
        let mut read = self.secrets_read.borrow_mut();
        for (name, value) in secrets.iter() {
            read.insert(name.to_owned(), value.to_owned());
        }
    }
}

/// Does the work of a run.
pub struct Executor {
    work: Rc<Workplace>,
    planner: Planner,
    masters: Rc<Masters>,
    tasks: Tasks,
    ready: VecDeque<Event>,
    told: (mpsc::Sender<Event>, mpsc::Receiver<Event>),
    started: u64,
    /// Files that are being written: how that ended can be seen where nobody tells it.
    writings: BTreeMap<AttemptKey, WritingPlan>,
    /// What runs on other hosts, with supervisors here: where one is gone it is looked at there.
    elsewhere: BTreeMap<AttemptKey, ExecutionPlan>,
}

/// What tells how an attempt ended where its supervisor is gone.
enum Left {
    Nothing,
    /// The file that it writes.
    File(WritingPlan),
    /// The host that it runs on, and whether it is to be ended there.
    Elsewhere(Box<ExecutionPlan>, watch::Receiver<bool>),
}

impl Left {
    /// How it ended, where that is known or can be seen.
    async fn look(self, key: &AttemptKey, ending: Ending, work: &Workplace) -> Ending {
        match self {
            Self::Nothing => ending,
            Self::File(plan) => plan.settled(key, ending),
            Self::Elsewhere(plan, asked) => {
                // A supervisor that leaves that it does not know has looked for as long as it may.
                let is_unseen =
                    matches!(ending.end, End::Lost(_)) && Exit::read(&exit_path(&work.exits, key)).is_none();
                if !is_unseen {
                    return ending;
                }
                let show = |stream, bytes: &[u8]| work.observer.output(key, stream, bytes);
                elsewhere::take_back(&plan, key, work, asked, show).await
            }
        }
    }
}

impl Executor {
    /// Makes one that does nothing yet.
    #[must_use]
    pub fn new(work: Rc<Workplace>) -> Self {
        let planner = Planner::new(&work.machine, &work.directory).with_hosts(work.team.hosts.clone());
        let masters = Rc::new(Masters::new(&work.machine, &work.machine.absolute(&work.exits)));
        Self {
            work,
            planner,
            masters,
            tasks: Tasks::default(),
            ready: VecDeque::new(),
            told: mpsc::channel(TOLD_MAX),
            started: 0,
            writings: BTreeMap::new(),
            elsewhere: BTreeMap::new(),
        }
    }

    /// Makes an execution plan and keeps it; the answer is an event.
    pub fn plan(&mut self, key: AttemptKey, invocation: &Invocation) {
        match self.make_plan(&key, invocation) {
            Ok(Some(plan)) => {
                let plan = self.store_plan(&plan);
                self.ready.push_back(Event::Planned { key, plan });
            }
            Ok(None) => self.ready.push_back(Event::AlreadySo { key }),
            Err(failure) => self.ready.push_back(Event::Planned { key, plan: Err(failure) }),
        }
    }

    /// Makes a plan; nothing where nothing is left to do.
    fn make_plan(&mut self, key: &AttemptKey, invocation: &Invocation) -> Result<Option<StoredPlan>, StartFailure> {
        let (machine, blobs) = (&self.work.machine, self.work.keeper.blobs());
        match &invocation.command {
            Command::Words(_) | Command::Script { .. } => {
                self.planner.plan(invocation, machine, blobs).map(|plan| Some(StoredPlan::Program(plan)))
            }
            Command::Http(call) => {
                let plan = RequestPlan::make(call, invocation, &self.planner, machine, blobs)?;
                Ok(Some(StoredPlan::Request(plan)))
            }
            Command::Write(writing) => {
                let planned = writing::plan(writing, invocation, &self.planner, machine)?;
                if planned.is_already_so() {
                    return Ok(None);
                }
                let kept = self.work.keeper.put(planned.content.as_bytes());
                kept.map_err(|error| failure(StartFailureKind::Other, format!("its text cannot be kept: {error}")))?;
                let change = difference::evidence(&planned, &self.work);
                self.ready.push_back(Event::Previewed { key: key.clone(), change });
                Ok(Some(StoredPlan::Writing(planned.plan)))
            }
        }
    }

    /// Keeps the list of the plans of a loop's items; the answer is an event.
    pub fn plan_items(&mut self, key: AttemptKey, items: &[(StepPath, BlobDigest)], shown: String) {
        let unkept =
            |why: String| failure(StartFailureKind::Other, format!("the list of its plans cannot be kept: {why}"));
        let plan = plan::listed(items)
            .map_err(|error| unkept(error.to_string()))
            .and_then(|bytes| self.work.keeper.put(&bytes).map_err(|error| unkept(error.to_string())))
            .map(|digest| (digest, shown));
        self.ready.push_back(Event::Planned { key, plan });
    }

    /// Keeps which runbook is run and with what; the answer is an event.
    pub fn plan_call(&mut self, key: AttemptKey, runbook: &str, params: &BTreeMap<String, Value>, shown: String) {
        let unkept = |why: String| failure(StartFailureKind::Other, format!("what it is given cannot be kept: {why}"));
        let plan = plan::called(runbook, self.work.called.get(runbook), params)
            .map_err(|error| unkept(error.to_string()))
            .and_then(|bytes| self.work.keeper.put(&bytes).map_err(|error| unkept(error.to_string())))
            .map(|digest| (digest, shown));
        self.ready.push_back(Event::Planned { key, plan });
    }

    /// Has an answer taken in with those of the executor, in its turn.
    pub(crate) fn answer(&mut self, event: Event) {
        self.ready.push_back(event);
    }

    fn store_plan(&mut self, plan: &StoredPlan) -> Result<(BlobDigest, String), StartFailure> {
        let keeper = &self.work.keeper;
        let unkept =
            |why: String| failure(StartFailureKind::Other, format!("its execution plan cannot be kept: {why}"));
        let bytes = plan.encode().map_err(|error| unkept(error.to_string()))?;
        let digest = keeper.put(&bytes).map_err(|error| unkept(error.to_string()))?;
        let shown = match plan {
            StoredPlan::Request(plan) => plan.shown_with(keeper.blobs()),
            StoredPlan::Program(_) | StoredPlan::Writing(_) => plan.shown(),
        };
        Ok((digest, shown))
    }

    /// Starts exactly the stored plan; `Spawned` and `Ended` follow as events. What changes the world is only made ready
    /// by this, behind the gate of a supervisor of its own.
    pub fn start(&mut self, key: AttemptKey, plan: &BlobDigest) {
        let started = self.read_plan(plan).map(|plan| self.begin(&key, plan));
        if let Err(failure) = started {
            self.ended(key, command::not_started(failure));
        }
    }

    fn read_plan(&mut self, plan: &BlobDigest) -> Result<StoredPlan, StartFailure> {
        let gone = |why: String| failure(StartFailureKind::Other, format!("its execution plan cannot be read: {why}"));
        let digest = Digest::parse(plan).ok_or_else(|| gone(format!("{plan:?} is no digest")))?;
        let bytes = self.work.keeper.blobs().get(digest, PLAN_BYTES_MAX).map_err(|error| gone(error.to_string()))?;
        let plan = StoredPlan::decode(&bytes).map_err(|error| gone(error.to_string()))?;
        match &plan {
            StoredPlan::Program(program) if !self.planner.is_unchanged(program) => {
                let message = format!("program {} is no longer the one that was planned", program.program);
                Err(failure(StartFailureKind::MissingProgram, message))
            }
            StoredPlan::Program(_) | StoredPlan::Request(_) | StoredPlan::Writing(_) => Ok(plan),
        }
    }

    fn begin(&mut self, key: &AttemptKey, plan: StoredPlan) {
        if plan.changes() {
            return self.begin_supervised(key, plan);
        }
        match plan {
            StoredPlan::Program(plan) => self.begin_program(key, plan),
            StoredPlan::Request(plan) => self.begin_request(key, plan),
            StoredPlan::Writing(_) => unreachable!("to write a file is a change"),
        }
    }

    /// Sends a request that changes nothing, from here.
    fn begin_request(&mut self, key: &AttemptKey, plan: RequestPlan) {
        let (work, attempt) = (Rc::clone(&self.work), key.clone());
        let stop = Rc::new(Notify::new());
        let handle = Handle::Request(Rc::clone(&stop));
        self.tasks.add(Some(key.clone()), Some(handle), async move {
            let show = |stream, bytes: &[u8]| work.observer.output(&attempt, stream, bytes);
            let ready = command::read_secrets(&plan.secrets(), &work)
                .await
                .and_then(|secrets| request::ready(&plan, &secrets, work.keeper.blobs(), &work.machine));
            let ending = match ready {
                Ok(ready) => {
                    let masker = Masker::new(&work.secrets_read.borrow());
                    request::perform(&ready, masker, &work.keeper, stop.notified(), show).await
                }
                Err(failure) => command::not_started(failure),
            };
            Done::Ended(attempt.clone(), Box::new(ending))
        });
    }

    fn begin_program(&mut self, key: &AttemptKey, plan: ExecutionPlan) {
        if plan.address.is_some() {
            return self.look_elsewhere(key, plan);
        }
        self.started += 1;
        let name = self.started.to_string();
        if plan.secrets().is_empty() {
            let prepared = command::prepare_without_secrets(&plan, &self.work, &name);
            self.launch(key.clone(), prepared);
            return;
        }
        let (work, attempt) = (Rc::clone(&self.work), key.clone());
        self.tasks.add(Some(key.clone()), None, async move {
            Done::Prepared(attempt, Box::new(command::prepare(&plan, &work, &name).await))
        });
    }

    fn look_elsewhere(&mut self, key: &AttemptKey, plan: ExecutionPlan) {
        let (work, masters, attempt) = (Rc::clone(&self.work), Rc::clone(&self.masters), key.clone());
        let (stop, asked) = watch::channel(false);
        self.tasks.add(Some(key.clone()), Some(Handle::Elsewhere(stop)), async move {
            let show = |stream, bytes: &[u8]| work.observer.output(&attempt, stream, bytes);
            let at = attempt_name(&attempt);
            let ending = elsewhere::look(&plan, at, &work, &masters, asked, show).await;
            Done::Ended(attempt, Box::new(ending))
        });
    }

    fn begin_supervised(&mut self, key: &AttemptKey, plan: StoredPlan) {
        self.note_place(key, &plan);
        let is_here = !matches!(&plan, StoredPlan::Program(plan) if plan.address.is_some());
        if is_here && plan.secrets().is_empty() {
            return match command::order_without_secrets(&plan, key, &self.work) {
                Ok(order) => self.supervise(key.clone(), &order),
                Err(failure) => self.ended(key.clone(), command::not_started(failure)),
            };
        }
        let (work, masters, attempt) = (Rc::clone(&self.work), Rc::clone(&self.masters), key.clone());
        self.tasks.add(Some(key.clone()), None, async move {
            let order = if is_here {
                command::order(&plan, &attempt, &work).await
            } else {
                elsewhere::order(&plan, &attempt, &work, &masters).await
            };
            Done::Ordered(attempt, Box::new(order))
        });
    }

    fn supervise(&mut self, key: AttemptKey, order: &Order) {
        // Nothing recorded let it go, and yet something says how it ended: it is neither started nor believed.
        if Exit::read(&order.exit).is_some() {
            let why = format!("{} says how it ended, and no entry let it go", order.exit.display());
            return self.ended(key, command::ending(End::Lost(why)));
        }
        let (supervisor, control) = match Supervisor::start(&self.work.machine.supervisor, order) {
            Ok(started) => started,
            Err(error) => {
                let message = format!("its supervisor could not be started: {error}");
                return self.ended(key, command::not_started(failure(StartFailureKind::Other, message)));
            }
        };
        let pid = supervisor.pid();
        let start_time = crate::run::start_time(pid).unwrap_or_default();
        self.ready.push_back(Event::Spawned { key: key.clone(), pid, start_time });
        let (work, attempt) = (Rc::clone(&self.work), key.clone());
        let (left, handle) = self.left(&key, control);
        self.tasks.add(Some(key), Some(handle), async move {
            let show = |stream, bytes: &[u8]| work.observer.output(&attempt, stream, bytes);
            let ending = supervisor.end(work.keeper.blobs(), show).await;
            let ending = left.look(&attempt, ending, &work).await;
            Done::Ended(attempt, Box::new(ending))
        });
    }

    /// What tells how an attempt ended where its supervisor is gone, and how its end is asked for.
    fn left(&mut self, key: &AttemptKey, control: Control) -> (Left, Handle) {
        if let Some(plan) = self.writings.remove(key) {
            return (Left::File(plan), Handle::Supervised(control));
        }
        match self.elsewhere.remove(key) {
            Some(plan) => {
                let (stop, asked) = watch::channel(false);
                (Left::Elsewhere(Box::new(plan), asked), Handle::SupervisedElsewhere(control, stop))
            }
            None => (Left::Nothing, Handle::Supervised(control)),
        }
    }

    /// Lets an attempt go that waits at its gate: that it may is on disk. One that ended meanwhile is passed over.
    pub fn release(&mut self, key: &AttemptKey) {
        let _waits = self.tasks.release(key);
    }

    /// Nothing that waits at a gate will be let go: each ends, having started nothing.
    pub fn shut_gates(&mut self) {
        self.tasks.shut_gates();
    }

    /// What another engine started, where it is a file to write or on another host: how that ended can be seen.
    pub(crate) fn remember(&mut self, key: &AttemptKey, plan: &BlobDigest) {
        if let Ok(plan) = self.read_plan(plan) {
            self.note_place(key, &plan);
        }
    }

    fn note_place(&mut self, key: &AttemptKey, plan: &StoredPlan) {
        match plan {
            StoredPlan::Writing(plan) => {
                self.writings.insert(key.clone(), plan.clone());
            }
            StoredPlan::Program(plan) if plan.address.is_some() => {
                self.elsewhere.insert(key.clone(), plan.clone());
            }
            StoredPlan::Program(_) | StoredPlan::Request(_) => {}
        }
    }

    /// Takes in how a file was written while nobody saw it; `Ended` follows as an event. Says whether that can be seen.
    pub(crate) fn take_seen(&mut self, key: &AttemptKey) -> bool {
        let seen = self.writings.remove(key).and_then(|plan| plan.seen(key));
        seen.is_some_and(|end| {
            self.ended(key.clone(), command::ending(end));
            true
        })
    }

    /// Sees to an attempt that another engine started; `Ended` follows as an event.
    pub(crate) fn take_up(&mut self, key: AttemptKey, watched: Watched, control: Control) {
        let (work, attempt) = (Rc::clone(&self.work), key.clone());
        let (left, handle) = self.left(&key, control);
        self.tasks.add(Some(key), Some(handle), async move {
            let ending = watched.end(work.keeper.blobs()).await;
            let ending = left.look(&attempt, ending, &work).await;
            Done::Ended(attempt, Box::new(ending))
        });
    }

    /// Looks on another host what became of an act that was let go there, and whose engine and supervisor are gone;
    /// `Ended` follows as an event. Says whether that is where it was to run.
    pub(crate) fn take_back(&mut self, key: &AttemptKey, plan: &BlobDigest) -> bool {
        let Ok(StoredPlan::Program(plan)) = self.read_plan(plan) else { return false };
        if plan.address.is_none() {
            return false;
        }
        let (work, attempt) = (Rc::clone(&self.work), key.clone());
        let (stop, asked) = watch::channel(false);
        self.tasks.add(Some(key.clone()), Some(Handle::Elsewhere(stop)), async move {
            let show = |stream, bytes: &[u8]| work.observer.output(&attempt, stream, bytes);
            let ending = elsewhere::take_back(&plan, &attempt, &work, asked, show).await;
            Done::Ended(attempt, Box::new(ending))
        });
        true
    }

    /// Lets go of what a run holds while it goes on: the connections to other hosts.
    pub(crate) async fn close(&self) {
        self.masters.close().await;
    }

    /// Takes in how an attempt ended while no engine was there; `Ended` follows as an event.
    pub(crate) fn take_in(&mut self, key: AttemptKey, exit: Exit) {
        let ending = exit.ending(self.work.keeper.blobs());
        self.ended(key, ending);
    }

    fn launch(&mut self, key: AttemptKey, prepared: command::Prepared) {
        let (running, masker) = match command::launch(prepared) {
            Ok(started) => started,
            Err(end) => return self.ended(key, command::ending(end)),
        };
        let (pid, start_time) = identity(&running);
        self.ready.push_back(Event::Spawned { key: key.clone(), pid, start_time });
        let terminate = running.terminate_handle();
        let (work, attempt) = (Rc::clone(&self.work), key.clone());
        self.tasks.add(Some(key), Some(Handle::Child(terminate)), async move {
            let show = |stream, bytes: &[u8]| work.observer.output(&attempt, stream, bytes);
            let mut ending = command::wait(running, masker, &work.keeper, show).await;
            let left = work.orphans.borrow_mut().come();
            ending.survivors.extend(left.iter().map(|process| format!("{} {}", process.pid, process.command)));
            Done::Ended(attempt, Box::new(ending))
        });
    }

    fn ended(&mut self, key: AttemptKey, ending: Ending) {
        self.ready.push_back(Event::Ended { key, ending: Box::new(ending) });
    }

    /// Ends an attempt by the ladder; its `Ended` follows. One that does not run is passed over.
    pub fn stop(&mut self, key: &AttemptKey) {
        match self.tasks.stop(key) {
            tasks::Stopped::Asked | tasks::Stopped::Unknown => {}
            // Its secrets were still read: nothing was started.
            tasks::Stopped::Dropped => {
                let message = "it was stopped while its secrets were read".to_owned();
                self.ended(key.clone(), command::not_started(failure(StartFailureKind::Other, message)));
            }
        }
    }

    /// Ends everything that runs by the ladder.
    pub fn stop_all(&mut self) {
        self.tasks.stop_all(Reason::Cancelled);
    }

    /// Tells people, all of them at once: one whose channel does not answer keeps nobody waiting. `Told` for each
    /// delivery and one `ToldAll` follow as events.
    pub fn tell(&mut self, step: String, to: Vec<String>, subject: &str, message: &str) {
        if to.is_empty() {
            return self.ready.push_back(Event::ToldAll { step });
        }
        let left = Rc::new(Cell::new(to.len()));
        for to in to {
            let (work, sender, left) = (Rc::clone(&self.work), self.told.0.clone(), Rc::clone(&left));
            let (step, subject, message) = (step.clone(), subject.to_owned(), message.to_owned());
            self.tasks.add(None, None, async move {
                let telling = Telling { step: Some(step.clone()), to, subject, message };
                channel::tell(&telling, &work, |event| sender.send(event)).await;
                left.set(left.get().saturating_sub(1));
                if left.get() == 0 { Done::Event(Event::ToldAll { step }) } else { Done::Nothing }
            });
        }
    }

    /// Tells a channel that what it told of a step is over; a note of how that went follows as an event.
    pub(crate) fn resolve(&mut self, incident: Incident) {
        let work = Rc::clone(&self.work);
        self.tasks.add(None, None, async move {
            let text = incidents::resolve(&incident, &work).await;
            let actor = Actor::engine(work.machine.account.uid);
            Done::Event(Event::Said { actor, input: Input::Note { step: Some(incident.step), text } })
        });
    }

    /// Tells the owner; nothing follows.
    pub fn tell_owner(&mut self, owner: Option<String>, message: String) {
        let Some(to) = owner else { return };
        let work = Rc::clone(&self.work);
        self.tasks.add(None, None, async move {
            let subject = message.lines().next().unwrap_or_default().to_owned();
            let telling = Telling { step: None, to, subject, message };
            channel::tell(&telling, &work, |_| std::future::ready(Ok::<(), ()>(()))).await;
            Done::Nothing
        });
    }

    /// Collects evidence; `Attached` follows as an event.
    pub fn attach(&mut self, step: String, wanted: Vec<Result<EvidenceWanted, String>>) {
        let mut pieces = Vec::new();
        for wanted in wanted {
            self.started += 1;
            let name = self.started.to_string();
            pieces.push(evidence::Piece::new(wanted, name, &mut self.planner, &self.work));
        }
        let (work, masters) = (Rc::clone(&self.work), Rc::clone(&self.masters));
        self.tasks.add(None, None, async move {
            let mut evidence = Vec::new();
            for piece in pieces {
                evidence.push(piece.collect(&step, &work, &masters).await);
            }
            Done::Event(Event::Attached { step, evidence })
        });
    }

    /// The next event that is there already.
    pub fn ready(&mut self) -> Option<Event> {
        self.ready.pop_front()
    }

    /// Waits for the next event; for ever while nothing is done. `None` where something was done that has no event.
    /// Dropped while it waits, it loses nothing.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            let done = tokio::select! {
                biased;
                // What was told comes before the word that all were told.
                Some(event) = self.told.1.recv() => return Some(event),
                done = self.tasks.next() => done,
            };
            match done {
                Done::Prepared(key, prepared) => match *prepared {
                    Ok(prepared) => self.launch(key, prepared),
                    Err(failure) => self.ended(key, command::not_started(failure)),
                },
                Done::Ordered(key, order) => match *order {
                    Ok(order) => self.supervise(key, &order),
                    Err(failure) => self.ended(key, command::not_started(failure)),
                },
                Done::Ended(key, ending) => return Some(Event::Ended { key, ending }),
                Done::Event(event) => {
                    if let Ok(told) = self.told.1.try_recv() {
                        self.ready.push_back(told);
                        while let Ok(told) = self.told.1.try_recv() {
                            self.ready.push_back(told);
                        }
                    }
                    self.ready.push_back(event);
                }
                Done::Nothing => return None,
            }
        }
    }

    /// Whether nothing is going on.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.tasks.is_empty() && self.ready.is_empty()
    }

    /// Waits until what has no event is done too, such as telling the owner; only when nothing else runs.
    pub async fn settle(&mut self) {
        while !self.tasks.is_empty() {
            let done = self.tasks.next().await;
            // Nothing can be recorded any more; what somebody has to see to is said at least.
            if let Done::Event(Event::Said { input: Input::Note { step, text }, .. }) = done
                && incidents::may_stay_open(&text)
            {
                self.work.observer.unrecorded(&format!("{}: {text}", step.unwrap_or_default()));
            }
        }
    }
}

fn identity(running: &Running) -> (u32, u64) {
    (running.pid(), crate::run::start_time(running.pid()).unwrap_or_default())
}
