//! A checked runbook: what a run executes.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::document::model::{Body, Call, Document, Kind, Step, Undo, Work};
use crate::expression::Type;
use crate::graph::{Graph, StepIndex};
use crate::id::RunbookName;
use crate::run::record::Part;

/// A checked, immutable runbook, with the plans of all the runbooks that its steps run. It exists only through
/// [`crate::check::check`], so whoever holds one needs no branch for a missing step or a name that is not there.
#[derive(Debug, Clone)]
pub struct Plan {
    document: Arc<Document>,
    graph: Graph,
    finally: Vec<StepIndex>,
    called: BTreeMap<RunbookName, Arc<Plan>>,
    /// The types of its `outputs`, where they show.
    types: BTreeMap<String, Type>,
    /// Levels of runbooks below it: 0 for one that runs no other.
    depth: usize,
    /// Its steps, and those of what they run, each time they run it.
    steps_in_all: usize,
    changes: bool,
}

impl Plan {
    /// `called` holds every runbook that a step of it runs.
    pub(crate) fn new(
        document: Arc<Document>,
        graph: Graph,
        called: BTreeMap<RunbookName, Arc<Self>>,
        types: BTreeMap<String, Type>,
    ) -> Self {
        let finally = document.finally.iter().filter_map(|id| graph.find(id.value.as_str())).collect();
        let depth = called.values().map(|plan| plan.depth + 1).max().unwrap_or(0);
        let below = calls(&document).filter_map(|(_, call)| called.get(&call.name.value));
        let steps_in_all =
            below.fold(document.steps.len(), |sum, plan: &Arc<Self>| sum.saturating_add(plan.steps_in_all));
        let changes =
            document.steps.iter().any(|step| step.kind.value == Kind::Act) || called.values().any(|plan| plan.changes);
        Self { document, graph, finally, called, types, depth, steps_in_all, changes }
    }

    /// The plan of one item of a loop: the same step without what is the loop's own (its edges, its roads, its `when`, the
    /// list), and no other.
    pub(crate) fn of_item(&self, index: StepIndex) -> Self {
        let written = self.step(index);
        let undo = match &written.undo {
            Some(Undo::Body(body)) => Some(Undo::Body(body.clone())),
            Some(Undo::Step(_)) | None => None,
        };
        let (for_each, needs, when, on_fail, denied) = (None, None, None, None, None);
        let step = Step { needs, when, on_fail, for_each, denied, undo, ..written.clone() };
        let around = &*self.document;
        let document = Document {
            name: around.name.clone(),
            title: around.title.clone(),
            summary: None,
            owner: around.owner.clone(),
            severity: around.severity,
            alerts: Vec::new(),
            review: None,
            params: around.params.clone(),
            secrets: around.secrets.clone(),
            defaults: around.defaults.clone(),
            parallel: around.parallel,
            lock: None,
            timeout: None,
            steps: vec![step],
            fallback: None,
            rollback: around.rollback,
            finally: Vec::new(),
            outputs: Vec::new(),
        };
        let graph = Graph::of(&document);
        Self::new(Arc::new(document), graph, self.called.clone(), self.types.clone())
    }

    /// What is written.
    #[must_use]
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// The order of its steps.
    #[must_use]
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// A step.
    ///
    /// # Panics
    /// When the index is of another plan, which is our own mistake.
    #[must_use]
    pub fn step(&self, index: StepIndex) -> &Step {
        let step = self.document.steps.get(index.get());
        assert!(step.is_some(), "a step index belongs to the plan it came from");
        #[expect(clippy::unwrap_used, reason = "asserted on the line above")]
        step.unwrap()
    }

    /// The runbook that a part of a step runs, whether once or for each item; `None` where that part works in another
    /// way, or the step has no such part. An `unless` that is looked at again runs the same one.
    ///
    /// # Panics
    /// When the index is of another plan, which is our own mistake.
    #[must_use]
    pub fn child(&self, index: StepIndex, part: Part) -> Option<&Arc<Self>> {
        let Work::Runbook(call) = &body_of(self.step(index), part)?.work else { return None };
        let plan = self.called.get(&call.name.value);
        assert!(plan.is_some(), "a plan holds every runbook that its steps run");
        plan
    }

