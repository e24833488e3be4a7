#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and some measure how long they take"
)]

use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::json;

use super::*;

struct Json(serde_json::Value);

impl Scope for Json {
    fn read(&self, path: &[String]) -> Result<Option<Value>, String> {
        let mut value = &self.0;
        for name in path {
            let element = name.parse().ok().and_then(|at: usize| value.get(at));
            let found = element.or_else(|| value.get(name));
            match found {
                Some(found) => value = found,
                None => return Ok(None),
            }
        }
        match value.as_str() {
            Some(text) if text.starts_with('!') => Err(text.trim_start_matches('!').to_owned()),
            _ => Ok(Some(Value::from_json(value))),
        }
    }
}

fn shop() -> Json {
    Json(json!({
        "params": { "name": "shop.internal", "count": 5, "load": 0.5, "on": true, "empty": "", "none": null,
            "list": ["a b", "c"], "map": { "k": [1, { "$duration": "5m" }] }, "wait": { "$duration": "90s" }, "deep": [[1]] },
        "steps": { "a": { "outputs": { "text": "{{ params.name }} <b>&", "cut": "!stdout was cut" } } },
    }))
}

fn compile(text: &str) -> Template {
    Template::compile(text).unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

fn render(text: &str) -> String {
    compile(text).render(&shop()).unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

fn fails(text: &str) -> RenderError {
    match compile(text).render(&shop()) {
        Ok(rendered) => panic!("{text} rendered to {rendered}"),
        Err(error) => error,
    }
}

fn refused(text: &str) -> TemplateError {
    match Template::compile(text) {
        Ok(template) => panic!("{text} compiled to {:?}", template.parts()),
        Err(error) => error,
    }
}

#[test]
fn paths_and_helpers_render() {
    let table = [
        ("plain", "plain"),
        ("", ""),
        ("a {{ params.name }} b {{params.count}}", "a shop.internal b 5"),
        ("{{ params.load }} {{ params.on }} {{ params.wait }}", "0.5 true 1m30s"),
        ("{{ steps.a.outputs.text }}", "{{ params.name }} <b>&"),
        ("{{ default params.gone \"none\" }}", "none"),
        ("{{ default params.none 'x' }}{{ default params.empty 3 }}{{ default params.count 1 }}", "x35"),
        ("{{ default params.gone params.name }}", "shop.internal"),
        ("{{ join params.list \", \" }}|{{ words params.list }}", "a b, c|a b c"),
        ("{{ json params.map }}", "{\"k\":[1,\"5m\"]}"),
        ("{{ upper params.name }} {{ upper (default params.gone \"é\") }}", "SHOP.INTERNAL É"),
        ("{{ params.list.[0] }}{{ params.list.1 }}", "a bc"),
        ("{{! a comment with {{ braces }}x", "x"),
        ("{{!-- a }} comment --}}x", "x"),
        ("a\n  {{! gone }}\nb", "a\nb"),
        ("a {{! gone }}\nb", "a \nb"),
        ("{{! gone }}", ""),
    ];
    for (text, expected) in table {
        assert_eq!(render(text), expected, "{text}");
    }
}

#[test]
fn braces_may_be_meant() {
    for (text, expected) in [
        (r"\{{ params.name }}", "{{ params.name }}"),
        (r"a\{{b}}{{ params.count }}", "a{{b}}5"),
        (r"\{{{ x }}}", "{{{ x }}}"),
        (r"C:\dir\\{{ params.count }}", r"C:\dir\5"),
        (r"{ {x} } }} \x", r"{ {x} } }} \x"),
    ] {
        assert_eq!(render(text), expected, "{text}");
    }
    assert_eq!(compile(r"\{{ x }}").literal_text().as_deref(), Some("{{ x }}"));
}

#[test]
fn what_has_no_text_is_an_error() {
    let error = fails("x {{ steps.gone.outputs.y }}");
    assert_eq!(
        (error.message.as_str(), error.span, error.missing),
        ("steps.gone.outputs.y does not exist", 5..25, true)
    );
    assert!(fails("{{ params.none }}").message.starts_with("params.none is null, and text belongs here"));
    assert_eq!(
        fails("{{ params.list }}").message,
        "params.list is a list, and text belongs here; write {{ join params.list \", \" }} or {{ json params.list }}"
    );
    assert!(fails("{{ params.map }}").message.contains("a mapping"));
    assert_eq!(fails("{{ steps.a.outputs.cut }}").message, "stdout was cut");
    assert_eq!(fails("{{ default steps.a.outputs.cut \"x\" }}").message, "stdout was cut");
    assert_eq!(fails("{{ join params.name \",\" }}").message, "params.name is text, and a list belongs here");
    assert_eq!(fails("{{ words params.deep }}").message, "element 0 of params.deep is a list, which is no text");
}

#[test]
fn one_path_keeps_its_type() {
    let value = |text: &str| compile(text).render_value(&shop());
    assert_eq!(value("{{ params.count }}"), Ok(Value::Integer(5)));
    assert_eq!(value("{{ params.wait }}"), Ok(Value::Duration(Duration::from_secs(90))));
    assert_eq!(value("{{ params.list }}"), Ok(Value::List(vec!["a b".into(), "c".into()])));
    assert_eq!(value("{{ default params.gone 5 }}"), Ok(Value::Integer(5)));
    assert_eq!(value(" {{ params.count }}"), Ok(Value::from(" 5")));
    assert!(value("{{ params.none }}").is_err());
    assert_eq!(compile("{{ a.b }}").single_path().map(|read| read.path.join(".")).as_deref(), Some("a.b"));
    assert_eq!(compile("{{ a.b }} ").single_path(), None);
    assert_eq!(compile("{{ upper a.b }}").single_path(), None);
    assert_eq!(
        compile("{{ words params.list }}").render_words(&shop()),
        Ok(Some(vec!["a b".to_owned(), "c".to_owned()]))
    );
    assert_eq!(compile("{{ params.list }}").render_words(&shop()), Ok(None));
}

#[test]
fn reads_are_listed_with_their_bytes() {
    let text = "é {{ params.name }}{{ default steps.a.outputs.x \"params.z\" }}{{ join (default params.z params.list) ',' }}{{ a.[b c].d }}";
    let template = compile(text);
    let reads: Vec<_> =
        template.reads().iter().map(|read| (read.path.join("/"), &text[read.span.clone()], read.guarded)).collect();
    assert_eq!(
        reads,
        [
            ("params/name".to_owned(), "params.name", false),
            ("steps/a/outputs/x".to_owned(), "steps.a.outputs.x", true),
            ("params/z".to_owned(), "params.z", true),
            ("params/list".to_owned(), "params.list", false),
            ("a/b c/d".to_owned(), "a.[b c].d", false),
        ]
    );
    assert_eq!(template.reads()[2].span.start, text.rfind("params.z").unwrap());
}

#[test]
fn people_are_always_told() {
    let tell = |text: &str| compile(text).render_for_people(&shop(), &|path| format!("{} was skipped", path.join(".")));
    assert_eq!(tell("{{ params.name }} is down"), "shop.internal is down");
    assert_eq!(tell("x {{ steps.b.outputs.y }}!"), "x (none: steps.b.outputs.y was skipped)!");
    assert_eq!(tell("{{ params.none }}"), "(none: params.none is null)");
    assert_eq!(tell("{{ params.list }}"), "[\"a b\",\"c\"]");
    assert_eq!(tell("{{ steps.a.outputs.cut }}"), "(none: stdout was cut)");
    assert_eq!(
        tell("{{ upper params.list }}"),
        "(none: params.list is a list, and text belongs here; write {{ join params.list \", \" }} or {{ json params.list }})"
    );
    assert_eq!(tell("{{ upper steps.b.x }}"), "(none: steps.b.x was skipped)");
}

#[test]
fn mistakes_are_pointed_at_with_what_to_write() {
    use TemplateErrorKind::{Block, Syntax, TooLong, UnknownHelper};
    let deep = format!("{{{{ {}x{} }}}}", "upper (".repeat(6), ")".repeat(6));
    let table: &[(&str, TemplateErrorKind, &str, &str)] = &[
        ("a {{#if x}}b{{/if}}", Block, "{{#if x}}", "a condition belongs in `when`"),
        ("{{else}}", Block, "{{else}}", "a condition belongs"),
        ("{{^}}", Block, "{{^}}", "a condition belongs"),
        ("{{> self}}", Block, "{{> self}}", "write the text"),
        ("{{#> self}}{{/self}}", Block, "{{#> self}}", "a condition belongs"),
        ("{{* inline \"x\"}}", Block, "{{* inline \"x\"}}", "write the text"),
        ("{{{{raw}}}}x{{{{/raw}}}}", Block, "{{{{raw}}", "write \\{{"),
        ("{{{ x }}}", Syntax, "{{{ x }}", "write {{ path }}"),
        ("{{& x }}", Syntax, "{{& x }}", "write {{ path }}"),
        ("{{~ x }}", Syntax, "{{~ x }}", "leave out"),
        ("{{ x ~}}", Syntax, "{{ x ~}}", "leave out"),
        ("a {{ b", Syntax, "{{", "write \\{{"),
        ("a {{ b {{ c }}", Syntax, "{{", "write \\{{"),
        ("{{ }}", Syntax, "{{ }}", "write \\{{"),
        ("{{ ../x }}", Syntax, "{{ ../x }}", "write {{ x }}"),
        ("{{ a/b }}", Syntax, "{{ a/b }}", "write {{ a.b }}"),
        ("{{ this }}", Syntax, "{{ this }}", "write params.NAME"),
        ("{{ @root.a }}", Syntax, "{{ @root.a }}", "write"),
        ("{{ @index }}", Syntax, "{{ @index }}", "write each.host"),
        ("{{ a[0] }}", Syntax, "{{ a[0] }}", "write {{ a.[0] }}"),
        ("{{ a == b }}", Syntax, "{{ a == b }}", "compute it as an output"),
        ("{{ a + b }}", Syntax, "{{ a + b }}", "compute it as an output"),
        ("{{ upper }}", Syntax, "{{ upper }}", "write {{ upper path }}"),
        ("{{ join a }}", Syntax, "{{ join a }}", "write {{ join list"),
        ("{{ join a sep=\",\" }}", Syntax, "{{ join a sep=\",\" }}", "write {{ join list"),
        ("{{ join [1, 2] \",\" }}", Syntax, "{{ join [1, 2] \",\" }}", ""),
        ("{{ uper a }}", UnknownHelper, "{{ uper a }}", "did you mean {{ upper path }}?"),
        ("{{ lookup a b }}", UnknownHelper, "{{ lookup a b }}", "write the path"),
        ("{{ if a }}", UnknownHelper, "{{ if a }}", "there are default, join"),
        ("{{ \"text\" }}", Syntax, "{{ \"text\" }}", ""),
        ("{{ a b c", Syntax, "{{", ""),
        (&deep, TooLong, &deep, ""),
    ];
    for (text, kind, at, hint) in table {
        let error = refused(text);
        assert_eq!((error.kind, &text[error.span.clone()]), (*kind, *at), "{text}: {error:?}");
        assert!(error.hint.as_deref().unwrap_or_default().contains(hint), "{text}: {error:?}");
    }
}

#[test]
fn what_is_too_large_is_refused_at_once() {
    let started = Instant::now();
    for text in [
        "x".repeat(65_537),
        "{{ a }}".repeat(1_001),
        format!("{{{{ a{} }}}}", ".b".repeat(20)),
        format!("{{{{ {}a{} }}}}", "(".repeat(400), ")".repeat(400)),
        format!("{{{{ a{} }}}}", " ".repeat(2_000)),
    ] {
        assert_eq!(refused(&text).kind, TemplateErrorKind::TooLong);
    }
    assert!(Template::compile(&"{{".repeat(30_000)).is_err());
    assert!(Template::compile(&"\\{{".repeat(20_000)).is_ok());
    assert!(Template::compile(&"{{!}}".repeat(13_000)).is_ok());
    let large = Json(json!({ "a": "x".repeat(1 << 20) }));
    assert!(compile("{{ a }}{{ a }}").render(&large).unwrap_err().message.contains("more than 1048576 bytes"));
    assert!(compile("{{ a }}{{ a }}").render_for_people(&large, &|_| String::new()).len() < (1 << 20) + 4);
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
}

struct Anything(String);

impl Scope for Anything {
    fn read(&self, _: &[String]) -> Result<Option<Value>, String> {
        Ok(Some(Value::Text(self.0.clone())))
    }
}

fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{{", "}}", "{", "}", "\\", "a", "a.b", "[", "]", "[x y]", "(", ")", "\"", "'", "\"t\"", "default ", "upper ",
        "json ", "words ", "join ", " ", "!", "--", "#", ">", "*", "~", "&", "@", "../", "/", ".", "1", "-2", "null",
        "true", "é", "=", "|", "as |x|", "\n", "else", "^",
    ]);
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in prop_oneof![any::<String>(), pieces(), pieces().prop_map(|inside| format!("{{{{ {inside} }}}}"))]) {
        match Template::compile(&text) {
            Ok(template) => {
                for read in template.reads() {
                    prop_assert!(text.get(read.span.clone()).is_some_and(|raw| raw.contains(read.path[0].as_str())), "{:?}", read);
                }
                let mut at = 0;
                for part in template.parts() {
                    let (Part::Literal { span, .. } | Part::Interpolation(Interpolation { span, .. })) = part;
                    prop_assert!(span.start >= at && text.get(span.clone()).is_some());
                    at = span.end;
                }
                let _ = template.render(&shop());
                let _ = template.render_value(&shop());
                let _ = template.render_for_people(&shop(), &|_| "gone".to_owned());
            }
            Err(error) => prop_assert!(text.get(error.span.clone()).is_some(), "{:?}", error),
        }
    }

    #[test]
    fn text_in_a_value_is_data(value in any::<String>()) {
        prop_assert_eq!(compile("<{{ a.b }}>").render(&Anything(value.clone())), Ok(format!("<{value}>")));
    }

    #[test]
    fn text_without_braces_is_itself(text in "[^{]*") {
        prop_assert_eq!(compile(&text).render(&Json(json!({}))), Ok(text));
    }
}

#[test]
fn thousands_compile_quickly() {
    let started = Instant::now();
    for _ in 0..10_000 {
        assert!(Template::compile("dnsTool -s {{ steps.active.outputs.server }} {{ params.name }}").is_ok());
    }
    let bound = if cfg!(debug_assertions) { 3_000 } else { 200 };
    assert!(started.elapsed() < Duration::from_millis(bound), "{:?}", started.elapsed());
}
