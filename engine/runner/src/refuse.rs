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
        // Kept in the clear they would be no secrets.
        if body.outputs.iter().any(|output| output.secret) {
            refuse("an output with `secret: true`", ": name where it comes from under `secrets`");
        }
        if let Work::Ask(asking) | Work::Instruct(asking) = &body.work
            && asking.collect.values().any(|field| field.secret)
        {
            refuse("a field with `secret: true`", ": name where it comes from under `secrets`");
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::panic, reason = "a failing test may stop where it is")]

    use runbook_core::check::{self, Facts};

    use super::*;

    const TEAM: &str = "
people:
  akim: { name: Ada Kim, notify: [slack] }
  bsparrow: { name: Ben Sparrow, notify: [slack, local] }
  cdoe: { name: Cora Doe }
teams:
  sre: { members: [akim], on_call: akim }
channels:
  slack: { slack: { webhook: { env: SLACK } } }
  local: { command: [notify-send] }
hosts: { web1: ssh://ops@web1 }
";

    fn refused(steps: &str) -> Vec<String> {
        let team = check::load_team("team.yaml", TEAM.as_bytes()).team.unwrap();
        let text = format!("version: 1\nrunbook: test\ntitle: T\nowner: sre\nsteps:\n{steps}");
        let loaded = check::load("test.yaml", text.as_bytes(), Some(&team), &Facts::default());
        let Some(plan) = loaded.plan else { panic!("{:#?}\n{text}", loaded.diagnostics) };
        refusals(&plan, &team, Mode::Real)
    }

    #[test]
    fn each_thing_this_build_lacks_is_named_with_its_step() {
        let cases = [
            ("  a: { verify: A, http: { url: 'http://x/' } }", "`http`"),
            ("  a: { act: A, template: { source: a.hbs, to: /a }, idempotent: true }", "`template`"),
            ("  a: { verify: A, run: 'true', on: web1 }", "`on`"),
            ("  a: { verify: A, run: 'true', for_each: { host: [a, b] } }", "`for_each`"),
            (
                "  a: { act: A, run: 'true', approve: { from: [sre] }, idempotent: true, denied: failed }",
                "`approve` with `from`",
            ),
            ("  a: { act: A, run: 'true', idempotent: true, unless: { http: { url: 'http://x/' } } }", "`http`"),
            (
                "  a: { verify: A, run: 'true', outputs: { key: { value: stdout, secret: true } } }",
                "an output with `secret: true`",
            ),
            ("  a: { escalate: A, to: akim }", "a slack channel (slack)"),
        ];
        for (steps, what) in cases {
            let sentences = refused(steps);
            let wanted = format!("step a: {what} is not in this build");
            assert!(matches!(sentences.as_slice(), [one] if one.starts_with(&wanted)), "{steps}: {sentences:?}");
        }
    }

    #[test]
    fn what_this_build_can_do_is_not_refused() {
        for steps in [
            "  a: { verify: A, run: 'true' }",
            "  a: { act: A, run: 'true', approve: operator, idempotent: true }",
            "  a: { act: A, run: 'true', approve: { within: 5m, else: b }, idempotent: true }\n  \
             b: { escalate: B, to: cdoe, handover: true }",
            // One channel that works is enough; with none the operator is shown whom to call.
            "  a: { escalate: A, to: [bsparrow, cdoe] }",
            "  a: { verify: A, ask: Well?, to: cdoe }",
        ] {
            assert_eq!(refused(steps), Vec::<String>::new(), "{steps}");
        }
    }
}
