//! Steps inside others: the items of a loop and the steps of a called runbook stand below the step they belong to, and
//! items of which there is nothing to say but that they passed share a line.

use std::collections::BTreeMap;

use runbook_core::document::model::Kind;
use runbook_core::limits::CALL_DEPTH_MAX;
use runbook_core::run::record::{Outcome, Record, Settlement, SkipReason};
use runbook_core::value::Value;

use super::step::{Settled, Step};
use super::{Run, decided, looks, told, worked};
use crate::entry::{Folded, around, item_number, step_of};
use crate::line::Line;
use crate::moment;
use crate::report::Fact;

/// Items that passed and have a line each; of more one line tells together.
const ITEMS_APART_MAX: usize = 4;
/// Elements named in a line that tells several items.
const ELEMENTS_NAMED_MAX: usize = 30;
/// Steps inside one another that are shown so: an item, and the steps of a runbook, at each level of called ones. A path
/// that is deeper is of no run of ours.
const DEPTH_MAX: usize = 2 * (CALL_DEPTH_MAX + 1);

/// The nearest step with entries that a path is inside.
pub(super) fn within<'a>(path: &'a str, places: &BTreeMap<&'a str, usize>) -> Option<&'a str> {
    let mut outer = path;
    let mut depth = 0;
    let mut found = None;
    while let Some(next) = around(outer) {
        depth += 1;
        if depth > DEPTH_MAX {
            return None;
        }
        if found.is_none() && places.contains_key(next) {
            found = Some(next);
        }
        outer = next;
    }
    found
}

/// Of an item, what its element is called and the element, as its loop's list says or whoever took it over.
pub(super) fn item<'a>(
    step: &Step<'a>,
    steps: &[Step<'a>],
    places: &BTreeMap<&'a str, usize>,
) -> Option<(&'a str, &'a Value)> {
    let number = item_number(step.path)?;
    let list = steps.get(*places.get(around(step.path)?)?);
    let name = list.and_then(|list| list.info?.each.as_deref()).unwrap_or("item");
    let listed = list.and_then(|list| Some(listed(list)?.1.get(number)));
    let taken = || {
        let (_, item) = step.last(|record| match record {
            Record::StepTakenOver { was, .. } => was.item.as_ref(),
            _ => None,
        })?;
        Some(item)
    };
    Some((name, listed.flatten().or_else(taken)?))
}

/// The list a step went through, and the entry that says so.
fn listed<'a>(step: &Step<'a>) -> Option<(&'a Folded, &'a [Value])> {
    step.last(|record| match record {
        Record::StepItems { items, .. } => Some(items.as_slice()),
        _ => None,
    })
}

/// Troubleshooting and resolution. What is inside a step stands below it, whatever its own kind is.
pub(super) fn sections(run: &Run<'_>) -> (Vec<Fact>, Vec<Fact>) {
    let tree = Tree::of(run);
    let mut sections = [Vec::new(), Vec::new()];
    let [looked, changed] = &mut sections;
    for (place, step) in run.steps.iter().enumerate().filter(|(_, step)| step.within.is_none()) {
        let block = tree.block(run, place, 0);
        // A step that others are inside began with its own first entry, whichever its line rests on.
        let first = if tree.inside(place).is_empty() { None } else { step.entries.first().map(|entry| entry.n) };
        if let Some(first) = first.or_else(|| block.first().map(Fact::first)) {
            if looks(step.kind()) { &mut *looked } else { &mut *changed }.push((first, block));
        }
    }
    let mut last_looked = true;
    for entry in run.entries {
        let step = step_of(&entry.record).and_then(|path| run.step(path));
        if let Some(path) = step_of(&entry.record) {
            last_looked = run.step(path).is_some_and(|step| looks(step.kind()));
        }
        if step.is_some_and(|step| step.within.is_some()) {
            continue;
        }
        if let Some(fact) = run.event(entry) {
            // A note and a file stand beside their step; the rest is about what became of the run.
            let beside = matches!(entry.record, Record::Note { .. } | Record::Attachment { .. }) && last_looked;
            if beside { &mut *looked } else { &mut *changed }.push((fact.first(), vec![fact]));
        }
    }
    let [looked, changed] = sections.map(|mut blocks| {
        blocks.sort_by_key(|(first, _)| *first);
        blocks.into_iter().flat_map(|(_, facts)| facts).collect::<Vec<Fact>>()
    });
    let not_run = |looking: bool| {
        let steps = run.steps.iter().filter(|step| step.within.is_none() && looks(step.kind()) == looking);
        not_run(steps.collect(), 0)
    };
    (looked.into_iter().chain(not_run(true)).collect(), changed.into_iter().chain(not_run(false)).collect())
}

