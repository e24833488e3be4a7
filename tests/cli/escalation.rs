//! Who is told, in which order, and what an acknowledgement does whenever it comes.

use std::fs;

use runbook_tests::desk::Desk;
use runbook_tests::receiver::{Receiver, Way};
use runbook_tests::run::{Started, paste};
use runbook_tests::until::{lines_in, until};
use rustix::process::Signal;
use serde_json::Value;

/// Everybody has a channel of their own, which leaves who was told and what in a file.
const TEAM: &str = r#"people:
  akim: { name: Ada Kim, team: ops, phone: "+1 555 0100", notify: [akim] }
  bsparrow: { name: Bob Sparrow, team: ops, notify: [bsparrow] }
  cdoe: { name: Cora Doe, team: ops, notify: [cdoe] }
teams:
  ops: { members: [akim, bsparrow, cdoe], on_call: bsparrow }
channels:
  akim: { command: [sh, -c, 'cat > $WORK/to-akim; echo akim >> $WORK/told'] }
  bsparrow: { command: [sh, -c, 'cat > $WORK/to-bsparrow; echo bsparrow >> $WORK/told'] }
  cdoe: { command: [sh, -c, 'cat > $WORK/to-cdoe; echo cdoe >> $WORK/told'] }
"#;

fn desk(keys: &str) -> Desk {
    let desk = Desk::new();
    team(&desk, TEAM);
    desk.write("try", keys);
    desk
}

fn team(desk: &Desk, text: &str) {
    fs::write(desk.runbooks().join("team.yaml"), text.replace("$WORK", &desk.work().to_string_lossy())).unwrap();
}

/// Who was told, in the order of the alphabet for those who are told at once.
fn told(desk: &Desk) -> Vec<String> {
    desk.read("told").lines().map(str::to_owned).collect()
}

const TELLS: &str = "steps:
  tell: { escalate: Look at it, to: ops, ack: { within: WITHIN, else: late }, handover: true }
  late: { act: Say so, run: touch $WORK/late, needs: [] }
";

#[test]
fn who_is_on_call_is_told_first_then_the_rest_once_then_the_road_is_taken() {
    let desk = desk(&TELLS.replace("WITHIN", "400ms"));
    desk.run("try", &[]).ended(0);
    let told = told(&desk);
    assert_eq!((told[0].as_str(), told.len()), ("bsparrow", 3), "{told:?}");
    let story = desk.story();
    let count = |kind: &str| story.of(kind, Some("tell")).count();
    assert_eq!((count("escalation.widened"), count("escalation.timed_out"), count("escalation.sent")), (1, 1, 3));
    assert_eq!(story.last("escalation.widened", Some("tell"), "to").unwrap(), &serde_json::json!(["akim", "cdoe"]));
    assert!(desk.work().join("late").exists());
    let rest = desk.read("to-akim");
    assert!(rest.starts_with("Nobody has acknowledged this yet; bsparrow heard of it before you."), "{rest}");
    let first = desk.read("to-bsparrow");
    assert!(!first.contains("yours now") && !first.contains("Nobody has"), "{first}");
    let log = desk.do_it(&["log", "latest"]).ended(0).out;
    assert!(log.contains("told `bsparrow` of `ops` by `bsparrow`") && log.contains("so the rest"), "{log}");
}

#[test]
fn the_rest_is_told_nothing_when_who_is_on_call_acknowledges() {
    let desk = desk(&TELLS.replace("WITHIN", "20s"));
    let mut run = desk.start_run("try", &[]);
    run.until("waits for ops to acknowledge");
    let runs: Value = serde_json::from_str(&desk.do_it(&["runs", "--waiting", "--json"]).ended(0).out).unwrap();
    let people = &runs["runs"][0]["waits"][0]["people"];
    assert_eq!(
        (&people[0]["name"], &people[0]["of"], &people[0]["by"]),
        (&"bsparrow".into(), &"ops".into(), &"bsparrow".into())
    );
    assert!(people[0]["told"].is_string() && people[0]["acknowledged"].is_null(), "{people}");
    let shown = desk.do_it(&["runs", "--waiting"]).ended(0).out;
    assert!(shown.contains("bsparrow (ops) told "), "{shown}");
    // What was sent holds the command, and it works wherever it is pasted.
    let message = desk.read("to-bsparrow");
    let command = message.lines().find_map(|line| line.split_once("Say that you have seen it: ")).unwrap().1;
    let said = paste(&format!("{command} --as bsparrow")).ended(0);
    assert!(said.out.contains("it is bsparrow's now"), "{said:#?}");
    let ended = run.end().ended(3);
    assert!(ended.out.contains("acknowledged by bsparrow, told "), "{}", ended.out);
    assert_eq!(told(&desk), ["bsparrow"]);
    let story = desk.story();
    assert_eq!((story.outcome(), story.settled("tell")), ("escalated", "passed"));
    assert_eq!(story.of("escalation.widened", None).count(), 0);
}

