//! The language as it is written down, the schemas an editor reads, and the files there are, held to one another.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use runbook_core::document::shape::{Mapping, RUNBOOK_MAPPINGS, TEAM_MAPPINGS};
use runbook_core::document::{parse, parse_team};
use runbook_core::schema;
use serde_json::Value;

/// Set to 1, it writes the generated files anew instead of comparing them.
const REGENERATE: &str = "RUNBOOK_REGENERATE";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn regenerate() -> bool {
    std::env::var_os(REGENERATE).is_some_and(|value| value == "1")
}

/// Every runbook or team file that must be right.
fn right_files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in ["tests/fixtures/valid", "runbooks", "examples"] {
        let folder = root().join(folder);
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        let names = entries.map(|entry| entry.unwrap().path());
        files.extend(names.filter(|path| path.extension().is_some_and(|ending| ending == "yaml")));
    }
    files.retain(|path| !path.to_string_lossy().ends_with(".test.yaml"));
    files.sort();
    files
}

fn is_team(path: &Path) -> bool {
    path.file_stem().is_some_and(|stem| stem.to_string_lossy().starts_with("team"))
}

#[test]
fn the_schemas_are_those_of_the_table() {
    for (name, schema) in [("runbook", schema::runbook()), ("team", schema::team())] {
        let path = root().join(format!("schemas/{name}.schema.json"));
        if regenerate() {
            std::fs::write(&path, format!("{schema:#}\n")).unwrap();
        }
        let written: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert!(written == schema, "{} fell behind: {REGENERATE}=1 writes it anew", path.display());
    }
}

#[test]
fn the_tables_of_the_reference_are_those_of_the_table() {
    let path = root().join("schemas/README.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let made = schema::tables(&text).unwrap();
    if regenerate() {
        std::fs::write(&path, &made).unwrap();
        return;
    }
    assert!(made == text, "schemas/README.md fell behind: {REGENERATE}=1 writes its tables anew");
}

#[test]
fn the_reference_has_a_place_for_every_key_and_every_link() {
    let text = schema::tables(&std::fs::read_to_string(root().join("schemas/README.md")).unwrap()).unwrap();
    let mappings: BTreeSet<&str> = RUNBOOK_MAPPINGS.iter().chain(TEAM_MAPPINGS).map(|mapping| mapping.name).collect();
    for mapping in mappings {
        let tables = text.matches(&format!("<!-- table: {mapping}")).count();
        assert!(tables >= 1, "no table of `{mapping}`");
    }
    let step = RUNBOOK_MAPPINGS.iter().find(|mapping| mapping.name == "step").unwrap();
    for group in step.groups {
        assert!(text.contains(&format!("<!-- table: step/{} -->", group.name)), "no table of step/{}", group.name);
    }
    let anchors: BTreeSet<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("##"))
        .map(|heading| heading.trim_start_matches('#').trim().replace('`', "").to_lowercase().replace(' ', "-"))
        .collect();
    for link in text.split("](#").skip(1).filter_map(|rest| rest.split_once(')')) {
        assert!(anchors.contains(link.0), "#{} is no heading", link.0);
    }
}

#[test]
fn what_is_right_is_read_and_satisfies_the_schema() {
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    let mut compile = |name: &str, schema: Value| {
        compiler.add_resource(name, schema).unwrap();
        compiler.compile(name, &mut schemas).unwrap()
    };
    let runbook = compile("mem:///runbook", schema::runbook());
    let team = compile("mem:///team", schema::team());
    let files = right_files();
    assert!(files.len() > 10, "only {files:?}");
    for path in files {
        let bytes = std::fs::read(&path).unwrap();
        let name = path.display().to_string();
        let diagnostics =
            if is_team(&path) { parse_team(&name, &bytes).diagnostics } else { parse(&name, &bytes).diagnostics };
        assert!(diagnostics.is_empty(), "{name}: {diagnostics:#?}");
        let value: Value = serde_yaml::from_slice(&bytes).unwrap();
        let schema = if is_team(&path) { team } else { runbook };
        if let Err(error) = schemas.validate(&value, schema) {
            panic!("{name} does not satisfy the schema: {error:#}");
        }
    }
}

#[test]
fn what_is_wrong_does_not_satisfy_the_schema() {
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    compiler.add_resource("mem:///runbook", schema::runbook()).unwrap();
    let runbook = compiler.compile("mem:///runbook", &mut schemas).unwrap();
    let file = |steps: &str| format!("version: 1\nrunbook: a\ntitle: A\nsteps: {{ a: {steps} }}\n");
    let right = file("{ verify: A, run: a }");
    assert!(schemas.validate(&serde_yaml::from_str(&right).unwrap(), runbook).is_ok(), "{right}");
    let mut wrong: Vec<String> = [
        "{ verify: A, runs: a }",
        "{ verify: A }",
        "{ run: a }",
        "{ verify: A, act: A, run: a }",
        "{ verify: A, run: a, script: a }",
        "{ verify: A, run: a, approve: operator }",
        "{ verify: A, run: a, timeout: 10 }",
        "{ verify: A, run: a, timeout: 10 min }",
        "{ verify: A, run: a, needs: Shut-Down }",
        "{ verify: A, run: a, needs: done }",
        "{ verify: A, run: a, retry: { every: 1s } }",
        "{ verify: A, run: a, when: [a] }",
        "{ verify: A, run: a, shell: bash }",
        "{ verify: A, run: a, on_fail: { because: b } }",
        "{ verify: A, expect: 'true', stdin: a }",
        "{ decide: A }",
        "{ decide: A, cases: [{ when: a, then: b }] }",
        "{ decide: A, ask: b }",
        "{ act: A, ask: b }",
        "{ act: A, run: a, undo: { expect: 'true' } }",
        "{ act: A, instruct: b, collect: { c: { type: choice } } }",
        "{ escalate: A }",
        "{ escalate: A, to: b, ack: { by: some } }",
        "a",
    ]
    .map(file)
    .to_vec();
    wrong.extend([
        right.replace("version: 1", "version: 2"),
        right.replace("title: A\n", ""),
        right.replace("runbook: a", "runbook: A_b"),
        format!("{right}owners: sre\n"),
        format!("{right}parallel: 0\n"),
        format!("{right}secrets: {{ A: {{ env: A, file: b }} }}\n"),
        "version: 1\nrunbook: a\ntitle: A\nsteps: {}\n".to_owned(),
    ]);
    for text in wrong {
        let value: Value = serde_yaml::from_str(&text).unwrap();
        assert!(schemas.validate(&value, runbook).is_err(), "{text}");
        assert!(
            !parse("a.yaml", text.as_bytes()).diagnostics.is_empty() || text.contains("cases") || text.contains("done"),
            "{text}"
        );
    }
}

#[test]
fn every_key_of_the_language_stands_in_a_file_that_is_right() {
    let mut used = BTreeSet::new();
    for path in right_files() {
        if path.starts_with(root().join("tests")) {
            let value: Value = serde_yaml::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            names(&value, &mut used);
        }
    }
    let missing: Vec<String> = RUNBOOK_MAPPINGS
        .iter()
        .chain(TEAM_MAPPINGS)
        .flat_map(|mapping: &&Mapping| mapping.keys().map(|key| (mapping.name, key.name)))
        .filter(|(_, key)| !used.contains(*key))
        .map(|(mapping, key)| format!("{mapping}.{key}"))
        .collect();
    assert!(missing.is_empty(), "no file in tests/fixtures/valid has {}", missing.join(", "));
}

fn names(value: &Value, used: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                used.insert(name.clone());
                names(member, used);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| names(item, used)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
