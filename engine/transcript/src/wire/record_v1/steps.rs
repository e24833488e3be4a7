//! Entries about the work of steps: from the plan of an attempt to how the step settled.

use runbook_core::run::record::{AttemptKey, End, Output, Record, SkipReason, StartFailure, Stream, TakenOver};
use runbook_core::value::Value;

use super::error::WireError;
use super::fields::{Fields, Reader, value_of, value_text};
use super::{calls, people, words};

pub(super) const PLANNED: &str = "step.planned";
pub(super) const ITEMS: &str = "step.items";
pub(super) const INTENT: &str = "step.intent";
pub(super) const SPAWNED: &str = "step.spawned";
pub(super) const RELEASED: &str = "step.released";
pub(super) const OUTPUT: &str = "step.output";
pub(super) const ENDED: &str = "step.ended";
pub(super) const RETRIED: &str = "step.retried";
pub(super) const SETTLED: &str = "step.settled";
pub(super) const TAKEN_OVER: &str = "step.taken_over";
pub(super) const SKIPPED: &str = "step.skipped";
pub(super) const UNDONE: &str = "step.undone";
pub(super) const ATTACHMENT: &str = "attachment";

pub(super) fn read_planned(entry: Reader<'_>) -> Result<Record, WireError> {
    Ok(Record::StepPlanned { key: entry.attempt_key()?, plan: entry.text("plan")?, shown: entry.text("shown")? })
}

pub(super) fn items(step: &str, items: &[Value], approval: bool) -> Fields {
    let fields = Fields::of_step(ITEMS, step).value_list("items", items);
    if approval { fields.flag("approval", true) } else { fields }
}

pub(super) fn read_items(entry: Reader<'_>) -> Result<Record, WireError> {
    Ok(Record::StepItems {
        step: entry.step()?,
        items: entry.value_list("items")?,
        approval: entry.flag_if_any("approval")?.unwrap_or(false),
    })
}

pub(super) fn read_intent(entry: Reader<'_>) -> Result<Record, WireError> {
    Ok(Record::StepIntent {
        key: entry.attempt_key()?,
        plan: entry.text_if_any("plan")?,
        until: entry.time_if_any("until")?,
    })
}

pub(super) fn read_spawned(entry: Reader<'_>) -> Result<Record, WireError> {
    Ok(Record::StepSpawned {
        key: entry.attempt_key()?,
        pid: entry.number("pid")?,
        start_time: entry.number("start_time")?,
    })
}

pub(super) fn read_released(entry: Reader<'_>) -> Result<Record, WireError> {
    Ok(Record::StepReleased { key: entry.attempt_key()? })
}

pub(super) fn output(key: &AttemptKey, stream: Stream, output: &Output) -> Fields {
    put_output(Fields::of_attempt(OUTPUT, key).word("stream", words::STREAMS, stream), output)
}

pub(super) fn read_output(entry: Reader<'_>) -> Result<Record, WireError> {
    Ok(Record::StepOutput {
        key: entry.attempt_key()?,
        stream: entry.word("stream", words::STREAMS, "stdout or stderr")?,
        output: output_of(entry)?,
    })
}

fn put_output(fields: Fields, output: &Output) -> Fields {
    let fields = fields.number("bytes", output.bytes).number("kept", output.kept);
    let fields = fields.text_if_any("blob", output.blob.as_ref());
    let fields = if output.head.is_empty() { fields } else { fields.text("head", &output.head) };
    if output.tail.is_empty() { fields } else { fields.text("tail", &output.tail) }
}

fn output_of(entry: Reader<'_>) -> Result<Output, WireError> {
    Ok(Output {
        bytes: entry.number("bytes")?,
        kept: entry.number("kept")?,
        blob: entry.text_if_any("blob")?,
        head: entry.text_if_any("head")?.unwrap_or_default(),
        tail: entry.text_if_any("tail")?.unwrap_or_default(),
    })
}

