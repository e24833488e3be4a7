//! Items of loops and steps of called runbooks: they stand below the step they belong to, an item by its element, and
//! how far a loop has come is one line while it goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use runbook_core::document::model::{Kind, Step, Work};
use runbook_core::run::record::{Outcome, Record};
use runbook_core::value::Value;
use runbook_report::entry::{around, item_number};

use super::words::{kind, number};
use super::{INDENT, Steps, View};
use crate::text::{Line, Style};

/// Columns by which a step stands further in than the one around it: between them stands what did not fit into a line.
const STEP_IN: usize = 4;
/// Levels that are shown: on a screen of 80 columns more would leave no room for words.
const LEVELS_MAX: usize = 8;
/// The furthest in that a line of ours begins.
pub const FURTHEST_IN: usize = INDENT.len() + STEP_IN * LEVELS_MAX;
/// Characters of an element: what is longer is no name.
const ELEMENT_CHARACTERS_MAX: usize = 60;

/// How many items of a loop came to which end.
#[derive(Debug, Clone, Copy, Default)]
struct Ended {
    all: usize,
    failed: usize,
}

/// The lists of loops, and how far they have come.
#[derive(Debug, Default)]
pub(super) struct Nest {
    lists: BTreeMap<String, Vec<Value>>,
    ended: BTreeMap<String, Ended>,
    /// Loops that go on.
    open: BTreeSet<String>,
    /// Elements of items that were taken over from an earlier run before their list was made.
    taken: BTreeMap<String, Vec<Value>>,
}

impl Nest {
    /// Takes what a record says of a loop or an item.
    #[expect(clippy::wildcard_enum_match_arm, reason = "most records are about no loop")]
    pub(super) fn take(&mut self, record: &Record) {
        let (step, outcome) = match record {
            Record::StepItems { step, items, .. } => {
                let mut taken = self.taken.remove(step).unwrap_or_default();
                let before = taken.len();
                for item in items {
                    if let Some(at) = taken.iter().position(|value| value == item) {
                        taken.remove(at);
                    }
                }
                let all = before - taken.len();
                self.lists.insert(step.clone(), items.clone());
                self.ended.insert(step.clone(), Ended { all, failed: 0 });
                self.open.insert(step.clone());
                return;
            }
            Record::StepSettled { step, outcome, .. } => (step, *outcome),
            Record::StepTakenOver { step, was, .. } => {
                if let (Some(item), Some(list)) = (&was.item, around(step)) {
                    self.taken.entry(list.to_owned()).or_default().push(item.clone());
                }
                return;
            }
            Record::StepSkipped { step, .. } => (step, Outcome::Skipped),
            _ => return,
        };
        self.open.remove(step);
        if let (Some(_), Some(ended)) = (item_number(step), around(step).and_then(|list| self.ended.get_mut(list))) {
            ended.all += 1;
            ended.failed += usize::from(matches!(outcome, Outcome::Failed | Outcome::Unknown));
        }
    }

    /// How many items the list of a step has; nothing where it has none.
    pub(super) fn count(&self, step: &str) -> Option<usize> {
        self.lists.get(step).map(Vec::len)
    }

    /// The element of an item.
    fn element(&self, step: &str) -> Option<String> {
        let value = self.lists.get(around(step)?)?.get(item_number(step)?)?.to_string();
        Some(match value.char_indices().nth(ELEMENT_CHARACTERS_MAX) {
            Some((at, _)) => format!("{}…", value.get(..at).unwrap_or_default()),
            None => value,
        })
    }

    /// A step as a line about several names it: an item by its element too.
    pub(super) fn name(&self, step: &str) -> String {
        match self.element(step) {
            Some(element) => format!("{element} ({step})"),
            None => step.to_owned(),
        }
    }

    /// How far each loop that goes on has come; `busy` are the steps that do something.
    pub(super) fn progress<'a>(&self, busy: &(impl Iterator<Item = &'a str> + Clone)) -> Vec<Line> {
        let line = |list: &String| {
            let (ended, items) = (self.ended.get(list)?, self.lists.get(list)?);
            // An item whose runbook does two things at once is one.
            let item = |step: &'a str| Some(step.strip_prefix(list.as_str())?.split_once(']')?.0);
            let on: BTreeSet<&str> = busy.clone().filter(|step| is_inside(step, list)).filter_map(item).collect();
            let mut said = format!("{list}: {} of {} done", ended.all, items.len());
            for (count, word) in [(ended.failed, "failed"), (on.len(), "going on")] {
                if count > 0 {
                    // Writing to a String cannot fail.
                    let _ = write!(said, ", {count} {word}");
                }
            }
            Some(Line::plain(INDENT).and(Style::Look, &said))
        };
        self.open.iter().filter_map(line).collect()
    }
}

/// Whether a path is inside that of another step.
fn is_inside(path: &str, outer: &str) -> bool {
    path.strip_prefix(outer).is_some_and(|rest| rest.starts_with(['[', '/', '.']))
}

