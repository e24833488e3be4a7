//! What comes into the state machine.

use std::collections::BTreeMap;
use std::time::Duration;

use super::record::{
    Actor, AnswerWord, AttemptKey, BlobDigest, End, Output, RequestId, SettleWord, StartFailure, StepPath,
};

/// Something that happened, stamped once by who brings it in.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The run begins: [`super::record::Record::RunStarted`] is recorded.
    Started,
    /// The transcript was replayed and `run.resumed` is recorded: go on.
    Resumed,
    /// A deadline the state machine asked for may have passed.
    Deadline,
    /// Answer to [`super::effect::Effect::Plan`].
    Planned {
        /// Which attempt.
        key: AttemptKey,
        /// Digest and one-line form of the execution plan, or why there is none.
        plan: Result<(BlobDigest, String), StartFailure>,
    },
    /// What an attempt would change, before its [`Event::Planned`].
    Previewed {
        /// Which attempt.
        key: AttemptKey,
        /// The change.
        change: Evidence,
    },
    /// Answer to [`super::effect::Effect::Plan`] where nothing is left to do.
    AlreadySo {
        /// Which attempt.
        key: AttemptKey,
    },
    /// Answer to [`super::effect::Effect::Lock`].
    Locked {
        /// Which attempt.
        key: AttemptKey,
        /// Why it could not be had: a sentence with who holds it.
        result: Result<(), String>,
    },
    /// A process exists: the program's own, or of an attempt that changes the world its supervisor's.
    Spawned {
        /// Which attempt.
        key: AttemptKey,
        /// Process number.
        pid: u32,
        /// Start in clock ticks since boot.
        start_time: u64,
    },
    /// Answer to [`super::effect::Effect::Start`], or what became of an attempt that [`super::state::RunState::attach`]
    /// was told of: it is over.
    Ended {
        /// Which attempt.
        key: AttemptKey,
        /// How.
        ending: Box<Ending>,
    },
    /// Answer to [`super::effect::Effect::Tell`]: one delivery, of one or more.
    Told {
        /// The step.
        step: StepPath,
        /// The person or team.
        to: String,
        /// Who of the team, where it went by a channel of their own.
        person: Option<String>,
        /// The channel.
        channel: String,
        /// What was sent.
        message: String,
        /// What the channel answered, or why it failed.
        result: Result<String, String>,
    },
    /// Answer to [`super::effect::Effect::Tell`]: everybody was tried.
    ToldAll {
        /// The step.
        step: StepPath,
    },
    /// Answer to [`super::effect::Effect::Attach`].
    Attached {
        /// The step.
        step: StepPath,
        /// One for each thing asked for, in order.
        evidence: Vec<Evidence>,
    },
    /// A person said something.
    Said {
        /// Who.
        actor: Actor,
        /// What.
        input: Input,
    },
}

/// How an attempt ended, and what it wrote.
#[derive(Debug, Clone, PartialEq)]
pub struct Ending {
    /// How.
    pub end: End,
    /// How long it took.
    pub duration: Duration,
    /// Standard output as kept.
    pub stdout: Output,
    /// Its whole text, where it is within [`crate::limits::CAPTURE_BYTES_MAX`]; bytes that are no UTF-8 are replaced.
    pub stdout_text: Option<String>,
    /// Standard error as kept.
    pub stderr: Output,
    /// Its whole text, as for standard output.
    pub stderr_text: Option<String>,
    /// Processes that escaped and may still run.
    pub survivors: Vec<String>,
    /// What the ladder had to do, for the reason's sentence: `TERM`, `KILL`.
    pub rung: Option<String>,
}

/// One piece of evidence.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// The file or command.
    pub name: String,
    /// What is kept.
    pub output: Option<Output>,
    /// Why it could not be had, or what is missing.
    pub note: Option<String>,
}

/// What a person says: by a key at the terminal, or by a verb and the inbox.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// Answers a question. Without a step, the only one there is.
    Answer {
        /// The step.
        step: Option<StepPath>,
        /// The request, where the asker knows it.
        request: Option<RequestId>,
        /// The answer.
        answer: AnswerWord,
        /// Values typed, as text: read as the fields' types here.
        fields: BTreeMap<String, String>,
        /// In whose name.
        behalf: Option<String>,
        /// Why.
        reason: Option<String>,
    },
    /// Approves an act.
    Approve {
        /// The step.
        step: Option<StepPath>,
        /// The request, where known.
        request: Option<RequestId>,
        /// Why.
        reason: Option<String>,
    },
    /// Denies an act.
    Deny {
        /// The step.
        step: Option<StepPath>,
        /// The request, where known.
        request: Option<RequestId>,
        /// Why; required.
        reason: String,
    },
    /// Acknowledges an escalation.
    Acknowledge {
        /// The step.
        step: Option<StepPath>,
        /// In whose name.
        behalf: Option<String>,
    },
    /// Writes a note.
    Note {
        /// The step.
        step: Option<StepPath>,
        /// The text.
        text: String,
    },
    /// Settles a doubt or a failure in front of a person.
    Settle {
        /// The step.
        step: Option<StepPath>,
        /// How.
        word: SettleWord,
        /// Why; required but for [`SettleWord::Fail`].
        reason: Option<String>,
        /// Outputs typed, as text, for *go on* and *by hand*.
        outputs: BTreeMap<String, String>,
    },
    /// Hands the run over: this process lets go, the run waits.
    HandOver {
        /// To whom.
        to: Option<String>,
    },
    /// Confirms a handover: who it was handed to takes the run.
    Accept,
    /// Lets go of the run: nothing new starts, what runs is let end, then the process ends and the run waits.
    LetGo {
        /// Why.
        reason: String,
    },
    /// Cancels the run; a second one ends the act that runs.
    Cancel {
        /// Why.
        reason: String,
    },
}

impl Input {
    /// The verb for it, as in `runbook VERB`.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Answer { .. } => "answer",
            Self::Approve { .. } => "approve",
            Self::Deny { .. } => "deny",
            Self::Acknowledge { .. } => "ack",
            Self::Note { .. } => "note",
            Self::Settle { .. } => "settle",
            Self::HandOver { .. } => "handover",
            Self::Accept => "accept",
            Self::LetGo { .. } => "let go",
            Self::Cancel { .. } => "cancel",
        }
    }
}
