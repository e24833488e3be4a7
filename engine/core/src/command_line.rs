//! stub
use crate::expression::{Read, Scope};
use crate::template::{RenderError, Template};
/// C.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandLine {
    words: Vec<Template>,
}
#[allow(missing_docs)]
impl CommandLine {
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
