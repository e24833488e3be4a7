//! A world for one run: programs that end as a script says, people who say what a test says, a clock that jumps to the
//! next deadline.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use runbook_core::check::{self, Facts};
use runbook_core::diagnostic::Severity;
use runbook_core::document::team::Team;
use runbook_core::plan::Plan;
use runbook_core::run::effect::Effect;
use runbook_core::run::event::{Ending, Event, Evidence, Input};
use runbook_core::run::record::{
    Actor, AnswerWord, AttemptKey, Auth, BlobDigest, End, Mode, Outcome, Output, Part, Record, RunOutcome, RunStarted,
    SettleWord, StartFailure, StartFailureKind,
};
use runbook_core::run::state::{Blobs, RunState, Standing};

/// How one attempt goes.
#[derive(Debug, Clone)]
pub(crate) enum Go {
    Exit(i32),
    Says(i32, &'static str),
    Signal,
    TimeOut,
    Lost,
    Missing,
    /// It goes on until the test ends it or a `Stop` does.
    Hangs,
}

/// Makes a plan of a runbook's text. A head is added.
pub(crate) fn plan(steps: &str) -> Arc<Plan> {
    match try_plan(steps) {
        Ok(plan) => plan,
        Err(errors) => panic!("the test's runbook does not check: {errors:#?}\n{steps}"),
    }
}

/// The same, or the titles of what is wrong with it.
pub(crate) fn try_plan(steps: &str) -> Result<Arc<Plan>, Vec<String>> {
    let steps = if steps.contains("steps:") { steps.to_owned() } else { format!("steps:\n{steps}") };
    let text = format!("version: 1\nrunbook: test\ntitle: Test\n{steps}");
    let loaded = check::load("test.yaml", text.as_bytes(), None, &Facts::default());
    let errors = loaded.diagnostics.iter().filter(|one| one.severity == Severity::Error);
    loaded.plan.map(Arc::new).ok_or_else(|| errors.map(|one| format!("{:?}: {}", one.code, one.title)).collect())
}

/// A plan that runs others, which lie beside it: each by its name and its text after the title.
pub(crate) fn plan_with(steps: &str, beside: &[(&str, &str)]) -> Arc<Plan> {
    try_plan_with(steps, beside).unwrap_or_else(|errors| panic!("the test's runbooks do not check: {errors:#?}"))
}

/// The same, or the titles of what is wrong with them.
pub(crate) fn try_plan_with(steps: &str, beside: &[(&str, &str)]) -> Result<Arc<Plan>, Vec<String>> {
    use runbook_core::check::{Beside, load_whole};
    let file = |name: &str, steps: &str| {
        let steps = if steps.contains("steps:") { steps.to_owned() } else { format!("steps:\n{steps}") };
        format!("version: 1\nrunbook: {name}\ntitle: T {name}\nowner: sre\n{steps}")
    };
    let mut find = |name: &runbook_core::id::RunbookName| {
        let found = beside.iter().find(|(known, _)| *known == name.as_str());
        found.map_or(Beside::Missing, |(name, steps)| Beside::File {
            name: format!("{name}.yaml"),
            bytes: file(name, steps).into_bytes(),
        })
    };
    let loaded = load_whole("test.yaml", file("test", steps).as_bytes(), None, &Facts::default(), &mut find);
    let all = loaded.runbook.diagnostics.iter().chain(loaded.called.values().flat_map(|one| &one.diagnostics));
    let errors: Vec<String> =
        all.filter(|one| one.severity == Severity::Error).map(|one| format!("{:?}: {}", one.code, one.title)).collect();
    loaded.runbook.plan.map(Arc::new).ok_or(errors)
}

#[derive(Default)]
pub(crate) struct MapBlobs(BTreeMap<String, Vec<u8>>);

impl Blobs for MapBlobs {
    fn get(&self, digest: &BlobDigest) -> Option<Vec<u8>> {
        self.0.get(digest).cloned()
    }
}

pub(crate) struct World {
    pub(crate) state: RunState,
    /// The same, made by applying the records only.
    replayed: RunState,
    replayed_records: usize,
    pub(crate) plan: Arc<Plan>,
    pub(crate) now: Timestamp,
    pub(crate) started: RunStarted,
    pub(crate) records: Vec<(Actor, Record, Timestamp)>,
    pub(crate) script: BTreeMap<(String, Part), VecDeque<Go>>,
    pub(crate) started_attempts: Vec<AttemptKey>,
    pub(crate) stopped: Vec<AttemptKey>,
    pub(crate) told: Vec<(String, Vec<String>, String)>,
    pub(crate) nobody_reachable: bool,
    pub(crate) suspended: bool,
    pub(crate) blobs: MapBlobs,
    /// Picks the next of the events that wait; without it they come in the order they were made.
    pub(crate) shuffle: Option<Dice>,
    /// How an attempt goes that no script names.
    pub(crate) otherwise: Option<fn(&mut Dice, &AttemptKey) -> Go>,
    hanging: Vec<AttemptKey>,
    /// Supervisors outlive the engine: what was let go goes on, and its end is told to the next one.
    pub(crate) supervised: bool,
    /// Acts that are started and wait to be let go.
    gated: Vec<AttemptKey>,
    pub(crate) queue: VecDeque<Event>,
    unsynced_intent: bool,
    /// Locks that another run holds.
    pub(crate) locked: Vec<String>,
    /// Locks that were asked for.
    pub(crate) locks: Vec<String>,
}

/// Numbers that look random and follow from a seed (splitmix64).
#[derive(Debug, Clone)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    /// True once in `times`.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

/// When every run of these tests starts.
pub(crate) fn beginning() -> Timestamp {
    "2026-11-22T09:15:00Z".parse().unwrap()
}

/// The step an event is about; none for the run's own.
pub(crate) fn step_of(event: &Event) -> String {
    match event {
        Event::Planned { key, .. }
        | Event::Previewed { key, .. }
        | Event::AlreadySo { key }
        | Event::Locked { key, .. }
        | Event::Spawned { key, .. }
        | Event::Ended { key, .. } => key.step.clone(),
        Event::Told { step, .. } | Event::ToldAll { step } | Event::Attached { step, .. } => step.clone(),
        Event::Started | Event::Resumed | Event::Deadline | Event::Said { .. } => String::new(),
    }
}

pub(crate) fn operator() -> Actor {
    Actor { id: "oncall".to_owned(), auth: Auth::Tty, uid: 1000, origin: "terminal".to_owned() }
}

pub(crate) fn started(mode: Mode, attended: bool) -> RunStarted {
    RunStarted {
        store: "/store".to_owned(),
        ledger_head: "0".repeat(64),
        runbook: "test".to_owned(),
        title: "Test".to_owned(),
        path: "runbooks/test.yaml".to_owned(),
        source: "1".repeat(64),
        called: BTreeMap::new(),
        team: None,
        commit: None,
        dirty: None,
        params: BTreeMap::new(),
        alert: None,
        host: "host".to_owned(),
        boot_id: "boot".to_owned(),
        version: "0".to_owned(),
        binary: "2".repeat(64),
        mode,
        attended,
        yes: false,
        step_by_step: false,
        directory: "/".to_owned(),
        retry_of: None,
    }
}

impl World {
    pub(crate) fn new(steps: &str) -> Self {
        Self::with(plan(steps), started(Mode::Real, false))
    }

