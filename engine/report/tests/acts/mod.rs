//! One row an act.

use runbook_core::run::record::{Mode, Record};
use runbook_report::acts::{Act, acts};

use crate::scenarios::{self, Scenario};

fn rows(scenario: &Scenario) -> Vec<Act> {
    acts(&scenario.about, &scenario.entries).unwrap().1
}

#[test]
fn each_row_names_entries_of_its_own_step_in_order() {
    for scenario in scenarios::all() {
        let Some((of, rows)) = acts(&scenario.about, &scenario.entries) else { continue };
        assert_eq!(of.run, scenario.about.run);
        for act in rows {
            assert!(act.entries.is_sorted(), "{act:?}");
            for n in &act.entries {
                let entry = scenario.entries.iter().find(|entry| entry.n == *n).unwrap();
                assert_eq!(entry.record.step().map(String::as_str), Some(act.step.as_str()), "{entry:?}");
            }
        }
    }
}

#[test]
fn what_was_denied_was_never_started() {
    let scenario = scenarios::denied();
    let rows = rows(&scenario);
    let denied: Vec<&Act> = rows.iter().filter(|act| act.outcome == "denied").collect();
    assert!(!denied.is_empty(), "{rows:?}");
    for act in denied {
        let consent = act.consent.as_ref().unwrap();
        assert_eq!((consent.what, act.started), ("denied", None));
        assert!(consent.reason.is_some());
    }
}

#[test]
fn a_dry_run_has_no_row() {
    let scenario = scenarios::dry_run();
    let Record::RunStarted(started) = &scenario.entries[0].record else { unreachable!() };
    assert_ne!(started.mode, Mode::Real);
    assert_eq!(acts(&scenario.about, &scenario.entries), None);
}

#[test]
fn a_look_has_no_row_and_an_override_stands_in_its_acts() {
    let scenario = scenarios::overruled_and_not_undone();
    let rows = rows(&scenario);
    let is_act = |step: &str| {
        let known = scenario.about.steps.iter().find(|one| one.id == step);
        known.is_some_and(|one| one.kind == runbook_core::document::model::Kind::Act)
    };
    assert!(rows.iter().all(|act| is_act(&act.step)), "{rows:?}");
    let over =
        |entry: &&runbook_report::entry::Folded| matches!(&entry.record, Record::Override { step, .. } if is_act(step));
    let overridden = scenario.entries.iter().filter(over).count();
    let told = rows.iter().filter(|act| act.settled_by.is_some()).count();
    assert!(told >= overridden, "{rows:?}");
}
