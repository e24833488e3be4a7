//! The failover runbook of the language reference, through each of its branches.

use std::time::Duration;

use runbook_core::run::event::Input;
use runbook_core::run::record::{Actor, Auth, Outcome, RunOutcome};

use crate::world::{Go, World};

const EXAMPLE: &str = include_str!("dns_failover.yaml");

fn world() -> World {
    World::new(EXAMPLE)
        .goes("active", &[Go::Says(0, "dns1\n")])
        .goes("reachable", &[Go::Exit(0)])
        .goes("recovers", &[Go::Exit(1)])
}

fn networking_approves(world: &mut World, step: &str) {
    let actor = Actor { id: "bsparrow".to_owned(), auth: Auth::Ssh, uid: 1001, origin: "inbox".to_owned() };
    let input = Input::Approve { step: Some(step.to_owned()), request: None, reason: None };
    world.say_as(actor, input);
}

fn told(world: &World) -> Vec<&str> {
    world.told.iter().map(|(step, _, _)| step.as_str()).collect()
}

#[test]
fn down() {
    let mut world = world().goes("reachable", &[Go::Exit(1)]).start();
    assert_eq!(world.order(), ["active", "standby_answers", "reachable"]);
    assert_eq!(world.outcome("recovers"), "not reached");
    world.approve("shut_down");
    assert_eq!(world.order()[3..], ["shut_down", "failover", "answering"]);
    assert_eq!(told(&world), ["tell_networking"]);
    assert_eq!(world.told[0].2, "dns1 is out of service since 2026-11-22T09:15:00Z; dns2 is active.\n");
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
}

#[test]
fn broken_and_it_does_not_recover() {
    let mut world = world().run();
    assert_eq!(world.ran("recovers"), 21, "every 15 seconds for 5 minutes");
    assert_eq!(world.outcome("waited"), "passed");
    world.approve("shut_down");
    assert_eq!(world.order().last().unwrap(), "answering");
    assert_eq!(told(&world), ["tell_networking"]);
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
}

#[test]
fn it_recovers_by_itself() {
    let world = world().goes("recovers", &[Go::Exit(1), Go::Exit(1), Go::Exit(0)]).run();
    assert_eq!(world.ran("recovers"), 3);
    assert_eq!(world.ran("shut_down"), 0);
    assert_eq!(told(&world), ["tell_recovered"]);
    for step in ["shut_down", "failover", "force", "answering", "tell_networking", "need_a_person"] {
        assert_eq!(world.state.step(step).unwrap().outcome, Some(Outcome::Skipped), "{step}");
    }
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
}

#[test]
fn stuck_so_it_is_forced() {
    let mut world = world().goes("reachable", &[Go::Exit(1)]).goes("shut_down", &[Go::Exit(1)]).start();
    world.approve("shut_down");
    assert_eq!(world.outcome("failover"), "blocked by shut_down");
    assert_eq!(world.outcome("force"), "active");
    networking_approves(&mut world, "force");
    assert_eq!(world.order()[3..], ["shut_down", "force", "answering"]);
    assert_eq!(told(&world), ["tell_networking"]);
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
}

#[test]
fn stuck_until_its_time_ran_out() {
    let mut world = world().goes("reachable", &[Go::Exit(1)]).goes("shut_down", &[Go::TimeOut]).start();
    world.approve("shut_down");
    assert_eq!(world.outcome("shut_down"), "failed", "it is idempotent: no doubt is left");
    networking_approves(&mut world, "force");
    assert_eq!(world.sealed(), Some(RunOutcome::Resolved));
}

#[test]
fn denied() {
    let mut world = world().goes("reachable", &[Go::Exit(1)]).start();
    world.deny("shut_down");
    assert_eq!(world.ran("shut_down") + world.ran("failover") + world.ran("force"), 0);
    assert_eq!(told(&world), ["need_a_person"]);
    assert_eq!(world.outcome("need_a_person"), "active", "somebody has to take it");
    world.acknowledge("need_a_person");
    assert_eq!(world.sealed(), Some(RunOutcome::Escalated));
}

#[test]
fn denied_and_nobody_takes_it() {
    let mut world = world().goes("reachable", &[Go::Exit(1)]).start();
    world.deny("shut_down");
    world.pass(Duration::from_secs(600));
    assert_eq!(world.outcome("need_a_person"), "failed");
    assert_eq!(world.sealed(), Some(RunOutcome::Cancelled));
}

#[test]
fn nobody_allows_the_force_in_time() {
    let mut world = world().goes("reachable", &[Go::Exit(1)]).goes("shut_down", &[Go::Exit(1)]).start();
    world.approve("shut_down");
    world.pass(Duration::from_secs(300));
    assert_eq!(world.ran("force"), 0);
    world.acknowledge("need_a_person");
    assert_eq!(world.outcome("answering"), "blocked by force");
    assert_eq!(world.sealed(), Some(RunOutcome::Escalated));
}

#[test]
fn the_tool_is_missing() {
    let mut world = World::new(EXAMPLE).goes("active", &[Go::Missing]).start();
    assert_eq!(world.outcome("active"), "unknown");
    assert_eq!(world.order().len(), 0, "nothing is failed over");
    assert_eq!(told(&world), ["need_a_person"]);
    world.acknowledge("need_a_person");
    assert_eq!(world.sealed(), Some(RunOutcome::Escalated));
}

#[test]
fn nobody_could_look_whether_it_is_reachable() {
    let mut world = world().goes("reachable", &[Go::Exit(127)]).start();
    assert_eq!(world.outcome("which"), "blocked by reachable");
    assert_eq!(told(&world), ["need_a_person"]);
    world.acknowledge("need_a_person");
    assert_eq!(world.sealed(), Some(RunOutcome::Escalated));
}

#[test]
fn the_standby_does_not_answer_after_the_failover() {
    let mut world = world().goes("reachable", &[Go::Exit(1)]).goes("answering", &[Go::Exit(1)]).start();
    world.approve("shut_down");
    world.let_time_pass();
    assert_eq!(world.outcome("answering"), "failed");
    assert_eq!(world.outcome("tell_networking"), "blocked by answering");
    assert!(told(&world).contains(&"need_a_person"));
}

#[test]
fn neither_server_is_active() {
    let mut world = World::new(EXAMPLE).goes("active", &[Go::Says(0, "dns9\n")]).start();
    assert_eq!(world.outcome("active"), "failed");
    assert_eq!(told(&world), ["need_a_person"]);
    world.acknowledge("need_a_person");
    assert_eq!(world.sealed(), Some(RunOutcome::Escalated));
}

#[test]
fn dry() {
    let world = World::dry(EXAMPLE).run();
    assert_eq!(world.order().len(), 0);
    assert_eq!(world.told.len(), 0);
    for step in &world.plan.document().steps {
        let id = step.id.value.as_str();
        assert_eq!(world.outcome(id), "passed", "{id} is shown");
    }
}
