//! What a run waits for, as its transcript tells: for the verbs that answer from another terminal.

use std::collections::BTreeMap;

use runbook_core::run::record::{QuestionKind, Record, RequestId};
use runbook_transcript::entry::Entry;
use runbook_transcript::reader::{ReadError, Reader};
use runbook_transcript::run_dir::RunDir;
use runbook_transcript::wire;

/// Something that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// Its number in the run; a doubt has none before the question about it is asked.
    pub request: Option<RequestId>,
    /// The step; `None` for the question of rollback.
    pub step: Option<String>,
    /// The verb that answers it: `approve`, `answer`, `ack`, `settle`.
    pub verb: &'static str,
    /// What is asked, in words.
    pub text: String,
    /// The choices, where one is to be made.
    pub choices: Vec<String>,
}

/// What waits in a run, and whether it is over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Waiting {
    /// What waits, oldest first.
    pub open: Vec<Open>,
    /// The run is sealed.
    pub is_over: bool,
}

impl Waiting {
    /// Reads a run's transcript as far as it goes.
    ///
    /// # Errors
    /// [`ReadError`] when it cannot be read, or a line of it is broken; a last line that is being written is no error.
    pub fn read(run: &RunDir) -> Result<Self, ReadError> {
        // A run that is just taken up has its torn last line moved away meanwhile; what is broken stays so.
        Self::read_once(run).or_else(|_| Self::read_once(run))
    }

