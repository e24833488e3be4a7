//! The state of a run, and its public face.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use jiff::Timestamp;

use super::called::CallPlace;
use super::calls::Calls;
use super::effect::Effect;
use super::event::Event;
use super::frames::{FrameKey, Place};
use super::record::{
    Actor, AttemptKey, BlobDigest, EndCause, Mode, Outcome, Part, Phase, Record, RequestId, RunOutcome, RunStarted,
    StepPath, TakenOver,
};
use super::request::Request;
use super::said::Closed;
use super::scope::RunScope;
use super::step_state::{Gate, Stage, StepState};
use crate::document::model::{Kind, Retry};
use crate::document::team::Team;
use crate::graph::StepIndex;
use crate::plan::Plan;
use crate::value::Value;

/// The state of one run of a plan. It changes only by records: [`RunState::on_event`] makes and applies them,
/// [`RunState::apply`] replays them.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, recorded apart")]
#[derive(Clone)]
pub struct RunState {
    pub(crate) plan: Arc<Plan>,
    pub(crate) team: Arc<Team>,
    pub(crate) id: String,
    pub(crate) operator: Actor,
    pub(crate) mode: Mode,
    pub(crate) attended: bool,
    pub(crate) yes: bool,
    pub(crate) step_by_step: bool,
    pub(crate) params: BTreeMap<String, Value>,
    pub(crate) alert: Option<Value>,
    pub(crate) started_at: Timestamp,
    pub(crate) run_deadline: Option<Timestamp>,
    pub(crate) steps: Vec<StepState>,
    /// The states inside this one: the items of its loops, and the runbooks that its steps run.
    pub(crate) frames: BTreeMap<FrameKey, Box<RunState>>,
    /// Where it stands, if it is an item of a loop.
    pub(crate) place: Option<Place>,
    /// Where it stands, if it is a runbook that a step runs.
    pub(crate) call: Option<CallPlace>,
    /// In a dry run of a called runbook: params that cannot be known, each with the step that would tell.
    pub(crate) unknown_params: BTreeMap<String, String>,
    /// Items of an earlier run that are taken over when their loop's list is known.
    pub(crate) earlier_items: BTreeMap<StepIndex, Vec<(StepPath, TakenOver)>>,
    /// Steps of called runbooks of an earlier run that are taken over when theirs begins with the same params.
    pub(crate) earlier_calls: BTreeMap<FrameKey, Vec<(StepPath, TakenOver)>>,
    pub(crate) phase: Phase,
    pub(crate) cause: Option<EndCause>,
    /// The first failure nothing handled, for `run.failure`.
    pub(crate) failure: Option<StepIndex>,
    /// The last step that failed, handled or not: what the roads of failure are about.
    pub(crate) last_failure: Option<StepIndex>,
    /// Something failed that nothing handled, or a road took `failed`.
    pub(crate) is_failed: bool,
    pub(crate) is_denied: bool,
    pub(crate) handed_over: bool,
    pub(crate) cancelled: Option<String>,
    /// How often a cancel was asked for.
    pub(crate) cancels: u32,
    /// The last cancel was one too many: it ends what runs.
    pub(crate) cancels_again: bool,
    /// When, in rollback or `finally`, a cancel was last answered with what is still to be done.
    pub(crate) warned_at: Option<Timestamp>,
    /// Steps started although the run is ending: where the road after its cause begins.
    pub(crate) ending_roots: BTreeSet<StepIndex>,
    pub(crate) rollback_wanted: Option<bool>,
    pub(crate) rollback_failed: bool,
    pub(crate) finally_failed: bool,
    pub(crate) requests: BTreeMap<RequestId, Request>,
    pub(crate) next_request: RequestId,
    /// What became of the requests that wait no more.
    pub(crate) closed: BTreeMap<RequestId, Closed>,
    /// Approvals that fell when the clock went back, which is not recorded yet.
    pub(crate) voided: Vec<(RequestId, AttemptKey)>,
    /// The run was handed over, and nobody has confirmed it.
    pub(crate) handover: Option<PendingHandover>,
    /// This process is to end: nothing new starts in it. Not recorded: the next one goes on.
    pub(crate) letting_go: bool,
    /// Counts starts and passes of acts, so that the newest is undone first.
    pub(crate) order: u64,
    pub(crate) sealed: Option<RunOutcome>,
    pub(crate) suspended: bool,
    /// Taken up by another process, which has taken no event in yet.
    pub(crate) taken_up: bool,
    /// The step whose settlement is the last record: what follows from it may not be recorded yet.
    pub(crate) unfollowed: Option<StepIndex>,
    /// Steps whose edges have to be looked at.
    pub(crate) candidates: BTreeSet<StepIndex>,
    /// Steps that may start when there is a place.
    pub(crate) ready: BTreeSet<StepIndex>,
    /// Steps between start and settlement.
    pub(crate) active: BTreeSet<StepIndex>,
    /// Waiting steps, for the end.
    pub(crate) unsettled: usize,
    /// Nothing runs: what each step does is chosen from outside, to see all that can follow.
    pub(crate) exploring: bool,
    /// Steps whose output some expression or template of another step reads.
    pub(crate) output_read: BTreeSet<StepIndex>,
    /// How the program is called in messages; not recorded.
    pub(crate) calls: Calls,
    // What follows lives for one event only.
    pub(crate) effects: Vec<Effect>,
    pub(crate) now: Timestamp,
    pub(crate) actor: Actor,
}

