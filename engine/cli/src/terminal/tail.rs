//! The last lines of what a process writes, as it writes them.

use std::collections::VecDeque;

/// Lines that are shown.
pub const LINES: usize = 4;
/// Characters kept of a line; no terminal is wider.
const LINE_CHARACTERS_MAX: usize = 400;

/// The last lines of a stream.
#[derive(Debug, Clone, Default)]
pub struct Tail {
    lines: VecDeque<String>,
    /// The line that is not ended, as bytes: a character may come in pieces.
    open: Vec<u8>,
    /// The open line begins anew with the next byte, as a progress bar's does.
    returned: bool,
}

impl Tail {
    /// Takes what was written.
    pub fn feed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            match byte {
                b'\n' => {
                    self.returned = false;
                    let line = std::mem::take(&mut self.open);
                    self.lines.push_back(readable(&line));
                    if self.lines.len() > LINES {
                        self.lines.pop_front();
                    }
                }
                b'\r' => self.returned = true,
                _ => {
                    if std::mem::take(&mut self.returned) {
                        self.open.clear();
                    }
                    if self.open.len() < 4 * LINE_CHARACTERS_MAX {
                        self.open.push(byte);
                    }
                }
            }
        }
    }

    /// The last lines, the open one among them; not harmless yet.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let open = (!self.open.is_empty()).then(|| readable(&self.open));
        let skip = (self.lines.len() + usize::from(open.is_some())).saturating_sub(LINES);
        self.lines.iter().skip(skip).cloned().chain(open)
    }
}

/// A line as text: bytes that are none are replaced, and colours are left out.
fn readable(line: &[u8]) -> String {
    without_colours(&String::from_utf8_lossy(line)).chars().take(LINE_CHARACTERS_MAX).collect()
}

/// A text without the colours a program meant for a terminal; other escapes stay, to be shown.
#[must_use]
pub fn without_colours(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("\u{1b}[") {
        out.push_str(rest.get(..at).unwrap_or_default());
        let after = rest.get(at + 2..).unwrap_or_default();
        let end = after.find(|c: char| !(c.is_ascii_digit() || c == ';')).unwrap_or(after.len());
        match after.get(end..) {
            Some(tail) if tail.starts_with('m') => rest = tail.get(1..).unwrap_or_default(),
            _ => {
                out.push_str("\u{1b}[");
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<String> {
        let mut tail = Tail::default();
        for piece in pieces {
            tail.feed(piece);
        }
        tail.lines().collect()
    }

    #[test]
    fn the_last_lines_are_kept_with_the_open_one() {
        assert_eq!(lines(&[b"1\n2\n3\n4\n5\n6"]), ["3", "4", "5", "6"]);
        assert_eq!(lines(&[b"caf\xc3", b"\xa9\n\xff"]), ["café", "\u{fffd}"]);
        assert_eq!(lines(&[]), Vec::<String>::new());
    }

    #[test]
    fn a_progress_bar_is_its_last_state() {
        assert_eq!(lines(&[b"10%\r20%\r", b"30%"]), ["30%"]);
        assert_eq!(lines(&[b"done\r\nnext"]), ["done", "next"]);
    }

    #[test]
    fn colours_are_left_out_and_other_escapes_stay_to_be_shown() {
        assert_eq!(lines(&[b"\x1b[1;31mred\x1b[0m \x1b[2J"]), ["red \u{1b}[2J"]);
    }

    #[test]
    fn an_endless_line_takes_little_memory() {
        let mut tail = Tail::default();
        for _ in 0..1000 {
            tail.feed(&[b'x'; 10_000]);
        }
        assert!(tail.open.capacity() < 10_000);
        assert_eq!(tail.lines().next().map(|line| line.len()), Some(LINE_CHARACTERS_MAX));
    }
}