pub(super) fn put_end(fields: Fields, end: Option<&End>) -> Fields {
    match end {
        None => fields,
        Some(End::Exited(code)) => fields.text("end", "exited").number("exit_code", *code),
        Some(End::Signalled(signal)) => fields.text("end", "signalled").number("signal", *signal),
        Some(End::TimedOut) => fields.text("end", "timed_out"),
        Some(End::Stopped) => fields.text("end", "stopped"),
        Some(End::NotStarted(failure)) => fields
            .text("end", "not_started")
            .word("cause", words::START_FAILURES, failure.kind)
            .text("message", &failure.message),
        Some(End::Answered { status, headers }) => {
            let headers = headers.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
            fields.text("end", "answered").number("status", *status).values("headers", &headers)
        }
        Some(End::NoAnswer(message)) => fields.text("end", "no_answer").text("message", message),
        Some(End::Wrote) => fields.text("end", "wrote"),
        Some(End::Lost(message)) => fields.text("end", "lost").text("message", message),
    }
}

fn end_of(entry: Reader<'_>) -> Result<Option<End>, WireError> {
    let Some(word) = entry.str_if_any("end")? else { return Ok(None) };
    Ok(Some(match word {
        "exited" => End::Exited(entry.number("exit_code")?),
        "signalled" => End::Signalled(entry.number("signal")?),
        "timed_out" => End::TimedOut,
        "stopped" => End::Stopped,
        "not_started" => End::NotStarted(StartFailure {
            kind: entry.word("cause", words::START_FAILURES, "a reason for not starting")?,
            message: entry.text("message")?,
        }),
        "lost" => End::Lost(entry.text("message")?),
        "answered" => {
            let headers = entry.values("headers")?.into_iter().map(|(name, value)| (name, value.to_string())).collect();
            End::Answered { status: entry.number("status")?, headers }
        }
        "no_answer" => End::NoAnswer(entry.text("message")?),
        "wrote" => End::Wrote,
        _ => {
            let words = "exited, signalled, timed_out, stopped, not_started, answered, no_answer, wrote or lost";
            return Err(entry.wrong("end", words));
        }
    }))
}

pub(super) fn read_ended(entry: Reader<'_>) -> Result<Record, WireError> {
    Ok(Record::AttemptEnded {
        key: entry.attempt_key()?,
        end: end_of(entry)?,
        duration: entry.milliseconds("duration_ms")?,
        outcome: entry.word("outcome", words::OUTCOMES, words::OUTCOME)?,
        reason: entry.text_if_any("reason")?,
        outputs: entry.values("outputs")?,
        survivors: entry.list("survivors")?,
    })
}

pub(super) fn read_retried(entry: Reader<'_>) -> Result<Record, WireError> {
    Ok(Record::RetryScheduled { key: entry.attempt_key()?, at: entry.time("at")? })
}

pub(super) fn read_settled(entry: Reader<'_>) -> Result<Record, WireError> {
    Ok(Record::StepSettled {
        step: entry.step()?,
        outcome: entry.word("outcome", words::OUTCOMES, words::OUTCOME)?,
        settlement: entry.word("settlement", words::SETTLEMENTS, "a word for how a step settles")?,
        reason: entry.text_if_any("reason")?,
        outputs: entry.values("outputs")?,
        attempts: entry.number("attempts")?,
    })
}

pub(super) fn taken_over(step: &str, run: &str, n: u64, was: &TakenOver) -> Fields {
    let fields = Fields::of_step(TAKEN_OVER, step)
        .text("run", run)
        .number("n", n)
        .word("outcome", words::OUTCOMES, was.outcome)
        .word("settlement", words::SETTLEMENTS, was.settlement)
        .text_if_any("reason", was.reason.as_ref())
        .values("outputs", &was.outputs)
        .number("attempts", was.attempts)
        .flag("acted", was.acted)
        .time_if_any("started_at", was.started_at)
        .text_if_any("answer", was.answer.as_ref())
        .values("fields", &was.fields);
    let fields = match was.duration {
        Some(duration) => fields.milliseconds("duration_ms", duration),
        None => fields,
    };
    let fields = match was.exit_code {
        Some(code) => fields.number("exit_code", code),
        None => fields,
    };
    let fields = match &was.items {
        Some(items) => fields.flag("loop", true).value_list("items", items),
        None => fields,
    };
    let fields = match &was.item {
        Some(item) => fields.text("item", &value_text(item)),
        None => fields,
    };
    let fields = calls::put_given(fields, "given", was.given.as_ref());
    let fields = calls::put_given(fields, "around", was.around.as_ref());
    match &was.branch {
        Some(branch) => people::put_branch(fields, branch),
        None => fields,
    }
}

