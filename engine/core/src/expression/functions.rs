//! The functions of expressions: CEL's own, and those a runbook needs.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "an operation takes some kinds of values and refuses all others alike"
)]

use std::borrow::Cow;
use std::ops::{Range, RangeInclusive};

use super::error::ExpressionError;
use super::operators::{order, quoted, to_integer, to_number};
use crate::value::Value;

/// A function, as the reference lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FunctionDoc {
    /// Its name.
    pub name: &'static str,
    /// How it is called, and what it gives.
    pub signature: &'static str,
    /// What it does, one line.
    pub summary: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Size,
    Contains,
    StartsWith,
    EndsWith,
    Matches,
    Int,
    Double,
    Text,
    Bool,
    Duration,
    Timestamp,
    TimePart(TimePart),
    Ceil,
    Floor,
    Round,
    Number,
    NextOf,
    Lines,
    Split,
    Trim,
    Capture,
    First,
    InHours,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimePart {
    Year,
    Month,
    Date,
    DayOfMonth,
    DayOfWeek,
    DayOfYear,
    Hours,
    Minutes,
    Seconds,
    Milliseconds,
}

/// How a function may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Function,
    Method,
    Either,
}

/// A function and how it may be called.
pub(super) struct Row {
    pub(super) function: Function,
    style: Style,
    /// Arguments, the operand it is called on included.
    arguments: RangeInclusive<usize>,
    doc: FunctionDoc,
}

