//! Arithmetic and comparison: integers and numbers mix, text and numbers never do, nothing overflows in silence.

use std::cmp::Ordering;

use jiff::SignedDuration;

use super::node::{Arithmetic, Compare};
use crate::value::Value;

/// Names the left (0) or right (1) operand for a message.
pub(super) type Names<'n> = &'n dyn Fn(usize) -> String;

/// The value in a message: `the integer 5`, `the text "down"`, `a list`.
pub(super) fn describe(value: &Value) -> String {
    match value {
        Value::Null | Value::List(_) | Value::Map(_) => value.kind().to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Integer(value) => format!("the integer {value}"),
        Value::Number(value) => format!("the number {value}"),
        Value::Text(text) => format!("the text {}", quoted(text)),
        Value::Duration(_) => format!("the duration {value}"),
        Value::Timestamp(_) => format!("the timestamp {value}"),
    }
}

/// The beginning of a text, quoted, for a message.
pub(super) fn quoted(text: &str) -> String {
    const SHOWN: usize = 40; // characters
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{:?}", format!("{}…", text.get(..end).unwrap_or_default())),
        None => format!("{text:?}"),
    }
}

/// The number an integer is.
#[expect(clippy::cast_precision_loss, reason = "mixing with a number gives a number, exact up to 2^53")]
pub(super) fn to_number(value: i64) -> f64 {
    value as f64
}

/// The integer a number without fraction is; `None` outside the integers.
pub(super) fn to_integer(value: f64) -> Option<i64> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0; // 2^63
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked, and the fraction is to be cut")]
    (-LIMIT..LIMIT).contains(&value).then_some(value as i64)
}

fn compare_mixed(integer: i64, number: f64) -> Option<Ordering> {
    match to_integer(number) {
        Some(whole) => Some(integer.cmp(&whole).then(0.0.partial_cmp(&number.fract())?)),
        None => 0.0.partial_cmp(&number),
    }
}

/// How two values of kinds that have an order compare; `None` for others.
pub(super) fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Integer(left), Value::Integer(right)) => Some(left.cmp(right)),
        (Value::Number(left), Value::Number(right)) => left.partial_cmp(right),
        (Value::Integer(left), Value::Number(right)) => compare_mixed(*left, *right),
        (Value::Number(left), Value::Integer(right)) => compare_mixed(*right, *left).map(Ordering::reverse),
        (Value::Text(left), Value::Text(right)) => Some(left.cmp(right)),
        (Value::Duration(left), Value::Duration(right)) => Some(left.cmp(right)),
        (Value::Timestamp(left), Value::Timestamp(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

/// Whether two values are the same: integers and numbers mix, values of different kinds differ.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::List(left), Value::List(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Value::Map(left), Value::Map(right)) => {
            left.len() == right.len()
                && left.iter().zip(right).all(|((a, left), (b, right))| a == b && same(left, right))
        }
        (Value::Bool(left), Value::Bool(right)) => left == right,
        (Value::Null, Value::Null) => true,
        _ => order(left, right) == Some(Ordering::Equal),
    }
}

fn comparable(left: &Value, right: &Value) -> bool {
    let numeric = |value: &Value| matches!(value, Value::Integer(_) | Value::Number(_));
    matches!(left, Value::Null)
        || matches!(right, Value::Null)
        || (numeric(left) && numeric(right))
        || std::mem::discriminant(left) == std::mem::discriminant(right)
}

/// Whether two values are equal. Only null may be compared with a value of another kind.
pub(super) fn equal(left: &Value, right: &Value, names: Names<'_>) -> Result<bool, String> {
    if comparable(left, right) { Ok(same(left, right)) } else { Err(mismatch(left, right, names)) }
}

/// Compares two values.
pub(super) fn compare(operator: Compare, left: &Value, right: &Value, names: Names<'_>) -> Result<bool, String> {
    match operator {
        Compare::Equal => return equal(left, right, names),
        Compare::NotEqual => return equal(left, right, names).map(|equal| !equal),
        Compare::Less | Compare::LessOrEqual | Compare::Greater | Compare::GreaterOrEqual => {}
    }
    let ordering = order(left, right).ok_or_else(|| mismatch(left, right, names))?;
    Ok(match operator {
        Compare::Less => ordering.is_lt(),
        Compare::LessOrEqual => ordering.is_le(),
        Compare::Greater => ordering.is_gt(),
        Compare::GreaterOrEqual => ordering.is_ge(),
        Compare::Equal | Compare::NotEqual => ordering.is_eq(),
    })
}

fn mismatch(left: &Value, right: &Value, names: Names<'_>) -> String {
    let advice = match (left, right) {
        (Value::Text(_), Value::Integer(_) | Value::Number(_)) => format!("; write number({})", names(0)),
        (Value::Integer(_) | Value::Number(_), Value::Text(_)) => format!("; write number({})", names(1)),
        _ => String::new(),
    };
    let (left_kind, right_kind) = (left.kind(), right.kind());
    if left_kind == right_kind {
        return format!("`{}` and `{}` are each {left_kind}, which has no order", names(0), names(1));
    }
    format!("`{}` is {left_kind} and `{}` is {right_kind}, which do not compare{advice}", names(0), names(1))
}

