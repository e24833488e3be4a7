//! Decides by data.

use super::record::{Branch, BranchChoice, Outcome, Part, Record, Settlement};
use super::scope::RunScope;
use super::state::RunState;
use super::step_state::Verdict;
use crate::document::model::Target;
use crate::graph::{StepIndex, roads_of};

impl RunState {
    /// Takes the first case that is true, else `otherwise`.
    pub(crate) fn decide(&mut self, step: StepIndex) {
        let plan = std::sync::Arc::clone(&self.plan);
        let written = plan.step(step);
        let mut looked_at: Vec<(String, String)> = Vec::new();
        for (number, case) in written.cases.iter().enumerate() {
            let scope = RunScope::new(self, self.now);
            let result = case.when.value.evaluate_bool(&scope);
            for read in self.values_read(&scope, case.when.value.reads()) {
                if !looked_at.contains(&read) {
                    looked_at.push(read);
                }
            }
            match result {
                Ok(false) => {}
                Ok(true) => {
                    let expression = case.when.value.source().to_owned();
                    return self.take(step, BranchChoice::Case(number), &case.then, expression, looked_at);
                }
                Err(_) if scope.unknown_until.borrow().is_some() => {
                    let until = scope.unknown_until.borrow().clone().unwrap_or_default();
                    drop(scope);
                    return self.leave_open(step, &until);
                }
                Err(error) => {
                    let reason = format!("case {} could not be evaluated: {error}", number + 1);
                    return self.end_attempt_early(step, Part::Main, Outcome::Failed, reason, None);
                }
            }
        }
        if let Some(target) = &written.otherwise {
            self.take(step, BranchChoice::Otherwise, target, "otherwise".to_owned(), looked_at);
        } else {
            let reason = "no case was true and it has no otherwise".to_owned();
            self.end_attempt_early(step, Part::Main, Outcome::Failed, reason, None);
        }
    }

    /// In a dry run: it cannot be known which, every branch is shown.
    pub(crate) fn leave_open(&mut self, step: StepIndex, until: &str) {
        let mut to: Vec<String> = Vec::new();
        for (_, target) in roads_of(self.plan.step(step)).into_iter().filter(|(road, _)| road.is_branch()) {
            for name in names(target) {
                if !to.contains(&name) {
                    to.push(name);
                }
            }
        }
        let path = self.path(step);
        self.emit(Record::Decision {
            step: path,
            branch: Branch { choice: BranchChoice::Undecided, to },
            expression: format!("cannot be known until {until}"),
            read: Vec::new(),
            because: None,
        });
        self.settle_withheld(step, Some(format!("cannot be known until {until}")));
    }

    pub(crate) fn take(
        &mut self,
        step: StepIndex,
        choice: BranchChoice,
        target: &Target,
        expression: String,
        read: Vec<(String, String)>,
    ) {
        let because = target.because.as_ref().map(|because| {
            let scope = RunScope::new(self, self.now);
            because.value.render_for_people(&scope, &|path| scope.explain(path))
        });
        let path = self.path(step);
        self.emit(Record::Decision {
            step: path,
            branch: Branch { choice, to: names(target) },
            expression,
            read,
            because: because.clone(),
        });
        let outputs = self.steps.get(step.get()).map(|state| state.last.fields.clone()).unwrap_or_default();
        let verdict = Verdict {
            key: self.key(step, Part::Main),
            end: None,
            outcome: Outcome::Passed,
            settlement: Settlement::Ran,
            reason: because,
            outputs,
        };
        self.settle_step(step, verdict);
    }
}

/// What a target names, as written.
pub(crate) fn names(target: &Target) -> Vec<String> {
    let mut names: Vec<String> = target.steps.iter().map(|id| id.value.to_string()).collect();
    if target.done {
        names.push("done".to_owned());
    }
    if target.failed {
        names.push("failed".to_owned());
    }
    names
}
