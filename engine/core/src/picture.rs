//! A plan as a picture: what its nodes and edges are, and the same as Graphviz and Mermaid text.
//!
//! Titles, templates and expressions stand as written, for nothing is known before a run.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::document::model::{Kind, Step, Work};
use crate::graph::{Road, StepIndex, roads_of};
use crate::plan::Plan;

/// Characters of a line in a node, and of a label at an edge: what can be read beside others.
const LINE_CHARACTERS_MAX: usize = 32;
/// Lines of a title in a node.
const TITLE_LINES_MAX: usize = 3;

/// A plan as nodes and edges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// What it is about: the runbook's title.
    pub title: String,
    /// The nodes, steps first, in reading order.
    pub nodes: Vec<Node>,
    /// The edges, in the order of the nodes they begin at.
    pub edges: Vec<Edge>,
}

/// A node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// What it is.
    pub shape: Shape,
    /// Its lines: the kind, the title, the id.
    pub lines: Vec<String>,
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A verify.
    Verify,
    /// A decide.
    Decide,
    /// An act.
    Act,
    /// An act marked destructive.
    Destructive,
    /// An escalate.
    Escalate,
    /// `done` or `failed`: a road ends.
    End,
    /// Where something begins that no step leads to: any unhandled failure, the end of the run.
    Source,
}

/// An edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// Number of the node it begins at.
    pub from: usize,
    /// Number of the node it ends at.
    pub to: usize,
    /// Its words; none at a need.
    pub label: String,
    /// How it is drawn.
    pub line: EdgeLine,
}

/// How an edge is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EdgeLine {
    /// A need, or a road that a decide takes.
    Solid,
    /// A road of failure: `on_fail`, `else`, `denied`, `fallback`.
    Dashed,
    /// `finally`.
    Dotted,
}