/// Adds, subtracts, multiplies, divides.
pub(super) fn arithmetic(operator: Arithmetic, left: &Value, right: &Value, names: Names<'_>) -> Result<Value, String> {
    match (left, right) {
        (Value::Integer(left), Value::Integer(right)) => integers(operator, *left, *right, names),
        (Value::Number(left), Value::Number(right)) => numbers(operator, *left, *right, names),
        (Value::Integer(left), Value::Number(right)) => numbers(operator, to_number(*left), *right, names),
        (Value::Number(left), Value::Integer(right)) => numbers(operator, *left, to_number(*right), names),
        (Value::Text(left), Value::Text(right)) if operator == Arithmetic::Add => {
            Ok(Value::Text([left.as_str(), right.as_str()].concat()))
        }
        (Value::List(left), Value::List(right)) if operator == Arithmetic::Add => {
            Ok(Value::List(left.iter().chain(right).cloned().collect()))
        }
        _ => times(operator, left, right, names),
    }
}

fn integers(operator: Arithmetic, left: i64, right: i64, names: Names<'_>) -> Result<Value, String> {
    let result = match operator {
        Arithmetic::Add => left.checked_add(right),
        Arithmetic::Subtract => left.checked_sub(right),
        Arithmetic::Multiply => left.checked_mul(right),
        Arithmetic::Divide => {
            return Err(format!(
                "`{}` and `{}` are integers, and dividing them would lose the fraction; write double({}) / {}",
                names(0),
                names(1),
                names(0),
                names(1)
            ));
        }
        Arithmetic::Remainder if right == 0 => return Err(format!("`{}` is 0, which divides nothing", names(1))),
        Arithmetic::Remainder => left.checked_rem(right),
    };
    result.map(Value::Integer).ok_or_else(|| overflow(names))
}

fn numbers(operator: Arithmetic, left: f64, right: f64, names: Names<'_>) -> Result<Value, String> {
    let result = match operator {
        Arithmetic::Add => left + right,
        Arithmetic::Subtract => left - right,
        Arithmetic::Multiply => left * right,
        Arithmetic::Divide | Arithmetic::Remainder if right == 0.0 => {
            return Err(format!("`{}` is 0, which divides nothing", names(1)));
        }
        Arithmetic::Divide => left / right,
        Arithmetic::Remainder => return Err("a remainder is taken of integers only".to_owned()),
    };
    if result.is_finite() { Ok(Value::Number(result)) } else { Err(overflow(names)) }
}

fn overflow(names: Names<'_>) -> String {
    format!("the result of `{}` and `{}` is too large to be a number", names(0), names(1))
}

/// Durations and timestamps.
fn times(operator: Arithmetic, left: &Value, right: &Value, names: Names<'_>) -> Result<Value, String> {
    let too_far = || format!("the result of `{}` and `{}` is outside the time that can be named", names(0), names(1));
    let signed = |duration: std::time::Duration| SignedDuration::try_from(duration).map_err(|_| too_far());
    match (operator, left, right) {
        (Arithmetic::Add, Value::Duration(left), Value::Duration(right)) => {
            left.checked_add(*right).map(Value::Duration).ok_or_else(too_far)
        }
        (Arithmetic::Subtract, Value::Duration(left), Value::Duration(right)) => {
            left.checked_sub(*right).map(Value::Duration).ok_or_else(|| negative(names))
        }
        (Arithmetic::Add, Value::Timestamp(at), Value::Duration(by))
        | (Arithmetic::Add, Value::Duration(by), Value::Timestamp(at)) => {
            at.checked_add(signed(*by)?).map(Value::Timestamp).map_err(|_| too_far())
        }
        (Arithmetic::Subtract, Value::Timestamp(at), Value::Duration(by)) => {
            at.checked_sub(signed(*by)?).map(Value::Timestamp).map_err(|_| too_far())
        }
        (Arithmetic::Subtract, Value::Timestamp(left), Value::Timestamp(right)) => {
            let between = left.duration_since(*right);
            std::time::Duration::try_from(between).map(Value::Duration).map_err(|_| negative(names))
        }
        _ => Err(format!(
            "`{}` is {} and `{}` is {}, which `{}` does not take",
            names(0),
            left.kind(),
            names(1),
            right.kind(),
            match operator {
                Arithmetic::Add => "+",
                Arithmetic::Subtract => "-",
                Arithmetic::Multiply => "*",
                Arithmetic::Divide => "/",
                Arithmetic::Remainder => "%",
            }
        )),
    }
}

fn negative(names: Names<'_>) -> String {
    format!("`{}` is less than `{}`, and there are no durations below zero", names(0), names(1))
}
