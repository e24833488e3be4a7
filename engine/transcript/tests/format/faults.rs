//! Writes and syncs that fail, machines that stop in the middle, bytes that change.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use runbook_transcript::reader::{ReadError, Reader};
use runbook_transcript::storage::{FileStorage, Storage};
use runbook_transcript::writer::{AppendError, OpenError, Writer};
use rustix::io::Errno;
use serde_json::json;

use crate::scene::{Scene, draft, drafts};

/// A file whose n-th write or sync fails, and every one after it succeeds: the worst kind.
struct Faulty {
    file: FileStorage,
    calls: Arc<AtomicUsize>,
    fails_at: usize,
    errno: Errno,
    /// Bytes that are written all the same.
    half: usize,
}

impl Faulty {
    fn fails(&self) -> bool {
        self.calls.fetch_add(1, Ordering::Relaxed) == self.fails_at
    }
}

impl Storage for Faulty {
    fn size(&self) -> io::Result<u64> {
        self.file.size()
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.fails() {
            self.file.write_all(&bytes[..self.half.min(bytes.len())])?;
            return Err(self.errno.into());
        }
        self.file.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.fails() { Err(self.errno.into()) } else { self.file.sync() }
    }
}

fn faulty(scene: &Scene, fails_at: usize, errno: Errno, half: usize) -> (Writer, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let shared = Arc::clone(&calls);
    let writer =
        Writer::create_on(&scene.run, |file| Box::new(Faulty { file, calls: shared, fails_at, errno, half })).unwrap();
    (writer, calls)
}

#[test]
fn the_first_failure_is_the_last_call() {
    // Even calls are writes, odd ones syncs.
    for fails_at in 0..8 {
        for (errno, half) in [(Errno::NOSPC, 0), (Errno::NOSPC, 7), (Errno::IO, usize::MAX)] {
            let scene = Scene::new();
            let (mut writer, calls) = faulty(&scene, fails_at, errno, half);
            let mut sound = 0;
            let error = loop {
                let kind = if sound == 0 { "run.started" } else { "note" };
                match writer.append_synced(draft(sound, kind, json!({"text": "x"}))) {
                    Ok(entry) => sound = i64::try_from(entry.n).unwrap() + 1,
                    Err(error) => break error,
                }
            };
            assert_eq!(sound, i64::try_from(fails_at / 2).unwrap());
            let AppendError::Failed(error) = error else { panic!("{error}") };
            assert_eq!(error.source.raw_os_error(), Some(errno.raw_os_error()));
            assert_eq!(error.path, scene.run.transcript());

            let before = (calls.load(Ordering::Relaxed), scene.transcript());
            for _ in 0..3 {
                let append = writer.append(draft(1, "note", json!({}))).unwrap_err();
                let AppendError::Poisoned { path, first } = append else { panic!("{append}") };
                assert_eq!((path, first), (scene.run.transcript(), error.to_string()));
                assert!(matches!(writer.sync(), Err(AppendError::Poisoned { .. })));
            }
            assert_eq!((calls.load(Ordering::Relaxed), scene.transcript()), before, "nothing more was tried");

            // What was promised is there, and the run can go on from it.
            drop(writer);
            let mut entries = Vec::new();
            let (mut writer, _) = Writer::open(&scene.run, |entry| entries.push(entry)).unwrap();
            assert!(i64::try_from(entries.len()).unwrap() >= sound);
            let kind = if entries.is_empty() { "run.started" } else { "recovered" };
            writer.append_synced(draft(20, kind, json!({}))).unwrap();
            assert!(Reader::open(&scene.run.transcript(), None).unwrap().all(|entry| entry.is_ok()));
        }
    }
}

#[test]
fn a_sync_is_asked_for_only_when_there_is_something_to_sync() {
    let scene = Scene::new();
    let (mut writer, calls) = faulty(&scene, usize::MAX, Errno::IO, 0);
    writer.sync().unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), 0);
    for n in 0..5 {
        writer.append(draft(n, "run.started", json!({}))).unwrap();
    }
    assert_eq!(calls.load(Ordering::Relaxed), 5);
    for _ in 0..3 {
        writer.sync().unwrap();
    }
    assert_eq!(calls.load(Ordering::Relaxed), 6);
}

#[test]
fn what_cannot_be_written_leaves_the_transcript_as_it_was() {
    let scene = Scene::new();
    let mut writer = Writer::create(&scene.run).unwrap();
    writer.append(draft(0, "run.started", json!({}))).unwrap();
    let before = scene.transcript();
    let error = writer.append(draft(1, "note", json!({"a": {"b": 0.5}}))).unwrap_err();
    assert_eq!(error.to_string(), "an entry cannot be written: d.a.b: a number with a fraction cannot be recorded");
    let error = writer.append(draft(1, "note", json!({"text": "x".repeat(16 << 20)}))).unwrap_err();
    assert!(matches!(error, AppendError::TooLong { .. }));
    assert_eq!(scene.transcript(), before);
    assert_eq!(writer.append(draft(1, "note", json!({}))).unwrap().n, 1);
}

