//! handlebars: compile, list what it reads, render strictly.
/// A template.
#[derive(Debug, Clone, PartialEq)]
pub struct Template;