const fn row(
    function: Function,
    style: Style,
    arguments: RangeInclusive<usize>,
    [name, signature, summary]: [&'static str; 3],
) -> Row {
    Row { function, style, arguments, doc: FunctionDoc { name, signature, summary } }
}

const fn part(part: TimePart, name: &'static str, signature: &'static str, summary: &'static str) -> Row {
    row(Function::TimePart(part), Style::Method, 1..=1, [name, signature, summary])
}

/// Every function but the macros, which are CEL's syntax.
const ROWS: &[Row] = &[
    row(
        Function::Size,
        Style::Either,
        1..=1,
        ["size", "size(x) → integer", "characters of a text, or elements of a list or mapping"],
    ),
    row(
        Function::Contains,
        Style::Method,
        2..=2,
        ["contains", "text.contains(part) → boolean", "whether the text contains the part"],
    ),
    row(
        Function::StartsWith,
        Style::Method,
        2..=2,
        ["startsWith", "text.startsWith(part) → boolean", "whether the text begins with the part"],
    ),
    row(
        Function::EndsWith,
        Style::Method,
        2..=2,
        ["endsWith", "text.endsWith(part) → boolean", "whether the text ends with the part"],
    ),
    row(
        Function::Matches,
        Style::Either,
        2..=2,
        ["matches", "text.matches(pattern) → boolean", "whether the regular expression is found in the text"],
    ),
    row(
        Function::Int,
        Style::Function,
        1..=1,
        ["int", "int(x) → integer", "the integer of a number (cut), a text, or a timestamp (seconds since 1970)"],
    ),
    row(
        Function::Double,
        Style::Function,
        1..=1,
        ["double", "double(x) → number", "the number of an integer or a text; for dividing"],
    ),
    row(Function::Text, Style::Function, 1..=1, ["string", "string(x) → text", "the value as a message would show it"]),
    row(Function::Bool, Style::Function, 1..=1, ["bool", "bool(text) → boolean", "the text true or false as a value"]),
    row(
        Function::Duration,
        Style::Function,
        1..=1,
        ["duration", "duration(text) → duration", "a length of time: duration(\"1h30m\")"],
    ),
    row(
        Function::Timestamp,
        Style::Function,
        1..=1,
        ["timestamp", "timestamp(text) → timestamp", "an instant: timestamp(\"2027-03-01T09:00:00Z\")"],
    ),
    part(TimePart::Year, "getFullYear", "timestamp.getFullYear() → integer", "the year, UTC"),
    part(TimePart::Month, "getMonth", "timestamp.getMonth() → integer", "the month, UTC, from 0"),
    part(TimePart::Date, "getDate", "timestamp.getDate() → integer", "the day of the month, UTC, from 1"),
    part(
        TimePart::DayOfMonth,
        "getDayOfMonth",
        "timestamp.getDayOfMonth() → integer",
        "the day of the month, UTC, from 0",
    ),
    part(
        TimePart::DayOfWeek,
        "getDayOfWeek",
        "timestamp.getDayOfWeek() → integer",
        "the day of the week, UTC, Sunday is 0",
    ),
    part(TimePart::DayOfYear, "getDayOfYear", "timestamp.getDayOfYear() → integer", "the day of the year, UTC, from 0"),
    part(
        TimePart::Hours,
        "getHours",
        "x.getHours() → integer",
        "the hour of a timestamp, UTC, or all hours of a duration",
    ),
    part(
        TimePart::Minutes,
        "getMinutes",
        "x.getMinutes() → integer",
        "the minute of a timestamp, or all minutes of a duration",
    ),
    part(
        TimePart::Seconds,
        "getSeconds",
        "x.getSeconds() → integer",
        "the second of a timestamp, or all seconds of a duration",
    ),
    part(
        TimePart::Milliseconds,
        "getMilliseconds",
        "x.getMilliseconds() → integer",
        "the milliseconds of a timestamp's or duration's second",
    ),
    row(Function::Ceil, Style::Either, 1..=1, ["ceil", "ceil(number) → integer", "the next integer above"]),
    row(Function::Floor, Style::Either, 1..=1, ["floor", "floor(number) → integer", "the next integer below"]),
    row(
        Function::Round,
        Style::Either,
        1..=1,
        ["round", "round(number) → integer", "the nearest integer, halves away from zero"],
    ),
    row(
        Function::Number,
        Style::Either,
        1..=1,
        ["number", "number(text) → integer or number", "the number a text spells, blanks around it ignored"],
    ),
    row(
        Function::NextOf,
        Style::Either,
        2..=2,
        ["next_of", "next_of(x, list) → element", "the smallest element that is not below x: the next size up"],
    ),
    row(
        Function::Lines,
        Style::Either,
        1..=1,
        ["lines", "lines(text) → list", "the lines of a text, none for an empty text"],
    ),
    row(
        Function::Split,
        Style::Either,
        2..=2,
        ["split", "split(text, separator) → list", "the parts between the separators"],
    ),
    row(Function::Trim, Style::Either, 1..=1, ["trim", "trim(text) → text", "the text without blanks at its ends"]),
    row(
        Function::Capture,
        Style::Either,
        2..=2,
        ["capture", "capture(text, pattern) → text", "the first group of the first match; no match is an error"],
    ),
    row(
        Function::First,
        Style::Function,
        1..=64,
        ["first", "first(a, b, …) → value", "the first argument that exists and is not null"],
    ),
    row(
        Function::InHours,
        Style::Either,
        2..=2,
        [
            "in_hours",
            "in_hours(timestamp, name) → boolean",
            "whether the instant lies within hours of team.yaml: in_hours(run.now, \"business\")",
        ],
    ),
];

/// Every function, for the reference and for suggestions.
#[must_use]
pub fn functions() -> &'static [FunctionDoc] {
    static DOCS: std::sync::LazyLock<Vec<FunctionDoc>> = std::sync::LazyLock::new(|| {
        let macros = [
            ["has", "has(path) → boolean", "whether the member exists; steps.ID.outputs.NAME may then be read"],
            ["all", "list.all(x, condition) → boolean", "whether the condition holds for every element"],
            ["exists", "list.exists(x, condition) → boolean", "whether the condition holds for an element"],
            ["exists_one", "list.exists_one(x, condition) → boolean", "whether it holds for exactly one element"],
            ["filter", "list.filter(x, condition) → list", "the elements for which the condition holds"],
            ["map", "list.map(x, result) → list", "what becomes of each element"],
        ];
        let macros = macros.into_iter().map(|[name, signature, summary]| FunctionDoc { name, signature, summary });
        macros.chain(ROWS.iter().map(|row| row.doc)).collect()
    });
    &DOCS
}

