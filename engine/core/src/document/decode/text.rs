//! Single values: text, templates, expressions, durations, ids.

use std::time::Duration;

use crate::diagnostic::{Code, Diagnostic, Diagnostics, suggest};
use crate::document::model::Setting;
use crate::document::{Cursor, Shape};
use crate::duration;
use crate::expression::{Expression, ExpressionErrorKind};
use crate::id::{RunbookName, StepId, VariableName};
use crate::source::Spanned;
use crate::template::{Template, TemplateErrorKind};

/// Text that says something.
pub(super) fn text(cursor: Cursor<'_>, sink: &mut Diagnostics) -> Option<Spanned<String>> {
    let text = cursor.as_text(sink)?;
    if text.value.trim().is_empty() {
        let title = "a text without a character";
        sink.push(Diagnostic::new(Code::WrongType, cursor.place(), title).label("it should say something"));
        return None;
    }
    Some(text.map(str::to_owned))
}

/// Text with templates in it. What does not compile is reported.
pub(super) fn template(cursor: Cursor<'_>, sink: &mut Diagnostics) -> Option<Spanned<Template>> {
    let text = cursor.as_text(sink)?;
    compile_template(cursor, text.value, sink).map(|template| Spanned::new(template, text.span))
}

/// The same of a value that is text however it is written: `PORT: 8080`.
pub(super) fn word_template(cursor: Cursor<'_>, sink: &mut Diagnostics) -> Option<Spanned<Template>> {
    let text = cursor.as_word(sink)?;
    compile_template(cursor, text.value, sink).map(|template| Spanned::new(template, text.span))
}

/// Compiles the text of a value.
pub(super) fn compile_template(cursor: Cursor<'_>, text: &str, sink: &mut Diagnostics) -> Option<Template> {
    match Template::compile(text) {
        Ok(template) => Some(template),
        Err(error) => {
            let code = template_code(error.kind);
            sink.push(Diagnostic::new(code, cursor.inner_span(error.span), error.message).maybe_help(error.hint));
            None
        }
    }
}

/// The code of what can be wrong with a template.
pub(super) fn template_code(kind: TemplateErrorKind) -> Code {
    match kind {
        TemplateErrorKind::Syntax => Code::TemplateSyntax,
        TemplateErrorKind::Block => Code::BlockInTemplate,
        TemplateErrorKind::TooLong => Code::OverLimit,
        TemplateErrorKind::UnknownHelper => Code::UnknownNameInTemplate,
    }
}

/// An expression that gives a value; a number or a boolean stands for itself.
pub(super) fn expression(cursor: Cursor<'_>, sink: &mut Diagnostics) -> Option<Spanned<Expression>> {
    if matches!(cursor.shape(), Shape::List | Shape::Mapping) {
        let title = format!("{} where an expression belongs", cursor.shape().words());
        let help = "an expression is text: put the whole value in single quotes";
        sink.push(Diagnostic::new(Code::WrongType, cursor.place(), title).help(help));
        return None;
    }
    let text = cursor.as_word(sink)?;
    compile_expression(cursor, text, sink)
}

/// An expression that gives true or false; a bare boolean stands for itself.
pub(super) fn condition(cursor: Cursor<'_>, sink: &mut Diagnostics) -> Option<Spanned<Expression>> {
    match cursor.shape() {
        Shape::Bool => compile_expression(cursor, cursor.as_word(sink)?, sink),
        Shape::Text | Shape::Refused => {
            let text = cursor.as_text(sink)?;
            compile_expression(cursor, text, sink)
        }
        Shape::Null | Shape::Integer | Shape::Number | Shape::List | Shape::Mapping => {
            let title = format!("{} where a condition belongs", cursor.shape().words());
            let help = "a condition is an expression, such as `exit_code == 0`";
            sink.push(Diagnostic::new(Code::WrongType, cursor.place(), title).help(help));
            None
        }
    }
}

fn compile_expression(cursor: Cursor<'_>, text: Spanned<&str>, sink: &mut Diagnostics) -> Option<Spanned<Expression>> {
    // YAML writes True and TRUE, too.
    let source = match (cursor.shape(), text.value) {
        (Shape::Bool, written) => written.to_ascii_lowercase(),
        (_, written) => written.trim_end().to_owned(),
    };
    match Expression::compile(&source) {
        Ok(expression) => Some(Spanned::new(expression, text.span)),
        Err(error) => {
            let code = match error.kind {
                ExpressionErrorKind::Syntax => Code::ExpressionSyntax,
                ExpressionErrorKind::TooLong | ExpressionErrorKind::TooDeep => Code::ExpressionTooLarge,
                ExpressionErrorKind::TextComparedWithNumber => Code::TextWithNumber,
                ExpressionErrorKind::IntegerDivision => Code::IntegerDivision,
            };
            let braces = source.find("{{").filter(|_| error.kind == ExpressionErrorKind::Syntax);
            let diagnostic = match braces {
                Some(start) => {
                    let end =
                        source.get(start..).and_then(|rest| rest.find("}}")).map_or(source.len(), |at| start + at + 2);
                    let title = "`{{ }}` in an expression";
                    Diagnostic::new(code, cursor.inner_span(start..end), title)
                        .help("write the name without the braces")
                }
                None => Diagnostic::new(code, cursor.inner_span(error.span), error.message).maybe_help(error.hint),
            };
            sink.push(diagnostic);
            None
        }
    }
}

