//! Text from outside, made unable to do anything to the screen or page that shows it.

/// Longest piece of output, message or value in one line of a report, in characters. The whole is in the transcript.
pub const EXCERPT_CHARACTERS_MAX: usize = 400;

/// The text on one line, with nothing in it that a terminal or a browser would obey: control characters are shown as
/// their pictures (`␛`), line ends as `⏎`, other invisible or direction-changing characters as `\u{202e}`.
#[must_use]
pub fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut characters = text.trim_end_matches(['\n', '\r']).chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\r' if characters.peek() == Some(&'\n') => {}
            '\n' => shown.push_str(" ⏎ "),
            '\t' => shown.push(' '),
            '\u{7f}' => shown.push('␡'),
            '\0'..='\u{1f}' => shown.push(char::from_u32(0x2400 + u32::from(character)).unwrap_or('␦')),
            _ if obeyed(character) => shown.extend(character.escape_unicode()),
            _ => shown.push(character),
        }
    }
    shown
}

/// Whether a character changes how those around it are shown, or hides.
fn obeyed(character: char) -> bool {
    matches!(character,
        // C1 controls; a terminal may obey 0x9b as it does ESC [.
        '\u{80}'..='\u{9f}'
        // Marks and overrides of direction.
        | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}'
        // Invisible: zero-width space, soft hyphen, word joiner, byte order mark, fillers.
        | '\u{ad}' | '\u{200b}' | '\u{2060}'..='\u{2065}' | '\u{feff}' | '\u{3164}' | '\u{115f}' | '\u{1160}' | '\u{ffa0}'
        // Line ends that are not '\n'.
        | '\u{2028}' | '\u{2029}'
        // Interlinear annotation, tags.
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The text as [`harmless`], cut to [`EXCERPT_CHARACTERS_MAX`].
#[must_use]
pub fn excerpt(text: &str) -> String {
    // Control characters grow when they are shown, so the cut comes after; but not over megabytes.
    let enough = text.char_indices().nth(EXCERPT_CHARACTERS_MAX + 2).map_or(text.len(), |(at, _)| at);
    let shown = harmless(text.get(..enough).unwrap_or(text));
    match shown.char_indices().nth(EXCERPT_CHARACTERS_MAX) {
        Some((at, _)) => format!("{}…", shown.get(..at).unwrap_or(&shown)),
        None => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_shown_instead() {
        assert_eq!(harmless("\u{1b}[2J\u{1b}]0;title\u{7}"), "␛[2J␛]0;title␇");
        assert_eq!(harmless("a\u{9b}31mred"), "a\\u{9b}31mred");
        assert_eq!(harmless("one\r\ntwo\tthree\rfour\n\n"), "one ⏎ two three␍four");
        assert_eq!(harmless("user\u{202e}txt.exe\u{200b}"), "user\\u{202e}txt.exe\\u{200b}");
        assert_eq!(harmless("café 日本 👩‍🚒"), "café 日本 👩‍🚒");
        assert_eq!(harmless("\0\u{7f}"), "␀␡");
    }

    #[test]
    fn an_excerpt_is_short_whatever_comes() {
        assert_eq!(excerpt("dns1\n"), "dns1");
        assert_eq!(excerpt(&"é".repeat(5000)).chars().count(), EXCERPT_CHARACTERS_MAX + 1);
        assert_eq!(excerpt(&"\u{202e}".repeat(5000)).chars().count(), EXCERPT_CHARACTERS_MAX + 1);
        assert_eq!(excerpt(&"x".repeat(EXCERPT_CHARACTERS_MAX)), "x".repeat(EXCERPT_CHARACTERS_MAX));
    }
}
