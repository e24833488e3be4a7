//! What was told by `PagerDuty` is told to be over: when it was acknowledged, and when the run that told of it is resolved.

use runbook_tests::desk::Desk;
use runbook_tests::receiver::{Got, Receiver, Way};
use runbook_tests::run::Started;
use runbook_tests::until::until;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::channels::{SECRET, nowhere};

const OK: Way = Way::Answer(202, "", "{\"status\":\"success\"}");

fn desk(receiver: &Receiver, steps: &str) -> Desk {
    let desk = Desk::new();
    let team = format!(
        "people:\n  akim: {{ name: Ada Kim, team: ops, phone: '+1 555 0100' }}\n  \
         bsparrow: {{ name: Bob Sparrow, team: ops, phone: '+1 555 0101' }}\n\
         teams:\n  ops: {{ members: [akim, bsparrow], notify: [pager] }}\n\
         channels:\n  pager: {{ pagerduty: {{ routing_key: {{ env: CHANNEL_SECRET }}, endpoint: '{}' }}, timeout: 5s }}\n",
        receiver.url("/v2/enqueue")
    );
    std::fs::write(desk.runbooks().join("team.yaml"), team).unwrap();
    desk.write("try", steps);
    desk
}

fn start(desk: &Desk, words: &[&str]) -> Started {
    let mut command = desk.command(words);
    command.env("CHANNEL_SECRET", SECRET);
    Started::from(command)
}

/// What each event was, and of which incident, without the run's name.
fn events(receiver: &Receiver) -> Vec<(String, String)> {
    let text = |event: &Value, member: &str| event[member].as_str().unwrap_or_default().to_owned();
    let got = receiver.got();
    let events = got.iter().map(Got::json);
    events
        .map(|event| {
            assert_eq!(event["routing_key"], SECRET);
            let key = text(&event, "dedup_key");
            (text(&event, "event_action"), key.split_once('/').map_or(key.clone(), |(_, step)| step.to_owned()))
        })
        .collect()
}

fn told(action: &str, step: &str) -> (String, String) {
    (action.to_owned(), step.to_owned())
}

fn notes(desk: &Desk, step: &str) -> Vec<String> {
    desk.story().of("note", Some(step)).map(|note| note["d"]["text"].as_str().unwrap().to_owned()).collect()
}

/// Waits until so many were told, and it is waited for one of them.
fn until_told(desk: &Desk, count: usize) {
    desk.until_waiting("ack");
    until(|| match desk.story().of("escalation.sent", None).count() {
        sent if sent >= count => Ok(()),
        sent => Err(format!("{sent} were told")),
    });
}

#[test]
fn what_is_acknowledged_is_resolved_with_the_same_key() {
    let receiver = Receiver::new(&[OK]);
    let desk = desk(
        &receiver,
        "steps:\n  tell: { escalate: Look at it, to: ops, ack: { within: 1h } }\n  \
         fails: { verify: It is well, run: 'false', on_fail: failed }\n",
    );
    let run = start(&desk, &["run", "try"]);
    until_told(&desk, 1);
    assert_eq!(events(&receiver), [told("trigger", "tell")]);
    desk.do_it(&["ack", "latest", "tell", "--as", "akim"]).ended(0);
    let said = run.end().ended(1);
    assert_eq!(events(&receiver), [told("trigger", "tell"), told("resolve", "tell")]);
    let got = receiver.got();
    let (trigger, resolve) = (got[0].json(), got[1].json());
    // Nothing but what the Events API takes there.
    assert_eq!(
        resolve,
        json!({ "routing_key": SECRET, "event_action": "resolve", "dedup_key": trigger["dedup_key"].clone() })
    );
    let notes = notes(&desk, "tell");
    // How that went is noted where the run goes on for so long.
    let is = |note: &String| {
        note.contains("its incident is resolved: pager, status 202") || note.ends_with("over, and pager is told so")
    };
    assert!(notes.iter().any(is), "{notes:?}");
    nowhere(SECRET, &desk, &said);
    desk.do_it(&["audit", "verify", "latest"]).ended(0);
}

