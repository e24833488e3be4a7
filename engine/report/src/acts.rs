//! What was done to the world: one row for each attempt of an act, for an auditor's list.
//!
//! A row is made of records alone, and names the entries it rests on. An act that was asked for and never allowed has a
//! row too: a denial is what an auditor looks for first.

use std::collections::BTreeMap;

use jiff::Timestamp;
use runbook_core::document::model::Kind;
use runbook_core::run::record::{
    AnswerWord, AttemptKey, Auth, Mode, Part, QuestionKind, Record, RequestId, RunStarted, SettleWord,
};

use crate::entry::{About, Folded};

/// How it was allowed, or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// `granted`, `denied`, `expired` or `void`.
    pub what: &'static str,
    /// Who; the engine where nobody answered.
    pub by: String,
    /// How it is known who it was: `tty`, `ssh`, `token`, `oidc` or `system`.
    pub auth: &'static str,
    /// From where: `terminal`, `inbox/…`, `option --yes`.
    pub origin: String,
    /// When.
    pub at: Timestamp,
    /// Why, if said.
    pub reason: Option<String>,
    /// The entry.
    pub n: u64,
}

/// One attempt of an act, or of its undo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// The step: `shut_down`, an item `drain[2]`, of a called runbook `outage/restart`.
    pub step: String,
    /// Whether it is the act's `undo`.
    pub is_undo: bool,
    /// Its number, from 1.
    pub attempt: u32,
    /// What ran, on one line; of an instruction its text.
    pub what: String,
    /// Digest of the execution plan; `None` for what a person did by hand.
    pub plan: Option<String>,
    /// The last word on whether it may run; `None` where nobody was asked.
    pub consent: Option<Consent>,
    /// When it was planned, or asked of a person.
    pub planned: Timestamp,
    /// When it was started; `None` where it never was.
    pub started: Option<Timestamp>,
    /// When its end was known.
    pub ended: Option<Timestamp>,
    /// `passed`, `failed`, `unknown`, `denied`, `expired`, `not started` or `open`.
    pub outcome: &'static str,
    /// Why, where it did not pass.
    pub reason: Option<String>,
    /// A person's or a check's word that stands over the outcome: `done says ana: …`.
    pub settled_by: Option<String>,
    /// The entries it rests on, in order.
    pub entries: Vec<u64>,
}

/// What all acts of a run have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Of {
    /// The run.
    pub run: String,
    /// Its runbook.
    pub runbook: String,
    /// Digest of the runbook's source.
    pub source: String,
    /// The commit, if there was a repository.
    pub commit: Option<String>,
    /// Whether the file differed from it.
    pub dirty: Option<bool>,
    /// Who started the run.
    pub operator: String,
    /// When.
    pub started: Timestamp,
}

/// The acts of a real run, in the order in which they were planned; `None` of a run that changed nothing by what it was
/// for: a dry run, a drill.
#[must_use]
pub fn acts(about: &About, entries: &[Folded]) -> Option<(Of, Vec<Act>)> {
    let first = entries.first()?;
    let Record::RunStarted(started) = &first.record else { return None };
    if started.mode != Mode::Real {
        return None;
    }
    let mut fold = Fold { about, rows: Vec::new(), asked: BTreeMap::new() };
    for entry in entries {
        fold.take(entry);
    }
    Some((of(about, started, first), fold.end()))
}

fn of(about: &About, started: &RunStarted, first: &Folded) -> Of {
    Of {
        run: about.run.clone(),
        runbook: started.runbook.clone(),
        source: started.source.clone(),
        commit: started.commit.clone(),
        dirty: started.dirty,
        operator: first.actor.id.clone(),
        started: first.ts,
    }
}

struct Row {
    key: AttemptKey,
    act: Act,
    /// It was let go by the engine, which only an act has to be.
    is_released: bool,
}

struct Fold<'a> {
    about: &'a About,
    rows: Vec<Row>,
    /// What a person is to do by hand, by the request.
    asked: BTreeMap<RequestId, usize>,
}

