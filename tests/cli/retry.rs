//! A run that failed is tried again: what went well is not done twice.

use std::fs;

use runbook_tests::desk::Desk;
use serde_json::Value;

const STEPS: &str = "
steps:
  look: { verify: It is there, run: echo so, outputs: { server: '\"dns1\"' } }
  first: { act: Do the first, script: 'echo first >> \"$WORK/count\"; echo printed', env: { WORK: $WORK } }
  second: { act: Do the second, script: 'echo second >> \"$WORK/count\"; test -e \"$WORK/good\"', env: { WORK: $WORK } }
  third:
    act: Do the third
    script: 'echo \"third of $SERVER after $PRINTED\" >> \"$WORK/count\"'
    env: { WORK: $WORK, SERVER: '{{ steps.look.outputs.server }}', PRINTED: '{{ steps.first.stdout }}' }
";

/// A run whose second act failed; the next time it would not.
fn failed() -> (Desk, String) {
    let desk = Desk::with_runbook(STEPS);
    desk.do_it(&["run", "try"]).ended(1);
    assert_eq!(desk.read("count"), "first\nsecond\n");
    fs::write(desk.work().join("good"), "").unwrap();
    let id = desk.runs()[0].file_name().unwrap().to_str().unwrap().to_owned();
    (desk, id)
}

/// The story of the other run.
fn other(desk: &Desk, not: &str) -> runbook_tests::story::Story {
    let run = desk.runs().into_iter().find(|run| run.file_name().unwrap() != not).unwrap();
    runbook_tests::story::Story::of_run(&run)
}

#[test]
fn what_passed_is_taken_over_and_named() {
    let (desk, id) = failed();
    // What it was, not what it became since.
    desk.write("try", "steps:\n  all: { act: Do all, run: touch $WORK/other }\n");
    let said = desk.do_it(&["retry", &id]).ended(0).shows("taken over").shows("was changed since").shows(&id);
    let (before, after) = said.out.split_once("still to come: second, third").unwrap();
    assert!(before.contains("look") && before.contains("first") && after.contains("Do the third"), "{}", said.out);
    assert_eq!(desk.read("count"), "first\nsecond\nsecond\nthird of dns1 after printed\n");
    assert!(!desk.work().join("other").exists());
    let story = other(&desk, &id);
    let started = &story.entries()[0]["d"];
    assert_eq!(
        (&started["retry_of"], &started["taken_over"]),
        (&id.as_str().into(), &serde_json::json!(["look", "first"]))
    );
    for step in ["look", "first"] {
        assert_eq!(story.last("step.taken_over", Some(step), "run").unwrap(), id.as_str());
        assert_eq!(story.of("step.intent", Some(step)).count(), 0, "{step} is not done again");
    }
    // The number leads to what it says.
    let earlier = runbook_tests::story::Story::of_run(&desk.store().join("runs").join(&id));
    let n = story.last("step.taken_over", Some("first"), "n").and_then(Value::as_u64).unwrap();
    let settled = &earlier.entries()[usize::try_from(n).unwrap()];
    assert_eq!((&settled["kind"], &settled["step"]), (&"step.settled".into(), &"first".into()));
    assert_eq!(story.outcome(), "resolved");
    let new = story.entries()[0]["run"].as_str().unwrap();
    desk.do_it(&["audit", "verify", new]).ended(0);
    desk.do_it(&["log", new]).ended(0).shows("Tries again").shows(&id);
    desk.do_it(&["show", new]).ended(0).shows("taken over").shows(&id);
    // It stands on its own when the earlier one is gone.
    fs::remove_dir_all(desk.store().join("runs").join(&id)).unwrap();
    desk.do_it(&["audit", "verify", new]).ended(0);
    desk.do_it(&["log", new]).ended(0);
}

#[test]
fn a_dry_run_shows_it_and_starts_nothing() {
    let (desk, id) = failed();
    desk.do_it(&["retry", &id, "--dry-run"])
        .ended(0)
        .shows("taken over")
        .shows("still to come: second, third")
        .shows("server = dns1")
        .shows(" retry ");
    assert_eq!(desk.read("count"), "first\nsecond\n");
    desk.do_it(&["retry", &id, "--dry-run", "--json"]).ended(0);
    assert_eq!(desk.read("count"), "first\nsecond\n");
}

#[test]
fn a_step_can_be_left_out_and_takes_along_what_comes_after_it() {
    let (desk, id) = failed();
    desk.do_it(&["retry", &id, "--again", "look"]).ended(0).shows("as they come after what does: first");
    assert_eq!(desk.read("count"), "first\nsecond\nfirst\nsecond\nthird of dns1 after printed\n");
    assert_eq!(other(&desk, &id).of("step.taken_over", None).count(), 0);
}

