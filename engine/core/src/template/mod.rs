//! handlebars: compile, list what it reads, render strictly.
//!
//! The grammar of `{{ … }}` is the `handlebars` crate's, cut down to a path or a pure helper. The crate's renderer is
//! not used: it renders what does not exist as nothing, and gives text where a value should keep its type. What a value
//! holds is never compiled, so a value `{{ x }}` stays those seven characters.

mod error;
mod operand;
mod render;
mod scan;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::expression::{Read, Scope};
use crate::value::Value;

pub use error::{RenderError, TemplateError, TemplateErrorKind};

pub(crate) use render::plain_json;
pub(crate) use scan::{Piece, pieces};

use operand::{Helper, Operand};

/// A piece of a word of a command line.
pub(crate) enum Atom {
    /// Text, quotes taken off.
    Text(String),
    /// A `{{ … }}`, by its bytes in the line.
    Interpolation(Range<usize>),
}

/// A compiled template.
#[derive(Clone)]
pub struct Template {
    compiled: Arc<Compiled>,
}

struct Compiled {
    source: String,
    parts: Vec<Part>,
    reads: Vec<Read>,
}

/// A piece of a template.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// Text as it is, `\{{` already read as `{{`.
    Literal {
        /// The text.
        text: String,
        /// Bytes of the template it was written in.
        span: Range<usize>,
    },
    /// A `{{ … }}`.
    Interpolation(Interpolation),
}

/// One `{{ … }}` of a template.
#[derive(Debug, Clone, PartialEq)]
pub struct Interpolation {
    /// Bytes of the template, braces included.
    pub span: Range<usize>,
    operand: Operand,
}

impl Interpolation {
    /// The number of the read that is all of it, `{{ path }}`; `None` where a helper makes something of its value.
    #[must_use]
    pub fn path(&self) -> Option<usize> {
        match self.operand {
            Operand::Path(read) => Some(read),
            Operand::Literal(_) | Operand::Helper { .. } => None,
        }
    }

    /// Whether it is `{{ words list }}`, which makes a word of each element.
    #[must_use]
    pub fn is_words(&self) -> bool {
        matches!(self.operand, Operand::Helper { helper: Helper::Words, .. })
    }

    /// Whether it is `{{ default … }}`, which says that its value may be missing or empty.
    #[must_use]
    pub fn is_default(&self) -> bool {
        matches!(self.operand, Operand::Helper { helper: Helper::Default, .. })
    }
}

/// A piece of what [`Template::render_around`] gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Around {
    /// Rendered text.
    Text(String),
    /// A path left alone.
    Reference(Vec<String>),
}

impl Template {
    /// Compiles a template.
    ///
    /// # Errors
    /// [`TemplateErrorKind::TooLong`] past the bounds, [`TemplateErrorKind::Block`] for blocks, partials, decorators
    /// and raw blocks, [`TemplateErrorKind::UnknownHelper`], and [`TemplateErrorKind::Syntax`] for everything else that
    /// is no template.
    pub fn compile(text: &str) -> Result<Self, TemplateError> {
        let (parts, reads) = scan::scan(text)?;
        Ok(Self { compiled: Arc::new(Compiled { source: text.to_owned(), parts, reads }) })
    }

    /// A template of the pieces of a word; its spans are bytes of the line, its source the word as written there.
    pub(crate) fn assemble(line: &str, word: &Range<usize>, atoms: Vec<Atom>) -> Result<Self, TemplateError> {
        let mut parts = Vec::with_capacity(atoms.len());
        let mut reads = Vec::new();
        for atom in atoms {
            match atom {
                Atom::Text(text) if text.is_empty() => {}
                Atom::Text(text) => parts.push(Part::Literal { text, span: word.clone() }),
                Atom::Interpolation(span) => {
                    let operand = operand::parse(line, &span, &mut reads)?;
                    parts.push(Part::Interpolation(Interpolation { span, operand }));
                }
            }
        }
        let source = line.get(word.clone()).unwrap_or_default().to_owned();
        Ok(Self { compiled: Arc::new(Compiled { source, parts, reads }) })
    }

