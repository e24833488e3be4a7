//! A machine with one run on it, and what happens there: in any order, as the dice say.

use std::sync::Arc;

use runbook_core::plan::Plan;
use runbook_core::run::event::{Event, Input};
use runbook_core::run::record::{Actor, AnswerWord, Mode, Record, RunStarted, SettleWord};
use runbook_core::run::request::Request;
use runbook_core::run::state::Standing;

use crate::acts::Acts;
use crate::answers::{People, said};
use crate::clock::Clocks;
use crate::disk::{Disk, Line};
use crate::engine::{Died, Engine, ORIGIN};
use crate::shapes::Shape;
use crate::ways::{Way, text};
use crate::world::{Dice, beginning, operator, started, try_plan};

/// Things that happen before a run must have come to its end.
const TICKS_MAX: usize = 20_000;
/// Things that happen before nobody disturbs it any more.
const DISTURBED_TICKS: usize = 600;

/// What dies.
#[derive(Debug, Clone, Copy)]
enum Death {
    /// The process; what it wrote is there.
    Engine,
    /// The process, in the middle of writing.
    Writing,
    /// It and every supervisor, by one command.
    Supervisors,
    /// The machine: another boot.
    Machine,
}

pub(crate) struct Machine {
    pub(crate) shape: Shape,
    pub(crate) plan: Arc<Plan>,
    pub(crate) started: RunStarted,
    pub(crate) dice: Dice,
    pub(crate) disk: Disk,
    pub(crate) acts: Acts,
    pub(crate) clocks: Clocks,
    pub(crate) boot: u32,
    pub(crate) begun: bool,
    pub(crate) engine: Option<Engine>,
    /// Messages that nobody removed yet: name, who, what.
    pub(crate) inbox: Vec<(String, Actor, Input)>,
    /// All that were ever handed in.
    pub(crate) handed_in: Vec<(String, Input)>,
    people: People,
    /// What people said or could have said, to be said again when it is late.
    stale: Vec<Input>,
    cancels: usize,
    crashes: usize,
    /// So many things are done before the engine dies.
    dies_after: usize,
    calm: bool,
}

impl Machine {
    /// A machine of a seed, where its runbook checks.
    pub(crate) fn of(seed: u64) -> Option<Self> {
        let mut dice = Dice(seed);
        let shape = Shape::random(&mut dice);
        // Of their own: what else happens is what it was.
        let ways = Way::of(&shape, &mut Dice(seed ^ 0x5afe));
        let plan = try_plan(&text(&shape, &ways)).ok()?;
        let attended = dice.once_in(2);
        let begun = RunStarted {
            yes: dice.once_in(3),
            step_by_step: attended && dice.once_in(5),
            ..started(Mode::Real, attended)
        };
        let mut acts = Acts { ways, ..Acts::default() };
        for (number, node) in shape.nodes.iter().enumerate() {
            if node.unless && dice.once_in(4) {
                let id = crate::shapes::id(number);
                let items = node.items.map_or(0, |items| items.count);
                acts.already.extend((0..items).filter(|item| item % 2 == 0).map(|item| format!("{id}[{item}]")));
                acts.already.insert(id);
            }
        }
        let begun = RunStarted { boot_id: "boot-0".to_owned(), ..begun };
        let (cancels, crashes) = (if dice.once_in(3) { 1 + dice.below(3) } else { 0 }, dice.below(5));
        let dies_after = 1 + dice.below(80);
        Some(Self {
            shape,
            plan,
            started: begun,
            dice,
            disk: Disk::default(),
            acts,
            clocks: Clocks::at(beginning()),
            boot: 0,
            begun: false,
            engine: None,
            inbox: Vec::new(),
            handed_in: Vec::new(),
            people: People { patience: 8 },
            stale: Vec::new(),
            cancels,
            crashes,
            dies_after,
            calm: false,
        })
    }

    pub(crate) fn is_over(&self) -> bool {
        match &self.engine {
            Some(engine) => matches!(engine.state.standing(), Standing::Over(_)),
            // Who wants to go on with it is told that there is nothing to go on with.
            None => matches!(self.disk.lines().last(), Some(Line { record: Record::RunSealed { .. }, .. })),
        }
    }

    /// Lets things happen until the run is sealed.
    pub(crate) fn run(&mut self) {
        for tick in 0..TICKS_MAX {
            self.calm = tick > DISTURBED_TICKS;
            if self.is_over() {
                return;
            }
            let ms = i64::try_from(self.dice.below(400)).unwrap();
            self.clocks.pass(ms);
            // Who died is started again by and by.
            let _died: Result<(), Died> =
                if self.engine.is_some() { self.something_happens() } else { self.nobody_is_there() };
        }
        panic!("it does not come to an end");
    }

