//! Renders a compiled template: strictly for programs, forgivingly for people.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "an operation takes some kinds of values and refuses all others alike"
)]

use std::ops::Range;

use super::error::RenderError;
use super::operand::{Helper, Operand};
use super::{Around, Compiled, Interpolation, Part};
use crate::expression::{Read, Scope};
use crate::limits::VALUE_BYTES_MAX;
use crate::value::Value;

/// Why an operand has no value or text.
enum Failure {
    /// The path of the read with this number does not exist.
    Missing(usize),
    /// Another reason, in a sentence; the read it is about, if any.
    Other(String, Option<usize>),
}

struct Renderer<'r> {
    reads: &'r [Read],
    scope: &'r dyn Scope,
}

type Rendered<T> = Result<T, Failure>;

impl Renderer<'_> {
    fn name(&self, operand: &Operand) -> String {
        match operand {
            Operand::Path(read) => self.reads.get(*read).map(|read| read.path.join(".")).unwrap_or_default(),
            Operand::Literal(value) => value.to_string(),
            Operand::Helper { helper, .. } => format!("{helper:?}").to_lowercase(),
        }
    }

    /// The path of an operand that begins with `root`.
    fn reference(&self, operand: &Operand, root: &str) -> Option<Vec<String>> {
        let Operand::Path(read) = operand else { return None };
        let path = &self.reads.get(*read)?.path;
        (path.first().map(String::as_str) == Some(root)).then(|| path.clone())
    }

    fn other<T>(message: String, operand: &Operand) -> Rendered<T> {
        let read = if let Operand::Path(read) = operand { Some(*read) } else { None };
        Err(Failure::Other(message, read))
    }

    fn value(&self, operand: &Operand) -> Rendered<Value> {
        match operand {
            Operand::Literal(value) => Ok(value.clone()),
            Operand::Path(at) => {
                let Some(read) = self.reads.get(*at) else { return Err(Failure::Missing(*at)) };
                match self.scope.read(&read.path) {
                    Ok(Some(value)) => Ok(value),
                    Ok(None) => Err(Failure::Missing(*at)),
                    Err(reason) => Err(Failure::Other(reason, Some(*at))),
                }
            }
            Operand::Helper { helper: Helper::Default, arguments } => {
                let [wanted, otherwise] = arguments.as_slice() else { return Ok(Value::Null) };
                match self.value(wanted) {
                    Ok(Value::Null) | Err(Failure::Missing(_)) => self.value(otherwise),
                    Ok(Value::Text(text)) if text.is_empty() => self.value(otherwise),
                    result => result,
                }
            }
            Operand::Helper { helper: Helper::Join, arguments } => {
                let [list, separator] = arguments.as_slice() else { return Ok(Value::Null) };
                let separator = self.text(separator)?;
                Ok(Value::Text(self.elements(list)?.join(&separator)))
            }
            Operand::Helper { helper: Helper::Words, arguments } => {
                let [list] = arguments.as_slice() else { return Ok(Value::Null) };
                Ok(Value::Text(self.elements(list)?.join(" ")))
            }
            Operand::Helper { helper: Helper::Json, arguments } => {
                let [wanted] = arguments.as_slice() else { return Ok(Value::Null) };
                Ok(Value::Text(plain_json(&self.value(wanted)?).to_string()))
            }
            Operand::Helper { helper: Helper::Upper, arguments } => {
                let [wanted] = arguments.as_slice() else { return Ok(Value::Null) };
                Ok(Value::Text(self.text(wanted)?.to_uppercase()))
            }
        }
    }

    fn text(&self, operand: &Operand) -> Rendered<String> {
        let value = self.value(operand)?;
        if let Some(text) = value.to_text() {
            return Ok(text);
        }
        let name = self.name(operand);
        let advice = match value {
            Value::List(_) => format!("; write {{{{ join {name} \", \" }}}} or {{{{ json {name} }}}}"),
            Value::Map(_) => format!("; write {{{{ json {name} }}}}"),
            _ => format!("; write {{{{ default {name} \"…\" }}}} if it may be"),
        };
        Self::other(format!("{name} is {}, and text belongs here{advice}", value.kind()), operand)
    }

    /// The elements of a list as text.
    fn elements(&self, operand: &Operand) -> Rendered<Vec<String>> {
        let name = self.name(operand);
        let items = match self.value(operand)? {
            Value::List(items) => items,
            other => return Self::other(format!("{name} is {}, and a list belongs here", other.kind()), operand),
        };
        let mut texts = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            match item.to_text() {
                Some(text) => texts.push(text),
                None => {
                    return Self::other(
                        format!("element {index} of {name} is {}, which is no text", item.kind()),
                        operand,
                    );
                }
            }
        }
        Ok(texts)
    }

    fn error(&self, failure: Failure, span: &Range<usize>) -> RenderError {
        let at = |read: usize| self.reads.get(read).map_or_else(|| span.clone(), |read| read.span.clone());
        match failure {
            Failure::Missing(read) => {
                let path = self.reads.get(read).map(|read| read.path.join(".")).unwrap_or_default();
                RenderError { message: format!("{path} does not exist"), span: at(read), missing: true }
            }
            Failure::Other(message, read) => {
                RenderError { message, span: read.map_or_else(|| span.clone(), at), missing: false }
            }
        }
    }
}

