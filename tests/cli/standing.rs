//! Where `runs` and `list` say that a run stands, and what a second word to it comes to.

use runbook_tests::desk::Desk;
use runbook_tests::until::until;

use crate::cancel::{gate, open_gate};
use crate::terminal::Seat;

#[test]
fn a_run_that_waits_at_a_prompt_waits_and_one_in_doubt_is_in_doubt() {
    let desk = Desk::with_runbook("steps:\n  a: { act: A, run: touch $WORK/a, approve: operator }\n");
    let mut seat = Seat::take(&desk, &["run", "try"]);
    seat.sees("Run it?");
    // Its process is there, and does nothing.
    let said = desk.do_it(&["runs"]).ended(0);
    let who = desk.story().entries()[0]["actor"]["id"].as_str().unwrap().to_owned();
    assert!(said.out.contains(&format!("waiting for {who} since ")), "{}", said.out);
    assert!(!said.out.contains("running"), "{}", said.out);
    desk.do_it(&["list"]).ended(0).shows(", waiting");
    seat.types("y");
    seat.ends(0);
    desk.write("try", "steps:\n  b: { act: B, script: kill -9 $$ }\n");
    desk.do_it(&["run", "try"]).ended(5);
    let said = desk.do_it(&["runs", "--waiting"]).ended(0);
    assert!(said.out.contains("in doubt since ") && !said.out.contains("waiting for"), "{}", said.out);
    let runs: serde_json::Value = serde_json::from_str(&desk.do_it(&["runs", "--json"]).ended(0).out).unwrap();
    assert_eq!(
        (&runs["runs"][0]["standing"], &runs["runs"][0]["waits_for"][0]),
        (&"in doubt".into(), &"b: settle".into())
    );
    desk.do_it(&["list"]).ended(0).shows(", in doubt");
}

#[test]
fn again_said_twice_is_not_the_same_said_once() {
    let desk = Desk::with_runbook(
        "steps:\n  a: { act: A, script: 'echo a >> \"$W\"; kill -9 $$', env: { W: $WORK/count } }\n",
    );
    desk.do_it(&["run", "try"]).ended(5);
    desk.do_it(&["settle", "--again", "--reason", "it did nothing"]).ended(5);
    assert_eq!(desk.count("count"), 2);
    desk.do_it(&["settle", "--done", "--reason", "now it did"]).ended(0);
    let late = desk.do_it(&["settle", "latest", "a", "--again", "--reason", "once more"]).ended(2);
    late.complains("a was settled as done");
    // While the second attempt runs the first word is told of, and nothing else is done.
    let desk = Desk::with_runbook(
        "
steps:
  a:
    act: A
    script: |
      echo began >> \"$WORK/count\"
      if [ \"$(wc -l < \"$WORK/count\")\" = 1 ]; then kill -9 $$; fi
      cat \"$WORK/go\"
    env: { WORK: $WORK }
",
    );
    gate(desk.work());
    desk.do_it(&["run", "try"]).ended(5);
    let again = desk.start(&["settle", "--again", "--reason", "it did nothing"]);
    until(|| if desk.count("count") == 2 { Ok(()) } else { Err(desk.read("count")) });
    let twice = desk.do_it(&["settle", "latest", "a", "--again", "--reason", "it did nothing"]).ended(2);
    twice.complains("was settled as to be done again by").complains("runs a");
    open_gate(desk.work());
    again.end().ended(0);
    assert_eq!(desk.count("count"), 2);
}
