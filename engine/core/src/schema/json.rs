//! From the table of the language to JSON Schema.
//!
//! The schema is for an editor: it completes, explains, and underlines most mistakes. What it cannot say (that a step
//! there is none is named, that a template reads what does not exist) is for `check`. It refuses nothing that is right.

use serde_json::{Map, Value, json};

use crate::check::reserved::{ENDS, WORDS};
use crate::document::model::Kind;
use crate::document::shape::{Form, Key, Mapping, Names, Rule, STEP, WAYS};
use crate::id::NAME_BYTES_MAX;
use crate::limits::EXPRESSION_BYTES_MAX;

const KINDS: [Kind; 4] = [Kind::Verify, Kind::Decide, Kind::Act, Kind::Escalate];

/// What a text that renders to another type looks like.
const RENDERED: &str = "[\\s\\S]*\\{\\{[\\s\\S]*";
const DURATION: &str = "([0-9]+(ms|s|m|h|d))+";

/// The schema of a file whose outermost mapping is `root`, with a definition of each mapping.
pub(super) fn schema(title: &str, root: &'static Mapping, mappings: &[&'static Mapping]) -> Value {
    let mut definitions = Map::new();
    for mapping in mappings {
        if mapping.name == root.name {
            continue;
        }
        if mapping.name == STEP.name {
            definitions.insert(STEP.name.to_owned(), step());
            for kind in KINDS {
                definitions.insert(kind.key().to_owned(), of_kind(kind));
            }
        } else {
            definitions.insert(mapping.name.to_owned(), self::mapping(mapping));
        }
    }
    for (name, definition) in simple() {
        definitions.insert(name.to_owned(), definition);
    }
    let mut schema = Map::new();
    schema.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    schema.insert("title".to_owned(), json!(title));
    if let Value::Object(members) = self::mapping(root) {
        schema.extend(members);
    }
    let used = used(&schema, &definitions);
    definitions.retain(|name, _| used.iter().any(|used| used == name));
    schema.insert("$defs".to_owned(), Value::Object(definitions));
    Value::Object(schema)
}