/// A run was handed over, and whoever it was handed to has not said a word yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingHandover {
    /// Who handed it over.
    pub by: String,
    /// To whom: an account, a person or a team.
    pub to: String,
    /// When.
    pub since: Timestamp,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Something runs or can go on by itself.
    Running,
    /// Nothing goes on before a person or a deadline.
    Waiting,
    /// Nothing goes on before somebody says how an act ended.
    InDoubt,
    /// It is sealed.
    Over(RunOutcome),
}

/// What is known of a step, for those who show it.
#[derive(Debug, Clone)]
pub struct StepView {
    /// How it settled, if it did.
    pub outcome: Option<Outcome>,
    /// Whether it is going on or waiting (a process, a pause before a retry, a person).
    pub active: bool,
    /// One sentence: why it failed, was skipped, what it waits for.
    pub reason: Option<String>,
    /// Tries so far.
    pub attempts: u32,
    /// Its title, rendered as far as it can be.
    pub title: String,
}

/// What a step that is going on does.
#[derive(Debug, Clone, PartialEq)]
pub struct Activity {
    /// The step.
    pub step: String,
    /// What it does.
    pub doing: Doing,
}

/// What a step that is going on does.
#[derive(Debug, Clone, PartialEq)]
pub enum Doing {
    /// A process runs.
    Running(AttemptKey),
    /// Another attempt follows.
    Pausing {
        /// When.
        until: Timestamp,
    },
    /// A `wait` passes.
    Waiting {
        /// Until when.
        until: Timestamp,
    },
    /// A person is waited for.
    Person(RequestId),
    /// Between two of these.
    Other,
}

/// Where replay finds what records name by digest only.
pub trait Blobs {
    /// The bytes of a blob; `None` where it was erased or never kept.
    fn get(&self, digest: &BlobDigest) -> Option<Vec<u8>>;
}

impl RunState {
    /// The state before the first event. `started` is the run's first record, `id` its run id, `at` the record's time.
    #[must_use]
    pub fn new(
        plan: Arc<Plan>,
        team: Arc<Team>,
        id: &str,
        started: &RunStarted,
        operator: &Actor,
        at: Timestamp,
    ) -> Self {
        let mut state = Self {
            mode: started.mode,
            attended: started.attended,
            yes: started.yes,
            step_by_step: started.step_by_step,
            params: started.params.iter().map(|(name, (value, _))| (name.clone(), value.clone())).collect(),
            alert: started.alert.clone(),
            ..Self::blank(plan, team, id, operator, at)
        };
        state.run_deadline = state.plan.document().timeout.clone().and_then(|timeout| {
            let allowed = state.duration_setting(&timeout.value).ok()?;
            at.checked_add(jiff::SignedDuration::try_from(allowed).ok()?).ok()
        });
        state
    }

