//! What each record changes: the only place where a run's state changes for good.

use super::called::call_path;
use super::frames::FrameKey;
use super::heard::Acknowledged;
use super::record::{
    Actor, AttemptKey, EndCause, Outcome, Part, Phase, Record, SettleWord, Settlement, SkipReason, Stream,
};
use super::request::{Request, RequestKind};
use super::scope::without_final_newlines;
use super::state::{Blobs, RunState};
use super::step_state::{Gate, Given, Settled, Stage, StepState, Undone, Verdict};
use crate::document::model::Kind;
use crate::graph::{Road, StepIndex, roads_of};

/// Whether a record can stand between a settlement and what follows from it, and changes nothing that this depends on.
fn stands_beside(record: &Record) -> bool {
    matches!(
        record,
        Record::RunResumed { .. }
            | Record::RunSuspended { .. }
            | Record::Recovered { .. }
            | Record::ClockJumped { .. }
            | Record::Note { .. }
            | Record::Refused { .. }
            | Record::Handover { .. }
            | Record::HandoverConfirmed { .. }
    )
}

impl RunState {
    pub(super) fn with_step(&mut self, id: &str, change: impl FnOnce(&mut StepState)) {
        if let Some(index) = self.find(id)
            && let Some(step) = self.steps.get_mut(index.get())
        {
            let (was_settled, was_fresh) = (step.settled().is_some(), !step.started);
            change(step);
            let begun = was_fresh && step.started;
            step.in_ending |= begun && self.phase == Phase::Ending;
            let (active, settled) = (step.is_active(), step.settled().is_some());
            if active {
                self.active.insert(index);
            } else {
                self.active.remove(&index);
            }
            if settled && !was_settled {
                self.unsettled = self.unsettled.saturating_sub(1);
            } else if was_settled && !settled {
                self.unsettled += 1;
            }
            if !step.is_waiting() {
                self.candidates.remove(&index);
                self.ready.remove(&index);
            }
        }
    }

    pub(super) fn with_attempt(&mut self, key: &AttemptKey, change: impl FnOnce(&mut StepState)) {
        let key = key.clone();
        self.with_step(&key.step.clone(), move |step| {
            let count = step.attempts.entry(key.part).or_default();
            *count = key.attempt.max(*count);
            if key.part == Part::Doubt
                && let Stage::Ended(verdict) = &step.stage
                && verdict.key.part == Part::Main
            {
                step.doubted = Some(Box::new(verdict.clone()));
            }
            change(step);
        });
    }

    pub(crate) fn change(&mut self, record: &Record, actor: &Actor, blobs: &dyn Blobs) {
        if !stands_beside(record) {
            self.forget_unfollowed();
        }
        if let Some(key) = self.led_into(record) {
            if let Some(begun) = Self::begins(record) {
                self.mark_undoing(&begun);
            }
            self.within(key, |frame| frame.change(record, actor, blobs));
            return;
        }
        let before = self.before_said(record);
        self.change_by(record, actor, blobs);
        if let Some((said, before)) = before {
            self.after_said(&said, before, actor);
        }
    }

    /// Which of the states inside a record changes. What is said of a called runbook as a whole changes that one.
    fn led_into(&self, record: &Record) -> Option<FrameKey> {
        let path = record.step()?;
        let as_whole = |path: &str| self.frame_of(&format!("{path}/")).filter(|key| self.frames.contains_key(key));
        #[expect(clippy::wildcard_enum_match_arm, reason = "all others are about a step")]
        let of_call = match record {
            Record::CallPhase { key, .. } | Record::CallCancelled { key, .. } | Record::CallEnded { key, .. } => {
                return as_whole(&call_path(key));
            }
            Record::Question { question: super::record::QuestionKind::Rollback, .. } => return as_whole(path),
            // The rollback question of a called runbook is about no step of it.
            Record::Answer { request, .. } | Record::QuestionWithdrawn { request, .. } => as_whole(path)
                .filter(|key| self.frames.get(key).is_some_and(|frame| frame.asks_to_roll_back(*request, path))),
            _ => None,
        };
        of_call.or_else(|| self.frame_of(path).filter(|key| self.frames.contains_key(key)))
    }

    /// Whether a request is the rollback question of the called runbook with this path, here or inside.
    fn asks_to_roll_back(&self, request: super::record::RequestId, path: &str) -> bool {
        self.with_frames().into_iter().any(|at| {
            at.call.as_ref().is_some_and(|call| call.path == path)
                && at.requests.get(&request).is_some_and(|it| it.step.as_deref() == Some(path))
        })
    }

