//! A run's entries in plain words, one line each.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use runbook_core::run::record::{
    AttemptKey, BranchChoice, End, EndCause, Mode, Output, Part, Phase, Record, RunStarted, Settlement, Stream,
};

use crate::entry::Folded;
use crate::fold::{answer_word, override_words};
use crate::harmless::{excerpt, harmless};
use crate::moment;

/// One line of a story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The entry's number.
    pub n: u64,
    /// When, in the zone that was asked for.
    pub time: String,
    /// What, in plain words, harmless on every screen.
    pub text: String,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>4}  {}  {}", self.n, self.time, self.text)
    }
}

/// Tells a run's entries, one line each.
#[must_use]
pub fn story(entries: &[Folded], zone: &TimeZone) -> Vec<Told> {
    let start = entries.first().map(|entry| entry.ts);
    entries
        .iter()
        .map(|entry| Told {
            n: entry.n,
            time: moment::clock(entry.ts, start, zone),
            text: harmless(&sentence(entry, start, zone)),
        })
        .collect()
}

/// Who was told: a person of a team, or who was named.
fn whom(to: &str, person: Option<&String>) -> String {
    person.map_or_else(|| to.to_owned(), |person| format!("{person} ({to})"))
}

fn attempt(key: &AttemptKey) -> String {
    let part = match key.part {
        Part::Main => "",
        Part::Unless => " (its unless)",
        Part::Doubt => " (its unless, looked at again)",
        Part::Undo => " (its undo)",
    };
    if key.attempt > 1 { format!("{}{part}, attempt {}", key.step, key.attempt) } else { format!("{}{part}", key.step) }
}

fn because(reason: Option<&String>) -> String {
    reason.map(|reason| format!(": {}", excerpt(reason))).unwrap_or_default()
}

fn on(step: Option<&String>) -> String {
    step.map(|step| format!(" on {step}")).unwrap_or_default()
}