    /// Something is done; the engine may die of it.
    pub(crate) fn may_die(&mut self) -> Result<(), Died> {
        if self.crashes == 0 || self.calm {
            return Ok(());
        }
        self.dies_after -= 1;
        if self.dies_after > 0 {
            return Ok(());
        }
        self.crashes -= 1;
        self.dies_after = 1 + self.dice.below(80);
        let death = [Death::Engine, Death::Engine, Death::Writing, Death::Supervisors, Death::Machine];
        let death = death[self.dice.below(death.len())];
        self.die(death);
        Err(Died)
    }

    fn die(&mut self, death: Death) {
        if let Some(engine) = self.engine.take() {
            self.stale.extend(
                engine.state.requests().map(|request| said(request, &mut self.dice, &mut People { patience: 1 })),
            );
        }
        self.acts.close_gates();
        match death {
            Death::Engine => {}
            Death::Writing => self.disk.lose(&mut self.dice),
            Death::Supervisors => {
                for at in 0..self.acts.all.len() {
                    let program_too = self.dice.once_in(2);
                    self.acts.kill(at, program_too);
                }
            }
            Death::Machine => {
                self.disk.lose(&mut self.dice);
                for at in 0..self.acts.all.len() {
                    self.acts.kill(at, true);
                }
                self.boot += 1;
                self.clocks.boot_ms = 1_000;
                self.time_passes(600_000);
            }
        }
    }

    fn time_passes(&mut self, most_ms: usize) {
        let ms = i64::try_from(self.dice.below(most_ms)).unwrap();
        self.clocks.pass(ms);
    }

    fn clock_is_set(&mut self) {
        let by = i64::try_from(self.dice.below(1_200_000)).unwrap() - 600_000;
        self.clocks.wall_ms += by;
    }

    /// No engine lives.
    fn nobody_is_there(&mut self) -> Result<(), Died> {
        match self.dice.below(10) {
            0 => self.time_passes(1_800_000),
            1 if !self.calm => self.clock_is_set(),
            2..=4 if self.begun => self.an_act_goes_on(),
            5..=6 if self.begun && !self.calm => self.somebody_hands_in(),
            7.. if self.begun && self.is_stuck() => {
                // Somebody who starts it again has something to say.
                self.somebody_hands_in();
                return self.start_engine();
            }
            7.. => return self.start_engine(),
            _ => {}
        }
        Ok(())
    }

    /// Whether nothing would go on if it were started now.
    fn is_stuck(&self) -> bool {
        self.inbox.is_empty() && matches!(self.replay().standing(), Standing::Waiting | Standing::InDoubt)
    }

    fn an_act_goes_on(&mut self) {
        let acts = self.acts.that_go_on();
        if !acts.is_empty() {
            let at = acts[self.dice.below(acts.len())];
            self.acts.go_on(at, &self.disk, &self.shape, &mut self.dice);
        }
    }

    /// Somebody puts a message into the inbox: the same twice, two that exclude each other, one that comes too late.
    fn somebody_hands_in(&mut self) {
        let state = match &self.engine {
            Some(engine) => engine.state.clone(),
            None => self.replay(),
        };
        let requests: Vec<Request> = state.requests().cloned().collect();
        let mut inputs = Vec::new();
        if let Some(late) = self.stale.pop().filter(|_| !self.calm && self.dice.once_in(3)) {
            inputs.push(late);
        }
        if !requests.is_empty() {
            let request = &requests[self.dice.below(requests.len())];
            let input = said(request, &mut self.dice, &mut self.people);
            match self.dice.below(6) {
                0 => inputs.push(input.clone()),
                1 => inputs.push(said(request, &mut self.dice, &mut self.people)),
                2 => self.stale.push(input.clone()),
                _ => {}
            }
            inputs.push(input);
        } else if !self.calm && self.dice.once_in(3) {
            inputs.push(Input::Note { step: None, text: "hm".to_owned() });
        }
        inputs.extend(self.a_cancel());
        for input in inputs {
            let name = format!("{:06}", self.handed_in.len());
            self.handed_in.push((name.clone(), input.clone()));
            let origin = format!("{ORIGIN}{name}");
            self.inbox.push((name, Actor { origin, ..operator() }, input));
        }
    }

    fn a_cancel(&mut self) -> Option<Input> {
        if self.cancels == 0 || !self.dice.once_in(8) {
            return None;
        }
        self.cancels -= 1;
        Some(Input::Cancel { reason: "enough".to_owned() })
    }

