//! The manifests and the linter's settings.

use std::collections::BTreeSet;

use crate::tree::Tree;

const ROOT_LINTS: &str = "clippy.toml";
const CORE_LINTS: &str = "engine/core/.clippy.toml";

/// Manifests the workspace does not list, and members that do not take its lints.
pub(crate) fn unlisted(tree: &Tree) -> Vec<String> {
    let mut problems = Vec::new();
    let members: BTreeSet<&str> = list(tree.text("Cargo.toml"), "members").collect();
    for member in &members {
        if member.contains('*') {
            problems.push(format!("Cargo.toml: members are listed one by one, `{member}` is a pattern"));
        } else if !tree.has(&format!("{member}/Cargo.toml")) {
            problems.push(format!("Cargo.toml: the member {member} has no manifest"));
        }
    }
    for (path, text) in tree.files() {
        let Some(folder) = path.strip_suffix("/Cargo.toml") else { continue };
        // A workspace of its own, such as a fuzz target that needs another toolchain.
        if text.lines().any(|line| line.trim() == "[workspace]") {
            continue;
        }
        if !members.contains(folder) {
            problems.push(format!("{path} is no member of the workspace: list it in Cargo.toml"));
        } else if !text.contains("[lints]\nworkspace = true") {
            problems.push(format!("{path} does not take the workspace's lints: add `[lints]` with `workspace = true`"));
        }
    }
    problems
}

/// Lines of the linter's list at the root that the list of core does not repeat.
pub(crate) fn lints_apart(tree: &Tree) -> Vec<String> {
    let core: BTreeSet<&str> = bans(tree.text(CORE_LINTS)).collect();
    let root: Vec<&str> = bans(tree.text(ROOT_LINTS)).collect();
    let mut problems: Vec<String> = root
        .iter()
        .filter(|line| !core.contains(*line))
        .map(|line| format!("{CORE_LINTS} does not repeat this line of {ROOT_LINTS}: {line}"))
        .collect();
    if root.is_empty() {
        problems.push(format!("{ROOT_LINTS} bans nothing"));
    }
    for must in [
        "std::fs::read",
        "std::env::var",
        "std::time::SystemTime::now",
        "std::time::Instant::now",
        "std::process::Command",
        "std::collections::HashMap",
    ] {
        if !core.iter().any(|line| line.contains(&format!("path = \"{must}\""))) {
            problems.push(format!("{CORE_LINTS} does not ban {must}, without which core is not pure"));
        }
    }
    problems
}

fn bans(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| line.starts_with("{ path = "))
}

/// The strings of a TOML list of strings: `key = [ … ]`, over one line or many, without comments that hold quotes.
pub(crate) fn list<'a>(text: &'a str, key: &str) -> impl Iterator<Item = &'a str> {
    let inner = text
        .lines()
        .position(|line| line.split('=').next().is_some_and(|name| name.trim() == key))
        .and_then(|row| text.split_inclusive('\n').skip(row).map(str::len).reduce(|a, b| a + b))
        .and_then(|bytes| text.get(text.len() - bytes..))
        .and_then(|rest| rest.split_once('['))
        .and_then(|(_, rest)| rest.split_once(']'))
        .map_or("", |(inner, _)| inner);
    inner.split('"').skip(1).step_by(2)
}

#[cfg(test)]
mod tests {
    use super::{lints_apart, list, unlisted};
    use crate::tree::Tree;

    #[test]
    fn a_list_is_read_over_one_line_or_many() {
        let text = "[workspace]\nmembers = [\n    \"a\",\n    \"b/c\",\n]\nallow = [\"MIT\"]\n";
        assert_eq!(list(text, "members").collect::<Vec<_>>(), ["a", "b/c"]);
        assert_eq!(list(text, "allow").collect::<Vec<_>>(), ["MIT"]);
        assert_eq!(list(text, "deny").count(), 0);
    }

    #[test]
    fn a_forgotten_package_is_found() {
        let member = "[package]\nname = \"a\"\n\n[lints]\nworkspace = true\n";
        let tree = Tree::of(&[
            ("Cargo.toml", "[workspace]\nmembers = [\"a\", \"gone\", \"all/*\", \"lax\"]\n"),
            ("a/Cargo.toml", member),
            ("b/Cargo.toml", member),
            ("lax/Cargo.toml", "[package]\nname = \"lax\"\n"),
            ("fuzz/Cargo.toml", "[workspace]\n"),
        ]);
        let problems = unlisted(&tree).join("\n");
        for expected in [
            "b/Cargo.toml is no member",
            "`all/*` is a pattern",
            "gone has no manifest",
            "lax/Cargo.toml does not take",
        ] {
            assert!(problems.contains(expected), "{expected} is not in: {problems}");
        }
        assert_eq!(problems.lines().count(), 4, "{problems}");
    }

    #[test]
    fn a_ban_that_core_forgot_is_found() {
        let tree = Tree::of(&[
            ("clippy.toml", "    { path = \"a::b\", reason = \"c\" },\n"),
            ("engine/core/.clippy.toml", "    { path = \"std::fs::read\", reason = \"c\" },\n"),
        ]);
        let problems = lints_apart(&tree).join("\n");
        assert!(
            problems.contains("does not repeat this line") && problems.contains("std::time::Instant::now"),
            "{problems}"
        );
        assert!(!problems.contains("std::fs::read,"), "{problems}");
    }
}
