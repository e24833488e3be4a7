//! What is recorded of a run: the facts that, applied one after another, are its state.
//!
//! [`super::state::RunState`] changes only by applying records, so a transcript replayed gives back the same state.
//! How a record is written in a transcript is the transcript crate's business.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

pub use super::end::{End, StartFailure, StartFailureKind};
pub use super::words::{AnswerWord, QuestionKind, SettleWord, Settlement, SkipReason};
use crate::value::Value;

/// A step in a record: its id; in a sub-runbook `outage/restart`, an item of a `for_each` `drain[2]`.
pub type StepPath = String;

/// A sha256, in lower-case hex: the name of a blob.
pub type BlobDigest = String;

/// Number of a request to a person, unique in its run, counted from 1.
pub type RequestId = u32;

/// Which work of a step an attempt does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The step's own.
    Main,
    /// Its `unless`, looked at before.
    Unless,
    /// Its `unless`, looked at again because its end is in doubt.
    Doubt,
    /// Its `undo` body.
    Undo,
}

/// One try: attempts of a step are counted from 1 through all its parts' own counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptKey {
    /// The step.
    pub step: StepPath,
    /// The part.
    pub part: Part,
    /// The number of the try of this part, from 1.
    pub attempt: u32,
}

/// How a step settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// It did what it should.
    Passed,
    /// It did not.
    Failed,
    /// It did not run, or was ended by a cancel where that changes nothing.
    Skipped,
    /// Nobody can say: a verify could not look, an act's end is not known.
    Unknown,
}

impl Outcome {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Unknown => "unknown",
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RunOutcome {
    /// The procedure came to its end.
    Resolved,
    /// It is someone else's now.
    Escalated,
    /// A failure nothing handled, or an end (rollback, `finally`) that failed.
    Failed,
    /// Cancelled, out of time, or denied and not handed over.
    Cancelled,
}

impl RunOutcome {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Resolved => "resolved",
            Self::Escalated => "escalated",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What a run is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The world is changed.
    Real,
    /// Nothing starts; `probe`: verify steps run for real.
    Dry {
        /// Verify steps run for real.
        probe: bool,
    },
    /// Verify steps run for real, the rest is withheld, nobody is told.
    Drill,
}

/// Who did or said something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The account's name, or `engine`.
    pub id: String,
    /// How it is known who it was.
    pub auth: Auth,
    /// The account's number, as the kernel tells it; 0 to 2^32-1.
    pub uid: u32,
    /// From where: `terminal`, `inbox`, `option --yes`, `engine`.
    pub origin: String,
}

impl Actor {
    /// The engine itself.
    #[must_use]
    pub fn engine(uid: u32) -> Self {
        Self { id: "engine".to_owned(), auth: Auth::System, uid, origin: "engine".to_owned() }
    }
}

/// How it is known who somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    /// The account of a process: an acknowledgement, no proof.
    Tty,
    /// An SSH signature.
    Ssh,
    /// A token of the server.
    Token,
    /// A session of the console.
    Oidc,
    /// The engine.
    System,
}

/// The start of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunStarted {
    /// Absolute path of the store.
    pub store: String,
    /// Digest of the ledger's last line when the run started; 64 zeros for an empty ledger.
    pub ledger_head: String,
    /// The runbook's name.
    pub runbook: String,
    /// Its title.
    pub title: String,
    /// Where its file stood.
    pub path: String,
    /// Digest of its source, a blob.
    pub source: BlobDigest,
    /// Digests of the sources of the runbooks that it runs, directly or through others, blobs, by their names.
    pub called: BTreeMap<String, BlobDigest>,
    /// Digest of the team file's source, a blob, if there is one.
    pub team: Option<BlobDigest>,
    /// The commit of the repository, if there is one.
    pub commit: Option<String>,
    /// Whether the runbook's file differs from that commit; `None`: cannot be known.
    pub dirty: Option<bool>,
    /// Params: name, value and where it came from (`option`, `default`, `alert`, `asked`).
    pub params: BTreeMap<String, (Value, String)>,
    /// The alert that started it, if one did.
    pub alert: Option<Value>,
    /// The host's name.
    pub host: String,
    /// Identity of the boot, from the kernel.
    pub boot_id: String,
    /// Version of the engine.
    pub version: String,
    /// Digest of the engine's binary.
    pub binary: String,
    /// What the run is for.
    pub mode: Mode,
    /// Whether a person sits at a terminal.
    pub attended: bool,
    /// `--yes`: approvals by the operator are given at once, but for destructive acts.
    pub yes: bool,
    /// `--step`: the operator is asked before each step.
    pub step_by_step: bool,
    /// The directory steps run in unless they say otherwise.
    pub directory: String,
    /// The run it tries again, if it does.
    pub retry_of: Option<RetryOf>,
}

