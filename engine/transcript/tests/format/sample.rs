//! A store written by the first program that wrote this format: it must read for ever.

use std::path::PathBuf;

use runbook_transcript::file::Sharing;
use runbook_transcript::ledger::Ledger;
use runbook_transcript::reader::Reader;
use runbook_transcript::run_dir::RunDir;
use runbook_transcript::run_id::RunId;
use runbook_transcript::verify::{Verdict, verify};

use crate::scene::{Scene, at};

fn sample() -> (RunDir, Ledger) {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/sample-v1");
    let id = RunId::new("20261122-0915-dns-failover-k7q2").unwrap();
    let run = RunDir::new(root.join("runs").join(id.as_str()), id, Sharing::Private);
    (run, Ledger::new(root.join("ledger.jsonl"), Sharing::Private))
}

#[test]
fn version_1_still_reads() {
    let (run, ledger) = sample();
    let entries: Vec<_> =
        Reader::open(&run.transcript(), Some(run.id().clone())).unwrap().map(|entry| entry.unwrap()).collect();
    assert_eq!(entries.len(), 8);
    assert_eq!((entries[3].step.as_deref(), entries[3].attempt, entries[3].bt), (Some("active"), Some(1), 500_042));
    assert_eq!((entries[5].actor.id.as_str(), entries[5].actor.uid, entries[5].ts), ("khouse", 1000, at(9_000)));
    assert_eq!(entries[5].d["text"], "caf\u{e9} \u{1f600} \u{202e}\u{7f}\u{85} \"\\/\t");
    assert_eq!(entries[6].kind, "something.new");
    let found = verify(&run, Some(&ledger)).unwrap();
    assert_eq!(found.verdict, Verdict::Sealed);
    assert_eq!(ledger.read().unwrap()[1].note.outcome.as_deref(), Some("resolved"));
}

#[test]
fn version_1_is_still_written_in_the_same_bytes() {
    let (run, ledger) = sample();
    let scene = Scene::finished();
    assert_eq!(scene.run.id(), run.id());
    let read = |path| String::from_utf8(std::fs::read(path).unwrap()).unwrap();
    assert_eq!(read(scene.run.transcript()), read(run.transcript()));
    assert_eq!(read(scene.store.ledger().path().to_owned()), read(ledger.path().to_owned()));
}
