use std::fs;
use std::time::{Duration, Instant};

use plant_shop::dns::Server;
use plant_shop::lab::{Fault, Lab};
use plant_shop::person::Person;
use rustix::process::{Signal, kill_process};

use crate::{Shop, programs};

/// The command lines of all processes that name `folder`, as a lab's do.
pub(crate) fn naming(folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap() {
        let line = fs::read(entry.unwrap().path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains(folder) {
            found.push(line);
        }
    }
    found
}

/// Looks again until none names `folder`; the kernel takes a moment to end what it was told to.
pub(crate) fn assert_none_name(folder: &str) {
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut left = naming(folder);
    while !left.is_empty() && Instant::now() < deadline {
        std::thread::yield_now();
        left = naming(folder);
    }
    assert_eq!(left, Vec::<String>::new());
}

#[test]
fn a_lab_that_is_dropped_leaves_no_process_not_even_a_stopped_one_or_one_that_hangs() {
    let shop = Shop::open();
    let folder = shop.lab.dir().display().to_string();
    assert_eq!(naming(&folder).len(), 3, "two servers and the switch");
    shop.lab.inject_into(Server::Dns1, Fault::Stopped).unwrap();
    shop.lab.inject_into(Server::Dns2, Fault::Stuck).unwrap();
    assert_eq!(naming(&folder).len(), 4);
    drop(shop);
    assert_eq!(naming(&folder), Vec::<String>::new());
}

#[test]
fn a_lab_outlives_the_thread_that_started_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_owned();
    let lab = std::thread::spawn(move || Lab::start_with(&path, programs()).unwrap()).join().unwrap();
    assert_eq!(naming(&lab.dir().display().to_string()).len(), 3);
    lab.query(Server::Dns1, "shop.internal").unwrap();
}

#[test]
fn a_test_that_panics_leaves_no_process() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_owned();
    let panicked = std::thread::spawn(move || {
        let lab = Lab::start_with(&path, programs()).unwrap();
        assert!(lab.query(Server::Dns1, "nobody.shop.internal").is_ok(), "this is the panic");
    });
    assert!(panicked.join().is_err());
    assert_eq!(naming(&dir.path().display().to_string()), Vec::<String>::new());
}

fn hanging_rehearsal(dir: &std::path::Path) -> Person {
    let mut command = crate::rehearsal::command(dir, "broken");
    command.args(["-p", "hang=yes"]);
    let mut person = Person::sit_down(command, None).unwrap();
    person.expect("waiting for ever", Duration::from_secs(30)).unwrap();
    person
}

#[test]
fn ctrl_c_ends_a_rehearsal_and_every_process_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().canonicalize().unwrap().display().to_string();
    let mut person = hanging_rehearsal(dir.path());
    assert!(naming(&folder).len() > 3);
    person.type_keys("\u{3}").unwrap();
    let status = person.wait(Duration::from_secs(30)).unwrap();
    assert!(!status.success());
    assert!(person.page().contains("signal: 2"), "{}", person.page());
    assert_none_name(&folder);
}

#[test]
fn a_rehearsal_that_is_killed_outright_leaves_no_process() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().canonicalize().unwrap().display().to_string();
    let mut person = hanging_rehearsal(dir.path());
    kill_process(person.pid(), Signal::KILL).unwrap();
    person.wait(Duration::from_secs(10)).unwrap();
    assert_none_name(&folder);
}