impl Picture {
    /// Draws a plan.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let document = plan.document();
        let mut picture = Self {
            title: document.title.value.clone(),
            nodes: document.steps.iter().map(node).collect(),
            edges: Vec::new(),
        };
        let mut ends = Ends::default();
        for from in plan.graph().steps() {
            picture.add_needs(plan, from);
            picture.add_roads(plan.step(from), from, plan, &mut ends);
        }
        if let Some(fallback) = plan.graph().fallback() {
            let from = picture.add_node(Shape::Source, "any failure that nothing handles");
            picture.edges.push(Edge { from, to: fallback.get(), label: "fallback".to_owned(), line: EdgeLine::Dashed });
        }
        if !plan.finally().is_empty() {
            let mut from = picture.add_node(Shape::Source, "at the end, whatever happened");
            for step in plan.finally() {
                picture.edges.push(Edge { from, to: step.get(), label: "finally".to_owned(), line: EdgeLine::Dotted });
                from = step.get();
            }
        }
        picture
    }

    fn add_node(&mut self, shape: Shape, text: &str) -> usize {
        self.nodes.push(Node { shape, lines: vec![text.to_owned()] });
        self.nodes.len() - 1
    }

    fn add_needs(&mut self, plan: &Plan, from: StepIndex) {
        let mut targets: Vec<StepIndex> =
            plan.graph().outgoing(from).filter(|(_, edge)| edge.need).map(|(to, _)| to).collect();
        targets.sort_unstable();
        let need = |to: StepIndex| Edge { from: from.get(), to: to.get(), label: String::new(), line: EdgeLine::Solid };
        self.edges.extend(targets.into_iter().map(need));
    }

    fn add_roads(&mut self, step: &Step, from: StepIndex, plan: &Plan, ends: &mut Ends) {
        for (road, target) in roads_of(step) {
            let line = if road.is_branch() { EdgeLine::Solid } else { EdgeLine::Dashed };
            let mut targets: Vec<usize> =
                target.steps.iter().filter_map(|id| plan.graph().find(id.value.as_str())).map(StepIndex::get).collect();
            if target.done {
                targets.push(*ends.done.get_or_insert_with(|| self.add_node(Shape::End, "done")));
            }
            if target.failed {
                targets.push(*ends.failed.get_or_insert_with(|| self.add_node(Shape::End, "failed")));
            }
            // A step named twice by one road is one edge.
            for to in targets.into_iter().collect::<BTreeSet<_>>() {
                self.edges.push(Edge { from: from.get(), to, label: label(step, road), line });
            }
        }
    }

    /// The picture as Graphviz text.
    #[must_use]
    pub fn to_dot(&self) -> String {
        let mut out = format!(
            "digraph runbook {{\n  label={};\n  labelloc=t;\n  node [fontname=\"sans-serif\"];\n",
            dot(&[&self.title])
        );
        for (number, node) in self.nodes.iter().enumerate() {
            let lines: Vec<&str> = node.lines.iter().map(String::as_str).collect();
            // Writing to a String cannot fail.
            let _ = writeln!(out, "  n{number} [label={}, {}];", dot(&lines), dot_shape(node.shape));
        }
        for edge in &self.edges {
            let style = match edge.line {
                EdgeLine::Solid => "solid",
                EdgeLine::Dashed => "dashed",
                EdgeLine::Dotted => "dotted",
            };
            let label = if edge.label.is_empty() { String::new() } else { format!("label={}, ", dot(&[&edge.label])) };
            let _ = writeln!(out, "  n{} -> n{} [{label}style={style}];", edge.from, edge.to);
        }
        out.push_str("}\n");
        out
    }

    /// The picture as Mermaid text, which many wikis and forges draw in markdown.
    #[must_use]
    pub fn to_mermaid(&self) -> String {
        let mut out = format!("---\ntitle: {}\n---\nflowchart TD\n", yaml(&self.title));
        for (number, node) in self.nodes.iter().enumerate() {
            let text = node.lines.iter().map(|line| mermaid(line)).collect::<Vec<_>>().join("<br/>");
            let (open, close) = match node.shape {
                Shape::Verify => ("([", "])"),
                Shape::Decide => ("{", "}"),
                Shape::Act => ("[", "]"),
                Shape::Destructive => ("[[", "]]"),
                Shape::Escalate => ("{{", "}}"),
                Shape::End => ("((", "))"),
                Shape::Source => (">", "]"),
            };
            // Writing to a String cannot fail.
            let _ = writeln!(out, "  n{number}{open}\"{text}\"{close}");
        }
        for edge in &self.edges {
            let arrow = match edge.line {
                EdgeLine::Solid => "-->",
                EdgeLine::Dashed | EdgeLine::Dotted => "-.->",
            };
            let label = if edge.label.is_empty() { String::new() } else { format!("|\"{}\"|", mermaid(&edge.label)) };
            let _ = writeln!(out, "  n{} {arrow}{label} n{}", edge.from, edge.to);
        }
        out
    }
}

/// The nodes of `done` and `failed`, once something leads there.
#[derive(Default)]
struct Ends {
    done: Option<usize>,
    failed: Option<usize>,
}

fn node(step: &Step) -> Node {
    let shape = match step.kind.value {
        Kind::Verify => Shape::Verify,
        Kind::Decide => Shape::Decide,
        Kind::Act if step.destructive => Shape::Destructive,
        Kind::Act => Shape::Act,
        Kind::Escalate => Shape::Escalate,
    };
    let kind = match (shape, &step.approve) {
        (Shape::Destructive, _) => "act, destructive".to_owned(),
        (_, Some(_)) => format!("{}, approved first", step.kind.value.key()),
        _ => step.kind.value.key().to_owned(),
    };
    let mut lines = vec![kind];
    lines.extend(broken(step.title.value.source()));
    lines.push(format!("({})", step.id.value));
    Node { shape, lines }
}

/// The words of a road: `when steps.reachable.failed`, `otherwise`, `on failure`.
#[must_use]
pub fn label(step: &Step, road: Road) -> String {
    match road {
        Road::Case(number) => {
            let when = step.cases.get(number).map(|case| case.when.value.source()).unwrap_or_default();
            shortened(&format!("when {when}"))
        }
        Road::Otherwise => "otherwise".to_owned(),
        Road::Choice(number) => {
            let Work::Ask(asking) = &step.body.work else { return String::new() };
            shortened(asking.choices.get(number).map_or("", |(label, _)| &label.value))
        }
        Road::OnFail => "on failure".to_owned(),
        Road::Else => "nobody in time".to_owned(),
        Road::Denied => "denied".to_owned(),
    }
}

/// A text on one line, cut where it is too long to be read beside others.
fn shortened(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(LINE_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default().trim_end()),
        None => text,
    }
}

