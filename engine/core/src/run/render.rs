//! From what is written to exactly what will run: values rendered, settings read.
#![expect(clippy::wildcard_enum_match_arm, reason = "any other value, or way of working, is refused alike")]

use std::time::Duration;

use jiff::Timestamp;

use super::effect::{Command, EnvPiece, EnvValue, EvidenceWanted, Input, Invocation};
use super::record::Part;
use super::scope::RunScope;
use super::state::RunState;
use crate::document::model::{Attach, Kind, Setting, Stdin, Surroundings, Wait, Work};
use crate::expression::Scope;
use crate::graph::StepIndex;
use crate::template::{Around, Template};
use crate::value::Value;

/// Allowed time of a verify, unless it says otherwise.
pub const VERIFY_TIMEOUT: Duration = Duration::from_secs(60);
/// Allowed time of an act, unless it says otherwise.
pub const ACT_TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// Time from TERM to KILL, unless a step says otherwise.
pub const GRACE: Duration = Duration::from_secs(10);

/// Bytes of a file of another host that are attached; of a longer one the end.
const EVIDENCE_BYTES_MAX: u32 = 8 << 20;

/// Why something could not be rendered.
pub(crate) struct Problem {
    pub(crate) message: String,
    /// In a dry run: it can be known once this step has run.
    pub(crate) unknown: Option<String>,
}

impl RunState {
    pub(crate) fn duration_setting(&self, setting: &Setting<Duration>) -> Result<Duration, String> {
        match setting {
            Setting::Fixed(duration) => Ok(*duration),
            Setting::Rendered(template) => {
                let scope = RunScope::new(self, self.now);
                match template.render_value(&scope).map_err(|error| error.to_string())? {
                    Value::Duration(duration) => Ok(duration),
                    Value::Text(text) => crate::duration::parse(&text),
                    other => Err(format!("{other} is no duration")),
                }
            }
        }
    }

    pub(crate) fn integer_setting(&self, setting: &Setting<i64>) -> Option<i64> {
        match setting {
            Setting::Fixed(number) => Some(*number),
            Setting::Rendered(template) => {
                let scope = RunScope::new(self, self.now);
                match template.render_value(&scope).ok()? {
                    Value::Integer(number) => Some(number),
                    Value::Text(text) => text.parse().ok(),
                    _ => None,
                }
            }
        }
    }

    pub(crate) fn wait_until(&self, wait: &Wait) -> Result<Timestamp, String> {
        let after = |duration| super::attempt::later(self.now, duration);
        match wait {
            Wait::For(duration) => Ok(after(*duration)),
            Wait::Until(at) => Ok(*at),
            Wait::Rendered(template) => {
                let scope = RunScope::new(self, self.now);
                match template.render_value(&scope).map_err(|error| error.to_string())? {
                    Value::Duration(duration) => Ok(after(duration)),
                    Value::Timestamp(at) => Ok(at),
                    Value::Text(text) => crate::duration::parse(&text)
                        .map(after)
                        .or_else(|_| text.parse())
                        .map_err(|_| format!("{text:?} is neither a duration nor a timestamp")),
                    other => Err(format!("{other} is neither a duration nor a timestamp")),
                }
            }
        }
    }

