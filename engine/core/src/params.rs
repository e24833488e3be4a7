//! Params: what a run is given, read from text by their types and held to their bounds.
//!
//! The fields a person is asked for (`collect`) are read the same way.

#![expect(clippy::wildcard_enum_match_arm, reason = "all other values and errors are alike here")]

mod fit;

pub use fit::{Misfit, fit, fit_type};

use std::collections::BTreeMap;
use std::fmt;

use indexmap::IndexMap;

use crate::document::model::{Param, ParamKind};
use crate::duration;
use crate::id::VariableName;
use crate::value::Value;

/// Bytes of memory that a param's pattern may take when compiled.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// Why the params of a run cannot be used: one problem of one param.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParamError {
    /// The runbook has no param of this name.
    Unknown {
        /// As given.
        name: String,
        /// The nearest name it has.
        suggestion: Option<String>,
    },
    /// It was given more than once.
    Repeated {
        /// Its name.
        name: String,
    },
    /// It has no default and was not given.
    Missing {
        /// Its name.
        name: String,
        /// `help`, if the runbook says any.
        help: Option<String>,
    },
    /// Its value is of another type or out of its bounds.
    Wrong {
        /// Its name.
        name: String,
        /// A clause that follows the name: `wants an integer, not "three"`.
        why: String,
    },
}

impl fmt::Display for ParamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { name, suggestion: None } => write!(f, "there is no param {name:?}"),
            Self::Unknown { name, suggestion: Some(near) } => {
                write!(f, "there is no param {name:?}: did you mean {near:?}?")
            }
            Self::Repeated { name } => write!(f, "param {name:?} is given more than once"),
            Self::Missing { name, help: None } => write!(f, "param {name:?} must be given: -p {name}=VALUE"),
            Self::Missing { name, help: Some(help) } => {
                write!(f, "param {name:?} must be given: -p {name}=VALUE ({help})")
            }
            Self::Wrong { name, why } => write!(f, "param {name:?} {why}"),
        }
    }
}

impl std::error::Error for ParamError {}

/// Makes the params of a run from what was given as text (name and value, in the order given) and the defaults. The
/// result holds every param with a value, and where that came from: `option` or `default`.
///
/// # Errors
/// Every problem there is, those of given names first, then those of params in file order.
pub fn resolve(
    params: &IndexMap<VariableName, Param>,
    given: &[(String, String)],
) -> Result<BTreeMap<String, (Value, String)>, Vec<ParamError>> {
    let mut values: BTreeMap<String, (Value, String)> = BTreeMap::new();
    let mut errors = Vec::new();
    let mut named: Vec<&str> = Vec::new();
    for (name, text) in given {
        let Some(param) = params.get(name.as_str()) else {
            errors.push(ParamError::Unknown { name: name.clone(), suggestion: nearest(params, name) });
            continue;
        };
        if named.contains(&name.as_str()) {
            errors.push(ParamError::Repeated { name: name.clone() });
            continue;
        }
        named.push(name);
        match read(param, text) {
            Ok(value) => {
                values.insert(name.clone(), (value, "option".to_owned()));
            }
            Err(why) => errors.push(ParamError::Wrong { name: name.clone(), why }),
        }
    }
    for (name, param) in params {
        if named.contains(&name.as_str()) {
            continue;
        }
        match &param.default {
            Some(value) => {
                values.insert(name.as_str().to_owned(), (value.clone(), "default".to_owned()));
            }
            None => errors.push(ParamError::Missing { name: name.as_str().to_owned(), help: param.help.clone() }),
        }
    }
    if errors.is_empty() { Ok(values) } else { Err(errors) }
}

fn nearest(params: &IndexMap<VariableName, Param>, name: &str) -> Option<String> {
    params
        .keys()
        .map(|key| (strsim::damerau_levenshtein(key.as_str(), name), key))
        .filter(|(distance, key)| *distance <= 1 + key.as_str().len() / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, key)| key.as_str().to_owned())
}

