//! How often a channel is tried, and how long it is left alone in between.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

/// How often a channel is tried before the next one is.
pub(super) const TRIES: u32 = 3;
/// Time before the second try; it doubles each time.
const PAUSE: Duration = Duration::from_secs(1);
/// Time a channel may ask to be left alone; one that asks for more is given up for the next.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(30);

/// Whether a delivery that failed is worth another try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// It would fail in the same way.
    Never,
    /// It may have been a moment's trouble.
    Soon,
    /// The channel says when.
    After(Duration),
}

/// A delivery that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// A clause; it holds no secret.
    pub(super) why: String,
    pub(super) again: Again,
}

impl Failure {
    pub(super) fn for_good(why: impl Into<String>) -> Self {
        Self { why: why.into(), again: Again::Never }
    }

    pub(super) fn for_now(why: impl Into<String>) -> Self {
        Self { why: why.into(), again: Again::Soon }
    }
}

/// The time to wait after the failure with this number, from 1, or none where it is not tried again. `chance`, below
/// 1, keeps many who failed together from coming back together.
pub(super) fn pause(number: u32, again: Again, chance: f64) -> Option<Duration> {
    if number >= TRIES {
        return None;
    }
    match again {
        Again::Never => None,
        Again::Soon => {
            let whole = PAUSE.saturating_mul(1 << (number - 1).min(8));
            Some(whole.div_f64(2.0) + whole.mul_f64(chance / 2.0))
        }
        Again::After(wait) if wait > RETRY_AFTER_MAX => None,
        Again::After(wait) => Some(wait),
    }
}

/// A number from 0 to 1, another each time.
pub(super) fn chance() -> f64 {
    // The standard library seeds each of these from the system.
    let random = RandomState::new().hash_one(());
    f64::from(u32::try_from(random >> 32).unwrap_or_default()) / (f64::from(u32::MAX) + 1.0)
}

/// What an answer with this status means for another try; `retry_after` is its header of that name.
pub(super) fn after_status(status: u16, retry_after: Option<&str>, now: Timestamp) -> Again {
    match status {
        429 | 503 => retry_after.and_then(|text| wait_of(text, now)).map_or(Again::Soon, Again::After),
        408 | 500..=599 => Again::Soon,
        _ => Again::Never,
    }
}

/// Reads `Retry-After`: seconds, or the time of day.
fn wait_of(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let at = DateTimeParser::new().parse_timestamp(text).ok()?;
    // One that has passed asks for no time at all.
    Some(Duration::try_from(at.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_second(1_790_000_000).unwrap_or_default()
    }

    #[test]
    fn the_time_between_tries_doubles_and_ends() {
        let shortest = |number| pause(number, Again::Soon, 0.0);
        let longest = |number| pause(number, Again::Soon, 0.999);
        assert_eq!((shortest(1), shortest(2)), (Some(Duration::from_millis(500)), Some(Duration::from_secs(1))));
        assert!(longest(1) < Some(Duration::from_secs(1)) && longest(2) < Some(Duration::from_secs(2)));
        assert_eq!((shortest(3), pause(1, Again::Never, 0.5)), (None, None));
        let (a, b) = (chance(), chance());
        assert!((0.0..1.0).contains(&a) && a.to_bits() != b.to_bits());
    }

    #[test]
    fn a_channel_may_ask_for_time_within_reason() {
        let after = |status, header| after_status(status, header, now());
        assert_eq!(after(429, Some("2")), Again::After(Duration::from_secs(2)));
        assert_eq!(after(503, None), Again::Soon);
        assert_eq!(after(429, Some("soon")), Again::Soon);
        assert_eq!(
            (after(500, Some("9")), after(404, Some("9")), after(302, None)),
            (Again::Soon, Again::Never, Again::Never)
        );
        let date = |seconds: i64| {
            let at = Timestamp::from_second(1_790_000_000 + seconds).unwrap_or_default();
            jiff::fmt::rfc2822::to_string(&at.to_zoned(jiff::tz::TimeZone::UTC)).unwrap_or_default()
        };
        let (later, before) = (date(7), date(-7));
        assert_eq!(after(429, Some(&later)), Again::After(Duration::from_secs(7)));
        assert_eq!(after(429, Some("Mon, 21 Sep 2026 14:13:27 GMT")), Again::After(Duration::from_secs(7)));
        assert_eq!(after(503, Some(&before)), Again::After(Duration::ZERO));
        assert_eq!(pause(1, Again::After(Duration::from_secs(30)), 0.5), Some(Duration::from_secs(30)));
        assert_eq!(pause(1, Again::After(Duration::from_secs(31)), 0.5), None);
    }
}