#[expect(clippy::too_many_lines, reason = "one sentence a kind")]
fn sentence(entry: &Folded, start: Option<Timestamp>, zone: &TimeZone) -> String {
    let who = &entry.actor.id;
    let until =
        |at: Option<Timestamp>| at.map(|at| format!(", until {}", moment::clock(at, start, zone))).unwrap_or_default();
    match &entry.record {
        Record::RunStarted(run) => started(who, run),
        Record::StepPlanned { key, shown, .. } => format!("{}: is to run `{shown}`", attempt(key)),
        Record::ApprovalRequested { key, deadline, .. } => {
            format!("{}: asks for approval{}", attempt(key), until(*deadline))
        }
        Record::ApprovalGranted { key, reason, .. } => {
            format!("{}: approved by {who}{}", attempt(key), because(reason.as_ref()))
        }
        Record::ApprovalDenied { key, reason, .. } => format!("{}: denied by {who}: {}", attempt(key), excerpt(reason)),
        Record::ApprovalExpired { key, .. } => format!("{}: nobody approved in time", attempt(key)),
        Record::ApprovalVoid { key, why, .. } => format!("{}: the approval is void: {}", attempt(key), excerpt(why)),
        Record::StepIntent { key, until: Some(at), .. } => format!("{}: waits{}", attempt(key), until(Some(*at))),
        Record::StepIntent { key, until: None, .. } => format!("{}: starts", attempt(key)),
        Record::StepSpawned { key, pid, .. } => format!("{}: is process {pid}", attempt(key)),
        Record::StepReleased { key } => format!("{}: is let go", attempt(key)),
        Record::StepOutput { key, stream, output } => printed(key, *stream, output),
        Record::AttemptEnded { key, end, duration, outcome, reason, survivors, .. } => {
            let left =
                if survivors.is_empty() { String::new() } else { format!("; may still run: {}", survivors.join(", ")) };
            let end = end.as_ref().map(|end| format!(", {}", end_words(end))).unwrap_or_default();
            let took = moment::words(*duration);
            format!("{}: {}{end}, after {took}{}{left}", attempt(key), outcome.word(), because(reason.as_ref()))
        }
        Record::RetryScheduled { key, at } => {
            format!("{}: is tried again at {}", attempt(key), moment::clock(*at, start, zone))
        }
        Record::StepSettled { step, outcome, settlement, reason, .. } => {
            format!(
                "{step}: settled as {}{}{}",
                outcome.word(),
                settlement_words(*settlement),
                because(reason.as_ref())
            )
        }
        Record::StepItems { step, items, approval } => {
            let held = if *approval { "; one approval of them all comes first" } else { "" };
            let names: Vec<String> = items.iter().map(ToString::to_string).collect();
            let names = if items.is_empty() { "none".to_owned() } else { excerpt(&names.join(", ")) };
            format!("{step}: its list has {}: {names}{held}", items.len())
        }
        Record::CallGiven { key, runbook, params, unknown } => {
            let known = params.iter().map(|(name, value)| format!("{name}={value}"));
            let names: Vec<String> = known.chain(unknown.keys().map(|name| format!("{name} not known"))).collect();
            let with = if names.is_empty() { String::new() } else { format!(", with {}", excerpt(&names.join(", "))) };
            format!("{}: is to run the runbook {runbook}{with}", attempt(key))
        }
        Record::CallStarted { key, lock, deadline } => {
            let lock = lock.as_ref().map(|lock| format!(", holds the lock {}", excerpt(lock))).unwrap_or_default();
            format!("{}: its runbook begins{lock}{}", attempt(key), until(*deadline))
        }
        Record::CallPhase { key, phase, cause } => {
            let phase = phase_words(*phase).replacen("the run ", "its runbook ", 1);
            format!("{}: {phase}{}", attempt(key), cause.as_ref().map(cause_words).unwrap_or_default())
        }
        Record::CallCancelled { key, reason } => format!("{}: its runbook is ended: {}", attempt(key), excerpt(reason)),
        Record::CallEnded { key, outcome, reason, open } => {
            let open = if open.is_empty() { String::new() } else { format!("; open: {}", open.join("; ")) };
            format!("{}: its runbook is {}: {}{open}", attempt(key), outcome.word(), excerpt(reason))
        }
        Record::StepTakenOver { step, run, n, was } => {
            format!(
                "{step}: taken over from entry {n} of run {run}, {}{}",
                was.outcome.word(),
                because(was.reason.as_ref())
            )
        }
        Record::StepSkipped { step, why } => format!("{step}: skipped, {why}"),
        Record::StepUndone { step, outcome, reason } => {
            format!("{step}: undoing it {}{}", outcome.word(), because(reason.as_ref()))
        }
        Record::Decision { step, branch, because: why, .. } => {
            let to = branch.to.join(", ");
            match branch.choice {
                BranchChoice::Undecided => format!("{step}: cannot be known, shows {to}{}", because(why.as_ref())),
                BranchChoice::Case(_) | BranchChoice::Otherwise | BranchChoice::Choice(_) => {
                    format!("{step}: took {to}{}", because(why.as_ref()))
                }
            }
        }
        Record::Question { step, text, to, deadline, .. } => {
            let whom = if to.is_empty() { String::new() } else { format!(" {}", to.join(", ")) };
            format!("asks{whom}{}: {}{}", on(step.as_ref()), excerpt(text), until(*deadline))
        }
        Record::Answer { step, answer, behalf, reason, .. } => {
            let name = match behalf {
                Some(behalf) => format!("{behalf}, as typed by {who},"),
                None => who.clone(),
            };
            format!("{name} answers {}{}{}", excerpt(answer_word(answer)), on(step.as_ref()), because(reason.as_ref()))
        }
        Record::QuestionWithdrawn { step, timed_out, .. } => {
            let why = if *timed_out { "nobody answered in time" } else { "it is no longer wanted" };
            format!("the question{} is withdrawn: {why}", on(step.as_ref()))
        }
        Record::EscalationSent { step, to, person, channel, .. } => {
            format!("{step}: told {} by {channel}", whom(to, person.as_ref()))
        }
        Record::EscalationFailed { step, to, person, channel, error } => {
            format!("{step}: {channel} could not tell {}: {}", whom(to, person.as_ref()), excerpt(error))
        }
        Record::EscalationWidened { step, to } => {
            format!("{step}: nobody acknowledged in time, so the rest is told: {}", to.join(", "))
        }
        Record::EscalationWaiting { step, from, told: false, .. } => {
            let whom = if from.is_empty() { "people".to_owned() } else { from.join(", ") };
            format!("{step}: tells {whom}, who may acknowledge from now on")
        }
        Record::EscalationWaiting { step, from, deadline, .. } => {
            let whom = if from.is_empty() { "anybody".to_owned() } else { from.join(", ") };
            format!("{step}: waits for {whom} to acknowledge{}", until(*deadline))
        }
        Record::EscalationAcknowledged { step, by } => format!("{step}: acknowledged by {by}"),
        Record::EscalationTimedOut { step } => format!("{step}: nobody acknowledged in time"),
        Record::Attachment { step, name, output, note } => {
            let had = output.as_ref().map_or("could not be had".to_owned(), |output| format!("{} bytes", output.bytes));
            format!("{step}: attached {}, {had}{}", excerpt(name), because(note.as_ref()))
        }
        Record::Note { step, text } => format!("{who} notes{}: {}", on(step.as_ref()), excerpt(text)),
        Record::Handover { step, to } => {
            format!("the run is handed over to {}{}", to.join(", "), on(step.as_ref()).replacen(" on ", " by ", 1))
        }
        Record::HandoverConfirmed { to } if to == who => format!("{who} takes the run over"),
        Record::HandoverConfirmed { to } => format!("{who} takes the run over, of {to}"),
        Record::DoubtOpened { key, why } => format!("{}: in doubt, {}", attempt(key), excerpt(why)),
        Record::DoubtSettled { key, word, by, reason, .. } => {
            let by = if by == "person" { who } else { by };
            format!(
                "{}: the doubt is settled by {by}, {}{}",
                attempt(key),
                override_words(*word),
                because(reason.as_ref())
            )
        }
        Record::Override { step, word, reason, .. } => {
            format!("{step}: override by {who}, {}: {}", override_words(*word), excerpt(reason))
        }
        Record::ClockJumped { by_ms } => {
            let by = moment::words(std::time::Duration::from_millis(by_ms.unsigned_abs()));
            format!("the clock jumped {} by {by}", if *by_ms < 0 { "back" } else { "forward" })
        }
        Record::Recovered { bytes } => format!("a torn last line of {bytes} bytes was moved away"),
        Record::PhaseEntered { phase, cause } => {
            format!("{}{}", phase_words(*phase), cause.as_ref().map(cause_words).unwrap_or_default())
        }
        Record::RunSuspended { waits_for } if waits_for.is_empty() => "the process ends, the run does not".to_owned(),
        Record::RunSuspended { waits_for } => format!("the process ends, the run waits for {}", waits_for.join("; ")),
        Record::RunResumed { host, version, .. } => format!("{who} resumes the run on {host}, runbook {version}"),
        Record::RunCancelled { reason } => format!("{who} cancels the run: {}", excerpt(reason)),
        Record::Refused { verb, step, why, .. } => {
            format!("refused: {verb}{} by {who}: {}", on(step.as_ref()), excerpt(why))
        }
        Record::RunSealed { outcome, reason, open } => {
            let open = if open.is_empty() { String::new() } else { format!("; open: {}", open.join("; ")) };
            format!("the run is sealed as {}: {}{open}", outcome.word(), excerpt(reason))
        }
    }
}

