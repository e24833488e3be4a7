//! The `webhook` channel: JSON to an address, signed where there is a secret.
//!
//! The header `Runbook-Signature: t=1790000000,v1=HEX` holds the time of sending in seconds since 1970 and, in hex, the
//! HMAC-SHA256 of `TIME.BODY` under the secret. Who receives it computes the same over the bytes that came, and refuses
//! what is older than a few minutes.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use serde_json::json;
use sha2::Sha256;

use super::Message;

/// Name of the header that holds time and signature.
pub(super) const SIGNATURE: &str = "runbook-signature";
/// Name of the header that is the same for each try of one message.
pub(super) const DELIVERY: &str = "runbook-delivery";

/// What is posted.
pub(super) fn body(message: &Message, addressee: &str) -> Vec<u8> {
    json!({
        "version": 1,
        "test": message.is_test,
        "run": message.run,
        "runbook": message.runbook,
        "severity": message.severity.map(runbook_core::document::model::Severity::word),
        "step": message.step,
        "to": addressee,
        "subject": message.subject,
        "message": message.text,
    })
    .to_string()
    .into_bytes()
}

/// What says that it comes from here and when.
pub(super) fn signature(secret: &str, at: Timestamp, body: &[u8]) -> String {
    let time = at.as_second().to_string();
    // A key of any length is taken.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(body);
    let mut signature = format!("t={time},v1=");
    for byte in mac.finalize().into_bytes() {
        // Writing to a String cannot fail.
        let _ = write!(signature, "{byte:02x}");
    }
    signature
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_over_time_and_body() {
        let at = Timestamp::from_second(1_790_000_000).unwrap_or_default();
        // printf '%s' '1790000000.{"a":1}' | openssl dgst -sha256 -hmac 'the key'
        let hex = "a01e2e0e258d7da316c46087e7a3ad81bad6f7a111ea6dfa4f3b66623672a3c0";
        assert_eq!(signature("the key", at, br#"{"a":1}"#), format!("t=1790000000,v1={hex}"));
    }
}