    /// What is recorded now comes after whatever settled last.
    fn forget_unfollowed(&mut self) {
        self.unfollowed = None;
        for frame in self.frames.values_mut() {
            frame.forget_unfollowed();
        }
    }

    #[expect(clippy::too_many_lines, reason = "one arm a record: what it changes is read in one place")]
    fn change_by(&mut self, record: &Record, actor: &Actor, blobs: &dyn Blobs) {
        let now = self.now;
        if let Record::StepSettled { step, .. } | Record::StepSkipped { step, .. } = record {
            self.unfollowed = self.find(step);
        }
        match record {
            Record::RunStarted(_)
            | Record::StepSpawned { .. }
            | Record::Note { .. }
            | Record::Attachment { .. }
            | Record::Refused { .. }
            | Record::Recovered { .. } => {}
            Record::ClockJumped { by_ms } => {
                if *by_ms < 0 {
                    self.let_approvals_fall();
                }
                self.in_each(|frame| frame.change(record, actor, blobs));
            }
            Record::StepItems { step, items, approval } => self.change_items(step, items, *approval),
            Record::CallGiven { key, params, unknown, .. } => {
                let given = Given { key: key.clone(), params: params.clone(), unknown: unknown.clone() };
                self.with_step(&key.step, |step| step.given = Some(Box::new(given)));
            }
            Record::CallStarted { key, lock, deadline } => self.change_call_started(key, lock.as_ref(), *deadline),
            Record::CallCancelled { reason, .. } => {
                if let Some(call) = &mut self.call {
                    call.out_of_time = true;
                }
                self.change_cancelled(reason, true);
            }
            Record::CallEnded { outcome, reason, open, .. } => {
                self.phase = Phase::Over;
                self.sealed = Some(*outcome);
                if let Some(call) = &mut self.call {
                    call.ended = Some((reason.clone(), open.clone()));
                }
            }
            Record::StepPlanned { key, plan, shown } => {
                self.mark_undoing(key);
                self.with_attempt(key, |step| {
                    step.started = true;
                    *step.stage_of(key.part) = Stage::Planned(key.clone(), plan.clone(), shown.clone());
                });
            }
            Record::ApprovalRequested { request, key, plan, deadline } => {
                let shown = self.shown(key);
                self.with_step(&key.step, |step| {
                    *step.stage_of(key.part) = Stage::Approval(*request, key.clone(), plan.clone());
                });
                let index = self.find(&key.step);
                let destructive = index.is_some_and(|index| self.plan.step(index).destructive);
                let text = index.map(|index| self.title(index)).unwrap_or_default();
                let kind = RequestKind::Approval { key: key.clone(), plan: plan.clone(), shown, destructive };
                self.open(Request {
                    id: *request,
                    step: Some(key.step.clone()),
                    kind,
                    text,
                    since: now,
                    deadline: *deadline,
                    to: Vec::new(),
                    collect: Vec::new(),
                    link: None,
                });
            }
            Record::ApprovalGranted { request, key, plan, .. } => {
                self.close(*request);
                let index = self.find(&key.step).filter(|index| self.is_loop(*index) && key.part == Part::Main);
                if let Some(index) = index {
                    self.cover_items(index);
                }
                self.with_step(&key.step, |step| {
                    step.is_held = false;
                    *step.stage_of(key.part) = match index {
                        Some(_) => Stage::Items(key.clone()),
                        None => Stage::Approved(key.clone(), plan.clone()),
                    };
                });
            }
            Record::ApprovalDenied { request, key, reason } => {
                self.close(*request);
                self.with_step(&key.step, |step| {
                    *step.stage_of(key.part) = Stage::Ended(refused(key, Settlement::Denied, reason.clone()));
                });
            }
            Record::ApprovalExpired { request, key } => {
                self.close(*request);
                self.with_step(&key.step, |step| {
                    let reason = "nobody approved it in time".to_owned();
                    *step.stage_of(key.part) = Stage::Ended(refused(key, Settlement::Expired, reason));
                });
            }
            Record::ApprovalVoid { request, .. } => {
                self.close(*request);
                self.voided.retain(|(fallen, _)| fallen != request);
            }
            Record::StepReleased { key } => self.with_step(&key.step, |step| step.gate = Gate::Open),
            Record::StepIntent { key, plan, until } => {
                self.order += 1;
                let order = self.order;
                self.mark_undoing(key);
                let undoes = self.undoes_inside();
                let index = self.find(&key.step);
                let tells = index.is_some_and(|index| self.plan.step(index).kind.value == Kind::Escalate);
                let changes = index.is_some_and(|index| self.changes(index, key.part));
                let gate = plan.clone().filter(|_| changes).map_or(Gate::None, Gate::Shut);
                if let Some(place) = &mut self.place {
                    place.covered = None;
                }
                self.with_attempt(key, |step| {
                    step.started = true;
                    step.gate = gate;
                    if key.part == Part::Main {
                        step.begun(Some(order).filter(|_| !undoes));
                        step.last.excerpt.clear();
                        step.started_at.get_or_insert(now);
                    }
                    *step.stage_of(key.part) = match until {
                        Some(until) => Stage::WaitingUntil(key.clone(), *until),
                        None if tells => Stage::Telling(key.clone()),
                        None => Stage::Running(key.clone()),
                    };
                });
            }
            Record::StepOutput { key, stream, output } => {
                let read = self.find(&key.step).is_some_and(|step| self.output_read.contains(&step));
                let text = output
                    .blob
                    .as_ref()
                    .filter(|_| read && output.kept == output.bytes)
                    .and_then(|blob| blobs.get(blob))
                    .filter(|bytes| bytes.len() <= crate::limits::CAPTURE_BYTES_MAX)
                    .map(|bytes| without_final_newlines(&String::from_utf8_lossy(&bytes)).to_owned());
                self.with_step(&key.step, |step| {
                    if key.part != Part::Main {
                        return;
                    }
                    let excerpt = if output.tail.is_empty() { &output.head } else { &output.tail };
                    match stream {
                        Stream::Stdout | Stream::Body => {
                            step.last.stdout = text;
                            step.last.stdout_bytes = output.bytes;
                            step.last.stdout_blob.clone_from(&output.blob);
                            step.last.excerpt.clone_from(excerpt);
                        }
                        Stream::Stderr => {
                            step.last.stderr = text;
                            step.last.stderr_bytes = output.bytes;
                            step.last.excerpt.push_str(excerpt);
                        }
                    }
                });
            }
            Record::AttemptEnded { key, end, duration, outcome, reason, outputs, .. } => {
                let verdict = Verdict {
                    key: key.clone(),
                    end: end.clone(),
                    outcome: *outcome,
                    settlement: Settlement::Ran,
                    reason: reason.clone(),
                    outputs: outputs.clone(),
                };
                let undoes = self.undoes_inside();
                self.mark_undoing(key);
                self.with_attempt(key, |step| {
                    step.started = true;
                    step.gate = Gate::None;
                    if key.part == Part::Unless {
                        step.unless_failed = *outcome == Outcome::Failed;
                    }
                    if key.part == Part::Main {
                        step.started_at.get_or_insert(now);
                        step.last.duration = Some(*duration);
                        step.last.answered = end.as_ref().and_then(super::record::End::answered);
                        step.last.exit_code = match end {
                            Some(super::record::End::Exited(code)) => Some(*code),
                            _ => None,
                        };
                        step.outputs.clone_from(outputs);
                    }
                    let was_running = matches!(step.stage, Stage::Running(_)) && step.undoing.is_none() && !undoes;
                    if key.part == Part::Main && was_running && matches!(end, Some(super::record::End::NotStarted(_))) {
                        // There is nothing of it to undo.
                        step.start_order = step.start_order_before;
                    }
                    *step.stage_of(key.part) = Stage::Ended(verdict);
                });
            }
            Record::RetryScheduled { key, at } => {
                self.with_step(&key.step, |step| {
                    if let Stage::Ended(verdict) = &step.stage {
                        step.before = Some(Box::new(verdict.clone()));
                    }
                    step.stage = Stage::Pausing(key.clone(), *at);
                });
            }
            Record::StepSettled { step, outcome, settlement, reason, outputs, .. } => {
                self.settle(step, *outcome, *settlement, reason.as_ref(), outputs.clone());
            }
            Record::StepSkipped { step, why } => {
                // It passes on what reached it: the road after the end's cause, too.
                let on_the_road = self.phase == Phase::Ending
                    && match why {
                        SkipReason::When => true,
                        SkipReason::Blocked(by) => {
                            let by = self.find(by).and_then(|by| self.steps.get(by.get()));
                            by.is_some_and(|by| by.in_ending)
                        }
                        SkipReason::NotReached | SkipReason::Cancelled | SkipReason::Ended => false,
                    };
                self.with_step(step, |state| {
                    state.stage = Stage::Settled(Settled {
                        outcome: Outcome::Skipped,
                        settlement: Settlement::Ran,
                        reason: None,
                        skipped: Some(why.clone()),
                    });
                    state.in_ending = on_the_road || (state.started && state.in_ending);
                });
                if self.phase == Phase::Ending && !matches!(self.cause, Some(EndCause::Cancelled)) {
                    self.count_unjudged(step);
                }
                self.look_behind(step);
            }
            Record::StepTakenOver { step, was, .. } => self.change_taken(step, was),
            Record::StepUndone { step, outcome, .. } => {
                let passed = *outcome == Outcome::Passed;
                if !passed {
                    self.rollback_failed = true;
                }
                self.with_step(step, |state| {
                    state.undone = if passed { Undone::Passed } else { Undone::Failed };
                    state.undo = Stage::Waiting;
                });
            }
            Record::Decision { step, branch, .. } => {
                self.with_step(step, |state| {
                    state.started = true;
                    state.branch = Some(branch.clone());
                });
            }
            Record::Question { request, step, question, text, to, deadline, .. } => {
                self.change_asked(*request, step.as_ref(), question, text, to, *deadline);
            }
            Record::Answer { request, step, answer, fields, .. } => {
                self.change_answered(*request, step.as_ref(), answer, fields);
            }
            Record::QuestionWithdrawn { request, step, timed_out } => {
                let rollback = RequestKind::Question(super::record::QuestionKind::Rollback);
                if self.requests.get(request).is_some_and(|request| request.kind == rollback) {
                    self.rollback_wanted = Some(false);
                }
                self.close(*request);
                if let Some(step) = step.as_ref().filter(|_| *timed_out) {
                    let has_else = self.has_road(step, Road::Else);
                    self.with_step(step, |state| {
                        let settlement = if has_else { Settlement::Unanswered } else { Settlement::Ran };
                        let key = main_key(step, state.last_attempt());
                        state.stage = Stage::Ended(refused(&key, settlement, "nobody answered in time".to_owned()));
                    });
                }
            }
            Record::EscalationSent { .. } | Record::EscalationFailed { .. } | Record::EscalationWidened { .. } => {
                self.change_telling(record);
            }
            Record::EscalationWaiting { request, step, deadline, from, all, told } => {
                if *told {
                    self.with_step(step, |state| {
                        state.stage = Stage::AwaitingAck(main_key(step, state.last_attempt()), *request);
                    });
                }
                let text = self.find(step).map(|index| self.title(index)).unwrap_or_default();
                let since = self.requests.get(request).map_or(now, |known| known.since);
                self.open(Request {
                    id: *request,
                    step: Some(step.clone()),
                    kind: RequestKind::Acknowledge { missing: from.clone(), all: *all },
                    text,
                    since,
                    deadline: *deadline,
                    to: from.clone(),
                    collect: Vec::new(),
                    link: None,
                });
            }
            Record::EscalationAcknowledged { step, by } => {
                self.with_step(step, |state| state.acknowledged.push(Acknowledged { by: by.clone(), at: now }));
                self.change_acknowledged(step, by);
            }
            Record::EscalationTimedOut { step } => {
                self.close_all_of(step);
                let has_else = self.has_road(step, Road::Else);
                self.with_step(step, |state| {
                    let key = main_key(step, state.last_attempt());
                    let mut verdict = refused(&key, Settlement::Ran, "nobody acknowledged in time".to_owned());
                    if has_else {
                        verdict.settlement = Settlement::Unanswered;
                    }
                    state.stage = Stage::Ended(verdict);
                });
            }
            Record::Handover { step, to } => {
                if let Some(step) = step {
                    self.handed_over = true;
                    self.with_step(step, |state| state.handed_over = true);
                } else {
                    self.change_handed_over(to, &actor.id);
                }
            }
            Record::HandoverConfirmed { .. } => {
                self.handover = None;
                self.operator = actor.clone();
            }
            Record::DoubtOpened { key, why } => self.change_doubt(key, why),
            Record::DoubtSettled { key, word, by, reason, outputs } => {
                self.change_doubt_settled(key, *word, by, reason.as_ref(), outputs);
            }
            Record::Override { step, word, reason, outputs } => {
                self.close_all_of(step);
                self.with_step(step, |state| {
                    let Stage::Overruling(_, verdict) = &state.stage else { return };
                    let mut verdict = verdict.clone();
                    match word {
                        SettleWord::Again => {
                            state.start_over();
                            state.before = Some(Box::new(verdict));
                            state.stage = Stage::Waiting;
                            state.let_go = true;
                            return;
                        }
                        SettleWord::ByHand => verdict.settlement = Settlement::ByHand,
                        SettleWord::GoOn | SettleWord::Done => verdict.settlement = Settlement::Overruled,
                        SettleWord::NotDone | SettleWord::Fail => return,
                    }
                    verdict.outcome = Outcome::Passed;
                    verdict.reason = Some(reason.clone());
                    verdict.outputs.extend(outputs.clone());
                    state.stage = Stage::Ended(verdict);
                });
                if *word == SettleWord::Again
                    && let Some(index) = self.find(step)
                {
                    self.ready.insert(index);
                }
            }
            Record::PhaseEntered { phase, cause } | Record::CallPhase { phase, cause, .. } => {
                self.change_phase(*phase, cause.as_ref());
            }
            Record::RunSuspended { .. } => self.suspended = true,
            Record::RunResumed { attended, .. } => {
                self.suspended = false;
                self.letting_go = false;
                self.taken_up = true;
                self.attended = *attended;
                self.operator = actor.clone();
                self.nothing_in_flight();
            }
            Record::RunCancelled { reason } => self.change_cancelled(reason, true),
            Record::RunSealed { outcome, .. } => {
                self.phase = Phase::Over;
                self.sealed = Some(*outcome);
            }
        }
    }

