//! How a result is judged: by `outputs`, `unclear` and `expect`.

use std::collections::BTreeMap;

use super::event::Ending;
use super::record::{AttemptKey, End, Outcome, Part, StartFailureKind};
use super::scope::{self, RunScope};
use super::state::RunState;
use crate::document::model::Kind;
use crate::graph::StepIndex;
use crate::value::Value;

/// How an attempt came out, why not passed, and its outputs.
pub(crate) type Told = (Outcome, Option<String>, BTreeMap<String, Value>);

impl RunState {
    pub(crate) fn judge_ending(&self, step: StepIndex, key: &AttemptKey, ending: &Ending) -> Told {
        let is_act = self.plan.step(step).kind.value == Kind::Act && matches!(key.part, Part::Main | Part::Undo);
        let by = ending.rung.as_ref().map(|rung| format!(" (ended by {rung})")).unwrap_or_default();
        let no_code = |reason: String| {
            let outcome = if is_act { Outcome::Unknown } else { Outcome::Failed };
            (outcome, Some(reason), BTreeMap::new())
        };
        let code = match &ending.end {
            End::Exited(code) => *code,
            End::Answered { .. } => return self.judge_answer(step, key, ending, None),
            End::NoAnswer(why) if is_act => return no_code(why.clone()),
            End::NoAnswer(why) => return self.judge_answer(step, key, ending, Some(why)),
            End::Wrote => {
                return self.judge(step, key.part, scope::Result::default(), true).told();
            }
            End::Signalled(signal) => return no_code(format!("ended by signal {signal}")),
            End::TimedOut => return no_code(format!("ran out of time{by}")),
            End::Stopped => return no_code(format!("was ended{by}")),
            End::Lost(why) => return no_code(why.clone()),
            End::NotStarted(failure) => {
                let looks = !is_act && failure.kind != StartFailureKind::Rendering;
                let outcome = if looks { Outcome::Unknown } else { Outcome::Failed };
                return (outcome, Some(failure.message.clone()), BTreeMap::new());
            }
        };
        if !is_act && (code == 126 || code == 127) {
            let what = if code == 126 { "something could not be executed" } else { "something was not found" };
            return (Outcome::Unknown, Some(format!("could not look: exit code {code}, {what}")), BTreeMap::new());
        }
        let result = scope::Result {
            exit_code: Some(code),
            stdout: as_stream(ending.stdout_text.as_deref(), ending.stdout.bytes),
            stderr: as_stream(ending.stderr_text.as_deref(), ending.stderr.bytes),
            ..scope::Result::default()
        };
        self.judge(step, key.part, result, code == 0).told()
    }

    /// Judges an answer, or that there is none, which has the status 0.
    fn judge_answer(&self, step: StepIndex, key: &AttemptKey, ending: &Ending, no_answer: Option<&String>) -> Told {
        let answered = ending.end.answered();
        let status = answered.as_ref().map_or(0, |(status, _)| *status);
        let result = scope::Result {
            answered,
            stdout: as_stream(ending.stdout_text.as_deref(), ending.stdout.bytes),
            ..scope::Result::default()
        };
        let (outcome, reason, outputs) = self.judge(step, key.part, result, (200..300).contains(&status)).told();
        let reason = match (reason, no_answer) {
            (Some(reason), Some(why)) if outcome != Outcome::Passed && reason != status_words(0) => {
                Some(format!("{reason}: {why}"))
            }
            (Some(_), Some(why)) => Some(why.clone()),
            (reason, _) => reason,
        };
        (outcome, reason, outputs)
    }

