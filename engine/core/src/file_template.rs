//! Files written from a handlebars file: all of handlebars but what reaches outside of the text.
//!
//! In a runbook a `{{ … }}` is a path or a pure helper. A file has blocks too: `if`, `unless`, `each`, `with`. A name that
//! does not exist is an error with its line, and so are a null, a list or a mapping where text belongs. Nothing is escaped
//! for HTML. Partials and decorators are refused: a file is made of itself and of values alone.

mod calls;
mod look;

use std::fmt;

use handlebars::{Handlebars, RenderErrorReason};

pub use self::look::{FileRead, reads};
use crate::template::plain_json;
use crate::value::Value;

/// Bytes of such a file.
pub const FILE_TEMPLATE_BYTES_MAX: usize = 1 << 20;
/// Bytes of what it renders to: more is no configuration.
pub const WRITTEN_BYTES_MAX: usize = 8 << 20;

/// What a file can read.
#[derive(Debug, Clone, PartialEq)]
pub struct Values {
    /// `params`, `steps`, `run`, `alert`, `each`: a mapping.
    pub all: Value,
    /// In a dry run: steps of whom nobody knows yet what they will come to.
    pub withheld: Vec<String>,
}

/// Why a file cannot be rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileTemplateError {
    /// The line, from 1, where it is known.
    pub line: Option<usize>,
    /// What is wrong, in a clause.
    pub message: String,
}

impl fmt::Display for FileTemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for FileTemplateError {}

/// Renders a file's text.
///
/// # Errors
/// [`FileTemplateError`] with the line: what is no template or reaches outside, a name that does not exist, a value that
/// is no text, or more than [`WRITTEN_BYTES_MAX`].
pub fn render(text: &str, values: &Values) -> Result<String, FileTemplateError> {
    let template = look::compile(text)?;
    let mut registry = Handlebars::new();
    registry.set_strict_mode(true);
    registry.register_escape_fn(handlebars::no_escape);
    calls::register(&mut registry);
    registry.register_template(NAME, template);
    let mut out = Bounded(String::new());
    match registry.render_to_write(NAME, &plain_json(&values.all), &mut out) {
        Ok(()) => Ok(out.0),
        Err(error) => Err(failure(&error, values)),
    }
}

const NAME: &str = "file";

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "another crate's enum: what is not told apart here reads as it says itself"
)]
fn failure(error: &handlebars::RenderError, values: &Values) -> FileTemplateError {
    let line = error.line_no;
    let message = match error.reason() {
        RenderErrorReason::MissingVariable(path) => missing(path.as_deref().unwrap_or("a name"), values),
        RenderErrorReason::IOError(_) => format!("it renders to more than {WRITTEN_BYTES_MAX} bytes"),
        other => match other.to_string() {
            text if text.starts_with(calls::MISSING) => missing(text.trim_start_matches(calls::MISSING), values),
            text => text,
        },
    };
    FileTemplateError { line, message }
}

fn missing(path: &str, values: &Values) -> String {
    let plain = path.trim_start_matches("@root.").trim_start_matches("../");
    let step = plain.strip_prefix("steps.").and_then(|rest| rest.split('.').next()).unwrap_or_default();
    if values.withheld.iter().any(|known| known == step) {
        return format!("cannot be known until {step}");
    }
    format!("{path} does not exist")
}

/// Text of a bounded length.
struct Bounded(String);

impl std::io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len() + bytes.len() > WRITTEN_BYTES_MAX {
            return Err(std::io::Error::other("too long"));
        }
        // handlebars writes whole texts.
        self.0.push_str(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
