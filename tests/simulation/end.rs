//! What must be true of a run when it is sealed.

use std::collections::{BTreeMap, BTreeSet};

use runbook_core::run::record::{AttemptKey, End, Outcome, Part, Record, RequestId, Settlement};

use crate::acts::{Gate, Program};
use crate::disk::{Line, released};
use crate::engine::message_of;
use crate::machine::Machine;
use crate::oracle::Oracle;
use crate::shapes::{Kind, Undo};
use crate::ways::Way;

impl Machine {
    /// Holds the record of a sealed run against what was done in the world.
    pub(crate) fn check_end(&self) {
        assert!(matches!(self.disk.lines().last().map(|line| &line.record), Some(Record::RunSealed { .. })));
        self.compare();
        Oracle::new(&self.shape).follow(self.disk.lines().iter().map(|line| &line.record));
        self.no_act_is_lost();
        self.what_passed_was_done();
        self.requests_end_once();
        self.messages_count_once();
        let times: Vec<_> = self.disk.lines().iter().map(|line| line.at).collect();
        assert!(times.is_sorted(), "time goes back");
    }

    /// Every act that was let go has its end in the record, and the one that its supervisor left.
    fn no_act_is_lost(&self) {
        let mut ends: BTreeMap<&AttemptKey, &End> = BTreeMap::new();
        for Line { record, .. } in self.disk.lines() {
            if let Record::AttemptEnded { key, end: Some(end), .. } = record {
                assert!(ends.insert(key, end).is_none(), "{key:?} ends twice");
            }
        }
        let let_go: BTreeSet<&AttemptKey> =
            self.disk.lines().iter().filter_map(|line| released(&line.record)).collect();
        for (key, end) in &ends {
            let is_act = self.node(&key.step).kind == Kind::Act && matches!(key.part, Part::Main | Part::Undo);
            let started = !matches!(end, End::NotStarted(_));
            assert!(!(is_act && started) || let_go.contains(key), "{key:?} was never let go and ended: {end:?}");
        }
        for key in &self.acts.dispatched {
            let recorded = ends.get(key).copied();
            assert!(recorded.is_some(), "{key:?} was started and its end is not in the record");
        }
        for act in self.acts.all.iter().filter(|act| act.way == Way::Elsewhere) {
            let recorded = ends.get(&act.key).copied();
            if let (Program::Over(end), Some(recorded)) = (&act.program, recorded) {
                let is_so = recorded == end || matches!(recorded, End::Lost(_));
                assert!(is_so, "{:?} ended there with {end:?}, and here with {recorded:?}", act.key);
            }
        }
        for (key, end) in &self.acts.exits {
            assert_eq!(ends.get(key), Some(&end), "{key:?} ended otherwise than its record says");
        }
        for key in &self.acts.file {
            let never = matches!(ends.get(key), Some(End::NotStarted(_)));
            assert!(!never, "{key:?} left something, and its record says it never started");
        }
        let once: BTreeSet<&AttemptKey> = self.acts.file.iter().collect();
        assert_eq!(once.len(), self.acts.file.len(), "an attempt left something twice: {:?}", self.acts.file);
        let waits = self.acts.all.iter().find(|act| act.gate == Gate::Shut);
        assert!(waits.is_none(), "the run is over and it waits at its gate: {waits:?}");
    }

    /// What passed by its own work or its look was done; what was undone was taken back.
    fn what_passed_was_done(&self) {
        let left = |step: &str, part: Part| self.acts.file.iter().any(|key| key.step == step && key.part == part);
        for Line { record, .. } in self.disk.lines() {
            match record {
                Record::StepSettled {
                    step,
                    outcome: Outcome::Passed,
                    settlement: Settlement::Ran | Settlement::AlreadySo,
                    ..
                } if self.node(step).kind == Kind::Act && (self.node(step).items.is_none() || step.contains('[')) => {
                    let done = left(step, Part::Main) || self.acts.already.contains(step);
                    assert!(done, "{step} passed and nobody did it");
                }
                Record::StepUndone { step, outcome: Outcome::Passed, .. } if self.node(step).undo == Undo::Body => {
                    let said = self.disk.lines().iter().any(|line| {
                        matches!(&line.record, Record::DoubtSettled { key, by, .. }
                            if key.step == *step && key.part == Part::Undo && by == "person")
                    });
                    assert!(said || left(step, Part::Undo), "{step} is undone and nobody did that");
                }
                _ => {}
            }
        }
    }

    fn node(&self, step: &str) -> &crate::shapes::Node {
        &self.shape.nodes[crate::acts::step_of(step).1]
    }

    /// Of several answers one counts, and none after its time.
    fn requests_end_once(&self) {
        let mut deadlines = BTreeMap::new();
        let mut ended: BTreeSet<RequestId> = BTreeSet::new();
        for Line { record, at, .. } in self.disk.lines() {
            let (request, late) = match record {
                Record::ApprovalRequested { request, deadline, .. }
                | Record::Question { request, deadline, .. }
                | Record::EscalationWaiting { request, deadline, told: false, .. } => {
                    assert!(deadlines.insert(*request, *deadline).is_none(), "request {request} is made twice");
                    continue;
                }
                // Once more, with its deadline, when everybody was told.
                Record::EscalationWaiting { request, deadline, .. } => {
                    assert!(deadlines.insert(*request, *deadline).is_some(), "request {request} is not made");
                    continue;
                }
                Record::ApprovalGranted { request, .. }
                | Record::ApprovalDenied { request, .. }
                | Record::Answer { request, .. } => (*request, true),
                Record::ApprovalExpired { request, .. }
                | Record::ApprovalVoid { request, .. }
                | Record::QuestionWithdrawn { request, .. } => (*request, false),
                _ => continue,
            };
            assert!(ended.insert(request), "request {request} ends twice");
            let deadline = deadlines.get(&request).copied().flatten();
            assert!(!late || deadline.is_none_or(|deadline| *at < deadline), "request {request} is answered too late");
        }
    }

    /// Every message is in the record once, but those that came when the run was over.
    fn messages_count_once(&self) {
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut last = None;
        for Line { actor, record, .. } in self.disk.lines() {
            if matches!(record, Record::RunResumed { .. }) && last == message_of(actor) {
                continue;
            }
            let message = message_of(actor);
            if message != last {
                assert!(message.is_none_or(|message| seen.insert(message)), "{message:?} is taken in twice");
                last = message;
            }
        }
        for (name, input) in &self.handed_in {
            let waits = self.inbox.iter().any(|(one, ..)| one == name);
            assert!(waits || seen.contains(name.as_str()), "{name} is gone and not in the record: {input:?}");
        }
    }
}
