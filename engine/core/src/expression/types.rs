//! What shows of an expression's types without running it.

use std::ops::Range;

use super::Read;
use super::error::{ExpressionError, ExpressionErrorKind};
use super::functions::Function;
use super::node::{Arithmetic, Compare, Form, Node};
use crate::value::Value;

/// A type of the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// True or false.
    Bool,
    /// A whole number.
    Integer,
    /// A number with a fraction.
    Number,
    /// Text.
    Text,
    /// A list.
    List,
    /// Names and values.
    Map,
    /// A length of time.
    Duration,
    /// An instant.
    Timestamp,
}

impl Type {
    /// The type of a value; `None` for null, which belongs to none.
    #[must_use]
    pub fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Null => None,
            Value::Bool(_) => Some(Self::Bool),
            Value::Integer(_) => Some(Self::Integer),
            Value::Number(_) => Some(Self::Number),
            Value::Text(_) => Some(Self::Text),
            Value::List(_) => Some(Self::List),
            Value::Map(_) => Some(Self::Map),
            Value::Duration(_) => Some(Self::Duration),
            Value::Timestamp(_) => Some(Self::Timestamp),
        }
    }

    /// The type in a message: `text`, `an integer`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bool => "a boolean",
            Self::Integer => "an integer",
            Self::Number => "a number",
            Self::Text => "text",
            Self::List => "a list",
            Self::Map => "a mapping",
            Self::Duration => "a duration",
            Self::Timestamp => "a timestamp",
        }
    }

    fn is_numeric(self) -> bool {
        matches!(self, Self::Integer | Self::Number)
    }
}

/// The types of the names that are the language's own.
pub(crate) fn of_known_name(path: &[String]) -> Option<Type> {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    match path.as_slice() {
        ["stdout" | "stderr" | "body"]
        | ["steps", _, "stdout" | "stderr" | "outcome" | "reason"]
        | ["run", "id" | "runbook" | "operator" | "mode"] => Some(Type::Text),
        ["exit_code" | "status"] | ["steps", _, "exit_code"] | ["each", "index"] => Some(Type::Integer),
        ["steps", _, "passed" | "failed" | "skipped" | "unknown"] => Some(Type::Bool),
        ["steps", _, "duration"] => Some(Type::Duration),
        ["steps", _, "started_at"] | ["run", "started_at" | "now"] => Some(Type::Timestamp),
        ["steps", _, "items"] => Some(Type::List),
        _ => None,
    }
}

/// The type of an operand, where it is known; an error where an operation in it cannot succeed.
pub(super) fn check(
    root: &Node,
    source: &str,
    reads: &[Read],
    type_of: &dyn Fn(&[String]) -> Option<Type>,
) -> Result<Option<Type>, ExpressionError> {
    Checker { source, reads, type_of }.node(root)
}

struct Checker<'c> {
    source: &'c str,
    reads: &'c [Read],
    type_of: &'c dyn Fn(&[String]) -> Option<Type>,
}

type Checked = Result<Option<Type>, ExpressionError>;

