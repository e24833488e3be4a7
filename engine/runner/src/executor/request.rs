//! Requests of steps: the plan of one, and what becomes of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use runbook_core::limits::BLOB_BYTES_MAX;
use runbook_core::run::effect::{Call, EnvPiece, EnvValue, Invocation};
use runbook_core::run::event::Ending;
use runbook_core::run::record::{End, StartFailure, StartFailureKind, Stream};
use runbook_transcript::blob::Blobs;
use runbook_transcript::canonical::{self, NotCanonical};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use super::command;
use super::keep::Keeper;
use super::plan::{NotAPlan, PLAN_BYTES_MAX, PlannedStdin, quote, read_stdin, read_value, value_json};
use super::planner::{Planner, failure, literal, millis, planned_stdin};
use super::stored::Members;
use crate::account::Machine;
use crate::mask::Masker;
use crate::secret::Secrets;
use crate::web::{self, Answer, NoAnswer, NotSent, Proxies, Request};

/// The version of the form.
const VERSION: u64 = 1;
/// Bytes of an answer's headers, names and values: they stand in the transcript.
const HEADERS_BYTES_MAX: usize = 32 << 10;
/// Characters of a body that stand in the line for people.
const SHOWN_BODY_MAX: usize = 400;
/// A header whose value is a key to somebody's session: only that it came is kept.
const KEYS: &str = "set-cookie";

/// Exactly what will be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestPlan {
    pub(crate) method: String,
    pub(crate) url: String,
    /// Secrets by name.
    pub(crate) headers: Vec<(String, EnvValue)>,
    pub(crate) body: PlannedStdin,
    /// Whether a secret in the body stands inside JSON's quotes.
    pub(crate) json: bool,
    pub(crate) redirects: bool,
    /// The variables that name proxies.
    pub(crate) proxies: BTreeMap<String, EnvValue>,
    /// The host it is sent from.
    pub(crate) host: String,
    /// The account it is sent by.
    pub(crate) user: String,
    pub(crate) timeout_ms: u64,
    pub(crate) changes: bool,
}

impl RequestPlan {
    /// Makes the plan of a request.
    pub(crate) fn make(
        call: &Call,
        invocation: &Invocation,
        planner: &Planner,
        machine: &Machine,
        blobs: &Blobs,
    ) -> Result<Self, StartFailure> {
        let environment = planner.environment(invocation, machine)?;
        let names: Vec<String> = Proxies::variables().collect();
        let proxies = environment.into_iter().filter(|(name, _)| names.contains(name)).collect();
        let body = if call.body.0.is_empty() {
            PlannedStdin::Closed
        } else {
            planned_stdin(&runbook_core::run::effect::Input::Text(call.body.clone()), blobs)?
        };
        let plan = Self {
            method: call.method.clone(),
            url: call.url.clone(),
            headers: call.headers.clone(),
            body,
            json: call.json,
            redirects: call.redirects,
            proxies,
            host: machine.host.clone(),
            user: machine.account.name.clone(),
            timeout_ms: millis(invocation.timeout),
            changes: invocation.changes,
        };
        // What stands in it but for its secrets can be said to be wrong now.
        let without = |value: &EnvValue| literal(value);
        let headers = plan.headers.iter().map(|(name, value)| (name.clone(), without(value))).collect();
        let mut request = Request::new(plan.url.clone(), Duration::ZERO);
        (request.method, request.headers) = (plan.method.clone(), headers);
        request.check().map_err(|no| failure(StartFailureKind::Rendering, no.why))?;
        Ok(plan)
    }

    pub(super) fn encode(&self) -> Result<Vec<u8>, NotCanonical> {
        let headers = self.headers.iter().map(|(name, value)| json!({ "name": name, "value": value_json(value) }));
        let proxies: Map<String, Json> =
            self.proxies.iter().map(|(name, value)| (name.clone(), value_json(value))).collect();
        let mut plan = json!({
            "v": VERSION,
            "method": self.method,
            "url": self.url,
            "headers": headers.collect::<Vec<_>>(),
            "json": self.json,
            "redirects": self.redirects,
            "env": proxies,
            "host": self.host,
            "user": self.user,
            "timeout_ms": self.timeout_ms,
            "changes": self.changes,
        });
        let body = match &self.body {
            PlannedStdin::Closed => None,
            PlannedStdin::Blob(digest) => Some(json!({ "sha256": digest.to_hex() })),
            PlannedStdin::Secret(value) => Some(value_json(value)),
        };
        if let (Some(body), Some(plan)) = (body, plan.as_object_mut()) {
            plan.insert("body".to_owned(), body);
        }
        let mut bytes = Vec::new();
        canonical::encode(&plan, &mut bytes)?;
        Ok(bytes)
    }

