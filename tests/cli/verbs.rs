//! What people say from another terminal, while the run's process lives and when it is gone.

use runbook_tests::desk::Desk;
use runbook_tests::run::Started;
use runbook_tests::until::until;

/// An act that asks, beside a question that keeps the process there: it has a deadline.
const STAYS: &str = "
parallel: 2
steps:
  change: { act: Change it, needs: [], run: touch $WORK/changed, approve: operator }
  ok: { verify: Is it all right?, needs: [], ask: Is it?, within: 10m }
";
/// An act that asks, and nothing else: the process ends.
const ENDS: &str = "steps:\n  change: { act: Change it, run: touch $WORK/changed, approve: operator }\n";

/// A run that waits with its process there.
#[track_caller]
fn alive(keys: &str) -> (Desk, Started) {
    let desk = Desk::with_runbook(keys);
    let mut run = desk.start_run("try", &[]);
    run.until(" answer ");
    (desk, run)
}

/// A run that waits and has no process.
#[track_caller]
fn gone(keys: &str) -> Desk {
    let desk = Desk::with_runbook(keys);
    desk.do_it(&["run", "try"]).ended(75);
    desk
}

#[test]
fn a_living_process_takes_an_approval_and_an_answer_and_ends() {
    let (desk, run) = alive(STAYS);
    desk.do_it(&["approve", "--reason", "seen"]).ended(0).shows("was taken in by run");
    desk.do_it(&["answer", "yes"]).ended(0).shows("was taken in by run");
    run.end().ended(0).shows("resolved");
    assert!(desk.work().join("changed").exists());
    let story = desk.story();
    assert_eq!(story.last("approval.granted", Some("change"), "reason").unwrap(), "seen");
    // By whoever the system says, and from where.
    let granted = story.of("approval.granted", None).next().unwrap();
    assert_eq!(granted["actor"]["uid"], u64::from(rustix::process::getuid().as_raw()));
    assert!(granted["actor"]["origin"].as_str().unwrap().starts_with("inbox/"));
}

#[test]
fn a_living_process_takes_a_denial() {
    let (desk, run) = alive(STAYS);
    desk.do_it(&["deny", "latest", "change", "--reason", "not today"]).ended(0).shows("was taken in");
    // What else was asked is withdrawn: nothing new starts after a denial.
    run.end().ended(4);
    assert!(!desk.work().join("changed").exists());
    assert_eq!(desk.story().of("question.withdrawn", Some("ok")).count(), 1);
}

#[test]
fn a_living_process_takes_a_note_and_a_cancel() {
    let (desk, run) = alive(STAYS);
    desk.do_it(&["note", "the customer called"]).ended(0).shows("was taken in");
    desk.do_it(&["note", "latest", "change", "not yet"]).ended(0);
    desk.do_it(&["cancel", "--reason", "false alarm"]).ended(0).shows("was taken in");
    run.end().ended(4).shows("false alarm");
    let story = desk.story();
    let notes: Vec<_> = story.of("note", None).map(|note| (&note["step"], &note["d"]["text"])).collect();
    assert_eq!(notes.len(), 2);
    assert_eq!((notes[0].0.as_str(), notes[0].1.as_str()), (None, Some("the customer called")));
    assert_eq!((notes[1].0.as_str(), notes[1].1.as_str()), (Some("change"), Some("not yet")));
    assert_eq!(story.last("run.cancelled", None, "reason").unwrap(), "false alarm");
}

#[test]
fn a_living_process_takes_an_acknowledgement_in_anothers_name() {
    let desk = Desk::with_runbook("steps:\n  tell: { escalate: Look, to: ops, ack: { within: 10m } }\n");
    let run = desk.start_run("try", &[]);
    desk.until_waiting("ack");
    // A slip of the hand would stand in the log as somebody who has seen it.
    desk.do_it(&["ack", "--as", "onacll"]).ended(2).complains("nobody is called").complains("did you mean oncall?");
    desk.do_it(&["ack", "--as", "oncall"]).ended(0).shows("was taken in");
    run.end().ended(0);
    let story = desk.story();
    assert_eq!(story.last("escalation.acknowledged", Some("tell"), "by").unwrap(), "oncall");
    assert_eq!(story.of("escalation.acknowledged", None).count(), 1);
    desk.do_it(&["log", "latest"]).ended(0).shows("acknowledged by **oncall**").shows(", as typed by **");
    assert!(desk.read("told").contains("Look"));
}

