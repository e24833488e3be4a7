//! Entries about escalations: who was told, and who answered.

use runbook_core::run::record::Record;

use super::error::WireError;
use super::fields::Reader;

pub(super) const SENT: &str = "escalation.sent";
pub(super) const FAILED: &str = "escalation.failed";
pub(super) const WAITING: &str = "escalation.waiting";
pub(super) const WIDENED: &str = "escalation.widened";
pub(super) const ACKNOWLEDGED: &str = "escalation.acknowledged";
pub(super) const TIMED_OUT: &str = "escalation.timed_out";

pub(super) fn read_sent(entry: Reader<'_>) -> Result<Record, WireError> {
    Ok(Record::EscalationSent {
        step: entry.step()?,
        to: entry.text("to")?,
        person: entry.text_if_any("person")?,
        channel: entry.text("channel")?,
        message: entry.text("message")?,
        answer: entry.text("answer")?,
    })
}

pub(super) fn read_failed(entry: Reader<'_>) -> Result<Record, WireError> {
    Ok(Record::EscalationFailed {
        step: entry.step()?,
        to: entry.text("to")?,
        person: entry.text_if_any("person")?,
        channel: entry.text("channel")?,
        error: entry.text("error")?,
    })
}

pub(super) fn read_waiting(entry: Reader<'_>) -> Result<Record, WireError> {
    Ok(Record::EscalationWaiting {
        request: entry.number("request")?,
        step: entry.step()?,
        deadline: entry.time_if_any("deadline")?,
        from: entry.list("from")?,
        all: entry.flag("all")?,
        told: entry.flag_if_any("told")?.unwrap_or(true),
    })
}

pub(super) fn read_widened(entry: Reader<'_>) -> Result<Record, WireError> {
    Ok(Record::EscalationWidened { step: entry.step()?, to: entry.list("to")? })
}

pub(super) fn read_acknowledged(entry: Reader<'_>) -> Result<Record, WireError> {
    Ok(Record::EscalationAcknowledged { step: entry.step()?, by: entry.text("by")? })
}

pub(super) fn read_timed_out(entry: Reader<'_>) -> Result<Record, WireError> {
    Ok(Record::EscalationTimedOut { step: entry.step()? })
}