/// An expression that takes the place of one that does not compile, so that what stands beside it is still read.
pub(super) fn placeholder_expression(cursor: Cursor<'_>) -> Option<Spanned<Expression>> {
    Expression::compile("true").ok().map(|expression| Spanned::new(expression, cursor.span()))
}

/// A text that takes the place of one that does not compile.
pub(super) fn placeholder_template(cursor: Cursor<'_>) -> Option<Spanned<Template>> {
    Template::compile("?").ok().map(|template| Spanned::new(template, cursor.span()))
}

/// What a duration must be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Least {
    /// No time at all will do.
    Zero,
    /// Longer than no time.
    Some,
}

/// A duration.
pub(super) fn duration(cursor: Cursor<'_>, least: Least, sink: &mut Diagnostics) -> Option<Spanned<Duration>> {
    let text = duration_text(cursor, sink)?;
    read_duration(cursor, text, least, sink)
}

/// A duration, or a template that renders to one.
pub(super) fn duration_setting(
    cursor: Cursor<'_>,
    least: Least,
    sink: &mut Diagnostics,
) -> Option<Spanned<Setting<Duration>>> {
    let text = duration_text(cursor, sink)?;
    if text.value.contains("{{") {
        return compile_template(cursor, text.value, sink)
            .map(|template| Spanned::new(Setting::Rendered(template), text.span));
    }
    Some(read_duration(cursor, text, least, sink)?.map(Setting::Fixed))
}

/// The text of a duration. A number without a unit is the commonest mistake, and is told as such.
pub(super) fn duration_text<'a>(cursor: Cursor<'a>, sink: &mut Diagnostics) -> Option<Spanned<&'a str>> {
    if matches!(cursor.shape(), Shape::Integer | Shape::Number) {
        let written = cursor.as_word(sink)?;
        let whole = if cursor.shape() == Shape::Integer { written.value } else { "90" };
        let title = format!("`{}` is no duration", written.value);
        let help = format!("write the unit: `{whole}s`, `{whole}m`");
        sink.push(Diagnostic::new(Code::BadDuration, cursor.span(), title).label("of what unit?").help(help));
        return None;
    }
    cursor.as_text(sink)
}

fn read_duration(
    cursor: Cursor<'_>,
    text: Spanned<&str>,
    least: Least,
    sink: &mut Diagnostics,
) -> Option<Spanned<Duration>> {
    match duration::parse(text.value) {
        Ok(Duration::ZERO) if least == Least::Some => {
            let title = format!("`{}` is no time at all", text.value);
            sink.push(
                Diagnostic::new(Code::BadDuration, cursor.span(), title).help("leave the key out, or give it time"),
            );
            None
        }
        Ok(duration) => Some(Spanned::new(duration, text.span)),
        Err(why) => {
            sink.push(Diagnostic::new(Code::BadDuration, cursor.span(), why).maybe_help(nearest_duration(text.value)));
            None
        }
    }
}

/// `30 sec` was meant as `30s`.
fn nearest_duration(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = match unit.trim() {
        "s" | "sec" | "secs" | "second" | "seconds" => "s",
        "m" | "min" | "mins" | "minute" | "minutes" => "m",
        "h" | "hr" | "hrs" | "hour" | "hours" => "h",
        "d" | "day" | "days" => "d",
        "ms" | "msec" | "millisecond" | "milliseconds" => "ms",
        _ => return None,
    };
    (!number.is_empty()).then(|| format!("did you mean `{number}{unit}`?"))
}

/// A whole number within bounds, both included.
pub(super) fn integer(cursor: Cursor<'_>, least: i64, most: i64, sink: &mut Diagnostics) -> Option<Spanned<i64>> {
    let number = cursor.as_integer(sink)?;
    if (least..=most).contains(&number.value) {
        return Some(number);
    }
    let title = format!("{} is out of bounds", number.value);
    sink.push(Diagnostic::new(Code::WrongType, number.span, title).label(format!("from {least} to {most}")));
    None
}

/// The same as an unsigned number; the bounds must be of its type.
pub(super) fn count(cursor: Cursor<'_>, least: i64, most: u32, sink: &mut Diagnostics) -> Option<Spanned<u32>> {
    let number = integer(cursor, least, i64::from(most), sink)?;
    u32::try_from(number.value).ok().map(|value| Spanned::new(value, number.span))
}

