//! Finds a part of a scalar's text in the file, where indentation, folding, quotes and escapes stand between them.
//!
//! Whatever a style does to blanks and line breaks, the other characters keep their order. So the two are walked side
//! by side, character that is no blank by character that is no blank, and blanks are placed by their neighbours.

use std::iter::Peekable;
use std::ops::Range;
use std::str::CharIndices;

use super::tree::Style;

/// The bytes of `part` of `text` (in bytes of the text) in `written`, which is the scalar as it stands in the file.
/// `None` when the two do not correspond, which would be a mistake of the parser's.
pub(super) fn locate(style: Style, written: &str, text: &str, part: Range<usize>) -> Option<Range<usize>> {
    let solid = |from: &str| from.chars().filter(|c| !is_blank(*c)).count();
    let before = text.get(..part.start)?;
    let inside = text.get(part.clone())?;
    let first = solid(before);
    let count = solid(inside);
    let all = first + count + solid(text.get(part.end..)?);

    // The end of the last character before the part, the first and last one inside it, and how many there are.
    let mut previous_end = match style {
        Style::SingleQuoted | Style::DoubleQuoted => 1,
        Style::Plain | Style::Literal | Style::Folded => 0,
    };
    let mut found: Option<Range<usize>> = None;
    let mut seen = 0;
    for (range, blank) in Written::new(style, written) {
        if blank {
            continue;
        }
        if seen < first {
            previous_end = range.end;
        } else if seen < first + count {
            found = Some(found.map_or(range.clone(), |found| found.start..range.end));
        }
        seen += 1;
    }
    if seen != all {
        return None;
    }
    Some(found.unwrap_or_else(|| {
        // Nothing but blanks: right after what precedes them, as far along as the same blanks stand in the file.
        let gap = before.len() - before.trim_end_matches(is_blank).len();
        let blanks = written.get(previous_end..).unwrap_or_default();
        let same = blanks.bytes().zip(before.bytes().skip(before.len() - gap)).take_while(|(a, b)| a == b).count();
        let start = previous_end + same;
        let length = written.get(start..).unwrap_or_default().bytes().zip(inside.bytes()).take_while(|(a, b)| a == b);
        start..start + length.count()
    }))
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

/// The characters a scalar as written stands for, each with its bytes and whether it is a blank.
struct Written<'a> {
    style: Style,
    characters: Peekable<CharIndices<'a>>,
    end: usize,
}

impl<'a> Written<'a> {
    fn new(style: Style, written: &'a str) -> Self {
        let inner = match style {
            Style::SingleQuoted | Style::DoubleQuoted => written.get(..written.len().saturating_sub(1)),
            Style::Plain | Style::Literal | Style::Folded => Some(written),
        };
        let mut characters = inner.unwrap_or_default().char_indices().peekable();
        if matches!(style, Style::SingleQuoted | Style::DoubleQuoted) {
            characters.next();
        }
        Self { style, characters, end: inner.unwrap_or_default().len() }
    }

    fn position(&mut self) -> usize {
        self.characters.peek().map_or(self.end, |(at, _)| *at)
    }

    /// Reads what follows a backslash; gives the character, or a blank for a line break that is escaped away.
    fn escape(&mut self) -> char {
        let Some((_, kind)) = self.characters.next() else { return ' ' };
        let digits = match kind {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            'n' | 'N' | 'L' | 'P' | 't' | 'r' | '\n' | '\r' | ' ' | '\t' => {
                // NEL, LS and PS are text like any other to this file's readers; the rest are blanks.
                return if matches!(kind, 'N' | 'L' | 'P') { '\u{85}' } else { ' ' };
            }
            _ => return 'x',
        };
        let mut value = 0;
        for _ in 0..digits {
            let digit = self.characters.next().and_then(|(_, c)| c.to_digit(16)).unwrap_or_default();
            value = value * 16 + digit;
        }
        char::from_u32(value).unwrap_or('x')
    }
}

impl Iterator for Written<'_> {
    type Item = (Range<usize>, bool);

    fn next(&mut self) -> Option<Self::Item> {
        let (start, c) = self.characters.next()?;
        let c = match (self.style, c) {
            (Style::DoubleQuoted, '\\') => self.escape(),
            (Style::SingleQuoted, '\'') => {
                self.characters.next();
                '\''
            }
            _ => c,
        };
        Some((start..self.position(), is_blank(c)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<'a>(style: Style, written: &'a str, text: &str, part: &str) -> &'a str {
        let start = text.find(part).unwrap_or_default();
        let range = locate(style, written, text, start..start + part.len());
        range.and_then(|range| written.get(range)).unwrap_or("(nothing)")
    }

    #[test]
    fn finds_parts_across_what_a_style_does() {
        assert_eq!(found(Style::Plain, "é steps.x == y", "é steps.x == y", "steps.x"), "steps.x");
        assert_eq!(found(Style::Plain, "a ||\n    b.c", "a || b.c", "b.c"), "b.c");
        assert_eq!(found(Style::SingleQuoted, "'it''s x.y'", "it's x.y", "x.y"), "x.y");
        assert_eq!(found(Style::SingleQuoted, "'it''s x.y'", "it's x.y", "'s"), "''s");
        assert_eq!(found(Style::DoubleQuoted, r#""\u00e9 \"a\" \x41 z.w""#, "é \"a\" A z.w", "A z.w"), r"\x41 z.w");
        assert_eq!(found(Style::DoubleQuoted, "\"a \\\n   b\"", "a b", "b"), "b");
        assert_eq!(found(Style::Literal, "one\n    {{ two }}\n", "one\n{{ two }}\n", "{{ two }}"), "{{ two }}");
        assert_eq!(found(Style::Folded, "one\n  two\n", "one two\n", "one two"), "one\n  two");
    }

    #[test]
    fn places_what_is_empty_or_blank() {
        let place = |style, written, text, part| locate(style, written, text, part);
        assert_eq!(place(Style::DoubleQuoted, "\"ab\"", "ab", 2..2), Some(3..3));
        assert_eq!(place(Style::Plain, "a  b", "a  b", 2..3), Some(2..3));
        assert_eq!(place(Style::Plain, "a b", "a b", 0..0), Some(0..0));
        assert_eq!(place(Style::SingleQuoted, "''", "", 0..0), Some(1..1));
    }

    #[test]
    fn gives_nothing_for_what_does_not_correspond() {
        assert_eq!(locate(Style::Plain, "ab", "abc", 0..1), None);
        assert_eq!(locate(Style::Plain, "é", "é", 1..2), None);
    }
}