#[test]
fn a_living_process_takes_the_end_of_a_doubt() {
    let keys = "
parallel: 2
steps:
  ok: { verify: Is it all right?, needs: [], ask: Is it?, within: 10m }
  change: { act: Change it, needs: [], script: 'kill -9 $$' }
";
    let (desk, mut run) = alive(keys);
    run.until(" settle ");
    desk.do_it(&["settle", "change", "--not-done", "--reason", "looked at it"]).ended(0).shows("was taken in");
    // Now it is a failure that nothing handles.
    run.end().ended(1);
    let story = desk.story();
    assert_eq!((story.settled("change"), story.outcome()), ("failed", "failed"));
    assert_eq!(story.last("doubt.settled", Some("change"), "reason").unwrap(), "looked at it");
}

#[test]
fn without_a_process_the_verb_goes_on_with_the_run() {
    let desk = gone(ENDS);
    desk.do_it(&["approve"]).ended(0).shows("it goes on here").shows("resolved");
    assert!(desk.work().join("changed").exists());
    let story = desk.story();
    assert_eq!((story.of("run.suspended", None).count(), story.of("run.resumed", None).count()), (1, 1));
    desk.do_it(&["audit", "verify", "latest"]).ended(0);
}

#[test]
fn handed_in_only_it_is_taken_by_whoever_resumes() {
    let desk = gone(ENDS);
    let handed_in = desk.do_it(&["approve", "--no-resume"]).ended(0).shows("takes it when it goes on");
    assert!(!desk.work().join("changed").exists());
    // The command that it printed.
    runbook_tests::run::paste(&handed_in.command("resume")).ended(0).shows("resolved");
    assert!(desk.work().join("changed").exists());
}

#[test]
fn of_two_decisions_the_first_counts_and_the_second_is_recorded() {
    let desk = gone(ENDS);
    desk.do_it(&["approve", "--no-resume"]).ended(0);
    desk.do_it(&["deny", "--reason", "not today", "--no-resume"]).ended(0);
    desk.do_it(&["resume"]).ended(0);
    assert!(desk.work().join("changed").exists());
    let story = desk.story();
    assert_eq!((story.of("approval.granted", None).count(), story.of("approval.denied", None).count()), (1, 0));
    assert_eq!(story.last("refused", None, "verb").unwrap(), "deny");
}

/// A verb, and what it needs: a step, what is typed, the kind of entry it becomes, and how it ends where the run goes
/// on in its own process.
struct Verb {
    step: &'static str,
    waits: i32,
    words: &'static [&'static str],
    becomes: &'static str,
    ends: i32,
}

const VERBS: [Verb; 9] = [
    Verb {
        step: "act: Do it, run: 'true', approve: operator",
        waits: 75,
        words: &["approve"],
        becomes: "approval.granted",
        ends: 0,
    },
    Verb {
        step: "act: Do it, run: 'true', approve: operator",
        waits: 75,
        words: &["deny", "--reason", "no"],
        becomes: "approval.denied",
        ends: 4,
    },
    Verb {
        step: "verify: It is so, ask: Is it?",
        waits: 75,
        words: &["answer", "it", "yes"],
        becomes: "answer",
        ends: 0,
    },
    Verb {
        step: "act: Do it, instruct: Do it",
        waits: 75,
        words: &["answer", "it", "could", "not"],
        becomes: "answer",
        ends: 1,
    },
    Verb {
        step: "escalate: Look, to: ops, ack: {}",
        waits: 75,
        words: &["ack"],
        becomes: "escalation.acknowledged",
        ends: 0,
    },
    Verb {
        step: "act: Do it, script: 'kill -9 $$'",
        waits: 5,
        words: &["settle", "it", "--done", "--reason", "seen"],
        becomes: "doubt.settled",
        ends: 0,
    },
    Verb { step: "verify: It is so, ask: Is it?", waits: 75, words: &["note", "hm"], becomes: "note", ends: 0 },
    Verb { step: "verify: It is so, ask: Is it?", waits: 75, words: &["cancel"], becomes: "run.cancelled", ends: 4 },
    Verb {
        step: "verify: It is so, ask: Is it?",
        waits: 75,
        words: &["handover", "--to", "oncall"],
        becomes: "handover",
        ends: 0,
    },
];

