//! The on-call log answers what is asked the morning after, in a line each, with the entries that prove it.

use serde_json::Value;

use crate::failover::{broken, down, recovers, stuck};
use crate::sitting::Sitting;

impl Sitting {
    /// Fails unless one line of the log has all these words, and names entries of which one is of each of these kinds.
    #[track_caller]
    fn answers(&self, question: &str, words: &[&str], kinds: &[&str]) {
        let line = self.log.lines().find(|line| words.iter().all(|word| line.contains(word)));
        assert!(line.is_some(), "{question}? No line has {words:?} in:\n{}", self.log);
        let line = line.unwrap_or_default();
        let entries = entries_of(line);
        assert!(!entries.is_empty(), "{question}? No entry proves it: {line}");
        let mut proof = Vec::new();
        for n in entries {
            let entry = self.story.entries().get(n);
            assert!(entry.is_some(), "{question}? There is no entry {n}: {line}");
            proof.extend(entry.and_then(|entry| entry.get("kind")).and_then(Value::as_str));
        }
        for kind in kinds {
            assert!(proof.contains(kind), "{question}? The entries are of {proof:?}, none of {kind}: {line}");
        }
    }
}

/// The numbers in the brackets at the end of a line.
fn entries_of(line: &str) -> Vec<usize> {
    let inside = line.trim_end().strip_suffix(']').and_then(|line| line.rsplit_once('[')).map(|(_, inside)| inside);
    inside.unwrap_or_default().split(", ").filter_map(|number| number.parse().ok()).collect()
}

/// What every log of this runbook answers, whatever was wrong.
#[track_caller]
fn answers_always(sitting: &Sitting) {
    sitting.answers("what alarmed", &["Answers the alert", "`DNSServerNotAnswering`"], &["run.started"]);
    sitting.answers("who looked", &["Started by"], &["run.started"]);
    sitting.answers("what was seen", &["One of the two servers is active", "**passed**", "`dns1`"], &["step.ended"]);
    sitting.answers("how it ended", &["**Resolved**"], &["run.sealed"]);
    sitting.answers("the next command", &["runbook audit verify", "checks"], &["run.sealed"]);
}

#[test]
fn every_number_in_a_log_is_an_entry() {
    for sitting in [down(), broken(), recovers(), stuck()] {
        let all: Vec<usize> = sitting.log.lines().flat_map(entries_of).collect();
        assert!(all.len() > 20, "{}", sitting.log);
        assert!(all.iter().all(|n| *n < sitting.story.entries().len()), "{}", sitting.log);
    }
}

#[test]
fn the_log_of_a_server_that_was_down() {
    let sitting = down();
    answers_always(sitting);
    sitting.answers("what was seen", &["(`reachable`)", "**failed**", "dns1 is not reachable"], &["step.output"]);
    let why = ["(`which`)", "took `shut_down`", "because an unreachable server is failed over at once"];
    sitting.answers("what was decided and why", &why, &["decision"]);
    let stopped = ["`dnsTool -a shutdown -s dns1`", "**passed**", "approved by"];
    sitting.answers("what was changed", &stopped, &["step.planned", "approval.granted", "step.ended"]);
    let failed_over = ["`dnsTool -a failover -s dns2`", "**passed**", "dns2 is active"];
    sitting.answers("what was changed", &failed_over, &["step.planned", "step.ended"]);
    told_networking(sitting, "tell_networking", "dns1 is out of service");
    sitting.answers("does it work", &["(`answering`)", "**passed**"], &["step.ended"]);
}

#[test]
fn the_log_of_a_server_that_was_broken() {
    let sitting = broken();
    answers_always(sitting);
    sitting.answers("what was seen", &["(`recovers`)", "**failed**", "SERVFAIL"], &["step.output", "step.ended"]);
    sitting.answers("what was seen", &["log/dns1.log", "for `recovers`"], &["attachment"]);
    let given_time = ["(`which`)", "took `recovers`", "because a server that can be reached is given time"];
    sitting.answers("what was decided and why", &given_time, &["decision"]);
    let why = ["(`waited`)", "took `shut_down`", "because it did not answer within 2s"];
    sitting.answers("what was decided and why", &why, &["decision"]);
    let stopped = ["`dnsTool -a shutdown -s dns1`", "**passed**", "approved by"];
    sitting.answers("what was changed", &stopped, &["step.planned", "approval.granted", "step.ended"]);
    sitting.answers(
        "what was changed",
        &["`dnsTool -a failover -s dns2`", "**passed**"],
        &["step.planned", "step.ended"],
    );
    told_networking(sitting, "tell_networking", "dns1 is out of service");
}

#[test]
fn the_log_of_a_server_that_recovered() {
    let sitting = recovers();
    answers_always(sitting);
    sitting.answers("what was seen", &["(`recovers`)", "**passed**"], &["step.ended"]);
    let why = ["(`waited`)", "took `tell_recovered`", "because it answers again"];
    sitting.answers("what was decided and why", &why, &["decision"]);
    assert!(!sitting.log.contains("`dnsTool -a"), "nothing was changed:\n{}", sitting.log);
    told_networking(sitting, "tell_recovered", "recovered by itself");
}

#[test]
fn the_log_of_a_server_that_could_not_be_stopped() {
    let sitting = stuck();
    answers_always(sitting);
    let stopped = ["`dnsTool -a shutdown -s dns1`", "**failed**", "dns1 is still running", "approved by"];
    sitting.answers("what was tried", &stopped, &["step.planned", "approval.granted", "step.ended"]);
    sitting.answers("what its log said", &["log/dns1.log", "for `shut_down`"], &["attachment"]);
    let forced = ["`dnsTool -a failover -s dns2 -f`", "**passed**", "dns1 is fenced", "approved by"];
    sitting.answers("what was changed", &forced, &["step.planned", "approval.granted", "step.ended"]);
    sitting.answers("what was not done, and why", &["Not run, blocked by shut_down", "`failover`"], &["step.skipped"]);
    told_networking(sitting, "tell_networking", "not stopped, cut off by force");
}

/// Who was told what, and that it is open with them.
#[track_caller]
fn told_networking(sitting: &Sitting, step: &str, message: &str) {
    let step = format!("(`{step}`)");
    sitting.answers(
        "who was told",
        &[&step, "told `bsparrow` of `networking` by `pager`", message],
        &["escalation.sent"],
    );
    sitting.answers("what is open", &["With `bsparrow`", &step], &["escalation.sent"]);
}
