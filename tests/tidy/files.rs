//! Rules over single files: length, name, place, and words that do not belong.

use std::collections::BTreeSet;
use std::path::Path;

use crate::tree::Tree;

/// Lines of a source file. Files aim at 150 to 400; past this one nobody reads the whole before changing it.
const SOURCE_LINES_MAX: usize = 800;

/// Names that say how a file is used instead of what is in it.
const EMPTY_NAMES: &[&str] = &["utils", "util", "helpers", "helper", "common", "imp", "misc"];

/// The folders of the layout; everything has its place in one of them.
const FOLDERS: &[&str] = &["engine", "examples", "runbooks", "schemas", "tests"];

/// Source files past the limit.
pub(crate) fn too_long(tree: &Tree) -> Vec<String> {
    tree.sources()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > SOURCE_LINES_MAX)
        .map(|(path, lines)| format!("{path} has {lines} lines: split it by idea, {SOURCE_LINES_MAX} is the end"))
        .collect()
}

/// Source files, and modules of the engine, whose name says nothing.
pub(crate) fn ill_named(tree: &Tree) -> Vec<String> {
    tree.sources()
        .filter(|(path, _)| {
            let path = Path::new(path);
            let stem = path.file_stem().is_some_and(|stem| EMPTY_NAMES.iter().any(|name| stem == *name));
            // tests/helpers is a folder of small programs, each under a name of its own.
            let folder =
                path.starts_with("engine") && path.iter().any(|part| EMPTY_NAMES.iter().any(|name| part == *name));
            stem || folder
        })
        .map(|(path, _)| format!("{path}: name it after what is in it"))
        .collect()
}

/// Folders of the root that the layout does not have, or that have no README.
pub(crate) fn unexplained_folders(tree: &Tree) -> Vec<String> {
    let folders: BTreeSet<&str> = tree
        .paths()
        .filter_map(|path| path.split_once('/'))
        .map(|(folder, _)| folder)
        .filter(|folder| !folder.starts_with('.'))
        .collect();
    let mut problems = Vec::new();
    for folder in folders {
        if !FOLDERS.contains(&folder) {
            problems.push(format!("{folder}/ is not in the layout: it belongs below {}", FOLDERS.join(", ")));
        } else if !tree.has(&format!("{folder}/README.md")) {
            problems.push(format!("{folder}/ has no README.md: it is the folder's documentation"));
        }
    }
    problems
}

/// Lines that say something is still to be done.
pub(crate) fn left_undone(tree: &Tree) -> Vec<String> {
    // Written in halves, so that this file does not find itself.
    let words = [concat!("#[ig", "nore"), concat!("to", "do!("), concat!("unimple", "mented!("), concat!("FIX", "ME")];
    tree.sources()
        .flat_map(|(path, text)| lines_with(path, text, &words))
        .map(|(place, word)| format!("{place}: `{word}` is work left undone"))
        .collect()
}

/// Lines that name a folder of the machine somebody worked on.
pub(crate) fn machine_paths(tree: &Tree) -> Vec<String> {
    let words = [concat!("/wo", "rk/"), concat!("/tmp/", "wt"), concat!("/tmp/", "helpers"), concat!("../sh", "ared")];
    tree.files()
        .flat_map(|(path, text)| lines_with(path, text, &words))
        .map(|(place, word)| format!("{place}: `{word}` is a path of one machine"))
        .collect()
}

/// Sleeps in tests that do not say why they are not there to wait for something.
pub(crate) fn sleeps(tree: &Tree) -> Vec<String> {
    let calls = [concat!("thread::sl", "eep("), concat!("time::sl", "eep(")];
    let excuse = "// not synchronisation: ";
    let mut problems = Vec::new();
    for (path, text) in tree.sources() {
        let mut in_tests = is_test(path);
        let mut excused = false;
        for (row, line) in text.lines().enumerate() {
            in_tests |= line.trim() == "#[cfg(test)]";
            let comment = line.trim_start().starts_with("//");
            let here = excused || line.contains(excuse);
            if in_tests && !comment && !here && calls.iter().any(|call| line.contains(call)) {
                problems.push(format!(
                    "{path}:{}: a sleep in a test is a race: wait for the thing itself, or say `{excuse}…` why it is none",
                    row + 1
                ));
            }
            // An excuse above the call may go on over several comment lines.
            excused = comment && here;
        }
    }
    problems
}

