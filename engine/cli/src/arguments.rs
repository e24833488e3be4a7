//! The command line: verbs, options, and their help.

mod audit;
mod author;
mod hand_in;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use clap_complete::engine::ArgValueCompleter;

use crate::completion::{complete_run, complete_runbook};
use crate::output::ColorChoice;

pub use self::audit::*;
pub use self::author::*;
pub use self::hand_in::*;

/// Runs your SOPs: checked before they are needed, asked before anything is changed, and written down as they happen.
#[derive(Debug, Parser)]
#[command(name = "runbook", version, subcommand_required = true, arg_required_else_help = true)]
pub struct Arguments {
    /// Options that every command takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every command takes.
#[derive(Debug, Args)]
pub struct Global {
    /// Where runs are kept [default: .runbook beside the folder of runbooks]
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "RUNBOOK_STORE",
        hide_env_values = true,
        help_heading = "Everywhere"
    )]
    pub store: Option<PathBuf>,
    /// The folder of runbooks [default: runbooks, here or in a directory above]
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "RUNBOOK_DIR",
        hide_env_values = true,
        help_heading = "Everywhere"
    )]
    pub dir: Option<PathBuf>,
    /// When to use colours; `NO_COLOR` is heeded
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        value_enum,
        default_value = "auto",
        hide_possible_values = true,
        help_heading = "Everywhere"
    )]
    pub color: ColorChoice,
}

/// A group of the help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// For who is on call.
    Operate,
    /// For who writes runbooks.
    Author,
    /// For who wants to know what happened.
    Audit,
    /// The rest.
    Other,
}

impl Group {
    /// All of them, in the order of the help.
    pub const ALL: [Self; 4] = [Self::Operate, Self::Author, Self::Audit, Self::Other];

    /// Its heading.
    #[must_use]
    pub fn heading(self) -> &'static str {
        match self {
            Self::Operate => "Operate",
            Self::Author => "Author",
            Self::Audit => "Audit",
            Self::Other => "Other",
        }
    }

    /// The verbs in it, in the order of the help.
    #[must_use]
    pub fn verbs(self) -> &'static [&'static str] {
        match self {
            Self::Operate => &[
                "run", "resume", "retry", "answer", "approve", "deny", "ack", "note", "settle", "handover", "cancel",
                "runs", "attach",
            ],
            Self::Author => &["list", "check", "drill", "team", "new", "graph", "schema", "explain"],
            Self::Audit => &["show", "log", "audit"],
            Self::Other => &["store", "gc", "completions", "help"],
        }
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a runbook
    #[command(after_long_help = "\
Examples:
  runbook run dns-failover                        for real, asking before each act that wants it
  runbook run dns-failover --dry-run              what it would do; nothing starts
  runbook run dns-failover --dry-run --probe      the same, and its verify steps look for real
  runbook run restart-nodes -p nodes=a,b -p wait=30s

Keys, while it runs at a terminal; each prompt names those that answer it, and Enter is never one of them:
  ?  why this is asked, and what follows each answer      t  write a note
  o  the output so far                                    c  copy the command
  h  hand the run over                                    Ctrl-C  cancel; again, to end the act that runs

Where nobody sits at a terminal, what would be asked is printed with the command that answers it, and the run waits.")]
    Run(Run),
    /// Try runbooks out: their verify steps look for real, nothing else starts
    #[command(after_long_help = "\
Acts, questions and escalations are withheld and nobody is told. A drill is kept like a run, and `review.drill_every` is
counted from the last one. The exit code is 0 when every verify step that was reached passed, else 1.

Examples:
  runbook drill dns-failover
  runbook drill dns-failover restart-nodes -p nodes=a,b     one after another, a line each")]
    Drill(Drill),
    /// Go on with a run that waits or was interrupted
    #[command(after_long_help = "\
Examples:
  runbook resume                 the only run that can go on
  runbook resume latest
  runbook resume 20261122-0915   the run whose id begins so")]
    Resume(Resume),
    /// Try a failed or cancelled run again; what went well there is taken over
    #[command(after_long_help = "\
The new run has the runbook and the params of the earlier one, as they were. What passed there is taken over and not
done again, with what it printed and its outputs; it is shown before anything starts. A step named with --again runs
again, and so does what comes after it.

Examples:
  runbook retry latest --dry-run                       what is taken over, and what would run
  runbook retry latest
  runbook retry 20261122-0915 --again reachable        looks again, and decides anew")]
    Retry(Retry),
    /// Answer a question of a run
    #[command(after_long_help = "\
RUN and STEP can be left out where only one thing waits. ANSWER is `yes`, `no`, `done`, `could not`, or one of the
choices offered.

Examples:
  runbook answer yes
  runbook answer latest paid 'restart it'
  runbook answer latest read_meter done --field level=42")]
    #[command(override_usage = "runbook answer [RUN] [STEP] ANSWER [OPTIONS]")]
    Answer(Answer),
    /// Approve an act, exactly as it is shown
    #[command(after_long_help = "\
Examples:
  runbook approve
  runbook approve latest shut_down --reason 'seen in the log too'")]
    #[command(override_usage = "runbook approve [RUN] [STEP] [OPTIONS]")]
    Approve(Decide),
    /// Deny an act; a reason is required
    #[command(after_long_help = "\
Examples:
  runbook deny --reason 'the other site is being worked on'
  runbook deny latest shut_down --reason 'not at this hour'")]
    #[command(override_usage = "runbook deny [RUN] [STEP] --reason WHY [OPTIONS]")]
    Deny(Deny),
    /// Acknowledge an escalation: you have seen it
    #[command(after_long_help = "\
Examples:
  runbook ack
  runbook ack latest need_a_person
  runbook ack latest need_a_person --as khouse")]
    #[command(override_usage = "runbook ack [RUN] [STEP] [OPTIONS]")]
    Ack(Ack),
    /// Write a note into a run
    #[command(after_long_help = "\
Examples:
  runbook note 'the customer called, it is slow again'
  runbook note latest reachable 'ping answers, the port does not'")]
    #[command(override_usage = "runbook note [RUN] [STEP] TEXT [OPTIONS]")]
    Note(Note),
    /// Say how a step in doubt ended, or overrule one that failed
    #[command(after_long_help = "\
A step in doubt:     --done, --not-done, or --again (with a reason)
A step that failed:  --again, --by-hand (an act), --go-on (a verify), each with a reason; or --fail

Examples:
  runbook settle --done --reason 'dns1 refuses connections'
  runbook settle latest failover --by-hand --reason 'switched in the console'
  runbook settle latest active --go-on --reason 'known' --output server=dns1 --output standby=dns2")]
    #[command(
        override_usage = "runbook settle [RUN] [STEP] --done|--not-done|--again|--by-hand|--go-on|--fail --reason WHY [OPTIONS]"
    )]
    Settle(Settle),
    /// Hand a run over to someone else, or take one that was
    #[command(after_long_help = "\
