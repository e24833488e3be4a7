//! Entries about people: approvals, decisions, questions, doubts, notes.

use runbook_core::run::record::{AnswerWord, Branch, BranchChoice, QuestionKind, Record};
use serde_json::{Map, Value as Json};

use super::error::WireError;
use super::fields::{Fields, Reader};
use super::words;

pub(super) const REQUESTED: &str = "approval.requested";
pub(super) const GRANTED: &str = "approval.granted";
pub(super) const DENIED: &str = "approval.denied";
pub(super) const EXPIRED: &str = "approval.expired";
pub(super) const VOID: &str = "approval.void";
pub(super) const DECISION: &str = "decision";
pub(super) const QUESTION: &str = "question";
pub(super) const ANSWER: &str = "answer";
pub(super) const WITHDRAWN: &str = "question.withdrawn";
pub(super) const NOTE: &str = "note";
pub(super) const HANDOVER: &str = "handover";
pub(super) const CONFIRMED: &str = "handover.confirmed";
pub(super) const DOUBT_OPENED: &str = "doubt.opened";
pub(super) const DOUBT_SETTLED: &str = "doubt.settled";
pub(super) const OVERRIDE: &str = "override";
pub(super) const REFUSED: &str = "refused";

pub(super) fn read_requested(entry: Reader<'_>) -> Result<Record, WireError> {
    Ok(Record::ApprovalRequested {
        request: entry.number("request")?,
        key: entry.attempt_key()?,
        plan: entry.text("plan")?,
        deadline: entry.time_if_any("deadline")?,
    })
}

pub(super) fn read_granted(entry: Reader<'_>) -> Result<Record, WireError> {
    Ok(Record::ApprovalGranted {
        request: entry.number("request")?,
        key: entry.attempt_key()?,
        plan: entry.text("plan")?,
        reason: entry.text_if_any("reason")?,
    })
}

pub(super) fn read_denied(entry: Reader<'_>) -> Result<Record, WireError> {
    Ok(Record::ApprovalDenied {
        request: entry.number("request")?,
        key: entry.attempt_key()?,
        reason: entry.text("reason")?,
    })
}

pub(super) fn read_expired(entry: Reader<'_>) -> Result<Record, WireError> {
    Ok(Record::ApprovalExpired { request: entry.number("request")?, key: entry.attempt_key()? })
}

pub(super) fn read_void(entry: Reader<'_>) -> Result<Record, WireError> {
    Ok(Record::ApprovalVoid { request: entry.number("request")?, key: entry.attempt_key()?, why: entry.text("why")? })
}

pub(super) fn decision(
    step: &str,
    branch: &Branch,
    expression: &str,
    read: &[(String, String)],
    because: Option<&String>,
) -> Fields {
    let fields = put_branch(Fields::of_step(DECISION, step), branch);
    let fields = fields.text("expression", expression).text_if_any("because", because);
    if read.is_empty() {
        return fields;
    }
    // A list, not an object: the order is that of the expression, and a name may be read twice.
    let text = |text: &String| Json::String(text.clone());
    let read = read.iter().map(|(name, value)| {
        Json::Object(Map::from_iter([("name".to_owned(), text(name)), ("value".to_owned(), text(value))]))
    });
    fields.json("read", Json::Array(read.collect()))
}

pub(super) fn put_branch(fields: Fields, branch: &Branch) -> Fields {
    let fields = match branch.choice {
        BranchChoice::Case(number) => fields.text("branch", "case").number("number", number),
        BranchChoice::Otherwise => fields.text("branch", "otherwise"),
        BranchChoice::Choice(number) => fields.text("branch", "choice").number("number", number),
        BranchChoice::Undecided => fields.text("branch", "undecided"),
    };
    fields.list("to", &branch.to)
}

pub(super) fn branch_of(entry: Reader<'_>) -> Result<Branch, WireError> {
    let choice = match entry.text("branch")?.as_str() {
        "case" => BranchChoice::Case(branch_number(entry)?),
        "otherwise" => BranchChoice::Otherwise,
        "choice" => BranchChoice::Choice(branch_number(entry)?),
        "undecided" => BranchChoice::Undecided,
        _ => return Err(entry.wrong("branch", "case, otherwise, choice or undecided")),
    };
    Ok(Branch { choice, to: entry.list("to")? })
}

pub(super) fn read_decision(entry: Reader<'_>) -> Result<Record, WireError> {
    let pair = |item: &Json| {
        let text = |key| Some(item.get(key)?.as_str()?.to_owned());
        Some((text("name")?, text("value")?))
    };
    let read: Option<Vec<_>> = entry.array("read")?.iter().map(pair).collect();
    Ok(Record::Decision {
        step: entry.step()?,
        branch: branch_of(entry)?,
        expression: entry.text("expression")?,
        read: read.ok_or_else(|| entry.wrong("read", "a list of objects with name and value"))?,
        because: entry.text_if_any("because")?,
    })
}

