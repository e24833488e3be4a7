//! The files of the repository, as git sees them.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Path from the root of the repository, with `/`, to its text. What is not UTF-8 is read as far as it is.
pub(crate) struct Tree(BTreeMap<String, String>);

impl Tree {
    /// Reads every file that git tracks or would add: a rule is worth more before the commit than after it.
    pub(crate) fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies one folder below the root");
        let listed = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(root)
            .output()
            .expect("git lists the files");
        assert!(listed.status.success(), "git ls-files failed: {}", String::from_utf8_lossy(&listed.stderr));
        let files = String::from_utf8(listed.stdout)
            .expect("file names are UTF-8")
            .split_terminator('\0')
            // A file that is deleted and not yet staged is still listed, and a link may lead anywhere.
            .filter(|path| root.join(path).symlink_metadata().is_ok_and(|found| found.is_file()))
            .map(|path| {
                let bytes = std::fs::read(root.join(path)).expect("a listed file can be read");
                (path.to_owned(), String::from_utf8_lossy(&bytes).into_owned())
            })
            .collect();
        Self(files)
    }

    /// A tree written down in a test.
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect())
    }

    /// The text of one file, empty when there is none.
    pub(crate) fn text(&self, path: &str) -> &str {
        self.0.get(path).map_or("", String::as_str)
    }

    /// Whether there is a file or a folder of this name; a trailing slash is no matter.
    pub(crate) fn has(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        self.0.contains_key(path)
            || self.paths().any(|file| file.strip_prefix(path).is_some_and(|rest| rest.starts_with('/')))
    }

    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Every file with its text, in the order of the paths.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The Rust sources.
    pub(crate) fn sources(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files().filter(|(path, _)| Path::new(path).extension().is_some_and(|extension| extension == "rs"))
    }
}

#[test]
fn the_tree_is_really_read() {
    let tree = Tree::read();
    assert!(tree.text("tests/tidy/tree.rs").contains("the_tree_is_really_read"));
    assert!(tree.has("engine/core") && tree.has("tests/") && !tree.has("engine/cor"));
    assert!(!tree.paths().any(|path| path.starts_with("target/")), "what git ignores is not part of the tree");
}
