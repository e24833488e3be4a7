//! A picture as SVG: laid out by a library, written here, so that it is the same on every machine, reads on a dark page
//! too, and keeps its labels legible where an edge runs through them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use layout::core::base::Orientation;
use layout::core::color::Color;
use layout::core::format::{ClipHandle, RenderBackend};
use layout::core::geometry::Point;
use layout::core::style::{LineStyleKind, StyleAttr};
use layout::std_shapes::shapes::{Arrow, Element, LineEndKind, ShapeKind};
use layout::topo::layout::VisualGraph;
use runbook_core::picture::{EdgeLine, Node, Picture, Shape};

use crate::text::{harmless, width};

/// Size of the letters, in pixels.
const LETTERS: usize = 14;
/// From one line of a text to the next, in pixels.
const LINE_HEIGHT: f64 = 17.0;
/// Room that a letter is given, in pixels: a little more than the widest of the usual fonts take on average.
const LETTER_WIDTH: f64 = 8.5;
/// White around everything, in pixels.
const MARGIN: f64 = 24.0;
/// Room for the title above the picture, in pixels.
const TITLE_HEIGHT: f64 = 34.0;
/// White around what stands in a group, in pixels.
const GROUP_MARGIN: f64 = 14.0;
/// Room for the title of a group, in pixels.
const GROUP_TITLE_HEIGHT: f64 = 24.0;
/// How far the outline behind a loop stands out, in pixels.
const BEHIND: f64 = 5.0;
/// What tells the canvas that a node is a loop.
const LOOP: &str = "loop";

