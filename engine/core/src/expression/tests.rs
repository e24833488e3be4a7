#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and some measure how long they take"
)]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::json;

use super::*;

/// A scope over JSON: paths go into objects; a text that begins with `!` may not be read.
struct Json {
    root: Value,
    read: RefCell<Vec<String>>,
}

impl Json {
    fn new(json: &serde_json::Value) -> Self {
        Self { root: Value::from_json(json), read: RefCell::default() }
    }
}

impl Scope for Json {
    fn read(&self, path: &[String]) -> Result<Option<Value>, String> {
        self.read.borrow_mut().push(path.join("."));
        let mut value = &self.root;
        for name in path {
            let Value::Map(members) = value else { return Ok(None) };
            let Some(member) = members.get(name) else { return Ok(None) };
            value = member;
        }
        if let Value::Text(text) = value
            && let Some(reason) = text.strip_prefix('!')
        {
            return Err(reason.to_owned());
        }
        Ok(Some(value.clone()))
    }

    fn in_hours(&self, at: Timestamp, name: &str) -> Result<bool, String> {
        if name == "business" { Ok(at.as_second() == 0) } else { Err(format!("no hours {name} are defined")) }
    }
}

fn shop() -> Json {
    Json::new(&json!({
        "stdout": "dns1", "stderr": "a\nb\nc", "exit_code": 0, "status": 200, "cut": "!stdout was cut at 1 MiB",
        "json": { "load": 0.85, "nodes": ["a", "b"], "user-name": { "first": "Ann" }, "nothing": null, "big": 9_007_199_254_740_993i64 },
        "params": { "name": "shop.internal", "count": 5, "sizes": [512, 128, 256], "text": " 7.5\n", "yes": true },
        "run": { "now": { "$timestamp": "1970-01-01T00:00:00Z" }, "started_at": { "$timestamp": "1969-12-31T23:00:00Z" } },
        "steps": {
            "active": { "passed": true, "outputs": { "server": "dns1" } },
            "each": { "items": [ { "item": "a", "outcome": "passed" }, { "item": "b", "outcome": "failed", "extra": 1 } ] },
            "odd": { "outputs": { "a.b": 1 } },
        },
        "wait": { "$duration": "5m" },
    }))
}

