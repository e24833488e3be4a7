//! What a machine reads: one document or one a line, with the members that the reference promises.

use std::collections::{BTreeMap, BTreeSet};

use runbook_tests::binary::repository;
use runbook_tests::desk::Desk;
use serde_json::Value;

/// A run with each thing a report can tell of, that waits for an answer and then goes on to its end.
const KEYS: &str = "
params: { count: { type: integer, help: how many, default: 2 }, who: { type: string } }
steps:
  look: { verify: Is it thère?, run: 'echo naïve', outputs: { what: stdout }, attach: { file: $WORK/evidence, tail: 3 } }
  sure: { verify: Is it so?, ask: Is it so?, to: ops }
  which: { decide: Which way?, cases: [{ when: steps.look.outputs.what == 'x', then: done }], otherwise: change }
  change: { act: Change it, run: touch $WORK/changed, approve: operator, idempotent: true, denied: tell }
  tell: { escalate: It was changed, to: ops, needs: [] , handover: true }
fallback: tell
";

/// One row of the reference: where in the document, and which members stand there; `false`: perhaps.
type Row = (String, BTreeMap<String, bool>);

/// The table of the reference, by command.
fn promised() -> BTreeMap<String, Vec<Row>> {
    let text = std::fs::read_to_string(repository().join("schemas/README.md")).unwrap();
    let (_, rest) = text.split_once("<!-- json -->\n").unwrap();
    let (table, _) = rest.split_once("<!-- /json -->").unwrap();
    let mut rows: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    let mut command = String::new();
    for line in table.lines().skip(2) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if !cells[1].is_empty() {
            cells[1].trim_matches('`').clone_into(&mut command);
        }
        let members = cells[3].split_whitespace().map(|member| member.trim_matches('`'));
        let members = members.map(|member| (member.trim_end_matches('?').to_owned(), !member.ends_with('?'))).collect();
        rows.entry(command.clone()).or_default().push((cells[2].replace('`', ""), members));
    }
    rows
}

/// Everything at a path, `runbooks[].last_run`; what is null there is left out.
fn at<'v>(document: &'v Value, path: &str) -> Vec<&'v Value> {
    let mut found = vec![document];
    for part in path.split('.').filter(|part| !part.is_empty()) {
        let name = part.trim_end_matches("[]");
        found = found.iter().map(|value| &value[name]).collect();
        if name != part {
            let items = found.iter().map(|value| value.as_array().unwrap_or_else(|| unreachable!("{path}: {value}")));
            found = items.flatten().collect();
        }
    }
    found.into_iter().filter(|value| !value.is_null()).collect()
}

