//! RB0103, RB0165, RB0171, RB0180, RB0181 and RB0183: a step runs a runbook that cannot be run from there.

use std::collections::BTreeMap;

use super::context::{Context, bodies};
use crate::diagnostic::{Code, Diagnostic};
use crate::document::model::{Call, Document, Kind, SecretSource, Step, Work};
use crate::id::RunbookName;
use crate::limits::{CALL_DEPTH_MAX, CALLED_MAX, STEPS_MAX};
use crate::plan::Plan;

use super::beside::Callee;

pub(super) fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut steps = context.document.steps.len();
    let mut secrets = Places::of(context.document);
    for step in &context.document.steps {
        for (number, body) in bodies(step).enumerate() {
            let Work::Runbook(call) = &body.work else { continue };
            let looks = if number == 0 { step.kind.value == Kind::Verify } else { is_unless(step, number) };
            match context.facts.called.get(call.name.value.as_str()) {
                None => found.push(unknown(context, step, call)),
                Some(Callee::Checked(plan)) => {
                    let before = steps;
                    steps = steps.saturating_add(plan.steps_in_all());
                    found.extend(too_much(call, plan, before, steps));
                    found.extend(secrets.take(step, call, plan));
                    if looks && plan.changes() {
                        found.push(changes(step, call, number > 0));
                    }
                }
                Some(Callee::Circle(way)) => {
                    let title = format!("this runbook comes back to itself: {}", way.join(" -> "));
                    let place = call.name.span;
                    found.push(
                        Diagnostic::new(Code::CallCircle, place, title)
                            .label("and so on, without end")
                            .help("put what both need into a runbook of its own"),
                    );
                }
                Some(Callee::Wrong { file, problem }) => {
                    let title = format!("`{}` has errors: {problem}", call.name.value);
                    let place = call.name.span;
                    found.push(
                        Diagnostic::new(Code::CalledIsWrong, place, title)
                            .label(format!("`{}` cannot run it", step.id.value))
                            .help(format!("`runbook check {file}` says all of them")),
                    );
                }
                Some(Callee::Unreadable(why)) => {
                    let title = format!("`{}` cannot be read: {why}", call.name.value);
                    let place = call.name.span;
                    found.push(
                        Diagnostic::new(Code::CalledIsWrong, place, title)
                            .label(format!("`{}` cannot run it", step.id.value)),
                    );
                }
                Some(Callee::OneTooMany) => {
                    let title = format!("more than {CALLED_MAX} runbooks would be run");
                    found.push(
                        Diagnostic::new(Code::OverLimit, call.name.span, title)
                            .label("this one was not read")
                            .help("write the steps of some of them here"),
                    );
                }
            }
        }
    }
    found
}

/// Whether the body with this number, counted past the step's own, is its `unless`.
fn is_unless(step: &Step, number: usize) -> bool {
    number == 1 && step.unless.is_some()
}

/// Where the secrets of a run come from, by name, and which runbook says so.
struct Places(BTreeMap<String, (SecretSource, RunbookName)>);

impl Places {
    fn of(document: &Document) -> Self {
        let mut places = Self(BTreeMap::new());
        places.add(document);
        places
    }

    /// Takes those of a document; gives the first that is known to come from elsewhere, and who says that.
    fn add(&mut self, document: &Document) -> Option<(String, RunbookName)> {
        let mut first = None;
        for (name, source) in &document.secrets {
            let own = || (source.value.clone(), document.name.value.clone());
            let (known, by) = self.0.entry(name.clone()).or_insert_with(own);
            if *known != source.value {
                first = first.or_else(|| Some((name.clone(), by.clone())));
            }
        }
        first
    }

    fn take(&mut self, step: &Step, call: &Call, plan: &Plan) -> Option<Diagnostic> {
        let below = plan.called();
        let all = std::iter::once(plan).chain(below.values().map(|plan| &**plan));
        let mut differ = all.filter_map(|plan| Some((&plan.document().name.value, self.add(plan.document())?)));
        let (callee, (secret, by)) = differ.next()?;
        let title = format!("`{callee}` and `{by}` have the secret `{secret}` from different places");
        Some(
            Diagnostic::new(Code::SecretOfTwoPlaces, call.name.span, title)
                .label(format!("run by `{}`", step.id.value))
                .help("give one of them another name, or both the same source"),
        )
    }
}

fn unknown(context: &Context<'_>, step: &Step, call: &Call) -> Diagnostic {
    let name = call.name.value.as_str();
    let help = context.suggest(name, context.facts.runbooks.iter().flatten().map(String::as_str));
    let title = format!("there is no runbook `{name}`");
    let label = format!("`{}` runs it", step.id.value);
    Diagnostic::new(Code::UnknownRunbook, call.name.span, title).label(label).maybe_help(help)
}

fn changes(step: &Step, call: &Call, is_unless: bool) -> Diagnostic {
    let id = &step.id.value;
    let who = if is_unless { format!("the `unless` of `{id}`") } else { format!("`{id}`") };
    let title = format!("{who} only looks, and `{}` has an act", call.name.value);
    let diagnostic = Diagnostic::new(Code::ActInVerify, call.name.span, title).label("changes the world");
    if is_unless {
        return diagnostic.help("look with a runbook that has no act");
    }
    diagnostic
        .related(step.kind.span, "may be started by a probe, a drill or a resumed run")
        .help("make the step an act")
}

/// What is too deep, or too long where it is all counted; said once, at the step that is one too many.
fn too_much(call: &Call, plan: &Plan, before: usize, steps: usize) -> Option<Diagnostic> {
    let place = call.name.span;
    if plan.depth() >= CALL_DEPTH_MAX {
        let title = format!("more than {CALL_DEPTH_MAX} levels of runbooks that run each other");
        return Some(
            Diagnostic::new(Code::OverLimit, place, title)
                .label(format!("the first of {} more", plan.depth() + 1))
                .help("write the steps of one of them into the one that runs it"),
        );
    }
    (before <= STEPS_MAX && steps > STEPS_MAX).then(|| {
        let title = format!("more than {STEPS_MAX} steps, those of the runbooks it runs counted");
        Diagnostic::new(Code::OverLimit, place, title).label(format!("{} of them", plan.steps_in_all()))
    })
}
