//! How the work of a run is done: programs, evidence, messages. Everything it does becomes an event.

pub(crate) mod command;
mod evidence;
mod keep;
pub mod plan;
pub mod planner;
mod tasks;

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::rc::Rc;

use runbook_core::document::model::SecretSource;
use runbook_core::document::team::Team;
use runbook_core::run::effect::{EvidenceWanted, Invocation};
use runbook_core::run::event::Event;
use runbook_core::run::record::{AttemptKey, BlobDigest, StartFailure, StartFailureKind};
use runbook_transcript::digest::Digest;
use tokio::sync::mpsc;

pub use self::keep::Keeper;
use self::plan::{ExecutionPlan, PLAN_BYTES_MAX};
use self::planner::{Planner, failure};
use self::tasks::{Done, Handle, Tasks};
use crate::account::Machine;
use crate::channel::{self, Telling};
use crate::observer::Observer;
use crate::process::{Reason, Running};
use crate::secret::Secrets;
use crate::supervisor::{Control, Exit, Order, Supervisor, Watched};

/// Deliveries that may wait to be taken in.
const TOLD_MAX: usize = 16;

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
    /// Where the runbook's secrets come from.
    pub secrets: BTreeMap<String, SecretSource>,
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
}

/// Does the work of a run.
pub struct Executor {
    work: Rc<Workplace>,
    planner: Planner,
    tasks: Tasks,
    ready: VecDeque<Event>,
    told: (mpsc::Sender<Event>, mpsc::Receiver<Event>),
    started: u64,
}

impl Executor {
    /// Makes one that does nothing yet.
    #[must_use]
    pub fn new(work: Rc<Workplace>) -> Self {
        let planner = Planner::new(&work.machine, &work.directory);
        Self {
            work,
            planner,
            tasks: Tasks::default(),
            ready: VecDeque::new(),
            told: mpsc::channel(TOLD_MAX),
            started: 0,
        }
    }

    /// Makes an execution plan and keeps it; the answer is an event.
    pub fn plan(&mut self, key: AttemptKey, invocation: &Invocation) {
        let plan = self.store_plan(invocation);
        self.ready.push_back(Event::Planned { key, plan });
    }

    fn store_plan(&mut self, invocation: &Invocation) -> Result<(BlobDigest, String), StartFailure> {
        let keeper = &self.work.keeper;
        let plan = self.planner.plan(invocation, &self.work.machine, keeper.blobs())?;
        let unkept =
            |why: String| failure(StartFailureKind::Other, format!("its execution plan cannot be kept: {why}"));
        let bytes = plan.encode().map_err(|error| unkept(error.to_string()))?;
        let digest = keeper.put(&bytes).map_err(|error| unkept(error.to_string()))?;
        Ok((digest, plan.shown()))
    }

    /// Starts exactly the stored plan; `Spawned` and `Ended` follow as events. What changes the world is only made ready
    /// by this, behind the gate of a supervisor of its own.
    pub fn start(&mut self, key: AttemptKey, plan: &BlobDigest) {
        let started = self.read_plan(plan).map(|plan| self.begin(&key, plan));
        if let Err(failure) = started {
            self.ended(key, command::not_started(failure));
        }
    }

    fn read_plan(&mut self, plan: &BlobDigest) -> Result<ExecutionPlan, StartFailure> {
        let gone = |why: String| failure(StartFailureKind::Other, format!("its execution plan cannot be read: {why}"));
        let digest = Digest::parse(plan).ok_or_else(|| gone(format!("{plan:?} is no digest")))?;
        let bytes = self.work.keeper.blobs().get(digest, PLAN_BYTES_MAX).map_err(|error| gone(error.to_string()))?;
        let plan = ExecutionPlan::decode(&bytes).map_err(|error| gone(error.to_string()))?;
        if self.planner.is_unchanged(&plan) {
            Ok(plan)
        } else {
            let message = format!("program {} is no longer the one that was planned", plan.program);
            Err(failure(StartFailureKind::MissingProgram, message))
        }
    }

    fn begin(&mut self, key: &AttemptKey, plan: ExecutionPlan) {
        if plan.changes {
            return self.begin_supervised(key, plan);
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

    fn begin_supervised(&mut self, key: &AttemptKey, plan: ExecutionPlan) {
        if plan.secrets().is_empty() {
            let order = command::order_without_secrets(&plan, key, &self.work);
            return self.supervise(key.clone(), &order);
        }
        let (work, attempt) = (Rc::clone(&self.work), key.clone());
        self.tasks.add(Some(key.clone()), None, async move {
            let order = command::order(&plan, &attempt, &work).await;
            Done::Ordered(attempt, Box::new(order))
        });
    }

    fn supervise(&mut self, key: AttemptKey, order: &Order) {
        // One that left an end was let go, whatever the transcript says: it is not started again.
        if let Some(exit) = Exit::read(&order.exit) {
            return self.take_in(key, exit);
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
        self.tasks.add(Some(key), Some(Handle::Supervised(control)), async move {
            let show = |stream, bytes: &[u8]| work.observer.output(&attempt, stream, bytes);
            let ending = supervisor.end(work.keeper.blobs(), show).await;
            Done::Ended(attempt, Box::new(ending))
        });
    }

    /// Lets an attempt go that waits at its gate: that it may is on disk. One that ended meanwhile is passed over.
    pub fn release(&mut self, key: &AttemptKey) {
        let _waits = self.tasks.release(key);
    }

    /// Nothing that waits at a gate will be let go: each ends, having started nothing.
    pub fn shut_gates(&mut self) {
        self.tasks.shut_gates();
    }

    /// Sees to an attempt that another engine started; `Ended` follows as an event.
    pub(crate) fn take_up(&mut self, key: AttemptKey, watched: Watched, control: Control) {
        let (work, attempt) = (Rc::clone(&self.work), key.clone());
        self.tasks.add(Some(key), Some(Handle::Supervised(control)), async move {
            let ending = watched.end(work.keeper.blobs()).await;
            Done::Ended(attempt, Box::new(ending))
        });
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
            let ending = command::wait(running, masker, &work.keeper, show).await;
            Done::Ended(attempt, Box::new(ending))
        });
    }

    fn ended(&mut self, key: AttemptKey, ending: runbook_core::run::event::Ending) {
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

    /// Tells people; `Told` for each delivery and `ToldAll` follow as events.
    pub fn tell(&mut self, step: String, to: Vec<String>, subject: String, message: String) {
        let (work, sender) = (Rc::clone(&self.work), self.told.0.clone());
        self.tasks.add(None, None, async move {
            let telling = Telling { step: Some(step.clone()), to, subject, message };
            channel::tell(&telling, &work, |event| sender.send(event)).await;
            Done::Event(Event::ToldAll { step })
        });
    }

    /// Tells the owner; nothing follows.
    pub fn tell_owner(&mut self, owner: Option<String>, message: String) {
        let Some(owner) = owner else { return };
        let work = Rc::clone(&self.work);
        self.tasks.add(None, None, async move {
            let subject = message.lines().next().unwrap_or_default().to_owned();
            let telling = Telling { step: None, to: vec![owner], subject, message };
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
        let work = Rc::clone(&self.work);
        self.tasks.add(None, None, async move {
            let mut evidence = Vec::new();
            for piece in pieces {
                evidence.push(piece.collect(&step, &work).await);
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
            let _ended = self.tasks.next().await;
        }
    }
}

fn identity(running: &Running) -> (u32, u64) {
    (running.pid(), crate::run::start_time(running.pid()).unwrap_or_default())
}
