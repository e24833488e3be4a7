//! From what is written to what may be run: every rule that a document has to keep, one file a rule.
//!
//! A check looks at the whole document and gives diagnostics; none depends on what another found, so a file shows all
//! its problems at once. What several of them need (the order, what has run when a step starts, every text with what it
//! may read) is made once, by `context`.

mod after_one_road;
mod approve_without_command;
mod beside;
mod bits;
mod called;
mod context;
mod cycle;
mod destructive;
mod double_edge;
mod ending;
mod failed_without_because;
mod flow;
mod given;
mod hours;
mod name;
mod names;
mod no_otherwise;
mod no_steps;
mod no_way_back;
mod option_word;
mod parties;
mod pipeline;
mod present;
pub(crate) mod reserved;
mod retried_act;
mod review;
mod road_ends_above;
mod team_file;
mod template_file;
mod texts;
mod two_answers;
mod types;
mod undo_not_act;
mod unhandled;
mod unknown_step;
mod unreachable;
mod unsaid_end;
mod when_around_decide;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::Date;

use crate::diagnostic::{Diagnostic, Diagnostics, Severity, Silences};
use crate::document::model::{Document, SecretSource};
use crate::document::team::Team;
use crate::document::{self, Parsed, Tree};
use crate::expression::Type;
use crate::graph::Graph;
use crate::plan::{Plan, calls};
use crate::source::SourceFile;
use context::Context;

pub use beside::{Beside, Callee, LoadedWhole, load_whole};

/// What a check is told about the world.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Today, for reviews.
    pub today: Date,
    /// The stem of the runbook's file, where it is one.
    pub file_stem: Option<String>,
    /// Names of the runbooks beside it, where they are known.
    pub runbooks: Option<BTreeSet<String>>,
    /// When it was last drilled, where that is known.
    pub drilled: Option<LastDrill>,
    /// Those of them that it runs, by name, as they were found to be; [`load_whole`] finds out.
    pub called: BTreeMap<String, Callee>,
    /// The handlebars files that it names, by their names: the text, or why it cannot be read. One that is not here is not
    /// looked at.
    pub sources: BTreeMap<String, Result<String, String>>,
}

/// When a runbook was last drilled, as the runs that are kept tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastDrill {
    /// None of them was a drill.
    Never,
    /// On this day.
    On(Date),
}

/// A document that was checked.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The plan, where nothing is wrong but warnings.
    pub plan: Option<Plan>,
    /// Every problem, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
}

/// A runbook file, read and checked.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The file.
    pub file: SourceFile,
    /// What it says, as far as it could be read.
    pub document: Option<Arc<Document>>,
    /// The plan, where nothing is wrong but warnings.
    pub plan: Option<Plan>,
    /// Every problem.
    pub diagnostics: Vec<Diagnostic>,
}

/// A team file, read and checked.
#[derive(Debug, Clone)]
pub struct LoadedTeam {
    /// The file.
    pub file: SourceFile,
    /// What it says, where nothing is wrong.
    pub team: Option<Team>,
    /// Every problem.
    pub diagnostics: Vec<Diagnostic>,
}

