//! How an act ended, as its supervisor leaves it behind: one file, whole or not there.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use runbook_core::limits::CAPTURE_BYTES_MAX;
use runbook_core::run::event::Ending;
use runbook_core::run::record::{AttemptKey, End, Output, Part, StartFailure, StartFailureKind};
use runbook_transcript::blob::Blobs;
use runbook_transcript::canonical;
use runbook_transcript::digest::Digest;
use runbook_transcript::file::{create_file, sync_directory};
use rustix::fs::FallocateFlags;
use rustix::io::Errno;
use serde_json::{Map, Value as Json, json};

/// The version of the form.
const VERSION: u64 = 1;
/// Bytes of such a file: four excerpts and the headers of an answer, each byte of which may take six, and the rest.
const EXIT_BYTES_MAX: u64 = 512 << 10;
/// Bytes that are taken for it in advance; one with long excerpts finds room for the rest, or goes without.
const ROOM_BYTES: u64 = 16 << 10;

const FAILURES: [(&str, StartFailureKind); 6] = [
    ("missing_program", StartFailureKind::MissingProgram),
    ("not_executable", StartFailureKind::NotExecutable),
    ("missing_directory", StartFailureKind::MissingDirectory),
    ("rendering", StartFailureKind::Rendering),
    ("unless_unknown", StartFailureKind::UnlessUnknown),
    ("other", StartFailureKind::Other),
];

/// The file for an attempt in a run's folder of exits.
pub(crate) fn exit_path(exits: &Path, key: &AttemptKey) -> PathBuf {
    exits.join(format!("{}.json", attempt_name(key)))
}

/// An attempt's name for a file. A path in a sub-runbook, or an item, has signs that no file's name should: they are
/// written as their numbers.
pub(crate) fn attempt_name(key: &AttemptKey) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    let mut name = String::new();
    for byte in key.step.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' => name.push(char::from(byte)),
            other => name.extend(['%', digit(other >> 4), digit(other & 15)]),
        }
    }
    let part = match key.part {
        Part::Main => "main",
        Part::Undo => "undo",
        Part::Unless => "unless",
        Part::Doubt => "doubt",
    };
    format!("{name}.{part}.{}", key.attempt)
}

/// An end as it is kept: what the state machine is told, but for the texts, which are in the blobs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Exit {
    ending: Ending,
    whole: (bool, bool),
}

impl Exit {
    /// Keeps this.
    pub(crate) fn new(ending: Ending) -> Self {
        let whole = (ending.stdout_text.is_some(), ending.stderr_text.is_some());
        Self { ending, whole }
    }

    /// The bytes, in canonical form.
    pub(crate) fn encode(&self, run: &str, key: &AttemptKey) -> Vec<u8> {
        let Ending { end, duration, stdout, stderr, survivors, rung, .. } = &self.ending;
        let mut form = Map::from_iter([
            ("v".to_owned(), Json::from(VERSION)),
            ("run".to_owned(), Json::from(run)),
            ("step".to_owned(), Json::from(key.step.as_str())),
            ("undo".to_owned(), Json::from(key.part == Part::Undo)),
            ("attempt".to_owned(), Json::from(key.attempt)),
            ("end".to_owned(), end_json(end)),
            ("ms".to_owned(), Json::from(u64::try_from(duration.as_millis()).unwrap_or(canonical::INTEGER_MAX))),
            ("stdout".to_owned(), output_json(stdout, self.whole.0)),
            ("stderr".to_owned(), output_json(stderr, self.whole.1)),
            ("survivors".to_owned(), Json::from(survivors.as_slice())),
        ]);
        if let Some(rung) = rung {
            form.insert("rung".to_owned(), Json::from(rung.as_str()));
        }
        let mut bytes = Vec::new();
        let encoded = canonical::encode_map(&form, &mut bytes);
        assert!(encoded.is_ok(), "an exit holds no null, no fraction and no integer of 2^53: {encoded:?}");
        bytes.push(b'\n');
        bytes
    }

