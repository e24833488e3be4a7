//! From bytes to text: size, encoding, and characters that a person cannot see and a machine obeys.

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::limits::FILE_BYTES_MAX;
use crate::source::{SourceFile, Span};

/// Bytes that are kept of a file that is too large to be read: enough to show where it begins.
const EXCERPT_BYTES: usize = 4 << 10;

/// Takes the bytes of a file as text. `false` when it is not fit to be read further; what is wrong is then in `sink`.
pub(super) fn decode(name: &str, bytes: &[u8], sink: &mut Diagnostics) -> (SourceFile, bool) {
    if bytes.len() > FILE_BYTES_MAX {
        let excerpt = String::from_utf8_lossy(bytes.get(..EXCERPT_BYTES).unwrap_or_default());
        let title = format!("the file has {} bytes; {FILE_BYTES_MAX} are allowed", bytes.len());
        sink.push(
            Diagnostic::new(Code::OverLimit, Span::at(0), title)
                .help("keep data in files of its own, and name them in the runbook"),
        );
        return (SourceFile::new(name, excerpt.as_ref()), false);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => {
            let source = SourceFile::new(name, text);
            let readable = report_hidden(&source, sink);
            (source, readable)
        }
        Err(error) => {
            let source = SourceFile::new(name, String::from_utf8_lossy(bytes).as_ref());
            let at = error.valid_up_to();
            let byte = bytes.get(at).copied().unwrap_or_default();
            // The text shown has a replacement character of three bytes where the first invalid byte was.
            let span = Span::new(at, at + char::REPLACEMENT_CHARACTER.len_utf8());
            sink.push(
                Diagnostic::new(Code::NotUtf8, span, format!("byte 0x{byte:02x} is not UTF-8"))
                    .label("shown here as \u{fffd}")
                    .help("save the file as UTF-8"),
            );
            (source, false)
        }
    }
}

/// Reports every character that hides. `false` when one is there that readers of YAML stop at.
fn report_hidden(source: &SourceFile, sink: &mut Diagnostics) -> bool {
    let text = source.text();
    let mut readable = true;
    let mut characters = text.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        if !may_hide(c) {
            continue;
        }
        if sink.is_full() {
            return false;
        }
        let reason = match c {
            '\r' if characters.peek().is_some_and(|&(_, next)| next == '\n') => continue,
            '\u{feff}' if at == 0 => continue,
            '\r' => "a carriage return without a line feed ends a line for some readers only",
            '\u{85}' | '\u{2028}' | '\u{2029}' => "it ends a line for some readers only",
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => "it changes the order in which the line is shown",
            '\u{feff}' => "a byte order mark may stand at the start of the file only",
            _ => {
                readable = false;
                "it is a control character"
            }
        };
        let escape =
            if c < '\u{100}' { format!("\\x{:02x}", u32::from(c)) } else { format!("\\u{:04x}", u32::from(c)) };
        sink.push(
            Diagnostic::new(
                Code::HiddenCharacter,
                Span::new(at, at + c.len_utf8()),
                format!("hidden character {escape}"),
            )
            .label(reason)
            .help(format!("remove it, or write {escape} in double quotes")),
        );
    }
    readable
}

/// A quick look that lets nearly every character pass.
fn may_hide(c: char) -> bool {
    match c {
        '\n' | '\t' | ' '..='~' => false,
        '\0'..='\u{9f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => true,
        _ => matches!(u32::from(c) & 0xffff, 0xfffe | 0xffff) || ('\u{fdd0}'..='\u{fdef}').contains(&c),
    }
}

/// The line break a file should end with and does not. Readers of YAML differ on whether a text that ends so has one.
pub(super) fn missing_newline(text: &str) -> &'static str {
    if text.is_empty() || text.ends_with('\n') { "" } else { "\n" }
}

/// The byte order mark a file may begin with, and the rest.
pub(super) fn without_mark(text: &str) -> (&str, &str) {
    match text.strip_prefix('\u{feff}') {
        Some(rest) => text.split_at(text.len() - rest.len()),
        None => ("", text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(bytes: &[u8]) -> (Vec<(Code, usize)>, bool) {
        let mut sink = Diagnostics::new();
        let (_, readable) = decode("a.yaml", bytes, &mut sink);
        (sink.finish().iter().map(|d| (d.code, d.span.start)).collect(), readable)
    }

    #[test]
    fn takes_ordinary_text() {
        assert_eq!(codes("\u{feff}title: café 🌱\r\n\tx\n".as_bytes()), (vec![], true));
    }

    #[test]
    fn points_at_the_byte_that_is_not_utf_8() {
        assert_eq!(codes(b"# caf\xc3\xa9\na: \xff\n"), (vec![(Code::NotUtf8, 11)], false));
    }

    #[test]
    fn refuses_what_hides() {
        assert_eq!(codes(b"a: \0"), (vec![(Code::HiddenCharacter, 3)], false));
        let all = "a: b\u{85}c: \u{202e}d\re\u{feff}".as_bytes();
        let places = [4, 9, 13, 15].map(|at| (Code::HiddenCharacter, at)).to_vec();
        assert_eq!(codes(all), (places, true));
    }

    #[test]
    fn refuses_a_file_that_is_too_large_without_keeping_it() {
        let mut sink = Diagnostics::new();
        let (source, readable) = decode("a.yaml", &vec![b'a'; FILE_BYTES_MAX + 1], &mut sink);
        assert!(!readable && source.text().len() <= EXCERPT_BYTES);
        assert_eq!(sink.as_slice().first().map(|d| d.code), Some(Code::OverLimit));
    }
}
