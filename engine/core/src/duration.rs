//! Durations as people write them: `250ms`, `30s`, `5m`, `1h30m`, `30d`.

use std::time::Duration;

/// Longest duration a runbook may name: ten years. Deadlines stay far from the end of representable time.
pub const DURATION_MAX: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Reads a duration: one or more of a whole number and a unit (`ms` `s` `m` `h` `d`), largest unit first, no spaces.
///
/// # Errors
/// A sentence saying what is wanted, when the text is of another form, out of order or past [`DURATION_MAX`].
pub fn parse(text: &str) -> Result<Duration, String> {
    const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
    let wrong = || {
        format!("{text:?} is no duration: write a whole number and a unit (ms, s, m, h, d), such as 30s, 5m or 1h30m")
    };
    let mut rest = text;
    let mut millis: u64 = 0;
    let mut next_unit = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at(digits);
        let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, after) = after.split_at(letters);
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let position = UNITS.iter().position(|(name, _)| *name == unit).ok_or_else(wrong)?;
        if position < next_unit {
            return Err(format!("{text:?} is no duration: its units go from large to small, each once"));
        }
        next_unit = position + 1;
        let factor = UNITS.get(position).map_or(1, |(_, factor)| *factor);
        millis = number.checked_mul(factor).and_then(|more| millis.checked_add(more)).ok_or_else(wrong)?;
        rest = after;
    }
    if text.is_empty() {
        return Err(wrong());
    }
    let duration = Duration::from_millis(millis);
    if duration > DURATION_MAX {
        return Err(format!("{text:?} is longer than ten years"));
    }
    Ok(duration)
}

/// Writes a duration the way [`parse`] reads it, exact to the millisecond: `1h30m`, `0s`.
#[must_use]
pub fn format(duration: Duration) -> String {
    let mut millis = duration.as_millis();
    if millis == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, factor) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)] {
        let count = millis / factor;
        if count > 0 {
            text.push_str(&count.to_string());
            text.push_str(unit);
            millis -= count * factor;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for text in ["250ms", "30s", "5m", "1h30m", "30d", "1d2h3m4s5ms", "0s"] {
            assert_eq!(parse(text).map(format), Ok(text.to_owned()));
        }
        assert_eq!(parse("90s").map(format), Ok("1m30s".to_owned()));
    }

    #[test]
    fn refuses_what_is_no_duration() {
        for text in ["", "5", "m", "5 m", "-5m", "5m1h", "5m5m", "1.5h", "5y", "99999999999999999999s", "4000d"] {
            assert!(parse(text).is_err(), "{text:?} was read");
        }
    }
}
