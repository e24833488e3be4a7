//! The `run` key: one command line, split into words when the file is read, each word a template.
//!
//! No shell ever sees it. Words are split before any value is known, so a value cannot add a word, an option or a
//! command; text that another program would take as a program may hold no value at all.

mod error;
mod shell_text;
mod split;

use std::ops::Range;

use crate::expression::{Read, Scope};
use crate::limits::WORDS_MAX;
use crate::template::{Part, RenderError, Template};

pub use error::{CommandLineError, CommandLineErrorKind};

/// A command line whose words are templates.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandLine {
    words: Vec<Word>,
}

/// A word of a command line.
#[derive(Debug, Clone, PartialEq)]
pub struct Word {
    /// What it renders from. Spans in it are bytes of the line, or of the word where the line came split.
    pub template: Template,
    /// Bytes of the line, quotes included.
    pub span: Range<usize>,
}

impl CommandLine {
    /// Splits one line into words, as POSIX has it: blanks divide, `'…'`, `"…"` and `\` keep together. A `{{ … }}` is
    /// one piece, whatever blanks and quotes are in it.
    ///
    /// # Errors
    /// [`CommandLineErrorKind::ShellSyntax`] for what only a shell would understand, and the other kinds for what their
    /// names say.
    pub fn parse(text: &str) -> Result<Self, CommandLineError> {
        Self::checked(split::split(text)?, text.len(), false)
    }

    /// The same of a line that is already split.
    ///
    /// # Errors
    /// As [`Self::parse`], with the number of the word; nothing in a word is shell syntax.
    pub fn from_words<S: AsRef<str>>(words: &[S]) -> Result<Self, CommandLineError> {
        let mut compiled = Vec::with_capacity(words.len());
        for (index, text) in words.iter().enumerate() {
            let text = text.as_ref();
            let template = Template::compile(text)
                .map_err(|error| CommandLineError { word: Some(index), ..CommandLineError::from(error) })?;
            compiled.push(Word { template, span: 0..text.len() });
        }
        Self::checked(compiled, 0, true)
    }

    fn checked(words: Vec<Word>, length: usize, numbered: bool) -> Result<Self, CommandLineError> {
        let number = |index: usize| numbered.then_some(index);
        if words.first().is_none_or(|word| word.template.parts().is_empty()) {
            return Err(CommandLineError::new(CommandLineErrorKind::Empty, "no program is named", 0..length));
        }
        if words.len() > WORDS_MAX {
            let message = format!("a command has at most {WORDS_MAX} words, and this has {}", words.len());
            return Err(CommandLineError::new(CommandLineErrorKind::TooLong, message, 0..length));
        }
        for (index, word) in words.iter().enumerate() {
            if let ([_, _, ..], Some(span)) = (word.template.parts(), words_helper(&word.template)) {
                let message = "`words` makes words of its own, and here stands inside one";
                let error = CommandLineError::new(CommandLineErrorKind::PartOfWord, message, span)
                    .with_hint("put blanks around {{ words list }}, or write {{ join list \",\" }}");
                return Err(CommandLineError { word: number(index), ..error });
            }
        }
        if let Some(found) = shell_text::find(&words) {
            let span = words.get(found.word).and_then(|word| first_interpolation(&word.template)).unwrap_or(0..length);
            let message = format!("a value is rendered into text that `{}` takes as a program", found.program);
            let error = CommandLineError::new(CommandLineErrorKind::IntoShellText, message, span).with_hint(found.hint);
            return Err(CommandLineError { word: number(found.word), ..error });
        }
        Ok(Self { words })
    }

    /// Its words, the program first.
    #[must_use]
    pub fn words(&self) -> &[Word] {
        &self.words
    }

    /// Every name it reads, in the order written.
    pub fn reads(&self) -> impl Iterator<Item = &Read> {
        self.words.iter().flat_map(|word| word.template.reads())
    }

