//! A diagnostic is a code, a page that explains it, a file that has the problem, and what is printed for that file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::tree::Tree;

const FIXTURES: &str = "tests/fixtures/invalid/";

/// Codes that no file in `fixtures/invalid` can show, each with the reason and the test that shows it instead.
const WITHOUT_FIXTURE: &[(&str, &str)] = &[];

/// What is missing of page, fixture and snapshot.
pub(crate) fn missing(tree: &Tree) -> Vec<String> {
    let pages: BTreeSet<String> = tree
        .paths()
        .filter(|path| path.starts_with("engine/core/"))
        .filter_map(|path| path.rsplit('/').next()?.strip_suffix(".md"))
        .filter(|name| name.len() == 6)
        .filter_map(code)
        .collect();
    let fixtures = fixtures(tree);
    let snapshots: BTreeSet<String> = tree.paths().filter_map(snapshot).collect();

    let mut problems = Vec::new();
    for page in &pages {
        let excused = WITHOUT_FIXTURE.iter().any(|(excepted, _)| excepted == page);
        let shown = fixtures.values().any(|of| of == page);
        if !excused && !shown {
            problems.push(format!("{page} has a page and no fixture: add {FIXTURES}{page}-….yaml"));
        } else if excused && shown {
            problems.push(format!("{page} has a fixture: take it off the list in tests/tidy/twins.rs"));
        }
    }
    for (fixture, code) in &fixtures {
        if !pages.contains(code) {
            problems.push(format!("{FIXTURES}{fixture} shows {code}, which has no page"));
        }
        if !snapshots.contains(fixture) {
            problems.push(format!(
                "{FIXTURES}{fixture} has no snapshot: run its test with INSTA_UPDATE=always, and read what it wrote"
            ));
        }
    }
    for path in tree.paths().filter(|path| path.starts_with(FIXTURES)) {
        if let Some(of) = snapshot(path)
            && code(&of).is_some()
            && !fixtures.contains_key(&of)
        {
            problems.push(format!("{path} is the snapshot of a fixture that is gone"));
        }
    }
    problems
}

/// The name of each fixture, without its ending, and the code it shows. A folder is one fixture.
fn fixtures(tree: &Tree) -> BTreeMap<String, String> {
    tree.paths()
        .filter_map(|path| path.strip_prefix(FIXTURES))
        .filter_map(|rest| match rest.split_once('/') {
            Some((folder, _)) => Some(folder),
            None => rest.strip_suffix(".yaml").or_else(|| rest.strip_suffix(".yml")),
        })
        .filter_map(|name| Some((name.to_owned(), code(name)?)))
        .collect()
}

/// The name of the fixture a snapshot belongs to: what insta writes before it ends with `__` or `@`.
fn snapshot(path: &str) -> Option<String> {
    let file = path.rsplit('/').next()?;
    let own = file.strip_suffix(".snap")?;
    let own = own.rsplit("__").next()?.rsplit('@').next()?;
    let name = Path::new(own);
    let ending = name.extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
    if ending { name.file_stem()?.to_str().map(str::to_owned) } else { Some(own.to_owned()) }
}

/// `RB0102` at the start of a name. A file may write it small, since a runbook is called as its file is.
fn code(name: &str) -> Option<String> {
    let head = name.get(..6)?.to_ascii_uppercase();
    let digits = head.strip_prefix("RB")?;
    let rest = name.get(6..)?;
    (digits.bytes().all(|byte| byte.is_ascii_digit()) && (rest.is_empty() || rest.starts_with(['-', '_'])))
        .then_some(head)
}

#[cfg(test)]
mod tests {
    use super::{code, missing, snapshot};
    use crate::tree::Tree;

    #[test]
    fn codes_and_snapshots_are_read_from_names() {
        assert_eq!(code("RB0102-unknown-step").as_deref(), Some("RB0102"));
        assert_eq!(code("rb0102-unknown-step").as_deref(), Some("RB0102"));
        assert_eq!((code("RB01023"), code("RBxxxx-a"), code("README")), (None, None, None));
        for path in ["a/RB0102-x.snap", "a/invalid__RB0102-x.snap", "a/invalid__every@RB0102-x.yaml.snap"] {
            assert_eq!(snapshot(path).as_deref(), Some("RB0102-x"), "{path}");
        }
    }

    #[test]
    fn each_missing_twin_is_found() {
        let tree = Tree::of(&[
            ("engine/core/src/diagnostic/pages/RB0101.md", ""),
            ("engine/core/src/diagnostic/pages/RB0102.md", ""),
            ("engine/core/src/diagnostic/pages/RB0103.md", ""),
            ("tests/fixtures/invalid/RB0101-syntax.yaml", ""),
            ("tests/fixtures/invalid/RB0101-syntax.snap", ""),
            ("tests/fixtures/invalid/RB0102-folder/runbooks/a.yaml", ""),
            ("tests/fixtures/invalid/RB0199-new.yaml", ""),
            ("tests/fixtures/invalid/RB0199-new.snap", ""),
            ("tests/fixtures/invalid/RB0101-gone.snap", ""),
        ]);
        let problems = missing(&tree).join("\n");
        for expected in [
            "RB0103 has a page and no fixture",
            "RB0102-folder has no snapshot",
            "RB0199-new shows RB0199, which has no page",
            "RB0101-gone.snap is the snapshot of a fixture that is gone",
        ] {
            assert!(problems.contains(expected), "{expected} is not in: {problems}");
        }
        assert_eq!(problems.lines().count(), 4, "{problems}");
    }
}