    /// The step at a path: an id; of an item `drain[2]`; of a runbook that a step runs `outage/restart`, of one that its
    /// `unless` or its `undo` runs `outage.unless/look`, `outage.undo/start`.
    #[must_use]
    pub fn step_at(&self, path: &str) -> Option<&Step> {
        self.place_at(path).map(|(plan, index)| plan.step(index))
    }

    /// The plan that the step at a path belongs to, which is another one where a runbook is run, and its number there.
    #[must_use]
    pub fn place_at(&self, path: &str) -> Option<(&Self, StepIndex)> {
        let mut plan = self;
        let mut names = path.split('/').peekable();
        while let Some(name) = names.next() {
            let (name, part) = match name.split_once('.') {
                None => (name, Part::Main),
                Some((name, "unless")) => (name, Part::Unless),
                Some((name, "undo")) => (name, Part::Undo),
                Some(_) => return None,
            };
            let id = name.split_once('[').map_or(name, |(id, _)| id);
            let index = plan.graph.find(id)?;
            if names.peek().is_none() {
                return Some((plan, index));
            }
            plan = plan.child(index, part)?;
        }
        None
    }

    /// Every runbook that it runs, directly or through others, each once, in the order of their names.
    #[must_use]
    pub fn called(&self) -> BTreeMap<RunbookName, Arc<Self>> {
        let mut all = BTreeMap::new();
        let mut open: Vec<&Arc<Self>> = self.called.values().collect();
        while let Some(plan) = open.pop() {
            if all.insert(plan.document.name.value.clone(), Arc::clone(plan)).is_none() {
                open.extend(plan.called.values());
            }
        }
        all
    }

    /// Whether it, or a runbook that it runs, has an act.
    #[must_use]
    pub fn changes(&self) -> bool {
        self.changes
    }

    /// Levels of runbooks below it, at most [`crate::limits::CALL_DEPTH_MAX`]; 0 for one that runs no other.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// How many steps it has, with those of the runbooks it runs each time it runs them; a step that goes through a list
    /// counts once. At most [`crate::limits::STEPS_MAX`].
    #[must_use]
    pub fn steps_in_all(&self) -> usize {
        self.steps_in_all
    }

    /// The type of one of its `outputs`, where it shows without running it.
    #[must_use]
    pub(crate) fn output_type(&self, name: &str) -> Option<Type> {
        self.types.get(name).copied()
    }

    /// The steps of `finally`, in their order.
    #[must_use]
    pub fn finally(&self) -> &[StepIndex] {
        &self.finally
    }

    /// How many steps it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.document.steps.len()
    }

    /// Whether it has none, which the checker refuses.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.document.steps.is_empty()
    }
}

/// What a part of a step does, where the step has that part.
#[must_use]
pub fn body_of(step: &Step, part: Part) -> Option<&Body> {
    match (part, &step.undo) {
        (Part::Main, _) => Some(&step.body),
        (Part::Unless | Part::Doubt, _) => step.unless.as_ref().map(|body| &*body.value),
        (Part::Undo, Some(Undo::Body(body))) => Some(&*body.value),
        (Part::Undo, Some(Undo::Step(_)) | None) => None,
    }
}

/// Every place of a document where another runbook is run, with the step it belongs to, in reading order.
pub fn calls(document: &Document) -> impl Iterator<Item = (&Step, &Call)> {
    document.steps.iter().flat_map(|step| {
        let bodies = [Part::Main, Part::Unless, Part::Undo].into_iter().filter_map(|part| body_of(step, part));
        bodies.filter_map(move |body| if let Work::Runbook(call) = &body.work { Some((step, &**call)) } else { None })
    })
}
