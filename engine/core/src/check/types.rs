//! RB0127, RB0130, RB0167, RB0108 and RB0168: values whose type is known and does not fit where they are read.

use std::collections::BTreeMap;

use super::context::Context;
use super::texts::{Form, Purpose, Text};
use crate::diagnostic::{Code, Diagnostic};
use crate::document::model::{Body, Output, ParamKind, Work};
use crate::expression::{Expression, ExpressionErrorKind, Type, of_known_name};
use crate::template::{Part, Template};

/// The types of what steps leave behind, by step and name.
pub(super) type Known<'a> = BTreeMap<(&'a str, &'a str), Type>;

pub(super) fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let known = outputs(context);
    let mut found = Vec::new();
    for text in context.texts() {
        let scope = Scope { context, known: &known, result: text.result };
        match text.form {
            Form::Expression(expression) => found.extend(of_expression(context, text, expression, &scope)),
            Form::Template(template) => of_template(context, text, template, &scope, &mut found),
        }
    }
    found
}

/// The types of the runbook's own outputs, where they show.
pub(super) fn of_whole(context: &Context<'_>) -> BTreeMap<String, Type> {
    let known = outputs(context);
    let scope = Scope { context, known: &known, result: None };
    let of_output = |output: &Output| {
        let given = output.value.value.result_type(&|path| scope.type_of(path))?;
        Some((output.name.value.as_str().to_owned(), given))
    };
    context.document.outputs.iter().filter_map(of_output).collect()
}

/// The type of what is read where a step begins, where it shows.
pub(super) fn at_start<'a>(context: &Context<'a>, known: &Known<'a>, path: &[String]) -> Option<Type> {
    Scope { context, known, result: None }.type_of(path)
}

struct Scope<'s, 'a> {
    context: &'s Context<'a>,
    known: &'s Known<'a>,
    result: Option<(&'a Body, usize)>,
}

impl Scope<'_, '_> {
    fn type_of(&self, path: &[String]) -> Option<Type> {
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        match names.as_slice() {
            ["params", name] => self.context.document.params.get(*name).map(|param| of_kind(&param.kind)),
            ["steps", id, "outputs", name] => self.known.get(&(*id, *name)).copied(),
            ["outputs", name] => {
                let (body, computed) = self.result?;
                let output = body.outputs.iter().take(computed).find(|output| output.name.value.as_str() == *name);
                match output {
                    Some(output) => self.of_output(output),
                    None => self.context.callee(body)?.output_type(name),
                }
            }
            ["fields", name] => {
                let (body, _) = self.result?;
                let (Work::Ask(asking) | Work::Instruct(asking)) = &body.work else { return None };
                asking.collect.get(*name).map(|field| of_kind(&field.kind))
            }
            _ => of_known_name(path),
        }
    }

    /// The type of an output of the same body; those it is made of are not followed.
    fn of_output(&self, output: &Output) -> Option<Type> {
        let names = |path: &[String]| match path {
            [root, _] if root == "outputs" => None,
            _ => Scope { result: None, ..*self }.type_of(path),
        };
        output.value.value.result_type(&names)
    }
}

fn of_kind(kind: &ParamKind) -> Type {
    match kind {
        ParamKind::String | ParamKind::Choice(_) => Type::Text,
        ParamKind::Integer => Type::Integer,
        ParamKind::Number => Type::Number,
        ParamKind::Boolean => Type::Bool,
        ParamKind::Duration => Type::Duration,
        ParamKind::Timestamp => Type::Timestamp,
        ParamKind::List(_) => Type::List,
    }
}

/// The types of all outputs, in reading order: an output that reads a later step has none.
pub(super) fn outputs<'a>(context: &Context<'a>) -> Known<'a> {
    let mut known: Known<'a> = BTreeMap::new();
    for (_, step) in context.steps() {
        let id = step.id.value.as_str();
        if let Work::Ask(asking) | Work::Instruct(asking) = &step.body.work {
            for (name, field) in &asking.collect {
                known.insert((id, name.as_str()), of_kind(&field.kind));
            }
        }
        // An act that was already so has the outputs of its `unless`, which may be of another type.
        if step.unless.is_some() {
            continue;
        }
        if let Some(plan) = context.callee(&step.body) {
            for output in &plan.document().outputs {
                let name = output.name.value.as_str();
                known.extend(plan.output_type(name).map(|given| ((id, name), given)));
            }
        }
        for (number, output) in step.body.outputs.iter().enumerate() {
            let scope = Scope { context, known: &known, result: Some((&step.body, number)) };
            let name = (id, output.name.value.as_str());
            match output.value.value.result_type(&|path| scope.type_of(path)) {
                Some(kind) => known.insert(name, kind),
                None => known.remove(&name),
            };
        }
    }
    known
}

