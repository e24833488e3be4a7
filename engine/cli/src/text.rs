//! Lines for a person: pieces of text, each with a style, harmless whatever they hold, and as wide as the screen.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthChar;

/// How a piece of a line looks. Every meaning stands in words too: a style only helps to find it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Style {
    /// As it is.
    #[default]
    Plain,
    /// Stands out: titles, what is asked.
    Strong,
    /// Stands back: numbers, hints.
    Faint,
    /// Went well.
    Good,
    /// Went wrong, or is dangerous.
    Bad,
    /// Needs a look: waits, warnings, doubts.
    Look,
    /// What runs.
    Command,
}

impl Style {
    fn codes(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Strong => "1",
            Self::Faint => "2",
            Self::Good => "32",
            Self::Bad => "31;1",
            Self::Look => "33",
            Self::Command => "36",
        }
    }
}

/// A piece of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    text: String,
    style: Style,
}

/// One line. Control characters, line breaks and what turns the direction of text are escaped as they come in, so that
/// nothing a program printed, an alert said or a person typed can do anything to a terminal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line {
    pieces: Vec<Piece>,
    /// How many of the first pieces stand before each part of it when it is broken.
    repeated: usize,
}

impl Line {
    /// An empty line.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A line of one plain piece.
    #[must_use]
    pub fn plain(text: &str) -> Self {
        Self::new().and(Style::Plain, text)
    }

    /// Adds a piece.
    #[must_use]
    pub fn and(mut self, style: Style, text: &str) -> Self {
        if !text.is_empty() {
            self.pieces.push(Piece { text: harmless(text), style });
        }
        self
    }

    /// Repeats what it holds so far before each part of it when it is broken: what a program printed never looks like a
    /// line of ours, however long it is.
    #[must_use]
    pub fn repeated(mut self) -> Self {
        self.repeated = self.pieces.len();
        self
    }

    /// The line with so many blanks before it.
    #[must_use]
    pub fn further_in(mut self, columns: usize) -> Self {
        if columns > 0 {
            self.pieces.insert(0, Piece { text: " ".repeat(columns), style: Style::Plain });
            self.repeated += usize::from(self.repeated > 0);
        }
        self
    }

    /// How many blanks it begins with.
    #[must_use]
    pub fn begins_at(&self) -> usize {
        let mut blanks = 0;
        for piece in &self.pieces {
            let rest = piece.text.trim_start_matches(' ');
            blanks += piece.text.len() - rest.len();
            if !rest.is_empty() {
                break;
            }
        }
        blanks
    }

    /// Adds another line behind this one.
    #[must_use]
    pub fn then(mut self, other: Self) -> Self {
        self.pieces.extend(other.pieces);
        self
    }

    /// The line without styles.
    #[must_use]
    pub fn text(&self) -> String {
        self.pieces.iter().map(|piece| piece.text.as_str()).collect()
    }

    /// How many columns it takes.
    #[must_use]
    pub fn width(&self) -> usize {
        self.pieces.iter().map(|piece| width(&piece.text)).sum()
    }

    /// The line cut to a width, with `…` where something is missing.
    #[must_use]
    pub fn fit(&self, columns: usize) -> Self {
        if self.width() <= columns {
            return self.clone();
        }
        let mut left = columns.saturating_sub(1);
        let mut pieces = Vec::new();
        for piece in &self.pieces {
            let text = take_width(&piece.text, left);
            left = left.saturating_sub(width(text));
            let is_whole = text.len() == piece.text.len();
            pieces.push(Piece { text: text.to_owned(), style: piece.style });
            if !is_whole {
                break;
            }
        }
        if columns > 0 {
            pieces.push(Piece { text: "…".to_owned(), style: Style::Faint });
        }
        Self { pieces, repeated: 0 }
    }

    /// The line cut into pieces of a width, as a terminal does by itself: nothing is moved, and nothing left out.
    #[must_use]
    pub fn rows(&self, columns: usize) -> Vec<Self> {
        // The widest character takes two.
        let columns = columns.max(2);
        let mut rows = vec![Self::new()];
        let mut used = 0;
        for piece in &self.pieces {
            let mut rest = piece.text.as_str();
            while !rest.is_empty() {
                let head = take_width(rest, columns - used);
                if head.is_empty() {
                    rows.push(Self::new());
                    used = 0;
                    continue;
                }
                used += width(head);
                rest = rest.get(head.len()..).unwrap_or_default();
                if let Some(row) = rows.last_mut() {
                    row.pieces.push(Piece { text: head.to_owned(), style: piece.style });
                }
            }
        }
        rows
    }

