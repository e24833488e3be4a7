//! `runbook audit verify`: what can be said about whole runs, and what cannot.

use runbook_transcript::by_hand::BY_HAND;
use runbook_transcript::verify::{Verdict, Verification, verify as look};
use serde_json::json;

use crate::arguments::{Requirement, Verify};
use crate::context::{Context, Ending};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::text::{Line, Style};

/// Says whether transcripts are whole and unchanged.
///
/// # Errors
/// [`Failure`] when there is no such run, or its files cannot be read.
pub(super) fn verify(arguments: &Verify, context: &mut Context) -> Ending {
    let store = context.store()?;
    if arguments.stock {
        return stock(arguments, context);
    }
    let runs = if arguments.all {
        let ids = store.list_runs().map_err(|error| Failure::new(ExitCode::Unwritable, error))?;
        ids.iter().map(|id| store.run(id)).collect()
    } else {
        arguments.runs.iter().map(|run| context.run(run)).collect::<Result<Vec<_>, _>>()?
    };
    let is_one = !arguments.all && runs.len() == 1;
    let (mut worst, mut told) = (ExitCode::Resolved, Vec::new());
    for run in runs {
        let look = || look(&run, Some(&store.ledger())).map_err(|error| Failure::new(ExitCode::Broken, error));
        let mut found = look()?;
        if matches!(found.verdict, Verdict::Broken { .. }) {
            // One that was just taken up has its torn last line moved away meanwhile; what is broken stays so.
            found = look()?;
        }
        let code = code(&found.verdict, &arguments.require);
        // The numbers rise with how bad it is.
        worst = worst.max(code);
        if arguments.json {
            told.push(json(&found, code));
        } else if is_one {
            tell(&found, context)?;
        } else {
            context.out.wrapped(in_a_line(&found), 2)?;
        }
        if !arguments.json && code == ExitCode::RequirementNotMet {
            context.out.line(Line::plain("  ").and(Style::Bad, "it is not sealed, which --require asks for"))?;
        }
    }
    match (arguments.json, is_one) {
        (true, true) => told.iter().try_for_each(|one| context.out.json(one))?,
        (true, false) => context.out.json(&json!({ "v": 1, "runs": told, "exit_code": worst.number() }))?,
        (false, true) => {}
        (false, false) => tell_all(worst, context)?,
    }
    Ok(worst)
}

fn json(found: &Verification, code: ExitCode) -> serde_json::Value {
    let broken_at = if let Verdict::Broken { n, .. } = &found.verdict { Some(*n) } else { None };
    json!({
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
    })
}

fn in_a_line(found: &Verification) -> Line {
    Line::plain(&format!("{}: ", found.run)).and(style(&found.verdict), &found.verdict.to_string())
}

fn tell_all(worst: ExitCode, context: &mut Context) -> Result<(), Failure> {
    let line = if worst == ExitCode::Resolved {
        Line::plain("").and(Style::Good, "every one of them is sealed and intact")
    } else {
        Line::plain("").and(Style::Look, "the worst of them gives the exit code").and(
            Style::Plain,
            &format!(", {}; `runbook audit verify RUN` says what one cannot exclude", worst.number()),
        )
    };
    context.out.wrapped(line, 2)
}

/// The commands that check a run by hand, as the format's description has them, where that run is.
fn stock(arguments: &Verify, context: &mut Context) -> Ending {
    for run in &arguments.runs {
        let run = context.run(run)?;
        context.out.raw(&format!("cd {}\n{BY_HAND}", quoted(&run.path().display().to_string())))?;
    }
    Ok(ExitCode::Resolved)
}

fn quoted(path: &str) -> String {
    format!("'{}'", path.replace('\'', r"'\''"))
}

fn tell(found: &Verification, context: &mut Context) -> Result<(), Failure> {
    let out = &mut context.out;
    out.wrapped(in_a_line(found), 2)?;
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

fn style(verdict: &Verdict) -> Style {
    match verdict {
        Verdict::Sealed => Style::Good,
        Verdict::Unsealed => Style::Look,
        Verdict::LedgerMismatch { .. } | Verdict::Broken { .. } => Style::Bad,
    }
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Sealed => "sealed",
        Verdict::Unsealed => "unsealed",
        Verdict::LedgerMismatch { .. } => "mismatch",
        Verdict::Broken { .. } => "broken",
    }
}

fn code(verdict: &Verdict, require: &[Requirement]) -> ExitCode {
    match verdict {
        Verdict::Sealed => ExitCode::Resolved,
        Verdict::Unsealed if require.contains(&Requirement::Sealed) => ExitCode::RequirementNotMet,
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
        assert_eq!(code(&Verdict::Unsealed, &[Requirement::Sealed]).number(), 12);
        assert_eq!(code(&Verdict::Sealed, &[Requirement::Sealed]).number(), 0);
        for verdict in all {
            assert_eq!(code(&verdict, &[]).number(), verdict.exit_code());
        }
    }
}