    /// What the last process was doing it does no more.
    fn nothing_in_flight(&mut self) {
        self.steps.iter_mut().for_each(|step| step.in_flight = false);
        self.frames.values_mut().for_each(|frame| frame.nothing_in_flight());
    }

    fn settle(
        &mut self,
        id: &str,
        outcome: Outcome,
        settlement: Settlement,
        reason: Option<&String>,
        outputs: std::collections::BTreeMap<String, crate::value::Value>,
    ) {
        self.order += 1;
        let order = self.order;
        let Some(index) = self.find(id) else { return };
        let is_act = self.plan.step(index).kind.value == Kind::Act;
        let handed_over = outcome == Outcome::Passed
            && self.plan.step(index).escalation.as_ref().is_some_and(|escalation| escalation.handover);
        if matches!(outcome, Outcome::Failed | Outcome::Unknown) {
            self.last_failure = Some(index);
        }
        let undoing = self.steps.get(index.get()).and_then(|state| state.undoing.clone());
        let undoes = self.undoes_inside();
        if let Some(undone) = &undoing {
            let passed = outcome == Outcome::Passed;
            self.rollback_failed |= !passed;
            self.with_step(undone, |state| state.undone = if passed { Undone::Passed } else { Undone::Failed });
        }
        self.with_step(id, |state| {
            state.started = true;
            state.undoing = None;
            state.outputs = outputs;
            state.before = None;
            if is_act && outcome == Outcome::Passed {
                state.pass_order = Some(order);
            }
            if is_act && settlement == Settlement::ByHand && state.start_order.is_none() && undoing.is_none() && !undoes
            {
                // It did not start, and was done all the same: there is something to undo.
                state.start_order = Some(order);
            }
            state.stage = Stage::Settled(Settled { outcome, settlement, reason: reason.cloned(), skipped: None });
        });
        if self.phase == Phase::Finally && outcome != Outcome::Passed && self.plan.graph().is_finally(index) {
            self.finally_failed = true;
        }
        if handed_over && matches!(self.mode, super::record::Mode::Real) {
            self.handed_over = true;
        }
        // What is denied in rollback or `finally` has failed there: the procedure itself was not denied.
        if matches!(settlement, Settlement::Denied) && self.phase <= Phase::Ending {
            self.is_denied = true;
        }
        // While the run ends nothing new starts, so nothing can answer a failure but on the road after the end's cause.
        if self.phase == Phase::Ending && matches!(outcome, Outcome::Failed | Outcome::Unknown) {
            let on_the_road = self.steps.get(index.get()).is_some_and(|state| state.in_ending);
            if !on_the_road || !self.is_handled(index, outcome, settlement) {
                self.is_failed = true;
                self.failure.get_or_insert(index);
            }
        }
        let took_failed = matches!(outcome, Outcome::Failed | Outcome::Unknown)
            && roads_of(self.plan.step(index))
                .into_iter()
                .any(|(road, target)| target.failed && self.road(index, road) == super::edges::Liveness::Live);
        let branch_failed = self.steps.get(index.get()).and_then(|state| state.branch.as_ref()).is_some_and(|branch| {
            branch.choice != super::record::BranchChoice::Undecided && branch.to.iter().any(|to| to == "failed")
        });
        if (took_failed || branch_failed) && self.phase <= Phase::Ending {
            self.is_failed = true;
            self.failure.get_or_insert(index);
        }
        self.look_behind(id);
    }

