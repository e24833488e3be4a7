//! Approvals, questions, doubts, and who answered them.

#![expect(clippy::wildcard_enum_match_arm, reason = "each part of the view takes the records it is about")]

use runbook_core::run::record::{Actor, AnswerWord, Auth, QuestionKind, Record};

use super::words::{because, settle_words, who};
use super::{INDENT, Steps, View};
use crate::text::{Line, Style};

impl View {
    pub(super) fn approvals_and_questions(
        &mut self,
        record: &Record,
        actor: &Actor,
        steps: &dyn Steps,
        lines: &mut Vec<Line>,
    ) {
        let by = who(actor);
        let (step, style, said) = match record {
            Record::ApprovalGranted { key, reason, .. } => {
                (&key.step, Style::Good, format!("approved by {by}{}", because(reason.as_deref())))
            }
            Record::ApprovalDenied { key, reason, .. } => {
                (&key.step, Style::Bad, format!("denied by {by}, because {reason}"))
            }
            Record::ApprovalExpired { key, .. } => (&key.step, Style::Bad, "nobody approved in time".to_owned()),
            Record::ApprovalVoid { key, why, .. } => {
                (&key.step, Style::Look, format!("the approval is not valid any more: {why}"))
            }
            Record::Question { step: Some(step), question, collect, .. } => {
                self.begin(step, steps, lines);
                if *question == QuestionKind::Instruct {
                    self.by_hand.insert(step.clone());
                }
                if matches!(question, QuestionKind::Overrule | QuestionKind::Doubt) {
                    self.outputs_wanted.insert(step.clone(), collect.clone());
                }
                if *question == QuestionKind::Overrule && self.failed.remove(step).is_some() {
                    self.show_failed_output(step, lines);
                }
                return;
            }
            Record::Answer { step, answer, behalf, reason, .. } => {
                let by_hand = step.as_ref().is_some_and(|step| self.by_hand.contains(step));
                let word = match answer {
                    AnswerWord::Yes if by_hand => "done",
                    AnswerWord::No if by_hand => "could not",
                    AnswerWord::Yes => "yes",
                    AnswerWord::No => "no",
                    AnswerWord::Choice(label) => label,
                };
                let by = behalf.as_ref().map_or(by.clone(), |behalf| format!("{behalf}, as typed by {by}"));
                let said = format!("answered \"{word}\" by {by}{}", because(reason.as_deref()));
                let Some(step) = step else {
                    lines.push(Line::plain(INDENT).and(Style::Good, &said));
                    return;
                };
                // The values typed are the step's outputs, and told with them.
                (step, Style::Good, said)
            }
            Record::QuestionWithdrawn { step: Some(step), timed_out, .. } => {
                let said = match (*timed_out, actor.auth) {
                    (true, _) => "nobody answered in time".to_owned(),
                    // Who cancels withdraws all that is asked.
                    (false, Auth::System) => "the question is withdrawn".to_owned(),
                    (false, _) if self.cancels > 0 => "the question is withdrawn".to_owned(),
                    (false, Auth::Tty | Auth::Ssh | Auth::Token | Auth::Oidc) => format!("left as it is by {by}"),
                };
                (step, Style::Look, said)
            }
            Record::DoubtOpened { key, why } => {
                if self.failed.remove(&key.step).is_some() {
                    self.begin(&key.step, steps, lines);
                    self.show_failed_output(&key.step, lines);
                }
                (&key.step, Style::Bad, format!("? in doubt: nobody knows how it ended: {why}"))
            }
            Record::DoubtSettled { key, word, by: means, reason, .. } => {
                let by = if means == "person" { by } else { format!("`{means}`") };
                (
                    &key.step,
                    Style::Look,
                    format!("settled by {by}: {}{}", settle_words(*word), because(reason.as_deref())),
                )
            }
            Record::Refused { repeats: true, why, .. } => {
                lines.push(Line::plain(INDENT).and(Style::Faint, why));
                return;
            }
            Record::Refused { verb, step, why, .. } => {
                let about = step.as_ref().map_or(String::new(), |step| format!(" of {step}"));
                lines.push(Line::plain(INDENT).and(Style::Look, &format!("{verb}{about} by {by} was refused: {why}")));
                return;
            }
            _ => return,
        };
        self.begin(step, steps, lines);
        lines.push(Line::plain(INDENT).and(style, &said));
    }
}
