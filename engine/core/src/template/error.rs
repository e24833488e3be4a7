//! What can be wrong with a template, before it renders and while it does.

use std::fmt;
use std::ops::Range;

/// Why a template does not compile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemplateErrorKind {
    /// It is no template of the language.
    Syntax,
    /// A block, partial, decorator or raw block.
    Block,
    /// More bytes, interpolations or nesting than the language allows.
    TooLong,
    /// A helper there is not.
    UnknownHelper,
}

/// A template that does not compile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateError {
    /// What sort of mistake it is.
    pub kind: TemplateErrorKind,
    /// What is wrong, one line.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
    /// Bytes of the template it is about.
    pub span: Range<usize>,
}

impl TemplateError {
    pub(super) fn new(kind: TemplateErrorKind, message: impl Into<String>, span: Range<usize>) -> Self {
        Self { kind, message: message.into(), hint: None, span }
    }

    pub(super) fn syntax(message: impl Into<String>, span: Range<usize>) -> Self {
        Self::new(TemplateErrorKind::Syntax, message, span)
    }

    pub(super) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for TemplateError {}

/// A template that could not be rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderError {
    /// What went wrong, naming the path.
    pub message: String,
    /// Bytes of the template it is about.
    pub span: Range<usize>,
    /// Whether a name that does not exist is the cause.
    pub missing: bool,
}

impl fmt::Display for RenderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for RenderError {}
