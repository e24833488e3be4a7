//! Runs that were: what a list shows of each, and how a runbook went last time.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use runbook_core::params::written;
use runbook_core::run::record::{Mode, Record, RunOutcome};
use runbook_core::run::state::{self, RunState};
use runbook_transcript::entry::Entry;
use runbook_transcript::file::FileError;
use runbook_transcript::run_dir::RunDir;
use runbook_transcript::run_id::RunId;
use runbook_transcript::store::Store;
use runbook_transcript::wire;

use crate::clock::{day, rough, time};
use crate::replay::state_now;

/// A run, as its first and its last entry tell.
#[derive(Debug, Clone, PartialEq)]
pub struct Past {
    /// Its id.
    pub id: String,
    /// Its runbook.
    pub runbook: String,
    /// The runbook's title then.
    pub title: String,
    /// What it was for.
    pub mode: Mode,
    /// Who started it.
    pub operator: String,
    /// When it started.
    pub started: Timestamp,
    /// When its last entry was written.
    pub last: Timestamp,
    /// Where it stands.
    pub standing: Standing,
}

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It is sealed.
    Over(RunOutcome),
    /// A process goes on with it.
    Running,
    /// Nothing goes on before somebody answers, be a process there or not.
    Waiting(Waits),
    /// Nothing goes on before somebody says how an act ended.
    InDoubt(Waits),
    /// Its process is gone.
    Interrupted,
}

/// What a run waits for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Waits {
    /// A step and what it waits for, each: `force: approve`.
    pub requests: Vec<String>,
    /// Those it waits for.
    pub people: Vec<String>,
    /// Since when.
    pub since: Option<Timestamp>,
}

impl Waits {
    fn of(state: &RunState) -> Self {
        let mut waits = Self::default();
        for request in state.requests() {
            waits.requests.push(format!("{}: {}", request.step.as_deref().unwrap_or("rollback"), request.verb()));
            waits.since = Some(waits.since.map_or(request.since, |since| since.min(request.since)));
            for name in state.awaited(request) {
                if !waits.people.contains(&name) {
                    waits.people.push(name);
                }
            }
        }
        waits
    }
}

impl Standing {
    /// In a word.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Over(outcome) => outcome.word(),
            Self::Running => "running",
            Self::Waiting(_) => "waiting",
            Self::InDoubt(_) => "in doubt",
            Self::Interrupted => "interrupted",
        }
    }

    /// The same, and for whom it waits and since when.
    #[must_use]
    pub fn words(&self, now: Timestamp, zone: &TimeZone) -> String {
        match self {
            Self::Waiting(Waits { people, since: Some(since), .. }) if !people.is_empty() => {
                format!("waiting for {} since {}", people.join(", "), time(*since, now, zone))
            }
            Self::InDoubt(Waits { since: Some(since), .. }) => format!("in doubt since {}", time(*since, now, zone)),
            Self::Over(_) | Self::Running | Self::Waiting(_) | Self::InDoubt(_) | Self::Interrupted => {
                self.word().to_owned()
            }
        }
    }
}

impl Past {
    /// Reads what a list shows of a run; `None` where its first entry is none, which `audit verify` tells about.
    #[must_use]
    pub fn read(run: &RunDir) -> Option<Self> {
        let ends = run.ends().ok()?;
        let (first, last) = (ends.first?, ends.last?);
        let Record::RunStarted(started) = decode(&first)? else { return None };
        let standing = match decode(&last) {
            Some(Record::RunSealed { outcome, .. }) => Standing::Over(outcome),
            _ if run.holder().is_ok_and(|holder| holder.is_some()) => Standing::Running,
            Some(Record::RunSuspended { waits_for }) => {
                Standing::Waiting(Waits { requests: waits_for, ..Waits::default() })
            }
            _ => Standing::Interrupted,
        };
        Some(Self {
            id: first.run.to_string(),
            runbook: started.runbook,
            title: started.title,
            mode: started.mode,
            operator: first.actor.id,
            started: first.ts,
            last: last.ts,
            standing,
        })
    }

    /// As [`Self::read`]; of a run that is not over the whole transcript is read, which alone tells whether a process that
    /// has it does anything, and whether what it waits for is a doubt.
    #[must_use]
    pub fn read_closely(run: &RunDir) -> Option<Self> {
        let past = Self::read(run)?;
        let (Standing::Running | Standing::Waiting(_)) = past.standing else { return Some(past) };
        let Ok(state) = state_now(run) else { return Some(past) };
        let standing = match state.standing() {
            state::Standing::Waiting => Standing::Waiting(Waits::of(&state)),
            state::Standing::InDoubt => Standing::InDoubt(Waits::of(&state)),
            // Sealed since the last entry was read; the next look says so.
            state::Standing::Running | state::Standing::Over(_) => return Some(past),
        };
        Some(Self { standing, ..past })
    }

