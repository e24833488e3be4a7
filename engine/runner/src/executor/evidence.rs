//! Evidence beside a step: the end of a file, what a command prints. What cannot be had is a note, never a failure.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::rc::Rc;

use runbook_core::run::effect::EvidenceWanted;
use runbook_core::run::event::{Ending, Evidence};
use runbook_core::run::record::{AttemptKey, End, Output, Part};
use runbook_transcript::digest::Digest;
use rustix::fs::OFlags;
use tokio::sync::watch;

use super::Workplace;
use super::command;
use super::elsewhere;
use super::plan::ExecutionPlan;
use super::planner::Planner;
use crate::mask::Masker;
use crate::remote::Masters;
use crate::supervisor::attempt_name;

/// Bytes of a file that are attached; of a longer one the end.
const FILE_BYTES_MAX: u64 = 8 << 20;

/// One piece, looked up and not yet collected.
pub(crate) enum Piece {
    /// It cannot be had.
    Note { name: String, note: String },
    /// A file.
    File { path: String, tail: Option<u32> },
    /// A command.
    Command { plan: Box<ExecutionPlan>, draft: String },
}

impl Piece {
    /// Looks up what is needed to collect it.
    pub(crate) fn new(
        wanted: Result<EvidenceWanted, String>,
        draft: String,
        planner: &mut Planner,
        work: &Workplace,
    ) -> Self {
        match wanted {
            Err(note) => Self::Note { name: "(not known)".to_owned(), note },
            Ok(EvidenceWanted::File { path, tail }) => Self::File { path, tail },
            Ok(EvidenceWanted::Run(invocation)) => {
                match planner.plan(&invocation, &work.machine, work.keeper.blobs()) {
                    Ok(plan) => Self::Command { plan: Box::new(plan), draft },
                    Err(failure) => Self::Note { name: command_name(&invocation.command), note: failure.message },
                }
            }
        }
    }

    /// Collects it.
    pub(crate) async fn collect(self, step: &str, work: &Rc<Workplace>, masters: &Masters) -> Evidence {
        match self {
            Self::Note { name, note } => Evidence { name, output: None, note: Some(note) },
            Self::File { path, tail } => match read_file(&work.directory.join(&path), tail, work) {
                Ok((output, note)) => Evidence { name: path, output: Some(output), note },
                Err(error) => Evidence { name: path, output: None, note: Some(error.to_string()) },
            },
            Self::Command { plan, draft } => run(*plan, &draft, step, work, masters).await,
        }
    }
}

fn command_name(command: &runbook_core::run::effect::Command) -> String {
    use runbook_core::run::effect::Command;
    match command {
        Command::Words(words) => words.iter().map(|word| super::plan::quote(word)).collect::<Vec<_>>().join(" "),
        Command::Script { text, .. } => text.clone(),
        Command::Http(call) => call.url.clone(),
        Command::Write(writing) => writing.to.clone(),
    }
}

async fn run(plan: ExecutionPlan, draft: &str, step: &str, work: &Rc<Workplace>, masters: &Masters) -> Evidence {
    let name = plan.shown();
    let key = AttemptKey { step: step.to_owned(), part: Part::Main, attempt: 0 };
    if plan.address.is_some() {
        // Each is a look of its own, also where the run was gone on with and numbers its drafts anew.
        let at = format!("{}.{}.{draft}", attempt_name(&key), std::process::id());
        let (_never, asked) = watch::channel(false);
        let show = |stream, bytes: &[u8]| work.observer.output(&key, stream, bytes);
        return said(name, elsewhere::look(&plan, at, work, masters, asked, show).await);
    }
    let prepared = match command::prepare(&plan, work, draft).await {
        Ok(prepared) => prepared,
        Err(failure) => return Evidence { name, output: None, note: Some(failure.message) },
    };
    let (running, masker) = match command::launch(prepared) {
        Ok(started) => started,
        Err(end) => return Evidence { name, output: None, note: note(end) },
    };
    let ending =
        command::wait(running, masker, &work.keeper, |stream, bytes| work.observer.output(&key, stream, bytes)).await;
    let _evidence = work.orphans.borrow_mut().come();
    said(name, ending)
}