/// The definitions that a schema refers to, also through others.
fn used(schema: &Map<String, Value>, definitions: &Map<String, Value>) -> Vec<String> {
    let mut used: Vec<String> = Vec::new();
    let mut open: Vec<&Value> = schema.values().collect();
    while let Some(value) = open.pop() {
        match value {
            Value::Object(members) => open.extend(members.values()),
            Value::Array(items) => open.extend(items),
            Value::String(text) => {
                if let Some(name) = text.strip_prefix("#/$defs/")
                    && !used.iter().any(|used| used == name)
                {
                    used.push(name.to_owned());
                    open.extend(definitions.get(name));
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    used
}

/// What many keys take, said once.
fn simple() -> Vec<(&'static str, Value)> {
    let ends = |nested: Option<Value>| {
        let one = json!({ "type": "string", "pattern": Names::Snake.pattern() });
        let mut any = vec![one.clone(), json!({ "type": "array", "items": one, "minItems": 1 })];
        any.extend(nested);
        json!({ "description": "A step, a list of steps, `done` or `failed`.", "anyOf": any })
    };
    vec![
        ("ends", ends(None)),
        ("target", ends(Some(reference("branch")))),
        (
            "step_id",
            json!({
                "description": "The id of a step: snake_case.",
                "type": "string",
                "pattern": Names::Snake.pattern(),
                "not": { "enum": ENDS },
            }),
        ),
        (
            "expression",
            json!({
                "description": "A CEL expression.",
                "type": ["string", "number", "boolean"],
                "minLength": 1,
                "maxLength": EXPRESSION_BYTES_MAX,
            }),
        ),
        (
            "condition",
            json!({
                "description": "A CEL expression that gives true or false.",
                "type": ["string", "boolean"],
                "minLength": 1,
                "maxLength": EXPRESSION_BYTES_MAX,
            }),
        ),
        (
            "duration",
            json!({
                "description": "A duration: `250ms`, `30s`, `5m`, `1h30m`, `30d`.",
                "type": "string",
                "pattern": format!("^{DURATION}$"),
            }),
        ),
        (
            "duration_setting",
            json!({
                "description": "A duration (`30s`, `1h30m`), or a template that renders to one.",
                "type": "string",
                "pattern": format!("^({DURATION}|{RENDERED})$"),
            }),
        ),
        (
            "words",
            json!({
                "description": "A command line, or a list of its words.",
                "anyOf": [
                    { "type": "string", "minLength": 1 },
                    { "type": "array", "items": { "type": ["string", "number", "boolean"] }, "minItems": 1 },
                ],
            }),
        ),
    ]
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

/// What the keys of a mapping of names may be. Some words mean something in an expression, two where a road leads.
fn names(names: Names, value: &Form) -> Value {
    let mut taken = Vec::new();
    if let Form::Mapping(mapping) = value
        && mapping.name == "step"
    {
        taken.extend(ENDS);
    }
    if names == Names::Snake {
        taken.extend(WORDS);
    }
    let pattern = names.pattern();
    if taken.is_empty() {
        json!({ "pattern": pattern })
    } else {
        json!({ "pattern": pattern, "not": { "enum": taken } })
    }
}

/// The schema of a mapping that is no step.
fn mapping(mapping: &'static Mapping) -> Value {
    let mut schema = object(mapping.doc, mapping.keys());
    if let Some((names, form)) = &mapping.own {
        schema.insert("propertyNames".to_owned(), self::names(*names, form));
        schema.insert("additionalProperties".to_owned(), self::form(form));
        schema.insert("minProperties".to_owned(), json!(1));
    }
    let mut all: Vec<Value> = mapping.rules.iter().map(|rule| self::rule(*rule)).collect();
    if let [_] = all.as_slice() {
        if let Some(Value::Object(only)) = all.pop() {
            schema.extend(only);
        }
    } else if !all.is_empty() {
        schema.insert("allOf".to_owned(), Value::Array(all));
    }
    Value::Object(schema)
}

fn rule(rule: Rule) -> Value {
    match rule {
        Rule::One(keys) => json!({ "oneOf": each_required(keys) }),
        Rule::Some(keys) => json!({ "anyOf": each_required(keys) }),
        Rule::With(key, value, needed) => json!({
            "if": { "required": [key], "properties": { (key): { "const": value } } },
            "then": { "required": [needed] },
        }),
    }
}

fn each_required(keys: &[&str]) -> Vec<Value> {
    keys.iter().map(|key| json!({ "required": [key] })).collect()
}

/// A step: of one kind, whose definition then holds. The kinds stand here, too, so that an editor offers them first.
fn step() -> Value {
    let kinds: Map<String, Value> = KINDS
        .into_iter()
        .filter_map(|kind| STEP.rows(kind.key(), Some(kind)).next())
        .map(|key| (key.name.to_owned(), self::key(key)))
        .collect();
    let names: Vec<&str> = KINDS.into_iter().map(Kind::key).collect();
    let of_kind: Vec<Value> =
        names.iter().map(|name| json!({ "if": { "required": [name] }, "then": reference(name) })).collect();
    json!({
        "description": STEP.doc,
        "type": "object",
        "properties": kinds,
        "anyOf": each_required(&names),
        "allOf": of_kind,
    })
}

/// A step of a kind.
fn of_kind(kind: Kind) -> Value {
    let doc = STEP.rows(kind.key(), Some(kind)).next().map_or(STEP.doc, |key| key.doc);
    let mut schema = object(doc, STEP.keys().filter(|key| key.is_of(kind)));
    let ways: Vec<&str> = WAYS.iter().copied().filter(|way| STEP.rows(way, Some(kind)).next().is_some()).collect();
    let mut one = each_required(&ways);
    match kind {
        // Nothing but a judgement of what is known.
        Kind::Verify => one.push(json!({
            "not": { "anyOf": each_required(&ways) },
            "anyOf": each_required(&["expect", "outputs"]),
        })),
        Kind::Decide => {
            one = vec![json!({ "required": ["ask", "choices"] }), json!({ "required": ["cases", "otherwise"] })];
        }
        Kind::Act => {}
        Kind::Escalate => return Value::Object(schema),
    }
    schema.insert("oneOf".to_owned(), Value::Array(one));
    Value::Object(schema)
}

/// A mapping with these keys and no others.
fn object(doc: &str, keys: impl Iterator<Item = &'static Key>) -> Map<String, Value> {
    let keys: Vec<&Key> = keys.collect();
    let required: Vec<&str> = keys.iter().filter(|key| key.required).map(|key| key.name).collect();
    let beside: Map<String, Value> = keys
        .iter()
        .filter(|key| !key.beside.is_empty())
        .map(|key| (key.name.to_owned(), json!({ "anyOf": each_required(key.beside) })))
        .collect();
    let properties: Map<String, Value> = keys.iter().map(|key| (key.name.to_owned(), self::key(key))).collect();
    let mut schema = Map::new();
    schema.insert("description".to_owned(), json!(doc));
    schema.insert("type".to_owned(), json!("object"));
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    if !properties.is_empty() {
        schema.insert("properties".to_owned(), Value::Object(properties));
    }
    schema.insert("additionalProperties".to_owned(), json!(false));
    if !beside.is_empty() {
        schema.insert("dependentSchemas".to_owned(), Value::Object(beside));
    }
    schema
}

/// What a key takes, with what it means.
fn key(key: &Key) -> Value {
    let Value::Object(mut schema) = form(&key.form) else { unreachable!("every form is a mapping of keywords") };
    // A mapping that must be there must not be empty either.
    if key.required && matches!(key.form, Form::Named(..)) {
        schema.insert("minProperties".to_owned(), json!(1));
    }
    let later = if key.later { " This version refuses it before the first step." } else { "" };
    schema.insert("description".to_owned(), json!(format!("{}{later}", key.doc)));
    Value::Object(schema)
}

fn form(form: &Form) -> Value {
    let kebab = format!("^[a-z]([a-z0-9-]{{0,{}}}[a-z0-9])?$", NAME_BYTES_MAX - 2);
    match form {
        Form::Text | Form::Template => json!({ "type": "string" }),
        Form::Pattern(pattern, _) => json!({ "type": "string", "pattern": pattern }),
        Form::Word | Form::WordTemplate => json!({ "type": ["string", "number", "boolean"] }),
        Form::Expression => reference("expression"),
        Form::Condition => reference("condition"),
        Form::Boolean => json!({ "type": "boolean" }),
        Form::Integer(1, 1) => json!({ "const": 1 }),
        Form::Integer(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Form::IntegerSetting(least, most) => json!({
            "anyOf": [
                { "type": "integer", "minimum": least, "maximum": most },
                { "type": "string", "pattern": format!("^{RENDERED}$") },
            ],
        }),
        Form::Number(least) => json!({ "type": "number", "minimum": least }),
        Form::Duration => reference("duration"),
        Form::DurationSetting => reference("duration_setting"),
        Form::Moment => json!({
            "type": "string",
            "pattern": format!("^({DURATION}|{RENDERED}|[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[T ].+)$"),
        }),
        Form::Date => json!({ "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" }),
        Form::Clock => json!({ "type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$" }),
        Form::Days => {
            let days = json!({
                "type": "string",
                "pattern": "^ *(mon|tue|wed|thu|fri|sat|sun)( *[-,] *(mon|tue|wed|thu|fri|sat|sun))* *$",
            });
            json!({ "anyOf": [days, { "type": "array", "items": days, "minItems": 1 }] })
        }
        Form::Step => reference("step_id"),
        Form::Steps => json!({ "anyOf": [reference("step_id"), { "type": "array", "items": reference("step_id") }] }),
        Form::Target => reference("target"),
        Form::Ends => reference("ends"),
        Form::Runbook => json!({ "type": "string", "pattern": kebab }),
        Form::OneOf(words) => json!({ "enum": words }),
        Form::CommandLine | Form::Words => reference("words"),
        Form::Any => json!({}),
        Form::Mapping(mapping) => reference(mapping.name),
        Form::Named(names, value) => json!({
            "type": "object",
            "propertyNames": self::names(*names, value),
            "additionalProperties": self::form(value),
        }),
        Form::List(item) => json!({ "type": "array", "items": self::form(item) }),
        Form::OneOrMore(item) => {
            json!({ "anyOf": [self::form(item), { "type": "array", "items": self::form(item) }] })
        }
        Form::Either(forms) => json!({ "anyOf": forms.iter().map(self::form).collect::<Vec<_>>() }),
        Form::OrNothing(value) => json!({ "anyOf": [self::form(value), { "type": "null" }] }),
    }
}