    /// Failures that only a decide could have answered, which was skipped while the run ends, were left unhandled.
    fn count_unjudged(&mut self, decide: &str) {
        let Some(decide) = self.find(decide) else { return };
        let judged = |from: &StepIndex| {
            let settled = self.steps.get(from.get()).and_then(StepState::settled);
            settled.is_some_and(|settled| {
                matches!(settled.outcome, Outcome::Failed | Outcome::Unknown)
                    && !self.is_handled(*from, settled.outcome, settled.settlement)
            })
        };
        let sources = self.plan.graph().incoming(decide).filter(|(_, edge)| edge.judged).map(|(from, _)| from);
        if let Some(unhandled) = sources.filter(judged).min() {
            self.is_failed = true;
            self.failure.get_or_insert(unhandled);
        }
    }

    /// Steps behind a settled one have to be looked at.
    pub(super) fn look_behind(&mut self, id: &str) {
        if let Some(index) = self.find(id) {
            // A step blocked through several others is judged by the first of them: all that follow are looked at.
            let graph = self.plan.graph();
            let mut behind: Vec<StepIndex> = graph.outgoing(index).map(|(to, _)| to).collect();
            // What a decide took says too whether a failure that it judged blocks the others that need it.
            for (from, _) in graph.incoming(index).filter(|(_, edge)| edge.judged || edge.judges_unknown) {
                behind.extend(graph.outgoing(from).map(|(to, _)| to));
            }
            for to in behind {
                if self.steps.get(to.get()).is_some_and(StepState::is_waiting) {
                    self.candidates.insert(to);
                }
            }
        }
    }

