//! `runbook new`: begins a runbook from a template that checks clean.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use runbook_core::id::RunbookName;
use runbook_runner::account::Machine;

use crate::arguments::New;
use crate::context::{Context, Ending};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::place::shown;
use crate::text::{Line, Style};

/// Writes the template under a name.
///
/// # Errors
/// [`Failure`] when the name is none, the file is there already, or it cannot be written.
pub(super) fn begin(arguments: &New, context: &mut Context) -> Ending {
    let name = RunbookName::new(&arguments.name).map_err(Failure::usage)?;
    let path = context.place.runbooks.join(format!("{name}.yaml"));
    let title = arguments.title.clone().unwrap_or_else(|| "What is wrong, in one line".to_owned());
    let owner = arguments.owner.clone().unwrap_or_else(|| "ops".to_owned());
    let text = template(name.as_str(), &title, &owner);
    let failed = |error: io::Error| {
        let is_there = error.kind() == io::ErrorKind::AlreadyExists;
        let why = if is_there { "is there already".to_owned() } else { format!("cannot be written: {error}") };
        Failure::usage(format!("{} {why}", path.display()))
    };
    fs::create_dir_all(&context.place.runbooks).map_err(failed)?;
    let mut file = OpenOptions::new().write(true).create_new(true).open(&path).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    let team = begin_team(&context.place.runbooks, &owner)?;
    let out = &mut context.out;
    if let Some(team) = team {
        let line = Line::plain("wrote ").and(Style::Strong, &shown(&team, &context.here));
        out.line(line.and(Style::Faint, "  who is told, and how: put your own people there"))?;
    }
    out.line(Line::plain("wrote ").and(Style::Strong, &shown(&path, &context.here)))?;
    out.line(
        Line::plain("  check it  ")
            .and(Style::Command, &context.place.bare_command(&["check", &shown(&path, &context.here)])),
    )?;
    out.line(
        Line::plain("  try it    ").and(Style::Command, &context.place.command(&["run", name.as_str(), "--dry-run"])),
    )?;
    Ok(ExitCode::Resolved)
}

/// Writes a team file where there is none: a runbook names people, and does not check without them.
fn begin_team(folder: &Path, owner: &str) -> Result<Option<PathBuf>, Failure> {
    let path = folder.join(runbook_runner::load::TEAM);
    let failed = |error: io::Error| Failure::usage(format!("{} cannot be written: {error}", path.display()));
    let mut file = match OpenOptions::new().write(true).create_new(true).open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let (me, team) = (quoted(&Machine::current().account.name), quoted(owner));
    let text = format!(
        "# yaml-language-server: $schema=../schemas/team.schema.json\n\
         people:\n  {me}: {{ name: {me}, team: {team} }}\n\
         teams:\n  {team}: {{ members: [{me}], on_call: {me} }}\n"
    );
    file.write_all(text.as_bytes()).map_err(failed)?;
    Ok(Some(path))
}

/// A text as a YAML scalar in double quotes.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// One step of each kind, and the questions an author has to answer.
fn template(name: &str, title: &str, owner: &str) -> String {
    TEMPLATE.replace("@NAME", name).replace("@TITLE", &quoted(title)).replace("@OWNER", &quoted(owner))
}

const TEMPLATE: &str = r#"# yaml-language-server: $schema=../schemas/runbook.schema.json
version: 1
runbook: @NAME
title: @TITLE
owner: @OWNER
severity: medium
summary: What this is about, and how one knows that it is needed.

steps:
  # Steps follow one another as written. A verify looks, and never changes anything.
  works:
    verify: It works
    run: "true"
    timeout: 10s

  # A decide chooses the way: here by how the step above ended.
  what_now:
    decide: Does it have to be mended?
    cases:
      - { when: steps.works.passed, then: done, because: it works }
    otherwise: mend

  # An act changes the world. A person does this one; put `run:` in place of `instruct:` when it can be automated.
  mend:
    act: Mend it
    instruct: Say here, word for word, what is to be done, and how one sees that it was.
    on_fail: need_a_person

  works_again:
    verify: It works again
    run: "true"
    retry: { every: 5s, for: 1m }

  # Where something fails and nothing above answers it, a person takes over.
  need_a_person:
    escalate: It needs somebody who knows it
    to: @OWNER
    handover: true

fallback: need_a_person
"#;