    /// Renders what a part of a step runs.
    pub(crate) fn invocation(&self, step: StepIndex, part: Part) -> Result<Invocation, Problem> {
        let written = self.plan.step(step);
        let changes = written.kind.value == Kind::Act && matches!(part, Part::Main | Part::Undo);
        let Some(body) = self.body(step, part) else {
            return Err(Problem { message: "there is nothing to run".to_owned(), unknown: None });
        };
        let defaults = &self.plan.document().defaults;
        let scope = RunScope::new(self, self.now);
        let problem = |message: String| Problem { message, unknown: scope.unknown_until.borrow().clone() };
        let local = &body.surroundings;
        let outer = if part == Part::Main { None } else { Some(&written.body.surroundings) };
        let layers: Vec<&Surroundings> =
            std::iter::once(&defaults.surroundings).chain(outer).chain(std::iter::once(local)).collect();
        let command = match &body.work {
            Work::Run(line) => Command::Words(line.value.render(&scope).map_err(|error| problem(error.to_string()))?),
            Work::Script(text) => {
                let shell = layers.iter().rev().find_map(|layer| layer.shell.as_ref());
                let shell = shell.map_or_else(|| vec!["sh".to_owned(), "-eu".to_owned()], |shell| shell.value.clone());
                Command::Script { shell, text: text.value.clone() }
            }
            Work::Http(http) => Command::Http(Box::new(super::call::call(http, &scope).map_err(&problem)?)),
            Work::Template(writing) => Command::Write(Box::new(self.writing(writing, &scope).map_err(&problem)?)),
            _ => return Err(problem("it runs no command".to_owned())),
        };
        // A request and a file are made here, wherever commands run.
        let is_here = matches!(command, Command::Http(_) | Command::Write(_));
        let mut env: Vec<(String, EnvValue)> = Vec::new();
        for (name, template) in layers.iter().flat_map(|layer| &layer.env) {
            let value =
                with_secrets(&template.value, &scope).map_err(|error| problem(format!("env {name}: {error}")))?;
            env.retain(|(known, _)| known != name);
            env.push((name.clone(), value));
        }
        let directory = match layers.iter().rev().find_map(|layer| layer.dir.as_ref()) {
            Some(dir) => Some(dir.value.render(&scope).map_err(|error| problem(format!("dir: {error}")))?),
            None => None,
        };
        let on = if is_here { None } else { place(&layers, &scope).map_err(&problem)? };
        let stdin = match local.stdin.as_ref().map(|stdin| &stdin.value) {
            None => Input::Closed,
            Some(Stdin::Text(template)) => {
                Input::Text(with_secrets(template, &scope).map_err(|error| problem(format!("stdin: {error}")))?)
            }
            Some(Stdin::Step(id)) => {
                let source = self.seen(id.value.as_str()).map(|(_, _, state)| state);
                if let Some(settled) = source.and_then(|state| state.settled())
                    && settled.settlement == super::record::Settlement::Withheld
                {
                    let message = format!("cannot be known until {}", id.value);
                    return Err(Problem { message, unknown: Some(id.value.to_string()) });
                }
                match source.and_then(|state| state.last.stdout_blob.clone()) {
                    Some(blob) => Input::Blob(blob),
                    None => Input::Text(EnvValue(Vec::new())),
                }
            }
        };
        let default_timeout = if changes { ACT_TIMEOUT } else { VERIFY_TIMEOUT };
        let time = |setting: Option<&crate::source::Spanned<Setting<Duration>>>, default| match setting {
            Some(setting) => self.duration_setting(&setting.value).map_err(&problem),
            None => Ok(default),
        };
        let timeout = time(body.timeout.as_ref().or(defaults.timeout.as_ref()), default_timeout)?;
        let grace = time(body.grace.as_ref().or(defaults.grace.as_ref()), GRACE)?;
        let pass = defaults.pass.iter().map(|name| name.value.clone()).collect();
        Ok(Invocation { command, env, pass, directory, on, stdin, timeout, grace, changes })
    }

    /// The evidence a step asks for, rendered.
    pub(crate) fn evidence_wanted(&self, step: StepIndex) -> Vec<Result<EvidenceWanted, String>> {
        let scope = RunScope::new(self, self.now);
        let written = self.plan.step(step);
        let one = |attach: &Attach| match attach {
            Attach::File { file, tail } => {
                let path = file.value.render(&scope).map_err(|error| error.to_string())?;
                let mut invocation = self.surroundings_of(step).map_err(|problem| problem.message)?;
                if invocation.on.is_none() {
                    return Ok(EvidenceWanted::File { path, tail: *tail });
                }
                // A file of another host is what a program there prints of it.
                let what = match tail {
                    Some(lines) => ["-n".to_owned(), lines.to_string()],
                    None => ["-c".to_owned(), EVIDENCE_BYTES_MAX.to_string()],
                };
                let words = ["tail".to_owned()].into_iter().chain(what).chain(["--".to_owned(), path]);
                invocation.command = Command::Words(words.collect());
                Ok(EvidenceWanted::Run(Box::new(invocation)))
            }
            Attach::Run(line) => {
                let words = line.value.render(&scope).map_err(|error| error.to_string())?;
                let mut invocation = self.surroundings_of(step).map_err(|problem| problem.message)?;
                invocation.command = Command::Words(words);
                Ok(EvidenceWanted::Run(Box::new(invocation)))
            }
        };
        written.attach.iter().map(one).collect()
    }

