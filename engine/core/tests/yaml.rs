//! What is said about a YAML file, and at which bytes.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use runbook_core::diagnostic::{Code, Diagnostics, Silences};
use runbook_core::document::{Shape, Yaml, read_tree};
use runbook_core::source::Span;

/// Each diagnostic as its code, line, column in characters and the text that is underlined.
fn said(text: &str) -> Vec<(Code, usize, usize, String)> {
    let (source, _, diagnostics) = read_tree("a.yaml", text.as_bytes());
    let place = |span: Span| (source.position(span.start), source.slice(span).to_owned());
    diagnostics
        .iter()
        .map(|diagnostic| (diagnostic.code, place(diagnostic.span)))
        .map(|(code, (position, text))| (code, position.line, position.column, text))
        .collect()
}

fn one(text: &str) -> (Code, usize, usize, String) {
    let mut all = said(text);
    assert_eq!(all.len(), 1, "{text}\n{all:#?}");
    all.remove(0)
}

fn at(code: Code, line: usize, column: usize, text: &str) -> (Code, usize, usize, String) {
    (code, line, column, text.to_owned())
}

fn read(text: &str) -> Yaml {
    let (_, yaml, diagnostics) = read_tree("a.yaml", text.as_bytes());
    assert_eq!(diagnostics, [], "{text}");
    yaml.unwrap()
}

#[test]
fn a_comment_outside_ascii_moves_no_caret() {
    assert_eq!(one("# café 🌱\nclé: 1\nclé: 2\n"), at(Code::DuplicateKey, 3, 1, "clé"));
    assert_eq!(one("# café 🌱\r\né: \"ok\" == x\r\n"), at(Code::TrapQuotedStart, 2, 4, "\"ok\" == x"));
}

#[test]
fn all_problems_come_at_once_each_at_its_bytes() {
    let text = "\
a: &x 1
b: *x
<<: *x
c: !env HOME
d: 0644
d: 2
? [e]
: f
g: {h: 1, h: 2}
~: i
";
    assert_eq!(
        said(text),
        [
            at(Code::AnchorAliasTag, 1, 4, "&x"),
            at(Code::AnchorAliasTag, 2, 4, "*x"),
            at(Code::AnchorAliasTag, 3, 1, "<<"),
            at(Code::AnchorAliasTag, 3, 5, "*x"),
            at(Code::AnchorAliasTag, 4, 4, "!env"),
            at(Code::AmbiguousScalar, 5, 4, "0644"),
            at(Code::DuplicateKey, 6, 1, "d"),
            at(Code::KeyNotText, 7, 3, "[e]"),
            at(Code::DuplicateKey, 9, 11, "h"),
            at(Code::KeyNotText, 10, 1, "~"),
        ]
    );
}

#[test]
fn a_file_with_such_problems_is_read_on_without_them() {
    let (_, yaml, diagnostics) = read_tree("a.yaml", b"a: 1\na: 2\nb: *x\nc: [x, !t y]\n");
    // An alias nobody named breaks off.
    assert!(yaml.is_none() && diagnostics.len() == 2, "{diagnostics:#?}");
    let (_, yaml, _) = read_tree("a.yaml", b"a: 1\na: 2\nc: [x, !t y]\n");
    let yaml = yaml.unwrap();
    let mut sink = Diagnostics::new();
    assert_eq!(yaml.root().get("a").unwrap().as_integer(&mut sink).unwrap().value, 1);
    let items = yaml.root().get("c").unwrap().items(&mut sink).unwrap();
    assert_eq!(
        items.iter().map(runbook_core::document::Cursor::shape).collect::<Vec<_>>(),
        [Shape::Text, Shape::Refused]
    );
    assert!(items.get(1).unwrap().as_text(&mut sink).is_none());
    assert!(sink.is_empty(), "what was refused is not reported twice");
}

#[test]
fn anchors_of_lists_and_mappings_are_found_above_them() {
    assert_eq!(one("a: &x\n  b: c\n"), at(Code::AnchorAliasTag, 1, 4, "&x"));
    assert_eq!(one("a: !!seq [b]\n"), at(Code::AnchorAliasTag, 1, 4, "!!seq"));
    assert_eq!(one("&r a: b\n"), at(Code::AnchorAliasTag, 1, 1, "&r"));
}

