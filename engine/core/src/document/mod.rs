//! Document: what is written.
//!
//! A file becomes a document in three steps: [`read_tree`] makes bytes a tree of values, each with its place; the
//! decoder walks the tree with a [`Cursor`] and makes the [`model`] of it. A diagnostic of any step says the bytes it
//! is about.

pub mod address;
mod agreement;
mod alignment;
mod cursor;
mod decode;
pub mod model;
mod scalar;
mod scan;
pub mod shape;
mod syntax;
pub mod team;
mod text;
mod traps;
mod tree;

pub use cursor::{Cursor, Shape};
pub use decode::{Parsed, parse, parse_team};
pub use scalar::Resolved;
pub use tree::{Entry, Kind, Node, NodeId, Style, Tree};

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::SourceFile;

/// A YAML file that was read: what it says and where, side by side.
#[derive(Debug, Clone)]
pub struct Yaml {
    /// The place of every value.
    pub tree: Tree,
    /// The values, in the shape of the tree.
    pub value: serde_yaml::Value,
}

impl Yaml {
    /// The outermost value.
    #[must_use]
    pub fn root(&self) -> Cursor<'_> {
        Cursor::new(&self.tree, &self.value)
    }
}

/// Reads the bytes of a YAML file under the name that messages show.
///
/// Everything that is wrong comes at once, in the order of the file. A file with duplicate keys, anchors, tags and the
/// like is still read, without them, so that what else is wrong with it can be found; only one that breaks off (not
/// UTF-8, not YAML, over a limit) gives no [`Yaml`].
#[must_use]
pub fn read_tree(name: &str, bytes: &[u8]) -> (SourceFile, Option<Yaml>, Vec<Diagnostic>) {
    let mut sink = Diagnostics::new();
    let (source, readable) = text::decode(name, bytes, &mut sink);
    let tree = if readable { scan::scan(&source, &mut sink) } else { None };
    let yaml = tree.and_then(|tree| {
        let value = if sink.has_errors() {
            // It is not run; the values only serve to find what else is wrong.
            Some(agreement::value_of(&tree))
        } else {
            agreement::read_again(&tree, &mut sink)
        };
        value.map(|value| Yaml { tree, value })
    });
    (source, yaml, sink.finish())
}
mod reads;