    /// Reads the bytes.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let form: Json = serde_json::from_slice(bytes).ok()?;
        if form.get("v")?.as_u64()? != VERSION {
            return None;
        }
        let ((stdout, out), (stderr, err)) = (output_of(form.get("stdout")?)?, output_of(form.get("stderr")?)?);
        let survivors: Option<Vec<String>> =
            form.get("survivors")?.as_array()?.iter().map(|one| one.as_str().map(str::to_owned)).collect();
        let ending = Ending {
            end: end_of(form.get("end")?)?,
            duration: Duration::from_millis(form.get("ms")?.as_u64()?),
            stdout,
            stdout_text: None,
            stderr,
            stderr_text: None,
            survivors: survivors?,
            rung: form.get("rung").and_then(Json::as_str).map(str::to_owned),
        };
        Some(Self { ending, whole: (out, err) })
    }

    /// Reads what was left for an attempt; nothing where nothing was.
    pub(crate) fn read(path: &Path) -> Option<Self> {
        let file = File::open(path).ok()?;
        let mut bytes = Vec::new();
        io::Read::read_to_end(&mut io::Read::take(file, EXIT_BYTES_MAX), &mut bytes).ok()?;
        Self::decode(&bytes)
    }

    /// What the state machine is told, its texts read from the blobs.
    pub(crate) fn ending(self, blobs: &Blobs) -> Ending {
        let mut ending = self.ending;
        ending.stdout_text = self.whole.0.then(|| text(&ending.stdout, blobs)).flatten();
        ending.stderr_text = self.whole.1.then(|| text(&ending.stderr, blobs)).flatten();
        ending
    }
}

/// Room on disk for how an attempt ends, taken before the attempt begins: on a disk that fills up meanwhile it can be
/// kept all the same. Dropped, it is given back.
pub(crate) struct Room {
    draft: PathBuf,
    file: File,
}

impl Room {
    /// Takes it beside this path.
    ///
    /// # Errors
    /// What the system says, where there is no room or no file can be made.
    pub(crate) fn take(path: &Path, mode: u32) -> io::Result<Self> {
        let folder = path.parent().unwrap_or(path);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let draft = folder.join(format!(".new-{}-{name}", std::process::id()));
        let file = create_file(&draft, mode).map_err(|error| error.source)?;
        let room = Self { draft, file };
        match rustix::fs::fallocate(&room.file, FallocateFlags::KEEP_SIZE, 0, ROOM_BYTES) {
            // A file system that takes no room in advance, or a limit on what one file may have: it is tried at the end.
            Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::FBIG | Errno::INTR) => Ok(room),
            Err(error) => Err(error.into()),
        }
    }

    /// Puts bytes there for good: when this returns they are on disk under that path, or are not there at all.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn fill(mut self, bytes: &[u8], path: &Path) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.file.sync_data()?;
        fs::rename(&self.draft, path)?;
        sync_directory(path.parent().unwrap_or(path)).map_err(|error| error.source)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // It has its last name by now, or is of no use; one that stays is passed over by everybody.
        let _removed = fs::remove_file(&self.draft);
    }
}

