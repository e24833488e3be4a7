//! What goes in and comes out.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;

use runbook_runner::process::{End, SpillPaths, Stdin, Stream};
use sha2::{Digest, Sha256};

use crate::world::{Marked, block_on, system};

fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[test]
fn both_streams_are_kept_apart() {
    let ended = Marked::sh("echo out; echo err >&2").run();
    assert_eq!(ended.stdout.kept, b"out\n");
    assert_eq!(ended.stderr.kept, b"err\n");
    assert_eq!(ended.stderr.head, b"err\n");
    assert_eq!(ended.stderr.tail, b"");
    assert_eq!(ended.stdout.digest, sha256(b"out\n"));
    assert_eq!(ended.stdout.file, None);
}

#[test]
fn large_input_comes_back_whole() {
    let input: Vec<u8> = (0..5_000_000_u32).map(|index| u8::try_from(index % 251).unwrap()).collect();
    let mut child = Marked::program(&system("cat"), &[]);
    child.spec.capture.memory = 6_000_000;
    child.spec.stdin = Stdin::Bytes(input.clone());
    let mut live = Vec::new();
    let ended = block_on(child.run_with(|stream, chunk| {
        assert_eq!(stream, Stream::Stdout);
        assert!(chunk.len() <= 64 << 10);
        live.extend_from_slice(chunk);
    }));
    assert_eq!(ended.end, End::Exited(0));
    assert!(ended.stdout.complete);
    assert!(ended.stdout.kept == input, "what came back differs");
    assert!(live == input, "what was told live differs");
}

#[test]
fn input_is_closed_unless_given() {
    let ended = Marked::program(&system("cat"), &[]).run();
    assert_eq!(ended.end, End::Exited(0));
    assert_eq!(ended.stdout.bytes_seen, 0);
    let mut child = Marked::program(&system("cat"), &[]);
    child.spec.stdin = Stdin::Bytes(Vec::new());
    assert_eq!(child.run().stdout.bytes_seen, 0);
}

#[test]
fn input_can_be_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("input");
    fs::write(&path, b"from a file").unwrap();
    let mut child = Marked::program(&system("cat"), &[]);
    child.spec.stdin = Stdin::File(path);
    assert_eq!(child.run().stdout.kept, b"from a file");
}

#[test]
fn bytes_that_are_not_utf8_pass_both_ways() {
    let word = b"a\xff\xfe\x1b[31m\x80z";
    let mut child = Marked::program(&system("printf"), &["%s"]);
    child.spec.words.push(OsString::from_vec(word.to_vec()));
    child.spec.environment.push(("N\u{e9}".into(), OsString::from_vec(b"\xc3".to_vec())));
    assert_eq!(child.run().stdout.kept, word);
}

#[test]
fn long_output_is_kept_by_head_and_tail_and_whole_in_its_file() {
    let directory = tempfile::tempdir().unwrap();
    let spill =
        SpillPaths { stdout: directory.path().join("stdout"), stderr: directory.path().join("stderr"), sync: true };
    let mut child = Marked::program(&system("seq"), &["200000"]);
    child.spec.capture.memory = 10_000;
    child.spec.capture.excerpt = 20;
    child.spec.spill = Some(spill.clone());
    let ended = child.run();

    let whole = (1..=200_000).map(|number| number.to_string()).collect::<Vec<_>>().join("\n") + "\n";
    let stdout = ended.stdout;
    assert!(!stdout.complete);
    assert_eq!(stdout.bytes_seen, whole.len() as u64);
    assert_eq!(stdout.bytes_on_disk, stdout.bytes_seen);
    assert!(whole.as_bytes().starts_with(&stdout.kept));
    assert_eq!(stdout.kept.len(), 10_000);
    assert_eq!(stdout.head, b"1\n2\n3\n4\n5\n6\n7\n8\n9\n10");
    assert_eq!(stdout.tail, b"99998\n199999\n200000\n");
    assert!(stdout.spill_error.is_none());
    let written = fs::read(&spill.stdout).unwrap();
    assert!(written == whole.as_bytes(), "the file differs");
    assert_eq!(stdout.digest, sha256(&written));
    assert_eq!(stdout.file.as_ref(), Some(&spill.stdout));
    assert_eq!(fs::metadata(&spill.stdout).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!spill.stderr.exists(), "a silent stream left a file");
}

#[test]
fn full_disk_is_told_and_does_not_end_the_child() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = Marked::sh("echo one; echo two >&2; exit 6");
    child.spec.spill = Some(SpillPaths {
        stdout: directory.path().join("missing/stdout"),
        stderr: directory.path().join("stderr"),
        sync: false,
    });
    let ended = child.run();
    assert_eq!(ended.end, End::Exited(6));
    assert_eq!(ended.stdout.kept, b"one\n");
    assert_eq!(ended.stdout.bytes_on_disk, 0);
    assert_eq!(ended.stdout.spill_error.unwrap().kind(), std::io::ErrorKind::NotFound);
    assert_eq!(ended.stdout.digest, sha256(b"one\n"));
    assert_eq!(ended.stderr.bytes_on_disk, 4);
}
