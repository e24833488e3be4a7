//! Execution plans: exactly what will run, as the blob whose digest is approved and recorded.

use std::collections::BTreeMap;
use std::fmt;

use runbook_core::run::effect::{EnvPiece, EnvValue};
use runbook_core::run::record::{BlobDigest, StepPath};
use runbook_core::value::Value;
use runbook_transcript::canonical::{self, NotCanonical};
use runbook_transcript::digest::Digest;
use serde_json::{Map, Value as Json, json};

/// The version of the form.
const VERSION: u64 = 1;
/// Bytes of a plan that is read back: the kernel takes no more in words and environment.
pub const PLAN_BYTES_MAX: u64 = 4 << 20;

/// Exactly what will run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionPlan {
    /// The words, with the program as it is called first. A script is the last of them, behind `-c`.
    pub words: Vec<String>,
    /// Absolute path of the program; its name where it is on another host.
    pub program: String,
    /// Digest of the program's file; nothing where it is on another host.
    pub program_digest: Option<Digest>,
    /// Absolute path of the directory. On another host as the step says; empty is where the account arrives.
    pub directory: String,
    /// The host it runs on.
    pub host: String,
    /// Where that is, `ssh://user@host:port`; nothing is here.
    pub address: Option<String>,
    /// The account it runs as; empty where ssh alone knows.
    pub user: String,
    /// The whole environment; secrets by name.
    pub environment: BTreeMap<String, EnvValue>,
    /// What it reads.
    pub stdin: PlannedStdin,
    /// Allowed time in milliseconds.
    pub timeout_ms: u64,
    /// From TERM to KILL in milliseconds.
    pub grace_ms: u64,
    /// Whether it changes the world.
    pub changes: bool,
}

/// What a program reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlannedStdin {
    /// Nothing.
    Closed,
    /// A blob with this digest.
    Blob(Digest),
    /// Text with secrets in it, by name.
    Secret(EnvValue),
}

/// Why a blob is no execution plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAPlan {
    /// The key that is missing or holds something else.
    pub key: &'static str,
}

impl fmt::Display for NotAPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the stored execution plan has no usable {:?}", self.key)
    }
}

impl std::error::Error for NotAPlan {}

/// The list of the plans of a loop's items in canonical form: what one approval of all of them is of.
///
/// # Errors
/// [`NotCanonical`] never in practice: there is no number in it.
pub(crate) fn listed(items: &[(StepPath, BlobDigest)]) -> Result<Vec<u8>, NotCanonical> {
    let items: Vec<Json> = items.iter().map(|(step, plan)| json!({ "step": step, "plan": plan })).collect();
    let mut bytes = Vec::new();
    canonical::encode(&json!({ "v": VERSION, "items": items }), &mut bytes)?;
    Ok(bytes)
}

/// What a called runbook is, in canonical form: its name, the digest of its source, and what it is given, each value as
/// its JSON text.
///
/// # Errors
/// [`NotCanonical`] never in practice: there is no number in it.
pub(crate) fn called(
    runbook: &str,
    source: Option<&BlobDigest>,
    params: &BTreeMap<String, Value>,
) -> Result<Vec<u8>, NotCanonical> {
    let params: Map<String, Json> =
        params.iter().map(|(name, value)| (name.clone(), Json::from(value.to_json().to_string()))).collect();
    let mut plan = json!({ "v": VERSION, "runbook": runbook, "params": params });
    if let (Some(source), Some(members)) = (source, plan.as_object_mut()) {
        members.insert("source".to_owned(), Json::from(source.as_str()));
    }
    let mut bytes = Vec::new();
    canonical::encode(&plan, &mut bytes)?;
    Ok(bytes)
}