#[test]
fn every_trap_has_its_code_and_the_line_as_it_should_be_quoted() {
    for (text, code, underlined, line) in [
        ("when: !x\n", Code::TrapExclamation, "!x", "when: \"!x\""),
        ("when: !has(x) && y\n", Code::TrapExclamation, "!has(x) && y", "when: \"!has(x) && y\""),
        ("expect: \"ok\" == stdout\n", Code::TrapQuotedStart, "\"ok\" == stdout", "expect: '\"ok\" == stdout'"),
        ("expect: 'ok' == stdout\n", Code::TrapQuotedStart, "'ok' == stdout", "expect: \"'ok' == stdout\""),
        ("o: a ? \"b\" : \"c\"\n", Code::TrapConditional, "a ? \"b\" : \"c\"", "o: 'a ? \"b\" : \"c\"'"),
        ("message: {{ x }} is down\n", Code::TrapBraces, "{{ x }} is down", "message: \"{{ x }} is down\""),
        ("to: {{ x }}\n", Code::TrapBraces, "{{ x }}", "to: \"{{ x }}\""),
        ("to: {{ join xs \", \" }}\n", Code::TrapBraces, "{{ join xs \", \" }}", "to: '{{ join xs \", \" }}'"),
        ("verify: Up: or down?\n", Code::TrapColon, "Up: or down?", "verify: \"Up: or down?\""),
        ("- { when: !x, then: y }\n", Code::TrapExclamation, "!x", "when: \"!x\""),
        (
            "- { when: a ? \"b\" : \"c\", then: y }\n",
            Code::TrapConditional,
            "a ? \"b\" : \"c\"",
            "when: 'a ? \"b\" : \"c\"'",
        ),
        ("r: { every: 1s, for: {{ p }} }\n", Code::TrapBraces, "{{ p }}", "for: \"{{ p }}\""),
        ("run: [a, {{ p }}]\n", Code::TrapBraces, "{{ p }}", "\"{{ p }}\""),
        ("- {{ p }}\n", Code::TrapBraces, "{{ p }}", "\"{{ p }}\""),
    ] {
        let text = format!("# é\nsteps:\n  a:\n    {text}\n  b: c\n");
        let (source, _, diagnostics) = read_tree("a.yaml", text.as_bytes());
        let [diagnostic] = diagnostics.as_slice() else { panic!("{text}\n{diagnostics:#?}") };
        assert_eq!((diagnostic.code, source.slice(diagnostic.span)), (code, underlined), "{text}");
        assert_eq!(diagnostic.help.as_deref(), Some(format!("quote the whole value: `{line}`").as_str()));
    }
}

#[test]
fn syntax_errors_are_said_in_words_for_authors() {
    for (text, line, underlined, title) in [
        ("a: 'x\nb: 3\n", 1, "'", "a quote is opened and never closed"),
        ("a:\n\tb: c\n", 2, "b:", "a tab where YAML wants spaces"),
        ("b: @x\n", 1, "@x", "a value without quotes cannot begin with this character"),
        ("b: - x\n", 1, "-", "a list begins on the line of its key"),
        ("a: b\n c: d\n", 2, ":", "a `:` where no key can stand"),
        ("a: b\nfoo # x\nc: d\n", 2, "foo # x", "a line that is no `key: value`"),
        ("a: [1, 2\nb: 3\n", 2, ":", "brackets that do not match, or a comma is missing"),
        ("a: \"\\q\"\n", 1, "\"\\q\"", "unknown escape in double quotes"),
    ] {
        let (source, yaml, diagnostics) = read_tree("a.yaml", text.as_bytes());
        let [diagnostic] = diagnostics.as_slice() else { panic!("{text}\n{diagnostics:#?}") };
        assert!(yaml.is_none());
        let found = (source.line_of(diagnostic.span.start), source.slice(diagnostic.span), diagnostic.title.as_str());
        assert_eq!(found, (line, underlined, title), "{text}");
    }
}

#[test]
fn one_document_a_file() {
    assert_eq!(one("a: b\n---\nc: d\n"), at(Code::ManyDocuments, 2, 1, "---"));
    assert_eq!(said("---\na: b\n...\n"), []);
    assert_eq!(read("").root().shape(), Shape::Null);
    assert_eq!(read("# only a comment\n").root().shape(), Shape::Null);
}

#[test]
fn neither_the_last_line_break_nor_a_byte_order_mark_matters() {
    let mut sink = Diagnostics::new();
    let yaml = read("a: |\n  x\n  y");
    assert_eq!(yaml.root().get("a").unwrap().as_text(&mut sink).unwrap().value, "x\ny\n");
    let yaml = read("\u{feff}---\né: 1");
    assert_eq!(yaml.root().get("é").unwrap().span(), Span::new(11, 12));
    let yaml = read("a:\n- b\n-\n- |\n x");
    let items = yaml.root().get("a").unwrap();
    assert_eq!(yaml.tree.source().slice(items.span()), "- b\n-\n- |\n x");
    assert_eq!(items.items(&mut sink).unwrap().get(1).unwrap().place(), Span::new(7, 8));
}

