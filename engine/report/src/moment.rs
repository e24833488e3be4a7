//! Times and durations as people read them.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The zone of every file that leaves this machine.
#[must_use]
pub fn utc() -> TimeZone {
    TimeZone::UTC
}

/// Date and time of day to the minute, with the zone's name; UTC in brackets where the zone's clock has another name:
/// `2026-11-22 09:15 UTC`, `2026-11-22 10:15 CET (09:15 UTC)`.
#[must_use]
pub fn heading(at: Timestamp, zone: &TimeZone) -> String {
    let local = at.to_zoned(zone.clone());
    let text = local.strftime("%Y-%m-%d %H:%M %Z").to_string();
    // A system's own zone may be UTC under a name of its own.
    if text.ends_with(" UTC") { text } else { format!("{text} ({})", at.strftime("%H:%M UTC")) }
}

/// Time of day to the second; with the date where it is not that of `start`: `09:15:02`, `2026-11-23 00:02:10`.
#[must_use]
pub fn clock(at: Timestamp, start: Option<Timestamp>, zone: &TimeZone) -> String {
    let local = at.to_zoned(zone.clone());
    let same_day = start.is_none_or(|start| start.to_zoned(zone.clone()).date() == local.date());
    local.strftime(if same_day { "%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" }).to_string()
}

/// RFC 3339 in UTC, to the millisecond.
#[must_use]
pub fn exact(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// Day and month, with the year where it is another than `now`'s: `3 Oct`, `3 Oct 2025`.
#[must_use]
pub fn day(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (at, now) = (at.to_zoned(zone.clone()), now.to_zoned(zone.clone()));
    at.strftime(if at.year() == now.year() { "%-d %b" } else { "%-d %b %Y" }).to_string()
}

/// The time from one instant to another; zero when it would be negative.
#[must_use]
pub fn between(start: Timestamp, end: Timestamp) -> Duration {
    Duration::try_from(end.duration_since(start)).unwrap_or_default()
}

/// A duration in words, rounded to two units: `0.4 s`, `42 s`, `6 min 12 s`, `2 h 5 min`, `3 d 4 h`.
#[must_use]
pub fn words(duration: Duration) -> String {
    let exact = duration.as_secs();
    let seconds = if exact < 10 { exact } else { exact + u64::from(duration.subsec_millis() >= 500) };
    let two = |large: u64, unit: &str, small: u64, small_unit: &str| {
        if small == 0 { format!("{large} {unit}") } else { format!("{large} {unit} {small} {small_unit}") }
    };
    match seconds {
        0..10 => match (seconds, duration.subsec_millis() / 100) {
            (whole, 0) => format!("{whole} s"),
            (whole, tenths) => format!("{whole}.{tenths} s"),
        },
        10..60 => format!("{seconds} s"),
        60..3_600 => two(seconds / 60, "min", seconds % 60, "s"),
        3_600..86_400 => two(seconds / 3_600, "h", seconds % 3_600 / 60, "min"),
        _ => two(seconds / 86_400, "d", seconds % 86_400 / 3_600, "h"),
    }
}

/// A duration in words, to one unit, rounded: `42 s`, `6 min`, `2 h`.
#[must_use]
pub fn about(duration: Duration) -> String {
    let seconds = duration.as_secs() + u64::from(duration.subsec_millis() >= 500);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..5_400 => format!("{} min", (seconds + 30) / 60),
        5_400..129_600 => format!("{} h", (seconds + 1_800) / 3_600),
        _ => format!("{} d", (seconds + 43_200) / 86_400),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

    use super::*;

    #[test]
    fn times_are_told_in_the_zone_and_in_utc() {
        let at: Timestamp = "2026-11-22T23:15:02.500Z".parse().unwrap();
        let madrid = TimeZone::get("Europe/Madrid").unwrap();
        assert_eq!(heading(at, &utc()), "2026-11-22 23:15 UTC");
        let at_utc = TimeZone::get("Etc/UTC").unwrap();
        assert_eq!(heading(at, &at_utc), "2026-11-22 23:15 UTC");
        assert_eq!(heading(at, &madrid), "2026-11-23 00:15 CET (23:15 UTC)");
        assert_eq!(clock(at, Some(at), &madrid), "00:15:02");
        let later: Timestamp = "2026-11-23T00:00:00Z".parse().unwrap();
        assert_eq!(clock(later, Some(at), &utc()), "2026-11-23 00:00:00");
        assert_eq!(exact(at), "2026-11-22T23:15:02.500Z");
        assert_eq!(day(at, later, &utc()), "22 Nov");
        assert_eq!(day(at, "2027-01-01T00:00:00Z".parse().unwrap(), &utc()), "22 Nov 2026");
    }

    #[test]
    fn durations_are_told_in_words() {
        let told = |ms: u64| (words(Duration::from_millis(ms)), about(Duration::from_millis(ms)));
        for (ms, exactly, roughly) in [
            (0, "0 s", "0 s"),
            (410, "0.4 s", "0 s"),
            (42_600, "43 s", "43 s"),
            (59_600, "1 min", "1 min"),
            (372_000, "6 min 12 s", "6 min"),
            (7_500_000, "2 h 5 min", "2 h"),
            (7_200_000, "2 h", "2 h"),
            (273_600_000, "3 d 4 h", "3 d"),
        ] {
            assert_eq!(told(ms), (exactly.to_owned(), roughly.to_owned()));
        }
        assert_eq!(between(Timestamp::MAX, Timestamp::MIN), Duration::ZERO);
    }
}
