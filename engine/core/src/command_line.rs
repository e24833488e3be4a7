//! stub
use crate::expression::{Read, Scope};
use crate::template::{RenderError, Template};
/// C.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandLine {
    words: Vec<Template>,
}
/// K.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandLineErrorKind {
    /// s
    Shell,
}
/// E.
#[derive(Debug, Clone)]
pub struct CommandLineError {
    /// k
    pub kind: CommandLineErrorKind,
    /// m
    pub message: String,
    /// h
    pub hint: Option<String>,
    /// w
    pub word: Option<usize>,
    /// s
    pub span: std::ops::Range<usize>,
}
#[allow(missing_docs)]
impl CommandLine {
    pub fn parse(text: &str) -> Result<Self, CommandLineError> {
        Self::from_words(text.split_whitespace())
    }
    pub fn from_words<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self, CommandLineError> {
        let words = words.into_iter().map(|w| {
            Template::compile(w).map_err(|e| CommandLineError {
                kind: CommandLineErrorKind::Shell,
                message: e.message,
                hint: None,
                word: None,
                span: 0..0,
            })
        });
        Ok(Self { words: words.collect::<Result<_, _>>()? })
    }
    pub fn words(&self) -> &[Template] {
        &self.words
    }
    pub fn reads(&self) -> impl Iterator<Item = &Read> {
        self.words.iter().flat_map(|w| w.reads())
    }
    pub fn render(&self, s: &dyn Scope) -> Result<Vec<String>, RenderError> {
        self.words.iter().map(|w| w.render(s)).collect()
    }
}
