//! What a channel needs to be secret: read when it is used, and kept out of every word that is said about it.

use std::path::Path;

use reqwest::Url;
use runbook_core::document::model::SecretSource;
use runbook_core::document::team::{Channel, ChannelKind};

use super::attempts::Failure;
use crate::account::Machine;
use crate::mask::Masker;
use crate::process::open_regular;
use crate::secret::{self, Secrets};

/// What the secret of a channel is called.
fn key(kind: &ChannelKind) -> &'static str {
    match kind {
        ChannelKind::Slack { .. } => "webhook",
        ChannelKind::PagerDuty { .. } => "routing_key",
        ChannelKind::Email { .. } => "smtp",
        ChannelKind::Webhook { .. } | ChannelKind::Command(_) => "secret",
    }
}

/// Why a secret is not where it should be, as far as can be seen without reading it: a command is not run to find out.
#[must_use]
pub fn missing(source: &SecretSource, machine: &Machine, directory: &Path) -> Option<String> {
    match source {
        SecretSource::Env(name) => match machine.variable(name) {
            None => Some(format!("the variable {name} is not set")),
            Some(value) if value.is_empty() => Some(format!("the variable {name} is empty")),
            Some(_) => None,
        },
        SecretSource::File(path) => {
            let path = directory.join(path);
            open_regular(&path).err().map(|error| format!("{}: {error}", path.display()))
        }
        SecretSource::Command(_) => None,
    }
}

/// The secret of a channel, and what takes it out of a text.
pub(super) struct Known {
    pub(super) value: String,
    pub(super) secrets: Secrets,
    pub(super) masker: Masker,
}

/// Reads the secret of a channel; an empty one where it needs none.
pub(super) async fn read(name: &str, channel: &Channel, machine: &Machine, directory: &Path) -> Result<Known, Failure> {
    let mut secrets = Secrets::default();
    let mut known = None;
    if let Some(source) = channel.secret() {
        let called = format!("{name}.{}", key(&channel.kind));
        let value = secret::read(&called, &source.value, machine, directory).await;
        let value = value.map_err(|error| Failure::for_good(error.to_string()))?.trim().to_owned();
        if matches!(channel.kind, ChannelKind::Slack { .. } | ChannelKind::Email { .. }) {
            for (part, inner) in parts(&value) {
                secrets.insert(format!("{called}.{part}"), inner);
            }
        }
        secrets.insert(called, value.clone());
        known = Some(value);
    }
    let masker = Masker::new(&secrets);
    Ok(Known { value: known.unwrap_or_default(), secrets, masker })
}

/// What of a secret address is secret by itself: an answer or a message may hold it without the rest.
fn parts(address: &str) -> Vec<(&'static str, String)> {
    let Ok(url) = Url::parse(address) else { return Vec::new() };
    let mut parts = Vec::new();
    if url.scheme().starts_with("http") && url.path().len() > 1 {
        parts.push(("path", url.path().to_owned()));
        // What of a webhook of Slack opens the door is its last part.
        if let Some(last) = url.path().rsplit('/').next().filter(|last| last.len() >= 8) {
            parts.push(("token", last.to_owned()));
        }
    }
    if let Some(query) = url.query().filter(|_| url.scheme().starts_with("http")) {
        parts.push(("query", query.to_owned()));
    }
    if let Some(password) = url.password() {
        parts.push(("password", decoded(password)));
        parts.push(("password_as_written", password.to_owned()));
    }
    parts
}

/// A text without its percent signs.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let byte = digits.filter(|_| first == b'%').and_then(|two| u8::from_str_radix(two, 16).ok());
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_secret_of_an_address_is_found_in_parts() {
        let values = |address| parts(address).into_iter().map(|(_, value)| value).collect::<Vec<_>>();
        assert_eq!(values("https://hooks.slack.com/services/T0/B0/abcdefgh"), ["/services/T0/B0/abcdefgh", "abcdefgh"]);
        assert_eq!(values("smtps://ops:p%40ss@mail.example.com/"), ["p@ss", "p%40ss"]);
        assert_eq!(values("smtp://mail.example.com?tls=required"), Vec::<String>::new());
        assert_eq!(values("nothing of the kind"), Vec::<String>::new());
        assert_eq!(decoded("%zz%4"), "%zz%4");
    }
}