/// Fails unless something stands at the path, and it has the members that are promised and no other.
#[track_caller]
fn holds(document: &Value, what: &str, (path, members): &Row) {
    let found = at(document, path);
    assert!(!found.is_empty(), "{what}: nothing is at {path:?} in {document:#}");
    for value in found {
        let there: BTreeSet<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
        for member in &there {
            assert!(members.contains_key(*member), "{what}: {path}: the reference does not tell of {member:?}");
        }
        for (member, _) in members.iter().filter(|(_, always)| **always) {
            assert!(there.contains(member.as_str()), "{what}: {path}: {member:?} is missing in {value:#}");
        }
    }
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The lines of something that goes on, each parsed.
fn lines(text: &str) -> Vec<Value> {
    text.lines().map(parsed).collect()
}

fn desk() -> Desk {
    let desk = Desk::with_runbook(KEYS);
    std::fs::write(desk.work().join("evidence"), "one\ntwo\n").unwrap();
    desk
}

#[test]
fn every_document_has_the_members_that_the_reference_promises() {
    let desk = desk();
    desk.write("wrong", "steps:\n  a: { verify: Hé, run: 'true', needs: a, on_fial: a }\n  a: { act: b }\n");
    desk.write("fails", "steps:\n  a: { verify: A, run: 'false' }\n");
    desk.write("acts", "steps:\n  a: { act: A, run: 'true', idempotent: true }\n");
    desk.do_it(&["run", "acts"]).ended(0);
    desk.do_it(&["run", "try", "-p", "who=me"]).ended(75);
    let promised = promised();
    let mut told = BTreeSet::new();
    for (command, rows) in &promised {
        let (words, code): (&[&str], i32) = match command.as_str() {
            "list" => (&["list"], 0),
            "check" => (&["check"], 2),
            "explain" => (&["explain"], 0),
            "show NAME" => (&["show", "try"], 0),
            "show RUN" => (&["show", "latest"], 0),
            "log" => (&["log", "latest"], 0),
            "runs" => (&["runs"], 0),
            "team" => (&["team"], 0),
            "team --test" => (&["team", "--test", "--yes"], 0),
            "audit verify" => (&["audit", "verify"], 10),
            "audit verify --all" => (&["audit", "verify", "--all"], 10),
            "audit list" => (&["audit", "list"], 0),
            "audit ledger" => (&["audit", "ledger"], 0),
            "drill" => (&["drill", "fails"], 1),
            "gc" => (&["gc", "--older-than", "1d", "--dry-run"], 0),
            // These go on: see below.
            "run" | "answer" => continue,
            other => unreachable!("the reference tells of {other:?}, which is not tried"),
        };
        let words: Vec<&str> = words.iter().copied().chain(["--json"]).collect();
        let said = desk.do_it(&words).ended(code);
        assert_eq!(said.err, "", "{command}");
        let document = parsed(&said.out);
        assert_eq!(document["v"], 1, "{command}");
        for row in rows {
            holds(&document, command, row);
        }
        told.insert(command.as_str());
    }
    assert_eq!(told.len(), 15);
    // The page of one code has the shape of all of them.
    let page = parsed(&desk.do_it(&["explain", "RB0117", "--json"]).ended(0).out);
    assert_eq!((page["codes"].as_array().unwrap().len(), &page["codes"][0]["code"]), (1, &"RB0117".into()));
}

#[test]
fn what_goes_on_writes_its_entries_and_a_summary() {
    let desk = desk();
    let promised = promised();
    let run = &promised["run"];
    let [entry, summary, waits] = run.as_slice() else { unreachable!("{run:?}") };
    let said = desk.do_it(&["run", "try", "-p", "who=me", "--json"]).ended(75);
    assert_eq!(said.err, "");
    let mut told = lines(&said.out);
    let last = told.pop().unwrap();
    assert_eq!((&last["kind"], &last["end"], &last["exit_code"]), (&"summary".into(), &"waiting".into(), &75.into()));
    holds(&last, "run", &(String::new(), summary.1.clone()));
    holds(&last, "run", &("waits[]".to_owned(), waits.1.clone()));
    for line in &told {
        holds(line, "run", &(String::new(), entry.1.clone()));
    }
    assert_eq!(told, desk.story().entries());

    let said = desk.do_it(&["answer", "yes", "--json"]).ended(75);
    let told = lines(&said.out);
    holds(&told[0], "answer", &(String::new(), promised["answer"][0].1.clone()));
    assert_eq!(told.last().unwrap()["waits"][0]["verb"], "approve");
    let said = desk.do_it(&["deny", "--reason", "not now", "--json"]).ended(3);
    assert_eq!(lines(&said.out).last().unwrap()["outcome"], "escalated");
    // What is over is told as a failure: nothing on standard output, words on standard error.
    let late = desk.do_it(&["note", "latest", "late", "--json"]).ended(2).complains("is over");
    assert_eq!(late.out, "");
}

#[test]
fn a_dry_run_is_written_as_a_run_is() {
    let desk = desk();
    let said = desk.do_it(&["run", "try", "-p", "who=me", "--dry-run", "--json"]).ended(0);
    let told = lines(&said.out);
    assert_eq!((&told[0]["d"]["mode"], &told.last().unwrap()["end"]), (&"dry".into(), &"shown".into()));
    assert!(!desk.work().join("changed").exists());
}

#[test]
fn a_log_that_was_printed_has_one_document_also_of_a_run_that_failed() {
    let desk = Desk::with_runbook("steps:\n  look: { verify: It works, run: sh -c 'echo \"a\\tb\"; exit 3' }\n");
    desk.do_it(&["run", "try"]).ended(1);
    let log = parsed(&desk.do_it(&["log", "--json"]).ended(0).out);
    assert_eq!((&log["outcome"], &log["steps"][0]["outcome"]), (&"failed".into(), &"failed".into()));
    for row in promised()["log"].iter().filter(|(path, _)| path.is_empty() || path == "steps[]") {
        holds(&log, "log", row);
    }
    let shown = parsed(&desk.do_it(&["show", "latest", "--json"]).ended(0).out);
    assert_eq!(shown["report"], log);
}
