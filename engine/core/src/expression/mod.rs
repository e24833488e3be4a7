//! CEL: compile, list what it reads, evaluate.
//!
//! The grammar is the `cel` crate's, its meaning is ours. `cel` parses; `lower` turns its tree into one that carries
//! the bytes of every operand, and `evaluate` walks that. Evaluating with `cel` itself would refuse `0.85 * 256`, cut
//! `26 / 5` to 5, call `stdout == 5` false, read every name before the first is needed, and could not be stopped: it
//! has no bound on time.
//!
//! What bounds an expression, all of it in [`limits`](crate::limits): bytes, terms and brackets are counted in one pass
//! over the tokens before the parser runs; comprehensions nest at most twice; an evaluation may take
//! [`EXPRESSION_WORK_MAX`](crate::limits::EXPRESSION_WORK_MAX) units of work (a unit is one operand, or 32 bytes of text
//! looked at or made), then it is an error. Within these bounds neither the parser nor the evaluator needs more than
//! 1 MiB of stack in a debug build, which a test measures, so both run on the caller's thread.

mod error;
mod evaluate;
mod functions;
mod lower;
mod node;
mod operators;
mod pattern;
mod scan;
mod types;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;

use crate::value::Value;

pub use error::{EvaluationError, ExpressionError, ExpressionErrorKind};
pub use functions::{FunctionDoc, functions};
pub use types::Type;
pub(crate) use types::of_known_name;

/// One name an expression or a template reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// The path: `["steps", "active", "outputs", "server"]`.
    pub path: Vec<String>,
    /// Bytes of the path in the source text.
    pub span: Range<usize>,
    /// Whether its absence is asked for: inside `has(…)`, `first(…)` or the `default` helper, or where `has(…)` of the
    /// same path has been found true.
    pub guarded: bool,
}

/// Where an expression or a template finds its names.
pub trait Scope {
    /// The value at exactly this path; `None` when there is none.
    ///
    /// # Errors
    /// A sentence, when the value exists and may not be read, such as output that was cut.
    fn read(&self, path: &[String]) -> Result<Option<Value>, String>;

    /// Whether the instant lies within the named hours of `team.yaml`.
    ///
    /// # Errors
    /// A sentence, when no hours of that name are defined.
    fn in_hours(&self, at: Timestamp, name: &str) -> Result<bool, String> {
        let _ = (at, name);
        Err("no hours are defined".to_owned())
    }
}

/// A compiled expression.
#[derive(Clone)]
pub struct Expression {
    compiled: Arc<Compiled>,
}

struct Compiled {
    source: String,
    root: node::Node,
    reads: Vec<Read>,
}

impl Expression {
    /// Compiles an expression.
    ///
    /// # Errors
    /// [`ExpressionErrorKind::TooLong`] and [`ExpressionErrorKind::TooDeep`] past the bounds,
    /// [`ExpressionErrorKind::Syntax`] for what is no expression, an unknown function or a wrong number of arguments,
    /// [`ExpressionErrorKind::TextComparedWithNumber`] where that shows without running it.
    pub fn compile(text: &str) -> Result<Self, ExpressionError> {
        let tokens = scan::scan(text)?;
        let tree = scan::parse(text, &tokens)?;
        let (root, reads) = lower::lower(text, &tokens, &tree)?;
        let expression = Self { compiled: Arc::new(Compiled { source: text.to_owned(), root, reads }) };
        expression.check_types(&types::of_known_name)?;
        Ok(expression)
    }

    /// The text it was compiled from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.compiled.source
    }

    /// Every name it reads, in the order written: the longest path of members from a name that is not the variable of
    /// a `map`, `filter`, `exists` or `all`. A function called on a path is no part of it.
    #[must_use]
    pub fn reads(&self) -> &[Read] {
        &self.compiled.reads
    }

    /// The paths that exist wherever it came out this way: `has(params.x)` when it is true, `steps.a` with all that
    /// the step left behind when `steps.a.passed` is.
    #[must_use]
    pub fn existing(&self, outcome: bool) -> Vec<&[String]> {
        let mut found = Vec::new();
        lower::existing(&self.compiled.root, outcome, &self.compiled.reads, &mut found);
        found
    }

    /// The names of hours it asks for, `in_hours(…, "name")`, where they are written out, each with its bytes, quotes
    /// included.
    #[must_use]
    pub fn hours(&self) -> Vec<(&str, Range<usize>)> {
        let mut found = Vec::new();
        let mut left = vec![&self.compiled.root];
        while let Some(node) = left.pop() {
            if let node::Form::Call(call) = &node.form
                && call.function == functions::Function::InHours
                && let [_, name] = call.arguments.as_slice()
                && let node::Form::Literal(Value::Text(text)) = &name.form
            {
                found.push((text.as_str(), name.span.clone()));
            }
            left.extend(node.children());
        }
        found.sort_by_key(|(_, span)| span.start);
        found
    }

    /// Checks operands whose types are known, `type_of` giving those of the paths it knows.
    ///
    /// # Errors
    /// [`ExpressionErrorKind::TextComparedWithNumber`], [`ExpressionErrorKind::IntegerDivision`], or
    /// [`ExpressionErrorKind::Syntax`] for any other operation that fails whatever the values are.
    pub fn check_types(&self, type_of: &dyn Fn(&[String]) -> Option<Type>) -> Result<(), ExpressionError> {
        types::check(&self.compiled.root, &self.compiled.source, &self.compiled.reads, type_of).map(|_| ())
    }

    /// The type of what it gives, where that shows without running it.
    #[must_use]
    pub fn result_type(&self, type_of: &dyn Fn(&[String]) -> Option<Type>) -> Option<Type> {
        types::check(&self.compiled.root, &self.compiled.source, &self.compiled.reads, type_of).ok().flatten()
    }

    /// Evaluates it. Names are read when they are needed, each once.
    ///
    /// # Errors
    /// A sentence that names the operand: a name that does not exist or may not be read, operands that do not fit,
    /// overflow, too much work, or a result larger than [`VALUE_BYTES_MAX`](crate::limits::VALUE_BYTES_MAX).
    pub fn evaluate(&self, scope: &dyn Scope) -> Result<Value, EvaluationError> {
        evaluate::evaluate(&self.compiled.root, &self.compiled.source, &self.compiled.reads, scope)
    }

    /// Evaluates a condition.
    ///
    /// # Errors
    /// As [`Self::evaluate`], and when what it gives is neither true nor false.
    pub fn evaluate_bool(&self, scope: &dyn Scope) -> Result<bool, EvaluationError> {
        let value = self.evaluate(scope)?;
        if let Value::Bool(holds) = value {
            return Ok(holds);
        }
        Err(EvaluationError {
            message: format!("a condition is true or false, and this gives {}", operators::describe(&value)),
            span: 0..self.source().len(),
            missing: false,
        })
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.source()).finish()
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.source() == other.source()
    }
}

impl Eq for Expression {}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.source())
    }
}

#[cfg(test)]
mod tests;
