//! What can be wrong with an expression, before it runs and while it does.

use std::fmt;
use std::ops::Range;

/// Why an expression does not compile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpressionErrorKind {
    /// It is no expression, or one that fails whatever the values are.
    Syntax,
    /// More bytes or terms than the language allows.
    TooLong,
    /// More nesting than the language allows.
    TooDeep,
    /// Text is compared with a number.
    TextComparedWithNumber,
    /// An integer is divided by an integer, which would lose the fraction.
    IntegerDivision,
}

/// An expression that does not compile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpressionError {
    /// What sort of mistake it is.
    pub kind: ExpressionErrorKind,
    /// What is wrong, one line.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
    /// Bytes of the expression it is about.
    pub span: Range<usize>,
}

impl ExpressionError {
    pub(super) fn syntax(message: impl Into<String>, span: Range<usize>) -> Self {
        Self { kind: ExpressionErrorKind::Syntax, message: message.into(), hint: None, span }
    }

    pub(super) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for ExpressionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ExpressionError {}

/// An expression that could not be evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvaluationError {
    /// What went wrong, naming the operand.
    pub message: String,
    /// Bytes of the expression it is about.
    pub span: Range<usize>,
    /// Whether a name, member or element that does not exist is the cause.
    pub missing: bool,
}

impl fmt::Display for EvaluationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for EvaluationError {}
