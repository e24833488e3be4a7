//! CEL: compile, list what it reads, evaluate.

use std::ops::Range;

use crate::value::Value;

/// One name an expression or a template reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// The path: `["steps", "active", "outputs", "server"]`.
    pub path: Vec<String>,
    /// Bytes of the path in the source text.
    pub span: Range<usize>,
    /// Whether its absence is asked for: inside `has(…)`, `first(…)` or the `default` helper.
    pub guarded: bool,
}

/// Where an expression or a template finds its names.
pub trait Scope {
    /// The value at exactly this path; `None` when there is none.
    ///
    /// # Errors
    /// A sentence, when the value exists and may not be read, such as output that was cut.
    fn read(&self, path: &[String]) -> Result<Option<Value>, String>;
}
/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression;
impl Expression {
    /// Reads.
    #[must_use]
    pub fn reads(&self) -> &[Read] {
        &[]
    }
}
