//! Secrets: read at the moment a program needs them, and kept out of everything that is recorded or shown.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use runbook_core::document::model::SecretSource;

use crate::account::Machine;
use crate::process::{self, End, Spec, open_regular};

/// Bytes of a secret: a key file with its certificates fits.
const SECRET_BYTES_MAX: usize = 64 << 10;
/// Time a command has to give a secret; a person may have to touch a key.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);

/// Why a secret cannot be had; the secret itself is in no message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretError {
    /// Its name.
    pub name: String,
    /// A clause.
    pub why: String,
}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "secret {} cannot be had: {}", self.name, self.why)
    }
}

impl std::error::Error for SecretError {}

/// Secrets by name; never printed.
#[derive(Clone, Default)]
pub struct Secrets(BTreeMap<String, String>);

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Secrets {
    /// Puts one in.
    pub fn insert(&mut self, name: String, value: String) {
        self.0.insert(name, value);
    }

    /// One by its name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Reads a secret from where the runbook says. Paths are seen from `directory`.
///
/// # Errors
/// [`SecretError`] when it is not there, too long, no text, or its command fails.
pub async fn read(
    name: &str,
    source: &SecretSource,
    machine: &Machine,
    directory: &Path,
) -> Result<String, SecretError> {
    let failed = |why: String| SecretError { name: name.to_owned(), why };
    let bytes = match source {
        SecretSource::Env(variable) => machine
            .variable(variable)
            .map(|value| value.as_encoded_bytes().to_owned())
            .ok_or_else(|| failed(format!("the variable {variable} is not set")))?,
        SecretSource::File(path) => from_file(&directory.join(path)).map_err(failed)?,
        SecretSource::Command(words) => from_command(words, machine, directory).await.map_err(failed)?,
    };
    if bytes.len() > SECRET_BYTES_MAX {
        return Err(failed(format!("it is longer than {SECRET_BYTES_MAX} bytes")));
    }
    let mut text = String::from_utf8(bytes).map_err(|_| failed("it is no UTF-8 text".to_owned()))?;
    if text.ends_with('\n') {
        text.pop();
    }
    if text.contains('\0') {
        return Err(failed("it holds a NUL".to_owned()));
    }
    if text.is_empty() { Err(failed("it is empty".to_owned())) } else { Ok(text) }
}

fn from_file(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let limit = SECRET_BYTES_MAX as u64 + 2;
    match open_regular(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)) {
        Ok(_) => Ok(bytes),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}

async fn from_command(words: &[String], machine: &Machine, directory: &Path) -> Result<Vec<u8>, String> {
    let (program, rest) = words.split_first().ok_or("its command has no words")?;
    let clean = machine.clean_environment();
    let path = clean.get("PATH").cloned().unwrap_or_default();
    let found = process::resolve(program, &path, directory).map_err(|error| error.to_string())?;
    let mut spec = Spec::new(found, directory);
    spec.called = Some(program.into());
    spec.words = rest.iter().map(Into::into).collect();
    spec.environment = clean.into_iter().map(|(name, value)| (name.into(), value)).collect();
    spec.timeout = Some(COMMAND_TIMEOUT);
    spec.capture.memory = SECRET_BYTES_MAX + 2;
    let running = process::start(spec).map_err(|error| error.to_string())?;
    let ended = running.wait(|_, _| {}).await;
    match ended.end {
        End::Exited(0) if ended.stdout.complete => Ok(ended.stdout.kept),
        End::Exited(0) => Err(format!("{program} printed more than {SECRET_BYTES_MAX} bytes")),
        End::Exited(code) => Err(format!("{program} ended with exit code {code}")),
        End::Signalled(signal) => Err(format!("{program} was ended by signal {signal}")),
        End::TimedOut => Err(format!("{program} did not end within {}s", COMMAND_TIMEOUT.as_secs())),
        End::Terminated(_) | End::Lost => Err(format!("the end of {program} is not known")),
    }
}
