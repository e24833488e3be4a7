//! A store in a temporary folder, and entries that always are the same.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use jiff::Timestamp;
use runbook_core::id::RunbookName;
use runbook_core::run::record::{Actor, Auth};
use runbook_transcript::blob::Durable;
use runbook_transcript::entry::Draft;
use runbook_transcript::ledger::{LedgerNote, SEALED, STARTED};
use runbook_transcript::run_dir::RunDir;
use runbook_transcript::store::Store;
use runbook_transcript::writer::Writer;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

pub(crate) const START: &str = "2026-11-22T09:15:03.250Z";

/// Sees to it that `jq` and the like are there; `.ci/setup` installs what is missing.
pub(crate) fn programs_ready() {
    static READY: OnceLock<bool> = OnceLock::new();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.ci/setup");
    let ready = READY.get_or_init(|| {
        let run = |words: &[&str]| Command::new(&script).args(words).stdin(Stdio::null()).status().unwrap().success();
        run(&["--check"]) || run(&[])
    });
    assert!(ready, "{} could not install what is missing", script.display());
}

pub(crate) struct Scene {
    pub(crate) store: Store,
    pub(crate) run: RunDir,
    pub(crate) directory: TempDir,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::init(&directory.path().join(".runbook")).unwrap();
        let run = store.create_run(&RunbookName::new("dns-failover").unwrap(), at(0), [17, 5, 21, 0]).unwrap();
        Self { store, run, directory }
    }

    /// A run that is over: eight entries, one blob, two lines in the ledger.
    pub(crate) fn finished() -> Self {
        let scene = Self::new();
        scene.finish();
        scene
    }

    pub(crate) fn finish(&self) {
        let mut writer = Writer::create(&self.run).unwrap();
        let blob = self.run.blobs().put(b"dns1\n", Durable::No).unwrap();
        for draft in drafts(&blob.to_hex()) {
            let kind = draft.kind.clone();
            let entry = writer.append(draft).unwrap();
            if entry.n == 0 || kind == "run.sealed" {
                let kind = if entry.n == 0 { STARTED } else { SEALED };
                self.store.ledger().append(note(&self.run, kind, writer.head(), entry.ts)).unwrap();
            }
        }
    }

    pub(crate) fn transcript(&self) -> Vec<u8> {
        std::fs::read(self.run.transcript()).unwrap()
    }
}

pub(crate) fn note(run: &RunDir, kind: &str, head: runbook_transcript::digest::Digest, ts: Timestamp) -> LedgerNote {
    LedgerNote {
        ts,
        kind: kind.to_owned(),
        run: run.id().clone(),
        head,
        runbook: run.id().runbook().to_owned(),
        outcome: (kind == SEALED).then(|| "resolved".to_owned()),
    }
}

pub(crate) fn at(milliseconds: i64) -> Timestamp {
    let start: Timestamp = START.parse().unwrap();
    Timestamp::from_millisecond(start.as_millisecond() + milliseconds).unwrap()
}

pub(crate) fn object(value: Value) -> Map<String, Value> {
    let Value::Object(map) = value else { panic!("not an object: {value}") };
    map
}

pub(crate) fn draft(milliseconds: i64, kind: &str, d: Value) -> Draft {
    Draft {
        ts: at(milliseconds),
        bt: 500_000 + u64::try_from(milliseconds).unwrap(),
        actor: Actor::engine(1000),
        kind: kind.to_owned(),
        step: None,
        attempt: None,
        d: object(d),
    }
}

pub(crate) fn drafts(blob: &str) -> Vec<Draft> {
    let step = |draft: Draft| Draft { step: Some("active".to_owned()), attempt: Some(1), ..draft };
    let person = Actor { id: "khouse".to_owned(), auth: Auth::Tty, uid: 1000, origin: "terminal".to_owned() };
    vec![
        draft(
            0,
            "run.started",
            json!({"boot_id": "6b1c1a2e", "mode": "real", "params": {"name": "\"shop.internal\""}}),
        ),
        step(draft(10, "step.planned", json!({"plan": {"blob": blob}}))),
        step(draft(11, "step.intent", json!({}))),
        step(draft(42, "step.output", json!({"blob": blob, "bytes": 5, "excerpt": "dns1\n", "stream": "stdout"}))),
        step(draft(43, "step.settled", json!({"exit_code": 0, "duration": 31, "outcome": "passed"}))),
        Draft {
            actor: person,
            ..draft(9_000, "note", json!({"text": "caf\u{e9} \u{1f600} \u{202e}\u{7f}\u{85} \"\\/\t"}))
        },
        draft(9_500, "something.new", json!({"list": [1, -2, true, {"a": []}]})),
        draft(10_000, "run.sealed", json!({"outcome": "resolved"})),
    ]
}

/// Copies a folder of files and folders.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for item in std::fs::read_dir(from).unwrap() {
        let item = item.unwrap();
        let target = to.join(item.file_name());
        if item.file_type().unwrap().is_dir() {
            copy(&item.path(), &target);
        } else {
            std::fs::copy(item.path(), target).unwrap();
        }
    }
}
