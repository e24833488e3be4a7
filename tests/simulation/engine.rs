//! One process of the engine: takes the run up from what is on disk, takes events in, performs what follows, and may die
//! between any two things it does.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use runbook_core::document::model::Kind;
use runbook_core::document::team::Team;
use runbook_core::run::effect::Effect;
use runbook_core::run::event::{Event, Evidence, Input};
use runbook_core::run::record::{Actor, AttemptKey, End, Part, Record, StartFailure, StartFailureKind};
use runbook_core::run::state::RunState;

use crate::acts::{Gate, Program};
use crate::clock::Clock;
use crate::disk::{Line, intent};
use crate::machine::Machine;
use crate::shapes::Undo;
use crate::ways::{Way, not_started};
use crate::world::{MapBlobs, beginning, ending, operator};

/// What stands before a message's name in the origin of who said it.
pub(crate) const ORIGIN: &str = "inbox/";

/// The process that was at work is gone.
#[derive(Debug)]
pub(crate) struct Died;

/// What lives in the engine's memory only.
pub(crate) struct Engine {
    pub(crate) state: RunState,
    pub(crate) clock: Clock,
    /// What happened and was not taken in yet.
    pub(crate) queue: VecDeque<Event>,
    /// Acts whose end it waits for, its own and those another engine left.
    pub(crate) watched: Vec<usize>,
    /// Acts on other hosts that nobody here looks after any more: it looks there itself.
    pub(crate) afar: Vec<usize>,
    pub(crate) looks: Vec<AttemptKey>,
    /// Messages that are in the transcript.
    taken: BTreeSet<String>,
    pub(crate) suspend: bool,
    /// It was told to let go, and lets end what runs.
    letting_go: bool,
    pub(crate) attended: bool,
}

impl Engine {
    pub(crate) fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.watched.is_empty() && self.afar.is_empty() && self.looks.is_empty()
    }
}

/// The message that an actor's words came in.
pub(crate) fn message_of(actor: &Actor) -> Option<&str> {
    actor.origin.strip_prefix(ORIGIN)
}

impl Machine {
    fn engine(&mut self) -> &mut Engine {
        self.engine.as_mut().unwrap()
    }

    /// The state of the run as the disk tells it.
    pub(crate) fn replay(&self) -> RunState {
        let (team, blobs) = (Arc::new(Team::default()), MapBlobs::default());
        let plan = Arc::clone(&self.plan);
        let mut state = RunState::new(plan, team, "run-1", &self.started, &operator(), beginning());
        for Line { actor, record, at } in self.disk.lines() {
            state.apply(record, actor, *at, &blobs);
        }
        state
    }

    /// Begins the run, or goes on with it.
    pub(crate) fn start_engine(&mut self) -> Result<(), Died> {
        let first = !std::mem::replace(&mut self.begun, true);
        let floor = self.disk.lines().last().map_or_else(beginning, |line| line.at);
        let attended = if first { self.started.attended } else { self.dice.once_in(2) };
        let (mut taken, mut open, mut boot) = (BTreeSet::new(), BTreeMap::new(), "boot-0".to_owned());
        for Line { actor, record, .. } in self.disk.lines() {
            taken.extend(message_of(actor).map(str::to_owned));
            match record {
                Record::StepSpawned { key, pid, .. } => drop(open.insert(key.clone(), *pid)),
                Record::AttemptEnded { key, .. } => drop(open.remove(key)),
                Record::RunResumed { boot_id, .. } => boot.clone_from(boot_id),
                _ => {}
            }
        }
        self.engine = Some(Engine {
            state: self.replay(),
            clock: Clock::start(self.clocks, floor),
            queue: VecDeque::new(),
            watched: Vec::new(),
            afar: Vec::new(),
            looks: Vec::new(),
            taken,
            suspend: false,
            letting_go: false,
            attended,
        });
        if first {
            return self.take(Event::Started);
        }
        let same_boot = boot == format!("boot-{}", self.boot);
        let resumed = self.resumed(attended);
        self.record(operator(), resumed)?;
        if self.disk.mend() {
            self.record(Actor::engine(0), Record::Recovered { bytes: 7 })?;
        }
        let acts: Vec<AttemptKey> =
            self.engine().state.open_acts().filter(|(_, let_go)| *let_go).map(|(key, _)| key.clone()).collect();
        let mut seen_to = Vec::new();
        for key in acts {
            let pid = open.get(&key).copied().filter(|_| same_boot);
            let lives =
                self.acts.all.iter().position(|act| Some(act.pid) == pid && act.boot == self.boot && act.supervised);
            let note = if let Some(at) = lives {
                self.engine().watched.push(at);
                "its supervisor outlived the engine: it is waited for"
            } else if let Some(end) = self.acts.exits.get(&key).cloned() {
                let ending = Box::new(ending(end, ""));
                self.engine().queue.push_back(Event::Ended { key: key.clone(), ending });
                "it ended while no engine was there, and its supervisor kept how"
            } else {
                if let Some(end) = self.acts.seen(&key) {
                    let ending = Box::new(ending(end, ""));
                    self.engine().queue.push_back(Event::Ended { key: key.clone(), ending });
                } else if let Some(at) =
                    self.acts.all.iter().rposition(|act| act.key == key && act.way == Way::Elsewhere)
                {
                    self.engine().afar.push(at);
                } else {
                    continue;
                }
                seen_to.push(key);
                continue;
            };
            self.record(Actor::engine(0), Record::Note { step: Some(key.step.clone()), text: note.to_owned() })?;
            seen_to.push(key);
        }
        for key in &seen_to {
            self.engine().state.attach(key);
        }
        if self.take_inbox()? { Ok(()) } else { self.take(Event::Resumed) }
    }