    /// The state of one item of a loop of this one.
    pub(crate) fn item(&self, plan: Arc<Plan>, place: Place) -> Self {
        Self {
            mode: self.mode,
            yes: self.yes,
            step_by_step: self.step_by_step,
            params: self.params.clone(),
            unknown_params: self.unknown_params.clone(),
            alert: self.alert.clone(),
            place: Some(place),
            ..Self::blank(plan, Arc::clone(&self.team), &self.id, &self.operator, self.started_at)
        }
    }

    /// The state of a runbook that a step of this one runs.
    pub(crate) fn inside(
        &self,
        plan: Arc<Plan>,
        place: CallPlace,
        params: BTreeMap<String, Value>,
        unknown_params: BTreeMap<String, String>,
    ) -> Self {
        Self {
            mode: self.mode,
            attended: self.attended,
            yes: self.yes,
            step_by_step: self.step_by_step,
            params,
            unknown_params,
            alert: self.alert.clone(),
            call: Some(place),
            now: self.now,
            ..Self::blank(plan, Arc::clone(&self.team), &self.id, &self.operator, self.started_at)
        }
    }

    fn blank(plan: Arc<Plan>, team: Arc<Team>, id: &str, operator: &Actor, at: Timestamp) -> Self {
        let count = plan.len();
        let output_read = output_readers(&plan);
        let candidates = plan.graph().steps().filter(|step| !plan.graph().is_finally(*step)).collect();
        Self {
            team,
            id: id.to_owned(),
            operator: operator.clone(),
            mode: Mode::Real,
            attended: false,
            yes: false,
            step_by_step: false,
            params: BTreeMap::new(),
            alert: None,
            started_at: at,
            run_deadline: None,
            steps: vec![StepState::default(); count],
            frames: BTreeMap::new(),
            place: None,
            call: None,
            unknown_params: BTreeMap::new(),
            earlier_items: BTreeMap::new(),
            earlier_calls: BTreeMap::new(),
            phase: Phase::Steps,
            cause: None,
            failure: None,
            last_failure: None,
            is_failed: false,
            is_denied: false,
            handed_over: false,
            cancelled: None,
            cancels: 0,
            cancels_again: false,
            warned_at: None,
            ending_roots: BTreeSet::new(),
            rollback_wanted: None,
            rollback_failed: false,
            finally_failed: false,
            requests: BTreeMap::new(),
            next_request: 1,
            closed: BTreeMap::new(),
            voided: Vec::new(),
            handover: None,
            letting_go: false,
            order: 0,
            sealed: None,
            suspended: false,
            taken_up: false,
            unfollowed: None,
            candidates,
            ready: BTreeSet::new(),
            active: BTreeSet::new(),
            unsettled: count,
            exploring: false,
            output_read,
            calls: Calls::default(),
            effects: Vec::new(),
            now: at,
            actor: Actor::engine(operator.uid),
            plan,
        }
    }

    /// Takes an event in and says what is to be done, in order. Its records are applied already. `now` never goes
    /// back between calls.
    ///
    /// # Panics
    /// When a step has no terminal record at the end of the run, which is our own mistake.
    pub fn on_event(&mut self, event: Event, now: Timestamp) -> Vec<Effect> {
        assert!(self.effects.is_empty(), "effects are handed out at the end of each event");
        self.now = self.now.max(super::attempt::whole_millis(now));
        if self.sealed.is_some() {
            return Vec::new();
        }
        if std::mem::take(&mut self.taken_up) {
            // What the last process left undone is older than what comes now, a deadline that passed among it.
            self.follow_what_was_left();
            self.confirm_by_resuming();
        }
        self.void_what_fell();
        if !self.letting_go {
            self.pass_deadlines();
        }
        match event {
            Event::Started | Event::Deadline | Event::Resumed => {}
            Event::Planned { key, plan } => {
                self.at(&key.step.clone(), |state| state.on_planned(&key, plan));
            }
            Event::Previewed { key, change } => {
                self.at(&key.step.clone(), |state| state.on_previewed(key, change));
            }
            Event::AlreadySo { key } => {
                self.at(&key.step.clone(), |state| state.on_already_so(&key));
            }
            Event::Locked { key, result } => {
                self.at(&key.step.clone(), |state| state.on_locked(&key, result));
            }
            Event::Spawned { key, pid, start_time } => {
                self.at(&key.step.clone(), |state| state.on_spawned(key, pid, start_time));
            }
            Event::Ended { key, ending } => {
                self.at(&key.step.clone(), |state| state.on_ended(&key, *ending));
            }
            told @ Event::Told { .. } => self.on_told(told),
            Event::ToldAll { step } => {
                self.at(&step, |state| state.on_told_all(&step));
            }
            Event::Attached { step, evidence } => {
                self.at(&step, |state| state.on_attached(&step, evidence));
            }
            Event::Said { actor, input } => {
                self.actor = actor;
                self.on_input(input);
                self.actor = Actor::engine(self.operator.uid);
                self.effects.push(Effect::Sync);
            }
        }
        self.advance();
        std::mem::take(&mut self.effects)
    }

