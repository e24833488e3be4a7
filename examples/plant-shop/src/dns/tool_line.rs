//! The command line of `dnsTool`.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser, ValueEnum};

use crate::dns::{Server, ToolError, tool};
use crate::lab::Site;

/// Looks at the shop's name servers, stops them, and fails over from one to the other.
///
/// Exit status: 0 done, or so; 1 not done, or not so (why is on standard error); 2 the command line is wrong.
#[derive(Debug, Parser)]
#[command(name = "dnsTool", version)]
struct Line {
    /// What to look at
    #[arg(
        short = 'q',
        long = "query",
        value_name = "WHAT",
        required_unless_present = "action",
        conflicts_with = "action"
    )]
    query: Option<Look>,

    /// What to do
    #[arg(short = 'a', long = "action", value_name = "WHAT")]
    action: Option<Action>,

    /// The server it is about
    #[arg(short = 's', long = "server", value_name = "SERVER")]
    server: Option<Server>,

    /// Fail over although the old server is still running
    #[arg(short = 'f', long = "force")]
    force: bool,

    /// The name to look up
    name: Option<String>,

    /// The folder of the lab
    #[arg(long, env = "PLANT_SHOP_DIR", hide = true)]
    dir: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Look {
    /// Which server answers clients
    #[value(name = "active_server")]
    ActiveServer,
    /// Whether a server (-s) can be reached
    Reachable,
    /// The addresses of NAME, from one server (-s) or from whichever answers clients
    Lookup,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Action {
    /// Stop a server (-s) and wait until it is gone
    Shutdown,
    /// Make a server (-s) the active one
    Failover,
}

/// Runs `dnsTool` with its arguments, its own name first.
#[must_use]
pub fn run(arguments: Vec<OsString>) -> ExitCode {
    let line = match Line::try_parse_from(arguments).and_then(complete) {
        Ok(line) => line,
        Err(e) => {
            let _nobody_reads = e.print();
            return ExitCode::from(if e.use_stderr() { 2 } else { 0 });
        }
    };
    match perform(&line) {
        Ok(said) => {
            let written = writeln!(std::io::stdout(), "{said}");
            if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(e) => {
            let _nobody_reads = writeln!(std::io::stderr(), "dnsTool: {e}");
            ExitCode::FAILURE
        }
    }
}

/// Refuses what clap alone cannot say: which of the rest goes with which query or action.
fn complete(line: Line) -> Result<Line, clap::Error> {
    let refuse = |kind, why: &str| Err(Line::command().error(kind, why));
    let wants_server = line.action.is_some() || line.query == Some(Look::Reachable);
    if wants_server && line.server.is_none() {
        return refuse(ErrorKind::MissingRequiredArgument, "say which server: -s dns1 or -s dns2");
    }
    if line.query == Some(Look::ActiveServer) && line.server.is_some() {
        return refuse(ErrorKind::ArgumentConflict, "-q active_server is about both servers: leave out -s");
    }
    if (line.query == Some(Look::Lookup)) != line.name.is_some() {
        return refuse(ErrorKind::MissingRequiredArgument, "a NAME goes with -q lookup, and with nothing else");
    }
    if line.force && line.action != Some(Action::Failover) {
        return refuse(ErrorKind::ArgumentConflict, "-f goes with -a failover, and with nothing else");
    }
    Ok(line)
}

fn perform(line: &Line) -> Result<String, ToolError> {
    let site = Site::open(&line.dir)?;
    match (line.query, line.action, line.server) {
        (Some(Look::Reachable), _, Some(server)) => {
            tool::reachable(&site, server).map(|pid| format!("{server} is reachable (process {pid})"))
        }
        (Some(Look::Lookup), _, server) => {
            let name = line.name.as_deref().unwrap_or_default();
            tool::lookup(&site, server, name)
                .map(|answer| answer.addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
        }
        (_, Some(Action::Shutdown), Some(server)) => tool::shut_down(&site, server).map(|stopped| match stopped {
            Some(pid) => format!("{server} is stopped (it was process {pid})"),
            None => format!("{server} was not running"),
        }),
        (_, Some(Action::Failover), Some(server)) => {
            tool::failover(&site, server, line.force).map(|before| match (before == server, line.force) {
                (true, _) => format!("{server} is active already"),
                (false, false) => format!("{server} is active, {before} is not"),
                (false, true) => {
                    format!("{server} is active; {before} is fenced: no client reaches it through the switch")
                }
            })
        }
        _ => tool::active_server(&site).map(|server| server.to_string()),
    }
}
