//! Puts the YAML parser's complaints into words for an author.

use crate::diagnostic::{Code, Diagnostic};
use crate::limits::YAML_DEPTH_MAX;
use crate::source::{SourceFile, Span};

/// The diagnostic for a complaint of the parser's at an offset.
pub(super) fn explain(source: &SourceFile, at: usize, complaint: &str) -> Diagnostic {
    let is = |part: &str| complaint.contains(part);
    let here = word_at(source, at);
    let syntax = |title: &str| Diagnostic::new(Code::YamlSyntax, here, title);
    if is("recursion limit") {
        return too_deep(here);
    }
    if is("unknown anchor") || is("an anchor") || is("anchor or alias") || is("a tag") || is("handle wasn't declared") {
        return Diagnostic::new(Code::AnchorAliasTag, here, "a value begins with `&`, `*` or `!`")
            .label("read as an anchor, an alias or a tag, which runbooks do not use")
            .help("put the whole value in quotes if it is text");
    }
    if is("quoted scalar") && (is("end of stream") || is("indentation") || is("document indicator")) {
        let opened = Span::new(here.start, (here.start + 1).min(here.end.max(here.start)));
        return Diagnostic::new(Code::YamlSyntax, opened, "a quote is opened and never closed")
            .label("opened here")
            .help("close it; inside single quotes an apostrophe is written twice");
    }
    if is("escape") || is("hexadecimal") {
        return syntax("unknown escape in double quotes").help("write `\\\\` for a backslash, or use single quotes");
    }
    if is("tab") {
        return syntax("a tab where YAML wants spaces").help("indent with spaces only");
    }
    if is("unexpected character") || is("plain scalar cannot start") {
        return syntax("a value without quotes cannot begin with this character").help("put the whole value in quotes");
    }
    if is("block sequence entries") {
        return syntax("a list begins on the line of its key")
            .help("put each `- item` on a line of its own below the key, or write `[a, b]`");
    }
    if is("mapping values are not allowed") {
        return syntax("a `:` where no key can stand")
            .help("indent the keys of one mapping alike, and put values that contain `: ` in quotes");
    }
    if is("simple key expect") {
        return Diagnostic::new(Code::YamlSyntax, line_before(source, at), "a line that is no `key: value`")
            .help("add the `:`, or indent the line if it goes on with the value above");
    }
    if is("flow") || is("misplaced bracket") || is("illegal placement of ':'") || is("expected node content") {
        return syntax("brackets that do not match, or a comma is missing")
            .help("close every `[` and `{`, and put values that contain brackets or commas in quotes");
    }
    if is("expected key") || is("'-' indicator") || is("invalid indentation") || is("wrongly indented") {
        return syntax("a line that does not fit what is above it")
            .help("indent it as its neighbours are, and look whether a quote or bracket above is left open");
    }
    syntax("the file is not valid YAML").label(complaint)
}

/// The diagnostic for nesting past the limit.
pub(super) fn too_deep(span: Span) -> Diagnostic {
    Diagnostic::new(Code::OverLimit, span, format!("nested more than {YAML_DEPTH_MAX} levels deep"))
        .label("one level too many")
        .help("no runbook needs so many levels; close the brackets above, or indent less")
}

/// The bytes from an offset to the end of the word there. At the end of a line, its last character.
fn word_at(source: &SourceFile, at: usize) -> Span {
    let line = source.line_span(source.line_of(at)).unwrap_or_default();
    let at = at.min(line.end);
    let rest = source.slice(Span::new(at, line.end));
    if rest.trim().is_empty() {
        let text = source.slice(Span::new(line.start, at)).trim_end();
        let last = text.chars().next_back().map_or(0, char::len_utf8);
        return Span::new(line.start + text.len() - last, line.start + text.len());
    }
    let start = at + (rest.len() - rest.trim_start().len());
    let word = rest.trim_start().split(char::is_whitespace).next().unwrap_or_default();
    Span::new(start, start + word.len())
}

/// The last line with text above an offset: where the parser notices a missing `:` only afterwards.
fn line_before(source: &SourceFile, at: usize) -> Span {
    let is_text = |text: &str| !text.trim().is_empty() && !text.trim_start().starts_with('#');
    (1..source.line_of(at))
        .rev()
        .filter_map(|line| source.line_span(line))
        .find(|&span| is_text(source.slice(span)))
        .map_or_else(|| word_at(source, at), |span| source.trim(span))
}
