//! What the verbs take that show and prove what was done.

use clap::{Args, Subcommand, ValueEnum};
use clap_complete::engine::ArgValueCompleter;

use crate::completion::{complete_run, complete_runbook};
use crate::moment::Moment;

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
  runbook audit verify --all --require sealed
  runbook audit verify latest --stock")]
    Verify(Verify),
    /// List what was done to the world, one row for each attempt of an act: who started the run, who allowed it, how it ended
    #[command(after_long_help = "\
Acts of real runs only, instructions to people among them, and those that were denied. The list carries its own query,
how many rows it has, their digest, and the head of the ledger it was made from. Of CSV the last line carries them, and
`head -n -1 FILE | sha256sum` gives the digest; of JSON `jq -acS .acts FILE | sha256sum` does. A cell that a spreadsheet
would take for a formula begins with an apostrophe.

Ends with 0 · 14 where a transcript was broken: it is named, and the rest is listed.

Examples:
  runbook audit list --since 90d
  runbook audit list --since 2026-01-01 --until 2026-04-01 --format csv > acts.csv")]
    List(AuditList),
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
    /// Ids, beginnings of them, or `latest`
    #[arg(add = ArgValueCompleter::new(complete_run), value_name = "RUN", default_value = "latest")]
    pub runs: Vec<String>,
    /// All runs of the store
    #[arg(long)]
    pub all: bool,
    /// What a run must be besides intact, with commas between; else it ends with 12
    #[arg(long, value_name = "WHAT", value_delimiter = ',', value_enum)]
    pub require: Vec<Requirement>,
    /// Print the commands that check the run with jq and sha256sum alone, and check nothing
    #[arg(long, conflicts_with_all = ["all", "json", "require"])]
    pub stock: bool,
    /// As JSON; of more than one run a list
    #[arg(long)]
    pub json: bool,
}

/// What a run must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Requirement {
    /// It came to its end, and its seal is there.
    Sealed,
}

/// `audit list`.
#[derive(Debug, Args)]
pub struct AuditList {
    /// From when on: a length of time (90d), a day (2026-01-01), or a time with its zone
    #[arg(long, value_name = "WHEN")]
    pub since: Option<Moment>,
    /// Until when
    #[arg(long, value_name = "WHEN")]
    pub until: Option<Moment>,
    /// Of this runbook only
    #[arg(long, value_name = "NAME", add = ArgValueCompleter::new(complete_runbook))]
    pub runbook: Option<String>,
    /// How it is written
    #[arg(long, value_enum, default_value = "table")]
    pub format: ListFormat,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
}

/// How a list is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// For a person.
    Table,
    /// For a spreadsheet.
    Csv,
    /// For a machine.
    Json,
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
