//! Problems for a person: the line, what is underlined in it, and what to do.

use std::fmt;

use miette::{
    Diagnostic as _, GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents,
    NarratableReportHandler, SourceCode, SourceSpan, SpanContents,
};
use runbook_core::diagnostic::{Diagnostic, Severity};
use runbook_core::source::{SourceFile, Span};

use super::Checked;
use crate::text::harmless;

/// How problems look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Lines and colours.
    Colour,
    /// Lines, without colours.
    Plain,
    /// Sentences, to be read aloud.
    Narrated,
}

/// Renders the problems of files, one after another, with a blank line behind each.
#[must_use]
pub fn render(files: &[Checked], look: Look, columns: usize) -> String {
    let mut out = String::new();
    for checked in files.iter().filter(|checked| !checked.problems.is_empty()) {
        let shown = harmless_in_place(checked.file.text());
        for diagnostic in &checked.problems {
            let problem = Problem { file: &checked.file, shown: &shown, diagnostic };
            let rendered = match look {
                Look::Colour => graphical(GraphicalTheme::unicode(), columns).render_report(&mut out, &problem),
                Look::Plain => graphical(GraphicalTheme::unicode_nocolor(), columns).render_report(&mut out, &problem),
                Look::Narrated => NarratableReportHandler::new().render_report(&mut out, &problem),
            };
            // Writing to a String cannot fail; a span outside its file could, and still has its words.
            if rendered.is_err() {
                out.push_str(&short(&checked.file, diagnostic));
            }
            if !out.ends_with('\n') {
                out.push('\n');
            }
            out.push('\n');
        }
    }
    out
}

fn graphical(theme: GraphicalTheme, columns: usize) -> GraphicalReportHandler {
    GraphicalReportHandler::new_themed(theme).with_width(columns).with_links(false).with_context_lines(1)
}

/// One problem and the file it is in, as miette wants it.
#[derive(Debug)]
struct Problem<'a> {
    file: &'a SourceFile,
    /// Its text as it may be shown, every byte where it was.
    shown: &'a str,
    diagnostic: &'a Diagnostic,
}

/// The text with nothing in it that a terminal obeys, and everything else at the same byte: what a terminal would obey
/// is replaced by a sign of as many bytes.
fn harmless_in_place(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let line_end = character == '\n' || (character == '\r' && characters.peek() == Some(&'\n'));
        let plain = character.is_ascii_graphic() || matches!(character, ' ' | '\t') || line_end;
        if plain || harmless(character.encode_utf8(&mut [0; 4])).starts_with(character) {
            shown.push(character);
        } else {
            shown.push(match character.len_utf8() {
                1 => '?',
                2 => '¿',
                3 => '\u{fffd}',
                _ => '\u{1f7e5}',
            });
        }
    }
    shown
}

impl fmt::Display for Problem<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&harmless(&self.diagnostic.title))
    }
}

impl std::error::Error for Problem<'_> {}

impl miette::Diagnostic for Problem<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.diagnostic.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.diagnostic.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        // A help may show the line as it should be written, so its line breaks stay.
        let help = self.diagnostic.help.as_ref()?;
        Some(Box::new(help.lines().map(harmless).collect::<Vec<_>>().join("\n")))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(self)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let label = Some(harmless(&self.diagnostic.label)).filter(|label| !label.is_empty());
        let first = LabeledSpan::new_primary_with_span(label, source_span(self.diagnostic.span));
        let related = self
            .diagnostic
            .related
            .iter()
            .map(|(span, words)| LabeledSpan::new_with_span(Some(harmless(words)), source_span(*span)));
        Some(Box::new(std::iter::once(first).chain(related)))
    }
}

fn source_span(span: Span) -> SourceSpan {
    SourceSpan::from(span.range())
}