#[test]
fn every_verb_reaches_a_run_whose_process_lives() {
    for Verb { step, words, becomes, .. } in VERBS {
        let desk = Desk::with_runbook(&format!(
            "parallel: 2\nsteps:\n  it: {{ {step}, needs: [] }}\n  stay: {{ verify: Stay, needs: [], ask: Stay?, within: 10m }}\n"
        ));
        let mut run = desk.start_run("try", &[]);
        run.until(" stay ");
        until(|| {
            let story = desk.story();
            let asked = ["approval.requested", "question", "escalation.waiting"];
            if asked.iter().any(|kind| story.of(kind, Some("it")).next().is_some()) {
                Ok(())
            } else {
                Err(format!("{words:?}: it does not wait yet"))
            }
        });
        desk.do_it(words).ended(0).shows("was taken in by run");
        let story = desk.story();
        let entry = story.of(becomes, None).last().unwrap();
        assert!(entry["actor"]["origin"].as_str().unwrap().starts_with("inbox/"), "{words:?}: {entry}");
        match becomes {
            "handover" => {
                run.end().ended(75);
                desk.do_it(&["cancel"]).ended(4);
            }
            "run.cancelled" | "approval.denied" => {
                run.end().ended(4);
            }
            _ => {
                let _cancelled = desk.do_it(&["cancel"]);
                let _ended = run.end();
            }
        }
        assert_ne!(desk.story().outcome(), "(not sealed)", "{words:?}");
    }
}

#[test]
fn every_verb_reaches_a_run_without_a_process() {
    for Verb { step, waits, words, becomes, ends } in VERBS {
        let desk = Desk::with_runbook(&format!("steps:\n  it: {{ {step} }}\n"));
        desk.do_it(&["run", "try"]).ended(waits);
        desk.do_it(words).ended(ends);
        if becomes == "note" || becomes == "handover" {
            // A note waits for whoever goes on.
            desk.do_it(&["cancel"]).ended(4);
        }
        let story = desk.story();
        assert_eq!(story.of(becomes, None).count(), 1, "{words:?}");
        assert_ne!(story.outcome(), "(not sealed)", "{words:?}");
        desk.do_it(&["audit", "verify", "latest"]).ended(0);
    }
}

#[test]
fn the_same_twice_is_one() {
    let (desk, run) = alive(STAYS);
    desk.do_it(&["approve", "latest", "change"]).ended(0);
    desk.do_it(&["approve", "latest", "change"]).ended(0).shows("change was approved by").shows("counts once");
    desk.do_it(&["approve", "change"]).ended(0).shows("counts once");
    desk.do_it(&["answer", "no"]).ended(0);
    run.end().ended(1);
    let story = desk.story();
    assert_eq!(story.of("approval.granted", None).count(), 1);
    assert_eq!(story.of("refused", None).count(), 0, "nothing came of it");
    // Also when all is over.
    desk.do_it(&["answer", "latest", "ok", "no"]).ended(0).shows("ok was answered with no by");
    desk.do_it(&["answer", "latest", "ok", "yes"]).ended(2).complains("ok was answered with no by").complains(" log ");
    desk.do_it(&["deny", "latest", "change", "--reason", "x"]).ended(2).complains("the run is failed");
}

