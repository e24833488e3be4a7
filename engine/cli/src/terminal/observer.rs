//! The three ways in which a run is watched: the live screen, plain lines, entries as JSON.

use std::cell::{Cell, RefCell};
use std::io::{self, IsTerminal as _, Write as _};

use jiff::Timestamp;
use runbook_core::plan::Plan;
use runbook_core::run::heard::Heard;
use runbook_core::run::record::{Actor, AttemptKey, Record, RequestId, Stream};
use runbook_core::run::request::{Request, RequestKind};
use runbook_core::run::state::RunState;
use runbook_core::template::Template;
use runbook_runner::observer::{Notice, Observer};
use runbook_transcript::entry::Entry;
use runbook_transcript::wire::entry_v1;

use super::answers::{answers, settled_by};
use super::live::Live;
use super::paint::broken_indent;
use super::view::{INDENT, Steps, View, further_in};
use crate::output::columns;
use crate::place::Place;
use crate::text::{Line, Style};

/// A step's title, as the state renders it.
struct StateSteps<'a>(&'a RunState);

impl Steps for StateSteps<'_> {
    fn plan(&self) -> &Plan {
        self.0.plan()
    }

    fn title(&self, step: &str) -> String {
        let written = || self.0.plan().step_at(step).map(|written| written.title.value.source().to_owned());
        let rendered = self.0.step(step).map(|view| view.title);
        rendered.or_else(written).unwrap_or_else(|| step.to_owned())
    }

    fn forecast(&self, template: &Template) -> String {
        self.0.forecast(template)
    }

    fn heard(&self, step: &str) -> Vec<Heard> {
        self.0.heard(step)
    }
}

/// What came since the state was last seen: a record's title needs the state that it led to.
#[derive(Default)]
struct Batch {
    records: RefCell<Vec<(Record, Actor, Timestamp)>>,
    notices: RefCell<Vec<Line>>,
}

impl Batch {
    fn take(&self, entry: &Entry, record: &Record) {
        self.records.borrow_mut().push((record.clone(), entry.actor.clone(), entry.ts));
    }

    fn notice(&self, notice: &Notice) {
        let who = if notice.people.is_empty() { notice.to.clone() } else { notice.people.join(", ") };
        let line = Line::plain(INDENT).and(Style::Bad, &format!("pass this on yourself, nothing else does: {who}"));
        self.notices.borrow_mut().push(line);
    }

    fn each(&self, mut of: impl FnMut(&Record, &Actor, Timestamp)) -> Vec<Line> {
        for (record, actor, at) in self.records.borrow_mut().drain(..) {
            of(&record, &actor, at);
        }
        self.notices.borrow_mut().drain(..).collect()
    }
}

/// What is asked, where nobody can press a key.
fn asked(request: &Request) -> Vec<Line> {
    if let RequestKind::Approval { shown, .. } = &request.kind {
        return vec![
            Line::plain(INDENT).and(Style::Strong, "waits for approval of exactly this:"),
            Line::plain(INDENT).and(Style::Command, "$ ").and(Style::Command, shown),
        ];
    }
    request.text.lines().map(|line| Line::plain(INDENT).and(Style::Strong, "asks: ").and(Style::Plain, line)).collect()
}

fn unrecorded_line(line: &str) -> Line {
    Line::new().and(Style::Bad, "-- ").and(Style::Bad, line)
}

/// Watches for the live screen.
pub struct LiveObserver {
    live: Live,
    batch: Batch,
    asked: RefCell<Vec<RequestId>>,
}

impl LiveObserver {
    /// Watches for a screen.
    #[must_use]
    pub fn new(live: Live) -> Self {
        Self { live, batch: Batch::default(), asked: RefCell::default() }
    }
}

impl Observer for LiveObserver {
    fn recorded(&self, entry: &Entry, record: &Record) {
        self.batch.take(entry, record);
    }

    fn output(&self, key: &AttemptKey, _stream: Stream, bytes: &[u8]) {
        self.live.change_later(|screen| screen.output(key, bytes));
    }

    fn changed(&self, state: &RunState, _now: Timestamp) {
        let steps = StateSteps(state);
        let now_asked: Vec<RequestId> = state.requests().map(|request| request.id).collect();
        let asks_other = *self.asked.borrow() != now_asked;
        self.live.change(|screen| {
            let notices = self.batch.each(|record, actor, at| screen.record(record, actor, at, &steps));
            screen.say(notices);
            if asks_other {
                screen.people(state.team());
                screen.requests(state.requests().cloned().collect(), &|request| settled_by(request, state));
            }
        });
        self.asked.replace(now_asked);
    }

