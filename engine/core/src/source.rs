//! The text of a file, and the only place that converts between byte offsets, lines and columns.

use std::ops::Range;
use std::sync::Arc;

/// A range of bytes in a file, `start` included, `end` not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset after the last byte; never less than `start`.
    pub end: usize,
}

impl Span {
    /// The bytes from `start` up to `end`. An `end` before `start` gives an empty span at `start`.
    #[must_use]
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end: end.max(start) }
    }

    /// The empty span at an offset.
    #[must_use]
    pub fn at(offset: usize) -> Self {
        Self { start: offset, end: offset }
    }

    /// How many bytes it spans.
    #[must_use]
    pub fn len(self) -> usize {
        self.end - self.start
    }

    /// Whether it spans no byte.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// Whether every byte of `other` is also in this one.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    /// The smallest span around both.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// The span as a range, for slicing.
    #[must_use]
    pub fn range(self) -> Range<usize> {
        self.start..self.end
    }
}

impl From<Range<usize>> for Span {
    fn from(range: Range<usize>) -> Self {
        Self::new(range.start, range.end)
    }
}

/// A value and the bytes it was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// Puts a value and its place together.
    pub fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }

    /// The same place with another value made of this one.
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned { value: make(self.value), span: self.span }
    }

    /// The same place with a reference to the value.
    pub fn as_ref(&self) -> Spanned<&T> {
        Spanned { value: &self.value, span: self.span }
    }
}

/// A place for a person: all three count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column in characters, as editors show it.
    pub column: usize,
    /// The column in bytes.
    pub byte_column: usize,
}

const BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];

/// A file's shown name, its text and an index of its lines. Cloning it copies neither text nor index.
#[derive(Debug, Clone)]
pub struct SourceFile {
    name: Arc<str>,
    text: Arc<str>,
    /// Offset of the first byte of every line; the first is always 0.
    lines: Arc<[usize]>,
}

impl SourceFile {
    /// Takes a text under the name that messages show, usually its path as the user gave it.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        let text: Arc<str> = text.into();
        let lines =
            std::iter::once(0).chain(text.bytes().enumerate().filter(|&(_, b)| b == b'\n').map(|(at, _)| at + 1));
        let lines = lines.collect();
        Self { name: name.into(), text, lines }
    }

    /// The name to show.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text of a span; the part of the span that lies outside the file, or splits a character, is left out.
    #[must_use]
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(self.floor(span.start)..self.floor(span.end)).unwrap_or_default()
    }

    /// How many lines there are; a final newline begins no line of its own.
    #[must_use]
    pub fn line_count(&self) -> usize {
        if self.text.ends_with('\n') || self.text.is_empty() { self.lines.len() - 1 } else { self.lines.len() }
    }

    /// The bytes of a line, counted from 1, without its line break; `None` past the last.
    #[must_use]
    pub fn line_span(&self, line: usize) -> Option<Span> {
        let start = *self.lines.get(line.checked_sub(1)?)?;
        let end = self.lines.get(line).map_or(self.text.len(), |next| next - 1);
        let end = if self.text.get(start..end)?.ends_with('\r') { end - 1 } else { end };
        Some(Span::new(start, end))
    }

    /// The text of a line, counted from 1, without its line break; `None` past the last.
    #[must_use]
    pub fn line(&self, line: usize) -> Option<&str> {
        self.line_span(line).map(|span| self.slice(span))
    }

    /// The line an offset is on, counted from 1. An offset past the end is on the last line.
    #[must_use]
    pub fn line_of(&self, offset: usize) -> usize {
        self.lines.partition_point(|&start| start <= offset).max(1)
    }

    /// The line and columns of an offset. One inside a character counts as its first byte, one past the end as the end.
    #[must_use]
    pub fn position(&self, offset: usize) -> Position {
        let offset = self.floor(offset);
        let line = self.line_of(offset);
        let start = self.lines.get(line - 1).copied().unwrap_or_default();
        let column = self.text.get(start..offset).unwrap_or_default().chars().count() + 1;
        Position { line, column, byte_column: offset - start + 1 }
    }

    /// The offset of a line and a column in characters, both counted from 1; a column past the line's end is its end.
    /// `None` past the last line.
    #[must_use]
    pub fn offset(&self, line: usize, column: usize) -> Option<usize> {
        let span = self.line_span(line)?;
        let text = self.slice(span);
        Some(text.char_indices().nth(column.saturating_sub(1)).map_or(span.end, |(at, _)| span.start + at))
    }

    /// The span without blanks, tabs and line breaks at its ends. Other spaces of Unicode are text.
    #[must_use]
    pub fn trim(&self, span: Span) -> Span {
        let text = self.slice(span);
        let start = span.start + (text.len() - text.trim_start_matches(BLANKS).len());
        Span::new(start, start + text.trim_matches(BLANKS).len())
    }

    fn floor(&self, offset: usize) -> usize {
        let offset = offset.min(self.text.len());
        (0..=offset).rev().find(|&at| self.text.is_char_boundary(at)).unwrap_or_default()
    }
}

