//! Splits a line into words, each `{{ … }}` one piece, and refuses what only a shell would understand.

use std::ops::Range;

use super::Word;
use super::error::{CommandLineError, CommandLineErrorKind};
use crate::template::{Atom, Piece, Template, pieces};

/// Splits a line into words.
pub(super) fn split(text: &str) -> Result<Vec<Word>, CommandLineError> {
    let mut tags = Vec::new();
    for piece in pieces(text)? {
        match piece {
            Piece::Interpolation(span) => tags.push((span, true)),
            Piece::Comment(span) => tags.push((span, false)),
            Piece::Text { .. } => {}
        }
    }
    let mut splitter = Splitter { text, tags, at: 0, word: None, words: Vec::new() };
    splitter.run()?;
    Ok(splitter.words)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Quote {
    None,
    Single(usize),
    Double(usize),
}

struct Splitter<'t> {
    text: &'t str,
    /// The `{{ … }}` of the line, in order; `false` for comments.
    tags: Vec<(Range<usize>, bool)>,
    at: usize,
    /// Where the word began, and what it has so far.
    word: Option<(usize, Vec<Atom>)>,
    words: Vec<Word>,
}

impl Splitter<'_> {
    fn run(&mut self) -> Result<(), CommandLineError> {
        let mut quote = Quote::None;
        let tags = std::mem::take(&mut self.tags);
        let mut tags = tags.into_iter().peekable();
        // A newline at the end is YAML's, and none of the author's.
        let end = self.text.trim_end_matches(['\n', '\r']).len();
        while self.at < end {
            if let Some((span, is_value)) = tags.next_if(|(span, _)| span.start == self.at) {
                if is_value {
                    self.atoms().push(Atom::Interpolation(span.clone()));
                }
                self.at = span.end;
                continue;
            }
            let rest = self.text.get(self.at..end).unwrap_or_default();
            let Some(character) = rest.chars().next() else { break };
            let next_tag = tags.peek().map(|(span, _)| span.start);
            quote = match quote {
                Quote::None => self.unquoted(character, rest, next_tag)?,
                Quote::Single(_) if character == '\'' => self.step(Quote::None),
                Quote::Single(_) => self.literal(rest, next_tag, quote),
                Quote::Double(_) => self.double(character, rest, next_tag, quote)?,
            };
        }
        self.finish()?;
        match quote {
            Quote::None => Ok(()),
            Quote::Single(open) | Quote::Double(open) => Err(CommandLineError::new(
                CommandLineErrorKind::Unbalanced,
                "this quote is never closed",
                open..open + 1,
            )),
        }
    }

    fn atoms(&mut self) -> &mut Vec<Atom> {
        let at = self.at;
        &mut self.word.get_or_insert_with(|| (at, Vec::new())).1
    }

    fn push(&mut self, text: &str) {
        let atoms = self.atoms();
        match atoms.last_mut() {
            Some(Atom::Text(before)) => before.push_str(text),
            _ => atoms.push(Atom::Text(text.to_owned())),
        }
    }

    /// Steps over one quote character, which belongs to the word and adds nothing.
    fn step(&mut self, next: Quote) -> Quote {
        self.push("");
        self.at += 1;
        next
    }

    /// One character as it is, or the `{{` of a `\{{`.
    fn literal(&mut self, rest: &str, next_tag: Option<usize>, quote: Quote) -> Quote {
        if let Some(braces) = escaped_braces(rest).filter(|_| next_tag != Some(self.at + 1)) {
            self.push(braces);
            self.at += 1 + braces.len();
        } else if let Some(character) = rest.chars().next() {
            let mut buffer = [0; 4];
            self.push(character.encode_utf8(&mut buffer));
            self.at += character.len_utf8();
        }
        quote
    }

    fn unquoted(&mut self, character: char, rest: &str, next_tag: Option<usize>) -> Result<Quote, CommandLineError> {
        match character {
            ' ' | '\t' => {
                self.finish()?;
                self.at += 1;
            }
            '\'' => return Ok(self.step(Quote::Single(self.at))),
            '"' => return Ok(self.step(Quote::Double(self.at))),
            '\\' => self.backslash(rest, next_tag)?,
            '\n' | '\r' => return Err(self.shell_syntax(character, "a command is one line")),
            '|' | '&' | ';' | '<' | '>' | '(' | ')' | '`' | '*' | '?' => {
                return Err(self.shell_syntax(character, &meaning(character)));
            }
            '[' if rest.len() == 1 || !rest.starts_with("[ ") || self.word.is_some() => {
                return Err(self.shell_syntax(character, &meaning(character)));
            }
            '$' if expands(rest) => return Err(self.shell_syntax(character, &meaning(character))),
            '~' | '#' if self.word.is_none() => return Err(self.shell_syntax(character, &meaning(character))),
            '=' if self.is_assignment() => {
                let start = self.word.as_ref().map_or(self.at, |(start, _)| *start);
                return Err(CommandLineError::new(
                    CommandLineErrorKind::ShellSyntax('='),
                    "a variable is set before the program, which only a shell understands",
                    start..self.at + 1,
                )
                .with_hint("write it under `env`"));
            }
            _ => return Ok(self.literal(rest, next_tag, Quote::None)),
        }
        Ok(Quote::None)
    }

    fn double(
        &mut self,
        character: char,
        rest: &str,
        next_tag: Option<usize>,
        quote: Quote,
    ) -> Result<Quote, CommandLineError> {
        match character {
            '"' => return Ok(self.step(Quote::None)),
            '`' => return Err(self.shell_syntax(character, &meaning(character))),
            '$' if expands(rest) => return Err(self.shell_syntax(character, &meaning(character))),
            '\\' => {
                let next = rest.chars().nth(1);
                if escaped_braces(rest).is_none() && matches!(next, Some('$' | '`' | '"' | '\\' | '\n')) {
                    self.backslash(rest, next_tag)?;
                    return Ok(quote);
                }
            }
            _ => {}
        }
        Ok(self.literal(rest, next_tag, quote))
    }

    /// A `\` and the character it keeps as it is; a `\` at the end of a line joins it with the next.
    fn backslash(&mut self, rest: &str, next_tag: Option<usize>) -> Result<(), CommandLineError> {
        if escaped_braces(rest).is_some() {
            self.literal(rest, next_tag, Quote::None);
            return Ok(());
        }
        let Some(kept) = rest.chars().nth(1) else {
            let message = "nothing stands behind this `\\`";
            return Err(CommandLineError::new(CommandLineErrorKind::Unbalanced, message, self.at..self.at + 1));
        };
        if kept != '\n' {
            let mut buffer = [0; 4];
            self.push(kept.encode_utf8(&mut buffer));
        }
        self.at += 1 + kept.len_utf8();
        Ok(())
    }

    /// Whether the word so far is a name in front of the program: `LANG=C date`.
    fn is_assignment(&self) -> bool {
        match (&self.word, self.words.is_empty()) {
            (Some((_, atoms)), true) => match atoms.as_slice() {
                [Atom::Text(name)] => {
                    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
                        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
                }
                _ => false,
            },
            _ => false,
        }
    }

    fn shell_syntax(&self, character: char, message: &str) -> CommandLineError {
        let double = self
            .text
            .get(self.at..)
            .is_some_and(|rest| ["&&", "||", ">>", "<<"].iter().any(|pair| rest.starts_with(pair)));
        let end = self.at + character.len_utf8() + usize::from(double);
        let error = CommandLineError::new(CommandLineErrorKind::ShellSyntax(character), message, self.at..end);
        match character {
            '\n' | '\r' => error.with_hint("write it as `script`, or as a step of its own"),
            '~' => error.with_hint("write the whole path"),
            _ => error
                .with_hint(format!("write it as `script`, or quote it where the program is to see it: '{character}'")),
        }
    }

    fn finish(&mut self) -> Result<(), CommandLineError> {
        if let Some((start, atoms)) = self.word.take() {
            let span = start..self.at;
            let template = Template::assemble(self.text, &span, atoms)?;
            self.words.push(Word { template, span });
        }
        Ok(())
    }
}

/// The braces of a `\{{` or `\{{{`.
fn escaped_braces(rest: &str) -> Option<&'static str> {
    match rest {
        rest if rest.starts_with("\\{{{") => Some("{{{"),
        rest if rest.starts_with("\\{{") => Some("{{"),
        _ => None,
    }
}

/// Whether a shell would put something in the place of a `$`.
fn expands(rest: &str) -> bool {
    rest.chars().nth(1).is_some_and(|next| {
        next.is_ascii_alphanumeric() || matches!(next, '_' | '{' | '(' | '@' | '*' | '#' | '?' | '!' | '$' | '-' | '\'')
    })
}

fn meaning(character: char) -> String {
    let what = match character {
        '|' => "a pipe",
        '&' => "a job or an `and`",
        ';' => "a second command",
        '<' | '>' => "a redirection",
        '(' | ')' => "a subshell",
        '`' => "a command substitution",
        '*' | '?' | '[' => "a pattern of file names",
        '$' => "a variable",
        '~' => "a home directory",
        _ => "a comment",
    };
    format!("`{character}` is {what} to a shell, and `run` starts the program without one")
}
