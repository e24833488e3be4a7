//! The runbooks that others run: read by name as far as they are named, checked each once, those that are run before
//! those that run them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use super::{Facts, Loaded, check_parsed};
use crate::diagnostic::Severity;
use crate::document::model::Document;
use crate::document::team::Team;
use crate::document::{self, Parsed};
use crate::id::RunbookName;
use crate::limits::CALLED_MAX;
use crate::plan::{Plan, calls};

/// The file of a runbook that another runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Beside {
    /// It is there.
    File {
        /// What messages call it.
        name: String,
        /// What stands in it.
        bytes: Vec<u8>,
    },
    /// There is no such file.
    Missing,
    /// It is there and cannot be read: what the system says.
    Unreadable(String),
}

/// A runbook that another runs, as it was found to be.
#[derive(Debug, Clone)]
pub enum Callee {
    /// Nothing is wrong with it but warnings.
    Checked(Arc<Plan>),
    /// It has errors.
    Wrong {
        /// What messages call its file.
        file: String,
        /// The first of them, with its place: `restart.yaml:9:3: there is no step "stopp"`.
        problem: String,
    },
    /// It cannot be read: what the system says.
    Unreadable(String),
    /// It comes back to the runbook that runs it: the names on the way, that one first and last.
    Circle(Vec<String>),
    /// It was not read, since there are [`CALLED_MAX`] others already.
    OneTooMany,
}

/// A runbook file with those that it runs, read and checked.
#[derive(Debug, Clone)]
pub struct LoadedWhole {
    /// The file.
    pub runbook: Loaded,
    /// Every runbook that is run, directly or through others, as far as there is one.
    pub called: BTreeMap<RunbookName, Loaded>,
}

#[derive(Default)]
enum Node {
    Parsed(Box<Parsed<Document>>),
    Unreadable(String),
    #[default]
    Missing,
}

/// Reads and checks a runbook, and before it every runbook that it runs, directly or through others. `name` is what
/// messages call it; `beside` gives the file of a runbook by its name, and is asked at most once for each.
///
/// All are held to the same team and the same day.
#[must_use]
pub fn load_whole(
    name: &str,
    bytes: &[u8],
    team: Option<&Team>,
    facts: &Facts,
    beside: &mut dyn FnMut(&RunbookName) -> Beside,
) -> LoadedWhole {
    let mut all = read_all(document::parse(name, bytes), facts.file_stem.as_deref(), beside);
    let mut loaded: BTreeMap<NodeIndex, Loaded> = BTreeMap::new();
    let mut callable: BTreeMap<NodeIndex, Callee> = BTreeMap::new();
    // Those that are run come before those that run them.
    for circle in kosaraju_scc(&all.graph) {
        for &at in &circle {
            let own = Facts {
                file_stem: if at == all.root { facts.file_stem.clone() } else { all.name(at).map(str::to_owned) },
                drilled: facts.drilled.filter(|_| at == all.root),
                called: callees(&all, &callable, &circle, at),
                ..facts.clone()
            };
            match all.graph.node_weight_mut(at).map(std::mem::take) {
                Some(Node::Parsed(parsed)) => {
                    let checked = check_parsed(*parsed, team, &own);
                    callable.insert(at, callee(&checked));
                    loaded.insert(at, checked);
                }
                Some(Node::Unreadable(why)) => {
                    callable.insert(at, Callee::Unreadable(why));
                }
                Some(Node::Missing) | None => {}
            }
        }
    }
    let Some(runbook) = loaded.remove(&all.root) else {
        unreachable!("the runbook itself is one of those that are checked");
    };
    let called = all.names.into_iter().filter_map(|(name, at)| Some((name, loaded.remove(&at)?))).collect();
    LoadedWhole { runbook, called }
}

struct All {
    graph: DiGraph<Node, ()>,
    names: BTreeMap<RunbookName, NodeIndex>,
    root: NodeIndex,
}

