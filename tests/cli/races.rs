//! Two at once: one wins, the other is told, and nothing is done twice. `RUNBOOK_PROOF=full` plays many more rounds.

use std::time::Duration;

use runbook_tests::desk::Desk;
use runbook_tests::run::{Said, Started};

/// How often each race is run.
fn rounds() -> usize {
    if std::env::var_os("RUNBOOK_PROOF").is_some_and(|proof| proof == "full") { 1_000 } else { 50 }
}

/// Starts all of them before it waits for any.
fn all(desk: &Desk, lines: &[&[&str]]) -> Vec<Said> {
    let started: Vec<Started> = lines.iter().map(|words| desk.start(words)).collect();
    started.into_iter().map(Started::end).collect()
}

const ASKS: &str = "steps:
  change: { act: Change it, script: 'echo done >> \"$WORK/count\"', env: { WORK: $WORK }, approve: operator }
  ok: { verify: Is it all right?, ask: Is it? }
";

fn waiting() -> Desk {
    let desk = Desk::with_runbook(ASKS);
    desk.do_it(&["run", "try"]).ended(75);
    desk
}

#[test]
fn approve_against_deny() {
    for _ in 0..rounds() {
        let desk = waiting();
        let said = all(&desk, &[&["approve", "latest", "change"], &["deny", "latest", "change", "--reason", "no"]]);
        let story = desk.story();
        let (granted, refused) =
            (story.of("approval.granted", None).count(), story.of("approval.denied", None).count());
        assert_eq!(granted + refused, 1, "{said:#?}");
        assert_eq!(desk.count("count"), granted);
        let (winner, loser) = if granted == 1 { (&said[0], &said[1]) } else { (&said[1], &said[0]) };
        let right: &[i32] = if granted == 1 { &[0, 75] } else { &[0, 4] };
        assert!(right.contains(&winner.code), "{said:#?}");
        assert_ne!(loser.code, 0, "{said:#?}");
        let told = format!("{}{}", loser.out, loser.err);
        let who = if granted == 1 { "change was approved by" } else { "change was denied by" };
        assert!(told.split_whitespace().collect::<Vec<_>>().join(" ").contains(who), "{said:#?}");
    }
}

#[test]
fn the_same_answer_from_two() {
    for _ in 0..rounds() {
        let desk = waiting();
        let said = all(&desk, &[&["approve", "latest", "change"], &["approve", "latest", "change"]]);
        assert_eq!(desk.count("count"), 1);
        assert!(said.iter().all(|said| [0, 75].contains(&said.code)), "{said:#?}");
        assert_eq!(desk.story().of("approval.granted", None).count(), 1);
    }
}

#[test]
fn two_answers_that_differ() {
    for _ in 0..rounds() {
        let desk = Desk::with_runbook("steps:\n  ok: { verify: Is it all right?, ask: Is it? }\n");
        desk.do_it(&["run", "try"]).ended(75);
        let said = all(&desk, &[&["answer", "latest", "ok", "yes"], &["answer", "latest", "ok", "no"]]);
        let story = desk.story();
        assert_eq!(story.of("answer", None).count(), 1, "{said:#?}");
        let yes = story.last("answer", Some("ok"), "answer").unwrap() == "yes";
        assert_eq!(story.outcome(), if yes { "resolved" } else { "failed" });
        let (winner, loser) = if yes { (&said[0], &said[1]) } else { (&said[1], &said[0]) };
        assert!(if yes { winner.code == 0 } else { [0, 1].contains(&winner.code) }, "{said:#?}");
        assert_ne!(loser.code, 0, "{said:#?}");
    }
}

#[test]
fn who_resumes_a_run() {
    for _ in 0..rounds() {
        let desk = waiting();
        desk.do_it(&["approve", "--no-resume"]).ended(0);
        let said = all(&desk, &[&["resume", "latest"], &["resume", "latest"], &["resume", "latest"]]);
        assert_eq!(desk.count("count"), 1, "{said:#?}");
        assert!(said.iter().all(|said| [75, 7].contains(&said.code)), "{said:#?}");
        assert!(said.iter().any(|said| said.code == 75), "{said:#?}");
    }
}

#[test]
fn who_has_a_lock() {
    // The act fails if another one is at it.
    let keys = "lock: one
steps:
  change:
    act: Change it
    script: 'mkdir \"$WORK/busy\" && echo done >> \"$WORK/count\" && rmdir \"$WORK/busy\"'
    env: { WORK: $WORK }
";
    let desk = Desk::with_runbook(keys);
    let mut won = 0;
    for _ in 0..rounds() {
        let said = all(&desk, &[&["run", "try"], &["run", "try"], &["run", "try"], &["run", "try"]]);
        let right = said.iter().filter(|said| said.code == 0).count();
        assert!(right >= 1 && said.iter().all(|said| [0, 7].contains(&said.code)), "{said:#?}");
        won += right;
        assert_eq!(desk.count("count"), won);
    }
    assert_eq!(desk.runs().len(), won, "nothing is left of those that were refused");
}

/// The acknowledgement is brought nearer to the timer, round by round, until each of them wins in turn.
#[test]
fn an_acknowledgement_against_its_timer() {
    const NEARER: Duration = Duration::from_millis(30);
    let keys = "params: { within: { type: duration } }
steps:
  tell: { escalate: Look, to: ops, ack: { within: '{{ params.within }}', else: late } }
  late: { act: Say so, run: touch $WORK/late, needs: [] }
";
    let (mut within, mut after) = (Duration::from_millis(300), Duration::ZERO);
    let mut won = [0, 0];
    for _ in 0..rounds() {
        let desk = Desk::with_runbook(keys);
        let mut run = desk.start_run("try", &[&format!("within={}ms", within.as_millis())]);
        run.until("to acknowledge, until");
        // not synchronisation: how near to its timer the acknowledgement comes is what is tried
        std::thread::sleep(after);
        let said = desk.do_it(&["ack", "latest", "tell"]);
        let ended = run.end();
        let story = desk.story();
        let heard = story.of("escalation.acknowledged", None).count();
        assert_eq!(heard + story.of("escalation.timed_out", None).count(), 1, "{said:#?}");
        assert_eq!(desk.work().join("late").exists(), heard == 0);
        assert_eq!(story.settled("tell"), if heard == 1 { "passed" } else { "failed" });
        assert_eq!(said.code == 0, heard == 1, "{said:#?}\n{ended:#?}");
        won[heard] += 1;
        if heard == 1 {
            after += NEARER;
            continue;
        }
        let told = said.err.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.contains("tell waited until"), "{said:#?}");
        if after.is_zero() {
            // The program takes longer to start than there is time.
            within *= 2;
        }
        after = after.saturating_sub(NEARER);
    }
    assert!(won[0] > 0 && won[1] > 0, "the timer won {} times, the acknowledgement {}", won[0], won[1]);
}
