//! Awkward hosts: that shout, whose shell is another one, whose disk is full; and several at once.

use std::fs;
use std::process::Command;

use runbook_tests::far::{Far, is_root, write_program};
use runbook_tests::until::until;

/// Two steps of which the first's output must come through as it is.
const SAYS: &str = "
steps:
  say:
    verify: It says it
    on: web1
    script: |
      echo \"it's $X\"
      echo trouble >&2
    env: { X: 'a b' }
    expect: stdout == \"it's a b\" && stderr == 'trouble'
  change: { act: Change, on: web1, run: touch \"$WORK/it's changed\", idempotent: true }
";

#[track_caller]
fn says_it(configuration: &str) {
    let far = Far::with(1, configuration);
    let banner = far.host(1).folder().join("banner");
    fs::write(banner, "*** AUTHORIZED USE ONLY! ***\n".repeat(200)).unwrap();
    far.write(SAYS);
    far.run().ended(0);
    assert!(far.desk.work().join("it's changed").exists());
    far.nothing_left();
}

#[test]
fn a_host_that_shouts_is_not_taken_at_its_word() {
    says_it("Banner $HOST/banner");
    // As a login shell's own files do, on both streams.
    says_it(
        "ForceCommand cat $HOST/banner; cat $HOST/banner >&2; echo no newline | tr -d '\\n'; exec sh -c \"$SSH_ORIGINAL_COMMAND\"",
    );
}

#[test]
fn a_login_shell_that_is_not_posix_is_as_good() {
    for shell in ["tcsh", "fish", "bash", "dash"] {
        let found = Command::new("sh").args(["-c", &format!("command -v {shell}")]).output().unwrap();
        if found.status.success() {
            // What a server does with the account's shell.
            says_it(&format!("ForceCommand exec {shell} -c \"$SSH_ORIGINAL_COMMAND\""));
        } else {
            assert!(shell == "fish" || shell == "bash", "{shell} is one of those that .ci/setup installs");
            println!("not tried: {shell} is not installed");
        }
    }
}

#[test]
fn each_posix_shell_keeps_what_is_asked_of_it() {
    let far = Far::with(1, "SetEnv PATH=$HOST/bin:/usr/local/bin:/usr/bin:/bin");
    let bin = far.host(1).folder().join("bin");
    fs::create_dir(&bin).unwrap();
    far.write(SAYS);
    for shell in ["dash", "bash", "busybox"] {
        let words = if shell == "busybox" { "busybox sh" } else { shell };
        if !Command::new("sh").args(["-c", &format!("command -v {shell}")]).output().unwrap().status.success() {
            println!("not tried: {shell} is not installed");
            continue;
        }
        write_program(&bin.join("sh"), &format!("#!/bin/dash\nexec {words} \"$@\"\n"));
        far.run().ended(0);
        far.nothing_left();
    }
}

#[test]
fn without_setsid_what_it_started_is_found_by_its_parents() {
    let far = Far::with(1, "SetEnv PATH=$HOST/bin");
    let bin = far.host(1).folder().join("bin");
    fs::create_dir(&bin).unwrap();
    for program in [
        "sh", "dd", "cat", "mkdir", "rm", "rmdir", "mv", "wc", "tail", "head", "sleep", "sync", "env", "sed", "ps",
        "awk", "tr", "touch",
    ] {
        let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output().unwrap();
        let path = String::from_utf8(found.stdout).unwrap();
        std::os::unix::fs::symlink(path.trim(), bin.join(program)).unwrap();
    }
    far.write(SAYS);
    far.run().ended(0);
    far.write("steps: { a: { act: A, on: web1, script: 'sleep 876543; true', timeout: 1s } }\n");
    far.run().ended(5);
    runbook_tests::processes::none_with_words(&["sleep", "876543"]);
    far.nothing_left();
}

#[test]
fn three_machines_each_do_their_own_and_one_is_unplugged() {
    let Some(far) = Far::apart(3) else {
        println!("not tried: a network of its own for each host is not allowed here");
        return;
    };
    far.write(
        "
steps:
  first: { act: First, on: web1, script: 'uname -n >> $WORK/names', idempotent: true }
  second: { act: Second, on: web2, script: 'uname -n >> $WORK/names; sleep 1; uname -n >> $WORK/names' }
  third: { act: Third, on: web3, script: 'uname -n >> $WORK/names', idempotent: true }
",
    );
    let run = far.start(&["run", "try"]);
    until(|| if far.desk.count("names") == 2 { Ok(()) } else { Err(far.desk.read("names")) });
    far.host(2).pull_cable(true);
    until(|| if far.desk.count("names") == 3 { Ok(()) } else { Err(far.desk.read("names")) });
    far.host(2).pull_cable(false);
    run.end().ended(0);
    assert_eq!(far.desk.read("names"), "web1\nweb2\nweb2\nweb3\n");
    far.nothing_left();
}

#[test]
fn a_full_disk_there_lets_nothing_begin() {
    if !is_root() {
        println!("not tried: only root mounts a disk that can be full");
        return;
    }
    let far = Far::one();
    let state = far.host(1).state();
    let mounted =
        Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k,nr_inodes=64", "tmpfs"]).arg(&state).status();
    if !mounted.unwrap().success() {
        println!("not tried: mounting is not allowed here");
        return;
    }
    let mounted = Mounted(state.clone());
    fs::write(state.join("filler"), vec![b'x'; 60 << 10]).unwrap();
    fs::write(state.join("filler-2"), vec![b'x'; 4 << 10]).unwrap_or_default();
    far.write(
        "
steps:
  look: { verify: Look, on: web1, run: 'true', on_fail: change }
  change: { act: Change, needs: [look], on: web1, run: touch $WORK/changed, idempotent: true, on_fail: tell }
  tell: { escalate: Somebody is told, to: oncall, handover: true }
",
    );
    far.run().ended(3);
    let story = far.desk.story();
    assert_eq!((story.settled("look"), story.settled("change")), ("unknown", "failed"));
    let reason = story.last("step.settled", Some("change"), "reason").unwrap().to_string();
    assert!(reason.contains("it was not started on web1: ") && reason.contains("cannot be"), "{reason}");
    assert!(!far.desk.work().join("changed").exists());
    assert_eq!(story.of("doubt.opened", None).count(), 0);
    // One that fills up while it runs keeps the end of what runs: its room was taken before.
    fs::remove_file(state.join("filler")).unwrap();
    far.write(
        "
steps:
  fill:
    act: Fill the disk
    on: web1
    script: 'cat /dev/zero > $WORK/web1/state/filler || true; echo filled > $WORK/changed; exit 7'
    expect: exit_code == 7
    idempotent: true
",
    );
    far.run().ended(0);
    assert!(far.desk.work().join("changed").exists());
    drop(mounted);
}

struct Mounted(std::path::PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        let _gone = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