With --to, the run is PERSON's when they confirm it: with --accept, or by resuming it. Until then `runbook runs` says
so. Without, it is whoever's who resumes it. A process that has the run lets go of it.

Examples:
  runbook handover
  runbook handover latest --to bsparrow
  runbook handover latest --accept                the one it was handed to takes it")]
    Handover(Handover),
    /// Cancel a run; a second time ends the act that runs
    #[command(after_long_help = "\
Examples:
  runbook cancel --reason 'false alarm'
  runbook cancel 20261122-0915")]
    Cancel(Cancel),
    /// Watch a run from another terminal, until it ends
    #[command(after_long_help = "\
Nothing can be typed here, and Ctrl-C leaves the run as it is. Ends with the exit code of the run.

Examples:
  runbook attach                 the only run that is not over
  runbook attach latest
  runbook attach latest --json   the entries as they are recorded, a line each")]
    Attach(Attach),
    /// List the runs, where each stands, and what waits for whom
    #[command(after_long_help = "\
Examples:
  runbook runs
  runbook runs --waiting
  runbook runs --json | jq '.runs[0].id'")]
    Runs(Runs),

    /// List the runbooks, most severe first
    #[command(after_long_help = "\
Examples:
  runbook list
  runbook list --json")]
    List(List),
    /// Check runbooks: every problem, at its place, with what to do
    #[command(after_long_help = "\
Without PATH, every runbook and the team file of the folder is checked. Ends with 0 when there is no error, else 2.

Examples:
  runbook check
  runbook check runbooks/dns-failover.yaml --deny warnings
  runbook check --format sarif > runbooks.sarif")]
    Check(Check),
    /// Show who is on call and how they are told; try the channels
    #[command(after_long_help = "\
With --test a message that says it is a test goes out by each channel, or by those named. Ends with 1 when one of them
does not take it.

Examples:
  runbook team
  runbook team --json | jq '.channels[] | select(.ready | not) | .name'
  runbook team --test
  runbook team --test slack_sre mail --yes")]
    Team(TeamVerb),
    /// Begin a runbook from a template that checks clean
    #[command(after_long_help = "\
Examples:
  runbook new disk-full
  runbook new disk-full --title 'A disk is nearly full' --owner sre")]
    New(New),
    /// Draw a runbook
    #[command(after_long_help = "\
