//! How a file would change, line by line, for people.

use std::time::Duration;

use runbook_core::run::event::Evidence;
use runbook_core::run::record::{CHANGES, Output};
use similar::TextDiff;

use super::Workplace;
use super::writing::Planned;
use crate::mask::Masker;

/// Time to look for a short difference; after it a longer one is as good.
const LOOK: Duration = Duration::from_millis(500);
/// Lines around a change.
const AROUND: usize = 3;

/// The change as evidence of the step: kept whole beside the transcript, begin and end of it in the entry.
pub(super) fn evidence(planned: &Planned, work: &Workplace) -> Evidence {
    let name = format!("{CHANGES}{}", planned.plan.to);
    match text(planned) {
        Ok(text) => {
            let masker = Masker::new(&work.secrets_read.borrow());
            let mut stream = work.keeper.masked(masker);
            stream.push(text.as_bytes());
            let (output, _) = work.keeper.keep_masked(stream);
            Evidence { name, output: Some(output), note: None }
        }
        Err(note) => Evidence { name, output: None::<Output>, note: Some(note) },
    }
}

fn text(planned: &Planned) -> Result<String, String> {
    let plan = &planned.plan;
    let old = match planned.present.as_deref().map(std::str::from_utf8) {
        None => "",
        Some(Ok(text)) => text,
        Some(Err(_)) => return Err("what is there now is no text".to_owned()),
    };
    let mut diff = TextDiff::configure();
    diff.timeout(LOOK);
    let diff = diff.diff_lines(old, planned.content.as_str());
    let named = |what: Option<u32>| {
        what.map_or_else(|| "/dev/null".to_owned(), |mode| format!("{} (mode {mode:04o})", plan.to))
    };
    let before = named(plan.before.map(|(_, mode)| mode));
    let after = named(Some(plan.mode));
    let unified = diff.unified_diff().context_radius(AROUND).header(&before, &after).to_string();
    // Without a line that differs there is no header either.
    Ok(if unified.is_empty() { format!("--- {before}\n+++ {after}\n") } else { unified })
}