/// An earlier run, of which a run takes over what went well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryOf {
    /// The earlier run's id.
    pub run: String,
    /// The steps taken over; each has a [`Record::StepTakenOver`] before anything starts.
    pub steps: Vec<StepPath>,
}

/// What an earlier run knew of a step, taken over as it was.
#[derive(Debug, Clone, PartialEq)]
pub struct TakenOver {
    /// How it settled there; skipped: by its own `when`.
    pub outcome: Outcome,
    /// By what.
    pub settlement: Settlement,
    /// Why, where it did not pass.
    pub reason: Option<String>,
    /// Its outputs.
    pub outputs: BTreeMap<String, Value>,
    /// How many attempts it took.
    pub attempts: u32,
    /// Whether its own work was started there, so that there is something to undo.
    pub acted: bool,
    /// When its first attempt began.
    pub started_at: Option<Timestamp>,
    /// How long its last attempt took.
    pub duration: Option<Duration>,
    /// The exit code of its last attempt.
    pub exit_code: Option<i32>,
    /// What a person answered.
    pub answer: Option<String>,
    /// What a person typed.
    pub fields: BTreeMap<String, Value>,
    /// What a decide took.
    pub branch: Option<Branch>,
    /// The list, of a loop; each of its items has a record of its own, after it.
    pub items: Option<Vec<Value>>,
    /// The element, of an item of a loop; of what such an item runs, the element of that item.
    pub item: Option<Value>,
    /// Of a step that runs another runbook: what that was given.
    pub given: Option<BTreeMap<String, Value>>,
    /// Of a step of a called runbook: what that was given.
    pub around: Option<BTreeMap<String, Value>>,
}

/// A stream of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// The body of an answer.
    Body,
}

/// What is kept of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Output {
    /// Bytes the process wrote.
    pub bytes: u64,
    /// Bytes kept in the blob.
    pub kept: u64,
    /// The blob; `None` for no output.
    pub blob: Option<BlobDigest>,
    /// Its beginning, lossy UTF-8; the whole where `tail` is empty.
    pub head: String,
    /// Its end, where it is longer than the excerpt.
    pub tail: String,
}

/// What a decide took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    /// Which one.
    pub choice: BranchChoice,
    /// Where it leads: step ids, `done`, `failed`.
    pub to: Vec<String>,
}

/// Which branch of a decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BranchChoice {
    /// The case with this number, from 0.
    Case(usize),
    /// `otherwise`.
    Otherwise,
    /// The person's choice with this number, from 0.
    Choice(usize),
    /// In a dry run: it cannot be known, every branch is shown.
    Undecided,
}

/// Where a run is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Steps follow one another.
    Steps,
    /// Nothing else new starts; what runs is let end, `fallback`, `denied` or `else` and what follows run.
    Ending,
    /// Done acts are undone.
    Rollback,
    /// `finally` runs.
    Finally,
    /// Nothing is left to do but the seal.
    Over,
}

/// Why a run is ending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndCause {
    /// Every step has settled.
    Complete,
    /// This step failed or is unknown and nothing handled it.
    Failed(StepPath),
    /// This decide took `failed`.
    TookFailed(StepPath),
    /// This act was denied.
    Denied(StepPath),
    /// This escalate handed the run over.
    Handover(StepPath),
    /// The run was cancelled.
    Cancelled,
    /// Of a called runbook: the run around it is ending.
    Around,
}

