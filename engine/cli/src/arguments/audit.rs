//! What the verbs take that show and prove what was done.

use clap::{Args, Subcommand, ValueEnum};
use clap_complete::engine::ArgValueCompleter;

use crate::completion::complete_run;

/// `show`.
#[derive(Debug, Args)]
pub struct Show {
    /// A run (an id, the beginning of one, `latest`), or a runbook
    #[arg(add = ArgValueCompleter::new(complete_run), value_name = "RUN|NAME")]
    pub what: String,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// How a log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For a ticket or a wiki.
    Markdown,
    /// One page.
    Html,
    /// For a machine.
    Json,
}

/// `log`.
#[derive(Debug, Args)]
pub struct Log {
    /// An id, the beginning of one, or `latest`
    #[arg(add = ArgValueCompleter::new(complete_run), default_value = "latest")]
    pub run: String,
    /// How it is written
    #[arg(long, value_enum, default_value = "markdown")]
    pub format: LogFormat,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
}

/// `audit`.
#[derive(Debug, Args)]
pub struct Audit {
    /// What about it
    #[command(subcommand)]
    pub command: AuditCommand,
}

/// What to prove.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Say whether a transcript is whole and unchanged
    #[command(after_long_help = "\
Ends with 0 sealed and intact · 10 intact, unsealed · 11 intact, unsigned · 12 a requirement not met · 13 does not
match the ledger · 14 broken.

Examples:
  runbook audit verify latest
  runbook audit verify latest --json")]
    Verify(Verify),
    /// Say whether the ledger is whole, and every run in it is there or was removed by `gc`
    #[command(after_long_help = "\
Ends with 0 all is there · 13 a run has vanished · 14 the ledger is broken.

Examples:
  runbook audit ledger
  runbook audit ledger --json")]
    Ledger(LedgerArguments),
}

/// `audit ledger`.
#[derive(Debug, Args)]
pub struct LedgerArguments {
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// `audit verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// An id, the beginning of one, or `latest`
    #[arg(add = ArgValueCompleter::new(complete_run), default_value = "latest")]
    pub run: String,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// `store`.
#[derive(Debug, Args)]
pub struct StoreVerb {
    /// What about it
    #[command(subcommand)]
    pub command: StoreCommand,
}

/// What to do with a store.
#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// Make it
    Init(Init),
}

/// `store init`.
#[derive(Debug, Args)]
pub struct Init {
    /// The group that shares it: its name, or its number
    #[arg(long, value_name = "GROUP")]
    pub group: Option<String>,
}
