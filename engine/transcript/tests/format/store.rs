//! Where things stand, with which permissions, and how a run is found.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use runbook_core::id::RunbookName;
use runbook_transcript::blob::Durable;
use runbook_transcript::file::Sharing;
use runbook_transcript::lock::{Holder, LockError};
use runbook_transcript::store::{FindError, Store, StoreError};
use runbook_transcript::writer::{AppendError, OpenError, Writer};
use serde_json::json;

use crate::scene::{Scene, at, draft};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn everything_is_its_owners_alone() {
    let scene = Scene::finished();
    let root = scene.store.root();
    assert_eq!(fs::read_to_string(root.join(".gitignore")).unwrap(), "*\n");
    for directory in [root, &root.join("runs"), scene.run.path(), &scene.run.inbox(), scene.run.blobs().path()] {
        assert_eq!(mode(directory), 0o700, "{}", directory.display());
    }
    assert_eq!(mode(&root.join("ledger.jsonl")), 0o600);
    assert_eq!(mode(&scene.run.transcript()), 0o400);
    for blob in fs::read_dir(scene.run.blobs().path()).unwrap() {
        assert_eq!(mode(&blob.unwrap().path()), 0o400);
    }
}

#[test]
fn a_group_shares_a_store_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let gid = rustix::process::getgid().as_raw();
    let store = Store::init_for_group(&directory.path().join("store"), gid).unwrap();
    assert_eq!(store.sharing(), Sharing::Group);
    let run = store.create_run(&RunbookName::new("x").unwrap(), at(0), [0; 4]).unwrap();
    for directory in [store.root(), run.path(), &run.inbox()] {
        assert_eq!(mode(directory), 0o2770);
    }
    let mut writer = Writer::create(&run).unwrap();
    assert_eq!(mode(&run.transcript()), 0o660);
    writer.append(draft(0, "run.started", json!({}))).unwrap();
    writer.append(draft(0, "run.sealed", json!({}))).unwrap();
    assert_eq!(mode(&run.transcript()), 0o440);
}

#[test]
fn a_store_everybody_can_write_to_is_refused() {
    let scene = Scene::new();
    for path in [scene.store.root().to_owned(), scene.store.root().join("runs")] {
        fs::set_permissions(&path, Permissions::from_mode(0o777)).unwrap();
        let error = Store::open(scene.store.root()).unwrap_err();
        assert!(matches!(&error, StoreError::Writable(writable) if *writable == path), "{error}");
        fs::set_permissions(&path, Permissions::from_mode(0o700)).unwrap();
    }
    Store::open(scene.store.root()).unwrap();
}

#[test]
fn a_store_is_made_once_and_only_where_nothing_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    assert!(matches!(Store::open(&path), Err(StoreError::Missing(_))));
    let store = Store::open_or_init(&path).unwrap();
    assert_eq!(Store::open_or_init(&path).unwrap(), store);
    assert!(matches!(Store::init(&path), Err(StoreError::Exists(_))));
    assert!(matches!(Store::open(directory.path()), Err(StoreError::NotAStore(_))));
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(matches!(Store::open_or_init(&file), Err(StoreError::NotAStore(_))));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2, "nothing half made is left");
}

#[test]
fn an_empty_folder_becomes_a_store_and_keeps_its_rights() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    fs::create_dir(&path).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o777)).unwrap();
    assert!(matches!(Store::open_or_init(&path), Err(StoreError::Writable(_))));
    fs::set_permissions(&path, Permissions::from_mode(0o2770)).unwrap();
    let store = Store::open_or_init(&path).unwrap();
    assert_eq!(store.sharing(), runbook_transcript::file::Sharing::Group);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o2770);
    assert_eq!(fs::read_to_string(path.join(".gitignore")).unwrap(), "*\n");
    store.create_run(&RunbookName::new("x").unwrap(), at(0), [0; 4]).unwrap();
    assert_eq!(Store::open(&path).unwrap(), store);
    // One that was begun and not finished, and one where something else lies.
    let begun = directory.path().join("begun");
    fs::create_dir(&begun).unwrap();
    fs::write(begun.join(".gitignore"), "").unwrap();
    Store::open_or_init(&begun).unwrap();
    let other = directory.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("notes.txt"), "").unwrap();
    assert!(matches!(Store::open_or_init(&other), Err(StoreError::NotAStore(_))));
    assert_eq!(fs::read_dir(&other).unwrap().count(), 1);
}

