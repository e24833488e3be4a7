//! One line of a report, in pieces that each renderer writes in its own way.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::harmless::{excerpt, harmless};
use crate::moment;

/// A piece of a line. What is in it is harmless already, and of one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Plain words.
    Words(String),
    /// Words that stand out: a title, a verdict.
    Strong(String),
    /// A command, an id, output: letter by letter.
    Code(String),
    /// An instant.
    Time(Timestamp),
}

/// How times are shown.
#[derive(Debug, Clone)]
pub struct View {
    /// The zone.
    pub zone: TimeZone,
    /// The start of the run: on its day the date is left out.
    pub start: Option<Timestamp>,
}

impl View {
    /// An instant, as this view shows it.
    #[must_use]
    pub fn time(&self, at: Timestamp) -> String {
        moment::clock(at, self.start, &self.zone)
    }
}

/// A line, while it is put together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line(Vec<Piece>);

impl Line {
    /// An empty line.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds words of this program or of a person.
    #[must_use]
    pub fn say(mut self, text: &str) -> Self {
        let text = keep_edges(text, harmless);
        match self.0.last_mut() {
            Some(Piece::Words(words)) => words.push_str(&text),
            _ => self.0.push(Piece::Words(text)),
        }
        self
    }

    /// Adds a sentence of unknown length, without its full stop.
    #[must_use]
    pub fn say_reason(self, text: &str) -> Self {
        let text = excerpt(text.trim());
        self.say(text.strip_suffix('.').unwrap_or(&text))
    }

    /// Adds a title.
    #[must_use]
    pub fn strong(mut self, text: &str) -> Self {
        self.0.push(Piece::Strong(excerpt(text.trim())));
        self
    }

    /// Adds a command or an id, whole.
    #[must_use]
    pub fn code(mut self, text: &str) -> Self {
        self.0.push(Piece::Code(harmless(text)));
        self
    }

    /// Adds output or a value, which may be long.
    #[must_use]
    pub fn code_excerpt(mut self, text: &str) -> Self {
        self.0.push(Piece::Code(excerpt(text)));
        self
    }

    /// Adds names, each as code, with commas between.
    #[must_use]
    pub fn codes<'a>(self, names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut line = self;
        for (index, name) in names.into_iter().enumerate() {
            line = if index == 0 { line } else { line.say(", ") }.code(name);
        }
        line
    }

    /// Adds an instant.
    #[must_use]
    pub fn time(mut self, at: Timestamp) -> Self {
        self.0.push(Piece::Time(at));
        self
    }

    /// Adds another line's pieces.
    #[must_use]
    pub fn then(mut self, other: Self) -> Self {
        for piece in other.0 {
            match (self.0.last_mut(), piece) {
                (Some(Piece::Words(words)), Piece::Words(more)) => words.push_str(&more),
                (_, piece) => self.0.push(piece),
            }
        }
        self
    }

    /// The pieces.
    #[must_use]
    pub fn pieces(self) -> Vec<Piece> {
        self.0
    }
}

/// Spaces at the edges of words separate them from the next piece, so they stay.
fn keep_edges(text: &str, change: impl Fn(&str) -> String) -> String {
    let body = text.trim_matches(' ');
    let Some(start) = text.find(body) else { return text.to_owned() };
    let (before, rest) = text.split_at(start);
    format!("{before}{}{}", change(body), rest.get(body.len()..).unwrap_or_default())
}

/// Entries named in a line; of more the first, and the last.
const NUMBERS_MAX: usize = 24;

/// The numbers of entries, for the end of a line: all of them, unless that is more than anybody would look up one by one.
#[must_use]
pub fn numbers(entries: &[u64]) -> String {
    let joined = |entries: &[u64]| entries.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    match (entries.get(..NUMBERS_MAX - 1), entries.last()) {
        (Some(first), Some(last)) if entries.len() > NUMBERS_MAX => format!("{}, …, {last}", joined(first)),
        _ => joined(entries),
    }
}

/// What a line says, without how it looks.
#[must_use]
pub fn plain(pieces: &[Piece], view: &View) -> String {
    pieces
        .iter()
        .map(|piece| match piece {
            Piece::Words(text) | Piece::Strong(text) | Piece::Code(text) => text.clone(),
            Piece::Time(at) => view.time(*at),
        })
        .collect()
}
