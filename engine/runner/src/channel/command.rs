//! The `command` channel: words, the message on standard input, exit code 0 means delivered.

use std::time::Duration;

use super::Telling;
use crate::executor::Workplace;
use crate::process::{self, End, Spec, Stdin, resolve};
use crate::team::Try;

/// Bytes of what it prints that are kept, per stream.
const ANSWER_BYTES_MAX: usize = 4 << 10;
/// Characters of what it prints that are recorded.
const ANSWER_CHARS_MAX: usize = 200;

/// Delivers a message; gives what the command printed first, or why it was not delivered.
pub(super) async fn deliver(
    words: &[String],
    timeout: Duration,
    telling: &Telling,
    way: &Try,
    work: &Workplace,
) -> Result<String, String> {
    let (name, rest) = words.split_first().ok_or("its command has no words")?;
    let mut environment = work.machine.clean_environment();
    let path = environment.get("PATH").cloned().unwrap_or_default();
    let program = resolve(name, &path, &work.directory).map_err(|error| error.to_string())?;
    environment.insert("RUNBOOK_TO".to_owned(), way.addressee.clone().into());
    environment.insert("RUNBOOK_RUN".to_owned(), work.run.clone().into());
    environment.insert("RUNBOOK_SUBJECT".to_owned(), telling.subject.replace('\0', " ").into());
    let mut spec = Spec::new(program, &work.directory);
    spec.called = Some(name.into());
    spec.words = rest.iter().map(Into::into).collect();
    spec.environment = environment.into_iter().map(|(name, value)| (name.into(), value)).collect();
    spec.stdin = Stdin::Bytes(telling.message.clone().into_bytes());
    spec.timeout = Some(timeout);
    spec.capture.memory = ANSWER_BYTES_MAX;
    let running = process::start(spec).map_err(|error| error.to_string())?;
    let ended = running.wait(|_, _| {}).await;
    let printed = first_line(&ended.stdout.kept);
    match ended.end {
        End::Exited(0) if printed.is_empty() => Ok("exit code 0".to_owned()),
        End::Exited(0) => Ok(printed),
        End::Exited(code) => {
            let why = first_line(&ended.stderr.kept);
            let why = if why.is_empty() { printed } else { why };
            let colon = if why.is_empty() { "" } else { ": " };
            Err(format!("{name} ended with exit code {code}{colon}{why}"))
        }
        End::Signalled(signal) => Err(format!("{name} was ended by signal {signal}")),
        End::TimedOut => Err(format!("{name} did not end within {}s", timeout.as_secs())),
        End::Terminated(_) | End::Lost => Err(format!("the end of {name} is not known")),
    }
}

fn first_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    line.chars().take(ANSWER_CHARS_MAX).collect()
}