#[test]
fn a_run_is_found_by_id_prefix_or_as_the_latest() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::init(&directory.path().join("store")).unwrap();
    assert!(matches!(store.find("latest"), Err(FindError::Empty)));
    let make = |name: &str, milliseconds: i64, chance: u8| {
        let name = RunbookName::new(name).unwrap();
        let run = store.create_run(&name, at(milliseconds), [chance; 4]).unwrap();
        Writer::create(&run).unwrap().append(draft(milliseconds, "run.started", json!({}))).unwrap();
        run
    };
    let first = make("disk-full", 0, 0);
    // Of the same minute; ids sort the other way round than time.
    let second = make("dns-failover", 20_000, 2);
    let third = make("dns-failover", 10_000, 3);
    fs::create_dir(store.root().join("runs/not-a-run")).unwrap();

    assert_eq!(store.list_runs().unwrap(), [first.id().clone(), second.id().clone(), third.id().clone()]);
    assert_eq!(store.find("latest").unwrap(), second);
    assert_eq!(store.find("20261122-0915-disk").unwrap(), first);
    assert_eq!(store.find(third.id().as_str()).unwrap(), third);
    assert_eq!(
        store.find("20261122-0915-dns").unwrap_err().to_string(),
        format!("2 runs begin with \"20261122-0915-dns\": {}, {}", third.id(), second.id())
    );
    for none in ["", "dns", "../runs", "20261122-0915-disk-full-2223"] {
        assert!(matches!(store.find(none), Err(FindError::None { .. })), "{none}");
    }
    let again = store.create_run(&RunbookName::new("disk-full").unwrap(), at(0), [0; 4]);
    assert!(matches!(again, Err(StoreError::Exists(_))));
}

#[test]
fn the_ends_of_a_transcript_are_read_without_the_middle() {
    let scene = Scene::finished();
    let ends = scene.run.ends().unwrap();
    assert_eq!((ends.first.unwrap().kind, ends.last.unwrap().n, ends.torn), ("run.started".to_owned(), 7, false));
    let scene = Scene::new();
    Writer::create(&scene.run).unwrap();
    fs::write(scene.run.transcript(), "{\"actor").unwrap();
    let ends = scene.run.ends().unwrap();
    assert_eq!((ends.first, ends.last, ends.torn), (None, None, true));
    fs::write(scene.run.transcript(), "{\"actor\n").unwrap();
    assert!(scene.run.ends().is_err());
}

#[test]
fn nothing_comes_after_the_seal() {
    let scene = Scene::new();
    let mut writer = Writer::create(&scene.run).unwrap();
    writer.append(draft(0, "run.started", json!({}))).unwrap();
    scene.run.blobs().put(b"x", Durable::No).unwrap();
    let seal = writer.append(draft(1, "run.sealed", json!({"outcome": "resolved"}))).unwrap();
    assert_eq!(
        serde_json::Value::Object(seal.d),
        json!({"by_kind": {"run.started": 1}, "count": 1, "outcome": "resolved"})
    );
    assert!(writer.is_sealed() && writer.unprotected().is_empty());
    assert!(matches!(writer.append(draft(2, "note", json!({}))), Err(AppendError::Sealed(_))));
    writer.sync().unwrap();
    assert!(matches!(Writer::open(&scene.run, |_| {}), Err(OpenError::Sealed(_))));
    assert!(Writer::create(&scene.run).is_err());
}

#[test]
fn a_stamp_of_the_past_is_lifted_within_a_boot_only() {
    let scene = Scene::new();
    let mut writer = Writer::create(&scene.run).unwrap();
    writer.append(draft(100, "run.started", json!({"boot_id": "one"}))).unwrap();
    let late = writer.append(draft(50, "note", json!({}))).unwrap();
    assert_eq!((late.bt, late.ts), (500_100, at(50)));
    drop(writer);
    let (mut writer, _) = Writer::open(&scene.run, |_| {}).unwrap();
    assert_eq!(writer.append(draft(60, "run.resumed", json!({"boot_id": "one"}))).unwrap().bt, 500_100);
    assert_eq!(writer.append(draft(70, "run.resumed", json!({"boot_id": "two"}))).unwrap().bt, 500_070);
}

#[test]
fn a_run_is_one_processes_at_a_time() {
    let scene = Scene::new();
    let holder = Holder { pid: 4242, operator: "khouse".to_owned(), since: at(0) };
    let lock = scene.run.lock(&holder).unwrap();
    assert_eq!(scene.run.holder().unwrap(), Some(Some(holder.clone())));
    let error = scene.run.lock(&holder).unwrap_err();
    assert!(matches!(&error, LockError::Held { holder: Some(found), .. } if *found == holder), "{error}");
    drop(lock);
    assert_eq!(scene.run.holder().unwrap(), None);
}
