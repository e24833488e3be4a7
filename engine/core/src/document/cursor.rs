//! Walks values and places side by side, for the decoder: what has the wrong type or name is reported where it stands.

use std::ops::Range;

use serde_yaml::Value as Read;

use super::traps;
use super::tree::{Kind, NodeId, Style, Tree};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, suggest};
use crate::source::{Span, Spanned};
use crate::value::Value;

/// Unknown keys are told all known ones when there are at most so many.
const LISTED_KEYS_MAX: usize = 8;

/// What a value is, as a decoder asks before it chooses how to read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shape {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Integer,
    /// A number with a fraction.
    Number,
    /// Text.
    Text,
    /// A list.
    List,
    /// Keys with values.
    Mapping,
    /// A value that was refused and reported already: every accessor gives nothing and says nothing.
    Refused,
}

impl Shape {
    /// What it is called in a message: `a list`.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool => "a boolean",
            Self::Integer => "an integer",
            Self::Number => "a number",
            Self::Text => "text",
            Self::List => "a list",
            Self::Mapping => "a mapping",
            Self::Refused => "a refused value",
        }
    }
}

/// One value of a file with its place.
#[derive(Debug, Clone, Copy)]
pub struct Cursor<'a> {
    tree: &'a Tree,
    value: &'a Read,
    node: NodeId,
    key: Option<Spanned<&'a str>>,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(tree: &'a Tree, value: &'a Read) -> Self {
        Self { tree, value, node: tree.root(), key: None }
    }

    /// The tree it walks.
    #[must_use]
    pub fn tree(&self) -> &'a Tree {
        self.tree
    }

    /// The node it is at.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// The key it is the value of; `None` for items of a list and the whole file.
    #[must_use]
    pub fn key(&self) -> Option<Spanned<&'a str>> {
        self.key
    }

    /// All bytes of the value.
    #[must_use]
    pub fn span(&self) -> Span {
        self.tree.node(self.node).span
    }

    /// The bytes a message underlines: a scalar itself; of a list or mapping its key, or its first line.
    #[must_use]
    pub fn place(&self) -> Span {
        let node = self.tree.node(self.node);
        match (&node.kind, self.key) {
            (Kind::Sequence(_) | Kind::Mapping(_), Some(key)) => key.span,
            _ => self.first_line(node.span),
        }
    }

    /// What the value is.
    #[must_use]
    pub fn shape(&self) -> Shape {
        match (&self.tree.node(self.node).kind, self.value) {
            (Kind::Refused, _) => Shape::Refused,
            (_, Read::Null) => Shape::Null,
            (_, Read::Bool(_)) => Shape::Bool,
            (_, Read::Number(number)) if number.is_f64() => Shape::Number,
            (_, Read::Number(_)) => Shape::Integer,
            (_, Read::String(_)) => Shape::Text,
            (_, Read::Sequence(_)) => Shape::List,
            (_, Read::Mapping(_)) => Shape::Mapping,
            (_, Read::Tagged(_)) => unreachable!("tags are refused before the values are read"),
        }
    }

    /// The style of a scalar; `None` for lists, mappings and refused values.
    #[must_use]
    pub fn style(&self) -> Option<Style> {
        match &self.tree.node(self.node).kind {
            Kind::Scalar { style, .. } => Some(*style),
            Kind::Sequence(_) | Kind::Mapping(_) | Kind::Refused => None,
        }
    }

    /// The bytes of a part of the text, the part given in bytes of the decoded text.
    #[must_use]
    pub fn inner_span(&self, part: Range<usize>) -> Span {
        self.tree.inner_span(self.node, part)
    }

    /// Reports that the value is not what is wanted (`a duration`, `a list of step ids`). Says nothing of a refused one.
    pub fn wrong_type(&self, wanted: &str, sink: &mut Diagnostics) {
        let shape = self.shape();
        if shape == Shape::Refused {
            return;
        }
        let title = match self.key {
            Some(key) => format!("`{}` must be {wanted}", key.value),
            None => format!("{wanted} is wanted here"),
        };
        let help = match (shape, wanted.contains("text")) {
            (Shape::Null, _) => Some("give it a value, or remove the key".to_owned()),
            (Shape::Bool | Shape::Integer | Shape::Number, true) => {
                self.written().map(|text| format!("in quotes it is text: {}", traps::quoted(text)))
            }
            _ => None,
        };
        let diagnostic = Diagnostic::new(Code::WrongType, self.place(), title);
        sink.push(diagnostic.label(format!("this is {}", shape.words())).maybe_help(help));
    }

    /// The text; numbers, booleans and null are none and are reported.
    #[must_use]
    pub fn as_text(&self, sink: &mut Diagnostics) -> Option<Spanned<&'a str>> {
        self.scalar("text", self.value.as_str(), sink)
    }

    /// The text of any scalar but null as it is written: `5` and `"5"` are both `5`, as in a list of words or a default.
    #[must_use]
    pub fn as_word(&self, sink: &mut Diagnostics) -> Option<Spanned<&'a str>> {
        let text = if self.shape() == Shape::Null { None } else { self.written() };
        self.scalar("text", text, sink)
    }

    /// The boolean.
    #[must_use]
    pub fn as_bool(&self, sink: &mut Diagnostics) -> Option<Spanned<bool>> {
        self.scalar("true or false", self.value.as_bool(), sink)
    }

    /// The whole number.
    #[must_use]
    pub fn as_integer(&self, sink: &mut Diagnostics) -> Option<Spanned<i64>> {
        self.scalar("an integer", self.value.as_i64(), sink)
    }

    /// The finite number, whole or not.
    #[must_use]
    pub fn as_number(&self, sink: &mut Diagnostics) -> Option<Spanned<f64>> {
        let number = if matches!(self.shape(), Shape::Integer | Shape::Number) { self.value.as_f64() } else { None };
        self.scalar("a number", number.filter(|number| number.is_finite()), sink)
    }

    /// The items of a list.
    #[must_use]
    pub fn items(&self, sink: &mut Diagnostics) -> Option<Vec<Cursor<'a>>> {
        let (Kind::Sequence(nodes), Read::Sequence(values)) = (&self.tree.node(self.node).kind, self.value) else {
            self.wrong_type("a list", sink);
            return None;
        };
        let item = |(&node, value)| Self { tree: self.tree, value, node, key: None };
        Some(nodes.iter().zip(values).map(item).collect())
    }

    /// The items of a list, or the value itself as the only one: for keys that take one or several.
    #[must_use]
    pub fn one_or_items(&self, sink: &mut Diagnostics) -> Vec<Cursor<'a>> {
        if self.shape() == Shape::List { self.items(sink).unwrap_or_default() } else { vec![*self] }
    }

    /// The values of a mapping in the order of the file; each knows its key.
    #[must_use]
    pub fn entries(&self, sink: &mut Diagnostics) -> Option<Vec<(Spanned<&'a str>, Cursor<'a>)>> {
        if self.shape() != Shape::Mapping {
            self.wrong_type("a mapping", sink);
            return None;
        }
        Some(self.pairs().collect())
    }

    /// The value of a key; `None` when it is not there or this is no mapping.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Cursor<'a>> {
        self.pairs().find(|(name, _)| name.value == key).map(|(_, value)| value)
    }

    /// The value of a key that must be there. `what` names what needs it: `an escalate`.
    #[must_use]
    pub fn required(&self, key: &str, what: &str, sink: &mut Diagnostics) -> Option<Cursor<'a>> {
        let found = self.get(key);
        if found.is_none() && self.shape() == Shape::Mapping {
            let missing = Diagnostic::new(Code::MissingKey, self.place(), format!("missing key `{key}`"));
            sink.push(missing.label(format!("{what} needs it")));
        }
        found
    }

    /// Reports every key that is none of the known ones. `what` names what they are the keys of: `a verify step`.
    pub fn expect_keys(&self, what: &str, known: &[&str], sink: &mut Diagnostics) {
        for (key, _) in self.pairs().filter(|(key, _)| !known.contains(&key.value)) {
            let help = match suggest(key.value, known.iter().copied()) {
                Some(meant) => Some(format!("did you mean `{meant}`?")),
                None if known.len() <= LISTED_KEYS_MAX => Some(format!("the keys are `{}`", known.join("`, `"))),
                None => None,
            };
            let unknown = Diagnostic::new(Code::UnknownKey, key.span, format!("unknown key `{}`", key.value));
            sink.push(unknown.label(format!("not a key of {what}")).maybe_help(help));
        }
    }

    /// The value whatever it is, for keys that take any. A number that is not finite becomes null.
    #[must_use]
    pub fn to_value(&self) -> Value {
        // The scan bounds the depth, so this cannot go deeper than YAML_DEPTH_MAX.
        match self.value {
            Read::Null | Read::Tagged(_) => Value::Null,
            Read::Bool(value) => Value::Bool(*value),
            Read::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(value), _) => Value::Integer(value),
                (None, Some(value)) if value.is_finite() => Value::Number(value),
                (None, _) => Value::Null,
            },
            Read::String(text) => Value::Text(text.clone()),
            Read::Sequence(_) => {
                let items = self.items(&mut Diagnostics::new()).unwrap_or_default();
                Value::List(items.iter().map(Self::to_value).collect())
            }
            Read::Mapping(_) => {
                Value::Map(self.pairs().map(|(key, value)| (key.value.to_owned(), value.to_value())).collect())
            }
        }
    }

    fn pairs(&self) -> impl Iterator<Item = (Spanned<&'a str>, Cursor<'a>)> + use<'a> {
        let tree = self.tree;
        let (nodes, values) = match (&tree.node(self.node).kind, self.value) {
            (Kind::Mapping(nodes), Read::Mapping(values)) => (Some(nodes), Some(values)),
            _ => (None, None),
        };
        let values = values.into_iter().flatten().map(|(_, value)| value);
        nodes.into_iter().flatten().zip(values).map(move |(entry, value)| {
            let key = Spanned::new(entry.key.as_str(), entry.key_span);
            (key, Self { tree, value, node: entry.value, key: Some(key) })
        })
    }

    fn scalar<T>(&self, wanted: &str, value: Option<T>, sink: &mut Diagnostics) -> Option<Spanned<T>> {
        if value.is_none() {
            self.wrong_type(wanted, sink);
        }
        value.map(|value| Spanned::new(value, self.span()))
    }

    /// The text of a scalar, whatever its type.
    fn written(&self) -> Option<&'a str> {
        match &self.tree.node(self.node).kind {
            Kind::Scalar { text, .. } => Some(text),
            Kind::Sequence(_) | Kind::Mapping(_) | Kind::Refused => None,
        }
    }

    fn first_line(&self, span: Span) -> Span {
        let source = self.tree.source();
        let line = source.line_span(source.line_of(span.start)).unwrap_or_default();
        source.trim(Span::new(span.start, span.end.min(line.end.max(span.start))))
    }
}
