//! What a YAML file says and where: every node with its bytes. Nothing here recurses, however deep a file nests.

use std::fmt::Write as _;
use std::ops::Range;

use super::alignment;
use super::scalar::{self, Resolved};
use crate::source::{SourceFile, Span};

/// The number of a node in its tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(super) u32);

impl NodeId {
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Style {
    /// Without quotes: its type is what its text looks like.
    Plain,
    /// In single quotes: text.
    SingleQuoted,
    /// In double quotes: text, with escapes.
    DoubleQuoted,
    /// After `|`: text, line by line.
    Literal,
    /// After `>`: text, lines joined.
    Folded,
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key as text; a plain `5` or `true` is the text `5` or `true` here.
    pub key: String,
    /// The bytes of the key, with its quotes.
    pub key_span: Span,
    /// The value.
    pub value: NodeId,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Text, a number, a boolean or null.
    Scalar {
        /// How it is written.
        style: Style,
        /// The text, escapes and folding undone.
        text: String,
    },
    /// A list.
    Sequence(Vec<NodeId>),
    /// Keys with values, in the order of the file, each key once.
    Mapping(Vec<Entry>),
    /// A value that was refused and reported, such as an alias. Nothing more is to be said about it.
    Refused,
}

/// A node with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The bytes of the value, with quotes and brackets; of a value that is not written at all, the bytes of its key.
    pub span: Span,
    /// What it is.
    pub kind: Kind,
}

/// One YAML document with the place of everything in it.
#[derive(Debug, Clone)]
pub struct Tree {
    source: SourceFile,
    nodes: Vec<Node>,
    root: NodeId,
}

impl Tree {
    pub(super) fn new(source: SourceFile, nodes: Vec<Node>, root: NodeId) -> Self {
        assert!(root.index() < nodes.len(), "the root of a tree is one of its nodes");
        Self { source, nodes, root }
    }

    /// The file it was read from.
    #[must_use]
    pub fn source(&self) -> &SourceFile {
        &self.source
    }

    /// The outermost node.
    #[must_use]
    pub fn root(&self) -> NodeId {
        self.root
    }

    /// A node by its number.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        let Some(node) = self.nodes.get(id.index()) else {
            unreachable!("node ids come from this tree, which only grows");
        };
        node
    }

    /// All nodes, each after those inside it.
    pub(super) fn ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0u32..).take(self.nodes.len()).map(NodeId)
    }

    /// What a scalar is by the core types of YAML 1.2; `None` for lists, mappings and refused values.
    #[must_use]
    pub fn resolve(&self, id: NodeId) -> Option<Resolved<'_>> {
        match &self.node(id).kind {
            Kind::Scalar { style: Style::Plain, text } => Some(scalar::resolve(text)),
            Kind::Scalar { text, .. } => Some(Resolved::Text(text)),
            Kind::Sequence(_) | Kind::Mapping(_) | Kind::Refused => None,
        }
    }

    /// The bytes of a part of a scalar's text, the part given in bytes of the decoded text: where an expression or a
    /// template is wrong. Exact in every style, across escapes, indentation and folding; the whole node for a node
    /// that is no scalar.
    #[must_use]
    pub fn inner_span(&self, id: NodeId, part: Range<usize>) -> Span {
        let node = self.node(id);
        let Kind::Scalar { style, text } = &node.kind else { return node.span };
        let written = self.source.slice(node.span);
        match alignment::locate(*style, written, text, part) {
            Some(range) => Span::new(node.span.start + range.start, node.span.start + range.end),
            None => node.span,
        }
    }

    /// [`Self::inner_span`] of the scalar that has exactly this span; the span itself when there is none.
    #[must_use]
    pub fn inner_span_at(&self, span: Span, part: Range<usize>) -> Span {
        match self.descend(span).last() {
            Some(step) if self.node(step.node).span == span => self.inner_span(step.node, part),
            _ => span,
        }
    }

    /// Where a place is, in words that survive editing: `steps.reachable.needs[0]`; empty for the whole file.
    #[must_use]
    pub fn path_at(&self, span: Span) -> String {
        let mut path = String::new();
        for step in self.descend(span) {
            match step.name {
                Name::Root => {}
                Name::Key(key) => {
                    let separator = if path.is_empty() { "" } else { "." };
                    if scalar::is_plain_name(key) {
                        path.push_str(separator);
                        path.push_str(key);
                    } else {
                        // A string takes whatever is written to it.
                        let _ = write!(path, "[{key:?}]");
                    }
                }
                Name::Index(index) => {
                    let _ = write!(path, "[{index}]");
                }
            }
        }
        path
    }

    /// The spans of all texts after `|` or `>` and of others of more than one line, in the order of the file: what looks
    /// like a comment in them is none.
    #[must_use]
    pub fn text_spans(&self) -> Vec<Span> {
        let is_text = |node: &&Node| match &node.kind {
            Kind::Scalar { style: Style::Literal | Style::Folded, .. } => true,
            Kind::Scalar { .. } => self.source.slice(node.span).contains('\n'),
            Kind::Sequence(_) | Kind::Mapping(_) | Kind::Refused => false,
        };
        let mut spans: Vec<_> = self.nodes.iter().filter(is_text).map(|node| node.span).collect();
        spans.sort_unstable();
        spans
    }

    /// The nodes around a span, from the root to the innermost.
    fn descend(&self, span: Span) -> Vec<Step<'_>> {
        let mut steps = vec![Step { name: Name::Root, node: self.root }];
        let mut at = self.root;
        loop {
            let next = match &self.node(at).kind {
                Kind::Sequence(items) => {
                    let after = items.partition_point(|&item| self.node(item).span.start <= span.start);
                    let index = after.checked_sub(1);
                    index.and_then(|index| {
                        let item = *items.get(index)?;
                        Some((Name::Index(index), item, self.node(item).span))
                    })
                }
                Kind::Mapping(entries) => {
                    let after = entries.partition_point(|entry| entry.key_span.start <= span.start);
                    let entry = after.checked_sub(1).and_then(|index| entries.get(index));
                    entry.map(|entry| (Name::Key(entry.key.as_str()), entry.value, entry.key_span))
                }
                Kind::Scalar { .. } | Kind::Refused => None,
            };
            let Some((name, node, key_span)) = next else { return steps };
            let around = self.node(node).span.contains(span);
            if !around && !key_span.join(self.node(node).span).contains(span) {
                return steps;
            }
            steps.push(Step { name, node });
            if !around {
                return steps;
            }
            at = node;
        }
    }
}

/// One step on the way from the root to a place.
struct Step<'a> {
    name: Name<'a>,
    node: NodeId,
}

/// How a node is called inside the one around it.
enum Name<'a> {
    Root,
    Key(&'a str),
    Index(usize),
}
