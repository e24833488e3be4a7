//! What every check sees: the document, the order of its steps, and what the caller knows of the world.

use std::cell::{Cell, OnceCell};
use std::collections::BTreeSet;
use std::ops::Range;

use super::bits::BitRows;
use super::flow::Flow;
use super::texts::{self, Text};
use super::{Callee, Facts};
use crate::diagnostic;
use crate::document::model::{Body, Document, Step, Undo, Work};
use crate::document::team::Team;
use crate::document::{Kind, Tree};
use crate::graph::{Graph, StepIndex};
use crate::plan::Plan;
use crate::source::Span;

/// Names that are compared with mistyped ones, in one file: a file that is all wrong names needs no suggestion for each.
const COMPARED_MAX: usize = 300_000;

/// One document being checked.
pub(super) struct Context<'a> {
    pub(super) document: &'a Document,
    pub(super) graph: &'a Graph,
    pub(super) team: Option<&'a Team>,
    pub(super) facts: &'a Facts,
    tree: Option<&'a Tree>,
    /// Whether the whole document could be read: of one that lacks steps or roads the order says little.
    whole: bool,
    compared: Cell<usize>,
    written: OnceCell<BTreeSet<String>>,
    texts: OnceCell<Vec<Text<'a>>>,
    order: OnceCell<Option<Vec<StepIndex>>>,
    before: OnceCell<BitRows>,
    flow: OnceCell<Option<Flow>>,
}

impl<'a> Context<'a> {
    pub(super) fn new(
        document: &'a Document,
        graph: &'a Graph,
        tree: Option<&'a Tree>,
        team: Option<&'a Team>,
        facts: &'a Facts,
        whole: bool,
    ) -> Self {
        Self {
            document,
            graph,
            team,
            facts,
            tree,
            whole,
            compared: Cell::new(0),
            written: OnceCell::new(),
            texts: OnceCell::new(),
            order: OnceCell::new(),
            before: OnceCell::new(),
            flow: OnceCell::new(),
        }
    }

    /// All steps with their indices, in reading order.
    pub(super) fn steps(&self) -> impl Iterator<Item = (StepIndex, &'a Step)> + use<'a> {
        self.graph.steps().zip(&self.document.steps)
    }

    /// A step.
    pub(super) fn step(&self, index: StepIndex) -> &'a Step {
        let Some(step) = self.document.steps.get(index.get()) else {
            unreachable!("the graph was made of this document");
        };
        step
    }

