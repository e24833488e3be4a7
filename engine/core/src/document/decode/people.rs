//! What people are asked, told, and allow.

use super::fields::Fields;
use super::param::params;
use super::target::{choices, target};
use super::text::{Least, condition, count, duration_setting, flag, one_of, step_ids, template, text};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::document::model::{Ack, Approval, Approve, Asking, Escalation, Kind};
use crate::document::shape::{ACK, APPROVAL, FIELD};
use crate::document::{Cursor, Shape};
use crate::source::Spanned;

/// `ask` or `instruct`, with the keys beside it.
pub(super) fn asking(cursor: Cursor<'_>, kind: Option<Kind>, fields: &Fields<'_>, sink: &mut Diagnostics) -> Asking {
    let text = text(cursor, sink).and_then(|_| template(cursor, sink));
    let choices = fields.get("choices").map(|value| choices(value, sink));
    if kind == Some(Kind::Decide) && choices.is_none() {
        fields.missing("choices", "a decide that asks a person", sink);
    }
    Asking {
        text: text.or_else(|| super::text::placeholder_template(cursor)).unwrap_or_else(unreachable_text),
        choices: choices.unwrap_or_default(),
        collect: fields.get("collect").map(|fields| params(fields, &FIELD, "field", sink)).unwrap_or_default(),
        to: parties(fields.get("to"), sink),
        within: fields.get("within").and_then(|within| duration_setting(within, Least::Some, sink)),
        otherwise: fields.get("else").and_then(|otherwise| target(otherwise, sink)),
        link: fields.get("link").and_then(|link| template(link, sink)),
    }
}

fn unreachable_text() -> Spanned<crate::template::Template> {
    unreachable!("a text without braces is a template")
}

/// People or teams, one or several.
pub(super) fn parties(cursor: Option<Cursor<'_>>, sink: &mut Diagnostics) -> Vec<Spanned<String>> {
    let Some(cursor) = cursor else { return Vec::new() };
    let items = cursor.one_or_items(sink);
    if items.is_empty() && cursor.shape() == Shape::List {
        let title = "nobody is named";
        sink.push(Diagnostic::new(Code::WrongType, cursor.place(), title).help("name a person or a team"));
    }
    items.into_iter().filter_map(|item| text(item, sink)).collect()
}

/// What an escalate says.
pub(super) fn escalation(fields: &Fields<'_>, sink: &mut Diagnostics) -> Escalation {
    Escalation {
        to: parties(fields.get("to"), sink),
        message: fields.get("message").and_then(|message| template(message, sink)),
        ack: fields.get("ack").and_then(|cursor| ack(cursor, sink)),
        handover: flag(fields.get("handover"), sink),
    }
}

fn ack(cursor: Cursor<'_>, sink: &mut Diagnostics) -> Option<Spanned<Ack>> {
    let fields = Fields::read(cursor, &ACK, sink)?;
    let by = fields.get("by").and_then(|by| one_of(by, &[("any", false), ("all", true)], sink));
    let ack = Ack {
        within: fields.get("within").and_then(|within| duration_setting(within, Least::Some, sink)),
        otherwise: fields.get("else").and_then(|otherwise| target(otherwise, sink)),
        all: by.is_some_and(|by| by.value),
    };
    Some(Spanned::new(ack, cursor.span()))
}

/// `approve`: `operator`, or the object form.
pub(super) fn approve(cursor: Cursor<'_>, sink: &mut Diagnostics) -> Option<Spanned<Approve>> {
    if cursor.shape() == Shape::Mapping {
        let fields = Fields::read(cursor, &APPROVAL, sink)?;
        let approval = Approval {
            from: parties(fields.get("from"), sink),
            count: fields.get("count").and_then(|value| count(value, 1, 20, sink)).map_or(1, |count| count.value),
            own: fields.get("self").and_then(|own| own.as_bool(sink)).is_none_or(|own| own.value),
            signed: flag(fields.get("signed"), sink),
            show: fields.get("show").map(|show| step_ids(show, sink)).unwrap_or_default(),
            when: fields.get("when").and_then(|when| condition(when, sink)),
            within: fields.get("within").and_then(|within| duration_setting(within, Least::Some, sink)),
            otherwise: fields.get("else").and_then(|otherwise| target(otherwise, sink)),
        };
        return Some(Spanned::new(Approve::People(Box::new(approval)), cursor.span()));
    }
    if cursor.shape() != Shape::Text {
        cursor.wrong_type("`operator` or a mapping", sink);
        return None;
    }
    let text = cursor.as_text(sink)?;
    if text.value == "operator" {
        return Some(Spanned::new(Approve::Operator, text.span));
    }
    let title = format!("`{}` is not `operator`", text.value);
    let help = format!(
        "`approve: operator` asks whoever runs it; others are named so: `approve: {{ from: [{}] }}`",
        text.value
    );
    sink.push(Diagnostic::new(Code::WrongType, text.span, title).help(help));
    None
}