    /// One that runs others.
    pub(crate) fn calling(steps: &str, beside: &[(&str, &str)]) -> Self {
        Self::with(plan_with(steps, beside), started(Mode::Real, false))
    }

    /// The same, with a person at the terminal.
    pub(crate) fn calling_attended(steps: &str, beside: &[(&str, &str)]) -> Self {
        Self::with(plan_with(steps, beside), started(Mode::Real, true))
    }

    pub(crate) fn attended(steps: &str) -> Self {
        Self::with(plan(steps), started(Mode::Real, true))
    }

    pub(crate) fn dry(steps: &str) -> Self {
        Self::with(plan(steps), started(Mode::Dry { probe: false }, false))
    }

    pub(crate) fn step_by_step(steps: &str) -> Self {
        Self::with(plan(steps), RunStarted { step_by_step: true, ..started(Mode::Real, true) })
    }

    pub(crate) fn yes(steps: &str) -> Self {
        Self::with(plan(steps), RunStarted { yes: true, ..started(Mode::Real, false) })
    }

    pub(crate) fn with(plan: Arc<Plan>, mut started: RunStarted) -> Self {
        for (name, param) in &plan.document().params {
            if let Some(default) = &param.default {
                started.params.insert(name.to_string(), (default.clone(), "default".to_owned()));
            }
        }
        let now = beginning();
        let fresh = || RunState::new(Arc::clone(&plan), Arc::new(Team::default()), "run-1", &started, &operator(), now);
        Self {
            state: fresh(),
            replayed: fresh(),
            replayed_records: 0,
            shuffle: None,
            otherwise: None,
            plan,
            now,
            started,
            records: Vec::new(),
            script: BTreeMap::new(),
            started_attempts: Vec::new(),
            stopped: Vec::new(),
            told: Vec::new(),
            nobody_reachable: false,
            suspended: false,
            blobs: MapBlobs::default(),
            hanging: Vec::new(),
            supervised: false,
            gated: Vec::new(),
            queue: VecDeque::new(),
            unsynced_intent: false,
            locked: Vec::new(),
            locks: Vec::new(),
        }
    }

