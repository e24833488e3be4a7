//! RB0172: hours in an expression that the team file does not have.

use super::context::Context;
use super::texts::Form;
use crate::diagnostic::{Code, Diagnostic};

pub(super) fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let Some(team) = context.team else { return Vec::new() };
    let mut found = Vec::new();
    for text in context.texts() {
        let Form::Expression(expression) = text.form else { continue };
        for (name, part) in expression.hours() {
            if team.hours.contains_key(name) {
                continue;
            }
            let names = team.hours.keys().map(String::as_str);
            let help =
                context.suggest(name, names).unwrap_or_else(|| "add them to `hours` in the team file".to_owned());
            let title = format!("there are no hours `{name}`");
            let label = "nobody wrote down when these are";
            found
                .push(Diagnostic::new(Code::UnknownHours, context.place_in(text, part), title).label(label).help(help));
        }
    }
    found
}
