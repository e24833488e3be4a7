//! The keys that are there at every prompt: why, note, output, copy, hand over.

use runbook_tests::desk::Desk;

use crate::terminal::Seat;

const APPROVED: &str = "steps:
  look: { verify: It can be looked at, run: 'printf seen-by-%s\\n nobody' }
  change: { act: Change it, run: 'touch $WORK/changed', approve: operator, on_fail: [broke, failed], denied: denied }
  broke: { escalate: It broke, to: ops }
  denied: { escalate: It was denied, to: ops }
";

/// Somebody before the approval of [`APPROVED`].
fn asked() -> (Desk, Seat) {
    let desk = Desk::with_runbook(APPROVED);
    let mut seat = Seat::take(&desk, &["run", "try"]);
    seat.sees("Run it? [y/n/?/t/o/c/h]");
    (desk, seat)
}

#[test]
fn the_keys_are_explained_where_it_is_asked() {
    let desk = Desk::with_runbook(APPROVED);
    let mut seat = Seat::take(&desk, &["run", "try"]);
    // Broken at 80 columns, so each by itself.
    for key in ["y run it", "n deny it", "? why this is asked", "t write a", "o output so far", "c copy the command"] {
        seat.sees(key);
    }
    seat.sees("h hand over");
    seat.types("nno\r");
    seat.ends(4);
}

#[test]
fn a_question_mark_says_why_and_what_follows_each_answer() {
    let (_desk, mut seat) = asked();
    seat.types("?");
    seat.sees("The runbook wants whoever runs it to approve this act");
    seat.sees("y: exactly this runs, once.");
    seat.sees("broke, failed follow");
    seat.sees("n: nothing of it runs; denied follows");
    seat.sees("Ctrl-C: the run is cancelled");
    seat.sees("Run it?");
    seat.types("y");
    seat.ends(0);
}

#[test]
fn a_note_lands_in_the_transcript_and_leaves_the_question_open() {
    let (desk, mut seat) = asked();
    let long =
        "it hums, and the lamp on the left goes on and off; I called Ann, who says that it does that since Monday";
    seat.types(&format!("t{long}"));
    // Longer than the line, and its end is seen all the same.
    seat.sees("since Monday");
    seat.types("\r");
    seat.sees("note by ");
    seat.sees("Run it?");
    let story = desk.story();
    assert_eq!(story.last("note", Some("change"), "text").unwrap(), long);
    assert_eq!(story.of("approval.granted", None).count(), 0);
    seat.types("y");
    seat.ends(0);
    desk.do_it(&["log", "latest"]).ended(0).shows("who says that it does that since Monday");
}

#[test]
fn a_note_that_is_begun_and_left_is_none() {
    let (desk, mut seat) = asked();
    seat.types("tit hums");
    seat.sees("Note: it hums");
    seat.types("\u{1b}");
    seat.sees("Run it?");
    seat.types("y");
    seat.ends(0);
    assert_eq!(desk.story().of("note", None).count(), 0);
}

#[test]
fn the_output_of_the_steps_before_is_shown() {
    let (_desk, mut seat) = asked();
    seat.types("o");
    seat.sees("look wrote to standard output, 15 bytes:");
    seat.sees("│ seen-by-nobody");
    seat.sees("Run it?");
    seat.types("y");
    seat.ends(0);
}

#[test]
fn the_command_is_copied_as_it_would_run() {
    let (desk, mut seat) = asked();
    seat.types("c");
    seat.sees("sent to the clipboard");
    let shown = desk.story().last("step.planned", Some("change"), "shown").unwrap().as_str().unwrap().to_owned();
    assert_eq!(shown, format!("touch {}", desk.work().join("changed").display()));
    let wanted = format!("\u{1b}]52;c;{}\u{7}", base64(shown.as_bytes()));
    let raw = String::from_utf8_lossy(seat.raw()).into_owned();
    assert_eq!(raw.matches("\u{1b}]52;").count(), 1);
    assert!(raw.contains(&wanted), "{wanted:?} is not in {raw:?}");
    seat.types("y");
    seat.ends(0);
}

/// The text as `base64` of coreutils writes it.
fn base64(bytes: &[u8]) -> String {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    let mut child =
        Command::new("base64").args(["-w", "0"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}

#[test]
fn a_run_is_handed_over_and_somebody_else_goes_on() {
    let (desk, mut seat) = asked();
    seat.types("h");
    seat.sees("Hand over to whom?");
    seat.types("oncall\r");
    seat.sees("handed over to oncall");
    let page = seat.ends(75);
    assert!(page.contains("waiting") && page.contains(" approve "), "{page}");
    assert!(!desk.work().join("changed").exists());
    let story = desk.story();
    assert_eq!((story.of("handover", None).count(), story.outcome()), (1, "(not sealed)"));
    let mut seat = Seat::take(&desk, &["resume", "latest"]);
    // What was asked before is asked again, with all that has to be known for an answer.
    seat.sees("It would run exactly this:");
    seat.sees("Run it? [y/n/?/t/o/c/h]");
    seat.types("y");
    seat.ends(0);
    assert!(desk.work().join("changed").exists());
}

#[test]
fn a_run_is_handed_to_nobody_by_a_slip_of_the_key() {
    let (desk, mut seat) = asked();
    seat.types("h");
    seat.sees("Hand over to whom?");
    seat.types("onacll\r");
    seat.sees("nobody is called onacll");
    // What was typed stands there to be mended.
    seat.types("\u{7f}\u{7f}\u{7f}\u{7f}call\r");
    seat.sees("handed over to oncall");
    seat.ends(75);
    assert_eq!(desk.story().of("handover", None).count(), 1);
}

#[test]
fn handing_over_can_be_left() {
    let (desk, mut seat) = asked();
    seat.types("h");
    seat.sees("Hand over to whom?");
    seat.types("\u{1b}");
    seat.sees("Run it?");
    seat.types("y");
    seat.ends(0);
    assert_eq!(desk.story().of("handover", None).count(), 0);
}

#[test]
fn while_nothing_is_asked_the_keys_are_there_too() {
    let desk = Desk::with_runbook(
        "steps:\n  wait: { verify: It comes, script: 'until test -e \"$GO\"; do read -t 0.1 x || true; done', shell: bash -eu, env: { GO: $WORK/go } }\n",
    );
    let mut seat = Seat::take(&desk, &["run", "try"]);
    seat.sees("(? for keys)");
    seat.types("?");
    seat.sees("Nothing is asked. t: write a note, o: output so far, h: hand over,");
    seat.sees("Ctrl-C: cancel");
    // Nobody is asked yes or no.
    seat.types("y\rn");
    seat.types("tall quiet\r");
    seat.sees("note by ");
    std::fs::write(desk.work().join("go"), "").unwrap();
    seat.ends(0);
    assert_eq!(desk.story().last("note", None, "text").unwrap(), "all quiet");
}
