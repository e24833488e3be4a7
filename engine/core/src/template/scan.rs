//! Splits a template into text and `{{ … }}`, in one pass and within bounds, before handlebars sees any of it.

use std::ops::Range;

use super::error::{TemplateError, TemplateErrorKind};
use super::{Interpolation, Part, operand};
use crate::expression::Read;
use crate::limits::{INTERPOLATION_BYTES_MAX, INTERPOLATIONS_MAX, TEMPLATE_BYTES_MAX};

/// What [`interpolations`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// The bytes it was written in, and what it stands for: `\{{` stands for `{{`.
    Text { span: Range<usize>, text: String },
    /// `{{ … }}`, braces included.
    Interpolation(Range<usize>),
    /// `{{! … }}`.
    Comment(Range<usize>),
}

/// Splits text into pieces. Everything but the inside of a `{{ … }}` is judged here.
pub(crate) fn pieces(text: &str) -> Result<Vec<Piece>, TemplateError> {
    if text.len() > TEMPLATE_BYTES_MAX {
        let message = format!("a template has at most {TEMPLATE_BYTES_MAX} bytes, and this has {}", text.len());
        return Err(TemplateError::new(TemplateErrorKind::TooLong, message, 0..text.len()));
    }
    let mut pieces = Vec::new();
    let mut count = 0;
    let mut at = 0;
    while at < text.len() {
        let rest = text.get(at..).unwrap_or_default();
        let Some(ahead) = rest.find("{{") else {
            pieces.push(Piece::Text { span: at..text.len(), text: rest.to_owned() });
            break;
        };
        let before = rest.get(..ahead).unwrap_or_default();
        let backslashes = before.len() - before.trim_end_matches('\\').len();
        let open = at + ahead;
        if backslashes == 1 {
            // `\{{` is two braces as they are, `\{{{` three.
            let braces = text.get(open..).map_or(2, |rest| if rest.starts_with("{{{") { 3 } else { 2 });
            let end = open + braces;
            let kept = before.strip_suffix('\\').unwrap_or(before);
            pieces.push(Piece::Text { span: at..end, text: format!("{kept}{}", "{".repeat(braces)) });
            at = end;
            continue;
        }
        if ahead > 0 {
            // Before an interpolation, two backslashes are one.
            let kept = if backslashes > 1 { before.strip_suffix('\\').unwrap_or(before) } else { before };
            pieces.push(Piece::Text { span: at..open, text: kept.to_owned() });
        }
        let piece = interpolation(text, open)?;
        at = match &piece {
            Piece::Interpolation(span) | Piece::Comment(span) | Piece::Text { span, .. } => span.end,
        };
        if let Piece::Interpolation(span) = &piece {
            count += 1;
            if count > INTERPOLATIONS_MAX {
                let message = format!("a template has at most {INTERPOLATIONS_MAX} {{{{ … }}}}");
                return Err(TemplateError::new(TemplateErrorKind::TooLong, message, span.clone()));
            }
        }
        pieces.push(piece);
    }
    Ok(pieces)
}

