//! The on-call log as markdown.

use jiff::tz::TimeZone;

use crate::line::{Piece, View};
use crate::moment;
use crate::report::{Fact, Next, Report};

/// Writes the on-call log. Times are in `zone`; the heading tells UTC too.
#[must_use]
pub fn markdown(report: &Report, zone: &TimeZone) -> String {
    let view = View { zone: zone.clone(), start: report.started };
    let mut page = Page { view, text: String::new() };
    page.heading(report);
    page.facts(None, &report.start);
    page.facts_if_any("Read first", &report.first);
    page.facts(Some("Troubleshooting"), &report.troubleshooting);
    page.facts(Some("Resolution"), &report.resolution);
    page.facts(Some("What is open"), &report.open);
    page.next(&report.next);
    page.facts(Some("Evidence"), &report.evidence);
    page.text.push_str("\nNumbers in brackets are entries of the transcript.\n");
    page.text
}

struct Page {
    view: View,
    text: String,
}

impl Page {
    fn put(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn heading(&mut self, report: &Report) {
        let when = report.started.map(|at| moment::heading(at, &self.view.zone)).unwrap_or_default();
        let subject = escaped(&crate::harmless::excerpt(&report.subject()));
        let mode = report.banner().map(|(mode, _)| format!("{mode} — ")).unwrap_or_default();
        self.put(&format!("# {mode}{when} — {subject}\n\n"));
        if let Some((mode, meaning)) = report.banner() {
            self.put(&format!("> **{mode}.** {meaning}\n\n"));
        }
        let summary = pieces(&report.summary_line(), &self.view);
        let last = report.last_entry.map(|n| format!(" [{n}]")).unwrap_or_default();
        self.put(&format!("{summary}{last}\n\nRun {}\n\n", code(&report.run)));
    }

    fn facts_if_any(&mut self, heading: &str, facts: &[Fact]) {
        if !facts.is_empty() {
            self.facts(Some(heading), facts);
        }
    }

    fn facts(&mut self, heading: Option<&str>, facts: &[Fact]) {
        if let Some(heading) = heading {
            self.put(&format!("\n## {heading}\n\n"));
        }
        for fact in facts {
            // All of the start is of one moment.
            let time = if heading.is_some() { format!("{} ", self.view.time(fact.at)) } else { String::new() };
            let indent = "  ".repeat(fact.depth);
            self.put(&format!("{indent}- {time}{} {}\n", pieces(&fact.line, &self.view), numbers(&fact.entries)));
        }
        if facts.is_empty() {
            self.text.push_str("Nothing.\n");
        }
    }

    fn next(&mut self, next: &[Next]) {
        self.text.push_str("\n## The next command\n\n");
        for next in next {
            let why = pieces(&next.why, &self.view);
            self.put(&format!("- {} {why} {}\n", code(&next.command), numbers(&next.entries)));
        }
        if next.is_empty() {
            self.text.push_str("None: the run goes on by itself.\n");
        }
    }
}

fn numbers(entries: &[u64]) -> String {
    format!("[{}]", crate::line::numbers(entries))
}

fn pieces(line: &[Piece], view: &View) -> String {
    line.iter()
        .map(|piece| match piece {
            Piece::Words(text) => escaped(text),
            Piece::Strong(text) if text.is_empty() => String::new(),
            Piece::Strong(text) => format!("**{}**", escaped(text)),
            Piece::Code(text) => code(text),
            Piece::Time(at) => view.time(*at),
        })
        .collect()
}

/// Text that means nothing to markdown.
fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut before = ' ';
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        let after = rest.peek().copied().unwrap_or(' ');
        // Inside a word an underscore is one.
        let plain = character == '_' && before.is_alphanumeric() && after.is_alphanumeric();
        if matches!(character, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '~' | '&' | '!' | '$')
            && !plain
        {
            shown.push('\\');
        }
        shown.push(character);
        before = character;
    }
    shown
}

/// Text as inline code, between more backticks than it holds.
fn code(text: &str) -> String {
    let mut longest = 0;
    let mut run = 0;
    for character in text.chars() {
        run = if character == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(longest + 1);
    let at_edge = text.starts_with('`') || text.ends_with('`');
    // Spaces at both edges would be taken away, so they are given away.
    let spaced = text.starts_with(' ') && text.ends_with(' ') && !text.trim().is_empty();
    match text {
        "" => "(empty)".to_owned(),
        _ if at_edge || spaced => format!("{fence} {text} {fence}"),
        _ => format!("{fence}{text}{fence}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_mean_nothing_to_markdown() {
        assert_eq!(
            escaped("<img src=x> [a](b) *b* snake_case _x_ #1 a|b"),
            r"\<img src=x\> \[a\](b) \*b\* snake_case \_x\_ \#1 a\|b"
        );
        assert_eq!(code("dnsTool -q"), "`dnsTool -q`");
        assert_eq!(code("a `b` ``c"), "```a `b` ``c```");
        assert_eq!(code("`b`"), "`` `b` ``");
        assert_eq!(code(" x "), "`  x  `");
        assert_eq!(code(""), "(empty)");
    }
}
