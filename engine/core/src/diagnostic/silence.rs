//! Comments that silence one warning: `# runbook: allow RB0146 because the shop is being wound up`.

use std::collections::BTreeMap;

use super::{Code, Diagnostic, Diagnostics, Severity};
use crate::source::{SourceFile, Span};

/// One comment that names a warning.
#[derive(Debug)]
struct Silence {
    span: Span,
    code: Code,
    /// The line it speaks of, counted from 1.
    line: usize,
}

/// The silencing comments of one file.
#[derive(Debug, Default)]
pub struct Silences {
    silences: Vec<Silence>,
    invalid: Vec<Diagnostic>,
}

const FORM: &str = "write `# runbook: allow RB0146 because …`, with your reason after `because`";

impl Silences {
    /// Reads the comments that stand on lines of their own. Lines inside `texts`, such as scripts, are no comments;
    /// they are given in the order of the file.
    #[must_use]
    pub fn read(source: &SourceFile, texts: &[Span]) -> Self {
        let mut all = Self::default();
        // From the last line up: several comments may stand above one line, and all speak of it.
        let mut below = source.line_count() + 1;
        for line in (1..=source.line_count()).rev() {
            let Some(whole) = source.line_span(line) else { break };
            let span = source.trim(whole);
            let text = source.slice(span);
            if !text.starts_with('#') || inside(texts, span) {
                below = line;
                continue;
            }
            match directive(text).map(parse) {
                None => {}
                Some(Ok(code)) => all.silences.push(Silence { span, code, line: below }),
                Some(Err(title)) => all.invalid.push(Diagnostic::new(Code::SilenceInvalid, span, title).help(FORM)),
            }
        }
        all
    }

    /// Takes out the warnings that are silenced, one for each comment, and adds what is wrong with the comments
    /// themselves. A comment nothing answers to is reported only of a file without errors: with them, not every
    /// check has run.
    #[must_use]
    pub fn apply(self, source: &SourceFile, diagnostics: Diagnostics) -> Diagnostics {
        let complete = !diagnostics.has_errors();
        let mut silences: BTreeMap<(usize, Code), Vec<Silence>> = BTreeMap::new();
        for silence in self.silences {
            silences.entry((silence.line, silence.code)).or_default().push(silence);
        }
        let mut left = Diagnostics { cut: diagnostics.cut, has_errors: !complete, list: Vec::new() };
        for diagnostic in diagnostics.list {
            let place = (source.line_of(diagnostic.span.start), diagnostic.code);
            let silence = match diagnostic.severity {
                Severity::Warning => silences.get_mut(&place).and_then(Vec::pop),
                Severity::Error => None,
            };
            if silence.is_none() {
                left.push(diagnostic);
            }
        }
        left.extend(self.invalid);
        if complete {
            left.extend(silences.into_values().flatten().map(|silence| {
                let title = format!("there is no {} on the line below to silence", silence.code);
                let unused = Diagnostic::new(Code::SilenceUnused, silence.span, title);
                unused.help("remove the comment, or put it on the line right above the warning")
            }));
        }
        left
    }
}

/// Whether the span lies inside one of the texts, which follow one another.
fn inside(texts: &[Span], span: Span) -> bool {
    let after = texts.partition_point(|text| text.start <= span.start);
    after.checked_sub(1).and_then(|before| texts.get(before)).is_some_and(|text| text.contains(span))
}

/// What follows `# runbook:` on a line; `None` when it does not begin with `allow`.
fn directive(line: &str) -> Option<&str> {
    let words = line.strip_prefix('#')?.trim_start().strip_prefix("runbook:")?.trim();
    words.starts_with("allow").then_some(words)
}

/// The warning a comment silences, or what is wrong with it.
fn parse(words: &str) -> Result<Code, String> {
    let mut words = words.splitn(4, char::is_whitespace);
    let (Some("allow"), Some(number)) = (words.next(), words.next()) else {
        return Err("the comment names no warning to silence".to_owned());
    };
    let code = Code::from_number(number).ok_or_else(|| format!("there is no warning {number:?}"))?;
    if code.severity() == Severity::Error {
        return Err(format!("{code} is an error, and only warnings can be silenced"));
    }
    match (words.next(), words.next().map(str::trim)) {
        (Some("because"), Some(reason)) if reason.chars().any(char::is_alphanumeric) => Ok(code),
        _ => Err(format!("the comment does not say why {code} is silenced")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(text: &str, warnings: &[(Code, &str)]) -> Vec<(Code, usize)> {
        let source = SourceFile::new("a.yaml", text);
        let mut all = Diagnostics::new();
        all.extend(
            warnings.iter().map(|(code, at)| Diagnostic::new(*code, Span::at(text.find(at).unwrap_or_default()), "x")),
        );
        let all = Silences::read(&source, &[]).apply(&source, all).finish();
        all.iter().map(|d| (d.code, source.line_of(d.span.start))).collect()
    }

    #[test]
    fn silences_the_warning_on_the_line_below_and_no_other() {
        let text = "# runbook: allow RB0146 because it has none yet\ntitle: x\nsteps: y\n";
        assert_eq!(applied(text, &[(Code::NoOwner, "title")]), []);
        let both = applied(text, &[(Code::NoOwner, "title"), (Code::ReviewOverdue, "title")]);
        assert_eq!(both, [(Code::ReviewOverdue, 2)]);
        let below = applied(text, &[(Code::NoOwner, "steps")]);
        assert_eq!(below, [(Code::SilenceUnused, 1), (Code::NoOwner, 3)]);
    }

    #[test]
    fn several_comments_stand_above_one_line() {
        let text = "# runbook: allow RB0146 because a\n# runbook: allow RB0147 because b\ntitle: x\n";
        assert_eq!(applied(text, &[(Code::NoOwner, "title"), (Code::ReviewOverdue, "title")]), []);
    }

    #[test]
    fn wants_a_reason_a_known_code_and_a_warning() {
        for comment in
            ["allow RB0146", "allow RB0146 because", "allow RB0146 because …", "allow", "allow RB9 because x"]
        {
            let text = format!("# runbook: {comment}\ntitle: x\n");
            let all = applied(&text, &[(Code::NoOwner, "title")]);
            assert_eq!(all, [(Code::SilenceInvalid, 1), (Code::NoOwner, 2)], "{comment}");
        }
        let error = applied("# runbook: allow RB0106 because x\na: b\n", &[(Code::UnknownKey, "a: b")]);
        assert_eq!(error, [(Code::SilenceInvalid, 1), (Code::UnknownKey, 2)]);
    }

    #[test]
    fn a_script_may_print_one() {
        let text = "script: |\n  # runbook: allow RB0146\n";
        let source = SourceFile::new("a.yaml", text);
        let all = Silences::read(&source, &[Span::new(8, text.len())]).apply(&source, Diagnostics::new());
        assert!(all.is_empty());
        let all = Silences::read(&source, &[]).apply(&source, Diagnostics::new());
        assert_eq!(all.as_slice().len(), 1);
    }

    #[test]
    fn with_errors_nothing_is_called_unused() {
        let all = applied("# runbook: allow RB0146 because x\na: b\n", &[(Code::UnknownKey, "a: b")]);
        assert_eq!(all, [(Code::UnknownKey, 2)]);
    }
}