impl ExecutionPlan {
    /// Writes the plan in canonical form.
    ///
    /// # Errors
    /// [`NotCanonical`] when a time is too large to be written.
    pub fn encode(&self) -> Result<Vec<u8>, NotCanonical> {
        let environment: Map<String, Json> =
            self.environment.iter().map(|(name, value)| (name.clone(), value_json(value))).collect();
        let mut plan = json!({
            "v": VERSION,
            "words": self.words,
            "program": self.program,
            "directory": self.directory,
            "host": self.host,
            "user": self.user,
            "env": environment,
            "timeout_ms": self.timeout_ms,
            "grace_ms": self.grace_ms,
            "changes": self.changes,
        });
        let stdin = match &self.stdin {
            PlannedStdin::Closed => None,
            PlannedStdin::Blob(digest) => Some(json!({ "sha256": digest.to_hex() })),
            PlannedStdin::Secret(value) => Some(value_json(value)),
        };
        let digest = self.program_digest.map(|digest| Json::from(digest.to_hex()));
        let address = self.address.as_deref().map(Json::from);
        if let Some(plan) = plan.as_object_mut() {
            let optional = [("stdin", stdin), ("program_sha256", digest), ("address", address)];
            plan.extend(optional.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))));
        }
        let mut bytes = Vec::new();
        canonical::encode(&plan, &mut bytes)?;
        Ok(bytes)
    }

    /// Reads a plan that [`ExecutionPlan::encode`] wrote.
    ///
    /// # Errors
    /// [`NotAPlan`] when it is something else, or of another version.
    pub fn decode(bytes: &[u8]) -> Result<Self, NotAPlan> {
        let plan: Map<String, Json> = serde_json::from_slice(bytes).map_err(|_| NotAPlan { key: "v" })?;
        let text = |key: &'static str| plan.get(key).and_then(Json::as_str).map(str::to_owned).ok_or(NotAPlan { key });
        let number = |key: &'static str| plan.get(key).and_then(Json::as_u64).ok_or(NotAPlan { key });
        if number("v")? != VERSION {
            return Err(NotAPlan { key: "v" });
        }
        let words = plan
            .get("words")
            .and_then(Json::as_array)
            .and_then(|words| words.iter().map(|word| word.as_str().map(str::to_owned)).collect())
            .ok_or(NotAPlan { key: "words" })?;
        let environment = plan
            .get("env")
            .and_then(Json::as_object)
            .and_then(|env| env.iter().map(|(name, value)| Some((name.clone(), read_value(value)?))).collect())
            .ok_or(NotAPlan { key: "env" })?;
        let stdin = match plan.get("stdin") {
            None => PlannedStdin::Closed,
            Some(stdin) => read_stdin(stdin).ok_or(NotAPlan { key: "stdin" })?,
        };
        let address = plan.contains_key("address").then(|| text("address")).transpose()?;
        // A program of this host is known by what it is.
        let program_digest = if address.is_some() {
            None
        } else {
            Some(Digest::parse(&text("program_sha256")?).ok_or(NotAPlan { key: "program_sha256" })?)
        };
        Ok(Self {
            words,
            program: text("program")?,
            program_digest,
            address,
            directory: text("directory")?,
            host: text("host")?,
            user: text("user")?,
            environment,
            stdin,
            timeout_ms: number("timeout_ms")?,
            grace_ms: number("grace_ms")?,
            changes: plan.get("changes").and_then(Json::as_bool).ok_or(NotAPlan { key: "changes" })?,
        })
    }

    /// Names of the secrets it needs, each once.
    #[must_use]
    pub fn secrets(&self) -> Vec<&str> {
        let stdin = match &self.stdin {
            PlannedStdin::Secret(value) => Some(value),
            PlannedStdin::Closed | PlannedStdin::Blob(_) => None,
        };
        let mut names: Vec<&str> = Vec::new();
        for piece in self.environment.values().chain(stdin).flat_map(|value| &value.0) {
            if let EnvPiece::Secret(name) = piece
                && !names.contains(&name.as_str())
            {
                names.push(name);
            }
        }
        names
    }

    /// The words on one line, as a person could paste them into a shell; what would not show stands as an escape.
    #[must_use]
    pub fn shown(&self) -> String {
        let words = self.words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ");
        if self.address.is_some() { format!("on {}: {words}", self.host) } else { words }
    }
}

pub(super) fn value_json(value: &EnvValue) -> Json {
    match value.0.as_slice() {
        [] => Json::String(String::new()),
        [EnvPiece::Text(text)] => Json::String(text.clone()),
        pieces => pieces
            .iter()
            .map(|piece| match piece {
                EnvPiece::Text(text) => json!({ "text": text }),
                EnvPiece::Secret(name) => json!({ "secret": name }),
            })
            .collect(),
    }
}

pub(super) fn read_value(json: &Json) -> Option<EnvValue> {
    if let Some(text) = json.as_str() {
        return Some(EnvValue(vec![EnvPiece::Text(text.to_owned())]));
    }
    let pieces = json.as_array()?.iter().map(|piece| {
        let piece = piece.as_object().filter(|piece| piece.len() == 1)?;
        let text = |key: &str| piece.get(key).and_then(Json::as_str).map(str::to_owned);
        text("text").map(EnvPiece::Text).or_else(|| text("secret").map(EnvPiece::Secret))
    });
    pieces.collect::<Option<Vec<_>>>().map(EnvValue)
}

