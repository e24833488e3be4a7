//! Keys, from the bytes a terminal sends.

/// A key that means something here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// A character that can be seen, or a blank.
    Character(char),
    /// Return.
    Enter,
    /// Escape, alone.
    Escape,
    /// Backspace or delete.
    Erase,
    /// Ctrl-W: the last word.
    EraseWord,
    /// Ctrl-U: the whole line.
    EraseLine,
}

/// Makes keys of bytes, which may come in any pieces.
#[derive(Debug, Default)]
pub struct Keys {
    /// The bytes of a character or a sequence that is not whole yet.
    open: Vec<u8>,
}

/// Bytes of the longest sequence that is waited for: no terminal sends more for a key.
const SEQUENCE_BYTES_MAX: usize = 32;

impl Keys {
    /// Takes what was read at once. Escape at its very end is the key; before anything else it begins a sequence, such
    /// as an arrow's, which means nothing here.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Key> {
        let mut keys = Vec::new();
        for &byte in bytes {
            self.open.push(byte);
            match self.open.as_slice() {
                [0x1b] | [0x1b, b'[' | b'O'] => {}
                [0x1b, b'[', .., last] if !(0x40..=0x7e).contains(last) && self.open.len() < SEQUENCE_BYTES_MAX => {}
                [0x1b, ..] => self.open.clear(),
                open => match std::str::from_utf8(open) {
                    Ok(text) => {
                        keys.extend(text.chars().filter_map(key));
                        self.open.clear();
                    }
                    Err(error) if error.error_len().is_some() => self.open.clear(),
                    Err(_) => {}
                },
            }
        }
        if self.open == [0x1b] {
            self.open.clear();
            keys.push(Key::Escape);
        }
        keys
    }
}

fn key(character: char) -> Option<Key> {
    match character {
        '\r' | '\n' => Some(Key::Enter),
        '\u{8}' | '\u{7f}' => Some(Key::Erase),
        '\u{15}' => Some(Key::EraseLine),
        '\u{17}' => Some(Key::EraseWord),
        character if character.is_control() => None,
        character => Some(Key::Character(character)),
    }
}

/// The last keys of a line being typed: the text as far as it goes.
pub fn edit(text: &mut String, key: Key) {
    match key {
        Key::Character(character) => text.push(character),
        Key::Erase => {
            text.pop();
        }
        Key::EraseWord => {
            let kept = text.trim_end().rfind(char::is_whitespace).map_or(0, |at| at + 1);
            text.truncate(kept);
        }
        Key::EraseLine => text.clear(),
        Key::Enter | Key::Escape => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_come_whole_however_they_are_cut() {
        let mut keys = Keys::default();
        assert_eq!(keys.feed("yé".get(..1).unwrap_or_default().as_bytes()), [Key::Character('y')]);
        assert_eq!(keys.feed(&[0xc3]), []);
        assert_eq!(keys.feed(&[0xa9, b'\r']), [Key::Character('é'), Key::Enter]);
        assert_eq!(keys.feed(&[0xff, b'n']), [Key::Character('n')]);
    }

    #[test]
    fn arrows_mean_nothing_and_escape_alone_does() {
        let mut keys = Keys::default();
        assert_eq!(keys.feed(b"\x1b[A\x1b[1;5Cy\x1bOPn"), [Key::Character('y'), Key::Character('n')]);
        assert_eq!(keys.feed(b"\x1b"), [Key::Escape]);
        assert_eq!(keys.feed(b"\x1b["), []);
        assert_eq!(keys.feed(b"Bx"), [Key::Character('x')]);
        assert_eq!(keys.feed(b"\x00\x03\x04"), []);
    }

    #[test]
    fn a_line_is_edited_at_its_end() {
        let mut text = "one two".to_owned();
        edit(&mut text, Key::EraseWord);
        edit(&mut text, Key::Character('é'));
        assert_eq!(text, "one é");
        edit(&mut text, Key::Erase);
        edit(&mut text, Key::Erase);
        assert_eq!(text, "one");
        edit(&mut text, Key::EraseLine);
        assert_eq!(text, "");
    }
}