/// A step's own line.
fn own(step: &Step<'_>) -> Option<Fact> {
    match step.kind() {
        Some(Kind::Decide) => decided::decided(step),
        Some(Kind::Escalate) => told::told(step),
        Some(Kind::Verify | Kind::Act) | None => worked::worked(step),
    }
}

/// Which steps are inside which.
struct Tree {
    /// By the place of a step, those directly inside it, items in the order of their list.
    inside: BTreeMap<usize, Vec<usize>>,
}

impl Tree {
    fn of(run: &Run<'_>) -> Self {
        let mut inside: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (place, step) in run.steps.iter().enumerate() {
            if let Some(outer) = step.within.and_then(|outer| run.places.get(outer)) {
                inside.entry(*outer).or_default().push(place);
            }
        }
        for places in inside.values_mut() {
            places.sort_by_key(|place| run.steps.get(*place).and_then(|step| item_number(step.path)));
        }
        Self { inside }
    }

    fn inside(&self, place: usize) -> &[usize] {
        self.inside.get(&place).map(Vec::as_slice).unwrap_or_default()
    }

    /// The lines of a step and of all inside it; as deep as [`DEPTH_MAX`].
    fn block(&self, run: &Run<'_>, place: usize, depth: usize) -> Vec<Fact> {
        let Some(step) = run.steps.get(place) else { return Vec::new() };
        let inside: Vec<(usize, &Step<'_>)> =
            self.inside(place).iter().filter_map(|place| Some((*place, run.steps.get(*place)?))).collect();
        let head = if inside.is_empty() { own(step) } else { Some(head(step, &inside)) };
        let mut facts: Vec<Fact> = head.into_iter().map(|head| head.below(depth)).collect();
        if step.within.is_some() {
            facts.extend(step.entries.iter().filter_map(|entry| Some(run.event(entry)?.below(depth + 1))));
        }
        let (alike, apart) = self.alike(run, &inside);
        let all = listed(step).map_or(inside.len(), |(_, items)| items.len());
        facts.extend(alike.into_iter().map(|steps| together(&steps, all).below(depth + 1)));
        for (place, _) in apart {
            facts.extend(self.block(run, place, depth + 1));
        }
        facts.extend(not_run(inside.into_iter().map(|(_, step)| step).collect(), depth + 1));
        facts
    }

    /// Items that have nothing to tell but their end, by how they ended, where there are many of them; and the others.
    fn alike<'s, 'a>(
        &self,
        run: &Run<'a>,
        inside: &[(usize, &'s Step<'a>)],
    ) -> (Vec<Vec<&'s Step<'a>>>, Vec<(usize, &'s Step<'a>)>) {
        let plain = |place: usize, step: &Step<'a>| {
            let is_alone = self.inside(place).iter().all(|inner| self.is_plain(run, *inner));
            if is_alone { plainly(run, step) } else { None }
        };
        let mut alike: BTreeMap<&'static str, Vec<&'s Step<'a>>> = BTreeMap::new();
        for (place, step) in inside {
            if let Some(word) = plain(*place, step) {
                alike.entry(word).or_default().push(step);
            }
        }
        alike.retain(|_, steps| steps.len() > ITEMS_APART_MAX);
        let is_folded = |place: usize, step: &Step<'a>| plain(place, step).is_some_and(|word| alike.contains_key(word));
        let apart = inside.iter().filter(|(place, step)| !is_folded(*place, step)).copied().collect();
        (alike.into_values().collect(), apart)
    }

