//! A problem of a file with its place, its stable code and what to do about it.

mod code;
mod silence;
mod suggestion;

pub use code::Code;
pub use silence::Silences;
pub use suggestion::suggest;

use crate::limits::DIAGNOSTICS_MAX;
use crate::source::Span;

/// Whether a problem stops a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The file is not run.
    Error,
    /// The file runs; somebody should look.
    Warning,
}

/// One problem of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Which problem it is, stable across versions.
    pub code: Code,
    /// Whether it stops a run.
    pub severity: Severity,
    /// What is wrong, one line.
    pub title: String,
    /// Where it bites: the words under the bytes of `span`. May be empty.
    pub label: String,
    /// The bytes it is about.
    pub span: Span,
    /// Other places that explain it, each with its words.
    pub related: Vec<(Span, String)>,
    /// What to do, when there is something to say.
    pub help: Option<String>,
}

impl Diagnostic {
    /// Begins a diagnostic with its code's severity, and neither label nor help.
    #[must_use]
    pub fn new(code: Code, span: Span, title: impl Into<String>) -> Self {
        Self {
            code,
            severity: code.severity(),
            title: title.into(),
            label: String::new(),
            span,
            related: Vec::new(),
            help: None,
        }
    }

    /// Says where it bites.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says what to do when there is something to say, such as a suggestion that was found.
    #[must_use]
    pub fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }

    /// Adds another place that explains it.
    #[must_use]
    pub fn related(mut self, span: Span, words: impl Into<String>) -> Self {
        self.related.push((span, words.into()));
        self
    }
}

/// Collects the diagnostics of one file, at most [`DIAGNOSTICS_MAX`] of them.
#[derive(Debug, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    /// Whether any came after the list was full.
    cut: bool,
    has_errors: bool,
}

impl Diagnostics {
    /// An empty collection.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one more. When the list is full it is dropped, so that a hostile file cannot fill the memory.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.has_errors |= diagnostic.severity == Severity::Error;
        if self.is_full() {
            self.cut = true;
        } else {
            self.list.push(diagnostic);
        }
    }

    /// Whether one that stops a run is among them.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.has_errors
    }

    /// Whether there is room for no more: whoever looks for problems can stop.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.list.len() >= DIAGNOSTICS_MAX
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Those collected so far, in the order they came.
    #[must_use]
    pub fn as_slice(&self) -> &[Diagnostic] {
        &self.list
    }

    /// Gives them in the order of the file, each once; when some were left out, the last says so.
    #[must_use]
    pub fn finish(mut self) -> Vec<Diagnostic> {
        self.list.sort_by(|a, b| (a.span, a.code, &a.title).cmp(&(b.span, b.code, &b.title)));
        self.list.dedup_by(|a, b| (a.code, a.span, &a.title) == (b.code, b.span, &b.title));
        if self.cut {
            let last = self.list.last().map_or(Span::at(0), |last| last.span);
            let more = Diagnostic::new(Code::OverLimit, last, "there are more problems than are shown");
            self.list.push(more.help("mend these first, then check again"));
        }
        self.list
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, diagnostics: I) {
        for diagnostic in diagnostics {
            self.push(diagnostic);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_come_in_the_order_of_the_file_each_once() {
        let mut all = Diagnostics::new();
        let one = |start, title: &str| Diagnostic::new(Code::UnknownKey, Span::new(start, start + 1), title);
        all.extend([one(9, "b"), one(2, "a"), one(9, "b"), one(9, "a")]);
        let titles: Vec<_> = all.finish().into_iter().map(|d| (d.span.start, d.title)).collect();
        assert_eq!(titles, [(2, "a".to_owned()), (9, "a".to_owned()), (9, "b".to_owned())]);
    }

    #[test]
    fn warnings_alone_stop_nothing() {
        let mut all = Diagnostics::new();
        all.push(Diagnostic::new(Code::NoOwner, Span::at(0), "no owner"));
        assert!(!all.has_errors());
        all.push(Diagnostic::new(Code::NoSteps, Span::at(0), "no steps"));
        assert!(all.has_errors());
    }

    #[test]
    fn a_flood_is_cut_and_says_so() {
        let mut all = Diagnostics::new();
        all.extend((0..DIAGNOSTICS_MAX + 5).map(|at| Diagnostic::new(Code::UnknownKey, Span::at(at), "x")));
        let all = all.finish();
        assert_eq!(all.len(), DIAGNOSTICS_MAX + 1);
        assert_eq!(all.last().map(|d| d.title.as_str()), Some("there are more problems than are shown"));
    }
}
