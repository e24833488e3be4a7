//! Where roads lead: targets, cases and choices.

use super::fields::Fields;
use super::text::{condition, new_step_id, placeholder_expression, template};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::document::model::{Case, Target};
use crate::document::shape::{BRANCH, CASE};
use crate::document::{Cursor, Shape};
use crate::source::Spanned;

/// `then`, `otherwise`, `on_fail`, `else`, `denied`, a choice.
pub(super) fn target(cursor: Cursor<'_>, sink: &mut Diagnostics) -> Option<Target> {
    match cursor.shape() {
        Shape::Refused => None,
        Shape::Mapping => {
            let fields = Fields::read(cursor, &BRANCH, sink)?;
            let because = fields.get("because").and_then(|because| template(because, sink));
            let mut target = fields.get("then").and_then(|then| ends(then, sink))?;
            target.because = because;
            target.span = cursor.span();
            Some(target)
        }
        Shape::Null | Shape::Bool | Shape::Integer | Shape::Number | Shape::Text | Shape::List => ends(cursor, sink),
    }
}

/// An id, a list of them, `done` or `failed`.
fn ends(cursor: Cursor<'_>, sink: &mut Diagnostics) -> Option<Target> {
    let mut target = Target { steps: Vec::new(), done: false, failed: false, because: None, span: cursor.span() };
    match cursor.shape() {
        Shape::Text | Shape::List => {}
        Shape::Null | Shape::Bool | Shape::Integer | Shape::Number | Shape::Mapping | Shape::Refused => {
            cursor.wrong_type("a step, a list of steps, `done` or `failed`", sink);
            return None;
        }
    }
    let items = cursor.one_or_items(sink);
    if items.is_empty() {
        let title = "a road that leads nowhere";
        sink.push(
            Diagnostic::new(Code::WrongType, cursor.place(), title).help("name a step, or say `done` or `failed`"),
        );
        return None;
    }
    for item in items {
        let Some(text) = item.as_text(sink) else { continue };
        match text.value {
            "done" => target.done = true,
            "failed" => target.failed = true,
            _ => target.steps.extend(new_step_id(text, sink)),
        }
    }
    Some(target)
}

/// `cases`.
pub(super) fn cases(cursor: Cursor<'_>, sink: &mut Diagnostics) -> Vec<Case> {
    let items = cursor.items(sink).unwrap_or_default();
    if items.is_empty() && cursor.shape() == Shape::List {
        let title = "`cases` without a case";
        sink.push(Diagnostic::new(Code::WrongType, cursor.place(), title).help("write `- { when: …, then: … }`"));
    }
    items.into_iter().filter_map(|item| case(item, sink)).collect()
}

fn case(cursor: Cursor<'_>, sink: &mut Diagnostics) -> Option<Case> {
    let fields = Fields::read(cursor, &CASE, sink)?;
    let because = fields.get("because").and_then(|because| template(because, sink));
    let when = fields.get("when").and_then(|when| condition(when, sink));
    let then = fields.get("then").and_then(|then| target(then, sink));
    // Where it leads is known also of a case whose condition is wrong.
    let when = when.or_else(|| placeholder_expression(cursor))?;
    let mut then = then?;
    then.because = because.or(then.because);
    Some(Case { when, then })
}

/// `choices`: label and where it leads.
pub(super) fn choices(cursor: Cursor<'_>, sink: &mut Diagnostics) -> Vec<(Spanned<String>, Target)> {
    let entries = super::fields::named(cursor, crate::document::shape::Names::Any, "an answer", sink);
    if entries.is_empty() && cursor.shape() == Shape::Mapping {
        let title = "`choices` without an answer to choose";
        sink.push(Diagnostic::new(Code::WrongType, cursor.place(), title).help("write `label: step`"));
    }
    let choice = |(label, value): (Spanned<&str>, Cursor<'_>)| Some((label.map(str::to_owned), target(value, sink)?));
    entries.into_iter().filter_map(choice).collect()
}
