//! How long it takes; by hand, with `cargo test --release -p runbook-transcript -- --ignored --nocapture`.
#![expect(clippy::print_stderr, reason = "a measurement is for a person")]

use std::time::Instant;

use runbook_transcript::verify::{Verdict, verify};
use runbook_transcript::writer::Writer;

use crate::scene::{Scene, draft, drafts};
use serde_json::json;

#[test]
#[ignore = "a measurement, for a quiet machine"]
fn a_hundred_thousand_entries() {
    let scene = Scene::new();
    let blob = scene.run.blobs().put(b"dns1\n", runbook_transcript::blob::Durable::No).unwrap().to_hex();
    let middle = &drafts(&blob)[1..7];
    let mut writer = Writer::create(&scene.run).unwrap();
    writer.append(draft(0, "run.started", json!({}))).unwrap();
    let started = Instant::now();
    for n in 0..100_000 {
        writer.append(middle[n % middle.len()].clone()).unwrap();
    }
    eprintln!("append: {:?}", started.elapsed());
    let started = Instant::now();
    let found = verify(&scene.run, None).unwrap();
    eprintln!("verify: {:?}, {} bytes", started.elapsed(), scene.transcript().len());
    assert_eq!((found.verdict, found.entries), (Verdict::Unsealed, 100_001));
}