#[test]
fn places_have_names() {
    let yaml = read("steps:\n  reachable:\n    needs: [a, b]\n    odd key: {x: 1}\n");
    let text = yaml.tree.source().text();
    let path = |part: &str| {
        let start = text.find(part).unwrap();
        yaml.tree.path_at(Span::new(start, start + part.len()))
    };
    assert_eq!(path("b]"), "steps.reachable.needs");
    assert_eq!(path("b"), "steps.reachable");
    assert_eq!(path("a, b"), "steps.reachable.needs");
    let b = text.find("b]").unwrap();
    assert_eq!(yaml.tree.path_at(Span::new(b, b + 1)), "steps.reachable.needs[1]");
    assert_eq!(path("needs"), "steps.reachable.needs");
    assert_eq!(path("1"), "steps.reachable[\"odd key\"].x");
    assert_eq!(path("steps"), "steps");
    assert_eq!(yaml.tree.path_at(Span::new(0, text.len())), "");
}

#[test]
fn a_part_of_a_text_is_found_in_every_style() {
    let text = "\
# é
plain: a == steps.x
folded plain: a ||
  steps.x
single: 'it''s steps.x'
double: \"\\u00e9 \\\"q\\\" steps.x\"
literal: |
  é

    steps.x
folded: >-
  é
  steps.x
";
    let yaml = read(text);
    let mut sink = Diagnostics::new();
    let entries = yaml.root().entries(&mut sink).unwrap();
    assert_eq!(entries.len(), 6);
    for (key, value) in entries {
        let decoded = value.as_text(&mut sink).unwrap();
        let start = decoded.value.find("steps.x").unwrap();
        let span = yaml.tree.inner_span_at(decoded.span, start..start + 7);
        assert_eq!(yaml.tree.source().slice(span), "steps.x", "{}", key.value);
        assert_eq!(span, value.inner_span(start..start + 7));
    }
}

#[test]
fn accessors_say_what_is_wanted_at_its_place() {
    let yaml = read("a: 5\nb: [x]\nc: yes\nd:\ne: .inf\n");
    let mut sink = Diagnostics::new();
    let root = yaml.root();
    let get = |key| root.get(key).unwrap();
    assert!(get("a").as_text(&mut sink).is_none());
    assert_eq!(get("a").as_word(&mut sink).unwrap().value, "5");
    assert_eq!(get("a").as_number(&mut sink).unwrap().value.to_bits(), 5.0_f64.to_bits());
    assert!(get("b").as_bool(&mut sink).is_none());
    assert!(get("c").as_bool(&mut sink).is_none());
    assert!(get("d").items(&mut sink).is_none());
    assert!(get("e").as_number(&mut sink).is_none());
    assert!(root.required("to", "an escalate", &mut sink).is_none());
    root.expect_keys("a step", &["a", "b", "c", "dd"], &mut sink);
    let source = yaml.tree.source();
    let said: Vec<_> = sink
        .finish()
        .into_iter()
        .map(|d| {
            format!("{} {:?} {} | {} | {}", d.code, source.slice(d.span), d.title, d.label, d.help.unwrap_or_default())
        })
        .collect();
    assert_eq!(
        said,
        [
            "RB0107 \"a: 5\" missing key `to` | an escalate needs it | ",
            "RB0108 \"5\" `a` must be text | this is an integer | in quotes it is text: \"5\"",
            "RB0108 \"b\" `b` must be true or false | this is a list | ",
            "RB0108 \"yes\" `c` must be true or false | this is text | ",
            "RB0106 \"d\" unknown key `d` | not a key of a step | did you mean `dd`?",
            "RB0108 \"d\" `d` must be a list | this is nothing | give it a value, or remove the key",
            "RB0106 \"e\" unknown key `e` | not a key of a step | the keys are `a`, `b`, `c`, `dd`",
            "RB0108 \".inf\" `e` must be a number | this is a number | ",
        ]
    );
}

#[test]
fn scripts_hide_what_looks_like_a_comment() {
    for text in ["run: |\n  # runbook: allow RB0146\nx: y\n", "run: >\n  true\n  # runbook: allow RB0146\n"] {
        let yaml = read(text);
        let silences = Silences::read(yaml.tree.source(), &yaml.tree.text_spans());
        assert!(silences.apply(yaml.tree.source(), Diagnostics::new()).is_empty());
    }
}
