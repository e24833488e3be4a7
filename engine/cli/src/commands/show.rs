//! `runbook show`: a run's story, or a runbook's plan in words.

use runbook_core::document::model::ParamKind;
use runbook_core::graph::StepIndex;
use runbook_core::params::written;
use runbook_core::picture::loop_words;
use runbook_core::plan::Plan;
use runbook_core::run::record::Part;
use runbook_report::fold::fold;
use runbook_report::story::story;
use runbook_report::summary::summary;
use runbook_transcript::run_dir::RunDir;
use runbook_transcript::store::Store;
use serde_json::json;

use crate::arguments::Show;
use crate::context::{Context, Ending};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::loading::load;
use crate::replay::replay;
use crate::terminal::written::{approver, as_written, conditions, doing, names, next, roads};
use crate::text::{Line, Style};

/// Shows a run or a runbook: a run where one has this id, else a runbook.
///
/// # Errors
/// [`Failure`] when there is neither.
pub(super) fn show(arguments: &Show, context: &mut Context) -> Ending {
    let what = arguments.what.as_str();
    // A store that is not there holds no run of this name.
    let run = Store::open(&context.place.store).ok().and_then(|store| store.find(what).ok());
    let is_run = what == "latest" || what.starts_with(|first: char| first.is_ascii_digit());
    match run {
        Some(run) => show_run(&run, arguments.json, context),
        None if is_run => context.run(what).and_then(|run| show_run(&run, arguments.json, context)),
        None => {
            let ready =
                load(what, context).map_err(|failure| match failure.what.strip_prefix("there is no runbook") {
                    Some(rest) => Failure { what: format!("there is no run and no runbook{rest}"), ..failure },
                    None => failure,
                })?;
            show_plan(&ready.loaded.plan, arguments.json, context)
        }
    }
}

fn show_run(run: &RunDir, as_json: bool, context: &mut Context) -> Ending {
    let replayed = replay(run)?;
    let report = fold(&replayed.about, &replayed.entries);
    let told = story(&replayed.entries, &context.zone);
    if as_json {
        let entries: Vec<_> =
            told.iter().map(|told| json!({ "n": told.n, "time": told.time, "text": told.text })).collect();
        context.out.json(&json!({
            "v": 1,
            "run": run.id().as_str(),
            "report": runbook_report::json::value(&report),
            "story": entries,
        }))?;
        return Ok(ExitCode::Resolved);
    }
    let out = &mut context.out;
    let head = Line::new().and(Style::Strong, &report.runbook).and(Style::Plain, "  ").and(Style::Plain, &report.title);
    out.line(head)?;
    out.line(
        Line::new().and(Style::Faint, &format!("{}  {}", run.id(), summary(&report, context.now, &context.zone))),
    )?;
    for told in told {
        let line =
            Line::new().and(Style::Faint, &format!("{:>4}  {}  ", told.n, told.time)).and(Style::Plain, &told.text);
        out.wrapped(line, 16)?;
    }
    if replayed.is_torn {
        out.line(
            Line::new()
                .and(Style::Look, "the last line is not whole: it is being written, or its writer was interrupted"),
        )?;
    }
    for next in &report.next {
        out.line(Line::plain("next: ").and(Style::Command, &next.command))?;
    }
    Ok(ExitCode::Resolved)
}

