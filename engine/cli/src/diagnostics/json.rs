//! Problems for a machine. The shape is promised: members may be added, none changes its meaning.

use runbook_core::source::{SourceFile, Span};
use serde_json::{Value, json};

use super::{Checked, count, word};

/// One object: `errors` and `warnings` (how many), `files` (what was checked) and `diagnostics`.
///
/// Lines and columns count from 1, columns in characters; `start` and `end` are bytes from 0, the end not included.
#[must_use]
pub fn render(files: &[Checked]) -> Value {
    let (errors, warnings) = count(files);
    let diagnostics: Vec<Value> = files
        .iter()
        .flat_map(|checked| checked.problems.iter().map(move |problem| (&checked.file, problem)))
        .map(|(file, problem)| {
            json!({
                "code": problem.code.number(),
                "severity": word(problem.severity),
                "title": problem.title,
                "label": problem.label,
                "help": problem.help,
                "path": file.name(),
                "span": span(file, problem.span),
                "related": problem.related.iter().map(|(place, words)| json!({
                    "label": words,
                    "span": span(file, *place),
                })).collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({
        "v": 1,
        "errors": errors,
        "warnings": warnings,
        "files": files.iter().map(|checked| checked.file.name()).collect::<Vec<_>>(),
        "diagnostics": diagnostics,
    })
}

fn span(file: &SourceFile, span: Span) -> Value {
    let (from, to) = (file.position(span.start), file.position(span.end));
    json!({
        "start": span.start,
        "end": span.end,
        "from": { "line": from.line, "column": from.column },
        "to": { "line": to.line, "column": to.column },
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::indexing_slicing, reason = "JSON gives null for what is not there")]

    use runbook_core::diagnostic::{Code, Diagnostic};

    use super::*;

    #[test]
    fn places_are_given_in_bytes_and_in_characters() {
        let file = SourceFile::new("a.yaml", "é: 1\né: 2\n");
        let problems =
            vec![Diagnostic::new(Code::DuplicateKey, Span::new(6, 8), "twice").related(Span::new(0, 2), "first")];
        let json = render(&[Checked { file, problems }]);
        assert_eq!(json["errors"], 1);
        assert_eq!(
            json["diagnostics"][0]["span"],
            json!({ "start": 6, "end": 8, "from": { "line": 2, "column": 1 }, "to": { "line": 2, "column": 2 } })
        );
        assert_eq!(json["diagnostics"][0]["related"][0]["label"], "first");
        assert_eq!(json["diagnostics"][0]["help"], Value::Null);
    }
}
