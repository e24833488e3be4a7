//! What a supervisor is told to run: the whole of it, secrets too, so it goes over a pipe and nowhere else.

use std::io::{self, Read};
use std::path::PathBuf;
use std::time::Duration;

use runbook_core::run::record::{AttemptKey, Part};
use runbook_transcript::file::Sharing;
use serde::{Deserialize, Serialize};

use crate::executor::request::ReadyRequest;
use crate::executor::writing::ReadyWriting;
use crate::process::{CaptureLimits, Spec, SpillPaths, Stdin};
use crate::remote::{Far, Task};
use crate::secret::Secrets;

/// Bytes of an order: an execution plan with its secrets put in, and what it reads.
const ORDER_BYTES_MAX: u64 = 16 << 20;

/// What is to be run, and how. Not to be printed: it holds secrets.
#[derive(Serialize, Deserialize)]
pub(crate) struct Order {
    /// The run's id.
    pub(crate) run: String,
    /// The step's path.
    pub(crate) step: String,
    /// Whether it is the step's `undo`.
    pub(crate) undo: bool,
    /// The number of the attempt.
    pub(crate) attempt: u32,
    pub(crate) program: String,
    pub(crate) called: Option<String>,
    pub(crate) words: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) directory: String,
    pub(crate) stdin: OrderedInput,
    pub(crate) timeout_ms: u64,
    pub(crate) grace_ms: u64,
    /// What is done instead of running a program; what is said of one above counts for nothing then.
    pub(crate) instead: Option<Instead>,
    /// Secrets that must not show in what it prints: name and value.
    pub(crate) masked: Vec<(String, String)>,
    /// The folder of blobs, absolute.
    pub(crate) blobs: PathBuf,
    /// Where how it ended is written, absolute.
    pub(crate) exit: PathBuf,
    /// Whether a group shares the store.
    pub(crate) group: bool,
    /// Where it runs, where that is another host.
    pub(crate) far: Option<Far>,
}

/// Work that is no program's.
#[derive(Serialize, Deserialize)]
pub(crate) enum Instead {
    /// A request is sent.
    Request(ReadyRequest),
    /// A file is written.
    Writing(ReadyWriting),
}

/// What the program reads.
#[derive(Serialize, Deserialize)]
pub(crate) enum OrderedInput {
    /// Nothing.
    Closed,
    /// This text.
    Text(String),
    /// A file.
    File(PathBuf),
}

impl Order {
    /// Which attempt it is. Only an act's own work and its undo are supervised.
    pub(crate) fn key(&self) -> AttemptKey {
        let part = if self.undo { Part::Undo } else { Part::Main };
        AttemptKey { step: self.step.clone(), part, attempt: self.attempt }
    }

    /// The bytes that go over the pipe: their count, then the order.
    pub(crate) fn encode(&self) -> io::Result<Vec<u8>> {
        let body = serde_json::to_vec(self)?;
        let mut bytes = (body.len() as u64).to_le_bytes().to_vec();
        bytes.extend(body);
        Ok(bytes)
    }

    /// Reads an order, and not a byte more.
    pub(crate) fn read(mut pipe: impl Read) -> io::Result<Self> {
        let mut count = [0; 8];
        pipe.read_exact(&mut count)?;
        let count = u64::from_le_bytes(count);
        if count > ORDER_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "no order is as long as this"));
        }
        let mut body = Vec::new();
        pipe.take(count).read_to_end(&mut body)?;
        Ok(serde_json::from_slice(&body)?)
    }

    pub(crate) fn sharing(&self) -> Sharing {
        if self.group { Sharing::Group } else { Sharing::Private }
    }

    pub(crate) fn secrets(&self) -> Secrets {
        let mut secrets = Secrets::default();
        for (name, value) in &self.masked {
            secrets.insert(name.clone(), value.clone());
        }
        secrets
    }

    /// What this means on another host, where it does.
    pub(crate) fn task(&self) -> Option<Task> {
        let (text, file) = match &self.stdin {
            OrderedInput::Closed => (None, None),
            OrderedInput::Text(text) => (Some(text.clone()), None),
            OrderedInput::File(path) => (None, Some(path.clone())),
        };
        Some(Task {
            far: self.far.clone()?,
            words: self.called.iter().chain(&self.words).cloned().collect(),
            environment: self.environment.clone(),
            directory: Some(self.directory.clone()).filter(|directory| !directory.is_empty()),
            text,
            file,
            timeout_ms: self.timeout_ms,
            grace_ms: self.grace_ms,
            changes: true,
            begun: false,
        })
    }

    /// The child this means. Its time is kept by who runs it, with a clock that goes on while the machine sleeps.
    pub(crate) fn spec(&self, draft: impl Fn(&str) -> PathBuf) -> Spec {
        let mut spec = Spec::new(&self.program, &self.directory);
        spec.called = self.called.as_ref().map(Into::into);
        spec.words = self.words.iter().map(Into::into).collect();
        spec.environment = self.environment.iter().map(|(name, value)| (name.into(), value.into())).collect();
        spec.stdin = match &self.stdin {
            OrderedInput::Closed => Stdin::Closed,
            OrderedInput::Text(text) => Stdin::Bytes(text.clone().into_bytes()),
            OrderedInput::File(path) => Stdin::File(path.clone()),
        };
        spec.grace = Duration::from_millis(self.grace_ms);
        spec.capture = CaptureLimits::default();
        if self.masked.is_empty() {
            spec.spill = Some(SpillPaths { stdout: draft("out"), stderr: draft("err"), sync: false });
        } else {
            spec.capture.memory = 0;
        }
        spec
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failing test may stop where it is")]

    use super::*;

    #[test]
    fn an_order_comes_through_a_pipe_and_nothing_behind_it_is_read() {
        let order = Order {
            run: "20261122-0915-test-k7q2".to_owned(),
            step: "change".to_owned(),
            undo: true,
            attempt: 3,
            program: "/bin/sh".to_owned(),
            called: Some("sh".to_owned()),
            words: vec!["-c".to_owned(), "true \"\u{e9}\"".to_owned()],
            environment: vec![("TOKEN".to_owned(), "hunter22".to_owned())],
            directory: "/".to_owned(),
            stdin: OrderedInput::Text("in".to_owned()),
            timeout_ms: 1_000,
            grace_ms: 10,
            instead: None,
            masked: vec![("TOKEN".to_owned(), "hunter22".to_owned())],
            blobs: "/store/blobs".into(),
            exit: "/store/exits/change.undo.3.json".into(),
            group: false,
            far: None,
        };
        let mut bytes = order.encode().unwrap();
        bytes.push(b'g');
        let mut pipe = bytes.as_slice();
        let read = Order::read(&mut pipe).unwrap();
        assert_eq!(pipe, b"g");
        assert_eq!(read.key(), AttemptKey { step: "change".to_owned(), part: Part::Undo, attempt: 3 });
        let spec = read.spec(|stream| PathBuf::from(stream));
        assert!(matches!(spec.stdin, Stdin::Bytes(bytes) if bytes == b"in"));
        assert_eq!((spec.words.len(), spec.timeout, spec.spill.is_none()), (2, None, true));
        assert!(Order::read(&bytes[..bytes.len() - 9]).is_err(), "half an order is none");
        assert!(Order::read(&u64::MAX.to_le_bytes()[..]).is_err());
    }
}