    pub(super) fn decode(form: &Map<String, Json>) -> Result<Self, NotAPlan> {
        let members = Members(form);
        if members.number("v")? != VERSION {
            return Err(NotAPlan { key: "v" });
        }
        let header =
            |header: &Json| Some((header.get("name")?.as_str()?.to_owned(), read_value(header.get("value")?)?));
        let headers = form.get("headers").and_then(Json::as_array);
        let headers = headers.and_then(|headers| headers.iter().map(header).collect());
        let proxies = form.get("env").and_then(Json::as_object);
        let proxies =
            proxies.and_then(|all| all.iter().map(|(name, value)| Some((name.clone(), read_value(value)?))).collect());
        Ok(Self {
            method: members.text("method")?,
            url: members.text("url")?,
            headers: headers.ok_or(NotAPlan { key: "headers" })?,
            body: match form.get("body") {
                None => PlannedStdin::Closed,
                Some(body) => read_stdin(body).ok_or(NotAPlan { key: "body" })?,
            },
            json: members.is("json")?,
            redirects: members.is("redirects")?,
            proxies: proxies.ok_or(NotAPlan { key: "env" })?,
            host: members.text("host")?,
            user: members.text("user")?,
            timeout_ms: members.number("timeout_ms")?,
            changes: members.is("changes")?,
        })
    }

    pub(super) fn secrets(&self) -> Vec<&str> {
        let body = match &self.body {
            PlannedStdin::Secret(value) => Some(value),
            PlannedStdin::Closed | PlannedStdin::Blob(_) => None,
        };
        let values = self.headers.iter().map(|(_, value)| value).chain(self.proxies.values()).chain(body);
        let mut names: Vec<&str> = Vec::new();
        for piece in values.flat_map(|value| &value.0) {
            if let EnvPiece::Secret(name) = piece
                && !names.contains(&name.as_str())
            {
                names.push(name);
            }
        }
        names
    }

    /// As a call of curl that can be pasted, with `$NAME` for a secret. A long body, which is a blob of the run, is named.
    pub(super) fn shown(&self) -> String {
        let mut line = String::from("curl");
        let method = self.method.as_str();
        let sends = !matches!(self.body, PlannedStdin::Closed);
        match method {
            "HEAD" => line.push_str(" -I"),
            "GET" if !sends => {}
            _ => {
                // Text can always be appended to a string.
                let _done = write!(line, " -X {method}");
            }
        }
        if self.redirects {
            line.push_str(" -L");
        }
        for (name, value) in &self.headers {
            let mut pieces = vec![EnvPiece::Text(format!("{name}: "))];
            pieces.extend(value.0.iter().cloned());
            let _done = write!(line, " -H {}", shell_word(&EnvValue(pieces)));
        }
        match &self.body {
            PlannedStdin::Closed => {}
            PlannedStdin::Blob(digest) => {
                let _done = write!(line, " --data-binary @blobs/{digest}", digest = digest.to_hex());
            }
            PlannedStdin::Secret(value) => {
                let _done = write!(line, " --data-binary {}", shell_word(value));
            }
        }
        let _done = write!(line, " {}", quote(&self.url));
        line
    }

    /// As [`Self::shown`], a short body written out.
    pub(super) fn shown_with(&self, blobs: &Blobs) -> String {
        let PlannedStdin::Blob(digest) = &self.body else { return self.shown() };
        let text = blobs.get(*digest, SHOWN_BODY_MAX as u64).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let Some(text) = text else { return self.shown() };
        let body = PlannedStdin::Secret(EnvValue(vec![EnvPiece::Text(text)]));
        Self { body, ..self.clone() }.shown()
    }
}

