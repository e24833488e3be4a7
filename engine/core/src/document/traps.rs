//! The natural ways to write a value that YAML reads otherwise, each with the line as it should be written.

use crate::diagnostic::{Code, Diagnostic};
use crate::source::{SourceFile, Span};

/// Keys whose values are expressions: there a leading `!` means *not*.
const EXPRESSION_KEYS: [&str; 7] = ["when", "expect", "unclear", "while", "for_each", "value", "if"];

/// A value that was meant as an expression and is a tag to YAML: `when: !steps.x.passed`. `None` for a real tag.
pub(super) fn of_tag(source: &SourceFile, at: usize) -> Option<Diagnostic> {
    let field = Field::at(source, at)?;
    let expression = field.value.strip_prefix('!')?;
    let (word, rest) = expression.split_once(char::is_whitespace).unwrap_or((expression, ""));
    let meant = EXPRESSION_KEYS.contains(&field.key) || rest.trim().is_empty() || word.contains(['.', '(']);
    if word.is_empty() || word.starts_with(['!', '<']) || !meant {
        return None;
    }
    Some(field.trap(
        Code::TrapExclamation,
        "a value that begins with `!` is a tag to YAML",
        "read as the name of a type",
    ))
}

/// A template at the start of a value, which YAML reads as a mapping in a mapping: `message: {{ x }} is down`.
pub(super) fn of_braces(source: &SourceFile, at: usize) -> Diagnostic {
    let title = "a value that begins with `{{` is a mapping to YAML";
    let label = "read as brackets, not as a template";
    if let Some(field) = Field::at(source, at).filter(|field| field.value.starts_with("{{")) {
        return field.trap(Code::TrapBraces, title, label);
    }
    let line = source.line_span(source.line_of(at)).unwrap_or_default();
    let span = source.trim(Span::new(at, line.end));
    Diagnostic::new(Code::TrapBraces, span, title).label(label).help("put the whole value in quotes")
}

/// The trap that a syntax error at this place comes from, if it is one.
pub(super) fn of_syntax(source: &SourceFile, at: usize) -> Option<Diagnostic> {
    let field = Field::at(source, at)?;
    let value = field.value;
    if value.starts_with("{{") {
        return Some(of_braces(source, field.value_span.start));
    }
    if value.starts_with('!') {
        return of_tag(source, at);
    }
    if let Some(quote) = value.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        let after = after_quotes(value, quote)?.trim();
        let label = "the text ends with its closing quote, and more follows";
        let is_more = !after.is_empty() && !after.starts_with([',', '}', ']', '#']);
        return is_more.then(|| field.trap(Code::TrapQuotedStart, "text after a closing quote", label));
    }
    if value.starts_with(['[', '{', '|', '>', '&', '*']) {
        return None;
    }
    if let Some((_, branches)) = value.split_once(" ? ")
        && branches.contains(" : ")
    {
        let label = "` : ` is read as a key's";
        return Some(field.trap(Code::TrapConditional, "`? :` in a value without quotes", label));
    }
    let colon = value.contains(": ") || value.ends_with(':');
    colon.then(|| field.trap(Code::TrapColon, "`: ` in a value without quotes", "the second `: ` is read as a key's"))
}

/// What stands after a quoted text; `None` when the quote is not closed on this line.
fn after_quotes(value: &str, quote: char) -> Option<&str> {
    let mut rest = value.get(1..)?;
    loop {
        let at = rest.find(['\\', quote])?;
        let next = rest.get(at + 1..)?;
        if rest.get(at..)?.starts_with('\\') {
            let mut after = next.chars();
            if quote == '"' {
                after.next();
            }
            rest = after.as_str();
        } else if quote == '\'' && next.starts_with('\'') {
            rest = next.get(1..)?;
        } else {
            return Some(next);
        }
    }
}

/// `key: value` on one line, or in brackets on one line; or the value alone, in a list.
struct Field<'a> {
    key: &'a str,
    value: &'a str,
    value_span: Span,
}

impl<'a> Field<'a> {
    /// The field around an offset.
    fn at(source: &'a SourceFile, at: usize) -> Option<Self> {
        let line = source.line_span(source.line_of(at))?;
        let text = source.slice(line);
        let mut start = text.len() - text.trim_start().len();
        while text.get(start..)?.starts_with("- ") {
            start += 1;
            start += text.get(start..)?.len() - text.get(start..)?.trim_start().len();
        }
        let field = Self::split(text, start, without_comment(text).len())?;
        let in_brackets = field.value.starts_with(['[', '{']) && !field.value.starts_with("{{");
        let found = if in_brackets { field.inside(text, at.saturating_sub(line.start)) } else { Some(field) }?;
        let value_span = Span::new(line.start + found.value_span.start, line.start + found.value_span.end);
        Some(Self { value_span, ..found })
    }