impl Fold<'_> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "most records are about no act")]
    fn take(&mut self, entry: &Folded) {
        match &entry.record {
            Record::StepPlanned { key, plan, shown } if matches!(key.part, Part::Main | Part::Undo) => {
                self.row(key, shown, Some(plan), entry);
            }
            Record::Question { request, step: Some(step), question: QuestionKind::Instruct, text, .. } => {
                let attempt = self.rows.iter().filter(|row| row.key.step == *step).count();
                let attempt = u32::try_from(attempt).unwrap_or(u32::MAX).saturating_add(1);
                self.asked.insert(*request, self.rows.len());
                self.row(&AttemptKey { step: step.clone(), part: Part::Main, attempt }, text, None, entry);
            }
            Record::ApprovalGranted { key, reason, .. } => self.consent(key, "granted", reason.clone(), entry),
            Record::ApprovalDenied { key, reason, .. } => self.consent(key, "denied", Some(reason.clone()), entry),
            Record::ApprovalExpired { key, .. } => self.consent(key, "expired", None, entry),
            Record::ApprovalVoid { key, why, .. } => self.consent(key, "void", Some(why.clone()), entry),
            Record::StepIntent { key, plan: Some(_), .. } => self.at(key, entry.n, |row| {
                row.act.started = Some(entry.ts);
                row.act.outcome = "open";
            }),
            Record::StepReleased { key } => self.at(key, entry.n, |row| row.is_released = true),
            // What a person did by hand has its end from their answer.
            Record::AttemptEnded { key, .. } if self.is_by_hand(key) => {}
            Record::AttemptEnded { key, outcome, reason, .. } => self.at(key, entry.n, |row| {
                row.act.ended = Some(entry.ts);
                row.act.outcome = if row.act.started.is_none() { "not started" } else { outcome.word() };
                row.act.reason.clone_from(reason);
            }),
            Record::DoubtSettled { key, word, by, reason, .. } => self.at(key, entry.n, |row| {
                let by = if by == "person" { &entry.actor.id } else { by };
                row.act.settled_by = Some(said(*word, by, reason.as_deref()));
            }),
            Record::Override { step, word, reason, .. } => {
                if let Some(row) = self.rows.iter_mut().rfind(|row| row.key.step == *step) {
                    row.act.settled_by = Some(said(*word, &entry.actor.id, Some(reason)));
                    row.act.entries.push(entry.n);
                }
            }
            Record::Answer { request, answer, behalf, reason, .. } => {
                self.done_by_hand(*request, answer, behalf.as_ref(), reason.as_ref(), entry);
            }
            Record::QuestionWithdrawn { request, timed_out, .. } => {
                if let Some(row) = self.asked.remove(request).and_then(|row| self.rows.get_mut(row)) {
                    row.act.ended = Some(entry.ts);
                    row.act.outcome = if *timed_out { "expired" } else { "not started" };
                    row.act.entries.push(entry.n);
                }
            }
            _ => {}
        }
    }

    fn row(&mut self, key: &AttemptKey, what: &str, plan: Option<&String>, entry: &Folded) {
        let act = Act {
            step: key.step.clone(),
            is_undo: key.part == Part::Undo,
            attempt: key.attempt,
            what: what.to_owned(),
            plan: plan.cloned(),
            consent: None,
            planned: entry.ts,
            started: None,
            ended: None,
            outcome: "not started",
            reason: None,
            settled_by: None,
            entries: vec![entry.n],
        };
        self.rows.push(Row { key: key.clone(), act, is_released: false });
    }

    fn at(&mut self, key: &AttemptKey, n: u64, change: impl FnOnce(&mut Row)) {
        if let Some(row) = self.rows.iter_mut().rfind(|row| row.key == *key) {
            row.act.entries.push(n);
            change(row);
        }
    }

    fn is_by_hand(&self, key: &AttemptKey) -> bool {
        self.rows.iter().rfind(|row| row.key == *key).is_some_and(|row| row.act.plan.is_none())
    }

    /// The approval of a loop is of all its items.
    fn consent(&mut self, key: &AttemptKey, what: &'static str, reason: Option<String>, entry: &Folded) {
        let consent = Consent {
            what,
            by: entry.actor.id.clone(),
            auth: auth(entry.actor.auth),
            origin: entry.actor.origin.clone(),
            at: entry.ts,
            reason,
            n: entry.n,
        };
        let items = format!("{}[", key.step);
        let covered = |row: &&mut Row| {
            row.key == *key || row.key.part == key.part && row.act.started.is_none() && row.key.step.starts_with(&items)
        };
        for row in self.rows.iter_mut().filter(covered) {
            row.act.entries.push(entry.n);
            row.act.consent = Some(consent.clone());
            if matches!(what, "denied" | "expired") {
                row.act.outcome = what;
            }
        }
    }

    fn done_by_hand(
        &mut self,
        request: RequestId,
        answer: &AnswerWord,
        behalf: Option<&String>,
        reason: Option<&String>,
        entry: &Folded,
    ) {
        let Some(row) = self.asked.remove(&request).and_then(|row| self.rows.get_mut(row)) else { return };
        let by = match behalf {
            Some(behalf) => format!("{behalf}, as typed by {}", entry.actor.id),
            None => entry.actor.id.clone(),
        };
        row.act.ended = Some(entry.ts);
        row.act.outcome = if *answer == AnswerWord::No { "failed" } else { "passed" };
        row.act.reason = reason.cloned();
        row.act.settled_by = Some(format!("by hand by {by}"));
        row.act.entries.push(entry.n);
    }

    /// What was looked at is no act. Of a step that the runbook does not tell (one of a runbook it called) the release
    /// tells, which only an act needs.
    fn end(self) -> Vec<Act> {
        let about = self.about;
        let is_act = |row: &Row| {
            let path = &row.key.step;
            let id = path.split_once('[').map_or(path.as_str(), |(id, _)| id);
            let known = about.steps.iter().find(|step| step.id == *path || step.id == id);
            known.map_or(row.is_released, |step| step.kind == Kind::Act)
        };
        self.rows.into_iter().filter(is_act).map(|row| row.act).collect()
    }
}

fn auth(auth: Auth) -> &'static str {
    match auth {
        Auth::Tty => "tty",
        Auth::Ssh => "ssh",
        Auth::Token => "token",
        Auth::Oidc => "oidc",
        Auth::System => "system",
    }
}

fn said(word: SettleWord, by: &str, reason: Option<&str>) -> String {
    let word = match word {
        SettleWord::Done => "done",
        SettleWord::NotDone => "not done",
        SettleWord::Again => "again",
        SettleWord::ByHand => "by hand",
        SettleWord::GoOn => "go on",
        SettleWord::Fail => "failed",
    };
    match reason {
        Some(reason) => format!("{word}, says {by}: {reason}"),
        None => format!("{word}, says {by}"),
    }
}
