//! What is said about each wrong file, and that nothing is said about right ones.
//!
//! A file in `fixtures/invalid` is called after the code it shows. A folder there is a team file that is wrong.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "invalid/page.rs"]
mod page;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use runbook_core::check::{Beside, Facts, LastDrill, Loaded, load_team, load_team_here, load_whole};
use runbook_core::diagnostic::{Diagnostic, Severity};
use runbook_core::document::model::SecretSource;
use runbook_core::document::team::Team;
use runbook_core::source::SourceFile;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(name)
}

/// The files of a folder that end so, in the order of their names.
fn files(name: &str, ending: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder(name))
        .map_or_else(|_| Vec::new(), |entries| entries.map(|entry| entry.unwrap().path()).collect());
    found.retain(|path| path.to_str().unwrap().ends_with(ending));
    found.sort();
    found
}

fn text_of(path: &Path, part: fn(&Path) -> Option<&std::ffi::OsStr>) -> String {
    part(path).unwrap().to_str().unwrap().to_owned()
}

/// A file to write from, and its text.
fn template_file(name: &str) -> (String, Result<String, String>) {
    let text = std::fs::read_to_string(folder("tests/fixtures/templates").join(format!("{name}.hbs")));
    (format!("templates/{name}.hbs"), text.map_err(|error| error.to_string()))
}

/// What is known of the world beside a wrong file.
fn facts(stem: &str) -> Facts {
    Facts {
        today: jiff::civil::date(2026, 11, 22),
        file_stem: Some(stem.to_owned()),
        runbooks: Some(BTreeSet::from(["restore-backup".to_owned(), "look-around".to_owned()])),
        sources: ["open-block", "partial", "unknown-names", "gone"].map(template_file).into(),
        drilled: Some(LastDrill::On(jiff::civil::date(2026, 11, 1))),
        ..Facts::default()
    }
}

fn team(path: &Path) -> Team {
    let loaded = load_team("team.yaml", &std::fs::read(path).unwrap());
    assert_eq!(loaded.diagnostics, [], "{}", path.display());
    loaded.team.unwrap()
}

/// Reads a file; those it runs lie in `beside`.
fn read_beside(path: &Path, team: Option<&Team>, beside: &Path) -> Loaded {
    let name = text_of(path, Path::file_name);
    let mut read = |name: &runbook_core::id::RunbookName| match std::fs::read(beside.join(format!("{name}.yaml"))) {
        Ok(bytes) => Beside::File { name: format!("{name}.yaml"), bytes },
        Err(_) if name.as_str() == text_of(path, Path::file_stem) => {
            Beside::File { name: format!("{name}.yaml"), bytes: std::fs::read(path).unwrap() }
        }
        Err(_) => Beside::Missing,
    };
    let facts = facts(&text_of(path, Path::file_stem));
    load_whole(&name, &std::fs::read(path).unwrap(), team, &facts, &mut read).runbook
}

fn read(path: &Path, team: Option<&Team>) -> Loaded {
    read_beside(path, team, &folder("tests/fixtures/beside"))
}

/// A right file, with what lies beside it.
fn read_right(path: &Path, team: Option<&Team>) -> Loaded {
    read_beside(path, team, path.parent().unwrap())
}

/// Holds what was said to its snapshot, and gives it where it is not of its code alone.
fn hold(name: &str, file: &SourceFile, diagnostics: &[Diagnostic]) -> Option<String> {
    let said: BTreeSet<&str> = diagnostics.iter().map(|diagnostic| diagnostic.code.number()).collect();
    let wanted = name.get(..6).unwrap().to_ascii_uppercase();
    for diagnostic in diagnostics {
        let words = [Some(diagnostic.title.as_str()), Some(diagnostic.label.as_str()), diagnostic.help.as_deref()];
        let words: Vec<&str> = words.into_iter().flatten().filter(|words| !words.is_empty()).collect();
        let different: BTreeSet<&&str> = words.iter().collect();
        assert_eq!(different.len(), words.len(), "{name} says one thing twice: {diagnostic:?}");
    }
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, page::render(file, diagnostics));
    });
    (said != BTreeSet::from([wanted.as_str()])).then(|| format!("{name}:\n{}", page::render(file, diagnostics)))
}

