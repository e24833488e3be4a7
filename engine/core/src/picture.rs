//! A plan as a picture: what its nodes and edges are, and the same as Graphviz and Mermaid text.
//!
//! Titles, templates and expressions stand as written, for nothing is known before a run.

use std::collections::{BTreeSet, VecDeque};
use std::fmt::Write as _;

use crate::document::model::{ForEachList, Kind, Step, Work};
use crate::graph::{Road, StepIndex, roads_of};
use crate::plan::Plan;
use crate::run::record::Part::Main;

/// Characters of a line in a node, and of a label at an edge: what can be read beside others.
const LINE_CHARACTERS_MAX: usize = 32;
/// Nodes up to which the steps of runbooks that are run are drawn: past it nobody reads them.
const NODES_MAX: usize = 500;
/// Lines of a title in a node.
const TITLE_LINES_MAX: usize = 3;

/// A plan as nodes and edges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// What it is about: the runbook's title.
    pub title: String,
    /// The nodes; of each runbook its steps first, in reading order.
    pub nodes: Vec<Node>,
    /// The edges, in the order of the nodes they begin at.
    pub edges: Vec<Edge>,
    /// The runbooks that steps run, those that run others before them.
    pub groups: Vec<Group>,
}

/// A runbook that a step runs, drawn around its own steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name and title.
    pub title: String,
    /// Number of the group that it stands in, where the step that runs it is itself one of a runbook that is run.
    pub within: Option<usize>,
}