/// The words of a text, a `{{ … }}` in one piece.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match words.last_mut() {
            Some(last) if last.rfind("{{") > last.rfind("}}") => {
                last.push(' ');
                last.push_str(word);
            }
            Some(_) | None => words.push(word.to_owned()),
        }
    }
    words
}

/// A text in a few lines, broken at blanks.
fn broken(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words(text) {
        let is_full = lines.len() == TITLE_LINES_MAX;
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= LINE_CHARACTERS_MAX => {
                line.push(' ');
                line.push_str(&word);
            }
            Some(line) if is_full => {
                line.push('…');
                break;
            }
            Some(_) | None => lines.push(shortened(&word)),
        }
    }
    lines
}

fn dot(lines: &[&str]) -> String {
    let escaped = |line: &&str| line.replace('\\', "\\\\").replace('"', "\\\"").replace(char::is_control, " ");
    format!("\"{}\"", lines.iter().map(escaped).collect::<Vec<_>>().join("\\n"))
}

fn dot_shape(shape: Shape) -> &'static str {
    match shape {
        Shape::Verify => "shape=box, style=rounded",
        Shape::Decide => "shape=diamond",
        Shape::Act => "shape=box",
        Shape::Destructive => "shape=box, color=red, penwidth=2",
        Shape::Escalate => "shape=hexagon",
        Shape::End => "shape=doublecircle",
        Shape::Source => "shape=plaintext",
    }
}

/// A text between quotes in Mermaid, where an entity begins with `#`.
fn mermaid(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        match character {
            '"' => out.push_str("#quot;"),
            '#' => out.push_str("#35;"),
            '<' => out.push_str("#lt;"),
            '>' => out.push_str("#gt;"),
            '&' => out.push_str("#amp;"),
            '`' => out.push_str("#96;"),
            character if character.is_control() => out.push(' '),
            character => out.push(character),
        }
    }
    out
}

/// A text as a quoted YAML scalar on one line.
fn yaml(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace(char::is_control, " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> Picture {
        let node = |shape, text: &str| Node { shape, lines: vec![text.to_owned(), "(id)".to_owned()] };
        Picture {
            title: "A \"title\"".to_owned(),
            nodes: vec![node(Shape::Verify, "looks"), node(Shape::Decide, "a < b # c"), node(Shape::End, "done")],
            edges: vec![
                Edge { from: 0, to: 1, label: String::new(), line: EdgeLine::Solid },
                Edge { from: 1, to: 2, label: "when x == \"y\"".to_owned(), line: EdgeLine::Dashed },
            ],
        }
    }

    #[test]
    fn graphviz_text_is_quoted() {
        let dot = picture().to_dot();
        assert!(dot.contains(r#"label="A \"title\"";"#), "{dot}");
        assert!(dot.contains(r#"n1 [label="a < b # c\n(id)", shape=diamond];"#), "{dot}");
        assert!(dot.contains(r#"n1 -> n2 [label="when x == \"y\"", style=dashed];"#), "{dot}");
        assert!(dot.contains("n0 -> n1 [style=solid];"), "{dot}");
    }

    #[test]
    fn mermaid_text_is_quoted() {
        let mermaid = picture().to_mermaid();
        assert!(mermaid.contains(r#"n1{"a #lt; b #35; c<br/>(id)"}"#), "{mermaid}");
        assert!(mermaid.contains(r#"n1 -.->|"when x == #quot;y#quot;"| n2"#), "{mermaid}");
        assert!(mermaid.contains("n0 --> n1\n"), "{mermaid}");
    }

    #[test]
    fn a_long_title_is_broken_and_ends() {
        let lines = broken(
            "The active server is reachable from here and from everywhere else in the world, twice over, always and for ever",
        );
        assert_eq!(lines.len(), TITLE_LINES_MAX);
        assert!(lines.iter().all(|line| line.chars().count() <= LINE_CHARACTERS_MAX + 1), "{lines:?}");
        assert!(lines.last().is_some_and(|line| line.ends_with('…')), "{lines:?}");
        assert_eq!(shortened("when  a\n == b"), "when a == b");
        assert_eq!(
            broken("It answers again within {{ params.recovery_time }}"),
            ["It answers again within", "{{ params.recovery_time }}"]
        );
    }
}
