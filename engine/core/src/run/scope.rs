//! What expressions and templates see of a run.

use std::cell::RefCell;
use std::collections::BTreeMap;

use jiff::Timestamp;

use super::record::{Mode, Outcome, Settlement, SkipReason};
use super::state::RunState;
use super::step_state::StepState;
use crate::document::model::{ForEach, Kind};
use crate::expression::Scope;
use crate::source::Spanned;
use crate::value::Value;

/// The result of the attempt being judged, beside what the run knows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Result<'a> {
    pub(crate) exit_code: Option<i32>,
    /// Of a request: the status, 0 where nobody answered, and the headers. Its `stdout` is the body then.
    pub(crate) answered: Option<(u16, BTreeMap<String, String>)>,
    pub(crate) stdout: Stream<'a>,
    pub(crate) stderr: Stream<'a>,
    pub(crate) answer: Option<&'a str>,
    pub(crate) fields: BTreeMap<String, Value>,
    pub(crate) outputs: BTreeMap<String, Value>,
}

/// A stream as expressions see it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Stream<'a> {
    /// There is none: nothing ran.
    #[default]
    None,
    /// The whole text.
    Whole(&'a str),
    /// It was cut, or is not text.
    Cut(u64),
}

/// The names an expression of a step sees.
pub(crate) struct RunScope<'a> {
    pub(crate) state: &'a RunState,
    pub(crate) now: Timestamp,
    pub(crate) result: Option<Result<'a>>,
    /// The withheld step whose outputs were asked for: in a dry run nobody knows them.
    pub(crate) unknown_until: RefCell<Option<String>>,
    /// The name of the element of a loop whose title is wanted, before any element is looked at.
    any_item: Option<&'a str>,
}

type Found = std::result::Result<Option<Value>, String>;

impl<'a> RunScope<'a> {
    pub(crate) fn new(state: &'a RunState, now: Timestamp) -> Self {
        Self { state, now, result: None, unknown_until: RefCell::new(None), any_item: None }
    }

    /// For the title of a whole loop: its element reads `each host`.
    pub(crate) fn of_all_items(mut self, for_each: Option<&'a Spanned<ForEach>>) -> Self {
        self.any_item = for_each.map(|for_each| for_each.value.name.value.as_str());
        self
    }

    pub(crate) fn with(mut self, result: Result<'a>) -> Self {
        self.result = Some(result);
        self
    }

    /// Why a name is not there, for a message to a person: `disk_free was skipped`.
    pub(crate) fn explain(&self, path: &[String]) -> String {
        if let [root, id, ..] = path
            && root == "steps"
            && let Some((_, _, state)) = self.state.seen(id)
        {
            return match state.settled() {
                Some(settled) if settled.settlement == Settlement::Withheld => format!("not known before {id} runs"),
                Some(settled) => format!("{id} {}", was(settled.outcome)),
                None => format!("{id} has not run"),
            };
        }
        if let [root, name, ..] = path
            && root == "params"
            && let Some(until) = self.state.unknown_params.get(name)
        {
            return format!("not known before {until} runs");
        }
        format!("there is no {}", path.join("."))
    }

    fn step(&self, id: &str, rest: &[String]) -> Found {
        let Some((at, index, step)) = self.state.seen(id) else { return Ok(None) };
        let Some((member, rest)) = rest.split_first() else {
            return Ok(Some(whole_step(step)));
        };
        let settled = step.settled();
        let withheld = settled.is_some_and(|settled| settled.settlement == Settlement::Withheld);
        // A decide left open passes whatever comes; which branch it takes is not known.
        let open = matches!(member.as_str(), "branch" | "answer" | "outputs" | "reason");
        if withheld && (open || at.plan.step(index).kind.value != Kind::Decide) {
            *self.unknown_until.borrow_mut() = Some(id.to_owned());
            return Err(format!("cannot be known until {id}"));
        }
        let is = |outcome: Outcome| Value::Bool(settled.is_some_and(|settled| settled.outcome == outcome));
        let value = match member.as_str() {
            "passed" => Some(is(Outcome::Passed)),
            "failed" => Some(is(Outcome::Failed)),
            "skipped" => Some(is(Outcome::Skipped)),
            "unknown" => Some(is(Outcome::Unknown)),
            "outcome" => settled.map(|settled| Value::from(settled.outcome.word())),
            "reason" => settled.and_then(|settled| reason(settled.reason.as_deref(), settled.skipped.as_ref())),
            "outputs" => Some(Value::Map(step.outputs.clone())),
            "items" => at.items_value(index, step),
            "exit_code" => step.last.exit_code.map(|code| Value::Integer(i64::from(code))),
            "stdout" => match (&step.last.stdout, step.last.stdout_bytes) {
                (Some(text), _) => Some(Value::Text(text.clone())),
                (None, 0) => step.last.exit_code.map(|_| Value::from("")),
                (None, bytes) => return Err(cut(&format!("steps.{id}.stdout"), bytes)),
            },
            "stderr" => match (&step.last.stderr, step.last.stderr_bytes) {
                (Some(text), _) => Some(Value::Text(text.clone())),
                (None, 0) => step.last.exit_code.map(|_| Value::from("")),
                (None, bytes) => return Err(cut(&format!("steps.{id}.stderr"), bytes)),
            },
            "duration" => step.last.duration.map(Value::Duration),
            "started_at" => step.started_at.map(Value::Timestamp),
            "branch" => step.branch.as_ref().map(|branch| Value::Text(branch.to.join(", "))),
            "answer" => step.last.answer.clone().map(Value::Text),
            _ => None,
        };
        Ok(value.and_then(|value| descend(value, rest)))
    }