/// A node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// What it is.
    pub shape: Shape,
    /// Its lines: the kind, the title, the id.
    pub lines: Vec<String>,
    /// Whether it is a step that is done once for each item of a list.
    pub is_loop: bool,
    /// Number of the group it stands in.
    pub group: Option<usize>,
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
        let title = plan.document().title.value.clone();
        let mut picture = Self { title, nodes: Vec::new(), edges: Vec::new(), groups: Vec::new() };
        let mut open = VecDeque::from([Part { plan, path: String::new(), group: None, run_by: None }]);
        while let Some(part) = open.pop_front() {
            let first = picture.add_part(&part);
            for index in part.plan.graph().steps() {
                let Some(child) = part.plan.child(index, Main) else { continue };
                // The one that runs it is there in any case, with its name.
                if picture.nodes.len() + child.len() > NODES_MAX {
                    continue;
                }
                let document = child.document();
                let title = format!("{}: {}", document.name.value, document.title.value);
                picture.groups.push(Group { title, within: part.group });
                open.push_back(Part {
                    plan: child,
                    path: format!("{}{}/", part.path, part.plan.step(index).id.value),
                    group: Some(picture.groups.len() - 1),
                    run_by: Some(first + index.get()),
                });
            }
        }
        picture
    }

    /// Draws the steps of one runbook; gives the number of its first.
    fn add_part(&mut self, part: &Part<'_>) -> usize {
        let plan = part.plan;
        let at = Place { first: self.nodes.len(), group: part.group };
        self.nodes.extend(plan.document().steps.iter().map(|step| node(step, &part.path, part.group)));
        if let Some(from) = part.run_by {
            for step in plan.graph().steps().filter(|step| plan.graph().incoming(*step).next().is_none()) {
                let outside = plan.graph().is_finally(step) || plan.graph().fallback() == Some(step);
                if !outside {
                    let label = "runs".to_owned();
                    self.edges.push(Edge { from, to: at.of(step), label, line: EdgeLine::Dotted });
                }
            }
        }
        let mut ends = Ends::default();
        for from in plan.graph().steps() {
            self.add_needs(plan, from, at);
            self.add_roads(plan.step(from), from, plan, &mut ends, at);
        }
        self.add_sources(plan, at);
        at.first
    }

    fn add_sources(&mut self, plan: &Plan, at: Place) {
        let picture = self;
        if let Some(fallback) = plan.graph().fallback() {
            let from = picture.add_node(Shape::Source, at.group, "any failure that nothing handles");
            picture.edges.push(Edge {
                from,
                to: at.of(fallback),
                label: "fallback".to_owned(),
                line: EdgeLine::Dashed,
            });
        }
        if !plan.finally().is_empty() {
            let mut from = picture.add_node(Shape::Source, at.group, "at the end, whatever happened");
            for step in plan.finally() {
                picture.edges.push(Edge {
                    from,
                    to: at.of(*step),
                    label: "finally".to_owned(),
                    line: EdgeLine::Dotted,
                });
                from = at.of(*step);
            }
        }
    }

    fn add_node(&mut self, shape: Shape, group: Option<usize>, text: &str) -> usize {
        self.nodes.push(Node { shape, lines: vec![text.to_owned()], is_loop: false, group });
        self.nodes.len() - 1
    }

    fn add_needs(&mut self, plan: &Plan, from: StepIndex, at: Place) {
        let mut targets: Vec<StepIndex> =
            plan.graph().outgoing(from).filter(|(_, edge)| edge.need).map(|(to, _)| to).collect();
        targets.sort_unstable();
        let need =
            |to: StepIndex| Edge { from: at.of(from), to: at.of(to), label: String::new(), line: EdgeLine::Solid };
        self.edges.extend(targets.into_iter().map(need));
    }

    fn add_roads(&mut self, step: &Step, from: StepIndex, plan: &Plan, ends: &mut Ends, at: Place) {
        for (road, target) in roads_of(step) {
            let line = if road.is_branch() { EdgeLine::Solid } else { EdgeLine::Dashed };
            let mut targets: Vec<usize> =
                target.steps.iter().filter_map(|id| plan.graph().find(id.value.as_str())).map(|to| at.of(to)).collect();
            if target.done {
                targets.push(*ends.done.get_or_insert_with(|| self.add_node(Shape::End, at.group, "done")));
            }
            if target.failed {
                targets.push(*ends.failed.get_or_insert_with(|| self.add_node(Shape::End, at.group, "failed")));
            }
            // A step named twice by one road is one edge.
            for to in targets.into_iter().collect::<BTreeSet<_>>() {
                self.edges.push(Edge { from: at.of(from), to, label: label(step, road), line });
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
            // As one on top of others: it is done more than once.
            let outlines = if node.is_loop { ", peripheries=2" } else { "" };
            let _ = writeln!(out, "  n{number} [label={}, {}{outlines}];", dot(&lines), dot_shape(node.shape));
        }
        for (number, group) in self.groups.iter().enumerate().filter(|(_, group)| group.within.is_none()) {
            self.dot_group(number, group, 1, &mut out);
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

    /// A group with those in it; as deep as runbooks run one another, which is bounded.
    fn dot_group(&self, number: usize, group: &Group, depth: usize, out: &mut String) {
        let indent = "  ".repeat(depth);
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{indent}subgraph cluster_{number} {{\n{indent}  label={};", dot(&[&group.title]));
        for (node, _) in self.nodes.iter().enumerate().filter(|(_, node)| node.group == Some(number)) {
            let _ = writeln!(out, "{indent}  n{node};");
        }
        for (inner, group) in self.groups.iter().enumerate().filter(|(_, group)| group.within == Some(number)) {
            self.dot_group(inner, group, depth + 1, out);
        }
        let _ = writeln!(out, "{indent}}}");
    }

    fn mermaid_group(&self, number: usize, group: &Group, depth: usize, out: &mut String) {
        let indent = "  ".repeat(depth);
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{indent}subgraph g{number} [\"{}\"]", mermaid(&group.title));
        for (node, _) in self.nodes.iter().enumerate().filter(|(_, node)| node.group == Some(number)) {
            let _ = writeln!(out, "{indent}  n{node}");
        }
        for (inner, group) in self.groups.iter().enumerate().filter(|(_, group)| group.within == Some(number)) {
            self.mermaid_group(inner, group, depth + 1, out);
        }
        let _ = writeln!(out, "{indent}end");
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
        for (number, group) in self.groups.iter().enumerate().filter(|(_, group)| group.within.is_none()) {
            self.mermaid_group(number, group, 1, &mut out);
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

/// A runbook that is to be drawn.
struct Part<'a> {
    plan: &'a Plan,
    /// What stands before the ids of its steps.
    path: String,
    group: Option<usize>,
    /// Number of the node that runs it.
    run_by: Option<usize>,
}

/// Where the steps of one runbook stand.
#[derive(Clone, Copy)]
struct Place {
    /// Number of the node of its first step.
    first: usize,
    group: Option<usize>,
}

impl Place {
    fn of(self, step: StepIndex) -> usize {
        self.first + step.get()
    }
}

/// The nodes of `done` and `failed`, once something leads there.
#[derive(Default)]
struct Ends {
    done: Option<usize>,
    failed: Option<usize>,
}

/// How often a step does what it does: `x3, each host`, or `each host` where the list is not known yet.
#[must_use]
pub fn loop_words(step: &Step) -> Option<String> {
    let each = &step.for_each.as_ref()?.value;
    let name = &each.name.value;
    Some(match &each.over {
        ForEachList::Items(items) => format!("x{}, each {name}", items.len()),
        ForEachList::Expression(_) => format!("each {name}"),
    })
}

fn node(step: &Step, path: &str, group: Option<usize>) -> Node {
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
    let mut lines = vec![[Some(kind), loop_words(step)].into_iter().flatten().collect::<Vec<_>>().join(", ")];
    lines.extend(broken(step.title.value.source()));
    if let Work::Runbook(call) = &step.body.work {
        lines.push(format!("runs {}", call.name.value));
    }
    lines.push(format!("({path}{})", step.id.value));
    Node { shape, lines, is_loop: step.for_each.is_some(), group }
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
        let node = |shape, text: &str| Node {
            shape,
            lines: vec![text.to_owned(), "(id)".to_owned()],
            is_loop: false,
            group: None,
        };
        Picture {
            title: "A \"title\"".to_owned(),
            nodes: vec![node(Shape::Verify, "looks"), node(Shape::Decide, "a < b # c"), node(Shape::End, "done")],
            edges: vec![
                Edge { from: 0, to: 1, label: String::new(), line: EdgeLine::Solid },
                Edge { from: 1, to: 2, label: "when x == \"y\"".to_owned(), line: EdgeLine::Dashed },
            ],
            groups: Vec::new(),
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
    fn a_runbook_that_is_run_stands_around_its_steps() {
        use crate::check::{Beside, Facts, load_whole};

        let head = |name: &str, steps: &str| format!("version: 1\nrunbook: {name}\ntitle: T {name}\nsteps:\n{steps}");
        let mut beside = |name: &crate::id::RunbookName| {
            let steps = match name.as_str() {
                "outer" => "  deep: { verify: D, runbook: inner }\n  last: { verify: L, run: last }\n",
                _ => "  look: { verify: L, run: 'look {{ each.host }}', for_each: { host: [a, b, c] } }\n",
            };
            Beside::File { name: format!("{name}.yaml"), bytes: head(name.as_str(), steps).into_bytes() }
        };
        let text = head("top", "  go: { verify: G, runbook: outer }\n  end: { verify: E, run: end }\n");
        let plan = load_whole("top.yaml", text.as_bytes(), None, &Facts::default(), &mut beside).runbook.plan;
        let picture = plan.as_ref().map_or_else(|| unreachable!("it checks"), Picture::of);
        let last = |number: usize| picture.nodes.get(number).and_then(|node| node.lines.last()).map(String::as_str);
        assert_eq!([last(0), last(2), last(4)], [Some("(go)"), Some("(go/deep)"), Some("(go/deep/look)")]);
        assert_eq!(
            picture.nodes.get(4).and_then(|node| node.lines.first()).map(String::as_str),
            Some("verify, x3, each host")
        );
        let within: Vec<_> = picture.groups.iter().map(|group| (group.title.as_str(), group.within)).collect();
        assert_eq!(within, [("outer: T outer", None), ("inner: T inner", Some(0))]);
        let runs: Vec<_> =
            picture.edges.iter().filter(|edge| edge.label == "runs").map(|edge| (edge.from, edge.to)).collect();
        assert_eq!(runs, [(0, 2), (2, 4)]);
        let dot = picture.to_dot();
        let nested =
            "  subgraph cluster_0 {\n    label=\"outer: T outer\";\n    n2;\n    n3;\n    subgraph cluster_1 {\n";
        assert!(dot.contains(nested), "{dot}");
        assert_eq!(dot.matches('{').count(), dot.matches('}').count(), "{dot}");
        let mermaid = picture.to_mermaid();
        assert!(mermaid.contains("  subgraph g0 [\"outer: T outer\"]\n    n2\n    n3\n    subgraph g1 ["), "{mermaid}");
        assert_eq!(mermaid.matches("subgraph ").count(), mermaid.matches("end\n").count(), "{mermaid}");
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
