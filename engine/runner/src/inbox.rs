//! The inbox of a run: what people say from other processes, and the watch that hears of it at once.

use std::collections::BTreeMap;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use runbook_core::run::event::Input;
use runbook_core::run::record::{Actor, AnswerWord, SettleWord};
use runbook_transcript::file::FileError;
use runbook_transcript::inbox::{HandIn, Message, Stamp};
use runbook_transcript::lock::Holder;
use runbook_transcript::run_dir::RunDir;
use rustix::fs::inotify;
use serde_json::{Map, Value as Json, json};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::account::Account;

/// Time between two looks where the kernel cannot tell of a change.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Time a process has to take in what was handed in, before who did is told that it has not.
const TAKEN_WITHIN: Duration = Duration::from_secs(5);
/// Time between two looks meanwhile.
const LOOK_FOR_TAKEN_EVERY: Duration = Duration::from_millis(20);
/// What stands before a message's name in the origin of who said it.
const ORIGIN: &str = "inbox/";

/// Hears when something is put into an inbox.
#[derive(Debug)]
pub struct Watch {
    directory: PathBuf,
    notices: Option<AsyncFd<OwnedFd>>,
}

impl Watch {
    /// Begins to watch. Must be called inside a tokio runtime with its io and time drivers. Where the kernel has no
    /// watch left, the folder is looked at twice a second.
    #[must_use]
    pub fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            notices: watch(directory, inotify::WatchFlags::CREATE | inotify::WatchFlags::MOVED_TO).ok(),
        }
    }

    /// Begins to watch a file that others write to, as [`Watch::new`].
    #[must_use]
    pub fn of_file(path: &Path) -> Self {
        let flags = inotify::WatchFlags::MODIFY | inotify::WatchFlags::ATTRIB;
        Self { directory: path.to_owned(), notices: watch(path, flags).ok() }
    }

    /// The folder, or the file.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Waits until something was put in since the last call.
    pub async fn changed(&mut self) {
        let Some(notices) = &self.notices else { return tokio::time::sleep(LOOK_EVERY).await };
        loop {
            let Ok(mut ready) = notices.readable().await else { return std::future::pending().await };
            let mut buffer = [MaybeUninit::uninit(); 4096];
            let read = ready.try_io(|notices| {
                let mut reader = inotify::Reader::new(notices, &mut buffer);
                reader.next().map(|_| ()).map_err(io::Error::from)
            });
            if read.is_ok() {
                return;
            }
        }
    }
}

fn watch(path: &Path, flags: inotify::WatchFlags) -> io::Result<AsyncFd<OwnedFd>> {
    let fd = inotify::init(inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC)?;
    inotify::add_watch(&fd, path, flags)?;
    #[expect(
        deprecated,
        reason = "what follows it is unsafe, for types that may close or change their descriptor; OwnedFd does not"
    )]
    AsyncFd::with_interest(fd, Interest::READABLE)
}

/// Who handed a message in, as the kernel tells; the origin names the message, so that one that comes twice is known.
#[must_use]
pub fn actor(message: &Message) -> Actor {
    Account::of(message.uid).actor(&format!("{ORIGIN}{}", message.name))
}

/// The name of the message an entry's actor stands for, if it came through the inbox.
#[must_use]
pub fn message_of(actor: &Actor) -> Option<&str> {
    actor.origin.strip_prefix(ORIGIN)
}

/// Hands something in for the process that runs this run, or the next one that resumes it. It is on disk when this
/// returns; gives the message's name.
///
/// # Errors
/// [`FileError`] when it cannot be written.
pub fn hand_in(run: &RunDir, account: &Account, input: &Input, now: Timestamp) -> Result<String, FileError> {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let counter = COUNTER.fetch_add(1, Ordering::Relaxed);
    let stamp = Stamp { ts: now, pid: std::process::id(), counter };
    runbook_transcript::inbox::hand_in(run, stamp, &encode(input, &account.name))
}

/// What became of something handed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// The process that runs the run took it in; what followed is on disk.
    Yes,
    /// No process has the run: whoever handed it in resumes it.
    NoProcess,
    /// A process has the run and did not take it in yet.
    NotYet(Option<Holder>),
}