    /// How long it took, or has been going on.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.last.duration_since(self.started).unsigned_abs()
    }

    /// Whether it was a drill that came to its end.
    #[must_use]
    pub fn is_drilled(&self) -> bool {
        let ended = matches!(self.standing, Standing::Over(outcome) if outcome != RunOutcome::Cancelled);
        self.mode == Mode::Drill && ended
    }

    /// Whether the world was changed.
    #[must_use]
    pub fn is_real(&self) -> bool {
        self.mode == Mode::Real
    }
}

/// The words that start a run once more as it was started: its runbook, and the params it was given.
#[must_use]
pub fn once_more(run: &RunDir) -> Vec<String> {
    let first = run.ends().ok().and_then(|ends| ends.first).and_then(|entry| decode(&entry));
    let mut words = vec!["run".to_owned(), run.id().runbook().to_owned()];
    if let Some(Record::RunStarted(started)) = first {
        for (name, (value, from)) in &started.params {
            if from == "option" {
                words.extend(["-p".to_owned(), format!("{name}={}", written(value))]);
            }
        }
    }
    words
}

fn decode(entry: &Entry) -> Option<Record> {
    wire::decode(&entry.kind, entry.step.as_deref(), entry.attempt, &entry.d).ok()
}

/// The runs of a store, the newest first. An id tells the minute a run started; of those of one minute its first entry
/// does.
///
/// # Errors
/// [`FileError`] when the folder of runs cannot be read.
pub fn newest_first(store: &Store) -> Result<impl Iterator<Item = RunId>, FileError> {
    let mut ids = store.list_runs()?;
    Ok(std::iter::from_fn(move || {
        let minute = ids.last()?.minute().to_owned();
        let first = ids.partition_point(|id| id.minute() < minute.as_str());
        let mut together = ids.split_off(first);
        if together.len() > 1 {
            together.sort_by_cached_key(|id| {
                let first = store.run(id).ends().ok().and_then(|ends| ends.first);
                first.map(|entry| (entry.ts, entry.bt))
            });
        }
        Some(together.into_iter().rev())
    })
    .flatten())
}

/// The last real run of a runbook, if there is one.
#[must_use]
pub fn last_real(store: &Store, runbook: &str) -> Option<Past> {
    newest_first(store)
        .ok()?
        .filter(|id| id.runbook() == runbook)
        .filter_map(|id| Past::read(&store.run(&id)))
        .find(Past::is_real)
        .and_then(|past| Past::read_closely(&store.run(&RunId::new(&past.id).ok()?)))
}

/// When a runbook was drilled last, to the end; `None` where it never was.
#[must_use]
pub fn last_drill(store: &Store, runbook: &str) -> Option<Past> {
    newest_first(store)
        .ok()?
        .filter(|id| id.runbook() == runbook)
        .filter_map(|id| Past::read(&store.run(&id)))
        .find(Past::is_drilled)
}

/// How it went last time: `last run 3 Oct by oncall, resolved in 6 min`.
#[must_use]
pub fn last_time(past: Option<&Past>, now: Timestamp, zone: &TimeZone) -> String {
    let Some(past) = past else { return "never run before".to_owned() };
    let when = day(past.started, now, zone);
    let how = match &past.standing {
        Standing::Over(outcome) => format!("{} in {}", outcome.word(), rough(past.duration())),
        Standing::Running => "and it is going on".to_owned(),
        Standing::Waiting(_) => "and it waits".to_owned(),
        Standing::InDoubt(_) => "and it is in doubt".to_owned(),
        Standing::Interrupted => "interrupted".to_owned(),
    };
    format!("last run {when} by {}, {how}", past.operator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_time_is_told_in_a_line() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap_or_default();
        let mut past = Past {
            id: "x".to_owned(),
            runbook: "dns-failover".to_owned(),
            title: "DNS".to_owned(),
            mode: Mode::Real,
            operator: "oncall".to_owned(),
            started: at("2026-10-03T03:00:00Z"),
            last: at("2026-10-03T03:05:45Z"),
            standing: Standing::Over(RunOutcome::Resolved),
        };
        let told = |past: Option<&Past>| last_time(past, at("2026-11-22T12:00:00Z"), &TimeZone::UTC);
        assert_eq!(told(Some(&past)), "last run 3 Oct by oncall, resolved in 6 min");
        past.standing = Standing::Waiting(Waits::default());
        assert_eq!(told(Some(&past)), "last run 3 Oct by oncall, and it waits");
        assert_eq!(told(None), "never run before");
    }
}
