//! The one way to write a JSON value: the bytes `jq -acS .` prints.
//!
//! Printable ASCII and nothing else (the rest as `\uXXXX`), keys sorted, no spaces, integers below 2^53. Floats and
//! nulls have no canonical form here and are refused with the path at which they stand.

use std::fmt;

use serde_json::{Map, Number, Value};

/// Largest integer that may be written, and its negative the smallest: above it, readers that count in doubles
/// disagree about the digits.
pub const INTEGER_MAX: u64 = (1 << 53) - 1;

/// Levels of arrays and objects. The deepest entry the engine writes has six; readers in other languages stop at
/// about a hundred.
pub const DEPTH_MAX: usize = 64;

/// Why a value has no canonical form, and where in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotCanonical {
    /// Where it stands: `d.params[2].value`; empty for the value itself.
    pub path: String,
    /// What is wrong there.
    pub why: Refused,
}

/// What cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// A null: what is not there is left out.
    Null,
    /// A number that is no integer, or was written as none (`1.0`).
    Fraction,
    /// An integer beyond [`INTEGER_MAX`] in either direction.
    TooLarge,
    /// More than [`DEPTH_MAX`] levels.
    TooDeep,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "a null cannot be recorded",
            Self::Fraction => "a number with a fraction cannot be recorded",
            Self::TooLarge => "an integer of 2^53 or more cannot be recorded",
            Self::TooDeep => "more than 64 levels of nesting cannot be recorded",
        })
    }
}

impl fmt::Display for NotCanonical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() { write!(f, "{}", self.why) } else { write!(f, "{}: {}", self.path, self.why) }
    }
}

impl std::error::Error for NotCanonical {}

impl NotCanonical {
    fn new(why: Refused) -> Self {
        Self { path: String::new(), why }
    }

    /// The same complaint, seen from an object that holds the value under `key`.
    #[must_use]
    pub fn inside_key(mut self, key: &str) -> Self {
        let separator = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{key}{separator}{}", self.path);
        self
    }

    fn inside_index(mut self, index: usize) -> Self {
        let separator = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("[{index}]{separator}{}", self.path);
        self
    }
}

/// Writes a value in canonical form, without a line end.
///
/// # Errors
/// [`NotCanonical`] when it holds a null, a fraction, an integer of 2^53 or more, or is nested too deeply.
pub fn encode(value: &Value, out: &mut Vec<u8>) -> Result<(), NotCanonical> {
    encode_value(value, out, 0)
}

/// Writes an object in canonical form, without a line end.
///
/// # Errors
/// As [`encode`].
pub fn encode_map(map: &Map<String, Value>, out: &mut Vec<u8>) -> Result<(), NotCanonical> {
    encode_map_at(map, out, 0)
}

fn encode_value(value: &Value, out: &mut Vec<u8>, depth: usize) -> Result<(), NotCanonical> {
    match value {
        Value::Null => return Err(NotCanonical::new(Refused::Null)),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => encode_number(number, out)?,
        Value::String(text) => encode_text(text, out),
        Value::Array(items) => {
            if depth >= DEPTH_MAX {
                return Err(NotCanonical::new(Refused::TooDeep));
            }
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                encode_value(item, out, depth + 1).map_err(|error| error.inside_index(index))?;
            }
            out.push(b']');
        }
        Value::Object(map) => encode_map_at(map, out, depth)?,
    }
    Ok(())
}

fn encode_map_at(map: &Map<String, Value>, out: &mut Vec<u8>, depth: usize) -> Result<(), NotCanonical> {
    if depth >= DEPTH_MAX {
        return Err(NotCanonical::new(Refused::TooDeep));
    }
    // A map keeps its keys sorted unless some crate in the build asked serde_json to keep the order of insertion.
    if map.keys().is_sorted() {
        encode_members(map.iter(), out, depth)
    } else {
        let mut members: Vec<_> = map.iter().collect();
        members.sort_by_key(|&(key, _)| key);
        encode_members(members.into_iter(), out, depth)
    }
}

fn encode_members<'a>(
    members: impl Iterator<Item = (&'a String, &'a Value)>,
    out: &mut Vec<u8>,
    depth: usize,
) -> Result<(), NotCanonical> {
    out.push(b'{');
    for (index, (key, value)) in members.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        encode_text(key, out);
        out.push(b':');
        encode_value(value, out, depth + 1).map_err(|error| error.inside_key(key))?;
    }
    out.push(b'}');
    Ok(())
}

