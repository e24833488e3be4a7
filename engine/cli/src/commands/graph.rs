//! `runbook graph`: a runbook as a picture.

use runbook_core::picture::Picture;

use crate::arguments::{Graph, GraphFormat};
use crate::context::{Context, Ending};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::loading::load;
use crate::svg::svg;

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
