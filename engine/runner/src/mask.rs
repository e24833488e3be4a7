//! Takes secrets out of what programs print, before it is hashed, kept or shown.
//!
//! A secret is found as it is, in base64 (also inside a longer text, and in the URL alphabet), in hexadecimal, percent-
//! encoded and as JSON escapes it. In its place stands `[secret:NAME]`.

use crate::secret::Secrets;

/// Bytes an encoded form must have to be looked for: shorter ones stand everywhere by chance. The plain form is
/// looked for whatever its length.
const ENCODED_BYTES_MIN: usize = 6;

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Finds secrets in a stream of bytes that comes in pieces.
#[derive(Clone, Debug)]
pub struct Masker {
    /// What is looked for, longest first, and what stands there instead.
    needles: Vec<(Vec<u8>, String)>,
    /// Whether a needle begins with this byte.
    begins: [bool; 256],
    /// The end of what came, as it may be the beginning of a needle.
    pending: Vec<u8>,
}

impl Masker {
    /// Makes one for these secrets.
    #[must_use]
    pub fn new(secrets: &Secrets) -> Self {
        let mut needles: Vec<(Vec<u8>, String)> = Vec::new();
        for (name, value) in secrets.iter() {
            let shown = format!("[secret:{name}]");
            for form in forms(value) {
                if !needles.iter().any(|(known, _)| *known == form) {
                    needles.push((form, shown.clone()));
                }
            }
        }
        needles.sort_by_key(|(needle, _)| std::cmp::Reverse(needle.len()));
        let mut begins = [false; 256];
        for byte in needles.iter().filter_map(|(needle, _)| needle.first()) {
            if let Some(mark) = begins.get_mut(usize::from(*byte)) {
                *mark = true;
            }
        }
        Self { needles, begins, pending: Vec::new() }
    }

    /// Takes the next piece, and gives what can be told for sure: all but an end that may begin a secret.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.pending.extend_from_slice(bytes);
        self.scan(false)
    }

    /// Gives the rest: nothing more comes.
    pub fn finish(&mut self) -> Vec<u8> {
        self.scan(true)
    }

    /// Masks a whole text.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        let mut whole = Self { pending: Vec::new(), ..self.clone() };
        let mut bytes = whole.push(text.as_bytes());
        bytes.extend(whole.finish());
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn scan(&mut self, last: bool) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.pending.len());
        let mut rest = self.pending.as_slice();
        while let Some((&byte, after)) = rest.split_first() {
            if self.begins.get(usize::from(byte)).copied().unwrap_or_default() {
                // Longest first: one that may still become whole goes before a shorter one that is.
                let found = self
                    .needles
                    .iter()
                    .find(|(needle, _)| rest.starts_with(needle) || (!last && needle.starts_with(rest)));
                match found {
                    Some((needle, shown)) if rest.starts_with(needle) => {
                        out.extend_from_slice(shown.as_bytes());
                        rest = rest.get(needle.len()..).unwrap_or_default();
                        continue;
                    }
                    Some(_) => break,
                    None => {}
                }
            }
            out.push(byte);
            rest = after;
        }
        self.pending = rest.to_vec();
        out
    }
}

fn forms(value: &str) -> Vec<Vec<u8>> {
    let bytes = value.as_bytes();
    let mut encoded = vec![
        bytes.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect(),
        bytes.iter().flat_map(|byte| format!("{byte:02X}").into_bytes()).collect(),
        percent(bytes, false),
        percent(bytes, true),
        serde_json::Value::from(value).to_string().trim_matches('"').as_bytes().to_vec(),
    ];
    for shift in 0..3 {
        let standard = base64_inside(bytes, shift);
        encoded.push(
            standard
                .iter()
                .map(|byte| match byte {
                    b'+' => b'-',
                    b'/' => b'_',
                    other => *other,
                })
                .collect(),
        );
        encoded.push(standard);
    }
    encoded.retain(|form| form.len() >= ENCODED_BYTES_MIN);
    encoded.push(bytes.to_vec());
    // A secret of several lines is also printed a line at a time.
    if value.contains('\n') {
        encoded
            .extend(value.lines().filter(|line| line.len() >= ENCODED_BYTES_MIN).map(|line| line.as_bytes().to_vec()));
    }
    encoded
}