fn said(name: String, ending: Ending) -> Evidence {
    let note = note(ending.end);
    // What it said on standard error says more than an empty output.
    let output = if ending.stdout.bytes == 0 { ending.stderr } else { ending.stdout };
    Evidence { name, output: Some(output), note }
}

fn note(end: End) -> Option<String> {
    match end {
        End::Exited(0) | End::Wrote => None,
        End::Exited(code) => Some(format!("it ended with exit code {code}")),
        End::Signalled(signal) => Some(format!("it was ended by signal {signal}")),
        End::TimedOut => Some("it ran out of time".to_owned()),
        End::Stopped => Some("it was stopped".to_owned()),
        End::Answered { status, .. } => Some(format!("it was answered with status {status}")),
        End::NotStarted(failure) => Some(failure.message),
        End::NoAnswer(why) | End::Lost(why) => Some(why),
    }
}

fn read_file(path: &Path, tail: Option<u32>, work: &Workplace) -> io::Result<(Output, Option<String>)> {
    // A pipe without a writer would block for ever.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let mut file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    let (mut bytes, cut) = read_end(&mut file, metadata.len())?;
    if let Some(lines) = tail {
        keep_last_lines(&mut bytes, lines);
    }
    let note = cut.then(|| format!("only the last {FILE_BYTES_MAX} bytes were looked at"));
    let read = work.secrets_read.borrow();
    if !read.is_empty() {
        let mut masker = Masker::new(&read);
        let mut clean = masker.push(&bytes);
        clean.extend(masker.finish());
        bytes = clean;
    }
    if bytes.is_empty() {
        return Ok((Output::default(), note));
    }
    let digest = work.keeper.put(&bytes).map_err(io::Error::other)?;
    assert!(Digest::parse(&digest).is_some(), "a blob is named by its digest");
    let excerpt = runbook_core::limits::EXCERPT_BYTES_MAX;
    let whole = bytes.len() <= 2 * excerpt;
    let head = if whole { &bytes[..] } else { bytes.get(..excerpt).unwrap_or_default() };
    let tail = if whole { &[] } else { bytes.get(bytes.len() - excerpt..).unwrap_or_default() };
    let output = Output {
        bytes: bytes.len() as u64,
        kept: bytes.len() as u64,
        blob: Some(digest),
        head: String::from_utf8_lossy(head).into_owned(),
        tail: String::from_utf8_lossy(tail).into_owned(),
    };
    Ok((output, note))
}

/// The last bytes of a file, and whether there were more. A file that grows meanwhile is read to where it ended.
fn read_end(file: &mut File, size: u64) -> io::Result<(Vec<u8>, bool)> {
    let start = size.saturating_sub(FILE_BYTES_MAX);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok((bytes, start > 0))
}

fn keep_last_lines(bytes: &mut Vec<u8>, lines: u32) {
    let body = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let wanted = usize::try_from(lines).unwrap_or(usize::MAX).saturating_sub(1);
    let start = body.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n').nth(wanted).map(|(at, _)| at + 1);
    bytes.drain(..start.unwrap_or(0));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last(text: &str, lines: u32) -> String {
        let mut bytes = text.as_bytes().to_vec();
        keep_last_lines(&mut bytes, lines);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    #[test]
    fn the_last_lines_are_counted_with_and_without_a_final_newline() {
        assert_eq!(last("a\nb\nc\n", 2), "b\nc\n");
        assert_eq!(last("a\nb\nc", 2), "b\nc");
        assert_eq!(last("a\n", 5), "a\n");
        assert_eq!(last("", 1), "");
        assert_eq!(last("a\n\n\n", 2), "\n\n");
    }
}
