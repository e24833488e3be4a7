//! Params, and the fields a person is asked for.

use indexmap::IndexMap;

use super::fields::Fields;
use super::text::{flag, one_of, variable};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::document::model::{Param, ParamKind};
use crate::document::shape::Mapping;
use crate::document::{Cursor, Shape};
use crate::id::VariableName;
use crate::params;
use crate::source::Spanned;
use crate::value::Value;

/// `params` or `collect`: names and what they take. `what` is what one of them is called: `param`.
pub(super) fn params(
    cursor: Cursor<'_>,
    shape: &'static Mapping,
    what: &str,
    sink: &mut Diagnostics,
) -> IndexMap<VariableName, Param> {
    let mut all = IndexMap::new();
    for (key, value) in cursor.entries(sink).unwrap_or_default() {
        let name = variable(key, &format!("name of a {what}"), sink);
        let param = param(key, value, shape, sink);
        if let (Some(name), Some(param)) = (name, param) {
            all.insert(name.value, param);
        }
    }
    all
}

/// A type before it has its choices or elements.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    String,
    Integer,
    Number,
    Boolean,
    Duration,
    Timestamp,
    Choice,
    List,
}

const TYPES: [(&str, Type); 8] = [
    ("string", Type::String),
    ("integer", Type::Integer),
    ("number", Type::Number),
    ("boolean", Type::Boolean),
    ("duration", Type::Duration),
    ("timestamp", Type::Timestamp),
    ("choice", Type::Choice),
    ("list", Type::List),
];

fn param(name: Spanned<&str>, cursor: Cursor<'_>, shape: &'static Mapping, sink: &mut Diagnostics) -> Option<Param> {
    let fields = Fields::read(cursor, shape, sink)?;
    let of_params = shape.rows("from", None).next().is_some();
    let kind = kind(&fields, sink);
    let mut param = Param {
        span: name.span,
        kind: ParamKind::String,
        default: None,
        help: fields.get("help").and_then(|help| help.as_text(sink)).map(|help| help.value.to_owned()),
        pattern: None,
        min: None,
        max: None,
        from: None,
        secret: false,
    };
    if of_params {
        param.from = fields.get("from").and_then(|from| alert_path(from, sink));
    } else {
        param.secret = flag(fields.get("secret"), sink);
    }
    // Of an unknown type neither bounds nor default can be judged. The name is kept, so that it can be read.
    let Some(kind) = kind else { return Some(param) };
    param.kind = kind;
    pattern(&fields, &mut param, sink);
    param.min = bound(&fields, "min", &param, sink);
    param.max = bound(&fields, "max", &param, sink);
    if let (Some(min), Some(max)) = (&param.min, &param.max) {
        let mut least = param.clone();
        least.max = None;
        if params::check(&least, max).is_err()
            && let Some(place) = fields.get("max")
        {
            let title = format!("`max` {max} is less than `min` {min}");
            sink.push(Diagnostic::new(Code::BadParam, place.span(), title).label("no value fits both"));
            param.max = None;
        }
    }
    if let Some(default) = fields.get("default") {
        param.default = self::default(default, &param, sink);
    }
    Some(param)
}

/// `type`, with its `choices` and `of`.
fn kind(fields: &Fields<'_>, sink: &mut Diagnostics) -> Option<ParamKind> {
    let named = fields.get("type")?;
    let kind = one_of(named, &TYPES, sink)?.value;
    let of = fields.get("of");
    if kind != Type::List
        && let Some(of) = of
    {
        out_of_place(of, "of", "a `list`", sink);
    }
    let element = if kind == Type::List {
        let of = of?;
        match one_of(of, &TYPES, sink)?.value {
            Type::List => {
                let title = "a list of lists";
                sink.push(Diagnostic::new(Code::BadParam, of.span(), title).label("elements are single values"));
                return None;
            }
            simple @ (Type::String
            | Type::Integer
            | Type::Number
            | Type::Boolean
            | Type::Duration
            | Type::Timestamp
            | Type::Choice) => Some(simple),
        }
    } else {
        None
    };
    let choices = fields.get("choices");
    let simple = element.unwrap_or(kind);
    let choices = match (simple == Type::Choice, choices) {
        (true, None) => return None,
        (true, Some(choices)) => self::choices(choices, sink)?,
        (false, Some(choices)) => {
            out_of_place(choices, "choices", "a `choice`", sink);
            Vec::new()
        }
        (false, None) => Vec::new(),
    };
    let simple = match simple {
        Type::String => ParamKind::String,
        Type::Integer => ParamKind::Integer,
        Type::Number => ParamKind::Number,
        Type::Boolean => ParamKind::Boolean,
        Type::Duration => ParamKind::Duration,
        Type::Timestamp => ParamKind::Timestamp,
        Type::Choice => ParamKind::Choice(choices),
        Type::List => return None,
    };
    Some(if element.is_some() { ParamKind::List(Box::new(simple)) } else { simple })
}

