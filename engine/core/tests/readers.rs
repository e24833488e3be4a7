//! Two readers of YAML, one tree: whatever is let through says the same to both, and every place in it is true.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use proptest::prelude::*;
use runbook_core::diagnostic::Severity;
use runbook_core::document::{Kind, NodeId, Resolved, Style, Tree, Yaml, read_tree};
use runbook_core::source::Span;
use serde_yaml::Value;

/// A document to be written, with what it must be read as.
#[derive(Debug, Clone)]
enum Doc {
    /// As written, and as read.
    Scalar(String, Value),
    /// A text written line by line after `|`.
    Block(Vec<String>),
    /// Items; in brackets or not.
    List(Vec<Doc>, bool),
    /// Keys as written, as read, and values; in brackets or not.
    Mapping(Vec<(String, String, Doc)>, bool),
}

impl Doc {
    /// Whether it can stand in brackets: nothing inside is written over several lines.
    fn is_flow(&self) -> bool {
        match self {
            Self::Scalar(..) => true,
            Self::Block(_) => false,
            Self::List(items, _) => items.iter().all(Self::is_flow),
            Self::Mapping(entries, _) => entries.iter().all(|(_, _, value)| value.is_flow()),
        }
    }

    fn in_brackets(&self) -> bool {
        match self {
            Self::Scalar(..) | Self::Block(_) => false,
            Self::List(items, brackets) => items.is_empty() || *brackets && self.is_flow(),
            Self::Mapping(entries, brackets) => entries.is_empty() || *brackets && self.is_flow(),
        }
    }

    fn write_flow(&self, out: &mut String) {
        match self {
            Self::Scalar(written, _) => out.push_str(written),
            Self::Block(_) => unreachable!("asked before"),
            Self::List(items, _) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    out.push_str(if index > 0 { ", " } else { "" });
                    item.write_flow(out);
                }
                out.push(']');
            }
            Self::Mapping(entries, _) => {
                // A blank inside, or a template's braces would be seen.
                out.push_str("{ ");
                for (index, (key, _, value)) in entries.iter().enumerate() {
                    out.push_str(if index > 0 { " , " } else { "" });
                    out.push_str(key);
                    out.push_str(": ");
                    value.write_flow(out);
                }
                out.push_str(" }");
            }
        }
    }

    /// Writes what follows `key:` or `-`.
    fn write_after(&self, indent: usize, out: &mut String) {
        match self {
            Self::Scalar(written, _) => {
                out.push(' ');
                out.push_str(written);
                out.push_str(" # é comment\n");
            }
            Self::Block(lines) => {
                out.push_str(" |\n");
                for line in lines {
                    out.push_str(&" ".repeat(indent + 2));
                    out.push_str(line);
                    out.push('\n');
                }
            }
            _ if self.in_brackets() => {
                out.push(' ');
                self.write_flow(out);
                out.push('\n');
            }
            Self::List(..) | Self::Mapping(..) => {
                out.push('\n');
                self.write(indent + 2, out);
            }
        }
    }

    fn write(&self, indent: usize, out: &mut String) {
        match self {
            _ if self.in_brackets() => {
                self.write_flow(out);
                out.push('\n');
            }
            Self::Scalar(..) | Self::Block(_) => self.write_after(0, out),
            Self::List(items, _) => {
                for item in items {
                    out.push_str(&" ".repeat(indent));
                    out.push('-');
                    item.write_after(indent, out);
                }
            }
            Self::Mapping(entries, _) => {
                for (key, _, value) in entries {
                    out.push_str("# café 🌱\n");
                    out.push_str(&" ".repeat(indent));
                    out.push_str(key);
                    out.push(':');
                    value.write_after(indent, out);
                }
            }
        }
    }

    fn value(&self) -> Value {
        match self {
            Self::Scalar(_, value) => value.clone(),
            Self::Block(lines) => Value::String(lines.join("\n") + "\n"),
            Self::List(items, _) => Value::Sequence(items.iter().map(Self::value).collect()),
            Self::Mapping(entries, _) => {
                Value::Mapping(entries.iter().map(|(_, key, value)| (key.as_str().into(), value.value())).collect())
            }
        }
    }
}