/// A value as a word of a shell: in double quotes where a secret stands in it.
fn shell_word(value: &EnvValue) -> String {
    if !value.0.iter().any(|piece| matches!(piece, EnvPiece::Secret(_))) {
        return quote(&literal(value));
    }
    let mut out = String::from("\"");
    for (number, piece) in value.0.iter().enumerate() {
        match piece {
            EnvPiece::Secret(name) => {
                let follows = match value.0.get(number + 1) {
                    Some(EnvPiece::Text(text)) => text.bytes().next(),
                    Some(EnvPiece::Secret(_)) | None => None,
                };
                let runs_on = follows.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                let _done = if runs_on { write!(out, "${{{name}}}") } else { write!(out, "${name}") };
            }
            EnvPiece::Text(text) => {
                for sign in text.chars() {
                    match sign {
                        '"' | '\\' | '$' | '`' => out.extend(['\\', sign]),
                        sign if sign.is_control() => out.extend(sign.escape_default()),
                        sign => out.push(sign),
                    }
                }
            }
        }
    }
    out.push('"');
    out
}

/// What is to be sent, its secrets put in. Not to be printed.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ReadyRequest {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    redirects: bool,
    proxies: BTreeMap<String, String>,
    timeout_ms: u64,
    changes: bool,
    /// Where trust in certificates comes from, where the engine was told: variables and their values.
    pub(crate) trust: Vec<(String, String)>,
}

/// Puts the secrets in.
pub(crate) fn ready(
    plan: &RequestPlan,
    secrets: &Secrets,
    blobs: &Blobs,
    machine: &Machine,
) -> Result<ReadyRequest, StartFailure> {
    let body = match &plan.body {
        PlannedStdin::Closed => Vec::new(),
        PlannedStdin::Blob(digest) => blobs.get(*digest, PLAN_BYTES_MAX).map_err(|error| {
            failure(StartFailureKind::Other, format!("the body of the request cannot be read: {error}"))
        })?,
        PlannedStdin::Secret(value) if plan.json => in_json(value, secrets).into_bytes(),
        PlannedStdin::Secret(value) => command::resolved(value, secrets).into_bytes(),
    };
    let put_in = |values: &BTreeMap<String, EnvValue>| -> BTreeMap<String, String> {
        values.iter().map(|(name, value)| (name.clone(), command::resolved(value, secrets))).collect()
    };
    let trust = ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().filter_map(|name| {
        let value = machine.variable(name)?.to_str()?;
        Some((name.to_owned(), machine.absolute(value.as_ref()).to_str()?.to_owned()))
    });
    Ok(ReadyRequest {
        method: plan.method.clone(),
        url: plan.url.clone(),
        headers: plan.headers.iter().map(|(name, value)| (name.clone(), command::resolved(value, secrets))).collect(),
        body,
        redirects: plan.redirects,
        proxies: put_in(&plan.proxies),
        timeout_ms: plan.timeout_ms,
        changes: plan.changes,
        trust: trust.collect(),
    })
}

fn in_json(value: &EnvValue, secrets: &Secrets) -> String {
    let mut out = String::new();
    for piece in &value.0 {
        match piece {
            EnvPiece::Text(text) => out.push_str(text),
            EnvPiece::Secret(name) => {
                let quoted = Json::from(secrets.get(name).unwrap_or_default()).to_string();
                out.push_str(quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default());
            }
        }
    }
    out
}

impl ReadyRequest {
    fn request(&self) -> Request {
        let mut request = Request::new(self.url.clone(), Duration::from_millis(self.timeout_ms));
        request.method.clone_from(&self.method);
        request.headers.clone_from(&self.headers);
        request.body.clone_from(&self.body);
        request.redirects = self.redirects;
        request.proxies = Proxies::from_environment(|name| self.proxies.get(name).cloned());
        request.answer_bytes_max = BLOB_BYTES_MAX;
        request
    }
}

/// Sends it, keeps the answer with its secrets masked, and says how it ended. `stop` ends it before its time.
pub(crate) async fn perform(
    ready: &ReadyRequest,
    masker: Masker,
    keeper: &Keeper,
    stop: impl Future<Output = ()>,
    mut show: impl FnMut(Stream, &[u8]),
) -> Ending {
    let began = Instant::now();
    let mut body = keeper.masked(masker.clone());
    let request = ready.request();
    let sent = web::send(&request, |bytes| {
        let shown = body.push(bytes);
        show(Stream::Stdout, &shown);
    });
    let sent = tokio::select! {
        sent = sent => Some(sent),
        () = stop => None,
    };
    let end = match sent {
        None => End::Stopped,
        Some(Ok(answer)) => answered(answer, &masker, ready),
        Some(Err(no_answer)) => not_answered(&no_answer, &masker, ready.changes),
    };
    let (stdout, stdout_text) = keeper.keep_masked(body);
    // Whole milliseconds, as they are recorded: a replay must see the same.
    let duration = Duration::from_millis(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX));
    let is_answer = matches!(end, End::Answered { .. });
    let text = stdout_text.filter(|_| is_answer);
    Ending { duration, stdout, stdout_text: text, ..command::ending(end) }
}

