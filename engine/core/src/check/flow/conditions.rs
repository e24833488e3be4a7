//! What a condition says about which steps have run, where its form shows it.

use crate::expression::Expression;

/// The steps that have run wherever the condition is true: `steps.a.passed && has(steps.b.outputs.x)` names both.
pub(super) fn ran_if_true(condition: &Expression) -> Vec<&str> {
    if terms(condition.source(), "||").len() > 1 || terms(condition.source(), "?").len() > 1 {
        return Vec::new();
    }
    terms(condition.source(), "&&").into_iter().filter_map(says_it_ran).collect()
}

/// The steps that have run wherever the condition is false: `steps.a.skipped || !steps.b.passed` names both.
pub(super) fn ran_if_false(condition: &Expression) -> Vec<&str> {
    if terms(condition.source(), "&&").len() > 1 || terms(condition.source(), "?").len() > 1 {
        return Vec::new();
    }
    terms(condition.source(), "||")
        .into_iter()
        .filter_map(|term| match term.strip_prefix('!') {
            Some(negated) => says_it_ran(negated.trim_start()),
            None => term.strip_prefix("steps.")?.strip_suffix(".skipped").filter(|id| is_id(id)),
        })
        .collect()
}

/// The step of `steps.ID.passed`, `steps.ID.failed`, `steps.ID.unknown` or `has(steps.ID.…)`.
fn says_it_ran(term: &str) -> Option<&str> {
    if let Some(path) = term.strip_prefix("has(").and_then(|rest| rest.strip_suffix(')')) {
        let (id, _) = path.trim().strip_prefix("steps.")?.split_once('.')?;
        return Some(id).filter(|id| is_id(id));
    }
    let (id, member) = term.strip_prefix("steps.")?.split_once('.')?;
    (matches!(member, "passed" | "failed" | "unknown") && is_id(id)).then_some(id)
}

fn is_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// The parts of an expression between an operator, brackets and quotes left whole.
fn terms<'e>(source: &'e str, operator: &str) -> Vec<&'e str> {
    let mut terms = Vec::new();
    let (mut depth, mut quote, mut escaped, mut start) = (0usize, None, false, 0);
    for (at, c) in source.char_indices() {
        match quote {
            Some(open) => {
                if !escaped && c == open {
                    quote = None;
                }
                escaped = c == '\\' && !escaped;
            }
            None if c == '"' || c == '\'' => quote = Some(c),
            None if matches!(c, '(' | '[' | '{') => depth += 1,
            None if matches!(c, ')' | ']' | '}') => depth = depth.saturating_sub(1),
            None if depth == 0 && at >= start && source.get(at..).is_some_and(|rest| rest.starts_with(operator)) => {
                terms.push(source.get(start..at).unwrap_or_default().trim());
                start = at + operator.len();
            }
            None => {}
        }
    }
    terms.push(source.get(start..).unwrap_or_default().trim());
    terms
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may stop where it is")]

    use super::*;

    fn of(text: &str) -> (Vec<String>, Vec<String>) {
        let condition = Expression::compile(text).unwrap();
        let owned = |ids: Vec<&str>| ids.into_iter().map(str::to_owned).collect();
        (owned(ran_if_true(&condition)), owned(ran_if_false(&condition)))
    }

    #[test]
    fn only_what_the_form_shows_is_taken() {
        let none: Vec<String> = Vec::new();
        let a = vec!["a".to_owned()];
        assert_eq!(of("steps.a.passed"), (a.clone(), none.clone()));
        assert_eq!(of("steps.a.failed && params.x > 1").0, a);
        assert_eq!(of("has(steps.a.outputs.x) && steps.b.unknown").0, ["a", "b"]);
        assert_eq!(of("(steps.a.passed || params.x) && steps.b.passed").0, ["b"]);
        assert_eq!(of("steps.a.passed || steps.b.passed"), (none.clone(), none.clone()));
        assert_eq!(of("steps.a.skipped || !has(steps.b.outputs.x)"), (none.clone(), vec!["a".into(), "b".into()]));
        assert_eq!(of("!steps.a.passed").1, a);
        assert_eq!(of("params.x ? steps.a.passed : steps.b.passed"), (none.clone(), none.clone()));
        assert_eq!(of(r#"params.x == "a && steps.a.passed && b""#), (none.clone(), none));
    }
}
