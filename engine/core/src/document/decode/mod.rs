//! From the values of a file, each with its place, to what they say.
//!
//! Every problem is reported, and reading goes on: what is wrong is left out, or replaced where leaving it out would
//! make something else look wrong. So a document beside errors is good for finding more of them, and for nothing else.

mod commands;
mod fields;
mod file;
mod param;
mod people;
mod step;
mod target;
mod team;
mod text;
mod work;

use super::model::Document;
use super::team::Team;
use super::{Tree, Yaml, read_tree};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::SourceFile;

/// What a file says, as far as it can be read, and what is wrong with it.
#[derive(Debug, Clone)]
pub struct Parsed<T> {
    /// The text with its lines.
    pub source: SourceFile,
    /// The place of every value; `None`: the file breaks off.
    pub tree: Option<Tree>,
    /// What it says. Beside errors it is incomplete: more may be found with it, and nothing may be run.
    pub document: Option<T>,
    /// Everything that is wrong, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
}

impl<T> Parsed<T> {
    /// Whether a diagnostic stops a run.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity == crate::diagnostic::Severity::Error)
    }
}

/// Reads the bytes of a runbook under the name that messages show.
///
/// That the runbook is called as its file, that no name is a reserved one and everything that concerns more than one
/// place is for [`check`](crate::check) to say.
#[must_use]
pub fn parse(name: &str, bytes: &[u8]) -> Parsed<Document> {
    decode(name, bytes, |yaml, sink| file::document(name, yaml.root(), sink))
}

/// Reads the bytes of a team file under the name that messages show.
#[must_use]
pub fn parse_team(name: &str, bytes: &[u8]) -> Parsed<Team> {
    decode(name, bytes, |yaml, sink| team::team(yaml.root(), sink))
}

fn decode<T>(name: &str, bytes: &[u8], read: impl FnOnce(&Yaml, &mut Diagnostics) -> Option<T>) -> Parsed<T> {
    let (source, yaml, before) = read_tree(name, bytes);
    let mut sink = Diagnostics::new();
    sink.extend(before);
    let document = yaml.as_ref().and_then(|yaml| read(yaml, &mut sink));
    let diagnostics = sink.finish();
    let document = document.filter(|_| yaml.is_some());
    Parsed { source, tree: yaml.map(|yaml| yaml.tree), document, diagnostics }
}
