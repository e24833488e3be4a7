//! Loops in the program itself: their items are approved together, settled by name, and survive the engine.

use runbook_tests::desk::Desk;
use runbook_tests::server::{Reply, Server};
use runbook_tests::until::until;
use rustix::process::Signal;

use crate::cancel::{gate, open_gate};
use crate::terminal::Seat;

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
    // What becomes of each item stands there before anything goes on.
    resumed.until("1 of its 3 items are over");
    resumed.until("done           drain[0] web1  passed");
    resumed.until("attaches       drain[1] web2  it still runs, and is waited for");
    resumed.until("not reached    drain[2] web3");
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

#[test]
fn at_a_terminal_items_stand_below_their_step_and_how_far_it_came_is_seen() {
    let desk = held("");
    let mut command = desk.command_at_terminal(&["run", "try"]);
    command.env("NO_COLOR", "1");
    let mut seat = Seat::with(command);
    seat.sees("drain: 1 of 3 done, 1 going on");
    seat.sees("web2 (drain[1]): runs, ");
    open_gate(desk.work());
    let page = seat.ends(0);
    let mut lines = page.lines();
    for line in [
        "[1/2] act      Drain each host  (drain)",
        "       3 items: web1, web2, web3",
        "       host: web1  (drain[0])",
        "           $ ",
        "           ✓ passed  ",
        "       host: web2  (drain[1])",
        "           ✓ passed  ",
        "       host: web3  (drain[2])",
        "           ✓ passed  ",
        "[1/2] … drain",
        "       ✓ passed, all 3 items",
        "[2/2] act      Go on  (after)",
    ] {
        assert!(lines.any(|told| told.starts_with(line)), "{line:?} is missing, or not in its place:\n{page}");
    }
    assert!(!page.contains("going on"), "what was drawn anew is left over:\n{page}");
    let store = desk.store().display().to_string();
    let own = page.lines().filter(|line| !line.contains(&store));
    assert!(own.clone().all(|line| line.chars().count() <= 80), "{page}");
    let raw = String::from_utf8_lossy(seat.raw());
    assert!(!raw.contains("\u{1b}[2m") && !raw.contains("\u{1b}[32m") && !raw.contains("\u{1b}[1m"), "{raw:?}");
}

#[test]
fn without_a_terminal_and_in_the_log_items_stand_below_their_step() {
    let desk = Desk::with_runbook(
        "
steps:
  drain:
    act: Drain {{ each.host }}
    for_each: { host: [web1, web2, web3, web4, web5, web6, web7], on_item_fail: continue }
    script: echo \"$HOST\"; test \"$HOST\" != web3
    env: { HOST: '{{ each.host }}' }
",
    );
    let said = desk.run("try", &[]).ended(1);
    let wanted = "[1/1] act      Drain each host  (drain)\n       7 items: web1, web2, web3, web4, web5, web6, web7\n       \
                  host: web1  (drain[0])\n           $ ";
    assert!(said.out.contains(wanted), "{}", said.out);
    assert!(said.out.contains("       host: web3  (drain[2])\n           $ "), "{}", said.out);
    let log = desk.do_it(&["log", "latest"]).ended(0).out;
    let below: Vec<&str> = log.lines().filter(|line| line.starts_with("  - ")).collect();
    let [passed, failed] = below.as_slice() else { unreachable!("{log}") };
    assert!(passed.contains("**6 of 7 passed**: `web1`, `web2`, `web4`, `web5`, `web6`, `web7` ["), "{log}");
    assert!(failed.contains("`host: web3` (`drain[2]`): ") && failed.contains("**failed**: exit code 1"), "{log}");
    assert!(log.contains("**failed**, of 7 items 6 passed, 1 failed ["), "{log}");
    let told = desk.do_it(&["show", "latest"]).ended(0).out;
    for item in 0..7 {
        assert!(told.contains(&format!("drain[{item}]: settled as ")), "nothing is lost: {told}");
    }
    let dry = desk.do_it(&["run", "try", "--dry-run"]).ended(0).out;
    assert!(dry.contains("       host: web7  (drain[6])\n           would run  $ "), "{dry}");
}
