//! A question to the operator: which keys answer it, what is typed after them, and what comes of it.
//!
//! Pure: keys go in, what to show and what to hand in come out. Return never means yes.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use runbook_core::document::model::{Param, ParamKind};
use runbook_core::id::VariableName;
use runbook_core::run::event::Input;
use runbook_core::run::record::{AnswerWord, QuestionKind, SettleWord};
use runbook_core::run::request::{Request, RequestKind};

use super::key::{Key, edit};
use crate::text::{Line, Style};

/// Choices that have a digit of their own.
const DIGITS: usize = 9;

/// What a key at a prompt comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum PromptStep {
    /// The prompt looks different now.
    Redraw,
    /// This is said.
    Say(Input),
    /// Why this is asked, and what follows.
    Why,
    /// The output of the last steps.
    ShowOutput,
    /// The command is copied.
    Copy,
}

/// A prompt: a request that waits, or none, where only a note, the output and handing over are offered.
#[derive(Debug, Clone)]
pub struct Prompt {
    request: Option<Request>,
    /// The words that settle it, as the run stands.
    words: Vec<SettleWord>,
    /// Outputs that later steps read: asked for where a person stands in for the step.
    outputs: Vec<String>,
    mode: Mode,
    /// What the last key did wrong.
    hint: Option<String>,
}

/// What the next key means.
#[derive(Debug, Clone)]
enum Mode {
    /// One of the keys offered.
    Choose,
    /// A line is typed.
    Typing { what: Typed, text: String },
}

/// What a line is typed for.
#[derive(Debug, Clone)]
enum Typed {
    /// A note.
    Note,
    /// To whom the run is handed over.
    HandOver,
    /// Why an act is denied.
    Deny,
    /// The number of a choice, of more than nine.
    Number,
    /// Why a step is settled so.
    Settle(SettleWord),
    /// The next output, where a person stands in for the step.
    Output { word: SettleWord, reason: Option<String>, typed: BTreeMap<String, String>, at: usize },
    /// The next field of a question.
    Field { answer: AnswerWord, typed: BTreeMap<String, String>, at: usize },
}

