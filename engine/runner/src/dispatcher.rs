//! The one loop of a run: something happens, the state machine says what follows, it is recorded, then done.

use std::collections::BTreeSet;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;
use runbook_core::run::effect::Effect;
use runbook_core::run::event::{Event, Input};
use runbook_core::run::record::{Actor, AttemptKey, End, Record, RunOutcome};
use runbook_core::run::request::Request;
use runbook_core::run::state::{Blobs, RunState, Standing};
use runbook_transcript::inbox::Message;
use tokio::sync::mpsc;

use crate::account::Account;
use crate::channel::incidents::{Incident, Incidents};
use crate::clock::{Alarm, Clock, Stamp};
use crate::executor::{Executor, Workplace};
use crate::inbox::{self, Watch};
use crate::recorder::{Recorder, Unwritable};
use crate::run::Locks;
use crate::signal::Signals;

/// What the operator's terminal says; as many may wait to be taken in as fingers type ahead.
const INPUTS_MAX: usize = 16;

/// Time between two looks at the deadline where the system has no alarm to give.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Time to the next look at an inbox that could not be read.
const READ_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// What a terminal writes into: who said it, and what.
pub type InputSender = mpsc::Sender<(Actor, Input)>;
/// The other end, which a run reads.
pub type InputReceiver = mpsc::Receiver<(Actor, Input)>;

/// Makes the way from a terminal to a run. Without a terminal the sender is dropped.
#[must_use]
pub fn inputs() -> (InputSender, InputReceiver) {
    mpsc::channel(INPUTS_MAX)
}

/// How the loop came to its end.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The run is sealed.
    Sealed(RunOutcome),
    /// It waits for people; the process lets go.
    Suspended {
        /// Whether all it waits for is to hear how an act ended.
        in_doubt: bool,
        /// What it waits for.
        requests: Vec<Request>,
    },
    /// The transcript cannot be written.
    Unwritable(Unwritable),
}

/// What the loop holds.
pub(crate) struct Dispatcher {
    pub(crate) state: RunState,
    pub(crate) recorder: Recorder,
    pub(crate) work: Rc<Workplace>,
    pub(crate) executor: Executor,
    pub(crate) clock: Clock,
    pub(crate) operator: Account,
    locks: Rc<Locks>,
    alarm: Alarm,
    signals: Signals,
    inputs: Option<InputReceiver>,
    inbox: Option<Watch>,
    /// What lies in the inbox was not read: nobody will tell of it again.
    unread: bool,
    /// Messages that are in the transcript already.
    taken: BTreeSet<String>,
    suspend: bool,
    /// This process was told to end: what is handed in from now on is for the next.
    leaving: bool,
    sealed: Option<RunOutcome>,
    /// What was told by a channel that holds it open.
    incidents: Incidents,
    /// Those of them that are over with the run.
    ending: Vec<Incident>,
    /// A deadline that was told of and is still wanted: it is not told of again before something else happens.
    told_deadline: Option<Timestamp>,
}

/// What a [`Dispatcher`] is made of.
pub(crate) struct Parts {
    pub(crate) state: RunState,
    pub(crate) recorder: Recorder,
    pub(crate) work: Rc<Workplace>,
    pub(crate) clock: Clock,
    pub(crate) inputs: InputReceiver,
    pub(crate) inbox: Option<Watch>,
    pub(crate) taken: BTreeSet<String>,
    pub(crate) incidents: Incidents,
    pub(crate) locks: Rc<Locks>,
}

impl Dispatcher {
    /// Makes the loop. Must be called inside a tokio runtime with its io and time drivers.
    ///
    /// # Errors
    /// What the system says when it has no timer or signal to give.
    pub(crate) fn new(parts: Parts) -> io::Result<Self> {
        let Parts { state, recorder, work, clock, inputs, inbox, taken, incidents, locks } = parts;
        crate::process::adopt()?;
        Ok(Self {
            state,
            recorder,
            executor: Executor::new(Rc::clone(&work)),
            operator: work.machine.account.clone(),
            locks,
            work,
            clock,
            alarm: Alarm::new()?,
            signals: Signals::listen()?,
            inputs: Some(inputs),
            inbox,
            unread: false,
            taken,
            suspend: false,
            leaving: false,
            sealed: None,
            incidents,
            ending: Vec::new(),
            told_deadline: None,
        })
    }