/// Reads text as a param's or field's value and holds it to its bounds.
///
/// # Errors
/// A clause that follows the name: `wants an integer, not "three"`.
pub fn read(param: &Param, text: &str) -> Result<Value, String> {
    let value = read_kind(&param.kind, text)?;
    check(param, &value)?;
    Ok(value)
}

/// A value as [`read`] takes it.
#[must_use]
pub fn written(value: &Value) -> String {
    let Value::List(items) = value else { return value.to_text().unwrap_or_default() };
    let items: Vec<String> = items.iter().map(written).collect();
    // With commas between them where that cannot be read otherwise.
    let is_plain = |item: &String| !item.is_empty() && !item.contains([',', '[']) && item.trim() == item;
    if items.iter().all(is_plain) { items.join(",") } else { serde_json::Value::from(items).to_string() }
}

/// Reads text as a value of a type, without its bounds.
///
/// # Errors
/// A clause as from [`read`].
pub fn read_kind(kind: &ParamKind, text: &str) -> Result<Value, String> {
    if text.contains('\0') {
        return Err("holds a NUL, which no program can be given".to_owned());
    }
    match kind {
        ParamKind::String => Ok(Value::Text(text.to_owned())),
        ParamKind::Integer => text.parse().map(Value::Integer).map_err(|_| format!("wants an integer, not {text:?}")),
        ParamKind::Number => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Value::Number(number)),
            Ok(_) | Err(_) => Err(format!("wants a number, not {text:?}")),
        },
        ParamKind::Boolean => match text {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err(format!("wants true or false, not {text:?}")),
        },
        ParamKind::Duration => {
            duration::parse(text).map(Value::Duration).map_err(|why| format!("wants a duration: {why}"))
        }
        ParamKind::Timestamp => text
            .parse()
            .map(Value::Timestamp)
            .map_err(|_| format!("wants a time with its zone, such as 2027-03-01T09:00:00Z, not {text:?}")),
        ParamKind::Choice(choices) => {
            if choices.iter().any(|choice| choice == text) {
                Ok(Value::Text(text.to_owned()))
            } else {
                Err(format!("wants one of {}, not {text:?}", choices.join(", ")))
            }
        }
        ParamKind::List(of) => read_list(of, text),
    }
}

/// `a,b`; where an element holds a comma, a JSON list: `["a, b", "c"]`. Nothing is the empty list.
fn read_list(of: &ParamKind, text: &str) -> Result<Value, String> {
    let texts: Vec<String> = if text.trim_start().starts_with('[') {
        let items: Vec<serde_json::Value> =
            serde_json::from_str(text).map_err(|_| format!("wants a list, and {text:?} is no JSON list"))?;
        items
            .into_iter()
            .map(|item| match item {
                serde_json::Value::String(text) => text,
                other => other.to_string(),
            })
            .collect()
    } else if text.trim().is_empty() {
        Vec::new()
    } else {
        text.split(',').map(|item| item.trim().to_owned()).collect()
    };
    let values = texts
        .iter()
        .enumerate()
        .map(|(number, item)| read_kind(of, item).map_err(|why| format!("(its element {}) {why}", number + 1)));
    values.collect::<Result<_, _>>().map(Value::List)
}

/// Holds a value of the right type to `pattern`, `min` and `max`. Those of a list hold for each of its elements.
///
/// # Errors
/// A clause as from [`read`].
pub fn check(param: &Param, value: &Value) -> Result<(), String> {
    if let Value::List(items) = value {
        return items.iter().enumerate().try_for_each(|(number, item)| {
            check(param, item).map_err(|why| format!("(its element {}) {why}", number + 1))
        });
    }
    if let (Some(pattern), Value::Text(text)) = (&param.pattern, value) {
        let regex = compile(&pattern.value).map_err(|why| format!("has a pattern that cannot be used: {why}"))?;
        if !regex.is_match(text) {
            return Err(format!("must match {}, and {text:?} does not", pattern.value));
        }
    }
    if let Some(min) = param.min.as_ref().filter(|min| order(value, min).is_some_and(std::cmp::Ordering::is_lt)) {
        return Err(format!("must be at least {min}, not {value}"));
    }
    if let Some(max) = param.max.as_ref().filter(|max| order(value, max).is_some_and(std::cmp::Ordering::is_gt)) {
        return Err(format!("must be at most {max}, not {value}"));
    }
    Ok(())
}