fn compile(text: &str) -> Expression {
    Expression::compile(text).unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

fn evaluate(text: &str) -> Value {
    compile(text).evaluate(&shop()).unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

fn fails(text: &str) -> String {
    match compile(text).evaluate(&shop()) {
        Ok(value) => panic!("{text} gave {value:?}"),
        Err(error) => error.message,
    }
}

fn refused(text: &str) -> ExpressionError {
    match Expression::compile(text) {
        Ok(_) => panic!("{text} compiled"),
        Err(error) => error,
    }
}

#[track_caller]
fn truths(texts: &[&str]) {
    for text in texts {
        assert_eq!(compile(text).evaluate_bool(&shop()), Ok(true), "{text}");
    }
}

#[test]
fn integers_and_numbers_mix() {
    assert_eq!(evaluate("0.85 * 256"), Value::Number(217.6));
    assert_eq!(evaluate("1 + 0.5"), Value::Number(1.5));
    assert_eq!(evaluate("2 + 3 * 4 - 1"), Value::Integer(13));
    assert_eq!(evaluate("7 % 4"), Value::Integer(3));
    assert_eq!(evaluate("-params.count"), Value::Integer(-5));
    assert_eq!(evaluate("-9223372036854775808"), Value::Integer(i64::MIN));
    assert_eq!(evaluate("double(26) / 5"), Value::Number(5.2));
    truths(&[
        "2 < 2.5",
        "2.5 > 2",
        "2 == 2.0",
        "json.big > 9007199254740992.0",
        "!(9007199254740993 == 9007199254740992.0)",
        "1 in [2, 1.0]",
        "[1, 2.0] == [1.0, 2]",
        "9223372036854775807 < 9223372036854775808.0",
    ]);
}

#[test]
fn arithmetic_that_would_mislead_is_an_error() {
    let error = refused("26 / 5");
    assert_eq!(error.hint.as_deref(), Some("write double(26) / 5"));
    assert_eq!(error.span, 0..6);
    assert_eq!(
        fails("params.count / params.count"),
        "`params.count` and `params.count` are integers, and dividing them would lose the fraction; \
         write double(params.count) / params.count"
    );
    assert_eq!(fails("params.count / 0.0"), "`0.0` is 0, which divides nothing");
    assert_eq!(fails("params.count % 0"), "`0` is 0, which divides nothing");
    assert_eq!(
        fails("9223372036854775807 + params.count"),
        "the result of `9223372036854775807` and `params.count` is too large to be a number"
    );
    assert!(fails("-9223372036854775807 - params.count").contains("too large"));
    assert!(fails("params.count * 9223372036854775807").contains("too large"));
    assert!(fails("1e308 * 10.0").contains("too large"));
    assert!(fails("ceil(1e300)").contains("outside the integers"));
    assert!(fails("-(-9223372036854775807 - 1)").contains("too large"));
}

#[test]
fn text_is_not_compared_with_numbers() {
    let error = refused("stdout > 5");
    assert_eq!(error.kind, ExpressionErrorKind::TextComparedWithNumber);
    assert_eq!(error.message, "`stdout` is text and `5` is an integer, which do not compare");
    assert_eq!(error.hint.as_deref(), Some("write number(stdout)"));
    let error = refused("exit_code == \"0\"");
    assert_eq!(error.hint.as_deref(), Some("write 0 without quotes"));
    for text in [
        "\"5\" == 5",
        "stdout in [1, 2]",
        "size(stdout) == \"x\"",
        "steps.a.exit_code != stdout",
        "trim(params.name) < 1.5",
    ] {
        assert_eq!(refused(text).kind, ExpressionErrorKind::TextComparedWithNumber, "{text}");
    }
    assert_eq!(
        fails("params.name == params.count"),
        "`params.name` is text and `params.count` is an integer, which do not compare; write number(params.name)"
    );
    assert!(fails("params.count in [json.nodes[0]]").contains("do not compare"));
    // The checker knows the types of params.
    let params = |path: &[String]| (path == ["params", "name"]).then_some(Type::Text);
    let expression = compile("params.name > 5");
    let error = expression.check_types(&params).unwrap_err();
    assert_eq!(error.kind, ExpressionErrorKind::TextComparedWithNumber);
    assert_eq!(error.span, 0..15);
}

#[test]
fn values_of_different_kinds_do_not_compare_but_with_null() {
    truths(&["json.nothing == null", "params.name != null", "null == null"]);
    assert!(fails("params.yes == params.name").contains("do not compare"));
    assert!(fails("json.nodes < json.nodes").contains("no order"));
    assert_eq!(refused("steps.a.passed == \"yes\"").kind, ExpressionErrorKind::Syntax);
    assert_eq!(refused("stdout && true").message, "`&&` takes true or false, and `stdout` is text");
    assert_eq!(refused("\"a\" in stdout").hint.as_deref(), Some("write stdout.contains(\"a\")"));
    assert_eq!(refused("\"n\" + 1").hint.as_deref(), Some("write string(1)"));
}

#[test]
fn reads_are_the_longest_paths() {
    let text = "steps.active.outputs.server == \"dns1\" && steps[\"each\"].items.map(i, i.outcome + params[\"a b\"]).size() > 0 && stdout.trim() == json.nodes[0]";
    let expression = compile(text);
    let reads: Vec<_> = expression.reads().iter().map(|read| (read.path.join("."), &text[read.span.clone()])).collect();
    assert_eq!(
        reads,
        [
            ("steps.active.outputs.server".to_owned(), "steps.active.outputs.server"),
            ("steps.each.items".to_owned(), "steps[\"each\"].items"),
            ("params.a b".to_owned(), "params[\"a b\"]"),
            ("stdout".to_owned(), "stdout"),
            ("json.nodes".to_owned(), "json.nodes"),
        ]
    );
    assert!(expression.reads().iter().all(|read| !read.guarded));
}

#[test]
fn spans_survive_other_scripts_and_brackets() {
    let text = "\"é→\" + ( (params . name) ) == (\"x\" + steps.ü1)";
    assert_eq!(&text[refused(text).span], "ü");
    let text = "\"é→\" + ( (params . name) ) == \"x\"";
    let expression = compile(text);
    assert_eq!(&text[expression.reads()[0].span.clone()], "params . name");
    let error = compile("(params.count + 1) * params.name").evaluate(&shop()).unwrap_err();
    assert_eq!(error.message, "`params.count + 1` is an integer and `params.name` is text, which `*` does not take");
}

#[test]
fn absence_is_guarded_by_has_and_first() {
    let guards = |text: &str| -> Vec<bool> { compile(text).reads().iter().map(|read| read.guarded).collect() };
    assert_eq!(guards("has(steps.x.outputs.y)"), [true]);
    assert_eq!(guards("first(steps.x.outputs.y, params.z) + params.a"), [true, true, false]);
    assert_eq!(guards("has(steps.x.outputs.y) ? steps.x.outputs.y : steps.x.outputs.z"), [true, true, false]);
    assert_eq!(guards("!has(a.b) ? a.b : a.b.c"), [true, false, true]);
    assert_eq!(guards("has(a.b) && has(c.d) && a.b == c.d"), [true, true, true, true]);
    assert_eq!(guards("!has(a.b) || a.b"), [true, true]);
    assert_eq!(guards("has(a.b) || a.b"), [true, false]);
    assert_eq!(guards("has(a.b) && x || a.b"), [true, false, false]);
}

#[test]
fn what_does_not_exist_is_named() {
    let error = compile("steps.gone.outputs.y == 1").evaluate(&shop()).unwrap_err();
    assert_eq!(error.message, "steps.gone.outputs.y does not exist");
    assert!(error.missing);
    assert_eq!(error.span, 0..20);
    assert_eq!(fails("json.nodes[7]"), "`json.nodes` has no element 7: it has 2, counted from 0");
    assert_eq!(fails("json.nodes[-1]"), "`json.nodes` has no element -1: it has 2, counted from 0");
    assert_eq!(fails("steps.each.items.map(i, i.extra)"), "i.extra does not exist");
    truths(&[
        "!has(steps.gone.outputs.y)",
        "has(steps.active.outputs.server)",
        "has(json.nothing)",
        "has(json.cut) == false",
        "steps.each.items.exists(i, has(i.extra))",
        "!steps.each.items.all(i, has(i.extra))",
        "steps.odd.outputs[\"a.b\"] == 1",
    ]);
    assert_eq!(evaluate("first(steps.gone.x, json.nothing, json.nodes[9], params.name)"), Value::from("shop.internal"));
    assert_eq!(fails("first(a.b, json.nothing)"), "none of a.b, json.nothing exists");
    assert_eq!(fails("first(cut, params.name)"), "stdout was cut at 1 MiB");
}

#[test]
fn a_name_is_read_when_it_is_needed_and_once() {
    let scope = shop();
    assert_eq!(compile("params.yes || cut == \"x\"").evaluate(&scope), Ok(Value::Bool(true)));
    assert_eq!(*scope.read.borrow(), ["params.yes"]);
    assert_eq!(fails("cut == \"x\""), "stdout was cut at 1 MiB");
    let scope = shop();
    compile("[1, 2, 3].map(i, params.count + i + params.count)").evaluate(&scope).unwrap();
    assert_eq!(*scope.read.borrow(), ["params.count"]);
}

#[test]
fn logic_is_decided_by_either_side() {
    truths(&["gone.x == 1 || true", "!(gone.x == 1 && false)", "[0, 1].exists(i, 10 % i == 0)"]);
    assert_eq!(fails("gone.x == 1 || false"), "gone.x does not exist");
    assert!(fails("params.name ? 1 : 2").contains("takes true or false, and `params.name` is text"));
    assert_eq!(
        compile("params.name").evaluate_bool(&shop()).unwrap_err().message,
        "a condition is true or false, and this gives the text \"shop.internal\""
    );
}

#[test]
fn functions_of_the_language() {
    assert_eq!(evaluate("ceil(1.2)"), Value::Integer(2));
    assert_eq!(evaluate("floor(-1.2)"), Value::Integer(-2));
    assert_eq!(evaluate("(2.5).round()"), Value::Integer(3));
    assert_eq!(evaluate("number(params.text)"), Value::Number(7.5));
    assert_eq!(evaluate("number(\"-12\")"), Value::Integer(-12));
    assert_eq!(evaluate("next_of(281.6, [128, 256, 512])"), Value::Integer(512));
    assert_eq!(evaluate("next_of(200, params.sizes)"), Value::Integer(256));
    assert_eq!(evaluate("next_of(256, params.sizes)"), Value::Integer(256));
    assert_eq!(evaluate("lines(stderr)[2]"), Value::from("c"));
    assert_eq!(evaluate("stderr.lines().size()"), Value::Integer(3));
    assert_eq!(evaluate("split(\"a,b,,c\", \",\").size()"), Value::Integer(4));
    assert_eq!(evaluate("\" x \".trim()"), Value::from("x"));
    assert_eq!(evaluate("capture(\"load 0.93 high\", \"load ([0-9.]+)\")"), Value::from("0.93"));
    assert_eq!(evaluate("number(capture(\"used 85%\", \"([0-9]+)%\")) > 80"), Value::Bool(true));
    assert_eq!(evaluate("int(\" 12 \") + int(3.9)"), Value::Integer(15));
    assert_eq!(evaluate("string(1.5) + string(true) + string(wait)"), Value::from("1.5true5m"));
    assert_eq!(evaluate("params.sizes.filter(s, s > 200).map(s, s * 2)"), Value::List(vec![1024.into(), 512.into()]));
    assert_eq!(evaluate("[3, 4].map(s, s > 3, s * 2)"), Value::List(vec![8.into()]));
    assert_eq!(evaluate("{\"a\": 1, \"b\": [true]}.b[0]"), Value::Bool(true));
    truths(&[
        "size(\"é→\") == 2",
        "stdout.startsWith(\"dns\") && stdout.endsWith(\"1\") && stdout.contains(\"ns\")",
        "stdout.matches(\"^dns[12]$\")",
        "stdout in [\"dns1\", \"dns2\"]",
        "\"a\" in {\"a\": 1}",
        "steps.each.items.exists_one(i, i.outcome == \"failed\")",
        "bool(\"true\")",
        "params.sizes.all(s, [128, 256, 512].exists(x, x == s))",
        "r\"a\\b\" == \"a\\\\b\"",
    ]);
}

#[test]
fn functions_say_what_they_got() {
    assert_eq!(fails("number(stderr)"), "`stderr` has 3 lines and is no number");
    assert_eq!(fails("number(\"\")"), "`\"\"` is empty and no number");
    assert_eq!(fails("number(\"inf\")"), "`\"inf\"` is \"inf\", which is no number");
    assert_eq!(fails("int(params.text)"), "`params.text` is \" 7.5\\n\", which is no integer");
    assert_eq!(fails("next_of(600, params.sizes)"), "`params.sizes` has no element that reaches 600, which is `600`");
    assert_eq!(fails("capture(stdout, \"x(.)\")"), "`stdout` has no match of \"x(.)\"");
    assert!(fails("duration(params.name)").contains("is no duration"));
    assert_eq!(fails("params.count.size()"), "`params.count` is an integer and has no size");
    assert_eq!(fails("params.count.x"), "params.count.x does not exist");
    assert_eq!(fails("[1].map(i, i.x)"), "`i` is an integer and has no members");
    assert!(fails("params.name.split(\"\")").contains("is empty"));
    assert!(fails("matches(params.name, \"(\" + params.name)").contains("no regular expression"));
}

#[test]
fn time_is_added_and_compared() {
    assert_eq!(evaluate("duration(\"5m\") + wait"), Value::Duration(Duration::from_secs(600)));
    assert_eq!(evaluate("run.now - run.started_at"), Value::Duration(Duration::from_secs(3600)));
    assert_eq!(evaluate("string(run.started_at + wait)"), Value::from("1969-12-31T23:05:00Z"));
    truths(&[
        "run.now - run.started_at > duration(\"59m\")",
        "run.started_at + duration(\"1h\") == run.now",
        "timestamp(\"2027-03-01T09:00:00Z\") > run.now",
        "timestamp(\"2027-03-01T09:30:00Z\").getHours() == 9 && timestamp(\"2027-03-01T09:30:00Z\").getMonth() == 2",
        "timestamp(\"2027-02-28T00:00:00Z\").getDayOfWeek() == 0",
        "duration(\"90m\").getHours() == 1 && duration(\"90m\").getMinutes() == 90",
        "in_hours(run.now, \"business\")",
        "!run.started_at.in_hours(\"business\")",
    ]);
    assert!(fails("run.started_at - run.now").contains("no durations below zero"));
    assert_eq!(fails("in_hours(run.now, \"night\")"), "no hours night are defined");
    assert!(fails("timestamp(\"yesterday\")").contains("2027-03-01T09:00:00Z"));
    assert!(fails("timestamp(\"9999-12-01T00:00:00Z\") + duration(\"3650d\")").contains("outside the time"));
}

#[test]
fn mistakes_are_pointed_at_with_what_to_write() {
    let table: &[(&str, &str, Option<&str>)] = &[
        ("stdout = 1", "=", Some("write == to compare")),
        ("a and b", "and", Some("write && for and")),
        ("a or b", "or", Some("write || for or")),
        ("not a", "a", Some("write ! for not")),
        ("a & b", "&", Some("write && for and")),
        ("a == “x”", "“", Some("write text between straight quotes: \"…\"")),
        ("len(stdout)", "len", Some("did you mean size(x)?")),
        ("stdout.startswith(\"a\")", "startswith", Some("did you mean text.startsWith(part) → boolean?")),
        ("trim(stdout, 1)", "trim(stdout, 1)", Some("it is trim(text) → text")),
        ("contains(stdout, \"a\")", "contains(stdout, \"a\")", Some("it is text.contains(part) → boolean")),
        ("has(stdout)", "stdout", Some("write has(steps.ID.outputs.NAME)")),
        ("capture(stdout, \"x\")", "\"x\"", Some("put ( ) around the part you want")),
        ("stdout == 'a", "'a", None),
        ("a == 1u", "1u", Some("write the number without its u")),
        ("b'x'", "b'x'", Some("write text: \"…\"")),
        ("a +", "", None),
        ("a)", ")", Some("nothing is open that this could close")),
        ("f(", "", None),
        ("99999999999999999999", "99999999999999999999", None),
        ("a ? b", "", None),
        ("if", "if", None),
    ];
    for (text, at, hint) in table {
        let error = refused(text);
        assert_eq!(&text[error.span.clone()], *at, "{text}: {error:?}");
        assert_eq!(error.hint.as_deref(), *hint, "{text}: {error:?}");
    }
    for text in ["", "  ", "X{a: 1}", ".a", "a.b{c: 1}", "[?a]", "a.?b", "`a`", "// nothing", "matches(a, \"(\")"] {
        assert_eq!(refused(text).kind, ExpressionErrorKind::Syntax, "{text}");
    }
}

#[test]
fn every_function_is_documented_and_callable() {
    for doc in functions() {
        assert!(doc.signature.contains(doc.name) && doc.signature.contains('→') && !doc.summary.is_empty(), "{doc:?}");
        assert_eq!(functions().iter().filter(|other| other.name == doc.name).count(), 1, "{doc:?}");
    }
}

/// The largest things the bounds let through, each in one direction.
fn largest() -> Vec<String> {
    vec![
        vec!["1"; 128].join("+"),
        vec!["a"; 128].join("||"),
        vec!["a.b"; 128].join("&&"),
        format!("{}1{}", "(".repeat(32), ")".repeat(32)),
        format!("{}1{}", "[".repeat(32), "]".repeat(32)),
        format!("{}1{}", "{\"a\":".repeat(32), "}".repeat(32)),
        format!("{}1{}", "ceil(".repeat(32), ")".repeat(32)),
        format!("{}1", "a?b:".repeat(63)),
        format!("{}1{}", "a?".repeat(63), ":b".repeat(63)),
        format!("{}a", "!".repeat(250)),
        format!("{}a", "!-".repeat(127)),
        format!("a{}", ".trim()".repeat(145)),
        format!("a{}", "[0]".repeat(254)),
        format!("[1]{}", ".map(i,i)".repeat(84)),
        format!("{}1{}", "(1+".repeat(32), ")".repeat(32)),
        format!("{}1{}", "!(a?".repeat(32), ":b)".repeat(32)),
        format!("{}1", "1*-(2+".repeat(31)) + &")".repeat(31),
        format!("{}a{}", "first(".repeat(32), ",b)".repeat(32)),
        "[1].map(a, [2].map(b, a + b))".to_owned(),
    ]
}

#[test]
fn the_largest_expressions_need_less_than_half_of_a_small_stack() {
    // Threads of Rust and tokio have 2 MiB. Half of that is for whoever calls.
    let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(|| {
        let mut compiled = 0;
        for text in largest() {
            if let Ok(expression) = Expression::compile(&text) {
                compiled += 1;
                let _ = expression.evaluate(&shop());
                drop(expression.clone());
            }
        }
        compiled
    });
    assert!(thread.unwrap().join().unwrap() >= 12, "most of them are within the bounds");
}

#[test]
fn what_is_too_large_is_refused_at_once() {
    let started = Instant::now();
    let sums = vec!["1"; 4_000].join("+");
    let nested = "[1].map(a, [1].map(b, [1].map(c, a)))";
    for (text, kind) in [
        (format!("{}1{}", "(".repeat(5_000), ")".repeat(5_000)), ExpressionErrorKind::TooLong),
        (format!("{}1{}", "(".repeat(500), ")".repeat(500)), ExpressionErrorKind::TooDeep),
        ("(".repeat(1_000), ExpressionErrorKind::TooDeep),
        (sums, ExpressionErrorKind::TooLong),
        (vec!["1"; 500].join("+"), ExpressionErrorKind::TooLong),
        ("!".repeat(1_000), ExpressionErrorKind::TooLong),
        (nested.to_owned(), ExpressionErrorKind::TooDeep),
        (format!("a{}", ".b".repeat(20)), ExpressionErrorKind::TooDeep),
        (format!("stdout == \"{}\"", "x".repeat(1_024)), ExpressionErrorKind::TooLong),
    ] {
        assert_eq!(refused(&text).kind, kind, "{text}");
    }
    assert!(started.elapsed() < Duration::from_secs(1));
}

#[test]
fn work_is_bounded() {
    struct Long;
    impl Scope for Long {
        fn read(&self, path: &[String]) -> Result<Option<Value>, String> {
            Ok(Some(match path.first().map(String::as_str) {
                Some("list") => Value::List((0..100_000).map(Value::Integer).collect()),
                _ => Value::Text("a".repeat(1 << 20)),
            }))
        }
    }
    for text in [
        "list.map(a, list.filter(b, a == b))",
        "list.map(a, text)",
        "list.map(a, text + text)",
        "list.filter(a, text.matches(\"(a?){30}(a{30}){9}b\"))",
        "list.filter(a, text.matches(\"(\\\\w+\\\\s?)+\\\\d{40}\"))",
        "list.exists(a, capture(text, \"(x*x*x*x*x*x*)b\") == \"\")",
        "list.filter(a, text.matches(string(a)))",
        "list.map(a, lines(text))",
        "list.all(a, text == text)",
    ] {
        let started = Instant::now();
        let error = compile(text).evaluate(&Long).unwrap_err();
        assert!(
            error.message.contains("more work than an expression may") || error.message.contains("no match"),
            "{text}: {error}"
        );
        let bound = if cfg!(debug_assertions) { 20 } else { 3 };
        assert!(started.elapsed() < Duration::from_secs(bound), "{text} took {:?}", started.elapsed());
    }
    let error = compile("text + text").evaluate(&Long).unwrap_err();
    assert!(error.message.contains("more than 1048576 bytes"), "{error}");
}

#[test]
fn ten_thousand_expressions_compile_quickly() {
    let texts = [
        "steps.reachable.failed",
        "stdout in [\"dns1\", \"dns2\"]",
        "stdout == \"dns1\" ? \"dns2\" : \"dns1\"",
        "json.nodes.filter(n, n.load > 0.8).size() == 0 && exit_code == 0",
    ];
    let started = Instant::now();
    for _ in 0..2_500 {
        for text in texts {
            assert!(Expression::compile(text).is_ok());
        }
    }
    let bound = if cfg!(debug_assertions) { 3_000 } else { 250 };
    assert!(started.elapsed() < Duration::from_millis(bound), "{:?}", started.elapsed());
}

/// Pieces that make expressions, mostly.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "steps.x.outputs.y",
        "1",
        "2.5",
        "\"t\"",
        "'é'",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "?",
        ".",
        "+",
        "-",
        "*",
        "/",
        "%",
        "==",
        "!=",
        "<",
        ">=",
        "&&",
        "||",
        "!",
        " in ",
        ".map(i, ",
        ".filter(i, i)",
        "has(",
        "first(",
        "size(",
        "i",
        "i.b",
        "null",
        "true",
        ".trim()",
        "capture(",
        "->",
        "é",
        "\\",
        "\"",
        " ",
        "\n",
        "//",
        "0x",
        "1e9",
        "r'",
        "`",
        "@",
        "1u",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in prop_oneof![any::<String>(), pieces()]) {
        match Expression::compile(&text) {
            Ok(expression) => {
                for read in expression.reads() {
                    prop_assert!(text.get(read.span.clone()).is_some_and(|path| path.starts_with(read.path[0].as_str())));
                }
                if let Err(error) = expression.evaluate(&shop()) {
                    prop_assert!(text.get(error.span).is_some());
                    prop_assert!(!error.message.is_empty());
                }
            }
            Err(error) => {
                prop_assert!(text.get(error.span.clone()).is_some(), "{:?}", error);
                prop_assert!(!error.message.contains("not part of the language") || text.contains(['.', '{', '?', '`', '@']), "{:?}", error);
            }
        }
    }

    #[test]
    fn integers_are_exact(a in any::<i64>(), b in any::<i64>()) {
        let scope = Json::new(&json!({ "a": a, "b": b }));
        let sum = compile("a + b").evaluate(&scope).ok();
        prop_assert_eq!(sum, a.checked_add(b).map(Value::Integer));
        let product = compile("a * b").evaluate(&scope).ok();
        prop_assert_eq!(product, a.checked_mul(b).map(Value::Integer));
        prop_assert_eq!(compile("a < b").evaluate(&scope), Ok(Value::Bool(a < b)));
    }

    #[test]
    fn comparing_integers_with_numbers_is_exact(a in any::<i64>(), b in any::<f64>()) {
        prop_assume!(b.is_finite());
        // Against 128-bit integers: floor and ceiling of the number bracket it.
        let scope = Scoped(BTreeMap::from([("a", Value::Integer(a)), ("b", Value::Number(b))]));
        #[expect(clippy::cast_possible_truncation, reason = "saturates, which keeps the order")]
        let (floor, ceiling) = (b.floor() as i128, b.ceil() as i128);
        prop_assert_eq!(compile("a < b").evaluate(&scope), Ok(Value::Bool(i128::from(a) < ceiling)));
        prop_assert_eq!(compile("a > b").evaluate(&scope), Ok(Value::Bool(i128::from(a) > floor)));
    }

    #[test]
    fn text_in_a_value_is_data(text in any::<String>()) {
        let scope = Scoped(BTreeMap::from([("a", Value::Text(text.clone()))]));
        prop_assert_eq!(compile("a + \"\"").evaluate(&scope), Ok(Value::Text(text)));
    }
}

