//! The order of steps: needs, written or implied, and roads.
//!
//! The graph of a document is made as far as it can be, so that every check can speak at once: names of unknown steps
//! are left out (another check reports them), cycles are kept.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use crate::document::model::{Approve, Document, Kind, Step, Target, Undo, Work};
use crate::id::StepId;

/// Number of a step in its document, from 0 in reading order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepIndex(u32);

impl StepIndex {
    /// The number.
    #[must_use]
    pub fn get(self) -> usize {
        self.0 as usize
    }

    fn of(number: usize) -> Self {
        Self(u32::try_from(number).unwrap_or(u32::MAX))
    }
}

/// A road to a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Road {
    /// The case of a decide with this number, from 0.
    Case(usize),
    /// A decide's `otherwise`.
    Otherwise,
    /// The choice of a decide's question with this number, from 0.
    Choice(usize),
    /// `on_fail`.
    OnFail,
    /// `else`: nobody approved, answered or acknowledged in time.
    Else,
    /// `denied`.
    Denied,
}

impl Road {
    /// Whether a decide's branch is this road; the others are roads of failure.
    #[must_use]
    pub fn is_branch(self) -> bool {
        matches!(self, Self::Case(_) | Self::Otherwise | Self::Choice(_))
    }
}

/// All that leads from one step to another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each says one thing of the edge, and any of them can be so")]
pub struct Edge {
    /// It is a need.
    pub need: bool,
    /// The need is not written: it is the step above.
    pub implied: bool,
    /// The target is a decide that judges how the source ended.
    pub judged: bool,
    /// It also judges an unknown one.
    pub judges_unknown: bool,
    /// The need can itself start the target: no decide leads there, or the source comes after one that does.
    pub is_way: bool,
    /// Roads.
    pub roads: Vec<Road>,
}

/// The steps of a document and what leads from one to another.
#[derive(Debug, Clone)]
pub struct Graph {
    edges: DiGraph<(), Edge>,
    by_id: BTreeMap<StepId, StepIndex>,
    finally: BTreeSet<StepIndex>,
    fallback: Option<StepIndex>,
}

/// The roads that begin at a step, in a fixed order.
#[must_use]
pub fn roads_of(step: &Step) -> Vec<(Road, &Target)> {
    let mut roads: Vec<(Road, &Target)> = Vec::new();
    roads.extend(step.cases.iter().enumerate().map(|(number, case)| (Road::Case(number), &case.then)));
    roads.extend(step.otherwise.iter().map(|target| (Road::Otherwise, target)));
    if let Work::Ask(asking) | Work::Instruct(asking) = &step.body.work {
        roads.extend(asking.choices.iter().enumerate().map(|(number, (_, target))| (Road::Choice(number), target)));
        roads.extend(asking.otherwise.iter().map(|target| (Road::Else, target)));
    }
    roads.extend(step.on_fail.iter().map(|target| (Road::OnFail, target)));
    if let Some(Approve::People(approval)) = step.approve.as_ref().map(|approve| &approve.value) {
        roads.extend(approval.otherwise.iter().map(|target| (Road::Else, target)));
    }
    if let Some(ack) = step.escalation.as_ref().and_then(|escalation| escalation.ack.as_ref()) {
        roads.extend(ack.value.otherwise.iter().map(|target| (Road::Else, target)));
    }
    roads.extend(step.denied.iter().map(|target| (Road::Denied, target)));
    roads
}

/// How a step ended, as far as a decide reads it: the members of `steps.<id>` that are a judgement.
const JUDGEMENTS: [&str; 5] = ["passed", "failed", "outcome", "exit_code", "items"];