/// The `{{ … }}` or comment that begins at a byte.
fn interpolation(text: &str, open: usize) -> Result<Piece, TemplateError> {
    let inside = text.get(open + 2..).unwrap_or_default();
    let unclosed = || {
        TemplateError::syntax("this `{{` is never closed", open..open + 2)
            .with_hint("write \\{{ for two braces as they are")
    };
    if let Some(comment) = inside.strip_prefix("!--") {
        let end = comment.find("--}}").ok_or_else(unclosed)?;
        return Ok(Piece::Comment(open..open + 2 + 3 + end + 4));
    }
    if inside.starts_with('!') {
        let end = inside.find("}}").ok_or_else(unclosed)?;
        return Ok(Piece::Comment(open..open + 2 + end + 2));
    }
    let end = closing(inside).ok_or_else(unclosed)?;
    let span = open..open + 2 + end + 2;
    let tag = inside.get(..end).unwrap_or_default();
    let refused =
        |kind, message: &str, hint: &str| Err(TemplateError::new(kind, message, span.clone()).with_hint(hint));
    let write_path = "write {{ path }}: nothing is escaped here";
    let no_blocks = "a condition belongs in `when` or a decide, a list is written {{ join list \", \" }}";
    match tag.chars().next() {
        Some('{') if tag.starts_with("{{") => {
            refused(TemplateErrorKind::Block, "there are no raw blocks", "write \\{{ for two braces as they are")
        }
        Some('{') => refused(TemplateErrorKind::Syntax, "there are no three braces", write_path),
        Some('&') => refused(TemplateErrorKind::Syntax, "there is no `&`", write_path),
        Some('#' | '^' | '/') => refused(TemplateErrorKind::Block, "there are no blocks in a template", no_blocks),
        Some('>') => {
            refused(TemplateErrorKind::Block, "there are no partials in a template", "write the text where it belongs")
        }
        Some('*') => refused(
            TemplateErrorKind::Block,
            "there are no decorators in a template",
            "write the text where it belongs",
        ),
        Some('~') => refused(TemplateErrorKind::Syntax, "there is no `~`", "leave out the blanks themselves"),
        _ if tag.trim() == "else" => refused(TemplateErrorKind::Block, "there are no blocks in a template", no_blocks),
        _ if tag.ends_with('~') => {
            refused(TemplateErrorKind::Syntax, "there is no `~`", "leave out the blanks themselves")
        }
        _ if tag.trim().is_empty() => refused(
            TemplateErrorKind::Syntax,
            "nothing stands between the braces",
            "write \\{{ for two braces as they are",
        ),
        _ if span.len() > INTERPOLATION_BYTES_MAX => {
            let message = format!("a {{{{ … }}}} has at most {INTERPOLATION_BYTES_MAX} bytes");
            Err(TemplateError::new(TemplateErrorKind::TooLong, message, span.clone()))
        }
        _ => Ok(Piece::Interpolation(span)),
    }
}

/// Where the `}}` of an interpolation stands, quotes stepped over; `None` when another opens first.
fn closing(inside: &str) -> Option<usize> {
    let bytes = inside.as_bytes();
    let triple = inside.starts_with('{');
    let mut quote = None;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let next = bytes.get(at + 1);
        match (quote, byte) {
            (Some(_), b'\\') => at += 1,
            (Some(open), byte) if open == *byte => quote = None,
            (None, b'"' | b'\'') => quote = Some(*byte),
            (None, b'}') if next == Some(&b'}') => return Some(at),
            (None, b'{') if next == Some(&b'{') && !triple => return None,
            (Some(_) | None, _) => {}
        }
        at += 1;
    }
    None
}

/// Compiles a template into its parts, and lists what it reads.
pub(super) fn scan(text: &str) -> Result<(Vec<Part>, Vec<Read>), TemplateError> {
    let pieces = pieces(text)?;
    let mut parts: Vec<Part> = Vec::with_capacity(pieces.len());
    let mut reads = Vec::new();
    let mut line_goes = false;
    for piece in pieces {
        match piece {
            Piece::Text { span, text: mut literal } => {
                if std::mem::take(&mut line_goes) {
                    literal = literal.split_once('\n').map_or_else(String::new, |(_, rest)| rest.to_owned());
                }
                push(&mut parts, literal, span);
            }
            Piece::Interpolation(span) => {
                let operand = operand::parse(text, &span, &mut reads)?;
                parts.push(Part::Interpolation(Interpolation { span, operand }));
            }
            Piece::Comment(span) => {
                // A comment alone on its line takes the line with it, as handlebars has it.
                if has_line_to_itself(text, &span) {
                    if let Some(Part::Literal { text: before, .. }) = parts.last_mut() {
                        let kept = before.rfind('\n').map_or(0, |newline| newline + 1);
                        before.truncate(kept);
                    }
                    line_goes = true;
                }
            }
        }
    }
    parts.retain(|part| !matches!(part, Part::Literal { text, .. } if text.is_empty()));
    Ok((parts, reads))
}

/// Adds text, to the text before it where there is some.
fn push(parts: &mut Vec<Part>, more: String, more_span: Range<usize>) {
    match parts.last_mut() {
        Some(Part::Literal { text, span }) => {
            text.push_str(&more);
            span.end = more_span.end;
        }
        _ => parts.push(Part::Literal { text: more, span: more_span }),
    }
}

fn has_line_to_itself(text: &str, span: &Range<usize>) -> bool {
    let before = text.get(..span.start).unwrap_or_default();
    let after = text.get(span.end..).unwrap_or_default();
    let before = before.rsplit('\n').next().unwrap_or_default();
    let after = after.split('\n').next().unwrap_or_default();
    before.trim().is_empty() && after.trim().is_empty()
}