fn branch_number(entry: Reader<'_>) -> Result<usize, WireError> {
    entry.number("number")
}

pub(super) fn put_question(fields: Fields, question: &QuestionKind) -> Fields {
    let word = match question {
        QuestionKind::YesNo => "yes_no",
        QuestionKind::Choice(_) => "choice",
        QuestionKind::Instruct => "instruct",
        QuestionKind::Proceed => "proceed",
        QuestionKind::Overrule => "overrule",
        QuestionKind::Doubt => "doubt",
        QuestionKind::Rollback => "rollback",
    };
    let fields = fields.text("question", word);
    if let QuestionKind::Choice(labels) = question { fields.list("choices", labels) } else { fields }
}

pub(super) fn read_question(entry: Reader<'_>) -> Result<Record, WireError> {
    let question = match entry.text("question")?.as_str() {
        "yes_no" => QuestionKind::YesNo,
        "choice" => QuestionKind::Choice(entry.list("choices")?),
        "instruct" => QuestionKind::Instruct,
        "proceed" => QuestionKind::Proceed,
        "overrule" => QuestionKind::Overrule,
        "doubt" => QuestionKind::Doubt,
        "rollback" => QuestionKind::Rollback,
        _ => return Err(entry.wrong("question", "a word for what is asked")),
    };
    Ok(Record::Question {
        request: entry.number("request")?,
        step: entry.step_if_any(),
        question,
        text: entry.text("text")?,
        collect: entry.list("collect")?,
        to: entry.list("to")?,
        deadline: entry.time_if_any("deadline")?,
    })
}

pub(super) fn put_answer(fields: Fields, answer: &AnswerWord) -> Fields {
    match answer {
        AnswerWord::Yes => fields.text("answer", "yes"),
        AnswerWord::No => fields.text("answer", "no"),
        AnswerWord::Choice(label) => fields.text("answer", "choice").text("choice", label),
    }
}

pub(super) fn read_answer(entry: Reader<'_>) -> Result<Record, WireError> {
    let answer = match entry.text("answer")?.as_str() {
        "yes" => AnswerWord::Yes,
        "no" => AnswerWord::No,
        "choice" => AnswerWord::Choice(entry.text("choice")?),
        _ => return Err(entry.wrong("answer", "yes, no or choice")),
    };
    Ok(Record::Answer {
        request: entry.number("request")?,
        step: entry.step_if_any(),
        answer,
        fields: entry.values("fields")?,
        behalf: entry.text_if_any("behalf")?,
        reason: entry.text_if_any("reason")?,
    })
}

pub(super) fn read_withdrawn(entry: Reader<'_>) -> Result<Record, WireError> {
    Ok(Record::QuestionWithdrawn {
        request: entry.number("request")?,
        step: entry.step_if_any(),
        timed_out: entry.flag("timed_out")?,
    })
}

pub(super) fn read_note(entry: Reader<'_>) -> Result<Record, WireError> {
    Ok(Record::Note { step: entry.step_if_any(), text: entry.text("text")? })
}

pub(super) fn read_handover(entry: Reader<'_>) -> Result<Record, WireError> {
    Ok(Record::Handover { step: entry.step_if_any(), to: entry.list("to")? })
}

pub(super) fn read_confirmed(entry: Reader<'_>) -> Result<Record, WireError> {
    Ok(Record::HandoverConfirmed { to: entry.text("to")? })
}

pub(super) fn read_doubt_opened(entry: Reader<'_>) -> Result<Record, WireError> {
    Ok(Record::DoubtOpened { key: entry.attempt_key()?, why: entry.text("why")? })
}

pub(super) fn read_doubt_settled(entry: Reader<'_>) -> Result<Record, WireError> {
    Ok(Record::DoubtSettled {
        key: entry.attempt_key()?,
        word: entry.word("word", words::SETTLE_WORDS, words::SETTLE_WORD)?,
        by: entry.text("by")?,
        reason: entry.text_if_any("reason")?,
        outputs: entry.values("outputs")?,
    })
}

pub(super) fn read_override(entry: Reader<'_>) -> Result<Record, WireError> {
    Ok(Record::Override {
        step: entry.step()?,
        word: entry.word("word", words::SETTLE_WORDS, words::SETTLE_WORD)?,
        reason: entry.text("reason")?,
        outputs: entry.values("outputs")?,
    })
}

pub(super) fn read_refused(entry: Reader<'_>) -> Result<Record, WireError> {
    Ok(Record::Refused {
        verb: entry.text("verb")?,
        step: entry.step_if_any(),
        why: entry.text("why")?,
        repeats: entry.flag_if_any("repeats")?.unwrap_or(false),
    })
}