impl Graph {
    /// Makes the graph of a document. Costs time and memory linear in its steps and edges, but for steps to which
    /// both decides and written needs lead, where the steps above them are walked once.
    #[must_use]
    pub fn of(document: &Document) -> Self {
        let by_id: BTreeMap<StepId, StepIndex> = document
            .steps
            .iter()
            .enumerate()
            .rev()
            .map(|(number, step)| (step.id.value.clone(), StepIndex::of(number)))
            .collect();
        let mut edges = DiGraph::with_capacity(document.steps.len(), document.steps.len());
        for _ in &document.steps {
            edges.add_node(());
        }
        let finally = document.finally.iter().filter_map(|id| by_id.get(&id.value).copied()).collect();
        let fallback = document.fallback.as_ref().and_then(|id| by_id.get(&id.value).copied());
        let mut graph = Self { edges, by_id, finally, fallback };
        graph.add_roads(document);
        graph.add_needs(document);
        graph.mark_judged(document);
        graph.mark_ways();
        graph
    }

    fn edge_mut(&mut self, from: StepIndex, to: StepIndex) -> Option<&mut Edge> {
        let (from, to) = (NodeIndex::new(from.get()), NodeIndex::new(to.get()));
        let edge = self.edges.find_edge(from, to).unwrap_or_else(|| self.edges.add_edge(from, to, Edge::default()));
        self.edges.edge_weight_mut(edge)
    }

    fn add_roads(&mut self, document: &Document) {
        for (number, step) in document.steps.iter().enumerate() {
            for (road, target) in roads_of(step) {
                for id in &target.steps {
                    let Some(to) = self.find(id.value.as_str()) else { continue };
                    if let Some(edge) = self.edge_mut(StepIndex::of(number), to)
                        && !edge.roads.contains(&road)
                    {
                        edge.roads.push(road);
                    }
                }
            }
        }
    }

    fn add_needs(&mut self, document: &Document) {
        let mut above: Option<StepIndex> = None;
        for (number, step) in document.steps.iter().enumerate() {
            let this = StepIndex::of(number);
            if self.finally.contains(&this) {
                continue;
            }
            match &step.needs {
                Some(needs) => {
                    for id in &needs.value {
                        let Some(from) = self.find(id.value.as_str()) else { continue };
                        if let Some(edge) = self.edge_mut(from, this) {
                            edge.need = true;
                        }
                    }
                }
                None if !self.has_road_to(this) => {
                    if let Some(edge) = above.and_then(|above| self.edge_mut(above, this)) {
                        edge.need = true;
                        edge.implied = true;
                    }
                }
                None => {}
            }
            above = Some(this);
        }
    }

    fn mark_judged(&mut self, document: &Document) {
        for (number, step) in document.steps.iter().enumerate() {
            if step.kind.value != Kind::Decide {
                continue;
            }
            let asks = matches!(step.body.work, Work::Ask(_));
            let mut judged: BTreeMap<&str, bool> = BTreeMap::new();
            for read in step.cases.iter().flat_map(|case| case.when.value.reads()) {
                if let [root, id, member, ..] = read.path.as_slice()
                    && root == "steps"
                {
                    let unknown = member == "unknown";
                    if unknown || JUDGEMENTS.contains(&member.as_str()) {
                        *judged.entry(id.as_str()).or_default() |= unknown;
                    }
                }
            }
            let this = StepIndex::of(number);
            let sources: Vec<StepIndex> = self.incoming(this).map(|(from, _)| from).collect();
            for from in sources {
                let read = document.steps.get(from.get()).and_then(|step| judged.get(step.id.value.as_str()).copied());
                if let Some(edge) = self.edge_mut(from, this)
                    && edge.need
                {
                    edge.judged = asks || read.is_some();
                    edge.judges_unknown = asks || read == Some(true);
                }
            }
        }
    }

    fn mark_ways(&mut self) {
        for number in 0..self.edges.node_count() {
            let this = StepIndex::of(number);
            let decides: BTreeSet<StepIndex> = self
                .incoming(this)
                .filter(|(_, edge)| edge.roads.iter().any(|road| road.is_branch()))
                .map(|(from, _)| from)
                .collect();
            let needs: Vec<StepIndex> =
                self.incoming(this).filter(|(_, edge)| edge.need).map(|(from, _)| from).collect();
            for from in needs {
                let is_way = decides.is_empty() || decides.contains(&from) || self.follows_any(from, &decides);
                if let Some(edge) = self.edge_mut(from, this) {
                    edge.is_way = is_way;
                }
            }
        }
    }

