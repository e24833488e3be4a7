//! Each fault, and the branch the procedure demands for it.

use std::sync::OnceLock;
use std::time::Duration;

use plant_shop::dns::Server;
use plant_shop::lab::Fault;
use serde_json::Value;

use crate::sitting::{Sitting, allows_all, broken_by};

/// The sitting for each fault, once for all tests.
pub(crate) fn down() -> &'static Sitting {
    static SITTING: OnceLock<Sitting> = OnceLock::new();
    SITTING.get_or_init(|| broken_by(Fault::Down).sit_through("2s", &allows_all()))
}

pub(crate) fn broken() -> &'static Sitting {
    static SITTING: OnceLock<Sitting> = OnceLock::new();
    SITTING.get_or_init(|| broken_by(Fault::Broken).sit_through("2s", &allows_all()))
}

pub(crate) fn recovers() -> &'static Sitting {
    static SITTING: OnceLock<Sitting> = OnceLock::new();
    // Long enough that it is looked at before.
    let fault = Fault::Recovers { after: Duration::from_secs(6) };
    SITTING.get_or_init(|| broken_by(fault).sit_through("1m", &allows_all()))
}

pub(crate) fn stuck() -> &'static Sitting {
    static SITTING: OnceLock<Sitting> = OnceLock::new();
    SITTING.get_or_init(|| broken_by(Fault::Stuck).sit_through("1s", &allows_all()))
}

/// What each decide took, in order.
fn decisions(sitting: &Sitting) -> Vec<(&str, &str)> {
    let all = sitting.story.of("decision", None);
    all.map(|entry| (word(entry, "/step"), word(entry, "/d/to/0"))).collect()
}

fn word<'a>(entry: &'a Value, place: &str) -> &'a str {
    entry.pointer(place).and_then(Value::as_str).unwrap_or("(none)")
}

/// The commands that were started, in order: those of acts, which change the world.
fn acts(sitting: &Sitting) -> Vec<&str> {
    let planned = sitting.story.of("step.planned", None);
    let started = |entry: &&Value| {
        sitting.story.of("step.spawned", None).any(|other| {
            ["/step", "/attempt", "/d/part"].iter().all(|place| other.pointer(place) == entry.pointer(place))
        })
    };
    let shown = planned.filter(started).map(|entry| word(entry, "/d/shown"));
    shown.filter(|shown| shown.starts_with("dnsTool -a")).collect()
}

#[track_caller]
fn resolved(sitting: &Sitting) {
    assert_eq!((sitting.code, sitting.story.outcome()), (0, "resolved"), "{}", sitting.page);
    let verified = sitting.verified.clone().ended(0);
    assert!(verified.out.contains("sealed"), "{}", verified.out);
}

#[test]
fn a_server_that_is_down_is_failed_over_at_once() {
    let sitting = down();
    resolved(sitting);
    assert_eq!(decisions(sitting), [("which", "shut_down")]);
    assert_eq!(acts(sitting), ["dnsTool -a shutdown -s dns1", "dnsTool -a failover -s dns2"]);
    assert_eq!((sitting.answering, sitting.running), (Some(Server::Dns2), [false, true]));
    // There was nothing to wait for.
    assert_eq!(sitting.story.settled("recovers"), "skipped");
}

#[test]
fn a_server_that_is_broken_is_given_time_and_then_failed_over() {
    let sitting = broken();
    resolved(sitting);
    assert_eq!(decisions(sitting), [("which", "recovers"), ("waited", "shut_down")]);
    assert_eq!(acts(sitting), ["dnsTool -a shutdown -s dns1", "dnsTool -a failover -s dns2"]);
    assert_eq!((sitting.answering, sitting.running), (Some(Server::Dns2), [false, true]));
    assert!(sitting.story.of("step.ended", Some("recovers")).count() > 1);
}

#[test]
fn a_server_that_recovers_is_left_as_it_is() {
    let sitting = recovers();
    resolved(sitting);
    assert_eq!(decisions(sitting), [("which", "recovers"), ("waited", "tell_recovered")]);
    assert_eq!(acts(sitting), Vec::<&str>::new());
    assert_eq!((sitting.answering, sitting.running), (Some(Server::Dns1), [true, true]));
    assert_eq!(sitting.story.of("approval.requested", None).count(), 0);
}

#[test]
fn a_server_that_cannot_be_stopped_is_failed_over_by_force() {
    let sitting = stuck();
    resolved(sitting);
    assert_eq!(decisions(sitting), [("which", "recovers"), ("waited", "shut_down")]);
    assert_eq!(acts(sitting), ["dnsTool -a shutdown -s dns1", "dnsTool -a failover -s dns2 -f"]);
    assert_eq!((sitting.story.settled("shut_down"), sitting.story.settled("force")), ("failed", "passed"));
    assert_eq!((sitting.answering, sitting.running), (Some(Server::Dns2), [true, true]));
    // Each was asked for by itself.
    assert_eq!(sitting.story.of("approval.granted", None).count(), 2);
}

#[test]
fn networking_is_told_in_every_branch() {
    for (sitting, step) in [
        (down(), "tell_networking"),
        (broken(), "tell_networking"),
        (recovers(), "tell_recovered"),
        (stuck(), "tell_networking"),
    ] {
        let sent: Vec<&str> = sitting.story.of("escalation.sent", None).map(|entry| word(entry, "/d/to")).collect();
        assert_eq!((sent, sitting.story.settled(step)), (vec!["networking"], "passed"));
    }
}