    /// Where a step's evidence is collected: its directory and environment, a verify's timeout.
    fn surroundings_of(&self, step: StepIndex) -> Result<Invocation, Problem> {
        let scope = RunScope::new(self, self.now);
        let problem = |message: String| Problem { message, unknown: None };
        let defaults = &self.plan.document().defaults;
        let layers = [&defaults.surroundings, &self.plan.step(step).body.surroundings];
        let directory = match layers.iter().rev().find_map(|layer| layer.dir.as_ref()) {
            Some(dir) => Some(dir.value.render(&scope).map_err(|error| problem(error.to_string()))?),
            None => None,
        };
        let on = place(&layers, &scope).map_err(problem)?;
        let mut env: Vec<(String, EnvValue)> = Vec::new();
        for (name, template) in layers.iter().flat_map(|layer| &layer.env) {
            let value = with_secrets(&template.value, &scope).map_err(problem)?;
            env.retain(|(known, _)| known != name);
            env.push((name.clone(), value));
        }
        Ok(Invocation {
            command: Command::Words(Vec::new()),
            env,
            pass: defaults.pass.iter().map(|name| name.value.clone()).collect(),
            directory,
            on,
            stdin: Input::Closed,
            timeout: VERIFY_TIMEOUT,
            grace: GRACE,
            changes: false,
        })
    }
}

/// The host where something runs, as the innermost of these says; nothing for this one.
fn place(layers: &[&Surroundings], scope: &dyn Scope) -> Result<Option<String>, String> {
    let Some(on) = layers.iter().rev().find_map(|layer| layer.on.as_ref()) else { return Ok(None) };
    let host = on.value.render(scope).map_err(|error| format!("on: {error}"))?;
    Ok((host != "local").then_some(host))
}

/// Names of a run before it: what nothing knows yet reads `<server of active>`.
struct Forecast<'a>(RunScope<'a>);

impl Scope for Forecast<'_> {
    fn read(&self, path: &[String]) -> Result<Option<Value>, String> {
        if let Ok(Some(value)) = self.0.read(path) {
            return Ok(Some(value));
        }
        let name = match path {
            [root, id, outputs, rest @ ..] if root == "steps" && outputs == "outputs" && !rest.is_empty() => {
                format!("<{} of {id}>", rest.join("."))
            }
            [root, id, rest @ ..] if root == "steps" && !rest.is_empty() => format!("<{} of {id}>", rest.join(".")),
            _ => format!("<{}>", path.join(".")),
        };
        Ok(Some(Value::Text(name)))
    }

    fn in_hours(&self, at: Timestamp, name: &str) -> Result<bool, String> {
        self.0.in_hours(at, name)
    }
}

impl RunState {
    /// A text of this run before what it reads is known, for a person: all that is known is filled in, the rest reads
    /// `<server of active>`. One that cannot be rendered even so is given as written.
    #[must_use]
    pub fn forecast(&self, template: &Template) -> String {
        let scope = Forecast(RunScope::new(self, self.now));
        template.render(&scope).unwrap_or_else(|_| template.source().to_owned())
    }
}

/// Renders a template whose `{{ secrets.NAME }}` stay references: a secret is read only where the process starts.
pub(super) fn with_secrets(template: &Template, scope: &dyn Scope) -> Result<EnvValue, String> {
    let pieces = template.render_around(scope, "secrets").map_err(|error| error.to_string())?;
    let pieces = pieces.into_iter().map(|piece| match piece {
        Around::Text(text) => EnvPiece::Text(text),
        Around::Reference(path) => EnvPiece::Secret(path.get(1).cloned().unwrap_or_default()),
    });
    Ok(EnvValue(pieces.collect()))
}
