//! RB0166: a param whose default makes a word of a command an option, or nothing.

use super::context::{Context, bodies};
use crate::command_line::CommandLine;
use crate::diagnostic::{Code, Diagnostic};
use crate::document::model::{Attach, ParamKind, Work};
use crate::source::Spanned;
use crate::template::{Part, Template};
use crate::value::Value;

pub(super) fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for step in &context.document.steps {
        for body in bodies(step) {
            if let Work::Run(line) = &body.work {
                of_line(context, line, &mut found);
            }
        }
        for attach in &step.attach {
            if let Attach::Run(line) = attach {
                of_line(context, line, &mut found);
            }
        }
    }
    found
}

fn of_line(context: &Context<'_>, line: &Spanned<CommandLine>, found: &mut Vec<Diagnostic>) {
    let mut operands_only = false;
    let split = line.value.words().iter().skip(1).any(|word| word.span.start == 0);
    for (number, word) in line.value.words().iter().enumerate() {
        operands_only |= word.template.literal_text().as_deref() == Some("--");
        let Some(read) = first_value(&word.template) else { continue };
        let [root, name] = read.path.as_slice() else { continue };
        let Some(param) = context.document.params.get(name.as_str()).filter(|_| root == "params") else { continue };
        let alone = word.template.parts().len() == 1;
        let values = possible(param);
        let title = if let Some(value) = values.iter().find(|value| value.starts_with('-') && !operands_only) {
            format!("`{{{{ params.{name} }}}}` is `{value}` by itself, an option")
        } else if alone && values.iter().any(String::is_empty) {
            format!("`{{{{ params.{name} }}}}` is nothing by itself")
        } else {
            continue;
        };
        let help = if title.ends_with("option") && number > 0 {
            "write `--` before it if no option is meant, or make the option a word of the line"
        } else {
            "write `{{ default path \"text\" }}`, or give the param a default that says something"
        };
        let place = if split {
            context.place_in_list(line.span, word.template.source(), read.span.clone())
        } else {
            context.place(line.span, read.span.clone())
        };
        found.push(
            Diagnostic::new(Code::WordBecomesOption, place, title)
                .label("refused when the command is about to run")
                .related(param.span, "what it is when nobody says otherwise")
                .help(help),
        );
    }
}

/// The read of `{{ path }}` at the start of a word.
fn first_value(template: &Template) -> Option<&crate::expression::Read> {
    let Some(Part::Interpolation(first)) = template.parts().first() else { return None };
    template.reads().get(first.path()?)
}

/// The texts a param gives without anybody typing one.
fn possible(param: &crate::document::model::Param) -> Vec<String> {
    let mut values: Vec<String> = param.default.iter().filter_map(Value::to_text).collect();
    if let ParamKind::Choice(choices) = &param.kind {
        values.extend(choices.iter().cloned());
    }
    values
}