/// Compiles a param's pattern, which the whole value must match.
///
/// # Errors
/// What is wrong with it, on one line.
pub fn compile(pattern: &str) -> Result<regex::Regex, String> {
    // The pattern alone first: `a)|(b` must not become right by what is put around it.
    let limited = |text: &str| regex::RegexBuilder::new(text).size_limit(PATTERN_BYTES_MAX).build();
    limited(pattern).and_then(|_| limited(&format!("^(?:{pattern})$"))).map_err(|error| match error {
        regex::Error::Syntax(text) => text.lines().last().unwrap_or_default().trim().to_owned(),
        other => other.to_string(),
    })
}

/// The order of two values of one type that has an order.
fn order(left: &Value, right: &Value) -> Option<std::cmp::Ordering> {
    #[expect(clippy::cast_precision_loss, reason = "a bound near 2^53 is no bound anybody writes")]
    let number = |value: &Value| match value {
        Value::Integer(whole) => Some(*whole as f64),
        Value::Number(number) => Some(*number),
        _ => None,
    };
    match (left, right) {
        (Value::Integer(left), Value::Integer(right)) => Some(left.cmp(right)),
        (Value::Duration(left), Value::Duration(right)) => Some(left.cmp(right)),
        (Value::Timestamp(left), Value::Timestamp(right)) => Some(left.cmp(right)),
        _ => number(left)?.partial_cmp(&number(right)?),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may stop where it is")]

    use super::*;
    use crate::source::{Span, Spanned};

    fn param(kind: ParamKind) -> Param {
        Param {
            span: Span::default(),
            kind,
            default: None,
            help: None,
            pattern: None,
            min: None,
            max: None,
            from: None,
            secret: false,
        }
    }

    fn params(list: Vec<(&str, Param)>) -> IndexMap<VariableName, Param> {
        list.into_iter().map(|(name, param)| (VariableName::new(name).unwrap(), param)).collect()
    }

    fn given(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn what_is_written_reads_back() {
        let list = ParamKind::List(Box::new(ParamKind::String));
        for items in [vec![], vec!["a", "b"], vec!["a, b", "c"], vec![""], vec!["[x", " y"]] {
            let value = Value::List(items.into_iter().map(Value::from).collect());
            assert_eq!(read_kind(&list, &written(&value)), Ok(value));
        }
        let pause = Value::Duration(std::time::Duration::from_secs(90));
        assert_eq!(read_kind(&ParamKind::Duration, &written(&pause)), Ok(pause));
    }

    #[test]
    fn each_type_reads_its_text() {
        let cases = [
            (ParamKind::String, " a b ", Value::from(" a b ")),
            (ParamKind::Integer, "-3", Value::Integer(-3)),
            (ParamKind::Number, "0.5", Value::Number(0.5)),
            (ParamKind::Boolean, "true", Value::Bool(true)),
            (ParamKind::Duration, "1m30s", Value::Duration(std::time::Duration::from_secs(90))),
            (
                ParamKind::Timestamp,
                "2027-03-01T10:00:00+01:00",
                Value::Timestamp("2027-03-01T09:00:00Z".parse().unwrap()),
            ),
            (ParamKind::Choice(vec!["a".to_owned(), "b".to_owned()]), "b", Value::from("b")),
            (
                ParamKind::List(Box::new(ParamKind::Integer)),
                "1, 2,3",
                Value::List(vec![Value::Integer(1), Value::Integer(2), Value::Integer(3)]),
            ),
            (
                ParamKind::List(Box::new(ParamKind::String)),
                r#"["a, b", "c"]"#,
                Value::List(vec![Value::from("a, b"), Value::from("c")]),
            ),
            (ParamKind::List(Box::new(ParamKind::String)), "", Value::List(Vec::new())),
        ];
        for (kind, text, wanted) in cases {
            assert_eq!(read(&param(kind.clone()), text), Ok(wanted), "{kind:?} of {text:?}");
        }
    }

    #[test]
    fn each_type_refuses_what_it_is_not() {
        let cases = [
            (ParamKind::Integer, "three", "wants an integer, not \"three\""),
            (ParamKind::Integer, "99999999999999999999", "wants an integer, not \"99999999999999999999\""),
            (ParamKind::Number, "NaN", "wants a number, not \"NaN\""),
            (ParamKind::Boolean, "yes", "wants true or false, not \"yes\""),
            (
                ParamKind::Timestamp,
                "tomorrow",
                "wants a time with its zone, such as 2027-03-01T09:00:00Z, not \"tomorrow\"",
            ),
            (ParamKind::Choice(vec!["a".to_owned(), "b".to_owned()]), "c", "wants one of a, b, not \"c\""),
            (ParamKind::List(Box::new(ParamKind::Integer)), "1,x", "(its element 2) wants an integer, not \"x\""),
            (ParamKind::String, "a\0", "holds a NUL, which no program can be given"),
        ];
        for (kind, text, wanted) in cases {
            assert_eq!(read(&param(kind), text), Err(wanted.to_owned()));
        }
    }

    #[test]
    fn bounds_hold_for_the_value_and_for_each_element() {
        let mut size = param(ParamKind::Integer);
        size.min = Some(Value::Integer(1));
        size.max = Some(Value::Integer(9));
        assert_eq!(read(&size, "9"), Ok(Value::Integer(9)));
        assert_eq!(read(&size, "0"), Err("must be at least 1, not 0".to_owned()));
        assert_eq!(read(&size, "10"), Err("must be at most 9, not 10".to_owned()));
        let mut hosts = param(ParamKind::List(Box::new(ParamKind::String)));
        hosts.pattern = Some(Spanned { value: "[a-z]+|all".to_owned(), span: Span::default() });
        assert!(read(&hosts, "web,db").is_ok());
        assert_eq!(
            read(&hosts, "web,db1"),
            Err("(its element 2) must match [a-z]+|all, and \"db1\" does not".to_owned())
        );
    }

    #[test]
    fn a_pattern_must_be_right_by_itself() {
        assert!(compile("a)|(b").is_err());
        assert!(compile("(a|b)").is_ok());
    }

    #[test]
    fn all_problems_are_told_at_once() {
        let mut helped = param(ParamKind::String);
        helped.help = Some("which host".to_owned());
        let params = params(vec![("host", helped), ("count", param(ParamKind::Integer))]);
        let errors = resolve(&params, &given(&[("hots", "x"), ("count", "two"), ("count", "2")])).unwrap_err();
        let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "there is no param \"hots\": did you mean \"host\"?",
                "param \"count\" wants an integer, not \"two\"",
                "param \"count\" is given more than once",
                "param \"host\" must be given: -p host=VALUE (which host)",
            ]
        );
    }

    #[test]
    fn a_default_is_used_and_said_to_be_one() {
        let mut count = param(ParamKind::Integer);
        count.default = Some(Value::Integer(2));
        let params = params(vec![("host", param(ParamKind::String)), ("count", count)]);
        let values = resolve(&params, &given(&[("host", "web1")])).unwrap();
        assert_eq!(values.get("host"), Some(&(Value::from("web1"), "option".to_owned())));
        assert_eq!(values.get("count"), Some(&(Value::Integer(2), "default".to_owned())));
    }
}
