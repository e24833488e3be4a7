//! What is on a terminal: the screen as it stands, what scrolled off it, and everything that was ever printed.

use std::num::NonZeroU16;

use vte::Perform;

/// How many rows are kept after they scrolled off.
const SCROLLBACK_ROWS: usize = 20_000;

/// A terminal's screen, fed with what a program writes.
pub struct Screen {
    terminal: vt100::Parser,
    reader: vte::Parser,
    heard: Heard,
}

impl Screen {
    /// Makes an empty screen of this many rows and columns.
    #[must_use]
    pub fn new(rows: NonZeroU16, columns: NonZeroU16) -> Self {
        Self {
            terminal: vt100::Parser::new(rows, columns, SCROLLBACK_ROWS),
            reader: vte::Parser::new(),
            heard: Heard::default(),
        }
    }

    /// Takes what a program wrote.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.terminal.process(bytes);
        self.reader.advance(&mut self.heard, bytes);
    }

    /// Everything printed so far, without escapes; a line drawn over is there each time it was drawn.
    #[must_use]
    pub fn heard(&self) -> &str {
        &self.heard.text
    }

    /// The line that the cursor is in, or the last one above it that is not blank: where a prompt is. With it the row it ends in,
    /// counted from the first row ever printed.
    #[must_use]
    pub fn prompt(&self) -> (usize, String) {
        let screen = self.terminal.screen();
        let (_, columns) = screen.size();
        let (cursor, _) = screen.cursor_position();
        let mut rows: Vec<_> = screen.rows(0, columns.get()).take(usize::from(cursor) + 1).collect();
        while rows.pop_if(|row| row.trim().is_empty()).is_some() {}
        let row = (screen.scrollback_len() + rows.len()).saturating_sub(1);
        (row, unwrapped(rows, |row| screen.row_wrapped(row)).pop().unwrap_or_default())
    }

    /// The whole page, from the first row to the last that is not blank, as a person sees who scrolls up at the end.
    #[must_use]
    pub fn page(&mut self) -> String {
        let screen = self.terminal.screen_mut();
        let (_, columns) = screen.size();
        let back = screen.scrollback_len();
        let mut rows = Vec::new();
        let mut wrapped = Vec::new();
        for offset in (1..=back).rev() {
            screen.set_scrollback(offset);
            rows.extend(screen.rows(0, columns.get()).take(1));
            wrapped.push(screen.row_wrapped(0));
        }
        screen.set_scrollback(0);
        for (row, text) in (0..).zip(screen.rows(0, columns.get())) {
            rows.push(text);
            wrapped.push(screen.row_wrapped(row));
        }
        let lines = unwrapped(rows, |row| wrapped.get(usize::from(row)).copied().unwrap_or(false));
        let page = lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n");
        format!("{}\n", page.trim_end())
    }
}

/// Joins rows that are one line, too long for the screen.
fn unwrapped(rows: Vec<String>, goes_on: impl Fn(u16) -> bool) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut open = false;
    for (row, text) in (0..).zip(rows) {
        match lines.last_mut() {
            Some(line) if open => line.push_str(&text),
            _ => lines.push(text),
        }
        open = goes_on(row);
    }
    lines
}

/// The text of a stream without its escapes.
#[derive(Default)]
struct Heard {
    text: String,
    at_start: bool,
}

impl Perform for Heard {
    fn print(&mut self, c: char) {
        // Back at the start of a line and printing: it is drawn again, which is another line to whoever listens.
        if std::mem::take(&mut self.at_start) && !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
        self.text.push(c);
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            b'\n' => {
                self.text.push('\n');
                self.at_start = false;
            }
            b'\r' => self.at_start = true,
            b'\t' => self.text.push('\t'),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::Screen;

    fn screen(rows: u16, columns: u16, text: &str) -> Screen {
        let mut screen = Screen::new(rows.try_into().unwrap(), columns.try_into().unwrap());
        screen.feed(text.as_bytes());
        screen
    }

    #[test]
    fn a_line_drawn_over_is_heard_twice_and_seen_once() {
        let mut screen = screen(5, 40, "waiting 3 s\r\u{1b}[2Kwaiting 2 s\r\n\u{1b}[1mgo on?\u{1b}[0m [y/n] ");
        assert_eq!(screen.heard(), "waiting 3 s\nwaiting 2 s\ngo on? [y/n] ");
        assert_eq!(screen.page(), "waiting 2 s\ngo on? [y/n]\n");
        assert_eq!(screen.prompt(), (1, "go on? [y/n] ".to_owned()));
    }

    #[test]
    fn what_scrolled_off_is_on_the_page_and_long_lines_are_whole() {
        let long = "x".repeat(25);
        let mut screen = screen(3, 10, &format!("one\r\ntwo\r\n{long}\r\nend"));
        assert_eq!(screen.page(), format!("one\ntwo\n{long}\nend\n"));
        assert_eq!(screen.prompt(), (5, "end".to_owned()));
    }

    #[test]
    fn a_prompt_above_a_blank_row_is_found() {
        let screen = screen(5, 40, "may I? [y/n/?]\r\n");
        assert_eq!(screen.prompt(), (0, "may I? [y/n/?]".to_owned()));
    }
}