    /// Whether there is nothing to tell of a step inside an item but that it passed, or was passed by.
    fn is_plain(&self, run: &Run<'_>, place: usize) -> bool {
        let Some(step) = run.steps.get(place) else { return false };
        let passed_by = matches!(step.skipped(), Some((_, SkipReason::When | SkipReason::NotReached)));
        let decided =
            step.kind() == Some(Kind::Decide) && step.settled().is_some_and(|it| it.outcome == Outcome::Passed);
        (passed_by || decided || plainly_done(run, step).is_some())
            && self.inside(place).iter().all(|inner| self.is_plain(run, *inner))
    }
}

/// As [`plainly_done`], of an item.
fn plainly(run: &Run<'_>, step: &Step<'_>) -> Option<&'static str> {
    step.item?;
    plainly_done(run, step)
}

/// How a step ended, in words that follow `12 of 14`, where nothing else is to be told of it: at the first attempt, and
/// nobody had a say.
fn plainly_done(run: &Run<'_>, step: &Step<'_>) -> Option<&'static str> {
    let settled = step.settled().filter(|settled| settled.outcome == Outcome::Passed)?;
    let says_more = step.entries.iter().any(|entry| {
        let doubted = matches!(entry.record, Record::DoubtOpened { .. } | Record::Override { .. });
        let asked = matches!(entry.record, Record::Question { .. } | Record::StepUndone { .. });
        let left = matches!(&entry.record, Record::AttemptEnded { survivors, .. } if !survivors.is_empty());
        doubted || asked || left || run.event(entry).is_some()
    });
    if says_more || step.attempts() > 1 {
        return None;
    }
    match settled.settlement {
        Settlement::Ran => Some("passed"),
        Settlement::AlreadySo => Some("were so already"),
        Settlement::Withheld => Some("would be done"),
        Settlement::ByHand
        | Settlement::Overruled
        | Settlement::Settled
        | Settlement::Expired
        | Settlement::Unanswered
        | Settlement::Denied => None,
    }
}

