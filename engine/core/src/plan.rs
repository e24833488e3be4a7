//! A checked runbook: what a run executes.

use std::sync::Arc;

use crate::document::model::{Document, Step};
use crate::graph::{Graph, StepIndex};

/// A checked, immutable runbook. It exists only through [`crate::check::check`], so whoever holds one needs no branch
/// for a missing step or a name that is not there.
#[derive(Debug, Clone)]
pub struct Plan {
    document: Arc<Document>,
    graph: Graph,
    finally: Vec<StepIndex>,
}

impl Plan {
    pub(crate) fn new(document: Arc<Document>, graph: Graph) -> Self {
        let finally = document.finally.iter().filter_map(|id| graph.find(id.value.as_str())).collect();
        Self { document, graph, finally }
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