    /// The last process may have ended between a settlement and what follows from it.
    fn follow_what_was_left(&mut self) {
        self.in_each(Self::follow_what_was_left);
        let Some(step) = self.unfollowed.take() else { return };
        let Some(settled) = self.steps.get(step.get()).and_then(StepState::settled).cloned() else { return };
        match settled.skipped {
            Some(_) => self.withdraw_judgement(step),
            None => self.follow_settlement(step, settled.outcome, settled.settlement),
        }
    }

    /// Applies a record of a transcript: everything after `run.started`, in order.
    pub fn apply(&mut self, record: &Record, actor: &Actor, at: Timestamp, blobs: &dyn Blobs) {
        self.now = self.now.max(at);
        self.change(record, actor, blobs);
    }

    /// Tells, after a replay, that somebody still sees to an attempt that was let go: its `Ended` will come. Not recorded,
    /// the next replay has to find out anew.
    pub fn attach(&mut self, key: &AttemptKey) {
        self.at(&key.step, |state| {
            let step = state.find(&key.step).and_then(|step| state.steps.get_mut(step.get()));
            if let Some(step) = step.filter(|step| step.is_let_go(key)) {
                step.in_flight = true;
            }
        });
    }

    /// Attempts that change the world and whose end is not recorded, and whether they were let go.
    pub fn open_acts(&self) -> impl Iterator<Item = (&AttemptKey, bool)> {
        self.active_steps().filter_map(|(_, _, state)| {
            let ((Stage::Running(key), _) | (_, Stage::Running(key))) = (&state.undo, &state.stage) else {
                return None;
            };
            match state.gate {
                Gate::None => None,
                Gate::Shut(_) => Some((key, false)),
                Gate::Open => Some((key, true)),
            }
        })
    }

    /// Whether an attempt only looks: it changes nothing, and may be made again.
    #[must_use]
    pub fn looks(&self, key: &AttemptKey) -> bool {
        self.owner(&key.step).is_some_and(|(at, step)| !at.changes(step, key.part))
    }

    /// Makes a record: applied at once, appended by the runner.
    pub(crate) fn emit(&mut self, record: Record) {
        let actor = self.actor.clone();
        self.change(&record, &actor, &NoBlobs);
        self.effects.push(Effect::Record(actor, record));
    }

    /// Says how the program is called in the commands that messages hold. Not recorded: a resumed run is told anew.
    pub fn call_as(&mut self, calls: Calls) {
        self.calls = calls;
    }