/// What the name of an attachment begins with that shows how a file would change; the file follows.
pub const CHANGES: &str = "changes to ";

/// One recorded fact. Kind names in a transcript are those of its documentation.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// `run.started`: always the first.
    RunStarted(Box<RunStarted>),
    /// `step.planned`: exactly what will run.
    StepPlanned {
        /// Which attempt.
        key: AttemptKey,
        /// Digest of the execution plan, a blob.
        plan: BlobDigest,
        /// It on one line, as a person reads it, control characters escaped.
        shown: String,
    },
    /// `approval.requested`.
    ApprovalRequested {
        /// The request.
        request: RequestId,
        /// For which attempt.
        key: AttemptKey,
        /// Digest of what will run.
        plan: BlobDigest,
        /// When nobody has answered: the end of the request.
        deadline: Option<Timestamp>,
    },
    /// `approval.granted`.
    ApprovalGranted {
        /// The request.
        request: RequestId,
        /// For which attempt.
        key: AttemptKey,
        /// Digest of what may run.
        plan: BlobDigest,
        /// Why, if said.
        reason: Option<String>,
    },
    /// `approval.denied`.
    ApprovalDenied {
        /// The request.
        request: RequestId,
        /// For which attempt.
        key: AttemptKey,
        /// Why.
        reason: String,
    },
    /// `approval.expired`.
    ApprovalExpired {
        /// The request.
        request: RequestId,
        /// For which attempt.
        key: AttemptKey,
    },
    /// `approval.void`: what was to be approved has changed or is no longer wanted.
    ApprovalVoid {
        /// The request.
        request: RequestId,
        /// For which attempt.
        key: AttemptKey,
        /// Why.
        why: String,
    },
    /// `step.intent`: on disk before anything starts.
    StepIntent {
        /// Which attempt.
        key: AttemptKey,
        /// Digest of what will run; `None` where nothing is started (a wait, a question).
        plan: Option<BlobDigest>,
        /// For a wait: until when.
        until: Option<Timestamp>,
    },
    /// `step.items`: the list of a `for_each`, made once.
    StepItems {
        /// The step.
        step: StepPath,
        /// The elements, in order.
        items: Vec<Value>,
        /// Whether one approval of all of them comes before the first starts.
        approval: bool,
    },
    /// `call.given`: what the runbook is given that a step runs. It has not begun.
    CallGiven {
        /// Which attempt.
        key: AttemptKey,
        /// The runbook's name.
        runbook: String,
        /// The params it gets, defaults among them.
        params: BTreeMap<String, Value>,
        /// In a dry run: params that cannot be known, each with the step that would tell.
        unknown: BTreeMap<String, String>,
    },
    /// `call.started`: it begins, as it was given.
    CallStarted {
        /// Which attempt.
        key: AttemptKey,
        /// The lock it names, which the run holds from now on.
        lock: Option<String>,
        /// When its time is over.
        deadline: Option<Timestamp>,
    },
    /// `call.phase`: a called runbook enters a phase.
    CallPhase {
        /// Which attempt runs it.
        key: AttemptKey,
        /// Which phase.
        phase: Phase,
        /// Why it is ending, where it enters [`Phase::Ending`].
        cause: Option<EndCause>,
    },
    /// `call.cancelled`: its time is over.
    CallCancelled {
        /// Which attempt runs it.
        key: AttemptKey,
        /// Why.
        reason: String,
    },
    /// `call.ended`: a called runbook came to its end; how the step around it ends follows.
    CallEnded {
        /// Which attempt ran it.
        key: AttemptKey,
        /// How it ended.
        outcome: RunOutcome,
        /// Why, in a sentence.
        reason: String,
        /// What is still open, one line each.
        open: Vec<String>,
    },
    /// `step.spawned`.
    StepSpawned {
        /// Which attempt.
        key: AttemptKey,
        /// Process number.
        pid: u32,
        /// The process's start, in clock ticks since boot, as the kernel tells it.
        start_time: u64,
    },
    /// `step.released`: the supervisor may let it go.
    StepReleased {
        /// Which attempt.
        key: AttemptKey,
    },
    /// `step.output`: one stream of an attempt, recorded at its end.
    StepOutput {
        /// Which attempt.
        key: AttemptKey,
        /// Which stream.
        stream: Stream,
        /// What is kept.
        output: Output,
    },
    /// `step.ended`: an attempt's end, judged.
    AttemptEnded {
        /// Which attempt.
        key: AttemptKey,
        /// How it ended; `None` where nothing ran (a bare `expect`, a question).
        end: Option<End>,
        /// How long it took.
        duration: Duration,
        /// What it comes to.
        outcome: Outcome,
        /// Why, where it did not pass: one sentence.
        reason: Option<String>,
        /// Its outputs, as far as they could be computed.
        outputs: BTreeMap<String, Value>,
        /// Processes that escaped and may still run: number and command.
        survivors: Vec<String>,
    },
    /// `step.retried`: another attempt follows.
    RetryScheduled {
        /// The attempt that follows.
        key: AttemptKey,
        /// Not before.
        at: Timestamp,
    },
    /// `step.settled`.
    StepSettled {
        /// The step.
        step: StepPath,
        /// How.
        outcome: Outcome,
        /// By what.
        settlement: Settlement,
        /// Why, where it did not pass.
        reason: Option<String>,
        /// Its outputs.
        outputs: BTreeMap<String, Value>,
        /// How many attempts it took.
        attempts: u32,
    },
    /// `step.taken_over`: settled by an earlier run; what it printed there stands before.
    StepTakenOver {
        /// The step.
        step: StepPath,
        /// The earlier run.
        run: String,
        /// The number of the entry there that settled it.
        n: u64,
        /// What was known of it.
        was: Box<TakenOver>,
    },
    /// `step.skipped`.
    StepSkipped {
        /// The step.
        step: StepPath,
        /// Why.
        why: SkipReason,
    },
    /// `step.undone`: an act's `undo` came to its end.
    StepUndone {
        /// The act that was undone.
        step: StepPath,
        /// Passed or failed.
        outcome: Outcome,
        /// Why it failed.
        reason: Option<String>,
    },
    /// `decision`.
    Decision {
        /// The decide.
        step: StepPath,
        /// What it took.
        branch: Branch,
        /// The expression that was true, or the question.
        expression: String,
        /// What it read: name and value as text.
        read: Vec<(String, String)>,
        /// The runbook's own reason.
        because: Option<String>,
    },
    /// `question`.
    Question {
        /// The request.
        request: RequestId,
        /// The step; `None` for the rollback question.
        step: Option<StepPath>,
        /// What is asked.
        question: QuestionKind,
        /// In words.
        text: String,
        /// Names of the values to be typed.
        collect: Vec<String>,
        /// Who is asked besides the operator.
        to: Vec<String>,
        /// When nobody has answered: the end of the question.
        deadline: Option<Timestamp>,
    },
    /// `answer`.
    Answer {
        /// The request.
        request: RequestId,
        /// The step.
        step: Option<StepPath>,
        /// The answer.
        answer: AnswerWord,
        /// Values typed.
        fields: BTreeMap<String, Value>,
        /// Who answered, where another typed it.
        behalf: Option<String>,
        /// Why, if said.
        reason: Option<String>,
    },
    /// `question.withdrawn`: out of time, or no longer wanted.
    QuestionWithdrawn {
        /// The request.
        request: RequestId,
        /// The step.
        step: Option<StepPath>,
        /// Whether its time ran out.
        timed_out: bool,
    },
    /// `escalation.sent`.
    EscalationSent {
        /// The step.
        step: StepPath,
        /// The person or team named in the runbook.
        to: String,
        /// Who of the team was told by a channel of their own; `None` where `to` itself was.
        person: Option<String>,
        /// By which channel: `terminal`, or a name of the team file.
        channel: String,
        /// The message as sent.
        message: String,
        /// What the channel answered.
        answer: String,
    },
    /// `escalation.failed`.
    EscalationFailed {
        /// The step.
        step: StepPath,
        /// The person or team.
        to: String,
        /// Who of the team was to be told by a channel of their own.
        person: Option<String>,
        /// The channel.
        channel: String,
        /// Why.
        error: String,
    },
    /// `escalation.waiting`: an acknowledgement is waited for.
    EscalationWaiting {
        /// The request that an acknowledgement answers.
        request: RequestId,
        /// The step.
        step: StepPath,
        /// Until when.
        deadline: Option<Timestamp>,
        /// Who has to: names.
        from: Vec<String>,
        /// Whether all of them have to.
        all: bool,
        /// Everybody was told; else they are being told, and whoever heard of it already may acknowledge it.
        told: bool,
    },
    /// `escalation.widened`: who was told first has not acknowledged in time, so the rest of the team is told, once.
    EscalationWidened {
        /// The step.
        step: StepPath,
        /// The rest, by name.
        to: Vec<String>,
    },
    /// `escalation.acknowledged`.
    EscalationAcknowledged {
        /// The step.
        step: StepPath,
        /// Who, as named in the team file where known.
        by: String,
    },
    /// `escalation.timed_out`.
    EscalationTimedOut {
        /// The step.
        step: StepPath,
    },
    /// `attachment`.
    Attachment {
        /// The step.
        step: StepPath,
        /// The file or command.
        name: String,
        /// What is kept; `None` where it could not be had.
        output: Option<Output>,
        /// Why it could not be had, or what is missing.
        note: Option<String>,
    },
    /// `note`.
    Note {
        /// The step it is about.
        step: Option<StepPath>,
        /// The text.
        text: String,
    },
    /// `handover`.
    Handover {
        /// The step, where an escalate did it.
        step: Option<StepPath>,
        /// To whom.
        to: Vec<String>,
    },
    /// `handover.confirmed`: whoever the run was handed to has taken it.
    HandoverConfirmed {
        /// Who it was handed to: the person, or the team they are of.
        to: String,
    },
    /// `doubt.opened`.
    DoubtOpened {
        /// Which attempt.
        key: AttemptKey,
        /// Why its end is not known.
        why: String,
    },
    /// `doubt.settled`.
    DoubtSettled {
        /// Which attempt.
        key: AttemptKey,
        /// How.
        word: SettleWord,
        /// By what: `unless`, `idempotent`, `person`.
        by: String,
        /// A person's reason.
        reason: Option<String>,
        /// Outputs typed in place of the step's own, which nobody saw.
        outputs: BTreeMap<String, Value>,
    },
    /// `override`: a person's *again*, *by hand* or *go on*.
    Override {
        /// The step.
        step: StepPath,
        /// Which.
        word: SettleWord,
        /// Why.
        reason: String,
        /// Outputs typed in place of the step's own.
        outputs: BTreeMap<String, Value>,
    },
    /// `clock.jumped`.
    ClockJumped {
        /// Milliseconds, forward positive.
        by_ms: i64,
    },
    /// `recovered`: a torn last line was moved away.
    Recovered {
        /// Bytes moved.
        bytes: u64,
    },
    /// `run.phase`: the run enters a phase.
    PhaseEntered {
        /// Which.
        phase: Phase,
        /// Why the run is ending, where it enters [`Phase::Ending`].
        cause: Option<EndCause>,
    },
    /// `run.suspended`: the process ends, the run does not.
    RunSuspended {
        /// What it waits for, in words.
        waits_for: Vec<String>,
    },
    /// `run.resumed`.
    RunResumed {
        /// The host's name.
        host: String,
        /// Identity of the boot.
        boot_id: String,
        /// Version of the engine.
        version: String,
        /// Whether a person sits at a terminal.
        attended: bool,
    },
    /// `run.cancelled`.
    RunCancelled {
        /// Why.
        reason: String,
    },
    /// `refused`: something handed in that did not apply.
    Refused {
        /// What: `approve`, `answer`, …
        verb: String,
        /// For which step.
        step: Option<StepPath>,
        /// Why.
        why: String,
        /// It only said again what had been said already: nothing was lost.
        repeats: bool,
    },
    /// `run.sealed`: always the last.
    RunSealed {
        /// How it ended.
        outcome: RunOutcome,
        /// Why, in a sentence.
        reason: String,
        /// What is still open: one line each (undone acts that could not be undone, promises).
        open: Vec<String>,
    },
}
