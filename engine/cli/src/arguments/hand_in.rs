//! What the verbs take that hand something in to a run.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use super::name_and_value;
use crate::completion::complete_run;

/// What every verb that hands something in takes.
#[derive(Debug, Args)]
pub struct HandIn {
    /// Hand in only: do not go on with the run here if nobody else does
    #[arg(long)]
    pub no_resume: bool,
    /// Print what was handed in, and what became of the run, as JSON
    #[arg(long)]
    pub json: bool,
}

/// `answer`.
#[derive(Debug, Args)]
pub struct Answer {
    /// The run and the step where they are needed, then what is said.
    #[arg(required = true, num_args = 1..=3, value_name = "[RUN] [STEP] ANSWER")]
    pub words: Vec<String>,
    /// A value asked for
    #[arg(long, value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub field: Vec<(String, String)>,
    /// In whose name you answer
    #[arg(long = "as", value_name = "PERSON")]
    pub behalf: Option<String>,
    /// Why
    #[arg(long)]
    pub reason: Option<String>,
    /// What every verb takes.
    #[command(flatten)]
    pub hand_in: HandIn,
}

/// `approve`.
#[derive(Debug, Args)]
pub struct Decide {
    /// The run and the act; left out where only one waits
    #[arg(num_args = 0..=2, value_name = "[RUN] [STEP]")]
    pub words: Vec<String>,
    /// Why
    #[arg(long)]
    pub reason: Option<String>,
    /// What every verb takes.
    #[command(flatten)]
    pub hand_in: HandIn,
}

/// `deny`.
#[derive(Debug, Args)]
pub struct Deny {
    /// The run and the act; left out where only one waits
    #[arg(num_args = 0..=2, value_name = "[RUN] [STEP]")]
    pub words: Vec<String>,
    /// Why
    #[arg(long, required = true)]
    pub reason: String,
    /// What every verb takes.
    #[command(flatten)]
    pub hand_in: HandIn,
}

/// `ack`.
#[derive(Debug, Args)]
pub struct Ack {
    /// The run and the escalation; left out where only one waits
    #[arg(num_args = 0..=2, value_name = "[RUN] [STEP]")]
    pub words: Vec<String>,
    /// In whose name you acknowledge
    #[arg(long = "as", value_name = "PERSON")]
    pub behalf: Option<String>,
    /// What every verb takes.
    #[command(flatten)]
    pub hand_in: HandIn,
}

/// `note`.
#[derive(Debug, Args)]
pub struct Note {
    /// The run and the step where they are needed, then what is said.
    #[arg(required = true, num_args = 1..=3, value_name = "[RUN] [STEP] TEXT")]
    pub words: Vec<String>,
    /// What every verb takes.
    #[command(flatten)]
    pub hand_in: HandIn,
}

/// `settle`.
#[derive(Debug, Args)]
pub struct Settle {
    /// The run and the step; left out where only one waits
    #[arg(num_args = 0..=2, value_name = "[RUN] [STEP]")]
    pub words: Vec<String>,
    /// How.
    #[command(flatten)]
    pub how: SettleHow,
    /// Why; required but for --fail
    #[arg(long)]
    pub reason: Option<String>,
    /// An output of the step, for --done, --by-hand and --go-on, where later steps read it
    #[arg(long, value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub output: Vec<(String, String)>,
    /// What every verb takes.
    #[command(flatten)]
    pub hand_in: HandIn,
}

/// How a step is settled: exactly one.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "clap reads one flag into one bool; the group allows only one of them"
)]
pub struct SettleHow {
    /// In doubt: it was done
    #[arg(long)]
    pub done: bool,
    /// In doubt: it was not done
    #[arg(long)]
    pub not_done: bool,
    /// Try it again
    #[arg(long)]
    pub again: bool,
    /// A failed act: you did it by hand
    #[arg(long)]
    pub by_hand: bool,
    /// A failed verify: go on all the same
    #[arg(long)]
    pub go_on: bool,
    /// It stays failed
    #[arg(long)]
    pub fail: bool,
}

/// `handover`.
#[derive(Debug, Args)]
pub struct Handover {
    /// The run; left out where only one goes on
    #[arg(add = ArgValueCompleter::new(complete_run))]
    pub run: Option<String>,
    /// To whom: a person or team of team.yaml, or an account of this machine
    #[arg(long, value_name = "PERSON", conflicts_with = "accept")]
    pub to: Option<String>,
    /// Take a run that was handed to you, and go on with it here if no process has it
    #[arg(long)]
    pub accept: bool,
    /// Print what was handed in as JSON
    #[arg(long)]
    pub json: bool,
}

/// `cancel`.
#[derive(Debug, Args)]
pub struct Cancel {
    /// The run; left out where only one goes on
    #[arg(add = ArgValueCompleter::new(complete_run))]
    pub run: Option<String>,
    /// Why
    #[arg(long, default_value = "cancelled by the operator", hide_default_value = true)]
    pub reason: String,
    /// What every verb takes.
    #[command(flatten)]
    pub hand_in: HandIn,
}
