//! Ways of working, and how a result is judged.

use indexmap::IndexMap;

use super::commands::{command_line, script, words};
use super::fields::{Fields, named};
use super::people::asking;
use super::text::{
    Least, compile_template, condition, duration_setting, duration_text, expression, flag, one_of,
    placeholder_expression, placeholder_template, runbook_name, step_id, template, variable, word_template,
};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::document::model::{Body, Call, Http, Kind, Output, Stdin, Surroundings, Tree, Undo, Wait, Work, Writing};
use crate::document::shape::{HTTP, Mapping, Names, OUTPUT, STDIN, UNDO, UNLESS, WAYS, WRITING};
use crate::document::{Cursor, Shape};
use crate::source::Spanned;
use crate::template::Template;

/// `unless`.
pub(super) fn unless(cursor: Cursor<'_>, sink: &mut Diagnostics) -> Option<Spanned<Box<Body>>> {
    let fields = Fields::read(cursor, &UNLESS, sink)?;
    let ways = ways(&fields, &UNLESS);
    if let [first, second, ..] = ways.as_slice() {
        sink.push(two_ways(*first, *second, "`unless`"));
    }
    if ways.is_empty() && !fields.has("expect") {
        let title = "`unless` that looks at nothing";
        let help = "give it a `run`, `script`, `http` or `runbook`, or an `expect` over what is known";
        sink.push(Diagnostic::new(Code::WayCount, cursor.place(), title).help(help));
    }
    Some(Spanned::new(Box::new(body(&fields, &UNLESS, None, sink)), cursor.span()))
}

/// `undo`.
pub(super) fn undo(cursor: Cursor<'_>, sink: &mut Diagnostics) -> Option<Undo> {
    if cursor.shape() == Shape::Text {
        return step_id(cursor, sink).map(Undo::Step);
    }
    if cursor.shape() != Shape::Mapping {
        cursor.wrong_type("the id of an act, or a mapping such as `{ run: … }`", sink);
        return None;
    }
    let fields = Fields::read(cursor, &UNDO, sink)?;
    Some(Undo::Body(Spanned::new(Box::new(body(&fields, &UNDO, None, sink)), cursor.span())))
}

/// The ways of working that stand in a mapping, by their keys.
pub(super) fn ways<'a>(fields: &Fields<'a>, shape: &'static Mapping) -> Vec<Spanned<&'a str>> {
    let in_table = |name: &&&str| shape.rows(name, None).next().is_some();
    WAYS.iter().filter(in_table).filter_map(|name| fields.get(name)?.key()).collect()
}

/// The diagnostic for a second way of working.
pub(super) fn two_ways(first: Spanned<&str>, second: Spanned<&str>, what: &str) -> Diagnostic {
    let (first, second) = if first.span <= second.span { (first, second) } else { (second, first) };
    Diagnostic::new(Code::WayCount, second.span, format!("`{}` beside `{}`", second.value, first.value))
        .label(format!("{what} works in one way"))
        .related(first.span, "the other one")
}

/// What a step, an `unless` or an `undo` does; of several ways of working the first.
pub(super) fn body(fields: &Fields<'_>, shape: &'static Mapping, kind: Option<Kind>, sink: &mut Diagnostics) -> Body {
    let way = ways(fields, shape).into_iter().min_by_key(|key| key.span);
    let work = way.and_then(|key| work(key.value, fields, kind, sink));
    let get = |name: &str| shape.rows(name, None).next().and_then(|_| fields.get(name));
    Body {
        work: work.unwrap_or(Work::None),
        span: way.map_or_else(|| fields.cursor().place(), |key| key.span),
        timeout: get("timeout").and_then(|timeout| duration_setting(timeout, Least::Some, sink)),
        grace: get("grace").and_then(|grace| duration_setting(grace, Least::Zero, sink)),
        expect: get("expect").and_then(|expect| condition(expect, sink)),
        unclear: get("unclear").and_then(|unclear| condition(unclear, sink)),
        outputs: get("outputs").map(|value| outputs(value, sink)).unwrap_or_default(),
        surroundings: Surroundings {
            env: get("env").map(|env| environment(env, sink)).unwrap_or_default(),
            dir: get("dir").and_then(|dir| template(dir, sink)),
            stdin: get("stdin").and_then(|stdin| self::stdin(stdin, sink)),
            on: get("on").and_then(|on| template(on, sink)),
            shell: get("shell").and_then(|shell| words(shell, sink)),
        },
    }
}

