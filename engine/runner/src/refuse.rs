//! What the language has and this build does not: said before the first step, never in the middle of an incident.

use std::collections::BTreeSet;

use runbook_core::document::model::{Approve, Kind, Step, Work};
use runbook_core::document::team::Team;
use runbook_core::plan::Plan;
use runbook_core::run::record::Mode;

use crate::channel::is_in_this_build;
use crate::team::route;

/// Says what of a runbook this build cannot do, a sentence each; nothing where it can be run.
#[must_use]
pub fn refusals(plan: &Plan, team: &Team, mode: Mode) -> Vec<String> {
    let mut sentences = Vec::new();
    if mode == Mode::Drill {
        sentences.push("a drill is not in this build: use --dry-run, with --probe to run the verify steps".to_owned());
    }
    let document = plan.document();
    for step in &document.steps {
        of_step(step, &mut sentences);
    }
    if document.defaults.surroundings.on.is_some() {
        sentences.push("`defaults.on` is not in this build: steps run on this host only".to_owned());
    }
    sentences.extend(of_channels(plan, team));
    sentences
}

fn of_step(step: &Step, sentences: &mut Vec<String>) {
    let id = step.id.value.as_str();
    let mut refuse =
        |what: &str, instead: &str| sentences.push(format!("step {id}: {what} is not in this build{instead}"));
    let bodies = [Some(&step.body), step.unless.as_ref().map(|body| &*body.value)];
    let undo = match &step.undo {
        Some(runbook_core::document::model::Undo::Body(body)) => Some(&*body.value),
        Some(runbook_core::document::model::Undo::Step(_)) | None => None,
    };
    for body in bodies.into_iter().flatten().chain(undo) {
        match &body.work {
            Work::Http(_) => refuse("`http`", ": `run` curl instead"),
            Work::Template(_) => refuse("`template`", ": write the file with `script`"),
            Work::Runbook(_) => refuse("`runbook`", ": `run` the other one by itself, or write its steps here"),
            Work::Run(_) | Work::Script(_) | Work::Ask(_) | Work::Instruct(_) | Work::Wait(_) | Work::None => {}
        }
        if body.surroundings.on.is_some() {
            refuse("`on`", ": `run` ssh instead");
        }
    }
    if step.for_each.is_some() {
        refuse("`for_each`", ": write the steps out, or loop in a `script`");
    }
    if let Some(Approve::People(approval)) = step.approve.as_ref().map(|approve| &approve.value) {
        let beyond = [
            (!approval.from.is_empty(), "`from`"),
            (approval.count > 1, "`count`"),
            (!approval.own, "`self: false`"),
            (approval.signed, "`signed`"),
        ];
        for (_, key) in beyond.into_iter().filter(|(is_written, _)| *is_written) {
            refuse(&format!("`approve` with {key}"), ": only the operator can approve here");
        }
    }
}

fn of_channels(plan: &Plan, team: &Team) -> Vec<String> {
    let mut told: BTreeSet<(&str, String)> = BTreeSet::new();
    let document = plan.document();
    for step in &document.steps {
        let escalated = step.escalation.iter().filter(|_| step.kind.value == Kind::Escalate);
        let to = escalated.flat_map(|escalation| &escalation.to);
        let asked = match &step.body.work {
            Work::Ask(asking) | Work::Instruct(asking) => asking.to.as_slice(),
            Work::Run(_)
            | Work::Script(_)
            | Work::Http(_)
            | Work::Wait(_)
            | Work::Template(_)
            | Work::Runbook(_)
            | Work::None => &[],
        };
        for name in to.chain(asked) {
            let ways = route(team, &name.value).tries;
            let channels: Vec<_> = ways.iter().filter_map(|way| team.channels.get_key_value(&way.channel)).collect();
            // One channel that works is enough.
            if channels.iter().any(|(_, channel)| is_in_this_build(&channel.kind)) {
                continue;
            }
            for (channel, known) in channels {
                told.insert((step.id.value.as_str(), format!("a {} channel ({channel})", known.kind.key())));
            }
        }
    }
    let sentence = |(step, what): (&str, String)| {
        format!("step {step}: {what} is not in this build: give who is told a `command` channel")
    };
    told.into_iter().map(sentence).collect()
}