/// What is the same in every picture.
const HEAD: &str = r##"<defs><marker id="arrow" markerWidth="10" markerHeight="8" refX="9" refY="4" orient="auto"><path d="M 0 0 L 10 4 L 0 8 z" fill="#333"/></marker></defs>
<style>
text { font: 14px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; text-anchor: middle; fill: #111; }
.title { font-size: 17px; font-weight: 600; text-anchor: start; }
.kind { fill: #555; font-size: 12px; }
.id { fill: #555; font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: 12px; }
.label { font-size: 13px; fill: #333; paint-order: stroke; stroke: #fff; stroke-width: 5px; stroke-linejoin: round; }
.group { fill: #f7f8fa; stroke: #8c959f; }
.group-title { font-size: 13px; font-weight: 600; text-anchor: start; fill: #444; }
path { fill: none; stroke: #333; }
marker path { stroke: none; fill: #333; }
</style>
"##;

/// Draws a picture. A runbook that a step runs is laid out by itself and stands in the picture as one box, so that no
/// other step comes to lie in it.
#[must_use]
pub fn svg(picture: &Picture) -> String {
    drawn(picture, None).finish(&picture.title)
}

/// What stands in a group, or in none; as deep as runbooks run one another, which is bounded.
fn drawn(picture: &Picture, group: Option<usize>) -> Canvas {
    let mut graph = VisualGraph::new(Orientation::TopToBottom);
    let mut canvas = Canvas::default();
    let mut nodes = BTreeMap::new();
    for (number, node) in picture.nodes.iter().enumerate().filter(|(_, node)| node.group == group) {
        nodes.insert(number, graph.add_node(element(node)));
    }
    let mut groups = BTreeMap::new();
    for (number, inner) in picture.groups.iter().enumerate().filter(|(_, inner)| inner.within == group) {
        let boxed = drawn(picture, Some(number)).boxed(&inner.title);
        let look = StyleAttr::new(Color::fast("gray"), 1, None, 0, LETTERS);
        let (shape, direction) = (ShapeKind::new_box(""), Orientation::TopToBottom);
        let name = format!("group-{number}");
        groups
            .insert(number, graph.add_node(Element::create_with_properties(shape, look, direction, boxed.size, &name)));
        canvas.boxes.insert(name, boxed);
    }
    let mut led = BTreeSet::new();
    for edge in &picture.edges {
        let inner = picture.nodes.get(edge.to).and_then(|node| node.group);
        let to = nodes.get(&edge.to).or_else(|| groups.get(&inner?));
        let (Some(from), Some(to)) = (nodes.get(&edge.from), to) else { continue };
        // However many steps of a runbook begin it, it is run once.
        if inner != group && !led.insert((edge.from, inner)) {
            continue;
        }
        let line = match edge.line {
            EdgeLine::Solid => LineStyleKind::Normal,
            EdgeLine::Dashed | EdgeLine::Dotted => LineStyleKind::Dashed,
        };
        let look = StyleAttr::new(Color::fast("black"), 1, None, 0, LETTERS);
        let arrow = Arrow::new(LineEndKind::None, LineEndKind::Arrow, line, &edge.label, &look, &None, &None);
        graph.add_edge(arrow, *from, *to);
    }
    graph.do_it(false, false, false, &mut canvas);
    canvas
}

/// A group that is laid out: what is in it, and the room it takes.
struct Boxed {
    size: Point,
    title: String,
    /// What is in it, where it was laid out.
    inside: String,
    /// Left and upper end of that.
    corner: Point,
}

fn element(node: &Node) -> Element {
    let text = node.lines.iter().map(|line| harmless(line)).collect::<Vec<_>>().join("\n");
    let widest = text.lines().map(width).max().unwrap_or_default();
    let (shape, line, fill, rounded) = match node.shape {
        Shape::Verify => (ShapeKind::new_box(&text), "black", "aliceblue", 12),
        Shape::Decide => (ShapeKind::new_circle(&text), "black", "lightyellow", 0),
        Shape::Act => (ShapeKind::new_box(&text), "black", "white", 0),
        Shape::Destructive => (ShapeKind::new_box(&text), "red", "mistyrose", 0),
        Shape::Escalate => (ShapeKind::new_box(&text), "black", "lavender", 0),
        Shape::End => (ShapeKind::new_double_circle(&text), "black", "white", 0),
        Shape::Source => (ShapeKind::new_box(&text), "gray", "white", 0),
    };
    let is_round = matches!(node.shape, Shape::Decide | Shape::End);
    let room = if is_round { 1.4 } else { 1.0 };
    let across = (as_length(widest) * LETTER_WIDTH + 24.0) * room;
    let down = (as_length(node.lines.len()) * LINE_HEIGHT + 16.0) * room;
    let look = StyleAttr::new(Color::fast(line), 1, Some(Color::fast(fill)), rounded, LETTERS);
    let (direction, size) = (Orientation::TopToBottom, Point::new(across, down));
    if node.is_loop {
        return Element::create_with_properties(shape, look, direction, size, LOOP);
    }
    Element::create(shape, look, direction, size)
}

fn as_length(count: usize) -> f64 {
    u32::try_from(count).map_or(0.0, f64::from)
}

/// Where the library draws. Edges lie below, then nodes, then every text.
#[derive(Default)]
struct Canvas {
    edges: String,
    nodes: String,
    texts: String,
    /// The middle of the last node drawn: a text there is its own, any other is a label.
    middle: Option<Point>,
    /// The groups in it, by the names of their nodes.
    boxes: BTreeMap<String, Boxed>,
    /// Right and lower end of all that was drawn.
    right: f64,
    lower: f64,
    /// Left and upper end of it.
    left: f64,
    upper: f64,
}

impl Canvas {
    fn reach(&mut self, middle: Point, across: f64, down: f64) {
        self.left = self.left.min(middle.x - across / 2.0);
        self.upper = self.upper.min(middle.y - down / 2.0);
        self.right = self.right.max(middle.x + across / 2.0);
        self.lower = self.lower.max(middle.y + down / 2.0);
    }

    /// As one box of a larger picture.
    fn boxed(self, title: &str) -> Boxed {
        let title = harmless(title);
        let across = (self.right - self.left).max(as_length(width(&title)) * LETTER_WIDTH) + 2.0 * GROUP_MARGIN;
        let down = self.lower - self.upper + 2.0 * GROUP_MARGIN + GROUP_TITLE_HEIGHT;
        let inside = format!("{}{}{}", self.edges, self.nodes, self.texts);
        Boxed { size: Point::new(across, down), title, inside, corner: Point::new(self.left, self.upper) }
    }

    fn draw_box(&mut self, at: Point, boxed: &Boxed) {
        let Boxed { size, title, inside, corner } = boxed;
        let (right, down) = (at.x + GROUP_MARGIN - corner.x, at.y + GROUP_MARGIN + GROUP_TITLE_HEIGHT - corner.y);
        let _ = writeln!(
            self.nodes,
            "<rect class=\"group\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"10\" stroke-dasharray=\"6,4\"/>\n\
             <text class=\"group-title\" x=\"{:.1}\" y=\"{:.1}\">{}</text>\n\
             <g transform=\"translate({right:.1} {down:.1})\">\n{inside}</g>",
            at.x,
            at.y,
            size.x,
            size.y,
            at.x + GROUP_MARGIN,
            at.y + GROUP_MARGIN + 8.0,
            escaped(title)
        );
    }

    fn finish(self, title: &str) -> String {
        let title = harmless(title);
        let (left, upper) = (self.left - MARGIN, self.upper - MARGIN - TITLE_HEIGHT);
        let across = (self.right + MARGIN - left).max(as_length(width(&title)) * LETTER_WIDTH * 1.3 + 2.0 * MARGIN);
        let down = self.lower + MARGIN - upper;
        let title = escaped(&title);
        let (title_left, title_line) = (left + MARGIN, upper + MARGIN + 8.0);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{across:.0}\" height=\"{down:.0}\" \
             viewBox=\"{left:.0} {upper:.0} {across:.0} {down:.0}\" role=\"img\">\n<title>{title}</title>\n{HEAD}\
             <rect x=\"{left:.0}\" y=\"{upper:.0}\" width=\"{across:.0}\" height=\"{down:.0}\" fill=\"#fff\"/>\n\
             <text class=\"title\" x=\"{title_left:.0}\" y=\"{title_line:.0}\">{title}</text>\n{}{}{}</svg>\n",
            self.edges, self.nodes, self.texts
        )
    }
}

// Writing to a String cannot fail.
impl RenderBackend for Canvas {
    fn draw_rect(
        &mut self,
        at: Point,
        size: Point,
        look: &StyleAttr,
        properties: Option<String>,
        _clip: Option<ClipHandle>,
    ) {
        let middle = Point::new(at.x + size.x / 2.0, at.y + size.y / 2.0);
        self.reach(middle, size.x, size.y);
        self.middle = Some(middle);
        if let Some(boxed) = properties.as_ref().and_then(|name| self.boxes.remove(name)) {
            let at = Point::new(middle.x - boxed.size.x / 2.0, middle.y - boxed.size.y / 2.0);
            self.reach(middle, boxed.size.x, boxed.size.y);
            return self.draw_box(at, &boxed);
        }
        if properties.as_deref() == Some(LOOP) {
            let _ = writeln!(
                self.nodes,
                "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"{}\" {}/>",
                at.x + BEHIND,
                at.y + BEHIND,
                size.x,
                size.y,
                look.rounded,
                colours(look)
            );
        }
        let _ = writeln!(
            self.nodes,
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"{}\" {}/>",
            at.x,
            at.y,
            size.x,
            size.y,
            look.rounded,
            colours(look)
        );
    }

    fn draw_circle(&mut self, at: Point, size: Point, look: &StyleAttr, _properties: Option<String>) {
        self.reach(at, size.x, size.y);
        self.middle = Some(at);
        let _ = writeln!(
            self.nodes,
            "<ellipse cx=\"{:.1}\" cy=\"{:.1}\" rx=\"{:.1}\" ry=\"{:.1}\" {}/>",
            at.x,
            at.y,
            size.x / 2.0,
            size.y / 2.0,
            colours(look)
        );
    }

    fn draw_text(&mut self, at: Point, text: &str, _look: &StyleAttr) {
        let near = |a: f64, b: f64| (a - b).abs() < 1.0;
        let is_label = !self.middle.is_some_and(|middle| near(middle.x, at.x) && near(middle.y, at.y));
        let lines: Vec<&str> = text.lines().collect();
        let last = lines.len().saturating_sub(1);
        let widest = lines.iter().map(|line| width(line)).max().unwrap_or_default();
        self.reach(at, as_length(widest) * LETTER_WIDTH, as_length(lines.len()) * LINE_HEIGHT);
        // The base line of letters lies a third of their height below their middle.
        let first = at.y - as_length(last) * LINE_HEIGHT / 2.0 + 5.0;
        for (number, line) in lines.iter().enumerate() {
            let class = match number {
                _ if is_label => " class=\"label\"",
                0 if last >= 2 => " class=\"kind\"",
                _ if last >= 2 && number == last => " class=\"id\"",
                _ => "",
            };
            let y = first + as_length(number) * LINE_HEIGHT;
            let _ = writeln!(self.texts, "<text{class} x=\"{:.1}\" y=\"{y:.1}\">{}</text>", at.x, escaped(line));
        }
    }

    fn draw_arrow(
        &mut self,
        path: &[(Point, Point)],
        dashed: bool,
        _head: (bool, bool),
        look: &StyleAttr,
        _properties: Option<String>,
        text: &str,
    ) {
        let [(start, leaving), (entering, end), rest @ ..] = path else { return };
        let mut line = format!(
            "M {:.1} {:.1} C {:.1} {:.1}, {:.1} {:.1}, {:.1} {:.1}",
            start.x, start.y, leaving.x, leaving.y, entering.x, entering.y, end.x, end.y
        );
        for (entering, end) in rest {
            let _ = write!(line, " S {:.1} {:.1}, {:.1} {:.1}", entering.x, entering.y, end.x, end.y);
        }
        for (control, point) in path {
            self.reach(*control, 2.0, 2.0);
            self.reach(*point, 2.0, 2.0);
        }
        let pattern = if dashed { " stroke-dasharray=\"6,5\"" } else { "" };
        let _ = writeln!(self.edges, "<path d=\"{line}\"{pattern} marker-end=\"url(#arrow)\"/>");
        if !text.is_empty() {
            let middle = Point::new(f64::midpoint(start.x, end.x), f64::midpoint(start.y, end.y));
            self.middle = None;
            self.draw_text(middle, text, look);
        }
    }

    fn draw_line(&mut self, start: Point, stop: Point, _look: &StyleAttr, _properties: Option<String>) {
        self.reach(start, 0.0, 0.0);
        self.reach(stop, 0.0, 0.0);
        let _ = writeln!(self.edges, "<path d=\"M {:.1} {:.1} L {:.1} {:.1}\"/>", start.x, start.y, stop.x, stop.y);
    }

    fn create_clip(&mut self, _at: Point, _size: Point, _rounded: usize) -> ClipHandle {
        // Only records are clipped, and no node is one.
        0
    }
}

/// Fill and line, without the transparency that not every reader of SVG understands in a colour.
fn colours(look: &StyleAttr) -> String {
    let solid = |colour: Color| colour.to_web_color().chars().take(7).collect::<String>();
    let fill = look.fill_color.map_or("none".to_owned(), solid);
    format!("fill=\"{fill}\" stroke=\"{}\"", solid(look.line_color))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use runbook_core::picture::Edge;

    use super::*;

    #[test]
    fn a_picture_has_every_text_and_is_well_formed_where_letters_are_special() {
        let node = |shape, text: &str| Node { shape, lines: vec![text.to_owned()], is_loop: false, group: None };
        let picture = Picture {
            title: "x < \u{1b} y".to_owned(),
            nodes: vec![
                node(Shape::Verify, "a < b & c"),
                node(Shape::Decide, "which"),
                node(Shape::Destructive, "wipe"),
                node(Shape::End, "done"),
                node(Shape::Source, "any failure"),
            ],
            edges: vec![
                Edge { from: 0, to: 1, label: String::new(), line: EdgeLine::Solid },
                Edge { from: 1, to: 2, label: "when x > 1".to_owned(), line: EdgeLine::Dashed },
                Edge { from: 4, to: 3, label: "finally".to_owned(), line: EdgeLine::Dotted },
            ],
            groups: Vec::new(),
        };
        let svg = svg(&picture);
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"), "{svg}");
        for text in
            ["x &lt; ␛ y", "a &lt; b &amp; c", "which", "wipe", "done", "any failure", "finally", "when x &gt; 1"]
        {
            assert!(svg.contains(&format!(">{text}</text>")), "{text} is not in {svg}");
        }
    }

    #[test]
    fn an_edge_is_labelled_beside_and_a_node_within() {
        let lines = |text: &str| ["act", text, "(id)"].map(str::to_owned).to_vec();
        let node = |text: &str| Node { shape: Shape::Act, lines: lines(text), is_loop: false, group: None };
        let edge = Edge { from: 0, to: 1, label: "denied".to_owned(), line: EdgeLine::Dashed };
        let nodes = vec![node("stop"), node("tell")];
        let picture = Picture { title: String::new(), nodes, edges: vec![edge], groups: Vec::new() };
        let svg = svg(&picture);
        assert_eq!(svg.matches("class=\"label\"").count(), 1, "{svg}");
        assert_eq!(svg.matches("class=\"kind\"").count(), 2, "{svg}");
        assert_eq!(svg.matches("stroke-dasharray").count(), svg.matches("marker-end").count(), "{svg}");
    }

    #[test]
    fn a_called_runbook_is_a_box_with_its_name_and_a_loop_stands_out() {
        let node =
            |text: &str, group, is_loop| Node { shape: Shape::Act, lines: vec![text.to_owned()], is_loop, group };
        let edge = |from, to| Edge { from, to, label: "runs".to_owned(), line: EdgeLine::Dotted };
        let group = |title: &str, within| runbook_core::picture::Group { title: title.to_owned(), within };
        let nodes = vec![
            node("restart all", None, false),
            node("look", None, false),
            node("stop", Some(0), true),
            node("start", Some(0), false),
            node("warm up", Some(1), false),
        ];
        let edges = vec![edge(0, 2), edge(0, 3), edge(0, 1), edge(3, 4)];
        let groups = vec![group("shop-restart: The <shop>", None), group("warm-up: Caches", Some(0))];
        let svg = svg(&Picture { title: String::new(), nodes, edges, groups });
        assert!(
            svg.contains(">shop-restart: The &lt;shop&gt;</text>") && svg.contains(">warm-up: Caches</text>"),
            "{svg}"
        );
        let boxes: Vec<&str> = svg.split("<rect class=\"group\"").skip(1).collect();
        assert_eq!(boxes.len(), 2, "{svg}");
        // What is in a box is drawn within its own group of elements, and nothing else is.
        let at = |text: &str| svg.find(&format!(">{text}</text>"));
        let end = svg.rfind("</g>");
        assert!(at("stop") < end && at("warm up") < end && at("look") > end && at("restart all") > end, "{svg}");
        assert_eq!(svg.matches("<g transform").count(), svg.matches("</g>").count(), "{svg}");
        // One edge leads into the box, however many steps of it are the first; three in all.
        assert_eq!(svg.matches("marker-end").count(), 3, "{svg}");
        assert_eq!(svg.matches("<rect x=").count(), 5 + 1 + 1, "five nodes, one behind the loop, the paper: {svg}");
    }
}
