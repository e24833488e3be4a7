//! What is drawn: lines that stay, and below them a region that is drawn anew.

use super::view::{FURTHEST_IN, INDENT};
use crate::text::Line;

/// Columns by which what does not fit into a line stands further in: no line of ours begins there, so that no text from
/// outside is broken into something that looks like one.
const BROKEN: usize = 2;

/// Columns before what does not fit into this line.
#[must_use]
pub fn broken_indent(line: &Line) -> usize {
    line.begins_at().clamp(INDENT.len(), FURTHEST_IN) + BROKEN
}

/// Makes the bytes that turn the screen as it was into the screen as it should be.
///
/// Only the region is ever drawn over, so all above it scrolls away and stays as the terminal's history. The cursor
/// rests at the end of the region's last line, where a prompt is.
#[derive(Debug, Default)]
pub struct Painter {
    /// How wide each row of the region was drawn.
    drawn: Vec<usize>,
}

impl Painter {
    /// Lines to stay, then the region. Every line of the region is cut to less than `columns`, so that it takes one
    /// row, but the last, where somebody may be typing: all of that is seen. Of a region with more rows than `rows`
    /// only the last are drawn.
    pub fn paint(&mut self, stay: &[Line], region: &[Line], columns: usize, rows: usize, colour: bool) -> String {
        let mut out = self.erase(columns);
        for line in stay {
            for part in line.wrap(columns.saturating_sub(1), broken_indent(line)) {
                out.push_str(&part.render(colour));
                out.push('\n');
            }
        }
        let width = columns.saturating_sub(1);
        let region: Vec<Line> = match region.split_last() {
            None => Vec::new(),
            Some((last, above)) => above.iter().map(|line| line.fit(width)).chain(last.rows(width)).collect(),
        };
        let skipped = region.len().saturating_sub(rows.saturating_sub(1));
        let region = region.get(skipped..).unwrap_or_default();
        for (number, line) in region.iter().enumerate() {
            if number > 0 {
                out.push('\n');
            }
            out.push_str(&line.render(colour));
        }
        self.drawn = region.iter().map(Line::width).collect();
        out
    }

    /// Forgets the region, as after something else has written to the screen.
    pub fn forget(&mut self) {
        self.drawn.clear();
    }

    /// Takes the region away; the cursor is where it began. A terminal that was made narrower since has broken the rows
    /// that do not fit any more.
    fn erase(&mut self, columns: usize) -> String {
        let rows = |width: &usize| width.div_ceil(columns.max(1)).max(1);
        let drawn = std::mem::take(&mut self.drawn);
        match drawn.iter().map(rows).sum::<usize>() {
            0 => String::new(),
            1 => "\r\u{1b}[J".to_owned(),
            rows => format!("\r\u{1b}[{}A\u{1b}[J", rows - 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_region_is_drawn_over() {
        let mut painter = Painter::default();
        assert_eq!(painter.paint(&["a".into()], &["b".into(), "c".into()], 80, 24, false), "a\nb\nc");
        assert_eq!(painter.paint(&["d".into()], &["e".into()], 80, 24, false), "\r\u{1b}[1A\u{1b}[Jd\ne");
        assert_eq!(painter.paint(&[], &[], 80, 24, false), "\r\u{1b}[J");
        assert_eq!(painter.paint(&[], &[], 80, 24, false), "");
    }

    #[test]
    fn a_terminal_that_was_made_narrower_is_drawn_over_all_the_same() {
        let mut painter = Painter::default();
        painter.paint(&[], &["x".repeat(50).into(), "x".repeat(20).into()], 80, 24, false);
        // Broken into three rows and one.
        assert_eq!(painter.paint(&[], &["y".into()], 20, 24, false), "\r\u{1b}[3A\u{1b}[Jy");
        assert_eq!(painter.paint(&[], &["z".into()], 80, 24, false), "\r\u{1b}[Jz");
    }

    #[test]
    fn a_region_never_takes_more_rows_than_there_are() {
        let mut painter = Painter::default();
        let region: Vec<Line> = (0..9).map(|n| Line::plain(&format!("line {n} {}", "x".repeat(20)))).collect();
        let out = painter.paint(&[], &region, 10, 4, false);
        assert_eq!(out, "line 8 xx\nxxxxxxxxx\nxxxxxxxxx");
        let out = painter.paint(&[], &region, 10, 9, false);
        assert_eq!(
            out,
            "\r\u{1b}[2A\u{1b}[Jline 3 x…\nline 4 x…\nline 5 x…\nline 6 x…\nline 7 x…\nline 8 xx\nxxxxxxxxx\nxxxxxxxxx"
        );
    }
}
