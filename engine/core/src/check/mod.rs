//! One file a check -> `Vec<Diagnostic>`.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::civil::Date;

use crate::diagnostic::{Diagnostic, Severity};
use crate::document::model::Document;
use crate::document::team::Team;
use crate::document::{self};
use crate::graph::Graph;
use crate::plan::Plan;
use crate::source::SourceFile;

/// What a check is told about the world.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Today, for reviews.
    pub today: Date,
    /// The stem of the runbook's file, where it is one.
    pub file_stem: Option<String>,
    /// Names of the runbooks beside it, where they are known.
    pub runbooks: Option<BTreeSet<String>>,
}

/// A runbook file, read and checked.
pub struct Loaded {
    /// The file.
    pub file: SourceFile,
    /// What it says, as far as it could be read.
    pub document: Option<Arc<Document>>,
    /// The plan, where nothing is wrong.
    pub plan: Option<Plan>,
    /// Every problem.
    pub diagnostics: Vec<Diagnostic>,
}

/// A team file, read and checked.
pub struct LoadedTeam {
    /// The file.
    pub file: SourceFile,
    /// What it says, where nothing is wrong.
    pub team: Option<Team>,
    /// Every problem.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads and checks a runbook.
#[must_use]
pub fn load(name: &str, bytes: &[u8], _team: Option<&Team>, _facts: &Facts) -> Loaded {
    let parsed = document::parse(name, bytes);
    let document = parsed.document.map(Arc::new);
    let good = !parsed.diagnostics.iter().any(|one| one.severity == Severity::Error);
    let plan = document.clone().filter(|_| good).map(|document| {
        let graph = Graph::of(&document);
        Plan::new(document, graph)
    });
    Loaded { file: parsed.source, document, plan, diagnostics: parsed.diagnostics }
}

/// Reads and checks a team file.
#[must_use]
pub fn load_team(name: &str, bytes: &[u8]) -> LoadedTeam {
    let parsed = document::parse_team(name, bytes);
    let good = !parsed.diagnostics.iter().any(|one| one.severity == Severity::Error);
    LoadedTeam { file: parsed.source, team: parsed.document.filter(|_| good), diagnostics: parsed.diagnostics }
}
