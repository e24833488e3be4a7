//! Where nothing gets as far as the host: a verify is unknown, an act did not start, and the message says what is wrong.

use std::fs;

use runbook_tests::far::{Far, make_key, write_program};

/// A look and an act, each with its own road.
const BOTH: &str = "
steps:
  look: { verify: Look, on: web1, run: 'true', on_fail: change }
  change: { act: Change, needs: [look], on: web1, run: touch $WORK/changed, idempotent: true, on_fail: tell }
  tell: { escalate: Somebody is told, to: oncall, handover: true }
";

/// Runs both; neither gets there, and both say why.
#[track_caller]
fn neither(far: &Far, why: &str) {
    far.write(BOTH);
    far.run().ended(3);
    let story = far.desk.story();
    assert_eq!((story.settled("look"), story.settled("change")), ("unknown", "failed"));
    for step in ["look", "change"] {
        let reason = story.last("step.settled", Some(step), "reason").unwrap().to_string();
        assert!(reason.contains("host web1 cannot be reached: ") && reason.contains(why), "{step}: {reason}");
    }
    assert!(!far.desk.work().join("changed").exists());
    // An act that did not start is in no doubt.
    assert_eq!(story.of("doubt.opened", None).count(), 0);
    far.nothing_left();
}

#[test]
fn nobody_takes_the_connection() {
    let far = Far::one();
    far.host(1).wire().down();
    neither(&far, "onnection");
}

#[test]
fn the_connection_is_refused() {
    let far = Far::one();
    let team = far.desk.runbooks().join("team.yaml");
    // A port of which nobody is: the first that the system keeps for itself.
    let text = fs::read_to_string(&team).unwrap().replace(&far.host(1).address(), "ssh://root@127.0.0.1:1");
    fs::write(&team, text).unwrap();
    neither(&far, "Connection refused");
}

#[test]
fn the_host_has_another_key() {
    let far = Far::one();
    let other = far.desk.work().join("keys/other");
    make_key(&other);
    let key = fs::read_to_string(other.with_extension("pub")).unwrap();
    fs::write(far.desk.work().join("keys/known_hosts"), format!("[127.0.0.1]:{} {key}", far.host(1).wire().port()))
        .unwrap();
    neither(&far, "Host key verification failed");
}

#[test]
fn the_host_was_never_seen() {
    let far = Far::one();
    let known = far.desk.work().join("keys/known_hosts");
    fs::write(&known, "").unwrap();
    neither(&far, "Host key verification failed");
    assert_eq!(fs::read_to_string(&known).unwrap(), "", "a key was taken on trust");
}

#[test]
fn the_host_does_not_let_us_in() {
    let far = Far::one();
    make_key(&far.desk.work().join("keys/mine"));
    let public = far.desk.work().join("keys/mine.pub");
    fs::write(public, "").unwrap();
    neither(&far, "Permission denied");
}

#[test]
fn there_is_no_ssh_here() {
    let far = Far::one();
    far.write(BOTH);
    let empty = far.desk.work().join("empty");
    fs::create_dir(&empty).unwrap();
    let mut command = far.command(&["run", "try"]);
    command.env("PATH", &empty);
    let said = runbook_tests::run::Started::from(command).end();
    // Nobody can be told either.
    assert_eq!(said.code, 1, "{said:?}");
    let story = far.desk.story();
    let reason = story.last("step.settled", Some("change"), "reason").unwrap().to_string();
    assert!(
        reason.contains("\\\"ssh\\\" was not found") && reason.contains("install the client of OpenSSH"),
        "{reason}"
    );
}

#[test]
fn an_account_that_only_takes_files_speaks_another_way() {
    let far = Far::with(1, "ForceCommand internal-sftp");
    far.write(BOTH);
    far.run().ended(3);
    let story = far.desk.story();
    assert_eq!((story.settled("look"), story.settled("change")), ("unknown", "failed"));
    let reason = story.last("step.settled", Some("change"), "reason").unwrap().to_string();
    assert!(reason.contains("it was not started on web1: "), "{reason}");
}

