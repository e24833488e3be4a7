//! Loops in the program itself: their items are approved together, settled by name, and survive the engine.

use runbook_tests::desk::Desk;
use runbook_tests::server::{Reply, Server};
use runbook_tests::until::until;
use rustix::process::Signal;

use crate::cancel::{gate, open_gate};

/// Three items, of which the second waits at the gate.
fn held(keys: &str) -> Desk {
    let desk = Desk::with_runbook(&format!(
        "
steps:
  drain:
    act: Drain {{{{ each.host }}}}
    for_each: {{ host: [web1, web2, web3] }}
    script: |
      echo \"$HOST\" >> \"$WORK/count\"
      if [ \"$HOST\" = web2 ]; then cat \"$WORK/go\"; fi
    env: {{ HOST: '{{{{ each.host }}}}', WORK: $WORK }}
    {keys}
  after: {{ act: Go on, script: 'echo after >> \"$WORK/count\"', env: {{ WORK: $WORK }} }}
"
    ));
    gate(desk.work());
    desk
}

#[test]
fn an_engine_that_is_killed_in_the_midst_of_a_loop_is_followed_by_one_that_goes_on_with_it() {
    let desk = held("");
    let run = desk.start_run("try", &[]);
    until(|| if desk.count("count") == 2 { Ok(()) } else { Err(desk.read("count")) });
    run.signal(Signal::KILL);
    assert_eq!(run.process_end(), 128 + 9);
    let mut resumed = desk.start(&["resume"]);
    resumed.until("it is waited for");
    open_gate(desk.work());
    resumed.end().ended(0).shows("resolved");
    assert_eq!(desk.read("count"), "web1\nweb2\nweb3\nafter\n");
    let story = desk.story();
    assert_eq!(story.of("step.items", Some("drain")).count(), 1, "the list is made once");
    for item in ["drain[0]", "drain[1]", "drain[2]"] {
        assert_eq!((story.settled(item), story.of("step.released", Some(item)).count()), ("passed", 1), "{item}");
    }
    desk.do_it(&["audit", "verify", "latest"]).ended(0);
}

#[test]
fn a_loop_that_failed_is_tried_again_without_the_items_that_passed() {
    let desk = Desk::with_runbook(
        "
steps:
  drain:
    act: Drain {{ each.host }}
    for_each: { host: [web1, web2, web3] }
    script: echo \"$HOST\" >> \"$WORK/count\"; test \"$HOST\" != web2 || test -e \"$WORK/ready\"
    env: { HOST: '{{ each.host }}', WORK: $WORK }
",
    );
    desk.run("try", &[]).ended(1);
    assert_eq!(desk.read("count"), "web1\nweb2\n");
    let story = desk.story();
    assert_eq!((story.settled("drain"), story.settled("drain[2]")), ("failed", "skipped"));
    std::fs::write(desk.work().join("ready"), "").unwrap();
    desk.do_it(&["retry", "latest"]).ended(0).shows("resolved");
    assert_eq!(desk.read("count"), "web1\nweb2\nweb2\nweb3\n");
    assert_eq!(desk.story().of("step.taken_over", Some("drain[0]")).count(), 1);
}

#[test]
fn one_approval_is_of_the_list_of_all_plans() {
    let desk = held("approve: operator");
    desk.run("try", &[]).ended(75).shows("web1");
    assert!(!desk.work().join("count").exists());
    let run = desk.start(&["approve"]);
    until(|| if desk.count("count") == 2 { Ok(()) } else { Err(desk.read("count")) });
    open_gate(desk.work());
    run.end().ended(0);
    let story = desk.story();
    let (granted, intents) = (story.of("approval.granted", None), story.of("step.intent", None));
    let plan = |entry: &serde_json::Value| entry.pointer("/d/plan").unwrap().as_str().unwrap().to_owned();
    let plans: Vec<String> =
        intents.filter(|entry| entry["step"].as_str().unwrap().starts_with("drain[")).map(plan).collect();
    let [approved] = granted.map(plan).collect::<Vec<_>>().try_into().unwrap();
    let path = desk.runs().last().unwrap().join("blobs").join(&approved);
    let list: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let listed = list["items"].as_array().unwrap().iter().map(|item| item["plan"].as_str().unwrap().to_owned());
    assert_eq!(listed.collect::<Vec<_>>(), plans);
}

#[test]
fn over_no_items_an_act_of_each_way_passes_and_a_look_fails() {
    let server = Server::start(vec![Reply::of("200 OK", "text/plain", "")]);
    let works = [
        "run: touch $WORK/done".to_owned(),
        format!("http: {{ method: POST, url: 'http://{}/' }}", server.place()),
        "template: { source: $WORK/a.hbs, to: $WORK/done }".to_owned(),
        "run: touch $WORK/done, on: ssh://nobody@nowhere.invalid".to_owned(),
    ];
    for work in works {
        let keys = format!(
            "params: {{ hosts: {{ type: list, of: string, default: [] }} }}\nsteps:\n  \
             drain: {{ act: Drain, for_each: {{ host: params.hosts }}, {work}, on_fail: failed }}\n  \
             look: {{ verify: Look, for_each: {{ host: params.hosts }}, run: 'true', on_fail: failed }}\n"
        );
        let desk = Desk::with_runbook(&keys);
        std::fs::write(desk.work().join("a.hbs"), "a\n").unwrap();
        desk.run("try", &[]).ended(1);
        let story = desk.story();
        assert_eq!((story.settled("drain"), story.settled("look")), ("passed", "failed"), "{work}");
        let reason =
            |step| story.last("step.settled", Some(step), "reason").map(ToString::to_string).unwrap_or_default();
        assert!(reason("drain").contains("no items") && reason("look").contains("no items"), "{}", reason("drain"));
        assert!(!desk.work().join("done").exists() && server.got().is_empty(), "{work}: something was done");
    }
}