    /// Splits a part of a line after its first `: `. The span is within the line.
    fn split(line: &'a str, start: usize, end: usize) -> Option<Self> {
        let part = line.get(start..end)?;
        let is_name = |key: &str| !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || "_-. ".contains(c));
        let (key, value) = match part.split_once(": ") {
            Some((key, value)) if is_name(key.trim()) => (key.trim(), value),
            _ => ("", part),
        };
        let trimmed = value.trim();
        let from = end - value.trim_start().len();
        (!trimmed.is_empty()).then(|| Self { key, value: trimmed, value_span: Span::new(from, from + trimmed.len()) })
    }

    /// The innermost field of a bracketed value around an offset in the line.
    fn inside(&self, line: &'a str, at: usize) -> Option<Self> {
        let mut quote = None;
        let mut start = self.value_span.start;
        let mut end = self.value_span.end;
        let mut previous = ' ';
        let text = line.get(start..end)?;
        for (offset, c) in text.char_indices() {
            let place = self.value_span.start + offset;
            let next = text.get(offset + c.len_utf8()..)?.chars().next();
            let doubled = matches!(c, '{' | '}') && (previous == c || next == Some(c));
            if !in_quotes(&mut quote, previous, c) && matches!(c, ',' | '[' | ']' | '{' | '}') && !doubled {
                if place >= at && place > start {
                    end = place;
                    break;
                }
                start = place + 1;
            }
            previous = c;
        }
        Self::split(line, start, end)
    }

    fn trap(&self, code: Code, title: &str, label: &str) -> Diagnostic {
        let separator = if self.key.is_empty() { "" } else { ": " };
        let help = format!("quote the whole value: `{}{separator}{}`", self.key, quoted(self.value));
        Diagnostic::new(code, self.value_span, title).label(label).help(help)
    }
}

/// The line up to its comment.
fn without_comment(line: &str) -> &str {
    let mut quote = None;
    let mut previous = ' ';
    for (at, c) in line.char_indices() {
        if !in_quotes(&mut quote, previous, c) && c == '#' && previous.is_whitespace() {
            return line.get(..at).unwrap_or(line);
        }
        previous = c;
    }
    line
}

/// Whether a character belongs to a text in quotes, the quotes included; `quote` is the one that is open. An apostrophe
/// inside a word opens nothing.
fn in_quotes(quote: &mut Option<char>, previous: char, c: char) -> bool {
    match *quote {
        Some(open) => {
            if open == c {
                *quote = None;
            }
            true
        }
        None if matches!(c, '"' | '\'') && !previous.is_alphanumeric() => {
            *quote = Some(c);
            true
        }
        None => false,
    }
}

/// The text in the quotes that need no escapes, if there are such.
pub(super) fn quoted(text: &str) -> String {
    if text.contains(['"', '\\']) { format!("'{}'", text.replace('\'', "''")) } else { format!("\"{text}\"") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, at: &str) -> Option<(Code, String, String)> {
        let source = SourceFile::new("a.yaml", text);
        let found = of_syntax(&source, text.find(at)?)?;
        Some((found.code, source.slice(found.span).to_owned(), found.help?))
    }

    fn expected(code: Code, span: &str, line: &str) -> (Code, String, String) {
        (code, span.to_owned(), format!("quote the whole value: `{line}`"))
    }

    #[test]
    fn the_line_is_quoted_as_it_should_be() {
        let found = of("  expect: \"ok\" == stdout  # é\n", "== st");
        assert_eq!(found, Some(expected(Code::TrapQuotedStart, "\"ok\" == stdout", "expect: '\"ok\" == stdout'")));
        let found = of("# é\no: a ? \"b\" : \"c\"\n", ": \"c\"");
        assert_eq!(found, Some(expected(Code::TrapConditional, "a ? \"b\" : \"c\"", "o: 'a ? \"b\" : \"c\"'")));
        let found = of("message: {{ x }} is down\n", "is down");
        assert_eq!(found, Some(expected(Code::TrapBraces, "{{ x }} is down", "message: \"{{ x }} is down\"")));
        let found = of("    verify: Up: or down?\n", ": or");
        assert_eq!(found, Some(expected(Code::TrapColon, "Up: or down?", "verify: \"Up: or down?\"")));
        let found = of("- when: !has(x) && y\n", "&& y");
        assert_eq!(found, Some(expected(Code::TrapExclamation, "!has(x) && y", "when: \"!has(x) && y\"")));
    }

    #[test]
    fn in_brackets_only_the_value_is_quoted() {
        let found = of("- { when: \"a\" == b, then: x }\n", "== b");
        assert_eq!(found, Some(expected(Code::TrapQuotedStart, "\"a\" == b", "when: '\"a\" == b'")));
        let found = of("retry: { every: 15s, for: {{ params.r }} s }\n", "s }\n");
        assert_eq!(found, Some(expected(Code::TrapBraces, "{{ params.r }} s", "for: \"{{ params.r }} s\"")));
    }

    #[test]
    fn other_mistakes_are_no_traps() {
        assert_eq!(of("a: [1, 2\n", "2"), None);
        assert_eq!(of("when: 'open\n", "open"), None);
        assert_eq!(of("a: it's fine\n", "fine"), None);
        assert_eq!(of("\n", "\n"), None);
    }

    #[test]
    fn a_real_tag_is_no_trap() {
        let of = |text: &str| {
            let source = SourceFile::new("a.yaml", text);
            of_tag(&source, text.find('!').unwrap_or_default()).is_some()
        };
        assert!(of("when: !x") && of("o: !x") && of("o: !steps.a.passed && b"));
        assert!(!of("a: !!str 5") && !of("a: !env HOME") && !of("a: !<tag:x> y"));
    }
}