#[test]
fn a_host_that_is_not_there_is_found_by_the_check_at_its_place() {
    let far = Far::one();
    far.write("steps: { a: { verify: A, on: web7, run: 'true' } }\n");
    far.run().ended(2).complains("there is no host `web7`").complains("did you mean `web1`?");
    far.write("steps: { a: { verify: A, on: 'ssh://-oProxyCommand=id', run: 'true' } }\n");
    far.run().ended(2).complains("is no address of a host");
    let team = far.desk.runbooks().join("team.yaml");
    let text = fs::read_to_string(&team).unwrap();
    fs::write(&team, text.replace("web1: ssh:", "web1: http:")).unwrap();
    far.write("steps: { a: { verify: A, on: web1, run: 'true' } }\n");
    far.run().ended(2).complains("is no address of a host");
}

#[test]
fn a_host_that_a_value_names_and_nobody_knows_stops_the_step_before_it_starts() {
    let far = Far::one();
    far.write(
        "
params: { host: { type: string, default: web7 } }
steps:
  change: { act: Change, on: '{{ params.host }}', run: touch $WORK/changed, idempotent: true, on_fail: tell }
  tell: { escalate: Somebody is told, to: oncall, handover: true }
",
    );
    far.run().ended(3);
    let story = far.desk.story();
    let reason = story.last("step.settled", Some("change"), "reason").unwrap().to_string();
    assert!(reason.contains("there is no host \\\"web7\\\" in the team file (it has web1)"), "{reason}");
    far.do_it(&["run", "try", "-p", "host=ssh://-x"]).ended(3);
    far.do_it(&["run", "try", "-p", "host=local"]).ended(0);
    assert!(far.desk.work().join("changed").exists());
    assert_eq!(far.host(1).wire().made(), 0);
}

#[test]
fn a_connection_that_cannot_be_shared_is_made_each_time() {
    let far = Far::one();
    let script = fs::read_to_string(far.desk.work().join("bin/ssh")).unwrap();
    // As where the folder for sockets is on a disk that takes none.
    let refuse = "case \" $* \" in *\" -M \"*) echo 'unix_listener: cannot bind to path' >&2; exit 255;; esac\n";
    write_program(&far.desk.work().join("bin/ssh"), &script.replace("#!/bin/sh\n", &format!("#!/bin/sh\n{refuse}")));
    far.write(
        "steps: { a: { verify: A, on: web1, run: 'true' }, b: { act: B, on: web1, run: 'true', idempotent: true } }\n",
    );
    far.run().ended(0);
    assert_eq!(far.host(1).wire().made(), 2);
    far.nothing_left();
}

#[test]
fn of_a_list_of_hosts_the_one_that_nobody_knows_fails_and_the_others_do_not() {
    let far = Far::with(2, "");
    far.write(
        "
steps:
  change:
    act: Change {{ each.host }}
    for_each: { host: [web1, web9, web2], on_item_fail: continue }
    on: '{{ each.host }}'
    run: touch $WORK/{{ each.host }}.changed
    on_fail: tell
  tell: { escalate: Somebody is told, to: oncall, handover: true }
",
    );
    far.run().ended(3);
    let story = far.desk.story();
    let settled = ["change[0]", "change[1]", "change[2]", "change"].map(|step| story.settled(step).to_owned());
    assert_eq!(settled, ["passed", "failed", "passed", "failed"]);
    let reason = story.last("step.settled", Some("change[1]"), "reason").unwrap().to_string();
    assert!(reason.contains("there is no host \\\"web9\\\" in the team file (it has web1, web2)"), "{reason}");
    assert_eq!(story.of("doubt.opened", None).count(), 0);
    assert!(far.desk.work().join("web1.changed").exists() && far.desk.work().join("web2.changed").exists());
    far.nothing_left();
}