    fn read_once(run: &RunDir) -> Result<Self, ReadError> {
        let mut fold = Fold::default();
        for entry in Reader::open(&run.transcript(), Some(run.id().clone())).map_err(ReadError::File)? {
            match entry {
                Ok(entry) => fold.take(&entry),
                Err(ReadError::Torn { .. }) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(fold.end())
    }
}

#[derive(Default)]
struct Fold {
    open: BTreeMap<RequestId, Open>,
    /// Commands as planned, by step.
    planned: BTreeMap<String, String>,
    /// Doubts by their step, until the question is there that is asked about one, or a check settles it: their entry
    /// has no number.
    doubts: BTreeMap<String, Open>,
    is_over: bool,
}

impl Fold {
    fn take(&mut self, entry: &Entry) {
        // What this program does not know opens nothing it could answer.
        if let Ok(record) = wire::decode(&entry.kind, entry.step.as_deref(), entry.attempt, &entry.d) {
            self.record(&record);
        }
    }

    fn opens(&mut self, request: RequestId, step: Option<&String>, verb: &'static str, text: &str, choices: &[String]) {
        let open = Open {
            request: Some(request),
            step: step.cloned(),
            verb,
            text: text.to_owned(),
            choices: choices.to_vec(),
        };
        self.open.insert(request, open);
    }

    fn closes(&mut self, step: &str) {
        self.doubts.remove(step);
        self.open.retain(|_, open| open.step.as_deref() != Some(step));
    }

    fn end(self) -> Waiting {
        Waiting { open: self.open.into_values().chain(self.doubts.into_values()).collect(), is_over: self.is_over }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "most records neither ask nor answer")]
    fn record(&mut self, record: &Record) {
        match record {
            Record::StepPlanned { key, shown, .. } => {
                self.planned.insert(key.step.clone(), shown.clone());
            }
            Record::ApprovalRequested { request, key, .. } => {
                let shown = self.planned.get(&key.step).cloned().unwrap_or_default();
                self.opens(*request, Some(&key.step), "approve", &format!("$ {shown}"), &[]);
            }
            Record::Question { request, step, question, text, .. } => {
                let verb = match question {
                    QuestionKind::Overrule | QuestionKind::Doubt => "settle",
                    QuestionKind::YesNo
                    | QuestionKind::Choice(_)
                    | QuestionKind::Instruct
                    | QuestionKind::Proceed
                    | QuestionKind::Rollback => "answer",
                };
                if let (QuestionKind::Doubt, Some(step)) = (question, step) {
                    self.doubts.remove(step);
                }
                let choices = if let QuestionKind::Choice(labels) = question { labels.as_slice() } else { &[] };
                self.opens(*request, step.as_ref(), verb, text, choices);
            }
            Record::DoubtOpened { key, why } => {
                let text = format!("in doubt: {why}");
                let open =
                    Open { request: None, step: Some(key.step.clone()), verb: "settle", text, choices: Vec::new() };
                self.doubts.insert(key.step.clone(), open);
            }
            Record::EscalationWaiting { request, step, from, .. } => {
                self.opens(*request, Some(step), "ack", &format!("{} should acknowledge", from.join(", ")), &[]);
            }
            Record::ApprovalGranted { request, .. }
            | Record::ApprovalDenied { request, .. }
            | Record::ApprovalExpired { request, .. }
            | Record::ApprovalVoid { request, .. }
            | Record::Answer { request, .. }
            | Record::QuestionWithdrawn { request, .. } => {
                self.open.remove(request);
            }
            Record::DoubtSettled { key, .. } => self.closes(&key.step),
            Record::Override { step, .. }
            | Record::StepSettled { step, .. }
            | Record::StepSkipped { step, .. }
            | Record::EscalationTimedOut { step } => self.closes(step),
            Record::RunSealed { .. } => {
                self.open.clear();
                self.doubts.clear();
                self.is_over = true;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use runbook_core::run::record::{AnswerWord, AttemptKey, Part, SettleWord};

    use super::*;

    fn key(step: &str) -> AttemptKey {
        AttemptKey { step: step.to_owned(), part: Part::Main, attempt: 1 }
    }

    fn fold(records: &[Record]) -> Vec<(Option<String>, &'static str, String)> {
        let mut fold = Fold::default();
        for record in records {
            fold.record(record);
        }
        fold.end().open.into_iter().map(|open| (open.step, open.verb, open.text)).collect()
    }

    fn asked_about(step: &str, request: RequestId) -> Record {
        Record::Question {
            request,
            step: Some(step.to_owned()),
            question: QuestionKind::Doubt,
            text: "was it done?".to_owned(),
            collect: Vec::new(),
            to: Vec::new(),
            deadline: None,
        }
    }

    #[test]
    fn a_doubt_and_the_question_about_it_are_one_thing_that_waits() {
        // The first is settled by a check, so its question never comes; the second has the first number then.
        let records = [
            Record::DoubtOpened { key: key("a"), why: "a signal".to_owned() },
            Record::DoubtSettled {
                key: key("a"),
                word: SettleWord::NotDone,
                by: "idempotent".to_owned(),
                reason: None,
                outputs: BTreeMap::new(),
            },
            Record::DoubtOpened { key: key("b"), why: "a signal".to_owned() },
            asked_about("b", 1),
        ];
        assert_eq!(fold(&records), [(Some("b".to_owned()), "settle", "was it done?".to_owned())]);
    }

    #[test]
    fn what_was_asked_is_open_until_it_is_answered() {
        let planned = Record::StepPlanned { key: key("a"), plan: "0".repeat(64), shown: "stop it".to_owned() };
        let asked = Record::ApprovalRequested { request: 1, key: key("a"), plan: "0".repeat(64), deadline: None };
        let question = Record::Question {
            request: 2,
            step: None,
            question: QuestionKind::Rollback,
            text: "undo?".to_owned(),
            collect: Vec::new(),
            to: Vec::new(),
            deadline: None,
        };
        let doubt = Record::DoubtOpened { key: key("b"), why: "a signal".to_owned() };
        let mut records = vec![planned, asked, question, doubt];
        assert_eq!(
            fold(&records),
            [
                (Some("a".to_owned()), "approve", "$ stop it".to_owned()),
                (None, "answer", "undo?".to_owned()),
                (Some("b".to_owned()), "settle", "in doubt: a signal".to_owned()),
            ]
        );
        records.push(Record::ApprovalDenied { request: 1, key: key("a"), reason: "no".to_owned() });
        records.push(Record::DoubtSettled {
            key: key("b"),
            word: SettleWord::Done,
            by: "person".to_owned(),
            reason: None,
            outputs: BTreeMap::new(),
        });
        records.push(Record::Answer {
            request: 2,
            step: None,
            answer: AnswerWord::No,
            fields: BTreeMap::new(),
            behalf: None,
            reason: None,
        });
        assert_eq!(fold(&records), []);
    }
}