/// The deadline passes while no process is there: the next one acts on it before anything else, and once.
#[test]
fn a_deadline_that_passed_while_nobody_was_there_is_acted_on_first() {
    let desk = desk(&TELLS.replace("WITHIN", "3s"));
    let mut run = desk.start_run("try", &[]);
    run.until("waits for ops to acknowledge");
    run.signal(Signal::KILL);
    assert_eq!(run.process_end(), 137);
    let deadline: jiff::Timestamp =
        desk.story().last("escalation.waiting", Some("tell"), "deadline").unwrap().as_str().unwrap().parse().unwrap();
    until(|| if jiff::Timestamp::now() > deadline { Ok(()) } else { Err("the deadline has not come".to_owned()) });
    let mut resumed = desk.start(&["resume", "latest"]);
    resumed.until("so the rest is told: akim, cdoe");
    resumed.until("waits for ops to acknowledge");
    resumed.signal(Signal::KILL);
    assert_eq!(resumed.process_end(), 137);
    // Once more: what was widened is not widened again.
    let mut again = desk.start(&["resume", "latest"]);
    again.until("Resumed by");
    desk.do_it(&["ack", "latest", "tell", "--as", "cdoe"]).ended(0);
    again.end().ended(3);
    let story = desk.story();
    assert_eq!(story.of("escalation.widened", Some("tell")).count(), 1);
    assert_eq!(story.of("escalation.timed_out", Some("tell")).count(), 0);
    assert_eq!(story.of("escalation.sent", Some("tell")).count(), 3, "nobody is told twice");
    assert_eq!(story.last("escalation.acknowledged", Some("tell"), "by").unwrap(), "cdoe");
}

#[test]
fn an_acknowledgement_counts_while_people_are_still_being_told() {
    // The second channel does not end before the acknowledgement of the first is on record.
    let desk = desk(
        "steps:\n  tell: { escalate: Look, to: [bsparrow, akim], ack: { within: 1m, else: late } }\n  late: { act: Late, run: touch $WORK/late, needs: [] }\n",
    );
    let slow = "while ! test -e $WORK/go; do :; done; echo akim >> $WORK/told";
    team(&desk, &TEAM.replace("cat > $WORK/to-akim; echo akim >> $WORK/told", slow));
    let run = desk.start_run("try", &[]);
    lines_in(&desk.work().join("told"));
    desk.do_it(&["ack", "latest", "tell", "--as", "bsparrow"]).ended(0);
    assert_eq!(desk.story().of("escalation.acknowledged", Some("tell")).count(), 1);
    assert_eq!(told(&desk), ["bsparrow"], "the other is still being told");
    fs::write(desk.work().join("go"), "").unwrap();
    run.end().ended(0);
    let story = desk.story();
    assert_eq!(story.settled("tell"), "passed");
    assert_eq!(story.of("escalation.sent", Some("tell")).count(), 2, "what was begun is told to its end");
    assert!(!desk.work().join("late").exists());
}

#[test]
fn telling_that_was_interrupted_goes_on_with_those_who_were_not_told() {
    let desk = desk("steps:\n  tell: { escalate: Look, to: [bsparrow, akim], ack: { within: 1m } }\n");
    let slow = "until test -e $WORK/go; do :; done; echo akim >> $WORK/told";
    team(&desk, &TEAM.replace("cat > $WORK/to-akim; echo akim >> $WORK/told", slow));
    let run = desk.start_run("try", &[]);
    let sent = || desk.story().of("escalation.sent", Some("tell")).count();
    lines_in(&desk.work().join("told"));
    until(|| if sent() == 1 { Ok(()) } else { Err("not recorded yet".to_owned()) });
    run.signal(Signal::KILL);
    assert_eq!(run.process_end(), 137);
    fs::write(desk.work().join("go"), "").unwrap();
    let mut resumed = desk.start(&["resume", "latest"]);
    resumed.until("waits for bsparrow or akim to acknowledge");
    desk.do_it(&["ack", "latest", "tell"]).ended(0);
    resumed.end().ended(0);
    assert_eq!(sent(), 2);
    assert_eq!(told(&desk).iter().filter(|name| *name == "bsparrow").count(), 1, "{:?}", told(&desk));
}