fn encode_number(number: &Number, out: &mut Vec<u8>) -> Result<(), NotCanonical> {
    if let Some(integer) = number.as_u64() {
        encode_integer(integer, out)
    } else if let Some(integer) = number.as_i64() {
        // Only negative ones come here.
        out.push(b'-');
        encode_integer(integer.unsigned_abs(), out)
    } else {
        Err(NotCanonical::new(Refused::Fraction))
    }
}

/// Writes an integer.
///
/// # Errors
/// [`Refused::TooLarge`] at 2^53 and above.
pub fn encode_integer(integer: u64, out: &mut Vec<u8>) -> Result<(), NotCanonical> {
    if integer > INTEGER_MAX {
        return Err(NotCanonical::new(Refused::TooLarge));
    }
    let mut digits = [0_u8; 20];
    let mut rest = integer;
    let mut length = 0;
    for slot in digits.iter_mut().rev() {
        // A remainder of ten is a digit.
        *slot = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
        length += 1;
        if rest == 0 {
            break;
        }
    }
    out.extend(digits.iter().skip(digits.len() - length));
    Ok(())
}

/// Writes a text with its quotes.
pub fn encode_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut plain_from = 0;
    let mut units = [0_u16; 2];
    for (at, character) in text.char_indices() {
        let escape: &[u8] = match character {
            '"' => b"\\\"",
            '\\' => b"\\\\",
            '\n' => b"\\n",
            '\t' => b"\\t",
            '\r' => b"\\r",
            '\u{8}' => b"\\b",
            '\u{c}' => b"\\f",
            ' '..='~' => continue,
            _ => b"",
        };
        out.extend_from_slice(bytes.get(plain_from..at).unwrap_or_default());
        plain_from = at + character.len_utf8();
        if escape.is_empty() {
            for unit in character.encode_utf16(&mut units) {
                push_unit(*unit, out);
            }
        } else {
            out.extend_from_slice(escape);
        }
    }
    out.extend_from_slice(bytes.get(plain_from..).unwrap_or_default());
    out.push(b'"');
}

fn push_unit(unit: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\\u");
    for byte in unit.to_be_bytes() {
        out.extend_from_slice(&hex(byte));
    }
}

/// The two lowercase hexadecimal digits of a byte.
pub(crate) fn hex(byte: u8) -> [u8; 2] {
    let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
    [digit(byte >> 4), digit(byte & 15)]
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

    use serde_json::json;

    use super::*;

    fn text(value: &Value) -> String {
        let mut out = Vec::new();
        encode(value, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn only_printable_ascii_is_written() {
        assert_eq!(text(&json!("a\"\\/\n\t\r\u{8}\u{c}~ ")), r#""a\"\\/\n\t\r\b\f~ ""#);
        assert_eq!(text(&json!("\0\u{1b}\u{7f}\u{85}\u{202e}é")), r#""\u0000\u001b\u007f\u0085\u202e\u00e9""#);
        assert_eq!(text(&json!("\u{1f600}")), r#""\ud83d\ude00""#);
    }

    #[test]
    fn keys_are_sorted_and_integers_are_whole() {
        let value = json!({"b": [0, -5, 10, INTEGER_MAX], "a": {"z": true, "y": false}, "": {}});
        assert_eq!(text(&value), r#"{"":{},"a":{"y":false,"z":true},"b":[0,-5,10,9007199254740991]}"#);
    }

    #[test]
    fn what_has_no_form_is_refused_with_its_path() {
        let refused = |value: &Value| encode(value, &mut Vec::new()).unwrap_err().to_string();
        assert_eq!(refused(&json!({"d": {"a": [1, [null]]}})), "d.a[1][0]: a null cannot be recorded");
        assert_eq!(refused(&json!({"d": [{"x": 1.5}]})), "d[0].x: a number with a fraction cannot be recorded");
        assert_eq!(refused(&json!(1_u64 << 53)), "an integer of 2^53 or more cannot be recorded");
        assert_eq!(refused(&json!(-(1_i64 << 53))), "an integer of 2^53 or more cannot be recorded");
        assert_eq!(text(&json!(-((1_i64 << 53) - 1))), "-9007199254740991");
        let mut deep = json!([]);
        for _ in 1..DEPTH_MAX {
            deep = json!([deep]);
        }
        assert_eq!(text(&deep).len(), 2 * DEPTH_MAX);
        let error = encode(&json!([deep]), &mut Vec::new()).unwrap_err();
        assert_eq!(error.why, Refused::TooDeep);
    }
}