/// Converts offsets counted in characters, as YAML parsers report them, to offsets in bytes.
#[derive(Debug)]
pub struct CharacterIndex<'a> {
    text: &'a str,
    /// The byte offset of every [`STRIDE`]th character; empty when characters and bytes are the same.
    checkpoints: Vec<usize>,
}

/// Characters between two checkpoints: a conversion walks at most so many.
const STRIDE: usize = 64;

impl<'a> CharacterIndex<'a> {
    /// Reads the text once.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        let checkpoints =
            if text.is_ascii() { Vec::new() } else { text.char_indices().step_by(STRIDE).map(|(at, _)| at).collect() };
        Self { text, checkpoints }
    }

    /// The byte offset of the character with this number, counted from 0; past the last it is the text's length.
    #[must_use]
    pub fn byte(&self, character: usize) -> usize {
        if self.checkpoints.is_empty() {
            return character.min(self.text.len());
        }
        let Some(&start) = self.checkpoints.get(character / STRIDE) else {
            return self.text.len();
        };
        let rest = self.text.get(start..).unwrap_or_default();
        rest.char_indices().nth(character % STRIDE).map_or(self.text.len(), |(at, _)| start + at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_beside_bytes() {
        let source = SourceFile::new("a.yaml", "# café\r\nkey: naïve x\n");
        let x = source.text().find('x').unwrap_or_default();
        assert_eq!(source.position(x), Position { line: 2, column: 12, byte_column: 13 });
        assert_eq!(source.offset(2, 12), Some(x));
        assert_eq!(source.line(1), Some("# café"));
        assert_eq!(source.line_count(), 2);
    }

    #[test]
    fn places_outside_the_text_are_its_edges() {
        let source = SourceFile::new("a.yaml", "é");
        assert_eq!(source.position(1), Position { line: 1, column: 1, byte_column: 1 });
        assert_eq!(source.position(99), Position { line: 1, column: 2, byte_column: 3 });
        assert_eq!(source.slice(Span::new(1, 99)), "é");
        assert_eq!((source.offset(1, 99), source.offset(2, 1)), (Some(2), None));
        assert_eq!(source.line(0), None);
    }

    #[test]
    fn an_empty_text_has_one_empty_line() {
        let source = SourceFile::new("a.yaml", "");
        assert_eq!((source.line_count(), source.line(1)), (0, Some("")));
    }

    #[test]
    fn character_offsets_become_byte_offsets_across_checkpoints() {
        let text = "é".repeat(200) + "x";
        let index = CharacterIndex::new(&text);
        assert_eq!((index.byte(0), index.byte(64), index.byte(65), index.byte(200)), (0, 128, 130, 400));
        assert_eq!(index.byte(1_000), text.len());
        assert_eq!(CharacterIndex::new("abc").byte(2), 2);
    }
}
