//! A run on one line, for a list of runs and for who starts the runbook again.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::moment;
use crate::report::{Report, Standing};

/// The line: `3 Oct by oncall, resolved in 6 min`; `3 Oct by oncall, waiting since 09:16:01`;
/// `3 Oct by oncall, DRY RUN, ended in 0 s`. `now` decides whether the year is told.
#[must_use]
pub fn summary(report: &Report, now: Timestamp, zone: &TimeZone) -> String {
    let Some(started) = report.started else { return "nothing is recorded".to_owned() };
    let day = moment::day(started, now, zone);
    let by = report.operators.first().map(|operator| format!(" by {operator}")).unwrap_or_default();
    let mode = report.banner().map(|(mode, _)| format!(", {mode}")).unwrap_or_default();
    let word = report.standing_word();
    let standing = match report.standing {
        Standing::Over(_) => {
            let took = report.duration().map(moment::about).unwrap_or_default();
            format!("{word} in {took}")
        }
        Standing::Waiting | Standing::InDoubt | Standing::Interrupted | Standing::Unfinished => {
            let since = report.last.unwrap_or(started);
            format!("{word} since {}", moment::clock(since, Some(started), zone))
        }
        Standing::Running => word.to_owned(),
    };
    format!("{day}{by}{mode}, {standing}")
}
