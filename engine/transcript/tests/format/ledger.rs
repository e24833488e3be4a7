//! The store's own chain.

use std::fs;

use runbook_transcript::digest::Digest;
use runbook_transcript::ledger::{LedgerError, Mismatch, SEALED, STARTED};
use runbook_transcript::run_id::RunId;

use crate::scene::{Scene, at, note};

#[test]
fn many_at_once_make_one_chain() {
    let scene = Scene::new();
    let ledger = scene.store.ledger();
    assert_eq!(ledger.head().unwrap(), Digest::ZERO);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for n in 0..10_u8 {
                    scene.store.ledger().append(note(&scene.run, "review", Digest::of(&[n]), at(0))).unwrap();
                }
            });
        }
    });
    let lines = ledger.read().unwrap();
    assert_eq!(lines.len(), 40);
    let last = fs::read_to_string(ledger.path()).unwrap().lines().last().unwrap().to_owned() + "\n";
    assert_eq!(ledger.head().unwrap(), Digest::of(last.as_bytes()));
}

#[test]
fn a_torn_tail_is_moved_aside_and_a_bad_line_is_not() {
    let scene = Scene::finished();
    let ledger = scene.store.ledger();
    let good = fs::read(ledger.path()).unwrap();
    let lines: Vec<_> = good.split_inclusive(|&byte| byte == b'\n').collect();
    for torn_at in 1..lines[1].len() {
        fs::write(ledger.path(), [lines[0], &lines[1][..torn_at]].concat()).unwrap();
        assert_eq!(ledger.read().unwrap().len(), 1);
        let line = ledger.append(note(&scene.run, "review", Digest::ZERO, at(0))).unwrap();
        assert_eq!((line.n, line.prev), (1, Digest::of(lines[0])));
        assert_eq!(ledger.read().unwrap().len(), 2);
    }
    assert!(ledger.path().with_extension("torn").exists());

    for at in 0..lines[0].len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(ledger.path(), &bad).unwrap();
        assert!(matches!(ledger.read(), Err(LedgerError::Broken { .. })), "byte {at}");
    }
    fs::write(ledger.path(), [lines[0], b"{}\n"].concat()).unwrap();
    let error = ledger.append(note(&scene.run, "review", Digest::ZERO, at(0))).unwrap_err();
    assert!(matches!(error, LedgerError::Broken { n: None, .. }), "{error}");
}

#[test]
fn the_ledger_knows_how_runs_began_and_ended() {
    let scene = Scene::new();
    let ledger = scene.store.ledger();
    let (run, first, last, other) = (scene.run.id(), Digest::of(b"0"), Digest::of(b"9"), Digest::of(b"x"));
    assert_eq!(ledger.check(run, first, None).unwrap(), Some(Mismatch::NotStarted));
    ledger.append(note(&scene.run, STARTED, first, at(0))).unwrap();
    assert_eq!(ledger.check(run, first, None).unwrap(), None);
    assert_eq!(
        ledger.check(run, other, None).unwrap(),
        Some(Mismatch::OtherStart { ledger: first, transcript: other })
    );
    assert_eq!(ledger.check(run, first, Some(last)).unwrap(), Some(Mismatch::NotSealed));
    ledger.append(note(&scene.run, SEALED, last, at(0))).unwrap();
    assert_eq!(ledger.check(run, first, Some(last)).unwrap(), None);
    assert_eq!(ledger.check(run, first, None).unwrap(), Some(Mismatch::SealGone { ledger: last }));
    assert_eq!(
        ledger.check(run, first, Some(other)).unwrap(),
        Some(Mismatch::OtherSeal { ledger: last, transcript: other })
    );
    let another = RunId::new("20261122-0915-dns-failover-2222").unwrap();
    assert_eq!(ledger.check(&another, first, None).unwrap(), Some(Mismatch::NotStarted));
    assert_eq!(ledger.vanished(&[another]).unwrap(), std::slice::from_ref(run));
    assert_eq!(ledger.vanished(std::slice::from_ref(run)).unwrap(), []);
    ledger.append(note(&scene.run, SEALED, other, at(0))).unwrap();
    assert_eq!(ledger.check(run, first, Some(last)).unwrap(), Some(Mismatch::Twice { kind: SEALED.to_owned() }));
}
