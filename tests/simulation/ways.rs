//! The ways to work, as far as a run sees them differently: a request that is answered, badly, or not at all; a file, which
//! tells itself how its writing ended; and another host, which goes on whatever dies here.

use std::collections::BTreeMap;

use runbook_core::run::record::{End, Part, StartFailure, StartFailureKind};

use crate::acts::Program;
use crate::shapes::{Kind, Shape, id};
use crate::world::Dice;

/// How a step works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// A program, here.
    Program,
    /// A request.
    Request,
    /// A file is written.
    Writing,
    /// A program on another host.
    Elsewhere,
}

impl Way {
    /// A way for each step.
    pub(crate) fn of(shape: &Shape, dice: &mut Dice) -> Vec<Self> {
        let way = |kind| match (kind, dice.below(8)) {
            (Kind::Act | Kind::Verify, 0 | 1) => Self::Request,
            (Kind::Act, 2) => Self::Writing,
            (Kind::Act | Kind::Verify, 3 | 4) => Self::Elsewhere,
            _ => Self::Program,
        };
        shape.nodes.iter().map(|node| node.kind).map(way).collect()
    }

    /// How a part of such a step works: what takes it back is a program, on the same host.
    pub(crate) fn of_part(self, part: Part) -> Self {
        match (self, part) {
            (Self::Elsewhere, _) | (_, Part::Main) => self,
            _ => Self::Program,
        }
    }

    /// Whether its supervisor does it, and not a program of its own.
    pub(crate) fn is_of_its_supervisor(self) -> bool {
        matches!(self, Self::Request | Self::Writing)
    }

    /// How an act that was let go goes.
    pub(crate) fn goes(self, dice: &mut Dice) -> Program {
        let missing = match self {
            Self::Program => "no program nosuch in /usr/bin",
            Self::Request => "connection refused by shop.internal:443",
            Self::Writing => "/etc/shop.conf cannot be written: no space left on device; it is as it was",
            Self::Elsewhere => "host web1 cannot be reached: no route to host",
        };
        if dice.once_in(if self == Self::Program { 30 } else { 10 }) {
            return Program::Over(not_started(missing));
        }
        let end = match (self, dice.below(12)) {
            (Self::Writing, _) => End::Wrote,
            (Self::Request, 0..=6) => answered(200),
            (Self::Request, 7..=8) => answered(500),
            (Self::Request, _) => End::NoAnswer("shop.internal closed the connection without an answer".to_owned()),
            (_, 0..=6) => End::Exited(0),
            (_, 7..=8) => End::Exited(1),
            (_, 9) => End::TimedOut,
            (_, 10) => End::Signalled(11),
            _ => End::Lost("the connection was lost".to_owned()),
        };
        let leaves = end == End::Exited(0) || end == End::Wrote || end == answered(200) || dice.once_in(2);
        Program::Running { end, leaves, left: false }
    }

    /// The end of a look, where it is that of a program here.
    pub(crate) fn looked(self, end: End) -> End {
        match (self, end) {
            (Self::Request, End::Exited(0)) => answered(204),
            (Self::Request, End::Exited(1)) => answered(503),
            (Self::Request, End::Stopped) => End::Stopped,
            (Self::Request, _) => End::NoAnswer("no answer from shop.internal:443 within 1s".to_owned()),
            // It may be looked again, but not for ever at once.
            (Self::Elsewhere, End::Lost(why)) => not_started(&why),
            (_, end) => end,
        }
    }
}

pub(crate) fn not_started(why: &str) -> End {
    End::NotStarted(StartFailure { kind: StartFailureKind::Other, message: why.to_owned() })
}

fn answered(status: u16) -> End {
    End::Answered { status, headers: BTreeMap::new() }
}

/// The runbook, its steps working so.
pub(crate) fn text(shape: &Shape, ways: &[Way]) -> String {
    let mut text = shape.text();
    for (step, way) in ways.iter().enumerate() {
        let id = id(step);
        for word in ["act: A", "verify: V"] {
            let works = match (way, word) {
                (Way::Program, _) => continue,
                (Way::Request, "act: A") => format!("http: {{ method: POST, url: 'https://shop.internal/{id}' }}"),
                (Way::Request, _) => format!("http: {{ url: 'https://shop.internal/{id}' }}"),
                (Way::Writing, _) => format!("template: {{ source: {id}.hbs, to: /etc/{id}.conf }}"),
                (Way::Elsewhere, _) => format!("run: {id}, on: 'ssh://ops@web1.internal'"),
            };
            for after in [",", " }"] {
                let program = format!("  {id}: {{ {word}, run: {id}{after}");
                text = text.replace(&program, &format!("  {id}: {{ {word}, {works}{after}"));
            }
        }
    }
    text
}
