//! Exit 75: the run waits, and the command it prints is what goes on with it, pasted into any shell.

use runbook_tests::desk::Desk;
use runbook_tests::run::{Said, paste};

/// Runs `try` where nobody sits; it waits.
#[track_caller]
fn waits(keys: &str) -> (Desk, Said) {
    let desk = Desk::with_runbook(keys);
    let said = desk.do_it(&["run", "try"]).ended(75).shows("waiting");
    (desk, said)
}

/// The commands printed behind "waiting", and nothing else.
fn printed(said: &Said) -> Vec<&str> {
    let (_, behind) = said.out.split_once("\nwaiting").unwrap();
    let program = runbook_tests::binary::runbook().unwrap();
    let program = program.to_str().unwrap();
    let lines = behind.lines().map(str::trim).filter(|line| line.starts_with(program));
    lines.collect()
}

#[test]
fn an_approval() {
    let (desk, said) = waits("steps:\n  change: { act: Change it, run: touch $WORK/changed, approve: operator }\n");
    let commands = printed(&said);
    assert!(commands[0].contains(" approve ") && commands[1].contains(" deny "), "{commands:?}");
    paste(commands[0]).ended(0).shows("resolved");
    assert!(desk.work().join("changed").exists());
    assert_eq!(desk.story().outcome(), "resolved");
}

#[test]
fn an_approval_denied() {
    let (desk, said) = waits("steps:\n  change: { act: Change it, run: touch $WORK/changed, approve: operator }\n");
    // The reason is for a person to fill in; as printed it is a reason all the same.
    paste(printed(&said)[1]).ended(4);
    assert!(!desk.work().join("changed").exists());
    assert_eq!(desk.story().outcome(), "cancelled");
}

#[test]
fn a_question() {
    let (desk, said) = waits("steps:\n  ok: { verify: Is it all right?, ask: 'Does it look \"right\"?' }\n");
    let commands = printed(&said);
    assert!(commands[0].ends_with(" yes") || commands[0].contains(" yes --"), "{commands:?}");
    paste(commands[0]).ended(0).shows("resolved");
    assert_eq!(desk.story().settled("ok"), "passed");
}

#[test]
fn a_choice_with_words_that_a_shell_would_break() {
    let (desk, said) = waits(
        "steps:
  what: { decide: What now?, ask: What now?, choices: { \"don't; touch $(it)\": done, leave it: done } }
",
    );
    let commands = printed(&said);
    assert_eq!(commands.len(), 2, "{commands:?}");
    paste(commands[0]).ended(0);
    assert_eq!(desk.story().last("answer", Some("what"), "choice").unwrap(), "don't; touch $(it)");
}

#[test]
fn an_instruction() {
    let (desk, said) = waits("steps:\n  swap: { act: Swap the disk, instruct: Swap the disk }\n");
    paste(printed(&said)[0]).ended(0).shows("resolved");
    assert_eq!(desk.story().settled("swap"), "passed");
}

#[test]
fn an_acknowledgement() {
    let (desk, said) = waits("steps:\n  tell: { escalate: Look at this, to: ops, ack: {} }\n");
    paste(printed(&said)[0]).ended(0).shows("resolved");
    assert_eq!(desk.story().of("escalation.acknowledged", Some("tell")).count(), 1);
}

#[test]
fn an_act_in_doubt() {
    let desk = Desk::with_runbook(
        "steps:\n  change: { act: Change it, script: 'touch \"$WHAT\"; kill -9 $$', env: { WHAT: $WORK/changed } }\n",
    );
    let said = desk.do_it(&["run", "try"]).ended(5).shows("in doubt");
    paste(&said.command("settle")).ended(0).shows("resolved");
    let story = desk.story();
    assert_eq!((story.settled("change"), story.outcome()), ("passed", "resolved"));
    assert_eq!(story.last("doubt.settled", Some("change"), "by").unwrap(), "person");
}

#[test]
fn a_rollback_that_nobody_was_there_to_allow() {
    let (desk, said) = waits(
        "steps:
  change: { act: Change it, run: touch $WORK/changed, undo: { run: rm $WORK/changed } }
  look: { verify: It works, run: 'false' }
",
    );
    assert!(desk.work().join("changed").exists());
    paste(printed(&said)[0]).ended(1);
    assert!(!desk.work().join("changed").exists());
    assert_eq!(desk.story().of("step.undone", Some("change")).count(), 1);
}

#[test]
fn a_step_by_step_run_that_stops_before_a_step() {
    let desk = Desk::with_runbook("steps:\n  look: { verify: It works, run: 'true' }\n");
    let said = desk.do_it(&["run", "try", "--step"]).ended(75);
    paste(printed(&said)[0]).ended(0).shows("resolved");
}

#[test]
fn a_store_with_a_blank_and_a_quote_in_its_name_is_found_again() {
    let desk = Desk::with_runbook("steps:\n  ok: { verify: Is it all right?, ask: Is it? }\n");
    let store = desk.work().join("it's a store");
    let mut command = desk.command(&["run", "try"]);
    command.env("RUNBOOK_STORE", &store);
    let said = runbook_tests::run::Started::from(command).end().ended(75);
    paste(printed(&said)[0]).ended(0).shows("resolved");
}
