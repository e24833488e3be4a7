//! One way to write an entry, and it is jq's.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use jiff::Timestamp;
use proptest::prelude::*;
use runbook_core::run::record::{Actor, Auth};
use runbook_transcript::canonical;
use runbook_transcript::digest::Digest;
use runbook_transcript::entry::Entry;
use runbook_transcript::reader::{ReadError, Reader, Why};
use runbook_transcript::run_id::RunId;
use runbook_transcript::wire::entry_v1::{self, NotAnEntry};
use serde_json::{Map, Value, json};

use crate::scene::{object, programs_ready};

/// Texts with what is hard to write: controls, quotes, both sides of every boundary of UTF-8 and UTF-16.
fn text() -> impl Strategy<Value = String> {
    let hard = prop::sample::select(vec![
        '\0',
        '\u{8}',
        '\t',
        '\n',
        '\u{c}',
        '\r',
        '\u{1f}',
        ' ',
        '"',
        '/',
        '\\',
        '~',
        '\u{7f}',
        '\u{80}',
        '\u{9f}',
        'é',
        '\u{7ff}',
        '\u{800}',
        '\u{202e}',
        '\u{2028}',
        '\u{d7ff}',
        '\u{e000}',
        '\u{fffd}',
        '\u{ffff}',
        '\u{10000}',
        '\u{1f600}',
        '\u{10ffff}',
    ]);
    prop::collection::vec(prop_oneof![hard, any::<char>(), prop::char::range('a', 'c')], 0..12)
        .prop_map(|characters| characters.into_iter().collect())
}

