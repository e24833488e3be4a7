//! A step.

use super::fields::{Fields, listed, with_article};
use super::people::{approve, escalation};
use super::target::{cases, target};
use super::text::{
    Least, condition, duration_setting, expression, flag, integer, new_step_id, one_of, placeholder_template, step_ids,
    template, text, variable,
};
use super::work::{body, tree, two_ways, undo, unless, ways};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::document::model::{Attach, ForEach, ForEachList, Kind, Retry, Setting, Step, Width};
use crate::document::shape::{ATTACH, FOR_EACH, RETRY, STEP};
use crate::document::{Cursor, Shape};
use crate::id::StepId;
use crate::source::Spanned;

const KINDS: [Kind; 4] = [Kind::Verify, Kind::Decide, Kind::Act, Kind::Escalate];

/// One entry of `steps`. A step whose id or shape is wrong is left out; of any other as much is kept as can be read.
pub(super) fn step(key: Spanned<&str>, cursor: Cursor<'_>, sink: &mut Diagnostics) -> Option<Step> {
    let id = new_step_id(key, sink);
    if cursor.shape() != Shape::Mapping {
        cursor.wrong_type("a mapping, such as `{ verify: …, run: … }`", sink);
        return None;
    }
    let kind = kind(key, cursor, sink);
    let fields = Fields::of_kind(cursor, &STEP, Some(kind.value), sink)?;
    let titled = fields.get(kind.value.key());
    let title = titled.and_then(|title| text(title, sink).and_then(|_| template(title, sink)));
    check_ways(&fields, kind, sink);
    let found = id.is_some();
    // What is wrong inside a step is found whatever it is called.
    let id = id.or_else(|| Some(Spanned::new(StepId::new("unnamed").ok()?, key.span)))?;
    let step = Step {
        id,
        span: cursor.span(),
        kind,
        title: title.or_else(|| placeholder_template(cursor))?,
        description: fields.get("description").and_then(|text| text.as_text(sink)).map(|text| text.value.to_owned()),
        body: body(&fields, &STEP, Some(kind.value), sink),
        needs: fields.get("needs").map(|needs| Spanned::new(step_ids(needs, sink), needs.span())),
        when: fields.get("when").and_then(|when| condition(when, sink)),
        retry: fields.get("retry").and_then(|cursor| Some(Spanned::new(retry(cursor, sink)?, cursor.span()))),
        on_fail: fields.get("on_fail").and_then(|road| target(road, sink)),
        attach: fields.get("attach").map(|attach| attachments(attach, sink)).unwrap_or_default(),
        for_each: fields.get("for_each").and_then(|items| for_each(items, sink)),
        cases: fields.get("cases").map(|value| cases(value, sink)).unwrap_or_default(),
        otherwise: fields.get("otherwise").and_then(|road| target(road, sink)),
        approve: fields.get("approve").and_then(|value| approve(value, sink)),
        denied: fields.get("denied").and_then(|road| target(road, sink)),
        destructive: flag(fields.get("destructive"), sink),
        unless: fields.get("unless").and_then(|value| unless(value, sink)),
        undo: fields.get("undo").and_then(|value| undo(value, sink)),
        idempotent: flag(fields.get("idempotent"), sink),
        escalation: (kind.value == Kind::Escalate).then(|| escalation(&fields, sink)),
    };
    found.then_some(step)
}

/// The kind of a step. Of none it is guessed, of several it is the first, so that what else is wrong is found, too.
fn kind(id: Spanned<&str>, cursor: Cursor<'_>, sink: &mut Diagnostics) -> Spanned<Kind> {
    let there = |kind: &Kind| Some(Spanned::new(*kind, cursor.get(kind.key())?.key()?.span));
    let mut kinds: Vec<Spanned<Kind>> = KINDS.iter().filter_map(there).collect();
    kinds.sort_by_key(|kind| kind.span);
    match kinds.as_slice() {
        [kind] => *kind,
        [first, others @ ..] => {
            for other in others {
                let (one, two) = (first.value.key(), other.value.key());
                let title = format!("step `{}` is {} and {}", id.value, with_article(one), with_article(two));
                let diagnostic = Diagnostic::new(Code::KindCount, other.span, title).label("a step is of one kind");
                sink.push(diagnostic.related(first.span, "the other one").help("make it two steps"));
            }
            *first
        }
        [] => {
            let has = |names: &[&str]| names.iter().any(|name| cursor.get(name).is_some());
            let guess = if has(&["cases", "otherwise", "choices"]) {
                Kind::Decide
            } else if has(&["message", "ack", "handover"]) {
                Kind::Escalate
            } else if has(&["approve", "instruct", "wait", "undo", "idempotent", "destructive", "unless", "template"]) {
                Kind::Act
            } else {
                Kind::Verify
            };
            let title = format!("step `{}` is of no kind", id.value);
            let help = "begin it with `verify:`, `decide:`, `act:` or `escalate:` and its title";
            sink.push(Diagnostic::new(Code::KindCount, id.span, title).help(help));
            Spanned::new(guess, id.span)
        }
    }
}

