//! RB0150: a pipeline in a script, judged by the exit code of its last command.

use super::context::{Context, bodies};
use crate::diagnostic::{Code, Diagnostic};
use crate::document::model::{Step, Surroundings, Work};

/// Commands that do not fail when they begin a pipeline.
const NEVER_FAIL: [&str; 4] = ["echo", "printf", "true", ":"];

pub(super) fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for step in &context.document.steps {
        for body in bodies(step) {
            let Work::Script(script) = &body.work else { continue };
            let says =
                |surroundings: &Surroundings| surroundings.shell.as_ref().map(|shell| says_pipefail(&shell.value));
            let shell = says(&body.surroundings)
                .or_else(|| says(&step.body.surroundings))
                .or_else(|| says(&context.document.defaults.surroundings))
                .unwrap_or(false);
            if shell || script.value.contains("pipefail") {
                continue;
            }
            if let Some(at) = first_pipe(&script.value) {
                found.push(report(context, step, script.span, at));
            }
        }
    }
    found
}

fn says_pipefail(shell: &[String]) -> bool {
    shell.iter().any(|word| word.contains("pipefail"))
}

fn report(context: &Context<'_>, step: &Step, script: crate::source::Span, at: usize) -> Diagnostic {
    let title = format!("`{}` does not notice when the first command of a pipeline fails", step.id.value);
    Diagnostic::new(Code::PipelineLastExit, context.place(script, at..at + 1), title)
        .label("only what follows is judged")
        .help("write `shell: bash -euo pipefail` beside it")
}

/// The first `|` between commands: not in quotes, comments, here-documents or the patterns of a `case`.
fn first_pipe(script: &str) -> Option<usize> {
    let mut line_start = 0;
    let mut here: Option<String> = None;
    for line in script.split_inclusive('\n') {
        let text = line.trim_end_matches(['\n', '\r']);
        if let Some(end) = &here {
            if text.trim_start_matches('\t') == end {
                here = None;
            }
        } else {
            if let Some(at) = pipe_in(text) {
                return Some(line_start + at);
            }
            here = here_document(text);
        }
        line_start += line.len();
    }
    None
}

fn pipe_in(line: &str) -> Option<usize> {
    let mut quote = None;
    let mut command_start = 0;
    let mut before = ' ';
    let mut characters = line.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        match (quote, c) {
            (Some('"') | None, '\\') => {
                characters.next();
            }
            (Some(open), c) if open == c => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, '#') if before.is_whitespace() => return None,
            (None, ';' | '&' | '(' | '{') => command_start = at + 1,
            (None, '|') if characters.peek().is_some_and(|(_, next)| *next == '|') => {
                characters.next();
                command_start = at + 2;
            }
            // `>|` writes over a file.
            (None, '|') if before != '>' => {
                let command = line.get(command_start..at).unwrap_or_default().trim();
                let program = command.split_whitespace().next().unwrap_or_default();
                if !NEVER_FAIL.contains(&program) && !is_pattern(line.get(at..).unwrap_or_default()) {
                    return Some(at);
                }
            }
            (Some(_) | None, _) => {}
        }
        before = c;
    }
    None
}

/// Whether a `)` without its `(` follows on the line: then it is the pattern of a `case`.
fn is_pattern(rest: &str) -> bool {
    let mut depth = 0usize;
    for c in rest.chars() {
        match c {
            '(' => depth += 1,
            ')' if depth == 0 => {
                return !rest.trim_start_matches('|').trim_start().contains([' ', '\t']) || rest.contains(";;");
            }
            ')' => depth -= 1,
            _ => {}
        }
    }
    false
}

/// The word that ends the here-document a line begins.
fn here_document(line: &str) -> Option<String> {
    let (_, after) = line.split_once("<<")?;
    let word = after.trim_start_matches('-').trim_start();
    let word: String =
        word.chars().take_while(|c| !c.is_whitespace() && !matches!(c, ';' | '|' | '&' | ')' | '<')).collect();
    let word = word.trim_matches(['\'', '"']).to_owned();
    (!word.is_empty()).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::first_pipe;

    #[test]
    fn only_pipes_between_commands_are_found() {
        let pipes = ["df -h | tail -1", "x=$(df | tail -1)", "a || b; c | d", "cat é.txt | sort", "a\nb \\\n | c"];
        for script in pipes {
            assert_eq!(
                first_pipe(script),
                script
                    .find("| t")
                    .or_else(|| script.find("| d"))
                    .or_else(|| script.find("| s"))
                    .or_else(|| script.find("| c")),
                "{script}"
            );
        }
        let others = [
            "a || b",
            "echo \"$X\" | sort",
            "printf '%s' x | sort",
            "grep 'a|b' f",
            "awk \"a|b\" f",
            "a # b | c",
            "case $x in\n  a|b) y;;\nesac",
            "cat <<END\na | b\nEND\ntrue",
            "cat <<-'END'\n\ta | b\n\tEND",
            "a >| b",
            "a \\| b",
        ];
        for script in others {
            assert_eq!(first_pipe(script), None, "{script}");
        }
    }
}