    /// Renders its words. Each word stays one word; `{{ words list }}` gives one for each element.
    ///
    /// # Errors
    /// As [`Template::render`]; a word that renders to nothing, unless `default` says that is meant; a word that a value
    /// makes begin with `-`, unless the word `--` stands before it; a value with a NUL, which no program can be given.
    pub fn render(&self, scope: &dyn Scope) -> Result<Vec<String>, RenderError> {
        let mut rendered = Vec::with_capacity(self.words.len());
        let mut operands_only = false;
        for word in &self.words {
            match word.template.render_words(scope)? {
                Some(texts) => {
                    for text in texts {
                        rendered.push(word.accept(text, operands_only)?);
                    }
                }
                None => rendered.push(word.accept(word.template.render(scope)?, operands_only)?),
            }
            operands_only |= word.template.literal_text().as_deref() == Some("--");
        }
        if rendered.first().is_none_or(String::is_empty) {
            return Err(RenderError { message: "no program is named".to_owned(), span: 0..0, missing: false });
        }
        Ok(rendered)
    }

    /// Renders its words for a person, and never fails: what does not exist reads `(none: …)`.
    #[must_use]
    pub fn render_for_people(&self, scope: &dyn Scope, explain: &dyn Fn(&[String]) -> String) -> Vec<String> {
        let mut rendered = Vec::with_capacity(self.words.len());
        for word in &self.words {
            match word.template.render_words(scope) {
                Ok(Some(texts)) => rendered.extend(texts),
                Ok(None) | Err(_) => rendered.push(word.template.render_for_people(scope, explain)),
            }
        }
        rendered
    }
}

impl Word {
    /// The word as written, quotes included.
    #[must_use]
    pub fn source(&self) -> &str {
        self.template.source()
    }

    /// Judges what the word rendered to.
    fn accept(&self, text: String, operands_only: bool) -> Result<String, RenderError> {
        let interpolation = match self.template.parts() {
            [Part::Interpolation(first), ..] => Some((first, true)),
            parts => parts.iter().find_map(|part| match part {
                Part::Interpolation(interpolation) => Some((interpolation, false)),
                Part::Literal { .. } => None,
            }),
        };
        let Some((interpolation, stands_first)) = interpolation else { return Ok(text) };
        let error = |message: String| Err(RenderError { message, span: interpolation.span.clone(), missing: false });
        let written = self.template.source();
        let may_be_empty = self
            .template
            .parts()
            .iter()
            .any(|part| matches!(part, Part::Interpolation(interpolation) if interpolation.is_default()));
        if text.is_empty() && !may_be_empty {
            return error(format!("{written} renders to nothing; write {{{{ default … \"\" }}}} if that is meant"));
        }
        if stands_first && text.starts_with('-') && !operands_only {
            return error(format!(
                "{written} renders to {text:?}, which would be an option; write -- before it if it is none"
            ));
        }
        if text.contains('\0') {
            return error(format!("{written} renders to text with a NUL, which no program can be given"));
        }
        Ok(text)
    }
}

/// Writes words as one line that a POSIX shell would split into the same words.
#[must_use]
pub fn quote(words: &[String]) -> String {
    let quoter = shlex::Quoter::new().allow_nul(true);
    let line: Vec<_> = words.iter().map(|word| quoter.quote(word).map_or_else(|_| word.clone(), Into::into)).collect();
    line.join(" ")
}

/// The bytes of the first `{{ words … }}` of a template.
fn words_helper(template: &Template) -> Option<Range<usize>> {
    template.parts().iter().find_map(|part| match part {
        Part::Interpolation(interpolation) if interpolation.is_words() => Some(interpolation.span.clone()),
        Part::Interpolation(_) | Part::Literal { .. } => None,
    })
}

/// The bytes of the first `{{ … }}` of a template.
fn first_interpolation(template: &Template) -> Option<Range<usize>> {
    template.parts().iter().find_map(|part| match part {
        Part::Interpolation(interpolation) => Some(interpolation.span.clone()),
        Part::Literal { .. } => None,
    })
}

#[cfg(test)]
mod tests;