impl Checker<'_> {
    fn node(&self, node: &Node) -> Checked {
        match &node.form {
            Form::Literal(value) => Ok(Type::of(value)),
            Form::Read(slot) => Ok(self.reads.get(*slot).and_then(|read| (self.type_of)(&read.path))),
            Form::HasRead(_) => Ok(Some(Type::Bool)),
            Form::Variable(_) => Ok(None),
            Form::Member(operand, _) => self.node(operand).map(|_| None),
            Form::Has(operand, _) => self.node(operand).map(|_| Some(Type::Bool)),
            Form::Index(pair) => self.all(pair.as_ref()).map(|()| None),
            Form::Not(operand) => self.wants_bool(operand, "!"),
            Form::Negate(operand) => self.node(operand),
            Form::And(pair) => self.logic(pair, "&&"),
            Form::Or(pair) => self.logic(pair, "||"),
            Form::If(parts) => self.conditional(parts),
            Form::Arithmetic(operator, pair) => self.arithmetic(*operator, pair, &node.span),
            Form::Compare(operator, pair) => self.compare(*operator, pair, &node.span),
            Form::In(pair) => self.contained(pair, &node.span),
            Form::List(elements) => self.all(elements).map(|()| Some(Type::List)),
            Form::Map(entries) => {
                for (key, value) in entries {
                    self.node(key)?;
                    self.node(value)?;
                }
                Ok(Some(Type::Map))
            }
            Form::Each(each) => {
                self.node(&each.range)?;
                if let Some(condition) = &each.condition {
                    self.wants_bool(condition, "the condition")?;
                }
                if let Some(result) = &each.result {
                    self.node(result)?;
                }
                Ok(Some(each.kind.result_type()))
            }
            Form::Call(call) => {
                self.all(&call.arguments)?;
                Ok(call.function.result_type())
            }
        }
    }

    fn all(&self, nodes: &[Node]) -> Result<(), ExpressionError> {
        nodes.iter().try_for_each(|node| self.node(node).map(|_| ()))
    }

    fn text(&self, node: &Node) -> &str {
        self.source.get(node.span.clone()).unwrap_or_default()
    }

    fn wants_bool(&self, operand: &Node, wanted_by: &str) -> Checked {
        match self.node(operand)? {
            None | Some(Type::Bool) => Ok(Some(Type::Bool)),
            Some(other) => {
                let message =
                    format!("`{wanted_by}` takes true or false, and `{}` is {}", self.text(operand), other.name());
                Err(ExpressionError::syntax(message, operand.span.clone()))
            }
        }
    }

    fn logic(&self, pair: &[Node; 2], sign: &str) -> Checked {
        pair.iter().try_for_each(|operand| self.wants_bool(operand, sign).map(|_| ()))?;
        Ok(Some(Type::Bool))
    }

    fn conditional(&self, parts: &[Node; 3]) -> Checked {
        let [condition, then, otherwise] = parts;
        self.wants_bool(condition, "?")?;
        let (then, otherwise) = (self.node(then)?, self.node(otherwise)?);
        Ok(if then == otherwise { then } else { None })
    }

    fn arithmetic(&self, operator: Arithmetic, pair: &[Node; 2], span: &Range<usize>) -> Checked {
        let [left, right] = pair;
        let (Some(left_type), Some(right_type)) = (self.node(left)?, self.node(right)?) else { return Ok(None) };
        let (left, right) = (self.text(left), self.text(right));
        match (left_type, right_type) {
            (Type::Integer, Type::Integer) if operator == Arithmetic::Divide => {
                let message = format!("`{left}` and `{right}` are integers, and dividing them would lose the fraction");
                let error = ExpressionError::syntax(message, span.clone());
                let hint = format!("write double({left}) / {right}");
                Err(ExpressionError { kind: ExpressionErrorKind::IntegerDivision, ..error }.with_hint(hint))
            }
            (Type::Integer, Type::Integer) => Ok(Some(Type::Integer)),
            (left, right) if left.is_numeric() && right.is_numeric() => Ok(Some(Type::Number)),
            (Type::Text, Type::Text) if operator == Arithmetic::Add => Ok(Some(Type::Text)),
            (Type::List, Type::List) if operator == Arithmetic::Add => Ok(Some(Type::List)),
            (Type::Timestamp, Type::Timestamp) if operator == Arithmetic::Subtract => Ok(Some(Type::Duration)),
            (Type::Timestamp, Type::Duration) => Ok(Some(Type::Timestamp)),
            (Type::Duration, Type::Timestamp) if operator == Arithmetic::Add => Ok(Some(Type::Timestamp)),
            (Type::Duration, Type::Duration) => Ok(Some(Type::Duration)),
            (Type::Text, other) | (other, Type::Text) if operator == Arithmetic::Add => {
                let stray = if left_type == Type::Text { right } else { left };
                let message = format!("`{left}` and `{right}` cannot be joined: `{stray}` is {}", other.name());
                Err(ExpressionError::syntax(message, span.clone()).with_hint(format!("write string({stray})")))
            }
            (left_type, right_type) => {
                let message = format!(
                    "`{left}` is {} and `{right}` is {}, which do not combine",
                    left_type.name(),
                    right_type.name()
                );
                Err(ExpressionError::syntax(message, span.clone()))
            }
        }
    }

    fn compare(&self, operator: Compare, pair: &[Node; 2], span: &Range<usize>) -> Checked {
        let [left, right] = pair;
        if let (Some(left_type), Some(right_type)) = (self.node(left)?, self.node(right)?) {
            let unordered = matches!(left_type, Type::Bool | Type::List | Type::Map)
                && !matches!(operator, Compare::Equal | Compare::NotEqual);
            if unordered && left_type == right_type {
                let (left, right) = (self.text(left), self.text(right));
                let message = format!("`{left}` and `{right}` are each {}, which has no order", left_type.name());
                return Err(ExpressionError::syntax(message, span.clone()));
            }
            self.comparable((left, left_type), (right, right_type), span)?;
        }
        Ok(Some(Type::Bool))
    }

    fn comparable(
        &self,
        (left, left_type): (&Node, Type),
        (right, right_type): (&Node, Type),
        span: &Range<usize>,
    ) -> Result<(), ExpressionError> {
        if left_type == right_type || (left_type.is_numeric() && right_type.is_numeric()) {
            return Ok(());
        }
        let text_and_number = (left_type == Type::Text && right_type.is_numeric())
            || (right_type == Type::Text && left_type.is_numeric());
        let (left_text, right_text) = (self.text(left), self.text(right));
        let message = format!(
            "`{left_text}` is {} and `{right_text}` is {}, which do not compare",
            left_type.name(),
            right_type.name()
        );
        let error = ExpressionError::syntax(message, span.clone());
        if !text_and_number {
            return Err(error);
        }
        let (text, number) = if left_type == Type::Text { (left, right) } else { (right, left) };
        // `exit_code == "0"` wants the quotes off, `stdout > 5` wants the text read as a number.
        let literal = if let Form::Literal(Value::Text(literal)) = &text.form { Some(literal) } else { None };
        let hint = match literal {
            Some(literal) if literal.parse::<f64>().is_ok() => format!("write {literal} without quotes"),
            Some(_) => format!("write string({})", self.text(number)),
            None => format!("write number({})", self.text(text)),
        };
        Err(ExpressionError { kind: ExpressionErrorKind::TextComparedWithNumber, ..error }.with_hint(hint))
    }

    fn contained(&self, pair: &[Node; 2], span: &Range<usize>) -> Checked {
        let [needle, hay] = pair;
        let needle_type = self.node(needle)?;
        let hay_type = self.node(hay)?;
        if let (Some(needle_type), Form::List(elements)) = (needle_type, &hay.form) {
            for element in elements {
                if let Some(element_type) = self.node(element)? {
                    self.comparable((needle, needle_type), (element, element_type), span)?;
                }
            }
        }
        if (needle_type, hay_type) == (Some(Type::Text), Some(Type::Text)) {
            let (part, whole) = (self.text(needle), self.text(hay));
            let error = ExpressionError::syntax(format!("`{whole}` is text, and `in` looks in lists"), span.clone());
            return Err(error.with_hint(format!("write {whole}.contains({part})")));
        }
        Ok(Some(Type::Bool))
    }
}

impl super::node::EachKind {
    fn result_type(self) -> Type {
        match self {
            Self::All | Self::Exists | Self::ExistsOne => Type::Bool,
            Self::Filter | Self::Map => Type::List,
        }
    }
}

impl Function {
    /// The type of what a function gives, where it is always the same.
    fn result_type(self) -> Option<Type> {
        match self {
            Self::Size | Self::Int | Self::Ceil | Self::Floor | Self::Round | Self::TimePart(_) => Some(Type::Integer),
            Self::Double => Some(Type::Number),
            Self::Contains | Self::StartsWith | Self::EndsWith | Self::Matches | Self::Bool | Self::InHours => {
                Some(Type::Bool)
            }
            Self::Text | Self::Trim | Self::Capture => Some(Type::Text),
            Self::Lines | Self::Split => Some(Type::List),
            Self::Duration => Some(Type::Duration),
            Self::Timestamp => Some(Type::Timestamp),
            Self::Number | Self::NextOf | Self::First => None,
        }
    }
}
