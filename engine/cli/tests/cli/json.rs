//! What machines read.

use std::fs;

use serde_json::Value;

use crate::desk::Desk;

const ASKED: &str = "steps:
  look:
    verify: It looks
    run: echo naïve
  sure:
    verify: Is it so?
    ask: Is it so?
";

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_run_is_its_transcript_line_by_line_and_a_summary() {
    let desk = Desk::with(ASKED);
    let waiting = desk.call(&["run", "x", "--json"]).ends(75);
    let out = waiting.out();
    let (entries, summary) = out.trim_end().rsplit_once('\n').unwrap();
    let summary = parsed(summary);
    let path = summary.get("transcript").and_then(Value::as_str).unwrap().to_owned();
    assert_eq!(fs::read_to_string(&path).unwrap(), format!("{entries}\n"));
    let get = |key: &str| summary.get(key).cloned().unwrap_or_default();
    assert_eq!((get("kind"), get("end"), get("exit_code")), ("summary".into(), "waiting".into(), 75.into()));
    let commands = summary.pointer("/waits/0/commands").and_then(Value::as_array).unwrap();
    let answer = commands.first().and_then(Value::as_str).unwrap();
    let done = desk.paste(&format!("{answer} --json")).ends(0);
    let last = parsed(done.out().lines().last().unwrap());
    assert_eq!(last.get("outcome").and_then(Value::as_str), Some("resolved"));
    let first = parsed(done.out().lines().next().unwrap());
    assert_eq!(first.get("kind").and_then(Value::as_str), Some("handed-in"));
    let all = fs::read_to_string(&path).unwrap();
    assert!(all.starts_with(entries) && all.len() > entries.len());
}

#[test]
fn every_list_is_json_on_demand() {
    let desk = Desk::with(ASKED);
    desk.call(&["run", "x"]).ends(75);
    let calls: [&[&str]; 9] = [
        &["runs", "--json"],
        &["list", "--json"],
        &["check", "--json"],
        &["check", "--format", "sarif"],
        &["show", "latest", "--json"],
        &["show", "x", "--json"],
        &["log", "latest", "--json"],
        &["explain", "--json"],
        &["schema", "team"],
    ];
    for words in calls {
        let called = desk.call(words).ends(0);
        assert!(parsed(&called.out()).is_object(), "{words:?}");
    }
    let verified = desk.call(&["audit", "verify", "--json"]).ends(10);
    assert_eq!(parsed(&verified.out()).get("verdict").and_then(Value::as_str), Some("unsealed"));
    let listed = parsed(&desk.call(&["list", "--json"]).out());
    assert_eq!(listed.pointer("/runbooks/0/last_run/standing").and_then(Value::as_str), Some("waiting"));
}
