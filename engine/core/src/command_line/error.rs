//! What can be wrong with a command line.

use std::fmt;
use std::ops::Range;

use crate::template::{TemplateError, TemplateErrorKind};

/// Why a command line is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandLineErrorKind {
    /// What only a shell understands, by its first character: a pipe, a redirection, a variable, a pattern.
    ShellSyntax(char),
    /// A quote that is not closed, or a `\` with nothing behind it.
    Unbalanced,
    /// No program is named.
    Empty,
    /// More bytes or words than the language allows.
    TooLong,
    /// `{{ words list }}` in the middle of a word.
    PartOfWord,
    /// A word is no template.
    Template(TemplateErrorKind),
    /// A value would be rendered into text that another program takes as a program.
    IntoShellText,
}

/// A command line that is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLineError {
    /// What sort of mistake it is.
    pub kind: CommandLineErrorKind,
    /// What is wrong, one line.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
    /// Bytes it is about: of the line, or of the word named by `word`.
    pub span: Range<usize>,
    /// The word, counted from 0, when the line came already split.
    pub word: Option<usize>,
}

impl CommandLineError {
    pub(super) fn new(kind: CommandLineErrorKind, message: impl Into<String>, span: Range<usize>) -> Self {
        Self { kind, message: message.into(), hint: None, span, word: None }
    }

    pub(super) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<TemplateError> for CommandLineError {
    fn from(error: TemplateError) -> Self {
        let TemplateError { kind, message, hint, span } = error;
        Self { kind: CommandLineErrorKind::Template(kind), message, hint, span, word: None }
    }
}

impl fmt::Display for CommandLineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CommandLineError {}
