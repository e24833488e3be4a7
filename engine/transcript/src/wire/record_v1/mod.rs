//! Version 1 of what an entry says: a [`Record`], and back.
//!
//! `d` is flat and its keys say their unit (`duration_ms`), so that an auditor reads it with `jq`. What is not there
//! is left out; a list or map that is empty too. Values of params and outputs stand as their JSON text in a string:
//! a replay gives back the same types, and no number with a fraction stands in an entry. Keys that name files in
//! `blobs/` are `blob`, `plan`, `source` and `team`. Keys this version does not know are passed over: the writer adds
//! some of its own to the seal.

mod calls;
pub mod error;
mod fields;
mod life;
mod people;
mod steps;
mod telling;
mod words;

use jiff::Timestamp;
use runbook_core::run::record::{Actor, Record};
use serde_json::{Map, Value as Json};

use self::error::{Problem, WireError};
use self::fields::{Fields, Reader};
use crate::entry::{Draft, Entry};

/// A record as an entry holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// The entry's kind: `step.settled`.
    pub kind: &'static str,
    /// The step, where it applies.
    pub step: Option<String>,
    /// Which attempt of it, where it applies.
    pub attempt: Option<u32>,
    /// What the kind says.
    pub d: Map<String, Json>,
}

type Read = fn(Reader<'_>) -> Result<Record, WireError>;

/// Every kind, and how it is read.
const KINDS: [(&str, Read); 48] = [
    (life::STARTED, life::read_started),
    (life::PHASE, life::read_phase),
    (life::SUSPENDED, life::read_suspended),
    (life::RESUMED, life::read_resumed),
    (life::CANCELLED, life::read_cancelled),
    (life::SEALED, life::read_sealed),
    (life::CLOCK_JUMPED, life::read_clock_jumped),
    (life::RECOVERED, life::read_recovered),
    (steps::PLANNED, steps::read_planned),
    (steps::ITEMS, steps::read_items),
    (steps::INTENT, steps::read_intent),
    (steps::SPAWNED, steps::read_spawned),
    (steps::RELEASED, steps::read_released),
    (steps::OUTPUT, steps::read_output),
    (steps::ENDED, steps::read_ended),
    (steps::RETRIED, steps::read_retried),
    (steps::SETTLED, steps::read_settled),
    (steps::TAKEN_OVER, steps::read_taken_over),
    (steps::SKIPPED, steps::read_skipped),
    (steps::UNDONE, steps::read_undone),
    (steps::ATTACHMENT, steps::read_attachment),
    (calls::GIVEN, calls::read_given),
    (calls::STARTED, calls::read_started),
    (calls::PHASE, calls::read_phase),
    (calls::CANCELLED, calls::read_cancelled),
    (calls::ENDED, calls::read_ended),
    (people::REQUESTED, people::read_requested),
    (people::GRANTED, people::read_granted),
    (people::DENIED, people::read_denied),
    (people::EXPIRED, people::read_expired),
    (people::VOID, people::read_void),
    (people::DECISION, people::read_decision),
    (people::QUESTION, people::read_question),
    (people::ANSWER, people::read_answer),
    (people::WITHDRAWN, people::read_withdrawn),
    (people::NOTE, people::read_note),
    (people::HANDOVER, people::read_handover),
    (people::CONFIRMED, people::read_confirmed),
    (people::DOUBT_OPENED, people::read_doubt_opened),
    (people::DOUBT_SETTLED, people::read_doubt_settled),
    (people::OVERRIDE, people::read_override),
    (people::REFUSED, people::read_refused),
    (telling::SENT, telling::read_sent),
    (telling::FAILED, telling::read_failed),
    (telling::WAITING, telling::read_waiting),
    (telling::WIDENED, telling::read_widened),
    (telling::ACKNOWLEDGED, telling::read_acknowledged),
    (telling::TIMED_OUT, telling::read_timed_out),
];

/// Every kind a record has, in no order that means something.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|(kind, _)| *kind)
}

/// The record of an entry.
///
/// # Errors
/// As [`decode`].
pub fn record(entry: &Entry) -> Result<Record, WireError> {
    decode(&entry.kind, entry.step.as_deref(), entry.attempt, &entry.d)
}

/// A record as an entry that has no place in a transcript yet. `bt` is milliseconds since boot.
#[must_use]
pub fn draft(record: &Record, actor: Actor, ts: Timestamp, bt: u64) -> Draft {
    let Encoded { kind, step, attempt, d } = encode(record);
    Draft { ts, bt, actor, kind: kind.to_owned(), step, attempt, d }
}