/// The line of items that ended alike; at least one.
fn together(steps: &[&Step<'_>], all: usize) -> Fact {
    let word = steps.first().and_then(|step| word(step)).unwrap_or("passed");
    let line = Line::new().strong(&format!("{} of {all} {word}", steps.len())).say(": ");
    let began = steps.iter().map(|step| step.began()).min().unwrap_or_default();
    let ends = steps.iter().filter_map(|step| Some(step.settled()?.entry.n));
    Fact::new(began, elements(line, steps), ends)
}

fn word(step: &Step<'_>) -> Option<&'static str> {
    Some(match step.settled()?.settlement {
        Settlement::AlreadySo => "were so already",
        Settlement::Withheld => "would be done",
        _ => "passed",
    })
}

/// Names steps: an item by its element, as far as they fit a line.
fn elements(line: Line, steps: &[&Step<'_>]) -> Line {
    let name = |step: &&Step<'_>| step.item.map_or_else(|| step.path.to_owned(), |(_, value)| value.to_string());
    let names: Vec<String> = steps.iter().take(ELEMENTS_NAMED_MAX).map(name).collect();
    let line = line.codes(names.iter().map(String::as_str));
    match steps.len().saturating_sub(ELEMENTS_NAMED_MAX) {
        0 => line,
        more => line.say(&format!(" and {more} more")),
    }
}

/// The line of a step that others are inside.
fn head(step: &Step<'_>, inside: &[(usize, &Step<'_>)]) -> Fact {
    let Some((list, items)) = listed(step) else {
        let begun = || {
            let line = step.heading().strong(if step.settled().is_some() { "over" } else { "not over" });
            Fact::new(step.began(), line, step.entries.first().map(|entry| entry.n))
        };
        return own(step).unwrap_or_else(begun);
    };
    let mut entries = vec![list.n];
    let is_over = step.settled().is_some() || step.skipped().is_some();
    let counts = counts(items.len(), is_over, inside.iter().map(|(_, step)| *step));
    let line = match step.settled() {
        Some(settled) => {
            let counted =
                if settled.settlement == Settlement::Withheld { String::new() } else { format!(", {counts}") };
            ended(step, &settled, list, items.len(), &mut entries).say(&counted)
        }
        None => going_on(step, &mut entries).say(&format!(", {counts}")),
    };
    let line = step.heading().then(line).then(worked::approval(step, &mut entries));
    Fact::new(step.began(), line, entries)
}

/// Where a loop stands that has not ended: what waits for an approval of all items says so.
fn going_on(step: &Step<'_>, entries: &mut Vec<u64>) -> Line {
    let asks = step.last(|record| match record {
        Record::ApprovalRequested { .. } => Some(true),
        Record::ApprovalGranted { .. } => Some(false),
        _ => None,
    });
    match asks {
        Some((_, true)) => worked::under_way(step, entries),
        Some((_, false)) | None => Line::new().strong("not over"),
    }
}

/// How a loop ended. Why it failed stands with the items that did.
fn ended(step: &Step<'_>, settled: &Settled<'_>, list: &Folded, count: usize, entries: &mut Vec<u64>) -> Line {
    match settled.settlement {
        Settlement::Ran => {
            entries.push(settled.entry.n);
            let took = moment::between(list.ts, settled.entry.ts);
            let line = Line::new().strong(settled.outcome.word());
            if took.as_secs() > 0 { line.say(" after ").say(&moment::words(took)) } else { line }
        }
        Settlement::Withheld => {
            entries.push(settled.entry.n);
            Line::new().say(&format!("would be done for {}", items_words(count)))
        }
        _ => worked::verdict(step, settled, entries),
    }
}

fn items_words(count: usize) -> String {
    match count {
        0 => "no item".to_owned(),
        1 => "one item".to_owned(),
        count => format!("each of {count} items"),
    }
}

/// How many items came out how: `of 14 items 12 passed, 1 failed, 1 was not run`.
fn counts<'s, 'a: 's>(all: usize, is_over: bool, steps: impl Iterator<Item = &'s Step<'a>>) -> String {
    let (mut by_outcome, mut going_on) = (BTreeMap::<&str, usize>::new(), 0);
    let mut begun = 0;
    for step in steps {
        begun += 1;
        let outcome = step.settled().map(|settled| settled.outcome).or(step.skipped().map(|_| Outcome::Skipped));
        match outcome {
            Some(outcome) => *by_outcome.entry(outcome.word()).or_default() += 1,
            None => going_on += 1,
        }
    }
    let of = |outcome: Outcome| by_outcome.get(outcome.word()).copied().unwrap_or_default();
    if all > 1 && of(Outcome::Passed) == all {
        return format!("all {all} items");
    }
    let told = [
        (of(Outcome::Passed), "passed"),
        (of(Outcome::Failed), "failed"),
        (of(Outcome::Unknown), "unknown"),
        (going_on, "not settled"),
        (of(Outcome::Skipped), "not run"),
        (all.saturating_sub(begun), if is_over { "not run" } else { "not begun" }),
    ];
    let told: Vec<String> =
        told.into_iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    let items = if all == 1 { "1 item".to_owned() } else { format!("{all} items") };
    format!("of {items} {}", told.join(", "))
}

/// Steps that did not run, a line a reason.
fn not_run(steps: Vec<&Step<'_>>, depth: usize) -> Vec<Fact> {
    let mut reasons: BTreeMap<String, Vec<(&Step<'_>, &Folded)>> = BTreeMap::new();
    for step in steps {
        if let Some((entry, why)) = step.skipped() {
            reasons.entry(why.to_string()).or_default().push((step, entry));
        }
    }
    let fact = |(why, steps): (String, Vec<(&Step<'_>, &Folded)>)| {
        let at = steps.first()?.1.ts;
        let line = Line::new().say("Not run, ").say(&why).say(": ");
        let named: Vec<&Step<'_>> = steps.iter().map(|(step, _)| *step).collect();
        let line = if depth == 0 { line.codes(named.iter().map(|step| step.path)) } else { elements(line, &named) };
        Some(Fact::new(at, line, steps.iter().map(|(_, entry)| entry.n)).below(depth))
    };
    reasons.into_iter().filter_map(fact).collect()
}
