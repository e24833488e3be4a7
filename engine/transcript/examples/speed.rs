//! How long it takes to write and to verify 100,000 entries, by hand:
//! `cargo run --release -p runbook-transcript --example speed [FOLDER]`.
#![expect(clippy::print_stdout, reason = "a measurement is for a person")]

use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use jiff::Timestamp;
use runbook_core::id::RunbookName;
use runbook_core::run::record::Actor;
use runbook_transcript::entry::Draft;
use runbook_transcript::store::Store;
use runbook_transcript::verify::verify;
use runbook_transcript::writer::Writer;
use serde_json::{Map, Value};

const ENTRIES: u32 = 100_000;

fn draft(n: u32) -> Draft {
    let mut d = Map::new();
    d.insert("exit_code".to_owned(), Value::from(0));
    d.insert("head".to_owned(), Value::from("one line of output, as most steps have\n"));
    d.insert("outcome".to_owned(), Value::from("passed"));
    Draft {
        ts: Timestamp::UNIX_EPOCH,
        bt: u64::from(n),
        actor: Actor::engine(0),
        kind: if n == 0 { "run.started" } else { "step.settled" }.to_owned(),
        step: Some("answering".to_owned()),
        attempt: Some(n),
        d,
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir_in(std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from))?;
    let store = Store::init(&folder.path().join("store"))?;
    let run = store.create_run(&RunbookName::new("speed")?, Timestamp::UNIX_EPOCH, [0; 4])?;
    let mut writer = Writer::create(&run)?;
    let started = Instant::now();
    for n in 0..ENTRIES {
        writer.append(draft(n))?;
    }
    writer.sync()?;
    println!("{ENTRIES} entries appended and synced once: {:?}", started.elapsed());
    let started = Instant::now();
    let found = verify(&run, None)?;
    println!("{} entries verified, {}: {:?}", found.entries, found.verdict, started.elapsed());
    Ok(())
}