    pub(crate) fn has_road(&self, step: &str, road: Road) -> bool {
        let index = self.find(step);
        index.is_some_and(|index| roads_of(self.plan.step(index)).iter().any(|(one, _)| *one == road))
    }

    /// The one-line form of what is planned.
    fn shown(&self, key: &AttemptKey) -> String {
        let index = self.find(&key.step);
        let step = index.and_then(|index| self.steps.get(index.get()));
        match step.map(|step| if key.part == Part::Undo { &step.undo } else { &step.stage }) {
            Some(Stage::Planned(_, _, shown)) => shown.clone(),
            _ => String::new(),
        }
    }

    fn change_phase(&mut self, phase: Phase, cause: Option<&EndCause>) {
        self.phase = phase;
        let Some(cause) = cause else { return };
        self.cause = Some(cause.clone());
        let graph = self.plan.graph();
        let mut roots: Vec<StepIndex> = Vec::new();
        match cause {
            EndCause::Failed(step) | EndCause::TookFailed(step) => {
                self.is_failed = true;
                self.failure = self.find(step).or(self.failure);
                roots.extend(graph.fallback());
            }
            EndCause::Denied(step) => {
                let index = self.find(step);
                self.failure = index.or(self.failure);
                let denied = index.and_then(|index| self.plan.step(index).denied.as_ref());
                match denied {
                    Some(target) if !target.steps.is_empty() || !target.failed => {
                        roots.extend(target.steps.iter().filter_map(|id| graph.find(id.value.as_str())));
                        self.is_failed |= target.failed;
                    }
                    // `failed` alone is a failure nothing handles.
                    Some(_) => {
                        roots.extend(graph.fallback());
                        self.is_failed = true;
                    }
                    None => roots.extend(graph.fallback()),
                }
            }
            EndCause::Complete | EndCause::Handover(_) | EndCause::Cancelled | EndCause::Around => {}
        }
        for root in roots {
            if self.steps.get(root.get()).is_some_and(|state| !state.started) {
                self.ending_roots.insert(root);
                self.candidates.insert(root);
            }
        }
    }
}

pub(super) fn main_key(step: &str, attempt: u32) -> AttemptKey {
    AttemptKey { step: step.to_owned(), part: Part::Main, attempt }
}

pub(super) fn refused(key: &AttemptKey, settlement: Settlement, reason: String) -> Verdict {
    Verdict {
        key: key.clone(),
        end: None,
        outcome: Outcome::Failed,
        settlement,
        reason: Some(reason),
        outputs: std::collections::BTreeMap::new(),
    }
}
