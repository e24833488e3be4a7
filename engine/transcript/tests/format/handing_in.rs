//! What other processes hand in.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use runbook_transcript::inbox::{self, HandIn, MESSAGE_BYTES_MAX, MESSAGES_MAX, Stamp};
use serde_json::json;

use crate::scene::{Scene, at, object};

fn stamp(milliseconds: i64, counter: u32) -> Stamp {
    Stamp { ts: at(milliseconds), pid: 7, counter }
}

fn said(text: &str) -> HandIn {
    HandIn {
        verb: "answer".to_owned(),
        step: Some("which".to_owned()),
        by: "khouse".to_owned(),
        body: object(json!({"fields": {"load": 1.5, "note": null}, "text": text})),
    }
}

#[test]
fn what_is_handed_in_is_taken_in_order_and_stays_until_removed() {
    let scene = Scene::new();
    let late = inbox::hand_in(&scene.run, stamp(5, 0), &said("late")).unwrap();
    inbox::hand_in(&scene.run, stamp(0, 1), &said("second")).unwrap();
    let first = inbox::hand_in(&scene.run, stamp(0, 0), &said("first")).unwrap();
    assert!(first < late);
    for _ in 0..2 {
        let taken = inbox::take(&scene.run.inbox()).unwrap();
        let messages: Vec<_> = taken.messages.iter().map(|message| message.said.clone()).collect();
        assert_eq!(messages, [said("first"), said("second"), said("late")]);
        assert_eq!(taken.messages[0].name, first);
        assert_eq!(taken.messages[0].uid, rustix::process::getuid().as_raw());
        assert!(taken.refused.is_empty());
    }
    for message in inbox::take(&scene.run.inbox()).unwrap().messages {
        message.remove().unwrap();
        message.remove().unwrap();
    }
    assert_eq!(inbox::take(&scene.run.inbox()).unwrap(), inbox::Taken::default());
    assert!(inbox::hand_in(&scene.run, stamp(9, 0), &said(&"x".repeat(300_000))).is_err());
}

#[test]
fn what_is_no_message_is_moved_aside_with_a_reason() {
    let scene = Scene::new();
    let inbox = scene.run.inbox();
    let good = br#"{"by":"khouse","v":1,"verb":"note"}"#;
    for (name, bytes, why) in [
        ("a", &b"{"[..], "it is no JSON object: EOF while parsing an object at line 1 column 1"),
        ("b", b"[]", "it is no JSON object: invalid type: sequence, expected a map at line 1 column 0"),
        ("c", br#"{"by":"k","verb":"note"}"#, "it has no `v`"),
        ("d", br#"{"by":"k","v":2,"verb":"note"}"#, "it is of version 2, this program reads version 1"),
        ("e", br#"{"by":"k","v":1}"#, "it has no `verb`"),
        ("f", br#"{"by":7,"v":1,"verb":"note"}"#, "its `by` is no text"),
        ("g", &vec![b' '; usize::try_from(MESSAGE_BYTES_MAX).unwrap() + 1], "it is larger than 262144 bytes"),
    ] {
        fs::write(inbox.join(name), bytes).unwrap();
        fs::set_permissions(inbox.join(name), Permissions::from_mode(0o600)).unwrap();
        let taken = inbox::take(&inbox).unwrap();
        assert_eq!(taken.refused.len(), 1, "{name}");
        assert_eq!(taken.refused[0].why, why);
        assert_eq!(fs::read(&taken.refused[0].path).unwrap(), bytes);
        assert_eq!(fs::read_to_string(inbox.join("refused").join(format!("{name}.why"))).unwrap(), format!("{why}\n"));
    }
    let outside = scene.directory.path().join("outside");
    fs::write(&outside, good).unwrap();
    fs::set_permissions(&outside, Permissions::from_mode(0o600)).unwrap();
    std::os::unix::fs::symlink(&outside, inbox.join("link")).unwrap();
    fs::hard_link(&outside, inbox.join("name")).unwrap();
    fs::create_dir(inbox.join("folder")).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, inbox.join("pipe"), rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    fs::write(inbox.join("shared"), good).unwrap();
    fs::set_permissions(inbox.join("shared"), Permissions::from_mode(0o660)).unwrap();
    fs::write(inbox.join(".unfinished"), "{").unwrap();
    fs::write(inbox.join("whole"), good).unwrap();
    fs::set_permissions(inbox.join("whole"), Permissions::from_mode(0o600)).unwrap();
    let taken = inbox::take(&inbox).unwrap();
    let why: Vec<_> = taken.refused.iter().map(|refused| refused.why.as_str()).collect();
    assert_eq!(
        why,
        [
            "it is no regular file",
            "it is a symbolic link",
            "it has another name elsewhere",
            "it is no regular file",
            "others than its owner can write to it",
        ]
    );
    assert_eq!(taken.messages.len(), 1);
    assert_eq!(taken.messages[0].name, "whole");
    assert!(inbox.join(".unfinished").exists() && fs::read(&outside).unwrap() == good);
}

#[test]
fn a_flood_is_taken_a_part_at_a_time() {
    let scene = Scene::new();
    let count = u32::try_from(MESSAGES_MAX).unwrap() + 10;
    for counter in 0..count {
        let name = format!("{:015}-0000000001-{counter:06}.json", 1);
        let path = scene.run.inbox().join(name);
        fs::write(&path, r#"{"by":"k","v":1,"verb":"note"}"#).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    }
    let mut sizes = Vec::new();
    loop {
        let taken = inbox::take(&scene.run.inbox()).unwrap();
        if taken.messages.is_empty() {
            break;
        }
        sizes.push(taken.messages.len());
        for message in taken.messages {
            message.remove().unwrap();
        }
    }
    assert_eq!(sizes, [MESSAGES_MAX, 10]);
}