fn work(way: &str, fields: &Fields<'_>, kind: Option<Kind>, sink: &mut Diagnostics) -> Option<Work> {
    let cursor = fields.get(way)?;
    match way {
        "run" => command_line(cursor, sink).map(Work::Run),
        "script" => script(cursor, sink).map(Work::Script),
        "http" => http(cursor, sink).map(|http| Work::Http(Box::new(http))),
        "ask" => Some(Work::Ask(Box::new(asking(cursor, kind, fields, sink)))),
        "instruct" => Some(Work::Instruct(Box::new(asking(cursor, kind, fields, sink)))),
        "wait" => wait(cursor, sink).map(Work::Wait),
        "template" => writing(cursor, sink).map(|writing| Work::Template(Box::new(writing))),
        "runbook" => call(cursor, fields, sink).map(|call| Work::Runbook(Box::new(call))),
        _ => None,
    }
}

fn http(cursor: Cursor<'_>, sink: &mut Diagnostics) -> Option<Http> {
    const METHODS: [(&str, &str); 7] = [
        ("GET", "GET"),
        ("HEAD", "HEAD"),
        ("POST", "POST"),
        ("PUT", "PUT"),
        ("PATCH", "PATCH"),
        ("DELETE", "DELETE"),
        ("OPTIONS", "OPTIONS"),
    ];
    let fields = Fields::read(cursor, &HTTP, sink)?;
    let method = fields.get("method").and_then(|method| one_of(method, &METHODS, sink));
    let url = fields.get("url").and_then(|url| template(url, sink));
    let mut headers = IndexMap::new();
    for (name, value) in
        fields.get("headers").map(|headers| named(headers, Names::Any, "a header", sink)).into_iter().flatten()
    {
        if let Some(value) = word_template(value, sink) {
            headers.insert(name.value.to_owned(), value);
        }
    }
    Some(Http {
        method: method
            .map_or_else(|| Spanned::new("GET".to_owned(), cursor.span()), |method| method.map(str::to_owned)),
        url: url.or_else(|| placeholder_template(cursor))?,
        headers,
        body: fields.get("body").and_then(|body| Some(Spanned::new(tree(body, sink)?, body.span()))),
        redirects: flag(fields.get("redirects"), sink),
    })
}