/// Reports a step that works in no way, or in two.
fn check_ways(fields: &Fields<'_>, kind: Spanned<Kind>, sink: &mut Diagnostics) {
    let ways = ways(fields, &STEP);
    let what = with_article(kind.value.key());
    if let [first, rest @ ..] = ways.as_slice() {
        for other in rest {
            sink.push(two_ways(*first, *other, &what));
        }
    }
    let by_data = fields.get("cases").and_then(|cases| cases.key());
    if let (Some(cases), Some(ask)) = (by_data, ways.first()) {
        sink.push(two_ways(cases, *ask, &what).help("a decide goes by `cases`, or asks a person"));
    }
    // A way that belongs to another kind was reported as that.
    let elsewhere = crate::document::shape::WAYS.iter().any(|name| fields.cursor().get(name).is_some());
    if !ways.is_empty() || by_data.is_some() || elsewhere {
        return;
    }
    let wanted = match kind.value {
        Kind::Verify if fields.has("expect") || fields.has("outputs") => return,
        Kind::Escalate => return,
        Kind::Verify => "`run`, `script`, `http`, `ask` or `runbook`, or `expect` or `outputs` alone",
        Kind::Decide => "`cases` and `otherwise`, or `ask` and `choices`",
        Kind::Act => "`run`, `script`, `http`, `instruct`, `wait`, `template` or `runbook`",
    };
    let title = format!("{what} that does nothing");
    sink.push(Diagnostic::new(Code::WayCount, kind.span, title).help(format!("give it {wanted}")));
}

/// `retry`.
pub(super) fn retry(cursor: Cursor<'_>, sink: &mut Diagnostics) -> Option<Retry> {
    let fields = Fields::read(cursor, &RETRY, sink)?;
    Some(Retry {
        every: fields.get("every").and_then(|every| duration_setting(every, Least::Zero, sink)),
        within: fields.get("for").and_then(|within| duration_setting(within, Least::Some, sink)),
        attempts: fields.get("attempts").and_then(|attempts| integer_setting(attempts, sink)),
        backoff: fields.get("backoff").and_then(|backoff| self::backoff(backoff, sink)),
        max: fields.get("max").and_then(|max| duration_setting(max, Least::Zero, sink)),
        condition: fields.get("while").and_then(|condition| self::condition(condition, sink)),
    })
}

fn integer_setting(cursor: Cursor<'_>, sink: &mut Diagnostics) -> Option<Spanned<Setting<i64>>> {
    if cursor.shape() == Shape::Text {
        let text = cursor.as_text(&mut Diagnostics::new())?;
        if text.value.contains("{{") {
            return template(cursor, sink).map(|text| text.map(Setting::Rendered));
        }
    }
    integer(cursor, 1, 10_000, sink).map(|number| number.map(Setting::Fixed))
}

fn backoff(cursor: Cursor<'_>, sink: &mut Diagnostics) -> Option<f64> {
    let factor = cursor.as_number(sink)?;
    if (1.0..=1_000.0).contains(&factor.value) {
        return Some(factor.value);
    }
    let title = format!("{} is out of bounds", factor.value);
    sink.push(Diagnostic::new(Code::WrongType, factor.span, title).label("a factor from 1 to 1000"));
    None
}

fn attachments(cursor: Cursor<'_>, sink: &mut Diagnostics) -> Vec<Attach> {
    let one = |item| {
        let fields = Fields::read(item, &ATTACH, sink)?;
        if let Some(file) = fields.get("file") {
            let tail = fields.get("tail").and_then(|tail| super::text::count(tail, 1, 10_000, sink));
            return Some(Attach::File { file: template(file, sink)?, tail: tail.map(|tail| tail.value) });
        }
        Some(Attach::Run(super::commands::command_line(fields.get("run")?, sink)?))
    };
    cursor.one_or_items(&mut Diagnostics::new()).into_iter().filter_map(one).collect()
}

fn for_each(cursor: Cursor<'_>, sink: &mut Diagnostics) -> Option<Spanned<ForEach>> {
    let fields = Fields::read(cursor, &FOR_EACH, sink)?;
    let width = fields.get("width").and_then(|width| self::width(width, sink));
    let on_fail = fields.get("on_item_fail");
    let go_on = on_fail.and_then(|word| one_of(word, &[("stop", false), ("continue", true)], sink));
    let (name, list) = match fields.own() {
        [one] => *one,
        [] => {
            let title = "`for_each` without a list";
            let help = "write the name of an item and the list: `for_each: { host: params.hosts }`";
            sink.push(Diagnostic::new(Code::MissingKey, cursor.place(), title).help(help));
            return None;
        }
        [first, (second, _), ..] => {
            let title = format!("`{}` beside `{}`", second.value, first.0.value);
            let help = format!(
                "one list is walked; its keys beside the list are {}",
                listed(&["width", "on_item_fail"], "and")
            );
            let diagnostic =
                Diagnostic::new(Code::UnknownKey, second.span, title).label("a second list, or an unknown key");
            sink.push(diagnostic.help(help).related(first.0.span, "the first one"));
            *first
        }
    };
    let name = variable(name, "name of an item", sink);
    let over = if list.shape() == Shape::List {
        let items = list.items(sink)?;
        ForEachList::Items(items.into_iter().filter_map(|item| tree(item, sink)).collect())
    } else {
        ForEachList::Expression(expression(list, sink)?)
    };
    let for_each = ForEach {
        name: name?,
        over,
        width: width.unwrap_or(Width::Count(1)),
        go_on: go_on.is_some_and(|go_on| go_on.value),
    };
    Some(Spanned::new(for_each, cursor.span()))
}

/// `width`: a number, or a percentage.
fn width(cursor: Cursor<'_>, sink: &mut Diagnostics) -> Option<Width> {
    if cursor.shape() != Shape::Text {
        return super::text::count(cursor, 1, 10_000, sink).map(|count| Width::Count(count.value));
    }
    let text = cursor.as_text(sink)?;
    let percent = text.value.strip_suffix('%').and_then(|number| number.parse().ok());
    if let Some(percent) = percent.filter(|percent| (1..=100).contains(percent)) {
        return Some(Width::Percent(percent));
    }
    let title = format!("`{}` is neither a number nor a percentage", text.value);
    sink.push(Diagnostic::new(Code::WrongType, text.span, title).help("write `2`, or `25%`"));
    None
}