fn answered(answer: Answer, masker: &Masker, ready: &ReadyRequest) -> End {
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in answer.headers {
        let value = if name == KEYS { "[not kept]".to_owned() } else { masker.text(&value) };
        let all = headers.entry(name).or_default();
        if !all.is_empty() {
            all.push_str(", ");
        }
        all.push_str(&value);
    }
    let bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > HEADERS_BYTES_MAX {
        let why =
            format!("the headers of the answer (status {}) have {bytes} bytes, more than are read", answer.status);
        return not_answered(&NoAnswer { sent: NotSent::Perhaps, timed_out: false, why }, masker, ready.changes);
    }
    End::Answered { status: answer.status, headers }
}

fn not_answered(no_answer: &NoAnswer, masker: &Masker, changes: bool) -> End {
    // An address of a redirect may repeat what was sent.
    let why = masker.text(&no_answer.why);
    match no_answer.sent {
        NotSent::Certainly if changes => End::NotStarted(failure(StartFailureKind::Other, why)),
        NotSent::Certainly | NotSent::Perhaps => End::NoAnswer(why),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may stop where it is")]

    use runbook_transcript::digest::Digest;

    use super::super::stored::StoredPlan;
    use super::*;

    fn text(text: &str) -> EnvPiece {
        EnvPiece::Text(text.to_owned())
    }

    fn plan() -> RequestPlan {
        RequestPlan {
            method: "POST".to_owned(),
            url: "https://shop.internal/orders?a=1&b".to_owned(),
            headers: vec![
                ("Authorization".to_owned(), EnvValue(vec![text("Bearer "), EnvPiece::Secret("KEY".to_owned())])),
                ("X-Why".to_owned(), EnvValue(vec![text("it's on fire")])),
            ],
            body: PlannedStdin::Secret(EnvValue(vec![
                text("{\"key\":\""),
                EnvPiece::Secret("KEY".to_owned()),
                text("x\"}"),
            ])),
            json: true,
            redirects: true,
            proxies: BTreeMap::from([("https_proxy".to_owned(), EnvValue(vec![text("http://proxy:3128")]))]),
            host: "plant1".to_owned(),
            user: "oncall".to_owned(),
            timeout_ms: 60_000,
            changes: true,
        }
    }

    #[test]
    fn a_plan_reads_back_as_it_was_written() {
        for body in [PlannedStdin::Closed, PlannedStdin::Blob(Digest::of(b"in")), plan().body] {
            let plan = StoredPlan::Request(RequestPlan { body, ..plan() });
            assert_eq!(StoredPlan::decode(&plan.encode().unwrap()), Ok(plan));
        }
        assert_eq!(plan().secrets(), ["KEY"]);
    }

    #[test]
    fn what_is_shown_can_be_pasted_and_names_its_secrets() {
        assert_eq!(
            plan().shown(),
            "curl -X POST -L -H \"Authorization: Bearer $KEY\" -H 'X-Why: it'\\''s on fire' \
             --data-binary \"{\\\"key\\\":\\\"${KEY}x\\\"}\" 'https://shop.internal/orders?a=1&b'"
        );
        let get = RequestPlan {
            method: "GET".to_owned(),
            headers: Vec::new(),
            body: PlannedStdin::Closed,
            redirects: false,
            ..plan()
        };
        assert_eq!(get.shown(), "curl 'https://shop.internal/orders?a=1&b'");
    }

    #[test]
    fn a_secret_inside_json_stays_inside_its_quotes() {
        let mut secrets = Secrets::default();
        secrets.insert("KEY".to_owned(), "a\"b\\c\n".to_owned());
        let PlannedStdin::Secret(body) = plan().body else { return };
        let read: Json = serde_json::from_str(&in_json(&body, &secrets)).unwrap();
        assert_eq!(read, json!({ "key": "a\"b\\c\nx" }));
    }
}