    /// How the attempts of a step's own work go, one after another; the last one repeats.
    pub(crate) fn goes(mut self, step: &str, ways: &[Go]) -> Self {
        self.script.insert((step.to_owned(), Part::Main), ways.iter().cloned().collect());
        self
    }

    /// How the attempts of another part go.
    pub(crate) fn part_goes(mut self, step: &str, part: Part, ways: &[Go]) -> Self {
        self.script.insert((step.to_owned(), part), ways.iter().cloned().collect());
        self
    }

    /// Starts the run and goes on until nothing happens without a person or the clock.
    pub(crate) fn start(mut self) -> Self {
        self.event(Event::Started);
        self
    }

    /// Starts it and lets time pass until it is sealed or waits for a person without a deadline.
    pub(crate) fn run(self) -> Self {
        let mut world = self.start();
        world.let_time_pass();
        world
    }

    pub(crate) fn let_time_pass(&mut self) {
        for _ in 0..10_000 {
            if self.suspended {
                return;
            }
            let Some(deadline) = self.state.next_deadline() else { return };
            self.now = self.now.max(deadline);
            self.event(Event::Deadline);
        }
        panic!("it does not come to an end");
    }

    pub(crate) fn pass(&mut self, duration: Duration) {
        self.now = self.now.checked_add(jiff::SignedDuration::try_from(duration).unwrap()).unwrap();
        self.event(Event::Deadline);
    }

    /// What a person says; to a run whose process let go, through a new one.
    pub(crate) fn say(&mut self, input: Input) {
        self.say_as(operator(), input);
    }

    /// The same, and what follows from it waits.
    pub(crate) fn say_now(&mut self, input: Input) {
        if self.suspended {
            self.take_up();
        }
        self.take_in(Event::Said { actor: operator(), input });
    }

    pub(crate) fn say_as(&mut self, actor: Actor, input: Input) {
        if self.suspended {
            self.take_up();
        }
        self.event(Event::Said { actor, input });
    }

    pub(crate) fn approve(&mut self, step: &str) {
        self.say(Input::Approve { step: Some(step.to_owned()), request: None, reason: None });
    }

    pub(crate) fn deny(&mut self, step: &str) {
        self.say(Input::Deny { step: Some(step.to_owned()), request: None, reason: "not now".to_owned() });
    }

    pub(crate) fn answer(&mut self, step: &str, answer: AnswerWord) {
        self.say(Input::Answer {
            step: Some(step.to_owned()),
            request: None,
            answer,
            fields: BTreeMap::new(),
            behalf: None,
            reason: None,
        });
    }