/// A value of any shape, its texts compiled.
pub(super) fn tree(cursor: Cursor<'_>, sink: &mut Diagnostics) -> Option<Tree> {
    // The scan bounds the depth.
    match cursor.shape() {
        Shape::Refused => None,
        Shape::Null | Shape::Bool | Shape::Integer | Shape::Number => Some(Tree::Scalar(cursor.to_value())),
        Shape::Text => {
            let text = cursor.as_text(sink)?;
            compile_template(cursor, text.value, sink).map(Tree::Text)
        }
        Shape::List => {
            let items = cursor.items(sink)?;
            Some(Tree::List(items.into_iter().filter_map(|item| tree(item, sink)).collect()))
        }
        Shape::Mapping => {
            let entries = cursor.entries(sink)?;
            let member = |(key, value): (Spanned<&str>, Cursor<'_>)| Some((key.value.to_owned(), tree(value, sink)?));
            Some(Tree::Map(entries.into_iter().filter_map(member).collect()))
        }
    }
}

fn wait(cursor: Cursor<'_>, sink: &mut Diagnostics) -> Option<Spanned<Wait>> {
    let text = duration_text(cursor, sink)?;
    if text.value.contains("{{") {
        return compile_template(cursor, text.value, sink)
            .map(|template| Spanned::new(Wait::Rendered(template), text.span));
    }
    if let Ok(duration) = crate::duration::parse(text.value) {
        return Some(Spanned::new(Wait::For(duration), text.span));
    }
    if let Ok(until) = text.value.parse() {
        return Some(Spanned::new(Wait::Until(until), text.span));
    }
    let title = format!("`{}` is neither a duration nor a time", text.value);
    let help = "write `5m`, or a time with its zone: `2027-03-01T09:00:00Z`";
    sink.push(Diagnostic::new(Code::BadDuration, text.span, title).help(help));
    None
}

fn writing(cursor: Cursor<'_>, sink: &mut Diagnostics) -> Option<Writing> {
    let fields = Fields::read(cursor, &WRITING, sink)?;
    let source = fields.get("source").and_then(|source| template(source, sink));
    let to = fields.get("to").and_then(|to| template(to, sink));
    let mode = fields.get("mode").and_then(|mode| file_mode(mode, sink));
    Some(Writing {
        source: source.or_else(|| placeholder_template(cursor))?,
        to: to.or_else(|| placeholder_template(cursor))?,
        mode,
    })
}

/// `mode`, octal however it is written: a decimal 644 is never what is meant.
fn file_mode(cursor: Cursor<'_>, sink: &mut Diagnostics) -> Option<u32> {
    let word = cursor.as_word(sink)?;
    let digits = word.value.strip_prefix("0o").unwrap_or(word.value);
    match u32::from_str_radix(digits, 8) {
        Ok(mode) if mode <= 0o7777 && matches!(digits.len(), 3 | 4) => Some(mode),
        _ => {
            let title = format!("`{}` is no mode of a file", word.value);
            sink.push(
                Diagnostic::new(Code::WrongType, word.span, title).help("write it in octal, in quotes: `\"0644\"`"),
            );
            None
        }
    }
}

fn call(cursor: Cursor<'_>, fields: &Fields<'_>, sink: &mut Diagnostics) -> Option<Call> {
    let mut with = IndexMap::new();
    let mut names = Vec::new();
    for (key, value) in fields.get("with").and_then(|with| with.entries(sink)).into_iter().flatten() {
        let name = variable(key, "name of a param", sink);
        if let (Some(name), Some(tree)) = (name, tree(value, sink)) {
            with.insert(name.value, Spanned::new(tree, value.span()));
            names.push(name.span);
        }
    }
    Some(Call { name: runbook_name(cursor, sink)?, with, names })
}

/// `outputs`, in order.
pub(super) fn outputs(cursor: Cursor<'_>, sink: &mut Diagnostics) -> Vec<Output> {
    let mut all = Vec::new();
    for (key, value) in cursor.entries(sink).unwrap_or_default() {
        let name = variable(key, "name of an output", sink);
        let (value, secret) = if value.shape() == Shape::Mapping {
            let Some(fields) = Fields::read(value, &OUTPUT, sink) else { continue };
            let secret = flag(fields.get("secret"), sink);
            (fields.get("value").and_then(|value| expression(value, sink)), secret)
        } else {
            (expression(value, sink), false)
        };
        // Also of an output that cannot be computed the name is known to the steps that read it.
        if let (Some(name), Some(value)) = (name, value.or_else(|| placeholder_expression(cursor))) {
            all.push(Output { name, value, secret });
        }
    }
    all
}

fn environment(cursor: Cursor<'_>, sink: &mut Diagnostics) -> IndexMap<String, Spanned<Template>> {
    let mut all = IndexMap::new();
    for (name, value) in named(cursor, Names::Environment, "an environment variable", sink) {
        if value.shape() == Shape::Null {
            let title = format!("`{}` without a value", name.value);
            let help = "write `\"\"` for empty text; only `defaults.env` passes a variable on";
            sink.push(Diagnostic::new(Code::WrongType, name.span, title).help(help));
        } else if let Some(value) = word_template(value, sink) {
            all.insert(name.value.to_owned(), value);
        }
    }
    all
}

/// `defaults.env`: values, and names that are passed on.
pub(super) fn default_environment(
    cursor: Cursor<'_>,
    sink: &mut Diagnostics,
) -> (IndexMap<String, Spanned<Template>>, Vec<Spanned<String>>) {
    let mut all = IndexMap::new();
    let mut pass = Vec::new();
    for (name, value) in named(cursor, Names::Environment, "an environment variable", sink) {
        if value.shape() == Shape::Null {
            pass.push(name.map(str::to_owned));
        } else if let Some(value) = word_template(value, sink) {
            all.insert(name.value.to_owned(), value);
        }
    }
    (all, pass)
}

fn stdin(cursor: Cursor<'_>, sink: &mut Diagnostics) -> Option<Spanned<Stdin>> {
    if cursor.shape() != Shape::Mapping {
        return template(cursor, sink).map(|text| text.map(Stdin::Text));
    }
    let fields = Fields::read(cursor, &STDIN, sink)?;
    let step = step_id(fields.get("step")?, sink)?;
    Some(Spanned::new(Stdin::Step(step), cursor.span()))
}