    fn resumed(&self, attended: bool) -> Record {
        let boot_id = format!("boot-{}", self.boot);
        Record::RunResumed { host: "host".to_owned(), boot_id, version: "0".to_owned(), attended }
    }

    fn stamp(&mut self) -> Result<jiff::Timestamp, Died> {
        let clocks = self.clocks;
        let (at, jumped) = self.engine().clock.read(clocks);
        if let Some(by_ms) = jumped {
            self.record_at(Actor::engine(0), Record::ClockJumped { by_ms }, at)?;
        }
        Ok(at)
    }

    /// Records something the state machine did not say, and lets it know.
    fn record(&mut self, actor: Actor, record: Record) -> Result<(), Died> {
        let clocks = self.clocks;
        let at = self.engine().clock.read(clocks).0;
        self.record_at(actor, record, at)
    }

    fn record_at(&mut self, actor: Actor, record: Record, at: jiff::Timestamp) -> Result<(), Died> {
        self.engine().state.apply(&record, &actor, at, &MapBlobs::default());
        self.disk.append(Line { actor, record, at });
        self.may_die()
    }

    /// Takes one event through the state machine, and does what follows.
    pub(crate) fn take(&mut self, event: Event) -> Result<(), Died> {
        let at = self.stamp()?;
        for effect in self.engine().state.on_event(event, at) {
            self.perform(effect, at)?;
            self.may_die()?;
        }
        let late =
            self.engine().state.requests().find(|request| request.deadline.is_some_and(|end| end <= at)).cloned();
        assert!(late.is_none() || self.engine().letting_go, "its time was over and it still waits: {late:?}");
        Ok(())
    }

    /// Takes in the next of the events that wait; those of one step keep their order.
    pub(crate) fn take_next(&mut self) -> Result<(), Died> {
        let mut dice = self.dice.clone();
        dice.next();
        let queue = &mut self.engine().queue;
        let chosen = crate::world::step_of(&queue[dice.below(queue.len())]);
        let at = queue.iter().position(|event| crate::world::step_of(event) == chosen).unwrap();
        let event = queue.remove(at).unwrap();
        self.dice = dice;
        self.take(event)
    }

    /// Takes in what was handed in; says whether anything was. A message is removed when what followed is on disk.
    pub(crate) fn take_inbox(&mut self) -> Result<bool, Died> {
        let messages = self.inbox.clone();
        let mut any = false;
        for (name, actor, input) in &messages {
            if !self.is_over() && self.engine().taken.insert(name.clone()) {
                any = true;
                self.say(actor.clone(), input.clone())?;
            }
        }
        if messages.is_empty() {
            return Ok(any);
        }
        self.disk.sync();
        self.may_die()?;
        for (name, ..) in messages {
            if self.engine().taken.contains(&name) {
                self.inbox.retain(|(one, ..)| *one != name);
                self.may_die()?;
            }
        }
        Ok(any)
    }

