//! RB0182: what a runbook is given that another runs.

use super::context::{Context, bodies};
use super::types::{self, Known};
use crate::diagnostic::{Code, Diagnostic};
use crate::document::model::{Body, Call, Param, ParamKind, Step, Tree, Work};
use crate::expression::Type;
use crate::id::VariableName;
use crate::params::{self, Misfit};
use crate::plan::Plan;
use crate::source::Span;
use crate::value::Value;

pub(super) fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut known = None;
    for step in &context.document.steps {
        for body in bodies(step) {
            let (Work::Runbook(call), Some(plan)) = (&body.work, context.callee(body)) else { continue };
            let known = known.get_or_insert_with(|| types::outputs(context));
            found.extend(missing(step, body, call, plan));
            for ((name, value), place) in call.with.iter().zip(&call.names) {
                match plan.document().params.get(name) {
                    None => found.push(unknown(context, call, plan, name, *place)),
                    Some(param) => {
                        if let Err(misfit) = fit(context, known, param, &value.value) {
                            let title = format!("`{name}` of `{}` {}", call.name.value, misfit.why);
                            let diagnostic = Diagnostic::new(Code::BadWith, value.span, title);
                            let help = misfit.help.or_else(|| param.help.as_ref().map(|help| format!("it is {help}")));
                            found.push(diagnostic.label(format!("given by `{}`", step.id.value)).maybe_help(help));
                        }
                    }
                }
            }
        }
    }
    found
}

/// The params that must be given and are not.
fn missing(step: &Step, body: &Body, call: &Call, plan: &Plan) -> Option<Diagnostic> {
    let must =
        plan.document().params.iter().filter(|(name, param)| param.default.is_none() && !call.with.contains_key(*name));
    let must: Vec<(&VariableName, &Param)> = must.collect();
    let (first, param) = must.first()?;
    let names: Vec<&str> = must.iter().map(|(name, _)| name.as_str()).collect();
    let title = format!("`{}` must be given {}", call.name.value, super::words::listed(&names, 8));
    let help = match (&param.help, call.with.is_empty()) {
        (Some(help), true) => format!("add `with: {{ {first}: … }}`: {help}"),
        (None, true) => format!("add `with: {{ {first}: … }}`"),
        (Some(help), false) => format!("add `{first}: …` to `with`: {help}"),
        (None, false) => format!("add `{first}: …` to `with`"),
    };
    let label = if std::ptr::eq(body, &raw const step.body) {
        format!("`{}` does not give it", step.id.value)
    } else {
        format!("not given here, in `{}`", step.id.value)
    };
    Some(Diagnostic::new(Code::BadWith, call.name.span, title).label(label).help(help))
}

fn unknown(context: &Context<'_>, call: &Call, plan: &Plan, name: &VariableName, place: Span) -> Diagnostic {
    let names: Vec<&str> = plan.document().params.keys().map(VariableName::as_str).collect();
    let help = context
        .suggest(name.as_str(), names.iter().copied())
        .or_else(|| (!names.is_empty()).then(|| format!("its params are {}", super::words::listed(&names, 8))));
    let title = format!("`{}` has no param `{name}`", call.name.value);
    Diagnostic::new(Code::BadWith, place, title).label("given for nothing").maybe_help(help)
}

/// Holds what is written to a param, as far as it shows.
fn fit<'a>(context: &Context<'a>, known: &Known<'a>, param: &Param, tree: &Tree) -> Result<(), Misfit> {
    match (tree, &param.kind) {
        (Tree::Scalar(value), _) => params::fit(param, value).map(|_| ()),
        (Tree::Text(template), _) => {
            if let Some(text) = template.literal_text() {
                return params::fit(param, &Value::Text(text)).map(|_| ());
            }
            let given = match template.single_path() {
                Some(read) => types::at_start(context, known, &read.path),
                None => Some(Type::Text),
            };
            given.map_or(Ok(()), |given| params::fit_type(&param.kind, given))
        }
        (Tree::List(items), ParamKind::List(of)) => {
            let element = Param { kind: (**of).clone(), ..param.clone() };
            items.iter().enumerate().try_for_each(|(number, item)| {
                let numbered =
                    |misfit: Misfit| Misfit { why: format!("(its element {}) {}", number + 1, misfit.why), ..misfit };
                fit(context, known, &element, item).map_err(numbered)
            })
        }
        (Tree::List(_), kind) => params::fit_type(kind, Type::List),
        (Tree::Map(_), kind) => params::fit_type(kind, Type::Map),
    }
}