fn integer() -> impl Strategy<Value = i64> {
    let max = (1_i64 << 53) - 1;
    prop_oneof![-max..=max, -20..20_i64, Just(max), Just(-max)]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf =
        prop_oneof![any::<bool>().prop_map(Value::from), integer().prop_map(Value::from), text().prop_map(Value::from)];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(text(), inner, 0..6).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn entry() -> impl Strategy<Value = Entry> {
    let actor = (
        text(),
        prop::sample::select(vec![Auth::Tty, Auth::Ssh, Auth::Token, Auth::Oidc, Auth::System]),
        any::<u32>(),
        text(),
    )
        .prop_map(|(id, auth, uid, origin)| Actor { id, auth, uid, origin });
    let place = (prop::option::of(text()), any::<Option<u32>>());
    let time = (-377_000_000_000_000..253_000_000_000_000_i64, 0..1_u64 << 53);
    (actor, place, time, 0..1_u64 << 53, any::<[u8; 4]>(), text(), prop::collection::btree_map(text(), value(), 0..4))
        .prop_map(|(actor, (step, attempt), (ts, bt), n, prev, kind, d)| Entry {
            run: RunId::new("20261122-0915-dns-failover-k7q2").unwrap(),
            n,
            prev: Digest::of(&prev),
            ts: Timestamp::from_millisecond(ts).unwrap(),
            bt,
            actor,
            kind,
            step,
            attempt,
            d: d.into_iter().collect::<Map<_, _>>(),
        })
}

fn jq(input: &[u8]) -> Vec<u8> {
    programs_ready();
    let mut child =
        Command::new("jq").arg("-acS").arg(".").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        // From another thread: neither side may wait for the other's pipe to empty.
        scope.spawn(move || stdin.write_all(input).unwrap());
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        output.stdout
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn jq_writes_a_value_in_the_same_bytes(values in prop::collection::vec(value(), 1..60)) {
        let (mut ours, mut plain) = (Vec::new(), Vec::new());
        for value in &values {
            canonical::encode(value, &mut ours).unwrap();
            ours.push(b'\n');
            serde_json::to_writer(&mut plain, value).unwrap();
            plain.push(b'\n');
        }
        prop_assert_eq!(String::from_utf8(jq(&plain)), String::from_utf8(ours));
    }

    #[test]
    fn jq_writes_an_entry_in_the_same_bytes(entries in prop::collection::vec(entry(), 1..40)) {
        let mut ours = Vec::new();
        for entry in &entries {
            entry_v1::encode(entry, &mut ours).unwrap();
        }
        prop_assert!(ours.iter().all(|byte| (b' '..=b'~').contains(byte) || *byte == b'\n'));
        prop_assert_eq!(String::from_utf8(jq(&ours)), String::from_utf8(ours));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_entry_reads_back_as_it_was(entry in entry()) {
        let mut line = Vec::new();
        entry_v1::encode(&entry, &mut line).unwrap();
        prop_assert_eq!(entry_v1::decode(&line, &mut Vec::new()), Ok(entry));
    }

    #[test]
    fn no_line_makes_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = entry_v1::decode(&bytes, &mut Vec::new());
        for entry in Reader::new(bytes.as_slice(), Path::new("t"), None) {
            prop_assert!(entry.is_err());
        }
    }
}

fn line() -> String {
    let mut line = Vec::new();
    let zeros = "0".repeat(64);
    let wire = format!(
        "{{\"actor\":{{\"auth\":\"tty\",\"id\":\"khouse\",\"origin\":\"terminal\",\"uid\":1000}},\"bt\":5,\"d\":{{\"a\":[1]}},\"kind\":\"note\",\
         \"n\":0,\"prev\":\"{zeros}\",\"run\":\"20261122-0915-dns-failover-k7q2\",\"ts\":\"2026-11-22T09:15:00.000Z\",\
         \"v\":1}}\n"
    );
    entry_v1::encode(&entry_v1::decode(wire.as_bytes(), &mut Vec::new()).unwrap(), &mut line).unwrap();
    assert_eq!(line, wire.as_bytes());
    wire
}

#[test]
fn there_is_no_second_way_to_write_an_entry() {
    let good = line();
    for (from, to, wanted) in [
        ("\"bt\":5", "\"bt\": 5", "not in canonical form, from byte 74 of the line on"),
        ("\"bt\":5,\"d\":{\"a\":[1]}", "\"d\":{\"a\":[1]},\"bt\":5", "not in canonical form"),
        ("note", "n\\u006fte", "not in canonical form"),
        ("note", "n\\/te", "not in canonical form"),
        ("note", "not\u{e9}", "not in canonical form"),
        ("[1]", "[1,1.0]", "d.a[1]: a number with a fraction cannot be recorded"),
        ("[1]", "[1e0]", "a number with a fraction"),
        ("[1]", "[-0]", "a number with a fraction"),
        ("[1]", "null", "d.a: a null cannot be recorded"),
        ("[1]", "[9007199254740992]", "d.a[0]: an integer of 2^53 or more"),
        ("\"a\":[1]", "\"a\":[1],\"a\":[1]", "not in canonical form"),
        (":00.000Z", ":00.0000Z", "not in canonical form"),
        (":00.000Z", ":00.000+00:00", "not in canonical form"),
        ("2026-11-22T", "2026-11-22t", "not in canonical form"),
        ("T09:15:00.000Z", "T09:15:00.000", "expected a time such as"),
        ("\"uid\":1000", "\"uid\":-1", "expected u32"),
        ("\"uid\":1000", "\"uid\":null", "expected u32"),
        ("\"auth\":\"tty\"", "\"auth\":\"root\"", "expected tty, ssh, token, oidc or system"),
        ("\"auth\":\"tty\",", "", "missing field `auth`"),
        ("\"bt\":5,", "", "missing field `bt`"),
        ("\"bt\":5,", "\"bt\":5,\"bt\":5,", "duplicate field `bt`"),
        ("\"bt\":5,", "\"bt\":5,\"by\":5,", "a field that version 1 does not have"),
        ("\"bt\":5,", "\"bt\":5,\"id\":5,", "a field that version 1 does not have"),
        ("\"v\":1", "\"v\":2", "it is of version 2 of the format, this program reads version 1"),
        ("\"bt\":5,", "\"bt\":5,\"by\":5,\"v\":2,", "duplicate field `v`"),
        ("-k7q2", "-k7q2/..", "expected a run id such as"),
        ("\"prev\":\"0", "\"prev\":\"", "expected a sha256 of 64 lowercase hexadecimal digits"),
        ("{\"a\":[1]}", "[]", "expected a map"),
        ("\"v\":1}", "\"v\":1", "EOF while parsing"),
        ("{\"actor\"", "[{\"actor\"", "expected an object with the fields of a transcript entry, version 1"),
        ("\"note\"", "\"\\ud800\"", "unexpected end of hex escape"),
    ] {
        assert!(good.contains(from), "{from}");
        let error = entry_v1::decode(good.replacen(from, to, 1).as_bytes(), &mut Vec::new()).unwrap_err().to_string();
        assert!(error.contains(wanted), "{to}: {error}");
    }
    assert!(matches!(entry_v1::decode(b"", &mut Vec::new()), Err(NotAnEntry::Form(_))));
}

#[test]
fn a_line_has_a_bound_and_a_tail_of_zeros_is_only_torn() {
    let read = |bytes: &[u8]| Reader::new(bytes, Path::new("t"), None).last().unwrap().unwrap_err();
    let mut bytes = line().into_bytes();
    let at_end = bytes.len() as u64;
    bytes.resize(bytes.len() + (20 << 20), 0);
    assert!(matches!(read(&bytes), ReadError::Torn { n: 1, at, bytes } if (at, bytes) == (at_end, 20 << 20)));
    bytes.push(b'\n');
    assert!(matches!(read(&bytes), ReadError::Broken { n: 1, why: Why::TooLong, .. }));
}

#[test]
fn an_object_is_sorted_whatever_made_it() {
    let mut out = Vec::new();
    canonical::encode_map(&object(json!({"b": 1, "a": 2, "\u{10000}": 3, "\u{ffff}": 4})), &mut out).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), r#"{"a":2,"b":1,"\uffff":4,"\ud800\udc00":3}"#);
}