    /// An engine lives: one of the things that can happen does.
    fn something_happens(&mut self) -> Result<(), Died> {
        self.may_die()?;
        let engine = self.engine.as_ref().unwrap();
        if engine.suspend && engine.is_idle() {
            return self.lets_go();
        }
        let (queue, looks) = (engine.queue.len(), engine.looks.len());
        let (acts, unheard) = (self.acts.that_go_on(), self.unheard());
        if queue + looks + acts.len() + unheard.len() == 0 {
            return self.nothing_goes_on();
        }
        if !self.calm && self.dice.once_in(25) {
            return self.disturbance();
        }
        match self.dice.below(8) {
            0..=3 if queue > 0 => self.take_next()?,
            4 if looks > 0 => {
                let at = self.dice.below(looks);
                self.look(at);
            }
            5 if !unheard.is_empty() => self.hear(unheard[0]),
            6..=7 => self.an_act_goes_on(),
            _ => {}
        }
        if self.dice.once_in(40) {
            self.compare();
        }
        Ok(())
    }

    /// Only a person or the clock can go on.
    fn nothing_goes_on(&mut self) -> Result<(), Died> {
        let engine = self.engine.as_ref().unwrap();
        let (deadline, attended) = (engine.state.next_deadline(), engine.attended);
        let told_ms = engine.clock.last_ms();
        let requests: Vec<Request> = engine.state.requests().cloned().collect();
        assert!(!requests.is_empty() || deadline.is_some(), "nothing can go on");
        if !self.inbox.is_empty() {
            return self.take_inbox().map(drop);
        }
        match deadline {
            Some(at) if requests.is_empty() || self.dice.once_in(3) => {
                let left = at.as_millisecond() - told_ms;
                self.clocks.pass(left.max(0) + 1);
                self.take(Event::Deadline)
            }
            _ if !attended || self.dice.once_in(3) => {
                self.somebody_hands_in();
                self.take_inbox().map(drop)
            }
            _ => {
                let request = &requests[self.dice.below(requests.len())];
                let input = said(request, &mut self.dice, &mut self.people);
                self.say(operator(), input)
            }
        }
    }

    /// Somebody or something comes between.
    fn disturbance(&mut self) -> Result<(), Died> {
        match self.dice.below(8) {
            0 => self.clock_is_set(),
            1 => self.time_passes(120_000),
            2 => {
                // One supervisor alone.
                let going: Vec<usize> = self.acts.that_go_on();
                if let Some(at) = going.first() {
                    let program_too = self.dice.once_in(2);
                    self.acts.kill(*at, program_too);
                }
            }
            3 => {
                if let Some(cancel) = self.a_cancel() {
                    return self.say(Actor { origin: "signal".to_owned(), ..operator() }, cancel);
                }
            }
            4 => {
                let input = match self.dice.below(4) {
                    0 => Input::HandOver { to: None },
                    1 => Input::HandOver { to: Some("oncall".to_owned()) },
                    2 => Input::Accept,
                    _ => Input::LetGo { reason: "SIGTERM".to_owned() },
                };
                return self.say(operator(), input);
            }
            5 => {
                let (step, reason) = (Some("s0".to_owned()), Some("so".to_owned()));
                let input = match self.dice.below(3) {
                    0 => Input::Approve { step, request: None, reason },
                    1 => Input::Settle {
                        step,
                        word: SettleWord::Again,
                        reason,
                        outputs: std::collections::BTreeMap::new(),
                    },
                    _ => Input::Answer {
                        step,
                        request: Some(1),
                        answer: AnswerWord::Yes,
                        fields: std::collections::BTreeMap::new(),
                        behalf: None,
                        reason,
                    },
                };
                return self.say(operator(), input);
            }
            _ => {
                self.somebody_hands_in();
                return self.take_inbox().map(drop);
            }
        }
        self.take(Event::Deadline)
    }

    /// The process lets go of a run that waits, unless something was handed in meanwhile.
    fn lets_go(&mut self) -> Result<(), Died> {
        self.take_inbox()?;
        if self.engine.as_ref().is_some_and(|engine| engine.suspend) {
            self.disk.sync();
            self.compare();
            self.engine = None;
        }
        Ok(())
    }

    /// What is on disk gives the state that the engine has.
    pub(crate) fn compare(&self) {
        let Some(engine) = &self.engine else { return };
        // What is being planned, told or collected is recorded when the answer comes.
        let unrecorded = |event: &Event| {
            matches!(
                event,
                Event::Planned { .. }
                    | Event::Previewed { .. }
                    | Event::AlreadySo { .. }
                    | Event::Told { .. }
                    | Event::ToldAll { .. }
                    | Event::Attached { .. }
            )
        };
        if !engine.queue.iter().any(unrecorded) {
            assert_eq!(engine.state.fingerprint(), self.replay().fingerprint(), "a replay gives another state");
        }
    }
}