/// Reads the record of an entry's kind, step, attempt and `d`.
///
/// # Errors
/// [`WireError`] when no record has the kind, or a key is missing or holds something else than it should.
pub fn decode(
    kind: &str,
    step: Option<&str>,
    attempt: Option<u32>,
    d: &Map<String, Json>,
) -> Result<Record, WireError> {
    let Some((_, read)) = KINDS.iter().find(|(name, _)| *name == kind) else {
        return Err(WireError { kind: kind.to_owned(), problem: Problem::UnknownKind });
    };
    read(Reader { kind, step, attempt, d })
}

/// Writes a record as an entry holds it. Times and durations are cut to whole milliseconds.
#[must_use]
pub fn encode(record: &Record) -> Encoded {
    fields(record).done()
}

#[expect(clippy::too_many_lines, reason = "one arm a kind; what needs more than its keys stands in its module")]
fn fields(record: &Record) -> Fields {
    match record {
        Record::RunStarted(run) => life::started(run),
        Record::StepItems { step, items, approval } => steps::items(step, items, *approval),
        Record::CallGiven { key, runbook, params, unknown } => calls::given(key, runbook, params, unknown),
        Record::CallStarted { key, lock, deadline } => Fields::of_attempt(calls::STARTED, key)
            .text_if_any("lock", lock.as_ref())
            .time_if_any("deadline", *deadline),
        Record::CallPhase { key, phase, cause } => calls::phase(key, *phase, cause.as_ref()),
        Record::CallCancelled { key, reason } => Fields::of_attempt(calls::CANCELLED, key).text("reason", reason),
        Record::CallEnded { key, outcome, reason, open } => Fields::of_attempt(calls::ENDED, key)
            .word("outcome", words::RUN_OUTCOMES, *outcome)
            .text("reason", reason)
            .list("open", open),
        Record::StepPlanned { key, plan, shown } => {
            Fields::of_attempt(steps::PLANNED, key).text("plan", plan).text("shown", shown)
        }
        Record::ApprovalRequested { request, key, plan, deadline } => Fields::of_attempt(people::REQUESTED, key)
            .number("request", *request)
            .text("plan", plan)
            .time_if_any("deadline", *deadline),
        Record::ApprovalGranted { request, key, plan, reason } => Fields::of_attempt(people::GRANTED, key)
            .number("request", *request)
            .text("plan", plan)
            .text_if_any("reason", reason.as_ref()),
        Record::ApprovalDenied { request, key, reason } => {
            Fields::of_attempt(people::DENIED, key).number("request", *request).text("reason", reason)
        }
        Record::ApprovalExpired { request, key } => {
            Fields::of_attempt(people::EXPIRED, key).number("request", *request)
        }
        Record::ApprovalVoid { request, key, why } => {
            Fields::of_attempt(people::VOID, key).number("request", *request).text("why", why)
        }
        Record::StepIntent { key, plan, until } => {
            Fields::of_attempt(steps::INTENT, key).text_if_any("plan", plan.as_ref()).time_if_any("until", *until)
        }
        Record::StepSpawned { key, pid, start_time } => {
            Fields::of_attempt(steps::SPAWNED, key).number("pid", *pid).number("start_time", *start_time)
        }
        Record::StepReleased { key } => Fields::of_attempt(steps::RELEASED, key),
        Record::StepOutput { key, stream, output } => steps::output(key, *stream, output),
        Record::AttemptEnded { key, end, duration, outcome, reason, outputs, survivors } => {
            steps::put_end(Fields::of_attempt(steps::ENDED, key), end.as_ref())
                .milliseconds("duration_ms", *duration)
                .word("outcome", words::OUTCOMES, *outcome)
                .text_if_any("reason", reason.as_ref())
                .values("outputs", outputs)
                .list("survivors", survivors)
        }
        Record::RetryScheduled { key, at } => Fields::of_attempt(steps::RETRIED, key).time("at", *at),
        Record::StepSettled { step, outcome, settlement, reason, outputs, attempts } => {
            Fields::of_step(steps::SETTLED, step)
                .word("outcome", words::OUTCOMES, *outcome)
                .word("settlement", words::SETTLEMENTS, *settlement)
                .text_if_any("reason", reason.as_ref())
                .values("outputs", outputs)
                .number("attempts", *attempts)
        }
        Record::StepTakenOver { step, run, n, was } => steps::taken_over(step, run, *n, was),
        Record::StepSkipped { step, why } => steps::skipped(step, why),
        Record::StepUndone { step, outcome, reason } => Fields::of_step(steps::UNDONE, step)
            .word("outcome", words::OUTCOMES, *outcome)
            .text_if_any("reason", reason.as_ref()),
        Record::Decision { step, branch, expression, read, because } => {
            people::decision(step, branch, expression, read, because.as_ref())
        }
        Record::Question { request, step, question, text, collect, to, deadline } => {
            let fields = Fields::of_step_or_run(people::QUESTION, step.as_ref()).number("request", *request);
            people::put_question(fields, question)
                .text("text", text)
                .list("collect", collect)
                .list("to", to)
                .time_if_any("deadline", *deadline)
        }
        Record::Answer { request, step, answer, fields, behalf, reason } => {
            let entry = Fields::of_step_or_run(people::ANSWER, step.as_ref()).number("request", *request);
            people::put_answer(entry, answer)
                .values("fields", fields)
                .text_if_any("behalf", behalf.as_ref())
                .text_if_any("reason", reason.as_ref())
        }
        Record::QuestionWithdrawn { request, step, timed_out } => {
            Fields::of_step_or_run(people::WITHDRAWN, step.as_ref())
                .number("request", *request)
                .flag("timed_out", *timed_out)
        }
        Record::EscalationSent { step, to, person, channel, message, answer } => Fields::of_step(telling::SENT, step)
            .text("to", to)
            .text_if_any("person", person.as_ref())
            .text("channel", channel)
            .text("message", message)
            .text("answer", answer),
        Record::EscalationFailed { step, to, person, channel, error } => Fields::of_step(telling::FAILED, step)
            .text("to", to)
            .text_if_any("person", person.as_ref())
            .text("channel", channel)
            .text("error", error),
        Record::EscalationWaiting { request, step, deadline, from, all, told } => {
            let fields = Fields::of_step(telling::WAITING, step)
                .number("request", *request)
                .time_if_any("deadline", *deadline)
                .list("from", from)
                .flag("all", *all);
            if *told { fields } else { fields.flag("told", false) }
        }
        Record::EscalationWidened { step, to } => Fields::of_step(telling::WIDENED, step).list("to", to),
        Record::EscalationAcknowledged { step, by } => Fields::of_step(telling::ACKNOWLEDGED, step).text("by", by),
        Record::EscalationTimedOut { step } => Fields::of_step(telling::TIMED_OUT, step),
        Record::Attachment { step, name, output, note } => {
            steps::attachment(step, name, output.as_ref(), note.as_ref())
        }
        Record::Note { step, text } => Fields::of_step_or_run(people::NOTE, step.as_ref()).text("text", text),
        Record::Handover { step, to } => Fields::of_step_or_run(people::HANDOVER, step.as_ref()).list("to", to),
        Record::HandoverConfirmed { to } => Fields::of_run(people::CONFIRMED).text("to", to),
        Record::DoubtOpened { key, why } => Fields::of_attempt(people::DOUBT_OPENED, key).text("why", why),
        Record::DoubtSettled { key, word, by, reason, outputs } => Fields::of_attempt(people::DOUBT_SETTLED, key)
            .word("word", words::SETTLE_WORDS, *word)
            .text("by", by)
            .text_if_any("reason", reason.as_ref())
            .values("outputs", outputs),
        Record::Override { step, word, reason, outputs } => Fields::of_step(people::OVERRIDE, step)
            .word("word", words::SETTLE_WORDS, *word)
            .text("reason", reason)
            .values("outputs", outputs),
        Record::ClockJumped { by_ms } => Fields::of_run(life::CLOCK_JUMPED).number("by_ms", *by_ms),
        Record::Recovered { bytes } => Fields::of_run(life::RECOVERED).number("bytes", *bytes),
        Record::PhaseEntered { phase, cause } => life::phase(*phase, cause.as_ref()),
        Record::RunSuspended { waits_for } => Fields::of_run(life::SUSPENDED).list("waits_for", waits_for),
        Record::RunResumed { host, boot_id, version, attended } => Fields::of_run(life::RESUMED)
            .text("host", host)
            .text("boot_id", boot_id)
            .text("version", version)
            .flag("attended", *attended),
        Record::RunCancelled { reason } => Fields::of_run(life::CANCELLED).text("reason", reason),
        Record::Refused { verb, step, why, repeats } => {
            let fields = Fields::of_step_or_run(people::REFUSED, step.as_ref()).text("verb", verb).text("why", why);
            if *repeats { fields.flag("repeats", true) } else { fields }
        }
        Record::RunSealed { outcome, reason, open } => Fields::of_run(life::SEALED)
            .word("outcome", words::RUN_OUTCOMES, *outcome)
            .text("reason", reason)
            .list("open", open),
    }
}