/// A key and what it means, for the line of keys.
type Meaning = (char, &'static str);

impl Prompt {
    /// The prompt for a request. `words` are those that settle it, `outputs` those of its outputs that later steps read.
    #[must_use]
    pub fn of(request: Request, words: Vec<SettleWord>, outputs: Vec<String>) -> Self {
        Self { request: Some(request), words, outputs, mode: Mode::Choose, hint: None }
    }

    /// The prompt while nothing waits: nothing is asked, a note and the rest can be had.
    #[must_use]
    pub fn idle() -> Self {
        Self { request: None, words: Vec::new(), outputs: Vec::new(), mode: Mode::Choose, hint: None }
    }

    /// Whether nothing is asked and nothing typed.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.request.is_none() && matches!(self.mode, Mode::Choose)
    }

    /// The words that settle what it asks about.
    #[must_use]
    pub fn words(&self) -> &[SettleWord] {
        &self.words
    }

    /// What it asks about; `None` while nothing waits.
    #[must_use]
    pub fn request(&self) -> Option<&Request> {
        self.request.as_ref()
    }

    /// What was being typed when the question went away: a note or a hand-over is typed on at the next prompt, of the
    /// rest comes what was typed so far.
    pub fn carry_on(&mut self, before: Self) -> Option<String> {
        let Mode::Typing { what, text } = before.mode.clone() else { return None };
        match what {
            Typed::Note | Typed::HandOver => {
                self.mode = before.mode;
                None
            }
            what if before.is_secret(&what) || text.is_empty() => None,
            Typed::Deny | Typed::Number | Typed::Settle(_) | Typed::Output { .. } | Typed::Field { .. } => Some(text),
        }
    }

    /// The keys that answer, in their order.
    fn answers(&self) -> Vec<Meaning> {
        let Some(request) = &self.request else { return Vec::new() };
        match &request.kind {
            RequestKind::Approval { .. } => vec![('y', "run it"), ('n', "deny it")],
            RequestKind::Acknowledge { .. } => vec![('a', "it was seen")],
            RequestKind::Question(QuestionKind::YesNo) => vec![('y', "yes"), ('n', "no")],
            RequestKind::Question(QuestionKind::Rollback) => vec![('y', "undo it"), ('n', "leave it as it is")],
            RequestKind::Question(QuestionKind::Proceed) => vec![('y', "start it"), ('n', "not now, let the run wait")],
            RequestKind::Question(QuestionKind::Instruct) => vec![('d', "done"), ('n', "could not")],
            RequestKind::Question(QuestionKind::Choice(_)) => Vec::new(),
            RequestKind::Question(QuestionKind::Doubt | QuestionKind::Overrule) => {
                self.words.iter().map(|word| settle_key(*word)).collect()
            }
        }
    }

    /// The keys that help, in their order.
    fn helps(&self) -> Vec<Meaning> {
        let mut helps =
            vec![('?', "why this is asked, and what follows"), ('t', "write a note"), ('o', "output so far")];
        if self.command().is_some() {
            helps.push(('c', "copy the command"));
        }
        helps.push(('h', "hand over"));
        helps
    }

    /// The command that would run, if the question is about one.
    #[must_use]
    pub fn command(&self) -> Option<&str> {
        match &self.request.as_ref()?.kind {
            RequestKind::Approval { shown, .. } => Some(shown),
            RequestKind::Question(_) | RequestKind::Acknowledge { .. } => None,
        }
    }

    fn labels(&self) -> &[String] {
        match self.request.as_ref().map(|request| &request.kind) {
            Some(RequestKind::Question(QuestionKind::Choice(labels))) => labels,
            _ => &[],
        }
    }

    fn fields(&self) -> &[(VariableName, Param)] {
        self.request.as_ref().map_or(&[], |request| &request.collect)
    }

    /// What stands above the prompt, once: what is asked, all of it, and what the keys mean.
    #[must_use]
    pub fn intro(&self) -> Vec<Line> {
        let Some(request) = &self.request else { return Vec::new() };
        let mut lines = Vec::new();
        let indent = "       ";
        match &request.kind {
            RequestKind::Approval { shown, destructive, .. } => {
                let what = if *destructive {
                    "This is destructive. It would run exactly this:"
                } else {
                    "It would run exactly this:"
                };
                lines.push(Line::plain(indent).and(if *destructive { Style::Bad } else { Style::Strong }, what));
                lines.push(Line::plain(indent).and(Style::Command, "$ ").and(Style::Command, shown));
            }
            // Whom it waits for has just been told.
            RequestKind::Acknowledge { .. } => {}
            RequestKind::Question(kind) => {
                let look = if matches!(kind, QuestionKind::Doubt | QuestionKind::Overrule) {
                    Style::Look
                } else {
                    Style::Strong
                };
                lines.extend(request.text.lines().map(|line| Line::plain(indent).and(look, line)));
                lines.extend(self.labels().iter().zip(1..).map(|(label, number): (_, u32)| {
                    Line::plain(indent).and(Style::Strong, &format!("{number}  ")).and(Style::Plain, label)
                }));
            }
        }
        let is_told = matches!(request.kind, RequestKind::Acknowledge { .. });
        if !request.to.is_empty() && !is_told {
            lines.push(
                Line::plain(indent)
                    .and(Style::Faint, &format!("asked: {}; you can answer for them", request.to.join(", "))),
            );
        }
        if let Some(link) = &request.link {
            lines.push(Line::plain(indent).and(Style::Faint, "see ").and(Style::Plain, link));
        }
        let meanings = self.answers().into_iter().chain(self.helps());
        let keys: Vec<String> = meanings.map(|(key, meaning)| format!("{key} {meaning}")).collect();
        lines.push(Line::plain(indent).and(Style::Faint, &keys.join(" · ")));
        lines
    }

    /// The prompt's own lines; the cursor rests at the end of the last.
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        if let Some(hint) = &self.hint {
            lines.push(Line::new().and(Style::Look, hint));
        }
        match &self.mode {
            Mode::Choose => {
                if self.request.is_some() {
                    lines.push(Line::new().and(Style::Strong, &self.question()).and(Style::Plain, " "));
                }
            }
            Mode::Typing { what, text } => {
                let shown = if self.is_secret(what) { "•".repeat(text.chars().count()) } else { text.clone() };
                lines.push(
                    Line::new().and(Style::Strong, &self.asked(what)).and(Style::Plain, " ").and(Style::Plain, &shown),
                );
            }
        }
        lines
    }

    /// The question with its keys: `Run it? [y/n/?/t/o/c/h]`.
    fn question(&self) -> String {
        let seen;
        let question = match self.request.as_ref().map(|request| &request.kind) {
            None => return String::new(),
            Some(RequestKind::Approval { destructive: true, .. }) => "Destructive: run it?",
            Some(RequestKind::Approval { .. }) => "Run it?",
            Some(RequestKind::Acknowledge { missing, all }) => {
                seen = format!("Seen by {}?", missing.join(if *all { " and " } else { " or " }));
                if missing.is_empty() { "Seen?" } else { &seen }
            }
            Some(RequestKind::Question(kind)) => match kind {
                QuestionKind::YesNo => "Yes or no?",
                QuestionKind::Choice(_) => "Which?",
                QuestionKind::Instruct => "Done?",
                QuestionKind::Proceed => "Start it?",
                QuestionKind::Overrule => "It failed. What now?",
                QuestionKind::Doubt => "Was it done?",
                QuestionKind::Rollback => "Undo what was done?",
            },
        };
        let mut keys: Vec<String> = self.answers().iter().map(|(key, _)| key.to_string()).collect();
        match self.labels().len() {
            0 => {}
            1 => keys.push("1".to_owned()),
            count => keys.push(format!("1-{count}")),
        }
        keys.extend(self.helps().iter().map(|(key, _)| key.to_string()));
        format!("{question} [{}]", keys.join("/"))
    }

    fn asked(&self, what: &Typed) -> String {
        match what {
            Typed::Note => "Note:".to_owned(),
            Typed::HandOver => "Hand over to whom? (Enter: nobody named, Esc: do not)".to_owned(),
            Typed::Deny => "Why not? (Esc: back)".to_owned(),
            Typed::Number => format!("Which, 1 to {}? (Esc: back)", self.labels().len()),
            Typed::Settle(word) => format!("Why \"{}\"? (Esc: back)", settle_key(*word).1),
            Typed::Output { at, .. } => {
                let name = self.outputs.get(*at).map_or("", String::as_str);
                format!("Its output {name}, which later steps read (Enter: as it is, Esc: back):")
            }
            Typed::Field { at, .. } => {
                self.fields().get(*at).map(|(name, param)| field_prompt(name, param)).unwrap_or_default()
            }
        }
    }

    fn is_secret(&self, what: &Typed) -> bool {
        match what {
            Typed::Field { at, .. } => self.fields().get(*at).is_some_and(|(_, param)| param.secret),
            Typed::Note | Typed::HandOver | Typed::Deny | Typed::Number | Typed::Settle(_) | Typed::Output { .. } => {
                false
            }
        }
    }

    /// Takes a key.
    pub fn on_key(&mut self, key: Key) -> PromptStep {
        self.hint = None;
        match std::mem::replace(&mut self.mode, Mode::Choose) {
            Mode::Choose => self.choose(key),
            Mode::Typing { what, mut text } => match key {
                Key::Escape => PromptStep::Redraw,
                Key::Enter => self.typed(what, text.trim().to_owned()),
                Key::Character(_) | Key::Erase | Key::EraseWord | Key::EraseLine => {
                    edit(&mut text, key);
                    self.mode = Mode::Typing { what, text };
                    PromptStep::Redraw
                }
            },
        }
    }

    fn type_line(&mut self, what: Typed) -> PromptStep {
        self.mode = Mode::Typing { what, text: String::new() };
        PromptStep::Redraw
    }

    /// Asks once more to whom the run goes: the name that was typed is nobody's.
    pub fn nobody_is_called(&mut self, name: &str) {
        let hint = format!("nobody is called {name}: neither team.yaml nor this machine knows the name");
        let _redrawn = self.again(Typed::HandOver, name.to_owned(), hint);
    }

    fn again(&mut self, what: Typed, text: String, hint: impl Into<String>) -> PromptStep {
        self.mode = Mode::Typing { what, text };
        self.hint = Some(hint.into());
        PromptStep::Redraw
    }

    fn choose(&mut self, key: Key) -> PromptStep {
        let Key::Character(character) = key else {
            return self.means_nothing(if key == Key::Enter {
                "Enter means nothing here"
            } else {
                "That means nothing here"
            });
        };
        match character.to_ascii_lowercase() {
            '?' => PromptStep::Why,
            't' => self.type_line(Typed::Note),
            'o' => PromptStep::ShowOutput,
            'h' => self.type_line(Typed::HandOver),
            'c' if self.command().is_some() => PromptStep::Copy,
            character => self.answer(character),
        }
    }

    fn means_nothing(&mut self, what: &str) -> PromptStep {
        let mut keys: Vec<String> = self.answers().iter().map(|(key, meaning)| format!("{key} ({meaning})")).collect();
        match self.labels().len() {
            0 => {}
            count => keys.push(format!("a number from 1 to {count}")),
        }
        if !keys.is_empty() {
            self.hint = Some(format!("{what}: press {}", keys.join(" or ")));
        }
        PromptStep::Redraw
    }

    fn answer(&mut self, character: char) -> PromptStep {
        let Some(request) = &self.request else { return PromptStep::Redraw };
        let (step, number) = (request.step.clone(), request.id);
        match (&request.kind, character) {
            (RequestKind::Approval { .. }, 'y') => {
                PromptStep::Say(Input::Approve { step, request: Some(number), reason: None })
            }
            (RequestKind::Approval { .. }, 'n') => self.type_line(Typed::Deny),
            (RequestKind::Acknowledge { .. }, 'a') => PromptStep::Say(Input::Acknowledge { step, behalf: None }),
            (RequestKind::Question(QuestionKind::Choice(labels)), digit) if digit.is_ascii_digit() => {
                if labels.len() > DIGITS {
                    self.mode = Mode::Typing { what: Typed::Number, text: digit.to_string() };
                    return PromptStep::Redraw;
                }
                let chosen =
                    digit.to_digit(10).and_then(|number| labels.get((number as usize).checked_sub(1)?)).cloned();
                match chosen {
                    Some(label) => self.field(AnswerWord::Choice(label), BTreeMap::new(), 0),
                    None => self.means_nothing(&format!("There is no {digit}")),
                }
            }
            (RequestKind::Question(QuestionKind::YesNo | QuestionKind::Rollback | QuestionKind::Proceed), 'y')
            | (RequestKind::Question(QuestionKind::Instruct), 'd') => self.field(AnswerWord::Yes, BTreeMap::new(), 0),
            // Who says no has nothing to fill in.
            (
                RequestKind::Question(
                    QuestionKind::YesNo | QuestionKind::Rollback | QuestionKind::Proceed | QuestionKind::Instruct,
                ),
                'n',
            ) => self.say_answer(AnswerWord::No, BTreeMap::new()),
            (RequestKind::Question(QuestionKind::Doubt | QuestionKind::Overrule), character) => {
                match self.words.iter().copied().find(|word| settle_key(*word).0 == character) {
                    Some(SettleWord::Fail) => self.settle(SettleWord::Fail, None, BTreeMap::new(), 0),
                    Some(word) => self.type_line(Typed::Settle(word)),
                    None => self.means_nothing(&format!("{character} means nothing here")),
                }
            }
            _ => self.means_nothing(&format!("{character} means nothing here")),
        }
    }

    fn typed(&mut self, what: Typed, text: String) -> PromptStep {
        let step = self.request.as_ref().and_then(|request| request.step.clone());
        let number = self.request.as_ref().map(|request| request.id);
        match what {
            // An empty note is none.
            Typed::Note if text.is_empty() => PromptStep::Redraw,
            Typed::Note => PromptStep::Say(Input::Note { step, text }),
            Typed::HandOver => PromptStep::Say(Input::HandOver { to: Some(text).filter(|text| !text.is_empty()) }),
            Typed::Deny if text.is_empty() => {
                self.again(Typed::Deny, text, "A denial needs a reason: it stands in the log")
            }
            Typed::Deny => PromptStep::Say(Input::Deny { step, request: number, reason: text }),
            Typed::Number => {
                let label =
                    text.parse::<usize>().ok().and_then(|number| self.labels().get(number.checked_sub(1)?)).cloned();
                let Some(label) = label else {
                    let hint = format!("Type a number from 1 to {}", self.labels().len());
                    return self.again(Typed::Number, String::new(), hint);
                };
                self.field(AnswerWord::Choice(label), BTreeMap::new(), 0)
            }
            Typed::Settle(word) if text.is_empty() => {
                self.again(Typed::Settle(word), text, "This needs a reason: it stands first in the log")
            }
            Typed::Settle(word) => self.settle(word, Some(text), BTreeMap::new(), 0),
            Typed::Output { word, reason, mut typed, at } => {
                if let Some(name) = self.outputs.get(at).filter(|_| !text.is_empty()) {
                    typed.insert(name.clone(), text);
                }
                self.settle(word, reason, typed, at + 1)
            }
            Typed::Field { answer, mut typed, at } => {
                let Some((name, param)) = self.fields().get(at).cloned() else { return self.say_answer(answer, typed) };
                if text.is_empty() && param.default.is_some() {
                    return self.field(answer, typed, at + 1);
                }
                match runbook_core::params::read(&param, &text) {
                    Ok(_) => {
                        typed.insert(name.as_str().to_owned(), text);
                        self.field(answer, typed, at + 1)
                    }
                    Err(why) => {
                        // The reason quotes the text, which for a secret must not be seen.
                        let (kept, hint) = if param.secret {
                            (String::new(), format!("{name} wants {}", type_words(&param.kind)))
                        } else {
                            (text, format!("{name} {why}"))
                        };
                        self.again(Typed::Field { answer, typed, at }, kept, hint)
                    }
                }
            }
        }
    }

    /// Asks for the next field, or says the answer when there is none left.
    fn field(&mut self, answer: AnswerWord, typed: BTreeMap<String, String>, at: usize) -> PromptStep {
        if at < self.fields().len() {
            return self.type_line(Typed::Field { answer, typed, at });
        }
        self.say_answer(answer, typed)
    }

    fn say_answer(&self, answer: AnswerWord, fields: BTreeMap<String, String>) -> PromptStep {
        let step = self.request.as_ref().and_then(|request| request.step.clone());
        let request = self.request.as_ref().map(|request| request.id);
        PromptStep::Say(Input::Answer { step, request, answer, fields, behalf: None, reason: None })
    }

    /// Asks for the next output that a person has to give, or settles when there is none left.
    fn settle(
        &mut self,
        word: SettleWord,
        reason: Option<String>,
        typed: BTreeMap<String, String>,
        at: usize,
    ) -> PromptStep {
        if matches!(word, SettleWord::Done | SettleWord::GoOn | SettleWord::ByHand) && at < self.outputs.len() {
            return self.type_line(Typed::Output { word, reason, typed, at });
        }
        let step = self.request.as_ref().and_then(|request| request.step.clone());
        PromptStep::Say(Input::Settle { step, word, reason, outputs: typed })
    }
}