    /// The line broken into as many as it needs, the later ones indented; broken at blanks where that can be.
    #[must_use]
    pub fn wrap(&self, columns: usize, indent: usize) -> Vec<Self> {
        let begin = match self.pieces.get(..self.repeated) {
            Some(repeated) if !repeated.is_empty() => Self { pieces: repeated.to_vec(), repeated: 0 },
            _ => Self::plain(&" ".repeat(indent)),
        };
        let indent = begin.width();
        let columns = columns.max(indent + 8);
        let mut lines = Vec::new();
        let mut current = Self::new();
        let mut used = 0;
        for piece in &self.pieces {
            for word in words(&piece.text) {
                let mut rest = word;
                if used + width(rest.trim_end()) > columns && used > if lines.is_empty() { 0 } else { indent } {
                    lines.push(std::mem::take(&mut current).trimmed());
                    current = begin.clone();
                    used = indent;
                    rest = rest.trim_start_matches(' ');
                }
                while used + width(rest.trim_end()) > columns {
                    let head = take_width(rest, columns - used);
                    current.pieces.push(Piece { text: head.to_owned(), style: piece.style });
                    lines.push(std::mem::take(&mut current));
                    current = begin.clone();
                    used = indent;
                    rest = rest.get(head.len()..).unwrap_or_default();
                }
                used += width(rest);
                current.pieces.push(Piece { text: rest.to_owned(), style: piece.style });
            }
        }
        lines.push(current.trimmed());
        lines
    }

    fn trimmed(mut self) -> Self {
        while let Some(last) = self.pieces.last_mut() {
            last.text.truncate(last.text.trim_end().len());
            if !last.text.is_empty() {
                break;
            }
            self.pieces.pop();
        }
        self
    }

    /// The line as bytes for a terminal that knows colours, or without them. A style is switched on where it begins and
    /// off where it ends, however many pieces that is.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let mut out = String::new();
        let mut open = "";
        for piece in &self.pieces {
            let codes = if colour { piece.style.codes() } else { "" };
            if codes != open {
                out.push_str(if open.is_empty() { "" } else { "\u{1b}[0m" });
                if !codes.is_empty() {
                    // Writing to a String cannot fail.
                    let _ = write!(out, "\u{1b}[{codes}m");
                }
                open = codes;
            }
            out.push_str(&piece.text);
        }
        out.push_str(if open.is_empty() { "" } else { "\u{1b}[0m" });
        out
    }
}

impl From<&str> for Line {
    fn from(text: &str) -> Self {
        Self::plain(text)
    }
}

impl From<String> for Line {
    fn from(text: String) -> Self {
        Self::plain(&text)
    }
}

/// The text with everything that could move a cursor, hide or turn text shown in place of being done: `␛` for escape,
/// `␊` for a line break, `\u{202e}` for what turns text round.
#[must_use]
pub fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\t' => out.push_str("    "),
            '\u{0}'..='\u{1f}' => {
                out.push(char::from_u32(0x2400 + u32::from(character)).unwrap_or('\u{fffd}'));
            }
            '\u{7f}' => out.push('␡'),
            '\u{80}'..='\u{9f}'
            | '\u{61c}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}' => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{{{:x}}}", u32::from(character));
            }
            _ => out.push(character),
        }
    }
    out
}

/// How many columns a text takes.
#[must_use]
pub fn width(text: &str) -> usize {
    text.chars().map(|character| character.width().unwrap_or(0)).sum()
}

/// The text with blanks behind it up to a width.
#[must_use]
pub fn pad(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// As much of the text as fits.
fn take_width(text: &str, columns: usize) -> &str {
    let mut used = 0;
    for (at, character) in text.char_indices() {
        used += character.width().unwrap_or(0);
        if used > columns {
            return text.get(..at).unwrap_or_default();
        }
    }
    text
}

/// Words, each with the blanks behind it.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let leading = rest.len() - rest.trim_start_matches(' ').len();
        let blank = rest.get(leading..).and_then(|after| after.find(' ')).map_or(rest.len(), |at| leading + at);
        let after = rest.get(blank..).unwrap_or_default();
        let end = blank + (after.len() - after.trim_start_matches(' ').len());
        let (word, next) = rest.split_at(end);
        rest = next;
        Some(word)
    })
}

