#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::collections::BTreeMap;

use runbook_core::check::{Facts, load};
use runbook_core::run::record::{Branch, BranchChoice, Outcome, Settlement, SkipReason};

use super::*;

const RUNBOOK: &str = "version: 1
runbook: x
title: X
owner: ops
steps:
  look:
    verify: It looks
    run: probe {{ params.host }}
    retry: { every: 5s, attempts: 3 }
  which:
    decide: Which way?
    cases: [{ when: steps.look.failed, then: stop, because: it is gone }]
    otherwise: done
  stop:
    act: Stop it
    run: halt
    idempotent: true
    approve: operator
    on_fail: [tell, failed]
  tell:
    escalate: It would not stop
    to: ops
params:
  host: { type: string, default: a }
";

struct Written(Plan);

impl Steps for Written {
    fn plan(&self) -> &Plan {
        &self.0
    }

    fn title(&self, step: &str) -> String {
        self.0.step_at(step).map_or(step, |written| written.title.value.source()).to_owned()
    }

    fn forecast(&self, template: &runbook_core::template::Template) -> String {
        template.source().to_owned()
    }
}

struct Told {
    view: View,
    steps: Written,
    lines: Vec<String>,
}

impl Told {
    fn of(mode: Mode) -> Self {
        Self::with(RUNBOOK, mode)
    }

    fn with(runbook: &str, mode: Mode) -> Self {
        let loaded = load("x.yaml", runbook.as_bytes(), None, &Facts::default());
        assert!(loaded.plan.is_some(), "{:?}", loaded.diagnostics);
        let view = View::new(mode, TimeZone::UTC);
        Self { view, steps: Written(loaded.plan.unwrap()), lines: Vec::new() }
    }

    fn takes(&mut self, record: &Record) {
        let lines = self.view.record(record, &Actor::engine(0), at(0), &self.steps);
        self.lines.extend(lines.iter().map(Line::text));
    }