fn show_plan(plan: &Plan, as_json: bool, context: &mut Context) -> Ending {
    let document = plan.document();
    if as_json {
        let steps: Vec<_> = plan.graph().steps().map(|index| of(plan, index)).collect();
        context.out.json(&json!({
            "v": 1,
            "runbook": document.name.value.as_str(),
            "title": document.title.value,
            "owner": document.owner.as_ref().map(|owner| &owner.value),
            "params": document.params.iter().map(|(name, param)| json!({
                "name": name.as_str(),
                "type": type_word(&param.kind),
                "default": param.default.as_ref().map(written),
                "help": param.help,
            })).collect::<Vec<_>>(),
            "steps": steps,
            "fallback": document.fallback.as_ref().map(|id| id.value.to_string()),
            "finally": document.finally.iter().map(|id| id.value.to_string()).collect::<Vec<_>>(),
        }))?;
        return Ok(ExitCode::Resolved);
    }
    let out = &mut context.out;
    let head = Line::new().and(Style::Strong, document.name.value.as_str()).and(Style::Plain, "  ");
    out.line(head.and(Style::Plain, &document.title.value))?;
    for line in document.summary.iter().flat_map(|summary| summary.lines()) {
        out.wrapped(Line::plain(line), 0)?;
    }
    for (name, param) in &document.params {
        let default = param.default.as_ref().map_or("must be given".to_owned(), |default| format!("default {default}"));
        let help = param.help.as_ref().map_or(String::new(), |help| format!(": {help}"));
        out.wrapped(Line::plain(&format!("  -p {name}=…  {default}{help}")), 6)?;
    }
    let total = plan.len();
    let width = total.to_string().len();
    for index in plan.graph().steps() {
        let step = plan.step(index);
        let number = format!("[{:>width$}/{total}] ", index.get() + 1);
        let line = Line::new().and(Style::Faint, &number).and(Style::Plain, &format!("{:<9}", step.kind.value.key()));
        let line = line.and(Style::Strong, step.title.value.source());
        out.wrapped(line.and(Style::Faint, &format!("  ({})", step.id.value)), 7)?;
        let indented = |line: Line| Line::plain(crate::terminal::view::INDENT).then(line);
        let looped = loop_words(step).map_or(String::new(), |words| format!("  ({words})"));
        out.wrapped(indented(doing(step, &as_written).and(Style::Faint, &looped)), 9)?;
        runs(plan, index).into_iter().try_for_each(|line| out.wrapped(indented(line), 13))?;
        let approval =
            approver(step).map(|who| Line::new().and(Style::Look, &format!("{who} has to approve it first")));
        approval
            .into_iter()
            .chain(conditions(step, &as_written))
            .try_for_each(|line| out.wrapped(indented(line), 9))?;
        roads(step, &as_written).into_iter().try_for_each(|line| out.wrapped(indented(line), 9))?;
        let next = next(plan, index);
        if !next.is_empty() {
            out.wrapped(indented(Line::new().and(Style::Faint, &format!("then {}", next.join(", ")))), 9)?;
        }
    }
    if let Some(fallback) = &document.fallback {
        out.wrapped(Line::plain(&format!("what fails and is handled by nothing leads to {}", fallback.value)), 2)?;
    }
    if !document.finally.is_empty() {
        let finally: Vec<String> = document.finally.iter().map(|id| id.value.to_string()).collect();
        out.wrapped(Line::plain(&format!("at the end, whatever happened: {}", finally.join(", "))), 2)?;
    }
    Ok(ExitCode::Resolved)
}

/// The steps of the runbook that a step runs, and of those that they run.
fn runs(plan: &Plan, index: StepIndex) -> Vec<Line> {
    let mut lines = Vec::new();
    let path = |path: &str, plan: &Plan, index| format!("{path}{}", plan.step(index).id.value);
    let mut open: Vec<(&Plan, StepIndex, String)> = vec![(plan, index, path("", plan, index))];
    while let Some((plan, index, at)) = open.pop() {
        if at.contains('/') {
            let (step, depth) = (plan.step(index), at.matches('/').count());
            let line = Line::plain(&"  ".repeat(depth)).and(Style::Plain, &format!("{:<9}", step.kind.value.key()));
            lines.push(line.and(Style::Plain, step.title.value.source()).and(Style::Faint, &format!("  ({at})")));
        }
        if let Some(child) = plan.child(index, Part::Main) {
            let steps: Vec<StepIndex> = child.graph().steps().collect();
            open.extend(steps.into_iter().rev().map(|step| (&**child, step, path(&format!("{at}/"), child, step))));
        }
    }
    lines
}

/// The type of a param, as `type` takes it.
fn type_word(kind: &ParamKind) -> &'static str {
    match kind {
        ParamKind::String => "string",
        ParamKind::Integer => "integer",
        ParamKind::Number => "number",
        ParamKind::Boolean => "boolean",
        ParamKind::Duration => "duration",
        ParamKind::Timestamp => "timestamp",
        ParamKind::Choice(_) => "choice",
        ParamKind::List(_) => "list",
    }
}

fn of(plan: &Plan, index: StepIndex) -> serde_json::Value {
    let step = plan.step(index);
    let roads: Vec<_> = runbook_core::graph::roads_of(step)
        .into_iter()
        .map(|(road, target)| json!({ "from": runbook_core::picture::label(step, road), "to": names(target) }))
        .collect();
    json!({
        "id": step.id.value.as_str(),
        "kind": step.kind.value.key(),
        "title": step.title.value.source(),
        "does": doing(step, &as_written).text(),
        "runs": plan.child(index, Part::Main).map(|child| child.document().name.value.as_str()),
        "each": loop_words(step),
        "approver": approver(step),
        "conditions": conditions(step, &as_written).iter().map(Line::text).collect::<Vec<_>>(),
        "roads": roads,
        "then": next(plan, index),
    })
}