fn percent(bytes: &[u8], lower: bool) -> Vec<u8> {
    let mut out = Vec::new();
    for &byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte),
            _ if lower => out.extend(format!("%{byte:02x}").into_bytes()),
            _ => out.extend(format!("%{byte:02X}").into_bytes()),
        }
    }
    out
}

/// The base64 digits that are the same whatever stands before and behind, where `shift` bytes of a group of three
/// stand before.
fn base64_inside(bytes: &[u8], shift: usize) -> Vec<u8> {
    let bit = |index: usize| {
        let byte = index.checked_sub(shift * 8).and_then(|index| Some((bytes.get(index / 8)?, index % 8)));
        byte.is_some_and(|(byte, offset)| byte >> (7 - offset) & 1 == 1)
    };
    let first = (shift * 8).div_ceil(6);
    let behind = (shift + bytes.len()) * 8 / 6;
    (first..behind)
        .map(|digit| {
            let value = (0..6).fold(0_usize, |value, offset| value << 1 | usize::from(bit(digit * 6 + offset)));
            BASE64.get(value).copied().unwrap_or(b'A')
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::indexing_slicing, reason = "a failing test may stop where it is")]

    use super::*;

    fn masker(list: &[(&str, &str)]) -> Masker {
        let mut secrets = Secrets::default();
        for (name, value) in list {
            secrets.insert((*name).to_owned(), (*value).to_owned());
        }
        Masker::new(&secrets)
    }

    #[test]
    fn a_secret_is_found_in_every_form() {
        let masker = masker(&[("KEY", "s3cr/t \"v\"")]);
        // printf 's3cr/t "v"' | base64; printf 'user:s3cr/t "v"' | base64; printf 'ab:s3cr/t "v"!' | base64
        for text in [
            "s3cr/t \"v\"",
            "s3cr\\/t \"v\"".replace("\\/", "/").as_str(),
            "s3cr/t \\\"v\\\"",
            "s3cr%2Ft%20%22v%22",
            "s3cr%2ft%20%22v%22",
            "733363722f742022762 2".replace(' ', "").as_str(),
            "czNjci90ICJ2Ig==",
        ] {
            let shown = masker.text(&format!("<{text}>"));
            assert!(shown.contains("[secret:KEY]"), "{text} stays in {shown}");
        }
        for (text, inside) in [("dXNlcjpzM2NyL3QgInYi", "zM2NyL3QgIn"), ("YWI6czNjci90ICJ2IiE=", "czNjci90ICJ2I")] {
            let shown = masker.text(text);
            assert!(shown.contains("[secret:KEY]") && !shown.contains(inside), "{text} stays in {shown}");
        }
    }

    #[test]
    fn pieces_cut_anywhere_give_what_the_whole_gives() {
        let masker = masker(&[("A", "abcabd"), ("B", "cabd-long"), ("C", "zz")]);
        let text = "xabcabcabd-longabcabdzzzab";
        let whole = masker.text(text);
        for cut in 0..text.len() {
            for second in cut..text.len() {
                let mut streamed = masker.clone();
                let mut out = streamed.push(&text.as_bytes()[..cut]);
                out.extend(streamed.push(&text.as_bytes()[cut..second]));
                out.extend(streamed.push(&text.as_bytes()[second..]));
                out.extend(streamed.finish());
                assert_eq!(String::from_utf8_lossy(&out), whole, "cut at {cut} and {second}");
            }
        }
        assert_eq!(whole, "xabc[secret:A]-long[secret:A][secret:C]zab");
    }
}