/// Expressions that CEL and we give the same meaning: integers that cannot overflow, booleans, short lists.
fn shared() -> impl Strategy<Value = String> {
    let number = prop_oneof![(0i64..9).prop_map(|value| value.to_string()), Just("size([1, 2])".to_owned())];
    let number = number.prop_recursive(3, 12, 2, |inner| {
        prop_oneof![
            (inner.clone(), prop::sample::select(vec!["+", "-", "*", "%"]), inner.clone())
                .prop_map(|(left, operator, right)| format!("{left} {operator} {right}")),
            inner.clone().prop_map(|inner| format!("({inner})")),
            inner.clone().prop_map(|inner| format!("-({inner})")),
            inner.prop_map(|inner| format!("[{inner}, 3].map(i, i + 1)[0]")),
        ]
    });
    let compare = prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="]);
    let truth = prop_oneof![
        Just("true".to_owned()),
        Just("false".to_owned()),
        (number.clone(), compare, number.clone())
            .prop_map(|(left, operator, right)| format!("{left} {operator} {right}")),
        number.clone().prop_map(|number| format!("{number} in [1, 2, {number}]")),
        number.clone().prop_map(|number| format!("[1, 5].exists(i, i > {number})")),
        number.clone().prop_map(|number| format!("[1, 5].filter(i, i != {number}).all(j, j == 5)")),
        Just("has({'a': 1}.a)".to_owned()),
    ];
    truth.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            (inner.clone(), prop::sample::select(vec!["&&", "||"]), inner.clone())
                .prop_map(|(left, operator, right)| format!("{left} {operator} {right}")),
            inner.clone().prop_map(|inner| format!("!({inner})")),
            (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("({a}) ? {b} : {c}")),
        ]
    })
}

proptest! {
    /// cel's own parser, which is another than the one used here, and its evaluator agree with ours.
    #[test]
    fn cel_itself_gives_the_same(text in shared()) {
        let Ok(ours) = Expression::compile(&text) else { return Ok(()) };
        let theirs = cel::Program::compile(&text).unwrap().execute(&cel::Context::default());
        match (ours.evaluate(&shop()), theirs) {
            (Ok(Value::Bool(ours)), Ok(cel::Value::Bool(theirs))) => prop_assert_eq!(ours, theirs),
            (Err(_), Err(_)) => {}
            (ours, theirs) => prop_assert!(false, "{:?} {:?}", ours, theirs),
        }
    }
}

struct Scoped(BTreeMap<&'static str, Value>);

impl Scope for Scoped {
    fn read(&self, path: &[String]) -> Result<Option<Value>, String> {
        Ok(path.first().and_then(|name| self.0.get(name.as_str())).cloned())
    }
}