Examples:
  runbook graph dns-failover --format mermaid
  runbook graph dns-failover --format svg > dns-failover.svg")]
    Graph(Graph),
    /// Print a JSON Schema, for editors
    #[command(after_long_help = "\
Examples:
  runbook schema > runbook.schema.json
  runbook schema team")]
    Schema(Schema),
    /// Explain a code of `check`
    #[command(after_long_help = "\
Examples:
  runbook explain RB0117
  runbook explain          every code in a line")]
    Explain(Explain),

    /// Show a run's story, or a runbook's plan in words
    #[command(after_long_help = "\
Examples:
  runbook show latest
  runbook show dns-failover")]
    Show(Show),
    /// Print the on-call log of a run
    #[command(after_long_help = "\
Examples:
  runbook log latest
  runbook log latest --format html > log.html")]
    Log(Log),
    /// Prove what can be proved about a run
    Audit(Audit),

    /// Make the place where runs are kept
    #[command(after_long_help = "\
A store is made by the first run; made before, it can belong to a group, so that another operator can take a run over.

Examples:
  runbook store init
  runbook store init --group oncall
  runbook store init --group oncall --store /var/lib/runbook")]
    Store(StoreVerb),
    /// Remove old runs that are sealed; the ledger keeps a line of each
    #[command(after_long_help = "\
Only runs that are sealed and intact are ever removed. Both options together: what is too old goes, then the oldest
until no more than BYTES are kept.

Examples:
  runbook gc --older-than 90d --dry-run
  runbook gc --older-than 90d
  runbook gc --keep-bytes 2G")]
    Gc(Gc),
    /// Print a script that completes commands, runbooks and runs in a shell
    #[command(after_long_help = "\
Examples:
  runbook completions bash >> ~/.bashrc
  runbook completions fish > ~/.config/fish/completions/runbook.fish")]
    Completions(Completions),
}

/// `run`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "clap reads one flag into one bool")]
pub struct Run {
    /// The runbook: a name, or a path to its file
    #[arg(add = ArgValueCompleter::new(complete_runbook))]
    pub name: String,
    /// A param; a list is written `-p nodes=a,b`
    #[arg(short, long = "param", value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub param: Vec<(String, String)>,
    /// Show what it would do; nothing starts and nobody is told
    #[arg(long)]
    pub dry_run: bool,
    /// With --dry-run: verify steps run for real
    #[arg(long, requires = "dry_run")]
    pub probe: bool,
    /// Ask before every step; where nobody sits at a terminal, the run waits before each (exit 75)
    #[arg(long, conflicts_with = "dry_run")]
    pub step: bool,
    /// Give the operator's approvals at once, but for destructive acts
    #[arg(long)]
    pub yes: bool,
    /// Write entries as they are recorded, and at the end a summary, each a line of JSON; nobody is asked here
    #[arg(long)]
    pub json: bool,
}

