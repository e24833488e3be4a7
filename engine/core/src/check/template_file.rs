//! RB0190, RB0191 and RB0192: the handlebars file that a step writes from is not there, is no template, or reads a name
//! that does not exist.

use super::context::{Context, bodies};
use crate::diagnostic::{Code, Diagnostic};
use crate::document::model::{Step, Work, Writing};
use crate::file_template::{FileRead, reads};

const OF_RUN: [&str; 7] = ["id", "runbook", "started_at", "now", "operator", "mode", "failure"];
const OF_STEP: [&str; 9] =
    ["passed", "failed", "skipped", "unknown", "outcome", "reason", "outputs", "branch", "answer"];
const ROOTS: [&str; 5] = ["params", "steps", "run", "alert", "each"];

pub(super) fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for step in &context.document.steps {
        for body in bodies(step) {
            if let Work::Template(writing) = &body.work {
                look(context, step, writing, &mut found);
            }
        }
    }
    found
}

fn look(context: &Context<'_>, step: &Step, writing: &Writing, found: &mut Vec<Diagnostic>) {
    let Some(name) = writing.source.value.literal_text() else { return };
    let Some(source) = context.facts.sources.get(&name) else { return };
    let place = writing.source.span;
    let text = match source {
        Ok(text) => text,
        Err(why) => {
            let title = format!("`{name}` cannot be read: {why}");
            let help = "the path is seen from the repository, the folder that `runbooks` stands in";
            let label = format!("`{}` writes from it", step.id.value);
            found.push(Diagnostic::new(Code::NoTemplateFile, place, title).label(label).help(help));
            return;
        }
    };
    let reads = match reads(text) {
        Ok(reads) => reads,
        Err(error) => {
            let title = format!("`{name}`, {error}");
            found.push(Diagnostic::new(Code::BadTemplateFile, place, title).label("it is no template"));
            return;
        }
    };
    for read in reads.iter().filter(|read| !read.guarded) {
        if let Some((what, help)) = unknown(context, step, read) {
            let title = format!("`{name}`, line {}: {what}", read.line);
            let label = format!("`{}` is read there", read.path.join("."));
            found.push(Diagnostic::new(Code::UnknownNameInFile, place, title).label(label).maybe_help(help));
        }
    }
}

type Unknown = Option<(String, Option<String>)>;

fn unknown(context: &Context<'_>, step: &Step, read: &FileRead) -> Unknown {
    let path: Vec<&str> = read.path.iter().map(String::as_str).collect();
    let near = |name: &str, names: &[&str]| context.suggest(name, names.iter().copied());
    match path.as_slice() {
        ["params", name, ..] if !context.document.params.contains_key(*name) => {
            let names: Vec<&str> = context.document.params.keys().map(crate::id::VariableName::as_str).collect();
            Some((format!("there is no param `{name}`"), near(name, &names)))
        }
        ["steps", id, rest @ ..] => of_step(context, id, rest),
        ["run", member, ..] if !OF_RUN.contains(member) => {
            Some((format!("there is no `run.{member}`"), near(member, &OF_RUN)))
        }
        ["each", ..] if step.for_each.is_none() => Some((format!("`{}` goes through no list", step.id.value), None)),
        ["secrets", ..] => {
            let help = "give the secret to the program that needs it, through `env` or `stdin`".to_owned();
            Some(("a secret would stand in the file, and in the record".to_owned(), Some(help)))
        }
        [root, ..] if !ROOTS.contains(root) => Some((format!("there is no `{root}`"), near(root, &ROOTS))),
        _ => None,
    }
}

fn of_step(context: &Context<'_>, id: &str, rest: &[&str]) -> Unknown {
    let names = || context.document.steps.iter().map(|step| step.id.value.as_str());
    let Some(index) = context.graph.find(id) else {
        if context.is_written(id) {
            return None;
        }
        return Some((format!("there is no step `{id}`"), context.suggest(id, names())));
    };
    match rest {
        ["outputs", name, ..] => {
            let step = context.step(index);
            let runs_another = bodies(step).any(|body| matches!(body.work, Work::Runbook(_)));
            let outputs: Vec<&str> = context.outputs_of(step).map(|(name, _)| name).collect();
            if runs_another || outputs.contains(name) {
                return None;
            }
            Some((format!("`{id}` has no output `{name}`"), context.suggest(name, outputs)))
        }
        [member, ..] if !OF_STEP.contains(member) => {
            Some((format!("a file reads no `{member}` of a step"), context.suggest(member, OF_STEP)))
        }
        _ => None,
    }
}
