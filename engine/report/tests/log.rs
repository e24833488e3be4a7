//! The on-call log, the story and the summary of runs that look real.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on should stop")]

mod acts;
#[path = "../../transcript/tests/records/mod.rs"]
mod records;
mod scenarios;

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use runbook_core::run::record::{Actor, Auth};
use runbook_report::entry::{About, Folded};
use runbook_report::fold::fold;
use runbook_report::html::html;
use runbook_report::json::json;
use runbook_report::markdown::markdown;
use runbook_report::report::Standing;
use runbook_report::story::story;
use runbook_report::summary::summary;

fn madrid() -> TimeZone {
    TimeZone::get("Europe/Madrid").unwrap()
}

#[test]
fn logs_in_markdown() {
    for scenario in scenarios::all() {
        let report = fold(&scenario.about, &scenario.entries);
        insta::assert_snapshot!(format!("{}.md", scenario.name), markdown(&report, &TimeZone::UTC));
    }
}

#[test]
fn a_log_in_html_and_json() {
    let scenario = scenarios::failover();
    let report = fold(&scenario.about, &scenario.entries);
    insta::assert_snapshot!("failover.html", html(&report, &madrid()));
    insta::assert_snapshot!("failover.json", json(&report));
}

#[test]
fn what_is_inside_a_step_says_so_to_machines_and_in_html() {
    let scenario = scenarios::nested::called();
    let report = fold(&scenario.about, &scenario.entries);
    let data: serde_json::Value = serde_json::from_str(&json(&report)).unwrap();
    let step = |path: &str| {
        let steps = data["steps"].as_array().unwrap();
        steps.iter().find(|step| step["step"] == path).unwrap().clone()
    };
    assert_eq!((&step("outage")["runs"], step("outage").get("within")), (&"shop-restart".into(), None));
    assert_eq!((&step("outage/look")["within"], step("outage/look").get("item")), (&"outage".into(), None));
    let item = step("outage/look[1]");
    assert_eq!(
        (&item["within"], &item["item"], &item["outcome"]),
        (&"outage/look".into(), &"web2".into(), &"failed".into())
    );
    let depths: Vec<u64> =
        data["resolution"].as_array().unwrap().iter().map(|fact| fact["depth"].as_u64().unwrap_or(0)).collect();
    assert_eq!(depths, [0, 1, 1, 1, 2, 1, 2, 2, 1, 0, 1, 2, 1, 2, 2]);
    assert_eq!(html(&report, &TimeZone::UTC).matches("<li style=\"--in:2\">").count(), 6);
}

#[test]
fn items_that_only_passed_share_a_line_and_every_other_has_its_own() {
    let scenario = scenarios::nested::fourteen_hosts();
    let report = fold(&scenario.about, &scenario.entries);
    let md = markdown(&report, &TimeZone::UTC);
    let own = |name: &str| md.lines().filter(|line| line.contains(&format!("`host: {name}`"))).count();
    assert_eq!((own("web1"), own("web4"), own("web14")), (0, 1, 1), "{md}");
    assert!(md.contains("**12 of 16 passed**: `web1`, "), "{md}");
    assert_eq!(report.steps.len(), 18, "machines are told of each");
    // What somebody noted of an item is never left out.
    let mut noted = scenarios::nested::fourteen_hosts();
    let actor = noted.entries[0].actor.clone();
    let Folded { n, ts, .. } = noted.entries.last().unwrap().clone();
    let text = "it had a batch job".to_owned();
    let record = runbook_core::run::record::Record::Note { step: Some("drain[5]".to_owned()), text };
    noted.entries.push(Folded { n: n + 1, ts, actor, record });
    let md = markdown(&fold(&noted.about, &noted.entries), &TimeZone::UTC);
    assert!(md.contains("**11 of 16 passed**") && md.contains("`host: web6`"), "{md}");
    assert!(md.contains("    - ") && md.contains("it had a batch job"), "{md}");
}

#[test]
fn stories() {
    for scenario in
        [scenarios::failover(), scenarios::denied(), scenarios::in_doubt(), scenarios::overruled_and_not_undone()]
    {
        let lines: Vec<String> = story(&scenario.entries, &TimeZone::UTC).iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(format!("{}.story", scenario.name), lines.join("\n"));
    }
}

#[test]
fn summaries() {
    let now: Timestamp = "2026-12-03T12:00:00Z".parse().unwrap();
    let lines: Vec<String> = scenarios::all()
        .iter()
        .filter(|scenario| scenario.name != "hostile")
        .map(|scenario| {
            format!("{}: {}", scenario.name, summary(&fold(&scenario.about, &scenario.entries), now, &madrid()))
        })
        .collect();
    insta::assert_snapshot!("summaries", lines.join("\n"));
    let later: Timestamp = "2027-12-03T12:00:00Z".parse().unwrap();
    let scenario = scenarios::failover();
    let line = summary(&fold(&scenario.about, &scenario.entries), later, &madrid());
    assert!(line.starts_with("22 Nov 2026 by oncall, resolved in "), "{line}");
}

