//! Someone else takes the run; or this process only lets go of it.

use super::effect::Effect;
use super::record::Record;
use super::said::Declined;
use super::state::{PendingHandover, RunState};
use super::step_state::{Stage, StepState};

impl RunState {
    /// Hands the run over. To somebody named, it is theirs when they confirm it; else whoever resumes it has it.
    pub(crate) fn hand_over(&mut self, to: Option<String>) -> Result<(), Declined> {
        if let (Some(pending), Some(to)) = (&self.handover, &to)
            && pending.to == *to
        {
            let why = format!("{} handed it to {to} already, who has not confirmed it", pending.by);
            return Err(Declined { why, repeats: true });
        }
        self.nothing_runs()?;
        self.emit(Record::Handover { step: None, to: to.into_iter().collect() });
        self.letting_go = true;
        self.suspend();
        Ok(())
    }

    pub(crate) fn change_handed_over(&mut self, to: &[String], by: &str) {
        let since = self.now;
        self.handover = to.first().map(|to| PendingHandover { by: by.to_owned(), to: to.clone(), since });
    }

    /// Who the run was handed to says so.
    pub(crate) fn accept(&mut self) -> Result<(), Declined> {
        let who = self.actor.id.clone();
        let Some(pending) = self.handover.clone() else {
            let repeats = self.operator.id == who;
            let why = if repeats { format!("{who} has the run already") } else { "nobody handed it over".to_owned() };
            return Err(Declined { why, repeats });
        };
        if !self.is_among(&who, std::slice::from_ref(&pending.to)) {
            return Err(format!("it was handed to {}, and {who} is not", pending.to).into());
        }
        self.emit(Record::HandoverConfirmed { to: pending.to });
        Ok(())
    }

    /// Who the run was handed to has resumed it: that says it too.
    pub(crate) fn confirm_by_resuming(&mut self) {
        let Some(pending) = self.handover.clone() else { return };
        if self.is_among(&self.operator.id, std::slice::from_ref(&pending.to)) {
            let engine = std::mem::replace(&mut self.actor, self.operator.clone());
            self.emit(Record::HandoverConfirmed { to: pending.to });
            self.actor = engine;
        }
    }

    /// A process may let go only while nothing depends on it being there.
    pub(crate) fn nothing_runs(&self) -> Result<(), String> {
        let at_work = |stage: &Stage| {
            stage.is_active()
                && !stage.waits_for_people()
                && !matches!(stage, Stage::Pausing(..) | Stage::WaitingUntil(..) | Stage::Items(_) | Stage::Calling(_))
        };
        let runs = |state: &StepState| state.in_flight || at_work(&state.stage) || at_work(&state.undo);
        for at in self.with_frames().into_iter().filter(|at| !at.waits_for_its_turn()) {
            let busy = at.active.iter().find(|step| at.steps.get(step.get()).is_some_and(runs));
            if let Some(step) = busy {
                return Err(format!("{} is running: hand over when it has ended", at.path(*step)));
            }
        }
        Ok(())
    }

    /// This process is to end: what runs is let end, and all that is recorded is where the next one goes on.
    pub(crate) fn let_go_because(&mut self, reason: &str) {
        if !std::mem::replace(&mut self.letting_go, true) {
            self.emit(Record::Note { step: None, text: format!("this process lets go of the run: {reason}") });
        }
    }

    /// Lets go as soon as nothing is under way.
    pub(crate) fn let_go_when_idle(&mut self) {
        let is_idle = !self.with_frames().into_iter().flat_map(|at| &at.steps).any(|state| state.in_flight);
        if is_idle && !self.suspended && self.sealed.is_none() {
            self.suspend();
        }
    }

    /// What the runbook's approvals were asked for by a clock that has gone back since is asked again.
    pub(crate) fn void_what_fell(&mut self) {
        for (request, key) in std::mem::take(&mut self.voided) {
            let why = "the clock went back: it is asked again".to_owned();
            self.emit(Record::ApprovalVoid { request, key, why });
            self.effects.push(Effect::Sync);
        }
        self.in_each(Self::void_what_fell);
    }
}
