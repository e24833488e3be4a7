//! Lengths of time and instants, as a person reads them.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// A length of time in two units at most: `0.2s`, `12s`, `3m 05s`, `2h 10m`, `3d 4h`.
#[must_use]
pub fn spoken(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..10 => {
            let tenths = duration.as_millis() / 100;
            format!("{}.{}s", tenths / 10, tenths % 10)
        }
        10..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{}h {:02}m", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// How long it is from one instant to another, in whole seconds; nothing for a time gone by. A countdown that says 1
/// has up to one second left.
#[must_use]
pub fn left(now: Timestamp, until: Timestamp) -> Duration {
    let left = until.duration_since(now);
    if left <= SignedDuration::ZERO {
        return Duration::ZERO;
    }
    let whole = left.unsigned_abs();
    Duration::from_secs(whole.as_secs() + u64::from(whole.subsec_nanos() > 0))
}

/// A countdown: `12s`, `3m 05s`.
#[must_use]
pub fn countdown(now: Timestamp, until: Timestamp) -> String {
    let left = left(now, until);
    if left.as_secs() < 60 { format!("{}s", left.as_secs()) } else { spoken(left) }
}

/// The time of day, and the day where it is another one than `now`'s: `15:04:05`, `3 Oct 15:04`.
#[must_use]
pub fn time(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (at, now) = (at.to_zoned(zone.clone()), now.to_zoned(zone.clone()));
    if at.date() == now.date() {
        at.strftime("%H:%M:%S").to_string()
    } else if at.date().year() == now.date().year() {
        at.strftime("%-d %b %H:%M").to_string()
    } else {
        at.strftime("%-d %b %Y %H:%M").to_string()
    }
}

/// The day: `3 Oct`, with its year where that is another one than `now`'s.
#[must_use]
pub fn day(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (at, now) = (at.to_zoned(zone.clone()), now.to_zoned(zone.clone()));
    if at.date() == now.date() {
        format!("today {}", at.strftime("%H:%M"))
    } else if at.date().year() == now.date().year() {
        at.strftime("%-d %b").to_string()
    } else {
        at.strftime("%-d %b %Y").to_string()
    }
}

/// The minutes or seconds of a run, as one says them: `6 min`, `40 s`, `2 h 5 min`.
#[must_use]
pub fn rough(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", (seconds + 30) / 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_said_in_two_units() {
        let said = |millis| spoken(Duration::from_millis(millis));
        assert_eq!([said(0), said(249), said(9_999), said(10_000)], ["0.0s", "0.2s", "9.9s", "10s"]);
        assert_eq!([said(185_000), said(7_800_000), said(273_600_000)], ["3m 05s", "2h 10m", "3d 4h"]);
        assert_eq!(rough(Duration::from_secs(345)), "6 min");
    }

    #[test]
    fn a_countdown_ends_at_nothing() {
        let now = Timestamp::UNIX_EPOCH;
        let at = |millis| now + SignedDuration::from_millis(millis);
        assert_eq!([countdown(now, at(1)), countdown(now, at(1_000)), countdown(now, at(0))], ["1s", "1s", "0s"]);
        assert_eq!([countdown(at(5), now), countdown(now, at(65_000))], ["0s", "1m 05s"]);
    }

    #[test]
    fn an_instant_names_its_day_only_where_it_must() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap_or_default();
        let now = at("2026-11-22T12:00:00Z");
        let said = |text| time(at(text), now, &TimeZone::UTC);
        assert_eq!([said("2026-11-22T15:04:05Z"), said("2026-10-03T15:04:05Z")], ["15:04:05", "3 Oct 15:04"]);
        assert_eq!(said("2025-10-03T15:04:05Z"), "3 Oct 2025 15:04");
        assert_eq!(day(at("2026-10-03T15:04:05Z"), now, &TimeZone::UTC), "3 Oct");
    }
}