    /// Goes on until the run is over, waits, or cannot be recorded.
    pub(crate) async fn run(mut self, first: Event) -> Stop {
        let stop = match self.go_on(first).await {
            Ok(stop) => stop,
            Err(unwritable) => self.let_end(unwritable).await,
        };
        self.executor.close().await;
        stop
    }

    async fn go_on(&mut self, first: Event) -> Result<Stop, Unwritable> {
        // What was handed in while no process was there is what the run waited for.
        if !self.take_inbox()? {
            self.take(first)?;
        }
        loop {
            while let Some(event) = self.executor.ready() {
                self.take(event)?;
            }
            if let Some(outcome) = self.sealed {
                self.executor.settle().await;
                let (stamp, _) = self.clock.now();
                self.work.observer.changed(&self.state, stamp.at);
                return Ok(Stop::Sealed(outcome));
            }
            if self.suspend
                && let Some(stop) = self.suspend().await?
            {
                return Ok(stop);
            }
            let (stamp, _) = self.clock.now();
            self.work.observer.changed(&self.state, stamp.at);
            self.wait_for_next(stamp.at).await?;
        }
    }

    async fn wait_for_next(&mut self, now: Timestamp) -> Result<(), Unwritable> {
        let deadline = self.state.next_deadline().filter(|at| Some(*at) != self.told_deadline || *at > now);
        let unset = self.alarm.set(deadline, now).is_err();
        let deadline_passed = async {
            if unset {
                // An alarm that cannot be set would let a deadline pass unheard: then it is looked at by and by.
                tokio::time::sleep(LOOK_EVERY).await;
            } else {
                self.alarm.rings().await;
            }
        };
        let inbox = async {
            match &mut self.inbox {
                Some(_) if self.unread => tokio::time::sleep(READ_AGAIN_AFTER).await,
                Some(watch) => watch.changed().await,
                None => std::future::pending().await,
            }
        };
        let said = async {
            match &mut self.inputs {
                Some(inputs) => inputs.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            input = self.signals.next() => {
                self.signalled(input)
            }
            () = deadline_passed => self.deadline(deadline),
            said = said => {
                if let Some((actor, input)) = said {
                    return self.take(Event::Said { actor, input });
                }
                self.inputs = None;
                Ok(())
            }
            () = inbox => self.take_inbox().map(|_| ()),
            event = self.executor.next() => event.map_or(Ok(()), |event| self.take(event)),
        }
    }

    fn signalled(&mut self, input: Input) -> Result<(), Unwritable> {
        self.leaving |= matches!(input, Input::LetGo { .. });
        let actor = self.operator.actor("signal");
        self.take(Event::Said { actor, input })
    }

    fn deadline(&mut self, told: Option<Timestamp>) -> Result<(), Unwritable> {
        self.take(Event::Deadline)?;
        self.told_deadline = told;
        Ok(())
    }

    /// Takes one event through the state machine, and does what follows.
    fn take(&mut self, event: Event) -> Result<(), Unwritable> {
        let stamp = self.stamp()?;
        self.told_deadline = None;
        // An end that cannot be recorded is told at least.
        let ended = if let Event::Ended { key, ending } = &event { Some(end_line(key, &ending.end)) } else { None };
        for effect in self.state.on_event(event, stamp.at) {
            if let Err(unwritable) = self.perform(effect, stamp) {
                if let Some(line) = ended {
                    self.work.observer.unrecorded(&line);
                }
                return Err(unwritable);
            }
        }
        for incident in self.incidents.over(&self.state) {
            self.executor.resolve(incident);
        }
        Ok(())
    }

    fn stamp(&mut self) -> Result<Stamp, Unwritable> {
        let (stamp, jumped) = self.clock.now();
        if let Some(by_ms) = jumped {
            self.record(&Actor::engine(self.operator.uid), &Record::ClockJumped { by_ms }, stamp)?;
        }
        Ok(stamp)
    }

    /// Records what is taken over of an earlier run, all of it on disk before anything starts.
    pub(crate) fn take_over(&mut self, records: &[(Record, Vec<u8>)]) -> Result<(), Unwritable> {
        if records.is_empty() {
            return Ok(());
        }
        let stamp = self.stamp()?;
        let engine = Actor::engine(self.operator.uid);
        for (record, text) in records {
            self.recorder.append(&engine, record, stamp, &self.work)?;
            self.state.apply(record, &engine, stamp.at, &OneBlob(text));
        }
        self.recorder.sync(&self.work)
    }

    /// Records something the state machine did not say, and lets it know.
    pub(crate) fn record(&mut self, actor: &Actor, record: &Record, stamp: Stamp) -> Result<(), Unwritable> {
        self.recorder.append(actor, record, stamp, &self.work)?;
        self.state.apply(record, actor, stamp.at, &NoBlobs);
        Ok(())
    }

    fn perform(&mut self, effect: Effect, stamp: Stamp) -> Result<(), Unwritable> {
        match effect {
            Effect::Record(actor, record) => {
                if let Record::RunSealed { outcome, .. } = &record {
                    self.end_incidents(*outcome, stamp)?;
                }
                self.recorder.append(&actor, &record, stamp, &self.work)?;
                self.incidents.note(&record, &actor, &self.work.team);
            }
            Effect::Sync => self.recorder.sync(&self.work)?,
            Effect::Plan { key, invocation } => self.executor.plan(key, &invocation),
            Effect::PlanItems { key, items, shown } => self.executor.plan_items(key, &items, shown),
            Effect::PlanCall { key, runbook, params, shown } => {
                self.executor.plan_call(key, &runbook, &params, shown);
            }
            Effect::Lock { key, name } => {
                let result = self.locks.take(&name).map_err(|error| error.to_string());
                self.executor.answer(Event::Locked { key, result });
            }
            Effect::Start { key, plan } => self.executor.start(key, &plan),
            Effect::Release { key } => self.executor.release(&key),
            Effect::Stop { key } => self.executor.stop(&key),
            Effect::Tell { step, to, message, subject } => self.executor.tell(step, to, &subject, &message),
            Effect::Attach { step, wanted } => self.executor.attach(step, wanted),
            Effect::TellOwner { message } => {
                let owner = self.state.plan().document().owner.as_ref().map(|owner| owner.value.clone());
                self.executor.tell_owner(owner, message);
            }
            Effect::Suspend => self.suspend = true,
            Effect::Sealed(outcome) => {
                self.recorder.enter_seal(outcome, stamp)?;
                self.sealed = Some(outcome);
                for incident in std::mem::take(&mut self.ending) {
                    self.executor.resolve(incident);
                }
            }
        }
        Ok(())
    }

    /// Notes which incidents are over with the run: what follows its seal cannot be recorded.
    fn end_incidents(&mut self, outcome: RunOutcome, stamp: Stamp) -> Result<(), Unwritable> {
        let (notes, over) = self.incidents.at_the_end(outcome, &self.state);
        self.ending = over;
        let engine = Actor::engine(self.operator.uid);
        notes.iter().try_for_each(|note| self.record(&engine, note, stamp))
    }

    /// Takes in what lies in the inbox; says whether anything did. A message is removed when what followed from it is
    /// on disk, so one that comes twice after a crash is known by its name.
    fn take_inbox(&mut self) -> Result<bool, Unwritable> {
        let Some(watch) = &self.inbox else { return Ok(false) };
        let taken = match runbook_transcript::inbox::take(watch.directory()) {
            Ok(taken) => taken,
            Err(error) => {
                if !std::mem::replace(&mut self.unread, true) {
                    self.work.observer.unrecorded(&format!("the inbox cannot be read, it is tried again: {error}"));
                }
                return Ok(false);
            }
        };
        self.unread = taken.messages.len() >= runbook_transcript::inbox::MESSAGES_MAX;
        for refused in &taken.refused {
            self.work.observer.unrecorded(&refused.to_string());
        }
        let mut any = false;
        for message in &taken.messages {
            if self.sealed.is_some() {
                break;
            }
            if self.taken.insert(message.name.clone()) {
                any = true;
                self.take_message(message)?;
                while let Some(event) = self.executor.ready() {
                    self.take(event)?;
                }
            }
        }
        if taken.messages.is_empty() {
            return Ok(any);
        }
        self.recorder.sync(&self.work)?;
        for message in taken.messages.iter().filter(|message| self.taken.contains(&message.name)) {
            if let Err(error) = message.remove() {
                self.work.observer.unrecorded(&error.to_string());
            }
        }
        Ok(any)
    }

    fn take_message(&mut self, message: &Message) -> Result<(), Unwritable> {
        let actor = inbox::actor(message);
        match inbox::decode(&message.said) {
            Ok(input) => {
                self.resume_before(&actor)?;
                self.take(Event::Said { actor, input })
            }
            Err(why) => {
                let stamp = self.stamp()?;
                let (verb, step) = (message.said.verb.clone(), message.said.step.clone());
                self.record(&actor, &Record::Refused { verb, step, why, repeats: false }, stamp)
            }
        }
    }

    /// A run that just let go goes on in the same process when something is handed in before that has ended.
    fn resume_before(&mut self, actor: &Actor) -> Result<(), Unwritable> {
        if !std::mem::take(&mut self.suspend) {
            return Ok(());
        }
        let stamp = self.stamp()?;
        let record = Record::RunResumed {
            host: self.work.machine.host.clone(),
            boot_id: self.work.machine.boot_id.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            attended: self.work.attended,
        };
        self.record(actor, &record, stamp)
    }

    /// Lets go: what is being told is told first. Something handed in meanwhile keeps the run going.
    async fn suspend(&mut self) -> Result<Option<Stop>, Unwritable> {
        while !self.executor.is_idle() && self.suspend {
            tokio::select! {
                biased;
                input = self.signals.next() => {
                    // It ends already: only a cancel is about the run.
                    if matches!(input, Input::Cancel { .. }) && !self.leaving {
                        let actor = self.operator.actor("signal");
                        self.resume_before(&actor)?;
                        self.take(Event::Said { actor, input })?;
                    }
                }
                event = self.executor.next() => event.map_or(Ok(()), |event| self.take(event))?,
            }
        }
        if self.suspend && !self.leaving {
            self.take_inbox()?;
        }
        if !self.suspend {
            return Ok(None);
        }
        self.recorder.sync(&self.work)?;
        let (stamp, _) = self.clock.now();
        self.work.observer.changed(&self.state, stamp.at);
        Ok(Some(Stop::Suspended {
            in_doubt: self.state.standing() == Standing::InDoubt,
            requests: self.state.requests().cloned().collect(),
        }))
    }

    /// The transcript cannot be written: nothing more is started, what runs is let end, and its end is told to who
    /// watches, as it can be told to nobody else. A cancel ends it.
    async fn let_end(&mut self, unwritable: Unwritable) -> Stop {
        self.work.observer.unrecorded(&unwritable.to_string());
        self.executor.shut_gates();
        while !self.executor.is_idle() {
            tokio::select! {
                biased;
                input = self.signals.next() => {
                    if matches!(input, Input::Cancel { .. }) {
                        self.executor.stop_all();
                    }
                }
                event = self.executor.next() => match event {
                    Some(Event::Ended { key, ending }) => {
                        self.work.observer.unrecorded(&end_line(&key, &ending.end));
                    }
                    Some(
                        Event::Spawned { .. }
                        | Event::Planned { .. }
                        | Event::Previewed { .. }
                        | Event::AlreadySo { .. }
                        | Event::Locked { .. }
                        | Event::Told { .. }
                        | Event::ToldAll { .. }
                        | Event::Attached { .. }
                        | Event::Said { .. }
                        | Event::Started
                        | Event::Resumed
                        | Event::Deadline,
                    )
                    | None => {}
                },
            }
        }
        Stop::Unwritable(unwritable)
    }
}

fn end_line(key: &AttemptKey, end: &End) -> String {
    format!("{} attempt {}: {}", key.step, key.attempt, end_text(end))
}

/// How an attempt ended, in words.
fn end_text(end: &End) -> String {
    match end {
        End::Exited(code) => format!("ended with exit code {code}"),
        End::Signalled(signal) => format!("was ended by signal {signal}"),
        End::TimedOut => "ran out of time and was ended".to_owned(),
        End::Stopped => "was ended because of the cancel".to_owned(),
        End::NotStarted(failure) => format!("did not start: {}", failure.message),
        End::Answered { status, .. } => format!("was answered with status {status}"),
        End::NoAnswer(why) => format!("was not answered: {why}"),
        End::Wrote => "was written".to_owned(),
        End::Lost(why) => format!("its end is not known: {why}"),
    }
}

/// What a step printed in an earlier run.
struct OneBlob<'a>(&'a [u8]);

impl Blobs for OneBlob<'_> {
    fn get(&self, _: &String) -> Option<Vec<u8>> {
        Some(self.0.to_vec())
    }
}

/// What is recorded while the run lives names no blob that is not at hand.
struct NoBlobs;

impl Blobs for NoBlobs {
    fn get(&self, _: &String) -> Option<Vec<u8>> {
        None
    }
}
