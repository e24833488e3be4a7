//! Where a person says no, or the tool is missing, both servers stay as they were.

use plant_shop::dns::Server;
use plant_shop::lab::Fault;
use plant_shop::person::Rule;
use serde_json::Value;

use crate::sitting::{Shop, Sitting, broken_by};

const NOT_NOW: &str = "not while the shop is open";

fn told(sitting: &Sitting) -> Vec<&str> {
    let sent = sitting.story.of("escalation.sent", None);
    // Everybody is told at once, so in no order.
    let mut told: Vec<_> = sent.filter_map(|entry| entry.pointer("/d/to").and_then(Value::as_str)).collect();
    told.sort_unstable();
    told
}

/// Nothing was started that changes the world.
#[track_caller]
fn nothing_was_changed(sitting: &Sitting) {
    for act in ["shut_down", "failover", "force"] {
        for kind in ["step.intent", "step.spawned", "step.released"] {
            assert_eq!(sitting.story.of(kind, Some(act)).count(), 0, "{act}: {kind}");
        }
    }
    assert_eq!(sitting.running, [true, true]);
}

#[test]
fn a_denial_at_shut_down_leaves_both_servers_as_they_were() {
    let rules = [
        Rule::new("[y/n/?", "n"),
        Rule::new("why not?", &format!("{NOT_NOW}\r")),
        // Whom the road of the denial tells is there to be asked.
        Rule::new("seen by ", "a"),
    ];
    let shop = broken_by(Fault::Broken);
    let sitting = shop.sit_through("1s", &rules);
    nothing_was_changed(&sitting);
    // Still the active one, and still broken.
    assert_eq!(sitting.answering, None);
    assert_eq!(sitting.story.last("approval.denied", Some("shut_down"), "reason").unwrap(), NOT_NOW);
    assert_eq!(told(&sitting), ["networking", "sre_lead"]);
    // Denied, and handed over to who was told.
    assert_eq!((sitting.code, sitting.story.outcome()), (3, "escalated"), "{}", sitting.page);
    let log = &sitting.log;
    assert!(log.contains(NOT_NOW) && log.contains("denied"), "{log}");
    sitting.verified.ended(0);
}

#[test]
fn a_denial_by_the_verb_while_nobody_sits_there_does_the_same() {
    let shop = broken_by(Fault::Down);
    let waiting = shop.unattended("1s", &[]).end().ended(75);
    assert_eq!(shop.lab.active().unwrap(), Server::Dns1);
    // The road of the denial waits ten minutes for an acknowledgement: the process stays for it.
    let going = runbook_tests::run::Started::from(shop.command(&["deny", "--reason", NOT_NOW]));
    shop.desk.until_waiting("ack");
    shop.desk.do_it(&["ack", "--no-resume"]).ended(0);
    let ended = going.end().ended(3);
    let lab_active = shop.lab.active().unwrap();
    let sitting = shop.look_around(ended.code, waiting.out);
    assert_eq!((lab_active, sitting.running), (Server::Dns1, [false, true]));
    assert_eq!(sitting.story.of("step.intent", Some("shut_down")).count(), 0);
    assert_eq!(sitting.story.outcome(), "escalated");
}

#[test]
fn without_dns_tool_nothing_is_failed_over_and_a_person_is_told() {
    let shop = Shop::open();
    shop.lab.inject(Fault::Down).unwrap();
    let words = shop.words("1s");
    // All that is on PATH but for the lab's own folder.
    let run = shop.desk.start(&words.iter().map(String::as_str).collect::<Vec<_>>());
    shop.desk.until_waiting("ack");
    shop.desk.do_it(&["ack", "--no-resume"]).ended(0);
    let ended = run.end().ended(3);
    assert_eq!(shop.lab.active().unwrap(), Server::Dns1);
    let sitting = shop.look_around(ended.code, ended.out);
    // It could not look, which is neither good nor bad.
    assert_eq!(sitting.story.settled("active"), "unknown");
    assert_eq!(sitting.running, [false, true]);
    for act in ["shut_down", "failover", "force"] {
        assert_eq!(sitting.story.settled(act), "skipped", "{act}");
    }
    assert_eq!(told(&sitting), ["networking", "sre_lead"]);
    let message = sitting.story.told("need_a_person");
    assert!(message.contains("dnsTool") && message.contains("/usr/bin"), "{message}");
}
