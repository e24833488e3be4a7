//! What is drawn: lines that stay, and below them a region that is drawn anew.

use crate::text::Line;

/// Makes the bytes that turn the screen as it was into the screen as it should be.
///
/// Only the region is ever drawn over, so all above it scrolls away and stays as the terminal's history. The cursor
/// rests at the end of the region's last line, where a prompt is.
#[derive(Debug, Default)]
pub struct Painter {
    /// Rows of the region as it was drawn.
    drawn: usize,
}

impl Painter {
    /// Lines to stay, then the region. Every line of the region is cut to less than `columns`, so that it takes one
    /// row, but the last, where somebody may be typing: all of that is seen. Of a region with more rows than `rows`
    /// only the last are drawn.
    pub fn paint(&mut self, stay: &[Line], region: &[Line], columns: usize, rows: usize, colour: bool) -> String {
        let mut out = self.erase();
        for line in stay {
            for part in line.wrap(columns.saturating_sub(1), 7) {
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
        self.drawn = region.len();
        out
    }

    /// Takes the region away; the cursor is where it began.
    pub fn erase(&mut self) -> String {
        let drawn = std::mem::take(&mut self.drawn);
        match drawn {
            0 => String::new(),
            1 => "\r\u{1b}[J".to_owned(),
            _ => format!("\r\u{1b}[{}A\u{1b}[J", drawn - 1),
        }
    }

    /// Forgets the region, as after something else has written to the screen.
    pub fn forget(&mut self) {
        self.drawn = 0;
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
        assert_eq!(painter.erase(), "\r\u{1b}[J");
        assert_eq!(painter.erase(), "");
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
