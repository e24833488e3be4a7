//! The helpers of a file: those of a runbook's texts, and blocks that do not pass over what does not exist.

use handlebars::{
    Context, Handlebars, Helper, HelperDef, HelperResult, JsonTruthy as _, Output, PathAndJson, RenderContext,
    RenderError, RenderErrorReason, Renderable as _, ScopedJson,
};
use serde_json::Value as Json;

/// The helper that each `{{ path }}` is made: no template can write it.
pub(super) const TEXT: &str = "text of a path";
/// What an error of ours about a missing name begins with.
pub(super) const MISSING: &str = "missing: ";
/// The helpers there are.
pub(super) const NAMES: [&str; 22] = [
    "if", "unless", "each", "with", "lookup", "raw", "eq", "ne", "gt", "gte", "lt", "lte", "and", "or", "not", "len",
    "default", "join", "json", "upper", "words", TEXT,
];

/// Registers ours.
pub(super) fn register(registry: &mut Handlebars<'_>) {
    registry.unregister_helper("log");
    registry.register_helper("if", Box::new(If(true)));
    registry.register_helper("unless", Box::new(If(false)));
    registry.register_helper(
        TEXT,
        Box::new(Value(|params| {
            let [value] = params else { return Err(String::new()) };
            Ok(Json::String(text(value)?))
        })),
    );
    registry.register_helper("default", Box::new(Default));
    registry.register_helper(
        "join",
        Box::new(Value(|params| {
            let [list, separator] = params else { return Err("`join` takes two arguments".to_owned()) };
            Ok(Json::String(elements(list)?.join(&text(separator)?)))
        })),
    );
    registry.register_helper(
        "words",
        Box::new(Value(|params| {
            let [list] = params else { return Err("`words` takes one argument".to_owned()) };
            Ok(Json::String(elements(list)?.join(" ")))
        })),
    );
    registry.register_helper(
        "json",
        Box::new(Value(|params| {
            let [value] = params else { return Err("`json` takes one argument".to_owned()) };
            Ok(Json::String(there(value)?.to_string()))
        })),
    );
    registry.register_helper(
        "upper",
        Box::new(Value(|params| {
            let [value] = params else { return Err("`upper` takes one argument".to_owned()) };
            Ok(Json::String(text(value)?.to_uppercase()))
        })),
    );
}

fn name(value: &PathAndJson<'_>) -> String {
    value.relative_path().cloned().unwrap_or_else(|| "a value".to_owned())
}

fn there<'v>(value: &'v PathAndJson<'_>) -> Result<&'v Json, String> {
    if value.is_value_missing() { Err(format!("{MISSING}{}", name(value))) } else { Ok(value.value()) }
}

fn text(value: &PathAndJson<'_>) -> Result<String, String> {
    let json = there(value)?;
    of_scalar(json).ok_or_else(|| {
        let name = name(value);
        let (kind, advice) = match json {
            Json::Array(_) => ("a list", format!("{{{{ join {name} \", \" }}}} or {{{{#each {name}}}}}")),
            Json::Object(_) => ("a mapping", format!("{{{{ json {name} }}}} or one of its members")),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {
                ("null", format!("{{{{ default {name} \"…\" }}}} if it may be"))
            }
        };
        format!("{name} is {kind}, and text belongs here; write {advice}")
    })
}

fn of_scalar(json: &Json) -> Option<String> {
    match json {
        Json::String(text) => Some(text.clone()),
        Json::Bool(_) | Json::Number(_) => Some(json.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

fn elements(value: &PathAndJson<'_>) -> Result<Vec<String>, String> {
    let Json::Array(items) = there(value)? else { return Err(format!("{} is no list", name(value))) };
    let texts: Option<Vec<String>> = items.iter().map(of_scalar).collect();
    texts.ok_or_else(|| format!("an element of {} is no text", name(value)))
}

/// A helper that gives a value.
struct Value(fn(&[PathAndJson<'_>]) -> Result<Json, String>);

impl HelperDef for Value {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let Self(work) = self;
        work(helper.params()).map(ScopedJson::Derived).map_err(|why| RenderErrorReason::Other(why).into())
    }
}

/// `default x "…"`.
struct Default;

impl HelperDef for Default {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let [wanted, otherwise] = helper.params().as_slice() else {
            return Err(RenderErrorReason::Other("`default` takes two arguments".to_owned()).into());
        };
        let is_there = !wanted.is_value_missing() && !matches!(wanted.value(), Json::Null);
        let has_text = wanted.value().as_str() != Some("");
        let chosen = if is_there && has_text { wanted } else { otherwise };
        Ok(ScopedJson::Derived(chosen.value().clone()))
    }
}

/// `if` and `unless`; what does not exist is neither true nor false.
#[derive(Clone, Copy)]
struct If(bool);

impl HelperDef for If {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        registry: &'reg Handlebars<'reg>,
        context: &'rc Context,
        render: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let Self(wanted) = *self;
        let param = helper.param(0).ok_or(RenderErrorReason::ParamNotFoundForIndex("if", 0))?;
        let value = there(param).map_err(RenderErrorReason::Other)?;
        let chosen = if value.is_truthy(false) == wanted { helper.template() } else { helper.inverse() };
        chosen.map_or(Ok(()), |template| template.render(registry, context, render, out))
    }
}