/// Waits a moment for the process that runs a run to take in what was handed in under this name.
///
/// # Errors
/// [`FileError`] when the run's lock cannot be looked at.
pub async fn taken(run: &RunDir, name: &str) -> Result<Taken, FileError> {
    let message = run.inbox().join(name);
    let begin = tokio::time::Instant::now();
    loop {
        if !message.exists() {
            return Ok(Taken::Yes);
        }
        match run.holder()? {
            // It may have been taken in just before its process let go.
            None if !message.exists() => return Ok(Taken::Yes),
            None => return Ok(Taken::NoProcess),
            Some(holder) if begin.elapsed() > TAKEN_WITHIN => return Ok(Taken::NotYet(holder)),
            Some(_) => tokio::time::sleep(LOOK_FOR_TAKEN_EVERY).await,
        }
    }
}

/// Writes what somebody says as a message.
#[must_use]
pub fn encode(input: &Input, by: &str) -> HandIn {
    let mut body = Body(Map::new());
    let step = match input {
        Input::Answer { step, request, answer, fields, behalf, reason } => {
            body.number("request", *request);
            match answer {
                AnswerWord::Yes => body.text("answer", Some("yes")),
                AnswerWord::No => body.text("answer", Some("no")),
                AnswerWord::Choice(label) => body.text("choice", Some(label)),
            }
            body.texts("fields", fields);
            body.text("behalf", behalf.as_deref());
            body.text("reason", reason.as_deref());
            step.clone()
        }
        Input::Approve { step, request, reason } => {
            body.number("request", *request);
            body.text("reason", reason.as_deref());
            step.clone()
        }
        Input::Deny { step, request, reason } => {
            body.number("request", *request);
            body.text("reason", Some(reason));
            step.clone()
        }
        Input::Acknowledge { step, behalf } => {
            body.text("behalf", behalf.as_deref());
            step.clone()
        }
        Input::Note { step, text } => {
            body.text("text", Some(text));
            step.clone()
        }
        Input::Settle { step, word, reason, outputs } => {
            body.text("word", Some(settle_word(*word)));
            body.text("reason", reason.as_deref());
            body.texts("outputs", outputs);
            step.clone()
        }
        Input::HandOver { to } => {
            body.text("to", to.as_deref());
            None
        }
        Input::Accept => None,
        Input::LetGo { reason } | Input::Cancel { reason } => {
            body.text("reason", Some(reason));
            None
        }
    };
    HandIn { verb: input.verb().to_owned(), step, by: by.to_owned(), body: body.0 }
}

/// Reads a message.
///
/// # Errors
/// A sentence, when this build knows no such verb, or something in it is missing or of another type.
pub fn decode(message: &HandIn) -> Result<Input, String> {
    let body = Reading(&message.body);
    let step = message.step.clone();
    Ok(match message.verb.as_str() {
        "answer" => Input::Answer {
            step,
            request: body.number("request")?,
            answer: match (body.text("choice")?, body.text("answer")?.as_deref()) {
                (Some(label), None) => AnswerWord::Choice(label),
                (None, Some("yes")) => AnswerWord::Yes,
                (None, Some("no")) => AnswerWord::No,
                _ => return Err("it says neither yes, no nor a choice".to_owned()),
            },
            fields: body.texts("fields")?,
            behalf: body.text("behalf")?,
            reason: body.text("reason")?,
        },
        "approve" => Input::Approve { step, request: body.number("request")?, reason: body.text("reason")? },
        "deny" => Input::Deny { step, request: body.number("request")?, reason: body.needed("reason")? },
        "ack" => Input::Acknowledge { step, behalf: body.text("behalf")? },
        "note" => Input::Note { step, text: body.needed("text")? },
        "settle" => {
            let word = body.needed("word")?;
            Input::Settle {
                step,
                word: SETTLE_WORDS
                    .into_iter()
                    .find(|known| settle_word(*known) == word)
                    .ok_or_else(|| format!("{word:?} settles nothing"))?,
                reason: body.text("reason")?,
                outputs: body.texts("outputs")?,
            }
        }
        "handover" => Input::HandOver { to: body.text("to")? },
        "accept" => Input::Accept,
        "let go" => Input::LetGo { reason: body.needed("reason")? },
        "cancel" => Input::Cancel { reason: body.needed("reason")? },
        other => return Err(format!("this build knows no verb {other:?}")),
    })
}

const SETTLE_WORDS: [SettleWord; 6] =
    [SettleWord::Done, SettleWord::NotDone, SettleWord::Again, SettleWord::ByHand, SettleWord::GoOn, SettleWord::Fail];

fn settle_word(word: SettleWord) -> &'static str {
    match word {
        SettleWord::Done => "done",
        SettleWord::NotDone => "not-done",
        SettleWord::Again => "again",
        SettleWord::ByHand => "by-hand",
        SettleWord::GoOn => "go-on",
        SettleWord::Fail => "fail",
    }
}

struct Body(Map<String, Json>);

