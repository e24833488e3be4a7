//! `runbook explain`: the page of a code.

use runbook_core::diagnostic::Code;
use serde_json::json;

use crate::arguments::Explain;
use crate::context::{Context, Ending};
use crate::diagnostics::word;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::text::{Style, table};

/// Prints the page of a code, or every code in a line.
///
/// # Errors
/// [`Failure`] when no problem has this code.
pub(super) fn explain(arguments: &Explain, context: &mut Context) -> Ending {
    match &arguments.code {
        Some(number) => {
            let code = find(number, context)?;
            if arguments.json {
                context.out.json(&json!({ "v": 1, "codes": [of(code)] }))?;
            } else {
                context.out.raw(code.page())?;
            }
        }
        None if arguments.json => {
            let codes: Vec<_> = Code::ALL.iter().copied().map(of).collect();
            context.out.json(&json!({ "v": 1, "codes": codes }))?;
        }
        None => {
            let rows: Vec<_> = Code::ALL
                .iter()
                .map(|code| {
                    vec![
                        (Style::Strong, code.number().to_owned()),
                        (Style::Plain, word(code.severity()).to_owned()),
                        (Style::Plain, code.title().to_owned()),
                    ]
                })
                .collect();
            table(&rows).into_iter().try_for_each(|line| context.out.line(line))?;
        }
    }
    Ok(ExitCode::Resolved)
}

fn of(code: Code) -> serde_json::Value {
    json!({ "code": code.number(), "severity": word(code.severity()), "title": code.title(), "page": code.page() })
}

/// `rb0117` and `117` are read too.
fn find(text: &str, context: &Context) -> Result<Code, Failure> {
    let upper = text.to_ascii_uppercase();
    let digits = upper.trim_start_matches("RB");
    Code::from_number(&format!("RB{digits:0>4}")).ok_or_else(|| {
        Failure::usage(format!("no problem has the code {text:?}"))
            .help(format!("`{}` lists them", context.place.bare_command(&["explain"])))
    })
}
