//! Values that one runbook gives to another: they have a type already, and are made those of the param.

use super::{check, read_kind};
use crate::document::model::{Param, ParamKind};
use crate::expression::Type;
use crate::value::Value;

/// Why a value is none of a param.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// A clause that follows the name: `wants a list, and this is text`.
    pub why: String,
    /// What to do, where there is something to say.
    pub help: Option<String>,
}

impl From<String> for Misfit {
    fn from(why: String) -> Self {
        Self { why, help: None }
    }
}

/// Makes a value one of a param, and holds it to its bounds. A text is read as if it were given on the command line,
/// but for lists, which must be lists; a single value becomes text where text is wanted, an integer a number.
///
/// # Errors
/// A clause that follows the name: `wants an integer, not "three"`.
pub fn fit(param: &Param, value: &Value) -> Result<Value, Misfit> {
    let value = convert(&param.kind, value)?;
    check(param, &value)?;
    Ok(value)
}

fn convert(kind: &ParamKind, value: &Value) -> Result<Value, Misfit> {
    let Some(given) = Type::of(value) else {
        return Err(Misfit::from(format!("wants {}, and null is none", name_of(kind))));
    };
    fit_type(kind, given)?;
    match (kind, value) {
        (ParamKind::List(of), Value::List(items)) => {
            let convert = |(number, item)| {
                convert(of, item)
                    .map_err(|misfit| Misfit { why: format!("(its element {}) {}", number + 1, misfit.why), ..misfit })
            };
            items.iter().enumerate().map(convert).collect::<Result<_, _>>().map(Value::List)
        }
        #[expect(clippy::cast_precision_loss, reason = "beyond 2^53 the nearest number is what a person means")]
        (ParamKind::Number, Value::Integer(whole)) => Ok(Value::Number(*whole as f64)),
        (ParamKind::String | ParamKind::Choice(_), value) => Ok(read_kind(kind, &value.to_text().unwrap_or_default())?),
        (_, Value::Text(text)) => Ok(read_kind(kind, text)?),
        (_, value) => Ok(value.clone()),
    }
}

/// Whether values of a type can be made those of a param.
///
/// # Errors
/// Why they cannot, as [`fit`] says it.
pub fn fit_type(kind: &ParamKind, given: Type) -> Result<(), Misfit> {
    let fits = match (kind, given) {
        (ParamKind::List(_), given) => given == Type::List,
        (_, Type::List | Type::Map) => false,
        (ParamKind::String | ParamKind::Choice(_), _) | (_, Type::Text) => true,
        (ParamKind::Integer, given) => given == Type::Integer,
        (ParamKind::Number, given) => matches!(given, Type::Integer | Type::Number),
        (ParamKind::Boolean, given) => given == Type::Bool,
        (ParamKind::Duration, given) => given == Type::Duration,
        (ParamKind::Timestamp, given) => given == Type::Timestamp,
    };
    if fits {
        return Ok(());
    }
    let help = match (kind, given) {
        (ParamKind::List(_), Type::Map) => None,
        (ParamKind::List(_), _) => Some("a list of one is written `[ … ]`".to_owned()),
        (_, Type::List) => Some("to run it for each of them, write `for_each`".to_owned()),
        (ParamKind::Integer, Type::Number) => Some("make it whole with `round`, `floor` or `ceil`".to_owned()),
        (ParamKind::Duration, Type::Integer | Type::Number) => Some("say the unit: `90s`, `5m`".to_owned()),
        _ => None,
    };
    Err(Misfit { why: format!("wants {}, and this is {}", name_of(kind), given.name()), help })
}

fn name_of(kind: &ParamKind) -> &'static str {
    match kind {
        ParamKind::String => "text",
        ParamKind::Integer => "an integer",
        ParamKind::Number => "a number",
        ParamKind::Boolean => "true or false",
        ParamKind::Duration => "a duration",
        ParamKind::Timestamp => "a time",
        ParamKind::Choice(_) => "one of its choices",
        ParamKind::List(_) => "a list",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Span;

    fn param(kind: ParamKind) -> Param {
        Param {
            span: Span::default(),
            kind,
            default: None,
            help: None,
            pattern: None,
            min: None,
            max: Some(Value::Integer(9)),
            from: None,
            secret: false,
        }
    }

    #[test]
    fn a_value_becomes_one_of_the_param() {
        let five = std::time::Duration::from_secs(300);
        let cases = [
            (ParamKind::String, Value::Integer(3), Value::from("3")),
            (ParamKind::Integer, Value::from("3"), Value::Integer(3)),
            (ParamKind::Number, Value::Integer(3), Value::Number(3.0)),
            (ParamKind::Duration, Value::from("5m"), Value::Duration(five)),
            (ParamKind::String, Value::Duration(five), Value::from("5m")),
            (ParamKind::Choice(vec!["1".to_owned()]), Value::Integer(1), Value::from("1")),
            (
                ParamKind::List(Box::new(ParamKind::Integer)),
                Value::List(vec![Value::from("1"), Value::Integer(2)]),
                Value::List(vec![Value::Integer(1), Value::Integer(2)]),
            ),
        ];
        for (kind, given, wanted) in cases {
            assert_eq!(fit(&param(kind.clone()), &given), Ok(wanted), "{kind:?} of {given:?}");
        }
    }

    #[test]
    fn what_is_no_value_of_it_is_refused_with_its_reason() {
        let list = ParamKind::List(Box::new(ParamKind::Integer));
        let cases = [
            (list.clone(), Value::from("1,2"), "wants a list, and this is text"),
            (list.clone(), Value::List(vec![Value::from("x")]), "(its element 1) wants an integer, not \"x\""),
            (list, Value::List(vec![Value::Integer(10)]), "(its element 1) must be at most 9, not 10"),
            (ParamKind::Integer, Value::Number(3.0), "wants an integer, and this is a number"),
            (ParamKind::Integer, Value::Integer(10), "must be at most 9, not 10"),
            (ParamKind::String, Value::List(Vec::new()), "wants text, and this is a list"),
            (ParamKind::Boolean, Value::Null, "wants true or false, and null is none"),
            (ParamKind::Choice(vec!["a".to_owned()]), Value::from("b"), "wants one of a, not \"b\""),
        ];
        for (kind, given, wanted) in cases {
            let refused = fit(&param(kind.clone()), &given).map_err(|misfit| misfit.why);
            assert_eq!(refused, Err(wanted.to_owned()), "{kind:?} of {given:?}");
        }
    }
}
