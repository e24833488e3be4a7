//! What comes out of the state machine: to be done in this order.

use std::collections::BTreeMap;
use std::time::Duration;

use super::record::{Actor, AttemptKey, BlobDigest, Record, RunOutcome, StepPath};

/// Something to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Append this to the transcript.
    Record(Actor, Record),
    /// Everything recorded so far is on disk before anything after this is done.
    Sync,
    /// Make an execution plan, keep it as a blob, answer [`super::event::Event::Planned`].
    Plan {
        /// Which attempt.
        key: AttemptKey,
        /// What is to run.
        invocation: Box<Invocation>,
    },
    /// Keep a list of the plans of a loop's items as a blob, which one approval is of; answer
    /// [`super::event::Event::Planned`].
    PlanItems {
        /// Which attempt of the loop.
        key: AttemptKey,
        /// Each item's step and plan, in order.
        items: Vec<(StepPath, BlobDigest)>,
        /// All of it on one line, as a person reads it.
        shown: String,
    },
    /// Keep as a blob which runbook is run and with what, which an approval is of; answer
    /// [`super::event::Event::Planned`].
    PlanCall {
        /// Which attempt.
        key: AttemptKey,
        /// The runbook's name.
        runbook: String,
        /// The params it gets.
        params: BTreeMap<String, crate::value::Value>,
        /// It on one line, as a person reads it.
        shown: String,
    },
    /// Take the lock that a called runbook names, for the whole run; answer [`super::event::Event::Locked`].
    Lock {
        /// Which attempt begins with it.
        key: AttemptKey,
        /// Its name.
        name: String,
    },
    /// Start exactly the stored plan, answer `Spawned` and `Ended`. What changes the world is only made ready: nothing
    /// of it runs before its [`Effect::Release`].
    Start {
        /// Which attempt.
        key: AttemptKey,
        /// The plan.
        plan: BlobDigest,
    },
    /// Let an attempt that changes the world go: that it may is on disk. One that ended meanwhile is passed over.
    Release {
        /// Which attempt.
        key: AttemptKey,
    },
    /// End an attempt by the ladder; its `Ended` follows.
    Stop {
        /// Which attempt.
        key: AttemptKey,
    },
    /// Tell people; answer `Told` for each delivery, then `ToldAll`.
    Tell {
        /// The step.
        step: StepPath,
        /// People and teams as named in the runbook.
        to: Vec<String>,
        /// The message.
        message: String,
        /// One line for a subject.
        subject: String,
    },
    /// Collect evidence; answer `Attached`.
    Attach {
        /// The step.
        step: StepPath,
        /// What, in order; an error where the name could not be rendered.
        wanted: Vec<Result<EvidenceWanted, String>>,
    },
    /// Tell the owner about an act in doubt with nobody there; no answer.
    TellOwner {
        /// The message.
        message: String,
    },
    /// Let this process go: nothing can go on without a person.
    Suspend,
    /// The seal is recorded: close the transcript.
    Sealed(RunOutcome),
}

/// A command to run, rendered; secrets stand as references.
#[derive(Debug, Clone, PartialEq)]
pub struct Invocation {
    /// What.
    pub command: Command,
    /// Variables set for it, besides the clean environment: name and value.
    pub env: Vec<(String, EnvValue)>,
    /// Variables of the engine's own environment passed on.
    pub pass: Vec<String>,
    /// Directory, absolute or relative to the run's.
    pub directory: Option<String>,
    /// Where: `None` is here.
    pub on: Option<String>,
    /// Standard input.
    pub stdin: Input,
    /// Allowed time.
    pub timeout: Duration,
    /// From TERM to KILL.
    pub grace: Duration,
    /// Whether it changes the world.
    pub changes: bool,
}

/// What is run.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Words; the first is the program.
    Words(Vec<String>),
    /// Shell text, given to the shell's words as the last argument of `-c`.
    Script {
        /// The shell and its options: `sh -eu`.
        shell: Vec<String>,
        /// The text.
        text: String,
    },
    /// A request over HTTP.
    Http(Box<Call>),
    /// A file to be written from a handlebars file.
    Write(Box<Writing>),
}

/// A request, rendered; secrets stand as references.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The method, in upper case.
    pub method: String,
    /// The address.
    pub url: String,
    /// The headers, in order.
    pub headers: Vec<(String, EnvValue)>,
    /// What is sent; nothing where it has no pieces.
    pub body: EnvValue,
    /// Whether the body is JSON: a secret in it stands inside quotes.
    pub json: bool,
    /// Whether redirects are followed.
    pub redirects: bool,
}

/// A file to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Writing {
    /// The handlebars file, seen from the run's own directory.
    pub source: String,
    /// The file, seen from the invocation's directory.
    pub to: String,
    /// Its mode; the one it has, or the usual one, where there is none.
    pub mode: Option<u32>,
    /// What the file can read.
    pub values: crate::file_template::Values,
}

/// The value of a variable: literal text with references to secrets between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvValue(pub Vec<EnvPiece>);

/// A piece of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnvPiece {
    /// Text.
    Text(String),
    /// A secret, by name.
    Secret(String),
}

/// Standard input of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Nothing.
    Closed,
    /// Text, with references to secrets between.
    Text(EnvValue),
    /// The whole output of a step, a blob.
    Blob(BlobDigest),
}

/// One piece of evidence to collect.
#[derive(Debug, Clone, PartialEq)]
pub enum EvidenceWanted {
    /// A file, or its last lines.
    File {
        /// The path.
        path: String,
        /// How many lines from its end.
        tail: Option<u32>,
    },
    /// What a command prints.
    Run(Box<Invocation>),
}
