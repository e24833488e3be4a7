//! A message posted as JSON: one request, whose answer is kept in a line.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::Url;

use super::attempts::{Failure, after_status};
use crate::account::Machine;
use crate::mask::Masker;
use crate::web::{self, Proxies, Request};

/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: u64 = 4 << 10;
/// Characters of an answer that are recorded.
const ANSWER_CHARS_MAX: usize = 200;

/// What is posted.
pub(super) struct Post<'a> {
    pub(super) url: &'a str,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    pub(super) timeout: Duration,
    pub(super) masker: &'a Masker,
}

/// Posts it; gives the status and the first line of the answer, or why it was not taken.
pub(super) async fn post(post: Post<'_>, machine: &Machine) -> Result<String, Failure> {
    let Post { url, mut headers, body, timeout, masker } = post;
    // Only said here: what reads an address says the whole of it.
    match Url::parse(url) {
        Ok(parsed) if matches!(parsed.scheme(), "http" | "https") && parsed.has_host() => {}
        Ok(_) | Err(_) => return Err(Failure::for_good("its address is no http or https address")),
    }
    headers.push(("content-type".to_owned(), "application/json; charset=utf-8".to_owned()));
    let request = Request {
        method: "POST".to_owned(),
        headers,
        body,
        proxies: Proxies::from_environment(|name| Some(machine.variable(name)?.to_str()?.to_owned())),
        answer_bytes_max: ANSWER_BYTES_MAX,
        ..Request::new(url, timeout)
    };
    let mut body = Vec::new();
    let answer = web::send(&request, |bytes| body.extend_from_slice(bytes)).await.map_err(|no_answer| {
        let why = masker.text(&no_answer.why);
        // A certificate that does not hold will not hold in a second either.
        if why.contains("certificate") { Failure::for_good(why) } else { Failure::for_now(why) }
    })?;
    let said = first_line(&masker.text(&String::from_utf8_lossy(&body)));
    let colon = if said.is_empty() { "" } else { ": " };
    let status = answer.status;
    if (200..300).contains(&status) {
        return Ok(format!("status {status}{colon}{said}"));
    }
    let retry_after = answer.headers.iter().find(|(name, _)| name == "retry-after").map(|(_, value)| value.as_str());
    let again = after_status(status, retry_after, Timestamp::now());
    let redirect = if (300..400).contains(&status) { "; a redirect is not followed" } else { "" };
    let wait = match (status, retry_after) {
        (429 | 503, Some(wait)) => format!("; it asks to be left alone ({})", first_line(&masker.text(wait))),
        _ => String::new(),
    };
    Err(Failure { why: format!("it answered with status {status}{colon}{said}{redirect}{wait}"), again })
}

/// The first line that is not empty, bounded.
pub(super) fn first_line(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).take(ANSWER_CHARS_MAX).collect()
}