/// The checks, in no particular order.
const CHECKS: &[fn(&Context<'_>) -> Vec<Diagnostic>] = &[
    after_one_road::check,
    approve_without_command::check,
    called::check,
    cycle::check,
    destructive::check,
    double_edge::check,
    ending::check,
    failed_without_because::check,
    given::check,
    hours::check,
    name::check,
    names::check,
    no_otherwise::check,
    no_steps::check,
    no_way_back::check,
    option_word::check,
    parties::check,
    pipeline::check,
    present::check,
    reserved::check,
    retried_act::check,
    review::check,
    road_ends_above::check,
    template_file::check,
    two_answers::check,
    types::check,
    undo_not_act::check,
    unhandled::check,
    unknown_step::check,
    unreachable::check,
    unsaid_end::check,
    when_around_decide::check,
];

/// Checks a document that was read whole. Without its file, a diagnostic about a part of an expression or a template is
/// placed at the whole of it.
#[must_use]
pub fn check(document: Arc<Document>, team: Option<&Team>, facts: &Facts) -> Checked {
    let mut sink = Diagnostics::new();
    let graph = Graph::of(&document);
    let context = Context::new(&document, &graph, None, team, facts, true);
    run(&context, &mut sink);
    let types = types::of_whole(&context);
    let plan = (!sink.has_errors()).then(|| plan(document, graph, types, facts));
    Checked { plan, diagnostics: sink.finish() }
}

/// Reads and checks a runbook that runs no other; of one that does, `facts` has to tell. `name` is what messages call
/// it.
#[must_use]
pub fn load(name: &str, bytes: &[u8], team: Option<&Team>, facts: &Facts) -> Loaded {
    check_parsed(document::parse(name, bytes), team, facts)
}

fn check_parsed(parsed: Parsed<Document>, team: Option<&Team>, facts: &Facts) -> Loaded {
    let whole = !parsed.has_errors();
    let document = parsed.document.map(Arc::new);
    let mut sink = Diagnostics::new();
    sink.extend(parsed.diagnostics);
    let graph = document.as_ref().map(|document| {
        let graph = Graph::of(document);
        let context = Context::new(document, &graph, parsed.tree.as_ref(), team, facts, whole);
        run(&context, &mut sink);
        let types = types::of_whole(&context);
        (graph, types)
    });
    let sink = silence(&parsed.source, parsed.tree.as_ref(), sink);
    let plan = match (&document, graph) {
        (Some(document), Some((graph, types))) if !sink.has_errors() => {
            Some(plan(Arc::clone(document), graph, types, facts))
        }
        _ => None,
    };
    Loaded { file: parsed.source, document, plan, diagnostics: sink.finish() }
}

/// The plan of a document in which nothing is wrong: every runbook it runs was checked.
fn plan(document: Arc<Document>, graph: Graph, types: BTreeMap<String, Type>, facts: &Facts) -> Plan {
    let checked = |name: &str| match facts.called.get(name) {
        Some(Callee::Checked(plan)) => Some(Arc::clone(plan)),
        _ => None,
    };
    let called =
        calls(&document).filter_map(|(_, call)| Some((call.name.value.clone(), checked(call.name.value.as_str())?)));
    let called = called.collect();
    Plan::new(document, graph, called, types)
}

/// Reads and checks a team file. `name` is what messages call it.
#[must_use]
pub fn load_team(name: &str, bytes: &[u8]) -> LoadedTeam {
    load_team_here(name, bytes, &|_| None)
}

/// As [`load_team`], on a machine: `missing` says why a secret is not there, as far as that can be seen.
#[must_use]
pub fn load_team_here(name: &str, bytes: &[u8], missing: &dyn Fn(&SecretSource) -> Option<String>) -> LoadedTeam {
    let parsed = document::parse_team(name, bytes);
    let mut sink = Diagnostics::new();
    sink.extend(parsed.diagnostics);
    if let Some(team) = &parsed.document {
        sink.extend(team_file::check(team, missing));
    }
    let sink = silence(&parsed.source, parsed.tree.as_ref(), sink);
    let team = parsed.document.filter(|_| !sink.has_errors());
    LoadedTeam { file: parsed.source, team, diagnostics: sink.finish() }
}

fn run(context: &Context<'_>, sink: &mut Diagnostics) {
    for check in CHECKS {
        sink.extend(check(context));
    }
}

fn silence(source: &SourceFile, tree: Option<&Tree>, sink: Diagnostics) -> Diagnostics {
    let Some(tree) = tree else { return sink };
    Silences::read(source, &tree.text_spans()).apply(source, sink)
}

/// Whether a list of diagnostics stops a run.
#[must_use]
pub fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
}