    /// Answers the rollback question.
    pub(crate) fn rollback(&mut self, yes: bool) {
        let answer = if yes { AnswerWord::Yes } else { AnswerWord::No };
        self.say(Input::Answer {
            step: None,
            request: None,
            answer,
            fields: BTreeMap::new(),
            behalf: None,
            reason: None,
        });
    }

    pub(crate) fn settle(&mut self, step: &str, word: SettleWord) {
        self.say(Input::Settle {
            step: Some(step.to_owned()),
            word,
            reason: Some("I looked".to_owned()),
            outputs: BTreeMap::new(),
        });
    }

    /// Settles the only step that waits for it so.
    pub(crate) fn settle_any(&mut self, word: SettleWord) {
        let step =
            self.state.requests().find_map(|request| request.step.clone().filter(|_| request.verb() == "settle"));
        self.settle(&step.unwrap(), word);
    }

    pub(crate) fn acknowledge(&mut self, step: &str) {
        self.say(Input::Acknowledge { step: Some(step.to_owned()), behalf: None });
    }

    pub(crate) fn cancel(&mut self) {
        self.say(Input::Cancel { reason: "enough".to_owned() });
    }

    /// Ends an attempt that hangs.
    pub(crate) fn end(&mut self, step: &str, end: End) {
        let at = self.hanging.iter().position(|key| key.step == step).unwrap();
        let key = self.hanging.remove(at);
        self.event(Event::Ended { key, ending: Box::new(ending(end, "")) });
    }

    /// Takes one event in and everything that follows from it.
    pub(crate) fn event(&mut self, event: Event) {
        self.take_in(event);
        self.settle_down();
    }

    /// Takes in what waits, until nothing does.
    pub(crate) fn settle_down(&mut self) {
        while self.take_in_next() {}
    }

    /// Takes in one event and performs what it asks for; what answers it waits.
    pub(crate) fn take_in(&mut self, event: Event) {
        let effects = self.state.on_event(event, self.now);
        for effect in effects {
            self.perform(effect);
        }
        self.check_replay();
    }

    /// Takes in the next of the events that wait, if there is one. Events of one step keep their order.
    pub(crate) fn take_in_next(&mut self) -> bool {
        if self.suspended {
            self.queue.clear();
        }
        if self.queue.is_empty() {
            return false;
        }
        let mut at = 0;
        if let Some(dice) = &mut self.shuffle {
            let chosen = step_of(&self.queue[dice.below(self.queue.len())]);
            at = self.queue.iter().position(|event| step_of(event) == chosen).unwrap();
        }
        let event = self.queue.remove(at).unwrap();
        self.take_in(event);
        true
    }

    /// Something is recorded that the state machine did not say.
    pub(crate) fn note(&mut self, record: Record) {
        let actor = Actor::engine(1000);
        self.state.apply(&record, &actor, self.now, &self.blobs);
        self.records.push((actor, record, self.now));
    }

    /// A run that tries another one again: what it takes over is recorded.
    pub(crate) fn again(earlier: &Self, again: &[&str]) -> Self {
        let again = again.iter().map(|step| (*step).to_owned()).collect();
        let mut world = Self::with(Arc::clone(&earlier.plan), earlier.started.clone());
        for (step, was) in earlier.state.to_take_over(&again) {
            world.note(Record::StepTakenOver { step, run: "run-0".to_owned(), n: 1, was: Box::new(was) });
        }
        world
    }

    /// A new process takes the run up: all it has is the records.
    pub(crate) fn resume(&mut self) {
        self.take_up();
        self.take_in(Event::Resumed);
        if self.shuffle.is_none() {
            self.settle_down();
        }
    }

    fn take_up(&mut self) {
        self.suspended = false;
        self.hanging.clear();
        self.gated.clear();
        self.queue.clear();
        let mut state = self.fresh();
        for (actor, record, at) in &self.records {
            state.apply(record, actor, *at, &self.blobs);
        }
        let resumed = Record::RunResumed {
            host: "host".to_owned(),
            boot_id: "boot".to_owned(),
            version: "0".to_owned(),
            attended: self.started.attended,
        };
        state.apply(&resumed, &operator(), self.now, &self.blobs);
        self.records.push((operator(), resumed, self.now));
        self.state = state;
        let open: Vec<AttemptKey> =
            self.state.open_acts().filter(|(_, let_go)| *let_go).map(|(key, _)| key.clone()).collect();
        for key in open {
            let seen_to = self.supervised || self.shuffle.as_mut().is_some_and(|dice| dice.once_in(2));
            if seen_to {
                self.state.attach(&key);
                self.ends_by_itself(key);
            }
        }
    }

