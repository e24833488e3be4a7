//! What is said about a whole run.

use std::fs;

use runbook_transcript::blob::Durable;
use runbook_transcript::digest::Digest;
use runbook_transcript::entry::{Draft, Entry};
use runbook_transcript::file::Sharing;
use runbook_transcript::run_dir::RunDir;
use runbook_transcript::run_id::RunId;
use runbook_transcript::verify::{Verdict, Verification, verify};
use runbook_transcript::wire::entry_v1;
use runbook_transcript::writer::Writer;
use serde_json::{Value, json};

use crate::scene::{Scene, draft};

fn look(scene: &Scene) -> Verification {
    verify(&scene.run, Some(&scene.store.ledger())).unwrap()
}

/// Writes a transcript that no writer of ours would: the chain is right, the meaning is the caller's.
fn forge(scene: &Scene, drafts: Vec<Draft>) {
    let mut bytes = Vec::new();
    let mut prev = Digest::ZERO;
    for (n, draft) in drafts.into_iter().enumerate() {
        let mut line = Vec::new();
        let Draft { ts, bt, actor, kind, step, attempt, d } = draft;
        let run = scene.run.id().clone();
        entry_v1::encode(&Entry { run, n: n as u64, prev, ts, bt, actor, kind, step, attempt, d }, &mut line).unwrap();
        prev = Digest::of(&line);
        bytes.extend_from_slice(&line);
    }
    fs::write(scene.run.transcript(), bytes).unwrap();
}

fn why_broken(scene: &Scene) -> (u64, String) {
    let verdict = verify(&scene.run, None).unwrap().verdict;
    let Verdict::Broken { n, why } = verdict else { panic!("{verdict}") };
    (n, why)
}

#[test]
fn a_finished_run_is_sealed_and_what_is_open_is_said() {
    let scene = Scene::finished();
    let found = look(&scene);
    assert_eq!((&found.verdict, found.verdict.exit_code()), (&Verdict::Sealed, 0));
    assert_eq!((found.entries, found.blobs, found.erased, found.torn_bytes), (8, 1, 0, 0));
    assert_eq!(found.by_kind.get("note"), Some(&1));
    assert_eq!(found.cannot_exclude.len(), 2);
    assert!(found.cannot_exclude[0].starts_with("Nothing is signed"));
    let alone = verify(&scene.run, None).unwrap();
    assert_eq!(alone.verdict, Verdict::Sealed);
    assert!(alone.cannot_exclude.iter().any(|sentence| sentence.starts_with("There was no ledger")));
}

#[test]
fn a_run_that_goes_on_is_unsealed() {
    let scene = Scene::finished();
    let bytes = scene.transcript();
    let seal = bytes[..bytes.len() - 1].iter().rposition(|&byte| byte == b'\n').unwrap() + 1;
    fs::remove_file(scene.run.transcript()).unwrap();
    fs::write(scene.run.transcript(), &bytes[..seal + 10]).unwrap();
    let found = look(&scene);
    assert_eq!(found.verdict.exit_code(), 13, "the ledger saw the seal: {}", found.verdict);
    let found = verify(&scene.run, None).unwrap();
    assert_eq!((found.verdict.exit_code(), found.entries, found.torn_bytes), (10, 7, 10));
    assert!(found.cannot_exclude[0].starts_with("The run is not sealed"));
    assert!(found.cannot_exclude[1].starts_with("The last line has no end"));
}

#[test]
fn a_transcript_written_anew_does_not_match_the_ledger() {
    let scene = Scene::finished();
    fs::remove_file(scene.run.transcript()).unwrap();
    let mut writer = Writer::create(&scene.run).unwrap();
    writer.append(draft(1, "run.started", json!({}))).unwrap();
    writer.append(draft(2, "run.sealed", json!({}))).unwrap();
    let found = look(&scene);
    assert_eq!(found.verdict.exit_code(), 13);
    assert!(found.verdict.to_string().contains("the ledger saw entry 0 with sha256"), "{}", found.verdict);
    assert_eq!(verify(&scene.run, None).unwrap().verdict, Verdict::Sealed);

    fs::write(scene.store.ledger().path(), "{}\n").unwrap();
    assert!(look(&scene).verdict.to_string().contains("is broken at line 0"));
}

#[test]
fn a_changed_byte_is_broken() {
    let scene = Scene::finished();
    let mut bytes = scene.transcript();
    let at = bytes.windows(6).position(|window| window == b"passed").unwrap();
    bytes[at] = b'P';
    fs::remove_file(scene.run.transcript()).unwrap();
    fs::write(scene.run.transcript(), bytes).unwrap();
    let found = look(&scene);
    assert_eq!((found.verdict.exit_code(), found.entries), (14, 5));
    let Verdict::Broken { n: 5, why } = &found.verdict else { panic!("{}", found.verdict) };
    assert!(why.starts_with("it follows a line with sha256"), "{why}");
    assert!(found.cannot_exclude[0].starts_with("What stands from the broken entry on"));
}

