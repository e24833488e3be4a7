//! RB0147 and RB0184: the date of the next review has passed, or that of the next drill.

use super::LastDrill;
use super::context::Context;
use crate::diagnostic::{Code, Diagnostic};

pub(super) fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    by(context).into_iter().chain(drilled(context)).collect()
}

fn days(days: i32) -> String {
    if days == 1 { "1 day".to_owned() } else { format!("{days} days") }
}

fn by(context: &Context<'_>) -> Option<Diagnostic> {
    let by = context.document.review.as_ref().and_then(|review| review.by);
    let by = by.filter(|by| by.value < context.facts.today)?;
    let late = by.value.until(context.facts.today).map_or(0, |span| span.get_days());
    let title = format!("the review was due on {}", by.value);
    let diagnostic = Diagnostic::new(Code::ReviewOverdue, by.span, title).label(format!("{} late", days(late)));
    Some(diagnostic.help("read it, try it, and set the next date"))
}

fn drilled(context: &Context<'_>) -> Option<Diagnostic> {
    let every = context.document.review.as_ref()?.drill_every?;
    let title = match context.facts.drilled? {
        LastDrill::Never => "this runbook was never drilled".to_owned(),
        LastDrill::On(day) => {
            let ago = day.until(context.facts.today).map_or(0, |span| span.get_days());
            // A drill counts for the whole of its day.
            let is_late = u64::try_from(ago).is_ok_and(|ago| ago.saturating_mul(86_400) > every.value.as_secs());
            if !is_late {
                return None;
            }
            format!("the last drill was {} ago, on {day}", days(ago))
        }
    };
    let help = format!("`runbook drill {}` runs its verify steps and nothing else", context.document.name.value);
    Some(
        Diagnostic::new(Code::DrillOverdue, every.span, title)
            .label(format!("one is due every {}", crate::duration::format(every.value)))
            .help(help),
    )
}
