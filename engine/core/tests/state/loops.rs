//! What the records of a loop must say: its items, their order, how many at once, and what they come to.

use std::collections::BTreeSet;

use runbook_core::run::record::{AttemptKey, Outcome, Phase, Settlement, SkipReason};

use crate::oracle::Oracle;
use crate::shapes::{Items, Kind, id};

/// How an item ended; none before.
type Ended = Option<(Outcome, Settlement)>;

/// The items of a step whose list is known.
#[derive(Debug)]
pub(crate) struct Loop {
    ended: Vec<Ended>,
    started: BTreeSet<usize>,
}

/// The item a path names.
pub(crate) fn item_of(step: &str) -> Option<usize> {
    let (_, item) = step.split_once('[')?;
    Some(item.strip_suffix(']').unwrap().parse().unwrap())
}

fn number(step: &str) -> usize {
    step.strip_prefix('s').unwrap().split('[').next().unwrap().parse().unwrap()
}

impl Oracle<'_> {
    fn items(&self, step: usize) -> Items {
        self.shape.nodes[step].items.unwrap()
    }

    /// The list is made once in the life of a step.
    pub(crate) fn list_is_known(&mut self, step: usize, count: usize) {
        assert_eq!(count, self.items(step).count, "s{step}");
        let made = Loop { ended: vec![None; count], started: BTreeSet::new() };
        let before = self.loops.insert(step, made);
        let again = self.allowed.remove(&id(step)) || self.undoing == Some(step);
        assert!(before.is_none() || again, "the list of s{step} is made twice");
    }

    pub(crate) fn item_starts(&mut self, path: &str) {
        let (step, Some(item)) = (number(path), item_of(path)) else { return };
        let go_on = self.items(step).go_on;
        let allowed = self.allowed.contains(path);
        let list = self.loops.get_mut(&step).unwrap();
        assert_eq!(list.ended[item], None, "{path} starts after its end");
        let bad = |ended: &Ended| matches!(ended, Some((Outcome::Failed | Outcome::Unknown, _)));
        let first = list.started.insert(item);
        // Only what was begun before another failed goes on: its retries, and what a person says.
        assert!(go_on || allowed || !first || !list.ended.iter().any(bad), "{path} starts after another item failed");
    }

    /// No more items than the width go on at once.
    pub(crate) fn width_holds(&self, path: &str, running: &BTreeSet<AttemptKey>) {
        let step = number(path);
        if item_of(path).is_none() {
            assert_eq!(self.shape.nodes[step].items, None, "{path} is a loop and runs itself");
            return;
        }
        let beside = running.iter().filter(|key| number(&key.step) == step).count();
        assert!(beside <= self.items(step).width, "{beside} items of s{step} run at once");
    }

    pub(crate) fn item_settled(&mut self, path: &str, outcome: Outcome, settlement: Settlement) {
        let is_verify = self.shape.nodes[number(path)].is_verify();
        assert!(outcome != Outcome::Unknown || is_verify, "only a verify stays unknown");
        let ended = &mut self.loops.get_mut(&number(path)).unwrap().ended[item_of(path).unwrap()];
        assert_eq!(*ended, None, "{path} ends twice");
        *ended = Some((outcome, settlement));
    }

    pub(crate) fn item_skipped(&mut self, path: &str, why: &SkipReason) {
        let (step, item) = (number(path), item_of(path).unwrap());
        let go_on = self.items(step).go_on;
        match why {
            SkipReason::Blocked(by) => {
                let by_item = self.loops[&step].ended[item_of(by).unwrap()];
                let bad = matches!(by_item, Some((Outcome::Failed | Outcome::Unknown, _)));
                assert!(!go_on && number(by) == step && bad, "{path} is blocked by {by}");
            }
            SkipReason::Cancelled => assert!(self.cancelled || self.phase == Phase::Finally, "{path}"),
            SkipReason::Ended => assert_eq!(self.phase, Phase::Ending, "{path}"),
            // Its loop was not approved.
            SkipReason::NotReached => {}
            SkipReason::When => panic!("an item has no when"),
        }
        let ended = &mut self.loops.get_mut(&step).unwrap().ended[item];
        assert_eq!(*ended, None, "{path} ends twice");
        *ended = Some((Outcome::Skipped, Settlement::Ran));
    }

    /// A step that was skipped left none of its items open.
    pub(crate) fn all_items_over(&self, step: usize) {
        let open = self.loops.get(&step).is_some_and(|list| list.ended.iter().any(Option::is_none));
        assert!(!open, "s{step} is over before its items: {:?}", self.loops[&step]);
    }

    /// A step passes when all its items did, fails when one did, and else is unknown.
    pub(crate) fn items_come_to(&self, step: usize, outcome: Outcome, settlement: Settlement) {
        let node = &self.shape.nodes[step];
        let Some(list) = self.loops.get(&step) else { return };
        self.all_items_over(step);
        if matches!(settlement, Settlement::Denied | Settlement::Expired | Settlement::ByHand | Settlement::Overruled) {
            return;
        }
        let has = |outcome: Outcome| list.ended.iter().flatten().any(|(it, _)| *it == outcome);
        let expected = if list.ended.is_empty() {
            let acts = matches!(node.kind, Kind::Act | Kind::Instruct | Kind::Wait);
            if acts { Outcome::Passed } else { Outcome::Failed }
        } else if has(Outcome::Failed) {
            Outcome::Failed
        } else if has(Outcome::Unknown) {
            Outcome::Unknown
        } else if has(Outcome::Skipped) {
            // It was begun, and not done to its end.
            Outcome::Failed
        } else {
            Outcome::Passed
        };
        assert_eq!(outcome, expected, "s{step}: {list:?}");
    }
}