/// The function of a name.
pub(super) fn find(name: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.doc.name == name)
}

/// The error for a name that is no function, with the nearest one that is.
pub(super) fn unknown(name: &str, span: Range<usize>) -> ExpressionError {
    if let Some(doc) = functions().iter().find(|doc| doc.name == name) {
        return ExpressionError::syntax(format!("`{name}` is not called so"), span)
            .with_hint(format!("it is {}", doc.signature));
    }
    let nearest = functions()
        .iter()
        .map(|doc| (strsim::jaro_winkler(&name.to_lowercase(), &doc.name.to_lowercase()), doc))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|(a, _), (b, _)| a.total_cmp(b));
    let error = ExpressionError::syntax(format!("there is no function `{name}`"), span);
    match (name, nearest) {
        ("len" | "length" | "count", _) => error.with_hint("did you mean size(x)?"),
        ("float", _) => error.with_hint("did you mean double(x)?"),
        ("str", _) => error.with_hint("did you mean string(x)?"),
        (_, Some((_, doc))) => error.with_hint(format!("did you mean {}?", doc.signature)),
        (_, None) => error,
    }
}

/// Checks that a function is called the way it can be.
pub(super) fn check_use(row: &Row, method: bool, count: usize, span: &Range<usize>) -> Result<(), ExpressionError> {
    let name = row.doc.name;
    let problem = match row.style {
        Style::Function if method => Some(format!("`{name}` is not called on a value")),
        Style::Method if !method => Some(format!("`{name}` is called on a value")),
        Style::Function | Style::Method | Style::Either => None,
    };
    let problem = problem.or_else(|| {
        let wanted = row.arguments.start() - usize::from(method);
        let given = count - usize::from(method);
        (!row.arguments.contains(&count)).then(|| match wanted {
            0 => format!("`{name}` takes no argument here, and this has {given}"),
            1 => format!("`{name}` takes one argument here, and this has {given}"),
            _ => format!("`{name}` takes {wanted} arguments, and this has {given}"),
        })
    });
    match problem {
        None => Ok(()),
        Some(problem) => {
            Err(ExpressionError::syntax(problem, span.clone()).with_hint(format!("it is {}", row.doc.signature)))
        }
    }
}

impl Function {
    /// Whether the second argument is a regular expression.
    pub(super) fn takes_pattern(self) -> bool {
        matches!(self, Self::Matches | Self::Capture)
    }

    /// Whether it looks at the whole of its arguments, and so costs by their size.
    pub(super) fn looks_at_all(self) -> bool {
        !matches!(self, Self::StartsWith | Self::EndsWith | Self::InHours | Self::First)
    }
}

/// Names an argument for a message.
type Name<'n> = &'n dyn Fn(usize) -> String;

