//! The `pagerduty` channel: the Events API, version 2.

use runbook_core::document::model::Severity;
use serde_json::json;

use super::Message;

/// Where events go unless the team file says otherwise.
pub(super) const ENDPOINT: &str = "https://events.pagerduty.com/v2/enqueue";
/// Characters `PagerDuty` takes for a summary.
const SUMMARY_CHARS_MAX: usize = 1024;
/// Characters `PagerDuty` takes for a key.
const KEY_CHARS_MAX: usize = 255;

/// What is posted: that something happened, or that it is over. What is told of one step of one run again, by a retry or to the rest of a team, is one incident.
pub(super) fn body(message: &Message, addressee: &str, routing_key: &str, source: &str) -> Vec<u8> {
    if message.is_over {
        let event = json!({
            "routing_key": routing_key,
            "event_action": "resolve",
            "dedup_key": dedup_key(message),
        });
        return event.to_string().into_bytes();
    }
    let severity = match message.severity {
        _ if message.is_test => "info",
        Some(Severity::Critical) | None => "critical",
        Some(Severity::High) => "error",
        Some(Severity::Medium) => "warning",
        Some(Severity::Low) => "info",
    };
    json!({
        "routing_key": routing_key,
        "event_action": "trigger",
        "dedup_key": dedup_key(message),
        "client": "runbook",
        "payload": {
            "summary": message.subject.chars().take(SUMMARY_CHARS_MAX).collect::<String>(),
            "source": source,
            "severity": severity,
            "component": message.runbook,
            "custom_details": {
                "message": message.text,
                "run": message.run,
                "step": message.step,
                "to": addressee,
            },
        },
    })
    .to_string()
    .into_bytes()
}

/// The key of the incident: the run and the step.
pub(super) fn dedup_key(message: &Message) -> String {
    let key = match &message.step {
        Some(step) => format!("{}/{step}", message.run),
        None => message.run.clone(),
    };
    // Of one that is too long its end tells more: the step.
    let over = key.chars().count().saturating_sub(KEY_CHARS_MAX);
    key.chars().skip(over).collect()
}
