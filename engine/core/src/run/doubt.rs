//! What the records of a doubt change: it is opened, and a check or a person settles it.

use std::collections::BTreeMap;

use super::change::refused;
use super::record::{AttemptKey, Outcome, Part, SettleWord, Settlement};
use super::state::RunState;
use super::step_state::Stage;
use crate::value::Value;

impl RunState {
    pub(super) fn change_doubt(&mut self, key: &AttemptKey, _why: &str) {
        self.with_step(&key.step, |state| {
            if let Stage::Ended(verdict) = state.stage_of(key.part).clone()
                && verdict.key == *key
            {
                state.doubted = Some(Box::new(verdict));
            } else if let Some(before) = state.before.take_if(|before| before.key == *key) {
                // It was to be tried again, and may not any more: the doubt is open as before.
                state.stage = Stage::Ended((*before).clone());
                state.doubted = Some(before);
            }
        });
    }

    pub(super) fn change_doubt_settled(
        &mut self,
        key: &AttemptKey,
        word: SettleWord,
        by: &str,
        reason: Option<&String>,
        outputs: &BTreeMap<String, Value>,
    ) {
        self.close_all_of(&key.step);
        let by_person = by == "person";
        let mut again = false;
        self.with_step(&key.step, |state| {
            let before = state.doubted.take().map(|before| *before);
            let mut verdict = before.unwrap_or_else(|| refused(key, Settlement::Settled, String::new()));
            verdict.settlement = if by_person { Settlement::Settled } else { Settlement::Ran };
            match word {
                SettleWord::Done | SettleWord::ByHand | SettleWord::GoOn => {
                    verdict.outcome = Outcome::Passed;
                    verdict.outputs.extend(outputs.clone());
                    verdict.reason = Some(match reason {
                        Some(reason) => format!("done, {reason}"),
                        None => format!("done, says its {by}"),
                    });
                }
                SettleWord::NotDone | SettleWord::Fail => {
                    verdict.outcome = Outcome::Failed;
                    verdict.reason = Some(match reason {
                        Some(reason) => format!("not done, {reason}"),
                        None if by == "idempotent" => verdict.reason.unwrap_or_default(),
                        None => format!("not done, says its {by}"),
                    });
                }
                // The rollback comes to it again: it is the newest that is not undone.
                SettleWord::Again if key.part == Part::Undo => {
                    state.undo = Stage::Waiting;
                    return;
                }
                SettleWord::Again => {
                    state.start_over();
                    state.before = Some(Box::new(verdict));
                    state.let_go = true;
                    state.stage = Stage::Waiting;
                    again = true;
                    return;
                }
            }
            *state.stage_of(key.part) = Stage::Ended(verdict);
        });
        if again && let Some(index) = self.find(&key.step) {
            self.ready.insert(index);
        }
    }
}