    /// The text it begins with, whatever the values are.
    pub(crate) fn leading_text(&self) -> &str {
        match self.parts().first() {
            Some(Part::Literal { text, .. }) => text,
            Some(Part::Interpolation(_)) | None => "",
        }
    }

    /// The text it was compiled from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.compiled.source
    }

    /// Every name it reads, in the order written.
    #[must_use]
    pub fn reads(&self) -> &[Read] {
        &self.compiled.reads
    }

    /// Its pieces, in order.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.compiled.parts
    }

    /// Whether it renders to the same text whatever the values are: it has no `{{ … }}`.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        self.parts().iter().all(|part| matches!(part, Part::Literal { .. }))
    }

    /// What a template without `{{ … }}` renders to; `None` for others.
    #[must_use]
    pub fn literal_text(&self) -> Option<String> {
        self.parts()
            .iter()
            .map(|part| match part {
                Part::Literal { text, .. } => Some(text.as_str()),
                Part::Interpolation(_) => None,
            })
            .collect()
    }

    /// The path, when the template is exactly one `{{ path }}`: it keeps its type.
    #[must_use]
    pub fn single_path(&self) -> Option<&Read> {
        match self.parts() {
            [Part::Interpolation(Interpolation { operand: Operand::Path(read), .. })] => self.reads().get(*read),
            _ => None,
        }
    }

    /// Renders it.
    ///
    /// # Errors
    /// A name that does not exist or may not be read, a null, a list or mapping where text belongs, or a text larger
    /// than [`VALUE_BYTES_MAX`](crate::limits::VALUE_BYTES_MAX).
    pub fn render(&self, scope: &dyn Scope) -> Result<String, RenderError> {
        render::text(&self.compiled, scope)
    }

    /// Renders it to a value: exactly one `{{ path }}`, or one `{{ default … }}`, keeps its type, all else is text.
    ///
    /// # Errors
    /// As [`Self::render`], but a list or mapping is a value.
    pub fn render_value(&self, scope: &dyn Scope) -> Result<Value, RenderError> {
        render::value(&self.compiled, scope)
    }

    /// The elements of a template that is exactly `{{ words list }}`; `None` for others.
    ///
    /// # Errors
    /// As [`Self::render`], of each element.
    pub fn render_words(&self, scope: &dyn Scope) -> Result<Option<Vec<String>>, RenderError> {
        render::words(&self.compiled, scope)
    }

    /// Renders all but the paths that begin with `root`, which stay references: for values that may be known only where
    /// they are used, such as secrets.
    ///
    /// # Errors
    /// As [`Self::render`].
    pub fn render_around(&self, scope: &dyn Scope, root: &str) -> Result<Vec<Around>, RenderError> {
        render::around(&self.compiled, scope, root)
    }

    /// Renders it, each value changed by `change`, which is given the text before it.
    ///
    /// # Errors
    /// As [`Self::render`].
    pub(crate) fn render_changed(
        &self,
        scope: &dyn Scope,
        change: &dyn Fn(&str, String) -> String,
    ) -> Result<String, RenderError> {
        render::changed(&self.compiled, scope, change)
    }

    /// Renders it for a person, and never fails: what does not exist reads `(none: …)`, with what `explain` says about
    /// its path; lists and mappings are shown as JSON.
    #[must_use]
    pub fn render_for_people(&self, scope: &dyn Scope, explain: &dyn Fn(&[String]) -> String) -> String {
        render::for_people(&self.compiled, scope, explain)
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Template").field(&self.source()).finish()
    }
}

impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.source() == other.source()
    }
}

impl Eq for Template {}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.source())
    }
}

#[cfg(test)]
mod tests;