/// Finds lines by the file's own index: miette's search walks from the start of the file for each problem.
impl SourceCode for Problem<'_> {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let end = span.offset() + span.len();
        if end > self.file.text().len() {
            return Err(MietteError::OutOfBounds);
        }
        let last_line = self.file.line_count().max(1);
        let first = self.file.line_of(span.offset()).saturating_sub(lines_before).max(1);
        let last = (self.file.line_of(end) + lines_after).min(last_line).max(first);
        let start = self.file.line_span(first).map_or(0, |line| line.start);
        let stop = self.file.line_span(last).map_or(end, |line| line.end).max(end);
        let column = if lines_before == 0 { self.file.position(span.offset()).byte_column - 1 } else { 0 };
        let start = if lines_before == 0 { start + column } else { start };
        let text = self.shown.get(start..stop).unwrap_or_default();
        Ok(Box::new(MietteSpanContents::new_named(
            self.file.name().to_owned(),
            text.as_bytes(),
            SourceSpan::from(start..start + text.len()),
            first - 1,
            column,
            last - first + 1,
        )))
    }
}

/// One problem in one line: `runbooks/dns.yaml:12:5: RB0117 unknown step "shutdwn"`.
#[must_use]
pub fn short(file: &SourceFile, diagnostic: &Diagnostic) -> String {
    let at = file.position(diagnostic.span.start);
    let problem = Problem { file, shown: "", diagnostic };
    let code = problem.code().map(|code| code.to_string()).unwrap_or_default();
    format!("{}:{}:{}: {code} {}", file.name(), at.line, at.column, problem)
}

#[cfg(test)]
mod tests {
    use runbook_core::diagnostic::Code;

    use super::*;

    fn checked(text: &str, needle: &str) -> Checked {
        let start = text.find(needle).unwrap_or_default();
        let problem =
            Diagnostic::new(Code::UnknownStep, Span::new(start, start + needle.len()), "there is no step \"shutdwn\"")
                .label("not a step")
                .help("did you mean \"shut_down\"?");
        Checked { file: SourceFile::new("a.yaml", text), problems: vec![problem] }
    }

    #[test]
    fn the_mark_is_below_its_word_beside_accents() {
        let text = "a: 1\n# naïve café 日本\nneeds: { é: shutdwn }\nb: 2\n";
        let out = render(&[checked(text, "shutdwn")], Look::Plain, 80);
        let lines: Vec<&str> = out.lines().collect();
        let at = lines.iter().position(|line| line.contains("needs:")).unwrap_or_default();
        let before = |line: &str, mark: char| line.chars().take_while(|&c| c != mark).count();
        let source = lines.get(at).copied().unwrap_or_default();
        let marks = lines.get(at + 1).copied().unwrap_or_default();
        assert_eq!(before(source, 's'), before(source, 's'));
        let word = source
            .chars()
            .collect::<String>()
            .find("shutdwn")
            .map(|byte| source.get(..byte).unwrap_or_default().chars().count());
        let mark = marks.chars().position(|c| c == '─' || c == '┬');
        assert_eq!(word, mark, "{out}");
        assert!(out.contains("RB0117") && out.contains("help: did you mean"), "{out}");
    }

    #[test]
    fn a_place_at_the_very_end_has_its_line() {
        let text = "steps:\n";
        let mut checked = checked(text, "steps");
        if let Some(problem) = checked.problems.first_mut() {
            problem.span = Span::at(text.len());
        }
        for look in [Look::Plain, Look::Colour, Look::Narrated] {
            let out = render(std::slice::from_ref(&checked), look, 80);
            assert!(out.contains("there is no step"), "{out}");
        }
    }

    #[test]
    fn escapes_in_a_file_do_not_reach_the_screen() {
        let mut checked = checked("a: 1 # \u{1b}[2J \u{202e} \u{9b} é\n", "a");
        if let Some(problem) = checked.problems.first_mut() {
            problem.title = "bad \u{1b}[2J".to_owned();
            problem.label = "\u{202e}".to_owned();
        }
        let out = render(&[checked], Look::Plain, 80);
        assert!(!out.contains(['\u{1b}', '\u{202e}', '\u{9b}']), "{out:?}");
        assert!(out.contains("a: 1 # ?[2J \u{fffd} ¿ é"), "{out:?}");
    }
}
