//! Diagnostics as plain text: what a snapshot shows.

use std::fmt::Write as _;

use runbook_core::diagnostic::{Diagnostic, Severity};
use runbook_core::source::{SourceFile, Span};
use unicode_width::UnicodeWidthStr;

/// Columns of a line that are shown.
const COLUMNS_MAX: usize = 160;

/// All of them, one after the other.
pub(crate) fn render(file: &SourceFile, diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(|diagnostic| one(file, diagnostic)).collect::<Vec<_>>().join("\n")
}

fn one(file: &SourceFile, diagnostic: &Diagnostic) -> String {
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut page = format!("{severity} {}: {}\n", diagnostic.code, diagnostic.title);
    excerpt(&mut page, file, diagnostic.span, &diagnostic.label, '^');
    for (span, words) in &diagnostic.related {
        excerpt(&mut page, file, *span, words, '-');
    }
    if let Some(help) = &diagnostic.help {
        writeln!(page, "  help: {help}").unwrap();
    }
    page
}

/// The line of a place, with marks under the columns that a terminal shows it in.
fn excerpt(page: &mut String, file: &SourceFile, span: Span, words: &str, mark: char) {
    let position = file.position(span.start);
    let line = file.line_span(position.line).unwrap_or_default();
    let before = file.slice(Span::new(line.start, span.start));
    let marked = file.slice(Span::new(span.start, span.end.min(line.end)));
    let shown: String = file.slice(line).chars().take(COLUMNS_MAX).collect();
    let number = format!("{}:{}", position.line, position.column);
    let margin = " ".repeat(number.len());
    let marks = mark.to_string().repeat(marked.width().clamp(1, COLUMNS_MAX));
    let more = if span.end > line.end { " …" } else { "" };
    writeln!(page, "  {number} | {shown}").unwrap();
    let under = format!("  {margin} | {}{marks}{more} {words}", " ".repeat(before.width()));
    writeln!(page, "{}", under.trim_end()).unwrap();
}
