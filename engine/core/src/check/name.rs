//! RB0110: the runbook's name is not the stem of its file.

use super::context::Context;
use crate::diagnostic::{Code, Diagnostic};

pub(super) fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let name = &context.document.name;
    let Some(stem) = context.facts.file_stem.as_deref().filter(|stem| *stem != name.value.as_str()) else {
        return Vec::new();
    };
    let title = format!("the runbook is called `{}` and its file `{stem}`", name.value);
    let help = if crate::id::RunbookName::new(stem).is_ok() {
        format!("write `runbook: {stem}`, or call the file `{}.yaml`", name.value)
    } else {
        format!("call the file `{}.yaml`", name.value)
    };
    vec![Diagnostic::new(Code::NameNotStem, name.span, title).label("found by another name").help(help)]
}
