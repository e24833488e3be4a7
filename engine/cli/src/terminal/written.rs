//! What a runbook says a step does, in words and as written: for the dry run, for `?` at a prompt, for `show NAME`.

use std::fmt::Write as _;

use runbook_core::document::model::{Approve, Asking, Body, Escalation, Kind, Setting, Step, Target, Undo, Wait, Work};
use runbook_core::graph::{Road, StepIndex, roads_of};
use runbook_core::picture::label;
use runbook_core::plan::Plan;
use runbook_core::template::Template;

use crate::text::{Line, Style};

/// How a template is shown: as it is written, or as far as it can be rendered.
pub type Shown<'a> = &'a dyn Fn(&Template) -> String;

/// A template as it is written.
#[must_use]
pub fn as_written(template: &Template) -> String {
    template.source().to_owned()
}

/// The command of a body, on one line; `None` where it starts none.
#[must_use]
pub fn command(body: &Body, shown: Shown<'_>) -> Option<String> {
    match &body.work {
        Work::Run(line) => {
            Some(line.value.words().iter().map(|word| as_word(&word.template, shown)).collect::<Vec<_>>().join(" "))
        }
        Work::Script(text) => {
            let mut lines = text.value.lines().filter(|line| !line.trim().is_empty());
            let first = lines.next().unwrap_or_default().trim().to_owned();
            let more = lines.count();
            Some(if more > 0 { format!("{first} … ({more} lines more)") } else { first })
        }
        Work::Http(http) => Some(format!("{} {}", http.method.value, shown(&http.url.value))),
        Work::Template(writing) => {
            Some(format!("# write {} from {}", shown(&writing.to.value), shown(&writing.source.value)))
        }
        Work::Ask(_) | Work::Instruct(_) | Work::Wait(_) | Work::Runbook(_) | Work::None => None,
    }
}

/// A word as it may stand in a line: quoted where it must be, but for one that holds what is not known yet.
fn as_word(word: &Template, shown: Shown<'_>) -> String {
    if let Some(text) = word.literal_text() {
        return crate::place::quote(&text);
    }
    let text = shown(word);
    if text.contains("{{") || text.contains('<') { text } else { crate::place::quote(&text) }
}

/// What a step does, as a clause that follows *would* or stands alone: `run`, `ask`, `tell`.
#[must_use]
pub fn doing(step: &Step, shown: Shown<'_>) -> Line {
    let line = Line::new();
    match &step.body.work {
        Work::Run(_) | Work::Script(_) => {
            let command = command(&step.body, shown).unwrap_or_default();
            line.and(Style::Plain, "run  ").and(Style::Command, "$ ").and(Style::Command, &command)
        }
        Work::Http(http) => line
            .and(Style::Plain, "request  ")
            .and(Style::Command, &format!("{} {}", http.method.value, shown(&http.url.value))),
        Work::Ask(asking) => {
            line.and(Style::Plain, &format!("ask{}  ", asked(asking))).and(Style::Strong, &shown(&asking.text.value))
        }
        Work::Instruct(asking) => line
            .and(Style::Plain, &format!("ask{} to do by hand  ", asked(asking)))
            .and(Style::Strong, &shown(&asking.text.value)),
        Work::Wait(wait) => line.and(Style::Plain, &format!("wait  {}", waited(&wait.value, shown))),
        Work::Template(writing) => line.and(Style::Plain, &format!("write  {}", shown(&writing.to.value))),
        Work::Runbook(call) => line.and(Style::Plain, &format!("run the runbook  {}", call.name.value)),
        Work::None => match (&step.escalation, step.kind.value) {
            (Some(escalation), _) => line.and(Style::Plain, &told(escalation, shown)),
            (None, Kind::Decide) => line.and(Style::Plain, "decide"),
            (None, Kind::Verify | Kind::Act | Kind::Escalate) => match &step.body.expect {
                Some(expect) => line.and(Style::Plain, &format!("judge  {}", expect.value.source())),
                None => line.and(Style::Plain, "compute"),
            },
        },
    }
}

fn asked(asking: &Asking) -> String {
    let to: Vec<&str> = asking.to.iter().map(|to| to.value.as_str()).collect();
    if to.is_empty() { String::new() } else { format!(" {}", to.join(", ")) }
}