/// Calls a function. Those that need the scope, names or patterns are the evaluator's.
pub(super) fn call(function: Function, arguments: &[Cow<'_, Value>], name: Name<'_>) -> Result<Value, String> {
    let arguments: Vec<&Value> = arguments.iter().map(AsRef::as_ref).collect();
    match (function, arguments.as_slice()) {
        (Function::Size, [value]) => size(value, name),
        (Function::Contains, [value, part]) => Ok(Value::Bool(text(value, 0, name)?.contains(text(part, 1, name)?))),
        (Function::StartsWith, [value, part]) => {
            Ok(Value::Bool(text(value, 0, name)?.starts_with(text(part, 1, name)?)))
        }
        (Function::EndsWith, [value, part]) => Ok(Value::Bool(text(value, 0, name)?.ends_with(text(part, 1, name)?))),
        (Function::Int, [value]) => integer(value, name),
        (Function::Double, [value]) => double(value, name),
        (Function::Text, [value]) => value
            .to_text()
            .map(Value::Text)
            .ok_or_else(|| format!("`{}` is {}, which is no text", name(0), value.kind())),
        (Function::Bool, [value]) => match value {
            Value::Bool(_) => Ok((*value).clone()),
            Value::Text(spelled) if spelled == "true" => Ok(Value::Bool(true)),
            Value::Text(spelled) if spelled == "false" => Ok(Value::Bool(false)),
            _ => Err(is_no(value, "boolean", name)),
        },
        (Function::Duration, [Value::Duration(_)]) | (Function::Timestamp, [Value::Timestamp(_)]) => {
            Ok(arguments.first().map_or(Value::Null, |value| (*value).clone()))
        }
        (Function::Duration, [value]) => crate::duration::parse(text(value, 0, name)?)
            .map(Value::Duration)
            .map_err(|reason| reason_for(value, reason, name)),
        (Function::Timestamp, [value]) => text(value, 0, name)?.parse().map(Value::Timestamp).map_err(|_| {
            let shape = "a timestamp is written 2027-03-01T09:00:00Z";
            format!("{}; {shape}", is_no(value, "timestamp", name))
        }),
        (Function::TimePart(part), [value]) => time_part(part, value, name),
        (Function::Ceil, [value]) => rounded(value, f64::ceil, name),
        (Function::Floor, [value]) => rounded(value, f64::floor, name),
        (Function::Round, [value]) => rounded(value, f64::round, name),
        (Function::Number, [value]) => number(value, name),
        (Function::NextOf, [value, sizes]) => next_of(value, sizes, name),
        (Function::Lines, [value]) => Ok(Value::List(text(value, 0, name)?.lines().map(Value::from).collect())),
        (Function::Split, [value, separator]) => {
            let separator = text(separator, 1, name)?;
            if separator.is_empty() {
                return Err(format!("`{}` is empty, and splits nothing", name(1)));
            }
            Ok(Value::List(text(value, 0, name)?.split(separator).map(Value::from).collect()))
        }
        (Function::Trim, [value]) => Ok(Value::from(text(value, 0, name)?.trim())),
        (function, arguments) => Err(format!("{function:?} does not take {} arguments", arguments.len())),
    }
}

pub(super) fn text<'v>(value: &'v Value, at: usize, name: Name<'_>) -> Result<&'v str, String> {
    match value {
        Value::Text(text) => Ok(text),
        other => Err(format!("`{}` is {}, and text is wanted", name(at), other.kind())),
    }
}

/// Why a value is not what was wanted, with as much of a text as helps.
fn is_no(value: &Value, wanted: &str, name: Name<'_>) -> String {
    match value {
        Value::Text(text) if text.trim().is_empty() => format!("`{}` is empty and no {wanted}", name(0)),
        Value::Text(text) if text.trim().lines().count() > 1 => {
            format!("`{}` has {} lines and is no {wanted}", name(0), text.trim().lines().count())
        }
        Value::Text(text) => format!("`{}` is {}, which is no {wanted}", name(0), quoted(text)),
        other => format!("`{}` is {}, which is no {wanted}", name(0), other.kind()),
    }
}

fn reason_for(value: &Value, reason: String, name: Name<'_>) -> String {
    match value {
        Value::Text(text) if text.len() <= 40 && !text.contains('\n') => reason,
        other => is_no(other, "duration", name),
    }
}

fn whole(count: usize) -> Value {
    Value::Integer(i64::try_from(count).unwrap_or(i64::MAX))
}

fn size(value: &Value, name: Name<'_>) -> Result<Value, String> {
    match value {
        Value::Text(text) => Ok(whole(text.chars().count())),
        Value::List(items) => Ok(whole(items.len())),
        Value::Map(members) => Ok(whole(members.len())),
        other => Err(format!("`{}` is {} and has no size", name(0), other.kind())),
    }
}

fn integer(value: &Value, name: Name<'_>) -> Result<Value, String> {
    let integer = match value {
        Value::Integer(value) => Some(*value),
        Value::Number(value) => to_integer(*value),
        Value::Text(text) => text.trim().parse().ok(),
        Value::Timestamp(at) => Some(at.as_second()),
        Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) | Value::Duration(_) => None,
    };
    integer.map(Value::Integer).ok_or_else(|| is_no(value, "integer", name))
}