#[test]
fn the_next_command_is_the_one_that_brings_the_run_on() {
    let next = |scenario: &scenarios::Scenario| -> Vec<String> {
        fold(&scenario.about, &scenario.entries).next.into_iter().map(|next| next.command).collect()
    };
    assert_eq!(next(&scenarios::failover()), ["runbook audit verify 20261122-0915-dns-failover-k7q2"]);
    assert_eq!(next(&scenarios::waiting()), ["runbook approve 20261122-0915-dns-failover-k7q2 force"]);
    assert_eq!(
        next(&scenarios::in_doubt()),
        ["runbook settle 20261122-0915-dns-failover-k7q2 failover --done --reason '…'"]
    );
    let mut cut = scenarios::failover();
    cut.entries.truncate(7);
    assert_eq!(next(&cut), ["runbook resume 20261122-0915-dns-failover-k7q2"]);
    assert_eq!(fold(&cut.about, &cut.entries).standing, Standing::Interrupted);
    cut.about.alive = Some(true);
    assert_eq!(next(&cut), Vec::<String>::new());
    assert_eq!(fold(&cut.about, &cut.entries).standing, Standing::Running);
    cut.about.run = "it's; rm -rf *".to_owned();
    cut.about.alive = None;
    assert_eq!(next(&cut), [r"runbook resume 'it'\''s; rm -rf *'"]);
}

#[test]
fn a_dry_run_says_so_everywhere() {
    let scenario = scenarios::dry_run();
    let report = fold(&scenario.about, &scenario.entries);
    let md = markdown(&report, &TimeZone::UTC);
    assert!(md.starts_with("# DRY RUN — "), "{md}");
    assert!(html(&report, &TimeZone::UTC).contains("<title>DRY RUN — "));
    assert!(json(&report).contains("\"mode\": \"dry\""));
    assert!(story(&scenario.entries, &TimeZone::UTC)[0].text.contains("DRY RUN"));
    assert!(summary(&report, Timestamp::UNIX_EPOCH, &TimeZone::UTC).contains("DRY RUN"));
    for real in ["passed", "told `"] {
        assert!(!md.contains(real), "{real:?} claims that something happened:\n{md}");
    }
}

#[test]
fn nothing_from_outside_reaches_the_page_as_markup() {
    let scenario = scenarios::hostile();
    let report = fold(&scenario.about, &scenario.entries);
    let page = html(&report, &TimeZone::UTC);
    assert!(page.contains("&lt;script&gt;"), "the text itself is shown");
    assert!(!page.contains("<script"), "{page}");
    let allowed: BTreeSet<&str> =
        "!doctype html head meta title style body header h1 time p span code strong div ul li main section h2 footer"
            .split(' ')
            .collect();
    for tag in page.split('<').skip(1) {
        let name = tag.trim_start_matches('/').split([' ', '>']).next().unwrap();
        assert!(allowed.contains(name), "<{name}> is in the page");
    }
}

/// Characters that a screen would obey.
fn obeyed(text: &str) -> Option<char> {
    text.chars().find(|&c| c != '\n' && (c.is_control() || matches!(c, '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2028}'..='\u{2029}' | '\u{2066}'..='\u{2069}' | '\u{feff}')))
}

/// The entry numbers at the end of a line, `[3, 4]`.
fn numbers(line: &str) -> Option<Vec<u64>> {
    let (_, inside) = line.strip_suffix(']')?.rsplit_once('[')?;
    // Of very many the ones between are left out.
    inside.split(", ").filter(|number| *number != "…").map(|number| number.parse().ok()).collect()
}

/// What must hold of the report of any entries.
fn holds(about: &About, entries: &[Folded]) {
    let known: BTreeSet<u64> = entries.iter().map(|entry| entry.n).collect();
    let report = fold(about, entries);
    let md = markdown(&report, &TimeZone::UTC);
    let mut lines = 0;
    for line in md.lines().filter(|line| line.trim_start().starts_with("- ")) {
        let cited = numbers(line);
        assert!(cited.is_some(), "a line without entries: {line}");
        let cited = cited.unwrap();
        assert!(!cited.is_empty() && cited.iter().all(|n| known.contains(n)), "{line}");
        lines += 1;
    }
    let facts =
        [&report.start, &report.first, &report.troubleshooting, &report.resolution, &report.open, &report.evidence];
    let facts: usize = facts.iter().map(|facts| facts.len()).sum();
    assert_eq!(lines, facts + report.next.len(), "each fact is one line:\n{md}");
    let page = html(&report, &TimeZone::UTC);
    assert_eq!(page.matches("<li").count(), lines, "{page}");
    let data = json(&report);
    assert!(serde_json::from_str::<serde_json::Value>(&data).is_ok());
    let told = story(entries, &TimeZone::UTC);
    assert_eq!(told.len(), entries.len());
    let story: String = told.iter().map(|line| line.to_string() + "\n").collect();
    assert_eq!(story.lines().count(), entries.len(), "one line an entry");
    for text in [&md, &page, &data, &story, &summary(&report, Timestamp::UNIX_EPOCH, &TimeZone::UTC)] {
        assert_eq!(obeyed(text), None, "{text:?}");
    }
}

#[test]
fn every_prefix_of_a_run_has_a_report_whose_facts_name_their_entries() {
    for scenario in scenarios::all() {
        for length in 0..=scenario.entries.len() {
            holds(&scenario.about, &scenario.entries[..length]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_records_have_a_report(records in proptest::collection::vec((records::record(), any::<String>()), 0..24)) {
        let entries: Vec<Folded> = (0..)
            .zip(records)
            .map(|(n, (record, id))| Folded {
                n: n * 3,
                ts: Timestamp::from_second(1_800_000_000 + i64::try_from(n).unwrap()).unwrap(),
                actor: Actor { id, auth: Auth::Tty, uid: 0, origin: "terminal".to_owned() },
                record,
            })
            .collect();
        holds(&About::default(), &entries);
    }
}
