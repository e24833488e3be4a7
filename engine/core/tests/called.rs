//! A runbook with those that it runs: each read and checked once, and held in the plan where a step runs it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::Arc;

use runbook_core::check::{Beside, Facts, LoadedWhole, load_whole};
use runbook_core::diagnostic::Code;
use runbook_core::id::RunbookName;
use runbook_core::limits::{CALLED_MAX, STEPS_MAX};
use runbook_core::plan::Plan;
use runbook_core::run::record::Part;

fn file(name: &str, steps: &str) -> String {
    format!("version: 1\nrunbook: {name}\ntitle: T\nowner: sre\nsteps:\n{steps}")
}

/// Loads `top` with what lies beside it, and tells how often each file was read.
fn load(top: &str, files: &BTreeMap<String, String>) -> (LoadedWhole, BTreeMap<String, u32>) {
    let mut reads = BTreeMap::new();
    let mut beside = |name: &RunbookName| {
        *reads.entry(name.to_string()).or_insert(0) += 1;
        match files.get(name.as_str()) {
            Some(text) if text == "unreadable" => Beside::Unreadable("permission denied".to_owned()),
            Some(text) => Beside::File { name: format!("{name}.yaml"), bytes: text.clone().into_bytes() },
            None => Beside::Missing,
        }
    };
    let whole = load_whole("top.yaml", file("top", top).as_bytes(), None, &Facts::default(), &mut beside);
    (whole, reads)
}

fn files(list: &[(&str, &str)]) -> BTreeMap<String, String> {
    list.iter().map(|(name, steps)| ((*name).to_owned(), file(name, steps))).collect()
}

fn errors(whole: &LoadedWhole) -> Vec<(Code, String)> {
    let all = whole.runbook.diagnostics.iter();
    let errors = all.filter(|one| one.severity == runbook_core::diagnostic::Severity::Error);
    errors.map(|one| (one.code, one.title.clone())).collect()
}

/// A step that runs each of these, called as `step` says.
fn each_runs<'a>(names: impl Iterator<Item = (String, &'a str)>) -> String {
    names.fold(String::new(), |steps, (step, name)| steps + &format!("  {step}: {{ verify: V, runbook: {name} }}\n"))
}

fn child(plan: &Plan, step: &str, part: Part) -> Option<Arc<Plan>> {
    plan.child(plan.graph().find(step).unwrap(), part).cloned()
}

const LOOK: &str = "  look: { verify: L, run: look }\n";

#[test]
fn each_part_of_a_step_has_the_plan_that_it_runs() {
    let beside =
        files(&[("look", LOOK), ("mend", "  mend: { act: M, run: mend }\n"), ("undo", "  back: { act: B, run: b }\n")]);
    let (whole, _) = load(
        "  each: { verify: E, runbook: look, for_each: { host: [a, b] } }\n  \
         mend: { act: M, runbook: mend, unless: { runbook: look }, undo: { runbook: undo } }\n  \
         own: { act: O, run: o, undo: mend, needs: [] }\n",
        &beside,
    );
    let plan = whole.runbook.plan.unwrap_or_else(|| panic!("{:?}", whole.runbook.diagnostics));
    let name = |step, part| child(&plan, step, part).map(|plan| plan.document().name.value.to_string());
    assert_eq!(name("each", Part::Main).as_deref(), Some("look"));
    assert_eq!(name("each", Part::Unless), None);
    assert_eq!(name("mend", Part::Main).as_deref(), Some("mend"));
    assert_eq!(name("mend", Part::Unless).as_deref(), Some("look"));
    assert_eq!(name("mend", Part::Doubt).as_deref(), Some("look"));
    assert_eq!(name("mend", Part::Undo).as_deref(), Some("undo"));
    assert_eq!((name("own", Part::Main), name("own", Part::Undo)), (None, None));
    assert!(Arc::ptr_eq(&child(&plan, "each", Part::Main).unwrap(), &child(&plan, "mend", Part::Unless).unwrap()));
    assert_eq!((plan.depth(), plan.steps_in_all(), plan.changes()), (1, 7, true));
    assert_eq!(whole.called.keys().map(RunbookName::as_str).collect::<Vec<_>>(), ["look", "mend", "undo"]);
}