/// `drill`.
#[derive(Debug, Args)]
pub struct Drill {
    /// The runbooks: names, or paths to their files
    #[arg(required = true, add = ArgValueCompleter::new(complete_runbook))]
    pub names: Vec<String>,
    /// A param, for those of the runbooks that have it
    #[arg(short, long = "param", value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub param: Vec<(String, String)>,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// `resume`.
#[derive(Debug, Args)]
pub struct Resume {
    /// An id, the beginning of one, or `latest`; left out, the only run that can go on
    #[arg(add = ArgValueCompleter::new(complete_run))]
    pub run: Option<String>,
    /// Write entries as they are recorded, and at the end a summary, each a line of JSON; nobody is asked here
    #[arg(long)]
    pub json: bool,
}

/// `retry`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "clap reads one flag into one bool")]
pub struct Retry {
    /// The run to try again: an id, the beginning of one, or `latest`
    #[arg(add = ArgValueCompleter::new(complete_run))]
    pub run: String,
    /// A step to run again although it passed
    #[arg(long, value_name = "STEP")]
    pub again: Vec<String>,
    /// Show what is taken over and what would run; nothing starts and nobody is told
    #[arg(long)]
    pub dry_run: bool,
    /// Ask before every step
    #[arg(long, conflicts_with = "dry_run")]
    pub step: bool,
    /// Give the operator's approvals at once, but for destructive acts
    #[arg(long)]
    pub yes: bool,
    /// Write what is taken over, entries as they are recorded, and at the end a summary, each a line of JSON
    #[arg(long)]
    pub json: bool,
}

/// `attach`.
#[derive(Debug, Args)]
pub struct Attach {
    /// An id, the beginning of one, or `latest`; left out, the only run that is not over
    #[arg(add = ArgValueCompleter::new(complete_run))]
    pub run: Option<String>,
    /// Write entries as they are recorded, a line of JSON each
    #[arg(long)]
    pub json: bool,
}

/// `gc`.
#[derive(Debug, Args)]
pub struct Gc {
    /// Remove runs that were sealed longer ago than this: 90d, 12h
    #[arg(long, value_name = "DURATION", required_unless_present = "keep_bytes", value_parser = duration)]
    pub older_than: Option<Duration>,
    /// Remove the oldest runs until the others take no more than this: 500M, 2G, or a number of bytes
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    pub keep_bytes: Option<u64>,
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    pub dry_run: bool,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// `runs`.
#[derive(Debug, Args)]
pub struct Runs {
    /// Only those of this runbook
    #[arg(add = ArgValueCompleter::new(complete_runbook))]
    pub name: Option<String>,
    /// Only those that have not ended
    #[arg(long)]
    pub waiting: bool,
    /// How many, the newest first; 0 for all
    #[arg(long, short = 'n', default_value_t = 20)]
    pub limit: usize,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// `completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    pub shell: Shell,
}

/// Reads a duration as runbooks write it.
fn duration(text: &str) -> Result<Duration, String> {
    runbook_core::duration::parse(text)
}

/// Reads a number of bytes; K, M, G and T are powers of 1024.
fn bytes(text: &str) -> Result<u64, String> {
    let wrong = || "write it as 500M, 2G, or a number of bytes".to_owned();
    let digits = text.trim_end_matches(|last: char| last.is_ascii_alphabetic());
    let power = match text.get(digits.len()..).unwrap_or_default() {
        "" | "B" => 0,
        "K" | "KiB" => 1,
        "M" | "MiB" => 2,
        "G" | "GiB" => 3,
        "T" | "TiB" => 4,
        _ => return Err(wrong()),
    };
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    number.checked_mul(1024_u64.pow(power)).ok_or_else(wrong)
}

/// Reads `name=value`; the value may hold anything, `=` too.
fn name_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as NAME=VALUE".to_owned()),
    }
}

/// The command line with its help in groups.
#[must_use]
pub fn command() -> clap::Command {
    use clap::CommandFactory as _;
    let command = Arguments::command();
    let mut groups = String::new();
    for group in Group::ALL {
        groups.push_str(group.heading());
        groups.push_str(":\n");
        for verb in group.verbs() {
            let about = match *verb {
                "help" => "Explain a command: runbook help run".to_owned(),
                verb => command
                    .find_subcommand(verb)
                    .and_then(clap::Command::get_about)
                    .map(ToString::to_string)
                    .unwrap_or_default(),
            };
            // Writing to a String cannot fail.
            let _ = writeln!(groups, "  {verb:<12} {about}");
        }
        groups.push('\n');
    }
    command
        .help_template(format!(
            "{{about-section}}\n{{usage-heading}} runbook COMMAND [OPTIONS]\n\n{groups}{{options}}\n{{after-help}}"
        ))
        .after_help(
            "RUN is an id, the beginning of one that no other has, or `latest`.\n`runbook help COMMAND` has examples.",
        )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_verb_stands_in_one_group() {
        let command = command();
        command.clone().debug_assert();
        let verbs: BTreeSet<_> = command.get_subcommands().map(clap::Command::get_name).collect();
        let grouped: Vec<_> =
            Group::ALL.iter().flat_map(|group| group.verbs()).copied().filter(|verb| *verb != "help").collect();
        assert_eq!(grouped.len(), verbs.len());
        assert_eq!(grouped.into_iter().collect::<BTreeSet<_>>(), verbs);
    }

    #[test]
    fn every_verb_has_examples_in_its_long_help() {
        let mut command = command();
        command.build();
        for verb in command.get_subcommands().filter(|verb| !matches!(verb.get_name(), "help" | "audit")) {
            let help = verb.get_after_long_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Examples:\n  runbook "), "{} has no example", verb.get_name());
        }
    }

    #[test]
    fn bytes_are_read_as_people_write_them() {
        for (text, number) in [("0", 0), ("1000", 1000), ("5K", 5120), ("2G", 2 << 30), ("1TiB", 1 << 40)] {
            assert_eq!(bytes(text), Ok(number));
        }
        for text in ["", "G", "2 G", "-1", "1.5G", "2X", "99999999999999999999", "99999999T"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_value_may_hold_anything() {
        assert_eq!(name_and_value("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert!(name_and_value("=b").is_err() && name_and_value("a").is_err());
    }
}