/// JSON for a reader of any kind: durations and timestamps as the text they are written as.
pub(crate) fn plain_json(value: &Value) -> serde_json::Value {
    match value {
        Value::List(items) => items.iter().map(plain_json).collect(),
        Value::Map(members) => {
            serde_json::Value::Object(members.iter().map(|(name, value)| (name.clone(), plain_json(value))).collect())
        }
        Value::Duration(_) | Value::Timestamp(_) => value.to_text().into(),
        Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Number(_) | Value::Text(_) => value.to_json(),
    }
}

/// The template as text.
pub(super) fn text(template: &Compiled, scope: &dyn Scope) -> Result<String, RenderError> {
    changed(template, scope, &|_, text| text)
}

/// The template as text, each value changed.
pub(super) fn changed(
    template: &Compiled,
    scope: &dyn Scope,
    change: &dyn Fn(&str, String) -> String,
) -> Result<String, RenderError> {
    let renderer = Renderer { reads: &template.reads, scope };
    let mut result = String::new();
    for part in &template.parts {
        let span = match part {
            Part::Literal { text, span } => {
                result.push_str(text);
                span
            }
            Part::Interpolation(Interpolation { span, operand }) => {
                let text = renderer.text(operand).map_err(|failure| renderer.error(failure, span))?;
                let changed = change(&result, text);
                result.push_str(&changed);
                span
            }
        };
        if result.len() > VALUE_BYTES_MAX {
            let message =
                format!("this renders to more than {VALUE_BYTES_MAX} bytes; what is larger belongs in a file");
            return Err(RenderError { message, span: span.clone(), missing: false });
        }
    }
    Ok(result)
}

/// The template as text around references.
pub(super) fn around(template: &Compiled, scope: &dyn Scope, root: &str) -> Result<Vec<Around>, RenderError> {
    let renderer = Renderer { reads: &template.reads, scope };
    let mut pieces = Vec::new();
    for part in &template.parts {
        pieces.push(match part {
            Part::Literal { text, .. } => Around::Text(text.clone()),
            Part::Interpolation(Interpolation { span, operand }) => match renderer.reference(operand, root) {
                Some(path) => Around::Reference(path),
                None => Around::Text(renderer.text(operand).map_err(|failure| renderer.error(failure, span))?),
            },
        });
    }
    Ok(pieces)
}

/// The template as a value.
pub(super) fn value(template: &Compiled, scope: &dyn Scope) -> Result<Value, RenderError> {
    match template.parts.as_slice() {
        [
            Part::Interpolation(Interpolation {
                span,
                operand: operand @ (Operand::Path(_) | Operand::Helper { helper: Helper::Default, .. }),
            }),
        ] => {
            let renderer = Renderer { reads: &template.reads, scope };
            match renderer.value(operand) {
                Ok(Value::Null) => renderer.text(operand).map(Value::Text),
                other => other,
            }
            .map_err(|failure| renderer.error(failure, span))
        }
        _ => text(template, scope).map(Value::Text),
    }
}

/// The elements of a template that is `{{ words list }}` and nothing else.
pub(super) fn words(template: &Compiled, scope: &dyn Scope) -> Result<Option<Vec<String>>, RenderError> {
    let [Part::Interpolation(Interpolation { span, operand: Operand::Helper { helper: Helper::Words, arguments } })] =
        template.parts.as_slice()
    else {
        return Ok(None);
    };
    let renderer = Renderer { reads: &template.reads, scope };
    match arguments.as_slice() {
        [list] => renderer.elements(list).map(Some).map_err(|failure| renderer.error(failure, span)),
        _ => Ok(None),
    }
}

/// The template for a person.
pub(super) fn for_people(template: &Compiled, scope: &dyn Scope, explain: &dyn Fn(&[String]) -> String) -> String {
    let renderer = Renderer { reads: &template.reads, scope };
    let mut result = String::new();
    for part in &template.parts {
        match part {
            Part::Literal { text, .. } => result.push_str(text),
            Part::Interpolation(interpolation) => result.push_str(&told(&renderer, interpolation, explain)),
        }
        if result.len() > VALUE_BYTES_MAX {
            let end = (0..=VALUE_BYTES_MAX).rev().find(|end| result.is_char_boundary(*end)).unwrap_or_default();
            result.truncate(end);
            result.push('…');
            break;
        }
    }
    result
}

fn told(renderer: &Renderer<'_>, interpolation: &Interpolation, explain: &dyn Fn(&[String]) -> String) -> String {
    let failure = match renderer.text(&interpolation.operand) {
        Ok(text) => return text,
        Err(failure) => failure,
    };
    match failure {
        Failure::Missing(read) => {
            let path = renderer.reads.get(read).map_or(&[][..], |read| read.path.as_slice());
            format!("(none: {})", explain(path))
        }
        // A list or mapping is better shown as JSON than not at all; null is none.
        Failure::Other(reason, _) => match renderer.value(&interpolation.operand) {
            Ok(Value::Null) => format!("(none: {} is null)", renderer.name(&interpolation.operand)),
            Ok(value) => plain_json(&value).to_string(),
            Err(_) => format!("(none: {reason})"),
        },
    }
}
