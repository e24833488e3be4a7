//! One file a verb.

mod acts;
mod attach;
mod audit;
mod check;
mod completions;
mod drill;
mod explain;
mod gc;
mod going;
mod graph;
mod hand_in;
mod ledger;
mod list;
mod log;
mod meant;
mod new;
mod resume;
mod retry;
mod run;
mod runs;
mod say;
mod schema;
mod show;
mod store;
pub mod supervise;
mod team;

pub use completions::VARIABLE as COMPLETE;

use crate::arguments::{AuditCommand, Command, StoreCommand};
use crate::context::{Context, Ending};

/// Does what was asked for.
///
/// # Errors
/// [`Failure`](crate::failure::Failure) when it cannot be done, with what to do and the exit code.
pub fn perform(command: &Command, context: &mut Context) -> Ending {
    match command {
        Command::Audit(audit) => match &audit.command {
            AuditCommand::Verify(arguments) => audit::verify(arguments, context),
            AuditCommand::List(arguments) => acts::list(arguments, context),
            AuditCommand::Ledger(arguments) => ledger::audit(arguments, context),
        },
        Command::Store(store) => match &store.command {
            StoreCommand::Init(arguments) => store::init(arguments, context),
        },
        Command::Completions(arguments) => completions::print(arguments, context),
        Command::Explain(arguments) => explain::explain(arguments, context),
        Command::Runs(arguments) => runs::list(arguments, context),
        Command::Attach(arguments) => attach::attach(arguments, context),
        Command::Retry(arguments) => retry::retry(arguments, context),
        Command::Gc(arguments) => gc::collect(arguments, context),
        Command::Resume(arguments) => resume::resume(arguments, context),
        Command::Answer(arguments) => hand_in::answer(arguments, context),
        Command::Approve(arguments) => hand_in::approve(arguments, context),
        Command::Deny(arguments) => hand_in::deny(arguments, context),
        Command::Ack(arguments) => hand_in::ack(arguments, context),
        Command::Note(arguments) => hand_in::note(arguments, context),
        Command::Settle(arguments) => hand_in::settle(arguments, context),
        Command::Handover(arguments) => hand_in::handover(arguments, context),
        Command::Cancel(arguments) => hand_in::cancel(arguments, context),
        Command::Run(arguments) => run::run(arguments, context),
        Command::Drill(arguments) => drill::drill(arguments, context),
        Command::List(arguments) => list::list(arguments, context),
        Command::Check(arguments) => check::check(arguments, context),
        Command::Team(arguments) => team::team(arguments, context),
        Command::New(arguments) => new::begin(arguments, context),
        Command::Graph(arguments) => graph::draw(arguments, context),
        Command::Schema(arguments) => schema::print(arguments, context),
        Command::Show(arguments) => show::show(arguments, context),
        Command::Log(arguments) => log::log(arguments, context),
    }
}
