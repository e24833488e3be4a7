//! Problems as SARIF 2.1.0, which code scanning reads.

use std::fmt::Write as _;

use runbook_core::diagnostic::{Code, Severity};
use runbook_core::source::{SourceFile, Span};
use serde_json::{Value, json};

use super::Checked;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// One SARIF log with one run: every code is a rule, every problem a result.
#[must_use]
pub fn render(files: &[Checked]) -> Value {
    let rules: Vec<Value> = Code::ALL
        .iter()
        .map(|code| {
            json!({
                "id": code.number(),
                "shortDescription": { "text": code.title() },
                "help": { "text": code.page(), "markdown": code.page() },
                "defaultConfiguration": { "level": level(code.severity()) },
            })
        })
        .collect();
    let results: Vec<Value> = files
        .iter()
        .flat_map(|checked| checked.problems.iter().map(move |problem| (&checked.file, problem)))
        .map(|(file, problem)| {
            let mut text = problem.title.clone();
            for more in
                [Some(&problem.label), problem.help.as_ref()].into_iter().flatten().filter(|more| !more.is_empty())
            {
                text.push_str(". ");
                text.push_str(more);
            }
            json!({
                "ruleId": problem.code.number(),
                "ruleIndex": Code::ALL.iter().position(|code| *code == problem.code),
                "level": level(problem.severity),
                "message": { "text": text },
                "locations": [{ "physicalLocation": place(file, problem.span) }],
                "relatedLocations": problem.related.iter().zip(0..).map(|((span, words), id): (_, u32)| json!({
                    "id": id,
                    "message": { "text": words },
                    "physicalLocation": place(file, *span),
                })).collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "runbook",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn place(file: &SourceFile, span: Span) -> Value {
    let (from, to) = (file.position(span.start), file.position(span.end));
    json!({
        "artifactLocation": { "uri": uri(file.name()) },
        "region": {
            "startLine": from.line,
            "startColumn": from.column,
            "endLine": to.line,
            "endColumn": to.column,
            "byteOffset": span.start,
            "byteLength": span.len(),
        },
    })
}

/// A path as a URI: relative ones stay relative, to the root of the repository by convention.
fn uri(path: &str) -> String {
    let mut uri = if path.starts_with('/') { "file://".to_owned() } else { String::new() };
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    #![expect(clippy::indexing_slicing, reason = "JSON gives null for what is not there")]

    use runbook_core::diagnostic::Diagnostic;

    use super::*;

    #[test]
    fn a_problem_is_a_result_that_names_its_rule_and_place() {
        let file = SourceFile::new("my runbooks/é.yaml", "é: 1\n");
        let problems = vec![Diagnostic::new(Code::UnknownKey, Span::new(0, 2), "unknown key").help("remove it")];
        let sarif = render(&[Checked { file, problems }]);
        let result = &sarif["runs"][0]["results"][0];
        let index = result["ruleIndex"].as_u64().and_then(|index| usize::try_from(index).ok()).unwrap_or(usize::MAX);
        assert_eq!(sarif["runs"][0]["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "my%20runbooks/%C3%A9.yaml");
        assert_eq!((&place["region"]["startColumn"], &place["region"]["endColumn"]), (&json!(1), &json!(2)));
        assert_eq!(result["message"]["text"], "unknown key. remove it");
    }
}
