//! What the documents say, against what is there.

use std::collections::BTreeSet;
use std::path::Path;

use crate::tree::Tree;

/// What somebody tries first, each in the first screen of README and run by CI as it stands there.
const COMMANDS: &[&str] =
    &["cargo run --release -p plant-shop -- dns-failover", "cargo test --workspace --release --no-fail-fast"];

/// Lines of README that a reader sees without scrolling.
const SCREEN_LINES: usize = 40;

const ARCHITECTURE: &str = "engine/ARCHITECTURE.md";

/// Commands missing from README's first screen, or from `.ci/run`.
pub(crate) fn commands_apart(tree: &Tree) -> Vec<String> {
    let mut problems = Vec::new();
    for command in COMMANDS {
        if !tree.text("README.md").lines().take(SCREEN_LINES).any(|line| line.trim() == *command) {
            problems
                .push(format!("README.md: `{command}` stands on no line of its own among the first {SCREEN_LINES}"));
        }
        if !tree.text(".ci/run").lines().any(|line| line.trim_end().ends_with(&format!(" {command}"))) {
            problems.push(format!(".ci/run does not run `{command}` as README shows it"));
        }
    }
    problems
}

/// Crates the code map does not name, and paths it names that are not there.
pub(crate) fn code_map_gaps(tree: &Tree) -> Vec<String> {
    let map = section(tree.text(ARCHITECTURE), "## Code map");
    let named: BTreeSet<&str> = map
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|code| code.starts_with("engine/"))
        .map(|path| path.trim_end_matches('/'))
        .collect();
    let crates: BTreeSet<&str> = tree
        .paths()
        .filter(|path| path.starts_with("engine/"))
        .filter_map(|path| path.split_once("/src/"))
        .map(|(folder, _)| folder)
        .filter(|folder| folder.split('/').count() == 2)
        .collect();
    let unnamed = crates.difference(&named).map(|path| format!("{ARCHITECTURE}: the code map does not name `{path}`"));
    let gone = named
        .iter()
        .filter(|path| !tree.has(path))
        .map(|path| format!("{ARCHITECTURE}: the code map names `{path}`, which is not there"));
    unnamed.chain(gone).collect()
}

/// Relative links in the documents for developers and operators that lead to no file.
pub(crate) fn dead_links(tree: &Tree) -> Vec<String> {
    let mut problems = Vec::new();
    for (path, text) in tree.files() {
        let name = path.rsplit('/').next().unwrap_or(path);
        let of_the_engine =
            path.starts_with("engine/") && Path::new(path).extension().is_some_and(|ending| ending == "md");
        if !of_the_engine && !["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].contains(&name) {
            continue;
        }
        for target in links(text) {
            let target = target.split('#').next().unwrap_or(target);
            if target.is_empty() || target.contains(':') {
                continue;
            }
            if !tree.has(&beside(path, target)) {
                problems.push(format!("{path} links to {target}, which is not there"));
            }
        }
    }
    problems
}

/// The targets of `[text](target)`, outside code.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    text.lines()
        .filter(move |line| {
            let fence = line.trim_start().starts_with("```");
            fenced ^= fence;
            !fence && !fenced
        })
        // Between backquotes every second piece is code.
        .flat_map(|line| line.split('`').step_by(2))
        .flat_map(|prose| prose.split("](").skip(1))
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target)
}

/// The path a link means, from the root of the repository.
fn beside(from: &str, target: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    parts.join("/")
}

fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let body = text.split_once(&format!("{heading}\n")).map_or("", |(_, body)| body);
    body.split("\n## ").next().unwrap_or(body)
}

#[cfg(test)]
mod tests {
    use super::{COMMANDS, code_map_gaps, commands_apart, dead_links};
    use crate::tree::Tree;

    #[test]
    fn a_command_that_ci_does_not_run_is_found() {
        let [first, second] = COMMANDS else { unreachable!("there are two commands") };
        let readme = format!("# x\n\n```\n{first}\n```\n{}```\n{second}\n```\n", "\n".repeat(40));
        let ci = format!("section \"lab\" {first} --fault down\nsection \"tests\" {second}\n");
        let problems = commands_apart(&Tree::of(&[("README.md", &readme), (".ci/run", &ci)]));
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems.concat().contains(&format!("README.md: `{second}`")), "{problems:?}");
        assert!(problems.concat().contains(&format!(".ci/run does not run `{first}`")), "{problems:?}");
    }

    #[test]
    fn a_code_map_that_fell_behind_is_found() {
        let text = "# A\n\n## Code map\n`engine/core` and `engine/gone/`\n\n## Words\n`engine/report`\n";
        let tree = Tree::of(&[
            ("engine/ARCHITECTURE.md", text),
            ("engine/core/src/lib.rs", ""),
            ("engine/report/src/lib.rs", ""),
        ]);
        assert_eq!(
            code_map_gaps(&tree),
            [
                "engine/ARCHITECTURE.md: the code map does not name `engine/report`",
                "engine/ARCHITECTURE.md: the code map names `engine/gone`, which is not there",
            ]
        );
    }

    #[test]
    fn a_dead_link_is_found_and_code_is_left_alone() {
        let text = "[a](../README.md) [b](gone.md#x) [c](https://example.com) `[d](code)`\n```\n[e](fenced)\n```\n[f](decisions/)\n";
        let tree = Tree::of(&[("README.md", ""), ("engine/README.md", text), ("engine/decisions/0001.md", "")]);
        assert_eq!(dead_links(&tree), ["engine/README.md links to gone.md, which is not there"]);
    }
}
