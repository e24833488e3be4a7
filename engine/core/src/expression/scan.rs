//! The bounds, counted over the tokens before the parser runs, and the parser's complaints in our words.

use std::ops::Range;

use cel::IdedExpr;
use cel::parser::PrattParser;
use cel::parser::pratt_parser::{Lexer, Token, TokenKind};

use super::error::{ExpressionError, ExpressionErrorKind};
use crate::limits::{EXPRESSION_BYTES_MAX, EXPRESSION_DEPTH_MAX, EXPRESSION_TERMS_MAX};

/// Splits an expression into tokens, without blanks and comments, and holds it to its bounds. One pass, no recursion.
pub(super) fn scan(text: &str) -> Result<Vec<Token>, ExpressionError> {
    if text.len() > EXPRESSION_BYTES_MAX {
        return Err(ExpressionError {
            kind: ExpressionErrorKind::TooLong,
            message: format!("an expression has at most {EXPRESSION_BYTES_MAX} bytes, and this has {}", text.len()),
            hint: Some("compute parts of it as outputs of an earlier step".to_owned()),
            span: 0..text.len(),
        });
    }
    if text.trim().is_empty() {
        return Err(ExpressionError::syntax("the expression is empty", 0..text.len()));
    }
    let mut lexer = Lexer::new(text);
    let mut tokens = Vec::with_capacity(16);
    let mut depth = 0usize;
    let mut terms = 0usize;
    loop {
        let token = lexer.lex();
        let kind = token.kind;
        if kind == TokenKind::TokEnd {
            return Ok(tokens);
        } else if kind == TokenKind::TokError {
            let span = whole_characters(text, token.start..token.end);
            let message = lexer.get_error().map_or("unexpected character", |error| error.message.as_str());
            return Err(complaint(text, message, span));
        } else if matches!(kind, TokenKind::TokWhitespace | TokenKind::TokComment) {
            continue;
        } else if is_opening(kind) {
            depth += 1;
        } else if is_closing(kind) {
            depth = depth.saturating_sub(1);
        } else if !matches!(kind, TokenKind::TokComma | TokenKind::TokDot) {
            terms += 1;
        }
        if depth > EXPRESSION_DEPTH_MAX {
            return Err(ExpressionError {
                kind: ExpressionErrorKind::TooDeep,
                message: format!("an expression nests at most {EXPRESSION_DEPTH_MAX} levels deep"),
                hint: None,
                span: token.start..token.end,
            });
        }
        if terms > EXPRESSION_TERMS_MAX {
            return Err(ExpressionError {
                kind: ExpressionErrorKind::TooLong,
                message: format!("an expression has at most {EXPRESSION_TERMS_MAX} operators and operands"),
                hint: Some("compute parts of it as outputs of an earlier step".to_owned()),
                span: token.start..token.end,
            });
        }
        tokens.push(token);
    }
}

pub(super) fn is_opening(kind: TokenKind) -> bool {
    matches!(kind, TokenKind::TokLeftParen | TokenKind::TokLeftBracket | TokenKind::TokLeftBrace)
}

pub(super) fn is_closing(kind: TokenKind) -> bool {
    matches!(kind, TokenKind::TokRightParen | TokenKind::TokRightBracket | TokenKind::TokRightBrace)
}

/// Parses what [`scan`] let pass.
pub(super) fn parse(text: &str, tokens: &[Token]) -> Result<IdedExpr, ExpressionError> {
    let depth = u16::try_from(EXPRESSION_DEPTH_MAX * 2).unwrap_or(u16::MAX);
    let errors = match PrattParser::new().max_recursion_depth(depth).parse(text) {
        Ok(tree) => return Ok(tree),
        Err(errors) => errors.errors,
    };
    let Some(first) = errors.iter().min_by_key(|error| if error.pos.0 == 0 { (isize::MAX, 0) } else { error.pos })
    else {
        return Err(ExpressionError::syntax("this is no expression", 0..text.len()));
    };
    if first.msg.contains("recursion limit") {
        return Err(ExpressionError {
            kind: ExpressionErrorKind::TooDeep,
            message: format!("an expression nests at most {EXPRESSION_DEPTH_MAX} levels deep"),
            hint: None,
            span: 0..text.len(),
        });
    }
    let at = offset(text, first.pos);
    let span = tokens
        .iter()
        .find(|token| token.end > at)
        .filter(|token| token.start <= at)
        .map_or(at..text.len(), |token| token.start..token.end);
    Err(complaint(text, &first.msg, whole_characters(text, span)))
}

/// The byte a line and column of the parser stand for; both count from 1, the column in bytes.
fn offset(text: &str, (line, column): (isize, isize)) -> usize {
    let line = usize::try_from(line).unwrap_or(1).max(1);
    let column = usize::try_from(column).unwrap_or(1).max(1);
    let before: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    (before + column - 1).min(text.len())
}

/// Widens a span to whole characters: the lexer steps through other scripts a byte at a time.
pub(super) fn whole_characters(text: &str, span: Range<usize>) -> Range<usize> {
    let mut start = span.start.min(text.len());
    let mut end = span.end.min(text.len()).max(start);
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    while !text.is_char_boundary(end) {
        end += 1;
    }
    start..end
}

/// The parser's complaint in the words of the language, with what to write instead where that is known.
fn complaint(text: &str, message: &str, span: Range<usize>) -> ExpressionError {
    let found = text.get(span.clone()).unwrap_or_default().trim();
    let error = |message: String| ExpressionError::syntax(message, span.clone());
    let unexpected = || error(format!("`{found}` does not belong here"));
    match found {
        "" => return error("the expression ends too early".to_owned()),
        "=" => return unexpected().with_hint("write == to compare"),
        "&" | "and" | "AND" => return unexpected().with_hint("write && for and"),
        "|" | "or" | "OR" => return unexpected().with_hint("write || for or"),
        "not" | "NOT" => return unexpected().with_hint("write ! for not"),
        "“" | "”" | "‘" | "’" => return unexpected().with_hint("write text between straight quotes: \"…\""),
        _ => {}
    }
    let before = text.get(..span.start).unwrap_or_default();
    if before.trim_end().split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next_back() == Some("not") {
        return unexpected().with_hint("write ! for not");
    }
    let message = message.strip_prefix("Syntax error: ").unwrap_or(message);
    if message.contains("unterminated string") {
        error("this text has no closing quote".to_owned())
    } else if message.contains("reserved identifier") {
        error(format!("`{found}` is a reserved word"))
    } else if message.contains("unescape") {
        error("this text has a backslash that stands for nothing".to_owned())
            .with_hint("write \\\\ for a backslash, or r\"…\" for text where it is an ordinary character")
    } else if message.contains("invalid int literal") {
        error(format!("`{found}` is outside the integers of 64 bits"))
    } else if message.contains("invalid double literal") {
        error(format!("`{found}` is outside the numbers that can be told apart"))
    } else if message.contains("has() macro") {
        error("has(…) takes a path with a member".to_owned()).with_hint("write has(steps.ID.outputs.NAME)")
    } else if message.contains("simple name") {
        error("the first argument is the name of each element".to_owned()).with_hint("write list.map(x, …)")
    } else if message.contains("mismatched input") || message.contains("unexpected") {
        let error = unexpected();
        match message.split_once("expecting ") {
            Some((_, "<EOF>")) if found == ")" || found == "]" || found == "}" => {
                error.with_hint("nothing is open that this could close")
            }
            Some((_, wanted)) if wanted.starts_with('\'') => error.with_hint(format!("{wanted} is wanted here")),
            _ => error,
        }
    } else {
        error(message.to_owned())
    }
}