    /// The next instant at which [`Event::Deadline`] is wanted.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let stages = self.active_steps().filter_map(|(_, _, state)| {
            let (Stage::Pausing(_, until) | Stage::WaitingUntil(_, until)) = &state.stage else { return None };
            (!state.in_flight).then_some(*until)
        });
        let requests = self.requests().filter_map(|request| request.deadline);
        let run = self.run_deadline.filter(|_| self.phase <= Phase::Ending && self.cancelled.is_none());
        let calls = self.with_frames().into_iter().filter_map(Self::call_deadline);
        stages.chain(requests).chain(run).chain(calls).min().filter(|_| self.sealed.is_none())
    }

    /// What waits for people, oldest first.
    pub fn requests(&self) -> impl Iterator<Item = &Request> {
        let mut all: Vec<&Request> = self.with_frames().into_iter().flat_map(|state| state.requests.values()).collect();
        all.sort_unstable_by_key(|request| request.id);
        all.into_iter()
    }

    /// Steps between start and settlement, those of items among them.
    fn active_steps(&self) -> impl Iterator<Item = (&Self, StepIndex, &StepState)> {
        let all = self.with_frames().into_iter();
        all.flat_map(|at| at.active.iter().filter_map(move |step| Some((at, *step, at.steps.get(step.get())?))))
    }

    /// What goes on, in file order. Of a loop it is its items.
    pub fn activities(&self) -> impl Iterator<Item = Activity> {
        self.active_steps().filter_map(|(at, step, state)| {
            let doing = match if state.undo.is_active() { &state.undo } else { &state.stage } {
                Stage::Waiting | Stage::Items(_) | Stage::Calling(_) | Stage::Settled(_) => return None,
                Stage::Running(key) => Doing::Running(key.clone()),
                Stage::Pausing(_, until) => Doing::Pausing { until: *until },
                Stage::WaitingUntil(_, until) => Doing::Waiting { until: *until },
                Stage::Proceeding(request)
                | Stage::Approval(request, ..)
                | Stage::Asked(_, request)
                | Stage::AwaitingAck(_, request)
                | Stage::Overruling(request, _)
                | Stage::Doubt(_, request) => Doing::Person(*request),
                Stage::Planning(_)
                | Stage::Planned(..)
                | Stage::Approved(..)
                | Stage::Telling(_)
                | Stage::Ended(_)
                | Stage::Attaching(_) => Doing::Other,
            };
            Some(Activity { step: at.path(step), doing })
        })
    }

    /// Where the run stands.
    #[must_use]
    pub fn standing(&self) -> Standing {
        if let Some(outcome) = self.sealed {
            return Standing::Over(outcome);
        }
        if self.suspended {
            return if self.requests().next().is_none() { Standing::Waiting } else { self.waiting() };
        }
        let goes_on = self.active_steps().any(|(at, _, state)| {
            // A loop goes on where one of its items does, a runbook where one of its steps does; an item that waits for
            // its turn does not.
            let rests = |stage: &Stage| !state.in_flight && matches!(stage, Stage::Items(_) | Stage::Calling(_));
            let waits = at.waits_for_its_turn() && !state.in_flight;
            (state.stage.is_active() && !state.stage.waits_for_people() && !rests(&state.stage) && !waits)
                || (state.undo.is_active() && !state.undo.waits_for_people() && !rests(&state.undo))
        });
        if goes_on || self.requests().next().is_none() { Standing::Running } else { self.waiting() }
    }

    fn waiting(&self) -> Standing {
        use super::record::QuestionKind;
        use super::request::RequestKind;
        let doubt = |request: &Request| request.kind == RequestKind::Question(QuestionKind::Doubt);
        if self.requests().all(doubt) { Standing::InDoubt } else { Standing::Waiting }
    }

    /// To whom the run was handed, where that is not confirmed yet.
    #[must_use]
    pub fn pending_handover(&self) -> Option<&PendingHandover> {
        self.handover.as_ref()
    }

    /// Who has the run.
    #[must_use]
    pub fn operator(&self) -> &Actor {
        &self.operator
    }

    /// The phase.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// What is known of a step.
    #[must_use]
    pub fn step(&self, id: &str) -> Option<StepView> {
        let (at, index) = self.owner(id)?;
        let state = at.steps.get(index.get())?;
        let settled = state.settled();
        let reason = settled
            .and_then(|settled| settled.skipped.as_ref().map(ToString::to_string).or_else(|| settled.reason.clone()));
        Some(StepView {
            outcome: settled.map(|settled| settled.outcome),
            active: state.is_active(),
            reason,
            attempts: state.attempts.get(&Part::Main).copied().unwrap_or(0),
            title: at.title(index),
        })
    }

    /// A step's title, rendered as far as it can be.
    #[must_use]
    pub(crate) fn title(&self, index: StepIndex) -> String {
        let scope = RunScope::new(self, self.now).of_all_items(self.plan.step(index).for_each.as_ref());
        self.plan.step(index).title.value.render_for_people(&scope, &|path| scope.explain(path))
    }

    /// The plan it runs.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The people it knows.
    #[must_use]
    pub fn team(&self) -> &Team {
        &self.team
    }

    /// What the run is for.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Everything a replay has to give back, for comparison: what lives for one event or one process only is left out.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut text = self.fingerprint_of_run();
        self.fingerprint_of_steps(&mut text);
        text
    }

    /// What a state inside has of its own; the rest is lent.
    fn fingerprint_inside(&self) -> String {
        let mut text = format!("{:?} {:?}\n", self.requests, self.voided);
        if let Some(call) = &self.call {
            let _ =
                writeln!(text, "{:?} {} {:?} {} {:?}", call.key, call.began, call.lock, call.out_of_time, call.ended);
            let _ = writeln!(text, "{:?} {:?} {:?}", self.params, self.unknown_params, self.run_deadline);
            let _ = writeln!(
                text,
                "{:?} {:?} {:?} {} {} {} {:?} {:?} {:?} {} {} {:?}",
                self.phase,
                self.cause,
                self.failure,
                self.is_failed,
                self.is_denied,
                self.handed_over,
                self.cancelled,
                self.ending_roots,
                self.rollback_wanted,
                self.rollback_failed,
                self.finally_failed,
                self.sealed
            );
        }
        self.fingerprint_of_steps(&mut text);
        text
    }

    fn fingerprint_of_run(&self) -> String {
        let mut text = format!(
            "{:?} {:?} {:?} {} {} {} {:?} {} {:?} {:?} {} {} {:?} {} {:?}\n",
            self.phase,
            self.cause,
            self.failure,
            self.is_failed,
            self.is_denied,
            self.handed_over,
            self.cancelled,
            self.cancels,
            self.ending_roots,
            self.rollback_wanted,
            self.rollback_failed,
            self.finally_failed,
            self.requests,
            self.next_request,
            self.sealed,
        );
        let _ = writeln!(text, "{:?} {:?} {:?}", self.handover, self.voided, self.operator.id);
        text
    }

    fn fingerprint_of_steps(&self, text: &mut String) {
        for (number, step) in self.steps.iter().enumerate() {
            let mut step = step.clone();
            step.in_flight = false;
            step.told_all = false;
            let unrecorded = matches!(step.stage, Stage::Planning(_)) && !step.started;
            if unrecorded {
                step.stage = Stage::Waiting;
            } else if let Stage::Attaching(verdict) = &step.stage {
                step.stage = Stage::Ended(verdict.clone());
            }
            if matches!(step.undo, Stage::Planning(_)) {
                step.undo = Stage::Waiting;
            }
            step.let_go = false;
            // Lent to an item.
            step.in_ending &= !self.is_item();
            let _ = writeln!(text, "{number} {step:?}");
        }
        let _ = writeln!(text, "{:?} {:?}", self.earlier_items, self.earlier_calls);
        for (key, frame) in &self.frames {
            let place = frame.place.as_ref().map(|place| (&place.path, &place.value, &place.covered));
            let _ = writeln!(text, "{key:?} {place:?} {}", frame.fingerprint_inside());
        }
    }
}

