//! The commands that answer a request from any terminal: they work as they are printed, or say what to choose.

use std::collections::BTreeMap;

use runbook_core::run::event::Input;
use runbook_core::run::record::{QuestionKind, SettleWord};
use runbook_core::run::request::{Request, RequestKind};
use runbook_core::run::state::RunState;

use crate::place::Place;

/// The words that settle a request as the run stands: while it is ending, or where others have to approve, nothing is
/// done once more.
#[must_use]
pub fn settled_by(request: &Request, state: &RunState) -> Vec<SettleWord> {
    let kind = request.step.as_deref().and_then(|step| state.plan().step_at(step)).map(|step| step.kind.value);
    let again = || Input::Settle {
        step: request.step.clone(),
        word: SettleWord::Again,
        reason: Some("it is asked whether it could be".to_owned()),
        outputs: BTreeMap::new(),
    };
    let mut words = kind.map_or(Vec::new(), |kind| request.settle_words(kind).to_vec());
    words.retain(|word| *word != SettleWord::Again || state.would_decline(state.operator(), again()).is_none());
    words
}

/// The commands for a request of a run: the first is the one most often wanted. `words` are those that settle it.
#[must_use]
pub fn answers(request: &Request, words: &[SettleWord], run: &str, place: &Place) -> Vec<String> {
    let allowed = words;
    let mut words = vec![run];
    words.extend(request.step.as_deref());
    let with = |verb: &str, more: &[&str]| {
        let all: Vec<&str> = std::iter::once(verb).chain(words.iter().copied()).chain(more.iter().copied()).collect();
        place.command(&all)
    };
    // Without a step, RUN alone stands before the answer, which is as clear.
    match &request.kind {
        RequestKind::Approval { .. } => vec![with("approve", &[]), with("deny", &["--reason", "…"])],
        RequestKind::Acknowledge { .. } => vec![with("ack", &[])],
        RequestKind::Question(question) => {
            let fields: Vec<String> = request.collect.iter().map(|(name, _)| format!("{name}=…")).collect();
            let fields: Vec<&str> = fields.iter().flat_map(|field| ["--field", field.as_str()]).collect();
            let answered = |word: &str| with("answer", &[&[word], fields.as_slice()].concat());
            match question {
                QuestionKind::YesNo => vec![answered("yes"), with("answer", &["no"])],
                QuestionKind::Rollback | QuestionKind::Proceed => {
                    vec![with("answer", &["yes"]), with("answer", &["no"])]
                }
                QuestionKind::Instruct => vec![answered("done"), with("answer", &["could not"])],
                QuestionKind::Choice(labels) => labels.iter().map(|label| answered(label)).collect(),
                QuestionKind::Doubt | QuestionKind::Overrule => allowed
                    .iter()
                    .map(|word| {
                        let reason: &[&str] = if *word == SettleWord::Fail { &[] } else { &["--reason", "…"] };
                        with("settle", &[&[settle_flag(*word)], reason].concat())
                    })
                    .collect(),
            }
        }
    }
}

/// The option of `settle` for a word.
#[must_use]
pub fn settle_flag(word: SettleWord) -> &'static str {
    match word {
        SettleWord::Done => "--done",
        SettleWord::NotDone => "--not-done",
        SettleWord::Again => "--again",
        SettleWord::ByHand => "--by-hand",
        SettleWord::GoOn => "--go-on",
        SettleWord::Fail => "--fail",
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn request(kind: RequestKind, step: Option<&str>) -> Request {
        Request {
            id: 1,
            step: step.map(str::to_owned),
            kind,
            text: String::new(),
            since: jiff::Timestamp::UNIX_EPOCH,
            deadline: None,
            to: Vec::new(),
            collect: Vec::new(),
            link: None,
        }
    }

    #[test]
    fn each_request_has_its_commands() {
        let place = Place::find(None, Some(Path::new("/s t")), Path::new("/"), "runbook");
        let words = [SettleWord::Again, SettleWord::GoOn, SettleWord::Fail];
        let of = |kind, step| answers(&request(kind, step), &words, "r1", &place);
        assert_eq!(
            of(RequestKind::Question(QuestionKind::Choice(vec!["leave it".to_owned()])), Some("paid")),
            ["runbook answer r1 paid 'leave it' --store '/s t'"]
        );
        let rollback = of(RequestKind::Question(QuestionKind::Rollback), None);
        assert_eq!(rollback.first().map(String::as_str), Some("runbook answer r1 yes --store '/s t'"));
        assert_eq!(
            of(RequestKind::Question(QuestionKind::Overrule), Some("active")),
            [
                "runbook settle r1 active --again --reason '…' --store '/s t'",
                "runbook settle r1 active --go-on --reason '…' --store '/s t'",
                "runbook settle r1 active --fail --store '/s t'",
            ]
        );
        let ack = RequestKind::Acknowledge { missing: Vec::new(), all: false };
        assert_eq!(of(ack, Some("tell")), ["runbook ack r1 tell --store '/s t'"]);
    }
}
