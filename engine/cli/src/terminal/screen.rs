//! The live screen of a run: what stays, what is drawn anew, and the prompt. Pure, but that it asks the system whether a
//! name is an account's: the thread that draws it is in [`super::live`].

use jiff::Timestamp;
use runbook_core::document::team::Team;
use runbook_core::plan::Plan;
use runbook_core::run::event::Input;
use runbook_core::run::record::{Actor, AttemptKey, Record, SettleWord};
use runbook_core::run::request::Request;
use runbook_runner::account::Account;

use super::clipboard::copy_sequence;
use super::key::Key;
use super::prompt::{Prompt, PromptStep};
use super::view::{INDENT, Steps, View, further_in};
use super::why::why;
use crate::text::{Line, Style};

/// Lines kept for a terminal that takes none, as after Ctrl-S.
const PENDING_LINES_MAX: usize = 5_000;

/// What is drawn next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frame {
    /// Lines that stay.
    pub stay: Vec<Line>,
    /// Lines that are drawn anew with the next frame; the cursor rests at the end of the last.
    pub region: Vec<Line>,
    /// Bytes for the terminal itself.
    pub control: String,
    /// What is asked is not what was asked before: keys typed until now were not meant for it.
    pub asks_anew: bool,
}

/// The live screen of a run.
pub struct Screen {
    view: View,
    plan: Option<Plan>,
    requests: Vec<Request>,
    /// People and teams a run can be handed to, beside the accounts of this machine.
    known: Vec<String>,
    prompt: Prompt,
    /// The answer was handed in, and nothing has come of it yet.
    said: bool,
    asks_anew: bool,
    stay: Vec<Line>,
    left_out: usize,
    control: String,
}

impl Screen {
    /// The screen of a run that is shown by a view.
    #[must_use]
    pub fn new(view: View) -> Self {
        Self {
            view,
            plan: None,
            requests: Vec::new(),
            known: Vec::new(),
            prompt: Prompt::idle(),
            said: false,
            asks_anew: false,
            stay: Vec::new(),
            left_out: 0,
            control: String::new(),
        }
    }

    /// Adds lines that stay.
    pub fn say(&mut self, lines: impl IntoIterator<Item = Line>) {
        self.stay.extend(lines);
        if self.stay.len() > PENDING_LINES_MAX {
            let too_many = self.stay.len() - PENDING_LINES_MAX;
            self.stay.drain(..too_many);
            self.left_out += too_many;
        }
    }

    /// Takes a record.
    pub fn record(&mut self, record: &Record, actor: &Actor, at: Timestamp, steps: &dyn Steps) {
        if self.plan.is_none() {
            self.plan = Some(steps.plan().clone());
        }
        if matches!(record, Record::Refused { .. }) {
            self.said = false;
        }
        let lines = self.view.record(record, actor, at, steps);
        self.say(lines);
    }

    /// Takes what a process wrote.
    pub fn output(&mut self, key: &AttemptKey, bytes: &[u8]) {
        self.view.output(key, bytes);
    }

    /// Takes whom the run's team file knows.
    pub fn people(&mut self, team: &Team) {
        if self.known.is_empty() {
            self.known = team.people.keys().chain(team.teams.keys()).cloned().collect();
        }
    }

    /// Takes what waits for people now, oldest first; `settled_by` says by which words one is settled.
    pub fn requests(&mut self, requests: Vec<Request>, settled_by: &dyn Fn(&Request) -> Vec<SettleWord>) {
        let asked = self.prompt.request().map(|request| request.id);
        let is_there = asked.is_some_and(|id| requests.iter().any(|request| request.id == id));
        self.requests = requests;
        let next = self.requests.first().cloned();
        if is_there || (asked.is_none() && next.is_none()) {
            return;
        }
        self.said = false;
        self.asks_anew = true;
        let prompt = match next {
            None => Prompt::idle(),
            Some(request) => {
                let step = request.step.clone().unwrap_or_default();
                self.view.command_is_shown(&step);
                let words = settled_by(&request);
                Prompt::of(request, words, self.view.outputs_wanted(&step))
            }
        };
        let before = std::mem::replace(&mut self.prompt, prompt);
        if let Some(text) = self.prompt.carry_on(before) {
            let said = Line::plain(INDENT).and(Style::Look, "This was answered meanwhile; what you typed is dropped: ");
            self.say([said.and(Style::Plain, &text)]);
        }
        let columns = further_in(self.prompt.request().and_then(|request| request.step.as_deref()));
        let intro = self.prompt.intro();
        self.say(intro.into_iter().map(|line| line.further_in(columns)));
    }

    /// Takes a key; what is to be handed in comes out.
    pub fn key(&mut self, key: Key) -> Option<Input> {
        if self.said {
            return None;
        }
        match self.prompt.on_key(key) {
            PromptStep::Redraw => None,
            PromptStep::Say(Input::HandOver { to: Some(name) })
                if !self.known.contains(&name) && !Account::is_known(&name) =>
            {
                // A misspelt name would leave the run with nobody.
                self.prompt.nobody_is_called(&name);
                None
            }
            PromptStep::Say(input) => {
                // A note leaves the question open; a hand-over ends this process, and nothing comes after it.
                self.said = !matches!(input, Input::Note { .. });
                Some(input)
            }
            PromptStep::Why => {
                let lines = match (self.prompt.request(), &self.plan) {
                    (Some(request), Some(plan)) => why(request, self.prompt.words(), plan),
                    _ => vec![Line::plain(INDENT).and(
                        Style::Plain,
                        "Nothing is asked. t: write a note, o: output so far, h: hand over, Ctrl-C: cancel",
                    )],
                };
                self.say(lines);
                None
            }
            PromptStep::ShowOutput => {
                let lines = self.view.last_outputs();
                self.say(lines);
                None
            }
            PromptStep::Copy => {
                let command = self.prompt.command().unwrap_or_default().to_owned();
                let done = match copy_sequence(&command) {
                    Some(sequence) => {
                        self.control.push_str(&sequence);
                        "sent to the clipboard, where the terminal allows it:"
                    }
                    None => "too long for some clipboards; here it is whole:",
                };
                self.say([
                    Line::plain(INDENT).and(Style::Faint, done),
                    Line::plain(INDENT).and(Style::Command, &command),
                ]);
                None
            }
        }
    }

    /// What is drawn now. Lines that stay are given once.
    pub fn frame(&mut self, now: Timestamp) -> Frame {
        let mut stay = std::mem::take(&mut self.stay);
        if self.left_out > 0 {
            let said = format!("… {} lines are not shown; the transcript has them", std::mem::take(&mut self.left_out));
            stay.insert(0, Line::new().and(Style::Faint, &said));
        }
        let mut region = self.view.live(now, &self.requests);
        if self.prompt.is_idle()
            && let Some(last) = region.pop()
        {
            region.push(last.and(Style::Faint, "  (? for keys)"));
        }
        if self.said {
            region.push(Line::plain("…"));
        } else {
            region.extend(self.prompt.lines());
        }
        let asks_anew = std::mem::take(&mut self.asks_anew);
        Frame { stay, region, control: std::mem::take(&mut self.control), asks_anew }
    }

    /// The lines that were not drawn yet, at the end.
    pub fn rest(&mut self) -> Vec<Line> {
        std::mem::take(&mut self.stay)
    }
}
