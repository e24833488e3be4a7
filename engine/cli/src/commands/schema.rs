//! `runbook schema`: the JSON Schema of a runbook or a team file, for editors.

use crate::arguments::{Schema, SchemaOf};
use crate::context::{Context, Ending};
use crate::exit_code::ExitCode;

/// Prints the schema.
///
/// # Errors
/// [`Failure`](crate::failure::Failure) when standard output cannot be written.
pub(super) fn print(arguments: &Schema, context: &mut Context) -> Ending {
    let schema = match arguments.of {
        SchemaOf::Runbook => runbook_core::schema::runbook(),
        SchemaOf::Team => runbook_core::schema::team(),
    };
    context.out.json(&schema)?;
    Ok(ExitCode::Resolved)
}