    /// A step's id.
    pub(super) fn id(&self, index: StepIndex) -> &'a str {
        self.step(index).id.value.as_str()
    }

    /// The bytes of a part of a text that stands at a span.
    pub(super) fn place(&self, span: Span, part: Range<usize>) -> Span {
        self.tree.map_or(span, |tree| tree.inner_span_at(span, part))
    }

    /// The bytes of a part of an expression or a template.
    pub(super) fn place_in(&self, text: &Text<'_>, part: Range<usize>) -> Span {
        if text.split { self.place_in_list(text.span, text.source(), part) } else { self.place(text.span, part) }
    }

    /// The bytes of a part of a word of a command that was written as a list; the list's first line where the word is
    /// not written as it is read.
    pub(super) fn place_in_list(&self, list: Span, word: &str, part: Range<usize>) -> Span {
        let Some(source) = self.tree.map(Tree::source) else { return list };
        if let Some(at) = source.slice(list).find(word) {
            return Span::new(list.start + at + part.start, list.start + at + part.end);
        }
        let line = source.line_span(source.line_of(list.start)).unwrap_or(list);
        source.trim(Span::new(list.start, line.end.min(list.end)))
    }

    /// Whether the file has a step of this name, even one that could not be read.
    pub(super) fn is_written(&self, id: &str) -> bool {
        let names = self.written.get_or_init(|| {
            let Some(tree) = self.tree else { return BTreeSet::new() };
            let entries = |node| match &tree.node(node).kind {
                Kind::Mapping(entries) => entries.as_slice(),
                Kind::Scalar { .. } | Kind::Sequence(_) | Kind::Refused => &[],
            };
            let steps = entries(tree.root()).iter().find(|entry| entry.key == "steps");
            steps.into_iter().flat_map(|steps| entries(steps.value)).map(|entry| entry.key.clone()).collect()
        });
        names.contains(id)
    }

    /// `did you mean …`, if one of the names is near.
    pub(super) fn suggest<'n>(&self, name: &str, names: impl IntoIterator<Item = &'n str>) -> Option<String> {
        let left = COMPARED_MAX.checked_sub(self.compared.get())?;
        let mut looked_at = 0;
        let counted = names.into_iter().take(left).inspect(|_| looked_at += 1);
        let found = diagnostic::suggest(name, counted).map(|near| format!("did you mean `{near}`?"));
        self.compared.set(self.compared.get() + looked_at);
        found
    }

    /// The plan of the runbook that a body runs; `None` where it runs none, or none that is right.
    pub(super) fn callee(&self, body: &Body) -> Option<&'a Plan> {
        let Work::Runbook(call) = &body.work else { return None };
        match self.facts.called.get(call.name.value.as_str())? {
            Callee::Checked(plan) => Some(plan),
            Callee::Wrong { .. } | Callee::Unreadable(_) | Callee::Circle(_) | Callee::OneTooMany => None,
        }
    }

    /// The names of what a body leaves behind, and whether each is secret: its own outputs, before them those of the
    /// runbook it runs.
    pub(super) fn outputs_of_body<'b>(&self, body: &'b Body) -> impl Iterator<Item = (&'b str, bool)> + use<'a, 'b>
    where
        'a: 'b,
    {
        let of_callee = self.callee(body).into_iter().flat_map(|plan| &plan.document().outputs);
        of_callee.chain(&body.outputs).map(|output| (output.name.value.as_str(), output.secret))
    }

    /// The names of what a step leaves behind, and whether each is secret.
    pub(super) fn outputs_of<'b>(&self, step: &'b Step) -> impl Iterator<Item = (&'b str, bool)> + use<'a, 'b>
    where
        'a: 'b,
    {
        let unless = step.unless.iter().flat_map(|body| self.outputs_of_body(&body.value)).collect::<Vec<_>>();
        let asking = if let Work::Ask(asking) | Work::Instruct(asking) = &step.body.work { Some(asking) } else { None };
        let typed = asking.into_iter().flat_map(|asking| &asking.collect);
        let typed = typed.map(|(name, field)| (name.as_str(), field.secret));
        self.outputs_of_body(&step.body).chain(unless).chain(typed)
    }

    /// Every expression and template, with what it may read.
    pub(super) fn texts(&self) -> &[Text<'a>] {
        self.texts.get_or_init(|| texts::of(self.document, self.graph))
    }

    /// The steps, each after all that lead to it; `None` when some wait for each other.
    pub(super) fn order(&self) -> Option<&[StepIndex]> {
        let order = self.order.get_or_init(|| {
            let sorted = petgraph::algo::toposort(self.graph.petgraph(), None).ok()?;
            let all: Vec<StepIndex> = self.graph.steps().collect();
            Some(sorted.into_iter().filter_map(|node| all.get(node.index()).copied()).collect())
        });
        order.as_deref()
    }

    /// Whether one step comes before another, over needs and roads. The same step does not come before itself.
    pub(super) fn comes_before(&self, earlier: StepIndex, later: StepIndex) -> bool {
        let before = self.before.get_or_init(|| {
            let count = self.document.steps.len();
            let mut before = BitRows::new(count, count);
            for &step in self.order().unwrap_or_default() {
                for (from, _) in self.graph.incoming(step) {
                    before.insert(step.get(), from.get());
                    before.add_row(from.get(), step.get());
                }
            }
            before
        });
        before.has(later.get(), earlier.get())
    }

    /// What is known of each step when it starts; `None` when steps wait for each other, or not all could be read.
    pub(super) fn flow(&self) -> Option<&Flow> {
        self.flow.get_or_init(|| if self.whole { Flow::of(self) } else { None }).as_ref()
    }
}

/// The bodies of a step: its own, `unless` and `undo`.
pub(super) fn bodies(step: &Step) -> impl Iterator<Item = &Body> {
    let undo = match &step.undo {
        Some(Undo::Body(body)) => Some(&*body.value),
        Some(Undo::Step(_)) | None => None,
    };
    std::iter::once(&step.body).chain(step.unless.iter().map(|body| &*body.value)).chain(undo)
}