/// A table with its columns beside each other, each as wide as its widest cell; the last is not filled up.
#[must_use]
pub fn table(rows: &[Vec<(Style, String)>]) -> Vec<Line> {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        for (column, (_, cell)) in row.iter().enumerate() {
            let wanted = width(&harmless(cell));
            match widths.get_mut(column) {
                Some(known) => *known = (*known).max(wanted),
                None => widths.push(wanted),
            }
        }
    }
    let line = |row: &Vec<(Style, String)>| {
        let last = row.len().saturating_sub(1);
        row.iter().enumerate().fold(Line::new(), |line, (column, (style, cell))| {
            if column == last {
                return line.and(*style, cell);
            }
            let cell = harmless(cell);
            let gap = widths.get(column).copied().unwrap_or_default() + 2 - width(&cell);
            line.and(*style, &cell).and(Style::Plain, &" ".repeat(gap))
        })
    };
    rows.iter().map(|row| line(row).trimmed()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_change_a_screen_is_shown_in_place_of_being_done() {
        let line = Line::plain("\u{1b}[2J\u{7}ok\r\n\u{9b}31m \u{202e}evil\u{200b}");
        assert_eq!(line.text(), "␛[2J␇ok␍␊\\u{9b}31m \\u{202e}evil\\u{200b}");
        assert_eq!(line.render(true), line.text());
    }

    #[test]
    fn a_line_is_cut_at_columns_and_says_so() {
        let line = Line::plain("日本").and(Style::Bad, "語 text");
        assert_eq!(line.width(), 11);
        assert_eq!(line.fit(11).text(), "日本語 text");
        assert_eq!(line.fit(6).text(), "日本…");
        assert_eq!(line.fit(7).text(), "日本語…");
        assert_eq!(line.fit(0).text(), "");
    }

    #[test]
    fn a_long_line_is_broken_at_blanks_and_a_long_word_anywhere() {
        let texts = |line: Line, columns| line.wrap(columns, 2).iter().map(Line::text).collect::<Vec<_>>();
        assert_eq!(texts("one two three four".into(), 10), ["one two", "  three", "  four"]);
        assert_eq!(texts("$ aaaaaaaaaaaaaaaa b".into(), 10), ["$", "  aaaaaaaa", "  aaaaaaaa", "  b"]);
        assert_eq!(texts(Line::new(), 10), [""]);
        assert_eq!(
            texts(Line::plain("one").and(Style::Faint, "  (twos)  (threes)"), 10),
            ["one", "  (twos)", "  (threes)"]
        );
        let printed = Line::plain(" ").and(Style::Faint, "│ ").repeated().and(Style::Plain, "one two approved by boss");
        assert_eq!(texts(printed, 11), [" │ one two", " │ approved", " │ by boss"]);
    }

    #[test]
    fn a_line_is_cut_into_rows_and_nothing_of_it_is_lost() {
        let line = Line::plain("日本 ").and(Style::Bad, "語 text  ");
        for columns in 2..14 {
            let rows = line.rows(columns);
            assert!(rows.iter().all(|row| row.width() <= columns), "{rows:?}");
            assert_eq!(rows.iter().map(Line::text).collect::<String>(), line.text());
        }
        assert_eq!(Line::new().rows(5), [Line::new()]);
    }

    #[test]
    fn colours_only_where_they_are_wanted() {
        let line = Line::plain("a ").and(Style::Good, "b");
        assert_eq!(line.render(true), "a \u{1b}[32mb\u{1b}[0m");
        assert_eq!(line.render(false), "a b");
        let long = Line::new().and(Style::Good, "one two ").and(Style::Good, "three").and(Style::Bad, "!");
        let broken: Vec<_> = long.wrap(8, 2).iter().map(|line| line.render(true)).collect();
        assert_eq!(broken, ["\u{1b}[32mone two\u{1b}[0m", "  \u{1b}[32mthree\u{1b}[0m\u{1b}[31;1m!\u{1b}[0m"]);
    }

    #[test]
    fn columns_stand_beside_each_other() {
        let cell = |text: &str| (Style::Plain, text.to_owned());
        let rows = [vec![cell("é"), cell("x"), cell("long text")], vec![cell("three"), cell("日本"), cell("")]];
        let texts: Vec<_> = table(&rows).iter().map(Line::text).collect();
        assert_eq!(texts, ["é      x     long text", "three  日本"]);
    }
}
