//! The id of a run: it sorts by time and can be said aloud.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use runbook_core::id::RunbookName;

/// The characters of the last part: no two look alike in any font an operator might use.
const ALPHABET: [u8; 31] = *b"23456789abcdefghjkmnpqrstuvwxyz";

/// The id of a run: `20261122-0915-dns-failover-k7q2`, its minute in UTC, the runbook, four characters of chance.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(Arc<str>);

/// A text is no run id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidRunId {
    /// The text as given.
    pub text: String,
}

impl fmt::Display for InvalidRunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no run id: one looks like 20261122-0915-dns-failover-k7q2", self.text)
    }
}

impl std::error::Error for InvalidRunId {}

impl RunId {
    /// Makes the id of a run that starts now; each byte of `random` chooses one of its last characters.
    #[must_use]
    pub fn compose(name: &RunbookName, now: Timestamp, random: [u8; 4]) -> Self {
        let minute = now.to_zoned(TimeZone::UTC).strftime("%Y%m%d-%H%M").to_string();
        let chance: String = random
            .iter()
            .map(|&byte| char::from(ALPHABET.get(usize::from(byte) % ALPHABET.len()).copied().unwrap_or(b'2')))
            .collect();
        Self(format!("{minute}-{name}-{chance}").into())
    }

    /// Checks and takes an id. What passes is safe as a file's name.
    ///
    /// # Errors
    /// [`InvalidRunId`] when the text has another form.
    pub fn new(text: &str) -> Result<Self, InvalidRunId> {
        if is_run_id(text) { Ok(Self(text.into())) } else { Err(InvalidRunId { text: text.to_owned() }) }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its minute: `20261122-0915`.
    #[must_use]
    pub fn minute(&self) -> &str {
        self.0.get(..13).unwrap_or_default()
    }

    /// The name of the runbook.
    #[must_use]
    pub fn runbook(&self) -> &str {
        self.0.get(14..self.0.len().saturating_sub(5)).unwrap_or_default()
    }
}

fn is_run_id(text: &str) -> bool {
    let digits = |part: Option<&str>, count| {
        part.is_some_and(|part| part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let mut parts = text.splitn(3, '-');
    digits(parts.next(), 8)
        && digits(parts.next(), 4)
        && parts.next().and_then(|rest| rest.rsplit_once('-')).is_some_and(|(name, chance)| {
            RunbookName::new(name).is_ok() && chance.len() == 4 && chance.bytes().all(|byte| ALPHABET.contains(&byte))
        })
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

    use super::*;

    #[test]
    fn an_id_is_its_minute_its_runbook_and_chance() {
        let now: Timestamp = "2026-11-22T09:15:59.999Z".parse().unwrap();
        let id = RunId::compose(&RunbookName::new("dns-failover").unwrap(), now, [0, 30, 31, 255]);
        assert_eq!(id.as_str(), "20261122-0915-dns-failover-2z29");
        assert_eq!(RunId::new(id.as_str()), Ok(id.clone()));
        assert_eq!((id.minute(), id.runbook()), ("20261122-0915", "dns-failover"));
    }

    #[test]
    fn what_could_leave_the_store_is_no_id() {
        for text in ["", "latest", "..", "20261122-0915-../x-k7q2", "20261122-0915-dns-k7q", "20261122-0915-k7q2"] {
            assert!(RunId::new(text).is_err(), "{text}");
        }
    }
}
