//! A moment as it is typed: how long ago, a day, or a time with its zone.

use std::str::FromStr;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// When, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// So long ago.
    Ago(Duration),
    /// The beginning of a day, where the reader is.
    Day(Date),
    /// Exactly then.
    At(Timestamp),
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let ago = || runbook_core::duration::parse(text).ok().map(Self::Ago);
        let day = || (text.len() == 10).then(|| text.parse().ok().map(Self::Day)).flatten();
        let at = || text.parse().ok().map(Self::At);
        ago().or_else(day).or_else(at).ok_or_else(|| {
            "write how long ago (90d, 12h), a day (2026-01-31), or a time with its zone (2026-01-31T09:00:00Z)"
                .to_owned()
        })
    }
}

impl Moment {
    /// The instant it means. What lies before all time is the beginning of it.
    #[must_use]
    pub fn instant(self, now: Timestamp, zone: &TimeZone) -> Timestamp {
        match self {
            Self::Ago(ago) => {
                SignedDuration::try_from(ago).ok().and_then(|ago| now.checked_sub(ago).ok()).unwrap_or(Timestamp::MIN)
            }
            Self::Day(day) => day.to_zoned(zone.clone()).map_or(Timestamp::MIN, |day| day.timestamp()),
            Self::At(at) => at,
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn each_way_of_saying_when() {
        let now: Timestamp = "2026-02-01T12:00:00Z".parse().unwrap();
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let instant = |text: &str| text.parse::<Moment>().map(|moment| moment.instant(now, &zone).to_string());
        assert_eq!(instant("1d").unwrap(), "2026-01-31T12:00:00Z");
        assert_eq!(instant("2026-01-31").unwrap(), "2026-01-30T23:00:00Z", "the day begins where the reader is");
        assert_eq!(instant("2026-01-31T09:00:00+01:00").unwrap(), "2026-01-31T08:00:00Z");
        for wrong in ["", "yesterday", "2026-13-01", "2026-01-31T09:00:00", "90"] {
            assert!(instant(wrong).unwrap_err().contains("how long ago"), "{wrong}");
        }
    }
}