fn told(escalation: &Escalation, shown: Shown<'_>) -> String {
    let to: Vec<&str> = escalation.to.iter().map(|to| to.value.as_str()).collect();
    let mut text = format!("tell  {}", to.join(", "));
    if let Some(message) = &escalation.message {
        let text_of = shown(&message.value);
        let first = text_of.lines().next().unwrap_or_default();
        // Writing to a String cannot fail.
        let _ = write!(text, ": {first}");
    }
    if let Some(ack) = &escalation.ack {
        let within = ack
            .value
            .within
            .as_ref()
            .map_or(String::new(), |within| format!(" within {}", length(&within.value, shown)));
        // As above.
        let _ = write!(text, "; wait for it to be acknowledged{within}");
    }
    if escalation.handover {
        text.push_str("; hand the run over");
    }
    text
}

fn waited(wait: &Wait, shown: Shown<'_>) -> String {
    match wait {
        Wait::For(duration) => runbook_core::duration::format(*duration),
        Wait::Until(until) => format!("until {until:.0}"),
        Wait::Rendered(template) => shown(template),
    }
}

fn length(setting: &Setting<std::time::Duration>, shown: Shown<'_>) -> String {
    match setting {
        Setting::Fixed(duration) => runbook_core::duration::format(*duration),
        Setting::Rendered(template) => shown(template),
    }
}

/// Who has to approve it before it runs; `None` where nobody has to.
#[must_use]
pub fn approver(step: &Step) -> Option<String> {
    match &step.approve.as_ref()?.value {
        Approve::Operator => Some("the operator".to_owned()),
        Approve::People(approval) if approval.from.is_empty() => Some("the operator".to_owned()),
        Approve::People(approval) => {
            let from: Vec<&str> = approval.from.iter().map(|from| from.value.as_str()).collect();
            Some(from.join(" or "))
        }
    }
}

/// What else is written about a step that an operator should know before it runs.
#[must_use]
pub fn conditions(step: &Step, shown: Shown<'_>) -> Vec<Line> {
    let mut lines = Vec::new();
    if let Some(when) = &step.when {
        lines.push(Line::plain(&format!("only when {}", when.value.source())));
    }
    if let Some(unless) = &step.unless {
        let look = command(&unless.value, shown).unwrap_or_else(|| "it is so already".to_owned());
        lines.push(Line::plain("unless it is so already  ").and(Style::Command, "$ ").and(Style::Command, &look));
    }
    if step.destructive {
        lines.push(Line::new().and(Style::Bad, "destructive"));
    }
    match &step.undo {
        Some(Undo::Body(body)) => {
            let undo = command(&body.value, shown).unwrap_or_else(|| "by hand".to_owned());
            lines.push(Line::plain("undone by  ").and(Style::Command, "$ ").and(Style::Command, &undo));
        }
        Some(Undo::Step(id)) => lines.push(Line::plain(&format!("undone by {}", id.value))),
        None => {}
    }
    lines
}

/// What a target names, as written.
#[must_use]
pub fn names(target: &Target) -> Vec<String> {
    let steps = target.steps.iter().map(|id| id.value.to_string());
    steps.chain(target.done.then(|| "done".to_owned())).chain(target.failed.then(|| "failed".to_owned())).collect()
}

/// Every road from a step, a line each: where it leads from, where to, and why.
#[must_use]
pub fn roads(step: &Step, shown: Shown<'_>) -> Vec<Line> {
    roads_of(step)
        .into_iter()
        .map(|(which, target)| {
            let from = match which {
                // Where it is not beside others, a condition stands whole.
                Road::Case(number) => step.cases.get(number).map(|case| format!("when {}", case.when.value.source())),
                Road::Otherwise | Road::Choice(_) | Road::OnFail | Road::Else | Road::Denied => None,
            };
            let line = Line::plain(&format!("{} → ", from.unwrap_or_else(|| label(step, which))))
                .and(Style::Strong, &names(target).join(", "));
            match &target.because {
                Some(because) => line.and(Style::Plain, ", because ").and(Style::Plain, &shown(&because.value)),
                None => line,
            }
        })
        .collect()
}

/// The steps that follow when a step passed, by their ids.
#[must_use]
pub fn next(plan: &Plan, index: StepIndex) -> Vec<String> {
    plan.graph()
        .outgoing(index)
        .filter(|(_, edge)| edge.need)
        .map(|(to, _)| plan.step(to).id.value.to_string())
        .collect()
}
