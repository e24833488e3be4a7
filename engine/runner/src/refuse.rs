//! What the language has and this build does not: said before the first step, never in the middle of an incident.

use runbook_core::document::model::{Approve, Step, Work};
use runbook_core::plan::Plan;

/// Says what of a runbook this build cannot do, a sentence each; nothing where it can be run.
#[must_use]
pub fn refusals(plan: &Plan) -> Vec<String> {
    let mut sentences = Vec::new();
    let document = plan.document();
    for step in &document.steps {
        of_step(step, &mut sentences);
    }
    for (name, called) in plan.called() {
        let mut inside = Vec::new();
        for step in &called.document().steps {
            of_step(step, &mut inside);
        }
        sentences.extend(inside.into_iter().map(|sentence| format!("in {name}, {sentence}")));
    }
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
        refusals(&plan)
    }

    #[test]
    fn each_thing_this_build_lacks_is_named_with_its_step() {
        let cases = [
            (
                "  a: { act: A, run: 'true', approve: { from: [sre] }, idempotent: true, denied: failed }",
                "`approve` with `from`",
            ),
            (
                "  a: { verify: A, run: 'true', outputs: { key: { value: stdout, secret: true } } }",
                "an output with `secret: true`",
            ),
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
            "  a: { verify: A, http: { url: 'http://x/' } }",
            "  a: { act: A, template: { source: a.hbs, to: /a }, idempotent: true }",
            "  a: { act: A, run: 'true', idempotent: true, unless: { http: { url: 'http://x/' } } }",
            "  a: { verify: A, run: 'true', on: web1 }",
            "  a: { act: A, run: 'true', approve: operator, idempotent: true }",
            "  a: { act: A, run: 'true', approve: { within: 5m, else: b }, idempotent: true }\n  \
             b: { escalate: B, to: cdoe, handover: true }",
            "  a: { escalate: A, to: [akim, bsparrow, cdoe] }",
            "  a: { verify: A, ask: Well?, to: cdoe }",
            "  a: { verify: A, run: 'true', for_each: { host: [a, b] } }",
        ] {
            assert_eq!(refused(steps), Vec::<String>::new(), "{steps}");
        }
    }
}