fn double(value: &Value, name: Name<'_>) -> Result<Value, String> {
    match value {
        Value::Integer(value) => Ok(Value::Number(to_number(*value))),
        Value::Number(_) => Ok(value.clone()),
        Value::Text(_) => match number(value, name)? {
            Value::Integer(value) => Ok(Value::Number(to_number(value))),
            other => Ok(other),
        },
        other => Err(is_no(other, "number", name)),
    }
}

fn number(value: &Value, name: Name<'_>) -> Result<Value, String> {
    let spelled = match value {
        Value::Integer(_) | Value::Number(_) => return Ok(value.clone()),
        Value::Text(text) => text.trim(),
        other => return Err(is_no(other, "number", name)),
    };
    if let Ok(integer) = spelled.parse() {
        return Ok(Value::Integer(integer));
    }
    // Digits only: `inf`, `nan` and `infinity` are words.
    let digits = spelled.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
    match spelled.parse::<f64>() {
        Ok(number) if digits && number.is_finite() => Ok(Value::Number(number)),
        Ok(_) | Err(_) => Err(is_no(value, "number", name)),
    }
}

fn rounded(value: &Value, round: fn(f64) -> f64, name: Name<'_>) -> Result<Value, String> {
    match value {
        Value::Integer(_) => Ok(value.clone()),
        Value::Number(number) => to_integer(round(*number))
            .map(Value::Integer)
            .ok_or_else(|| format!("`{}` is outside the integers of 64 bits", name(0))),
        other => Err(is_no(other, "number", name)),
    }
}

fn next_of(value: &Value, sizes: &Value, name: Name<'_>) -> Result<Value, String> {
    let Value::List(sizes) = sizes else {
        return Err(format!("`{}` is {}, and a list is wanted", name(1), sizes.kind()));
    };
    let mut next: Option<&Value> = None;
    for size in sizes {
        let Some(against) = order(size, value) else {
            return Err(format!(
                "`{}` has an element that is {} and does not compare with `{}`, which is {}",
                name(1),
                size.kind(),
                name(0),
                value.kind()
            ));
        };
        let nearer = next.is_none_or(|next| order(size, next).is_some_and(std::cmp::Ordering::is_lt));
        if against.is_ge() && nearer {
            next = Some(size);
        }
    }
    next.cloned().ok_or_else(|| format!("`{}` has no element that reaches {value}, which is `{}`", name(1), name(0)))
}

fn time_part(part: TimePart, value: &Value, name: Name<'_>) -> Result<Value, String> {
    let part = match value {
        Value::Timestamp(at) => {
            let at = at.to_zoned(jiff::tz::TimeZone::UTC);
            i64::from(match part {
                TimePart::Year => at.year(),
                TimePart::Month => i16::from(at.month()) - 1,
                TimePart::Date => i16::from(at.day()),
                TimePart::DayOfMonth => i16::from(at.day()) - 1,
                TimePart::DayOfWeek => i16::from(at.weekday().to_sunday_zero_offset()),
                TimePart::DayOfYear => at.day_of_year() - 1,
                TimePart::Hours => i16::from(at.hour()),
                TimePart::Minutes => i16::from(at.minute()),
                TimePart::Seconds => i16::from(at.second()),
                TimePart::Milliseconds => at.millisecond(),
            })
        }
        Value::Duration(duration) => {
            let seconds = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
            match part {
                TimePart::Hours => seconds / 3_600,
                TimePart::Minutes => seconds / 60,
                TimePart::Seconds => seconds,
                TimePart::Milliseconds => i64::from(duration.subsec_millis()),
                TimePart::Year
                | TimePart::Month
                | TimePart::Date
                | TimePart::DayOfMonth
                | TimePart::DayOfWeek
                | TimePart::DayOfYear => return Err(is_no(value, "timestamp", name)),
            }
        }
        other => return Err(is_no(other, "timestamp or duration", name)),
    };
    Ok(Value::Integer(part))
}
