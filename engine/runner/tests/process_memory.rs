//! Memory stays flat whatever a child prints. Alone in its process, because the high-water mark is the process's.
#![expect(clippy::unwrap_used, reason = "a failing test may stop where it is")]

use runbook_runner::process::{End, Spec, SpillPaths, start};

/// Bytes this process ever had resident at once.
fn high_water() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() << 10
}

#[test]
fn a_hundred_megabytes_printed_leave_memory_flat() {
    const PRINTED: u64 = 100_000_000;
    let directory = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut spec = Spec::new("/bin/sh", "/");
    spec.words = vec!["-c".into(), format!("yes 'a line of output' | head -c {PRINTED}").into()];
    spec.environment = vec![("PATH".into(), "/usr/bin:/bin".into())];
    spec.capture.file = 20 << 20;
    spec.spill = Some(SpillPaths {
        stdout: directory.path().join("stdout"),
        stderr: directory.path().join("stderr"),
        sync: false,
    });
    let limits = spec.capture;
    let before = high_water();
    let mut live = 0;
    let ended = runtime.block_on(async { start(spec).unwrap().wait(|_, chunk| live += chunk.len() as u64).await });
    let grown = high_water() - before;
    assert_eq!(ended.end, End::Exited(0));
    assert_eq!(ended.stdout.bytes_seen, PRINTED);
    assert_eq!(live, PRINTED);
    assert_eq!(ended.stdout.bytes_on_disk, limits.file);
    assert_eq!(std::fs::metadata(directory.path().join("stdout")).unwrap().len(), limits.file);
    assert_eq!(ended.stdout.kept.len(), limits.memory);
    assert!(!ended.stdout.complete);
    // A vector that grows holds its old and new self: three times the limit, and the rest for the code's own pages.
    assert!(grown < 3 * limits.memory as u64 + (4 << 20), "grew by {grown} bytes");
}