    fn told_terminal(&self, notice: &Notice) {
        self.batch.notice(notice);
    }

    fn unrecorded(&self, line: &str) {
        self.live.change(|screen| screen.say([unrecorded_line(line)]));
    }
}

/// Watches without a terminal: a line for each thing that happens.
pub struct PlainObserver {
    view: RefCell<View>,
    batch: Batch,
    asked: RefCell<Vec<RequestId>>,
    place: Place,
    run: RefCell<String>,
    lets_go: Cell<bool>,
    colour: bool,
    is_closed: Cell<bool>,
}

impl PlainObserver {
    /// Watches through a view.
    #[must_use]
    pub fn new(view: View, place: Place, colour: bool) -> Self {
        Self {
            view: RefCell::new(view),
            batch: Batch::default(),
            asked: RefCell::default(),
            place,
            run: RefCell::default(),
            lets_go: Cell::new(false),
            colour,
            is_closed: Cell::new(false),
        }
    }

    /// A command that is there to be copied stays in one piece.
    fn is_pasted(&self, line: &Line) -> bool {
        line.text().trim_start().starts_with(self.place.program())
    }

    /// How a request is answered from another terminal, while this process stays; one that lets go tells it at its end.
    fn answered_by(&self, request: &Request, state: &RunState) -> Vec<Line> {
        if self.lets_go.get() {
            return Vec::new();
        }
        let commands = answers(request, &settled_by(request, state), &self.run.borrow(), &self.place);
        commands.iter().map(|command| Line::plain(INDENT).and(Style::Command, command)).collect()
    }

    fn print(&self, lines: &[Line]) {
        if lines.is_empty() || self.is_closed.get() {
            return;
        }
        // In a file a line is a line; on a screen it is as long as that is wide.
        let columns = io::stdout().is_terminal().then(|| columns(true).saturating_sub(1));
        let broken = lines.iter().flat_map(|line| match columns {
            Some(columns) if !self.is_pasted(line) => line.wrap(columns, broken_indent(line)),
            _ => vec![line.clone()],
        });
        let text: String = broken.map(|line| line.render(self.colour) + "\n").collect();
        let mut out = io::stdout().lock();
        // Whoever read this has gone: the run goes on, and the transcript has it all.
        self.is_closed.set(out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err());
    }
}

impl Observer for PlainObserver {
    fn recorded(&self, entry: &Entry, record: &Record) {
        if self.run.borrow().is_empty() {
            entry.run.as_str().clone_into(&mut self.run.borrow_mut());
        }
        self.lets_go.set(matches!(record, Record::RunSuspended { .. }));
        self.batch.take(entry, record);
    }

    fn changed(&self, state: &RunState, _now: Timestamp) {
        let steps = StateSteps(state);
        let mut lines = Vec::new();
        let notices = {
            let mut view = self.view.borrow_mut();
            self.batch.each(|record, actor, at| lines.extend(view.record(record, actor, at, &steps)))
        };
        lines.extend(notices);
        let known = self.asked.take();
        for request in state.requests() {
            if !known.contains(&request.id) {
                let said = asked(request).into_iter().chain(self.answered_by(request, state));
                let columns = further_in(request.step.as_deref());
                lines.extend(said.map(|line| line.further_in(columns)));
                self.view.borrow_mut().command_is_shown(request.step.as_deref().unwrap_or_default());
            }
        }
        self.asked.replace(state.requests().map(|request| request.id).collect());
        self.print(&lines);
    }

    fn told_terminal(&self, notice: &Notice) {
        self.batch.notice(notice);
    }

    fn unrecorded(&self, line: &str) {
        self.print(&[unrecorded_line(line)]);
    }
}

/// Watches for a machine: every entry as it stands in the transcript, a line each.
#[derive(Debug, Default)]
pub struct JsonObserver {
    is_closed: Cell<bool>,
}

impl Observer for JsonObserver {
    fn recorded(&self, entry: &Entry, _record: &Record) {
        let mut line = Vec::new();
        if self.is_closed.get() || entry_v1::encode(entry, &mut line).is_err() {
            return;
        }
        let mut out = io::stdout().lock();
        // As above.
        self.is_closed.set(out.write_all(&line).and_then(|()| out.flush()).is_err());
    }

    fn unrecorded(&self, line: &str) {
        let mut out = io::stderr().lock();
        // As above.
        let _ = out.write_all(unrecorded_line(line).render(false).as_bytes()).and_then(|()| out.write_all(b"\n"));
    }
}