/// The whole text of an output: its head, where there is no more of it.
fn text(output: &Output, blobs: &Blobs) -> Option<String> {
    if output.tail.is_empty() {
        return Some(output.head.clone());
    }
    let bytes = blobs.get(Digest::parse(output.blob.as_ref()?)?, CAPTURE_BYTES_MAX as u64).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn output_json(output: &Output, whole: bool) -> Json {
    let mut form =
        json!({ "bytes": output.bytes, "kept": output.kept, "head": output.head, "tail": output.tail, "whole": whole });
    if let (Some(form), Some(blob)) = (form.as_object_mut(), &output.blob) {
        form.insert("blob".to_owned(), Json::from(blob.as_str()));
    }
    form
}

fn output_of(form: &Json) -> Option<(Output, bool)> {
    let text = |name: &str| form.get(name)?.as_str().map(str::to_owned);
    let output = Output {
        bytes: form.get("bytes")?.as_u64()?,
        kept: form.get("kept")?.as_u64()?,
        blob: text("blob"),
        head: text("head")?,
        tail: text("tail")?,
    };
    Some((output, form.get("whole")?.as_bool()?))
}

fn end_json(end: &End) -> Json {
    match end {
        End::Exited(code) => json!({ "exit_code": code }),
        End::Signalled(signal) => json!({ "signal": signal }),
        End::TimedOut => json!({ "timed_out": true }),
        End::Stopped => json!({ "stopped": true }),
        End::NotStarted(failure) => {
            let word = FAILURES.iter().find(|(_, kind)| *kind == failure.kind).map_or("other", |(word, _)| word);
            json!({ "not_started": word, "message": failure.message })
        }
        End::Answered { status, headers } => json!({ "status": status, "headers": headers }),
        End::NoAnswer(why) => json!({ "no_answer": why }),
        End::Wrote => json!({ "wrote": true }),
        End::Lost(why) => json!({ "lost": why }),
    }
}

fn end_of(form: &Json) -> Option<End> {
    let number = |name: &str| form.get(name)?.as_i64().and_then(|number| i32::try_from(number).ok());
    if let Some(code) = number("exit_code") {
        return Some(End::Exited(code));
    }
    if let Some(signal) = number("signal") {
        return Some(End::Signalled(signal));
    }
    if let Some(status) = form.get("status") {
        let headers = form.get("headers")?.as_object()?.iter();
        let headers = headers.map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
        return Some(End::Answered {
            status: status.as_u64()?.try_into().ok()?,
            headers: headers.collect::<Option<_>>()?,
        });
    }
    if let Some(why) = form.get("no_answer") {
        return Some(End::NoAnswer(why.as_str()?.to_owned()));
    }
    if let Some(why) = form.get("lost") {
        return Some(End::Lost(why.as_str()?.to_owned()));
    }
    if let Some(word) = form.get("not_started") {
        let (_, kind) = FAILURES.iter().find(|(known, _)| word.as_str() == Some(known))?;
        return Some(End::NotStarted(StartFailure { kind: *kind, message: form.get("message")?.as_str()?.to_owned() }));
    }
    let is = |name: &str| form.get(name).and_then(Json::as_bool) == Some(true);
    match (is("timed_out"), is("stopped"), is("wrote")) {
        (true, _, _) => Some(End::TimedOut),
        (_, true, _) => Some(End::Stopped),
        (_, _, true) => Some(End::Wrote),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failing test may stop where it is")]

    use runbook_transcript::blob::Durable;
    use runbook_transcript::file::Sharing;

    use super::*;

    fn ending(end: End) -> Ending {
        Ending {
            end,
            duration: Duration::from_millis(1_234),
            stdout: Output {
                bytes: 3,
                kept: 3,
                blob: Some("a".repeat(64)),
                head: "a\u{1b}\u{e9}".to_owned(),
                tail: String::new(),
            },
            stdout_text: Some("a\u{1b}\u{e9}".to_owned()),
            stderr: Output::default(),
            stderr_text: Some(String::new()),
            survivors: vec!["77 sleep 600".to_owned()],
            rung: Some("KILL".to_owned()),
        }
    }

    fn key(step: &str) -> AttemptKey {
        AttemptKey { step: step.to_owned(), part: Part::Undo, attempt: 2 }
    }

    #[test]
    fn every_end_comes_back_from_its_file_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::new(folder.path().to_owned(), Sharing::Private);
        let failure = StartFailure { kind: StartFailureKind::NotExecutable, message: "no".to_owned() };
        let ends = [
            End::Exited(0),
            End::Exited(255),
            End::Signalled(9),
            End::TimedOut,
            End::Stopped,
            End::NotStarted(failure),
            End::Lost("why".to_owned()),
            End::Answered { status: 204, headers: [("a".to_owned(), "b \u{e9}".to_owned())].into() },
            End::NoAnswer("refused".to_owned()),
            End::Wrote,
        ];
        for (number, end) in ends.into_iter().enumerate() {
            let path = exit_path(folder.path(), &key(&format!("s{number}")));
            let bytes = Exit::new(ending(end.clone())).encode("20261122-0915-test-k7q2", &key("s"));
            assert!(bytes.is_ascii());
            Room::take(&path, 0o600).unwrap().fill(&bytes, &path).unwrap();
            assert_eq!(Exit::read(&path).unwrap().ending(&blobs), ending(end));
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 10, "no draft stays");
        assert_eq!(Exit::read(&exit_path(folder.path(), &key("other"))), None);
    }

    #[test]
    fn a_long_text_is_read_from_its_blob_and_one_that_was_cut_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::new(folder.path().to_owned(), Sharing::Private);
        let long = "x".repeat(10_000);
        let digest = blobs.put(long.as_bytes(), Durable::No).unwrap().to_hex();
        let output =
            Output { bytes: 10_000, kept: 10_000, blob: Some(digest), head: "x".to_owned(), tail: "x".to_owned() };
        let whole = Ending {
            stdout: output.clone(),
            stdout_text: Some(long.clone()),
            stderr: output,
            stderr_text: None,
            ..ending(End::Exited(0))
        };
        let read = Exit::decode(&Exit::new(whole).encode("r", &key("s"))).unwrap().ending(&blobs);
        assert_eq!((read.stdout_text, read.stderr_text), (Some(long), None));
    }

    #[test]
    fn half_a_file_is_none() {
        let bytes = Exit::new(ending(End::Exited(0))).encode("r", &key("s"));
        for length in 0..bytes.len() - 1 {
            assert_eq!(Exit::decode(&bytes[..length]), None, "at {length}");
        }
        assert!(Exit::decode(&bytes).is_some());
    }

    #[test]
    fn a_name_holds_no_slash() {
        let path = exit_path(Path::new("/x"), &key("outage/drain[2]"));
        assert_eq!(path, Path::new("/x/outage%2fdrain%5b2%5d.undo.2.json"));
    }
}