    /// A person's words; a process that was about to let go goes on.
    pub(crate) fn say(&mut self, actor: Actor, input: Input) -> Result<(), Died> {
        if std::mem::take(&mut self.engine().suspend) {
            let attended = self.engine().attended;
            let resumed = self.resumed(attended);
            self.record(actor.clone(), resumed)?;
            self.engine().letting_go = false;
        }
        self.engine().letting_go |= matches!(input, Input::LetGo { .. } | Input::HandOver { .. });
        self.take(Event::Said { actor, input })
    }

    fn changes(&self, key: &AttemptKey) -> bool {
        let step = self.plan.step_at(&key.step).unwrap();
        step.kind.value == Kind::Act && matches!(key.part, Part::Main | Part::Undo)
    }

    fn perform(&mut self, effect: Effect, at: jiff::Timestamp) -> Result<(), Died> {
        match effect {
            Effect::Record(actor, record) => {
                if matches!(record, Record::RunSealed { .. }) {
                    self.disk.sync();
                    self.may_die()?;
                }
                self.disk.append(Line { actor, record, at });
            }
            Effect::Sync => self.disk.sync(),
            Effect::Plan { key, .. } => {
                let writes = self.acts.way(&key) == Way::Writing;
                // What takes something else back has always something to do here.
                let undoes =
                    self.shape.nodes.iter().any(|node| node.undo == Undo::Step(crate::acts::step_of(&key.step).1));
                if writes && !undoes && self.acts.is_so(&key.step) {
                    self.engine().queue.push_back(Event::AlreadySo { key });
                    return Ok(());
                }
                if writes {
                    let change = Evidence { name: "changes".to_owned(), output: None, note: Some("new".to_owned()) };
                    self.engine().queue.push_back(Event::Previewed { key: key.clone(), change });
                }
                let plan = if self.dice.once_in(40) {
                    let message = "no program nosuch in /usr/bin".to_owned();
                    Err(StartFailure { kind: StartFailureKind::MissingProgram, message })
                } else {
                    Ok(("3".repeat(64), key.step.clone()))
                };
                self.engine().queue.push_back(Event::Planned { key, plan });
            }
            Effect::PlanItems { key, items, shown } => {
                let plan = Ok((format!("{:0>64}", items.len()), shown));
                self.engine().queue.push_back(Event::Planned { key, plan });
            }
            Effect::PlanCall { key, shown, .. } => {
                self.engine().queue.push_back(Event::Planned { key, plan: Ok(("4".repeat(64), shown)) });
            }
            Effect::Lock { key, .. } => self.engine().queue.push_back(Event::Locked { key, result: Ok(()) }),
            Effect::Start { key, .. } => self.begin(key),
            Effect::Release { key } => {
                let waits = |act: &&mut crate::acts::Act| act.key == key && act.gate == Gate::Shut;
                if let Some(act) = self.acts.all.iter_mut().find(waits) {
                    act.gate = Gate::Open;
                }
            }
            Effect::Stop { key } => self.stop(&key),
            Effect::Tell { step, to, message, .. } => {
                for to in to {
                    let result = if self.dice.once_in(6) { Err("refused".to_owned()) } else { Ok("ok".to_owned()) };
                    let (step, message, channel) = (step.clone(), message.clone(), "terminal".to_owned());
                    self.engine().queue.push_back(Event::Told { step, to, person: None, channel, message, result });
                }
                self.engine().queue.push_back(Event::ToldAll { step });
            }
            Effect::Attach { step, wanted } => {
                let missing = || Evidence { name: "log".to_owned(), output: None, note: Some("missing".to_owned()) };
                let evidence = wanted.iter().map(|_| missing()).collect();
                self.engine().queue.push_back(Event::Attached { step, evidence });
            }
            Effect::TellOwner { .. } => {}
            Effect::Suspend => self.engine().suspend = true,
            Effect::Sealed(_) => assert!(self.disk.is_synced(), "a seal that is not on disk is told"),
        }
        Ok(())
    }