fn started(who: &str, run: &RunStarted) -> String {
    let mode = match run.mode {
        Mode::Real => "",
        Mode::Dry { probe: false } => "a DRY RUN of ",
        Mode::Dry { probe: true } => "a DRY RUN, with probes, of ",
        Mode::Drill => "a DRILL of ",
    };
    let again = run.retry_of.as_ref().map(|earlier| format!(", which tries run {} again", earlier.run));
    format!("{who} starts {mode}{}: {}{}", run.runbook, run.title, again.unwrap_or_default())
}

fn printed(key: &AttemptKey, stream: Stream, output: &Output) -> String {
    let name = match stream {
        Stream::Stdout => "standard output",
        Stream::Stderr => "standard error",
        Stream::Body => "body of the answer",
    };
    let first = output.head.lines().next().unwrap_or_default();
    let shown = if first.is_empty() { String::new() } else { format!(", `{}`", excerpt(first)) };
    format!("{}: {name}, {} bytes{shown}", attempt(key), output.bytes)
}

fn end_words(end: &End) -> String {
    match end {
        End::Exited(code) => format!("exit code {code}"),
        End::Signalled(signal) => format!("signal {signal}"),
        End::TimedOut => "out of time".to_owned(),
        End::Stopped => "stopped".to_owned(),
        End::NotStarted(_) => "not started".to_owned(),
        End::Answered { status, .. } => format!("status {status}"),
        End::NoAnswer(_) => "no answer".to_owned(),
        End::Wrote => "written".to_owned(),
        End::Lost(_) => "lost".to_owned(),
    }
}

fn settlement_words(settlement: Settlement) -> &'static str {
    match settlement {
        Settlement::Ran => "",
        Settlement::AlreadySo => ", already so",
        Settlement::ByHand => ", done by hand",
        Settlement::Overruled => ", overruled",
        Settlement::Settled => ", as a person or its check says",
        Settlement::Expired => ", not approved in time",
        Settlement::Unanswered => ", nobody answered in time",
        Settlement::Denied => ", denied",
        Settlement::Withheld => ", not run in this mode",
    }
}

fn phase_words(phase: Phase) -> &'static str {
    match phase {
        Phase::Steps => "steps follow one another",
        Phase::Ending => "the run is ending",
        Phase::Rollback => "what was done is undone",
        Phase::Finally => "the last steps run",
        Phase::Over => "everything has come to its end",
    }
}

fn cause_words(cause: &EndCause) -> String {
    match cause {
        EndCause::Complete => ": every step has settled".to_owned(),
        EndCause::Failed(step) => format!(": nothing handled the failure of {step}"),
        EndCause::TookFailed(step) => format!(": {step} decided so"),
        EndCause::Denied(step) => format!(": {step} was denied"),
        EndCause::Handover(step) => format!(": {step} handed it over"),
        EndCause::Cancelled => ": it was cancelled".to_owned(),
        EndCause::Around => ": the run around it is ending".to_owned(),
    }
}
