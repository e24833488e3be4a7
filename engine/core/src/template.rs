//! handlebars: compile, list what it reads, render strictly. (stub while merging)
use crate::expression::{Read, Scope};
use crate::value::Value;
/// T.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    source: String,
    reads: Vec<Read>,
}
/// E.
#[derive(Debug, Clone)]
pub struct RenderError(pub String);
impl std::fmt::Display for RenderError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
/// K.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemplateErrorKind {
    /// s
    Syntax,
    /// b
    Block,
    /// l
    TooLong,
    /// u
    UnknownHelper,
}
/// E.
#[derive(Debug, Clone)]
pub struct TemplateError {
    /// k
    pub kind: TemplateErrorKind,
    /// m
    pub message: String,
    /// h
    pub hint: Option<String>,
    /// s
    pub span: std::ops::Range<usize>,
}
/// P.
pub enum Piece<'a> {
    /// t
    Text(&'a str),
    /// p
    Path(&'a Read),
}
#[allow(missing_docs)]
impl Template {
    pub fn compile(text: &str) -> Result<Self, TemplateError> {
        Ok(Self { source: text.to_owned(), reads: Vec::new() })
    }
    pub fn source(&self) -> &str {
        &self.source
    }
    pub fn reads(&self) -> &[Read] {
        &self.reads
    }
    pub fn render(&self, _: &dyn Scope) -> Result<String, RenderError> {
        Ok(self.source.clone())
    }
    pub fn render_value(&self, _: &dyn Scope) -> Result<Value, RenderError> {
        Ok(Value::Text(self.source.clone()))
    }
    pub fn render_for_people(&self, _: &dyn Scope, _: &dyn Fn(&[String]) -> String) -> String {
        self.source.clone()
    }
    pub fn pieces(&self) -> Vec<Piece<'_>> {
        vec![Piece::Text(&self.source)]
    }
    pub fn render_piece(&self, piece: Piece<'_>, _: &dyn Scope) -> Result<String, RenderError> {
        Ok(match piece {
            Piece::Text(t) => t.to_owned(),
            Piece::Path(_) => String::new(),
        })
    }
}
