//! `?` at a prompt: why this is asked, and what follows each answer.

use runbook_core::document::model::{Approve, Kind, Step};
use runbook_core::graph::{Road, StepIndex, roads_of};
use runbook_core::plan::Plan;
use runbook_core::run::record::{QuestionKind, SettleWord};
use runbook_core::run::request::{Request, RequestKind};

use super::view::INDENT;
use super::written::{names, next};
use crate::text::{Line, Style};

/// Lines of a description that are shown.
const DESCRIPTION_LINES_MAX: usize = 12;

/// Why a request is made, and what follows; `words` are those that settle it as the run stands.
#[must_use]
pub fn why(request: &Request, words: &[SettleWord], plan: &Plan) -> Vec<Line> {
    // Of a step of a called runbook it is that one's roads that follow.
    let place = request.step.as_ref().and_then(|step| plan.place_at(step));
    let mut lines = Vec::new();
    let mut say = |text: String| lines.push(Line::plain(INDENT).and(Style::Plain, &text));
    match (&request.kind, place) {
        (RequestKind::Question(QuestionKind::Rollback), _) => {
            say("Something failed, or the run was cancelled, and acts that can be undone were done.".to_owned());
            say("y: each is undone, the last first; the first that fails stops it.".to_owned());
            say("n: all stays as it is, and the log says so. `finally` runs in either case.".to_owned());
        }
        (kind, Some((plan, index))) => {
            let step = plan.step(index);
            reason(kind, step).into_iter().for_each(&mut say);
            for (answer, follows) in consequences(kind, words, plan, index) {
                say(format!("{answer}: {follows}"));
            }
            if request.deadline.is_some() {
                say(format!("nobody in time: {}", road(step, Road::Else, &unhandled(plan))));
            }
            if let Some(description) = &step.description {
                for line in description.lines().take(DESCRIPTION_LINES_MAX) {
                    lines.push(Line::plain(INDENT).and(Style::Faint, "│ ").and(Style::Plain, line));
                }
            }
        }
        (_, None) => say("This run asks for it; its runbook does not say more.".to_owned()),
    }
    lines.push(Line::plain(INDENT).and(Style::Plain, "Ctrl-C: the run is cancelled; an act that runs is let end."));
    lines
}

fn reason(kind: &RequestKind, step: &Step) -> Vec<String> {
    match kind {
        RequestKind::Approval { destructive, .. } => {
            let mut reasons = vec![match step.approve.as_ref().map(|approve| &approve.value) {
                Some(Approve::People(_)) => {
                    "The runbook wants this act approved; nothing of it has started.".to_owned()
                }
                Some(Approve::Operator) | None => {
                    "The runbook wants whoever runs it to approve this act; nothing of it has started.".to_owned()
                }
            }];
            if *destructive {
                reasons.push("It is marked destructive: --yes does not approve it.".to_owned());
            }
            reasons
        }
        RequestKind::Acknowledge { .. } => {
            vec!["Somebody was told, and the run waits until they have seen it.".to_owned()]
        }
        RequestKind::Question(question) => vec![
            match question {
                QuestionKind::YesNo => "This check is made by a person.",
                QuestionKind::Choice(_) => "Here a person decides how it goes on.",
                QuestionKind::Instruct => "This is done by hand: say when it is done, or that it could not be.",
                QuestionKind::Proceed => "The run was started with --step: every step asks.",
                QuestionKind::Overrule => "It failed, and nothing in the runbook handles that.",
                QuestionKind::Doubt => "It was started, and nobody knows how it ended. Look first, then say.",
                QuestionKind::Rollback => "",
            }
            .to_owned(),
        ],
    }
}