#[test]
fn something_else_is_told_who_was_first_and_is_recorded() {
    let (desk, run) = alive(STAYS);
    desk.do_it(&["approve", "latest", "change"]).ended(0);
    let late = desk.do_it(&["deny", "latest", "change", "--reason", "not today"]).ended(2);
    let told = late.err.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.starts_with("error: deny was refused: change was approved by"), "{told}");
    assert!(told.contains("waits for an answer of ok"), "{told}");
    // What does wait is the help.
    assert!(late.err.contains(" answer "), "{}", late.err);
    assert_eq!(desk.story().last("refused", Some("change"), "verb").unwrap(), "deny");
    desk.do_it(&["answer", "yes"]).ended(0);
    run.end().ended(0);
}

#[test]
fn without_a_process_it_is_recorded_by_whoever_goes_on() {
    let desk = gone(
        "steps:
  change: { act: Change it, run: touch $WORK/changed, approve: operator }
  ok: { verify: Is it all right?, ask: Is it? }
",
    );
    desk.do_it(&["approve"]).ended(75);
    desk.do_it(&["approve", "change"]).ended(0).shows("counts once");
    desk.do_it(&["deny", "change", "--reason", "x"]).ended(2).complains("change was approved by");
    desk.do_it(&["answer", "yes"]).ended(0);
    assert_eq!(desk.story().last("refused", Some("change"), "verb").unwrap(), "deny");
}

#[test]
fn what_was_said_is_told_as_json_too() {
    let (desk, run) = alive(STAYS);
    let line = |words: &[&str], code: i32| -> serde_json::Value {
        let said = desk.do_it(words).ended(code);
        serde_json::from_str(said.out.lines().next().unwrap()).unwrap()
    };
    let taken = line(&["approve", "--json"], 0);
    assert_eq!((&taken["taken"], &taken["repeats"]), (&true.into(), &false.into()));
    let again = line(&["approve", "change", "--json"], 0);
    assert_eq!(again["repeats"], true);
    let other = line(&["deny", "change", "--reason", "x", "--json"], 2);
    assert!(other["refused"].as_str().unwrap().contains("was approved by"), "{other}");
    desk.do_it(&["cancel"]).ended(0);
    run.end().ended(4);
}

#[test]
fn a_note_and_a_cancel_without_a_process() {
    let desk = gone(ENDS);
    desk.do_it(&["note", "nobody was there"]).ended(0).shows("takes it when it goes on");
    desk.do_it(&["cancel"]).ended(4);
    let story = desk.story();
    assert_eq!(story.last("note", None, "text").unwrap(), "nobody was there");
    assert_eq!(story.outcome(), "cancelled");
    assert!(!desk.work().join("changed").exists());
}

#[test]
fn what_does_not_fit_is_refused_with_what_would() {
    let desk = gone(ENDS);
    desk.do_it(&["approve", "latest", "other"]).ended(2).complains("other does not wait for an approval");
    desk.do_it(&["answer", "yes"]).ended(2).complains("nothing waits for an answer").complains(" approve ");
    desk.do_it(&["ack"]).ended(2).complains("nothing waits for an acknowledgement");
    desk.do_it(&["settle", "--done", "--reason", "x"]).ended(2).complains("nothing waits for being settled");
    desk.do_it(&["deny"]).ended(2).complains("--reason");
    desk.do_it(&["deny", "--reason", "  "]).ended(2).complains("needs a reason");
    desk.do_it(&["settle", "--done"]).ended(2);
    desk.do_it(&["note", ""]).ended(2);
    desk.do_it(&["handover"]).ended(2).complains("no process has this run");
    desk.do_it(&["approve", "2019", "change"]).ended(2);
    // Nothing of all that reached the run.
    let story = desk.story();
    assert_eq!(story.entries().last().unwrap()["kind"], "run.suspended");
}

#[test]
fn an_answer_that_the_question_does_not_take() {
    let desk =
        gone("steps:\n  what: { decide: What now?, ask: What now?, choices: { go on: done, give up: failed } }\n");
    desk.do_it(&["answer", "perhaps"]).ended(2).complains("'go on', 'give up'");
    desk.do_it(&["answer", "yes"]).ended(2);
    desk.do_it(&["answer", "give up"]).ended(1);
}