    fn tells(&mut self) -> Vec<String> {
        std::mem::take(&mut self.lines)
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn key(step: &str, attempt: u32) -> AttemptKey {
    AttemptKey { step: step.to_owned(), part: Part::Main, attempt }
}

fn planned(step: &str, attempt: u32) -> Record {
    Record::StepPlanned { key: key(step, attempt), plan: "0".repeat(64), shown: "probe a".to_owned() }
}

fn intent(step: &str, attempt: u32) -> Record {
    Record::StepIntent { key: key(step, attempt), plan: Some("0".repeat(64)), until: None }
}

fn ended(step: &str, attempt: u32, outcome: Outcome) -> Record {
    Record::AttemptEnded {
        key: key(step, attempt),
        end: None,
        duration: Duration::from_millis(1_200),
        outcome,
        reason: (outcome != Outcome::Passed).then(|| "exit code 1".to_owned()),
        outputs: BTreeMap::new(),
        survivors: Vec::new(),
    }
}

fn settled(step: &str, outcome: Outcome, settlement: Settlement, reason: Option<&str>, attempts: u32) -> Record {
    let reason = reason.map(str::to_owned);
    Record::StepSettled { step: step.to_owned(), outcome, settlement, reason, outputs: BTreeMap::new(), attempts }
}

#[test]
fn a_step_is_told_from_its_title_to_its_result() {
    let mut told = Told::of(Mode::Real);
    told.takes(&planned("look", 1));
    // What is planned may still have to be asked about.
    assert_eq!(told.tells(), ["[1/4] verify   It looks  (look)"]);
    told.takes(&intent("look", 1));
    told.takes(&ended("look", 1, Outcome::Failed));
    told.takes(&Record::RetryScheduled { key: key("look", 2), at: at(5) });
    assert_eq!(told.tells(), ["       $ probe a", "       attempt 1 failed: exit code 1; attempt 2 in 5s"]);
    let live: Vec<String> = told.view.live(at(2), &[]).iter().map(Line::text).collect();
    assert_eq!(live, ["       attempt 2 in 3s; attempt 1 failed: exit code 1"]);
    told.takes(&planned("look", 2));
    told.takes(&intent("look", 2));
    told.view.output(&key("look", 2), b"no answer\n");
    let live: Vec<String> = told.view.live(at(7), &[]).iter().map(Line::text).collect();
    assert_eq!(live, ["       │ no answer", "       attempt 2 runs, 7s; attempt 1 failed: exit code 1"]);
    let output = Output { bytes: 10, kept: 10, blob: None, head: "no answer\n".to_owned(), tail: String::new() };
    told.takes(&Record::StepOutput { key: key("look", 2), stream: Stream::Stdout, output });
    told.takes(&ended("look", 2, Outcome::Failed));
    told.takes(&settled("look", Outcome::Failed, Settlement::Ran, Some("exit code 1"), 2));
    assert_eq!(told.tells(), ["       │ no answer", "       ✗ failed  0.0s in 2 attempts: exit code 1"]);
    assert_eq!(told.view.live(at(9), &[]), []);
}

#[test]
fn attempts_that_fail_are_one_live_line_and_told_when_they_are_over() {
    for is_live in [true, false] {
        let mut told = Told::of(Mode::Real);
        if is_live {
            told.view = told.view.drawn_live();
        }
        told.takes(&planned("look", 1));
        told.takes(&intent("look", 1));
        told.tells();
        for attempt in 1..=40 {
            told.takes(&ended("look", attempt, Outcome::Failed));
            told.takes(&Record::RetryScheduled { key: key("look", attempt + 1), at: at(5) });
            assert_eq!(told.view.live(at(0), &[]).len(), 1);
            told.takes(&planned("look", attempt + 1));
            told.takes(&intent("look", attempt + 1));
        }
        // Where nothing is drawn anew, whoever reads along learns the first time what is wrong.
        let stay = if is_live { vec![] } else { vec!["       attempt 1 failed: exit code 1; attempt 2 in 5s"] };
        assert_eq!(told.tells(), stay);
        told.takes(&ended("look", 41, Outcome::Passed));
        told.takes(&settled("look", Outcome::Passed, Settlement::Ran, None, 41));
        let wanted = ["       ✓ passed  0.0s in 41 attempts", "       earlier attempts: exit code 1 (40 times)"];
        assert_eq!(told.tells(), wanted);
    }
}

#[test]
fn a_decision_says_why_and_what_was_not_reached_is_one_line() {
    let mut told = Told::of(Mode::Real);
    told.takes(&Record::Decision {
        step: "which".to_owned(),
        branch: Branch { choice: BranchChoice::Case(0), to: vec!["stop".to_owned()] },
        expression: "steps.look.failed".to_owned(),
        read: vec![("steps.look.failed".to_owned(), "true".to_owned())],
        because: Some("it is gone".to_owned()),
    });
    told.takes(&settled("which", Outcome::Passed, Settlement::Ran, Some("it is gone"), 0));
    told.takes(&Record::StepSkipped { step: "tell".to_owned(), why: SkipReason::NotReached });
    assert_eq!(
        told.tells(),
        [
            "[2/4] decide   Which way?  (which)",
            "       → stop, because it is gone",
            "       steps.look.failed is true",
            "[4/4] escalate It would not stop: skipped, not reached  (tell)",
        ]
    );
}

#[test]
fn a_step_that_speaks_again_is_named_again() {
    let mut told = Told::of(Mode::Real);
    for step in ["look", "stop"] {
        told.takes(&planned(step, 1));
        told.takes(&intent(step, 1));
    }
    told.tells();
    told.takes(&settled("look", Outcome::Passed, Settlement::Ran, None, 1));
    assert_eq!(told.tells(), ["[1/4] … look", "       ✓ passed"]);
}

#[test]
fn a_dry_run_says_what_it_would_do_and_shows_every_way() {
    let mut told = Told::of(Mode::Dry { probe: false });
    told.takes(&planned("look", 1));
    told.takes(&settled("look", Outcome::Passed, Settlement::Withheld, None, 0));
    told.takes(&Record::Decision {
        step: "which".to_owned(),
        branch: Branch { choice: BranchChoice::Undecided, to: vec!["stop".to_owned(), "done".to_owned()] },
        expression: "cannot be known until look".to_owned(),
        read: Vec::new(),
        because: None,
    });
    told.takes(&settled("which", Outcome::Passed, Settlement::Withheld, Some("cannot be known until look"), 0));
    told.takes(&settled("stop", Outcome::Passed, Settlement::Withheld, None, 0));
    told.takes(&settled("tell", Outcome::Passed, Settlement::Withheld, None, 0));
    assert_eq!(
        told.tells(),
        [
            "[1/4] verify   It looks  (look)",
            "       would run  $ probe a",
            "[2/4] decide   Which way?  (which)",
            "       cannot be known until look; one of these ways:",
            "         when steps.look.failed → stop, because it is gone",
            "         otherwise → done",
            "[3/4] act      Stop it  (stop)",
            "       would run  $ halt",
            "       would ask  the operator to approve it first",
            "       on failure → tell, failed",
            "[4/4] escalate It would not stop  (tell)",
            "       would tell  ops",
        ]
    );
}

const LOOP: &str = "version: 1
runbook: x
title: X
owner: ops
parallel: 2
steps:
  drain:
    act: Drain each server
    for_each: { host: [web1, web2, web3], width: 2 }
    run: lb drain {{ each.host }}
  look:
    verify: It looks
    needs: []
    run: probe
";

fn listed() -> Record {
    let items = ["web1", "web2", "web3"].map(runbook_core::value::Value::from).to_vec();
    Record::StepItems { step: "drain".to_owned(), items, approval: false }
}

#[test]
fn items_stand_below_their_step_and_its_progress_is_live() {
    let mut told = Told::with(LOOP, Mode::Real);
    told.takes(&listed());
    for item in ["drain[0]", "drain[1]"] {
        told.takes(&planned(item, 1));
        told.takes(&intent(item, 1));
    }
    let live: Vec<String> = told.view.live(at(3), &[]).iter().map(Line::text).collect();
    let wanted = [
        "       drain: 0 of 3 done, 2 going on",
        "       web1 (drain[0]): runs, 3s",
        "       web2 (drain[1]): runs, 3s",
    ];
    assert_eq!(live, wanted);
    told.takes(&ended("drain[0]", 1, Outcome::Passed));
    told.takes(&settled("drain[0]", Outcome::Passed, Settlement::Ran, None, 1));
    told.takes(&ended("drain[1]", 1, Outcome::Failed));
    told.takes(&settled("drain[1]", Outcome::Failed, Settlement::Ran, Some("exit code 1"), 1));
    let live: Vec<String> = told.view.live(at(9), &[]).iter().map(Line::text).collect();
    assert_eq!(live, ["       drain: 2 of 3 done, 1 failed"]);
    let blocked = SkipReason::Blocked("drain[1]".to_owned());
    told.takes(&Record::StepSkipped { step: "drain[2]".to_owned(), why: blocked });
    told.takes(&settled("drain", Outcome::Failed, Settlement::Ran, Some("1 of 3 items failed"), 1));
    assert_eq!(told.view.live(at(9), &[]), []);
    assert_eq!(
        told.tells(),
        [
            "[1/2] act      Drain each server  (drain)",
            "       3 items: web1, web2, web3",
            "       host: web1  (drain[0])",
            "           $ probe a",
            "       host: web2  (drain[1])",
            "           $ probe a",
            "       … host: web1  (drain[0])",
            "           ✓ passed  1.2s",
            "       … host: web2  (drain[1])",
            "           ✗ failed  1.2s: exit code 1",
            "       host: web3: skipped, blocked by drain[1]  (drain[2])",
            "[1/2] … drain",
            "       ✗ failed: 1 of 3 items failed",
        ]
    );
}

#[test]
fn an_item_that_speaks_after_another_step_is_told_below_its_own() {
    let mut told = Told::with(LOOP, Mode::Real);
    told.takes(&listed());
    told.takes(&planned("drain[0]", 1));
    told.takes(&planned("look", 1));
    told.tells();
    told.takes(&settled("drain[0]", Outcome::Passed, Settlement::Ran, None, 1));
    told.takes(&settled("drain", Outcome::Passed, Settlement::Ran, None, 1));
    let wanted = [
        "[1/2] … drain",
        "       … host: web1  (drain[0])",
        "           ✓ passed",
        "[1/2] … drain",
        "       ✓ passed, all 3 items",
    ];
    assert_eq!(told.tells(), wanted);
}

#[test]
fn a_dry_run_shows_each_item_with_its_words_and_what_is_the_same_once() {
    let mut told = Told::with(&LOOP.replace("  look:", "    approve: operator\n  look:"), Mode::Dry { probe: false });
    told.takes(&listed());
    for item in ["drain[0]", "drain[1]", "drain[2]"] {
        told.takes(&planned(item, 1));
        told.takes(&settled(item, Outcome::Passed, Settlement::Withheld, None, 0));
    }
    told.takes(&settled("drain", Outcome::Passed, Settlement::Withheld, None, 0));
    let wanted = [
        "[1/2] act      Drain each server  (drain)",
        "       3 items: web1, web2, web3",
        "       host: web1  (drain[0])",
        "           would run  $ probe a",
        "       host: web2  (drain[1])",
        "           would run  $ probe a",
        "       host: web3  (drain[2])",
        "           would run  $ probe a",
        "[1/2] … drain",
        "       would ask  the operator to approve it first",
    ];
    assert_eq!(told.tells(), wanted);
}

const CALLS: &str = "version: 1
runbook: x
title: X
owner: ops
steps:
  look: { verify: It looks, run: probe }
";

#[test]
fn what_a_called_runbook_does_stands_below_the_step_that_runs_it() {
    let mut told = Told::with(CALLS, Mode::Real);
    // Of a path that this plan does not know its ids are told.
    for step in ["look", "look/deep", "look/deep[0]", "look/wide"] {
        told.takes(&settled(step, Outcome::Passed, Settlement::Ran, None, 1));
    }
    let wanted = [
        "[1/1] verify   It looks  (look)",
        "       ✓ passed",
        "       step     look/deep  (look/deep)",
        "           ✓ passed",
        "           step     look/deep[0]  (look/deep[0])",
        "               ✓ passed",
        "       step     look/wide  (look/wide)",
        "           ✓ passed",
    ];
    assert_eq!(told.tells(), wanted);
}
