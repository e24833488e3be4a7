//! `answer`, `approve`, `deny`, `ack`, `note`, `settle`, `handover`, `cancel`: something is said to a run, from any
//! terminal. A run that waits goes on after it, in its own process or, where that has gone, in this one.

use std::collections::BTreeMap;

use runbook_core::diagnostic::suggest;
use runbook_core::run::event::Input;
use runbook_core::run::record::{AnswerWord, SettleWord};
use runbook_core::run::state::RunState;
use runbook_runner::account::{Account, Machine};
use runbook_transcript::run_dir::RunDir;

use super::going::{Going, Watching, go};
use super::meant::{Named, going_run, holder, meant};
use super::say::{declined_already, said, say, say_and_let_go};
use crate::arguments::{Ack, Answer, Cancel, Decide, Deny, HandIn, Handover, Note, Settle, SettleHow};
use crate::context::{Context, Ending};
use crate::failure::Failure;
use crate::replay::state_now;

/// `answer`.
pub(super) fn answer(arguments: &Answer, context: &mut Context) -> Ending {
    let (before, word) = match arguments.words.as_slice() {
        // Typed without quotes it is meant all the same.
        [before @ .., could, not] if could == "could" && not == "not" => (before, "could not"),
        [before @ .., word] => (before, word.as_str()),
        [] => return Err(Failure::usage("an answer is missing")),
    };
    let meant = meant(&Named::of(before), "answer", context)?;
    let answer = match &meant.open {
        Some(open) => answer_word(word, &open.choices)?,
        // Answered already: it is compared with what was said.
        None => answer_word(word, &[]).unwrap_or_else(|_| AnswerWord::Choice(word.to_owned())),
    };
    let input = Input::Answer {
        step: meant.step(),
        request: meant.request(),
        answer,
        fields: arguments.field.iter().cloned().collect(),
        behalf: arguments.behalf.clone(),
        reason: arguments.reason.clone(),
    };
    said(&meant, &input, &arguments.hand_in, context)
}

fn answer_word(word: &str, choices: &[String]) -> Result<AnswerWord, Failure> {
    if choices.is_empty() {
        return match word.to_lowercase().as_str() {
            "yes" | "y" | "done" => Ok(AnswerWord::Yes),
            "no" | "n" | "could not" => Ok(AnswerWord::No),
            _ => Err(Failure::usage(format!("{word:?} is no answer to this: it takes yes or no, done or could not"))),
        };
    }
    let numbered = word.parse::<usize>().ok().and_then(|number| choices.get(number.checked_sub(1)?));
    let found = choices.iter().find(|choice| *choice == word).or(numbered);
    found.map(|choice| AnswerWord::Choice(choice.clone())).ok_or_else(|| {
        let quoted: Vec<String> = choices.iter().map(|choice| format!("'{choice}'")).collect();
        Failure::usage(format!("{word:?} is none of the choices"))
            .help(format!("it takes one of {}", quoted.join(", ")))
    })
}

/// `approve`.
pub(super) fn approve(arguments: &Decide, context: &mut Context) -> Ending {
    let meant = meant(&Named::of(&arguments.words), "approve", context)?;
    let (step, request) = (meant.step(), meant.request());
    let input = Input::Approve { step, request, reason: arguments.reason.clone() };
    said(&meant, &input, &arguments.hand_in, context)
}

/// `deny`.
pub(super) fn deny(arguments: &Deny, context: &mut Context) -> Ending {
    if arguments.reason.trim().is_empty() {
        return Err(Failure::usage("a denial needs a reason: it stands in the log"));
    }
    let meant = meant(&Named::of(&arguments.words), "approve", context)?;
    let (step, request) = (meant.step(), meant.request());
    let input = Input::Deny { step, request, reason: arguments.reason.clone() };
    said(&meant, &input, &arguments.hand_in, context)
}

/// `ack`.
pub(super) fn ack(arguments: &Ack, context: &mut Context) -> Ending {
    let meant = meant(&Named::of(&arguments.words), "ack", context)?;
    let step = meant.step();
    if let Some(name) = &arguments.behalf {
        known(name, &state_now(&meant.run)?)?;
    }
    let input = Input::Acknowledge { step, behalf: arguments.behalf.clone() };
    said(&meant, &input, &arguments.hand_in, context)
}

/// `settle`.
pub(super) fn settle(arguments: &Settle, context: &mut Context) -> Ending {
    let word = settle_word(&arguments.how);
    if word != SettleWord::Fail && arguments.reason.as_ref().is_none_or(|reason| reason.trim().is_empty()) {
        return Err(Failure::usage("this needs --reason: it stands first in the log"));
    }
    let meant = meant(&Named::of(&arguments.words), "settle", context)?;
    let step = meant.step();
    let outputs: BTreeMap<String, String> = arguments.output.iter().cloned().collect();
    let input = Input::Settle { step, word, reason: arguments.reason.clone(), outputs };
    said(&meant, &input, &arguments.hand_in, context)
}