    /// The engine dies with the run's first `count` records on disk, and a new one takes it up; what was handed in
    /// meanwhile it takes in first.
    pub(crate) fn crash_after(&mut self, count: usize, handed_in: Option<Input>) {
        self.records.truncate(count);
        self.replayed = self.fresh();
        self.replayed_records = 0;
        self.now = self.records.last().map_or_else(beginning, |(_, _, at)| *at);
        let begun: Vec<AttemptKey> = self
            .records
            .iter()
            .filter_map(|(_, record, _)| match record {
                Record::StepIntent { key, plan: Some(_), .. } if !self.changes(key) => Some(key.clone()),
                Record::StepReleased { key } => Some(key.clone()),
                _ => None,
            })
            .collect();
        self.started_attempts.retain(|key| begun.contains(key));
        match handed_in {
            None => self.resume(),
            Some(input) => {
                self.take_up();
                self.take_in(Event::Said { actor: operator(), input });
            }
        }
    }

    #[expect(clippy::too_many_lines, reason = "a line or two for each effect there is")]
    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Record(actor, record) => {
                assert!(
                    self.state.phase() != runbook_core::run::record::Phase::Over || self.records.len() < 1_000_000,
                    "a run has an end"
                );
                if let Record::StepIntent { plan: Some(_), .. } | Record::StepReleased { .. } = &record {
                    self.unsynced_intent = true;
                }
                self.records.push((actor, record, self.now));
            }
            Effect::Sync => self.unsynced_intent = false,
            Effect::Plan { key, .. } => {
                let scripted = matches!(self.peek(&key), Some(Go::Missing));
                if scripted {
                    self.take(&key);
                }
                let missing =
                    scripted || self.otherwise.is_some() && self.shuffle.as_mut().is_some_and(|dice| dice.once_in(40));
                let plan = if missing {
                    let message = "no program nosuch in /usr/bin".to_owned();
                    Err(StartFailure { kind: StartFailureKind::MissingProgram, message })
                } else {
                    Ok(("3".repeat(64), key.step.clone()))
                };
                self.queue.push_back(Event::Planned { key, plan });
            }
            Effect::PlanItems { key, items, shown } => {
                assert!(!items.is_empty(), "an approval of nothing is not asked for");
                let digest = format!("{:0>64}", items.len());
                self.queue.push_back(Event::Planned { key, plan: Ok((digest, shown)) });
            }
            Effect::PlanCall { key, shown, .. } => {
                self.queue.push_back(Event::Planned { key, plan: Ok(("4".repeat(64), shown)) });
            }
            Effect::Lock { key, name } => {
                let result =
                    if self.locked.contains(&name) { Err(format!("{name} is held by another run")) } else { Ok(()) };
                self.locks.push(name);
                self.queue.push_back(Event::Locked { key, result });
            }
            Effect::Start { key, .. } => {
                assert!(!self.started_attempts.contains(&key), "{key:?} is started twice");
                let changes = self.changes(&key);
                assert!(!(changes && self.unsynced_intent), "an act starts before its intent is on disk");
                assert!(
                    self.records
                        .iter()
                        .any(|(_, r, _)| matches!(r, Record::StepIntent { key: one, .. } if *one == key)),
                    "an attempt starts without an intent"
                );
                self.queue.push_back(Event::Spawned { key: key.clone(), pid: 1, start_time: 1 });
                if changes {
                    self.gated.push(key);
                } else {
                    self.goes_on(key);
                }
            }
            Effect::Release { key } => {
                let released = |(_, r, _): &&(Actor, Record, Timestamp)| matches!(r, Record::StepReleased { key: one } if *one == key);
                assert_eq!(
                    self.records.iter().filter(released).count(),
                    1,
                    "{key:?}: it is recorded once that it may go"
                );
                assert!(!self.unsynced_intent, "an act is let go before that is on disk");
                if let Some(at) = self.gated.iter().position(|one| *one == key) {
                    self.gated.remove(at);
                    self.goes_on(key);
                }
            }
            Effect::Stop { key } => {
                self.stopped.push(key.clone());
                if let Some(at) = self.gated.iter().position(|one| *one == key) {
                    self.gated.remove(at);
                    let message = "it was stopped before it was let go".to_owned();
                    let failure = StartFailure { kind: StartFailureKind::Other, message };
                    self.ends(key.clone(), End::NotStarted(failure), "");
                    return;
                }
                if let Some(at) = self.hanging.iter().position(|one| *one == key) {
                    self.hanging.remove(at);
                    self.ends(key.clone(), End::Stopped, "");
                }
                for event in &mut self.queue {
                    if let Event::Ended { key: ended, ending } = event
                        && *ended == key
                    {
                        ending.end = End::Stopped;
                    }
                }
            }
            Effect::Tell { step, to, message, .. } => {
                for one in &to {
                    let result = if self.nobody_reachable { Err("refused".to_owned()) } else { Ok("ok".to_owned()) };
                    self.queue.push_back(Event::Told {
                        step: step.clone(),
                        to: one.clone(),
                        person: None,
                        channel: "terminal".to_owned(),
                        message: message.clone(),
                        result,
                    });
                }
                self.told.push((step.clone(), to, message));
                self.queue.push_back(Event::ToldAll { step });
            }
            Effect::Attach { step, wanted } => {
                let evidence = wanted
                    .iter()
                    .map(|_| Evidence { name: "log".to_owned(), output: None, note: Some("missing".to_owned()) })
                    .collect();
                self.queue.push_back(Event::Attached { step, evidence });
            }
            Effect::TellOwner { message } => self.told.push(("owner".to_owned(), Vec::new(), message)),
            Effect::Suspend => self.suspended = true,
            Effect::Sealed(_) => {}
        }
    }

    fn changes(&self, key: &AttemptKey) -> bool {
        let step = self.plan.step_at(&key.step).unwrap();
        step.kind.value == runbook_core::document::model::Kind::Act && matches!(key.part, Part::Main | Part::Undo)
    }

    /// The program of an attempt starts.
    fn goes_on(&mut self, key: AttemptKey) {
        self.started_attempts.push(key.clone());
        self.ends_by_itself(key);
    }

    fn ends_by_itself(&mut self, key: AttemptKey) {
        match self.take(&key) {
            Go::Exit(code) => self.ends(key, End::Exited(code), ""),
            Go::Says(code, text) => self.ends(key, End::Exited(code), text),
            Go::Signal => self.ends(key, End::Signalled(9), ""),
            Go::TimeOut => self.ends(key, End::TimedOut, ""),
            Go::Lost => self.ends(key, End::Lost("the connection was lost".to_owned()), ""),
            Go::Missing => {
                let message = "the program went away".to_owned();
                let failure = StartFailure { kind: StartFailureKind::MissingProgram, message };
                self.ends(key, End::NotStarted(failure), "");
            }
            Go::Hangs => self.hanging.push(key),
        }
    }

    fn ends(&mut self, key: AttemptKey, end: End, text: &str) {
        let mut ending = ending(end, text);
        if !text.is_empty() {
            let digest = format!("{:064x}", self.blobs.0.len() + 1);
            self.blobs.0.insert(digest.clone(), text.as_bytes().to_vec());
            ending.stdout.blob = Some(digest);
        }
        self.queue.push_back(Event::Ended { key, ending: Box::new(ending) });
    }

    fn peek(&self, key: &AttemptKey) -> Option<&Go> {
        self.script.get(&(key.step.clone(), key.part)).and_then(VecDeque::front)
    }

    fn take(&mut self, key: &AttemptKey) -> Go {
        match self.script.get_mut(&(key.step.clone(), key.part)) {
            Some(ways) if ways.len() > 1 => ways.pop_front().unwrap(),
            Some(ways) => ways.front().cloned().unwrap_or(Go::Exit(0)),
            None => match (self.otherwise, &mut self.shuffle) {
                (Some(otherwise), Some(dice)) => otherwise(dice, key),
                _ => Go::Exit(0),
            },
        }
    }

    /// Replaying the records gives the same state.
    fn check_replay(&mut self) {
        for (actor, record, at) in &self.records[self.replayed_records..] {
            self.replayed.apply(record, actor, *at, &self.blobs);
        }
        self.replayed_records = self.records.len();
        // What is being planned, told or collected is recorded when the answer comes.
        let unrecorded = |event: &Event| {
            matches!(
                event,
                Event::Planned { .. }
                    | Event::Locked { .. }
                    | Event::Told { .. }
                    | Event::ToldAll { .. }
                    | Event::Attached { .. }
            )
        };
        if self.queue.iter().any(unrecorded) {
            return;
        }
        let (live, replayed) = (self.state.fingerprint(), self.replayed.fingerprint());
        if live != replayed {
            for (live, replayed) in live.lines().zip(replayed.lines()).filter(|(live, replayed)| live != replayed) {
                println!("live     {live}\nreplayed {replayed}");
            }
            panic!("a replay gives another state: {:#?}", self.records);
        }
    }

    pub(crate) fn fresh(&self) -> RunState {
        let at = beginning();
        let team = Arc::new(Team::default());
        RunState::new(Arc::clone(&self.plan), team, "run-1", &self.started, &operator(), at)
    }

    /// How a step settled: `passed`, `failed`, `unknown`, or for a skipped one why: `not reached`.
    pub(crate) fn outcome(&self, step: &str) -> String {
        let view = self.state.step(step).unwrap();
        match view.outcome {
            None if view.active => "active".to_owned(),
            None => "waiting".to_owned(),
            Some(Outcome::Skipped) => view.reason.unwrap_or_default(),
            Some(outcome) => outcome.word().to_owned(),
        }
    }

    pub(crate) fn ran(&self, step: &str) -> usize {
        self.started_attempts.iter().filter(|key| key.step == step && key.part == Part::Main).count()
    }

    /// How often people were told by a step.
    pub(crate) fn ran_escalation(&self, step: &str) -> usize {
        self.told.iter().filter(|(by, _, _)| by == step).count()
    }

    /// Starts of a part, in order, as `step` or `step:undo`.
    pub(crate) fn order(&self) -> Vec<String> {
        self.started_attempts
            .iter()
            .map(|key| match key.part {
                Part::Main => key.step.clone(),
                Part::Undo => format!("{}:undo", key.step),
                Part::Unless => format!("{}:unless", key.step),
                Part::Doubt => format!("{}:doubt", key.step),
            })
            .collect()
    }

    pub(crate) fn sealed(&self) -> Option<RunOutcome> {
        match self.state.standing() {
            Standing::Over(outcome) => Some(outcome),
            Standing::Running | Standing::Waiting | Standing::InDoubt => None,
        }
    }

    /// The newest record; a process that let go again at once is looked past.
    pub(crate) fn last_but_suspension(&self) -> &Record {
        let newest = self.records.iter().rev().map(|(_, record, _)| record);
        newest.into_iter().find(|record| !matches!(record, Record::RunSuspended { .. })).unwrap()
    }

    pub(crate) fn seal(&self) -> (&str, &[String]) {
        match self.records.last() {
            Some((_, Record::RunSealed { reason, open, .. }, _)) => (reason, open),
            other => panic!("it is not sealed: {other:?}"),
        }
    }
}

pub(crate) fn ending(end: End, text: &str) -> Ending {
    let bytes = text.len() as u64;
    Ending {
        end,
        duration: Duration::from_millis(5),
        stdout: Output { bytes, kept: bytes, blob: None, head: text.to_owned(), tail: String::new() },
        stdout_text: Some(text.to_owned()),
        stderr: Output::default(),
        stderr_text: Some(String::new()),
        survivors: Vec::new(),
        rung: None,
    }
}