/// The blobs of a live run: what records name is at hand otherwise.
struct NoBlobs;

impl Blobs for NoBlobs {
    fn get(&self, _: &BlobDigest) -> Option<Vec<u8>> {
        None
    }
}

/// The steps whose standard output or error another step reads.
fn output_readers(plan: &Plan) -> BTreeSet<StepIndex> {
    let mut found = BTreeSet::new();
    plan.document().each_read(&mut |read| {
        if let [root, id, member, ..] = read.path.as_slice()
            && root == "steps"
            && (member == "stdout" || member == "stderr")
            && let Some(step) = plan.graph().find(id)
        {
            found.insert(step);
        }
    });
    // A `while` looks at what the attempt before printed.
    let reads_streams = |retry: &Retry| {
        let roots = retry.condition.iter().flat_map(|condition| condition.value.reads()).map(|read| read.path.first());
        roots.flatten().any(|root| matches!(root.as_str(), "stdout" | "stderr" | "json" | "body"))
    };
    let by_default = plan.document().defaults.retry.as_ref().is_some_and(reads_streams);
    found.extend(plan.graph().steps().filter(|step| match &plan.step(*step).retry {
        Some(retry) => reads_streams(&retry.value),
        None => by_default && plan.step(*step).kind.value == Kind::Verify,
    }));
    found
}