#[test]
fn each_of_several_is_waited_for_where_all_have_to() {
    let desk = desk("steps:\n  tell: { escalate: Look, to: [akim, cdoe], ack: { within: 1m, by: all } }\n");
    let mut run = desk.start_run("try", &[]);
    run.until("waits for akim and cdoe to acknowledge");
    assert!(desk.read("to-akim").contains("--as …"), "{}", desk.read("to-akim"));
    desk.do_it(&["ack", "latest", "tell", "--as", "akim"]).ended(0);
    let shown = desk.do_it(&["runs", "--waiting"]).ended(0).out;
    let of = |name: &str| shown.lines().find(|line| line.trim().starts_with(name)).unwrap_or_default().to_owned();
    assert!(of("akim told").contains(", acknowledged ") && !of("cdoe told").contains("acknowledged"), "{shown}");
    desk.do_it(&["ack", "latest", "tell", "--as", "cdoe"]).ended(0);
    run.end().ended(0);
    assert_eq!(desk.story().settled("tell"), "passed");
}

#[test]
fn a_question_goes_out_with_the_commands_that_answer_it() {
    let keys = "steps:
  ok: { verify: Is it cold?, ask: Is the pump cold?, to: akim }
  which: { decide: What now?, ask: 'Which one?', to: akim, choices: { \"it's fine\": done, stop it: halt } }
  halt: { act: Halt, instruct: Pull the lever, to: akim, collect: { reading: { type: integer } } }
";
    let desk = desk(keys);
    desk.run("try", &[]).ended(75);
    let command = |verb: &str, word: &str| {
        let message = desk.read("to-akim");
        let found = message.lines().find(|line| line.contains(&format!(" {verb} ")) && line.contains(word));
        found.unwrap_or_else(|| unreachable!("{word} is not in {message}")).to_owned()
    };
    assert!(command("answer", " ok yes").contains("--store "), "the store is not the default");
    paste(&command("answer", " ok yes")).ended(75);
    assert!(command("answer", "it'\\''s fine").contains("which"));
    paste(&command("answer", "'stop it'")).ended(75);
    let done = command("answer", " done");
    assert!(done.contains("--field reading=…"), "{done}");
    paste(&done.replace('…', "7")).ended(0);
    let story = desk.story();
    assert_eq!((story.outcome(), story.settled("halt")), ("resolved", "passed"));
    assert_eq!(story.of("escalation.sent", None).count(), 3);
}

#[test]
fn the_team_and_its_channels_are_shown() {
    let desk = desk("steps: { a: { verify: A, run: 'true' } }\n");
    let channels = "  chat: { slack: { webhook: { env: CHAT_NOT_SET } } }\n  bridge: { webhook: { url: 'https://x.example/in' } }\n";
    let text = TEAM.replace("notify: [akim]", "notify: [akim, chat, bridge]") + channels;
    team(&desk, &text);
    let shown = desk.do_it(&["team"]).ended(0).out;
    for wanted in
        ["ops", "bsparrow", "Ada Kim", "+1 555 0100", "the variable CHAT_NOT_SET is not set", "https://x.example/in"]
    {
        assert!(shown.contains(wanted), "{wanted}: {shown}");
    }
    let team: Value = serde_json::from_str(&desk.do_it(&["team", "--json"]).ended(0).out).unwrap();
    assert_eq!(
        (&team["teams"][0]["on_call"], &team["teams"][0]["call"][0]),
        (&"bsparrow".into(), &"Bob Sparrow (bsparrow)".into())
    );
    let chat = team["channels"].as_array().unwrap().iter().find(|channel| channel["name"] == "chat").unwrap();
    assert_eq!((&chat["ready"], &chat["kind"]), (&false.into(), &"slack".into()));
}

#[test]
fn a_test_goes_out_by_each_channel_and_says_that_it_is_one() {
    let desk = desk("steps: { a: { verify: A, run: 'true' } }\n");
    let (good, bad) = (Receiver::new(&[Way::Answer(200, "", "ok")]), Receiver::new(&[Way::Answer(404, "", "gone")]));
    let channels = format!(
        "  good: {{ webhook: {{ url: '{}' }} }}\n  bad: {{ webhook: {{ url: '{}' }} }}\n",
        good.url("/"),
        bad.url("/")
    );
    team(&desk, &(TEAM.replace("notify: [akim]", "notify: [akim, good, bad]") + &channels));
    desk.do_it(&["team", "--test"]).ended(2).complains("--yes");
    assert_eq!((good.got().len(), told(&desk).len()), (0, 0), "nothing was sent before somebody agreed");
    let said = desk.do_it(&["team", "--test", "good", "akim", "--yes"]).ended(0);
    assert!(said.out.contains("delivered  good  status 200: ok"), "{}", said.out);
    let got = good.got().remove(0).json();
    assert_eq!(got["test"], true);
    assert!(got["subject"].as_str().unwrap().starts_with("TEST of the channel good: nothing has happened"), "{got}");
    assert!(desk.read("to-akim").contains("This is a test"), "{}", desk.read("to-akim"));
    let all = desk.do_it(&["team", "--test", "--yes", "--json"]).ended(1);
    let all: Value = serde_json::from_str(&all.out).unwrap();
    let bad = all["tests"].as_array().unwrap().iter().find(|test| test["channel"] == "bad").unwrap();
    assert_eq!((&bad["delivered"], &bad["failures"][0]), (&false.into(), &"it answered with status 404: gone".into()));
    desk.do_it(&["team", "--test", "goood", "--yes"]).ended(2).complains("did you mean \"good\"?");
    assert!(desk.runs().is_empty() || !desk.store().exists(), "a test is no run");
}

/// Telling again after a failure of every channel is one more attempt of the step, and starts with who is on call.
#[test]
fn where_no_channel_works_the_numbers_are_on_record() {
    let desk = desk(
        "steps:\n  tell: { escalate: Look, to: ops, on_fail: [other, failed] }\n  other: { act: Other, run: touch $WORK/other, idempotent: true }\n",
    );
    team(&desk, &TEAM.replace("cat > $WORK", "false; exit 3; cat > $WORK"));
    let said = Started::from(desk.command(&["run", "try"])).end().ended(1);
    let reason = desk.story().last("step.settled", Some("tell"), "reason").unwrap().as_str().unwrap().to_owned();
    assert!(reason.contains("bsparrow by bsparrow: sh ended with exit code 3"), "{reason}");
    for number in ["Ada Kim (akim), +1 555 0100", "Cora Doe (cdoe)"] {
        assert!(reason.contains(number) && said.out.contains(number), "{reason}\n{}", said.out);
    }
    assert!(desk.work().join("other").exists(), "its road follows");
    let tried = desk.story().of("escalation.failed", Some("tell")).count();
    assert_eq!(tried, 9, "each of three channels is tried three times");
}

#[test]
fn a_page_names_what_failed_as_the_operator_saw_it_and_why() {
    const KEYS: &str = "params: { host: { type: string, default: web1 } }
fallback: tell
steps:
  stop: { act: 'Stop {{ params.host }}', script: HOW }
  tell: { escalate: Somebody should look, to: ops }
";
    let desk = desk(&KEYS.replace("HOW", "exit 3"));
    desk.run("try", &[]).ended(1);
    let page = desk.read("to-bsparrow");
    assert!(page.contains("Failed: Stop web1 (stop): exit code 3\n"), "{page}");
    // What a person settled has no exit code, and its reason is not left empty.
    desk.write("try", &KEYS.replace("HOW", "kill -9 $$"));
    desk.run("try", &[]).ended(5);
    desk.do_it(&["settle", "--not-done", "--reason", "web1 still runs"]).ended(1);
    let page = desk.read("to-bsparrow");
    let line = page.lines().find(|line| line.starts_with("Failed: ")).unwrap();
    let why = line.strip_prefix("Failed: Stop web1 (stop): ").unwrap();
    assert!(!why.trim().is_empty(), "{page}");
}