/// How many steps a step is inside.
pub(super) fn depth(step: &str) -> usize {
    std::iter::successors(around(step), |outer| around(outer)).take(LEVELS_MAX).count()
}

/// Columns before the lines that say more of a step, beyond [`INDENT`].
#[must_use]
pub fn further_in(step: Option<&str>) -> usize {
    step.map_or(0, |step| STEP_IN * depth(step))
}

/// What stands before a step's own line: its number, or, inside another, blanks.
fn place_of(step: &str, steps: &dyn Steps) -> Line {
    match depth(step) {
        0 => Line::new().and(Style::Faint, &number(step, steps.plan())),
        depth => Line::plain(&" ".repeat(INDENT.len() + STEP_IN * (depth - 1))),
    }
}

/// A step as it is written, wherever it stands.
pub(super) fn written<'s>(steps: &'s dyn Steps, step: &str) -> Option<&'s Step> {
    steps.plan().step_at(step)
}

impl View {
    /// The step's own line, when it is new; a short one when others have spoken since. Before it stand those of the steps
    /// around it, unless the last lines are inside them.
    pub(super) fn begin(&mut self, step: &str, steps: &dyn Steps, lines: &mut Vec<Line>) {
        if self.current.as_deref() != Some(step) {
            self.begin_around(step, steps, lines);
            self.head(step, steps, lines);
            self.current = Some(step.to_owned());
        }
    }

    fn begin_around(&mut self, step: &str, steps: &dyn Steps, lines: &mut Vec<Line>) {
        let mut outer: Vec<&str> =
            std::iter::successors(around(step), |outer| around(outer)).take(LEVELS_MAX).collect();
        outer.reverse();
        for path in outer {
            let is_open = self.current.as_deref().is_some_and(|current| current == path || is_inside(current, path));
            if !is_open {
                self.head(path, steps, lines);
            }
        }
    }

    fn head(&mut self, step: &str, steps: &dyn Steps, lines: &mut Vec<Line>) {
        let is_new = !self.seen.contains_key(step);
        let line = place_of(step, steps);
        let line = match (is_new, self.element_of(step, steps)) {
            (true, Some(element)) => line.and(Style::Strong, &element).and(Style::Faint, &format!("  ({step})")),
            (true, None) => {
                let kind = kind(step, steps.plan()).map_or("step", Kind::key);
                let line = line.and(Style::Plain, &format!("{kind:<9}")).and(Style::Strong, &steps.title(step));
                line.and(Style::Faint, &format!("  ({step})"))
            }
            (false, Some(element)) => line.and(Style::Faint, &format!("… {element}  ({step})")),
            (false, None) => line.and(Style::Faint, &format!("… {step}")),
        };
        self.own_line(line, lines);
        if is_new && item_number(step).is_none() {
            let work = written(steps, step).map(|written| &written.body.work);
            let name = if let Some(Work::Runbook(call)) = work { Some(&call.name.value) } else { None };
            if let Some(name) = name {
                let line = Line::plain(INDENT).and(Style::Faint, &format!("runs the runbook {name}"));
                self.own_line(line.further_in(further_in(Some(step))), lines);
            }
        }
        self.seen.entry(step.to_owned()).or_default();
    }

    /// Of an item, its element and what that is called.
    fn element_of(&self, step: &str, steps: &dyn Steps) -> Option<String> {
        let element = self.nest.element(step)?;
        let each = written(steps, around(step)?)?.for_each.as_ref()?;
        Some(format!("{}: {element}", each.value.name.value))
    }

    /// A line that stands where it is: what follows it is moved in below it, itself it is not.
    fn own_line(&mut self, line: Line, lines: &mut Vec<Line>) {
        self.in_place.push(lines.len());
        lines.push(line);
    }

    /// The whole of a step that did not run here, in one line.
    pub(super) fn passed_by(&mut self, step: &str, said: &str, style: Style, steps: &dyn Steps, lines: &mut Vec<Line>) {
        self.begin_around(step, steps, lines);
        let what = self.element_of(step, steps).unwrap_or_else(|| {
            let kind = kind(step, steps.plan()).map_or("step", Kind::key);
            format!("{kind:<9}{}", steps.title(step))
        });
        let line = place_of(step, steps).and(style, &format!("{what}{said}  ({step})"));
        self.own_line(line, lines);
        // Whatever is told of it is told: what speaks next has its own line.
        self.current = around(step).map(|_| step.to_owned());
    }

    /// Moves what was told of a step in below it.
    pub(super) fn moved_in(&mut self, step: Option<&str>, lines: Vec<Line>) -> Vec<Line> {
        let in_place = std::mem::take(&mut self.in_place);
        let columns = further_in(step);
        let moved = |(number, line): (usize, Line)| {
            if in_place.contains(&number) { line } else { line.further_in(columns) }
        };
        lines.into_iter().enumerate().map(moved).collect()
    }
}