/// Plain scalars of every core type, and those that only look like one.
fn plain() -> impl Strategy<Value = Doc> {
    let known: Vec<(&str, Value)> = vec![
        ("no", "no".into()),
        ("yes", "yes".into()),
        ("off", "off".into()),
        ("null", Value::Null),
        ("~", Value::Null),
        ("True", true.into()),
        ("false", false.into()),
        ("0", 0.into()),
        ("-12", (-12).into()),
        ("+7", 7.into()),
        ("0o17", 15.into()),
        ("0x1f", 31.into()),
        ("1_000", "1_000".into()),
        (".5", 0.5.into()),
        ("5.", 5.0.into()),
        ("1e3", 1000.0.into()),
        ("-.inf", f64::NEG_INFINITY.into()),
        ("inf", "inf".into()),
        ("1:30", "1:30".into()),
        ("2027-03-01", "2027-03-01".into()),
        ("12e", "12e".into()),
        ("0x", "0x".into()),
        ("1.2.3", "1.2.3".into()),
        ("=", "=".into()),
        ("a=b", "a=b".into()),
        ("x#y", "x#y".into()),
        ("a 'b' \"c\"", "a 'b' \"c\"".into()),
        ("http://x/y?z", "http://x/y?z".into()),
        ("-x", "-x".into()),
        ("naïve café 🌱", "naïve café 🌱".into()),
        ("steps.a.passed && !x", "steps.a.passed && !x".into()),
        ("10s", "10s".into()),
        ("9223372036854775807", i64::MAX.into()),
    ];
    proptest::sample::select(known).prop_map(|(written, value)| Doc::Scalar(written.to_owned(), value))
}

/// Any text in quotes, escaped as it must be.
fn quoted() -> impl Strategy<Value = Doc> {
    ("[ -~éßλ🌱\t\n]{0,12}", any::<bool>()).prop_map(|(text, double)| {
        let written = if double || text.contains(['\n', '\t']) {
            let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\t', "\\t");
            format!("\"{}\"", escaped.replace('é', "\\u00e9").replace('ß', "\\xdf"))
        } else {
            format!("'{}'", text.replace('\'', "''"))
        };
        Doc::Scalar(written, Value::String(text))
    })
}

fn block() -> impl Strategy<Value = Doc> {
    prop::collection::vec("[!-~é][ -~éλ]{0,10}", 1..4).prop_map(Doc::Block)
}

fn doc() -> impl Strategy<Value = Doc> {
    let leaf = prop_oneof![3 => plain(), 3 => quoted(), 1 => block()];
    leaf.prop_recursive(4, 40, 5, |inner| {
        let key = prop_oneof!["[a-z_][a-z0-9_-]{0,6}", "\"[a-z #:]{0,5}\"", "'[a-z {\\[]{0,4}'"];
        let mapping = prop::collection::btree_map(key, inner.clone(), 0..5);
        prop_oneof![
            (prop::collection::vec(inner, 0..5), any::<bool>())
                .prop_map(|(items, brackets)| Doc::List(items, brackets)),
            (mapping, any::<bool>()).prop_map(|(entries, brackets)| {
                let mut entries: Vec<(String, String, Doc)> = entries
                    .into_iter()
                    // Without quotes these are no text.
                    .filter(|(key, _)| !["null", "true", "false"].contains(&key.as_str()))
                    .map(|(key, value)| (key.clone(), key.trim_matches(['"', '\'']).to_owned(), value))
                    .collect();
                let mut seen = Vec::new();
                entries.retain(|(_, name, _)| {
                    !seen.contains(name) && {
                        seen.push(name.clone());
                        true
                    }
                });
                Doc::Mapping(entries, brackets)
            }),
        ]
    })
}

/// Holds a tree to a value, independently of how the reader does it.
fn assert_same(tree: &Tree, id: NodeId, value: &Value) {
    match (&tree.node(id).kind, value) {
        (Kind::Sequence(items), Value::Sequence(values)) => {
            assert_eq!(items.len(), values.len());
            items.iter().zip(values).for_each(|(&item, value)| assert_same(tree, item, value));
        }
        (Kind::Mapping(entries), Value::Mapping(values)) => {
            assert_eq!(entries.len(), values.len());
            for (entry, (key, value)) in entries.iter().zip(values) {
                if let Some(key) = key.as_str() {
                    assert_eq!(entry.key, key);
                } else {
                    assert!(key.is_number() || key.is_bool(), "{key:?}");
                }
                assert_same(tree, entry.value, value);
            }
        }
        (Kind::Scalar { .. }, _) => match tree.resolve(id).unwrap() {
            Resolved::Null => assert_eq!(value, &Value::Null),
            Resolved::Bool(b) => assert_eq!(value, &Value::Bool(b)),
            Resolved::Integer(integer) => assert_eq!(value, &Value::Number(integer.into())),
            Resolved::Number(number) => {
                let other = value.as_f64().unwrap();
                assert!(value.is_f64() && (other.to_bits() == number.to_bits() || other.is_nan() && number.is_nan()));
            }
            Resolved::Text(text) => assert_eq!(value, &Value::String(text.to_owned())),
        },
        (kind, value) => panic!("{kind:?} is {value:?} to the other reader"),
    }
}

