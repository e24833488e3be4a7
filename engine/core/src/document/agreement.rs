//! Reads the text a second time, with `serde_yaml`, and holds the two readings to one tree.
//!
//! A reviewer, an editor and a script may each use another reader of YAML. What two of them read differently is
//! refused, so that a runbook says one thing.

use serde_yaml::{Mapping, Value};

use super::scalar::{self, Resolved};
use super::text::{missing_newline, without_mark};
use super::tree::{Kind, NodeId, Tree};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::source::{CharacterIndex, Span};

/// The values of a text the scan let pass, in the shape of its tree. `None`, and a diagnostic, when the second reader
/// reads anything else.
pub(super) fn read_again(tree: &Tree, sink: &mut Diagnostics) -> Option<Value> {
    let source = tree.source();
    let (mark, text) = without_mark(source.text());
    let read = match missing_newline(text) {
        "" => serde_yaml::from_str(text),
        newline => serde_yaml::from_str(&(text.to_owned() + newline)),
    };
    let value = match read {
        Ok(value) => value,
        Err(error) => {
            let at = error.location().map_or(0, |place| mark.len() + CharacterIndex::new(text).byte(place.index()));
            let line = source.line_span(source.line_of(at)).unwrap_or_default();
            let complaint = error.to_string();
            let complaint = complaint.split(" at line ").next().unwrap_or_default();
            sink.push(
                Diagnostic::new(
                    Code::AmbiguousScalar,
                    source.trim(line),
                    "not every reader of YAML can read this line",
                )
                .label(complaint)
                .help("write it in a simpler way; quotes around the value usually do"),
            );
            return None;
        }
    };
    match first_difference(tree, &value) {
        None => Some(value),
        Some(place) => {
            sink.push(
                Diagnostic::new(Code::AmbiguousScalar, place, "readers of YAML do not agree on this value")
                    .help("put it in quotes, on one line"),
            );
            None
        }
    }
}

/// Where the values first differ from the tree.
pub(super) fn first_difference(tree: &Tree, value: &Value) -> Option<Span> {
    let mut left: Vec<(NodeId, &Value)> = vec![(tree.root(), value)];
    while let Some((id, value)) = left.pop() {
        let node = tree.node(id);
        let same = match (&node.kind, value) {
            (Kind::Sequence(items), Value::Sequence(values)) if items.len() == values.len() => {
                left.extend(items.iter().copied().zip(values));
                true
            }
            (Kind::Mapping(entries), Value::Mapping(values)) if entries.len() == values.len() => {
                for (entry, (key, value)) in entries.iter().zip(values) {
                    if !is_key(&entry.key, key) {
                        return Some(entry.key_span);
                    }
                    left.push((entry.value, value));
                }
                true
            }
            (Kind::Scalar { .. }, _) => tree.resolve(id).is_some_and(|resolved| is_same(resolved, value)),
            _ => false,
        };
        if !same {
            return Some(node.span);
        }
    }
    None
}

fn is_key(text: &str, key: &Value) -> bool {
    key.as_str() == Some(text) || (key.is_bool() || key.is_number()) && is_same(scalar::resolve(text), key)
}

fn is_same(resolved: Resolved<'_>, value: &Value) -> bool {
    match resolved {
        Resolved::Null => value.is_null(),
        Resolved::Bool(b) => value.as_bool() == Some(b),
        Resolved::Integer(integer) => value.as_i64() == Some(integer),
        Resolved::Text(text) => value.as_str() == Some(text),
        Resolved::Number(number) => {
            let same = |other: f64| other.to_bits() == number.to_bits() || other.is_nan() && number.is_nan();
            value.is_f64() && value.as_f64().is_some_and(same)
        }
    }
}

/// The values of a tree by itself, for a file that has errors and is only read on to find more of them. What was
/// refused is null.
pub(super) fn value_of(tree: &Tree) -> Value {
    // Every node comes after those inside it, so their values are there when it needs them.
    let mut values: Vec<Value> = Vec::new();
    let take = |values: &mut Vec<Value>, id: NodeId| values.get_mut(id.index()).map(std::mem::take).unwrap_or_default();
    for id in tree.ids() {
        let value = match &tree.node(id).kind {
            Kind::Sequence(items) => Value::Sequence(items.iter().map(|&item| take(&mut values, item)).collect()),
            Kind::Mapping(entries) => {
                let pair = |entry: &super::Entry| (Value::String(entry.key.clone()), take(&mut values, entry.value));
                Value::Mapping(entries.iter().map(pair).collect::<Mapping>())
            }
            Kind::Scalar { .. } | Kind::Refused => match tree.resolve(id) {
                None | Some(Resolved::Null) => Value::Null,
                Some(Resolved::Bool(b)) => Value::Bool(b),
                Some(Resolved::Integer(integer)) => Value::Number(integer.into()),
                Some(Resolved::Number(number)) => Value::Number(number.into()),
                Some(Resolved::Text(text)) => Value::String(text.to_owned()),
            },
        };
        values.push(value);
    }
    take(&mut values, tree.root())
}