fn consequences(
    kind: &RequestKind,
    words: &[SettleWord],
    plan: &Plan,
    index: StepIndex,
) -> Vec<(&'static str, String)> {
    let step = plan.step(index);
    let passes = || {
        let next = next(plan, index);
        if next.is_empty() { "this road ends here".to_owned() } else { follows(&next) }
    };
    let fails = || road(step, Road::OnFail, &unhandled(plan));
    match kind {
        RequestKind::Approval { .. } => vec![
            ("y", format!("exactly this runs, once. If it passes, {}. If it fails, {}", passes(), fails())),
            (
                "n",
                format!("nothing of it runs; {}; the run ends cancelled unless that hands it over", denied(plan, step)),
            ),
        ],
        RequestKind::Acknowledge { .. } => vec![("a", passes())],
        RequestKind::Question(question) => match question {
            QuestionKind::YesNo => vec![("y", passes()), ("n", format!("the check failed: {}", fails()))],
            QuestionKind::Instruct => vec![("d", passes()), ("n", format!("the act failed: {}", fails()))],
            QuestionKind::Proceed => vec![
                ("y", "the step starts".to_owned()),
                ("n", "the run waits; `runbook resume` asks again".to_owned()),
            ],
            // What is told and what is decided can only be tried again.
            QuestionKind::Overrule if !matches!(step.kind.value, Kind::Act | Kind::Verify) => {
                vec![("a", "the step is tried again".to_owned()), ("f", unhandled(plan))]
            }
            QuestionKind::Overrule => vec![
                ("a", "the step is tried again".to_owned()),
                overruled(step.kind.value, &passes()),
                ("f", unhandled(plan)),
            ],
            // The run is ending: what would follow does not start any more, and nothing is done once more.
            QuestionKind::Doubt if !words.contains(&SettleWord::Again) => vec![
                ("d", "it counts as done, and the run goes on to its end".to_owned()),
                ("n", "it counts as failed, and the run goes on to its end".to_owned()),
            ],
            QuestionKind::Doubt => vec![
                ("d", passes()),
                ("n", format!("it counts as failed: {}", fails())),
                ("a", "it is started once more".to_owned()),
            ],
            QuestionKind::Choice(_) | QuestionKind::Rollback => roads_of(step)
                .into_iter()
                .filter(|(which, _)| matches!(which, Road::Choice(_)))
                .map(|(which, target)| {
                    let label = runbook_core::picture::label(step, which);
                    ("a number", format!("{label} → {}", names(target).join(", ")))
                })
                .collect(),
        },
    }
}

/// What follows where a person stands in for the step.
fn overruled(kind: Kind, follows: &str) -> (&'static str, String) {
    let (key, said) = match kind {
        Kind::Act => ("b", "you did it by hand: it counts as passed, and the log says who said so"),
        Kind::Verify | Kind::Decide | Kind::Escalate => ("g", "it counts as passed, and the log says who said so"),
    };
    (key, format!("{said}; {follows}"))
}

fn denied(plan: &Plan, step: &Step) -> String {
    road(step, Road::Denied, &fallback(plan))
}

/// What follows by a road, or where it is not written.
fn road(step: &Step, wanted: Road, otherwise: &str) -> String {
    let written = roads_of(step).into_iter().find(|(which, _)| *which == wanted);
    written.map_or_else(|| otherwise.to_owned(), |(_, target)| follows(&names(target)))
}

fn follows(names: &[String]) -> String {
    match names {
        [one] if one == "done" => "this road ends here".to_owned(),
        [one] if one == "failed" => "the run fails".to_owned(),
        [one] => format!("{one} follows"),
        _ => format!("{} follow", names.join(", ")),
    }
}

fn fallback(plan: &Plan) -> String {
    match plan.graph().fallback() {
        Some(index) => format!("{} follows", plan.step(index).id.value),
        None => "nothing else starts".to_owned(),
    }
}

fn unhandled(plan: &Plan) -> String {
    match plan.graph().fallback() {
        Some(index) => format!("nothing else new starts, {} follows, and the run ends", plan.step(index).id.value),
        None => "nothing else new starts, and the run fails".to_owned(),
    }
}
