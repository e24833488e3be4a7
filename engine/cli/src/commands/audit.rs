//! `runbook audit verify`: what can be said about a whole run, and what cannot.

use runbook_transcript::verify::{Verdict, Verification, verify as look};
use serde_json::json;

use crate::arguments::Verify;
use crate::context::{Context, Ending};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::text::{Line, Style};

/// Says whether a transcript is whole and unchanged.
///
/// # Errors
/// [`Failure`] when there is no such run, or its files cannot be read.
pub(super) fn verify(arguments: &Verify, context: &mut Context) -> Ending {
    let store = context.store()?;
    let run = context.run(&arguments.run)?;
    let found = look(&run, Some(&store.ledger())).map_err(|error| Failure::new(ExitCode::Broken, error))?;
    let code = code(&found.verdict);
    let broken_at = if let Verdict::Broken { n, .. } = &found.verdict { Some(*n) } else { None };
    if arguments.json {
        context.out.json(&json!({
            "v": 1,
            "run": found.run.as_str(),
            "verdict": word(&found.verdict),
            "says": found.verdict.to_string(),
            "broken_at": broken_at,
            "entries": found.entries,
            "head": found.head.to_string(),
            "by_kind": found.by_kind,
            "torn_bytes": found.torn_bytes,
            "blobs": found.blobs,
            "erased": found.erased,
            "cannot_exclude": found.cannot_exclude,
            "exit_code": code.number(),
        }))?;
    } else {
        tell(&found, context)?;
    }
    Ok(code)
}

fn tell(found: &Verification, context: &mut Context) -> Result<(), Failure> {
    let style = match found.verdict {
        Verdict::Sealed => Style::Good,
        Verdict::Unsealed => Style::Look,
        Verdict::LedgerMismatch { .. } | Verdict::Broken { .. } => Style::Bad,
    };
    let out = &mut context.out;
    out.wrapped(Line::plain(&format!("{}: ", found.run)).and(style, &found.verdict.to_string()), 2)?;
    let sound =
        if matches!(found.verdict, Verdict::Broken { .. }) { "are sound before it" } else { "are chained and sound" };
    out.line(format!("  {} entries {sound}, {} blobs are what they were", found.entries, found.blobs))?;
    if found.erased > 0 {
        out.line(format!("  {} blobs were erased and left their digest", found.erased))?;
    }
    if found.torn_bytes > 0 {
        out.line(format!("  {} bytes behind the last whole line", found.torn_bytes))?;
    }
    out.line(format!("  head {}", found.head))?;
    out.line("What this cannot exclude:")?;
    for sentence in &found.cannot_exclude {
        out.wrapped(Line::plain(&format!("  - {sentence}")), 4)?;
    }
    Ok(())
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Sealed => "sealed",
        Verdict::Unsealed => "unsealed",
        Verdict::LedgerMismatch { .. } => "mismatch",
        Verdict::Broken { .. } => "broken",
    }
}

fn code(verdict: &Verdict) -> ExitCode {
    match verdict {
        Verdict::Sealed => ExitCode::Resolved,
        Verdict::Unsealed => ExitCode::Unsealed,
        Verdict::LedgerMismatch { .. } => ExitCode::Mismatch,
        Verdict::Broken { .. } => ExitCode::Broken,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_those_of_the_transcript() {
        let all = [
            Verdict::Sealed,
            Verdict::Unsealed,
            Verdict::LedgerMismatch { why: String::new() },
            Verdict::Broken { n: 0, why: String::new() },
        ];
        for verdict in all {
            assert_eq!(code(&verdict).number(), verdict.exit_code());
        }
    }
}
