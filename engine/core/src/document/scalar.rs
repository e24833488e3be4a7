//! What a plain scalar is: the core types of YAML 1.2, and the texts on which readers of YAML do not agree.

/// The value of a scalar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Resolved<'a> {
    /// `null`, `~` or nothing at all.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction or an exponent, also `.inf` and `.nan`.
    Number(f64),
    /// Any other text.
    Text(&'a str),
}

/// Resolves the text of a plain scalar. Texts that [`dispute`] names are text here.
#[must_use]
pub(super) fn resolve(text: &str) -> Resolved<'_> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Resolved::Null,
        "true" | "True" | "TRUE" => return Resolved::Bool(true),
        "false" | "False" | "FALSE" => return Resolved::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Resolved::Number(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Resolved::Number(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Resolved::Number(f64::NEG_INFINITY),
        _ => {}
    }
    if dispute(text).is_some() {
        return Resolved::Text(text);
    }
    let radix = [("0x", 16), ("0o", 8)].iter().find_map(|&(prefix, radix)| Some((text.strip_prefix(prefix)?, radix)));
    if let Some((digits, radix)) = radix {
        return match i64::from_str_radix(digits, radix) {
            Ok(value) if !digits.starts_with(['+', '-']) => Resolved::Integer(value),
            _ => Resolved::Text(text),
        };
    }
    if is_decimal(text) {
        return text.parse().map_or(Resolved::Text(text), Resolved::Integer);
    }
    match text.parse::<f64>() {
        Ok(value) if is_float(text) => Resolved::Number(value),
        _ => Resolved::Text(text),
    }
}

/// Why a plain scalar must be quoted: the part of a sentence after its text, when readers of YAML do not agree on
/// what it is; `None` for all others.
#[must_use]
pub(super) fn dispute(text: &str) -> Option<&'static str> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let signed = unsigned.len() < text.len();
    let digits = |radix: u32, digits: &str| !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
    if let Some(rest) = unsigned.strip_prefix("0b") {
        return digits(2, rest).then_some("is a binary number to some readers and text to others");
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(rest) = unsigned.strip_prefix(prefix) {
            return match (digits(radix, rest), signed) {
                (true, true) => Some("is a number to some readers and text to others"),
                (true, false) if i64::from_str_radix(rest, radix).is_err() => Some("is past the 64 bits of a number"),
                _ => None,
            };
        }
    }
    if is_decimal(text) {
        if unsigned.len() > 1 && unsigned.starts_with('0') {
            return Some("is decimal, octal or text, depending on the reader");
        }
        return text.parse::<i64>().is_err().then_some("is past the 64 bits of a number");
    }
    let infinite = is_float(text) && text.parse::<f64>().is_ok_and(f64::is_infinite);
    infinite.then_some("is past the largest number")
}

/// `[-+]? [0-9]+`
fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

/// `[-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
fn is_float(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    all_digits(whole)
        && all_digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(is_decimal)
}

/// Whether a key can stand in a path without quotes.
pub(super) fn is_plain_name(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_core_types() {
        for (text, value) in [
            ("no", Resolved::Text("no")),
            ("yes", Resolved::Text("yes")),
            ("~", Resolved::Null),
            ("", Resolved::Null),
            ("True", Resolved::Bool(true)),
            ("0o17", Resolved::Integer(15)),
            ("0x1F", Resolved::Integer(31)),
            ("-0", Resolved::Integer(0)),
            ("+7", Resolved::Integer(7)),
            ("1_000", Resolved::Text("1_000")),
            (".5", Resolved::Number(0.5)),
            ("5.", Resolved::Number(5.0)),
            ("-1e3", Resolved::Number(-1000.0)),
            ("0123.5", Resolved::Number(123.5)),
            ("-.inf", Resolved::Number(f64::NEG_INFINITY)),
            ("inf", Resolved::Text("inf")),
            ("nan", Resolved::Text("nan")),
            (".", Resolved::Text(".")),
            ("1e", Resolved::Text("1e")),
            ("0x", Resolved::Text("0x")),
            ("0x+1", Resolved::Text("0x+1")),
            ("2027-03-01", Resolved::Text("2027-03-01")),
            ("10:30", Resolved::Text("10:30")),
        ] {
            assert_eq!(resolve(text), value, "{text:?}");
            assert_eq!(dispute(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_disputed_ones() {
        for text in
            ["0644", "-012", "00", "0b101", "-0x1F", "+0o7", "9223372036854775808", "1e999", "0xFFFFFFFFFFFFFFFF"]
        {
            assert!(dispute(text).is_some(), "{text:?}");
            assert_eq!(resolve(text), Resolved::Text(text));
        }
    }
}
