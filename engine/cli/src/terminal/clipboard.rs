//! Puts text on the clipboard of whoever sits at the terminal, also through SSH: OSC 52.

/// Bytes of text that terminals take at least.
const COPY_BYTES_MAX: usize = 8 << 10;

/// The sequence that asks the terminal to copy a text; `None` when it is too long for some terminals.
#[must_use]
pub fn copy_sequence(text: &str) -> Option<String> {
    (text.len() <= COPY_BYTES_MAX).then(|| format!("\u{1b}]52;c;{}\u{7}", base64(text.as_bytes())))
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for piece in bytes.chunks(3) {
        let byte = |at: usize| u32::from(piece.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let index = (bits >> (18 - 6 * place)) & 63;
            let letter = ALPHABET.get(index as usize).copied().unwrap_or(b'=');
            out.push(if place <= piece.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_as_rfc_4648_says() {
        let pairs =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE=")];
        for (plain, coded) in pairs {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
        assert_eq!(copy_sequence("foobar").as_deref(), Some("\u{1b}]52;c;Zm9vYmFy\u{7}"));
        assert_eq!(copy_sequence(&"x".repeat(9 << 10)), None);
    }
}