    /// In a dry run: what depends on a step that was not run.
    fn not_known(&self, until: &str) -> Found {
        *self.unknown_until.borrow_mut() = Some(until.to_owned());
        Err(format!("cannot be known until {until}"))
    }

    fn each(&self, rest: &[String]) -> Option<Value> {
        let (member, rest) = rest.split_first()?;
        if let Some(name) = self.any_item {
            return Some(Value::Text(format!("each {name}")));
        }
        let place = self.state.place.as_ref()?;
        if member == "index" {
            return Some(Value::Integer(i64::from(place.item)));
        }
        (*member == place.name).then(|| place.value.clone()).and_then(|value| descend(value, rest))
    }

    fn run(&self, rest: &[String]) -> Option<Value> {
        let state = self.state;
        let (member, rest) = rest.split_first()?;
        let value = match member.as_str() {
            "id" => Some(Value::from(state.id.as_str())),
            "runbook" => Some(Value::from(state.plan.document().name.value.as_str())),
            "started_at" => Some(Value::Timestamp(state.started_at)),
            "now" => Some(Value::Timestamp(self.now)),
            "operator" => Some(Value::from(state.operator.id.as_str())),
            "mode" => Some(Value::from(match state.mode {
                Mode::Real => "real",
                Mode::Dry { .. } => "dry",
                Mode::Drill => "drill",
            })),
            "failure" => state.failure().map(Value::Map),
            _ => None,
        };
        value.and_then(|value| descend(value, rest))
    }

    fn result(&self, name: &str, rest: &[String]) -> Found {
        let Some(result) = &self.result else { return Ok(None) };
        let stream = |name: &str, stream: Stream<'_>| match stream {
            Stream::None => Ok(None),
            Stream::Whole(text) => Ok(Some(Value::from(without_final_newlines(text)))),
            Stream::Cut(bytes) => Err(cut(name, bytes)),
        };
        let value = match name {
            "stdout" => stream("stdout", result.stdout)?,
            "stderr" => stream("stderr", result.stderr)?,
            "exit_code" => result.exit_code.map(|code| Value::Integer(i64::from(code))),
            "status" => result.answered.as_ref().map(|(status, _)| Value::Integer(i64::from(*status))),
            "headers" => result.answered.as_ref().map(|(_, headers)| {
                let headers = headers.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str())));
                Value::Map(headers.collect())
            }),
            "body" => match (&result.answered, result.stdout) {
                (Some(_), Stream::Whole(text)) => Some(Value::from(text)),
                (Some(_), body) => stream("body", body)?,
                (None, _) => None,
            },
            "json" => match stream(text_of(result), result.stdout)? {
                Some(Value::Text(text)) => {
                    let json = serde_json::from_str(&text)
                        .map_err(|error| format!("{} is no JSON: {error}", text_of(result)))?;
                    Some(Value::from_json(&json))
                }
                _ => None,
            },
            "answer" => result.answer.map(Value::from),
            "fields" => Some(Value::Map(result.fields.clone())),
            "outputs" => Some(Value::Map(result.outputs.clone())),
            _ => None,
        };
        Ok(value.and_then(|value| descend(value, rest)))
    }
}

impl Scope for RunScope<'_> {
    fn read(&self, path: &[String]) -> Found {
        let Some((root, rest)) = path.split_first() else { return Ok(None) };
        match (root.as_str(), rest) {
            ("params", []) => match self.state.unknown_params.values().next() {
                Some(until) => self.not_known(until),
                None => Ok(Some(Value::Map(self.state.params.clone()))),
            },
            ("params", [name, rest @ ..]) => {
                if let Some(until) = self.state.unknown_params.get(name) {
                    return self.not_known(until);
                }
                Ok(self.state.params.get(name).cloned().and_then(|value| descend(value, rest)))
            }
            ("steps", [id, rest @ ..]) => self.step(id, rest),
            ("each", rest) => Ok(self.each(rest)),
            ("run", rest) => Ok(self.run(rest)),
            ("alert", rest) => Ok(self.state.alert.clone().and_then(|value| descend(value, rest))),
            (name, rest) => self.result(name, rest),
        }
    }

    fn in_hours(&self, at: Timestamp, name: &str) -> std::result::Result<bool, String> {
        let hours = self.state.team.hours.get(name).ok_or_else(|| format!("the team file names no hours {name:?}"))?;
        hours.contain(at)
    }
}

/// What the text of a result is called.
fn text_of(result: &Result<'_>) -> &'static str {
    if result.answered.is_some() { "body" } else { "stdout" }
}

fn whole_step(step: &StepState) -> Value {
    let mut members = BTreeMap::from([("outputs".to_owned(), Value::Map(step.outputs.clone()))]);
    if let Some(settled) = step.settled() {
        members.insert("outcome".to_owned(), Value::from(settled.outcome.word()));
    }
    Value::Map(members)
}

fn was(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "has no such output",
        Outcome::Failed => "failed",
        Outcome::Skipped => "was skipped",
        Outcome::Unknown => "is unknown",
    }
}

fn reason(reason: Option<&str>, skipped: Option<&SkipReason>) -> Option<Value> {
    skipped.map(|why| Value::Text(why.to_string())).or_else(|| reason.map(Value::from))
}

fn cut(name: &str, bytes: u64) -> String {
    format!("{name} was not kept whole ({bytes} bytes), and nothing is judged by a part of it")
}

/// Walks from a value to the member of a member.
fn descend(value: Value, rest: &[String]) -> Option<Value> {
    let mut value = value;
    for name in rest {
        let Value::Map(mut members) = value else { return None };
        value = members.remove(name)?;
    }
    Some(value)
}

/// Output as expressions see it: its final newlines removed.
pub(crate) fn without_final_newlines(text: &str) -> &str {
    text.trim_end_matches(['\n', '\r'])
}