#[test]
fn somebody_elses_bytes_stop_the_writer() {
    let scene = Scene::new();
    let mut writer = Writer::create(&scene.run).unwrap();
    writer.append(draft(0, "run.started", json!({}))).unwrap();
    let mut bytes = scene.transcript();
    bytes.extend_from_slice(b"{}\n");
    fs::write(scene.run.transcript(), &bytes).unwrap();
    let error = writer.append(draft(1, "note", json!({}))).unwrap_err();
    assert!(error.to_string().ends_with("somebody else writes to it"), "{error}");
    assert_eq!(scene.transcript(), bytes);
}

#[test]
fn a_line_torn_at_any_byte_is_moved_aside() {
    let scene = Scene::new();
    let mut writer = Writer::create(&scene.run).unwrap();
    let mut entries = Vec::new();
    let mut whole = 0;
    for draft in drafts(&"0".repeat(64)).into_iter().take(6) {
        whole = scene.transcript().len();
        entries.push(writer.append(draft).unwrap());
    }
    drop(writer);
    let good = scene.transcript();
    let mut set_aside = Vec::new();
    for torn_at in whole + 1..good.len() {
        fs::write(scene.run.transcript(), &good[..torn_at]).unwrap();
        let mut read = Vec::new();
        let (mut writer, torn) = Writer::open(&scene.run, |entry| read.push(entry)).unwrap();
        assert_eq!(read, entries[..5]);
        let torn = torn.unwrap();
        assert_eq!((torn.n, torn.bytes), (5, (torn_at - whole) as u64));
        assert_eq!(scene.transcript(), good[..whole]);
        set_aside.extend_from_slice(&good[whole..torn_at]);
        set_aside.push(b'\n');
        assert!(fs::read(&torn.path).unwrap() == set_aside);
        let entry = writer.append(draft(20_000, "recovered", json!({}))).unwrap();
        assert_eq!(
            (entry.n, entry.prev, writer.count()),
            (5, runbook_transcript::digest::Digest::of(last_line(&good[..whole])), 6)
        );
    }
    // Torn nowhere.
    fs::write(scene.run.transcript(), &good).unwrap();
    let (writer, torn) = Writer::open(&scene.run, |_| {}).unwrap();
    assert_eq!((writer.count(), torn), (6, None));
}

fn last_line(bytes: &[u8]) -> &[u8] {
    let start = bytes[..bytes.len() - 1].iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    &bytes[start..]
}

#[test]
fn any_changed_byte_before_the_last_line_is_found() {
    let scene = Scene::new();
    let mut writer = Writer::create(&scene.run).unwrap();
    for draft in drafts(&"0".repeat(64)).into_iter().take(6) {
        writer.append(draft).unwrap();
    }
    drop(writer);
    let good = scene.transcript();
    let last = good.len() - last_line(&good).len();
    for at in 0..last {
        for change in [1, 0x20, 0x80] {
            let mut bad = good.clone();
            bad[at] ^= change;
            let line = good[..at].split(|&byte| byte == b'\n').count() as u64 - 1;
            let end = Reader::new(bad.as_slice(), Path::new("t"), None).last().unwrap();
            let Err(ReadError::Broken { n, .. }) = end else { panic!("byte {at}: {end:?}") };
            assert!(n == line || n == line + 1, "byte {at} of line {line}, found at {n}");
        }
    }
    let mut bad = good.clone();
    bad[5] ^= 1;
    fs::write(scene.run.transcript(), &bad).unwrap();
    let error = Writer::open(&scene.run, |_| {}).unwrap_err();
    assert!(matches!(error, OpenError::Broken { error: ReadError::Broken { n: 0, .. }, .. }), "{error}");
    assert_eq!(scene.transcript(), bad, "what is broken is not touched");
}

#[test]
fn a_removed_or_repeated_or_exchanged_line_is_found() {
    let scene = Scene::finished();
    let good = scene.transcript();
    let lines: Vec<&[u8]> = good.split_inclusive(|&byte| byte == b'\n').collect();
    let broken_at = |lines: &[&[u8]]| match Reader::new(lines.concat().as_slice(), Path::new("t"), None).last().unwrap()
    {
        Err(ReadError::Broken { n, .. }) => Some(n),
        Ok(_) => None,
        Err(error) => panic!("{error}"),
    };
    assert_eq!(broken_at(&lines), None);
    for at in 0..lines.len() - 1 {
        let mut without = lines.clone();
        without.remove(at);
        assert_eq!(broken_at(&without), Some(at as u64));
        let mut exchanged = lines.clone();
        exchanged.swap(at, at + 1);
        assert_eq!(broken_at(&exchanged), Some(at as u64));
        let mut repeated = lines.clone();
        repeated.insert(at, lines[at]);
        assert_eq!(broken_at(&repeated), Some(at as u64 + 1));
    }
}