fn choices(cursor: Cursor<'_>, sink: &mut Diagnostics) -> Option<Vec<String>> {
    let items = cursor.items(sink)?;
    let mut choices: Vec<String> = Vec::new();
    for item in &items {
        let Some(word) = item.as_word(sink) else { continue };
        if choices.iter().any(|choice| choice == word.value) {
            let title = format!("the choice `{}` stands here twice", word.value);
            sink.push(Diagnostic::new(Code::BadParam, word.span, title));
        } else {
            choices.push(word.value.to_owned());
        }
    }
    if items.is_empty() {
        let title = "`choices` without a choice";
        sink.push(Diagnostic::new(Code::BadParam, cursor.place(), title).label("nothing could be given"));
    }
    (!choices.is_empty()).then_some(choices)
}

fn pattern(fields: &Fields<'_>, param: &mut Param, sink: &mut Diagnostics) {
    let Some(cursor) = fields.get("pattern") else { return };
    if *element(&param.kind) != ParamKind::String {
        out_of_place(cursor, "pattern", "a `string`", sink);
        return;
    }
    let Some(text) = cursor.as_text(sink) else { return };
    match params::compile(text.value) {
        Ok(_) => param.pattern = Some(text.map(str::to_owned)),
        Err(why) => {
            let title = format!("`pattern` is no regular expression: {why}");
            sink.push(Diagnostic::new(Code::BadParam, cursor.span(), title));
        }
    }
}

/// The type of one value, of a list that of its elements.
fn element(kind: &ParamKind) -> &ParamKind {
    if let ParamKind::List(of) = kind { of } else { kind }
}

/// `min` or `max`.
fn bound(fields: &Fields<'_>, name: &str, param: &Param, sink: &mut Diagnostics) -> Option<Value> {
    let cursor = fields.get(name)?;
    let kind = element(&param.kind);
    let ordered = matches!(kind, ParamKind::Integer | ParamKind::Number | ParamKind::Duration | ParamKind::Timestamp);
    if !ordered {
        out_of_place(cursor, name, "a number, a duration or a time", sink);
        return None;
    }
    let word = cursor.as_word(sink)?;
    match params::read_kind(kind, word.value) {
        Ok(value) => Some(value),
        Err(why) => {
            sink.push(Diagnostic::new(Code::BadParam, word.span, format!("`{name}` {why}")));
            None
        }
    }
}

/// `default`, which must be a value that could be given.
fn default(cursor: Cursor<'_>, param: &Param, sink: &mut Diagnostics) -> Option<Value> {
    let value = match (&param.kind, cursor.shape()) {
        (_, Shape::Null) => {
            let title = "`default` without a value";
            let help = "leave it out when the value must be given, or write `\"\"` for empty text";
            sink.push(Diagnostic::new(Code::BadParam, cursor.place(), title).help(help));
            return None;
        }
        (ParamKind::List(of), Shape::List) => {
            let items = cursor.items(sink)?;
            let values: Vec<Option<Value>> = items.into_iter().map(|item| single(item, of, sink)).collect();
            values.into_iter().collect::<Option<Vec<_>>>().map(Value::List)
        }
        (kind, _) => single(cursor, kind, sink),
    }?;
    if let Err(why) = params::check(param, &value) {
        sink.push(Diagnostic::new(Code::BadParam, cursor.span(), format!("`default` {why}")));
        return None;
    }
    Some(value)
}

fn single(cursor: Cursor<'_>, kind: &ParamKind, sink: &mut Diagnostics) -> Option<Value> {
    let word = cursor.as_word(sink)?;
    // YAML writes True and TRUE, too.
    let lower = word.value.to_ascii_lowercase();
    let text = if cursor.shape() == Shape::Bool && *kind == ParamKind::Boolean { lower.as_str() } else { word.value };
    match params::read_kind(kind, text) {
        Ok(value) => Some(value),
        Err(why) => {
            sink.push(Diagnostic::new(Code::BadParam, word.span, format!("`default` {why}")));
            None
        }
    }
}

/// `from`: a path into the alert.
fn alert_path(cursor: Cursor<'_>, sink: &mut Diagnostics) -> Option<Spanned<Vec<String>>> {
    let text = cursor.as_text(sink)?;
    let path: Vec<String> = text.value.split('.').map(str::to_owned).collect();
    let is_name = |part: &String| super::fields::is_name(crate::document::shape::Names::Label, part);
    if path.len() < 2 || path.first().is_none_or(|first| first != "alert") || !path.iter().all(is_name) {
        let title = format!("`{}` is no path into the alert", text.value);
        let help = "write where the alert holds it, such as `alert.labels.instance`";
        sink.push(Diagnostic::new(Code::BadParam, text.span, title).help(help));
        return None;
    }
    Some(Spanned::new(path, text.span))
}

fn out_of_place(cursor: Cursor<'_>, key: &str, of: &str, sink: &mut Diagnostics) {
    let place = cursor.key().map_or_else(|| cursor.place(), |key| key.span);
    sink.push(
        Diagnostic::new(Code::BadParam, place, format!("`{key}` on another type")).label(format!("only {of} has it")),
    );
}
