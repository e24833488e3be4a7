//! The commands of `FORMAT.md`, run as they stand there.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::scene::{Scene, copy, programs_ready};

/// The commands of the document, as one script that fails when one of them does.
fn script() -> String {
    let document = include_str!("../../FORMAT.md");
    let commands = document.split("```bash\n").nth(1).unwrap().split("```").next().unwrap();
    assert!(commands.contains("sha256sum") && commands.contains("jq -acS"), "{commands}");
    format!("set -euo pipefail\n{commands}rm -r \"$D\"\n")
}

/// Whether the commands find all well in a run's folder.
fn all_well(run: &Path) -> bool {
    programs_ready();
    Command::new("bash").arg("-c").arg(script()).current_dir(run).output().unwrap().status.success()
}

#[test]
fn the_chain_is_walked_with_jq_and_sha256sum_alone() {
    let scene = Scene::finished();
    assert!(all_well(scene.run.path()));
    // A tombstone is no blob.
    fs::write(scene.run.path().join("blobs").join(format!("{}.erased", "0".repeat(64))), "").unwrap();
    assert!(all_well(scene.run.path()));
}

#[test]
fn a_changed_byte_is_found_by_hand() {
    let scene = Scene::finished();
    let good = scene.transcript();
    let copied = scene.directory.path().join("copy");
    copy(scene.run.path(), &copied);
    let transcript = copied.join("transcript.jsonl");
    fs::remove_file(&transcript).unwrap();
    let last_line = good[..good.len() - 1].iter().rposition(|&byte| byte == b'\n').unwrap() + 1;
    for at in (0..last_line).step_by(last_line / 40) {
        let mut bad = good.clone();
        bad[at] = if bad[at] == b'7' { b'8' } else { b'7' };
        fs::write(&transcript, &bad).unwrap();
        assert!(!all_well(&copied), "byte {at}");
    }
    fs::write(&transcript, &good).unwrap();
    assert!(all_well(&copied));
    let blob = fs::read_dir(copied.join("blobs")).unwrap().next().unwrap().unwrap().path();
    fs::remove_file(&blob).unwrap();
    fs::write(&blob, "dns2\n").unwrap();
    assert!(!all_well(&copied));
}