#[test]
fn where_all_have_to_acknowledge_the_last_one_resolves_it() {
    let receiver = Receiver::new(&[OK]);
    let desk = desk(
        &receiver,
        "steps:\n  tell: { escalate: Look at it, to: [akim, bsparrow], ack: { by: all, within: 1h } }\n",
    );
    let run = start(&desk, &["run", "try"]);
    until_told(&desk, 2);
    let triggers = receiver.got().len();
    desk.do_it(&["ack", "latest", "tell", "--as", "akim"]).ended(0);
    until(|| match desk.story().of("escalation.acknowledged", None).count() {
        0 => Err("nobody has acknowledged it".to_owned()),
        _ => Ok(()),
    });
    assert_eq!(receiver.got().len(), triggers, "one of two is not all");
    desk.do_it(&["ack", "latest", "tell", "--as", "bsparrow"]).ended(0);
    run.end().ended(0);
    assert_eq!(events(&receiver).split_off(triggers), [told("resolve", "tell")], "once, also at the end");
}

#[test]
fn what_nobody_answered_is_over_with_a_run_that_is_resolved_and_with_no_other() {
    let tell = "steps:\n  tell: { escalate: Look at it, to: ops }\n";
    let receiver = Receiver::new(&[OK]);
    let resolved = desk(&receiver, tell);
    start(&resolved, &["run", "try"]).end().ended(0);
    assert_eq!(events(&receiver), [told("trigger", "tell"), told("resolve", "tell")]);
    assert_eq!(notes(&resolved, "tell"), ["its incident is over, and pager is told so"]);
    resolved.do_it(&["audit", "verify", "latest"]).ended(0);

    let receiver = Receiver::new(&[OK]);
    let failed = desk(&receiver, &format!("{tell}  fails: {{ verify: It is well, run: 'false', on_fail: failed }}\n"));
    start(&failed, &["run", "try"]).end().ended(1);
    assert_eq!(events(&receiver), [told("trigger", "tell")], "the trouble is still there");

    let receiver = Receiver::new(&[OK]);
    let handed = desk(&receiver, "steps:\n  tell: { escalate: It is yours, to: ops, handover: true }\n");
    start(&handed, &["run", "try"]).end().ended(3);
    assert_eq!(events(&receiver), [told("trigger", "tell")], "nobody has taken it yet");
}

#[test]
fn one_that_cannot_be_resolved_is_said_to_stay_open() {
    let receiver = Receiver::new(&[OK, Way::Answer(400, "", "no such key")]);
    let desk = desk(&receiver, "steps:\n  tell: { escalate: Look at it, to: ops, ack: { within: 1h } }\n");
    let run = start(&desk, &["run", "try"]);
    until_told(&desk, 1);
    desk.do_it(&["ack", "latest", "tell", "--as", "akim"]).ended(0);
    // It may be over before anybody could note it, and then it is said.
    let said = run.end().ended(0);
    let all = format!("{}{}{}", notes(&desk, "tell").join("\n"), said.out, said.err);
    let all = all.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(all.contains("its incident may stay open, and somebody has to resolve it there: pager, key "), "{all}");
    assert!(all.contains("status 400: no such key"), "{all}");
    nowhere(SECRET, &desk, &said);
}

#[test]
fn an_engine_killed_before_it_was_resolved_resolves_it_when_it_goes_on() {
    let receiver = Receiver::new(&[OK, Way::Stall, OK]);
    let desk = desk(
        &receiver,
        "steps:\n  tell: { escalate: Look at it, to: ops, ack: { within: 1h } }\n  \
         ok: { verify: Is it well?, ask: Is it? }\n",
    );
    let run = start(&desk, &["run", "try"]);
    until_told(&desk, 1);
    desk.do_it(&["ack", "latest", "tell", "--as", "akim"]).ended(0);
    until(|| if receiver.got().len() == 2 { Ok(()) } else { Err(format!("{:?}", events(&receiver))) });
    run.signal(Signal::KILL);
    assert_eq!(run.process_end(), 128 + 9);
    start(&desk, &["resume"]).end().ended(75);
    assert_eq!(events(&receiver).split_off(2), [told("resolve", "tell")]);
    start(&desk, &["answer", "latest", "ok", "yes"]).end().ended(0);
    assert_eq!(receiver.got().len(), 3, "it is resolved once and for all");
}