fn of_expression(
    context: &Context<'_>,
    text: &Text<'_>,
    expression: &Expression,
    scope: &Scope<'_, '_>,
) -> Option<Diagnostic> {
    let type_of = |path: &[String]| scope.type_of(path);
    if let Err(error) = expression.check_types(&type_of) {
        let code = match error.kind {
            ExpressionErrorKind::TextComparedWithNumber => Code::TextWithNumber,
            ExpressionErrorKind::IntegerDivision => Code::IntegerDivision,
            ExpressionErrorKind::TooLong | ExpressionErrorKind::TooDeep => Code::ExpressionTooLarge,
            ExpressionErrorKind::Syntax => Code::ExpressionSyntax,
        };
        let place = context.place_in(text, error.span);
        return Some(Diagnostic::new(code, place, error.message).maybe_help(error.hint));
    }
    if text.key == "for_each" {
        let given = expression.result_type(&type_of).filter(|given| *given != Type::List)?;
        let title = "`for_each` goes through a list";
        let help = if given == Type::Text {
            format!("one item a line: `lines({})`", expression.source())
        } else {
            format!("a list of one: `[{}]`", expression.source())
        };
        let diagnostic = Diagnostic::new(Code::WrongType, text.span, title);
        return Some(diagnostic.label(format!("this gives {}", given.name())).help(help));
    }
    if text.purpose != Purpose::Condition {
        return None;
    }
    let given = expression.result_type(&type_of).filter(|given| *given != Type::Bool)?;
    let title = format!("`{}` must be true or false", text.key);
    let other = if given == Type::Text { "\"…\"" } else { "…" };
    let help = format!("compare it: `{} == {other}`", expression.source());
    Some(Diagnostic::new(Code::WrongType, text.span, title).label(format!("this gives {}", given.name())).help(help))
}

/// A list or a mapping where text belongs.
fn of_template(
    context: &Context<'_>,
    text: &Text<'_>,
    template: &Template,
    scope: &Scope<'_, '_>,
    found: &mut Vec<Diagnostic>,
) {
    // Alone it keeps its type where no text is needed, and people are shown it as JSON.
    let keeps_type = text.purpose == Purpose::Value && template.single_path().is_some();
    if keeps_type || text.purpose == Purpose::People {
        return;
    }
    for part in template.parts() {
        let Part::Interpolation(interpolation) = part else { continue };
        let Some(read) = interpolation.path().and_then(|number| template.reads().get(number)) else { continue };
        let Some(given) = scope.type_of(&read.path).filter(|given| matches!(given, Type::List | Type::Map)) else {
            continue;
        };
        let path = read.path.join(".");
        let title = format!("`{path}` is {}, and text is wanted", given.name());
        let help = match given {
            Type::List if matches!(text.key, "run" | "attach") => {
                format!(
                    "`{{{{ words {path} }}}}` makes a word of each element, `{{{{ join {path} \",\" }}}}` one of all"
                )
            }
            Type::List => format!("write `{{{{ join {path} \", \" }}}}` or `{{{{ json {path} }}}}`"),
            Type::Map | Type::Bool | Type::Integer | Type::Number | Type::Text | Type::Duration | Type::Timestamp => {
                format!("write `{{{{ json {path} }}}}`, or one of its members")
            }
        };
        let place = context.place_in(text, read.span.clone());
        found.push(Diagnostic::new(Code::NotText, place, title).label("stands for no single text").help(help));
    }
}
