//! Command lines, words and shell text.

use super::text::template_code;
use crate::command_line::{CommandLine, CommandLineErrorKind};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::document::{Cursor, Shape};
use crate::source::Spanned;

/// Names whose values could be meant to be rendered into a script.
const RENDERED_NAMES: [&str; 6] = ["params", "steps", "secrets", "each", "run", "alert"];

/// `run`: a line that is split, or the words of one.
pub(super) fn command_line(cursor: Cursor<'_>, sink: &mut Diagnostics) -> Option<Spanned<CommandLine>> {
    let (parsed, items) = match cursor.shape() {
        Shape::List => {
            let items = cursor.items(sink)?;
            let words: Option<Vec<&str>> = items.iter().map(|item| Some(item.as_word(sink)?.value)).collect();
            (CommandLine::from_words(&words?), items)
        }
        Shape::Null | Shape::Bool | Shape::Integer | Shape::Number | Shape::Mapping | Shape::Text | Shape::Refused => {
            (CommandLine::parse(cursor.as_text(sink)?.value), Vec::new())
        }
    };
    match parsed {
        Ok(line) => Some(Spanned::new(line, cursor.span())),
        Err(error) => {
            let code = match error.kind {
                CommandLineErrorKind::ShellSyntax(_) | CommandLineErrorKind::Unbalanced => Code::ShellSyntax,
                CommandLineErrorKind::Empty => Code::WrongType,
                CommandLineErrorKind::TooLong => Code::OverLimit,
                CommandLineErrorKind::PartOfWord => Code::TemplateSyntax,
                CommandLineErrorKind::Template(kind) => template_code(kind),
                CommandLineErrorKind::IntoShellText => Code::RenderedIntoShell,
            };
            let span = match error.word.and_then(|word| items.get(word)) {
                Some(item) => item.inner_span(error.span),
                None if cursor.shape() == Shape::Text => cursor.inner_span(error.span),
                None => cursor.place(),
            };
            sink.push(Diagnostic::new(code, span, error.message).maybe_help(error.hint));
            None
        }
    }
}

/// Words that nothing is rendered into: of `shell`, of a secret's or channel's command.
pub(super) fn words(cursor: Cursor<'_>, sink: &mut Diagnostics) -> Option<Spanned<Vec<String>>> {
    let words: Vec<String> = if cursor.shape() == Shape::List {
        let items = cursor.items(sink)?;
        items.iter().map(|item| Some(item.as_word(sink)?.value.to_owned())).collect::<Option<_>>()?
    } else {
        let text = cursor.as_text(sink)?;
        let Some(words) = shlex::split(text.value) else {
            let title = "a quote is opened and never closed";
            sink.push(Diagnostic::new(Code::WrongType, text.span, title).help("close it, or write a list of words"));
            return None;
        };
        words
    };
    if words.first().is_none_or(String::is_empty) {
        let title = "words without a program";
        sink.push(Diagnostic::new(Code::WrongType, cursor.place(), title).label("the first word names the program"));
        return None;
    }
    if words.iter().any(|word| word.contains("{{")) {
        let title = "nothing is rendered into these words";
        sink.push(Diagnostic::new(Code::TemplateInScript, cursor.place(), title).label("`{{` would stay as it is"));
        return None;
    }
    Some(Spanned::new(words, cursor.span()))
}

/// `script`: text that nothing is rendered into.
pub(super) fn script(cursor: Cursor<'_>, sink: &mut Diagnostics) -> Option<Spanned<String>> {
    let text = super::text::text(cursor, sink)?;
    let mut from = 0;
    while let Some((start, end, path)) = next_template(&text.value, from) {
        let name = path.rsplit('.').next().unwrap_or(path).to_ascii_uppercase();
        let shown = text.value.get(start..end).unwrap_or_default();
        let help = format!(
            "give it through the environment, `env: {{ {name}: \"{{{{ {path} }}}}\" }}`, and read it as `\"${name}\"`"
        );
        let diagnostic =
            Diagnostic::new(Code::TemplateInScript, cursor.inner_span(start..end), format!("`{shown}` in a script"));
        sink.push(diagnostic.label("nothing is rendered into a script").help(help));
        from = end;
    }
    Some(text)
}

/// The next `{{ … }}` that reads one of our names, with the path it reads. Others, such as the templates of
/// `docker ps --format`, are the script's own.
fn next_template(text: &str, mut from: usize) -> Option<(usize, usize, &str)> {
    loop {
        let start = from + text.get(from..)?.find("{{")?;
        let inside = text.get(start + 2..)?;
        let length = inside.find("}}").unwrap_or_else(|| inside.lines().next().map_or(0, str::len));
        let expression = inside.get(..length)?;
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
        let path = expression.split(|c: char| !is_part(c)).find(|word| {
            word.split_once('.').is_some_and(|(name, rest)| RENDERED_NAMES.contains(&name) && !rest.is_empty())
        });
        let end = (start + 2 + length + 2).min(text.len());
        match path {
            Some(path) => return Some((start, end, path)),
            None => from = start + 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_names_are_templates_in_a_script() {
        let found = |text| next_template(text, 0).map(|(start, end, path)| (start, end, path.to_owned()));
        assert_eq!(found("a {{ params.x }} b"), Some((2, 16, "params.x".to_owned())));
        assert_eq!(found("{{default steps.a.outputs.b 1}}").map(|found| found.2).as_deref(), Some("steps.a.outputs.b"));
        assert_eq!(found("{{{params.x}}}").map(|found| found.2).as_deref(), Some("params.x"));
        assert_eq!(found("docker ps --format '{{ .Names }}' '{{json .steps.x}}' {{ params }}"), None);
        assert_eq!(found("{{ params.x"), Some((0, 11, "params.x".to_owned())));
        assert_eq!(found("é {{"), None);
    }
}