    /// Judges a result by `outputs`, `unclear` and `expect`, in this order.
    pub(crate) fn judge(&self, step: StepIndex, part: Part, result: scope::Result<'_>, good: bool) -> Judged {
        let Some(body) = self.body(step, part) else {
            return Judged::So { outcome: Outcome::Failed, reason: None, outputs: BTreeMap::new() };
        };
        let is_act = self.plan.step(step).kind.value == Kind::Act && matches!(part, Part::Main | Part::Undo);
        let cannot = if is_act { Outcome::Failed } else { Outcome::Unknown };
        let code_words = match (result.exit_code, &result.answered) {
            (Some(code), _) => Some(format!("exit code {code}")),
            (None, Some((status, _))) => Some(status_words(*status)),
            (None, None) => None,
        };
        let reads_code = body.expect.as_ref().is_some_and(|expect| {
            expect
                .value
                .reads()
                .iter()
                .any(|read| matches!(read.path.first().map(String::as_str), Some("exit_code" | "status")))
        });
        let judged_by_expect = good || reads_code;
        let fields = result.fields.clone();
        let mut scope = RunScope::new(self, self.now).with(result);
        let mut outputs = fields;
        for output in &body.outputs {
            match output.value.value.evaluate(&scope) {
                Ok(value) => {
                    outputs.insert(output.name.value.to_string(), value.clone());
                    if let Some(result) = scope.result.as_mut() {
                        result.outputs.insert(output.name.value.to_string(), value);
                    }
                }
                Err(_) if scope.unknown_until.borrow().is_some() => return unknowable(&scope),
                // What failed may have printed nothing: its outputs are computed as far as they can be.
                Err(_) if !judged_by_expect => {}
                Err(error) => {
                    let reason = Some(format!("output {} could not be computed: {error}", output.name.value));
                    return Judged::So { outcome: cannot, reason, outputs };
                }
            }
        }
        if let Some(unclear) = &body.unclear {
            match unclear.value.evaluate_bool(&scope) {
                Ok(false) => {}
                Ok(true) => {
                    let reason = Some(format!("could not look: {}", unclear.value.source()));
                    return Judged::So { outcome: Outcome::Unknown, reason, outputs };
                }
                Err(_) if scope.unknown_until.borrow().is_some() => return unknowable(&scope),
                Err(error) => {
                    let reason = Some(format!("could not judge: {error}"));
                    return Judged::So { outcome: Outcome::Unknown, reason, outputs };
                }
            }
        }
        if !judged_by_expect {
            return Judged::So { outcome: Outcome::Failed, reason: code_words, outputs };
        }
        let Some(expect) = &body.expect else {
            return Judged::So { outcome: Outcome::Passed, reason: None, outputs };
        };
        match expect.value.evaluate_bool(&scope) {
            Ok(true) => Judged::So { outcome: Outcome::Passed, reason: None, outputs },
            Ok(false) => {
                let read = self.values_read(&scope, expect.value.reads());
                let reason = Some(format!("expected {}{}", expect.value.source(), with_values(&read)));
                Judged::So { outcome: Outcome::Failed, reason, outputs }
            }
            Err(_) if scope.unknown_until.borrow().is_some() => unknowable(&scope),
            Err(error) => {
                let reason = Some(format!("could not judge: {error}"));
                Judged::So { outcome: cannot, reason, outputs }
            }
        }
    }

    /// The values an expression read, for a reason or a decision.
    #[expect(clippy::unused_self, reason = "it is asked of the run like all that judges")]
    pub(crate) fn values_read(&self, scope: &RunScope<'_>, reads: &[crate::expression::Read]) -> Vec<(String, String)> {
        use crate::expression::Scope;
        let mut values: Vec<(String, String)> = Vec::new();
        for read in reads {
            let name = read.path.join(".");
            if values.iter().any(|(known, _)| *known == name) {
                continue;
            }
            let value = match scope.read(&read.path) {
                Ok(Some(value)) => shorten(&value.to_string()),
                Ok(None) => "(none)".to_owned(),
                Err(why) => format!("({why})"),
            };
            values.push((name, value));
        }
        values
    }
}

/// How a result is judged.
pub(crate) enum Judged {
    /// So.
    So {
        /// The outcome.
        outcome: Outcome,
        /// Why not passed.
        reason: Option<String>,
        /// Outputs as far as they could be computed.
        outputs: BTreeMap<String, Value>,
    },
    /// In a dry run: not before this step runs.
    Unknowable(String),
}

impl Judged {
    pub(crate) fn told(self) -> Told {
        match self {
            Self::So { outcome, reason, outputs } => (outcome, reason, outputs),
            Self::Unknowable(until) => {
                (Outcome::Unknown, Some(format!("cannot be known until {until}")), BTreeMap::new())
            }
        }
    }
}

fn status_words(status: u16) -> String {
    format!("status {status}")
}

fn unknowable(scope: &RunScope<'_>) -> Judged {
    Judged::Unknowable(scope.unknown_until.borrow().clone().unwrap_or_default())
}

pub(crate) fn as_stream(text: Option<&str>, bytes: u64) -> scope::Stream<'_> {
    match (text, bytes) {
        (Some(text), _) => scope::Stream::Whole(text),
        (None, 0) => scope::Stream::Whole(""),
        (None, bytes) => scope::Stream::Cut(bytes),
    }
}

fn with_values(read: &[(String, String)]) -> String {
    if read.is_empty() {
        return String::new();
    }
    let values: Vec<String> = read.iter().map(|(name, value)| format!("{name} is {value:?}")).collect();
    format!("; {}", values.join(", "))
}

/// Longest value in a reason or a decision, in characters: it stands in a terminal line.
const VALUE_CHARS_MAX: usize = 200;

fn shorten(text: &str) -> String {
    match text.char_indices().nth(VALUE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