    fn begin(&mut self, key: AttemptKey) {
        if !self.changes(&key) {
            let engine = self.engine();
            engine.queue.push_back(Event::Spawned { key: key.clone(), pid: 1, start_time: 1 });
            return engine.looks.push(key);
        }
        if let Some(end) = self.acts.exits.get(&key).cloned() {
            // One that left an end was let go, whatever the transcript says.
            let ending = Box::new(ending(end, ""));
            return self.engine().queue.push_back(Event::Ended { key, ending });
        }
        assert!(self.disk.durably(&key, intent).is_some(), "{key:?} has a supervisor and its intent is not on disk");
        let at = self.acts.supervise(key.clone(), self.boot);
        let pid = self.acts.all[at].pid;
        self.engine().watched.push(at);
        self.engine().queue.push_back(Event::Spawned { key, pid, start_time: u64::from(pid) });
    }

    fn stop(&mut self, key: &AttemptKey) {
        let engine = self.engine.as_mut().unwrap();
        if let Some(at) = engine.looks.iter().position(|look| look == key) {
            let key = engine.looks.remove(at);
            return engine.queue.push_back(Event::Ended { key, ending: Box::new(ending(End::Stopped, "")) });
        }
        if let Some(at) = engine.watched.iter().chain(&engine.afar).find(|at| self.acts.all[**at].key == *key) {
            let act = &mut self.acts.all[*at];
            act.stop = true;
            if act.gate == Gate::Shut {
                act.gate = Gate::Closed;
            }
        }
    }

    /// Acts whose supervisor is gone, and the engine that watches has not heard of it.
    pub(crate) fn unheard(&self) -> Vec<usize> {
        let engine = self.engine.as_ref().unwrap();
        let gone = engine.watched.iter().filter(|at| !self.acts.all[**at].supervised);
        let over = engine.afar.iter().filter(|at| !self.acts.all[**at].runs());
        gone.chain(over).copied().collect()
    }

    /// The engine hears how an act on another host ended, by looking there: one that never began never will.
    fn hear_from_afar(&mut self, at: usize) {
        let (program, key) = (self.acts.all[at].program.clone(), self.acts.all[at].key.clone());
        let end = match program {
            _ if self.dice.once_in(8) => {
                End::Lost("its end on web1 is not known: it is never reached again".to_owned())
            }
            Program::Over(end) => end,
            Program::NotStarted => not_started("the connection was lost before it began"),
            Program::Running { .. } => panic!("{key:?} goes on, and its end is read"),
        };
        let engine = self.engine();
        engine.afar.retain(|one| *one != at);
        engine.queue.push_back(Event::Ended { key, ending: Box::new(ending(end, "")) });
    }

    /// The engine hears that a supervisor is gone, and looks what it left.
    pub(crate) fn hear(&mut self, at: usize) {
        if self.engine().afar.contains(&at) {
            return self.hear_from_afar(at);
        }
        let act = &self.acts.all[at];
        let end = match self.acts.exits.get(&act.key) {
            Some(end) => end.clone(),
            None if self.acts.dispatched.contains(&act.key) || act.gate == Gate::Open => {
                if act.way == Way::Elsewhere {
                    let engine = self.engine();
                    engine.watched.retain(|one| *one != at);
                    return engine.afar.push(at);
                }
                let lost = || End::Lost("its supervisor ended before it did".to_owned());
                self.acts.seen(&act.key).unwrap_or_else(lost)
            }
            None => {
                let message = "it was stopped before it was let go".to_owned();
                End::NotStarted(StartFailure { kind: StartFailureKind::Other, message })
            }
        };
        let event = Event::Ended { key: act.key.clone(), ending: Box::new(ending(end, "")) };
        let engine = self.engine();
        engine.watched.retain(|one| *one != at);
        engine.queue.push_back(event);
    }

    /// A look ends. One that asks whether something was done tells the truth, or could not look.
    pub(crate) fn look(&mut self, at: usize) {
        let key = self.engine().looks.remove(at);
        let end = match (key.part, self.dice.below(20)) {
            (_, 0) => End::Exited(127),
            (_, 1) => End::Lost("the connection was lost".to_owned()),
            (Part::Unless | Part::Doubt, _) => End::Exited(i32::from(!self.acts.is_so(&key.step))),
            (_, 2) => End::TimedOut,
            (_, 3) => End::Signalled(9),
            (_, 4..=6) => End::Exited(1),
            _ => End::Exited(0),
        };
        let end = self.acts.way(&key).looked(end);
        self.engine().queue.push_back(Event::Ended { key, ending: Box::new(ending(end, "")) });
    }
}