pub(super) fn read_taken_over(entry: Reader<'_>) -> Result<Record, WireError> {
    let was = TakenOver {
        outcome: entry.word("outcome", words::OUTCOMES, words::OUTCOME)?,
        settlement: entry.word("settlement", words::SETTLEMENTS, "a word for how a step settles")?,
        reason: entry.text_if_any("reason")?,
        outputs: entry.values("outputs")?,
        attempts: entry.number("attempts")?,
        acted: entry.flag("acted")?,
        started_at: entry.time_if_any("started_at")?,
        duration: entry.has("duration_ms").then(|| entry.milliseconds("duration_ms")).transpose()?,
        exit_code: entry.has("exit_code").then(|| entry.number("exit_code")).transpose()?,
        answer: entry.text_if_any("answer")?,
        fields: entry.values("fields")?,
        branch: entry.has("branch").then(|| people::branch_of(entry)).transpose()?,
        items: entry.flag_if_any("loop")?.map(|_| entry.value_list("items")).transpose()?,
        item: entry
            .str_if_any("item")?
            .map(|text| value_of(text).ok_or_else(|| entry.wrong("item", "a JSON text")))
            .transpose()?,
        given: calls::given_of(entry, "given")?,
        around: calls::given_of(entry, "around")?,
    };
    Ok(Record::StepTakenOver {
        step: entry.step()?,
        run: entry.text("run")?,
        n: entry.number("n")?,
        was: Box::new(was),
    })
}

pub(super) fn skipped(step: &str, why: &SkipReason) -> Fields {
    let fields = Fields::of_step(SKIPPED, step);
    match why {
        SkipReason::When => fields.text("why", "when"),
        SkipReason::NotReached => fields.text("why", "not_reached"),
        SkipReason::Blocked(by) => fields.text("why", "blocked").text("by", by),
        SkipReason::Cancelled => fields.text("why", "cancelled"),
        SkipReason::Ended => fields.text("why", "ended"),
    }
}

pub(super) fn read_skipped(entry: Reader<'_>) -> Result<Record, WireError> {
    let why = match entry.text("why")?.as_str() {
        "when" => SkipReason::When,
        "not_reached" => SkipReason::NotReached,
        "blocked" => SkipReason::Blocked(entry.text("by")?),
        "cancelled" => SkipReason::Cancelled,
        "ended" => SkipReason::Ended,
        _ => return Err(entry.wrong("why", "when, not_reached, blocked, cancelled or ended")),
    };
    Ok(Record::StepSkipped { step: entry.step()?, why })
}

pub(super) fn read_undone(entry: Reader<'_>) -> Result<Record, WireError> {
    Ok(Record::StepUndone {
        step: entry.step()?,
        outcome: entry.word("outcome", words::OUTCOMES, words::OUTCOME)?,
        reason: entry.text_if_any("reason")?,
    })
}

pub(super) fn attachment(step: &str, name: &str, output: Option<&Output>, note: Option<&String>) -> Fields {
    let fields = Fields::of_step(ATTACHMENT, step).text("name", name).text_if_any("note", note);
    match output {
        Some(output) => put_output(fields, output),
        None => fields,
    }
}

pub(super) fn read_attachment(entry: Reader<'_>) -> Result<Record, WireError> {
    // `bytes` is there wherever something was had, and nowhere else.
    let output = if entry.d.contains_key("bytes") { Some(output_of(entry)?) } else { None };
    Ok(Record::Attachment { step: entry.step()?, name: entry.text("name")?, output, note: entry.text_if_any("note")? })
}
