//! What is remembered of the attempts of a step until it is told: one line, however many there were.

use jiff::Timestamp;

/// Reasons that are told apart; of more, only how many there were.
const REASONS_MAX: usize = 4;

/// The attempts of a step that failed so far.
#[derive(Debug, Clone)]
pub(super) struct Tries {
    /// When the first began; `None` where that was before this program looked.
    pub(super) since: Option<Timestamp>,
    /// Why they failed, in the order in which that was first seen, and how often.
    reasons: Vec<(String, u32)>,
    others: u32,
    /// How the last of them failed.
    last: Option<String>,
}

impl Tries {
    /// None failed yet.
    pub(super) fn new(since: Option<Timestamp>) -> Self {
        Self { since, reasons: Vec::new(), others: 0, last: None }
    }

    /// Takes one that failed; whether it failed in a way that no earlier one did.
    pub(super) fn failed(&mut self, reason: &str) -> bool {
        self.last = Some(reason.to_owned());
        if let Some((_, count)) = self.reasons.iter_mut().find(|(known, _)| known == reason) {
            *count += 1;
            return false;
        }
        let is_told = self.reasons.len() < REASONS_MAX;
        if is_told {
            self.reasons.push((reason.to_owned(), 1));
        } else {
            self.others += 1;
        }
        is_told
    }

    /// How the last one failed.
    pub(super) fn last(&self) -> Option<&str> {
        self.last.as_deref()
    }

    /// How those before the last failed, or all of them where the last one passed; `None` where that is no news: there
    /// were none, or all failed as the last one did.
    pub(super) fn earlier(&self, passed: bool) -> Option<String> {
        let mut reasons = self.reasons.clone();
        if !passed {
            if reasons.len() == 1 && self.others == 0 {
                return None;
            }
            if let Some((_, count)) = reasons.iter_mut().find(|(reason, _)| Some(reason.as_str()) == self.last()) {
                *count -= 1;
            }
        }
        let mut told: Vec<String> =
            reasons.into_iter().filter(|(_, count)| *count > 0).map(|(reason, count)| times(&reason, count)).collect();
        if self.others > 0 {
            told.push(times("other reasons", self.others));
        }
        (!told.is_empty()).then(|| told.join("; "))
    }
}

fn times(what: &str, count: u32) -> String {
    // That they failed has been said.
    let what = what.strip_prefix("failed: ").unwrap_or(what);
    match count {
        1 => format!("{what} (once)"),
        2 => format!("{what} (twice)"),
        count => format!("{what} ({count} times)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(reasons: &[&str]) -> Tries {
        let mut tries = Tries::new(None);
        for reason in reasons {
            tries.failed(reason);
        }
        tries
    }

    #[test]
    fn what_failed_in_the_same_way_is_told_once() {
        assert_eq!(of(&["a", "a", "a"]).earlier(false), None);
        assert_eq!(of(&["a", "a", "a"]).earlier(true).as_deref(), Some("a (3 times)"));
        assert_eq!(of(&["a", "b", "a"]).earlier(false).as_deref(), Some("a (once); b (once)"));
        assert_eq!(of(&["a", "a", "b"]).earlier(false).as_deref(), Some("a (twice)"));
        assert_eq!(of(&[]).earlier(true), None);
    }

    #[test]
    fn many_different_reasons_are_counted() {
        let names: Vec<String> = (0..50).map(|number| format!("pid {number} is gone")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let told = of(&names).earlier(true).unwrap_or_default();
        assert!(told.ends_with("pid 3 is gone (once); other reasons (46 times)"), "{told}");
    }
}
