//! `runbook graph`: a runbook as a picture.

use layout::backends::svg::SVGWriter;
use layout::core::base::Orientation;
use layout::core::color::Color;
use layout::core::geometry::Point;
use layout::core::style::{LineStyleKind, StyleAttr};
use layout::std_shapes::shapes::{Arrow, Element, LineEndKind, ShapeKind};
use layout::topo::layout::VisualGraph;
use runbook_core::picture::{EdgeLine, Node, Picture, Shape};

use crate::arguments::{Graph, GraphFormat};
use crate::context::{Context, Ending};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::loading::load;

/// Size of the letters, in points.
const LETTERS: usize = 14;
/// Steps up to which a picture is laid out; past it nobody reads it, and the layout takes long.
const NODES_MAX: usize = 500;

/// Prints the picture.
///
/// # Errors
/// [`Failure`] when there is no such runbook, it does not check, or it is too large for a picture.
pub(super) fn draw(arguments: &Graph, context: &mut Context) -> Ending {
    let plan = load(&arguments.name, context)?.loaded.plan;
    let picture = Picture::of(&plan);
    let text = match arguments.format {
        GraphFormat::Dot => picture.to_dot(),
        GraphFormat::Mermaid => picture.to_mermaid(),
        GraphFormat::Svg if picture.nodes.len() > NODES_MAX => {
            return Err(Failure::usage(format!("{} steps are too many for a picture", plan.len()))
                .help("`--format dot` gives the text, which Graphviz can lay out"));
        }
        GraphFormat::Svg => svg(&picture),
    };
    context.out.raw(&text)?;
    Ok(ExitCode::Resolved)
}

fn svg(picture: &Picture) -> String {
    let mut graph = VisualGraph::new(Orientation::TopToBottom);
    let handles: Vec<_> = picture.nodes.iter().map(|node| graph.add_node(element(node))).collect();
    for edge in &picture.edges {
        let (Some(from), Some(to)) = (handles.get(edge.from), handles.get(edge.to)) else { continue };
        let line = match edge.line {
            EdgeLine::Solid => LineStyleKind::Normal,
            EdgeLine::Dashed => LineStyleKind::Dashed,
            EdgeLine::Dotted => LineStyleKind::Dotted,
        };
        let look = StyleAttr::new(colour("black"), 1, None, 0, LETTERS);
        let arrow = Arrow::new(LineEndKind::None, LineEndKind::Arrow, line, &edge.label, &look, &None, &None);
        graph.add_edge(arrow, *from, *to);
    }
    let mut writer = SVGWriter::new();
    graph.do_it(false, false, false, &mut writer);
    writer.finalize()
}

fn element(node: &Node) -> Element {
    let text = node.lines.join("\n");
    let widest = node.lines.iter().map(|line| crate::text::width(line)).max().unwrap_or_default();
    let (shape, line, fill, rounded) = match node.shape {
        Shape::Verify => (ShapeKind::new_box(&text), "black", "aliceblue", 12),
        Shape::Decide => (ShapeKind::new_circle(&text), "black", "lightyellow", 0),
        Shape::Act => (ShapeKind::new_box(&text), "black", "white", 0),
        Shape::Destructive => (ShapeKind::new_box(&text), "red", "mistyrose", 0),
        Shape::Escalate => (ShapeKind::new_box(&text), "black", "lavender", 0),
        Shape::End => (ShapeKind::new_double_circle(&text), "black", "white", 0),
        Shape::Source => (ShapeKind::new_box(&text), "gray", "white", 0),
    };
    let (letters, lines) = (as_length(widest), as_length(node.lines.len()));
    let is_round = matches!(node.shape, Shape::Decide | Shape::End);
    // Room for the letters, about 0.6 of their height wide; a round shape needs more of it.
    let room = if is_round { 1.5 } else { 1.0 };
    let (width, height) = ((letters * 8.5 + 24.0) * room, (lines * 17.0 + 16.0) * room);
    let look = StyleAttr::new(colour(line), 1, Some(colour(fill)), rounded, LETTERS);
    Element::create(shape, look, Orientation::TopToBottom, Point::new(width, height))
}

fn as_length(count: usize) -> f64 {
    u32::try_from(count).map_or(0.0, f64::from)
}

fn colour(name: &str) -> Color {
    Color::fast(name)
}

#[cfg(test)]
mod tests {
    use runbook_core::picture::Edge;

    use super::*;

    #[test]
    fn a_picture_has_every_text_and_is_well_formed_where_letters_are_special() {
        let node = |shape, text: &str| Node { shape, lines: vec![text.to_owned()] };
        let picture = Picture {
            title: "x".to_owned(),
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
        };
        let svg = svg(&picture);
        assert!(svg.contains("<svg ") && svg.trim_end().ends_with("</svg>"), "{svg}");
        for text in ["a &lt; b &amp; c", "which", "wipe", "done", "any failure", "finally"] {
            assert!(svg.contains(text), "{text} is not in {svg}");
        }
    }
}