fn settle_word(how: &SettleHow) -> SettleWord {
    let words = [
        (how.done, SettleWord::Done),
        (how.not_done, SettleWord::NotDone),
        (how.again, SettleWord::Again),
        (how.by_hand, SettleWord::ByHand),
        (how.go_on, SettleWord::GoOn),
    ];
    words.into_iter().find(|(given, _)| *given).map_or(SettleWord::Fail, |(_, word)| word)
}

/// `note`.
pub(super) fn note(arguments: &Note, context: &mut Context) -> Ending {
    let Some((text, before)) = arguments.words.split_last() else { return Err(Failure::usage("a text is missing")) };
    if text.trim().is_empty() {
        return Err(Failure::usage("an empty note says nothing"));
    }
    let named = Named::of(before);
    let run = going_run(named.run, context)?;
    let input = Input::Note { step: named.step.map(str::to_owned), text: text.clone() };
    // A note alone is no reason for a run that waits to go on.
    let hand_in = HandIn { no_resume: true, json: arguments.hand_in.json };
    say(&run, &input, &hand_in, context)
}

/// `handover`.
pub(super) fn handover(arguments: &Handover, context: &mut Context) -> Ending {
    let run = going_run(arguments.run.as_deref(), context)?;
    let state = state_now(&run)?;
    let how = HandIn { no_resume: true, json: arguments.json };
    if arguments.accept {
        return accept(&run, &state, &how, context);
    }
    if let Some(to) = &arguments.to {
        known(to, &state)?;
    } else if holder(&run)?.is_none() {
        let resume = context.place.command(&["resume", run.id().as_str()]);
        return Err(Failure::usage("no process has this run: there is nothing to let go of")
            .help(format!("whoever takes it over types `{resume}`; --to PERSON says who should")));
    }
    let input = Input::HandOver { to: arguments.to.clone() };
    // Without a process it is known what would come of it: then none is started just to be told so.
    if holder(&run)?.is_none()
        && let Some(ending) = declined_already(&run, &state, &input, &how, context)
    {
        return ending;
    }
    say_and_let_go(&run, &input, &how, context)
}

/// Somebody the team file or this machine knows: a misspelt name would wait for nobody.
fn known(name: &str, state: &RunState) -> Result<(), Failure> {
    let team = state.team();
    if team.people.contains_key(name) || team.teams.contains_key(name) || Account::is_known(name) {
        return Ok(());
    }
    let failure =
        Failure::usage(format!("nobody is called {name:?}: neither team.yaml nor this machine knows the name"));
    let names = team.people.keys().chain(team.teams.keys()).map(String::as_str);
    Err(match suggest(name, names) {
        Some(other) => failure.help(format!("did you mean {other}?")),
        None => failure,
    })
}

/// Takes a run that was handed over. Where a process has it, it is told so; else it goes on here, which says it too.
fn accept(run: &RunDir, state: &RunState, how: &HandIn, context: &mut Context) -> Ending {
    let machine = Machine::current();
    if let Some(ending) = declined_already(run, state, &Input::Accept, how, context) {
        return ending;
    }
    if holder(run)?.is_some() {
        return say(run, &Input::Accept, how, context);
    }
    let store = context.store()?;
    go(Going::Resume(store, run.clone()), Watching::of(how.json, &machine), context)
}

/// `cancel`.
pub(super) fn cancel(arguments: &Cancel, context: &mut Context) -> Ending {
    let run = going_run(arguments.run.as_deref(), context)?;
    say(&run, &Input::Cancel { reason: arguments.reason.clone() }, &arguments.hand_in, context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_by_what_is_asked() {
        let choices = ["restart it".to_owned(), "yes".to_owned()];
        assert_eq!(answer_word("done", &[]), Ok(AnswerWord::Yes));
        assert_eq!(answer_word("Could not", &[]), Ok(AnswerWord::No));
        assert_eq!(answer_word("yes", &choices), Ok(AnswerWord::Choice("yes".to_owned())));
        assert_eq!(answer_word("1", &choices), Ok(AnswerWord::Choice("restart it".to_owned())));
        let failure = answer_word("restart", &choices).err().map(|failure| failure.help);
        assert_eq!(failure, Some(vec!["it takes one of 'restart it', 'yes'".to_owned()]));
        assert!(answer_word("maybe", &[]).is_err());
    }
}
