//! What people say to a random run, until they lose patience.

use std::collections::BTreeMap;

use runbook_core::run::event::Input;
use runbook_core::run::record::{AnswerWord, QuestionKind, SettleWord};
use runbook_core::run::request::{Request, RequestKind};

use crate::world::Dice;

pub(crate) struct People {
    /// How often they may still say *again*, or no.
    pub(crate) patience: usize,
}

/// What a person says about something that waits, or nothing.
pub(crate) fn said(request: &Request, dice: &mut Dice, people: &mut People) -> Input {
    let step = request.step.clone();
    let answer = |answer: AnswerWord| Input::Answer {
        step: step.clone(),
        request: Some(request.id),
        answer,
        fields: BTreeMap::new(),
        behalf: None,
        reason: None,
    };
    let yes = |dice: &mut Dice| if dice.once_in(4) { AnswerWord::No } else { AnswerWord::Yes };
    match &request.kind {
        RequestKind::Approval { .. } if dice.once_in(5) => {
            Input::Deny { step, request: Some(request.id), reason: "no".to_owned() }
        }
        RequestKind::Approval { .. } => Input::Approve { step, request: Some(request.id), reason: None },
        RequestKind::Acknowledge { missing, .. } => Input::Acknowledge { step, behalf: missing.first().cloned() },
        RequestKind::Question(QuestionKind::Choice(labels)) => {
            answer(AnswerWord::Choice(labels[dice.below(labels.len())].clone()))
        }
        RequestKind::Question(QuestionKind::Proceed) if people.patience == 0 => answer(AnswerWord::Yes),
        RequestKind::Question(kind @ (QuestionKind::Overrule | QuestionKind::Doubt)) => {
            let doubt = *kind == QuestionKind::Doubt;
            let again = people.patience > 0 && dice.once_in(3);
            people.patience = people.patience.saturating_sub(usize::from(again));
            let word = match (again, doubt, dice.below(3)) {
                (true, ..) => SettleWord::Again,
                (false, true, 0) => SettleWord::NotDone,
                (false, true, _) => SettleWord::Done,
                (false, false, 0) => SettleWord::ByHand,
                (false, false, 1) => SettleWord::GoOn,
                (false, false, _) => SettleWord::Fail,
            };
            Input::Settle { step, word, reason: Some("I looked".to_owned()), outputs: BTreeMap::new() }
        }
        RequestKind::Question(_) => {
            people.patience = people.patience.saturating_sub(1);
            answer(yes(dice))
        }
    }
}