    fn follows_any(&self, from: StepIndex, sources: &BTreeSet<StepIndex>) -> bool {
        self.walk(from, Direction::Incoming, |step| sources.contains(&step))
    }

    /// Whether `to` is `from` or comes after it, over needs and roads.
    #[must_use]
    pub fn leads_to(&self, from: StepIndex, to: StepIndex) -> bool {
        from == to || self.walk(to, Direction::Incoming, |step| step == from)
    }

    /// Every step that comes after `from`, without it.
    #[must_use]
    pub fn descendants(&self, from: StepIndex) -> BTreeSet<StepIndex> {
        let mut seen = BTreeSet::new();
        self.walk(from, Direction::Outgoing, |step| {
            seen.insert(step);
            false
        });
        seen
    }

    /// Every step that comes before `from`, without it.
    #[must_use]
    pub fn ancestors(&self, from: StepIndex) -> BTreeSet<StepIndex> {
        let mut seen = BTreeSet::new();
        self.walk(from, Direction::Incoming, |step| {
            seen.insert(step);
            false
        });
        seen
    }

    /// Walks breadth first from a step, which is not visited itself, until `found` says yes.
    fn walk(&self, from: StepIndex, direction: Direction, mut found: impl FnMut(StepIndex) -> bool) -> bool {
        let mut seen = vec![false; self.edges.node_count()];
        let mut queue = VecDeque::from([NodeIndex::new(from.get())]);
        while let Some(node) = queue.pop_front() {
            for next in self.edges.neighbors_directed(node, direction) {
                if let Some(mark) = seen.get_mut(next.index())
                    && !std::mem::replace(mark, true)
                {
                    if found(StepIndex::of(next.index())) {
                        return true;
                    }
                    queue.push_back(next);
                }
            }
        }
        false
    }

    /// The step with this id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<StepIndex> {
        self.by_id.get(id).copied()
    }

    /// All that leads to a step.
    pub fn incoming(&self, step: StepIndex) -> impl Iterator<Item = (StepIndex, &Edge)> {
        self.edges
            .edges_directed(NodeIndex::new(step.get()), Direction::Incoming)
            .map(|edge| (StepIndex::of(edge.source().index()), edge.weight()))
    }

    /// All that a step leads to.
    pub fn outgoing(&self, step: StepIndex) -> impl Iterator<Item = (StepIndex, &Edge)> {
        self.edges
            .edges_directed(NodeIndex::new(step.get()), Direction::Outgoing)
            .map(|edge| (StepIndex::of(edge.target().index()), edge.weight()))
    }

    /// Whether a road leads to a step, `fallback` among them.
    #[must_use]
    pub fn has_road_to(&self, step: StepIndex) -> bool {
        self.fallback == Some(step) || self.incoming(step).any(|(_, edge)| !edge.roads.is_empty())
    }

    /// Whether a step stands in `finally`.
    #[must_use]
    pub fn is_finally(&self, step: StepIndex) -> bool {
        self.finally.contains(&step)
    }

    /// The step named by `fallback`.
    #[must_use]
    pub fn fallback(&self) -> Option<StepIndex> {
        self.fallback
    }

    /// All steps, in reading order.
    pub fn steps(&self) -> impl Iterator<Item = StepIndex> + use<> {
        (0..self.edges.node_count()).map(StepIndex::of)
    }

    /// The underlying graph, for petgraph's algorithms inside this crate.
    pub(crate) fn petgraph(&self) -> &DiGraph<(), Edge> {
        &self.edges
    }

    /// The id of the act that undoes a step, if it is an act of its own.
    #[must_use]
    pub fn undoing_step(&self, step: &Step) -> Option<StepIndex> {
        match &step.undo {
            Some(Undo::Step(id)) => self.find(id.value.as_str()),
            Some(Undo::Body(_)) | None => None,
        }
    }
}
