//! RB0118: a name that means something where it would stand.

use super::context::{Context, bodies};
use super::words::with_article;
use crate::diagnostic::{Code, Diagnostic};
use crate::document::model::{Body, Output, Work};
use crate::source::Span;

/// Where a road ends.
pub(crate) const ENDS: [&str; 2] = ["done", "failed"];

/// Words of expressions, which no path may hold: `params.in` does not parse.
pub(crate) const WORDS: [&str; 4] = ["false", "in", "null", "true"];

pub(super) fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (name, param) in &context.document.params {
        look(name.as_str(), param.span, "param", &mut found);
    }
    for step in &context.document.steps {
        let id = step.id.value.as_str();
        if ENDS.contains(&id) {
            let title = format!("no step can be called `{id}`");
            let label = format!("a road to `{id}` ends there");
            found.push(Diagnostic::new(Code::ReservedName, step.id.span, title).label(label));
        }
        look(id, step.id.span, "step", &mut found);
        if let Some(for_each) = &step.for_each {
            let name = &for_each.value.name;
            if name.value.as_str() == "index" {
                let title = "the element of a `for_each` cannot be called `index`";
                let label = "`each.index` is its number";
                found.push(Diagnostic::new(Code::ReservedName, name.span, title).label(label));
            }
            look(name.value.as_str(), name.span, "element", &mut found);
        }
        for body in bodies(step) {
            of_body(body, &mut found);
        }
    }
    of_outputs(&context.document.outputs, &mut found);
    found
}

fn of_body(body: &Body, found: &mut Vec<Diagnostic>) {
    of_outputs(&body.outputs, found);
    if let Work::Ask(asking) | Work::Instruct(asking) = &body.work {
        for (name, field) in &asking.collect {
            look(name.as_str(), field.span, "field", found);
        }
    }
}

fn of_outputs(outputs: &[Output], found: &mut Vec<Diagnostic>) {
    for output in outputs {
        look(output.name.value.as_str(), output.name.span, "output", found);
    }
}

fn look(name: &str, span: Span, what: &str, found: &mut Vec<Diagnostic>) {
    if WORDS.contains(&name) {
        let title = format!("{} cannot be called `{name}`", with_article(what));
        let help = format!("`{name}` is a word of expressions, so none could read it: choose another name");
        found.push(Diagnostic::new(Code::ReservedName, span, title).help(help));
    }
}

#[cfg(test)]
mod tests {
    use super::WORDS;
    use crate::expression::Expression;

    #[test]
    fn the_words_are_those_that_expressions_cannot_read() {
        for word in WORDS {
            assert!(Expression::compile(&format!("params.{word} == 1")).is_err(), "{word}");
        }
        for name in ["value", "if", "for", "stdout", "steps", "run"] {
            assert!(Expression::compile(&format!("params.{name} == 1")).is_ok(), "{name}");
        }
    }
}
