//! RB0147: the date of the next review has passed.

use super::context::Context;
use crate::diagnostic::{Code, Diagnostic};

pub(super) fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let by = context.document.review.as_ref().and_then(|review| review.by);
    let Some(by) = by.filter(|by| by.value < context.facts.today) else { return Vec::new() };
    let days = by.value.until(context.facts.today).map_or(0, |span| span.get_days());
    let late = match days {
        1 => "1 day late".to_owned(),
        days => format!("{days} days late"),
    };
    let title = format!("the review was due on {}", by.value);
    vec![
        Diagnostic::new(Code::ReviewOverdue, by.span, title).label(late).help("read it, try it, and set the next date"),
    ]
}