pub(super) fn read_stdin(json: &Json) -> Option<PlannedStdin> {
    match json.get("sha256").and_then(Json::as_str) {
        Some(digest) => Digest::parse(digest).map(PlannedStdin::Blob),
        None => read_value(json).map(PlannedStdin::Secret),
    }
}

/// Whether a character would not show, or would change how its neighbours show.
pub(super) fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A word as it is typed in a shell: bare, in single quotes, or as `$'…'` where something in it would not show.
#[must_use]
pub fn quote(word: &str) -> String {
    use std::fmt::Write as _;

    let bare = |byte: u8| byte.is_ascii_alphanumeric() || b"_@%+=:,./-".contains(&byte);
    if !word.is_empty() && word.bytes().all(bare) {
        return word.to_owned();
    }
    if !word.chars().any(is_invisible) {
        return format!("'{}'", word.replace('\'', "'\\''"));
    }
    let mut out = String::from("$'");
    for character in word.chars() {
        match character {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\'' | '\\' => {
                out.push('\\');
                out.push(character);
            }
            _ if !is_invisible(character) => out.push(character),
            _ => {
                let code = u32::from(character);
                // Text can always be appended to a string.
                let _done = if code < 0x80 {
                    write!(out, "\\x{code:02x}")
                } else if code < 0x1_0000 {
                    write!(out, "\\u{code:04x}")
                } else {
                    write!(out, "\\U{code:08x}")
                };
            }
        }
    }
    out.push('\'');
    out
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may stop where it is")]

    use super::*;

    fn text(text: &str) -> EnvValue {
        EnvValue(vec![EnvPiece::Text(text.to_owned())])
    }

    fn plan() -> ExecutionPlan {
        ExecutionPlan {
            words: ["dnsTool", "-q", "lookup", "it's café"].map(str::to_owned).into(),
            program: "/usr/bin/dnsTool".to_owned(),
            program_digest: Some(Digest::of(b"x")),
            address: None,
            directory: "/srv".to_owned(),
            host: "plant1".to_owned(),
            user: "oncall".to_owned(),
            environment: BTreeMap::from([
                ("PATH".to_owned(), text("/bin")),
                (
                    "AUTH".to_owned(),
                    EnvValue(vec![EnvPiece::Text("Bearer ".to_owned()), EnvPiece::Secret("TOKEN".to_owned())]),
                ),
            ]),
            stdin: PlannedStdin::Secret(EnvValue(vec![EnvPiece::Secret("TOKEN".to_owned())])),
            timeout_ms: 60_000,
            grace_ms: 10_000,
            changes: true,
        }
    }

    #[test]
    fn a_plan_reads_back_as_it_was_written() {
        for stdin in [PlannedStdin::Closed, PlannedStdin::Blob(Digest::of(b"in")), plan().stdin] {
            let plan = ExecutionPlan { stdin, ..plan() };
            let bytes = plan.encode().unwrap();
            assert_eq!(ExecutionPlan::decode(&bytes), Ok(plan));
        }
        let elsewhere = ExecutionPlan {
            program: "dnsTool".to_owned(),
            program_digest: None,
            directory: String::new(),
            address: Some("ssh://ops@plant1:2222".to_owned()),
            ..plan()
        };
        assert_eq!(ExecutionPlan::decode(&elsewhere.encode().unwrap()), Ok(elsewhere.clone()));
        assert!(elsewhere.shown().starts_with("on plant1: dnsTool -q"), "{}", elsewhere.shown());
        assert_eq!(plan().secrets(), ["TOKEN"]);
        assert_eq!(ExecutionPlan::decode(b"{\"v\":2}"), Err(NotAPlan { key: "v" }));
    }

    #[test]
    fn what_is_shown_can_be_pasted_and_hides_nothing() {
        assert_eq!(plan().shown(), r"dnsTool -q lookup 'it'\''s café'");
        assert_eq!(quote(""), "''");
        assert_eq!(quote("$HOME; rm"), "'$HOME; rm'");
        assert_eq!(quote("a\u{1b}[31m\nb'\\\u{202e}"), r"$'a\x1b[31m\nb\'\\\u202e'");
    }
}
