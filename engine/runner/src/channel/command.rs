//! The `command` channel: words, the message on standard input, exit code 0 means delivered.

use std::time::Duration;

use super::attempts::Failure;
use super::{Message, Office, http};
use crate::process::{self, End, Spec, Stdin, resolve};

/// Bytes of what it prints that are kept, per stream.
const ANSWER_BYTES_MAX: usize = 4 << 10;

/// Delivers a message; gives what the command printed first, or why it was not delivered.
pub(super) async fn deliver(
    words: &[String],
    timeout: Duration,
    message: &Message,
    addressee: &str,
    office: &Office<'_>,
) -> Result<String, Failure> {
    let (name, rest) = words.split_first().ok_or_else(|| Failure::for_good("its command has no words"))?;
    let mut environment = office.machine.clean_environment();
    let path = environment.get("PATH").cloned().unwrap_or_default();
    // A program that is not there will not be there in a second either.
    let program = resolve(name, &path, office.directory).map_err(|error| Failure::for_good(error.to_string()))?;
    environment.insert("RUNBOOK_TO".to_owned(), addressee.into());
    environment.insert("RUNBOOK_RUN".to_owned(), message.run.clone().into());
    environment.insert("RUNBOOK_SUBJECT".to_owned(), message.subject.replace('\0', " ").into());
    let mut spec = Spec::new(program, office.directory);
    spec.called = Some(name.into());
    spec.words = rest.iter().map(Into::into).collect();
    spec.environment = environment.into_iter().map(|(name, value)| (name.into(), value)).collect();
    spec.stdin = Stdin::Bytes(message.text.clone().into_bytes());
    spec.timeout = Some(timeout);
    spec.capture.memory = ANSWER_BYTES_MAX;
    let running = process::start(spec).map_err(|error| Failure::for_now(error.to_string()))?;
    let ended = running.wait(|_, _| {}).await;
    // What telling somebody leaves running is no look's.
    let _told = office.orphans.map(|orphans| orphans.borrow_mut().come());
    let printed = first_line(&ended.stdout.kept);
    match ended.end {
        End::Exited(0) if printed.is_empty() => Ok("exit code 0".to_owned()),
        End::Exited(0) => Ok(printed),
        End::Exited(code) => {
            let why = first_line(&ended.stderr.kept);
            let why = if why.is_empty() { printed } else { why };
            let colon = if why.is_empty() { "" } else { ": " };
            Err(Failure::for_now(format!("{name} ended with exit code {code}{colon}{why}")))
        }
        End::Signalled(signal) => Err(Failure::for_now(format!("{name} was ended by signal {signal}"))),
        End::TimedOut => Err(Failure::for_now(format!("{name} did not end within {timeout:?}"))),
        End::Terminated(_) | End::Lost => Err(Failure::for_now(format!("the end of {name} is not known"))),
    }
}

fn first_line(bytes: &[u8]) -> String {
    http::first_line(&String::from_utf8_lossy(bytes))
}