impl All {
    fn name(&self, at: NodeIndex) -> Option<&str> {
        self.names.iter().find(|(_, known)| **known == at).map(|(name, _)| name.as_str())
    }
}

/// Reads what is named, what is named there, and so on.
fn read_all(root: Parsed<Document>, stem: Option<&str>, beside: &mut dyn FnMut(&RunbookName) -> Beside) -> All {
    let mut names = BTreeMap::new();
    let own = stem.and_then(|stem| RunbookName::new(stem).ok());
    let own = own.or_else(|| root.document.as_ref().map(|document| document.name.value.clone()));
    let mut graph = DiGraph::new();
    let root = graph.add_node(Node::Parsed(Box::new(root)));
    names.extend(own.map(|own| (own, root)));
    let mut open = VecDeque::from([root]);
    while let Some(at) = open.pop_front() {
        for name in named(graph.node_weight(at)) {
            let to = match names.get(&name) {
                Some(&known) => known,
                // The root is one of them.
                None if graph.node_count() > CALLED_MAX => continue,
                None => {
                    let node = match beside(&name) {
                        Beside::File { name, bytes } => Node::Parsed(Box::new(document::parse(&name, &bytes))),
                        Beside::Missing => Node::Missing,
                        Beside::Unreadable(why) => Node::Unreadable(why),
                    };
                    let to = graph.add_node(node);
                    names.insert(name, to);
                    open.push_back(to);
                    to
                }
            };
            graph.update_edge(at, to, ());
        }
    }
    All { graph, names, root }
}

fn named(node: Option<&Node>) -> Vec<RunbookName> {
    let document = match node {
        Some(Node::Parsed(parsed)) => parsed.document.as_ref(),
        Some(Node::Unreadable(_) | Node::Missing) | None => None,
    };
    document.into_iter().flat_map(calls).map(|(_, call)| call.name.value.clone()).collect()
}

/// What one file is told of those it runs. What is not there is not told.
fn callees(
    all: &All,
    callable: &BTreeMap<NodeIndex, Callee>,
    circle: &[NodeIndex],
    at: NodeIndex,
) -> BTreeMap<String, Callee> {
    let callee = |name: &RunbookName| match all.names.get(name) {
        None => Some(Callee::OneTooMany),
        Some(to) if circle.contains(to) => Some(Callee::Circle(way_round(all, at, *to))),
        Some(to) => callable.get(to).cloned(),
    };
    let named = named(all.graph.node_weight(at)).into_iter();
    named.filter_map(|name| Some((name.as_str().to_owned(), callee(&name)?))).collect()
}

fn callee(loaded: &Loaded) -> Callee {
    if let Some(plan) = &loaded.plan {
        return Callee::Checked(Arc::new(plan.clone()));
    }
    let first = loaded.diagnostics.iter().find(|problem| problem.severity == Severity::Error);
    let file = loaded.file.name().to_owned();
    let problem = first.map_or_else(String::new, |problem| {
        let place = loaded.file.position(problem.span.start);
        format!("{file}:{}:{}: {}", place.line, place.column, problem.title)
    });
    Callee::Wrong { file, problem }
}

/// The shortest way from one runbook over another back to the first.
fn way_round(all: &All, from: NodeIndex, over: NodeIndex) -> Vec<String> {
    let mut came_from = BTreeMap::new();
    let mut open = VecDeque::from([over]);
    while let Some(at) = open.pop_front() {
        if at == from {
            break;
        }
        // Neighbours come newest first.
        let mut next: Vec<NodeIndex> = all.graph.neighbors(at).collect();
        next.reverse();
        for to in next {
            if to != over && !came_from.contains_key(&to) {
                came_from.insert(to, at);
                open.push_back(to);
            }
        }
    }
    let mut way = vec![from];
    let mut at = from;
    while at != over {
        let Some(&before) = came_from.get(&at) else { break };
        way.push(before);
        at = before;
    }
    way.push(from);
    way.reverse();
    way.into_iter().map(|at| all.name(at).unwrap_or("this one").to_owned()).collect()
}