#[test]
fn what_two_run_is_read_once_and_shared() {
    let both = "  a: { verify: A, runbook: low }\n";
    let beside = files(&[("left", both), ("right", both), ("low", LOOK)]);
    let (whole, reads) = load("  l: { verify: L, runbook: left }\n  r: { verify: R, runbook: right }\n", &beside);
    let plan = whole.runbook.plan.unwrap();
    let low = |step| child(&child(&plan, step, Part::Main).unwrap(), "a", Part::Main).unwrap();
    assert!(Arc::ptr_eq(&low("l"), &low("r")));
    assert_eq!(reads, BTreeMap::from(["left", "low", "right"].map(|name| (name.to_owned(), 1))));
    assert_eq!((plan.depth(), plan.steps_in_all(), plan.changes()), (2, 6, false));
    assert_eq!(plan.called().len(), 3);
}

#[test]
fn a_long_way_round_is_shown_whole() {
    let beside = files(&[
        ("b", "  n: { act: N, runbook: c }\n  other: { act: O, runbook: d }\n"),
        ("c", "  n: { act: N, runbook: top }\n"),
        ("d", "  n: { act: N, runbook: b }\n"),
    ]);
    let (whole, reads) = load("  n: { act: N, runbook: b }\n", &beside);
    let round = "this runbook comes back to itself: top -> b -> c -> top".to_owned();
    assert_eq!(errors(&whole), [(Code::CallCircle, round)]);
    assert!(whole.runbook.plan.is_none());
    assert!(!reads.contains_key("top"), "it is known already");
}

#[test]
fn one_that_cannot_be_read_and_one_that_is_not_there() {
    let beside = BTreeMap::from([("locked".to_owned(), "unreadable".to_owned())]);
    let (whole, _) = load("  a: { act: A, runbook: locked }\n  b: { act: B, runbook: gone }\n", &beside);
    let wanted = [
        (Code::CalledIsWrong, "`locked` cannot be read: permission denied".to_owned()),
        (Code::UnknownRunbook, "there is no runbook `gone`".to_owned()),
    ];
    assert_eq!(errors(&whole), wanted);
}

#[test]
fn no_more_are_read_than_the_limit() {
    let names: Vec<String> = (0..=CALLED_MAX).map(|number| format!("r{number}")).collect();
    let beside: BTreeMap<String, String> = names.iter().map(|name| (name.clone(), file(name, LOOK))).collect();
    let all = each_runs(names.iter().map(|name| (name.clone(), name.as_str())));
    let (whole, reads) = load(&all, &beside);
    assert_eq!(reads.len(), CALLED_MAX);
    assert_eq!(errors(&whole), [(Code::OverLimit, format!("more than {CALLED_MAX} runbooks would be run"))]);
    let most = each_runs(names.iter().take(CALLED_MAX).map(|name| (name.clone(), name.as_str())));
    assert!(load(&most, &beside).0.runbook.plan.is_some());
}

/// Steps that run steps that run steps grow as their product: what is counted is what would run.
#[test]
fn all_steps_together_have_a_limit() {
    let ten = |callee: &str| each_runs((0..10).map(|number| (format!("s{number}"), callee)));
    let mut beside = files(&[("l0", LOOK)]);
    for level in 1..=5 {
        let name = format!("l{level}");
        beside.insert(name.clone(), file(&name, &ten(&format!("l{}", level - 1))));
    }
    assert_eq!(load(&ten("l2"), &beside).0.runbook.plan.unwrap().steps_in_all(), 10 + 100 + 1_000 + 1_000);
    let (whole, _) = load(&ten("l3"), &beside);
    let title = format!("more than {STEPS_MAX} steps, those of the runbooks it runs counted");
    assert_eq!(errors(&whole), [(Code::OverLimit, title)]);
}