/// The key of a word, and what it means.
fn settle_key(word: SettleWord) -> Meaning {
    match word {
        SettleWord::Done => ('d', "it was done"),
        SettleWord::NotDone => ('n', "it was not done"),
        SettleWord::Again => ('a', "again"),
        SettleWord::ByHand => ('b', "done by hand"),
        SettleWord::GoOn => ('g', "go on all the same"),
        SettleWord::Fail => ('f', "it stays failed"),
    }
}

fn field_prompt(name: &VariableName, param: &Param) -> String {
    let mut text = format!("{name} ({}", type_words(&param.kind));
    if let Some(help) = &param.help {
        text.push_str(": ");
        text.push_str(help);
    }
    if let Some(default) = &param.default {
        // Writing to a String cannot fail.
        let _ = write!(text, "; Enter: {default}");
    }
    text.push_str("):");
    text
}

fn type_words(kind: &ParamKind) -> String {
    match kind {
        ParamKind::String => "text".to_owned(),
        ParamKind::Integer => "a whole number".to_owned(),
        ParamKind::Number => "a number".to_owned(),
        ParamKind::Boolean => "true or false".to_owned(),
        ParamKind::Duration => "a duration such as 90s".to_owned(),
        ParamKind::Timestamp => "a time such as 2026-11-22T09:15:00Z".to_owned(),
        ParamKind::Choice(choices) => choices.join(" | "),
        ParamKind::List(of) => format!("{}, several with commas", type_words(of)),
    }
}

#[cfg(test)]
#[path = "prompt_tests.rs"]
mod tests;