fn is_test(path: &str) -> bool {
    Path::new(path).iter().any(|part| part == "tests" || part == "tests.rs" || part == "benches")
}

fn lines_with<'a>(path: &'a str, text: &'a str, words: &'a [&'a str]) -> impl Iterator<Item = (String, &'a str)> {
    text.lines().enumerate().flat_map(move |(row, line)| {
        words.iter().filter(move |word| line.contains(**word)).map(move |word| (format!("{path}:{}", row + 1), *word))
    })
}

#[cfg(test)]
mod tests {
    use super::{ill_named, left_undone, machine_paths, sleeps, too_long, unexplained_folders};
    use crate::tree::Tree;

    #[test]
    fn the_801st_line_is_one_too_many() {
        let long = "x\n".repeat(801);
        let enough = "x\n".repeat(800);
        let tree = Tree::of(&[("a/long.rs", &long), ("a/enough.rs", &enough), ("a/long.yaml", &long)]);
        assert_eq!(too_long(&tree), ["a/long.rs has 801 lines: split it by idea, 800 is the end"]);
    }

    #[test]
    fn empty_names_are_found() {
        let tree = Tree::of(&[
            ("engine/core/src/utils.rs", ""),
            ("engine/core/src/common/mod.rs", ""),
            ("tests/helpers/ignores_term.rs", ""),
            ("engine/core/src/simple.rs", ""),
        ]);
        assert_eq!(
            ill_named(&tree),
            [
                "engine/core/src/common/mod.rs: name it after what is in it",
                "engine/core/src/utils.rs: name it after what is in it"
            ]
        );
    }

    #[test]
    fn a_folder_without_a_readme_or_a_place_is_found() {
        let tree = Tree::of(&[
            ("engine/README.md", ""),
            ("tests/tidy.rs", ""),
            ("scripts/x", ""),
            (".ci/run", ""),
            ("README.md", ""),
        ]);
        let problems = unexplained_folders(&tree);
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(
            problems.concat().contains("scripts/ is not") && problems.concat().contains("tests/ has no"),
            "{problems:?}"
        );
    }

    #[test]
    fn undone_work_and_machine_paths_are_found_with_their_line() {
        let source = format!("fn a() {{\n    {}\n}}\n", concat!("to", "do!()"));
        let notes = format!("see\n{}\n", concat!("/wo", "rk/main"));
        let tree = Tree::of(&[("a.rs", &source), ("b.md", &notes)]);
        assert!(left_undone(&tree).concat().starts_with("a.rs:2: "));
        assert!(machine_paths(&tree).concat().starts_with("b.md:2: "));
    }

    #[test]
    fn a_sleep_is_found_in_tests_alone_and_may_say_why() {
        let call = concat!("    std::thread::sl", "eep(pause);\n");
        let bare = format!("fn a() {{\n{call}}}\n");
        let below = format!(
            "fn a() {{\n    // not synchronisation: the load itself takes time,\n    // as it does in the lab\n{call}}}\n"
        );
        let unit = format!("fn a() {{\n{call}}}\n#[cfg(test)]\nmod tests {{\n{call}}}\n");
        let tree = Tree::of(&[("tests/cli/a.rs", &bare), ("tests/cli/b.rs", &below), ("engine/x/src/c.rs", &unit)]);
        let problems = sleeps(&tree);
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(
            problems.concat().contains("tests/cli/a.rs:2:") && problems.concat().contains("engine/x/src/c.rs:6:"),
            "{problems:?}"
        );
    }
}
