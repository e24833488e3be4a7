//! What the verbs of authors take.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use clap_complete::engine::ArgValueCompleter;

use crate::completion::{complete_channel, complete_runbook};

/// `list`.
#[derive(Debug, Args)]
pub struct List {
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// How problems are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    /// For a person.
    Human,
    /// One JSON object.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
}

/// What else is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DenyWhat {
    /// Warnings are errors.
    Warnings,
}

/// `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// Files or folders
    pub paths: Vec<PathBuf>,
    /// How to print problems
    #[arg(long, value_enum, default_value = "human")]
    pub format: CheckFormat,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
    /// What else is an error
    #[arg(long, value_enum)]
    pub deny: Option<DenyWhat>,
}

/// `team`.
#[derive(Debug, Args)]
pub struct TeamVerb {
    /// Send a test message by these channels [default: all of them]
    #[arg(long, num_args = 0.., value_name = "CHANNEL", add = ArgValueCompleter::new(complete_channel))]
    pub test: Option<Vec<String>>,
    /// Do not ask before the test messages are sent
    #[arg(long, short, requires = "test")]
    pub yes: bool,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// `new`.
#[derive(Debug, Args)]
pub struct New {
    /// Its name, kebab-case
    pub name: String,
    /// One line for a person
    #[arg(long)]
    pub title: Option<String>,
    /// The team it belongs to
    #[arg(long)]
    pub owner: Option<String>,
}

/// How a runbook is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    /// Graphviz.
    Dot,
    /// Mermaid, for markdown.
    Mermaid,
    /// A picture.
    Svg,
}

/// `graph`.
#[derive(Debug, Args)]
pub struct Graph {
    /// The runbook: a name, or a path to its file
    #[arg(add = ArgValueCompleter::new(complete_runbook))]
    pub name: String,
    /// How to draw
    #[arg(long, value_enum, default_value = "mermaid")]
    pub format: GraphFormat,
}

/// Of which file a schema is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// A runbook.
    Runbook,
    /// `team.yaml`.
    Team,
}

/// `schema`.
#[derive(Debug, Args)]
pub struct Schema {
    /// Of which file
    #[arg(value_enum, default_value = "runbook")]
    pub of: SchemaOf,
}

/// `explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// The code: RB0117
    pub code: Option<String>,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}