#[test]
fn a_field_that_is_wrong_or_missing_is_refused() {
    let keys = "steps:
  read: { act: Read the meter, instruct: Read it, collect: { level: { type: integer, max: 100 } } }
";
    let desk = gone(keys);
    let said = desk.do_it(&["answer", "done"]).ended(75);
    assert!(said.out.contains("it also wants level"), "{}", said.out);
    let said = desk.do_it(&["answer", "done", "--field", "level=x"]).ended(75);
    assert!(said.out.contains("level"), "{}", said.out);
    let said = desk.do_it(&["answer", "done", "--field", "level=7", "--field", "depth=1"]).ended(75);
    assert!(said.out.contains("depth"), "{}", said.out);
    desk.do_it(&["answer", "done", "--field", "level=7"]).ended(0);
    let story = desk.story();
    assert_eq!(story.output("read", "level"), 7);
    assert_eq!(story.of("refused", None).count(), 3);
}

#[test]
fn where_two_things_wait_one_must_be_named() {
    let desk = gone(
        "parallel: 2
steps:
  left: { act: Change it, needs: [], run: touch $WORK/left, approve: operator }
  right: { act: Change it, needs: [], run: touch $WORK/right, approve: operator }
",
    );
    let said = desk.do_it(&["approve"]).ended(2).complains("2 things wait for that");
    assert!(said.err.contains(" left") && said.err.contains(" right"), "{}", said.err);
    assert_eq!(desk.count("left") + desk.count("right"), 0);
    // The step alone says which, as does what was printed.
    desk.do_it(&["approve", "right"]).ended(75);
    assert!(desk.work().join("right").exists() && !desk.work().join("left").exists());
    // Now there is one.
    desk.do_it(&["approve"]).ended(0);
    assert!(desk.work().join("left").exists());
}

#[test]
fn where_two_runs_wait_one_must_be_named() {
    let desk = gone(ENDS);
    desk.write("other", "steps:\n  ok: { verify: Is it all right?, ask: Is it? }\n");
    desk.do_it(&["run", "other"]).ended(75);
    // Only one of them waits for an approval, but either could be resumed or cancelled.
    desk.do_it(&["cancel"]).ended(2).complains("2 runs are not over");
    desk.do_it(&["resume"]).ended(2).complains("2 runs are not over");
    let other = desk.runs().into_iter().find(|run| run.to_string_lossy().contains("-other-")).unwrap();
    let other = other.file_name().unwrap().to_str().unwrap();
    desk.do_it(&["show", other.get(..4).unwrap()]).ended(2);
    desk.do_it(&["approve"]).ended(0);
    desk.do_it(&["cancel", other]).ended(4);
}

#[test]
fn a_run_that_is_over_takes_nothing_more() {
    let desk = gone(ENDS);
    desk.do_it(&["approve"]).ended(0);
    let before = std::fs::read(desk.runs()[0].join("transcript.jsonl")).unwrap();
    for words in
        [&["note", "late"][..], &["cancel"], &["resume"], &["approve"], &["resume", "latest"], &["cancel", "latest"]]
    {
        desk.do_it(words).ended(2);
    }
    assert_eq!(std::fs::read(desk.runs()[0].join("transcript.jsonl")).unwrap(), before);
}

#[test]
fn resume_of_a_living_run_is_refused_and_says_who_has_it() {
    let (desk, run) = alive(STAYS);
    desk.do_it(&["resume", "latest"]).ended(7).complains("process");
    desk.do_it(&["cancel"]).ended(0);
    run.end().ended(4);
}

#[test]
fn latest_is_the_last_real_run_to_a_verb_and_a_dry_run_is_not_answered() {
    let desk = gone(ENDS);
    desk.do_it(&["run", "try", "--dry-run"]).ended(0);
    desk.do_it(&["approve", "latest"]).ended(0);
    assert!(desk.work().join("changed").exists());
}