impl Body {
    fn text(&mut self, key: &str, value: Option<&str>) {
        self.0.extend(value.map(|value| (key.to_owned(), Json::from(value))));
    }

    fn number(&mut self, key: &str, value: Option<u32>) {
        self.0.extend(value.map(|value| (key.to_owned(), Json::from(value))));
    }

    fn texts(&mut self, key: &str, values: &BTreeMap<String, String>) {
        if !values.is_empty() {
            self.0.insert(key.to_owned(), json!(values));
        }
    }
}

struct Reading<'a>(&'a Map<String, Json>);

impl Reading<'_> {
    fn text(&self, key: &str) -> Result<Option<String>, String> {
        match self.0.get(key) {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(format!("its `{key}` is no text")),
        }
    }

    fn needed(&self, key: &str) -> Result<String, String> {
        self.text(key)?.ok_or_else(|| format!("it has no `{key}`"))
    }

    fn number(&self, key: &str) -> Result<Option<u32>, String> {
        let Some(value) = self.0.get(key) else { return Ok(None) };
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        number.map(Some).ok_or_else(|| format!("its `{key}` is no request's number"))
    }

    fn texts(&self, key: &str) -> Result<BTreeMap<String, String>, String> {
        let Some(value) = self.0.get(key) else { return Ok(BTreeMap::new()) };
        let texts = value.as_object().and_then(|members| {
            members.iter().map(|(name, text)| Some((name.clone(), text.as_str()?.to_owned()))).collect()
        });
        texts.ok_or_else(|| format!("its `{key}` is no mapping of texts"))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may stop where it is")]

    use super::*;

    #[test]
    fn what_is_handed_in_reads_back() {
        let step = Some("restart".to_owned());
        let texts = BTreeMap::from([("server".to_owned(), "dns1".to_owned())]);
        let reason = Some("because".to_owned());
        let inputs = [
            Input::Answer {
                step: step.clone(),
                request: Some(3),
                answer: AnswerWord::Choice("restart it".to_owned()),
                fields: texts.clone(),
                behalf: Some("khouse".to_owned()),
                reason: reason.clone(),
            },
            Input::Answer {
                step: None,
                request: None,
                answer: AnswerWord::No,
                fields: BTreeMap::new(),
                behalf: None,
                reason: None,
            },
            Input::Approve { step: step.clone(), request: Some(1), reason: None },
            Input::Deny { step: step.clone(), request: None, reason: "not now".to_owned() },
            Input::Acknowledge { step: step.clone(), behalf: Some("bsparrow".to_owned()) },
            Input::Note { step: None, text: "looked at the log".to_owned() },
            Input::Settle { step, word: SettleWord::GoOn, reason, outputs: texts },
            Input::HandOver { to: Some("akim".to_owned()) },
            Input::Accept,
            Input::LetGo { reason: "SIGTERM".to_owned() },
            Input::Cancel { reason: "wrong host".to_owned() },
        ];
        for input in inputs {
            assert_eq!(decode(&encode(&input, "oncall")), Ok(input));
        }
        for word in SETTLE_WORDS {
            let input = Input::Settle { step: None, word, reason: None, outputs: BTreeMap::new() };
            assert_eq!(decode(&encode(&input, "oncall")), Ok(input));
        }
    }

    #[test]
    fn a_message_of_no_sense_is_told_so() {
        let message = |verb: &str, body: Json| HandIn {
            verb: verb.to_owned(),
            step: None,
            by: "x".to_owned(),
            body: body.as_object().cloned().unwrap_or_default(),
        };
        for (message, why) in [
            (message("dance", json!({})), "this build knows no verb \"dance\""),
            (message("deny", json!({})), "it has no `reason`"),
            (message("answer", json!({ "answer": "perhaps" })), "it says neither yes, no nor a choice"),
            (message("approve", json!({ "request": -1 })), "its `request` is no request's number"),
            (message("settle", json!({ "word": "maybe" })), "\"maybe\" settles nothing"),
        ] {
            assert_eq!(decode(&message), Err(why.to_owned()));
        }
    }

    #[tokio::test]
    async fn a_file_put_in_is_heard_of() {
        let directory = tempfile::tempdir().unwrap();
        let mut watch = Watch::new(directory.path());
        assert!(tokio::time::timeout(Duration::from_millis(20), watch.changed()).await.is_err());
        let draft = directory.path().join(".draft");
        std::fs::write(&draft, "x").unwrap();
        std::fs::hard_link(&draft, directory.path().join("message")).unwrap();
        tokio::time::timeout(Duration::from_secs(5), watch.changed()).await.unwrap();
    }
}