#[test]
fn every_mistake_is_told_once_at_its_place() {
    let team = team(&folder("tests/fixtures/team.yaml"));
    let fixtures = files("tests/fixtures/invalid", ".yaml");
    assert!(fixtures.len() > 70, "only {} fixtures were found", fixtures.len());
    let mut others = Vec::new();
    for path in fixtures {
        let loaded = read(&path, Some(&team));
        others.extend(hold(&text_of(&path, Path::file_stem), &loaded.file, &loaded.diagnostics));
        let stops = loaded.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
        assert_eq!(loaded.plan.is_none(), stops, "{}", path.display());
    }
    assert!(others.is_empty(), "these say something else than their code:\n{}", others.join("\n"));
}

#[test]
fn a_team_file_is_held_to_its_own_names() {
    let folders: Vec<PathBuf> = files("tests/fixtures/invalid", "").into_iter().filter(|path| path.is_dir()).collect();
    assert!(!folders.is_empty());
    for path in folders {
        let bytes = std::fs::read(path.join("team.yaml")).unwrap();
        let loaded = load_team_here("team.yaml", &bytes, &|source| match source {
            // No other fixture is about secrets.
            _ if !path.ends_with("rb0205-channel-without-secret") => None,
            SecretSource::Env(name) => Some(format!("the variable {name} is not set")),
            SecretSource::File(name) => Some(format!("{name}: No such file or directory (os error 2)")),
            SecretSource::Command(_) => None,
        });
        let stops = loaded.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
        assert_eq!(loaded.team.is_none(), stops, "{}", path.display());
        assert_eq!(hold(&text_of(&path, Path::file_name), &loaded.file, &loaded.diagnostics), None);
    }
}

/// The text a diagnostic of a fixture underlines.
fn underlined(name: &str) -> Vec<String> {
    let path = folder("tests/fixtures/invalid").join(name);
    let loaded = read(&path, None);
    loaded.diagnostics.iter().map(|diagnostic| loaded.file.slice(diagnostic.span).to_owned()).collect()
}

#[test]
fn places_are_right_beside_letters_of_several_bytes() {
    assert_eq!(underlined("rb0129-beside-non-ascii.yaml"), ["params.nmae"]);
    assert_eq!(underlined("rb0132-block-scalar.yaml"), ["params.nmae"]);
    assert_eq!(underlined("rb0150-pipeline.yaml"), ["|"]);
    assert_eq!(underlined("rb0102-not-utf8.yaml"), ["\u{fffd}"]);
}

/// The errors of the files of a folder; their own team file, if there is one, is what they are held to.
fn errors(name: &str) -> Vec<String> {
    let own = folder(name).join("team.yaml");
    let team = own.exists().then(|| team(&own));
    let mut errors = Vec::new();
    for path in files(name, ".yaml") {
        let stem = text_of(&path, Path::file_stem);
        if stem == "team" || stem.rsplit('.').next() == Some("test") {
            continue;
        }
        let mut loaded = read_right(&path, team.as_ref());
        loaded.diagnostics.retain(|diagnostic| diagnostic.severity == Severity::Error);
        if !loaded.diagnostics.is_empty() {
            errors.push(page::render(&loaded.file, &loaded.diagnostics));
        }
    }
    errors
}

#[test]
fn right_files_have_no_error() {
    for name in ["tests/fixtures/valid", "runbooks", "examples"] {
        let errors = errors(name);
        assert!(errors.is_empty(), "{}", errors.join("\n"));
    }
}

#[test]
fn the_example_of_the_reference_has_warnings_of_two_acts_only() {
    let path = folder("tests/fixtures/valid/dns-failover.yaml");
    let loaded = read(&path, None);
    let said: Vec<(&str, &str)> = loaded
        .diagnostics
        .iter()
        .map(|diagnostic| (diagnostic.code.number(), loaded.file.slice(diagnostic.span)))
        .collect();
    assert_eq!(said, [("RB0151", "failover"), ("RB0151", "force")]);
}