/// A boolean; `false` where it is not right.
pub(super) fn flag(cursor: Option<Cursor<'_>>, sink: &mut Diagnostics) -> bool {
    cursor.and_then(|cursor| cursor.as_bool(sink)).is_some_and(|flag| flag.value)
}

/// One of the words there are.
pub(super) fn one_of<T: Copy>(cursor: Cursor<'_>, words: &[(&str, T)], sink: &mut Diagnostics) -> Option<Spanned<T>> {
    let text = cursor.as_word(sink)?;
    if let Some((_, value)) = words.iter().find(|(word, _)| *word == text.value) {
        return Some(Spanned::new(*value, text.span));
    }
    let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    let title = format!("`{}` is none of {}", text.value, super::fields::listed(&known, "and"));
    let help = suggest(text.value, known).map(|near| format!("did you mean `{near}`?"));
    sink.push(Diagnostic::new(Code::WrongType, text.span, title).maybe_help(help));
    None
}

/// The id of a step, where one is named.
pub(super) fn step_id(cursor: Cursor<'_>, sink: &mut Diagnostics) -> Option<Spanned<StepId>> {
    let text = cursor.as_text(sink)?;
    new_step_id(text, sink)
}

/// One id or a list of them, in order.
pub(super) fn step_ids(cursor: Cursor<'_>, sink: &mut Diagnostics) -> Vec<Spanned<StepId>> {
    cursor.one_or_items(sink).into_iter().filter_map(|item| step_id(item, sink)).collect()
}

/// A step's id.
pub(super) fn new_step_id(text: Spanned<&str>, sink: &mut Diagnostics) -> Option<Spanned<StepId>> {
    let id = StepId::new(text.value);
    if id.is_err() {
        sink.push(bad_id(text, "id of a step", '_'));
    }
    id.ok().map(|id| Spanned::new(id, text.span))
}

/// The name of a param, an output or a field.
pub(super) fn variable(text: Spanned<&str>, what: &str, sink: &mut Diagnostics) -> Option<Spanned<VariableName>> {
    let name = VariableName::new(text.value);
    if name.is_err() {
        sink.push(bad_id(text, what, '_'));
    }
    name.ok().map(|name| Spanned::new(name, text.span))
}

/// The name of a runbook.
pub(super) fn runbook_name(cursor: Cursor<'_>, sink: &mut Diagnostics) -> Option<Spanned<RunbookName>> {
    let text = cursor.as_text(sink)?;
    let name = RunbookName::new(text.value);
    if name.is_err() {
        sink.push(bad_id(text, "name of a runbook", '-'));
    }
    name.ok().map(|name| Spanned::new(name, text.span))
}

fn bad_id(text: Spanned<&str>, what: &str, separator: char) -> Diagnostic {
    let near = nearest_name(text.value, separator);
    let wanted = match separator {
        '-' => "kebab-case: lowercase letters, digits and `-`, beginning with a letter",
        _ => "snake_case: lowercase letters, digits and `_`, beginning with a letter",
    };
    let title = match text.value {
        "" => format!("an empty {what}"),
        shown if shown.len() > crate::id::NAME_BYTES_MAX => {
            format!("{what} of more than {} bytes", crate::id::NAME_BYTES_MAX)
        }
        shown => format!("`{shown}` is no {what}"),
    };
    Diagnostic::new(Code::BadId, text.span, title)
        .label(wanted)
        .maybe_help(near.map(|near| format!("did you mean `{near}`?")))
}

/// The text as a name, if it can be made one: `Shut-Down` as `shut_down`.
fn nearest_name(text: &str, separator: char) -> Option<String> {
    let mut name = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            name.push(c.to_ascii_lowercase());
        } else if matches!(c, ' ' | '-' | '_' | '.' | '/') {
            if !name.is_empty() && !name.ends_with(separator) {
                name.push(separator);
            }
        } else {
            return None;
        }
    }
    let name = name.trim_end_matches(separator);
    let right = name.len() <= crate::id::NAME_BYTES_MAX && name.starts_with(|c: char| c.is_ascii_lowercase());
    right.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_mended_where_that_is_clear() {
        assert_eq!(nearest_name("Shut-Down", '_').as_deref(), Some("shut_down"));
        assert_eq!(nearest_name("DNS Failover", '-').as_deref(), Some("dns-failover"));
        assert_eq!(nearest_name("_a__b_", '_').as_deref(), Some("a_b"));
        assert_eq!((nearest_name("1st", '_'), nearest_name("café", '_'), nearest_name("--", '-')), (None, None, None));
    }

    #[test]
    fn durations_are_mended_where_that_is_clear() {
        assert_eq!(nearest_duration("30 sec").as_deref(), Some("did you mean `30s`?"));
        assert_eq!(nearest_duration("5Min").as_deref(), Some("did you mean `5m`?"));
        assert_eq!((nearest_duration("soon"), nearest_duration("sec")), (None, None));
    }
}
