//! RB0163 and RB0164: a step of the end of the run that takes part in the order of the others.

use super::context::Context;
use super::cycle::place;
use crate::diagnostic::{Code, Diagnostic};
use crate::graph::StepIndex;
use crate::source::Span;

pub(super) fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    if let Some(step) = context.graph.fallback().map(|fallback| context.step(fallback))
        && let Some(needs) = step.needs.as_ref().filter(|needs| !needs.value.is_empty())
    {
        let title = format!("`{}` is the fallback and waits for other steps", step.id.value);
        let named = context.document.fallback.as_ref().map_or(step.id.span, |fallback| fallback.span);
        found.push(
            Diagnostic::new(Code::FallbackWithNeeds, needs.span, title)
                .label("may never come, when something failed")
                .related(named, "started by any failure")
                .help("remove `needs`"),
        );
    }
    for id in &context.document.finally {
        if let Some(step) = context.graph.find(id.value.as_str()) {
            in_order(context, step, id.span, &mut found);
        }
    }
    found
}

fn in_order(context: &Context<'_>, index: StepIndex, named: Span, found: &mut Vec<Diagnostic>) {
    let step = context.step(index);
    let id = &step.id.value;
    let mut report = |span: Span, title: String, label: &str, help: &str| {
        let diagnostic = Diagnostic::new(Code::FinallyInOrder, span, title);
        found.push(diagnostic.label(label).related(named, "runs at the end, whatever happened").help(help));
    };
    if let Some(needs) = &step.needs {
        let title = format!("`{id}` is in `finally` and has `needs`");
        report(needs.span, title, "not waited for at the end", "remove `needs`; `finally` gives the order");
    }
    for (from, edge) in context.graph.incoming(index) {
        if !edge.roads.is_empty() {
            let title = format!("`{id}` is in `finally`, and `{}` leads to it", context.id(from));
            let help = "lead the road to a step of its own, or to `done`";
            report(place(context, from, index, Some(edge)), title, "would run it in the middle", help);
        }
    }
    for (to, edge) in context.graph.outgoing(index) {
        if edge.need {
            let title = format!("`{}` needs `{id}`, which is in `finally`", context.id(to));
            report(place(context, index, to, None), title, "never comes before it", "take it out of `needs`");
        }
    }
    if context.graph.fallback() == Some(index) {
        let title = format!("`{id}` is both the fallback and in `finally`");
        let span = context.document.fallback.as_ref().map_or(step.id.span, |fallback| fallback.span);
        report(span, title, "would run twice after a failure", "take it out of one of the two");
    }
}