#[test]
fn for_a_machine_it_is_a_line_before_the_entries() {
    let (desk, id) = failed();
    let said = desk.do_it(&["retry", &id, "--json"]).ended(0);
    let lines: Vec<Value> = said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["kind"], &lines[0]["left"]), (&"retry".into(), &serde_json::json!(["second", "third"])));
    assert_eq!(lines[0]["taken_over"][1], serde_json::json!({ "step": "first", "outcome": "passed" }));
    assert_eq!(lines.last().unwrap()["outcome"], "resolved");
}

#[test]
fn a_retry_of_a_retry_takes_over_both() {
    let (desk, id) = failed();
    fs::remove_file(desk.work().join("good")).unwrap();
    desk.do_it(&["retry", &id]).ended(1);
    let second = other(&desk, &id).entries()[0]["run"].as_str().unwrap().to_owned();
    fs::write(desk.work().join("good"), "").unwrap();
    desk.do_it(&["retry", &second]).ended(0).shows("first");
    assert_eq!(desk.read("count"), "first\nsecond\nsecond\nsecond\nthird of dns1 after printed\n");
}

#[test]
fn one_whose_process_died_before_it_began_takes_over_the_rest_when_it_is_resumed() {
    let desk =
        Desk::with_runbook(&STEPS.replace("  third:", "  ok: { verify: Is it all right?, ask: Is it? }\n  third:"));
    desk.do_it(&["run", "try"]).ended(1);
    fs::write(desk.work().join("good"), "").unwrap();
    let first = desk.runs()[0].file_name().unwrap().to_str().unwrap().to_owned();
    desk.do_it(&["retry", &first]).ended(75);
    let run = desk.runs().into_iter().find(|run| !run.ends_with(&first)).unwrap();
    let transcript = run.join("transcript.jsonl");
    let text = fs::read_to_string(&transcript).unwrap();
    // As many entries as were on disk by then: the start alone, or one step of the two.
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for count in [1, 3] {
        fs::write(&transcript, lines.get(..count).unwrap().concat()).unwrap();
        fs::write(desk.work().join("count"), "").unwrap();
        // Nor had any act ended by then.
        let exits = run.join("exits");
        for exit in fs::read_dir(&exits).into_iter().flatten() {
            fs::remove_file(exit.unwrap().path()).unwrap();
        }
        desk.do_it(&["resume"]).ended(75);
        assert_eq!(desk.read("count"), "second\n", "after {count} entries");
    }
    desk.do_it(&["answer", "yes"]).ended(0);
    assert_eq!(desk.read("count"), "second\nthird of dns1 after printed\n");
}

#[test]
fn what_cannot_be_tried_again_is_refused_with_what_can() {
    let desk = Desk::with_runbook("steps:\n  ok: { verify: Is it all right?, ask: Is it? }\n");
    desk.do_it(&["run", "try"]).ended(75);
    desk.do_it(&["retry", "latest"]).ended(2).complains("it is not over").complains(" resume ");
    desk.do_it(&["answer", "yes"]).ended(0);
    desk.do_it(&["retry", "latest"]).ended(2).complains("it is resolved").complains(" run try");
    let (desk, id) = failed();
    desk.do_it(&["retry", &id, "--again", "nosuch"]).ended(2).complains("no step \"nosuch\"");
    desk.do_it(&["retry"]).ended(2);
    let desk = Desk::with_runbook(STEPS);
    desk.do_it(&["run", "try", "--dry-run"]).ended(0);
    desk.do_it(&["retry", "latest"]).ended(2).complains("dry run");
    let desk = Desk::with_runbook("steps:\n  tell: { escalate: Look, to: ops, handover: true }\n");
    desk.do_it(&["run", "try"]).ended(3);
    desk.do_it(&["retry", "latest"]).ended(2).complains("it is escalated");
}

#[test]
fn what_a_run_left_half_undone_is_said_before_it_is_tried_again() {
    let desk = Desk::with_runbook(
        "rollback: auto
steps:
  open: { act: Open it, run: 'true', undo: { run: 'false' } }
  cut: { act: Cut it, run: 'false' }
",
    );
    desk.do_it(&["run", "try"]).ended(1);
    let said = desk.do_it(&["retry", "latest", "--dry-run"]).ended(0);
    let (before, after) = said.out.split_once("still to come: ").unwrap();
    assert!(before.contains("that run left this; look at it before you go on:"), "{}", said.out);
    assert!(before.contains("  open could not be undone") && !after.contains("could not be undone"), "{}", said.out);
    let json = desk.do_it(&["retry", desk.runs()[0].file_name().unwrap().to_str().unwrap(), "--dry-run", "--json"]);
    let line: Value = serde_json::from_str(json.out.lines().next().unwrap()).unwrap();
    assert_eq!(line["open"][0], "open could not be undone");
}