#[test]
fn a_blob_is_right_or_has_a_tombstone() {
    let scene = Scene::finished();
    let blob = scene.run.blobs().path_of(Digest::of(b"dns1\n"));
    fs::remove_file(&blob).unwrap();
    let (n, why) = why_broken(&scene);
    assert!(n == 1 && why.ends_with("is gone, and no tombstone says why"), "{why}");
    fs::write(&blob, "dns2\n").unwrap();
    let (n, why) = why_broken(&scene);
    assert!(n == 1 && why.contains("was changed"), "{why}");
    fs::remove_file(&blob).unwrap();
    fs::write(scene.run.blobs().tombstone_of(Digest::of(b"dns1\n")), "").unwrap();
    let found = look(&scene);
    assert_eq!((&found.verdict, found.blobs, found.erased), (&Verdict::Sealed, 0, 1));
    assert!(found.cannot_exclude.iter().any(|sentence| sentence.contains("erased blobs")));
}

#[test]
fn meaning_is_checked_as_far_as_the_format_knows_it() {
    let start = || draft(5, "run.started", json!({"boot_id": "one"}));
    let seal =
        |count: u64, by_kind: serde_json::Value| draft(9, "run.sealed", json!({"by_kind": by_kind, "count": count}));
    let blob = Digest::of(b"dns1\n").to_hex();
    for (entries, n, wanted) in [
        (vec![], 0, "there is no entry"),
        (vec![draft(0, "note", json!({}))], 0, "a transcript begins with \"run.started\", not with \"note\""),
        (vec![start(), start()], 1, "a run starts once"),
        (vec![start(), draft(4, "note", json!({}))], 1, "time goes back within a boot: 500004 ms after 500005 ms"),
        (vec![start(), draft(4, "run.resumed", json!({"boot_id": "one"}))], 1, "time goes back within a boot"),
        (vec![start(), draft(6, "note", json!({"blob": "x"}))], 1, "its `blob` is no sha256"),
        (vec![start(), seal(2, json!({"run.started": 1}))], 1, "the seal counts 2 entries before it, there are 1"),
        (vec![start(), draft(9, "run.sealed", json!({}))], 1, "the seal does not count what stands before it"),
        (vec![start(), seal(1, json!({"run.started": 2}))], 1, "the seal counts other numbers by kind"),
        (vec![start(), seal(1, json!({"note": 1, "run.started": 1}))], 1, "the seal counts other numbers by kind"),
        (vec![start(), seal(1, json!({"run.started": 1})), draft(9, "note", json!({}))], 2, "it follows the seal"),
        (vec![start(), draft(6, "note", json!({"blob": blob}))], 1, "is gone, and no tombstone"),
    ] {
        let scene = Scene::new();
        forge(&scene, entries);
        let (found, why) = why_broken(&scene);
        assert!(found == n && why.contains(wanted), "{found}: {why}");
    }
    let scene = Scene::new();
    forge(&scene, vec![start(), draft(4, "run.resumed", json!({"boot_id": "two"})), draft(4, "note", json!({}))]);
    assert_eq!(verify(&scene.run, None).unwrap().verdict, Verdict::Unsealed);
    forge(&scene, vec![start(), seal(1, json!({"run.started": 1}))]);
    let mut bytes = scene.transcript();
    bytes.extend_from_slice(b"{\"act");
    fs::write(scene.run.transcript(), bytes).unwrap();
    assert_eq!(why_broken(&scene), (2, "something follows the seal".to_owned()));
}

#[test]
fn another_runs_transcript_is_broken_here() {
    let scene = Scene::finished();
    let id = RunId::new("20261122-0915-dns-failover-k7q3").unwrap();
    let here = RunDir::new(scene.run.path().to_owned(), id, Sharing::Private);
    let Verdict::Broken { n: 0, why } = verify(&here, None).unwrap().verdict else { panic!() };
    assert!(why.starts_with("it belongs to run 20261122-0915-dns-failover-k7q2"), "{why}");
}

#[test]
fn the_runbooks_that_a_run_runs_are_blobs_of_its_start() {
    let scene = Scene::new();
    let there = scene.run.blobs().put(b"version: 1\n", Durable::No).unwrap().to_hex();
    let start = |called: Value| vec![draft(0, "run.started", json!({ "called": called }))];
    forge(&scene, start(json!({ "restart": there })));
    let found = verify(&scene.run, None).unwrap();
    assert_eq!((found.verdict, found.blobs), (Verdict::Unsealed, 1));
    let gone = "0".repeat(64);
    forge(&scene, start(json!({ "restart": there, "stop": gone })));
    assert_eq!(why_broken(&scene), (0, format!("its blob {gone} is gone, and no tombstone says why")));
    forge(&scene, start(json!({ "restart": "restart.yaml" })));
    assert_eq!(why_broken(&scene), (0, "its `called` has no sha256 of \"restart\"".to_owned()));
}