/// Every place lies inside the one around it, and what is underlined is what was read.
fn assert_places(tree: &Tree, id: NodeId, around: Span) {
    let node = tree.node(id);
    let written = tree.source().slice(node.span);
    match &node.kind {
        Kind::Scalar { style, text } => {
            match style {
                Style::Plain if !text.is_empty() && !written.contains('\n') => assert_eq!(written, text),
                Style::SingleQuoted => assert!(written.starts_with('\'') && written.ends_with('\'')),
                Style::DoubleQuoted => assert!(written.starts_with('"') && written.ends_with('"')),
                Style::Plain | Style::Literal | Style::Folded => {}
            }
            for (at, c) in text.char_indices().filter(|(_, c)| !c.is_whitespace()) {
                let place = tree.inner_span(id, at..at + c.len_utf8());
                assert!(node.span.contains(place));
                let found = tree.source().slice(place);
                assert!(found == c.to_string() || found == "''" || found.starts_with('\\'), "{found:?} for {c:?}");
            }
        }
        Kind::Sequence(items) => {
            for &item in items {
                assert!(around.contains(tree.node(item).span));
                assert_places(tree, item, node.span);
            }
        }
        Kind::Mapping(entries) => {
            for entry in entries {
                assert!(node.span.contains(entry.key_span), "{:?} {:?}", node.span, entry.key_span);
                assert!(around.contains(tree.node(entry.value).span));
                assert!(!tree.path_at(entry.key_span).is_empty());
                assert_places(tree, entry.value, node.span);
            }
        }
        Kind::Refused => {}
    }
}

fn assert_whole(yaml: &Yaml) {
    assert_same(&yaml.tree, yaml.tree.root(), &yaml.value);
    let whole = Span::new(0, yaml.tree.source().text().len());
    assert_places(&yaml.tree, yaml.tree.root(), whole);
}

/// Pieces of YAML, whole and broken, that random text would hardly hit upon.
fn soup() -> impl Strategy<Value = String> {
    let pieces = [
        "a",
        "b",
        ": ",
        ":",
        "- ",
        "-",
        "? ",
        "[",
        "]",
        "{",
        "}",
        ", ",
        ",",
        "\n",
        "\n  ",
        "\n    ",
        "  ",
        "\t",
        "'",
        "\"",
        "|",
        ">",
        "|2",
        ">-",
        "|+",
        "#",
        " # ",
        "&x ",
        "*x",
        "!t ",
        "!!str ",
        "<<",
        "---\n",
        "...\n",
        "%YAML 1.1\n",
        "é",
        "🌱",
        "\\",
        "\\n",
        "{{ x }}",
        "~",
        "1",
        "0b1",
        "\r\n",
        "\u{feff}",
        "\u{a0}",
        "\u{2003}",
        "x y",
        "a: b\n",
        "- c\n",
        "a:\n",
        "@",
        "`",
        "%",
        "=",
        "!",
        "&",
        "*",
        "\n\n",
        "\\\n",
        "''",
        "\"\"",
        "key:",
        "\n- ",
        "\n  - ",
        "\n  a: ",
        "\n a: ",
    ];
    prop::collection::vec(proptest::sample::select(pieces.to_vec()), 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read(doc in doc()) {
        let mut text = String::new();
        doc.write(0, &mut text);
        let (_, yaml, diagnostics) = read_tree("a.yaml", text.as_bytes());
        prop_assert!(diagnostics.is_empty(), "{text}\n{diagnostics:?}");
        let yaml = yaml.unwrap();
        prop_assert_eq!(&yaml.value, &doc.value(), "{}", text);
        assert_whole(&yaml);
    }

    #[test]
    fn what_passes_is_read_alike(text in soup()) {
        let (source, yaml, diagnostics) = read_tree("a.yaml", text.as_bytes());
        let errors = diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
        prop_assert!(errors || yaml.is_some(), "{text}");
        for diagnostic in &diagnostics {
            prop_assert!(diagnostic.span.end <= source.text().len() && source.text().is_char_boundary(diagnostic.span.start));
        }
        if let Some(yaml) = yaml && !errors {
            // A byte order mark is none of the text, and the final line break may be missing.
            let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
            let newline = if text.ends_with('\n') { "" } else { "\n" };
            let again: Value = serde_yaml::from_str(&format!("{text}{newline}")).unwrap();
            prop_assert_eq!(&yaml.value, &again);
            assert_whole(&yaml);
        }
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let (_, yaml, diagnostics) = read_tree("a.yaml", &bytes);
        prop_assert!(yaml.is_some() || !diagnostics.is_empty());
    }
}
